"""A backup taken while the county works, all of it lost, restored from the archive, and played to the same end."""

import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from onevisit.demo import stand
from runtime.time.clock import DurableClock
from tests.scenario.playing import PLAY_SECONDS, Played, play

TAKEN_FROM = datetime.fromisoformat("2018-12-11T09:00+08:00")
"""On the second day of inspections: results are being entered, approved and referred while the backup is written."""


def onevisit(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "onevisit", *words], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_county_lost_and_restored_is_played_to_the_same_end(undisturbed: Played, tmp_path: Path) -> None:
    home, archive, secrets = tmp_path / "home", tmp_path / "kept" / "county.tar.gz", tmp_path / "apart.toml"
    back_up_under_way(home, archive)
    shutil.copy(home / "secrets.toml", secrets)
    shutil.rmtree(home)

    done = onevisit("restore", str(archive), "--secrets", str(secrets), "--home", str(home))
    assert done.returncode == 0, done.stderr
    examined = onevisit("doctor", "--home", str(home))
    assert examined.returncode == 0, examined.stdout
    at = DurableClock(home / "clock.json").now()
    assert at >= TAKEN_FROM

    again = play(
        home
    )  # the same people do everything once more; what was done before the backup is answered, not repeated
    assert again.summary == undisturbed.summary
    assert again.state == undisturbed.state


def back_up_under_way(home: Path, archive: Path) -> None:
    """Play until the county is in the midst of its inspections, back it up meanwhile, and kill everybody."""
    stand.found(home)
    server = stand.start_server(home)
    player: subprocess.Popen[bytes] | None = None
    try:
        assert stand.wait_until_up(home, server)
        with open(home / "player.log", "wb") as output:
            command = [sys.executable, "-m", "onevisit.demo.play", "--home", str(home)]
            player = subprocess.Popen(command, stdout=output, stderr=output)
        end = time.monotonic() + PLAY_SECONDS
        while DurableClock(home / "clock.json").now() < TAKEN_FROM:
            assert time.monotonic() < end
            assert [process.poll() for process in (player, server)] == [None, None]
            time.sleep(0.05)
        done = onevisit("backup", str(archive), "--home", str(home))
        assert done.returncode == 0, done.stderr
        assert player.poll() is None, "the campaign was over before the backup was written"
    finally:
        for process in (player, server):
            if process is not None:
                process.kill()
                process.wait(10)
