"""
Experts (专家) at a visit: whom an agency may appoint to assist its officers, and until when that can be changed.

They assist, appointed, not drawn (ADR 15; 国办发〔2024〕54号): they sign nothing and count as no officer.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from runtime.errors import Conflict, Forbidden, Rejected
from schemas.vocabulary import Role
from services.results.domain.sections import State, check_editable

APPOINTING = frozenset({Role.TEAM_LEAD, Role.AGENCY_HEAD, Role.PLANNER})
"""Who appoints for their own agency; of the planners only the lead's may know a target before disclosure (`sight`)."""
LONGEST_REASON = 500


class NotTheAgencysDesk(Forbidden):
    """Experts are appointed by the team lead, head or planner of the agency whose officers they assist."""

    code = "expert.not_the_desk"


class ExpertUnknown(Rejected):
    """The agency's expert register held no such expert when the frame was frozen."""

    code = "expert.unknown"


class ExpertExpired(Rejected):
    """The expert's term is over before the visit."""

    code = "expert.expired"


class ExpertRecused(Rejected):
    """The expert is recused (回避) from the target."""

    code = "expert.recused"


class ExpertAlreadyAppointed(Conflict):
    """The expert is appointed for this visit already."""

    code = "expert.already_appointed"


class ExpertNotAppointed(Conflict):
    """There is no such appointment, or it is withdrawn already."""

    code = "expert.not_appointed"


class AppointedAfterSignature(Conflict):
    """Somebody has signed what the visit found: who assisted stands with it."""

    code = "expert.after_signature"


@dataclass(frozen=True)
class Expert:
    """An expert of an agency as its register was frozen with the frame."""

    expert: str
    field: str
    valid_until: date
    recused: frozenset[str]  # targets

    def reason_against(self, target: str, day: date) -> str | None:
        """Return why this expert cannot assist at *target* on *day*: a code of a refusal, or None."""
        if self.valid_until < day:
            return ExpertExpired.code
        if target in self.recused:
            return ExpertRecused.code
        return None


def visit_day(visit_on: date | None, today: date) -> date:
    """Say the day an expert's term must reach: the visit's, or today as long as it has none."""
    return visit_on or today


def may_appoint(roles: Collection[Role]) -> bool:
    """Tell whether somebody appoints experts for their own agency."""
    return not APPOINTING.isdisjoint(roles)


def check_changeable(roles: Collection[Role], state: State, *, signed: bool) -> None:
    """
    Let an agency's desk appoint and withdraw as long as nobody has signed what the section says.

    Raises:
        NotTheAgencysDesk, SectionNotInState, AppointedAfterSignature.
    """
    if not may_appoint(roles):
        raise NotTheAgencysDesk()
    check_editable(state)
    if signed:
        raise AppointedAfterSignature()


def check_appointable(expert: Expert | None, number: str, target: str, day: date, standing: Collection[str]) -> Expert:
    """
    Return the expert who may be appointed for a visit.

    Args:
        expert: who stands in the agency's register under *number*.
        standing: numbers of those appointed for this section already.

    Raises:
        ExpertUnknown, ExpertAlreadyAppointed, ExpertExpired, ExpertRecused.
    """
    if expert is None:
        raise ExpertUnknown(expert=number)
    if number in standing:
        raise ExpertAlreadyAppointed(expert=number)
    reason = expert.reason_against(target, day)
    if reason == ExpertExpired.code:
        raise ExpertExpired(expert=number, until=expert.valid_until.isoformat(), day=day.isoformat())
    if reason == ExpertRecused.code:
        raise ExpertRecused(expert=number)
    return expert


@dataclass(frozen=True)
class Want:
    """So many experts of a field that the plan asks for at each visit of the agency, and how many are appointed."""

    field: str
    per_visit: int
    appointed: int

    @property
    def missing(self) -> int:
        """Say how many are still to be appointed."""
        return max(0, self.per_visit - self.appointed)


def wanted(asked: Sequence[tuple[str, int]], fields: Sequence[str]) -> tuple[Want, ...]:
    """Hold the *fields* of those appointed against what the plan asks for: (field, so many at each visit)."""
    return tuple(Want(field, per_visit, sum(each == field for each in fields)) for field, per_visit in asked)
