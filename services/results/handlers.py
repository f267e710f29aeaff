"""
What results hears: bodies, packs, calendars and checklists, campaigns and frames, and the draw that opens visits.

Packs, calendars, checklists and campaigns are projections and may be heard again from the beginning. Visits are opened
once. Whatever comes first waits for what it needs, so that any order across topics ends in the same state.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotYet, Unreadable
from runtime.events.handling import Received, arrived, handles
from runtime.store import share
from schemas.documents import (
    AnnexExpert,
    AnnexTarget,
    CampaignPlan,
    ChecklistDocument,
    FrameAnnex,
    TeamChange,
    WorkList,
    WorkTeam,
    WorkVisit,
)
from schemas.events.accounts import AgencyRegistered
from schemas.events.campaigns import CampaignConfirmed, FrameFrozen
from schemas.events.draws import (
    AppointmentEnded,
    DrawCompleted,
    DrawDisclosed,
    DrawImported,
    InspectorAppointed,
    InspectorSubstituted,
    RoundClosed,
    RoundOpened,
    RoundSpent,
    TargetReplaced,
)
from schemas.events.payload import Payload
from schemas.events.registers import CalendarPublished, ChecklistPublished, RulepackPublished
from schemas.events.results import VisitClosed
from schemas.rulepack import Calendar, RulePack
from schemas.vocabulary import Purpose
from services.results.domain.sections import EDITABLE, State
from services.results.tables import (
    Agency,
    Base,
    CalendarEdition,
    Campaign,
    Checklist,
    DrawFact,
    ExpertKnown,
    FrameAnnexKept,
    Pack,
    Section,
    Visit,
)

log = structlog.get_logger()


class TargetNotInFrame(Unreadable):
    """The work list names a target that the frame's annex does not hold."""

    code = "visit.target_not_in_frame"


def _put(session: Session, kind: type[Base], key: str, /, **facts: Any) -> Any:
    """Write a projection's row, new or again."""
    row: Any = session.get(kind, key)
    if row is None:
        row = kind(**facts)
        session.add(row)
    else:
        for name, value in facts.items():
            setattr(row, name, value)
    return row


@handles(AgencyRegistered, replay=True)
def know_body(event: Received[AgencyRegistered], blobs: Mapping[str, bytes], session: Session) -> None:
    """Know a body's kind and name."""
    said = event.data
    _put(
        session,
        Agency,
        said.agency,
        id=said.agency,
        county=said.county,
        kind=said.kind.value,
        name=said.name,
        short_name=said.short_name,
    )


@handles(RulepackPublished, blobs=("document",), replay=True)
def take_pack(event: Received[RulepackPublished], blobs: Mapping[str, bytes], session: Session) -> None:
    """Keep a rule pack under its digest."""
    pack = RulePack.model_validate_json(blobs["document"])
    document = pack.model_dump(mode="json")
    digest = event.data.digest
    _put(session, Pack, digest, digest=digest, pack=pack.id, edition=pack.edition, document=document)
    arrived(session, f"rulepack:{digest}")


@handles(CalendarPublished, blobs=("document",), replay=True)
def take_calendar(event: Received[CalendarPublished], blobs: Mapping[str, bytes], session: Session) -> None:
    """Keep a calendar under its digest."""
    calendar = Calendar.model_validate_json(blobs["document"])
    digest = calendar.digest()
    document = calendar.model_dump(mode="json")
    _put(session, CalendarEdition, digest, digest=digest, calendar=calendar.id, document=document)
    arrived(session, f"calendar:{digest}")


@handles(ChecklistPublished, blobs=("document",), replay=True)
def take_checklist(event: Received[ChecklistPublished], blobs: Mapping[str, bytes], session: Session) -> None:
    """Keep one edition of an agency's checklist; it is that agency's."""
    said = event.data
    written = ChecklistDocument.model_validate_json(blobs["document"])
    name = f"{said.agency}.{said.checklist}.{said.edition}"
    document = written.model_dump(mode="json")
    _put(session, Checklist, name, id=name, county=said.county, owner_agency=said.agency, document=document)
    arrived(session, f"checklist:{name}")


