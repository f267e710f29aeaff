"""
Referrals: answered by the receiver, routed by the lead, closed by their sources.

When the lead routes a referral to somebody new it begins a further leg, its own row, since only a row's owner can
share it; whoever returned it keeps the earlier leg and sees no later one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.service import Reply
from runtime.store import Actor, share
from schemas.events.payload import Payload
from schemas.events.referrals import (
    ReferralAccepted,
    ReferralClosed,
    ReferralDecided,
    ReferralReceived,
    ReferralReturned,
)
from schemas.vocabulary import ReferralMode
from services.results.commands.actions import join_actions
from services.results.commands.referring import (
    ROUTING,
    happened,
    new_thread,
    referral_of,
    sent_dues,
    sent_event,
    share_with,
    told_of,
)
from services.results.commands.scans import attach_scan, may_scan
from services.results.domain.checklists import fit_text
from services.results.domain.referrals import (
    Act,
    DecisionUnknown,
    ReasonUnknown,
    ReferralNotInState,
    State,
    all_informed,
    check_new_receiver,
    check_part,
    leg_thread_id,
    step,
    who_may,
)
from services.results.rules import Rules, day_of, rules_of
from services.results.tables import Agency, Package, Referral, Source, Thread, Visit

# ── the receiver's part ─────────────────────────────────────────────────────────────────────────────────────────────


def receive(
    session: Session, actor: Actor, *, at: datetime, referral_id: str, scan: Mapping[str, Any] | None = None
) -> Reply:
    """Confirm that the referral has arrived (回执), with the *scan* of a letter's receipt. A copy for information ends here."""
    referral, state = _step(session, actor, Act.RECEIVE, referral_id, at)
    _with_scan(session, actor, Act.RECEIVE, referral, at, scan)
    events: list[Payload] = [ReferralReceived(**_answered(referral))]
    if state is State.CLOSED:
        events.append(ReferralClosed(**_answered(referral)))
    return _moved(session, referral, events)


def accept(session: Session, actor: Actor, *, at: datetime, referral_id: str) -> Reply:
    """Take the referral on; the term for its decision starts."""
    referral, _ = _step(session, actor, Act.ACCEPT, referral_id, at)
    decide = _rules(session, referral).due(_deadline(session, referral), day_of(at))
    referral.dues = referral.dues | {"decide": decide.model_dump(mode="json")}
    return _moved(session, referral, [ReferralAccepted(**_answered(referral), decide=decide)])


def return_(session: Session, actor: Actor, *, at: datetime, referral_id: str, reason: str, note: str = "") -> Reply:
    """Say that it is not the receiver's (退回), with a reason of the pack: it goes back to the lead's queue."""
    referral, _ = _step(session, actor, Act.RETURN, referral_id, at)
    rules = _rules(session, referral)
    if reason not in {each.code for each in rules.pack.return_reasons}:
        raise ReasonUnknown(reason=reason)
    said = {
        "agency": referral.receiver,
        "reason": reason,
        "note": fit_text("note", note, required=False, longest=500),
        "at": at.isoformat(),
    }
    referral.returned_by = [*referral.returned_by, said]
    route = rules.due(ROUTING, day_of(at))
    referral.dues = {"route": route.model_dump(mode="json")}
    if not referral.external:
        _hand_on(session, actor, referral, referral.lead)
    return _moved(session, referral, [ReferralReturned(**_answered(referral), route=route)])


def decide(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    referral_id: str,
    decision: str,
    text: str,
    scan: Mapping[str, Any] | None = None,
) -> Reply:
    """Record what the receiver decided, with the *scan* of a letter's answer; its text goes to the sources and the lead."""
    referral, _ = _step(session, actor, Act.DECIDE, referral_id, at)
    referral.decision, referral.decision_text = _decided(session, referral, decision, text)
    _with_scan(session, actor, Act.DECIDE, referral, at, scan)
    return _moved(session, referral, [ReferralDecided(**_answered(referral), decision=decision)])


