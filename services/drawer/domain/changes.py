"""
What may be asked for after the draw (替换申请), by whom, and who must agree, before a round is opened for it.

The lock against casual swaps: a reason of the plan, a document, two people of the agency, and never once a checklist of
the visit is in. Who replaces whom is left to fresh randomness (JIDRAW/1 section 11).
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from runtime.errors import Conflict, Forbidden, Rejected
from schemas.vocabulary import Role

OFFICER_REASON = "officer_"
"""What a reason about an officer begins with in a plan of before, which does not name them itself."""
ASKING = frozenset({Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD})
"""Who of an agency may know its targets before the window ends, and so ask."""
DECIDING = frozenset({Role.APPROVER, Role.AGENCY_HEAD})
MOST_WORDS = 1_000
"""How long a firm's reason may be, and the head's, in signs."""


class State(StrEnum):
    """How far a request is inside its agency."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ChangeNotForYou(Forbidden):
    """Only an agency of the visit, by its team lead, approver or head, asks for a change."""

    code = "draw.change_not_for_you"


class ChangeReasonUnknown(Rejected):
    """The plan knows no such reason for a target, or none for an officer."""

    code = "draw.change_reason_unknown"


class OfficerNotThere(Rejected):
    """The officer is not in the agency's team of this visit."""

    code = "draw.change_officer_not_there"


class OfficerAppointed(Conflict):
    """The officer was appointed to an open place, not drawn: no round replaces them, the head ends the appointment."""

    code = "draw.change_officer_appointed"


class VisitOver(Conflict):
    """The visit was closed by an earlier round."""

    code = "draw.change_visit_over"


class VisitEntered(Conflict):
    """A checklist of the visit is in: what was inspected is not replaced any more."""

    code = "draw.change_visit_entered"


class ChangeAskedAlready(Conflict):
    """The same change has been asked for and waits."""

    code = "draw.change_asked_already"


class ChangeDecided(Conflict):
    """The request has been approved, refused or withdrawn."""

    code = "draw.change_decided"


class ChangeBySamePerson(Forbidden):
    """Whoever asks does not approve."""

    code = "draw.change_by_same_person"


class HeadDecides(Forbidden):
    """Whether somebody is recused at a firm's request is decided by the head of the agency (行政处罚法 §43)."""

    code = "draw.change_head_decides"


class WordsWrong(Rejected):
    """The firm's reason, and the head's for the decision, are written down: some words, 1,000 signs at most."""

    code = "draw.change_words_wrong"


@dataclass(frozen=True)
class VisitStanding:
    """One visit as an agency knows it: whom it goes to, who goes, and whether checklists are in."""

    visit: str
    target: str
    agencies: tuple[str, ...]
    officers: tuple[str, ...]
    """The asking agency's own."""
    over: bool
    entered: frozenset[str]
    """Agencies whose checklist is in."""
    appointed: tuple[str, ...] = ()
    """The asking agency's officers there who were not drawn; they are none of ``officers``."""


def may_ask(roles: Collection[Role]) -> bool:
    """Tell whether somebody may ask for changes of the own agency's visits."""
    return not ASKING.isdisjoint(roles)


@dataclass(frozen=True)
class Reasons:
    """A plan's reasons for a change after the draw, ascending."""

    targets: tuple[str, ...]
    officers: tuple[str, ...]


def reasons_of(reasons: Collection[str], officers: Collection[str]) -> Reasons:
    """Tell a plan's *reasons* apart; *officers*: those of them that the plan says are about officers."""
    about = frozenset(officers) or frozenset(one for one in reasons if one.startswith(OFFICER_REASON))
    return Reasons(tuple(sorted(set(reasons) - about)), tuple(sorted(about & set(reasons))))


def check_request(visit: VisitStanding, agency: str, officer: str | None, reason: str, reasons: Reasons) -> None:
    """
    Judge what an agency asks for.

    Args:
        officer: Who drops out; None: the target is gone.
        reasons: All the plan knows.
    """
    known = reasons.targets if officer is None else reasons.officers
    if reason not in known:
        raise ChangeReasonUnknown(reason=reason, known=list(known))
    if visit.over:
        raise VisitOver(visit=visit.visit)
    if is_entered(visit, agency, officer):
        raise VisitEntered(visit=visit.visit)
    if officer is not None and officer in visit.appointed:
        raise OfficerAppointed(officer=officer, visit=visit.visit)
    if officer is not None and officer not in visit.officers:
        raise OfficerNotThere(officer=officer, visit=visit.visit)


def check_firms_request(officer: str | None, words: str) -> str:
    """Judge a firm's request for recusal (当事人申请回避), which names an officer; returns its words as they are kept."""
    if officer is None:
        raise OfficerNotThere(officer="", visit="")
    return fit_words(words)


def check_firms_decision(roles: Collection[Role], words: str) -> str:
    """Let only the agency's head decide on a firm's request, and in words; returns them as they are kept."""
    if Role.AGENCY_HEAD not in roles:
        raise HeadDecides()
    return fit_words(words)


def fit_words(words: str) -> str:
    """Strip *words*, and refuse none, too many, and signs that are not shown."""
    fit = words.replace("\r\n", "\n").strip()
    if not 0 < len(fit) <= MOST_WORDS or not all(sign.isprintable() or sign == "\n" for sign in fit):
        raise WordsWrong(most=MOST_WORDS)
    return fit


def is_entered(visit: VisitStanding, agency: str, officer: str | None) -> bool:
    """Tell whether it is too late: for a target once any checklist is in, for an officer once the agency's own is."""
    return bool(visit.entered if officer is None else visit.entered & {agency})


def check_decision(state: State, asked_by: str, decided_by: str) -> None:
    """Refuse a decision on what was decided before, and by whoever asked."""
    if state != State.ASKED:
        raise ChangeDecided(state=state.value)
    if asked_by == decided_by:
        raise ChangeBySamePerson()
