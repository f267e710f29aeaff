"""Counts of a campaign: its part on the campaign page, 附件4, and the summary of a demonstration; and what needs me."""

from collections import Counter
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import Role
from services.results.commands.found import campaign_of, sees, writers_of
from services.results.domain.actions import may_decide
from services.results.domain.findings import FollowUp
from services.results.domain.lights import day_to_enter
from services.results.domain.rectification import may_check
from services.results.domain.referrals import QUEUED
from services.results.domain.referrals import State as ReferralState
from services.results.domain.sections import APPROVAL, EDITABLE, State, may_approve
from services.results.domain.sight import ANSWERING
from services.results.domain.summary import SectionFigures, percent, rows
from services.results.queries.publication import publication_list
from services.results.queries.referrals import referral_lists
from services.results.queries.visits import current_due, rules_or_none
from services.results.queries.words import campaign_words, names
from services.results.rules import day_of, light_of, publication_due
from services.results.tables import (
    Campaign,
    DrawFact,
    FindingRow,
    FollowUpCheck,
    ItemResult,
    OwnAction,
    Referral,
    Section,
    Signature,
    Source,
    Visit,
)


def campaign_summary(session: Session, actor: Actor, *, campaign_id: str) -> dict[str, Any]:
    """
    Count a campaign: visits, checklists, officer slots, outcomes, publication, lateness, referrals, and 附件4.

    The lead counts every agency; a partner what is its own.
    """
    campaign = campaign_of(session, campaign_id)
    visits = list(session.scalars(select(Visit).where(Visit.campaign == campaign_id)))
    sections = list(session.scalars(select(Section).where(Section.campaign == campaign_id)))
    results = list(session.scalars(select(ItemResult).where(ItemResult.campaign == campaign_id)))
    legs = list(session.scalars(select(Referral).where(Referral.campaign == campaign_id, Referral.current)))
    states = {leg.referral: leg.state for leg in legs}
    sources = list(session.scalars(select(Source).where(Source.campaign == campaign_id)))
    published = [section for section in sections if section.state == State.PUBLISHED]
    by_section: dict[str, list[str]] = {}
    for result in results:
        by_section.setdefault(result.section, []).append(result.outcome)
    figures = [SectionFigures(s.agency, s.state, tuple(by_section.get(s.id, ()))) for s in sections]
    reported = [(source.agency, states.get(source.referral, source.told["state"])) for source in sources]
    agencies = campaign.agencies if actor.agency == campaign.owner_agency or actor.is_system else [actor.agency]
    short, words = names(session), campaign_words(session, campaign)
    fact = session.get(DrawFact, campaign_id)
    return {
        "campaign": campaign_id,
        "title": campaign.title,
        "visits": len(visits),
        "scheduled": sum(visit.visit_on is not None for visit in visits),
        "checklists": len(sections),
        "officer_slots": sum(member["officer"] is not None for section in sections for member in section.team),
        "states": dict(sorted(Counter(str(section.state) for section in sections).items())),
        "results": dict(sorted(Counter(result.outcome for result in results).items())),
        "published": len(published),
        "publication_rate": len(published) / len(sections) if sections else 1.0,
        "late": {
            "rule": sum(bool(section.late_by_rule) for section in sections),
            "plan": sum(bool(section.late_by_plan) for section in sections),
        },
        "referrals": dict(sorted(Counter(str(leg.state) for leg in legs).items())),
        "disclosed": fact is not None and fact.disclosed_at is not None,
        "draw_note": fact.note if fact else "",
        "agencies": [
            {
                "agency": row.agency,
                "name": short.get(row.agency, row.agency),
                "should": row.should,
                "entered": row.entered,
                "approved": row.approved,
                "published": row.published,
                "outcomes": dict(row.outcomes),
                "referrals": row.referrals,
                "referrals_closed": row.referrals_closed,
                "completion": percent(row.completion),
                "settled": percent(row.settled),
            }
            for row in rows(agencies, figures, reported)
        ],
        "outcome_labels": {code: words.outcome(code) for code in {result.outcome for result in results}},
        "publication_rule": campaign.publication_rule,
        "publication_plan": campaign.publication_plan,
    }


