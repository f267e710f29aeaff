"""Rehearsals kept and thrown away: one row of one person's, and nothing is ever said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor, next_id, share
from schemas.documents import CampaignPlan
from services.drawer import tables
from services.drawer.commands.opening import require_lead
from services.drawer.commands.prepared import Prepared
from services.drawer.drafts import SHANGHAI, bodies_of
from services.drawer.queries.rehearsals import rehearsal_row
from services.drawer.reading import campaign_row, is_cancelled
from services.drawer.refusals import CampaignIsCancelled, NotRehearsing, RehearsalMovedOn

KIND = "REHEARSAL"
"""What the name of a rehearsed draw begins with: it stands on every document of it."""


@dataclass(frozen=True)
class Kept:
    """Everything of a rehearsal after a step, sealed."""

    id: str
    step: int
    is_example: bool
    release: str
    sealed: bytes


@dataclass(frozen=True)
class Furniture:
    """What a rehearsal's own database begins with."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    draw: str
    plan: CampaignPlan
    plan_digest: str
    bodies: Sequence[tables.Agency]
    frame: Mapping[str, Any]
    """Columns of ``Frame``, but for its owner."""


def name_rehearsal(session: Session, actor: Actor, *, at: datetime, campaign_id: str) -> Reply:
    """Give a rehearsal a name that no draw ever has, and no rehearsal had before: secrets are made under it."""
    _require(session, actor, campaign_id)
    return Reply((), {"rehearsal": next_id(session, KIND, actor.county, at.astimezone(SHANGHAI).year)})


def begin_rehearsal(session: Session, actor: Actor, work: Prepared[Kept], *, at: datetime, campaign_id: str) -> Reply:
    """Keep a rehearsal that has begun, in place of the asker's former one of this campaign."""
    _require(session, actor, campaign_id)
    made = work.get()
    if (former := rehearsal_row(session, actor, campaign_id)) is not None:
        session.delete(former)
        session.flush()
    row = tables.Rehearsal(
        id=made.id,
        campaign=campaign_id,
        person=actor.id,
        step=made.step,
        release=made.release,
        is_example=made.is_example,
        begun_at=at,
        moved_at=at,
        sealed=made.sealed,
        county=actor.county,
        owner_agency=actor.agency,
    )
    session.add(row)
    return Reply((), {"rehearsal": made.id})


def move_rehearsal(
    session: Session, actor: Actor, work: Prepared[Kept], *, at: datetime, campaign_id: str, told: Sequence[str]
) -> Reply:
    """
    Keep a rehearsal after one more step.

    *told*: what was done in it; it tells one request from another.

    Raises:
        RehearsalMovedOn: it has been moved on, begun again or thrown away meanwhile.
    """
    del told
    _require(session, actor, campaign_id)
    made = work.get()
    row = rehearsal_row(session, actor, campaign_id)
    if row is None or (row.id, row.step + 1) != (made.id, made.step):
        raise RehearsalMovedOn(campaign=campaign_id)
    row.step, row.sealed, row.moved_at = made.step, made.sealed, at
    return Reply((), {"rehearsal": made.id, "step": made.step})


def drop_rehearsal(session: Session, actor: Actor, *, at: datetime, campaign_id: str) -> Reply:
    """
    Throw the asker's rehearsal away.

    Raises:
        NotRehearsing: there is none.
    """
    row = rehearsal_row(session, actor, campaign_id)
    if row is None:
        raise NotRehearsing(campaign=campaign_id)
    session.delete(row)
    return Reply()


def sweep_rehearsals(session: Session, actor: Actor, *, at: datetime, ids: Sequence[str]) -> Reply:
    """Throw away what nobody has gone on with (the clock's request)."""
    for row in (session.get(tables.Rehearsal, one) for one in ids):
        if row is not None:
            session.delete(row)
    return Reply()


def _require(session: Session, actor: Actor, campaign_id: str) -> None:
    require_lead(actor, campaign_row(session, campaign_id).owner_agency)
    if is_cancelled(session, campaign_id):
        raise CampaignIsCancelled(campaign=campaign_id)


# ── in the rehearsal's own database ─────────────────────────────────────────────────────────────────────────────────


def furnish(session: Session, actor: Actor, given: Furniture, *, at: datetime) -> Reply:
    """Put bodies, campaign, frame and the draw's name where the real ones stand in a drawer (the room's system)."""
    plan = given.plan
    own = {"county": plan.county, "owner_agency": plan.lead}
    for body in given.bodies:
        session.add(
            tables.Agency(
                id=body.id,
                county=body.county,
                agency=body.agency,
                kind=body.kind,
                name=body.name,
                short_name=body.short_name,
            )
        )
    campaign = tables.Campaign(
        id=plan.campaign,
        title=plan.title,
        number=plan.number,
        plan=plan.model_dump(mode="json"),
        plan_digest=given.plan_digest,
        confirmed_at=at,
        **own,
    )
    frame = tables.Frame(id=plan.campaign, **given.frame, **own)
    draw = tables.Draw(id=given.draw, campaign=plan.campaign, made_at=at, **own)
    for row in (campaign, frame, draw):
        session.add(row)
        for party in sorted(bodies_of(plan) - {plan.lead}):
            share(session, row, party)
    return Reply()
