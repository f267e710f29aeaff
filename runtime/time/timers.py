"""Sweeps and deadlines: what a service does because a moment has come, each as a command."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from runtime.service import Service


@dataclass(frozen=True)
class Timer:
    """
    Something to be done when business time reaches a moment.

    ``next_at(session, now)`` tells the earliest moment at which there is something to do (a moment not after *now* means
    now), or None. ``run(service, at)`` does it through ``service.do(service.system, …, key=…)`` with a key derived from
    what is done, so that running again after a crash does nothing twice; afterwards ``next_at`` must have moved on.
    """

    name: str
    next_at: Callable[[Session, datetime], datetime | None]
    run: Callable[["Service", datetime], None]


def next_due(service: "Service", now: datetime) -> tuple[datetime, Timer] | None:
    """Find the service's earliest timer: (moment, timer)."""
    with service.db.read(service.system) as session:
        due = [(moment, timer) for timer in service.timers if (moment := timer.next_at(session, now)) is not None]
    return min(due, key=lambda pair: (pair[0], pair[1].name), default=None)


def run_due(service: "Service", now: datetime, *, limit: int = 100) -> int:
    """Run the service's timers that are due by *now*, at most *limit* in a row; return how many ran."""
    for ran in range(limit):
        due = next_due(service, now)
        if due is None or due[0] > now:
            return ran
        due[1].run(service, now)
    return limit
