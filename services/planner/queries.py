"""Read models of the planner: plain views for pages and API, as far as the asker may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import RulePack
from schemas.vocabulary import AgencyKind, Role, Stage
from services.planner import dues, packs, progress
from services.planner.commands.campaigns import get_campaign, parts_of, warnings_of
from services.planner.domain import campaigns as rules
from services.planner.domain.days import business_day
from services.planner.domain.frames import Line
from services.planner.domain.frames import select as select_entities
from services.planner.domain.ratios import Sizes, preview
from services.planner.domain.rosters import Officer
from services.planner.domain.stages import StageDays, Warned, stage_days
from services.planner.freezing import already_drawn, candidates, conditions_of
from services.planner.registers import all_checklists, register_on
from services.planner.tables import (
    AccountRow,
    AgencyRow,
    CampaignRow,
    ConferenceRow,
    ConfirmationRow,
    DrawRow,
    DutyRow,
    FrameRow,
    InspectorRow,
    ItemRow,
    PartRow,
    TargetRow,
)


@dataclass(frozen=True)
class AgencyView:
    """A body of the county."""

    agency: str
    name: str
    short_name: str
    kind: str


def agencies_of(session: Session, actor: Actor) -> dict[str, AgencyView]:
    """Name the bodies of the asker's county."""
    rows = session.scalars(select(AgencyRow).where(AgencyRow.county == actor.county).order_by(AgencyRow.id))
    return {row.id: AgencyView(row.id, row.name, row.short_name, row.kind) for row in rows}


# ── campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class CampaignLine:
    """A campaign in a list."""

    campaign: str
    title: str
    number: str
    lead: str
    state: str
    next_step: str  # code of what comes next, see `next_step`
    mine: bool  # whether the asker is who takes the next step
    due_on: date | None
    first_on: date
    last_on: date


@dataclass(frozen=True)
class PartView:
    """An agency's part in a campaign."""

    agency: str
    state: str
    officers: int
    checklists: tuple[tuple[str, int], ...]
    decline_reason: str | None
    answered_at: datetime | None
    eligible: int | None
    contact: str = ""
    phone: str = ""
    decline_text: str = ""


@dataclass(frozen=True)
class ItemInCampaign:
    """An item of the campaign and the categories it applies to."""

    item: str
    agency: str
    name: str
    kind: str
    legal_basis: str
    categories: tuple[str, ...]


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


@dataclass(frozen=True)
class DrawView:
    """An attempt at the draw."""

    draw: str
    attempt: int
    state: str
    committed: tuple[str, ...]
    expected: int
    visits: int
    sections: int
    void_reason: str | None


@dataclass(frozen=True)
class DutyView:
    """A duty of this campaign whose light is yellow or red."""

    agency: str
    duty: str
    subject: str
    due_on: date
    state: str


@dataclass(frozen=True)
class CampaignView:
    """Everything of a campaign that the asker may see."""

    campaign: str
    version: int
    state: str
    stored_state: str
    title: str
    number: str
    lead: str
    partners: tuple[str, ...]
    agencies: tuple[str, ...]
    stages: tuple[StageDays, ...]
    warnings: tuple[Warned, ...]
    items: tuple[ItemInCampaign, ...]
    categories: tuple[tuple[str, str, str], ...]  # (code, zh, en)
    ratio: Fraction
    planned: int
    spread: str
    districts: tuple[str, ...]
    target_labels: tuple[str, ...]
    established_before: date | None
    exclude_drawn: bool
    purpose: str
    disclosure: str
    witness: str | None
    dice: int | None
    plan_id: str
    plan_name: str
    type_name: str
    chain_len: int
    max_missing: int
    replacement_max: int
    pack: str
    edition: date
    pack_digest: str | None
    plan_digest: str | None
    respond: Mapping[str, Any] | None
    dues: Mapping[str, Any] | None
    created_at: datetime
    proposed_at: datetime | None
    proposed_by: str | None
    approved_at: datetime | None
    approved_by: str | None
    ended_at: datetime | None
    cancel_reason: str | None
    parts: tuple[PartView, ...]
    conference: Mapping[str, Any] | None
    frame: FrameView | None
    draws: tuple[DrawView, ...]
    sections: Mapping[str, Mapping[str, int]]
    duties: tuple[DutyView, ...]
    next_step: str
    mine: bool
    approvers: int
    mine_to: frozenset[str] = field(default_factory=frozenset)  # steps the asker could take now


