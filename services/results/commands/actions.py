"""Own actions (自行处理): begun by an approval, joined to a referral of the same matter, or decided by their agency."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.service import Reply
from runtime.store import Actor, share
from schemas.events.payload import Due, Payload
from schemas.events.results import ActionDecided, ActionJoined, ActionOrdered
from services.results.commands.found import campaign_of, campaign_rules, own_section
from services.results.domain.actions import check_decider, check_open
from services.results.domain.checklists import fit_text
from services.results.domain.referrals import DecisionUnknown, thread_id
from services.results.tables import OwnAction, OwnDecision, Section, Visit


def begin_action(
    session: Session, section: Section, visit: Visit, kind: str, findings: Sequence[str], due: Due, referral: str | None
) -> list[Payload]:
    """Note that a section's agency acts itself on its *findings* of a *kind*: by *due*, or in the open *referral* it has."""
    action = OwnAction(
        id=findings[0],
        county=section.county,
        owner_agency=section.agency,
        section=section.id,
        visit=section.visit,
        campaign=section.campaign,
        kind=kind,
        thread=thread_id(section.campaign, visit.target, kind, section.agency),
        findings=list(findings),
        due={} if referral else due.model_dump(mode="json"),
        referral=referral,
        decided_at=None,
    )
    session.add(action)
    for agency in sorted({*visit.agencies, visit.owner_agency} - {section.agency}):
        share(session, action, agency, write=True)
    return [] if referral else [ActionOrdered(**_subject(action), kind=kind, act=due)]


def join_actions(session: Session, visit: Visit, kind: str, receiver: str, referral: str) -> list[Payload]:
    """Let what *receiver* already has to do about the same matter by itself be done in *referral*, which is new to it."""
    matter = thread_id(visit.campaign, visit.target, kind, receiver)
    waiting = select(OwnAction).where(
        OwnAction.thread == matter, OwnAction.referral.is_(None), OwnAction.decided_at.is_(None)
    )
    events: list[Payload] = []
    for action in session.scalars(waiting.order_by(OwnAction.id)):
        action.referral, action.due = referral, {}
        events.append(ActionJoined(**_subject(action), referral=referral))
    return events


def decide_action(
    session: Session, actor: Actor, *, at: datetime, section_id: str, finding: str, decision: str, text: str
) -> Reply:
    """
    Record what the agency decided on its own finding; the text stays at home.

    Raises:
        ActionNotYours: the actor does not speak for the agency.
        ActionAlreadyDecided, ActionJoinedReferral: there is nothing to decide here any more.
        DecisionUnknown: the pack does not know the decision.
        TextUnfit: nothing says what was done.
    """
    section = own_section(session, actor, section_id)
    action = session.get(OwnAction, finding)
    if action is None or action.section != section.id:
        raise NotFound(finding=finding)
    check_decider(actor.roles)
    check_open(action.referral, action.decided_at)
    if decision not in {
        each.code for each in campaign_rules(session, campaign_of(session, section.campaign)).pack.decisions
    }:
        raise DecisionUnknown(decision=decision)
    action.decided_at = at
    session.add(
        OwnDecision(
            id=action.id,
            county=section.county,
            owner_agency=section.agency,
            section=section.id,
            decision=decision,
            text=fit_text("text", text, longest=1000),
            decided_by=actor.id,
            decided_at=at,
        )
    )
    return Reply([ActionDecided(**_subject(action), decision=decision)], {"finding": action.id, "decision": decision})


def _subject(action: OwnAction) -> dict[str, str]:
    return {
        "county": action.county,
        "campaign": action.campaign,
        "visit": action.visit,
        "agency": action.owner_agency,
        "finding": action.id,
    }
