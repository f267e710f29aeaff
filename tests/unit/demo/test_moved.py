"""Moving the campaign in time."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from onevisit.demo.moved import FOURTH_DAY, into_today, unmoved
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import parse_calendar

ROOT = Path(__file__).parent.parent.parent.parent
STAGES = [
    (date(2018, 11, 28), date(2018, 11, 30)),
    (date(2018, 12, 3), date(2018, 12, 8)),
    (date(2018, 12, 10), date(2018, 12, 20)),
    (date(2018, 12, 21), date(2018, 12, 31)),
]


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    published = parse_calendar((ROOT / "rulepacks" / "calendar" / "CN.toml").read_bytes())
    return WorkingCalendar.of({year: (one.off, one.worked) for year, one in published.years.items()})


@pytest.mark.parametrize(
    "today",
    [
        date(2026, 11, 21),  # a Saturday
        date(2026, 10, 4),  # inside a week-long holiday
        date(2026, 12, 31),
        date(2024, 2, 29),
        date(2028, 2, 29),  # a year without a published calendar
        date(2026, 11, 23),
    ],
)
def test_today_or_the_working_day_before_it_is_the_fourth_of_the_inspection_stage(
    today: date, calendar: WorkingCalendar
) -> None:
    move = into_today(calendar, today)

    first = move.day(date(2018, 12, 10))
    fourth = move.day(FOURTH_DAY)

    assert fourth == calendar.on_or_before(today).on
    assert calendar.working_days_between(first, fourth) == 4, "both counted"
    moved = [(move.day(first), move.day(last)) for first, last in STAGES]
    assert all(first <= last for first, last in moved)
    assert all(moved[number][1] < moved[number + 1][0] for number in range(3))


def test_unmoved_leaves_every_day_where_it_is(calendar: WorkingCalendar) -> None:
    assert unmoved(calendar).day(date(2018, 12, 8)) == date(2018, 12, 8)
    assert unmoved(calendar).moment(date(2018, 12, 31), time(9)) == datetime(2018, 12, 31, 1, tzinfo=UTC)
