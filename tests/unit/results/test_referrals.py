"""Referrals answered, returned, routed, sent by letter, closed."""

from typing import Any

import pytest

from runtime.errors import NotFound
from runtime.files.evidence import StoredFile
from runtime.store import Actor
from runtime.time.timers import run_due
from schemas.events.referrals import (
    ReferralAccepted,
    ReferralClosed,
    ReferralDecided,
    ReferralReceived,
    ReferralReturned,
    ReferralSent,
)
from schemas.vocabulary import Role
from services.results.commands.drafts import attach_evidence, save_draft
from services.results.commands.referrals import accept, close, decide, receive, return_, route
from services.results.commands.scans import attach_scan
from services.results.domain.referrals import (
    DecisionUnknown,
    NotYourPart,
    ReasonUnknown,
    ReferralNotInState,
    RoutedToWhoReturnedIt,
)
from services.results.queries.referrals import letter_view, package_file, referral_lists, referral_view
from services.results.queries.summary import home_me
from services.results.tables import Source
from tests.kit import person, said
from tests.unit.results.world import FIRMS, World, section_id

R = "R-640221-2018-001"
WRONG, CLOSED_DOOR = {"reached": "yes", "wrong": "yes"}, {"reached": "no"}
SCAN: dict[str, Any] = {
    "name": "回执.pdf",
    "content_type": "application/pdf",
    "size": 5,
    "sha256": "ab" * 32,
    "stored": StoredFile({"digest": "cd" * 32}),
}


def approver(agency: str) -> Actor:
    return person(agency, Role.APPROVER)