def next_step(row: CampaignRow, parts: Sequence[PartRow], *, drawn: bool, sections: tuple[int, int]) -> str:
    """Name what happens next: propose, confirm, approve, freeze, draw, inspect, close, or nothing."""
    match row.state:
        case rules.DRAFT:
            return "propose"
        case rules.PROPOSED:
            waiting = any(part.state not in (rules.AGREED, rules.REMOVED) for part in parts)
            return "confirm" if waiting else "approve"
        case rules.CONFIRMED:
            return "freeze"
        case rules.FROZEN if not drawn:
            return "draw"
        case rules.FROZEN:
            return "close" if sections[0] and sections[1] >= sections[0] else "inspect"
    return "nothing"


def steps_of(row: CampaignRow, parts: Sequence[PartRow], actor: Actor, step: str, *, drawn: bool) -> frozenset[str]:
    """Name the steps the asker may take now; the page offers these, the commands decide."""
    lead, planner = row.owner_agency == actor.agency, actor.has(Role.PLANNER)
    found: set[str] = set()
    if lead and planner and step in ("propose", "freeze", "close"):
        found.add(step)
    if lead and planner and row.state == rules.DRAFT:
        found.add("edit")
    if planner and row.state == rules.PROPOSED:
        own = [part for part in parts if part.agency == actor.agency]
        found |= {"confirm" if part.state == rules.ASKED else "confirm_again" for part in own if _answerable(part)}
        if lead:
            found |= {"remove" for part in parts if part.state in (rules.ASKED, rules.DECLINED)}
    if lead and actor.has(Role.APPROVER) and step == "approve" and row.proposed_by != actor.id:
        found.add("approve")
    if lead and actor.has(Role.PLANNER, Role.AGENCY_HEAD) and not drawn and row.state not in _ENDED:
        found.add("cancel")
    return frozenset(found)


_ENDED = (rules.CLOSED, rules.CANCELLED)
FORWARD = frozenset({"propose", "confirm", "approve", "freeze", "close"})


def _answerable(part: PartRow) -> bool:
    return part.state in (rules.ASKED, rules.AGREED)


def campaigns_of(session: Session, actor: Actor, *, year: int | None = None) -> list[CampaignLine]:
    """List the campaigns the asker may see, newest first."""
    rows = list(session.scalars(select(CampaignRow).order_by(CampaignRow.id.desc())))
    parts = _parts_by_campaign(session)
    lines = [_line(session, row, parts.get(row.id, []), actor) for row in rows]
    return [line for line in lines if year is None or line.first_on.year == year]


def _parts_by_campaign(session: Session) -> dict[str, list[PartRow]]:
    found: dict[str, list[PartRow]] = {}
    for part in session.scalars(select(PartRow).order_by(PartRow.id)):
        found.setdefault(part.campaign, []).append(part)
    return found


def _line(session: Session, row: CampaignRow, parts: Sequence[PartRow], actor: Actor) -> CampaignLine:
    drawn = row.state == rules.FROZEN and progress.draw_completed(session, row.id)
    step = next_step(row, parts, drawn=drawn, sections=progress.sections_of(session, row.id) if drawn else (0, 0))
    windows = dues.windows_of(row.stages)
    return CampaignLine(
        campaign=row.id,
        title=row.title,
        number=row.number,
        lead=row.owner_agency,
        state=rules.shown_state(row.state, drawn=drawn),
        next_step=step,
        mine=bool(steps_of(row, parts, actor, step, drawn=drawn) & FORWARD),
        due_on=_due_of_step(row, step),
        first_on=windows[0].first_on,
        last_on=windows[-1].last_on,
    )


