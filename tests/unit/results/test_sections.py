"""A section from its first answer to its approval."""

from datetime import date

import pytest

from services.results.domain.checklists import AnswersMissing, Item, Question
from services.results.domain.findings import Finding, FollowUp
from services.results.domain.sections import (
    EDITABLE,
    BeforeTheVisit,
    Draft,
    EnteredAndApprovedBySame,
    NotOnTheTeam,
    Outcome,
    OutcomeHidesFinding,
    OutcomeMissing,
    OutcomeNeedsAgency,
    OutcomeNeedsFinding,
    OutcomeNeedsRectification,
    OutcomeOfForeignItem,
    OutcomeUnknown,
    SectionNotInState,
    SignaturesMissing,
    State,
    UnitNotSigned,
    VisitNotScheduled,
    check_complete,
    check_day,
    check_editable,
    check_on_team,
    check_other_person,
    check_signed,
    fit_outcomes,
)

ITEM = Item("I1", "事项", (Question("a", "甲", "yes_no"),))
VOCABULARY = {
    "NO_ISSUE": Outcome("NO_ISSUE", closes=True),
    "PENDING": Outcome("PENDING", needs_finding=True),
    "MOVED_OUT": Outcome("MOVED_OUT", closes=True, updates_register=True),
    "PLAIN": Outcome("PLAIN"),
    "CORRECTED": Outcome("CORRECTED", needs_finding=True, dated=True),
    "FOLLOWED": Outcome("FOLLOWED", needs_finding=True, acted_on=True),
}
FOLLOW_UPS = {"k": FollowUp.REFERRAL, **{follow_up.value: follow_up for follow_up in FollowUp}}
FINDING = Finding("I1", "", "k", "问题")
RIGHT, OWN, QUEUED = (Finding("I1", "", kind, "问题") for kind in ("rectification", "own_action", "unrouted"))
ELSEWHERE = Finding("I2", "", "rectification", "问题")


def draft(outcome: str = "NO_ISSUE", answer: str = "yes", findings: tuple[Finding, ...] = ()) -> Draft:
    return Draft({"I1": {"a": answer} if answer else {}}, {"I1": outcome} if outcome else {}, findings)


@pytest.mark.parametrize("state", State)
def test_only_open_and_returned_sections_are_edited(state: State) -> None:
    if state in EDITABLE:
        check_editable(state)
    else:
        with pytest.raises(SectionNotInState):
            check_editable(state)


def test_only_officers_drawn_for_a_section_write_in_it() -> None:
    assert check_on_team("JT01", ["JT01", None]) == "JT01"
    for officer in ("JT02", None):
        with pytest.raises(NotOnTheTeam):
            check_on_team(officer, ["JT01", None])


def test_nothing_is_signed_before_the_day() -> None:
    day = date(2018, 12, 12)

    assert check_day(day, day) == day
    with pytest.raises(BeforeTheVisit):
        check_day(day, date(2018, 12, 11))
    with pytest.raises(VisitNotScheduled):
        check_day(None, day)


def test_outcomes_of_a_draft_are_of_the_section_and_of_the_pack() -> None:
    assert fit_outcomes([ITEM], VOCABULARY, {"I1": "PENDING"}) == {"I1": "PENDING"}
    assert fit_outcomes([ITEM], VOCABULARY, {"I1": ""}) == {}
    with pytest.raises(OutcomeOfForeignItem):
        fit_outcomes([ITEM], VOCABULARY, {"I9": "PENDING"})
    with pytest.raises(OutcomeUnknown) as refusal:
        fit_outcomes([ITEM], VOCABULARY, {"I1": "8"})
    assert "NO_ISSUE" in str(refusal.value.facts["known"])


@pytest.mark.parametrize(
    "complete",
    [
        draft(),
        draft("PENDING", findings=(FINDING,)),
        draft("PLAIN", findings=(FINDING,)),
        draft("MOVED_OUT", answer=""),
        draft("CORRECTED", findings=(FINDING, RIGHT)),
        draft("FOLLOWED", findings=(FINDING,)),
        draft("FOLLOWED", findings=(OWN,)),
        draft("FOLLOWED", findings=(RIGHT, QUEUED)),
    ],
)
def test_a_complete_section_passes(complete: Draft) -> None:
    check_complete([ITEM], complete, VOCABULARY, set(), FOLLOW_UPS)


@pytest.mark.parametrize(
    ("incomplete", "refusal"),
    [
        (draft(""), OutcomeMissing),
        (draft("8"), OutcomeUnknown),
        (draft("PENDING"), OutcomeNeedsFinding),
        (draft("NO_ISSUE", findings=(FINDING,)), OutcomeHidesFinding),
        (draft(answer=""), AnswersMissing),
        (draft("CORRECTED", findings=(FINDING, OWN, QUEUED)), OutcomeNeedsRectification),
        (draft("CORRECTED", findings=(FINDING, ELSEWHERE)), OutcomeNeedsRectification),
        (draft("FOLLOWED", findings=(RIGHT,)), OutcomeNeedsAgency),
    ],
)
def test_an_incomplete_section_is_refused_with_what_is_missing(incomplete: Draft, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        check_complete([ITEM], incomplete, VOCABULARY, set(), FOLLOW_UPS)


def test_two_inspectors_of_the_team_and_the_unit_sign() -> None:
    team = ["JT01", "JT02", None]

    check_signed({"JT01", "JT02"}, team, 2, unit=True)
    with pytest.raises(SignaturesMissing) as refusal:
        check_signed({"JT01", "JT09"}, team, 2, unit=True)
    assert refusal.value.facts == {"signed": 1, "needed": 2}
    with pytest.raises(UnitNotSigned):
        check_signed({"JT01", "JT02"}, team, 2, unit=False)


@pytest.mark.parametrize(
    ("account", "officer", "refused"),
    [("u1", None, True), ("u2", None, True), ("u3", "JT02", True), ("u3", "JT03", False), ("u3", None, False)],
)
def test_whoever_entered_or_signed_does_not_approve(account: str, officer: str | None, refused: bool) -> None:
    def attempt() -> None:
        check_other_person(account, officer, entered_by={"u1"}, signers={"u2", "JT02"})

    if refused:
        with pytest.raises(EnteredAndApprovedBySame):
            attempt()
    else:
        attempt()


def test_a_signature_stands_under_one_text_and_no_other() -> None:
    base = draft().digest(["aa"])

    assert draft().digest(["aa"]) == base
    assert len({base, draft(answer="no").digest(["aa"]), draft("PLAIN").digest(["aa"]), draft().digest(["ab"])}) == 4
    assert draft(findings=(FINDING,)).digest(["aa"]) != base
