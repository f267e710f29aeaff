"""Visits: the day, and a section from its signatures to its submission and return; what is written: `drafts`."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import Conflict, Forbidden, Stale
from runtime.service import Reply
from runtime.store import Actor
from schemas.events.payload import Due
from schemas.events.results import ChecklistSubmitted, ResultReturned, VisitScheduled
from schemas.vocabulary import Role
from services.results.commands.experts import appointments_of
from services.results.commands.found import (
    campaign_of,
    campaign_rules,
    check_text,
    draft_of,
    entry_for_writing,
    entry_of,
    evidence_of,
    items_of,
    own_section,
    photos_of,
    section_in_hand,
    signatures_of,
    text_digest,
    visit_of,
    wrote,
)
from services.results.domain.checklists import fit_text
from services.results.domain.findings import consequence, fit_findings, gather
from services.results.domain.referrals import ReasonUnknown
from services.results.domain.schedule import Stage, check_visit_day
from services.results.domain.sections import (
    APPROVAL,
    Draft,
    SectionNotInState,
    State,
    check_complete,
    check_day,
    check_not_held,
    check_on_team,
    check_signed,
)
from services.results.rules import day_of
from services.results.tables import Agency, Section, Signature, Visit


class VisitReplaced(Conflict):
    """The draw replaced the visit's target: the visit will not be made."""

    code = "visit.replaced"


class NotTheLeads(Forbidden):
    """The day of a visit is set by the lead agency."""

    code = "visit.not_the_leads"


# ── the day ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def schedule_visit(
    session: Session, actor: Actor, *, at: datetime, visit_id: str, day: date, instead_of: date | None
) -> Reply:
    """
    Set the one day on which all agencies arrive; planner or team lead of the lead agency. Returns warnings.

    Args:
        instead_of: the day that stood there when this one was chosen; None: there was none.

    Raises:
        Stale: somebody else has set another day since.
    """
    visit = visit_of(session, actor, visit_id)
    if actor.agency != visit.owner_agency or not actor.has(Role.PLANNER, Role.TEAM_LEAD):
        raise NotTheLeads()
    if visit.closed_at is not None:
        raise VisitReplaced(visit=visit.id, instead=visit.instead)
    if instead_of != visit.visit_on:
        raise Stale(asked=_iso(instead_of), stored=_iso(visit.visit_on))
    campaign = campaign_of(session, visit.campaign)
    rules = campaign_rules(session, campaign)
    sections = list(session.scalars(select(Section).where(Section.visit == visit.id).order_by(Section.id)))
    window = campaign.stages["inspect"]
    last_working = window["last_working_on"]
    warnings = check_visit_day(
        day,
        Stage(
            date.fromisoformat(window["first_on"]),
            date.fromisoformat(window["last_on"]),
            date.fromisoformat(last_working) if last_working else None,
        ),
        rules.calendar.is_working_day,
        today=day_of(at),
        entered=any(section.state != State.OPEN for section in sections),
        busy=len(_officers(sections) & _busy_on(session, visit, day)),
        absent=sum(day.isoformat() in member.get("absent", ()) for section in sections for member in section.team),
        expired=_expired(session, sections, day),
        provisional=rules.calendar.is_provisional(day),
    )
    visit.visit_on, visit.scheduled_by, visit.scheduled_at = day, actor.id, at
    said = VisitScheduled(
        county=visit.county,
        campaign=visit.campaign,
        visit=visit.id,
        agencies=tuple(visit.agencies),
        visit_on=day,
        publication_rule=Due.model_validate(campaign.publication_rule),
        publication_plan=Due.model_validate(campaign.publication_plan),
    )
    return Reply([said], {"visit": visit.id, "visit_on": day.isoformat(), "warnings": list(warnings)})


def _expired(session: Session, sections: Sequence[Section], day: date) -> int:
    appointed = appointments_of(session, [section.id for section in sections])
    return sum(each.withdrawn_at is None and each.valid_until < day for each in appointed)


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _officers(sections: Sequence[Section]) -> set[str]:
    return {member["officer"] for section in sections for member in section.team if member["officer"]}


def _busy_on(session: Session, visit: Visit, day: date) -> set[str]:
    others = select(Visit.id).where(
        Visit.campaign == visit.campaign, Visit.visit_on == day, Visit.id != visit.id, Visit.closed_at.is_(None)
    )
    return _officers(list(session.scalars(select(Section).where(Section.visit.in_(list(session.scalars(others)))))))


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def sign_section(session: Session, actor: Actor, *, at: datetime, section_id: str, digest: str) -> Reply:
    """
    Sign, as an officer of the team, the section's text as it stands; *digest* is the text the officer was shown.

    Raises:
        SectionIncomplete: a question or outcome is open; nobody signs a sheet with blanks.
        Stale: the text is not the one that was shown.
    """
    section = section_in_hand(session, actor, section_id)
    officer = check_on_team(actor.officer, [member["officer"] for member in section.team])
    visit = visit_of(session, actor, section.visit, section)
    check_day(visit.visit_on, day_of(at))
    stands = check_text(session, section, digest)
    _complete_draft(session, section, visit)
    signature_id = f"{section.id}-{officer}"
    signature = session.get(Signature, signature_id)
    if signature is None:
        signature = Signature(
            id=signature_id, county=section.county, owner_agency=section.agency, section=section.id, officer=officer
        )
        session.add(signature)
    signature.account, signature.digest, signature.at = actor.id, stands, at
    return Reply((), {"section": section.id, "officer": officer, "digest": stands})


