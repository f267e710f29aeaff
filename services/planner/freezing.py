"""What a frame is made of, gathered from the registers of every agency, and the making itself, outside any transaction."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.documents import AnnexTarget, CampaignPlan, FrameAnnex, RosterOfficer, Rosters
from schemas.rulepack import RulePack
from schemas.vocabulary import Stage
from services.planner import packs
from services.planner.commands.campaigns import get_campaign, names_of, parts_of
from services.planner.domain import campaigns as rules
from services.planner.domain.frames import (
    Candidate,
    Conditions,
    Line,
    Selected,
    frame_digest,
    require_entities,
    write_frame,
)
from services.planner.domain.frames import (
    select as select_entities,
)
from services.planner.domain.ratios import DrawClass, check_planned
from services.planner.domain.rosters import Officer, Recusal, Roster, draw_roster
from services.planner.registers import editions, register_on
from services.planner.tables import (
    CampaignRow,
    ConfirmationRow,
    DrawnTargetRow,
    InspectorRow,
    RecusalRow,
    TargetRow,
)


@dataclass(frozen=True)
class AgencyStaff:
    """What one agency brings to the draw."""

    agency: str
    named: tuple[str, ...]
    needed: tuple[str, ...]
    officers: Mapping[str, Officer]
    recusals: tuple[Recusal, ...]


@dataclass(frozen=True)
class FrameInputs:
    """Everything a frame is made of, as it stood on the day."""

    campaign: str
    inputs: str
    on: date
    candidates: tuple[Candidate, ...]
    targets: Mapping[str, AnnexTarget]
    conditions: Conditions
    lines: tuple[Line, ...]
    drawn: frozenset[str]
    ratio: Fraction
    planned: int
    spread: str
    pack: RulePack
    kinds: frozenset[str]
    staff: tuple[AgencyStaff, ...]
    people: Mapping[tuple[str, str], tuple[str, str]]  # (agency, officer) → (name, credential number)
    inspect_from: date
    inspect_to: date


@dataclass(frozen=True)
class MadeFrame:
    """The three documents of a freeze, and what the planner keeps of them."""

    file: bytes
    digest: str
    selected: Selected
    sizes: Mapping[str, int]
    rosters: Rosters
    annex: FrameAnnex
    by_agency: Mapping[str, Roster]


def inputs_of(session: Session, row: CampaignRow) -> str:
    """
    Name the state of everything a frame is made of: the campaign, its parts, and the editions of all registers.

    Readable by the lead without seeing a partner's register: editions are published.
    """
    agencies = tuple(sorted({row.owner_agency, *row.partners}))
    parts = [[part.agency, part.state, str(part.answered_at)] for part in parts_of(session, row.id)]
    told = [row.version, row.plan_digest, parts, editions(session, row.county, agencies)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def gather(session: Session, actor: Actor, *, campaign_id: str, lead: str, on: date) -> FrameInputs:
    """
    Read everything a frame is made of; runs as the service itself, because partners' registers are theirs.

    Args:
        lead: The agency on whose behalf it is asked; another agency's campaign is refused.
        on: The day of the freeze.
    """
    assert actor.is_system, "the registers of several agencies are read by the service itself"
    row = get_campaign(session, campaign_id)
    if row.owner_agency != lead:
        raise rules.NotTheLead(campaign=campaign_id)
    states = {part.agency: part.state for part in parts_of(session, row.id)}
    rules.check_freezable(row.id, row.state, states, names_of(session, row.county))
    pack = packs.read_pack(packs.find_pack(session, row.county, row.pack, row.edition).document)
    plan = CampaignPlan.model_validate_json(row.plan or "")
    registered = register_on(session, TargetRow, row.county, row.owner_agency, on)
    lines = tuple(Line(item.item, item.agency, frozenset(item.categories)) for item in plan.items)
    inspect = next(window for window in plan.stages if window.stage is Stage.INSPECT)
    staff = tuple(_staff(session, row, plan, agency.agency, on) for agency in plan.agencies)
    people = {
        (each.agency, entry.officer): (entry.name, entry.credential)
        for each in staff
        for entry in register_on(session, InspectorRow, row.county, each.agency, on)
    }
    return FrameInputs(
        campaign=row.id,
        inputs=inputs_of(session, row),
        on=on,
        candidates=tuple(_candidate(target) for target in registered),
        targets={target.target: _annexed(target) for target in registered},
        conditions=conditions_of(row),
        lines=lines,
        drawn=already_drawn(session, row, on.year),
        ratio=Fraction(row.ratio_p, row.ratio_q),
        planned=row.planned,
        spread=row.spread,
        pack=pack,
        kinds=frozenset(item.kind for item in plan.items),
        staff=staff,
        people=people,
        inspect_from=inspect.first_on,
        inspect_to=inspect.last_on,
    )


def conditions_of(row: CampaignRow) -> Conditions:
    """Read what narrows a campaign's frame."""
    categories = sorted({category for item in row.items for category in item["categories"]})
    return Conditions(tuple(categories), tuple(row.districts), tuple(row.target_labels), row.established_before)


