"""The end of an attempt that was not sealed: void, with the absent named; the next attempt may open."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.events.draws import DrawVoided
from schemas.events.payload import Payload
from services.drawer.commands.published import publish
from services.drawer.domain.ceremony import Attempt, Ending, ending
from services.drawer.reading import Said, newest
from services.drawer.refusals import AttemptOver
from services.drawer.tables import Voided

REASONS = {
    "commitment missing": "commitment_missing",
    "countersignature missing": "countersignature_missing",
    "too many reveals missing": "reveals_missing",
    "no seal in time": "seal_missing",
    "signature missing": "signature_missing",
}
"""What the domain says in words, as events and pages name it."""

CANCELLED = "campaign_cancelled"
IN_RECORD = {reason: words for words, reason in REASONS.items()} | {CANCELLED: "campaign cancelled"}
"""What the record says in words."""


def ending_by(said: Said, attempt: Attempt, at: datetime) -> Ending | None:
    """Say why an attempt has ended by *at*, or that it goes on; who revealed what does not matter here, only who did."""
    return ending(
        attempt,
        said.commits(),
        said.signed(),
        dict.fromkeys(said.reveals),  # type: ignore[arg-type]
        said.seal is not None,
        int(at.timestamp()),
        said.seal_signers,
    )


def require_running(said: Said, attempt: Attempt, at: datetime) -> None:
    """
    Refuse whatever comes after the end of an attempt, also where the clock has ended it and no timer has said so yet.

    Raises:
        AttemptOver: with the reason and the absent.
    """
    if said.voided is not None:
        raise AttemptOver(draw=said.row.draw, attempt=said.row.number, reason=said.voided.reason)
    found = ending_by(said, attempt, at)
    if found is not None:
        raise AttemptOver(draw=said.row.draw, attempt=said.row.number, reason=REASONS[found.reason])


def end_attempt(session: Session, actor: Actor, *, at: datetime, draw_id: str, attempt: int) -> list[Payload]:
    """Void an attempt whose time has run out (the clock's request); nothing if it goes on."""
    said = newest(session, draw_id)
    if said.row.number != attempt or said.voided is not None:
        return []
    found = ending_by(said, said.attempt(), at)
    if found is None:
        return []
    absent = [said.row.witness or one if one == "witness" else one for one in found.absent]
    return [void(session, said, REASONS[found.reason], absent, at)]


def void(session: Session, said: Said, reason: str, absent: Sequence[str], at: datetime) -> DrawVoided:
    """Write down that an attempt is void, and say so (the system's own row, on behalf of the lead)."""
    row = said.row
    voided = Voided(
        id=row.id,
        draw=row.draw,
        reason=reason,
        absent=list(absent),
        voided_at=at,
        county=row.county,
        owner_agency=row.owner_agency,
    )
    publish(session, said, voided)
    return DrawVoided(
        county=row.county,
        campaign=row.campaign,
        draw=row.draw,
        attempt=row.number,
        reason=reason,
        absent=tuple(absent),
    )
