"""
What the planner hears: who there is, and how far its campaigns are.

Projections only, so all of it can be replayed; but that a seal takes back a cancellation is decided once,
and a recusal that was granted goes into its register once.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotYet, Rejected, Unreadable
from runtime.events.handling import Received, arrived, handles
from runtime.store import share
from schemas.documents import GrantedRecusal
from schemas.events.accounts import AccountChanged, AccountClosed, AccountOpened, AgencyRegistered
from schemas.events.campaigns import CampaignResumed
from schemas.events.draws import (
    CommitmentReceived,
    DrawCompleted,
    DrawDisclosed,
    DrawImported,
    DrawOpened,
    DrawsPayload,
    DrawVoided,
    ImportCorrected,
    RecusalGranted,
    RevealsSealed,
    RoundClosed,
)
from schemas.events.notices import DeadlineApproaching, DeadlineEscalated, DeadlineMissed, DutyPayload
from schemas.events.payload import Payload
from schemas.events.results import (
    ChecklistSubmitted,
    FindingRaised,
    ResultApproved,
    ResultPublished,
    ResultReturned,
    SectionPayload,
    VisitClosed,
    VisitScheduled,
)
from services.planner.domain import campaigns as rules
from services.planner.domain.days import business_day
from services.planner.packs import partys_request
from services.planner.registers import next_edition, register_on
from services.planner.tables import (
    AccountRow,
    AgencyRow,
    CampaignRow,
    DrawnTargetRow,
    DrawRow,
    DutyRow,
    RecusalRow,
    SectionRow,
)

Blobs = Mapping[str, bytes]
LIGHTS = ("approaching", "missed", "escalated")


class CampaignNotOurs(Rejected):
    """A fact speaks of a campaign that this planner never proposed."""

    code = "campaign.not_ours"


class RecordUnreadable(Unreadable):
    """A disclosed draw record does not say what was selected."""

    code = "draw.record_unreadable"


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(AgencyRegistered, replay=True)
def know_agency(event: Received[AgencyRegistered], blobs: Blobs, session: Session) -> None:
    """Remember a body of the county, under the name it was last registered with."""
    data = event.data
    row = session.get(AgencyRow, data.agency) or AgencyRow(id=data.agency)
    row.county, row.kind, row.name, row.short_name = data.county, data.kind.value, data.name, data.short_name
    session.add(row)


@handles(AccountOpened, replay=True)
def know_account(event: Received[AccountOpened], blobs: Blobs, session: Session) -> None:
    """Remember an account's roles."""
    _keep_account(event.data, session)


@handles(AccountChanged, replay=True)
def change_account(event: Received[AccountChanged], blobs: Blobs, session: Session) -> None:
    """Remember an account's new roles."""
    _keep_account(event.data, session)


@handles(AccountClosed, replay=True)
def close_account(event: Received[AccountClosed], blobs: Blobs, session: Session) -> None:
    """Remember that an account can no longer act."""
    row = session.get(AccountRow, event.data.account)
    if row is not None:
        row.closed = True


def _keep_account(data: AccountOpened | AccountChanged, session: Session) -> None:
    row = session.get(AccountRow, data.account) or AccountRow(id=data.account, closed=False)
    row.county, row.owner_agency, row.roles = data.county, data.agency, sorted(role.value for role in data.roles)
    session.add(row)


# ── the draw ────────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(DrawOpened, replay=True)
def follow_draw(event: Received[DrawOpened], blobs: Blobs, session: Session) -> None:
    """Follow an attempt at the draw from its opening; its agencies and its witness see how far it is."""
    _follow(event.data, event.data.agencies, event.data.witness, event.time, session)


@handles(DrawImported, replay=True)
def note_import(event: Received[DrawImported], blobs: Blobs, session: Session) -> None:
    """Note a draw that was made elsewhere: it is heard of when it stands."""
    row = _follow(event.data, event.data.agencies, event.data.witness, event.time, session)
    row.state, row.completed_at = "completed", event.time
    row.visits, row.sections = event.data.visits, event.data.sections


