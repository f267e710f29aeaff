"""What may be asked for after the draw: the lock against casual swaps, rule by rule."""

from dataclasses import replace
from typing import Any

import pytest

from services.drawer.domain.changes import (
    ChangeBySamePerson,
    ChangeDecided,
    ChangeReasonUnknown,
    OfficerAppointed,
    OfficerNotThere,
    State,
    VisitEntered,
    VisitOver,
    VisitStanding,
    check_decision,
    check_firms_request,
    check_request,
    reasons_of,
)

REASONS = reasons_of(("deregistered", "gone_away", "moved_out"), ("gone_away",))
STANDING = VisitStanding("V-1", "T-1", ("JT", "GA"), ("JT01", "JT02"), False, frozenset())


@pytest.mark.parametrize("officer", [None, "JT01"])
def test_with_a_reason_of_the_plan_and_nothing_entered_it_may_be_asked_for(officer: str | None) -> None:
    check_request(STANDING, "JT", officer, "gone_away" if officer else "moved_out", REASONS)


@pytest.mark.parametrize(
    ("changed", "officer", "reason", "refused"),
    [
        ({}, None, "gone_away", ChangeReasonUnknown),
        ({}, "JT01", "moved_out", ChangeReasonUnknown),
        ({}, None, "tired", ChangeReasonUnknown),
        ({"appointed": ("JT01",), "officers": ("JT02",)}, "JT01", "gone_away", OfficerAppointed),
        ({"over": True}, None, "moved_out", VisitOver),
        ({"over": True}, "JT01", "gone_away", VisitOver),
        ({"entered": frozenset({"GA"})}, None, "moved_out", VisitEntered),
        ({"entered": frozenset({"JT"})}, "JT01", "gone_away", VisitEntered),
        ({}, "JT09", "gone_away", OfficerNotThere),
    ],
)
def test_what_may_not_be_asked_for_is_refused_by_name(
    changed: dict[str, Any], officer: str | None, reason: str, refused: type[Exception]
) -> None:
    with pytest.raises(refused):
        check_request(replace(STANDING, **changed), "JT", officer, reason, REASONS)


def test_an_officer_may_drop_out_while_only_others_have_entered() -> None:
    check_request(replace(STANDING, entered=frozenset({"GA"})), "JT", "JT01", "gone_away", REASONS)


def test_reasons_are_for_officers_or_for_targets() -> None:
    assert REASONS.officers == ("gone_away",)
    assert REASONS.targets == ("deregistered", "moved_out")


def test_a_plan_of_before_marks_its_reasons_for_officers_by_their_beginning() -> None:
    found = reasons_of(("moved_out", "officer_ill"), ())

    assert (found.targets, found.officers) == (("moved_out",), ("officer_ill",))


def test_it_is_decided_once_and_by_somebody_else() -> None:
    check_decision(State.ASKED, "A", "B")
    with pytest.raises(ChangeBySamePerson):
        check_decision(State.ASKED, "A", "A")
    for state in (State.APPROVED, State.REFUSED, State.WITHDRAWN):
        with pytest.raises(ChangeDecided):
            check_decision(state, "A", "B")


def test_a_firms_request_names_an_officer() -> None:
    assert check_firms_request("JT01", " 有债务纠纷。\r\n") == "有债务纠纷。"
    with pytest.raises(OfficerNotThere):
        check_firms_request(None, "有债务纠纷。")
