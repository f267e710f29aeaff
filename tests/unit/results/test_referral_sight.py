"""Who of a referral's parties reads what, while the draw is sealed and afterwards."""

from contextlib import suppress
from typing import Any

import pytest

from runtime.errors import NotFound
from runtime.files.evidence import StoredFile
from runtime.store import Actor
from schemas.vocabulary import Role
from services.results.commands.drafts import attach_evidence
from services.results.commands.referrals import accept, decide, receive, route
from services.results.commands.referrals import return_ as _return
from services.results.commands.scans import attach_scan
from services.results.domain.sight import ANSWERING, may_read_referral
from services.results.queries.referrals import letter_view, package_file, referral_lists, referral_view, scan_file
from services.results.queries.summary import home_me
from tests.kit import person
from tests.unit.results.world import FIRMS, LEAD, World, section_id, visit_id

R = "R-640221-2018-001"
OTHERS = frozenset({Role.VIEWER, Role.DRAW_OFFICER, Role.INSPECTOR, Role.PUBLISHER, Role.SUPERVISOR, Role.AGENCY_ADMIN})
FIRM, WORDS, ANSWER = "虚构F", "从业资格证过期", "已立案查处"
FILE: dict[str, Any] = {
    "name": "照片.jpg",
    "content_type": "image/jpeg",
    "size": 3,
    "sha256": "ab" * 32,
    "stored": StoredFile({"digest": "cd" * 32}),
}