def _follow(
    data: DrawsPayload, agencies: Iterable[str], witness: str | None, at: datetime, session: Session
) -> DrawRow:
    lead, bodies = _campaign(session, data.campaign).owner_agency, tuple(agencies)
    row = DrawRow(
        id=_attempt(data),
        county=data.county,
        owner_agency=lead,
        draw=data.draw,
        campaign=data.campaign,
        attempt=data.attempt,
        state="opened",
        committed=[],
        expected=len(bodies),
        visits=0,
        sections=0,
        opened_at=at,
    )
    session.add(row)
    session.flush()
    for body in sorted({*bodies, witness or lead} - {lead}):
        share(session, row, body)
    arrived(session, f"draw:{data.draw}")
    return row


@handles(CommitmentReceived, replay=True)
def count_commitment(event: Received[CommitmentReceived], blobs: Blobs, session: Session) -> None:
    """Note that an agency has committed."""
    row = _draw(session, event.data)
    row.committed = sorted({*row.committed, event.data.agency})


@handles(RevealsSealed, replay=True)
def note_seal(event: Received[RevealsSealed], blobs: Blobs, session: Session) -> None:
    """Note that nothing voids the attempt any more."""
    _draw(session, event.data).state = "sealed"


@handles(RevealsSealed)
def carry_out_after_all(event: Received[RevealsSealed], blobs: Blobs, session: Session) -> list[Payload]:
    """Take a cancellation back that was given before this seal was heard of; the reason given for it stays."""
    return _resume(event.data, session)


@handles(DrawImported)
def carry_out_imported(event: Received[DrawImported], blobs: Blobs, session: Session) -> list[Payload]:
    """Take a cancellation back that was given before this import was heard of."""
    return _resume(event.data, session)


def _resume(data: DrawsPayload, session: Session) -> list[Payload]:
    campaign = _campaign(session, data.campaign)
    if campaign.state != rules.CANCELLED:
        return []
    campaign.state, campaign.version = rules.FROZEN, campaign.version + 1
    campaign.ended_at = campaign.ended_by = None
    return [CampaignResumed(county=campaign.county, campaign=campaign.id, lead=campaign.owner_agency)]


@handles(DrawCompleted, replay=True)
def note_completion(event: Received[DrawCompleted], blobs: Blobs, session: Session) -> None:
    """Note how many visits and sections were drawn."""
    row = _draw(session, event.data)
    row.state, row.completed_at = "completed", event.time
    row.visits, row.sections = event.data.visits, event.data.sections


@handles(RoundClosed, replay=True)
def note_round(event: Received[RoundClosed], blobs: Blobs, session: Session) -> None:
    """Note how many visits and sections stand after a replacement round."""
    row = _draw(session, event.data)
    row.visits, row.sections = event.data.visits, event.data.sections


@handles(ImportCorrected, replay=True)
def note_correction(event: Received[ImportCorrected], blobs: Blobs, session: Session) -> None:
    """Note how many visits and sections stand once an imported list was put right."""
    row = _draw(session, event.data)
    row.visits, row.sections = event.data.visits, event.data.sections


@handles(DrawVoided, replay=True)
def note_void(event: Received[DrawVoided], blobs: Blobs, session: Session) -> None:
    """Note that an attempt ended without a draw."""
    row = _draw(session, event.data)
    row.state, row.void_reason = "voided", event.data.reason


@handles(DrawDisclosed, blobs=("record",), replay=True)
def remember_drawn(event: Received[DrawDisclosed], blobs: Blobs, session: Session) -> None:
    """Remember who was drawn, from the public record, so that a later campaign may leave them out."""
    data = event.data
    row, campaign = _draw(session, data), _campaign(session, data.campaign)
    row.state = "disclosed"
    year = business_day(row.completed_at or event.time).year
    selected = selected_in(blobs["record"])
    kept = select(DrawnTargetRow).where(DrawnTargetRow.campaign == data.campaign)
    for known in session.scalars(kept):
        if known.target not in selected:  # replaced since an open record was first published
            session.delete(known)
    for target in selected:
        found = session.get(DrawnTargetRow, f"{data.campaign}.{target}")
        if found is None:
            found = DrawnTargetRow(id=f"{data.campaign}.{target}", county=data.county, campaign=data.campaign)
            session.add(found)
        found.target, found.purpose, found.year = target, campaign.purpose, year