def _due_of_step(row: CampaignRow, step: str) -> date | None:
    windows = {window.stage.value: window.last_on for window in dues.windows_of(row.stages)}
    match step:
        case "confirm" if row.respond is not None:
            return date.fromisoformat(row.respond["due_on"])
        case "propose" | "approve":
            return windows["prepare"]
        case "freeze" | "draw":
            return windows["draw"]
        case "inspect":
            return windows["inspect"]
        case "close":
            return windows["publish"]
    return None


def campaign_view(session: Session, actor: Actor, *, campaign_id: str) -> CampaignView:
    """Show one campaign; contact persons, the conference record and the frame are for the lead."""
    row = get_campaign(session, campaign_id)
    pack, calendar = _rules_of(session, row)
    parts, attempts = parts_of(session, row.id), progress.attempts_of(session, row.id)
    drawn = progress.draw_completed(session, row.id)
    step = next_step(row, parts, drawn=drawn, sections=progress.sections_of(session, row.id))
    mine = steps_of(row, parts, actor, step, drawn=drawn)
    conference = session.get(ConferenceRow, row.id)
    return CampaignView(
        campaign=row.id,
        version=row.version,
        state=rules.shown_state(row.state, drawn=drawn),
        stored_state=row.state,
        title=row.title,
        number=row.number,
        lead=row.owner_agency,
        partners=tuple(row.partners),
        agencies=tuple(sorted({row.owner_agency, *row.partners})),
        stages=stage_days(dues.windows_of(row.stages), calendar),
        warnings=warnings_of(row, pack, calendar, conference.held_on if conference else None)
        if row.owner_agency == actor.agency
        else tuple(
            warned for warned in warnings_of(row, pack, calendar, None) if not warned.code.startswith("conference")
        ),
        items=_items(session, row),
        categories=_categories(row, pack),
        ratio=Fraction(row.ratio_p, row.ratio_q),
        planned=row.planned,
        spread=row.spread,
        districts=tuple(row.districts),
        target_labels=tuple(row.target_labels),
        established_before=row.established_before,
        exclude_drawn=row.exclude_drawn,
        purpose=row.purpose,
        disclosure=row.disclosure,
        witness=row.witness,
        dice=row.dice,
        plan_id=row.plan_id,
        plan_name=row.plan_name,
        type_name=row.type_name,
        chain_len=row.chain_len,
        max_missing=row.max_missing,
        replacement_max=row.replacement_max,
        pack=row.pack,
        edition=row.edition,
        pack_digest=row.pack_digest,
        plan_digest=row.plan_digest,
        respond=row.respond,
        dues=row.dues,
        created_at=row.created_at,
        proposed_at=row.proposed_at,
        proposed_by=row.proposed_by,
        approved_at=row.approved_at,
        approved_by=row.approved_by,
        ended_at=row.ended_at,
        cancel_reason=row.cancel_reason,
        parts=_parts(session, row, parts),
        conference=None
        if conference is None
        else {"held_on": conference.held_on, "attendees": conference.attendees, "record": conference.record},
        frame=_frame(session, row),
        draws=tuple(_draw(attempt) for attempt in attempts),
        sections=progress.sections_by_state(session, row.id),
        duties=_duties(session, row.id),
        next_step=step,
        mine=bool(mine & FORWARD),
        approvers=_approvers(session, actor, row),
        mine_to=mine,
    )


def _rules_of(session: Session, row: CampaignRow) -> tuple[RulePack, WorkingCalendar]:
    pack = packs.read_pack(packs.find_pack(session, row.county, row.pack, row.edition).document)
    return pack, packs.read_calendar(packs.find_calendar(session, row.county, pack.calendar).document)


def _items(session: Session, row: CampaignRow) -> tuple[ItemInCampaign, ...]:
    chosen = {each["item"]: tuple(each["categories"]) for each in row.items}
    rows = session.scalars(
        select(ItemRow)
        .where(ItemRow.county == row.county, ItemRow.valid_to.is_(None), ItemRow.item.in_(list(chosen)))
        .order_by(ItemRow.item)
    )
    return tuple(
        ItemInCampaign(each.item, each.agency, each.name, each.kind, each.legal_basis, chosen[each.item])
        for each in rows
    )


