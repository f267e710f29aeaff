"""Visits: the day, the answers, evidence and signatures of a section, up to its submission and return."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import Forbidden, NotFound, Stale
from runtime.service import Reply
from runtime.store import Actor, derived_id
from schemas.events.payload import Due
from schemas.events.results import ChecklistSubmitted, ResultReturned, VisitScheduled
from schemas.vocabulary import Role
from services.results.commands.found import (
    campaign_of,
    campaign_rules,
    draft_of,
    entry_for_writing,
    entry_of,
    evidence_of,
    finding_from,
    items_of,
    own_section,
    photos_of,
    signatures_of,
    text_digest,
    visit_of,
)
from services.results.domain.checklists import AnswerToUnknownQuestion, fit_answers, fit_text
from services.results.domain.findings import fit_findings, gather
from services.results.domain.referrals import ReasonUnknown
from services.results.domain.schedule import Stage, check_visit_day
from services.results.domain.sections import (
    Draft,
    SectionNotInState,
    State,
    check_complete,
    check_day,
    check_editable,
    check_on_team,
    check_signed,
    fit_outcomes,
)
from services.results.rules import day_of
from services.results.tables import Entry, Evidence, Section, Signature, Visit


class NotTheLeads(Forbidden):
    """The day of a visit is set by the lead agency."""

    code = "visit.not_the_leads"


@dataclass(frozen=True)
class StoredFile:
    """A file that lies in the blob store already: its name there differs from try to try, so it is no part of a request."""

    blob: dict[str, Any]


# ── the day ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def schedule_visit(session: Session, actor: Actor, *, at: datetime, visit_id: str, day: date) -> Reply:
    """Set the one day on which all agencies arrive; planner or team lead of the lead agency. Returns warnings."""
    visit = visit_of(session, actor, visit_id)
    if actor.agency != visit.owner_agency or not actor.has(Role.PLANNER, Role.TEAM_LEAD):
        raise NotTheLeads()
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


def _officers(sections: Sequence[Section]) -> set[str]:
    return {member["officer"] for section in sections for member in section.team if member["officer"]}


def _busy_on(session: Session, visit: Visit, day: date) -> set[str]:
    others = select(Visit.id).where(Visit.campaign == visit.campaign, Visit.visit_on == day, Visit.id != visit.id)
    return _officers(list(session.scalars(select(Section).where(Section.visit.in_(list(session.scalars(others)))))))


# ── the draft ───────────────────────────────────────────────────────────────────────────────────────────────────────


def save_draft(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    section_id: str,
    answers: Mapping[str, Mapping[str, str]] | None = None,
    outcomes: Mapping[str, str] | None = None,
    findings: Sequence[Mapping[str, Any]] | None = None,
    version: str | None = None,
) -> Reply:
    """
    Keep what an officer of the team has entered so far; what is None stays as it is.

    Raises:
        Stale: somebody of the team saved after *version*; nothing is lost, the page shows both.
    """
    section = _section_in_hand(session, actor, section_id)
    entry = entry_for_writing(session, actor, section, at)
    if version not in (None, "*", str(entry.version)):
        raise Stale(asked=version, stored=str(entry.version))
    items = items_of(session, section)
    rules = campaign_rules(session, campaign_of(session, section.campaign))
    before = draft_of(entry)
    files = {each.id for each in evidence_of(session, section)}
    written = before.findings if findings is None else [finding_from(dict(each)) for each in findings]
    after = Draft(
        before.answers if answers is None else fit_answers(items, answers),
        before.outcomes if outcomes is None else fit_outcomes(items, rules.outcomes, outcomes),
        fit_findings(items, rules.kinds.keys(), files, written),
    )
    if after != before:
        _write(entry, after)
        entry.version, entry.changed_by, entry.changed_at = entry.version + 1, actor.id, at
    return Reply((), {"section": section.id, "version": entry.version})


def _section_in_hand(session: Session, actor: Actor, section_id: str) -> Section:
    section = own_section(session, actor, section_id)
    check_on_team(actor.officer, [member["officer"] for member in section.team])
    check_editable(State(section.state))
    return section


def _write(entry: Entry, draft: Draft) -> None:
    entry.answers = {item: dict(given) for item, given in draft.answers.items()}
    entry.outcomes = dict(draft.outcomes)
    entry.findings = [vars(each) | {"evidence": list(each.evidence)} for each in draft.findings]


def may_attach(session: Session, actor: Actor, *, section_id: str, item: str, question: str) -> str:
    """Say, before a file is stored, whether the actor may add one here; returns the section."""
    section = _section_in_hand(session, actor, section_id)
    if item and not any(
        each.id == item and (not question or any(q.id == question for q in each.questions))
        for each in items_of(session, section)
    ):
        raise AnswerToUnknownQuestion(item=item, question=question)
    return section.id


def attach_evidence(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    section_id: str,
    name: str,
    content_type: str,
    size: int,
    sha256: str,
    stored: StoredFile,
    item: str = "",
    question: str = "",
) -> Reply:
    """Name a stored file as evidence of a section; the same file at the same place is one piece of evidence."""
    may_attach(session, actor, section_id=section_id, item=item, question=question)
    section = own_section(session, actor, section_id)
    evidence_id = derived_id("E", section.id, item, question, sha256)
    if session.get(Evidence, evidence_id) is None:
        session.add(
            Evidence(
                id=evidence_id,
                county=section.county,
                owner_agency=section.agency,
                section=section.id,
                item=item,
                question=question,
                name=fit_text("name", name, longest=120),
                content_type=content_type,
                size=size,
                sha256=sha256,
                blob=stored.blob,
                added_by=actor.id,
                added_at=at,
            )
        )
    return Reply((), {"evidence": evidence_id, "sha256": sha256, "size": size, "name": name})


def remove_evidence(session: Session, actor: Actor, *, at: datetime, section_id: str, evidence_id: str) -> Reply:
    """Take a file out of a section that is still being written; findings that named it name it no more."""
    section = _section_in_hand(session, actor, section_id)
    evidence = session.get(Evidence, evidence_id)
    if evidence is None or evidence.section != section.id:
        raise NotFound(evidence=evidence_id)
    session.delete(evidence)
    entry = entry_of(session, section)
    if entry is not None and any(evidence_id in each["evidence"] for each in entry.findings):
        entry.findings = [
            each | {"evidence": [e for e in each["evidence"] if e != evidence_id]} for each in entry.findings
        ]
        entry.version, entry.changed_by, entry.changed_at = entry.version + 1, actor.id, at
    return Reply((), {"evidence": evidence_id})


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def sign_section(session: Session, actor: Actor, *, at: datetime, section_id: str, digest: str | None = None) -> Reply:
    """Sign, as an officer of the team, the section's text as it stands; *digest* is the text the officer was shown."""
    section = _section_in_hand(session, actor, section_id)
    officer = check_on_team(actor.officer, [member["officer"] for member in section.team])
    check_day(visit_of(session, actor, section.visit).visit_on, day_of(at))
    stands = _same_text(session, section, digest)
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
    name: str = "",
    reason: str = "",
    witness: str = "",
    digest: str | None = None,
) -> Reply:
    """
    Record that the inspected unit signed (*name*), or refused to (*reason* of the pack, *witness*).

    Source:
        安全生产法: refusal to sign must be recorded (reference/domain.md §1.1, Signature).
    """
    section = _section_in_hand(session, actor, section_id)
    check_day(visit_of(session, actor, section.visit).visit_on, day_of(at))
    stands = _same_text(session, section, digest)
    entry = entry_for_writing(session, actor, section, at)
    if how == "signed":
        record = {"how": "signed", "name": fit_text("name", name, longest=60)}
    else:
        pack = campaign_rules(session, campaign_of(session, section.campaign)).pack
        if reason not in {each.code for each in pack.refusal_reasons}:
            raise ReasonUnknown(reason=reason)
        record = {"how": "refused", "reason": reason, "witness": fit_text("witness", witness, longest=120)}
    entry.unit = record | {"digest": stands, "at": at.isoformat(), "by": actor.id}
    return Reply((), {"section": section.id, "unit": how})


