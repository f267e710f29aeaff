"""PostgreSQL from the system's binaries, as a user that is not root."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from tests.tier.missing import Missing
from tests.tier.processes import PATIENCE_SECONDS, end, free_port, start, tail

DEBIAN = Path("/usr/lib/postgresql")  # Debian keeps the server's programs off the PATH
START_SECONDS = 150.0
ADMIN = "postgres"
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "lc_messages": "C",
    "timezone": "UTC",
}


def binaries() -> Path:
    """
    Find the folder with initdb and postgres, the newest if there are several.

    Raises:
        Missing: there is none.
    """
    on_path = shutil.which("initdb")
    debian = sorted(DEBIAN.glob("*/bin"), key=lambda folder: int(folder.parent.name.split(".")[0]))
    for folder in [*([Path(on_path).resolve().parent] if on_path else []), *reversed(debian)]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Missing("PostgreSQL needs a Docker engine, or its binaries (Debian: postgresql)")


def another_user() -> str | None:
    """Name whom PostgreSQL runs as, since it refuses root; None: as we are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody", "daemon") if name in known)


class PostgresFromBinaries:
    """One database cluster on loopback; stopped by ``stop``, and by the kernel if this process dies."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: Where data and logs go; made if missing. Every folder above must be open to the other user.

        Raises:
            Missing: the binaries are not there.
        """
        self._bin = binaries()
        self._user = another_user()
        self._folder = folder
        self._port = free_port()
        self._password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._initdb()

    @property
    def url(self) -> str:
        """Return the address with the administrator's password: ``postgresql://…/postgres``."""
        return f"postgresql://{ADMIN}:{self._password}@127.0.0.1:{self._port}/postgres"

    @property
    def address(self) -> str:
        """Return the address as the tier hands it on."""
        return self.url

    @property
    def says(self) -> str:
        """Tell what this is, for the run's report."""
        return f"PostgreSQL {self._bin.parent.name} from {self._bin}, 127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, also again after a crash, and wait until it answers."""
        settings = [f"--{name}={value}" for name, value in OPTIONS.items()]
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self._port), *settings]
        self._process = start(command, output=self._log, end_with=signal.SIGINT, user=self._user)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"PostgreSQL did not start:\n{tail(self._log)}")

    def crash(self) -> None:
        """End it without a checkpoint, as ``pg_ctl stop -m immediate`` does; the next start recovers from its log."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(PATIENCE_SECONDS)
        self._process = None

    def stop(self) -> None:
        """End it, connections and all."""
        end(self._process, signal.SIGINT)
        self._process = None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"

    def _initdb(self) -> None:
        pwfile = self._folder / "admin-password"
        pwfile.write_text(self._password)
        if self._user is not None:
            shutil.chown(pwfile, self._user)
        pwfile.chmod(0o600)
        command = [str(self._bin / "initdb"), "-D", str(self._data), "-U", ADMIN, "--pwfile", str(pwfile)]
        options = ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        process = start([*command, *options], output=self._log, user=self._user)
        if process.wait(START_SECONDS):
            raise RuntimeError(f"initdb failed:\n{tail(self._log)}")
