"""What the clock does: close a decided referral once every source has taken note."""

from datetime import datetime

from sqlalchemy.orm import Session

from runtime.service import Service
from runtime.store import Actor
from runtime.time.timers import Timer, for_each
from services.results.commands.referrals import close_heard, to_close


def next_close(session: Session, now: datetime) -> datetime | None:
    """Say now, if a referral can be closed."""
    actor: Actor = session.info["actor"]
    return now if to_close(session, actor) else None


def close_all(service: Service, at: datetime) -> None:
    """Close what can be closed."""
    for_each(
        service.ask(service.system, to_close),
        lambda referral: service.do(service.system, close_heard, key=f"close-heard:{referral}", referral_id=referral),
    )


TIMERS = (Timer("results.close_heard_referrals", next_close, close_all),)
