"""Whom an announcement reaches."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.accounts import AccountState, Announcement, must_change, state_at, told_by
from tests.unit.notifier.county import at

NOON = at("2018-12-03", "12:00")


def told(order: int = 0, **more: object) -> Announcement:
    given: dict[str, object] = {
        "cause": "e1",
        "order": order,
        "at": NOON,
        "county": "640221",
        "agency": "GA",
        "code": f"c{order}",
        "severity": "info",
        "link": "/",
        "campaign": None,
    }
    return Announcement(**{**given, **more})  # type: ignore[arg-type]


def state(
    hours: int = -1, *roles: str, is_open: bool = True, officer: str | None = None, agency: str = "GA"
) -> AccountState:
    since = NOON + timedelta(hours=hours)
    return AccountState("a1", "640221", agency, since, is_open, frozenset(roles), officer)


def test_the_state_at_a_moment_is_the_last_one_begun_by_then() -> None:
    history = [state(-2, "planner"), state(0, "approver"), state(1, "viewer")]

    assert state_at(history, NOON) == history[1]
    assert state_at(history, NOON - timedelta(hours=1)) == history[0]
    assert state_at(history, NOON - timedelta(hours=3)) is None
    assert state_at([], NOON) is None


@pytest.mark.parametrize(
    ("announcement", "account", "reached"),
    [
        (told(roles=("planner",)), state(-1, "planner"), True),
        (told(roles=("planner",)), state(-1, "approver"), False),
        (told(roles=("planner",)), state(-1, "planner", is_open=False), False),
        (told(roles=("planner",)), state(-1, "planner", agency="SJ"), False),
        (told(officers=("GA001",)), state(officer="GA001"), True),
        (told(officers=("GA001",)), state(officer="GA002"), False),
        (told(officers=("GA001",)), state(), False),
        (told(account="a1"), state(), True),
        (told(account="a2"), state(), False),
        (told(), state(-1, "planner"), False),
    ],
)
def test_who_is_reached(announcement: Announcement, account: AccountState, reached: bool) -> None:
    assert announcement.reaches(account) is reached


def test_the_first_line_that_reaches_an_account_tells_it() -> None:
    lines = [told(2, roles=("planner",)), told(1, roles=("planner",)), told(0, roles=("approver",))]

    assert told_by(lines, [state(-1, "planner")]) == lines[1]
    assert told_by(lines, [state(-1, "viewer")]) is None


def test_an_account_opened_with_or_before_the_fact_is_told_and_one_opened_after_is_not() -> None:
    line = told(roles=("planner",))

    assert told_by([line], [state(0, "planner")]) == line
    assert told_by([line], [state(1, "planner")]) is None


def test_what_was_read_is_never_taken_back() -> None:
    assert must_change(None, "given", read=False)
    assert must_change("other", "given", read=False)
    assert not must_change("given", "given", read=False)
    assert not must_change(None, "given", read=True)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.sets(st.sampled_from("pqr"))), max_size=5),
    st.integers(-1, 6),
)
def test_later_events_of_an_account_never_change_who_it_was_before(
    changes: list[tuple[int, bool, set[str]]], hour: int
) -> None:
    moment = NOON + timedelta(hours=hour)
    history = [
        AccountState("a", "c", "GA", NOON + timedelta(hours=h), is_open, frozenset(roles))
        for h, is_open, roles in sorted(changes, key=lambda change: change[0])
    ]
    begun = [past for past in history if past.since <= moment]

    assert state_at(history, moment) == state_at(begun, moment) == (begun[-1] if begun else None)
