"""
Controls of a demo home, and only there: the simulated clock is moved by whoever plays the demonstration.

The clock steps to the earlier of the asked moment and the next timer, always when outboxes are empty, groups are at
head and nothing is ready: so every run sees the same business time, however often it was killed in between.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel

from runtime.errors import Conflict, TryAgain
from runtime.events.host import Host, earliest_timer
from runtime.log.bare import bare
from runtime.service import Service
from runtime.time.clock import ClockIsReal, DurableClock
from runtime.time.timers import run_due
from runtime.web.access import Access, roles
from runtime.web.caller import TheCaller
from runtime.web.templates import Web
from schemas.vocabulary import Role

SETTLE_SECONDS = 60.0
MOST_STEPS = 10_000
MOST_TRIES = 3  # of a timer that fails, at one moment

log = structlog.get_logger()

ACCESS: dict[str, Access] = {
    "GET /api/demo/v1/clock": roles(Role.COUNTY_ADMIN),
    "POST /api/demo/v1/clock": roles(Role.COUNTY_ADMIN),
    "POST /api/demo/v1/clock/go-real": roles(Role.COUNTY_ADMIN),
    "POST /api/demo/v1/relays": roles(Role.COUNTY_ADMIN),
}


class NotSettled(TryAgain):
    """Something is still under way; the clock stands until it is done."""

    code = "demo.not_settled"


class TimersDoNotMove(Conflict):
    """A timer asks for the same moment again and again."""

    code = "demo.timers_do_not_move"


class TimerFails(Conflict):
    """A timer fails at its moment again and again; the clock stands there, or a later moment would see another county."""

    code = "demo.timer_fails"
    constant = ("timer",)  # a timer's name is a word of this program


class Move(BaseModel):
    """Where the clock is asked to go."""

    to: AwareDatetime


class Relays(BaseModel):
    """Whether relays stand still."""

    paused: bool


def advance(host: Host, clock: DurableClock, services: Sequence[Service], to: datetime) -> datetime:
    """
    Move the simulated clock to *to*, running every timer at its own moment on the way.

    Raises:
        TimerFails: a timer failed every time it was tried; whatever else was due at its moment has been done.
    """
    failing: dict[str, str] = {}  # services, and the timer of each that failed at this moment
    tries = 1
    for _ in range(MOST_STEPS):
        if clock.mode == "real":
            raise ClockIsReal()
        if not host.wait_until_settled(SETTLE_SECONDS):
            raise NotSettled()
        due = earliest_timer([service for service in services if service.name not in failing])
        if failing and (due is None or due[0] > clock.now()):  # nothing else is due: the clock may not pass them by
            if tries == MOST_TRIES:
                raise TimerFails(timer=min(failing.values()))
            failing, tries = {}, tries + 1
        elif due is None or due[0] > to:
            if to > clock.now():
                clock.advance_to(to)
            return clock.now()
        else:
            if due[0] > clock.now():
                clock.advance_to(due[0])
                tries = 1
            run_due(due[1], clock.now(), tell=partial(_note_failure, failing, due[1].name))
    raise TimersDoNotMove()


def _note_failure(failing: dict[str, str], service: str, timer: str, error: Exception) -> None:
    log.error("demo.timer_failed", service=service, timer=timer, **bare(error))
    failing[service] = timer


def add_controls(console: Service, host: Host, clock: DurableClock, services: Sequence[Service]) -> None:
    """Add the demo's routes and access lines to the console of a demo home."""

    def routes(service: Service, web: Web) -> APIRouter:
        router = APIRouter()

        @router.get("/api/demo/v1/clock")
        def tell(caller: TheCaller) -> dict[str, object]:
            return {"mode": clock.mode, "now": clock.now().isoformat(), "settled": host.settled()}

        @router.post("/api/demo/v1/clock")
        def move(asked: Move, caller: TheCaller) -> dict[str, object]:
            now = advance(host, clock, services, asked.to)
            return {"mode": clock.mode, "now": now.isoformat()}

        @router.post("/api/demo/v1/clock/go-real")
        def go_real(caller: TheCaller) -> dict[str, object]:
            return {"mode": "real", "now": clock.go_real().isoformat()}

        @router.post("/api/demo/v1/relays")
        def relays(asked: Relays, caller: TheCaller) -> dict[str, object]:
            host.pause_relays(asked.paused)
            return {"paused": asked.paused}

        return router

    console.routers = [*console.routers, routes]
    console.access = {**console.access, **ACCESS}
