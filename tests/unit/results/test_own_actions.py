"""Own actions (自行处理): an agency that must act itself has a day, a duty and a way to finish; and acts once."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text

from runtime.errors import NotFound, OneVisitError
from runtime.store.actor import Actor
from runtime.store.migrate import migrate
from schemas.events.referrals import ReferralSent
from schemas.events.results import ActionDecided, ActionJoined, ActionOrdered
from schemas.vocabulary import Role
from services.results.commands.actions import decide_action
from services.results.commands.found import SectionNotYours
from services.results.commands.referrals import route
from services.results.domain.actions import (
    ActionAlreadyDecided,
    ActionJoinedReferral,
    ActionNotYours,
    check_decider,
    check_open,
    is_open,
)
from services.results.domain.checklists import TextUnfit
from services.results.domain.referrals import DecisionUnknown, thread_id
from services.results.queries.summary import home_me
from services.results.queries.visits import section_view
from services.results.tables import OwnAction, OwnDecision
from tests.kit import person, said
from tests.unit.results.world import CAMPAIGN, FIRMS, LEAD, World, section_id

E_SJ = section_id("E", "SJ")
FINDING = f"{E_SJ}-F1"
CLOSED_DOOR = {"reached": "no"}
APPROVER = person("SJ", Role.APPROVER)


@pytest.fixture
def ordered(world: World) -> World:
    """SJ, the registrar, found nobody at firm E and must decide itself; two days later."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    world.fill("E", "SJ", "UNREACHABLE", CLOSED_DOOR)
    world.approve("E", "SJ")
    world.day("2018-12-14")
    return world


def act(world: World, actor: Actor = APPROVER, **facts: Any) -> Any:
    given: dict[str, Any] = {
        "section_id": E_SJ,
        "finding": FINDING,
        "decision": "listed_abnormal",
        "text": "经核实列入",
    }
    return world.service.do(actor, decide_action, **given | facts).value


def refused(world: World, error: type[OneVisitError], actor: Actor = APPROVER, **facts: Any) -> None:
    with pytest.raises(error):
        act(world, actor, **facts)


def followed(world: World) -> dict[str, Any]:
    view = world.service.ask(APPROVER, section_view, section_id=E_SJ, now=world.kit.clock.now())
    (line,) = view["followed"]
    return dict(line)


def waiting(world: World, actor: Actor = APPROVER) -> list[tuple[str, date, str]]:
    lines = world.service.ask(actor, home_me, now=world.kit.clock.now())["act"]
    return [(line["finding"], line["due_on"], line["light"]) for line in lines]


def events(world: World, kind: type[Any]) -> list[Any]:
    return [event for event in said(world.service) if isinstance(event, kind)]


def test_the_agency_is_told_its_day_and_records_what_it_decided(ordered: World) -> None:
    (order,) = events(ordered, ActionOrdered)
    assert (order.agency, order.finding, order.kind, order.act.due_on) == (
        "SJ",
        FINDING,
        "unreachable",
        date(2018, 12, 26),
    )
    assert order.act.source == "企业经营异常名录管理暂行办法"
    assert waiting(ordered) == [(FINDING, date(2018, 12, 26), "green")]
    assert (followed(ordered)["due"]["due_on"], followed(ordered)["may_decide"]) == ("2018-12-26", True)

    assert act(ordered) == {"finding": FINDING, "decision": "listed_abnormal"}

    (decided,) = events(ordered, ActionDecided)
    assert (decided.agency, decided.finding, decided.decision) == ("SJ", FINDING, "listed_abnormal")
    assert "经核实" not in decided.model_dump_json()
    line = followed(ordered)
    assert (line["acted"]["decision_label"][0], line["acted"]["text"]) == ("列入经营异常名录", "经核实列入")
    assert (line["may_decide"], waiting(ordered)) == (False, [])
    refused(ordered, ActionAlreadyDecided)


def test_what_does_not_fit_is_refused_and_nothing_is_written(ordered: World) -> None:
    refused(ordered, DecisionUnknown, decision="fined")
    refused(ordered, TextUnfit, text=" \n")
    refused(ordered, NotFound, finding=f"{E_SJ}-F2")
    refused(ordered, NotFound, section_id=section_id("A", "SJ"))
    refused(ordered, ActionNotYours, ordered.officers("E", "SJ")[0])
    refused(ordered, SectionNotYours, person(LEAD, Role.APPROVER))
    refused(ordered, NotFound, person("NY", Role.APPROVER))
    assert events(ordered, ActionDecided) == []
    with ordered.service.db.read(ordered.service.system) as session:
        assert session.scalars(select(OwnDecision)).first() is None
    assert waiting(ordered) == [(FINDING, date(2018, 12, 26), "green")]


