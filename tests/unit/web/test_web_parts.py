"""Small parts of the web: local paths, access lines, days."""

from datetime import UTC, date, datetime

import pytest

from runtime.errors import Conflict, NotFound, NotYet, OneVisitError, Rejected, Stale, TryAgain, Unreadable
from runtime.web.access import PUBLIC, SIGNED_IN, roles
from runtime.web.days import day_in, moment_in, short_day_in, weekday_in
from runtime.web.problems import local_path, plain
from runtime.web.refusals import KeyMissing, NotSignedIn, status_of
from schemas.vocabulary import Role


@pytest.mark.parametrize("path", ["/", "/campaigns?year=2018", "/a/b#c", "/%2F%2Fevil.example"])
def test_a_path_of_this_site_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        None,
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "/a\nb",
        "/\t/evil.example",
        "/a b",
    ],
)
def test_anything_else_becomes_the_home_page(path: str | None) -> None:
    assert local_path(path) == "/"


def test_roles_admit_whoever_holds_one_of_them() -> None:
    line = roles(Role.PLANNER, Role.APPROVER)

    assert line.admits({Role.APPROVER, Role.VIEWER})
    assert not line.admits({Role.VIEWER})
    assert SIGNED_IN.admits(set())
    assert PUBLIC.limited(5).limit == 5


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Rejected(), 422),
        (NotFound(), 404),
        (Stale(), 412),
        (Conflict(), 409),
        (NotYet("x"), 409),
        (TryAgain(), 503),
        (Unreadable(), 400),
        (OneVisitError(), 500),
        (KeyMissing(), 400),
        (NotSignedIn(), 401),
    ],
)
def test_every_family_has_its_status(error: OneVisitError, status: int) -> None:
    assert status_of(error) == status


def test_days_and_moments_are_written_in_shanghai() -> None:
    late = datetime(2018, 12, 3, 17, 30, tzinfo=UTC)

    assert (day_in(late), day_in(date(2018, 1, 2), "en")) == ("2018年12月4日", "2 Jan 2018")
    assert (short_day_in(late), short_day_in(late, "en")) == ("12月4日", "4 Dec")
    assert (weekday_in(late), weekday_in(late, "en")) == ("周二", "Tue")
    assert moment_in(late) == "2018-12-04 01:30"
    with pytest.raises(ValueError, match="time zone"):
        moment_in(datetime(2018, 12, 3))  # noqa: DTZ001


def test_facts_become_json() -> None:
    facts = {
        "on": date(2018, 12, 3),
        "who": {"b", "a"},
        "role": Role.PLANNER,
        "list": (1, None),
        "odd": 1j,
        "d": {1: 2},
    }

    assert plain(facts) == {
        "on": "2018-12-03",
        "who": ["a", "b"],
        "role": "planner",
        "list": [1, None],
        "odd": "1j",
        "d": {"1": 2},
    }
