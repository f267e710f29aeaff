"""Visits and sections as pages and API show them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound, NotYet
from runtime.store import Actor
from schemas.vocabulary import Role
from services.results.commands.found import (
    campaign_of,
    campaign_rules,
    draft_of,
    entry_of,
    evidence_of,
    is_disclosed,
    items_of,
    own_section,
    photos_of,
    sees,
    signatures_of,
    visit_of,
    writers_of,
)
from services.results.domain.actions import is_open, may_decide
from services.results.domain.checklists import Answers, Item, is_bad, open_questions
from services.results.domain.findings import FollowUp, consequence, gather
from services.results.domain.rectification import may_check
from services.results.domain.sections import EDITABLE, PASSED, Draft, State, may_approve
from services.results.domain.sight import mine_only
from services.results.queries.experts import appointed_view, standing_experts
from services.results.queries.words import Words, campaign_words, names
from services.results.rules import Rules, day_of, publication_due
from services.results.tables import (
    Agency,
    Campaign,
    Entry,
    Evidence,
    FindingRow,
    FollowUpCheck,
    OwnAction,
    OwnDecision,
    Section,
    Signature,
    Visit,
)

_CONTACTS = frozenset({Role.PLANNER, Role.TEAM_LEAD, Role.APPROVER})


def visit_lines(
    session: Session, actor: Actor, *, campaign_id: str | None = None, mine: bool = False
) -> list[dict[str, Any]]:
    """
    List visits by day: all that the wall shows, or (*mine*, and always for a mere inspector) those one is drawn for.

    Whoever may not yet know a target sees that there is a visit, and when.
    """
    query = select(Visit).order_by(Visit.visit_on.is_(None), Visit.visit_on, Visit.id)
    if campaign_id is not None:
        query = query.where(Visit.campaign == campaign_id)
    visits = list(session.scalars(query))
    seen = sees(session, actor, visits)
    sections = _by_visit(session, visits)
    campaigns = {row.id: row for row in session.scalars(select(Campaign))}
    short, words = names(session), {key: campaign_words(session, row) for key, row in campaigns.items()}
    lines = []
    for visit in visits:
        shown = sections.get(visit.id, [])
        own = next((each for each in shown if each.agency == actor.agency), None)
        drawn = own is not None and _on_team(actor, own)
        if (mine or mine_only(actor.roles)) and not drawn:
            continue
        campaign = campaigns.get(visit.campaign)
        lines.append(
            {
                "visit": visit.id,
                "campaign": visit.campaign,
                "campaign_title": campaign.title if campaign else visit.campaign,
                "visit_on": visit.visit_on,
                "target": _target(visit, words[visit.campaign]) if seen[visit.id] else None,
                "agencies": [{"agency": each, "name": short.get(each, each)} for each in visit.agencies],
                "sections": [
                    {"section": each.id, "agency": each.agency, "name": short.get(each.agency, each.agency)}
                    | {"state": _shown_state(each, visit)}
                    for each in shown
                ],
                "own_section": own.id if own else None,
                "own_state": _shown_state(own, visit) if own else None,
                "drawn": drawn,
                "closed": visit.closed_at is not None,
            }
        )
    return lines


def _by_visit(session: Session, visits: Sequence[Visit]) -> dict[str, list[Section]]:
    found: dict[str, list[Section]] = {}
    query = select(Section).where(Section.visit.in_([visit.id for visit in visits])).order_by(Section.id)
    for section in session.scalars(query):
        found.setdefault(section.visit, []).append(section)
    return found


def _on_team(actor: Actor, section: Section) -> bool:
    return actor.officer is not None and any(member["officer"] == actor.officer for member in section.team)


def _shown_state(section: Section, visit: Visit) -> str:
    return "scheduled" if section.state == State.OPEN and visit.visit_on else section.state


def _target(visit: Visit, words: Words) -> dict[str, Any]:
    about = visit.about
    return {
        "target": visit.target,
        "name": about["name"],
        "uscc": about["uscc"],
        "address": about["address"],
        "category": visit.category,
        "category_label": words.category(visit.category),
        "district": visit.district,
        "ticket_rank": visit.ticket_rank,
    }


def visit_view(session: Session, actor: Actor, *, visit_id: str) -> dict[str, Any]:
    """
    Show a visit with the progress of its sections; the lead sees every agency's, an agency its own.

    Whom to call at the firm is for the team, and for who arranges the visit until the window ends: who may know the
    target afterwards need not know its people.
    """
    visit = visit_of(session, actor, visit_id)
    campaign = campaign_of(session, visit.campaign)
    sections = _by_visit(session, [visit]).get(visit.id, [])
    drawn = any(each.agency == actor.agency and _on_team(actor, each) for each in sections)
    target = _target(visit, campaign_words(session, campaign))
    if drawn or (actor.roles & _CONTACTS and not is_disclosed(session, visit.campaign)):
        target |= {key: visit.about[key] for key in ("legal_representative", "contact", "phone")}
    short, stage = names(session), campaign.stages["inspect"]
    experts, words = standing_experts(session, sections), campaign_words(session, campaign)
    return {
        "visit": visit.id,
        "campaign": visit.campaign,
        "campaign_title": campaign.title,
        "campaign_number": campaign.number,
        "draw": visit.draw,
        "lead": visit.owner_agency,
        "lead_name": short.get(visit.owner_agency, visit.owner_agency),
        "visit_on": visit.visit_on,
        "target": target,
        "agencies": [{"agency": each, "name": short.get(each, each)} for each in visit.agencies],
        "sections": [
            _progress_line(each, visit, short, actor)
            | {"experts": appointed_view(experts[each.id], words, visit.visit_on)}
            for each in sections
        ],
        "stage": {key: date.fromisoformat(value) if value else None for key, value in stage.items()},
        "closed_at": visit.closed_at,
        "closed_for": campaign_words(session, campaign).replacement(visit.closed_for) if visit.closed_for else None,
        "instead": visit.instead,
        "instead_of": visit.instead_of,
        "may_schedule": actor.agency == visit.owner_agency
        and actor.has(Role.PLANNER, Role.TEAM_LEAD)
        and all(each.state == State.OPEN for each in sections),
        "publication_rule": campaign.publication_rule,
        "publication_plan": campaign.publication_plan,
    }


def _progress_line(section: Section, visit: Visit, short: Mapping[str, str], actor: Actor) -> dict[str, Any]:
    day = visit.visit_on.isoformat() if visit.visit_on else ""
    own = section.agency == actor.agency  # who is away is said to their own agency, to others only how many
    return {
        "section": section.id,
        "agency": section.agency,
        "name": short.get(section.agency, section.agency),
        "state": _shown_state(section, visit),
        "items": [item["name"] for item in section.items],
        "team": [
            {"officer": m["officer"], "name": m["name"], "credential": m["credential"]}
            | ({"appointed": True} if m.get("appointed") else {})
            | ({"away": True} if own and day in m.get("absent", ()) else {})
            for m in section.team
        ],
        "away": sum(day in m.get("absent", ()) for m in section.team),
        "own": own,
        "is_short": section.state in EDITABLE and any(m["officer"] is None for m in section.team),
        "submitted_at": section.submitted_at,
        "approved_at": section.approved_at,
        "published_on": section.published_on,
        "late_by_rule": section.late_by_rule,
        "late_by_plan": section.late_by_plan,
    }


# ── one section ─────────────────────────────────────────────────────────────────────────────────────────────────────


def section_progress(session: Session, actor: Actor, *, section_id: str) -> dict[str, Any]:
    """Show how far a section is, to whoever sees its row (the lead sees a partner's)."""
    section = session.get(Section, section_id)
    visit = session.get(Visit, section.visit) if section else None
    if section is None or visit is None:
        raise NotFound(section=section_id)
    return _progress_line(section, visit, names(session), actor)


def section_view(
    session: Session, actor: Actor, *, section_id: str, now: datetime, unsaved: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """
    Show a section of the actor's agency with everything written in it.

    Args:
        now: business time, for what may be done today.
        unsaved: answers, outcomes and findings a person has typed but not saved, shown instead of the stored ones.
    """
    section = own_section(session, actor, section_id)
    visit = visit_of(session, actor, section.visit, section)
    campaign = campaign_of(session, section.campaign)
    rules, items = campaign_rules(session, campaign), items_of(session, section)
    words = Words(rules)
    entry, evidence = entry_of(session, section), evidence_of(session, section)
    stored = draft_of(entry)
    draft = _typed(stored, unsaved)
    stands = stored.digest(each.sha256 for each in evidence)
    signatures = signatures_of(session, section)
    drawn, today = _on_team(actor, section), day_of(now)
    editable = drawn and section.state in EDITABLE
    day_reached = visit.visit_on is not None and today >= visit.visit_on
    valid = {each.officer for each in signatures if each.digest == stands}
    unit = _unit(entry, stands, words)
    return {
        "section": section.id,
        "agency": section.agency,
        "agency_name": names(session).get(section.agency, section.agency),
        "state": _shown_state(section, visit),
        "visit": visit.id,
        "visit_on": visit.visit_on,
        "campaign": campaign.id,
        "campaign_title": campaign.title,
        "campaign_number": campaign.number,
        "target": _target(visit, words),
        "version": entry.version if entry else 0,
        "digest": stands,
        "items": [_item_view(item, draft, evidence, words, visit.visit_on) for item in items],
        "findings": [
            _finding_view(finding, items, words)
            for finding in gather(items, draft.answers, draft.findings, visit.visit_on)
        ],
        "written_findings": [vars(finding) | {"evidence": list(finding.evidence)} for finding in draft.findings],
        "evidence": [_file_view(each) for each in evidence],
        "team": [dict(member) | {"signed": member["officer"] in valid} for member in section.team],
        "signatures": [_signature_view(each, stands) for each in signatures],
        "signatures_needed": rules.pack.team.minimum_officers,
        "signed": len(valid),
        "i_signed": actor.officer in valid,
        "unit": unit,
        "outcomes": [(o.code, o.zh, o.en, o.needs_finding) for o in rules.pack.outcomes],
        "kinds": [(kind.code, kind.zh, kind.en) for kind in rules.pack.finding_kinds],
        "decisions": [(each.code, each.zh, each.en) for each in rules.pack.decisions],
        "refusal_reasons": [(reason.code, reason.zh, reason.en) for reason in rules.pack.refusal_reasons],
        "drawn": drawn,
        "editable": editable,
        "day_reached": day_reached,
        "draw": visit.draw,
        "is_short": any(member["officer"] is None for member in section.team),
        "held_in": section.held_in,
        "may_submit": editable
        and day_reached
        and section.held_in is None
        and len(valid) >= rules.pack.team.minimum_officers
        and unit["valid"],
        "may_approve": section.state == State.SUBMITTED
        and actor.has(Role.APPROVER)
        and may_approve(
            actor.id,
            actor.officer,
            entered_by=writers_of(session, [section])[section.id],
            signers={each.account for each in signatures} | {each.officer for each in signatures},
        ),
        "followed": _followed(session, actor, section, words),
        "return_reason": entry.return_reason if entry and section.state == State.RETURNED else "",
        "submitted_at": section.submitted_at,
        "approved_at": section.approved_at,
        "published_on": section.published_on,
        "light": rules.light(now, publication_due(campaign)),
        "publication_rule": campaign.publication_rule,
        "publication_plan": campaign.publication_plan,
    }


def _followed(session: Session, actor: Actor, section: Section, words: Words) -> list[dict[str, Any]]:
    """List what became of the findings of an approved section, with the follow-up checks of what was to be put right."""
    if section.state not in PASSED:
        return []
    query = select(FindingRow).where(FindingRow.section == section.id).order_by(FindingRow.id)
    rows, short = list(session.scalars(query)), names(session)
    checks: dict[str, list[FollowUpCheck]] = {row.id: [] for row in rows}
    done = select(FollowUpCheck).where(FollowUpCheck.section == section.id).order_by(FollowUpCheck.number)
    for check in session.scalars(done):
        checks[check.finding].append(check)
    own = {action.id: action for action in session.scalars(select(OwnAction).where(OwnAction.section == section.id))}
    acted = {each.id: each for each in session.scalars(select(OwnDecision).where(OwnDecision.section == section.id))}
    begun = {finding: action for action in own.values() for finding in action.findings}
    checker = may_check(actor.roles, actor.officer, [member["officer"] for member in section.team])
    decider = may_decide(actor.roles)
    return [
        {
            "finding": row.id,
            "kind_label": words.kind(row.kind),
            "text": row.text,
            "follow_up": row.follow_up,
            "receiver": row.receiver,
            "receiver_name": short.get(row.receiver or ""),
            "external": False,
            "mode": "transfer",
            "due": (begun[row.id].due or None) if row.id in begun else current_due(row, checks[row.id]),
            "referral": begun[row.id].referral if row.id in begun else row.referral,
            "rule_label": words.rule(row.rule),
            "waits": row.id in begun and is_open(begun[row.id].referral, begun[row.id].decided_at),
            "may_decide": row.id in own and is_open(own[row.id].referral, own[row.id].decided_at) and decider,
            "acted": _acted(acted.get(begun[row.id].id) if row.id in begun else None, words),
            "checks": [{"passed": each.passed, "note": each.note, "at": each.checked_at} for each in checks[row.id]],
            "put_right": any(each.passed for each in checks[row.id]),
            "may_verify": checker
            and row.follow_up == FollowUp.RECTIFICATION
            and not any(each.passed for each in checks[row.id]),
        }
        for row in rows
    ]


def _acted(decided: OwnDecision | None, words: Words) -> dict[str, Any] | None:
    if decided is None:
        return None
    return {"decision_label": words.decision(decided.decision), "text": decided.text, "at": decided.decided_at}


def current_due(finding: FindingRow, checks: Sequence[FollowUpCheck]) -> dict[str, Any] | None:
    """Return the day that counts now: a check that was not passed set another; *checks* in their order."""
    return next((each.due for each in reversed(checks) if each.due), finding.due or None)


def _typed(stored: Draft, unsaved: Mapping[str, Any] | None) -> Draft:
    if unsaved is None:
        return stored
    return Draft(
        unsaved.get("answers", stored.answers),
        unsaved.get("outcomes", stored.outcomes),
        unsaved.get("findings", stored.findings),
    )


def _item_view(
    item: Item, draft: Draft, evidence: Sequence[Evidence], words: Words, visit_on: date | None
) -> dict[str, Any]:
    given = draft.answers.get(item.id, {})
    missing = {question.id for question in open_questions(item, given, photos_of(evidence))}
    governing = {question.asked_if[0] for question in item.questions if question.asked_if}
    asked = [
        {
            "id": question.id,
            "text": question.text,
            "guidance": question.guidance,
            "legal_basis": question.legal_basis,
            "answer_type": question.answer,
            "choices": list(question.choices),
            "options": [(choice, choice) for choice in question.choices],
            "required": question.required,
            "severity": question.severity,
            "answer": given.get(question.id, ""),
            "bad": is_bad(question, given.get(question.id, ""), visit_on),
            "missing": question.id in missing,
            "governs": question.id in governing,
            "files": [_file_view(each) for each in evidence if (each.item, each.question) == (item.id, question.id)],
        }
        for question in item.asked(given)
    ]
    outcome = draft.outcomes.get(item.id, "")
    return {
        "id": item.id,
        "name": item.name,
        "legal_basis": item.legal_basis,
        "questions": asked,
        "hidden": len(item.questions) - len(asked),
        "missing": len(missing),
        "outcome": outcome,
        "outcome_label": words.outcome(outcome) if outcome else ("", ""),
    }


def _finding_view(finding: Any, items: Sequence[Item], words: Words) -> dict[str, Any]:
    return {
        "item": finding.item,
        "item_name": next((item.name for item in items if item.id == finding.item), finding.item),
        "question": finding.question,
        "kind": finding.kind,
        "kind_label": words.kind(finding.kind),
        "text": finding.text,
        "evidence": list(finding.evidence),
    }


def _file_view(each: Evidence) -> dict[str, Any]:
    return {
        "evidence": each.id,
        "name": each.name,
        "item": each.item,
        "question": each.question,
        "content_type": each.content_type,
        "size": each.size,
        "sha256": each.sha256,
        "added_at": each.added_at,
    }


def _signature_view(each: Signature, stands: str) -> dict[str, Any]:
    return {"officer": each.officer, "at": each.at, "valid": each.digest == stands}


def _unit(entry: Entry | None, stands: str, words: Words) -> dict[str, Any]:
    record = dict(entry.unit) if entry else {}
    valid = bool(record) and record.get("digest") == stands
    return {
        "how": record.get("how", ""),
        "name": record.get("name", ""),
        "reason": record.get("reason", ""),
        "reason_label": words.reason(record["reason"]) if record.get("reason") else ("", ""),
        "witness": record.get("witness", ""),
        "valid": valid,
    }


def review_view(session: Session, actor: Actor, *, section_id: str, now: datetime) -> dict[str, Any]:
    """Show a submitted section to its approver, with what will follow from each finding by the routing table."""
    view = section_view(session, actor, section_id=section_id, now=now)
    section = own_section(session, actor, section_id)
    visit = visit_of(session, actor, section.visit, section)
    rules = campaign_rules(session, campaign_of(session, section.campaign))
    bodies = {body.id: body for body in session.scalars(select(Agency))}
    view["consequences"] = [_foreseen(each, section, visit, rules, bodies) for each in view["findings"]]
    return view


def _foreseen(
    finding: dict[str, Any], section: Section, visit: Visit, rules: Rules, bodies: Mapping[str, Agency]
) -> dict[str, Any]:
    route = rules.route(finding["kind"], section.agency, visit.category, visit.district)
    made = consequence(route, {key: body.kind for key, body in bodies.items()})
    receiver = bodies[made.receiver].short_name if made.receiver else None
    return finding | {
        "follow_up": made.follow_up.value,
        "receiver": made.receiver,
        "receiver_name": receiver,
        "external": made.external,
        "mode": made.mode,
        "rule": route.rule,
        "rule_label": rules.rule_words.get(route.rule, (route.rule, route.rule)),
        "action": route.action,
    }


def evidence_file(session: Session, actor: Actor, *, section_id: str, evidence_id: str) -> dict[str, Any]:
    """Find a file of a section of the actor's own agency: its name and where it lies."""
    section = own_section(session, actor, section_id)
    found = session.get(Evidence, evidence_id)
    if found is None or found.section != section.id:
        raise NotFound(evidence=evidence_id)
    return {"name": found.name, "content_type": found.content_type, "blob": found.blob}


def merged_answers(stored: Answers, given: Answers) -> dict[str, dict[str, str]]:
    """Lay what a form sent over what is stored, item by item."""
    return {item: dict(given.get(item, stored.get(item, {}))) for item in {*stored, *given}}


def campaigns_seen(session: Session, actor: Actor) -> list[dict[str, str]]:
    """List the campaigns whose visits the actor's agency sees, newest first."""
    rows = session.scalars(select(Campaign).order_by(Campaign.id.desc()))
    return [{"campaign": row.id, "title": row.title, "number": row.number} for row in rows]


def rules_or_none(session: Session, campaign: Campaign | None) -> Rules | None:
    """Load a campaign's rules, as far as they have arrived."""
    try:
        return campaign_rules(session, campaign) if campaign else None
    except NotYet:
        return None


def disclosed_campaigns(session: Session, campaigns: Iterable[str]) -> dict[str, bool]:
    """Tell which campaigns are disclosed."""
    return {campaign: is_disclosed(session, campaign) for campaign in set(campaigns)}
