"""Working days against the official calendar: every vector of reference/domain.md 5.2 and 6.4, and what must always hold."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.time.workdays import DayOutOfRange, NoWorkingDay, ReckonedDay, TermUnknown, WorkingCalendar
from schemas.rulepack import parse_calendar

CN = WorkingCalendar.of(parse_calendar((Path(__file__).parents[3] / "rulepacks/calendar/CN.toml").read_bytes()).plain())
NOTHING_PUBLISHED = WorkingCalendar.of({})

days = st.dates(date(2003, 1, 1), date(2030, 12, 31))
terms = st.integers(0, 400)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("end", "term", "due"),
    [
        # domain.md 5.2
        ("2018-12-20", 7, "2018-12-29"),
        ("2018-12-20", 10, "2019-01-04"),
        ("2018-12-20", 20, "2019-01-18"),
        ("2021-04-30", 7, "2021-05-13"),
        ("2021-08-31", 7, "2021-09-09"),
        ("2021-12-31", 7, "2022-01-12"),
        ("2023-10-31", 20, "2023-11-28"),
        ("2023-11-30", 20, "2023-12-28"),
        ("2024-08-30", 20, "2024-09-29"),
        ("2024-09-02", 20, "2024-09-30"),
        ("2024-09-03", 20, "2024-10-08"),
        ("2024-09-30", 20, "2024-11-01"),
        ("2021-11-21", 7, "2021-11-30"),
        ("2021-11-22", 7, "2021-12-01"),
        # domain.md 6.4
        ("2018-12-10", 10, "2018-12-24"),
        ("2018-12-11", 10, "2018-12-25"),
        ("2018-12-12", 10, "2018-12-26"),
        ("2018-12-13", 10, "2018-12-27"),
        ("2018-12-14", 10, "2018-12-28"),
        ("2018-12-17", 10, "2018-12-29"),
        ("2018-12-18", 10, "2019-01-02"),
        ("2018-12-19", 10, "2019-01-03"),
    ],
)
def test_terms_in_working_days_end_where_the_official_calendar_says(end: str, term: int, due: str) -> None:
    assert CN.add_working_days(day(end), term) == ReckonedDay(day(due), provisional=False)


@pytest.mark.parametrize(
    ("end", "term", "weekdays_only"),
    [
        ("2018-12-20", 7, "2018-12-31"),
        ("2018-12-20", 10, "2019-01-03"),
        ("2018-12-20", 20, "2019-01-17"),
        ("2021-04-30", 7, "2021-05-11"),
    ],
)
def test_without_a_published_calendar_weekdays_count_and_the_answer_is_provisional(
    end: str, term: int, weekdays_only: str
) -> None:
    assert NOTHING_PUBLISHED.add_working_days(day(end), term) == ReckonedDay(day(weekdays_only), provisional=True)


@pytest.mark.parametrize("text", ["2018-12-29", "2023-01-29", "2024-09-14", "2024-09-29", "2024-10-12"])
def test_make_up_days_are_worked(text: str) -> None:
    assert CN.is_working_day(day(text))
    assert day(text).weekday() >= 5


@pytest.mark.parametrize("text", ["2018-12-30", "2018-12-31", "2019-01-01"])
def test_the_notice_of_a_year_reaches_into_the_december_before(text: str) -> None:
    assert not CN.is_working_day(day(text))


@pytest.mark.parametrize(
    ("first", "last", "working", "last_usable"),
    [
        ("2018-11-28", "2018-11-30", 3, "2018-11-30"),
        ("2018-12-03", "2018-12-08", 5, "2018-12-07"),
        ("2018-12-10", "2018-12-20", 9, "2018-12-20"),
        ("2018-12-21", "2018-12-31", 7, "2018-12-29"),
        ("2018-11-28", "2018-12-31", 24, "2018-12-29"),
    ],
)
def test_the_stages_of_pingluo_have_their_working_days(first: str, last: str, working: int, last_usable: str) -> None:
    assert CN.working_days_between(day(first), day(last)) == working
    assert CN.last_working_day_in(day(first), day(last)) == ReckonedDay(day(last_usable), provisional=False)
    assert CN.first_working_day_in(day(first), day(last)).on == day(first)


def test_the_report_to_the_lead_rolls_over_the_new_year() -> None:
    assert CN.add_natural_days(day("2018-12-20"), 10).on == day("2018-12-30")
    assert CN.add_natural_days(day("2018-12-20"), 10, "next_working_day").on == day("2019-01-02")
    assert CN.add_natural_days(day("2018-12-31"), 10, "next_working_day").on == day("2019-01-10")


def test_a_term_of_a_pack_is_counted_by_its_unit_and_roll() -> None:
    assert CN.due(day("2018-12-20"), 10, "working_days").on == day("2019-01-04")
    assert CN.due(day("2018-12-20"), 10, "natural_days", "next_working_day").on == day("2019-01-02")
    assert CN.due(day("2018-12-31"), 0, "natural_days").on == day("2018-12-31")
    assert CN.due(day("2018-12-31"), 0, "working_days", "next_working_day").on == day("2019-01-02")
    with pytest.raises(TermUnknown):
        CN.due(day("2018-12-20"), 24, "hours")
    with pytest.raises(TermUnknown):
        CN.due(day("2018-12-20"), 24, "natural_days", "backwards")
    with pytest.raises(DayOutOfRange):
        CN.due(day("2018-12-20"), -1, "natural_days")


def test_a_year_without_a_notice_is_said_to_be_provisional() -> None:
    assert not CN.add_working_days(day("2026-12-18"), 5).provisional  # ends on 12-25
    assert CN.add_working_days(day("2026-12-21"), 5).provisional  # 12-28 may yet be changed by the notice for 2027
    assert CN.add_working_days(day("2026-12-30"), 3) == ReckonedDay(day("2027-01-04"), provisional=True)
    assert not CN.add_natural_days(day("2027-03-01"), 10).provisional
    assert CN.add_natural_days(day("2027-03-01"), 10, "next_working_day").provisional
    assert CN.last_working_day_in(day("2027-03-01"), day("2027-03-07")) == ReckonedDay(
        day("2027-03-05"), provisional=True
    )


def test_days_left_fall_to_nothing_and_below() -> None:
    due = day("2019-01-02")
    left = {
        text: CN.working_days_left(day(text), due)
        for text in ["2018-12-27", "2018-12-28", "2018-12-29", "2019-01-01", "2019-01-04"]
    }

    assert left == {"2018-12-27": 3, "2018-12-28": 2, "2018-12-29": 1, "2019-01-01": 1, "2019-01-04": -2}


def test_a_stage_without_a_working_day_is_refused() -> None:
    with pytest.raises(NoWorkingDay):
        CN.last_working_day_in(day("2018-12-30"), day("2019-01-01"))
    with pytest.raises(NoWorkingDay):
        CN.first_working_day_in(day("2018-12-30"), day("2019-01-01"))


@pytest.mark.parametrize(("start", "n"), [("1899-12-31", 1), ("2199-12-31", 1), ("2018-12-20", 100_000)])
def test_days_outside_the_calendar_are_refused(start: str, n: int) -> None:
    with pytest.raises(DayOutOfRange):
        CN.add_working_days(day(start), n)
    with pytest.raises(DayOutOfRange):
        CN.add_natural_days(day(start), n)


@given(days, st.integers(1, 400))
def test_counting_on_ends_on_a_working_day_and_counts_them_all(start: date, n: int) -> None:
    due = CN.add_working_days(start, n).on

    assert CN.is_working_day(due)
    assert CN.working_days_between(start + timedelta(days=1), due) == n
    assert CN.working_days_left(start, due) == n


@given(days, st.integers(1, 400))
def test_counting_back_undoes_counting_on(start: date, n: int) -> None:
    working = CN.on_or_after(start).on

    assert CN.add_working_days(CN.add_working_days(working, n).on, -n).on == working
    assert CN.add_working_days(CN.add_working_days(working, -n).on, n).on == working


@given(days, days, terms)
def test_a_later_end_never_is_due_earlier(one: date, other: date, n: int) -> None:
    first, second = sorted((one, other))

    assert CN.add_working_days(first, n).on <= CN.add_working_days(second, n).on


@given(days, terms, terms)
def test_terms_add_up(start: date, n: int, more: int) -> None:
    assert CN.add_working_days(CN.add_working_days(start, n).on, more).on == CN.add_working_days(start, n + more).on


@given(days)
def test_next_and_previous_surround_a_day_and_nothing_lies_between(start: date) -> None:
    following, preceding = CN.next_working_day(start).on, CN.previous_working_day(start).on

    assert preceding < start < following
    assert set(CN.working_days_in(preceding, following)) <= {preceding, start, following}
    assert CN.on_or_after(start).on in (start, following)
    assert CN.on_or_before(start).on in (start, preceding)


@given(days, days)
def test_days_left_and_days_overdue_mirror_each_other(today: date, due: date) -> None:
    assert CN.working_days_left(today, due) == -CN.working_days_left(due, today)
