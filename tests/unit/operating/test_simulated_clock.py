"""The demonstration's clock passes no timer by: one that fails is told of, what else is due is done, and the clock stands."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from onevisit import rehearsal
from onevisit.rehearsal import TimerFails, advance
from runtime.errors import Conflict
from runtime.events.host import Host
from runtime.service import Service
from runtime.time.clock import DurableClock
from runtime.time.timers import Timer
from tests.conformance import toy
from tests.kit import START, Kit

HOUR = timedelta(hours=1)


class Refused(Conflict):
    """A timer's command is refused."""

    code = "test.refused"


@pytest.fixture
def clock(tmp_path: Path) -> DurableClock:
    clock = DurableClock(tmp_path / "clock.json")
    clock.start_simulated(START)
    return clock


@pytest.fixture
def services(kit: Kit, clock: DurableClock, monkeypatch: pytest.MonkeyPatch) -> list[Service]:
    monkeypatch.setattr(kit.clock, "now", clock.now)
    kit.services += [toy.set_up(toy.listener(kit.ports, kit.folder)), toy.set_up(toy.proposer(kit.ports, kit.folder))]
    return kit.services


def once(name: str, moment: datetime, done: list[datetime], failures: int = 0) -> Timer:
    """Make a timer due once at *moment*, which fails so many times before it does its work."""
    left = [failures]

    def run(service: Service, at: datetime) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise Refused()
        done.append(at)

    return Timer(name, lambda session, now: None if done else moment, run)


def test_a_failing_timer_stops_the_clock_after_a_few_tries_and_starves_nobody(
    kit: Kit, clock: DurableClock, services: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "MOST_STEPS", 20)
    never: list[datetime] = []
    beside: list[datetime] = []
    of_another: list[datetime] = []
    later: list[datetime] = []
    services[0].timers = [once("toy.broken", START + HOUR, never, 1000), once("toy.same", START + HOUR, beside)]
    services[1].timers = [once("toy.other", START + HOUR, of_another), once("toy.later", START + 2 * HOUR, later)]

    with pytest.raises(TimerFails) as refusal:
        advance(Host(services, kit.bus), clock, services, START + 3 * HOUR)

    assert refusal.value.facts == {"timer": "toy.broken"}
    assert (never, beside, of_another) == ([], [START + HOUR], [START + HOUR])
    assert (later, clock.now()) == ([], START + HOUR), "the clock passes no timer by"


def test_a_timer_that_failed_for_once_is_run_at_its_own_moment(
    kit: Kit, clock: DurableClock, services: list[Service]
) -> None:
    done: list[datetime] = []
    services[0].timers = [once("toy.shaky", START + HOUR, done, 1)]

    assert advance(Host(services, kit.bus), clock, services, START + 3 * HOUR) == START + 3 * HOUR

    assert done == [START + HOUR]
