"""The working calendar we ship is chinesecalendar's, day by day; and it is what the generator writes."""

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar

from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import parse_calendar
from tests.golden.make_calendar import TARGET, calendar_text


def test_the_calendar_is_what_its_generator_writes() -> None:
    assert Path(TARGET).read_text(encoding="utf-8") == calendar_text()


def test_every_day_since_2004_is_worked_or_off_as_chinesecalendar_has_it() -> None:
    written = parse_calendar(Path(TARGET).read_bytes())
    calendar = WorkingCalendar.of(written.plain())
    first, last = date(2004, 1, 1), date(2026, 12, 31)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]

    assert len(days) == 8401 >= 7305
    assert [day for day in days if calendar.is_working_day(day) != chinese_calendar.is_workday(day)] == []
    assert sorted(written.years) == list(range(2004, 2027))


def test_the_last_days_of_2018_stand_in_the_notice_for_2019() -> None:
    written = parse_calendar(Path(TARGET).read_bytes())

    assert written.years[2019].number == "国办发明电〔2018〕15号"
    assert {date(2018, 12, 30), date(2018, 12, 31)} < set(written.years[2019].off)
    assert date(2018, 12, 29) in written.years[2019].worked
    assert max((*written.years[2018].off, *written.years[2018].worked)) < date(2018, 12, 1)
