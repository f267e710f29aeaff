"""
The traffic light (红黄绿) of a duty: one rule for every page that shows one.

A duty is red from the moment it is late; yellow from the working day with as many working days left as the rule pack
says; green before. Who works with days only is late when its day is over.
"""

from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum

from runtime.time.workdays import ReckonedDay, WorkingCalendar

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


class Light(StrEnum):
    """Green: time enough. Yellow: as many working days left as the pack says, or fewer. Red: overdue."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def local_day(moment: datetime) -> date:
    """Return the day it is in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def end_of_day(day: date) -> datetime:
    """Return the first moment after *day* in Shanghai: a duty due that day is overdue from here."""
    return datetime.combine(day + timedelta(days=1), time(0), SHANGHAI)


def yellow_from(due_on: date, working_days: int, calendar: WorkingCalendar) -> ReckonedDay:
    """Find the first day in yellow of a duty due on *due_on*: with so many *working_days* left."""
    return calendar.add_working_days(calendar.on_or_before(due_on).on, -working_days)


def light(now: datetime, yellow_on: date | None, late_at: datetime | None) -> Light:
    """
    Say how a duty stands at *now*.

    Args:
        yellow_on: First day in yellow; None where no step was ever counted.
        late_at: First moment in red; None where nobody but the doer can see whether it was done in time.
    """
    if late_at is not None and now >= late_at:
        return Light.RED
    if yellow_on is not None and local_day(now) >= yellow_on:
        return Light.YELLOW
    return Light.GREEN
