"""One duty, one day and one light: what the home page's tiles say is what the list of duties says."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from runtime.store import Actor
from schemas.vocabulary import Role
from services.notifier.queries import duties_of
from services.results.queries.summary import home_me
from tests.scenario.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("town")]

SAME = {  # tile → the duties it is about
    "visits": ("enter_section",),
    "approve": ("approve_section",),
    "publish": ("publish_by_plan", "publish_by_rule"),
    "rectify": ("verify_rectification",),
    "referrals": ("confirm_receipt", "answer_referral", "decide_referral", "route_referral"),
}
MOMENTS = ("2018-12-12T16:00+08:00", "2018-12-14T09:00+08:00", "2018-12-15T09:00+08:00", "2018-12-29T23:59+08:00")


def actors(town: Town) -> Iterator[Actor]:
    """Name the people of the county, its inspectors included."""
    yield from (person.actor for person in town.people if person.actor is not None)
    for visit in town.teams.values():
        for officer in sorted(visit):
            yield Actor(officer.lower(), officer[:2], "640221", frozenset({Role.INSPECTOR}), officer)


def subject(line: dict[str, Any]) -> str:
    """Tell what a line of a tile is about, as duties name it."""
    return str(line.get("referral") or line.get("finding") or line["section"])


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_tile_shows_the_day_and_the_light_of_its_duty(town: Town, moment: str) -> None:
    now = datetime.fromisoformat(moment)
    results, notifier = town.system.services["results"], town.system.services["notifier"]
    compared = 0
    for actor in actors(town):
        tiles = results.ask(actor, home_me, now=now)
        duties = notifier.ask(actor, duties_of, now=now, whose="agency", limit=1_000).duties
        for tile, kinds in SAME.items():
            for line in tiles[tile]:
                same = [duty for duty in duties if duty.kind in kinds and duty.subject == subject(line)]
                if not same:
                    continue  # a referral that is decided, or a finding of another agency
                first = min(same, key=lambda duty: day_of(duty.due))
                assert (line["due_on"], line["light"]) == (day_of(first.due), str(first.light)), (actor.id, tile, line)
                compared += 1
    assert compared > 20


def day_of(due: date | datetime) -> date:
    """Return the day of a due day or moment."""
    return due.date() if isinstance(due, datetime) else due
