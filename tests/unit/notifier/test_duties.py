"""How a duty ends, whatever ends it first."""

from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.duties import (
    SLOTS,
    Close,
    Outcome,
    cancelled,
    closed_by,
    doer_marks,
    doers_text,
    nothing_to_sum_up,
    summed_up,
)
from tests.unit.notifier.county import at

NOON = at("2018-12-03", "12:00")
CLOSES = st.builds(Close, st.integers(0, 3).map(lambda h: NOON + timedelta(hours=h)), st.sampled_from(Outcome))


def test_an_open_duty_is_closed_by_nothing() -> None:
    assert closed_by({}) is None


def test_the_earliest_close_counts_and_a_fact_goes_first_among_equals() -> None:
    early, late = Close(NOON, Outcome.ENDED), Close(NOON + timedelta(hours=1), Outcome.FULFILLED)

    assert closed_by({"fact": late, "campaign": early}) == early
    assert closed_by({"campaign": early, "fact": Close(NOON, Outcome.FULFILLED)}) == Close(NOON, Outcome.FULFILLED)


@given(st.dictionaries(st.sampled_from(SLOTS), CLOSES, min_size=1))
def test_the_order_in_which_slots_fill_does_not_show(slots: dict[str, Close]) -> None:
    answers = {closed_by(dict(order)) for order in permutations(slots.items())}

    assert len(answers) == 1


def test_a_cancelled_campaign_ends_a_duty_not_before_it_arose() -> None:
    before, after = NOON - timedelta(hours=1), NOON + timedelta(hours=1)

    assert cancelled(NOON, before) == Close(NOON, Outcome.ENDED)
    assert cancelled(NOON, after) == Close(after, Outcome.ENDED)


def test_a_sum_is_done_with_its_last_part() -> None:
    last = NOON + timedelta(hours=2)

    assert summed_up(NOON, 2, {"s1": last}) is None
    assert summed_up(NOON, 0, {}) is None
    assert summed_up(NOON, 2, {"s1": last, "s2": NOON}) == Close(last, Outcome.FULFILLED)
    assert summed_up(last, 1, {"s1": NOON}) == Close(last, Outcome.FULFILLED)


def test_marks_find_their_own_duties_only() -> None:
    text = doers_text(["approver"], ["GA001"])

    assert text == ",role:approver,officer:GA001,"
    assert all(f",{mark}," in text for mark in doer_marks(["approver"], ["GA001"]))
    assert not any(f",{mark}," in text for mark in doer_marks(["planner"], ["GA00", "A001"]))


def test_where_nothing_is_to_be_done_a_duty_ends_once_that_is_known() -> None:
    later = NOON + timedelta(hours=1)

    assert nothing_to_sum_up(NOON, None) is None
    assert nothing_to_sum_up(NOON, later) == Close(later, Outcome.ENDED)
    assert nothing_to_sum_up(later, NOON) == Close(later, Outcome.ENDED)