@pytest.fixture
def day(world: World) -> World:
    """The day of all visits."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    return world


@pytest.fixture
def unreachable(day: World) -> World:
    """YG, AJ and JT report the closed door at E to SJ."""
    for agency in ("YG", "AJ", "JT"):
        day.fill("E", agency, "UNREACHABLE", CLOSED_DOOR)
        day.approve("E", agency)
    return day


@pytest.fixture
def unrouted(day: World) -> World:
    """AJ found a blocked fire exit at C."""
    day.fill("C", "AJ", "PENDING", WRONG)
    day.approve("C", "AJ")
    return day


def view(world: World, agency: str, referral: str = R) -> dict[str, Any]:
    return world.service.ask(approver(agency), referral_view, referral_id=referral, now=world.kit.clock.now())


def lists(world: World, agency: str) -> dict[str, list[str]]:
    found = world.service.ask(approver(agency), referral_lists, now=world.kit.clock.now())
    return {name: [line["referral"] for line in lines] for name, lines in found.items()}


def do(world: World, agency: str, command: Any, **facts: Any) -> Any:
    return world.service.do(approver(agency), command, referral_id=R, **facts).value


def decided(world: World) -> World:
    for command in (receive, accept):
        do(world, "SJ", command)
    do(world, "SJ", decide, decision="listed_abnormal", text="已核实，列入经营异常名录")
    return world


def test_the_receiver_receives_accepts_and_decides(unreachable: World) -> None:
    decided(unreachable)

    kinds = [type(event) for event in said(unreachable.service)][-3:]
    assert kinds == [ReferralReceived, ReferralAccepted, ReferralDecided]
    assert view(unreachable, "YG")["decision_text"] == "已核实，列入经营异常名录"
    assert "已核实" not in "".join(event.model_dump_json() for event in said(unreachable.service))


def test_every_source_hears_the_outcome_and_the_clock_closes_it(unreachable: World) -> None:
    decided(unreachable)
    for agency in ("AJ", "JT"):
        assert view(unreachable, agency)["decision"] == "listed_abnormal"
        assert "close" in view(unreachable, agency)["may"]
        do(unreachable, agency, close)
        assert "close" not in view(unreachable, agency)["may"]
    assert run_due(unreachable.service, unreachable.kit.clock.now()) == 0
    assert do(unreachable, "YG", close)["state"] == "closed"
    assert isinstance(said(unreachable.service)[-1], ReferralClosed)
    assert view(unreachable, "AJ")["state"] == "closed"


def test_the_clock_closes_what_all_sources_have_noted(unreachable: World) -> None:
    decided(unreachable)
    for agency in ("AJ", "JT"):
        do(unreachable, agency, close)
    with unreachable.service.db.write(unreachable.service.system) as session:
        session.get_one(Source, f"{R}-YG").heard_at = unreachable.kit.clock.now()

    assert run_due(unreachable.service, unreachable.kit.clock.now()) == 1

    assert isinstance(said(unreachable.service)[-1], ReferralClosed)
    assert view(unreachable, "SJ")["state"] == "closed"
    assert run_due(unreachable.service, unreachable.kit.clock.now()) == 0


def test_each_party_has_its_list(unreachable: World) -> None:
    assert lists(unreachable, "SJ") == {"inbox": [R], "outbox": [], "queue": [], "led": []}
    assert lists(unreachable, "YG") == {"inbox": [], "outbox": [R], "queue": [], "led": []}
    assert lists(unreachable, "AJ") == {"inbox": [], "outbox": [R], "queue": [], "led": []}
    assert lists(unreachable, "JT") == {"inbox": [], "outbox": [R], "queue": [], "led": [R]}
    for third in ("GA", "NY"):
        assert lists(unreachable, third) == {"inbox": [], "outbox": [], "queue": [], "led": []}
        with pytest.raises(NotFound):
            view(unreachable, third)


def test_the_receiver_gets_every_package_and_each_source_its_own(unreachable: World) -> None:
    assert [package["agency"] for package in view(unreachable, "SJ")["packages"]] == ["AJ", "JT", "YG"]
    assert [package["agency"] for package in view(unreachable, "YG")["packages"]] == ["YG"]
    assert [package["agency"] for package in view(unreachable, "AJ")["packages"]] == ["AJ"]
    assert [package["agency"] for package in view(unreachable, "JT")["packages"]] == ["JT"]


@pytest.mark.parametrize("command", [receive, accept])
@pytest.mark.parametrize("agency", ["YG", "JT"])
def test_only_the_receiver_answers(unreachable: World, agency: str, command: Any) -> None:
    with pytest.raises(NotYourPart):
        do(unreachable, agency, command)


def test_steps_out_of_turn_and_unknown_words_are_refused(unreachable: World) -> None:
    with pytest.raises(ReferralNotInState):
        do(unreachable, "SJ", decide, decision="listed_abnormal", text="x")
    with pytest.raises(ReferralNotInState):
        do(unreachable, "YG", close)
    with pytest.raises(ReferralNotInState):
        do(unreachable, "AJ", close)
    with pytest.raises(ReasonUnknown):
        do(unreachable, "SJ", return_, reason="tired")
    do(unreachable, "SJ", accept)
    with pytest.raises(DecisionUnknown):
        do(unreachable, "SJ", decide, decision="beheaded", text="x")
    with pytest.raises(NotFound):
        do(unreachable, "NY", receive)


def test_a_returned_referral_goes_to_the_lead_who_sends_it_on_with_its_material(day: World) -> None:
    day.fill("A", "JT", "PENDING", WRONG)
    day.fill("A", "YG", "PENDING", WRONG)
    day.approve("A", "YG")
    do(day, "GA", return_, reason="not_our_remit", note="请转农业局")
    assert isinstance(said(day.service)[-1], ReferralReturned)
    assert lists(day, "JT")["queue"] == [R]
    assert [package["agency"] for package in view(day, "JT")["packages"]] == ["YG"]

    with pytest.raises(RoutedToWhoReturnedIt):
        do(day, "JT", route, receiver="GA")
    do(day, "JT", route, receiver="NY")

    sent = said(day.service)[-1]
    assert isinstance(sent, ReferralSent)
    assert (sent.receiver, sent.rule, sent.sender) == ("NY", "lead", "YG")
    assert [package["agency"] for package in view(day, "NY")["packages"]] == ["YG"]
    assert view(day, "GA")["state"] == "returned"
    assert view(day, "GA")["may"] == []
    with pytest.raises(ReferralNotInState):
        do(day, "GA", receive)
    # JT finds the same at the same firm afterwards: it becomes a source of the leg that is under way
    assert day.approve("A", "JT")["referrals"] == [R]
    assert sorted(package["agency"] for package in view(day, "NY")["packages"]) == ["JT", "YG"]
    do(day, "NY", accept)
    do(day, "NY", decide, decision="settled", text="已处理")
    assert view(day, "YG")["decision"] == "settled"
    assert view(day, "JT")["decision"] == "settled"
    assert do(day, "YG", close)["state"] == "closed"
    assert view(day, "GA")["state"] == "returned"


def test_the_lead_names_somebody_for_what_nobody_was_competent_for(unrouted: World) -> None:
    assert view(unrouted, "JT")["packages"][0]["findings"][0]["kind"] == "fire_exit_blocked"
    with pytest.raises(NotYourPart):
        do(unrouted, "AJ", route, receiver="GA")

    do(unrouted, "JT", route, receiver="GA", mode="inform")
    assert do(unrouted, "GA", receive)["state"] == "closed"

    assert [type(event) for event in said(unrouted.service)][-2:] == [ReferralReceived, ReferralClosed]


def test_a_body_without_an_account_gets_a_letter_and_its_answer_is_entered(unrouted: World) -> None:
    do(unrouted, "JT", route, receiver="XF")
    assert said(unrouted.service)[-1].external is True  # type: ignore[attr-defined]

    for agency in ("AJ", "JT"):
        letter = unrouted.service.ask(approver(agency), letter_view, referral_id=R)
        assert (letter["receiver_name"], letter["sender_name"]) == ("平罗县消防救援大队", "平罗县安监局")
    with pytest.raises(NotFound):
        unrouted.service.ask(approver("GA"), letter_view, referral_id=R)
    do(unrouted, "AJ", attach_scan, act="receive", **SCAN)
    do(unrouted, "AJ", receive)
    do(unrouted, "JT", decide, decision="settled", text="已责令清除")
    assert [scan["name"] for scan in view(unrouted, "JT")["scans"]] == ["回执.pdf"]
    assert do(unrouted, "AJ", close)["state"] == "closed"
    with pytest.raises(NotFound):
        unrouted.service.do(approver("GA"), attach_scan, referral_id=R, act="receive", **SCAN)


def test_scans_are_for_letters_only(unreachable: World) -> None:
    with pytest.raises(NotYourPart):
        do(unreachable, "YG", attach_scan, act="receive", **SCAN)


def test_a_file_goes_with_the_referral_only_if_its_finding_names_it(day: World) -> None:
    first, _ = day.officers("A", "JT")
    section = section_id("A", "JT")
    named = day.service.do(first, attach_evidence, section_id=section, **SCAN).value["evidence"]
    unnamed = day.service.do(first, attach_evidence, section_id=section, **SCAN | {"sha256": "cd" * 32}).value[
        "evidence"
    ]
    note = {"item": "JT-1", "question": "wrong", "text": "证件不符", "evidence": [named]}
    day.service.do(first, save_draft, section_id=section, answers={"JT-1": WRONG}, findings=[note])
    day.fill("A", "JT", "PENDING", WRONG, [note])
    day.approve("A", "JT")

    assert day.service.ask(approver("GA"), package_file, referral_id=R, evidence_id=named)["name"] == "回执.pdf"
    for agency, evidence in (("GA", unnamed), ("AJ", named), ("NY", named)):
        with pytest.raises(NotFound):
            day.service.ask(approver(agency), package_file, referral_id=R, evidence_id=evidence)


def test_home_says_what_needs_me(unreachable: World) -> None:
    now = unreachable.kit.clock.now()
    first, _ = unreachable.officers("A", "JT")

    assert [line["why"] for line in unreachable.service.ask(approver("SJ"), home_me, now=now)["referrals"]] == [
        "answer"
    ]
    mine = unreachable.service.ask(first, home_me, now=now)["visits"]
    assert [(line["firm"], line["today"]) for line in mine] == [("平罗虚构A运输有限公司", True)]
    unreachable.fill("A", "JT")
    waiting = unreachable.service.ask(approver("JT"), home_me, now=now)["approve"]
    assert [line["firm"] for line in waiting] == ["平罗虚构A运输有限公司"]
    unreachable.hear(unreachable.disclosed())
    publisher = person("YG", Role.PUBLISHER)
    assert len(unreachable.service.ask(publisher, home_me, now=now)["publish"]) == 1
    planner = person("NY", Role.PLANNER)
    assert all(not lines for lines in unreachable.service.ask(planner, home_me, now=now).values())