def may_enter(
    session: Session, actor: Actor, *, referral_id: str, act: Act, decision: str = "", text: str = ""
) -> None:
    """Refuse, before a scan is stored, what `receive` or `decide` would refuse to be sent with one."""
    referral = referral_of(session, referral_id)
    _check_step(actor, act, referral)
    may_scan(session, actor, referral_id=referral_id)
    if act is Act.DECIDE:
        _decided(session, referral, decision, text)


def _decided(session: Session, referral: Referral, decision: str, text: str) -> tuple[str, str]:
    if decision not in {each.code for each in _rules(session, referral).pack.decisions}:
        raise DecisionUnknown(decision=decision)
    return decision, fit_text("text", text, longest=1000)


def _with_scan(
    session: Session, actor: Actor, act: Act, referral: Referral, at: datetime, scan: Mapping[str, Any] | None
) -> None:
    if scan is not None:
        attach_scan(session, actor, at=at, referral_id=referral.referral, act=act.value, **scan)


def _deadline(session: Session, referral: Referral) -> str:
    known = _rules(session, referral).pack.deadlines
    return referral.deadline if referral.deadline in known else "referral_decision"


def _hand_on(session: Session, actor: Actor, referral: Referral, to: str) -> None:
    """Hand copies of the packages on to another desk, one per source, the newest each."""
    if to == actor.agency:
        return
    newest: dict[str, Package] = {}
    found = select(Package).where(Package.referral == referral.referral).order_by(Package.hop, Package.id)
    for package in session.scalars(found):
        newest[package.source] = package
    for package in list(newest.values()):
        copy = Package(
            id=f"{referral.referral}-{package.source}-{package.hop + 1}",
            county=package.county,
            owner_agency=actor.agency,
            referral=referral.referral,
            source=package.source,
            hop=package.hop + 1,
            content=package.content,
            blobs=package.blobs,
        )
        session.add(copy)
        share(session, copy, to)


# ── the lead's part ─────────────────────────────────────────────────────────────────────────────────────────────────


def route(
    session: Session, actor: Actor, *, at: datetime, referral_id: str, receiver: str, mode: str = "transfer"
) -> Reply:
    """Send a referral of the lead's queue to the agency or outside body that the lead finds competent."""
    before = referral_of(session, referral_id)
    state = _check_step(actor, Act.ROUTE, before)
    body = session.get(Agency, receiver)
    sources = _sources(session, referral_id)
    external = check_new_receiver(
        receiver,
        body.kind if body else None,
        sources=[source.agency for source in sources],
        returned_by=[each["agency"] for each in before.returned_by],
    )
    facts = {column.key: getattr(before, column.key) for column in inspect(Referral).column_attrs}
    leg = before.leg + 1
    referral = Referral(
        **facts
        | {
            "id": f"{referral_id}.{leg}",
            "leg": leg,
            "owner_agency": actor.agency,
            "thread": leg_thread_id(before.thread, referral_id, leg),
            "receiver": receiver,
            "external": external,
            "mode": ReferralMode(mode),
            "state": state,
            "rule": "lead",
            "dues": sent_dues(_rules(session, before), at),
            "history": [*before.history, happened(Act.ROUTE.value, actor, at)],
        }
    )
    before.current = False
    session.add(referral)
    for agency in sorted({referral.sender} | (set() if external else {receiver})):
        share_with(session, referral, actor, agency, write=True)
    for source in sources:
        share_with(session, referral, actor, source.agency)
    visit = session.get_one(Visit, referral.visit)
    _move_thread(session, actor, visit, before, referral, sources)
    if not external:
        _hand_on(session, actor, referral, receiver)
    joined = join_actions(session, visit, referral.kind, receiver, referral_id)
    return _moved(session, referral, [sent_event(referral), *joined])


def _move_thread(
    session: Session, actor: Actor, visit: Visit, before: Referral, referral: Referral, sources: Sequence[Source]
) -> None:
    thread = session.get(Thread, before.thread)
    if thread is not None:
        thread.moved_to = referral.thread
        new_thread(session, actor, visit, referral, [source.agency for source in sources])


# ── the sources' part ───────────────────────────────────────────────────────────────────────────────────────────────