def already_drawn(session: Session, row: CampaignRow, year: int) -> frozenset[str]:
    """Collect the targets that disclosed draws of the same purpose had drawn in *year*, where the campaign leaves them out."""
    if not row.exclude_drawn:
        return frozenset()
    drawn = session.scalars(
        select(DrawnTargetRow).where(
            DrawnTargetRow.county == row.county, DrawnTargetRow.year == year, DrawnTargetRow.purpose == row.purpose
        )
    )
    return frozenset(each.target for each in drawn)


def _candidate(row: TargetRow) -> Candidate:
    return Candidate(row.target, row.category, row.district, frozenset(row.labels), row.established_on, row.state)


def candidates(rows: Sequence[TargetRow]) -> tuple[Candidate, ...]:
    """Take from the register what decides on who may be drawn."""
    return tuple(_candidate(row) for row in rows)


def _annexed(row: TargetRow) -> AnnexTarget:
    return AnnexTarget(
        target=row.target,
        uscc=row.uscc,
        name=row.name,
        category=row.category,
        district=row.district,
        address=row.address,
        legal_representative=row.legal_representative,
        contact=row.contact,
        phone=row.phone,
    )


def _staff(session: Session, row: CampaignRow, plan: CampaignPlan, agency: str, on: date) -> AgencyStaff:
    confirmation = session.get_one(ConfirmationRow, f"{row.id}.{agency}")
    part = next(each for each in plan.agencies if each.agency == agency)
    officers = {
        each.officer: Officer(
            each.officer, frozenset(each.labels), each.credential_from, each.credential_until, each.cap, each.state
        )
        for each in register_on(session, InspectorRow, row.county, agency, on)
    }
    recusals = tuple(
        Recusal(each.officer, each.target, each.category, each.until_on)
        for each in register_on(session, RecusalRow, row.county, agency, on)
    )
    needed = tuple(sorted({label for slot in part.slot_labels for label in slot}))
    return AgencyStaff(agency, tuple(confirmation.officers), needed, officers, recusals)


def make(given: FrameInputs) -> MadeFrame:
    """
    Make frame file, rosters and annex; pure, and perhaps long.

    Raises:
        FrameEmpty, PlannedTooFew, PlannedExceedsFrame, NothingFeasible, PlannedAboveMaximum, PlannedNotOfTheRule.
    """
    selected = select_entities(given.candidates, given.conditions, given.lines, given.drawn)
    require_entities(selected)
    sizes = selected.sizes(given.conditions.categories)
    layout: tuple[DrawClass, ...] = check_planned(
        given.spread, sizes, given.ratio, given.planned, packs.bounds(given.pack, given.kinds)
    )
    file = write_frame(selected.entities, layout)
    digest = frame_digest(file)
    by_agency = {
        staff.agency: draw_roster(
            staff.named,
            staff.officers,
            staff.needed,
            staff.recusals,
            selected.entities,
            given.inspect_from,
            given.inspect_to,
        )
        for staff in given.staff
    }
    rosters = Rosters(
        campaign=given.campaign,
        agencies={
            agency: tuple(
                RosterOfficer(officer=seat.officer, labels=seat.labels, cap=seat.cap, base_load=0, recused=seat.recused)
                for seat in roster.eligible
            )
            for agency, roster in by_agency.items()
        },
        excluded={agency: roster.excluded for agency, roster in by_agency.items()},
    )
    annex = FrameAnnex(
        campaign=given.campaign,
        frame_digest=digest,
        targets=tuple(given.targets[entity.target] for entity in selected.entities),
        officers=tuple(
            (seat.officer, agency, *given.people[agency, seat.officer])
            for agency, roster in by_agency.items()
            for seat in roster.eligible
        ),
    )
    return MadeFrame(file, digest, selected, sizes, rosters, annex, by_agency)
