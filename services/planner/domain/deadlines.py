"""Days by which something is due (期限), counted from an anchor as the rule pack says; the owner of a duty computes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from runtime.errors import Rejected
from runtime.time.workdays import WorkingCalendar


class DeadlineNotByDays(Rejected):
    """A term in hours cannot be a day of the plan."""

    code = "rulepack.deadline_not_by_days"


@dataclass(frozen=True)
class Term:
    """A term of the rule pack: so many units from an anchor."""

    name: str
    anchor: str
    amount: int
    unit: str  # working_days | natural_days | hours
    roll: str  # none | next_working_day
    source: str


@dataclass(frozen=True)
class DueDay:
    """A last day, with what it was counted from and by which rule."""

    due_on: date
    anchor_on: date
    anchor: str
    source: str
    provisional: bool


def reckon(term: Term, anchors: Mapping[str, date], calendar: WorkingCalendar) -> DueDay:
    """
    Count *term* on the calendar from its anchor.

    *anchors* holds the day of every anchor the term may have; a pack with a term of another one is not published
    (`schemas.rulepack`), and here no other day is put in its place.
    """
    if term.unit not in ("working_days", "natural_days"):
        raise DeadlineNotByDays(deadline=term.name)
    counted_from = anchors[term.anchor]
    reached = calendar.due(counted_from, term.amount, term.unit, term.roll)
    return DueDay(reached.on, counted_from, term.anchor, term.source, reached.provisional)
