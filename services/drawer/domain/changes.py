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
"""What a reason of the plan begins with where it is about an officer and not about a target."""
ASKING = frozenset({Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD})
"""Who of an agency may know its targets before the window ends, and so ask."""
DECIDING = frozenset({Role.APPROVER, Role.AGENCY_HEAD})


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


def may_ask(roles: Collection[Role]) -> bool:
    """Tell whether somebody may ask for changes of the own agency's visits."""
    return not ASKING.isdisjoint(roles)


def reasons_for(reasons: Collection[str], *, officer: bool) -> list[str]:
    """List the plan's reasons for an officer, or for a target."""
    return sorted(one for one in reasons if one.startswith(OFFICER_REASON) == officer)


def check_request(
    visit: VisitStanding, agency: str, officer: str | None, reason: str, reasons: Collection[str]
) -> None:
    """
    Judge what an agency asks for.

    Args:
        officer: Who drops out; None: the target is gone.
        reasons: All the plan knows.
    """
    known = reasons_for(reasons, officer=officer is not None)
    if reason not in known:
        raise ChangeReasonUnknown(reason=reason, known=known)
    if visit.over:
        raise VisitOver(visit=visit.visit)
    if is_entered(visit, agency, officer):
        raise VisitEntered(visit=visit.visit)
    if officer is not None and officer not in visit.officers:
        raise OfficerNotThere(officer=officer, visit=visit.visit)


def is_entered(visit: VisitStanding, agency: str, officer: str | None) -> bool:
    """Tell whether it is too late: for a target once any checklist is in, for an officer once the agency's own is."""
    return bool(visit.entered if officer is None else visit.entered & {agency})


def check_decision(state: State, asked_by: str, decided_by: str) -> None:
    """Refuse a decision on what was decided before, and by whoever asked."""
    if state != State.ASKED:
        raise ChangeDecided(state=state.value)
    if asked_by == decided_by:
        raise ChangeBySamePerson()
