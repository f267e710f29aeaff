"""Availability by day: which day binds an agency before anything is drawn."""

from datetime import date

from services.drawer.domain.availability import Present, by_day
from services.drawer.domain.refusals import Remark

MONDAY, TUESDAY, WEDNESDAY = DAYS = [date(2018, 12, day) for day in (10, 11, 12)]
TWO = [frozenset({"law"}), frozenset({"law"})]


def told(*absent: tuple[date, ...], labels: str = "law", visits: int = 7) -> list[Remark]:
    officers = {
        f"o{n}": Present(frozenset({labels} if n else {"law"}), frozenset(away)) for n, away in enumerate(absent)
    }
    return list(by_day("JT", DAYS, officers, TWO, visits))


def test_nothing_is_said_where_nobody_is_away() -> None:
    assert told((), (), ()) == []


def test_the_day_on_which_the_fewest_are_there_is_named_with_the_visits() -> None:
    (only,) = told((MONDAY,), (TUESDAY,), (TUESDAY, WEDNESDAY), ())

    assert only.code == "draw.days.binding"
    assert only.facts == {
        "agency": "JT",
        "day": TUESDAY,
        "there": 2,
        "officers": 4,
        "days": 3,
        "idle": 0,
        "visits": 7,
    }


def test_days_without_a_whole_team_are_counted_by_labels_too() -> None:
    assert [(one.code, one.facts["idle"]) for one in told((MONDAY,), (MONDAY,), ())] == [("draw.days.binding", 1)]
    (short,) = told((), (MONDAY,), (TUESDAY,), labels="haz")
    assert (short.code, short.facts["there"], short.facts["needed"]) == ("draw.short.days", 3, 2)


def test_an_agency_that_never_has_a_whole_team_cannot_be_drawn_for() -> None:
    (short,) = told((MONDAY, TUESDAY), (WEDNESDAY,))

    assert short.code == "draw.short.days"
    assert short.facts == {"agency": "JT", "needed": 2, "there": 1, "day": MONDAY, "days": 3, "officers": 2}
