"""Sweeps and deadlines: what a service does because a moment has come, each as a command."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from runtime.service import Service

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Timer:
    """
    Something to be done when business time reaches a moment.

    ``next_at(session, now)`` tells the earliest moment at which there is something to do (a moment not after *now* means
    now), or None. ``run(service, at)`` does it through ``service.do(service.system, …, key=…)`` with a key derived from
    what is done, so that running again after a crash does nothing twice; afterwards ``next_at`` must have moved on.
    A timer with several subjects goes through them by `for_each`.
    """

    name: str
    next_at: Callable[[Session, datetime], datetime | None]
    run: Callable[["Service", datetime], None]


def next_due(service: "Service", now: datetime) -> tuple[datetime, Timer] | None:
    """Find the service's earliest timer: (moment, timer)."""
    with service.db.read(service.system) as session:
        due = [(moment, timer) for timer in service.timers if (moment := timer.next_at(session, now)) is not None]
    return min(due, key=lambda pair: (pair[0], pair[1].name), default=None)


class SubjectsFailed(Exception):
    """Some of the subjects a timer works through failed; the others are done. *troubles*: the error of each that failed."""

    def __init__(self, troubles: Mapping[str, Exception]) -> None:
        super().__init__(len(troubles))
        self.troubles = dict(troubles)


def for_each(subjects: Iterable[Subject], act: Callable[[Subject], object]) -> None:
    """
    Do *act* for every subject, one after the other; what fails for one keeps none of the others waiting.

    Raises:
        SubjectsFailed: when all have been tried, if any failed. Subjects are named in the log, so they are ids.
    """
    troubles: dict[str, Exception] = {}
    for subject in subjects:
        try:
            act(subject)
        except Exception as error:
            troubles[str(subject)] = error
    if troubles:
        raise SubjectsFailed(troubles)


Tell = Callable[[str, Exception], None]
"""Hears of a timer that failed: its name, with the subject's behind a blank, and the error."""


def run_due(service: "Service", now: datetime, *, limit: int = 100, tell: Tell | None = None) -> int:
    """
    Run the service's timers that are due by *now*, at most *limit* in a row; return how many ran.

    A timer that fails, or asks again for the moment it was run for, is left alone until the next call, so that it keeps
    no other waiting.

    Args:
        tell: Hears of every failure; without it, the first is raised when all timers have had their turn.
    """
    ran, left = 0, list(service.timers)
    done: dict[str, datetime] = {}
    failed: list[Exception] = []
    hear = tell or (lambda _, error: failed.append(error))
    while ran < limit:
        due: list[tuple[datetime, Timer]] = []
        for timer in tuple(left):
            with _telling(timer, left, hear), service.db.read(service.system) as session:
                moment = timer.next_at(session, now)
                if moment is not None and moment <= now and done.get(timer.name) != moment:
                    due.append((moment, timer))
        if not due:
            break
        done_at, first = min(due, key=lambda pair: (pair[0], pair[1].name))
        done[first.name] = done_at
        with _telling(first, left, hear):
            first.run(service, now)
            ran += 1
    if failed:
        raise failed[0]
    return ran


@contextmanager
def _telling(timer: Timer, left: list[Timer], hear: Tell) -> Iterator[None]:
    """Take a timer that fails out of those that are *left* to run, and tell of it."""
    try:
        yield
    except SubjectsFailed as several:
        left.remove(timer)
        for subject, error in several.troubles.items():
            hear(f"{timer.name} {subject}", error)
    except Exception as error:
        left.remove(timer)
        hear(timer.name, error)
