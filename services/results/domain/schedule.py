"""The day of a visit: inside the inspection stage, on a working day, one day for all agencies."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

from runtime.errors import Conflict, Rejected


class OutsideInspectionStage(Rejected):
    """The day is not inside the campaign's inspection stage (检查阶段)."""

    code = "visit.outside_stage"


class NotAWorkingDay(Rejected):
    """Inspections take place on working days."""

    code = "visit.not_a_working_day"


class VisitAlreadyEntered(Conflict):
    """An agency has submitted its section; the day stands."""

    code = "visit.already_entered"


@dataclass(frozen=True)
class Stage:
    """First and last day of the inspection stage, and the last working day in it."""

    first_on: date
    last_on: date
    last_working_on: date | None


def nearest_day(days: Collection[date], today: date) -> date | None:
    """Choose the day of visits to look at first: today or the last day before it (they can be entered), else the next."""
    come = [day for day in days if day <= today]
    return max(come) if come else min(days, default=None)


def check_visit_day(
    day: date,
    stage: Stage,
    is_working_day: Callable[[date], bool],
    *,
    today: date,
    entered: bool,
    busy: int = 0,
    absent: int = 0,
    expired: int = 0,
    provisional: bool = False,
) -> tuple[str, ...]:
    """
    Check the day of a visit; returns codes of warnings.

    Args:
        entered: a section of the visit has been submitted.
        busy: how many officers of the visit's teams have another visit that day.
        absent: how many officers of the visit's teams are away that day.
        expired: how many appointed experts' terms are over before that day.
        provisional: the year has no published calendar yet.
    """
    if entered:
        raise VisitAlreadyEntered()
    if not stage.first_on <= day <= stage.last_on:
        raise OutsideInspectionStage(
            day=day.isoformat(), first=stage.first_on.isoformat(), last=stage.last_on.isoformat()
        )
    if not is_working_day(day):
        raise NotAWorkingDay(day=day.isoformat())
    warnings = {
        "visit.warn_past": day < today,
        "visit.warn_last_day": day == (stage.last_working_on or stage.last_on),
        "visit.warn_officers_busy": busy > 0,
        "visit.warn_officers_absent": absent > 0,
        "visit.warn_experts_expired": expired > 0,
        "visit.warn_provisional": provisional,
    }
    return tuple(code for code, applies in warnings.items() if applies)
