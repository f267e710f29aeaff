"""Moving the campaign in time."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, cast

import pytest

from onevisit.demo.moved import FOURTH_DAY, into_today, unmoved
from onevisit.demo.play import moved_pack
from onevisit.demo.player import Player
from onevisit.demo.story import Story
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import parse_calendar

ROOT = Path(__file__).parent.parent.parent.parent
STAGES = [
    (date(2018, 11, 28), date(2018, 11, 30)),
    (date(2018, 12, 3), date(2018, 12, 8)),
    (date(2018, 12, 10), date(2018, 12, 20)),
    (date(2018, 12, 21), date(2018, 12, 31)),
]


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    published = parse_calendar((ROOT / "rulepacks" / "calendar" / "CN.toml").read_bytes())
    return WorkingCalendar.of({year: (one.off, one.worked) for year, one in published.years.items()})


@pytest.mark.parametrize(
    "today",
    [
        date(2026, 11, 21),  # a Saturday
        date(2026, 10, 4),  # inside a week-long holiday
        date(2026, 12, 31),
        date(2024, 2, 29),
        date(2028, 2, 29),  # a year without a published calendar
        date(2026, 11, 23),
    ],
)
def test_today_or_the_working_day_before_it_is_the_fourth_of_the_inspection_stage(
    today: date, calendar: WorkingCalendar
) -> None:
    move = into_today(calendar, today)

    first = move.day(date(2018, 12, 10))
    fourth = move.day(FOURTH_DAY)

    assert fourth == calendar.on_or_before(today).on
    assert calendar.working_days_between(first, fourth) == 4, "both counted"
    moved = [(move.day(first), move.day(last)) for first, last in STAGES]
    assert all(first <= last for first, last in moved)
    assert all(moved[number][1] < moved[number + 1][0] for number in range(3))


def test_unmoved_leaves_every_day_where_it_is(calendar: WorkingCalendar) -> None:
    assert unmoved(calendar).day(date(2018, 12, 8)) == date(2018, 12, 8)
    assert unmoved(calendar).moment(date(2018, 12, 31), time(9)) == datetime(2018, 12, 31, 1, tzinfo=UTC)


def test_what_a_paper_says_in_words_moves_with_it(calendar: WorkingCalendar) -> None:
    written_on = date(2018, 11, 28)
    text = "平交联查〔2018〕1号，2018年度计划：2018年11月28日至12月31日，2018年12月10日入企；平政办发〔2017〕3号"

    assert unmoved(calendar).words(text, written_on) == text
    assert into_today(calendar, date(2026, 12, 31)).words(text, written_on) == (
        "平交联查〔2026〕1号，2026年度计划：2026年12月16日至2027年1月18日，2026年12月28日入企；平政办发〔2017〕3号"
    )


@pytest.mark.parametrize("today", [date(2026, 11, 23), date(2026, 12, 31), date(2027, 1, 4), date(2028, 2, 29)])
def test_no_number_or_record_of_the_moved_campaigns_speaks_of_2018(today: date, calendar: WorkingCalendar) -> None:
    posted: list[dict[str, Any]] = []
    move = into_today(calendar, today)
    story = Story(cast(Player, Notes(posted)), move, moved_pack(move), "NX-DEMO")

    story.propose()
    story.propose_second()

    assert len(posted) == 2
    for form, paper in zip(posted, (story.papers.campaign, story.papers.second), strict=True):
        held = move.day(paper["conference"]["held_on"])
        assert "2018" not in json.dumps(form, ensure_ascii=False)
        assert f"〔{held.year}〕" in form["number"]
        assert form["publication"]["plan_id"] == f"640221{held.year}1001"
        assert held.isoformat() in form["conference"]["record"]
    assert "（2018年）" not in moved_pack(move).decode().splitlines()[7]


@dataclass
class Notes:
    """Stands in for the county: keeps the forms of drafts, and answers that every item is for every category."""

    posted: list[dict[str, Any]]

    def get(self, who: str, path: str) -> object:
        return {"items": [{"item": item, "categories": ["KY", "WH", "PH", "ZC", "WX"]} for item in ITEMS]}

    def post(self, step: str, who: str, path: str, body: dict[str, Any] | None = None, **rest: object) -> object:
        if body is not None:
            self.posted.append(body)
        return {"campaign": "C-1", "version": 1}


ITEMS = ("JT-01", "JT-02", "GA-01", "AJ-01", "AJ-02", "SJ-01", "YG-01")
