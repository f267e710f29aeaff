"""Checklists (检查要点表): questions with conditions, and what a bad answer means."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runtime.errors import Rejected

YES, NO = "yes", "no"
BEFORE_VISIT, AFTER_VISIT = "<visit_on", ">visit_on"  # bad answers of a question that asks for a day
NUMBER_RULE = re.compile(r"(?:[<>]=?|=)?\d{1,9}(?:\.\d{1,6})?", re.ASCII)


class ItemsWithoutChecklist(Rejected):
    """An item of the campaign has no questions in the checklists that were chosen."""

    code = "confirmation.items_without_checklist"


class ItemInTwoChecklists(Rejected):
    """An item stands in two of the chosen checklists, so it is not clear which questions hold."""

    code = "confirmation.item_in_two_checklists"


class ChecklistUnknown(Rejected):
    """The agency has no checklist of this name in this edition."""

    code = "confirmation.checklist_unknown"


@dataclass(frozen=True)
class Asked:
    """A question as somebody wrote it, with the place it was written at (a row of a spreadsheet)."""

    row: int
    item: str
    id: str
    text: str
    answer: str
    choices: tuple[str, ...] = ()
    condition: tuple[str, tuple[str, ...]] | None = None  # (question, answers)
    bad_answers: tuple[str, ...] = ()
    finding_kind: str | None = None
    severity: str = "general"
    required: bool = True
    guidance: str = ""
    legal_basis: str = ""

    def possible_answers(self) -> tuple[str, ...] | None:
        """Return the answers there are, or None where anything may be written."""
        if self.answer == "yes_no":
            return (YES, NO)
        return self.choices if self.answer == "choice" else None

    def may_be_bad(self, answer: str) -> bool:
        """Tell whether *answer* can be a bad answer here: a possible one, a bound of a number, a day beside the visit's."""
        match self.answer:
            case "number":
                return NUMBER_RULE.fullmatch(answer) is not None
            case "date":
                return answer in (BEFORE_VISIT, AFTER_VISIT)
        return answer in (self.possible_answers() or ())


@dataclass(frozen=True)
class QuestionFault:
    """What is wrong with a question: its row, the column's key, a code and what it is about."""

    row: int
    column: str
    code: str
    facts: tuple[tuple[str, object], ...] = ()


def faults(questions: Sequence[Asked], finding_kinds: Collection[str]) -> list[QuestionFault]:
    """Look for everything wrong among the questions of one checklist; question ids count within their item."""
    found: list[QuestionFault] = []
    earlier: dict[tuple[str, str], Asked] = {}
    for asked in questions:
        if (asked.item, asked.id) in earlier:
            found.append(_fault(asked, "question", "checklist.question_twice", question=asked.id))
        found += _about_answers(asked, finding_kinds)
        found += _about_condition(asked, earlier)
        earlier.setdefault((asked.item, asked.id), asked)
    return found


def _about_answers(asked: Asked, finding_kinds: Collection[str]) -> list[QuestionFault]:
    found: list[QuestionFault] = []
    if asked.answer == "choice" and len(asked.choices) < 2:
        found.append(_fault(asked, "choices", "checklist.choices_missing"))
    if asked.answer != "choice" and asked.choices:
        found.append(_fault(asked, "choices", "checklist.choices_not_expected"))
    for answer in asked.bad_answers:
        if not asked.may_be_bad(answer):
            found.append(_fault(asked, "bad_answers", "checklist.answer_unknown", answer=answer))
    if asked.bad_answers and asked.finding_kind is None:
        found.append(_fault(asked, "finding_kind", "checklist.finding_kind_missing"))
    if asked.finding_kind is not None and not asked.bad_answers:
        found.append(_fault(asked, "bad_answers", "checklist.bad_answers_missing"))
    if asked.finding_kind is not None and asked.finding_kind not in finding_kinds:
        found.append(_fault(asked, "finding_kind", "checklist.finding_kind_unknown", written=asked.finding_kind))
    return found


def _about_condition(asked: Asked, earlier: Mapping[tuple[str, str], Asked]) -> list[QuestionFault]:
    if asked.condition is None:
        return []
    question, answers = asked.condition
    before = earlier.get((asked.item, question))
    if before is None:
        return [_fault(asked, "condition", "checklist.condition_not_earlier", question=question)]
    possible = before.possible_answers()
    if possible is None:
        return [_fault(asked, "condition", "checklist.condition_needs_choices", question=question)]
    return [
        _fault(asked, "condition", "checklist.answer_unknown", answer=answer)
        for answer in answers
        if answer not in possible
    ]


def _fault(asked: Asked, column: str, code: str, **facts: object) -> QuestionFault:
    return QuestionFault(asked.row, column, code, tuple(facts.items()))


def cover(
    items: Sequence[str],
    chosen: Sequence[tuple[str, int]],
    editions: Mapping[tuple[str, int], Collection[str]],
) -> dict[str, tuple[str, int]]:
    """
    Find for each item of the campaign the checklist that asks about it.

    Args:
        items: The agency's items in the campaign.
        chosen: Checklists in the editions the agency confirms.
        editions: All its checklists: ``{(checklist, edition): items}``.

    Raises:
        ChecklistUnknown, ItemInTwoChecklists, ItemsWithoutChecklist.
    """
    found: dict[str, tuple[str, int]] = {}
    for name in sorted(set(chosen)):
        if name not in editions:
            raise ChecklistUnknown(checklist=name[0], edition=name[1])
        for item in editions[name]:
            if item in items and item in found:
                raise ItemInTwoChecklists(item=item)
            found[item] = name
    if missing := sorted(set(items) - set(found)):
        raise ItemsWithoutChecklist(items=", ".join(missing))
    return {item: found[item] for item in sorted(items)}
