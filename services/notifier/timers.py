"""The sweep: whenever the next step of a duty is due (the morning of working days, or the moment a due date passes)."""

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from runtime.service import Service
from runtime.time.timers import Timer
from services.notifier.commands import take_steps
from services.notifier.queries import due_steps, next_step


def next_sweep(session: Session, now: datetime) -> datetime | None:
    """Tell when the next step of any duty is due."""
    return next_step(session)


class SweepStandsStill(Exception):
    """A pass of the sweep took nothing: the same steps are due as before it."""


def sweep(service: Service, at: datetime) -> None:
    """
    Take all steps due at *at*, so many duties per transaction.

    Raises:
        SweepStandsStill: a pass left what was due as it was; going on would never end.
    """
    before: list[tuple[str, str]] = []
    while due := service.ask(service.system, due_steps, at=at, limit=service.settings.sweep_batch):
        if due == before:
            raise SweepStandsStill()
        # By the steps, not by their moments: another pack may put an untaken step on a moment that was swept before.
        told = "|".join(f"{duty}:{steps}" for duty, steps in due)
        key = f"notifier.sweep:{hashlib.sha256(told.encode()).hexdigest()}"
        service.do(service.system, take_steps, key=key, duties=[duty for duty, _ in due])
        before = due


TIMERS = [Timer("notifier.sweep", next_at=next_sweep, run=sweep)]
