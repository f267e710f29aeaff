"""The findings of the scenario (reference/domain.md §6.5) and what follows from each by itself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from runtime.errors import NotFound, OneVisitError
from schemas.events.payload import Payload
from schemas.events.referrals import ReferralSent, ReferralSourceAdded, ReferralUnrouted
from schemas.events.results import (
    ActionJoined,
    ActionOrdered,
    FindingRaised,
    RectificationOrdered,
    ResultApproved,
    ResultPublished,
)
from schemas.vocabulary import ReferralMode, Role
from services.results.commands.approval import approve_section
from services.results.commands.found import SectionNotYours
from services.results.commands.publication import publish_section
from services.results.commands.referrals import accept, close, decide, receive, route
from services.results.domain.publication import BeforeDisclosure, PersonalDataInPublic
from services.results.domain.sections import (
    EnteredAndApprovedBySame,
    OutcomeNeedsAgency,
    OutcomeNeedsRectification,
    SectionNotInState,
)
from services.results.queries.publication import public_campaigns, public_results, publication_list
from services.results.queries.referrals import referral_lists, referral_view
from services.results.queries.summary import campaign_summary
from services.results.queries.visits import review_view, section_view
from services.results.tables import Agency, FindingRow, OwnAction, Referral, Source, Visit
from tests.kit import person, said
from tests.unit.results.world import CAMPAIGN, DIGEST, FIRMS, LEAD, World, section_id

WRONG = {"reached": "yes", "wrong": "yes"}
CLOSED_DOOR = {"reached": "no"}


@pytest.fixture
def day(world: World) -> World:
    """The day of all visits."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    return world


def events(world: World, *kinds: type[Payload]) -> list[Any]:
    return [event for event in said(world.service) if isinstance(event, kinds)]


def test_finding_1_outside_the_finders_remit_goes_to_the_police_in_the_same_transaction(day: World) -> None:
    day.fill("A", "JT", "PENDING", WRONG)

    value = day.approve("A", "JT")

    assert value["referrals"] == ["R-640221-2018-001"]
    (sent,) = events(day, ReferralSent)
    assert (sent.sender, sent.receiver, sent.external, sent.mode) == ("JT", "GA", False, ReferralMode.TRANSFER)
    assert sent.rule.startswith("driver_licence_mismatch/")
    assert (sent.receipt.due_on, sent.answer.due_on) == (date(2018, 12, 14), date(2018, 12, 14))
    (raised,) = events(day, FindingRaised)
    assert (raised.finding, raised.inside_remit) == (f"{section_id('A', 'JT')}-F1", False)
    (approved,) = events(day, ResultApproved)
    assert approved.publication_plan.due_on == date(2018, 12, 31)
    view = day.service.ask(
        person("GA", Role.APPROVER), referral_view, referral_id="R-640221-2018-001", now=day.kit.clock.now()
    )
    (package,) = view["packages"]
    assert package["target"]["name"] == "平罗虚构A运输有限公司"
    assert package["record"][0]["answers"] == [("能否联系到企业", "yes"), ("JT是否发现问题", "yes")]


def test_finding_2_inside_the_remit_is_a_rectification_with_a_day(day: World) -> None:
    day.fill("B", "SJ", "CORRECTED", WRONG)

    assert day.approve("B", "SJ")["referrals"] == []

    (ordered,) = events(day, RectificationOrdered)
    assert ordered.rectify.due_on == date(2018, 12, 26)  # ten working days
    assert events(day, FindingRaised)[0].inside_remit
    assert events(day, ReferralSent, ReferralUnrouted) == []
    view = day.service.ask(
        person("SJ", Role.APPROVER), section_view, section_id=section_id("B", "SJ"), now=day.kit.clock.now()
    )
    assert [(each["follow_up"], each["due"]["due_on"]) for each in view["followed"]] == [
        ("rectification", "2018-12-26")
    ]


def test_finding_3_without_a_competent_agency_waits_in_the_leads_queue(day: World) -> None:
    day.fill("C", "AJ", "PENDING", WRONG)

    day.approve("C", "AJ")

    (unrouted,) = events(day, ReferralUnrouted)
    assert (unrouted.sender, unrouted.lead, unrouted.kind) == ("AJ", "JT", "fire_exit_blocked")
    lists = day.service.ask(person(LEAD, Role.PLANNER), referral_lists, now=day.kit.clock.now())
    assert [(line["referral"], line["suggest"]) for line in lists["queue"]] == [(unrouted.referral, "XF")]


