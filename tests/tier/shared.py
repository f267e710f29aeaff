"""
One Kafka and one PostgreSQL per test run, shared by all of its processes, and gone with it.

The run (``Run``) holds a lock on its folder for as long as it lives. Whoever first needs a component takes the component's
lock and starts a keeper, a process that starts the component, writes ``<component>.json`` and then waits for the run's lock:
the kernel hands it over when the run ends, however it ends, and the keeper stops what it started.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.tier.missing import Missing
from tests.tier.processes import tail

ROOT = Path(__file__).parent.parent.parent
FOLDER = "ONEVISIT_TIER"  # environment: the folder of this run
START_SECONDS = 240.0  # a first start fetches Kafka's jars
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Shared:
    """A running component as its users see it."""

    address: str
    says: str
    keeper: int  # process id


class Run:
    """The run's side: makes the folder, holds its lock, and waits for the keepers at the end."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="onevisit-tier-"))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user
        self._lock = _lock(self.folder / "run.lock")

    def used(self) -> list[Shared]:
        """List the components that were started."""
        return [_read(path) for path in sorted(self.folder.glob("*.json")) if "address" in path.read_text()]

    def end(self) -> None:
        """Let the keepers stop what they started, wait for them, and delete the folder."""
        keepers = [shared.keeper for shared in self.used()]
        self._lock.close()
        deadline = time.monotonic() + STOP_SECONDS
        while any(_alive(keeper) for keeper in keepers) and time.monotonic() < deadline:
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)


def share(component: str) -> Shared:
    """
    Return the run's *component* (``kafka`` or ``postgres``), starting it if nobody has.

    Raises:
        Missing: it cannot be had on this machine.
    """
    folder = Path(os.environ[FOLDER])
    said = folder / f"{component}.json"
    with _lock(folder / f"{component}.lock"):
        if not said.exists():
            _start_keeper(component, folder, said)
    return _read(said)


def _start_keeper(component: str, folder: Path, said: Path) -> None:
    output = folder / f"{component}-keeper.log"
    with open(output, "ab") as file:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.tier.shared", component, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not said.exists() and time.monotonic() < deadline:
        if keeper.poll() is not None and not said.exists():
            raise RuntimeError(f"{component} did not start:\n{tail(output)}")
        time.sleep(0.05)
    if not said.exists():
        keeper.terminate()
        raise RuntimeError(f"{component} did not start within {START_SECONDS:.0f} s:\n{tail(output)}")
    keeper.returncode = 0  # it goes on; Popen must not complain that nobody waited for it


def _read(said: Path) -> Shared:
    found = json.loads(said.read_text(encoding="utf-8"))
    if "missing" in found:
        raise Missing(found["missing"])
    return Shared(found["address"], found["says"], found["keeper"])


def _lock(path: Path) -> IO[bytes]:
    file = open(path, "ab")  # noqa: SIM115  held by whoever called
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def keep(component: str, folder: Path) -> int:
    """Be the keeper: start, tell, wait for the run's end, stop. Returns the exit code."""
    from tests.tier.ways import STARTERS  # loads what talks to Docker, which only a keeper needs

    ended = threading.Event()
    for signalled in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signalled, lambda number, frame: ended.set())
    try:
        running = STARTERS[component](folder / component)
    except Missing as missing:
        _say(folder, component, {"missing": str(missing)})
        return 0
    except Exception:
        traceback.print_exc()
        return 1
    try:
        _say(folder, component, {"address": running.address, "says": running.says, "keeper": os.getpid()})

        def wait_for_the_end() -> None:
            _lock(folder / "run.lock").close()
            ended.set()

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        ended.wait()
    finally:
        running.stop()
        shutil.rmtree(folder / component, ignore_errors=True)
        if not any(folder.glob("*/")):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _say(folder: Path, component: str, what: dict[str, object]) -> None:
    fresh = folder / f"{component}.new"
    fresh.write_text(json.dumps(what), encoding="utf-8")
    fresh.rename(folder / f"{component}.json")


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1], Path(sys.argv[2])))