@handles(RecusalGranted, blobs=("recusal",))
def keep_recusal(event: Received[RecusalGranted], blobs: Blobs, session: Session) -> None:
    """Write a recusal that a firm asked for and the head granted into the agency's register, unless it stands there."""
    granted = GrantedRecusal.model_validate_json(blobs["recusal"])
    on, county, agency = business_day(event.time), event.data.county, granted.agency
    same = select(RecusalRow).where(
        RecusalRow.county == county,
        RecusalRow.owner_agency == agency,
        RecusalRow.officer == granted.officer,
        RecusalRow.target == granted.target,
    )
    versions = list(session.scalars(same))
    standing = next((row for row in versions if row.valid_to is None), None)
    if standing is not None and standing.until_on is None:
        return
    if standing is not None:
        standing.valid_to = on
    version = 1 + max((row.version for row in versions), default=0)
    session.add(
        RecusalRow(
            id=f"{county}.{agency}.{granted.officer}.{granted.target}.{version}",
            county=county,
            owner_agency=agency,
            officer=granted.officer,
            target=granted.target,
            category=None,
            reason=partys_request(session, county),
            until_on=None,
            version=version,
            valid_from=on,
            valid_to=None,
            recorded_at=event.time,
            recorded_by=event.data.change,
        )
    )
    session.flush()
    next_edition(session, county, agency, "recusals", len(register_on(session, RecusalRow, county, agency)), event.time)


def selected_in(record: bytes) -> list[str]:
    """List the targets a draw record selected, in its replacement rounds too but for those removed, ascending."""
    try:
        told = json.loads(record)
        rounds = told.get("replacements", [])
        removed = {str(one["id"]) for each in rounds for one in each["rho"]["removed"]}
        drawn: list[dict[str, dict[str, list[Any]]]] = [told["selected"], *(each["selected"] for each in rounds)]
        found = {str(target) for one in drawn for strata in one.values() for ids in strata.values() for target in ids}
        return sorted(found - removed)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordUnreadable() from error


def _campaign(session: Session, campaign: str) -> CampaignRow:
    row = session.get(CampaignRow, campaign)
    if row is None:
        raise CampaignNotOurs(campaign=campaign)
    return row


def _attempt(data: DrawsPayload) -> str:
    return f"{data.draw}.{data.attempt}"


def _draw(session: Session, data: DrawsPayload) -> DrawRow:
    row = session.get(DrawRow, _attempt(data))
    if row is None:
        raise NotYet(f"draw:{data.draw}")
    return row


# ── results ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(VisitScheduled, replay=True)
def note_visit(event: Received[VisitScheduled], blobs: Blobs, session: Session) -> None:
    """Note the day on which the agencies of a visit arrive."""
    for agency in event.data.agencies:
        row = _section(session, event.data.county, event.data.campaign, event.data.visit, agency)
        row.visit_on = event.data.visit_on


@handles(VisitClosed, replay=True)
def note_closed_visit(event: Received[VisitClosed], blobs: Blobs, session: Session) -> None:
    """Forget what was still to come of a visit whose target was replaced; what was entered stays."""
    for agency in event.data.agencies:
        row = session.get(SectionRow, f"{event.data.visit}-{agency}")
        if row is not None and row.state in ("scheduled", "returned"):
            session.delete(row)


@handles(ChecklistSubmitted, replay=True)
def note_entry(event: Received[ChecklistSubmitted], blobs: Blobs, session: Session) -> None:
    """Note that a section is entered."""
    _section_of(session, event.data).state = "entered"


@handles(ResultReturned, replay=True)
def note_return(event: Received[ResultReturned], blobs: Blobs, session: Session) -> None:
    """Note that a section went back to whoever entered it."""
    _section_of(session, event.data).state = "returned"


@handles(ResultApproved, replay=True)
def note_approval(event: Received[ResultApproved], blobs: Blobs, session: Session) -> None:
    """Note that a section is approved."""
    _section_of(session, event.data).state = "approved"


