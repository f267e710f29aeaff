"""Experts assist at a visit: appointed, not drawn, and no officer's place is theirs."""

from datetime import date
from typing import Any

import pytest

from runtime.errors import NotFound, OneVisitError
from schemas.events.results import ExpertAppointed, ExpertWithdrawn
from schemas.vocabulary import Role
from services.results.commands.drafts import save_draft
from services.results.commands.experts import appoint_expert, withdraw_expert
from services.results.commands.found import SectionNotYours
from services.results.commands.visits import record_unit, sign_section
from services.results.domain.checklists import TextUnfit
from services.results.domain.experts import (
    AppointedAfterSignature,
    Expert,
    ExpertAlreadyAppointed,
    ExpertExpired,
    ExpertNotAppointed,
    ExpertRecused,
    ExpertUnknown,
    NotTheAgencysDesk,
    check_appointable,
    check_changeable,
    visit_day,
    wanted,
)
from services.results.domain.sections import NotOnTheTeam, SectionNotInState, State
from services.results.queries.experts import campaign_experts, visit_experts
from services.results.queries.visits import section_view, visit_view
from services.results.tables import Appointment, ExpertKnown, FrameAnnexKept
from tests.kit import Kit, person, said
from tests.unit.results.experts import EXPERTS, appoint, with_experts
from tests.unit.results.world import CAMPAIGN, LEAD, World, section_id, shanghai, visit_id

GA = section_id("A", "GA")
DESK, TEAM_LEAD = person("GA", Role.AGENCY_HEAD), person("GA", Role.TEAM_LEAD)
DAY = date(2018, 12, 12)
ONE = Expert("e1", "vehicle_safety", DAY, frozenset({"t2"}))


@pytest.fixture
def county(kit: Kit) -> World:
    return with_experts(kit)


def panel(world: World, agency: str = "GA", firm: str = "A", role: Role = Role.TEAM_LEAD) -> dict[str, Any]:
    found = world.service.ask(person(agency, role), visit_experts, visit_id=visit_id(firm), now=world.kit.clock.at)
    assert found is not None
    return found


def refused(world: World, error: type[OneVisitError], actor: Any, command: Any, **facts: Any) -> OneVisitError:
    with pytest.raises(error) as refusal:
        world.service.do(actor, command, **facts)
    return refusal.value


# ── the rules ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_expert_assists_until_the_last_day_of_the_term_and_never_where_recused() -> None:
    assert check_appointable(ONE, "e1", "t1", DAY, ["e2"]) is ONE

    with pytest.raises(ExpertExpired) as over:
        check_appointable(ONE, "e1", "t1", date(2018, 12, 13), [])
    assert over.value.facts == {"expert": "e1", "until": "2018-12-12", "day": "2018-12-13"}
    with pytest.raises(ExpertRecused):
        check_appointable(ONE, "e1", "t2", DAY, [])
    with pytest.raises(ExpertAlreadyAppointed):
        check_appointable(ONE, "e1", "t1", DAY, ["e1"])
    with pytest.raises(ExpertUnknown):
        check_appointable(None, "e1", "t1", DAY, [])


def test_a_visit_without_a_day_asks_for_a_term_that_lasts_today() -> None:
    assert visit_day(None, DAY) == DAY
    assert visit_day(date(2018, 12, 20), DAY) == date(2018, 12, 20)


@pytest.mark.parametrize("role", [Role.PLANNER, Role.TEAM_LEAD, Role.AGENCY_HEAD])
def test_the_desk_changes_it_until_somebody_has_signed(role: Role) -> None:
    for state in (State.OPEN, State.RETURNED):
        check_changeable({role}, state, signed=False)
    with pytest.raises(AppointedAfterSignature):
        check_changeable({role}, State.OPEN, signed=True)
    with pytest.raises(SectionNotInState):
        check_changeable({role}, State.SUBMITTED, signed=False)
    with pytest.raises(NotTheAgencysDesk):
        check_changeable({Role.INSPECTOR, Role.APPROVER}, State.OPEN, signed=False)


def test_what_is_missing_is_counted_by_field_and_never_below_nothing() -> None:
    found = wanted([("a", 1), ("b", 2)], ["a", "a", "b", "c"])

    assert [(each.field, each.appointed, each.missing) for each in found] == [("a", 2, 0), ("b", 1, 1)]