@pytest.mark.parametrize("order", list(permutations(("YG", "AJ", "JT", "SJ"))))
def test_finding_5_one_unreachable_firm_three_reporters_one_action(day: World, order: tuple[str, ...]) -> None:
    for agency in order:
        day.fill("E", agency, "UNREACHABLE", CLOSED_DOOR)
        day.approve("E", agency)

    reporters = [agency for agency in order if agency != "SJ"]
    (sent,) = events(day, ReferralSent)
    assert (sent.sender, sent.receiver) == (reporters[0], "SJ")
    added = events(day, ReferralSourceAdded)
    assert [(event.source_agency, event.sources) for event in added] == [(reporters[1], 2), (reporters[2], 3)]
    assert {event.referral for event in [sent, *added]} == {sent.referral}
    assert events(day, RectificationOrdered) == []
    own = [event for event in events(day, FindingRaised) if event.agency == "SJ"]
    assert [event.inside_remit for event in own] == [True]
    with day.service.db.read(day.service.system) as session:
        (action,) = session.scalars(select(OwnAction))
        assert (action.referral, action.due, action.decided_at) == (sent.referral, {}, None)
        (row,) = session.scalars(select(FindingRow).where(FindingRow.owner_agency == "SJ"))
        assert (row.follow_up, row.referral, row.due) == ("own_action", None, {})
        assert {source.agency for source in session.scalars(select(Source))} == {"YG", "AJ", "JT"}
    ordered, joined = events(day, ActionOrdered), events(day, ActionJoined)
    assert len(ordered) == len(joined) == (order[0] == "SJ")  # known first to itself: its own day until others report
    assert [event.referral for event in joined] == [sent.referral] * len(joined)


def test_the_registrar_decides_within_ten_working_days_of_taking_it_on(day: World) -> None:
    day.fill("E", "YG", "UNREACHABLE", CLOSED_DOOR)
    day.approve("E", "YG")

    day.service.do(person("SJ", Role.APPROVER), accept, referral_id="R-640221-2018-001")

    accepted = said(day.service)[-1]
    assert accepted.decide.due_on == date(2018, 12, 26)  # type: ignore[attr-defined]
    assert accepted.decide.source == "企业经营异常名录管理暂行办法"  # type: ignore[attr-defined]


def test_finding_7_a_refused_signature_is_kept_and_publication_allowed(day: World) -> None:
    day.fill("F", "YG", "NO_ISSUE", refused=True)

    assert day.approve("F", "YG") == {
        "section": section_id("F", "YG"),
        "state": "approved",
        "findings": [],
        "referrals": [],
    }
    day.hear(day.disclosed())
    assert day.publish("F", "YG")["late_by_rule"] is False


def test_sections_approved_at_once_make_one_referral(day: World) -> None:
    reporters = ("YG", "AJ", "JT")
    for agency in reporters:
        day.fill("E", agency, "UNREACHABLE", CLOSED_DOOR)

    with ThreadPoolExecutor(3) as pool:
        values = list(pool.map(lambda agency: day.approve("E", agency), reporters))

    assert {referral for value in values for referral in value["referrals"]} == {"R-640221-2018-001"}
    assert len(events(day, ReferralSent)) == 1
    assert sorted(event.sources for event in events(day, ReferralSourceAdded)) == [2, 3]


def test_a_free_finding_is_routed_like_any_other(day: World) -> None:
    free = {"item": "YG-1", "kind": "fire_exit_blocked", "text": "楼道堆物"}
    day.fill("F", "YG", "PENDING", {"reached": "yes", "wrong": "no"}, [free])

    day.approve("F", "YG")

    assert events(day, ReferralUnrouted)[0].sender == "YG"


def test_a_later_finding_after_the_decision_opens_a_new_referral(day: World) -> None:
    approver = person("SJ", Role.APPROVER)
    day.fill("E", "YG", "UNREACHABLE", CLOSED_DOOR)
    first = day.approve("E", "YG")["referrals"][0]
    day.service.do(approver, accept, referral_id=first)
    day.service.do(approver, decide, referral_id=first, decision="not_listed", text="已联系上")
    day.fill("E", "AJ", "UNREACHABLE", CLOSED_DOOR)

    second = day.approve("E", "AJ")["referrals"][0]

    assert first != second
    assert [event.sender for event in events(day, ReferralSent)] == ["YG", "AJ"]
    day.fill("E", "JT", "UNREACHABLE", CLOSED_DOOR)
    assert day.approve("E", "JT")["referrals"] == [second]