@handles(FindingRaised, replay=True)
def count_finding(event: Received[FindingRaised], blobs: Blobs, session: Session) -> None:
    """Count a finding; what was found stays with its agency."""
    _section_of(session, event.data).findings += 1


@handles(ResultPublished, replay=True)
def note_publication(event: Received[ResultPublished], blobs: Blobs, session: Session) -> None:
    """Note a publication and how it was graded."""
    row, data = _section_of(session, event.data), event.data
    row.state, row.published_on = "published", data.published_on
    row.late_by_rule, row.late_by_plan = data.late_by_rule, data.late_by_plan


def _section_of(session: Session, data: SectionPayload) -> SectionRow:
    return _section(session, data.county, data.campaign, data.visit, data.agency)


def _section(session: Session, county: str, campaign: str, visit: str, agency: str) -> SectionRow:
    row_id = f"{visit}-{agency}"
    row = session.get(SectionRow, row_id)
    if row is None:
        lead = _campaign(session, campaign).owner_agency
        row = SectionRow(
            id=row_id,
            county=county,
            owner_agency=agency,
            campaign=campaign,
            visit=visit,
            state="scheduled",
            late_by_rule=False,
            late_by_plan=False,
            findings=0,
        )
        session.add(row)
        session.flush()
        if lead != agency:
            share(session, row, lead)
    return row


# ── duties ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@handles(DeadlineApproaching, replay=True)
def note_yellow(event: Received[DeadlineApproaching], blobs: Blobs, session: Session) -> None:
    """Note that a duty's light turned yellow."""
    _light(session, event.data, "approaching")


@handles(DeadlineMissed, replay=True)
def note_red(event: Received[DeadlineMissed], blobs: Blobs, session: Session) -> None:
    """Note that a duty is overdue."""
    _light(session, event.data, "missed")


@handles(DeadlineEscalated, replay=True)
def note_escalation(event: Received[DeadlineEscalated], blobs: Blobs, session: Session) -> None:
    """Note that an overdue duty was brought before somebody higher."""
    _light(session, event.data, "escalated").escalated_to = event.data.to


def _light(session: Session, data: DutyPayload, state: str) -> DutyRow:
    row = session.get(DutyRow, data.notice)
    if row is None:
        campaign = campaign_of(session, data.subject)
        row = DutyRow(
            id=data.notice,
            county=data.county,
            owner_agency=data.agency,
            campaign=campaign,
            duty=data.duty,
            subject=data.subject,
            due_on=data.due_on,
            state=state,
        )
        session.add(row)
        lead = None if campaign is None else _campaign(session, campaign).owner_agency
        if lead is not None and lead != data.agency:
            share(session, row, lead)
    row.due_on = data.due_on
    row.state = max(row.state, state, key=LIGHTS.index)
    return row


VISIT = re.compile(r"V-(.+)-[0-9]{2,}(?:-[^-]+)?")


def campaign_of(session: Session, subject: str) -> str | None:
    """
    Find the campaign a duty's subject belongs to: a campaign, a draw, or a visit or section, which carry the draw's number.

    Raises:
        NotYet: the draw that drew this visit has not been heard of.
    """
    if subject.startswith("C-"):
        return subject if session.get(CampaignRow, subject) is not None else None
    draw = subject if subject.startswith("D-") else None
    if draw is None and (found := VISIT.fullmatch(subject)) is not None:
        draw = f"D-{found[1]}"
    if draw is None:
        return None
    row = session.scalars(select(DrawRow).where(DrawRow.draw == draw).order_by(DrawRow.attempt)).first()
    if row is None:
        raise NotYet(f"draw:{draw}")
    return row.campaign


HANDLERS = (
    know_agency,
    know_account,
    change_account,
    close_account,
    follow_draw,
    note_import,
    count_commitment,
    note_seal,
    carry_out_after_all,
    carry_out_imported,
    note_completion,
    note_round,
    note_correction,
    note_void,
    remember_drawn,
    keep_recusal,
    note_visit,
    note_closed_visit,
    note_entry,
    note_return,
    note_approval,
    count_finding,
    note_publication,
    note_yellow,
    note_red,
    note_escalation,
)