def test_another_agencys_report_of_the_matter_makes_it_one_action(ordered: World) -> None:
    ordered.fill("E", "AJ", "UNREACHABLE", CLOSED_DOOR)

    (referral,) = ordered.approve("E", "AJ")["referrals"]

    (joined,) = events(ordered, ActionJoined)
    assert (joined.agency, joined.finding, joined.referral) == ("SJ", FINDING, referral)
    line = followed(ordered)
    assert (line["referral"], line["due"], line["may_decide"], waiting(ordered)) == (referral, None, False, [])
    with pytest.raises(ActionJoinedReferral) as refusal:
        act(ordered)
    assert referral in str(refusal.value.facts)


def test_a_decided_action_is_done_and_a_later_report_is_a_new_matter(ordered: World) -> None:
    act(ordered)
    ordered.fill("E", "AJ", "UNREACHABLE", CLOSED_DOOR)

    ordered.approve("E", "AJ")

    assert [event.receiver for event in events(ordered, ReferralSent)] == ["SJ"]
    assert events(ordered, ActionJoined) == []
    assert followed(ordered)["referral"] is None


def test_what_the_lead_routes_to_an_agency_that_acts_already_joins_too(ordered: World) -> None:
    with ordered.service.db.write(ordered.service.system) as session:
        action = session.get_one(OwnAction, FINDING)
        target = "9164022100000000EE"
        assert action.thread == thread_id(CAMPAIGN, target, "unreachable", "SJ")
        action.kind, action.thread = "other", thread_id(CAMPAIGN, target, "other", "SJ")
    note = {"item": "AJ-1", "kind": "other", "text": "查无此企业"}
    ordered.fill("E", "AJ", "PENDING", {"reached": "yes", "wrong": "no"}, [note])
    (referral,) = ordered.approve("E", "AJ")["referrals"]
    assert events(ordered, ActionJoined) == []

    ordered.service.do(person(LEAD, Role.APPROVER), route, referral_id=referral, receiver="SJ")

    assert [event.referral for event in events(ordered, ActionJoined)] == [referral]


def test_the_decision_is_the_agencys_alone(ordered: World) -> None:
    act(ordered)

    for agency in (LEAD, "AJ", "GA", "NY"):
        with ordered.service.db.read(person(agency, *Role)) as session:
            assert session.scalars(select(OwnDecision)).all() == []
            assert (session.get(OwnAction, FINDING) is None) == (agency in ("GA", "NY"))  # they are not at E
        assert waiting(ordered, person(agency, Role.APPROVER)) == []


def test_the_rules_by_themselves() -> None:
    check_open(None, None)
    assert is_open(None, None)
    assert not is_open("R-1", None)
    check_decider({Role.PLANNER})
    with pytest.raises(ActionNotYours):
        check_decider({Role.INSPECTOR, Role.PUBLISHER})
    with pytest.raises(ActionJoinedReferral):
        check_open("R-1", None)


def test_actions_begun_before_there_was_a_table_are_found_again(ordered: World) -> None:
    service = ordered.service
    with service.db.write(service.system) as session:
        due = session.get_one(OwnAction, FINDING).due
        connection = session.connection()
        connection.execute(text("UPDATE finding SET due = (SELECT due FROM own_action)"))
        connection.execute(text("DROP TABLE own_action"))
        connection.execute(text("DROP TABLE own_decision"))
        connection.execute(text("DROP TABLE expert"))
        connection.execute(text("DROP TABLE appointment"))
        connection.execute(text("ALTER TABLE campaign DROP COLUMN experts"))
        connection.execute(text("ALTER TABLE section DROP COLUMN held_in"))
        connection.execute(text("DELETE FROM shared_with WHERE table_name = 'own_action'"))
        for column in ("closed_at", "closed_for", "instead", "instead_of"):
            connection.execute(text(f"ALTER TABLE visit DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0004_days_of_a_thread'"))

    assert migrate(service.db, service.migrations) == [
        "0005_own_actions",
        "0006_replaced_visits",
        "0007_experts",
        "0008_held_checklists",
    ]

    assert waiting(ordered) == [(FINDING, date(2018, 12, 26), "green")]
    assert followed(ordered)["due"] == due
    ordered.fill("E", "AJ", "UNREACHABLE", CLOSED_DOOR)
    ordered.approve("E", "AJ")
    assert len(events(ordered, ActionJoined)) == 1
