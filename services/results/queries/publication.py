"""What is to be published, and what is public."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.results.commands.found import sees
from services.results.domain.sections import State
from services.results.queries.visits import disclosed_campaigns, rules_or_none
from services.results.queries.words import campaign_words, names
from services.results.rules import light_of, publication_due
from services.results.tables import Campaign, ItemResult, PublicRow, Section, Visit

PAGE = 50


def publication_list(session: Session, actor: Actor, *, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """List the own agency's sections: approved ones to publish, and published ones with their grades."""
    query = select(Section).where(Section.agency == actor.agency, Section.state.in_((State.APPROVED, State.PUBLISHED)))
    sections = list(session.scalars(query.order_by(Section.published_on.desc(), Section.id)))
    visits = {
        visit.id: visit
        for visit in session.scalars(select(Visit).where(Visit.id.in_([section.visit for section in sections])))
    }
    campaigns = {row.id: row for row in session.scalars(select(Campaign))}
    open_now = disclosed_campaigns(session, [section.campaign for section in sections])
    seen = sees(session, actor, visits.values())
    results = _results(session, sections)
    lines = [
        _line(session, section, visits.get(section.visit), campaigns.get(section.campaign), results, now)
        | {"disclosed": open_now[section.campaign]}
        | ({} if seen.get(section.visit) else {"firm": None})
        for section in sections
    ]
    return {
        "due": [line for line in lines if line["state"] == State.APPROVED],
        "published": [line for line in lines if line["state"] == State.PUBLISHED],
    }


def _results(session: Session, sections: Sequence[Section]) -> dict[str, list[ItemResult]]:
    found: dict[str, list[ItemResult]] = {}
    query = select(ItemResult).where(ItemResult.section.in_([section.id for section in sections]))
    for result in session.scalars(query.order_by(ItemResult.id)):
        found.setdefault(result.section, []).append(result)
    return found


def _line(
    session: Session,
    section: Section,
    visit: Visit | None,
    campaign: Campaign | None,
    results: dict[str, list[ItemResult]],
    now: datetime,
) -> dict[str, Any]:
    rules, words, first = rules_or_none(session, campaign), campaign_words(session, campaign), publication_due(campaign)
    return {
        "section": section.id,
        "visit": section.visit,
        "campaign": section.campaign,
        "campaign_title": campaign.title if campaign else section.campaign,
        "firm": visit.about["name"] if visit else None,
        "state": section.state,
        "results": [
            {"item": each.name, "outcome": each.outcome, "label": words.outcome(each.outcome)}
            for each in results.get(section.id, [])
        ],
        "approved_at": section.approved_at,
        "published_on": section.published_on,
        "late_by_rule": section.late_by_rule,
        "late_by_plan": section.late_by_plan,
        "rule_due_on": date.fromisoformat(campaign.publication_rule["due_on"]) if campaign else None,
        "plan_due_on": date.fromisoformat(campaign.publication_plan["due_on"]) if campaign else None,
        "due_on": first,
        "light": light_of(rules, now, first),
    }


# ── open to everybody ───────────────────────────────────────────────────────────────────────────────────────────────


def public_results(
    session: Session, actor: Actor, *, campaign: str | None = None, q: str = "", page: int = 1
) -> dict[str, Any]:
    """Search published results by firm name or credit code, newest first: nine fields each, one line per item."""
    wanted = q.strip()[:100]
    query = select(PublicRow).order_by(PublicRow.published_on.desc(), PublicRow.id)
    if campaign is not None:
        query = query.where(PublicRow.campaign == campaign)
    if wanted:
        escaped = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        likes = (PublicRow.firm, PublicRow.credit_code)
        query = query.where(or_(*(column.like(f"%{escaped}%", escape="\\") for column in likes)))
    first = (max(page, 1) - 1) * PAGE
    rows = list(session.scalars(query.offset(first).limit(PAGE + 1)))
    return {
        "q": wanted,
        "page": max(page, 1),
        "more": len(rows) > PAGE,
        "results": [
            {
                "campaign": row.campaign,
                "firm": row.firm,
                "credit_code": row.credit_code,
                "published_on": row.published_on,
                "record": row.record,
            }
            for row in rows[:PAGE]
        ],
    }


def public_campaigns(session: Session, actor: Actor) -> list[dict[str, Any]]:
    """List the campaigns that have published results, newest first."""
    found: dict[str, dict[str, Any]] = {}
    for row in session.scalars(select(PublicRow).order_by(PublicRow.campaign.desc(), PublicRow.id)):
        line = found.setdefault(
            row.campaign,
            {
                "campaign": row.campaign,
                "number": row.record["raninsTaskId"],
                "title": row.record["raninsTaskName"],
                "results": 0,
                "firms": set(),
            },
        )
        line["results"] += 1
        line["firms"].add(row.credit_code or row.firm)
    return [line | {"firms": len(line["firms"])} for line in found.values()]


def agency_names(session: Session, actor: Actor) -> dict[str, str]:
    """Short names of bodies."""
    return names(session)
