"""States of a referral, and whose step is whose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.results.domain.referrals import (
    OPEN_STATES,
    Act,
    NotYourPart,
    ReceiverUnknown,
    ReferralNotInState,
    RoutedToFinder,
    RoutedToWhoReturnedIt,
    State,
    all_informed,
    check_new_receiver,
    check_part,
    leg_thread_id,
    step,
    thread_id,
    who_may,
)

ALLOWED = {
    (Act.ROUTE, State.UNROUTED): State.SENT,
    (Act.ROUTE, State.RETURNED): State.SENT,
    (Act.RECEIVE, State.SENT): State.RECEIVED,
    (Act.ACCEPT, State.SENT): State.ACCEPTED,
    (Act.ACCEPT, State.RECEIVED): State.ACCEPTED,
    (Act.RETURN, State.SENT): State.RETURNED,
    (Act.RETURN, State.RECEIVED): State.RETURNED,
    (Act.DECIDE, State.ACCEPTED): State.DECIDED,
    (Act.CLOSE, State.DECIDED): State.CLOSED,
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", Act)
def test_a_transfer_moves_as_the_table_says_and_no_other_way(act: Act, state: State) -> None:
    if (act, state) in ALLOWED:
        assert step(act, state, mode="transfer", external=False) is ALLOWED[act, state]
    else:
        with pytest.raises(ReferralNotInState):
            step(act, state, mode="transfer", external=False)


def test_a_copy_for_information_ends_with_its_receipt() -> None:
    assert step(Act.RECEIVE, State.SENT, mode="inform", external=False) is State.CLOSED
    for act in (Act.ACCEPT, Act.DECIDE):
        with pytest.raises(ReferralNotInState):
            step(act, State.SENT if act is Act.ACCEPT else State.ACCEPTED, mode="inform", external=False)


def test_a_body_outside_answers_by_letter_without_accepting_first() -> None:
    assert step(Act.DECIDE, State.RECEIVED, mode="transfer", external=True) is State.DECIDED


@given(st.lists(st.sampled_from(Act), max_size=12), st.booleans(), st.sampled_from(["transfer", "inform"]))
def test_whatever_is_tried_a_closed_referral_stays_closed(acts: list[Act], external: bool, mode: str) -> None:
    state, closed = State.SENT, False
    for act in acts:
        try:
            state = step(act, state, mode=mode, external=external)
        except ReferralNotInState:
            continue
        assert not closed
        closed = state is State.CLOSED
    assert not (closed and state in OPEN_STATES)


@pytest.mark.parametrize(
    ("act", "receiver", "external", "parts"),
    [
        (Act.ROUTE, None, False, {"JT"}),
        (Act.RECEIVE, "GA", False, {"GA"}),
        (Act.ACCEPT, "GA", False, {"GA"}),
        (Act.DECIDE, "XF", True, {"AJ", "JT"}),
        (Act.RETURN, None, False, set()),
        (Act.CLOSE, "GA", False, {"AJ", "YG"}),
    ],
)
def test_each_step_is_somebodys(act: Act, receiver: str | None, external: bool, parts: set[str]) -> None:
    assert who_may(act, sender="AJ", receiver=receiver, lead="JT", external=external, sources=["YG"]) == parts
    with pytest.raises(NotYourPart):
        check_part(act, "NY", parts)
    for agency in parts:
        check_part(act, agency, parts)


def test_the_lead_routes_to_bodies_that_have_not_returned_or_reported_it() -> None:
    assert check_new_receiver("GA", "agency", sources=["AJ"], returned_by=[]) is False
    assert check_new_receiver("XF", "external", sources=["AJ"], returned_by=["GA"]) is True
    for receiver, kind, refusal in (
        ("GZ", "witness_body", ReceiverUnknown),
        ("ZZ", None, ReceiverUnknown),
        ("GA", "agency", RoutedToWhoReturnedIt),
        ("AJ", "agency", RoutedToFinder),
    ):
        with pytest.raises(refusal):
            check_new_receiver(receiver, kind, sources=["AJ"], returned_by=["GA"])


def test_one_matter_has_one_thread() -> None:
    first = thread_id("C1", "T1", "unreachable", "SJ")

    assert thread_id("C1", "T1", "unreachable", "SJ") == first
    assert len({first, thread_id("C2", "T1", "unreachable", "SJ"), thread_id("C1", "T1", "unreachable", "")}) == 3
    assert len({first, *(leg_thread_id(first, referral, leg) for referral in ("R-1", "R-2") for leg in (2, 3))}) == 5


def test_all_sources_must_have_heard() -> None:
    assert all_informed(["AJ", "YG"], ["YG", "AJ"])
    assert not all_informed(["AJ", "YG"], ["YG"])