def _categories(row: CampaignRow, pack: RulePack) -> tuple[tuple[str, str, str], ...]:
    used = {category for item in row.items for category in item["categories"]}
    return tuple((word.code, word.zh, word.en) for word in pack.categories if word.code in used)


def _parts(session: Session, row: CampaignRow, parts: Sequence[PartRow]) -> tuple[PartView, ...]:
    said = {
        each.owner_agency: each
        for each in session.scalars(select(ConfirmationRow).where(ConfirmationRow.campaign == row.id))
    }
    return tuple(_part(part, said.get(part.agency)) for part in parts)


def _part(part: PartRow, said: ConfirmationRow | None) -> PartView:
    return PartView(
        agency=part.agency,
        state=part.state,
        officers=part.officers,
        checklists=tuple((name, edition) for name, edition in part.checklists),
        decline_reason=part.decline_reason,
        answered_at=part.answered_at,
        eligible=part.eligible,
        contact=said.contact if said else "",
        phone=said.phone if said else "",
        decline_text=said.decline_text if said else "",
    )


def _frame(session: Session, row: CampaignRow) -> FrameView | None:
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


def _draw(row: DrawRow) -> DrawView:
    return DrawView(
        row.draw, row.attempt, row.state, tuple(row.committed), row.expected, row.visits, row.sections, row.void_reason
    )


def _duties(session: Session, campaign: str) -> tuple[DutyView, ...]:
    rows = session.scalars(select(DutyRow).where(DutyRow.campaign == campaign).order_by(DutyRow.due_on, DutyRow.id))
    return tuple(DutyView(row.owner_agency, row.duty, row.subject, row.due_on, row.state) for row in rows)


def _approvers(session: Session, actor: Actor, row: CampaignRow) -> int:
    if actor.agency != row.owner_agency:
        return 0
    accounts = session.scalars(select(AccountRow).where(AccountRow.owner_agency == row.owner_agency))
    return sum(
        1
        for account in accounts
        if not account.closed and Role.APPROVER.value in account.roles and account.id != row.proposed_by
    )


@dataclass(frozen=True)
class SizesView:
    """Both spreads of the draw for the register as it stands on a day."""

    campaign: str
    on: date
    sizes: Sizes
    spread: str
    excluded: Mapping[str, int]  # reason → targets


def campaign_sizes(session: Session, actor: Actor, *, campaign_id: str, at: datetime) -> SizesView:
    """Work out how many targets either spread would draw from the lead's register as it stands today."""
    row = get_campaign(session, campaign_id)
    if row.owner_agency != actor.agency:
        raise rules.NotTheLead(campaign=campaign_id)
    on = business_day(at)
    pack, _ = _rules_of(session, row)
    conditions = conditions_of(row)
    lines = [Line(each["item"], each["agency"], frozenset(each["categories"])) for each in row.items]
    registered = register_on(session, TargetRow, row.county, row.owner_agency, on)
    selected = select_entities(candidates(registered), conditions, lines, already_drawn(session, row, on.year))
    kinds = {item.kind for item in _items(session, row)}
    excluded: dict[str, int] = {}
    for _, reason in selected.excluded:
        excluded[reason] = excluded.get(reason, 0) + 1
    sizes = preview(
        selected.sizes(conditions.categories),
        Fraction(row.ratio_p, row.ratio_q),
        row.planned,
        packs.bounds(pack, kinds),
    )
    return SizesView(row.id, on, sizes, row.spread, dict(sorted(excluded.items())))


@dataclass(frozen=True)
class HomeTask:
    """One thing of the planner's that waits for the asker."""

    step: str
    campaign: str
    title: str
    due_on: date | None


def tasks_of(session: Session, actor: Actor) -> list[HomeTask]:
    """List what waits for the asker: campaigns to propose, confirm, approve, freeze or close; soonest first."""
    lines = [line for line in campaigns_of(session, actor) if line.mine]
    tasks = [HomeTask(line.next_step, line.campaign, line.title, line.due_on) for line in lines]
    return sorted(tasks, key=lambda task: (task.due_on or date.max, task.campaign))