def campaign_part(session: Session, actor: Actor, *, campaign_id: str) -> dict[str, Any]:
    """Show a campaign's visits and referrals on the campaign page; before its confirmation there is nothing to show."""
    if session.get(Campaign, campaign_id) is None:
        return {"known": False, "campaign": campaign_id}
    view = campaign_summary(session, actor, campaign_id=campaign_id)
    legs = session.scalars(select(Referral).where(Referral.campaign == campaign_id, Referral.current))
    short, words = names(session), campaign_words(session, session.get(Campaign, campaign_id))
    view["known"] = True
    view["referral_lines"] = [
        {
            "referral": leg.referral,
            "kind_label": words.kind(leg.kind),
            "sender_name": short.get(leg.sender, leg.sender),
            "receiver_name": short.get(leg.receiver or "", leg.receiver),
            "state": leg.state,
        }
        for leg in sorted(legs, key=lambda leg: leg.referral)
    ]
    view["rates"] = {"published": view["published"], "due": view["checklists"]}
    return view


# ── what needs me ───────────────────────────────────────────────────────────────────────────────────────────────────


def home_me(session: Session, actor: Actor, *, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """List what waits for this person: visits to make, sections to approve, results to publish, rectifications, own actions, referrals."""
    campaigns = {row.id: row for row in session.scalars(select(Campaign))}
    return {
        "schedule": _to_schedule(session, actor, campaigns, now),
        "visits": _to_enter(session, actor, campaigns, now),
        "approve": _to_approve(session, actor, campaigns, now),
        "publish": _to_publish(session, actor, now),
        "rectify": _to_check(session, actor, campaigns, now),
        "act": _to_act(session, actor, campaigns, now),
        "referrals": _to_answer(session, actor, now),
    }


def _colour(session: Session, campaign: Campaign | None, due_on: date | None, now: datetime) -> str:
    return light_of(rules_or_none(session, campaign), now, due_on)


def _to_schedule(session: Session, actor: Actor, campaigns: dict[str, Campaign], now: datetime) -> list[dict[str, Any]]:
    if not actor.has(Role.PLANNER):
        return []
    waiting = select(Visit.campaign).where(Visit.owner_agency == actor.agency, Visit.visit_on.is_(None))
    counted = Counter(session.scalars(waiting))
    lines = []
    for campaign_id, count in sorted(counted.items()):
        campaign = campaigns.get(campaign_id)
        last = campaign.stages["inspect"]["last_working_on"] if campaign else None
        due_on = date.fromisoformat(last) if last else None
        lines.append(
            {
                "campaign": campaign_id,
                "title": campaign.title if campaign else campaign_id,
                "count": count,
                "due_on": due_on,
                "light": _colour(session, campaign, due_on, now),
            }
        )
    return lines


def _to_enter(session: Session, actor: Actor, campaigns: dict[str, Campaign], now: datetime) -> list[dict[str, Any]]:
    if actor.officer is None:
        return []
    query = select(Section).where(Section.agency == actor.agency, Section.state.in_(EDITABLE)).order_by(Section.id)
    mine = [s for s in session.scalars(query) if any(member["officer"] == actor.officer for member in s.team)]
    visits = _visits(session, mine)
    lines = []
    for section in mine:
        visit, campaign = visits[section.visit], campaigns.get(section.campaign)
        if visit.visit_on is None:
            continue
        returned = section.state == State.RETURNED
        due_on = day_to_enter(returned=returned, visit_on=visit.visit_on, publish_on=publication_due(campaign))
        lines.append(
            {
                "section": section.id,
                "firm": visit.about["name"],
                "visit_on": visit.visit_on,
                "today": visit.visit_on == day_of(now),
                "past": visit.visit_on is not None and visit.visit_on < day_of(now),
                "returned": returned,
                "due_on": due_on,
                "light": _colour(session, campaign, due_on, now),
            }
        )
    return sorted(lines, key=lambda line: (str(line["due_on"]), str(line["section"])))


def _visits(session: Session, sections: list[Section]) -> dict[str, Visit]:
    query = select(Visit).where(Visit.id.in_([section.visit for section in sections]))
    return {visit.id: visit for visit in session.scalars(query)}


def _to_approve(session: Session, actor: Actor, campaigns: dict[str, Campaign], now: datetime) -> list[dict[str, Any]]:
    if not actor.has(Role.APPROVER):
        return []
    query = select(Section).where(Section.agency == actor.agency, Section.state == State.SUBMITTED)
    sections = list(session.scalars(query.order_by(Section.submitted_at, Section.id)))
    visits = _visits(session, sections)
    ids = [section.id for section in sections]
    signers: dict[str, set[str]] = {section: set() for section in ids}
    for signature in session.scalars(select(Signature).where(Signature.section.in_(ids))):
        signers[signature.section] |= {signature.account, signature.officer}
    writers, seen = writers_of(session, sections), sees(session, actor, visits.values())
    lines = []
    for section in sections:
        if not may_approve(actor.id, actor.officer, entered_by=writers[section.id], signers=signers[section.id]):
            continue
        campaign = campaigns.get(section.campaign)
        rules = rules_or_none(session, campaign)
        known = rules is not None and section.submitted_at is not None
        due_on = rules.due(APPROVAL, day_of(section.submitted_at)).due_on if known else None  # type: ignore[union-attr, arg-type]
        lines.append(
            {
                "section": section.id,
                "firm": visits[section.visit].about["name"] if seen[section.visit] else section.id,
                "submitted_at": section.submitted_at,
                "due_on": due_on,
                "light": _colour(session, campaign, due_on, now),
            }
        )
    return lines


def _to_publish(session: Session, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    if not actor.has(Role.PUBLISHER):
        return []
    return [line for line in publication_list(session, actor, now=now)["due"] if line["disclosed"]]


def _to_check(session: Session, actor: Actor, campaigns: dict[str, Campaign], now: datetime) -> list[dict[str, Any]]:
    if not actor.has(Role.APPROVER) and actor.officer is None:
        return []
    passed = select(FollowUpCheck.finding).where(FollowUpCheck.passed)
    ordered = select(FindingRow).where(FindingRow.follow_up == FollowUp.RECTIFICATION, FindingRow.id.not_in(passed))
    findings = list(session.scalars(ordered.order_by(FindingRow.id)))
    sections = {
        row.id: row
        for row in session.scalars(select(Section).where(Section.id.in_([finding.section for finding in findings])))
        if may_check(actor.roles, actor.officer, [member["officer"] for member in row.team])
    }
    visits = _visits(session, list(sections.values()))
    checks: dict[str, list[FollowUpCheck]] = {finding.id: [] for finding in findings}
    done = select(FollowUpCheck).where(FollowUpCheck.finding.in_(list(checks))).order_by(FollowUpCheck.number)
    for check in session.scalars(done):
        checks[check.finding].append(check)
    lines = []
    for finding in findings:
        if finding.section not in sections:
            continue
        campaign, due = campaigns.get(sections[finding.section].campaign), current_due(finding, checks[finding.id])
        due_on = date.fromisoformat(due["due_on"]) if due else None
        lines.append(
            {
                "section": finding.section,
                "finding": finding.id,
                "firm": visits[finding.visit].about["name"],
                "due_on": due_on,
                "again": bool(checks[finding.id]),
                "light": _colour(session, campaign, due_on, now),
            }
        )
    return sorted(lines, key=lambda line: (str(line["due_on"]), str(line["finding"])))


def _to_act(session: Session, actor: Actor, campaigns: dict[str, Campaign], now: datetime) -> list[dict[str, Any]]:
    if not may_decide(actor.roles):
        return []
    waiting = select(OwnAction).where(
        OwnAction.owner_agency == actor.agency, OwnAction.referral.is_(None), OwnAction.decided_at.is_(None)
    )
    actions = list(session.scalars(waiting.order_by(OwnAction.id)))
    visits = {
        row.id: row for row in session.scalars(select(Visit).where(Visit.id.in_([each.visit for each in actions])))
    }
    seen = sees(session, actor, visits.values())
    lines = []
    for action in actions:
        campaign, due_on = campaigns.get(action.campaign), date.fromisoformat(action.due["due_on"])
        lines.append(
            {
                "section": action.section,
                "finding": action.id,
                "kind_label": campaign_words(session, campaign).kind(action.kind),
                "firm": visits[action.visit].about["name"] if seen[action.visit] else None,
                "due_on": due_on,
                "light": _colour(session, campaign, due_on, now),
            }
        )
    return sorted(
        (line for line in lines if line["firm"]), key=lambda line: (str(line["due_on"]), str(line["finding"]))
    )


def _to_answer(session: Session, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    if not actor.has(*ANSWERING):
        return []
    lists = referral_lists(session, actor, now=now)
    answers = (ReferralState.SENT, ReferralState.RECEIVED, ReferralState.ACCEPTED)
    inbox = [line | {"why": "answer"} for line in lists["inbox"] if line["current"] and line["state"] in answers]
    queue = [line | {"why": "route"} for line in lists["queue"] if line["state"] in QUEUED]
    decided = [
        line | {"why": "close"}
        for line in lists["outbox"]
        if line["state"] == ReferralState.DECIDED and line["sender"] == actor.agency
    ]
    letters = [
        line | {"why": "letter"}
        for line in lists["outbox"]
        if line["external"] and line["state"] in answers and line["sender"] == actor.agency
    ]
    return [*queue, *inbox, *letters, *decided]
