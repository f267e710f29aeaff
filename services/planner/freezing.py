"""What a frame is made of, gathered from the registers of every agency, and the making itself, outside any transaction."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.documents import AnnexExpert, AnnexTarget, CampaignPlan, FrameAnnex, RosterOfficer, Rosters
from schemas.rulepack import RulePack
from schemas.vocabulary import Stage
from services.planner import packs
from services.planner.commands.campaigns import first_stage, get_campaign, names_of, parts_of
from services.planner.domain import campaigns as rules
from services.planner.domain.caps import refuse_clashes, weigh
from services.planner.domain.frames import (
    Candidate,
    Conditions,
    Line,
    Selected,
    frame_digest,
    require_entities,
    require_first_stage,
    write_frame,
)
from services.planner.domain.frames import (
    select as select_entities,
)
from services.planner.domain.ratios import NO_CAPS, Bounds, Caps, ClassCap, DrawClass, check_planned
from services.planner.domain.rosters import Absence, Officer, Recusal, Roster, draw_roster, spelt_out
from services.planner.registers import editions, register_on
from services.planner.tables import (
    AbsenceRow,
    CampaignRow,
    ConfirmationRow,
    DrawnTargetRow,
    ExpertRow,
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
    absences: tuple[Absence, ...]
    experts: tuple[AnnexExpert, ...]  # recused from nothing yet: that takes the frame


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
    first: frozenset[str] | None
    """Of a staged campaign (分段式): the targets of its first stage."""
    ratio: Fraction
    planned: int
    spread: str
    caps: Caps
    pack: RulePack
    kinds: frozenset[str]
    staff: tuple[AgencyStaff, ...]
    people: Mapping[tuple[str, str], tuple[str, str]]  # (agency, officer) → (name, credential number)
    inspect_from: date
    inspect_to: date
    days: tuple[date, ...]  # of the inspection stage, on which a visit may be


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
    registered, first = register_on(session, TargetRow, row.county, row.owner_agency, on), first_stage_of(session, row)
    lines = tuple(Line(item.item, item.agency, frozenset(item.categories)) for item in plan.items)
    calendar = packs.read_calendar(packs.find_calendar(session, row.county, pack.calendar).document)
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
        candidates=candidates(registered, first),
        targets={target.target: _annexed(target) for target in registered},
        conditions=conditions_of(row),
        lines=lines,
        drawn=already_drawn(session, row, on.year),
        first=first,
        ratio=Fraction(row.ratio_p, row.ratio_q),
        planned=row.planned,
        spread=row.spread,
        caps=caps_of(row),
        pack=pack,
        kinds=frozenset(item.kind for item in plan.items),
        staff=staff,
        people=people,
        inspect_from=inspect.first_on,
        inspect_to=inspect.last_on,
        days=calendar.working_days_in(inspect.first_on, inspect.last_on),
    )


def conditions_of(row: CampaignRow) -> Conditions:
    """Read what narrows a campaign's frame."""
    categories = sorted({category for item in row.items for category in item["categories"]})
    return Conditions(tuple(categories), tuple(row.districts), tuple(row.target_labels), row.established_before)


def caps_of(row: CampaignRow) -> Caps:
    """Read the numbers a campaign's plan asks for beside its ratio."""
    return Caps(
        row.most,
        {
            each["category"]: ClassCap(
                None if each["ratio"] is None else Fraction(*each["ratio"]), each["least"], each["most"]
            )
            for each in row.class_bounds or ()
        },
    )


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


def candidates(rows: Sequence[TargetRow], first: frozenset[str] | None) -> tuple[Candidate, ...]:
    """Take from the register what decides on who may be drawn; of a staged campaign only its *first* stage's targets."""
    return tuple(_candidate(row) for row in rows if first is None or row.target in first)


def first_stage_of(session: Session, row: CampaignRow) -> frozenset[str] | None:
    """Name the targets of a staged campaign's first stage; None of any other campaign."""
    return None if row.parent is None else first_stage(session, row.county, row.parent, row.purpose)


def bounds_of(pack: RulePack, kinds: Collection[str], first: frozenset[str] | None) -> Bounds:
    """Give the bounds of the ratio; where a first stage chose the targets they were its own, and all are visited."""
    return packs.bounds(pack, kinds) if first is None else Bounds()


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
    absences = tuple(
        Absence(each.officer, each.first_on, each.last_on)
        for each in register_on(session, AbsenceRow, row.county, agency, on)
        if not each.cancelled
    )
    needed = tuple(sorted({label for slot in part.slot_labels for label in slot}))
    inspect_from = next(window for window in plan.stages if window.stage is Stage.INSPECT).first_on
    experts = tuple(
        _expert(each)
        for each in register_on(session, ExpertRow, row.county, agency, on)
        if each.valid_until >= inspect_from
    )
    return AgencyStaff(agency, tuple(confirmation.officers), needed, officers, recusals, absences, experts)


def _expert(row: ExpertRow) -> AnnexExpert:
    return AnnexExpert(
        expert=row.expert,
        agency=row.owner_agency,
        name=row.name,
        field=row.field,
        employer=row.employer,
        source=row.source,
        valid_until=row.valid_until,
        recused=(),
    )


def _experts(given: FrameInputs, selected: Selected) -> tuple[AnnexExpert, ...]:
    """List the experts that may be appointed, each with the targets of the frame they are recused from."""
    found = []
    for staff in given.staff:
        for expert in staff.experts:
            own = [each for each in staff.recusals if each.officer == expert.expert and each.binds(given.inspect_from)]
            found.append(expert.model_copy(update={"recused": spelt_out(own, selected.entities)}))
    return tuple(found)


def make(given: FrameInputs) -> MadeFrame:
    """
    Make frame file, rosters and annex; pure, and perhaps long.

    Raises:
        FrameEmpty, FirstStageLeftOut, BoundsClash, PlannedTooFew, PlannedExceedsFrame, NothingFeasible,
        PlannedAboveMaximum, PlannedNotOfTheRule.
    """
    selected = select_entities(given.candidates, given.conditions, given.lines, given.drawn)
    require_entities(selected)
    if given.first is not None:
        require_first_stage(selected, given.first)
    sizes = selected.sizes(given.conditions.categories)
    bounds = bounds_of(given.pack, given.kinds, given.first)
    if given.caps != NO_CAPS:
        refuse_clashes(weigh(given.spread, sizes, given.ratio, given.planned, bounds, given.caps))
    layout: tuple[DrawClass, ...] = check_planned(given.spread, sizes, given.ratio, given.planned, bounds, given.caps)
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
            staff.absences,
            given.days,
        )
        for staff in given.staff
    }
    absences = {seat.officer: seat.absent for roster in by_agency.values() for seat in roster.eligible if seat.absent}
    rosters = Rosters(
        campaign=given.campaign,
        agencies={
            agency: tuple(
                RosterOfficer(
                    officer=seat.officer,
                    labels=seat.labels,
                    cap=seat.cap,
                    base_load=0,
                    recused=seat.recused,
                    absent=seat.absent,
                )
                for seat in roster.eligible
            )
            for agency, roster in by_agency.items()
        },
        excluded={agency: roster.excluded for agency, roster in by_agency.items()},
        days=given.days if absences else (),
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
        absences=absences,
        experts=_experts(given, selected),
    )
    return MadeFrame(file, digest, selected, sizes, rosters, annex, by_agency)