def close(session: Session, actor: Actor, *, at: datetime, referral_id: str) -> Reply:
    """
    Take note of the decision as a source. The first sender closes the referral for all.

    When every other source has taken note, the clock closes it (``close_heard``).
    """
    source = session.get(Source, f"{referral_id}-{actor.agency}")
    told = standing(session, referral_id)
    if source is not None and told["sender"] != actor.agency:
        step(Act.CLOSE, State(told["state"]), mode=told["mode"], external=told["external"])
        source.heard_at = source.heard_at or at
        return Reply((), {"referral": referral_id, "state": told["state"]})
    referral, _ = _step(session, actor, Act.CLOSE, referral_id, at)
    if source is not None:
        source.heard_at = source.heard_at or at
    return _moved(session, referral, [ReferralClosed(**_answered(referral))])


def to_close(session: Session, actor: Actor) -> list[str]:
    """List decided referrals whose sources have all taken note (a query for the timer)."""
    decided = select(Referral.referral).where(Referral.state == State.DECIDED, Referral.current)
    return [referral for referral in session.scalars(decided.order_by(Referral.id)) if _all_heard(session, referral)]


def close_heard(session: Session, actor: Actor, *, at: datetime, referral_id: str) -> Reply | None:
    """Close a decided referral once all its sources have taken note (run by the clock)."""
    referral = referral_of(session, referral_id)
    if referral.state != State.DECIDED or not _all_heard(session, referral_id):
        return None
    referral.state = State.CLOSED
    referral.history = [*referral.history, {"act": "close", "agency": referral.sender, "at": at.isoformat()}]
    return _moved(session, referral, [ReferralClosed(**_answered(referral))])


def _all_heard(session: Session, referral_id: str) -> bool:
    sources = _sources(session, referral_id)
    return all_informed([each.agency for each in sources], [each.agency for each in sources if each.heard_at])


# ── one step ────────────────────────────────────────────────────────────────────────────────────────────────────────


def standing(session: Session, referral_id: str, source: Source | None = None) -> dict[str, Any]:
    """Tell how a referral stands, from the newest leg its reader may see, else from what a source has been told."""
    legs = select(Referral).where(Referral.referral == referral_id).order_by(Referral.leg.desc())
    referral = session.scalars(legs).first()
    if referral is not None:
        return told_of(referral)
    source = source or session.scalars(select(Source).where(Source.referral == referral_id)).first()
    if source is None:
        raise NotFound(referral=referral_id)
    return dict(source.told)


def _step(session: Session, actor: Actor, act: Act, referral_id: str, at: datetime) -> tuple[Referral, State]:
    referral = referral_of(session, referral_id)
    state = _check_step(actor, act, referral)
    referral.state = state
    referral.history = [*referral.history, happened(act.value, actor, at)]
    return referral, state


def _check_step(actor: Actor, act: Act, referral: Referral) -> State:
    parts = who_may(
        act,
        sender=referral.sender,
        receiver=referral.receiver,
        lead=referral.lead,
        external=referral.external,
        sources=(),
    )
    check_part(act, actor.agency, parts)
    if not referral.current:
        raise ReferralNotInState(act=act.value, state=referral.state)
    return step(act, State(referral.state), mode=referral.mode, external=referral.external)


def _moved(session: Session, referral: Referral, events: Sequence[Payload]) -> Reply:
    """Tell the key and every source how the referral stands now."""
    thread = session.get(Thread, referral.thread)
    if thread is not None and thread.referral == referral.referral:
        thread.state, thread.dues = referral.state, referral.dues
    for source in _sources(session, referral.referral):
        source.told = told_of(referral)
    return Reply(events, {"referral": referral.referral, "state": State(referral.state).value})


def _sources(session: Session, referral_id: str) -> list[Source]:
    return list(session.scalars(select(Source).where(Source.referral == referral_id).order_by(Source.id)))


def _answered(referral: Referral) -> dict[str, Any]:
    return {
        "county": referral.county,
        "referral": referral.referral,
        "campaign": referral.campaign,
        "sender": referral.sender,
        "receiver": referral.receiver,
        "lead": referral.lead,
    }


def _rules(session: Session, referral: Referral) -> Rules:
    return rules_of(session, referral.pack_digest, referral.calendar_digest)
