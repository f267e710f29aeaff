"""One rule for every traffic light: what a tile colours by days and what a duty colours by its ladder are the same."""

from datetime import date, datetime, time, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from runtime.time.lights import SHANGHAI, Light, end_of_day, light, local_day, yellow_from
from services.notifier.domain.ladder import KINDS, Ladder, schedule
from services.results.domain.lights import day_light
from tests.unit.time.test_workdays import CN

DAYS = st.dates(date(2018, 9, 1), date(2026, 12, 31))
LONG_AGO = datetime(2000, 1, 1, tzinfo=SHANGHAI)


def test_a_duty_is_green_then_yellow_then_red() -> None:
    due_on = date(2018, 12, 29)  # a Saturday that is worked
    first = yellow_from(due_on, 2, CN).on

    def at(day: date) -> Light:
        return light(datetime.combine(day, time(12), SHANGHAI), first, end_of_day(due_on))

    assert first == date(2018, 12, 27)
    assert at(date(2018, 12, 26)) is Light.GREEN
    assert {at(date(2018, 12, 27)), at(due_on)} == {Light.YELLOW}
    assert at(date(2018, 12, 30)) is Light.RED


@given(DAYS, st.integers(-12, 3), st.integers(0, 5), st.times())
@example(date(2018, 12, 16), -4, 2, time(9))  # due on a Sunday: yellow from Wednesday on
def test_pages_and_duties_show_one_light_on_every_day(due_on: date, away: int, yellow: int, clock: time) -> None:
    now = datetime.combine(due_on + timedelta(days=away), clock.replace(tzinfo=None), SHANGHAI)
    ladder = Ladder(yellow, (3, 1, 0), (("head", 0), ("lead", 2)), time(8, 30))

    duty = schedule(end_of_day(due_on), LONG_AGO, ladder, CN, KINDS)
    tile = day_light(now, due_on, yellow_from(due_on, yellow, CN).on)

    assert tile == light(now, duty.yellow_on, end_of_day(due_on)).value
    left = CN.working_days_left(local_day(now), due_on)
    assert (tile == "red") == (local_day(now) > due_on)
    assert (tile == "green") == (local_day(now) <= due_on and left > yellow)