# ── appointed ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agency_appoints_from_its_own_register_and_lead_and_agency_see_who_assists(county: World) -> None:
    assert [choice[0] for choice in panel(county)["choices"]] == ["ZJ-E01", "ZJ-E02"], "one is recused from firm A"
    assert panel(county)["kept_out"] == 1

    appoint(county, "ZJ-E01")

    (event,) = said(county.service)
    assert isinstance(event, ExpertAppointed)
    assert (event.visit, event.agency, event.experts) == (visit_id("A"), "GA", 1)
    assert "专家" not in event.model_dump_json(), "names stay at home"
    for agency in ("GA", LEAD):
        view = county.service.ask(person(agency, Role.TEAM_LEAD), visit_view, visit_id=visit_id("A"))
        section = next(each for each in view["sections"] if each["agency"] == "GA")
        assert [(each["name"], each["field_label"][0]) for each in section["experts"]] == [
            ("公安专家甲", "机动车安全技术")
        ]
        assert len(section["team"]) == 2, "an expert takes no officer's place"
    other = county.service.ask(person("SJ", Role.TEAM_LEAD), visit_view, visit_id=visit_id("A"))
    assert "公安专家甲" not in str(other)


def test_what_the_plan_asks_for_is_held_against_who_is_appointed(county: World) -> None:
    assert [(each["field_label"][0], each["missing"]) for each in panel(county)["wants"]] == [
        ("机动车安全技术", 1),
        ("桥梁检测", 2),
    ]

    appoint(county, "ZJ-E01", role=Role.AGENCY_HEAD)
    appoint(county, "ZJ-E02")

    shown = panel(county)
    assert [each["missing"] for each in shown["wants"]] == [0, 1]
    assert [each["name"] for each in shown["standing"]] == ["公安专家甲", "公安专家乙"]
    assert shown["choices"] == []
    assert panel(county, "AJ")["wants"] == [], "nothing is asked of others"


def test_who_cannot_be_appointed_is_refused_by_name_of_the_rule(county: World) -> None:
    county.schedule("A", date(2018, 12, 13))
    at: dict[str, Any] = {"section_id": GA}

    refused(county, ExpertRecused, DESK, appoint_expert, **at, expert="ZJ-E03")
    refused(county, ExpertExpired, DESK, appoint_expert, **at, expert="ZJ-E02")
    refused(county, ExpertUnknown, DESK, appoint_expert, **at, expert="ZJ-E09")
    refused(
        county,
        ExpertUnknown,
        person("JT", Role.PLANNER),
        appoint_expert,
        section_id=section_id("A", "JT"),
        expert="ZJ-E01",
    )
    appoint(county, "ZJ-E01")
    refused(county, ExpertAlreadyAppointed, DESK, appoint_expert, **at, expert="ZJ-E01")
    assert len(said(county.service)) == 2, "the day and one appointment"


def test_only_the_agencys_own_desk_appoints(county: World) -> None:
    at: dict[str, Any] = {"section_id": GA, "expert": "ZJ-E01"}
    officer = county.officers("A", "GA")[0]

    refused(county, NotTheAgencysDesk, officer, appoint_expert, **at)
    refused(county, NotFound, person("GA", Role.PLANNER), appoint_expert, **at)  # may not know the target yet
    refused(county, SectionNotYours, person(LEAD, Role.TEAM_LEAD), appoint_expert, **at)
    refused(county, NotFound, person("NY", Role.TEAM_LEAD), appoint_expert, **at)


def test_an_expert_signs_nothing(county: World) -> None:
    appoint(county, "ZJ-E01")
    county.schedule("A")
    county.day("2018-12-12", 15)
    expert = person("GA", Role.INSPECTOR, Role.TEAM_LEAD, officer="ZJ-E01")

    refused(county, NotOnTheTeam, expert, sign_section, section_id=GA, digest=county.text(GA))
    officer = county.officers("A", "GA")[0]
    view = county.service.ask(officer, section_view, section_id=GA, now=shanghai("2018-12-12", 15))
    assert [member["officer"] for member in view["team"]] == [each.officer for each in county.officers("A", "GA")]


def test_a_day_after_an_experts_term_is_a_warning_and_shown(county: World) -> None:
    appoint(county, "ZJ-E02")

    assert county.schedule("A", DAY).value["warnings"] == []
    assert county.schedule("A", date(2018, 12, 13)).value["warnings"] == ["visit.warn_experts_expired"]
    assert [each["expired"] for each in panel(county)["standing"]] == [True]
    withdraw(county, f"{GA}-1")
    assert county.schedule("A", date(2018, 12, 14)).value["warnings"] == []


# ── withdrawn ───────────────────────────────────────────────────────────────────────────────────────────────────────


def withdraw(world: World, appointment: str, reason: str = "临时有事") -> None:
    world.service.do(TEAM_LEAD, withdraw_expert, section_id=GA, appointment=appointment, reason=reason)