@pytest.fixture
def day(world: World) -> World:
    """The day of all visits."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    return world


@pytest.fixture
def handed(day: World) -> World:
    """YG found something at F, where the police does not inspect, and handed it to the police with a photo."""
    _found(day, "F", "YG")
    return day


def _found(world: World, firm: str, agency: str) -> str:
    first, _ = world.officers(firm, agency)
    section = section_id(firm, agency)
    file = world.service.do(first, attach_evidence, section_id=section, **FILE).value["evidence"]
    note = {"item": f"{agency}-1", "question": "wrong", "text": WORDS, "evidence": [file]}
    world.fill(firm, agency, "PENDING", {"reached": "yes", "wrong": "yes"}, [note])
    world.approve(firm, agency)
    return str(file)


def view(world: World, actor: Actor) -> dict[str, Any]:
    return world.service.ask(actor, referral_view, referral_id=R, now=world.kit.clock.now())


def lines(world: World, actor: Actor) -> dict[str, list[dict[str, Any]]]:
    return world.service.ask(actor, referral_lists, now=world.kit.clock.now())


def files(world: World, actor: Actor) -> set[str]:
    """Name what *actor* gets of letter and evidence."""
    evidence = view(world, person("GA", Role.PLANNER))["packages"][0]["evidence"][0]["id"]
    got = set()
    with suppress(NotFound):
        world.service.ask(actor, letter_view, referral_id=R)
        got.add("letter")
    with suppress(NotFound):
        world.service.ask(actor, package_file, referral_id=R, evidence_id=evidence)
        got.add("evidence")
    return got


@pytest.mark.parametrize("agency", ["GA", "YG"])
@pytest.mark.parametrize("role", sorted(ANSWERING))
def test_who_may_act_reads_firm_text_and_files(handed: World, agency: str, role: Role) -> None:
    actor = person(agency, role)

    shown = view(handed, actor)

    assert not shown["sealed"]
    assert FIRM in str(shown["packages"])
    assert WORDS in str(shown["packages"])
    assert files(handed, actor) == {"letter", "evidence"}


@pytest.mark.parametrize("agency", ["GA", "YG"])
@pytest.mark.parametrize("role", sorted(OTHERS))
def test_everybody_else_of_the_two_agencies_reads_number_state_kind_and_clocks(
    handed: World, agency: str, role: Role
) -> None:
    for command, facts in ((receive, {}), (accept, {}), (decide, {"decision": "case_opened", "text": ANSWER})):
        handed.service.do(person("GA", Role.APPROVER), command, referral_id=R, **facts)
    actor = person(agency, role, officer=f"{agency}099" if role is Role.INSPECTOR else None)

    shown = view(handed, actor)

    assert (shown["referral"], shown["state"], shown["kind"]) == (R, "decided", "driver_licence_mismatch")
    assert shown["dues"]["decide"]["due_on"]
    assert [each["act"] for each in shown["history"]] == ["sent", "receive", "accept", "decide"]
    told = {key for key, value in shown.items() if value not in ("", None, [], ("", ""), False)}
    assert told == {
        *("referral", "campaign", "campaign_title", "state", "mode", "kind", "kind_label", "current", "sealed"),
        *("sender", "sender_name", "receiver", "receiver_name", "lead", "lead_name", "light", "dues", "history"),
        *({"own_source"} if agency == "YG" else ()),
    }
    listed = (
        str(lines(handed, actor)) + str(shown) + str(handed.service.ask(actor, home_me, now=handed.kit.clock.now()))
    )
    for hidden in (FIRM, WORDS, ANSWER):
        assert hidden not in listed
    assert R in str(lines(handed, actor))
    assert files(handed, actor) == set()


def test_an_officer_of_the_visits_team_reads_it_and_no_other_inspector(handed: World) -> None:
    first, _ = handed.officers("F", "YG")

    assert files(handed, first) == {"letter", "evidence"}
    assert view(handed, first)["may"] == []
    assert files(handed, handed.officers("A", "YG")[0]) == set()


def test_a_later_reporter_reads_its_own_part_by_the_same_rule(day: World) -> None:
    for agency in ("YG", "AJ"):
        day.fill("E", agency, "UNREACHABLE", {"reached": "no"})
        day.approve("E", agency)

    assert "虚构E" in str(view(day, person("AJ", Role.APPROVER))["packages"])
    assert "虚构E" in str(view(day, day.officers("E", "AJ")[0])["packages"])
    sealed = view(day, person("AJ", Role.SUPERVISOR))
    assert (sealed["sealed"], sealed["packages"], sealed["state"]) == (True, [], "sent")
    assert "虚构E" not in str(lines(day, person("AJ", Role.SUPERVISOR)))


def test_the_leads_queue_is_for_who_routes_and_who_knows_the_draw(day: World) -> None:
    _found(day, "C", "AJ")

    for role in (*ANSWERING, Role.DRAW_OFFICER):
        assert "虚构C" in str(view(day, person(LEAD, role))["packages"]), role
    for role in OTHERS - {Role.DRAW_OFFICER}:
        assert view(day, person(LEAD, role))["sealed"], role
    assert "route" in view(day, person(LEAD, Role.PLANNER))["may"]
    assert view(day, person(LEAD, Role.TEAM_LEAD))["may"] == []


def test_a_scan_is_for_who_may_read_the_referral(day: World) -> None:
    _found(day, "C", "AJ")
    day.service.do(person(LEAD, Role.PLANNER), route, referral_id=R, receiver="XF")
    scan = day.service.do(person("AJ", Role.APPROVER), attach_scan, referral_id=R, act="receive", **FILE).value["scan"]
    facts = {"referral_id": R, "scan_id": scan}

    for role in ANSWERING:
        assert day.service.ask(person("AJ", role), scan_file, **facts)["name"] == "照片.jpg"
    for agency in ("AJ", LEAD):
        with pytest.raises(NotFound):
            day.service.ask(person(agency, Role.SUPERVISOR), scan_file, **facts)
        assert view(day, person(agency, Role.SUPERVISOR))["scans"] == []
    with pytest.raises(NotFound):
        day.service.ask(person("GA", Role.PLANNER), scan_file, **facts)


def test_after_disclosure_both_agencies_read_all_of_it(handed: World) -> None:
    handed.hear(handed.disclosed())

    for agency in ("GA", "YG"):
        actor = person(agency, Role.SUPERVISOR)
        assert FIRM in str(view(handed, actor)["packages"])
        assert files(handed, actor) == {"letter", "evidence"}
        assert view(handed, actor)["may"] == []
    with pytest.raises(NotFound):
        view(handed, person("SJ", Role.PLANNER))


def test_an_agency_outside_the_campaign_keeps_it_to_who_may_act(handed: World) -> None:
    handed.service.do(person("GA", Role.APPROVER), _return, referral_id=R, reason="not_our_remit")
    handed.service.do(person(LEAD, Role.PLANNER), route, referral_id=R, receiver="NY")
    handed.hear(handed.disclosed())

    assert FIRM in str(view(handed, person("NY", Role.PLANNER))["packages"])
    assert view(handed, person("NY", Role.VIEWER))["sealed"]
    assert FIRM in str(view(handed, person("GA", Role.VIEWER))["packages"])
    assert visit_id("F") not in str(view(handed, person("NY", Role.VIEWER)))


def test_the_rule_by_itself() -> None:
    for role in Role:
        assert may_read_referral({role}, sees_target=True)
        assert may_read_referral({role}, sees_target=False) is (role in ANSWERING)