@handles(CampaignConfirmed, blobs=("plan",), replay=True)
def take_campaign(event: Received[CampaignConfirmed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Know a confirmed campaign: its stages, its pinned rules, its items."""
    said, plan = event.data, CampaignPlan.model_validate_json(blobs["plan"])
    campaign = _put(
        session,
        Campaign,
        said.campaign,
        id=said.campaign,
        county=said.county,
        owner_agency=said.lead,
        title=said.title,
        number=said.number,
        lead=said.lead,
        agencies=list(said.agencies),
        purpose=said.purpose.value,
        disclosure=plan.disclosure,
        pack_digest=said.pack.digest,
        calendar_digest=said.calendar,
        stages={stage.stage.value: stage.model_dump(mode="json", exclude={"stage"}) for stage in said.stages},
        items=[item.model_dump(mode="json") for item in plan.items],
        officers_per_target={part.agency: part.officers_per_target for part in plan.agencies},
        publication_rule=said.publication_rule.model_dump(mode="json"),
        publication_plan=said.publication_plan.model_dump(mode="json"),
        public_names=plan.publication.model_dump(),
        experts={part.agency: [each.model_dump() for each in part.experts] for part in plan.agencies if part.experts}
        or None,
    )
    for agency in said.agencies:
        if agency != said.lead:
            share(session, campaign, agency)
    arrived(session, f"campaign:{said.campaign}")


@handles(FrameFrozen, blobs=("annex",), replay=True)
def take_annex(event: Received[FrameFrozen], blobs: Mapping[str, bytes], session: Session) -> None:
    """Keep the names and addresses of a frame for the visits to come."""
    said = event.data
    annex = FrameAnnex.model_validate_json(blobs["annex"])
    for expert in annex.experts:
        _know_expert(session, said.county, said.campaign, expert)
    document = annex.model_dump(mode="json", exclude={"experts"})  # each agency's own, not the lead's
    _put(
        session,
        FrameAnnexKept,
        said.campaign,
        id=said.campaign,
        county=said.county,
        owner_agency=said.lead,
        document=document,
    )
    arrived(session, f"frame:{said.campaign}")


def _know_expert(session: Session, county: str, campaign: str, expert: AnnexExpert) -> None:
    name = f"{campaign}.{expert.agency}.{expert.expert}"
    facts = expert.model_dump(mode="json", exclude={"valid_until"}) | {"valid_until": expert.valid_until}
    _put(session, ExpertKnown, name, id=name, county=county, owner_agency=expert.agency, campaign=campaign, **facts)


def open_visits(
    event: Received[DrawCompleted] | Received[DrawImported],
    blobs: Mapping[str, bytes],
    session: Session,
    *,
    demo: bool,
) -> None:
    """
    Open one visit per drawn target with a section per agency.

    A rehearsal opens nothing, except in a home marked demo (JIDRAW/1 section 4): it is noted why.
    """
    said = event.data
    campaign = session.get(Campaign, said.campaign)
    if campaign is None:
        raise NotYet(f"campaign:{said.campaign}")
    rehearsed = said.purpose is Purpose.REHEARSAL and not demo
    if rehearsed:
        log.info("draw.rehearsed", campaign=said.campaign, draw=said.draw)
    else:
        _open_all(session, campaign, WorkList.model_validate_json(blobs["work"]))
    fact = _put(
        session,
        DrawFact,
        said.campaign,
        id=said.campaign,
        county=said.county,
        owner_agency=campaign.owner_agency,
        draw=said.draw,
        visits=0 if rehearsed else said.visits,
        note="rehearsal" if rehearsed else "",
        disclosed_at=None,
    )
    for agency in campaign.agencies:
        if agency != campaign.owner_agency:
            share(session, fact, agency)
    arrived(session, f"draw:{said.campaign}")


def _annex(session: Session, campaign: str) -> FrameAnnex:
    kept = session.get(FrameAnnexKept, campaign)
    if kept is None:
        raise NotYet(f"frame:{campaign}")
    return FrameAnnex.model_validate(kept.document)


def _officers(annex: FrameAnnex) -> dict[str, dict[str, Any]]:
    """Describe the officers who may be sent; ``absent`` only where they are away on a day of the stage."""
    away = {officer: {"absent": [day.isoformat() for day in days]} for officer, days in annex.absences.items()}
    return {
        officer: {"name": name, "credential": credential} | away.get(officer, {})
        for officer, _, name, credential in annex.officers
    }


def _open_all(session: Session, campaign: Campaign, work: WorkList, instead_of: str = "") -> None:
    annex = _annex(session, campaign.id)
    targets, officers = {target.target: target for target in annex.targets}, _officers(annex)
    items = {item["item"]: item for item in campaign.items}
    for visit in work.visits:
        if visit.target not in targets:
            raise TargetNotInFrame(visit=visit.visit)
        _open(session, campaign, work.draw, visit, targets[visit.target], instead_of)
        for team in visit.teams:
            _open_section(session, campaign, visit, team, items, officers)


def _open(
    session: Session, campaign: Campaign, draw: str, drawn: WorkVisit, target: AnnexTarget, instead_of: str
) -> None:
    agencies = sorted(team.agency for team in drawn.teams)
    visit = Visit(
        id=drawn.visit,
        county=campaign.county,
        owner_agency=campaign.owner_agency,
        campaign=campaign.id,
        draw=draw,
        target=drawn.target,
        about=target.model_dump(mode="json"),
        category=target.category,
        district=target.district,
        ticket_rank=drawn.ticket_rank,
        agencies=agencies,
        visit_on=None,
        scheduled_by=None,
        scheduled_at=None,
        closed_at=None,
        closed_for="",
        instead="",
        instead_of=instead_of,
    )
    session.add(visit)
    for agency in agencies:
        if agency != campaign.owner_agency:
            share(session, visit, agency)


def _open_section(
    session: Session,
    campaign: Campaign,
    visit: WorkVisit,
    team: WorkTeam,
    items: Mapping[str, Mapping[str, Any]],
    officers: Mapping[str, Mapping[str, Any]],
) -> None:
    section = Section(
        id=f"{visit.visit}-{team.agency}",
        county=campaign.county,
        owner_agency=team.agency,
        visit=visit.visit,
        campaign=campaign.id,
        agency=team.agency,
        state=State.OPEN.value,
        items=[_planned(items[item]) for item in team.items],
        team=[_member(officer, officers) for officer in team.officers],
        entered_by=None,
        submitted_at=None,
        approved_by=None,
        approved_at=None,
        published_by=None,
        published_on=None,
        late_by_rule=None,
        late_by_plan=None,
        held_in=None,
    )
    session.add(section)
    if team.agency != campaign.owner_agency:
        share(session, section, campaign.owner_agency)


def _planned(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "item": item["item"],
        "name": item["name"],
        "legal_basis": item["legal_basis"],
        "method": item["method"],
        "kind": item["kind"],
        "checklist": item["checklist"],
        "edition": item["checklist_edition"],
    }


def _member(
    officer: str | None, officers: Mapping[str, Mapping[str, Any]], appointed: Collection[str] = ()
) -> dict[str, Any]:
    """Describe one of a team; ``appointed`` only of who was not drawn (指定，非抽取)."""
    known = officers.get(officer or "", {"name": "", "credential": ""})
    return {"officer": officer, **known} | ({"appointed": True} if officer in appointed else {})


@handles(TargetReplaced, blobs=("work",))
def replace_visit(event: Received[TargetReplaced], blobs: Mapping[str, bytes], session: Session) -> list[Payload]:
    """
    Close the visit of a target that is gone, and open the one drawn instead.

    What nobody has entered yet will not be: what was entered, approved or published stays as it is.
    """
    said = event.data
    campaign = session.get_one(Campaign, said.campaign)  # the draw came before, under the same key
    closed = session.get(Visit, said.visit)
    if closed is None:  # a rehearsal opened no visits here
        return []
    closed.closed_at, closed.closed_for, closed.instead = event.time, said.reason, said.instead or ""
    for section in session.scalars(select(Section).where(Section.visit == closed.id)):
        if section.state in EDITABLE:
            section.state = State.REPLACED
    _open_all(session, campaign, WorkList.model_validate_json(blobs["work"]), closed.id)
    about = {"county": said.county, "campaign": said.campaign, "visit": closed.id}
    return [VisitClosed(**about, agencies=tuple(closed.agencies), reason=said.reason, instead=said.instead)]


@handles(InspectorSubstituted, blobs=("team",))
def change_team(event: Received[InspectorSubstituted], blobs: Mapping[str, bytes], session: Session) -> None:
    """Send somebody else: the officer who dropped out loses the section, the one drawn gets it, unless it is entered."""
    _change_team(event.data, blobs, session)


@handles(InspectorAppointed, blobs=("team",))
def seat_appointed(event: Received[InspectorAppointed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Send whom the head appointed to a place that no draw could fill: appointed, not drawn."""
    _change_team(event.data, blobs, session)


@handles(AppointmentEnded, blobs=("team",))
def unseat_appointed(event: Received[AppointmentEnded], blobs: Mapping[str, bytes], session: Session) -> None:
    """Open the place again whose appointment the head ended."""
    _change_team(event.data, blobs, session)


def _change_team(
    said: InspectorSubstituted | InspectorAppointed | AppointmentEnded, blobs: Mapping[str, bytes], session: Session
) -> None:
    section = session.get(Section, f"{said.visit}-{said.agency}")
    if section is None or section.state not in EDITABLE:  # a rehearsal; or the old team has inspected
        return
    change = TeamChange.model_validate_json(blobs["team"])
    officers = _officers(_annex(session, said.campaign))
    section.team = [_member(officer, officers, change.team.appointed) for officer in change.team.officers]


@handles(RoundOpened)
def hold_checklists(event: Received[RoundOpened], blobs: Mapping[str, bytes], session: Session) -> None:
    """Take no checklist of a visit while a round may still change its target or its team."""
    for one in event.data.held:
        section = session.get(Section, f"{one.visit}-{one.agency}")
        if section is not None:  # a rehearsal opened no visits here
            section.held_in = event.data.round


@handles(RoundClosed)
def release_closed(event: Received[RoundClosed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Take checklists again once the round has changed what it changes."""
    _release(session, event.data.campaign)


@handles(RoundSpent)
def release_spent(event: Received[RoundSpent], blobs: Mapping[str, bytes], session: Session) -> None:
    """Take checklists again when the round changes nothing."""
    _release(session, event.data.campaign)


def _release(session: Session, campaign: str) -> None:
    asked = select(Section).where(Section.campaign == campaign, Section.held_in.is_not(None))
    for section in session.scalars(asked):  # a draw has one round at a time
        section.held_in = None


@handles(DrawDisclosed)
def disclose(event: Received[DrawDisclosed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Remember that the window has closed: targets may be known, results published."""
    fact = session.get(DrawFact, event.data.campaign)
    if fact is None:
        raise NotYet(f"draw:{event.data.campaign}")
    fact.disclosed_at = fact.disclosed_at or event.time  # said again when a round changes an open record


def handlers(*, demo: bool) -> Sequence[Any]:
    """List the handlers of a home; *demo*: it is marked demo, and a rehearsal opens visits in it."""

    @handles(DrawCompleted, blobs=("work",))
    def open_visits_here(event: Received[DrawCompleted], blobs: Mapping[str, bytes], session: Session) -> None:
        """Open the visits of a draw, as this home does."""
        open_visits(event, blobs, session, demo=demo)

    @handles(DrawImported, blobs=("work",))
    def open_imported(event: Received[DrawImported], blobs: Mapping[str, bytes], session: Session) -> None:
        """Open the visits of a draw that was made elsewhere, as those of any other."""
        open_visits(event, blobs, session, demo=demo)

    return (
        know_body,
        take_pack,
        take_calendar,
        take_checklist,
        take_campaign,
        take_annex,
        open_visits_here,
        open_imported,
        replace_visit,
        change_team,
        seat_appointed,
        unseat_appointed,
        hold_checklists,
        release_closed,
        release_spent,
        disclose,
    )
