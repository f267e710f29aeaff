"""A first start that dies while migrating, wherever it dies, is followed by one that completes."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onevisit import home as homes
from onevisit.demo.papers import ROOT
from onevisit.home import HomeSettings
from runtime.store.migrate import pending
from tests.scenario.playing import opened

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("migrations"), pytest.mark.timeout(300)]

UPGRADES = 10  # five services, each with the plumbing's migrations and its own
DYING = """
import os, signal, sys
import runtime.store.migrate as migrations
from onevisit.cli import app

where, left = sys.argv.pop(1), int(sys.argv.pop(1))
upgrade, commit = migrations._upgrade, migrations.Connection.commit


def count(real):
    def counted(*args, **named):
        global left
        found = real(*args, **named)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return counted


if where == "upgraded":
    migrations._upgrade = count(upgrade)
else:
    migrations.Connection.commit = count(commit)
app()
"""


def migrate(home: Path) -> int:
    """Run ``onevisit migrate``."""
    return subprocess.run(
        [sys.executable, "-m", "onevisit", "migrate", "--home", str(home)],
        cwd=ROOT,
        check=False,
        timeout=120,
        stdout=subprocess.DEVNULL,
    ).returncode


def die(home: Path, where: str, number: int) -> int:
    """Run ``onevisit migrate`` and kill it after the *number*-th upgrade (not yet committed) or commit."""
    command = [sys.executable, "-c", DYING, where, str(number), "migrate", "--home", str(home)]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=120, stdout=subprocess.DEVNULL).returncode


def schemas(home: Path) -> dict[str, list[tuple[str, str]]]:
    """Read what every database is made of."""
    found = {}
    for file in sorted((home / "db").glob("*.sqlite")):
        connection = sqlite3.connect(file)
        found[file.stem] = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        connection.close()
    return found


@pytest.fixture(scope="module")
def undisturbed_schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """What databases are made of that were migrated in peace."""
    home = tmp_path_factory.mktemp("peace") / "home"
    homes.create(home, HomeSettings())
    assert migrate(home) == 0
    found = schemas(home)
    assert len(found) == 5
    return found


@pytest.mark.parametrize(("where", "number"), [("upgraded", 1), ("upgraded", UPGRADES), ("committed", 3)])
def test_killed_inside_a_migration_the_next_start_completes(
    where: str, number: int, undisturbed_schemas: object, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    homes.create(home, HomeSettings())

    assert die(home, where, number) == -signal.SIGKILL, "the point was never reached"
    assert migrate(home) == 0

    assert schemas(home) == undisturbed_schemas
    assert_nothing_pending(home)


def test_killed_again_and_again_at_any_moment_it_completes_at_last(undisturbed_schemas: object, tmp_path: Path) -> None:
    home, chance = tmp_path / "home", random.Random("OneVisit migrations")
    homes.create(home, HomeSettings())
    killed = 0
    for _ in range(3):
        command = [sys.executable, "-m", "onevisit", "migrate", "--home", str(home)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        _wait_for_the_lock(home, process)
        time.sleep(chance.uniform(0.0, 0.3))
        process.kill()
        killed += process.wait(10) == -signal.SIGKILL

    assert killed, "every run was over before it was killed"
    assert migrate(home) == 0
    assert schemas(home) == undisturbed_schemas
    assert_nothing_pending(home)


def _wait_for_the_lock(home: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has the home open: what it does from then on is migrating."""
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if str(home / "lock") in _open_files(process.pid):
            return
        time.sleep(0.01)


def _open_files(pid: int) -> list[str]:
    try:
        return [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # one was closed meanwhile, or the process has ended: look again
        return []


def assert_nothing_pending(home: Path) -> None:
    """Nothing is left to migrate, and migrating again changes nothing."""
    system = opened(home)
    try:
        assert {name: pending(one.db, one.migrations) for name, one in system.services.items()} == {
            key: [] for key in system.services
        }
        assert system.migrate() == {}
    finally:
        system.close()
