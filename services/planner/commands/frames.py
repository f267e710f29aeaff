"""The freeze (名录冻结): the frame and the rosters of a confirmed campaign are fixed, before any secret is committed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from runtime.errors import Conflict, OneVisitError
from runtime.service import Reply
from runtime.store import Actor, next_id
from schemas.blobs import BlobRef
from schemas.events.campaigns import FrameFrozen
from schemas.vocabulary import Role
from services.planner.commands.campaigns import check_version, get_own, names_of, parts_of
from services.planner.domain import campaigns as rules
from services.planner.domain.caps import with_numbers
from services.planner.domain.days import business_day
from services.planner.domain.ratios import ONE_CLASS
from services.planner.domain.stages import check_begun
from services.planner.dues import windows_of
from services.planner.freezing import inputs_of
from services.planner.queries.frames import sizes_of
from services.planner.tables import FrameRow


class NumbersMoved(Conflict):
    """The nearest numbers are others than those that were shown: the register or the plan has changed since."""

    code = "campaign.numbers_moved"


class FrameInputsMoved(Conflict):
    """A register changed while the frame was being made; freezing again is enough."""

    code = "frame.inputs_moved"


@dataclass(frozen=True)
class PreparedFrame:
    """A frame with its rosters, in the blob store already, and what it was made from."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    inputs: str
    on: date
    frame_digest: str
    sizes: Mapping[str, int]
    excluded: tuple[tuple[str, str], ...]
    eligible: Mapping[str, int]
    officers_excluded: tuple[tuple[str, str, str], ...]  # (agency, officer, reason)
    document: BlobRef
    rosters: BlobRef
    annex: BlobRef


def take_nearest_numbers(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    campaign_id: str,
    shown: tuple[str, ...],
    if_match: str | None,
) -> Reply:
    """
    Write the nearest feasible numbers into a draft whose bounds clash.

    Args:
        shown: The numbers the asker saw, by class; others than today's are refused.
    """
    row = get_own(session, actor, campaign_id, Role.PLANNER)
    check_version(row, if_match)
    rules.require_state(row.id, row.state, rules.DRAFT)
    nearest = sizes_of(session, row, business_day(at)).weighed.nearest or ()
    if not nearest or shown != tuple(str(each.targets) for each in nearest):
        raise NumbersMoved(campaign=row.id)
    row.planned = sum(each.targets for each in nearest)
    if row.spread == ONE_CLASS:
        row.most = row.planned
    else:
        row.most = None if row.most is None else max(row.most, row.planned)
        row.class_bounds = with_numbers(row.class_bounds or (), nearest)
    row.version += 1
    return Reply(value={"campaign": row.id, "version": row.version})


def freeze_frame(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    campaign_id: str,
    prepared: PreparedFrame | OneVisitError,
    early: bool = False,
) -> Reply:
    """
    Fix the frame; refuses one made from registers or a plan that have changed since, or on another day.

    Args:
        early: Whether the asker means it, although the draw stage has not begun.
    """
    if isinstance(prepared, OneVisitError):
        raise prepared
    row = get_own(session, actor, campaign_id, Role.PLANNER)
    parts = {part.agency: part for part in parts_of(session, row.id)}
    states = {agency: part.state for agency, part in parts.items()}
    rules.check_freezable(row.id, row.state, states, names_of(session, row.county))
    check_begun(windows_of(row.stages), business_day(at), early=early)
    if prepared.inputs != inputs_of(session, row) or prepared.on != business_day(at):
        raise FrameInputsMoved(campaign=row.id)
    frame = next_id(session, "F", row.county, business_day(at).year)
    row.state, row.version = rules.FROZEN, row.version + 1
    for agency, eligible in prepared.eligible.items():
        parts[agency].eligible = eligible
    entities = sum(prepared.sizes.values())
    session.add(
        FrameRow(
            id=frame,
            county=row.county,
            owner_agency=row.owner_agency,
            campaign=row.id,
            entities=entities,
            frame_digest=prepared.frame_digest,
            sizes=dict(prepared.sizes),
            excluded=[list(each) for each in prepared.excluded],
            officers_excluded=[list(each) for each in prepared.officers_excluded],
            document=prepared.document.model_dump(mode="json"),
            rosters=prepared.rosters.model_dump(mode="json"),
            annex=prepared.annex.model_dump(mode="json"),
            frozen_on=prepared.on,
            frozen_at=at,
            frozen_by=actor.id,
        )
    )
    said = FrameFrozen(
        county=row.county,
        campaign=row.id,
        frame=frame,
        lead=row.owner_agency,
        agencies=tuple(sorted({row.owner_agency, *row.partners})),
        entities=entities,
        frame_digest=prepared.frame_digest,
        document=prepared.document,
        rosters=prepared.rosters,
        annex=prepared.annex,
    )
    value = {"campaign": row.id, "frame": frame, "entities": entities, "frame_digest": prepared.frame_digest}
    return Reply(events=[said], value=value)