def record_unit(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    section_id: str,
    how: str,
    digest: str,
    name: str = "",
    reason: str = "",
    witness: str = "",
) -> Reply:
    """
    Record that the inspected unit signed (*name*), or refused to (*reason* of the pack, *witness*).

    Args:
        digest: the text that was shown to the unit.

    Raises:
        Stale: the text is not the one that was shown.

    Source:
        安全生产法: refusal to sign must be recorded (reference/domain.md §1.1, Signature).
    """
    section = section_in_hand(session, actor, section_id)
    check_day(visit_of(session, actor, section.visit, section).visit_on, day_of(at))
    stands = check_text(session, section, digest)
    entry = entry_for_writing(session, actor, section, at)
    if how == "signed":
        record = {"how": "signed", "name": fit_text("name", name, longest=60)}
    else:
        pack = campaign_rules(session, campaign_of(session, section.campaign)).pack
        if reason not in {each.code for each in pack.refusal_reasons}:
            raise ReasonUnknown(reason=reason)
        record = {"how": "refused", "reason": reason, "witness": fit_text("witness", witness, longest=120)}
    entry.unit = record | {"digest": stands, "at": at.isoformat(), "by": actor.id}
    wrote(session, actor, section, at)
    return Reply((), {"section": section.id, "unit": how})


def _complete_draft(session: Session, section: Section, visit: Visit) -> Draft:
    """Return what is written, its findings gathered, or say what is still open."""
    rules = campaign_rules(session, campaign_of(session, section.campaign))
    items = items_of(session, section)
    written = draft_of(entry_of(session, section))
    evidence = evidence_of(session, section)
    draft = Draft(written.answers, written.outcomes, gather(items, written.answers, written.findings, visit.visit_on))
    fit_findings(items, rules.kinds.keys(), {each.id for each in evidence}, draft.findings)
    kinds = {finding.kind for finding in draft.findings}
    routes = {kind: rules.route(kind, section.agency, visit.category, visit.district) for kind in kinds}
    bodies = {body.id: body.kind for body in session.scalars(select(Agency).where(Agency.county == section.county))}
    follow_ups = {kind: consequence(route, bodies).follow_up for kind, route in routes.items()}
    check_complete(items, draft, rules.outcomes, photos_of(evidence), follow_ups)
    return draft


# ── submission and return ───────────────────────────────────────────────────────────────────────────────────────────


def submit_section(session: Session, actor: Actor, *, at: datetime, section_id: str) -> Reply:
    """Hand a complete, signed section to the approver; not while a replacement round may still change it."""
    section = section_in_hand(session, actor, section_id)
    check_not_held(section.held_in)
    visit = visit_of(session, actor, section.visit, section)
    check_day(visit.visit_on, day_of(at))
    rules = campaign_rules(session, campaign_of(session, section.campaign))
    entry = entry_for_writing(session, actor, section, at)
    draft = _complete_draft(session, section, visit)
    stands = text_digest(session, section)
    signed = {each.officer for each in signatures_of(session, section) if each.digest == stands}
    needed = rules.pack.team.minimum_officers
    check_signed(
        signed, [member["officer"] for member in section.team], needed, unit=entry.unit.get("digest") == stands
    )
    section.state, section.entered_by, section.submitted_at = State.SUBMITTED, actor.id, at
    wrote(session, actor, section, at)
    said = ChecklistSubmitted(
        county=section.county,
        campaign=section.campaign,
        visit=section.visit,
        agency=section.agency,
        items=len(section.items),
        entered_by=actor.id,
        approval=rules.due(APPROVAL, day_of(at)),
    )
    value = {"section": section.id, "visit": section.visit, "state": section.state, "findings": len(draft.findings)}
    return Reply([said], value)


def return_section(session: Session, actor: Actor, *, at: datetime, section_id: str, digest: str, reason: str) -> Reply:
    """
    Send a submitted section back to whoever entered it; the reason stays in the agency.

    Raises:
        Stale: what it says is not what the approver was shown (*digest*).
    """
    section = own_section(session, actor, section_id)
    if section.state != State.SUBMITTED:
        raise SectionNotInState(state=section.state)
    check_text(session, section, digest)
    entry = entry_for_writing(session, actor, section, at)
    entry.return_reason, entry.returned_by = fit_text("reason", reason, longest=500), actor.id
    section.state = State.RETURNED
    campaign = campaign_of(session, section.campaign)
    publication = (Due.model_validate(due) for due in (campaign.publication_plan, campaign.publication_rule))
    said = ResultReturned(
        county=section.county,
        campaign=section.campaign,
        visit=section.visit,
        agency=section.agency,
        entered_by=section.entered_by or actor.id,
        again=min(publication, key=lambda due: due.due_on),
    )
    return Reply([said], {"section": section.id, "state": section.state})
