"""
Working days (工作日) of a country whose holidays are published year by year, and terms (期限) counted in them.

Pure: the standard library and `runtime.errors` only, so that every service's domain may use it. The calendar itself is
data (`rulepacks/calendar/CN.toml`, told to every service as an event).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from runtime.errors import Rejected

WORKING_DAYS, NATURAL_DAYS = "working_days", "natural_days"
NO_ROLL, NEXT_WORKING_DAY = "none", "next_working_day"
FARTHEST_TERM = 3_660
_DAY = timedelta(days=1)


class DayOutOfRange(Rejected):
    """A day or a term lies outside of what the calendar can count (years 1900 to 2199, ten years ahead)."""

    code = "calendar.day_out_of_range"


class TermUnknown(Rejected):
    """A term is in a unit, or has a roll, that days cannot be counted in."""

    code = "calendar.term_unknown"


class NoWorkingDay(Rejected):
    """There is no working day in the span asked for."""

    code = "calendar.no_working_day"


@dataclass(frozen=True, slots=True)
class ReckonedDay:
    """
    A day counted on the calendar.

    ``provisional`` (暂定): a day counted on the way, or the day itself, belongs to a year whose holidays are not yet
    published, so that the answer may move once they are.
    """

    on: date
    provisional: bool


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """
    Which days are worked. Build it with `of`.

    ``years``: years with a published notice; ``off``: days off by a notice; ``worked``: weekend days worked (调休).
    A notice may reach into the December before its year (2018-12-29..31 stand in the notice for 2019): so the last
    four days of a December are certain only when the following year is published too.
    """

    years: frozenset[int]
    off: frozenset[date]
    worked: frozenset[date]

    @classmethod
    def of(cls, years: Mapping[int, tuple[Iterable[date], Iterable[date]]]) -> "WorkingCalendar":
        """Build the calendar from {year of the notice: (days off, weekend days worked)}."""
        off = frozenset(day for days_off, _ in years.values() for day in days_off)
        worked = frozenset(day for _, days_worked in years.values() for day in days_worked)
        return cls(frozenset(years), off - worked, worked)

    def is_working_day(self, day: date) -> bool:
        """Tell whether *day* is worked; in a year without a notice, whether it is a weekday."""
        if day in self.worked:
            return True
        return day.weekday() < 5 and day not in self.off

    def is_provisional(self, first: date, last: date | None = None) -> bool:
        """Tell whether a day from *first* to *last* (both counted) has no published notice behind it."""
        last = first if last is None else last
        latest = last.year + 1 if (last.month, last.day) >= (12, 28) else last.year
        return any(year not in self.years for year in range(first.year, latest + 1))

    def add_working_days(self, day: date, n: int) -> ReckonedDay:
        """
        Count *n* working days on from *day*: the first working day after it is day 1; 0 is *day* itself.

        A negative *n* counts back, the working day before *day* being -1.

        Source:
            reference/domain.md 5.2, 6.4, 7(1): counting starts on the day after.
        """
        _checked(day)
        if abs(n) > FARTHEST_TERM:
            raise DayOutOfRange(term=n)
        step, left, reached = (_DAY if n >= 0 else -_DAY), abs(n), day
        while left:
            reached += step
            left -= self.is_working_day(reached)
        _checked(reached)
        # The day counted from decides nothing itself, unless it is the answer.
        first, last = sorted((day + step, reached)) if n else (day, day)
        return ReckonedDay(reached, self.is_provisional(first, last))

    def add_natural_days(self, day: date, n: int, roll: str = NO_ROLL) -> ReckonedDay:
        """
        Count *n* natural days (自然日) on from *day*; *roll* moves a day off to the next working day.

        Without a roll the answer never is provisional: natural days need no calendar.
        """
        _checked(day)
        if abs(n) > FARTHEST_TERM:
            raise DayOutOfRange(term=n)
        reached = _checked(day + timedelta(days=n))
        if roll == NO_ROLL:
            return ReckonedDay(reached, False)
        if roll != NEXT_WORKING_DAY:
            raise TermUnknown(roll=roll)
        return self.on_or_after(reached)

    def due(self, anchor: date, term: int, unit: str, roll: str = NO_ROLL) -> ReckonedDay:
        """Count a rule pack's term from its anchor: ``unit`` working_days or natural_days, ``roll`` as the pack says."""
        if term < 0:
            raise DayOutOfRange(term=term)
        if unit == NATURAL_DAYS:
            return self.add_natural_days(anchor, term, roll)
        if unit != WORKING_DAYS:
            raise TermUnknown(unit=unit)
        reached = self.add_working_days(anchor, term)
        return reached if term or roll == NO_ROLL else self.on_or_after(anchor)

    def on_or_after(self, day: date) -> ReckonedDay:
        """Find the first working day that is not before *day*."""
        reached = day
        while not self.is_working_day(_checked(reached)):
            reached += _DAY
        return ReckonedDay(reached, self.is_provisional(day, reached))

    def on_or_before(self, day: date) -> ReckonedDay:
        """Find the last working day that is not after *day*."""
        reached = day
        while not self.is_working_day(_checked(reached)):
            reached -= _DAY
        return ReckonedDay(reached, self.is_provisional(reached, day))

    def next_working_day(self, day: date) -> ReckonedDay:
        """Find the first working day after *day*."""
        return self.add_working_days(day, 1)

    def previous_working_day(self, day: date) -> ReckonedDay:
        """Find the last working day before *day*."""
        return self.add_working_days(day, -1)

    def working_days_in(self, first: date, last: date) -> tuple[date, ...]:
        """List the working days from *first* to *last*, both counted; empty where *last* is before *first*."""
        span = (_checked(last) - _checked(first)).days
        days = (first + timedelta(days=n) for n in range(span + 1))
        return tuple(day for day in days if self.is_working_day(day))

    def working_days_between(self, first: date, last: date) -> int:
        """Count the working days from *first* to *last*, both counted; 0 where *last* is before *first*."""
        return len(self.working_days_in(first, last))

    def working_days_left(self, today: date, due_on: date) -> int:
        """
        Count the working days left after *today* up to and with *due_on*: what a traffic light looks at.

        0 on the last working day up to it; once overdue minus the working days gone by since. Whether a duty is
        overdue is not read from this number but from ``today > due_on``: the first days late may be days off.
        """
        if today <= due_on:
            return self.working_days_between(today + _DAY, due_on)
        return -self.working_days_between(due_on + _DAY, today)

    def last_working_day_in(self, first: date, last: date) -> ReckonedDay:
        """
        Find the last working day of a stage, the last one on which its work can still be done.

        Raises:
            NoWorkingDay: the whole stage is days off.
        """
        days = self.working_days_in(first, last)
        if not days:
            raise NoWorkingDay(first=first, last=last)
        return ReckonedDay(days[-1], self.is_provisional(days[-1], last))

    def first_working_day_in(self, first: date, last: date) -> ReckonedDay:
        """Find the first working day of a stage; raises as `last_working_day_in` does."""
        days = self.working_days_in(first, last)
        if not days:
            raise NoWorkingDay(first=first, last=last)
        return ReckonedDay(days[0], self.is_provisional(first, days[0]))


def _checked(day: date) -> date:
    if not 1900 <= day.year <= 2199:
        raise DayOutOfRange(day=day)
    return day
