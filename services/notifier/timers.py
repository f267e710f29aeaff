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


def sweep(service: Service, at: datetime) -> None:
    """Take all steps due at *at*, so many duties per transaction."""
    while due := service.ask(service.system, due_steps, at=at, limit=service.settings.sweep_batch):
        told = "|".join(f"{duty}@{when.isoformat()}" for duty, when in due)
        key = f"notifier.sweep:{hashlib.sha256(told.encode()).hexdigest()}"
        service.do(service.system, take_steps, key=key, duties=[duty for duty, _ in due])


TIMERS = [Timer("notifier.sweep", next_at=next_sweep, run=sweep)]
