"""A campaign's draw on the campaign's page, and what there is before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.documents import PlanBeacon
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.drafts import draw_begins_on, is_before_its_stage
from services.drawer.queries.attempts import DrawView, cancelled_campaigns, view_of
from services.drawer.reading import agency_names, attempts_of, campaign_row, plan_of


@dataclass(frozen=True)
class CampaignView:
    """The drawer's column on a campaign's page: what there is to draw from, and how far the draw is."""

    campaign: str
    title: str
    lead: str
    frozen: bool
    cancelled: bool
    entities: int | None
    frame_digest: str | None
    """SHA-256, as the planner told it."""
    draw: DrawView | None
    may_open: bool
    may_rehearse: bool


def campaign_view(session: Session, actor: Actor, *, campaign_id: str, now: datetime) -> CampaignView:
    """Show a campaign's draw, and what there is before it."""
    row = campaign_row(session, campaign_id)
    draw = session.scalar(select(tables.Draw).where(tables.Draw.campaign == campaign_id))
    attempts = attempts_of(session, [draw.id]).get(draw.id, []) if draw is not None else []
    names, gone = agency_names(session, actor.county), cancelled_campaigns(session)
    view = view_of(actor, attempts, row, names, now, gone) if attempts else None
    cancelled = campaign_id in gone
    leads = actor.agency == row.owner_agency and actor.has(Role.DRAW_OFFICER)
    frame = session.get(tables.Frame, campaign_id)
    return CampaignView(
        campaign=campaign_id,
        title=row.title,
        lead=row.owner_agency,
        frozen=frame is not None,
        cancelled=cancelled,
        entities=frame.entities if frame else None,
        frame_digest=frame.digest if frame else None,
        draw=view,
        may_open=leads and frame is not None and not cancelled and (view is None or view.voided is not None),
        may_rehearse=leads and not cancelled,
    )


@dataclass(frozen=True)
class OpeningView:
    """What the form for opening a draw is about."""

    campaign: str
    title: str
    lead: str
    agencies: Sequence[str]
    names: Mapping[str, str]
    entities: int | None
    dice: int | None
    beacons: Sequence[PlanBeacon]
    hash: str
    witness_name: str | None
    purpose: str
    last_inspection_on: Any
    early_until: date | None  # first day of the draw stage, while that has not begun


def opening_view(session: Session, actor: Actor, *, campaign_id: str, now: datetime) -> OpeningView:
    """Show what a campaign's draw is about, before it is opened."""
    row, frame = campaign_row(session, campaign_id), session.get(tables.Frame, campaign_id)
    plan, names = plan_of(row), agency_names(session, actor.county)
    inspect = [stage.last_on for stage in plan.stages if stage.stage == "inspect"]
    return OpeningView(
        campaign_id,
        row.title,
        row.owner_agency,
        sorted(one.agency for one in plan.agencies),
        names,
        frame.entities if frame else None,
        plan.dice,
        plan.beacons,
        plan.hash,
        names.get(plan.witness, plan.witness) if plan.witness else None,
        plan.purpose.value,
        max(inspect),
        draw_begins_on(plan) if is_before_its_stage(plan, now) else None,
    )