def _same_text(session: Session, section: Section, digest: str | None) -> str:
    stands = text_digest(session, section)
    if digest not in (None, "", stands):
        raise Stale(asked=digest, stored=stands)
    return stands


# ── submission and return ───────────────────────────────────────────────────────────────────────────────────────────


def submit_section(session: Session, actor: Actor, *, at: datetime, section_id: str) -> Reply:
    """Hand a complete, signed section to the approver."""
    section = _section_in_hand(session, actor, section_id)
    visit = visit_of(session, actor, section.visit)
    check_day(visit.visit_on, day_of(at))
    campaign = campaign_of(session, section.campaign)
    rules = campaign_rules(session, campaign)
    items = items_of(session, section)
    entry = entry_for_writing(session, actor, section, at)
    written = draft_of(entry)
    evidence = evidence_of(session, section)
    draft = Draft(written.answers, written.outcomes, gather(items, written.answers, written.findings, visit.visit_on))
    fit_findings(items, rules.kinds.keys(), {each.id for each in evidence}, draft.findings)
    check_complete(items, draft, rules.outcomes, photos_of(evidence))
    stands = written.digest(each.sha256 for each in evidence)
    signed = {each.officer for each in signatures_of(session, section) if each.digest == stands}
    needed = rules.pack.team.minimum_officers
    check_signed(
        signed, [member["officer"] for member in section.team], needed, unit=entry.unit.get("digest") == stands
    )
    section.state, section.entered_by, section.submitted_at = State.SUBMITTED, actor.id, at
    said = ChecklistSubmitted(
        county=section.county,
        campaign=section.campaign,
        visit=section.visit,
        agency=section.agency,
        items=len(items),
        entered_by=actor.id,
    )
    value = {"section": section.id, "visit": section.visit, "state": section.state, "findings": len(draft.findings)}
    return Reply([said], value)


def return_section(session: Session, actor: Actor, *, at: datetime, section_id: str, reason: str) -> Reply:
    """Send a submitted section back to whoever entered it; the reason stays in the agency."""
    section = own_section(session, actor, section_id)
    if section.state != State.SUBMITTED:
        raise SectionNotInState(state=section.state)
    entry = entry_for_writing(session, actor, section, at)
    entry.return_reason, entry.returned_by = fit_text("reason", reason, longest=500), actor.id
    section.state = State.RETURNED
    said = ResultReturned(
        county=section.county,
        campaign=section.campaign,
        visit=section.visit,
        agency=section.agency,
        entered_by=section.entered_by or actor.id,
    )
    return Reply([said], {"section": section.id, "state": section.state})
