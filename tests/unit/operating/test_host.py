"""What the host makes of trouble in its threads: it is told, without the trouble's own words, and does not stop the others."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from runtime.errors import Conflict, TryAgain
from runtime.events import host as hosting
from runtime.events.host import Host
from runtime.service import Service
from runtime.time.timers import Timer
from tests.conformance import toy
from tests.kit import Kit
from tests.unit.operating.conftest import MARK

PATIENCE_SECONDS = 20.0


class Refused(Conflict):
    """A timer's command is refused, again and again."""

    code = "test.refused"


class Away(TryAgain):
    """Somebody else's platform is away."""

    code = "test.away"


@pytest.fixture
def service(kit: Kit) -> Service:
    service = toy.set_up(toy.listener(kit.ports, kit.folder))
    kit.services.append(service)
    return service


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What is logged while everything is tried again at once."""
    monkeypatch.setattr(hosting, "TIMER_SECONDS", 0.01)
    monkeypatch.setattr(hosting, "TROUBLE_SECONDS", 0.01)
    with capture_logs() as caught:
        yield caught


def run_until(kit: Kit, service: Service, tries: list[object], enough: int) -> None:
    """Run the service until something was tried often enough."""
    host = Host([service], kit.bus)
    host.start()
    end = time.monotonic() + PATIENCE_SECONDS
    while len(tries) < enough and time.monotonic() < end:
        time.sleep(0.01)
    host.stop()
    assert len(tries) >= enough


def failing(error: Exception, tries: list[object]) -> Timer:
    """Make a timer that is always due and always fails."""

    def run(service: Service, at: datetime) -> None:
        tries.append(at)
        raise error

    return Timer("toy.failing", lambda session, now: now, run)


@pytest.mark.parametrize(
    ("error", "level", "code"),
    [(Refused(firm=MARK, count=3), "error", "test.refused"), (Away(), "warning", "test.away")],
)
def test_a_refusal_in_a_timer_is_told_once_a_minute(
    error: Exception, level: str, code: str, kit: Kit, service: Service, lines: list[Any]
) -> None:
    tries: list[object] = []
    service.timers = [failing(error, tries)]

    run_until(kit, service, tries, 5)

    (told,) = [line for line in lines if line["event"] == "host.trouble"]
    assert (told["log_level"], told["part"], told["code"]) == (level, "timer toy.failing", code)
    assert told["service"] == service.name
    assert told["frames"][-1].startswith("tests/unit/operating/test_host.py:")
    assert MARK not in repr(lines)


def cannot_tell(session: Session, now: datetime) -> datetime:
    """Fail to say when something is due."""
    raise Refused()


def test_a_timer_that_fails_keeps_no_other_waiting(kit: Kit, service: Service, lines: list[Any]) -> None:
    tries: list[object] = []
    done: list[object] = []
    later = Timer("toy.later", lambda session, now: None if done else now, lambda service, at: done.append(at))
    eager = Timer("toy.eager", lambda session, now: now, lambda service, at: None)
    service.timers = [Timer("toy.blind", cannot_tell, eager.run), eager, failing(Refused(), tries), later]

    run_until(kit, service, tries, 2)

    assert len(done) == 1
    parts = {line["part"] for line in lines if line["event"] == "host.trouble"}
    assert parts == {"timer toy.failing", "timer toy.blind"}, "one whose moment cannot be told fails alone, too"


def test_the_next_line_says_how_often_it_came_in_between(
    kit: Kit, service: Service, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "TELL_AGAIN_SECONDS", 0.2)
    tries: list[object] = []
    service.timers = [failing(Refused(), tries)]
    end = time.monotonic() + PATIENCE_SECONDS

    host = Host([service], kit.bus)
    host.start()
    while len(lines) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    host.stop()

    told = [line["repeated"] for line in lines if line["event"] == "host.trouble"]
    assert told[0] == 0
    assert 0 < sum(told) <= len(tries) - len(told)


def test_a_refusal_in_a_relay_is_told(
    kit: Kit, service: Service, lines: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    def relay() -> int:
        tries.append(0)
        raise Refused(firm=MARK)

    monkeypatch.setattr(service, "relay", relay)

    run_until(kit, service, tries, 3)

    (told,) = [line for line in lines if line["event"] == "host.trouble"]
    assert (told["part"], told["code"]) == ("relay", "test.refused")
    assert MARK not in repr(lines)


def test_a_damaged_clock_does_not_end_the_timers(kit: Kit, service: Service, lines: list[Any]) -> None:
    """It is read in the timers' thread, which must outlive it."""
    tries: list[object] = []
    now = kit.clock.now

    def damaged() -> datetime:
        tries.append(0)
        if len(tries) < 3:
            raise Away()
        return now()

    kit.clock.now = damaged  # type: ignore[method-assign]

    run_until(kit, service, tries, 5)

    assert [line["code"] for line in lines if line["event"] == "host.trouble"] == ["test.away"]
