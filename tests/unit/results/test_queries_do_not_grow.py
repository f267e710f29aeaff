"""Pages ask the database as often for many rows as for few."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from schemas.vocabulary import Role
from services.results.commands.rectification import verify_rectification
from services.results.queries.publication import publication_list
from services.results.queries.referrals import referral_lists
from services.results.queries.summary import campaign_part, home_me
from services.results.queries.visits import visit_lines
from tests.kit import person
from tests.unit.results.world import CAMPAIGN, FIRMS, LEAD, World, section_id


@contextmanager
def counting() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


QUERIES: dict[str, tuple[Any, bool, dict[str, Any]]] = {
    "visits": (visit_lines, False, {}),
    "home": (home_me, True, {}),
    "publication": (publication_list, True, {}),
    "referrals": (referral_lists, True, {}),
    "campaign": (campaign_part, False, {"campaign_id": CAMPAIGN}),
}


@pytest.mark.parametrize("name", QUERIES)
def test_more_rows_are_no_more_queries(world: World, name: str) -> None:
    query, timed, facts = QUERIES[name]
    everybody = person(LEAD, *Role, id="everybody", officer="JT002")
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    world.hear(world.disclosed())

    def count() -> int:
        given = facts | ({"now": world.kit.clock.now()} if timed else {})
        with counting() as asked:
            world.service.ask(everybody, query, **given)
        return len(asked)

    def work(firms: str) -> None:
        for firm in firms:
            world.fill(firm, "JT", "PENDING", {"reached": "yes", "wrong": "yes"})
            if firm != "F":
                world.approve(firm, "JT")

    work("BF")
    few = count()
    work("CE")

    assert count() == few


def test_more_rectifications_are_no_more_queries(world: World) -> None:
    approver = person("SJ", Role.APPROVER)
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)

    def order(firm: str) -> None:
        world.fill(firm, "SJ", "CORRECTED", {"reached": "yes", "wrong": "yes"})
        world.approve(firm, "SJ")
        finding = f"{section_id(firm, 'SJ')}-F1"
        facts: dict[str, Any] = {
            "section_id": section_id(firm, "SJ"),
            "finding": finding,
            "passed": False,
            "note": "未改",
        }
        world.service.do(approver, verify_rectification, **facts)

    def count() -> int:
        with counting() as asked:
            lines = world.service.ask(approver, home_me, now=world.kit.clock.now())["rectify"]
        counts.append(len(lines))
        return len(asked)

    counts: list[int] = []
    order("B")
    few = count()
    for firm in "ACE":
        order(firm)

    assert count() == few
    assert counts == [1, 4]
