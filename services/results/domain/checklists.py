"""
Checklists (检查要点表): which questions are asked, which answers fit, which of them are bad.

Answers are text per item and question, ``{item: {question: answer}}``; a photo question is answered by evidence
that names it.
"""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from runtime.errors import Rejected

Answers = Mapping[str, Mapping[str, str]]

MAX_ANSWER = 2000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


class AnswerUnfit(Rejected):
    """An answer is not of the kind its question asks for."""

    code = "answer.unfit"


class AnswerToUnknownQuestion(Rejected):
    """The section's checklist has no such item or question."""

    code = "answer.unknown_question"


class AnswersMissing(Rejected):
    """Required questions (必答项) are open; the facts say how many, and the first of them."""

    code = "answer.missing"


class TextUnfit(Rejected):
    """A free text is too long, empty where it may not be, or holds control characters."""

    code = "text.unfit"


@dataclass(frozen=True)
class Question:
    """One line of a checklist; *asked_if* is (question, answers) of the same item."""

    id: str
    text: str
    answer: str  # yes_no, choice, number, text, date, photo
    choices: tuple[str, ...] = ()
    required: bool = True
    asked_if: tuple[str, tuple[str, ...]] | None = None
    guidance: str = ""
    legal_basis: str = ""
    severity: str = "general"
    bad_answers: tuple[str, ...] = ()
    finding_kind: str | None = None


@dataclass(frozen=True)
class Item:
    """The questions of one inspection item (抽查事项)."""

    id: str
    name: str
    questions: tuple[Question, ...]
    legal_basis: str = ""

    def asked(self, answers: Mapping[str, str]) -> tuple[Question, ...]:
        """Pick the questions that apply, given the answers so far; what hangs on a hidden question is hidden too."""
        shown: dict[str, Question] = {}
        for question in self.questions:
            if question.asked_if is not None:
                on, wanted = question.asked_if
                if on not in shown or answers.get(on) not in wanted:
                    continue
            shown[question.id] = question
        return tuple(shown.values())


def fit_text(field: str, text: str, *, required: bool = True, longest: int = MAX_ANSWER) -> str:
    """Trim a free text; refuse control characters, too much, or nothing where something is needed."""
    trimmed = text.strip()
    if _CONTROL.search(trimmed):
        raise TextUnfit(field=field, reason="control_character")
    if len(trimmed) > longest:
        raise TextUnfit(field=field, reason="too_long", longest=longest)
    if required and not trimmed:
        raise TextUnfit(field=field, reason="empty")
    return trimmed


def fit_answer(question: Question, answer: str) -> str:
    """Check one answer against its question; an empty one means: not answered yet."""
    text = fit_text(question.id, answer, required=False)
    if text and not _fits(question, text):
        raise AnswerUnfit(question=question.id, kind=question.answer)
    return text


def _fits(question: Question, text: str) -> bool:
    match question.answer:
        case "yes_no":
            return text in ("yes", "no")
        case "choice":
            return text in question.choices
        case "number":
            return _is_number(text)
        case "date":
            return _is_date(text)
        case "text":
            return True
        case _:  # a photo is answered by evidence, not by text
            return False


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def fit_answers(items: Iterable[Item], answers: Answers) -> dict[str, dict[str, str]]:
    """
    Check a whole draft; unanswered questions are left out, hidden ones dropped, everything in checklist order.

    Raises:
        AnswerToUnknownQuestion, AnswerUnfit, TextUnfit.
    """
    known = {item.id: item for item in items}
    for item_id, given in answers.items():
        questions = {q.id for q in known[item_id].questions} if item_id in known else set()
        if unknown := sorted(set(given) - questions):
            raise AnswerToUnknownQuestion(item=item_id, question=unknown[0])
        if item_id not in known:
            raise AnswerToUnknownQuestion(item=item_id, question="")
    fitted: dict[str, dict[str, str]] = {}
    for item in known.values():
        given = answers.get(item.id, {})
        checked = {q.id: text for q in item.questions if q.id in given and (text := fit_answer(q, given[q.id]))}
        asked = {q.id for q in item.asked(checked)}
        fitted[item.id] = {question: text for question, text in checked.items() if question in asked}
    return fitted


def open_questions(
    item: Item, answers: Mapping[str, str], photos: AbstractSet[tuple[str, str]]
) -> tuple[Question, ...]:
    """List the required questions of *item* that apply and have no answer; *photos* are (item, question) with evidence."""
    return tuple(
        q
        for q in item.asked(answers)
        if q.required and not ((item.id, q.id) in photos if q.answer == "photo" else answers.get(q.id))
    )


BEFORE_VISIT, AFTER_VISIT = "<visit_on", ">visit_on"
"""Bad answers of a question that asks for a day: one before, or after, the day of the visit."""

_BOUND = re.compile(r"(<=|>=|<|>|=)?(\d+(?:\.\d+)?)", re.ASCII)


def is_bad(question: Question, answer: str, visit_on: date | None) -> bool:
    """Tell whether an answer means that a problem was found: one of a list, a number beyond a bound, a day beside the visit's."""
    if not answer or not _fits(question, answer):
        return False
    match question.answer:
        case "number":
            return any(_beyond(Decimal(answer), rule) for rule in question.bad_answers)
        case "date":
            day = date.fromisoformat(answer)
            before, after = BEFORE_VISIT in question.bad_answers, AFTER_VISIT in question.bad_answers
            return visit_on is not None and ((before and day < visit_on) or (after and day > visit_on))
    return answer in question.bad_answers


def _beyond(value: Decimal, rule: str) -> bool:
    found = _BOUND.fullmatch(rule)
    if found is None:
        return False
    sign, bound = found[1] or "=", Decimal(found[2])
    return {"<": value < bound, "<=": value <= bound, ">": value > bound, ">=": value >= bound, "=": value == bound}[
        sign
    ]


def bad_answers(item: Item, answers: Mapping[str, str], visit_on: date | None) -> tuple[Question, ...]:
    """List the questions whose answer is bad (a problem was found), in checklist order."""
    return tuple(q for q in item.asked(answers) if is_bad(q, answers.get(q.id, ""), visit_on))
