"""The four stages of a campaign (方案、抽取、检查、公示) and what must be said about their dates before anybody relies on them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from runtime.errors import Conflict, Rejected
from runtime.time.workdays import WorkingCalendar
from schemas.vocabulary import Stage

ORDER = (Stage.PREPARE, Stage.DRAW, Stage.INSPECT, Stage.PUBLISH)
FARTHEST_YEARS_AHEAD = 10
ALWAYS_REFUSED = frozenset({"stage_dates_reversed", "stages_overlap", "stage_without_working_day"})


class StagesIncomplete(Rejected):
    """A campaign has the four stages, each once."""

    code = "stage.incomplete"


class StageOutsideCalendar(Rejected):
    """A day lies before the first published year of the calendar, or too far ahead of the last one."""

    code = "stage.outside_calendar"


class StageDatesReversed(Rejected):
    """A stage begins after it ends."""

    code = "stage.dates_reversed"


class StagesOverlap(Rejected):
    """A stage begins before the one before it has ended."""

    code = "stage.overlap"


class StageWithoutWorkingDay(Rejected):
    """A stage has no working day, so nothing can be done in it."""

    code = "stage.without_working_day"


class ConferenceMissing(Rejected):
    """The rule pack asks for the record of a joint conference (联席会议) before a scheme goes out."""

    code = "conference.missing"


class StageBlockedByPack(Rejected):
    """The rule pack says that this warning stops the proposal."""

    code = "stage.blocked_by_pack"


class DrawStageNotBegun(Conflict):
    """The draw stage (抽取阶段) of the plan has not begun, and nobody says that the frame is meant to be frozen before it."""

    code = "frame.before_draw_stage"


REFUSALS: Mapping[str, type[Rejected]] = {
    "conference_missing": ConferenceMissing,
    "stage_dates_reversed": StageDatesReversed,
    "stages_overlap": StagesOverlap,
    "stage_without_working_day": StageWithoutWorkingDay,
}


@dataclass(frozen=True)
class Window:
    """First and last day of a stage, both counted."""

    stage: Stage
    first_on: date
    last_on: date


@dataclass(frozen=True)
class Warned:
    """Something said about the dates: a code of the rule pack's ``warnings`` and the days it speaks of."""

    code: str
    facts: tuple[tuple[str, object], ...] = ()

    def get(self) -> dict[str, object]:
        """Return the facts by name."""
        return dict(self.facts)


@dataclass(frozen=True)
class StageDays:
    """A stage as people plan with it: how many working days it has, and the last one that is of use."""

    stage: Stage
    first_on: date
    last_on: date
    working_days: int
    last_working_on: date | None
    provisional: bool


def ordered(windows: Sequence[Window]) -> tuple[Window, ...]:
    """Put the windows into the order of the stages; refuse a missing or a doubled one."""
    if sorted(window.stage for window in windows) != sorted(ORDER):
        raise StagesIncomplete(given=", ".join(window.stage for window in windows))
    return tuple(sorted(windows, key=lambda window: ORDER.index(window.stage)))


def stage_days(windows: Sequence[Window], calendar: WorkingCalendar) -> tuple[StageDays, ...]:
    """Work out for each stage its working days and the last usable one."""
    return tuple(_days(window, calendar) for window in windows)


def _days(window: Window, calendar: WorkingCalendar) -> StageDays:
    days = calendar.working_days_in(window.first_on, window.last_on)
    return StageDays(
        stage=window.stage,
        first_on=window.first_on,
        last_on=window.last_on,
        working_days=len(days),
        last_working_on=days[-1] if days else None,
        provisional=calendar.is_provisional(window.first_on, window.last_on),
    )


def check_begun(windows: Sequence[Window], today: date, *, early: bool) -> None:
    """
    Hold the freeze to the calendar that the conference agreed on: it belongs to the draw stage.

    The sources give each stage its dates and no more (domain.md 5.4 D13): a lead that is ready before them says so
    (*early*), and the day of the freeze stands beside the stage's on the campaign page.
    """
    first_on = next(window.first_on for window in windows if window.stage is Stage.DRAW)
    if today < first_on and not early:
        raise DrawStageNotBegun(first_on=first_on)


def check_inside(windows: Sequence[Window], calendar: WorkingCalendar) -> None:
    """Refuse days that the calendar cannot speak of at all."""
    if not calendar.years:
        return
    first, last = min(calendar.years), max(calendar.years) + FARTHEST_YEARS_AHEAD
    for window in windows:
        for day in (window.first_on, window.last_on):
            if not first <= day.year <= last:
                raise StageOutsideCalendar(stage=window.stage, day=day, first_year=first, last_year=last)


def warnings(
    windows: Sequence[Window],
    calendar: WorkingCalendar,
    *,
    rule_due_on: date | None,
    rule_term: int,
    conference_on: date | None,
    conference_required: bool,
) -> tuple[Warned, ...]:
    """
    Say everything worth saying about the dates, in the order of the stages.

    Args:
        windows: The four stages in order.
        calendar: Working days.
        rule_due_on: Last day on which results are published by the rule; None where it is counted from each visit.
        rule_term: The rule's term, for the sentence ("10 个工作日").
        conference_on: Day of the joint conference, if there is a record of it.
        conference_required: Whether the rule pack asks for one.

    Source:
        shared/reference/domain.md section 6.4.
    """
    found: list[Warned] = []
    if conference_on is None:
        if conference_required:
            found.append(Warned("conference_missing"))
    elif conference_on > windows[0].last_on:
        found.append(_warn("conference_after_stage", held_on=conference_on, last_on=windows[0].last_on))
    for before, window in zip((None, *windows), windows, strict=False):
        found += _about(window, before, calendar)
    publish = windows[-1]
    if rule_due_on is not None and rule_due_on > publish.last_on:
        facts = {"term": rule_term, "due_on": rule_due_on, "last_on": publish.last_on}
        found.append(_warn("rule_term_does_not_fit", **facts))
    last = max(publish.last_on, rule_due_on or publish.last_on)
    if windows[0].first_on <= last and calendar.is_provisional(windows[0].first_on, last):
        found.append(_warn("calendar_provisional", first_on=windows[0].first_on, last_on=last))
    return tuple(found)


def _about(window: Window, before: Window | None, calendar: WorkingCalendar) -> list[Warned]:
    if window.first_on > window.last_on:
        return [_warn("stage_dates_reversed", stage=window.stage, first_on=window.first_on, last_on=window.last_on)]
    found: list[Warned] = []
    if before is not None and window.first_on <= before.last_on:
        found.append(_warn("stages_overlap", stage=window.stage, first_on=window.first_on, last_on=before.last_on))
    days = calendar.working_days_in(window.first_on, window.last_on)
    if not days:
        return [*found, _warn("stage_without_working_day", stage=window.stage)]
    if days[0] != window.first_on:
        found.append(_warn("stage_starts_on_day_off", stage=window.stage, day=window.first_on, usable=days[0]))
    if days[-1] != window.last_on:
        found.append(_warn("stage_ends_on_day_off", stage=window.stage, day=window.last_on, usable=days[-1]))
    return found


def _warn(code: str, **facts: object) -> Warned:
    return Warned(code, tuple(facts.items()))


def refuse_blocking(found: Sequence[Warned], blocking: Collection[str]) -> None:
    """Refuse the proposal for the first warning that stops it, by the house or by the rule pack."""
    for warned in found:
        if warned.code in ALWAYS_REFUSED or warned.code in blocking:
            raise REFUSALS.get(warned.code, StageBlockedByPack)(warning=warned.code, **warned.get())
