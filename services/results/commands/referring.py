"""
Opening and joining referrals, in the transaction of the approval whose findings they carry.

The first leg of a referral is the first sender's row; receiver and lead may change it. Later sources have a row of
their own, in which whoever moves the referral tells them how it stands.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.store import Actor, Owned, next_id, share
from schemas.events.payload import Due, Payload
from schemas.events.referrals import (
    ReferralSent,
    ReferralSourceAdded,
    ReferralUnrouted,
)
from schemas.vocabulary import ReferralMode
from services.results.commands.actions import join_actions
from services.results.domain.findings import Consequence, FollowUp, Route
from services.results.domain.referrals import (
    OPEN_STATES,
    QUEUED,
    State,
    thread_id,
)
from services.results.rules import Rules, day_of
from services.results.tables import Campaign, Package, Referral, Source, Thread, Visit

ROUTING, RECEIPT, ANSWER = "referral_routing", "referral_receipt", "referral_answer"


@dataclass(frozen=True)
class Matter:
    """What one agency reports of one kind at one target, with everything that goes along."""

    campaign: Campaign
    visit: Visit
    kind: str
    consequence: Consequence
    route: Route
    findings: tuple[str, ...]
    content: dict[str, Any]
    blobs: dict[str, Any]


def open_or_join(
    session: Session, actor: Actor, matter: Matter, rules: Rules, at: datetime
) -> tuple[str, list[Payload]]:
    """Make *matter* a source of the open referral of the same thread, or open one; returns (referral, events)."""
    name = thread_id(matter.campaign.id, matter.visit.target, matter.kind, matter.consequence.receiver or "")
    thread = thread_of(session, name)
    if thread is not None and State(thread.state) in OPEN_STATES:
        return thread.referral, _join(session, actor, matter, thread, at)
    referral = _open(session, actor, matter, rules, at, name)
    _key(session, actor, matter, referral)
    joined = join_actions(session, matter.visit, matter.kind, referral.receiver or "", referral.referral)
    return referral.referral, [_first_event(referral), *joined]


def handled_by_itself(session: Session, actor: Actor, matter: Matter) -> str | None:
    """Name the open referral in which *actor*'s agency already acts on this matter, reported by others: it acts once."""
    name = thread_id(matter.campaign.id, matter.visit.target, matter.kind, matter.consequence.receiver or "")
    own = thread_id(matter.campaign.id, matter.visit.target, matter.kind, actor.agency)
    for thread in (thread_of(session, name), thread_of(session, own)):
        if thread is not None and thread.receiver == actor.agency and State(thread.state) in OPEN_STATES:
            return thread.referral
    return None


def referral_of(session: Session, referral_id: str) -> Referral:
    """Load a referral the actor is a party of, on the newest leg the actor may see."""
    legs = select(Referral).where(Referral.referral == referral_id).order_by(Referral.leg.desc())
    referral = session.scalars(legs).first()
    if referral is None:
        raise NotFound(referral=referral_id)
    return referral


def thread_of(session: Session, name: str) -> Thread | None:
    """Find the thread of a matter, on its latest leg."""
    thread = session.get(Thread, name)
    while thread is not None and thread.moved_to is not None:
        thread = session.get(Thread, thread.moved_to)
    return thread


def _open(session: Session, actor: Actor, matter: Matter, rules: Rules, at: datetime, thread: str) -> Referral:
    today, made = day_of(at), matter.consequence
    unrouted = made.follow_up is FollowUp.UNROUTED
    dues = {"route": due_in(rules, ROUTING, at)} if unrouted else sent_dues(rules, at)
    referral_id = next_id(session, "R", matter.visit.county, today.year)
    referral = Referral(
        id=referral_id,
        referral=referral_id,
        leg=1,
        current=True,
        visit=matter.visit.id,
        county=matter.visit.county,
        owner_agency=actor.agency,
        campaign=matter.campaign.id,
        thread=thread,
        kind=matter.kind,
        sender=actor.agency,
        lead=matter.visit.owner_agency,
        receiver=made.receiver,
        external=made.external,
        mode=ReferralMode.TRANSFER if unrouted else made.mode,
        state=State.UNROUTED if unrouted else State.SENT,
        rule=matter.route.rule,
        action=matter.route.action,
        suggest=matter.route.suggest,
        deadline="referral_decision" if unrouted else matter.route.deadline,
        dues=dues,
        history=[happened("unrouted" if unrouted else "sent", actor, at)],
        returned_by=[],
        decision="",
        decision_text="",
        campaign_title=matter.campaign.title,
        campaign_number=matter.campaign.number,
        pack_digest=matter.campaign.pack_digest,
        calendar_digest=matter.campaign.calendar_digest,
        opened_at=at,
    )
    session.add(referral)
    share_with(session, referral, actor, referral.lead, write=True)
    if referral.receiver and not referral.external:
        share_with(session, referral, actor, referral.receiver, write=True)
    _add_source(session, actor, matter, referral_id, told_of(referral), at)
    _hand_over(session, actor, matter, referral_id, _desk(referral.state, referral.receiver, referral))
    return referral


def _key(session: Session, actor: Actor, matter: Matter, referral: Referral) -> None:
    """Write down which referral the matter is now, for the other agencies of the visit to join."""
    thread = session.get(Thread, referral.thread)
    if thread is None:
        new_thread(session, actor, matter.visit, referral, [actor.agency])
        return
    thread.referral, thread.sender, thread.sources = referral.referral, actor.agency, [actor.agency]  # decided before
    thread.receiver, thread.external, thread.moved_to = referral.receiver, referral.external, None
    thread.mode, thread.state, thread.dues = referral.mode, referral.state, referral.dues


