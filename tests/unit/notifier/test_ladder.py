"""Lights, reminders and escalation, counted on the State Council's calendar."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.time.lights import Light, end_of_day, light, local_day
from runtime.time.workdays import WorkingCalendar
from services.notifier.domain.ladder import (
    KINDS,
    Ladder,
    Move,
    Step,
    moves,
    next_step_at,
    schedule,
)
from tests.unit.notifier.county import at, calendar

NX = Ladder(2, (3, 1, 0), (("head", 0), ("lead", 2)), time(8, 30))
CN = WorkingCalendar.of(calendar().plain())
LONG_AGO = at("2018-11-01")


def steps(due: datetime, opened: datetime = LONG_AGO, kinds: tuple[str, ...] = KINDS) -> dict[str, datetime]:
    return {step.name: step.at for step in schedule(due, opened, NX, CN, kinds).steps}


def on(day: date) -> datetime:
    """Return 08:30 of a day."""
    return at(day.isoformat(), "08:30")


def test_what_is_said_on_a_day_is_said_at_the_packs_time() -> None:
    later = Ladder(2, (3, 1, 0), (("head", 0), ("lead", 2)), time(14, 5))

    found = {step.name: step.at for step in schedule(end_of_day(date(2019, 1, 4)), LONG_AGO, later, CN, KINDS).steps}

    assert found["yellow"] == at("2019-01-02", "14:05")
    assert found["lead"] == at("2019-01-09", "14:05")
    assert found["missed"] == at("2019-01-05", "00:00")


def test_the_rule_deadline_of_pingluo_is_counted_over_new_year() -> None:
    # 2019-01-04 is a Friday; 2018-12-29 a Saturday that is worked, 12-30 to 01-01 are off.
    assert steps(end_of_day(date(2019, 1, 4))) == {
        "remind-3": at("2018-12-29", "08:30"),
        "yellow": at("2019-01-02", "08:30"),
        "remind-1": at("2019-01-03", "08:30"),
        "remind-0": at("2019-01-04", "08:30"),
        "missed": at("2019-01-05", "00:00"),
        "head": at("2019-01-07", "08:30"),
        "lead": at("2019-01-09", "08:30"),
    }


def test_a_due_day_that_is_off_counts_back_from_its_last_working_day_but_is_missed_only_after_it() -> None:
    found = steps(end_of_day(date(2018, 12, 31)))

    assert found["remind-0"] == at("2018-12-29", "08:30")
    assert found["missed"] == at("2019-01-01", "00:00")
    assert found["head"] == at("2019-01-02", "08:30")


def test_a_due_moment_is_missed_at_that_moment_and_escalated_the_same_day() -> None:
    found = steps(at("2018-12-03", "15:00"))

    assert found["missed"] == found["head"] == at("2018-12-03", "15:00")
    assert found["lead"] == at("2018-12-05", "08:30")
    assert found["remind-0"] == at("2018-12-03", "08:30")


def test_a_reminder_after_the_due_moment_is_none() -> None:
    assert "remind-0" not in steps(at("2018-12-03", "08:00"))


def test_steps_not_after_the_opening_are_none() -> None:
    found = steps(end_of_day(date(2018, 11, 30)), opened=at("2018-11-28", "09:00"))

    assert list(found) == ["remind-1", "remind-0", "missed", "head", "lead"]


def test_a_kind_of_duty_has_only_the_steps_of_its_kind() -> None:
    assert list(steps(end_of_day(date(2019, 1, 4)), kinds=("yellow", "missed"))) == ["yellow", "missed"]


def test_a_reminder_on_the_yellow_day_is_left_to_yellow() -> None:
    ladder = Ladder(3, (3, 1), (), time(8, 30))

    found = schedule(end_of_day(date(2019, 1, 4)), LONG_AGO, ladder, CN, KINDS)

    assert [step.name for step in found.steps] == ["yellow", "remind-1", "missed"]


def test_counting_in_a_year_without_a_calendar_is_provisional() -> None:
    assert not schedule(end_of_day(date(2018, 12, 20)), LONG_AGO, NX, CN, KINDS).provisional
    assert schedule(end_of_day(date(2099, 6, 1)), LONG_AGO, NX, CN, KINDS).provisional


def test_lights_turn_yellow_by_day_and_red_at_the_due_moment() -> None:
    due = end_of_day(date(2019, 1, 4))
    yellow_on = schedule(due, LONG_AGO, NX, CN, KINDS).yellow_on

    assert yellow_on == date(2019, 1, 2)
    assert light(at("2019-01-01", "23:59"), yellow_on, due) is Light.GREEN
    assert light(at("2019-01-02", "00:00"), yellow_on, due) is Light.YELLOW
    assert light(at("2019-01-04", "23:59"), yellow_on, due) is Light.YELLOW
    assert light(due, yellow_on, due) is Light.RED
    assert light(due, yellow_on, None) is Light.YELLOW
    assert light(due, None, None) is Light.GREEN


def test_after_a_standstill_only_the_last_reminder_is_told() -> None:
    ladder = schedule(end_of_day(date(2019, 1, 4)), LONG_AGO, NX, CN, KINDS).steps

    assert moves(ladder, (), at("2019-01-03", "09:00")) == (
        Move("remind-3", False),
        Move("yellow", False),
        Move("remind-1", True),
    )


def test_what_is_over_is_missed_rather_than_reminded_of() -> None:
    ladder = schedule(end_of_day(date(2019, 1, 4)), LONG_AGO, NX, CN, KINDS).steps

    assert moves(ladder, ("remind-3",), at("2019-01-07", "09:00")) == (
        Move("yellow", False),
        Move("remind-1", False),
        Move("remind-0", False),
        Move("missed", True),
        Move("head", True),
    )


def test_nothing_is_due_before_its_time_or_twice() -> None:
    ladder = (Step("yellow", at("2019-01-02", "08:30")),)

    assert moves(ladder, (), at("2019-01-02", "08:29")) == ()
    assert moves(ladder, ("yellow",), at("2019-01-02", "08:30")) == ()
    assert next_step_at(ladder, ()) == at("2019-01-02", "08:30")
    assert next_step_at(ladder, ("yellow",)) is None


DAYS = st.dates(date(2018, 1, 1), date(2020, 12, 1))
LADDERS = st.builds(
    Ladder,
    st.integers(0, 5),
    st.sets(st.integers(0, 9), max_size=4).map(lambda days: tuple(sorted(days, reverse=True))),
    st.tuples(st.tuples(st.just("head"), st.integers(0, 4)), st.tuples(st.just("lead"), st.integers(0, 9))),
    st.sampled_from([time(0), time(8, 30), time(23, 59)]),
)


@given(DAYS, st.integers(0, 40), LADDERS)
def test_a_ladder_climbs_once_in_time_order_and_reminds_on_working_mornings(
    day: date, ahead: int, ladder: Ladder
) -> None:
    due, opened = end_of_day(day), on(day - timedelta(days=ahead))

    found = schedule(due, opened, ladder, CN, KINDS).steps

    assert len({step.name for step in found}) == len(found)
    assert all(first.at <= second.at for first, second in pairwise(found))
    assert all(step.at > opened for step in found)
    for step in found:
        if step.kind == "missed":
            assert step.at == due
            continue
        assert CN.is_working_day(local_day(step.at))
        assert (step.at < due) == (step.kind in ("remind", "yellow"))
        if step.kind == "remind":
            assert CN.working_days_left(local_day(step.at), day) == int(step.name.split("-")[1])
        if step.kind == "yellow":
            assert CN.working_days_left(local_day(step.at), day) == ladder.yellow


@given(DAYS, LADDERS, st.lists(st.integers(0, 60 * 24), max_size=12))
def test_however_often_one_sweeps_each_step_is_taken_once_and_missed_always_told(
    day: date, ladder: Ladder, hours: list[int]
) -> None:
    start = on(day - timedelta(days=30))
    found = schedule(end_of_day(day), start, ladder, CN, KINDS).steps
    taken: list[Move] = []

    for hour in [*sorted(hours), 24 * 120]:
        taken += moves(found, [move.step for move in taken], start + timedelta(hours=hour))

    assert [move.step for move in taken] == [step.name for step in found]
    assert {move.step for move in taken if move.told} >= {"missed", "head", "lead"}


@pytest.mark.parametrize("name", ["remind-3", "yellow"])
def test_a_step_knows_its_kind(name: str) -> None:
    assert Step(name, LONG_AGO).kind == name.split("-")[0]
