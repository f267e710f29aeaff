"""Follow-up checks (整改复查): who checks, what is recorded, and that nothing which is not put right is lost."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from runtime.errors import NotFound, OneVisitError
from runtime.store.actor import Actor
from schemas.events.results import RectificationVerified
from schemas.vocabulary import Role
from services.results.commands.found import SectionNotYours
from services.results.commands.rectification import verify_rectification
from services.results.domain.checklists import TextUnfit
from services.results.domain.rectification import (
    RectificationNotYours,
    RectificationPassed,
    check_checker,
    check_still_open,
    may_check,
)
from services.results.queries.summary import home_me
from services.results.queries.visits import section_view
from services.results.tables import FollowUpCheck
from tests.kit import person, said
from tests.unit.results.world import FIRMS, LEAD, World, section_id

B_SJ = section_id("B", "SJ")
FINDING = f"{B_SJ}-F1"
WRONG = {"reached": "yes", "wrong": "yes"}


@pytest.fixture
def ordered(world: World) -> World:
    """SJ ordered firm B to put something right by 26 December; on that day."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    world.fill("B", "SJ", "CORRECTED", WRONG)
    world.approve("B", "SJ")
    world.day("2018-12-26")
    return world


def check(world: World, actor: Actor, **facts: Any) -> Any:
    given: dict[str, Any] = {"section_id": B_SJ, "finding": FINDING, "passed": True} | facts
    return world.service.do(actor, verify_rectification, **given).value


def refused(world: World, error: type[OneVisitError], actor: Actor, **facts: Any) -> None:
    with pytest.raises(error):
        check(world, actor, **facts)


def followed(world: World, actor: Actor) -> dict[str, Any]:
    view = world.service.ask(actor, section_view, section_id=B_SJ, now=world.kit.clock.now())
    (line,) = view["followed"]
    return dict(line)


def waiting(world: World, actor: Actor) -> list[tuple[str, str, bool]]:
    lines = world.service.ask(actor, home_me, now=world.kit.clock.now())["rectify"]
    return [(line["finding"], line["due_on"].isoformat(), line["again"]) for line in lines]


def events(world: World) -> list[RectificationVerified]:
    return [event for event in said(world.service) if isinstance(event, RectificationVerified)]


def test_the_team_or_an_approver_checks_and_it_is_done(ordered: World) -> None:
    approver, officer = person("SJ", Role.APPROVER), ordered.officers("B", "SJ")[0]
    for actor in (approver, officer):
        assert waiting(ordered, actor) == [(FINDING, "2018-12-26", False)]
        assert followed(ordered, actor)["may_verify"]

    value = check(ordered, officer, note="已换证")

    assert value == {"finding": FINDING, "passed": True, "due_on": None}
    (event,) = events(ordered)
    assert (event.finding, event.passed, event.rectify, event.agency) == (FINDING, True, None, "SJ")
    assert "已换证" not in event.model_dump_json()
    line = followed(ordered, approver)
    assert [(each["passed"], each["note"]) for each in line["checks"]] == [(True, "已换证")]
    assert (line["put_right"], line["may_verify"]) == (True, False)
    assert waiting(ordered, approver) == waiting(ordered, officer) == []
    refused(ordered, RectificationPassed, approver)


def test_what_was_not_put_right_is_ordered_anew_with_its_reason(ordered: World) -> None:
    approver = person("SJ", Role.APPROVER)
    refused(ordered, TextUnfit, approver, passed=False)
    refused(ordered, TextUnfit, approver, passed=False, note=" \n")

    value = check(ordered, approver, passed=False, note="证照仍未变更")

    assert value["due_on"] == "2019-01-10"  # ten working days from 26 December, over the turn of the year
    (event,) = events(ordered)
    assert event.rectify is not None
    assert (event.passed, event.rectify.due_on, event.rectify.anchor_on) == (
        False,
        date(2019, 1, 10),
        date(2018, 12, 26),
    )
    line = followed(ordered, approver)
    assert (line["due"]["due_on"], line["put_right"], line["may_verify"]) == ("2019-01-10", False, True)
    assert waiting(ordered, approver) == [(FINDING, "2019-01-10", True)]
    ordered.day("2019-01-10")
    check(ordered, approver)
    assert [event.passed for event in events(ordered)] == [False, True]
    assert [each["passed"] for each in followed(ordered, approver)["checks"]] == [False, True]
    assert followed(ordered, approver)["due"]["due_on"] == "2019-01-10"


def test_nobody_else_checks_and_nothing_else_is_checked(ordered: World) -> None:
    approver = person("SJ", Role.APPROVER)

    refused(ordered, RectificationNotYours, person("SJ", Role.TEAM_LEAD))
    refused(ordered, RectificationNotYours, person("SJ", Role.AGENCY_HEAD))
    refused(ordered, NotFound, ordered.officers("A", "SJ")[0])  # another team does not know the firm
    ordered.hear(ordered.disclosed())
    refused(ordered, RectificationNotYours, ordered.officers("A", "SJ")[0])
    refused(ordered, SectionNotYours, person(LEAD, Role.APPROVER))
    refused(ordered, NotFound, person("AJ", Role.APPROVER))
    refused(ordered, NotFound, person("NY", Role.APPROVER))
    refused(ordered, NotFound, approver, finding=f"{B_SJ}-F2")
    refused(ordered, NotFound, approver, section_id=section_id("A", "SJ"))
    assert events(ordered) == []
    with ordered.service.db.read(ordered.service.system) as session:
        assert session.scalars(select(FollowUpCheck)).first() is None


def test_a_finding_that_went_to_another_agency_is_not_checked_here(ordered: World) -> None:
    ordered.fill("A", "JT", "PENDING", WRONG)
    ordered.approve("A", "JT")
    section = section_id("A", "JT")
    approver = person("JT", Role.APPROVER)

    refused(ordered, NotFound, approver, section_id=section, finding=f"{section}-F1")
    assert waiting(ordered, approver) == []


def test_checks_are_the_agencys_alone(ordered: World) -> None:
    check(ordered, person("SJ", Role.APPROVER), passed=False, note="只给本局看")

    for agency in (LEAD, "AJ", "GA", "NY"):
        with ordered.service.db.read(person(agency, *Role)) as session:
            assert session.scalars(select(FollowUpCheck)).all() == []
        assert waiting(ordered, person(agency, Role.APPROVER)) == []


def test_a_repeated_request_is_one_check(ordered: World) -> None:
    approver = person("SJ", Role.APPROVER)
    given: dict[str, Any] = {"section_id": B_SJ, "finding": FINDING, "passed": True}

    one = ordered.service.do(approver, verify_rectification, key="once", **given)
    two = ordered.service.do(approver, verify_rectification, key="once", **given)

    assert one.value == two.value
    assert len(events(ordered)) == 1


def test_the_rules_by_themselves() -> None:
    assert may_check({Role.APPROVER}, None, ())
    assert may_check({Role.INSPECTOR}, "SJ001", ("SJ001", None))
    assert not may_check({Role.INSPECTOR}, "SJ002", ("SJ001", None))
    assert not may_check({Role.INSPECTOR}, None, ("SJ001", None))
    check_checker({Role.APPROVER}, None, ())
    with pytest.raises(RectificationNotYours):
        check_checker({Role.PLANNER}, None, ())
    check_still_open(())
    check_still_open((False, False))
    with pytest.raises(RectificationPassed):
        check_still_open((False, True))
