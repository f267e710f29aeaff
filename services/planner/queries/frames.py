"""The frame: the frozen one, and how many either spread would draw from the register as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.planner.commands.campaigns import get_campaign
from services.planner.domain import campaigns as rules
from services.planner.domain.caps import Weighed, weigh
from services.planner.domain.days import business_day
from services.planner.domain.frames import Line, Selected
from services.planner.domain.frames import select as select_entities
from services.planner.domain.ratios import Sizes, preview
from services.planner.freezing import already_drawn, bounds_of, candidates, caps_of, conditions_of, first_stage_of
from services.planner.queries.plans import items_in, rules_of
from services.planner.registers import register_on
from services.planner.tables import CampaignRow, FrameRow, TargetRow


@dataclass(frozen=True)
class FrameView:
    """The frozen frame as its lead sees it."""

    frame: str
    entities: int
    frame_digest: str
    frozen_at: datetime
    sizes: Mapping[str, int]
    excluded: tuple[tuple[str, str, str], ...]  # (target, name, reason)
    officers_excluded: tuple[tuple[str, str, str], ...]


def frozen_frame(session: Session, row: CampaignRow) -> FrameView | None:
    """Show a campaign's frozen frame, if there is one and the asker may see it."""
    frame = session.scalars(select(FrameRow).where(FrameRow.campaign == row.id)).first()
    if frame is None:
        return None
    left_out = [target for target, _ in frame.excluded]
    names = {
        each.target: each.name
        for each in register_on(session, TargetRow, row.county, row.owner_agency, frame.frozen_on)
        if left_out
    }
    return FrameView(
        frame=frame.id,
        entities=frame.entities,
        frame_digest=frame.frame_digest,
        frozen_at=frame.frozen_at,
        sizes=frame.sizes,
        excluded=tuple((target, names.get(target, ""), reason) for target, reason in frame.excluded),
        officers_excluded=tuple((agency, officer, reason) for agency, officer, reason in frame.officers_excluded),
    )


@dataclass(frozen=True)
class SizesView:
    """Both spreads of the draw for the register as it stands on a day."""

    campaign: str
    on: date
    sizes: Sizes
    spread: str
    weighed: Weighed  # the plan's own bounds and the pack's
    excluded: Mapping[str, int]  # reason → targets


def campaign_sizes(session: Session, actor: Actor, *, campaign_id: str, at: datetime) -> SizesView:
    """Work out how many targets either spread would draw from the lead's register as it stands today."""
    row = get_campaign(session, campaign_id)
    if row.owner_agency != actor.agency:
        raise rules.NotTheLead(campaign=campaign_id)
    return sizes_of(session, row, business_day(at))


def selected_of(session: Session, row: CampaignRow, on: date) -> Selected:
    """Choose from the lead's register as it stands on a day whom a campaign could draw."""
    lines = [Line(each["item"], each["agency"], frozenset(each["categories"])) for each in row.items]
    registered = register_on(session, TargetRow, row.county, row.owner_agency, on)
    found = candidates(registered, first_stage_of(session, row))
    return select_entities(found, conditions_of(row), lines, already_drawn(session, row, on.year))


def sizes_of(session: Session, row: CampaignRow, on: date) -> SizesView:
    """Count the lead's register as it stands on a day, and hold the plan's numbers against it."""
    pack, _ = rules_of(session, row)
    conditions, first = conditions_of(row), first_stage_of(session, row)
    selected = selected_of(session, row, on)
    kinds = {item.kind for item in items_in(session, row)}
    excluded: dict[str, int] = {}
    for _, reason in selected.excluded:
        excluded[reason] = excluded.get(reason, 0) + 1
    counted, ratio = selected.sizes(conditions.categories), Fraction(row.ratio_p, row.ratio_q)
    bounds, caps = bounds_of(pack, kinds, first), caps_of(row)
    sizes = preview(counted, ratio, row.planned, bounds, caps)
    weighed = weigh(row.spread, counted, ratio, row.planned, bounds, caps)
    return SizesView(row.id, on, sizes, row.spread, weighed, dict(sorted(excluded.items())))
