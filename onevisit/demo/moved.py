"""Moving the campaign of 2018 in time, by working days, so that today falls into its inspection stage."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from runtime.time.workdays import WorkingCalendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
FOURTH_DAY = date(2018, 12, 13)
"""The fourth working day of the campaign's inspection stage."""
_DAYS_IN_WORDS = re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日(?:至([0-9]{1,2})月([0-9]{1,2})日)?")


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

    def words(self, text: str, written_on: date) -> str:
        """
        Move what a paper says in words: its days (2018年11月28日至12月31日), and its year (〔2018〕1号, 2018年度).

        The year is that of *written_on*; of other years a paper speaks without having been written then.
        """
        year, moved = written_on.year, self.day(written_on).year
        text = _DAYS_IN_WORDS.sub(self._days_in_words, text)
        return text.replace(f"〔{year}〕", f"〔{moved}〕").replace(f"{year}年度", f"{moved}年度")

    def _days_in_words(self, found: re.Match[str]) -> str:
        year, month, on, last_month, last_on = (int(each) if each else 0 for each in found.groups())
        first = self.day(date(year, month, on))
        said = f"{first.year}年{first.month}月{first.day}日"
        if not last_month:
            return said
        last = self.day(date(year, last_month, last_on))
        other_year = "" if last.year == first.year else f"{last.year}年"
        return f"{said}至{other_year}{last.month}月{last.day}日"

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
