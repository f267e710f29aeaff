"""A killed county takes its player along: one left behind would play on against the next county, beside its player."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.operating.conftest import ROOT

pytestmark = [pytest.mark.timeout(240)]

UP_SECONDS = 120.0
END_SECONDS = 20.0


def children(pid: int) -> list[int]:
    """List the processes that *pid* has started (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def wait_for_player(county: "subprocess.Popen[bytes]", home: Path) -> int:
    """Wait until the player is in the middle of its story: it asks the county for something, and will ask again."""
    end, began = time.monotonic() + UP_SECONDS, None
    while time.monotonic() < end and county.poll() is None:
        if (home / "clock.json").exists():
            began = began or (home / "clock.json").read_bytes()
            if began != (home / "clock.json").read_bytes():
                return next(child for child in children(county.pid) if "onevisit.demo.play" in command_of(child))
        time.sleep(0.05)
    raise AssertionError("the county never came to play")


def is_gone(pid: int) -> bool:
    """Tell, after some patience, whether a process that was nobody's child any more has ended."""
    end = time.monotonic() + END_SECONDS
    while time.monotonic() < end:
        if "onevisit.demo.play" not in command_of(pid):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_the_player_ends_with_the_county_that_was_killed(tmp_path: Path) -> None:
    up = [sys.executable, "-m", "onevisit", "up", "--home", str(tmp_path / "home"), "--port", "0"]
    county = subprocess.Popen(up, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    player = None
    try:
        player = wait_for_player(county, tmp_path / "home")
        county.kill()
        county.wait(10)

        assert is_gone(player)
    finally:
        county.kill()
        county.wait(10)
        if player is not None and "onevisit.demo.play" in command_of(player):
            os.kill(player, signal.SIGKILL)
