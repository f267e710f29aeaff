"""Deadlines between domain, event and row."""

from datetime import date
from typing import Any

from runtime.time.workdays import WorkingCalendar
from schemas.events.campaigns import StageWindow
from schemas.events.payload import Due
from schemas.rulepack import RulePack
from schemas.vocabulary import Stage
from services.planner import packs
from services.planner.domain.deadlines import DueDay, reckon
from services.planner.domain.stages import Window, stage_days


def anchors(windows: tuple[Window, ...]) -> dict[str, date]:
    """Name the days of a campaign that terms are counted from."""
    last = {window.stage: window.last_on for window in windows}
    return {
        "prepare_stage_end": last[Stage.PREPARE],
        "draw_stage_end": last[Stage.DRAW],
        "inspection_stage_end": last[Stage.INSPECT],
        "publication_stage_end": last[Stage.PUBLISH],
        "campaign_end": max(last.values()),
    }


def due(pack: RulePack, name: str, days: dict[str, date], calendar: WorkingCalendar) -> Due:
    """Count one of the pack's terms for an event."""
    return as_due(reckon(packs.term(pack, name), days, calendar))


def as_due(reckoned: DueDay) -> Due:
    """Write a reckoned day as events carry it."""
    return Due(
        due_on=reckoned.due_on,
        anchor_on=reckoned.anchor_on,
        anchor=reckoned.anchor,
        source=reckoned.source,
        provisional=reckoned.provisional,
    )


def windows_of(stored: list[Any]) -> tuple[Window, ...]:
    """Read a campaign's stages from its row."""
    return tuple(
        Window(Stage(each["stage"]), date.fromisoformat(each["first_on"]), date.fromisoformat(each["last_on"]))
        for each in stored
    )


def stored(windows: tuple[Window, ...]) -> list[Any]:
    """Write stages for a row."""
    return [
        {"stage": each.stage.value, "first_on": each.first_on.isoformat(), "last_on": each.last_on.isoformat()}
        for each in windows
    ]


def spoken(windows: tuple[Window, ...], calendar: WorkingCalendar) -> tuple[StageWindow, ...]:
    """Write stages for an event, with the last working day of each."""
    return tuple(
        StageWindow(
            stage=days.stage, first_on=days.first_on, last_on=days.last_on, last_working_on=days.last_working_on
        )
        for days in stage_days(windows, calendar)
    )
