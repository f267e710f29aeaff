"""What a source sees of a referral it joined and may not read: what it was told, in words and with its clock."""

from typing import Any

import pytest

from runtime.store import Actor
from schemas.vocabulary import Role
from services.results.commands.referrals import accept, decide, receive
from services.results.queries.referrals import referral_lists, referral_view
from tests.kit import person
from tests.unit.results.world import FIRMS, World

R = "R-640221-2018-001"
SAME = ("kind_label", "campaign_title", "dues", "due_on", "light", "state", "receiver_name", "decision_label")


def approver(agency: str) -> Actor:
    return person(agency, Role.APPROVER)


@pytest.fixture
def joined(world: World) -> World:
    """YG reports the closed door at E to SJ, and AJ joins."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    for agency in ("YG", "AJ"):
        world.fill("E", agency, "UNREACHABLE", {"reached": "no"})
        world.approve("E", agency)
    return world


def line(world: World, agency: str, box: str) -> dict[str, Any]:
    found = world.service.ask(approver(agency), referral_lists, now=world.kit.clock.now())
    return next(each for each in found[box] if each["referral"] == R)


def page(world: World, agency: str) -> dict[str, Any]:
    return world.service.ask(approver(agency), referral_view, referral_id=R, now=world.kit.clock.now())


def test_a_source_that_was_told_reads_the_same_words_as_who_has_the_referral(joined: World) -> None:
    told, kept = line(joined, "AJ", "outbox"), line(joined, "SJ", "inbox")

    assert {name: told[name] for name in SAME} == {name: kept[name] for name in SAME}
    assert told["kind_label"] == ("通过登记的住所（经营场所）无法联系", "Unreachable at the registered address")
    assert told["campaign_title"]
    assert told["due_on"] is not None
    assert {name: page(joined, "AJ")[name] for name in SAME} == {name: told[name] for name in SAME}


def test_its_light_follows_the_clock_and_the_decision(joined: World) -> None:
    assert line(joined, "AJ", "outbox")["light"] == "yellow"
    joined.day("2018-12-21", 15)
    assert line(joined, "AJ", "outbox")["light"] == "red"

    for command, facts in (
        (receive, {}),
        (accept, {}),
        (decide, {"decision": "listed_abnormal", "text": "已核实"}),
    ):
        joined.service.do(approver("SJ"), command, referral_id=R, **facts)

    told = line(joined, "AJ", "outbox")
    assert (told["light"], told["due_on"]) == ("done", None)
    assert told["decision_label"][0] != "listed_abnormal"
