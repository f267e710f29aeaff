"""Moving the campaign of 2018 in time, by working days, so that today falls into its inspection stage."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from runtime.time.workdays import WorkingCalendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
FOURTH_DAY = date(2018, 12, 13)
"""The fourth working day of the campaign's inspection stage."""


@dataclass(frozen=True)
class Move:
    """
    Takes days of 2018 to days of another time.

    A working day goes to the working day that lies as many working days from *to* as it lay from *since*. A day off goes
    to the days after the working day before it, as far as they are days off too, so that stages never overlap.
    """

    calendar: WorkingCalendar
    since: date
    to: date

    def day(self, day: date) -> date:
        """Move a day."""
        if self.since == self.to:
            return day
        working = self.calendar.on_or_before(day).on
        moved = self._working_day(working)
        for _ in range((day - working).days):
            following = moved + timedelta(days=1)
            if self.calendar.is_working_day(following):
                break
            moved = following
        return moved

    def moment(self, day: date, at: time) -> datetime:
        """Move a day and give it a time of day in Shanghai; the answer is aware, in UTC."""
        return datetime.combine(self.day(day), at, SHANGHAI).astimezone(UTC)

    def _working_day(self, day: date) -> date:
        first, last = sorted((day, self.since))
        apart = self.calendar.working_days_between(first, last) - 1
        return self.calendar.add_working_days(self.to, apart if day > self.since else -apart).on


def unmoved(calendar: WorkingCalendar) -> Move:
    """Leave every day where it is."""
    return Move(calendar, FOURTH_DAY, FOURTH_DAY)


def into_today(calendar: WorkingCalendar, today: date) -> Move:
    """Move the campaign so that the last working day not after *today* is the fourth of its inspection stage."""
    return Move(calendar, FOURTH_DAY, calendar.on_or_before(today).on)
