"""Appointed, not drawn: who may be, by whom, and who then goes; rule by rule."""

from dataclasses import replace
from typing import Any

import pytest

from runtime.errors import OneVisitError
from schemas.vocabulary import Role
from services.drawer.domain.appointing import (
    AppointedBySamePerson,
    Appointee,
    AppointeeAtCap,
    AppointeeAway,
    AppointeeDroppedOut,
    AppointeeInTeam,
    AppointeeRecused,
    AppointeeSentLast,
    AppointeeUnqualified,
    AppointmentDecided,
    HeadAppoints,
    NotAppointed,
    PlaceNotOpen,
    State,
    Team,
    bars,
    check_appointee,
    check_deciding,
    check_ending,
    check_place,
    is_surmountable,
    open_places,
    visits_of_each,
    with_appointed,
)
from services.drawer.domain.changes import VisitEntered, VisitOver, VisitStanding

FREE = Appointee("JT03", frozenset({"law", "lift"}), cap=3, visits=2, days_away=1, days=9)
STANDING = VisitStanding("V-1", "T-1", ("JT", "GA"), ("JT01",), False, frozenset())
HEAD, DESK = (Role.AGENCY_HEAD,), (Role.TEAM_LEAD, Role.APPROVER)


def test_against_who_is_free_nothing_stands() -> None:
    assert list(bars({"law"}, FREE)) == []
    check_appointee({"law"}, FREE, beyond=False)


@pytest.mark.parametrize(
    ("changed", "bar"),
    [
        ({"in_team": True}, AppointeeInTeam),
        ({"recused": True}, AppointeeRecused),
        ({"dropped_out": True}, AppointeeDroppedOut),
        ({"labels": frozenset({"lift"})}, AppointeeUnqualified),
        ({"days_away": 9}, AppointeeAway),
    ],
)
def test_what_the_law_asks_bars_whatever_the_head_means(changed: dict[str, Any], bar: type[OneVisitError]) -> None:
    with pytest.raises(bar):
        check_appointee({"law"}, replace(FREE, **changed), beyond=True)


@pytest.mark.parametrize(
    ("changed", "bar"), [({"visits": 3}, AppointeeAtCap), ({"sent_last": True}, AppointeeSentLast)]
)
def test_the_agencys_own_measures_bar_unless_it_is_meant(changed: dict[str, Any], bar: type[OneVisitError]) -> None:
    one = replace(FREE, **changed)

    with pytest.raises(bar):
        check_appointee({"law"}, one, beyond=False)
    check_appointee({"law"}, one, beyond=True)
    assert [is_surmountable(each) for each in bars({"law"}, one)] == [True]


def test_of_everything_that_stands_against_somebody_the_weightiest_is_said_first() -> None:
    worst = Appointee("JT04", frozenset(), cap=0, visits=0, in_team=True, recused=True, sent_last=True)

    found = [type(one) for one in bars({"law"}, worst)]

    assert found == [AppointeeInTeam, AppointeeRecused, AppointeeUnqualified, AppointeeSentLast, AppointeeAtCap]


def test_where_nobody_is_ever_away_days_say_nothing() -> None:
    assert list(bars((), replace(FREE, days=0, days_away=0))) == []


@pytest.mark.parametrize(
    ("changed", "place", "refused"),
    [
        ({"over": True}, 1, VisitOver),
        ({"entered": frozenset({"JT"})}, 1, VisitEntered),
        ({}, 0, PlaceNotOpen),
    ],
)
def test_only_an_open_place_of_a_visit_to_be_made(
    changed: dict[str, Any], place: int, refused: type[OneVisitError]
) -> None:
    with pytest.raises(refused):
        check_place(replace(STANDING, **changed), "JT", place, (1,))
    check_place(replace(STANDING, entered=frozenset({"GA"})), "JT", 1, (1,))


@pytest.mark.parametrize(
    ("roles", "state", "by", "refused"),
    [
        (DESK, State.ASKED, "U-2", HeadAppoints),
        (HEAD, State.REFUSED, "U-2", AppointmentDecided),
        (HEAD, State.ASKED, "U-1", AppointedBySamePerson),
    ],
)
def test_the_head_decides_on_what_another_asked_for(
    roles: tuple[Role, ...], state: State, by: str, refused: type[OneVisitError]
) -> None:
    with pytest.raises(refused):
        check_deciding(roles, state, "U-1", by)
    check_deciding(HEAD, State.ASKED, "U-1", "U-2")


@pytest.mark.parametrize(
    ("roles", "state", "refused"), [(DESK, State.APPROVED, HeadAppoints), (HEAD, State.ASKED, NotAppointed)]
)
def test_the_head_ends_what_stands(roles: tuple[Role, ...], state: State, refused: type[OneVisitError]) -> None:
    with pytest.raises(refused):
        check_ending(roles, state)
    check_ending(HEAD, State.APPROVED)


@pytest.mark.parametrize(
    ("drawn", "appointed", "team"),
    [
        (("A", None), ("C",), Team(("A", "C"), ("C",))),
        (("A", "B"), ("C",), Team(("A", "B"))),
        (("A", None, None), ("C",), Team(("A", "C", None), ("C",))),
        ((None, None), (), Team((None, None))),
        (("A", "C"), ("C",), Team(("A", "C"))),  # drawn for the team since
        (("C", None), ("C",), Team(("C", None))),
    ],
)
def test_the_appointed_sit_where_the_draw_left_a_place_open(
    drawn: tuple[str | None, ...], appointed: tuple[str, ...], team: Team
) -> None:
    assert with_appointed(drawn, appointed) == team


def test_a_place_is_open_as_long_as_nobody_is_drawn_or_appointed_to_it() -> None:
    assert open_places(("A", None, None), {2}) == (1,)


def test_visits_are_counted_with_those_one_is_appointed_to() -> None:
    assert visits_of_each({"V-1": [Team(("A", "C"), ("C",))], "V-2": [Team(("A", None))]}) == {"A": 2, "C": 1}