def test_a_matter_found_again_after_it_was_closed_is_routed_again(day: World) -> None:
    day.fill("C", "AJ", "PENDING", WRONG)
    first = day.approve("C", "AJ")["referrals"][0]
    lead, sender = person(LEAD, Role.APPROVER), person("AJ", Role.APPROVER)
    day.service.do(lead, route, referral_id=first, receiver="XF")
    day.service.do(sender, receive, referral_id=first)
    day.service.do(sender, decide, referral_id=first, decision="settled", text="已清除")
    day.service.do(sender, close, referral_id=first)
    again = {"item": "JT-1", "kind": "fire_exit_blocked", "text": "通道又被堵塞"}
    day.fill("C", "JT", "PENDING", {"reached": "yes", "wrong": "no"}, [again])
    second = day.approve("C", "JT")["referrals"][0]

    day.service.do(lead, route, referral_id=second, receiver="GA")

    assert first != second
    assert [(event.referral, event.receiver) for event in events(day, ReferralSent)] == [(first, "XF"), (second, "GA")]
    day.fill("C", "SJ", "PENDING", {"reached": "yes", "wrong": "no"}, [again | {"item": "SJ-1"}])
    assert day.approve("C", "SJ")["referrals"] == [second]
    view = day.service.ask(lead, referral_view, referral_id=first, now=day.kit.clock.now())
    assert view["state"] == "closed"


def test_a_receiver_unknown_here_does_not_swallow_the_finding(day: World) -> None:
    with day.service.db.write(day.service.system) as session:
        session.delete(session.get_one(Agency, "GA"))
    day.fill("A", "JT", "PENDING", WRONG)

    day.approve("A", "JT")

    assert [event.kind for event in events(day, ReferralUnrouted)] == ["driver_licence_mismatch"]


def test_the_approver_sees_beforehand_what_will_follow(day: World) -> None:
    day.fill("A", "JT", "PENDING", WRONG)
    approver = person("JT", Role.APPROVER)

    view = day.service.ask(approver, review_view, section_id=section_id("A", "JT"), now=day.kit.clock.now())

    (foreseen,) = view["consequences"]
    assert (foreseen["follow_up"], foreseen["receiver"], view["may_approve"]) == ("referral", "GA", True)


@pytest.mark.parametrize(
    ("agency", "outcome", "refusal"),
    [("AJ", "CORRECTED", OutcomeNeedsRectification), ("SJ", "PENDING", OutcomeNeedsAgency)],
)
def test_an_outcome_that_promises_what_will_not_follow_is_refused_before_anybody_signs(
    day: World, agency: str, outcome: str, refusal: type[OneVisitError]
) -> None:
    with pytest.raises(refusal):
        day.fill("C", agency, outcome, WRONG)

    assert events(day, ResultApproved) == []
    day.fill("C", agency, {"AJ": "PENDING", "SJ": "CORRECTED"}[agency], WRONG)
    day.approve("C", agency)
    assert len(events(day, RectificationOrdered)) == (agency == "SJ")
    assert len(events(day, ReferralUnrouted)) == (agency == "AJ")


def test_entry_and_approval_by_the_same_person_is_refused(day: World) -> None:
    day.fill("A", "JT")
    first, second = day.officers("A", "JT")

    for officer in (first, second):
        both = person("JT", Role.INSPECTOR, Role.APPROVER, id=officer.id, officer=officer.officer)
        with pytest.raises(EnteredAndApprovedBySame):
            day.service.do(
                both, approve_section, section_id=section_id("A", "JT"), digest=day.text(section_id("A", "JT"))
            )
    day.approve("A", "JT")
    with pytest.raises(SectionNotInState):
        day.approve("A", "JT")


def test_another_agency_approves_nothing(day: World) -> None:
    day.fill("A", "GA", answers={"reached": "yes", "wrong": "no"})

    shown = {"section_id": section_id("A", "GA"), "digest": day.text(section_id("A", "GA"))}
    for agency in (LEAD, "AJ", "NY"):
        with pytest.raises(OneVisitError) as refusal:
            day.service.do(person(agency, Role.APPROVER), approve_section, **shown)
        assert refusal.value.code in ("section.not_yours", "not_found")


# ── publication ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_published_before_disclosure(day: World) -> None:
    day.fill("F", "YG")
    day.approve("F", "YG")

    with pytest.raises(BeforeDisclosure):
        day.publish("F", "YG")
    assert day.service.ask(day.service.system, public_results)["results"] == []
    lists = day.service.ask(person("YG", Role.PUBLISHER), publication_list, now=day.kit.clock.now())
    assert [(line["firm"], line["disclosed"]) for line in lists["due"]] == [(None, False)]


@pytest.mark.parametrize(
    ("on", "rule", "plan", "warned"),
    [
        ("2018-12-28", False, False, False),
        ("2018-12-30", False, False, True),
        ("2019-01-01", False, True, False),
        ("2019-01-05", True, True, False),
    ],
)
def test_a_publication_is_graded_once(day: World, on: str, rule: bool, plan: bool, warned: bool) -> None:
    day.fill("F", "YG")
    day.approve("F", "YG")
    day.hear(day.disclosed())
    day.day(on)

    value = day.publish("F", "YG")

    assert (value["late_by_rule"], value["late_by_plan"], bool(value["warnings"])) == (rule, plan, warned)
    (published,) = events(day, ResultPublished)
    assert (published.published_on, published.late_by_rule, published.late_by_plan) == (
        date.fromisoformat(on),
        rule,
        plan,
    )
    with pytest.raises(SectionNotInState):
        day.publish("F", "YG")