def new_thread(session: Session, actor: Actor, visit: Visit, referral: Referral, sources: list[str]) -> None:
    """Begin the thread of a leg, open to the agencies of the visit and the parties."""
    thread = Thread(
        id=referral.thread,
        county=referral.county,
        owner_agency=actor.agency,
        referral=referral.referral,
        sender=referral.sender,
        lead=referral.lead,
        receiver=referral.receiver,
        external=referral.external,
        mode=referral.mode,
        state=referral.state,
        sources=sources,
        dues=referral.dues,
        moved_to=None,
    )
    session.add(thread)
    inside = {referral.receiver} if referral.receiver and not referral.external else set()
    for agency in sorted({*visit.agencies, referral.lead} | inside):
        share_with(session, thread, actor, agency, write=True)


def _first_event(referral: Referral) -> Payload:
    if referral.receiver is None:
        return ReferralUnrouted(
            county=referral.county,
            referral=referral.referral,
            campaign=referral.campaign,
            sender=referral.sender,
            lead=referral.lead,
            kind=referral.kind,
            route=Due.model_validate(referral.dues["route"]),
        )
    return sent_event(referral)


def sent_event(referral: Referral) -> ReferralSent:
    """Say that a leg is on its way to its receiver."""
    return ReferralSent(
        county=referral.county,
        referral=referral.referral,
        campaign=referral.campaign,
        sender=referral.sender,
        receiver=referral.receiver or "",
        external=referral.external,
        mode=ReferralMode(referral.mode),
        kind=referral.kind,
        rule=referral.rule,
        lead=referral.lead,
        receipt=Due.model_validate(referral.dues["receipt"]),
        answer=Due.model_validate(referral.dues["answer"]),
    )


def _join(session: Session, actor: Actor, matter: Matter, thread: Thread, at: datetime) -> list[Payload]:
    thread.sources = [*thread.sources, actor.agency]
    told: dict[str, Any] = {
        "state": thread.state,
        "sender": thread.sender,
        "lead": thread.lead,
        "receiver": thread.receiver,
        "external": thread.external,
        "mode": thread.mode,
        "kind": matter.kind,
        "action": matter.route.action,
        "dues": thread.dues,
        "decision": "",
        "decision_text": "",
    }
    desk = _desk(thread.state, thread.receiver, thread)
    source = _add_source(session, actor, matter, thread.referral, told, at)
    for agency in sorted({thread.sender, thread.lead, desk}):
        share_with(session, source, actor, agency, write=True)
    _hand_over(session, actor, matter, thread.referral, desk)
    said = ReferralSourceAdded(
        county=thread.county,
        referral=thread.referral,
        campaign=matter.campaign.id,
        sender=thread.sender,
        receiver=thread.receiver or thread.lead,
        lead=thread.lead,
        source_agency=actor.agency,
        sources=len(thread.sources),
    )
    return [said]


def _add_source(
    session: Session, actor: Actor, matter: Matter, referral: str, told: dict[str, Any], at: datetime
) -> Source:
    source = Source(
        id=f"{referral}-{actor.agency}",
        county=matter.visit.county,
        owner_agency=actor.agency,
        referral=referral,
        campaign=matter.campaign.id,
        agency=actor.agency,
        findings=list(matter.findings),
        told=told,
        heard_at=None,
        added_at=at,
    )
    session.add(source)
    for agency in sorted({matter.visit.owner_agency, matter.consequence.receiver or ""} - {""}):
        if not (agency == matter.consequence.receiver and matter.consequence.external):
            share_with(session, source, actor, agency, write=True)
    return source


def _hand_over(session: Session, actor: Actor, matter: Matter, referral: str, desk: str) -> None:
    package = Package(
        id=f"{referral}-{actor.agency}-0",
        county=matter.visit.county,
        owner_agency=actor.agency,
        referral=referral,
        source=actor.agency,
        hop=0,
        content=matter.content,
        blobs=matter.blobs,
    )
    session.add(package)
    share_with(session, package, actor, desk)


def _desk(state: str, receiver: str | None, where: Referral | Thread) -> str:
    """Name the agency on whose desk a referral lies: the receiver, or the lead while nobody is competent or by letter."""
    if receiver is None or where.external or State(state) in QUEUED:
        return where.lead
    return receiver


def share_with(session: Session, row: Owned, actor: Actor, agency: str, *, write: bool = False) -> None:
    """Share a row with another agency; one's own needs no sharing."""
    if agency != actor.agency:
        share(session, row, agency, write=write)


def told_of(referral: Referral) -> dict[str, Any]:
    """Write down how a leg stands, for those who may not read it."""
    return {
        "state": State(referral.state).value,
        "sender": referral.sender,
        "lead": referral.lead,
        "receiver": referral.receiver,
        "external": referral.external,
        "mode": ReferralMode(referral.mode).value,
        "kind": referral.kind,
        "action": referral.action,
        "dues": referral.dues,
        "decision": referral.decision,
        "decision_text": referral.decision_text,
    }


def happened(act: str, actor: Actor, at: datetime) -> dict[str, str]:
    """Write down a step of the history."""
    return {"act": act, "agency": actor.agency, "at": at.isoformat()}


def due_in(rules: Rules, term: str, at: datetime) -> dict[str, Any]:
    """Count a term from a moment's day, as JSON."""
    return rules.due(term, day_of(at)).model_dump(mode="json")


def sent_dues(rules: Rules, at: datetime) -> dict[str, Any]:
    """Count what a receiver is asked for first: receipt and answer."""
    return {"receipt": due_in(rules, RECEIPT, at), "answer": due_in(rules, ANSWER, at)}