def inspecting_agencies(session: Session, actor: Actor) -> list[AgencyView]:
    """List the agencies that may take part, the asker's own left out."""
    return [
        view
        for view in agencies_of(session, actor).values()
        if view.kind == AgencyKind.AGENCY and view.agency != actor.agency
    ]


def witness_bodies(session: Session, actor: Actor) -> list[AgencyView]:
    """List the bodies that may witness a draw."""
    return [view for view in agencies_of(session, actor).values() if view.kind == AgencyKind.WITNESS_BODY]


# ── an agency's own part ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class OfficerChoice:
    """An officer who may be named, and why the draw would leave them out, if it would."""

    officer: str
    name: str
    labels: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True)
class ChecklistOption:
    """A checklist edition that may be confirmed."""

    value: str  # item@edition
    title: str
    edition: int
    questions: int


@dataclass(frozen=True)
class PartForm:
    """What an agency fills in to confirm: officers with their eligibility, checklists of its items, reasons to decline."""

    agency: str
    state: str
    minimum: int
    items: tuple[ItemInCampaign, ...]
    officers: tuple[OfficerChoice, ...]
    checklists: tuple[ChecklistOption, ...]
    decline_reasons: tuple[tuple[str, str, str], ...]
    values: Mapping[str, Any]


def part_form(session: Session, actor: Actor, *, campaign_id: str, on: date) -> PartForm:
    """Prepare the form of the asker's agency; proposes every eligible officer and the newest checklists."""
    row = get_campaign(session, campaign_id)
    part = session.get(PartRow, f"{campaign_id}.{actor.agency}")
    if part is None:
        raise rules.NotAPartner(campaign=campaign_id, agency=actor.agency)
    pack, _ = _rules_of(session, row)
    items = tuple(item for item in _items(session, row) if item.agency == actor.agency)
    officers = _officer_choices(session, actor, row, pack, items, on)
    checklists = _checklist_options(session, actor, {item.item for item in items})
    said = session.get(ConfirmationRow, f"{campaign_id}.{actor.agency}")
    newest: dict[str, str] = {}
    for option in checklists:
        newest.setdefault(option.value.rpartition("@")[0], option.value)
    again = part.state == rules.AGREED and said is not None
    values = {
        "officers": list(said.officers)
        if again and said is not None
        else [each.officer for each in officers if each.reason is None],
        "checklists": [f"{name}@{edition}" for name, edition in part.checklists] if again else sorted(newest.values()),
        "contact_name": said.contact if said else "",
        "contact_phone": said.phone if said else "",
    }
    return PartForm(
        agency=actor.agency,
        state=part.state,
        minimum=pack.team.pool_minimum,
        items=items,
        officers=officers,
        checklists=checklists,
        decline_reasons=tuple((word.code, word.zh, word.en) for word in pack.decline_reasons),
        values=values,
    )


def _officer_choices(
    session: Session, actor: Actor, row: CampaignRow, pack: RulePack, items: Sequence[ItemInCampaign], on: date
) -> tuple[OfficerChoice, ...]:
    listed = {each.item: each for each in register_on(session, ItemRow, actor.county, actor.agency)}
    needed = packs.labels_needed(
        pack, actor.agency, [(item.item, listed[item.item].labels, item.categories) for item in items]
    )
    inspect = next(window for window in dues.windows_of(row.stages) if window.stage is Stage.INSPECT)
    return tuple(
        OfficerChoice(
            each.officer,
            each.name,
            tuple(each.labels),
            Officer(
                each.officer, frozenset(each.labels), each.credential_from, each.credential_until, each.cap, each.state
            ).reason_against(needed, inspect.first_on, inspect.last_on),
        )
        for each in register_on(session, InspectorRow, actor.county, actor.agency, on)
    )


def _checklist_options(session: Session, actor: Actor, items: set[str]) -> tuple[ChecklistOption, ...]:
    return tuple(
        ChecklistOption(f"{each.checklist}@{each.edition}", each.title, each.edition, each.questions)
        for each in all_checklists(session, actor.county, actor.agency)
        if items & set(each.items)
    )
