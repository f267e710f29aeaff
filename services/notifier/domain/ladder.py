"""
The reminder ladder and escalation (催办、督办) of a duty: which step is taken when.

Every step has one moment: reminders and yellow at the pack's time of day (Asia/Shanghai) of the working day with so many
working days left; missed when the due moment has passed; escalation at that time so many working days after the first
overdue one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from runtime.time.lights import SHANGHAI, local_day, yellow_from
from runtime.time.workdays import WorkingCalendar

REMIND, YELLOW, MISSED, HEAD, LEAD = "remind", "yellow", "missed", "head", "lead"
KINDS = (REMIND, YELLOW, MISSED, HEAD, LEAD)
BEFORE_DUE = frozenset({REMIND, YELLOW})


@dataclass(frozen=True)
class Ladder:
    """
    A pack's thresholds, in working days: yellow, reminders before, and (head or lead, days after) escalation.

    ``time_of_day``: when in Shanghai what is said on a day is said.
    """

    yellow: int
    reminders: tuple[int, ...]
    escalation: tuple[tuple[str, int], ...]
    time_of_day: time


@dataclass(frozen=True)
class Step:
    """One step: ``remind-3``, ``yellow``, ``missed``, ``head``, ``lead``; and when."""

    name: str
    at: datetime

    @property
    def kind(self) -> str:
        """The step without its number."""
        return self.name.split("-")[0]


@dataclass(frozen=True)
class Schedule:
    """What the pack and the calendar make of a due date. *provisional* (暂定): counted in a year not yet published."""

    yellow_on: date
    steps: tuple[Step, ...]
    provisional: bool


@dataclass(frozen=True)
class Move:
    """A step that is taken now; *told* is False where a later step of the same moment says it all."""

    step: str
    told: bool


def schedule(
    due_at: datetime, opened_at: datetime, ladder: Ladder, calendar: WorkingCalendar, kinds: Collection[str]
) -> Schedule:
    """
    Work out the steps of a duty, earliest first.

    Args:
        due_at: First moment at which it is overdue (`end_of_day` for a due day).
        opened_at: When it arose. A step not after it is no step: the notice that asked for it said the due date.
        kinds: Which of `KINDS` this sort of duty has.
    """
    due_on = local_day(due_at - timedelta(microseconds=1))
    last = calendar.on_or_before(due_on)
    yellow = yellow_from(due_on, ladder.yellow, calendar)
    first_late = calendar.on_or_after(local_day(due_at))
    counted = [last, yellow, first_late]

    def said(day: date) -> datetime:
        return datetime.combine(day, ladder.time_of_day, SHANGHAI)

    steps = [Step(YELLOW, said(yellow.on)), Step(MISSED, due_at)]
    for days in ladder.reminders:
        if days != ladder.yellow:
            counted.append(calendar.add_working_days(last.on, -days))
            steps.append(Step(f"{REMIND}-{days}", said(counted[-1].on)))
    for to, days in ladder.escalation:
        counted.append(calendar.add_working_days(first_late.on, days))
        steps.append(Step(to, max(due_at, said(counted[-1].on))))

    kept = [step for step in steps if step.kind in kinds and opened_at < step.at]
    kept = [step for step in kept if step.kind not in BEFORE_DUE or step.at < due_at]
    rank = {kind: place for place, kind in enumerate(KINDS)}
    kept.sort(key=lambda step: (step.at, rank[step.kind], step.name))
    return Schedule(yellow.on, tuple(kept), any(day.provisional for day in counted))


def next_step_at(steps: Collection[Step], taken: Collection[str]) -> datetime | None:
    """Return when the next step not yet taken is due; None when all are taken."""
    return min((step.at for step in steps if step.name not in taken), default=None)


def moves(steps: Collection[Step], taken: Collection[str], at: datetime) -> tuple[Move, ...]:
    """
    List the steps to take at *at*, each once for ever, in their order.

    After a standstill several may be due at once. Then reminders and yellow give way to the last of them, and all of
    them to missed: nobody is reminded of what is over. Missed and escalation are always told, to different people.
    """
    due = [step for step in steps if step.name not in taken and step.at <= at]
    over = any(step.kind not in BEFORE_DUE for step in due)
    before = [step.name for step in due if step.kind in BEFORE_DUE]
    silent = set(before) if over else set(before[:-1])
    return tuple(Move(step.name, step.name not in silent) for step in due)
