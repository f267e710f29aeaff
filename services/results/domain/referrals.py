"""Referrals (移送、抄告): their states, who may do what in which, and which findings belong to one."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum

from runtime.errors import Conflict, Forbidden, Rejected


class State(StrEnum):
    """Where a referral stands."""

    UNROUTED = "unrouted"  # 待定管辖, the lead's queue
    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    RETURNED = "returned"  # back in the lead's queue
    DECIDED = "decided"
    CLOSED = "closed"


class Act(StrEnum):
    """What can be done to a referral."""

    ROUTE = "route"
    RECEIVE = "receive"
    ACCEPT = "accept"
    RETURN = "return"
    DECIDE = "decide"
    CLOSE = "close"


class ReferralNotInState(Conflict):
    """This cannot be done to a referral in its present state."""

    code = "referral.not_in_state"


class NotYourPart(Forbidden):
    """This is for the receiver, the sender or the lead of the referral to do."""

    code = "referral.not_your_part"


class RoutedToWhoReturnedIt(Rejected):
    """The agency has already said it is not theirs."""

    code = "referral.routed_to_returner"


class RoutedToFinder(Rejected):
    """The agency is itself a source of the referral."""

    code = "referral.routed_to_source"


class ReceiverUnknown(Rejected):
    """Nobody of that name can receive a referral."""

    code = "referral.receiver_unknown"


class DecisionUnknown(Rejected):
    """No such decision can be recorded."""

    code = "referral.decision_unknown"


class ReasonUnknown(Rejected):
    """The rule pack does not know this reason."""

    code = "referral.reason_unknown"


OPEN_STATES = frozenset({State.UNROUTED, State.SENT, State.RECEIVED, State.ACCEPTED, State.RETURNED})
"""Until it is decided, a referral takes further sources; a later finding opens a new one."""

QUEUED = frozenset({State.UNROUTED, State.RETURNED})
"""In the lead's queue (待定管辖)."""

_STEPS: dict[Act, dict[State, State]] = {
    Act.ROUTE: {State.UNROUTED: State.SENT, State.RETURNED: State.SENT},
    Act.RECEIVE: {State.SENT: State.RECEIVED},
    Act.ACCEPT: {State.SENT: State.ACCEPTED, State.RECEIVED: State.ACCEPTED},
    Act.RETURN: {State.SENT: State.RETURNED, State.RECEIVED: State.RETURNED},
    Act.DECIDE: {State.ACCEPTED: State.DECIDED},
    Act.CLOSE: {State.DECIDED: State.CLOSED},
}


def step(act: Act, state: State, *, mode: str, external: bool) -> State:
    """
    Say which state follows *act*; refuse what does not fit.

    A copy for information (抄告) ends with its receipt. A body without an account answers by letter, which says at
    once what it decided, so its receipt is enough for a decision to be entered.
    """
    if act is Act.DECIDE and external and state is State.RECEIVED:
        return State.DECIDED
    if state not in _STEPS[act]:
        raise ReferralNotInState(act=act.value, state=state.value)
    if act is Act.RECEIVE and mode == "inform":
        return State.CLOSED
    if mode == "inform" and act in (Act.ACCEPT, Act.DECIDE):
        raise ReferralNotInState(act=act.value, state=state.value)
    return _STEPS[act][state]


def who_may(
    act: Act, *, sender: str, receiver: str | None, lead: str, external: bool, sources: Iterable[str]
) -> set[str]:
    """Name the agencies whose part *act* is; for a body without an account its sender or the lead enter the answer."""
    if act is Act.ROUTE:
        return {lead}
    if act is Act.CLOSE:
        return {sender, *sources}
    if external:
        return {sender, lead}
    return {receiver} if receiver else set()


def check_part(act: Act, agency: str, parts: set[str]) -> None:
    """Refuse an agency whose part it is not."""
    if agency not in parts:
        raise NotYourPart(act=act.value)


def check_new_receiver(receiver: str, kind: str | None, *, sources: Iterable[str], returned_by: Iterable[str]) -> bool:
    """Check the agency a lead routes to; returns whether it is outside the system and gets a letter."""
    if kind not in ("agency", "external"):
        raise ReceiverUnknown(receiver=receiver)
    if receiver in set(returned_by):
        raise RoutedToWhoReturnedIt(receiver=receiver)
    if receiver in set(sources):
        raise RoutedToFinder(receiver=receiver)
    return kind == "external"


def thread_id(campaign: str, target: str, kind: str, receiver: str) -> str:
    """
    Name what is one matter: the same campaign, target, kind and receiver, whoever reports it.

    The digest is a unique key, so that two sections approved at once cannot open two referrals of one matter.
    """
    return hashlib.sha256("|".join((campaign, target, kind, receiver)).encode()).hexdigest()


def leg_thread_id(thread: str, referral: str, leg: int) -> str:
    """
    Name the thread of a further leg of a referral.

    A matter found again after its referral was closed begins at the same thread, so the referral is part of the name.
    """
    return hashlib.sha256(f"{thread}|{referral}|{leg}".encode()).hexdigest()


def all_informed(sources: Iterable[str], heard: Iterable[str]) -> bool:
    """Whether every reporting agency has heard the outcome."""
    return set(sources) <= set(heard)
