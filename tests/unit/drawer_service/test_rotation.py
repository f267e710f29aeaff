"""Rotation (轮换): whoever an agency sent to a target last is not drawn for it the next time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from runtime.errors import OneVisitError
from schemas.documents import PlanClass
from schemas.vocabulary import Purpose
from services.drawer import acts, archive, checking
from services.drawer.queries.drawn import drawn_list
from tests.kit import Kit
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    CATEGORIES,
    COMMIT_CLOSE,
    LEAD,
    OPENED,
    REVEAL_CLOSE,
    SEAL_BY,
    County,
    a_county,
    confirmed,
    frozen,
    plan,
    rosters,
)

LATER = timedelta(days=2)
SECOND, SECOND_DRAW = "C-640221-2018-002", "D-640221-2018-002"
HALF = [PlanClass(code="K1", categories=tuple(CATEGORIES), rate=(1, 2))]
MANY = dict.fromkeys(AGENCIES, 12)


def agreed(**changes: Any) -> Any:
    return plan(**{"classes": HALF, "planned_targets": 55, "purpose": Purpose.LIVE} | changes)


@dataclass
class Twice:
    """Two campaigns on the same frame with the same officers, the first of them drawn."""

    county: County
    second: County

    def open(self) -> None:
        """Open the second draw, two days after the first."""
        times = {
            "commit_close": COMMIT_CLOSE,
            "reveal_close": REVEAL_CLOSE,
            "seal_by": SEAL_BY,
            "beacon_time": BEACON_TIME,
        }
        self.second.open(**{name: moment + LATER for name, moment in times.items()})

    def draw(self) -> None:
        """Carry it through."""
        self.open()
        self.second.commit()
        self.second.at(COMMIT_CLOSE + LATER)
        self.second.countersign()
        self.second.reveal()
        self.second.seal(key="second seal")
        self.second.at(BEACON_TIME + LATER)
        self.second.dice(key="second dice")

    def sent_again(self) -> int:
        """Count who was sent to the same target for the same agency both times; fail where few targets came up again."""
        was, now = (
            {(one.target, team.agency): set(team.officers) for one in draw for team in one.teams}
            for draw in self._lists()
        )
        both = was.keys() & now.keys()
        assert len(both) > 60
        return sum(len(was[place] & now[place] - {None}) for place in both)

    def _lists(self) -> list[Any]:
        service = self.county.service
        return [service.ask(LEAD, drawn_list, draw_id=one.draw) for one in (self.county, self.second)]


def twice(kit: Kit, sizes: dict[str, int] = MANY, *, first: Any = None, **changes: Any) -> Twice:
    county = a_county(kit, first or agreed(), rosters(sizes))
    county.until_drawn()
    next_plan = agreed(campaign=SECOND, **changes)
    kit.feed(county.service, confirmed(kit, next_plan), frozen(kit, rosters(sizes, SECOND)))
    kit.clock.at = OPENED + LATER
    return Twice(county, County(kit, county.service, SECOND, SECOND_DRAW))


def test_nobody_is_sent_twice_running_to_one_target(kit: Kit) -> None:
    found = twice(kit, rotation=True)

    found.draw()

    assert found.sent_again() == 0
    files = archive.full_record(found.county.service, SECOND_DRAW)
    assert checking.verify(files.record, [files.frame]).targets == 55


def test_without_the_rule_some_are(kit: Kit) -> None:
    found = twice(kit)

    found.draw()

    assert found.sent_again() > 5


def test_a_rehearsal_sent_nobody(kit: Kit) -> None:
    found = twice(kit, first=plan(classes=HALF, planned_targets=55), rotation=True)

    found.draw()

    assert found.sent_again() > 5


def test_an_agency_with_too_few_officers_to_rotate_is_named_before_the_draw(kit: Kit) -> None:
    fewer = {"classes": [PlanClass(code="K1", categories=tuple(CATEGORIES), rate=(1, 4))], "planned_targets": 28}
    found = twice(kit, MANY | {"AJ": 3}, first=agreed(**fewer), rotation=True, **fewer)

    with pytest.raises(OneVisitError, match=r"draw\.infeasible") as refused:
        found.open()

    short: Any = refused.value.facts["shortages"]
    assert {one["agency"] for one in short} == {"AJ"}
    assert ("draw.short.recusals", 2, 1) in {(one["code"], one["needed"], one["there"]) for one in short}
    report = acts.feasibility(found.county.service, LEAD, SECOND)
    assert [one.code for one in report.shortages] == [one["code"] for one in short]


def test_a_plan_without_the_rule_is_written_as_earlier_releases_read_it() -> None:
    assert b"rotation" not in plan().encode()
    assert b'"rotation":true' in plan(rotation=True).encode()
