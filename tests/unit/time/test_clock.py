"""Business time: durable, forward only, simulated until it has caught up, then real for good."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from runtime.time.clock import (
    ClockAheadOfNow,
    ClockAlreadyStarted,
    ClockDamaged,
    ClockIsReal,
    ClockWouldGoBack,
    DurableClock,
    StillClock,
)

START = datetime(2018, 11, 28, 1, 0, tzinfo=UTC)
TODAY = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


class Wall:
    """A machine's clock that a test may set, also back."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def wall() -> Wall:
    return Wall(TODAY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clock.json"


def test_a_clock_begins_real(path: Path, wall: Wall) -> None:
    clock = DurableClock(path, wall)

    assert clock.mode == "real"
    assert clock.now() == TODAY
    with pytest.raises(ClockIsReal):
        clock.advance_to(TODAY + timedelta(days=1))


def test_a_simulated_clock_stands_still_until_it_is_moved(path: Path, wall: Wall) -> None:
    clock = DurableClock(path, wall)
    clock.start_simulated(START)
    wall.moment += timedelta(hours=5)

    assert (clock.mode, clock.now()) == ("simulated", START)
    later = START + timedelta(days=3)
    assert clock.advance_to(later) == clock.now() == later
    assert clock.advance_to(later) == later


def test_business_time_never_goes_back(path: Path, wall: Wall) -> None:
    clock = DurableClock(path, wall)
    clock.start_simulated(START)

    with pytest.raises(ClockWouldGoBack):
        clock.advance_to(START - timedelta(microseconds=1))
    assert clock.now() == START


def test_the_moment_outlives_the_process_and_a_second_start_is_refused(path: Path, wall: Wall) -> None:
    DurableClock(path, wall).start_simulated(START)
    DurableClock(path, wall).advance_to(START + timedelta(days=1))

    again = DurableClock(path, wall)
    assert again.now() == START + timedelta(days=1)
    with pytest.raises(ClockAlreadyStarted):
        again.start_simulated(START)


def test_two_processes_see_one_clock(path: Path, wall: Wall) -> None:
    one, other = DurableClock(path, wall), DurableClock(path, wall)
    one.start_simulated(START)
    assert other.now() == START
    other.advance_to(START + timedelta(days=2))

    assert one.now() == START + timedelta(days=2)
    with pytest.raises(ClockWouldGoBack):
        one.advance_to(START + timedelta(days=1))


def test_it_goes_real_when_it_has_caught_up_and_not_before(path: Path, wall: Wall) -> None:
    clock = DurableClock(path, wall)
    clock.start_simulated(TODAY + timedelta(minutes=1))
    with pytest.raises(ClockAheadOfNow):
        clock.go_real()

    wall.moment = TODAY + timedelta(minutes=2)
    assert clock.go_real() == wall.moment
    wall.moment += timedelta(seconds=10)

    assert (clock.mode, clock.now()) == ("real", wall.moment)
    assert DurableClock(path, wall).mode == "real"
    assert clock.go_real() == wall.moment
    with pytest.raises(ClockIsReal):
        clock.advance_to(TODAY + timedelta(days=9))
    with pytest.raises(ClockAlreadyStarted):
        clock.start_simulated(START)


def test_a_machine_set_back_does_not_take_business_time_back(path: Path, wall: Wall) -> None:
    clock = DurableClock(path, wall)
    assert clock.now() == TODAY
    wall.moment = TODAY - timedelta(days=1)

    assert clock.now() == TODAY
    assert DurableClock(path, wall).now() == TODAY


def test_marks_are_written_at_most_once_a_minute(path: Path, wall: Wall) -> None:
    clock = DurableClock(path, wall)
    clock.now()
    before = path.stat().st_mtime_ns, path.stat().st_ino
    for _ in range(59):
        wall.moment += timedelta(seconds=1)
        clock.now()

    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    wall.moment += timedelta(seconds=1)
    clock.now()
    assert json.loads(path.read_text())["moment"] == (TODAY + timedelta(seconds=60)).isoformat()


@pytest.mark.parametrize(
    "text", ["", "{}", '{"mode": "fast", "moment": "2018-11-28T00:00:00+00:00"}', '{"mode": "real", "moment": 7}', "[]"]
)
def test_a_damaged_file_is_not_guessed_at(path: Path, wall: Wall, text: str) -> None:
    path.write_text(text)

    with pytest.raises(ClockDamaged):
        DurableClock(path, wall).now()


def test_moments_are_aware_and_told_in_utc(path: Path, wall: Wall) -> None:
    clock = DurableClock(path, wall)
    with pytest.raises(ValueError, match="aware"):
        clock.start_simulated(datetime(2018, 11, 28))  # noqa: DTZ001
    clock.start_simulated(datetime(2018, 11, 28, 9, 0, tzinfo=timezone(timedelta(hours=8))))

    assert clock.now() == START
    assert clock.now().tzinfo is UTC


KILLED_WHILE_MOVING = """
import os, sys
from datetime import datetime, timedelta, UTC
from pathlib import Path
from runtime.time.clock import DurableClock
clock = DurableClock(Path(sys.argv[1]))
moment = clock.now()
for n in range(1, 50):
    clock.advance_to(moment + timedelta(days=n))
    print(n, flush=True)
real = os.replace
if sys.argv[2] == "before":
    os.replace = lambda *names: os.kill(os.getpid(), 9)
else:
    os.replace = lambda *names: (real(*names), os.kill(os.getpid(), 9))
clock.advance_to(moment + timedelta(days=50))
"""


@pytest.mark.parametrize(("kill", "days"), [("before", 49), ("after", 50)])
def test_a_kill_leaves_the_last_moment_told_or_the_one_being_written(
    path: Path, wall: Wall, kill: str, days: int
) -> None:
    DurableClock(path, wall).start_simulated(START)

    ran = subprocess.run([sys.executable, "-c", KILLED_WHILE_MOVING, str(path), kill], check=False, capture_output=True)

    assert ran.returncode == -9
    clock = DurableClock(path, wall)
    assert clock.now() == START + timedelta(days=days)
    assert clock.advance_to(START + timedelta(days=60)) == START + timedelta(days=60)


def test_a_still_clock_only_moves_forward() -> None:
    clock = StillClock(START)

    assert clock.now() == START
    assert clock.advance_to(START + timedelta(hours=1)) == clock.now()
    with pytest.raises(ClockWouldGoBack):
        clock.advance_to(START)
