"""Campaigns: the list, what waits in it for somebody, and one campaign as far as the asker may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.rulepack import RulePack
from schemas.vocabulary import Role
from services.planner import dues, packs, progress
from services.planner.commands.campaigns import get_campaign, parts_of, warnings_of
from services.planner.domain import campaigns as rules
from services.planner.domain.stages import StageDays, Warned, stage_days
from services.planner.queries.frames import FrameView, frozen_frame
from services.planner.queries.plans import ItemInCampaign, categories_in, items_in, rules_of
from services.planner.queries.steps import FORWARD, due_of_step, next_step, steps_of
from services.planner.tables import AccountRow, CampaignRow, ConferenceRow, ConfirmationRow, DrawRow, DutyRow, PartRow


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
    most: int | None
    class_bounds: tuple[Mapping[str, Any], ...]
    districts: tuple[str, ...]
    target_labels: tuple[str, ...]
    established_before: date | None
    exclude_drawn: bool
    experts: tuple[Mapping[str, Any], ...]
    parent: str | None
    purpose: str
    disclosure: str
    witness: str | None
    dice: int | None
    beacons: tuple[str, ...]
    beacon_words: Mapping[str, tuple[str, str]]  # {source of randomness: (zh, en)}, as the pack calls them
    hash: str
    hash_words: Mapping[str, tuple[str, str]]  # {hash: (zh, en)}, as the pack calls them
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
        mine=bool(steps_of(row, parts, actor, step, sealed=drawn) & FORWARD),
        due_on=due_of_step(row, step),
        first_on=windows[0].first_on,
        last_on=windows[-1].last_on,
    )


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


def campaign_view(session: Session, actor: Actor, *, campaign_id: str) -> CampaignView:
    """Show one campaign; contact persons, the conference record and the frame are for the lead."""
    row = get_campaign(session, campaign_id)
    pack, calendar = rules_of(session, row)
    parts, attempts = parts_of(session, row.id), progress.attempts_of(session, row.id)
    drawn = progress.draw_completed(session, row.id)
    step = next_step(row, parts, drawn=drawn, sections=progress.sections_of(session, row.id))
    mine = steps_of(row, parts, actor, step, sealed=progress.draw_sealed(session, row.id))
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
        items=items_in(session, row),
        categories=categories_in(row, pack),
        ratio=Fraction(row.ratio_p, row.ratio_q),
        planned=row.planned,
        spread=row.spread,
        most=row.most,
        class_bounds=tuple(row.class_bounds or ()),
        districts=tuple(row.districts),
        target_labels=tuple(row.target_labels),
        established_before=row.established_before,
        exclude_drawn=row.exclude_drawn,
        experts=_experts(row, pack),
        parent=row.parent,
        purpose=row.purpose,
        disclosure=row.disclosure,
        witness=row.witness,
        dice=row.dice,
        beacons=tuple(row.beacons or ()),
        beacon_words={one.id: (one.zh, one.en) for one in pack.sources_of_randomness},
        hash=row.hash or rules.SHA256,
        hash_words={one.code: (one.zh, one.en) for one in pack.hashes_offered},
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
        frame=frozen_frame(session, row),
        draws=tuple(_draw(attempt) for attempt in attempts),
        sections=progress.sections_by_state(session, row.id),
        duties=_duties(session, row.id),
        next_step=step,
        mine=bool(mine & FORWARD),
        approvers=_approvers(session, actor, row),
        mine_to=mine,
    )


def _experts(row: CampaignRow, pack: RulePack) -> tuple[Mapping[str, Any], ...]:
    return tuple({**each, "words": packs.field_words(pack, each["field"])} for each in row.experts or ())


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