def test_the_public_reads_nine_fields_and_can_search(day: World) -> None:
    for firm, agency in (("F", "YG"), ("B", "AJ")):
        day.fill(firm, agency)
        day.approve(firm, agency)
    day.hear(day.disclosed())
    day.publish("F", "YG")
    day.publish("B", "AJ")

    found = day.service.ask(day.service.system, public_results, q="虚构F")

    (line,) = found["results"]
    assert line["record"] == {
        "raninsPlanId": "64022120181001",
        "raninsPlaneName": "2018年度平罗县跨部门联合双随机抽查计划",
        "raninsTaskId": "平交联查〔2018〕1号",
        "raninsTaskName": "平罗县道路运输行业跨部门联合随机抽查",
        "raninsTypeName": "跨部门联合定向抽查",
        "insAuth": "平罗县道路运输管理所",
        "insDate": "2018-12-12",
        "lines": [{"raninsItemName": "YG检查事项", "raninsCheckResName": "未发现问题"}],
    }
    assert len(day.service.ask(day.service.system, public_results, q="916402")["results"]) == 2
    assert day.service.ask(day.service.system, public_results, q="%")["results"] == []
    (campaign,) = day.service.ask(day.service.system, public_campaigns)
    assert (campaign["results"], campaign["firms"]) == (2, 2)


def test_another_agency_publishes_nothing(day: World) -> None:
    day.fill("F", "YG")
    day.approve("F", "YG")
    day.hear(day.disclosed())
    others = {LEAD: SectionNotYours, "AJ": NotFound, "GA": NotFound, "NY": NotFound}  # the lead sees how far it is

    for agency, error in others.items():
        with pytest.raises(error):
            day.service.do(person(agency, Role.PUBLISHER), publish_section, section_id=section_id("F", "YG"))

    assert events(day, ResultPublished) == []
    assert day.service.ask(day.service.system, public_results)["results"] == []
    assert day.publish("F", "YG")["late_by_rule"] is False


def test_personal_data_in_a_name_stops_publication(day: World) -> None:
    day.fill("F", "YG")
    day.approve("F", "YG")
    day.hear(day.disclosed())
    with day.service.db.write(day.service.system) as session:
        visit = session.get_one(Visit, section_id("F", "YG").rsplit("-", 1)[0])
        visit.about = visit.about | {"name": "宁B12345货运车"}

    with pytest.raises(PersonalDataInPublic):
        day.service.do(person("YG", Role.PUBLISHER), publish_section, section_id=section_id("F", "YG"))


def test_the_summary_adds_up(day: World) -> None:
    day.fill("A", "JT", "PENDING", WRONG)
    day.approve("A", "JT")
    day.fill("F", "YG")
    day.approve("F", "YG")
    day.hear(day.disclosed())
    day.day("2019-01-05")
    day.publish("F", "YG")

    lead = day.service.ask(person(LEAD, Role.PLANNER), campaign_summary, campaign_id=CAMPAIGN)

    assert (lead["visits"], lead["checklists"], lead["officer_slots"]) == (6, 22, 44)
    assert lead["results"] == {"NO_ISSUE": 1, "PENDING": 1}
    assert lead["late"] == {"rule": 1, "plan": 1}
    assert lead["referrals"] == {"sent": 1}
    assert lead["publication_rate"] == pytest.approx(1 / 22)
    assert sum(row["should"] for row in lead["agencies"]) == lead["checklists"]
    partner = day.service.ask(person("YG", Role.PLANNER), campaign_summary, campaign_id=CAMPAIGN)
    assert [row["agency"] for row in partner["agencies"]] == ["YG"]
    assert partner["results"] == {"NO_ISSUE": 1}
    with pytest.raises(NotFound):
        day.service.ask(person("NY", Role.PLANNER), campaign_summary, campaign_id=CAMPAIGN)


def test_events_name_visits_and_never_targets_or_words(day: World) -> None:
    day.fill("A", "JT", "PENDING", WRONG)
    day.approve("A", "JT")
    wire = "".join(event.model_dump_json() for event in said(day.service))

    for word in ("虚构", "9164022100000000", "是否发现问题", "检查员", "暗号"):
        assert word not in wire
    with day.service.db.read(day.service.system) as session:
        assert len(list(session.scalars(select(FindingRow)))) == 1
        assert len(list(session.scalars(select(Referral)))) == len(list(session.scalars(select(Source)))) == 1
    assert DIGEST not in wire