def test_an_appointment_is_withdrawn_with_a_reason_and_stays_on_record(county: World) -> None:
    first = appoint(county, "ZJ-E01")
    with pytest.raises(TextUnfit):
        withdraw(county, first, " ")

    withdraw(county, first)

    event = said(county.service)[-1]
    assert isinstance(event, ExpertWithdrawn)
    assert event.experts == 0
    assert "临时" not in event.model_dump_json()
    shown = panel(county)
    assert (shown["standing"], [(each["name"], each["reason"]) for each in shown["withdrawn"]]) == (
        [],
        [("公安专家甲", "临时有事")],
    )
    with pytest.raises(ExpertNotAppointed):
        withdraw(county, first)
    assert appoint(county, "ZJ-E01") != first
    with county.service.db.read(county.service.system) as session:
        kept = session.get_one(Appointment, first)
        assert (kept.appointed_by, kept.withdrawn_by) == (TEAM_LEAD.id, TEAM_LEAD.id)


def test_nothing_changes_between_the_first_signature_and_another_text(county: World) -> None:
    first = appoint(county, "ZJ-E01")
    county.schedule("A")
    county.day("2018-12-12", 15)
    officer = county.officers("A", "GA")[0]
    written: dict[str, Any] = {"section_id": GA, "outcomes": {"GA-1": "NO_ISSUE"}, "findings": []}
    county.service.do(officer, save_draft, **written, answers={"GA-1": {"reached": "yes", "wrong": "no"}})
    county.service.do(officer, sign_section, section_id=GA, digest=county.text(GA))

    refused(county, AppointedAfterSignature, DESK, appoint_expert, section_id=GA, expert="ZJ-E02")
    refused(county, AppointedAfterSignature, DESK, withdraw_expert, section_id=GA, appointment=first, reason="x")
    assert not panel(county)["may"]

    county.service.do(officer, save_draft, **written, answers={"GA-1": {"reached": "yes", "wrong": "no", "note": "补"}})
    withdraw(county, first)
    county.service.do(officer, record_unit, section_id=GA, digest=county.text(GA), how="signed", name="某人")
    refused(county, AppointedAfterSignature, DESK, appoint_expert, section_id=GA, expert="ZJ-E02")


def test_after_submission_nobody_changes_who_assisted(county: World) -> None:
    first = appoint(county, "ZJ-E01")
    county.schedule("A")
    county.day("2018-12-12", 15)
    county.fill("A", "GA")

    refused(county, SectionNotInState, DESK, withdraw_expert, section_id=GA, appointment=first, reason="x")
    assert [each["name"] for each in panel(county)["standing"]] == ["公安专家甲"]


# ── what is known of them ───────────────────────────────────────────────────────────────────────────────────────────


def test_each_agency_keeps_its_own_experts_and_the_lead_gets_none_with_the_frame(county: World) -> None:
    with county.service.db.read(county.service.system) as session:
        kept = session.get_one(FrameAnnexKept, CAMPAIGN)
        assert "专家" not in str(kept.document)
        known = {row.id: row.owner_agency for row in session.query(ExpertKnown)}
    assert known == {f"{CAMPAIGN}.{each.agency}.{each.expert}": each.agency for each in EXPERTS}


def test_a_frame_heard_again_changes_nothing(county: World) -> None:
    appoint(county, "ZJ-E01")

    county.hear(county.facts()["frame"])

    assert len(panel(county)["standing"]) == 1
    assert panel(county)["kept_out"] == 1


def test_the_column_of_annex_6_lists_who_assists_as_far_as_the_asker_may_know(county: World) -> None:
    appoint(county, "ZJ-E01")
    appoint(county, "ZJ-E01", agency="AJ")
    appoint(county, "ZJ-E02", firm="A")

    def column(agency: str) -> list[Any]:
        lines = county.service.ask(person(agency, Role.PLANNER), campaign_experts, campaign_id=CAMPAIGN)
        return [(line["visit"], [each["name"] for each in line["experts"]]) for line in lines]

    assert column(LEAD) == [(visit_id("A"), ["安监专家甲", "公安专家甲", "公安专家乙"])]
    assert column("AJ") == [(visit_id("A"), ["安监专家甲"])]
    assert column("YG") == []
    assert county.service.ask(person("NY", Role.PLANNER), campaign_experts, campaign_id="C-none") == []


def test_a_campaign_without_experts_shows_none(world: World) -> None:
    shown = panel(world)

    assert (shown["any"], shown["wants"], shown["choices"]) == (False, [], [])
    lead = person(LEAD, Role.PLANNER)
    assert world.service.ask(lead, visit_experts, visit_id=visit_id("W"), now=world.kit.clock.at) is None, (
        "no part in it"
    )
