"""Approval: a second person stands for a section, and everything that follows from its findings follows at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor, share
from schemas.events.payload import Due, Payload
from schemas.events.results import FindingRaised, RectificationOrdered, ResultApproved
from services.results.commands.actions import begin_action
from services.results.commands.found import (
    campaign_of,
    campaign_rules,
    check_text,
    draft_of,
    entry_for_writing,
    evidence_of,
    items_of,
    own_section,
    signatures_of,
    visit_of,
    writers_of,
)
from services.results.commands.packages import package_content
from services.results.commands.referring import Matter, handled_by_itself, open_or_join
from services.results.domain.checklists import Item
from services.results.domain.findings import Consequence, FollowUp, Route, consequence, gather
from services.results.domain.sections import Draft, SectionNotInState, State, check_other_person
from services.results.rules import Rules, day_of
from services.results.tables import Agency, Campaign, Entry, FindingRow, ItemResult, Section, Visit


@dataclass(frozen=True)
class Ruled:
    """A finding with the routing row that won, and what follows from it."""

    row: FindingRow
    route: Route
    made: Consequence


@dataclass(frozen=True)
class Approved:
    """What an approval works on."""

    campaign: Campaign
    visit: Visit
    section: Section
    entry: Entry
    items: Sequence[Item]
    rules: Rules


def approve_section(session: Session, actor: Actor, *, at: datetime, section_id: str, digest: str) -> Reply:
    """
    Approve a submitted section: its outcomes go to the lead, each finding becomes a rectification or a referral.

    Raises:
        EnteredAndApprovedBySame: the approver had a hand in what it says, first or last, or signed it.
        SectionNotInState: it does not wait for approval.
        Stale: what it says is not what the approver was shown (*digest*): it was returned and handed in anew.
    """
    section = own_section(session, actor, section_id)
    if section.state != State.SUBMITTED:
        raise SectionNotInState(state=section.state)
    check_text(session, section, digest)
    campaign = campaign_of(session, section.campaign)
    case = Approved(
        campaign,
        visit_of(session, actor, section.visit),
        section,
        entry_for_writing(session, actor, section, at),
        items_of(session, section),
        campaign_rules(session, campaign),
    )
    signatures = signatures_of(session, section)
    check_other_person(
        actor.id,
        actor.officer,
        entered_by=writers_of(session, [section])[section.id],
        signers={each.account for each in signatures} | {each.officer for each in signatures},
    )
    draft = draft_of(case.entry)
    section.state, section.approved_by, section.approved_at = State.APPROVED, actor.id, at
    _results(session, case, draft)
    ruled = _findings(session, case, draft)
    events: list[Payload] = [
        ResultApproved(
            **_subject(section),
            publication_rule=Due.model_validate(campaign.publication_rule),
            publication_plan=Due.model_validate(campaign.publication_plan),
        )
    ]
    referred = _follow_up(session, actor, case, ruled, at)
    for each in ruled:
        inside = each.row.follow_up in (FollowUp.RECTIFICATION, FollowUp.OWN_ACTION)
        events.append(FindingRaised(**_subject(section), finding=each.row.id, kind=each.row.kind, inside_remit=inside))
        if each.row.follow_up == FollowUp.RECTIFICATION:
            due = Due.model_validate(each.row.due)
            events.append(RectificationOrdered(**_subject(section), finding=each.row.id, rectify=due))
    value = {
        "section": section.id,
        "state": State.APPROVED.value,
        "findings": [
            {"finding": each.row.id, "follow_up": each.row.follow_up, "referral": each.row.referral} for each in ruled
        ],
        "referrals": sorted({each.row.referral for each in ruled if each.row.referral}),
    }
    return Reply([*events, *referred], value)


def _subject(section: Section) -> dict[str, str]:
    return {
        "county": section.county,
        "campaign": section.campaign,
        "visit": section.visit,
        "agency": section.agency,
    }


def _results(session: Session, case: Approved, draft: Draft) -> None:
    section = case.section
    for item in case.items:
        result = ItemResult(
            id=f"{section.id}-{item.id}",
            county=section.county,
            owner_agency=section.agency,
            section=section.id,
            campaign=section.campaign,
            agency=section.agency,
            item=item.id,
            name=item.name,
            outcome=draft.outcomes[item.id],
        )
        session.add(result)
        if case.visit.owner_agency != section.agency:
            share(session, result, case.visit.owner_agency)


def _findings(session: Session, case: Approved, draft: Draft) -> list[Ruled]:
    section, visit = case.section, case.visit
    bodies = {body.id: body.kind for body in session.scalars(select(Agency).where(Agency.county == section.county))}
    ruled = []
    for number, finding in enumerate(gather(case.items, draft.answers, draft.findings, visit.visit_on), start=1):
        route = case.rules.route(finding.kind, section.agency, visit.category, visit.district)
        made = consequence(route, bodies)
        row = FindingRow(
            id=f"{section.id}-F{number}",
            county=section.county,
            owner_agency=section.agency,
            section=section.id,
            visit=visit.id,
            item=finding.item,
            kind=finding.kind,
            text=finding.text,
            evidence=list(finding.evidence),
            follow_up=made.follow_up.value,
            receiver=made.receiver,
            rule=route.rule,
            due={},
            referral=None,
        )
        session.add(row)
        ruled.append(Ruled(row, route, made))
    return ruled


def _follow_up(session: Session, actor: Actor, case: Approved, ruled: Sequence[Ruled], at: datetime) -> list[Payload]:
    """Give what stays its day, and refer what goes: one matter per kind and receiver, however many findings it has."""
    events: list[Payload] = []
    matters: dict[tuple[str, str], list[Ruled]] = {}
    for each in ruled:
        if each.made.follow_up is FollowUp.RECTIFICATION:
            each.row.due = case.rules.due(each.route.deadline, day_of(at)).model_dump(mode="json")
        else:
            matters.setdefault((each.row.kind, each.made.receiver or ""), []).append(each)
    for group in matters.values():
        events += _refer(session, actor, case, group, at)
    return events


def _refer(session: Session, actor: Actor, case: Approved, group: Sequence[Ruled], at: datetime) -> list[Payload]:
    rows = [each.row for each in group]
    content, blobs = package_content(
        case.campaign,
        case.visit,
        case.section,
        case.entry,
        case.items,
        rows,
        evidence_of(session, case.section),
        signatures_of(session, case.section),
    )
    matter = Matter(
        case.campaign,
        case.visit,
        rows[0].kind,
        group[0].made,
        group[0].route,
        tuple(row.id for row in rows),
        content,
        blobs,
    )
    handled = handled_by_itself(session, actor, matter)
    if handled is not None or group[0].made.follow_up is FollowUp.OWN_ACTION:
        _all(rows, {"follow_up": FollowUp.OWN_ACTION.value})
        due = case.rules.due(group[0].route.deadline, day_of(at))
        return begin_action(session, case.section, case.visit, matter.kind, matter.findings, due, handled)
    referral, events = open_or_join(session, actor, matter, case.rules, at)
    _all(rows, {"referral": referral})
    return events


def _all(rows: Sequence[FindingRow], facts: Mapping[str, str]) -> None:
    for row in rows:
        for name, value in facts.items():
            setattr(row, name, value)
