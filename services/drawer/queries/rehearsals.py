"""The asker's own rehearsal of a campaign's draw; nobody else's is found by anything here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.documents import CampaignPlan
from services.drawer import tables
from services.drawer.drafts import bodies_of
from services.drawer.reading import campaign_row, newest, party_id, plan_of
from services.drawer.refusals import NotRehearsing


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal as it is kept."""

    id: str
    campaign: str
    step: int
    release: str
    is_example: bool
    sealed: bytes


@dataclass(frozen=True)
class RehearsalGround:
    """What a rehearsal is made of: plan, bodies, and frame and rosters where they are frozen."""

    plan: CampaignPlan
    plan_digest: str
    bodies: Sequence[tables.Agency]
    frame: tables.Frame | None


def rehearsal_row(session: Session, actor: Actor, campaign_id: str) -> tables.Rehearsal | None:
    """Find the asker's own rehearsal of a campaign's draw."""
    row = tables.Rehearsal
    return session.scalar(select(row).where(row.campaign == campaign_id, row.person == actor.id))


def rehearsal_of(session: Session, actor: Actor, *, campaign_id: str) -> Rehearsed | None:
    """Read the asker's own rehearsal of a campaign's draw, if there is one."""
    campaign_row(session, campaign_id)
    row = rehearsal_row(session, actor, campaign_id)
    if row is None:
        return None
    return Rehearsed(row.id, row.campaign, row.step, row.release, row.is_example, row.sealed)


def running_rehearsal(session: Session, actor: Actor, *, campaign_id: str) -> Rehearsed:
    """
    Read the asker's own rehearsal of a campaign's draw.

    Raises:
        NotRehearsing: there is none.
    """
    found = rehearsal_of(session, actor, campaign_id=campaign_id)
    if found is None:
        raise NotRehearsing(campaign=campaign_id)
    return found


def rehearsal_ground(session: Session, actor: Actor, *, campaign_id: str) -> RehearsalGround:
    """Read what a campaign's draw can be rehearsed on."""
    row = campaign_row(session, campaign_id)
    plan, frame = plan_of(row), session.get(tables.Frame, campaign_id)
    bodies = (session.get(tables.Agency, party_id(row.county, body)) for body in sorted(bodies_of(plan)))
    return RehearsalGround(plan, row.plan_digest, [body for body in bodies if body is not None], frame)


def next_turn(session: Session, actor: Actor, *, draw_id: str, now: datetime) -> datetime | None:
    """Say when something changes by itself in a draw if nobody speaks."""
    return newest(session, draw_id).standing.next_turn(now)


def left_lying(session: Session, actor: Actor, *, before: datetime) -> list[str]:
    """List the rehearsals nobody has gone on with since *before* (the system's request)."""
    row = tables.Rehearsal
    return list(session.scalars(select(row.id).where(row.moved_at <= before).order_by(row.id)))


def lies_since(session: Session) -> datetime | None:
    """Find since when the rehearsal that has lain longest has lain (the system's request)."""
    return session.scalar(select(func.min(tables.Rehearsal.moved_at)))
