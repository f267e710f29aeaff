"""Which questions are asked, which answers fit, which are bad."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.results.domain.checklists import (
    AFTER_VISIT,
    BEFORE_VISIT,
    AnswerToUnknownQuestion,
    AnswerUnfit,
    Item,
    Question,
    TextUnfit,
    bad_answers,
    fit_answer,
    fit_answers,
    fit_text,
    is_bad,
    open_questions,
)

DAY = date(2018, 12, 12)
ITEM = Item(
    "I1",
    "事项",
    (
        Question("a", "甲", "yes_no", bad_answers=("no",), finding_kind="k"),
        Question("b", "乙", "choice", ("大", "小"), asked_if=("a", ("yes",))),
        Question("c", "丙", "text", required=False, asked_if=("b", ("大",))),
        Question("d", "丁", "photo", asked_if=("b", ("大",))),
    ),
)


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ({}, "a"),
        ({"a": "no"}, "a"),
        ({"a": "yes"}, "ab"),
        ({"a": "yes", "b": "小"}, "ab"),
        ({"a": "yes", "b": "大"}, "abcd"),
        ({"a": "no", "b": "大"}, "a"),
    ],
)
def test_a_question_is_asked_only_if_what_it_hangs_on_is(answers: dict[str, str], asked: str) -> None:
    assert "".join(question.id for question in ITEM.asked(answers)) == asked


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("yes_no", ["yes", "no"], ["是", "maybe"]),
        ("choice", ["大"], ["中"]),
        ("number", ["3", "-1.5", "0"], ["three", "NaN", "Infinity", "1,5"]),
        ("date", ["2018-12-12"], ["2018-12-32", "20181212", "12.12.2018"]),
        ("text", ["说明"], []),
        ("photo", [], ["x"]),
    ],
)
def test_an_answer_fits_its_question(kind: str, good: list[str], bad: list[str]) -> None:
    question = Question("q", "题", kind, ("大", "小"))

    assert [fit_answer(question, answer) for answer in [*good, ""]] == [*good, ""]
    for answer in bad:
        with pytest.raises(AnswerUnfit):
            fit_answer(question, answer)


def test_texts_are_trimmed_and_control_characters_refused() -> None:
    assert fit_text("f", "  说明\n第二行 ") == "说明\n第二行"
    assert fit_text("f", " ", required=False) == ""
    for text, reason in (
        ("", "empty"),
        ("x" * 11, "too_long"),
        ("a\x00b", "control_character"),
        ("a\u202eb", "control_character"),
    ):
        with pytest.raises(TextUnfit) as refusal:
            fit_text("f", text, longest=10)
        assert refusal.value.facts["reason"] == reason


def test_a_draft_keeps_what_is_asked_and_drops_what_is_hidden_or_empty() -> None:
    given = {"I1": {"a": "no", "b": "大", "c": " "}}

    assert fit_answers([ITEM], given) == {"I1": {"a": "no"}}
    assert fit_answers([ITEM], {}) == {"I1": {}}


@pytest.mark.parametrize("given", [{"I2": {"a": "yes"}}, {"I1": {"z": "yes"}}, {"I2": {}}])
def test_answers_to_unknown_questions_are_refused(given: dict[str, dict[str, str]]) -> None:
    with pytest.raises(AnswerToUnknownQuestion):
        fit_answers([ITEM], given)


def test_required_questions_stay_open_until_they_have_an_answer_or_a_photo() -> None:
    answers = {"a": "yes", "b": "大"}

    assert [q.id for q in open_questions(ITEM, {}, set())] == ["a"]
    assert [q.id for q in open_questions(ITEM, answers, set())] == ["d"]
    assert open_questions(ITEM, answers, {("I1", "d")}) == ()


def test_a_bad_answer_is_found_only_where_it_is_asked() -> None:
    assert [q.id for q in bad_answers(ITEM, {"a": "no"}, DAY)] == ["a"]
    assert bad_answers(ITEM, {"a": "yes"}, DAY) == ()


@pytest.mark.parametrize(
    ("kind", "rules", "bad", "good"),
    [
        ("number", ("<3",), ["2", "2.9"], ["3", "4", ""]),
        ("number", ("<=3",), ["3"], ["3.1"]),
        ("number", (">3",), ["4"], ["3"]),
        ("number", (">=3",), ["3"], ["2"]),
        ("number", ("3",), ["3", "3.0"], ["2"]),
        ("number", ("viele",), [], ["3", "drei"]),
        ("date", (BEFORE_VISIT,), ["2018-12-11"], ["2018-12-12", "2018-12-13", "bald"]),
        ("date", (AFTER_VISIT,), ["2018-12-13"], ["2018-12-12", "2018-12-11"]),
    ],
)
def test_bounds_of_numbers_and_days_beside_the_visit_are_bad(
    kind: str, rules: tuple[str, ...], bad: list[str], good: list[str]
) -> None:
    question = Question("q", "题", kind, bad_answers=rules)

    assert all(is_bad(question, answer, DAY) for answer in bad)
    assert not any(is_bad(question, answer, DAY) for answer in good)


def test_without_a_day_of_the_visit_no_day_is_bad() -> None:
    assert not is_bad(Question("q", "题", "date", bad_answers=(BEFORE_VISIT,)), "2000-01-01", None)


@given(st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["yes", "no", "大", "小", ""])))
def test_no_answer_of_a_hidden_question_survives(given_answers: dict[str, str]) -> None:
    try:
        fitted = fit_answers([ITEM], {"I1": given_answers})["I1"]
    except AnswerUnfit:
        return

    assert set(fitted) <= {question.id for question in ITEM.asked(fitted)}
