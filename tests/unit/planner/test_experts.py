"""Experts a plan asks for: what may be asked, whether the registers have them, and that officers never notice."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import OneVisitError
from schemas.documents import CampaignPlan, FrameAnnex
from schemas.events.campaigns import FrameFrozen
from services.planner.commands import campaigns
from services.planner.domain.experts import (
    Asked,
    Expert,
    ExpertsImpossible,
    ExpertsOfNobody,
    ExpertsTwice,
    Supply,
    check_asked,
    supply,
)
from services.planner.domain.frames import Entity
from services.planner.domain.rosters import Recusal
from services.planner.page_forms import Posted, campaign_form
from services.planner.queries.campaigns import campaign_view
from services.planner.queries.experts import ExpertsLine, experts_line
from services.planner.tables import CampaignRow
from tests.kit import said
from tests.unit.planner.sheets import sheet
from tests.unit.planner.world import LEAD, World, planner_of

FIRST, LAST = date(2018, 12, 10), date(2018, 12, 20)
VEHICLES = Asked("JT", "vehicle_safety", 2)
TARGETS = [Entity("t1", "KY", ("JT-01",)), Entity("t2", "KY", ("JT-01",)), Entity("t3", "WH", ("JT-01",))]


def expert(number: str, field: str = "vehicle_safety", until: date = LAST) -> Expert:
    return Expert(number, field, until)


def held(*experts: Expert, recusals: tuple[Recusal, ...] = ()) -> Supply:
    return supply(VEHICLES, experts, recusals, TARGETS, FIRST, LAST)


# ── what may be asked ───────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_asked_stands_by_agency_and_field() -> None:
    asked = [Asked("JT", "b", 1), Asked("GA", "b", 2), Asked("JT", "a", 1)]

    assert check_asked(asked, ["GA", "JT"]) == (asked[1], asked[2], asked[0])


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ([Asked("XF", "a", 1)], ExpertsOfNobody),
        ([Asked("JT", "a", 1), Asked("JT", "a", 2)], ExpertsTwice),
        ([Asked("JT", "a", 0)], ExpertsImpossible),
        ([Asked("JT", "a", 10)], ExpertsImpossible),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: list[Asked], refusal: type[OneVisitError]) -> None:
    with pytest.raises(refusal):
        check_asked(asked, ["JT"])


# ── whether the register has them ───────────────────────────────────────────────────────────────────────────────────


def test_only_experts_of_the_field_count_and_only_those_who_stay_through_the_stage() -> None:
    found = held(expert("e1"), expert("e2", "accounting"), expert("e3", until=date(2018, 12, 19)))

    assert (found.valid, found.ending, found.fewest, found.enough) == (1, 1, 1, False)


def test_one_expert_may_assist_any_number_of_visits() -> None:
    assert held(expert("e1"), expert("e2")).enough


def test_the_target_with_the_most_recusals_decides_and_an_officers_recusal_does_not() -> None:
    apart = (Recusal("e1", "t1", None), Recusal("e2", None, "WH"), Recusal("JT01", "t2", None))
    at_one = (Recusal("e1", "t3", None), Recusal("e2", None, "WH"))
    over = (Recusal("e1", "t1", None, FIRST.replace(day=9)),)
    three = (expert("e1"), expert("e2"), expert("e3"))

    assert held(*three, recusals=apart).fewest == 2
    assert held(*three, recusals=at_one).fewest == 1
    assert held(*three, recusals=over).fewest == 3


def test_without_experts_or_targets_nothing_goes_wrong() -> None:
    assert held().fewest == 0
    assert supply(VEHICLES, [expert("e1")], (), (), FIRST, LAST).fewest == 1


@given(st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from(["t1", "t2", "t3"]))), st.integers(1, 4))
def test_enough_means_that_every_target_finds_as_many(barred: set[tuple[str, str]], per_visit: int) -> None:
    asked = Asked("JT", "vehicle_safety", per_visit)
    recusals = [Recusal(who, target, None) for who, target in barred]

    found = supply(asked, [expert(each) for each in "abcd"], recusals, TARGETS, FIRST, LAST)

    free = [sum((who, entity.target) not in barred for who in "abcd") for entity in TARGETS]
    assert found.enough == all(number >= per_visit for number in free)


# ── in a campaign ───────────────────────────────────────────────────────────────────────────────────────────────────

WANTED = [
    {"agency": "JT", "field": "机动车安全技术", "per_visit": 1},
    {"agency": "GA", "field": "桥梁检测", "per_visit": 1},
]


def lines(world: World, campaign: str, asker: str = LEAD) -> list[ExpertsLine]:
    return world.service.ask(
        world.service.system, experts_line, campaign_id=campaign, asker=asker, on=date(2018, 11, 28)
    )


def has(world: World, agency: str, number: str, field: str, until: str = "2019-12-31") -> None:
    row = [number, "专家甲", field, "某某大学", "高校", until]
    world.bring("experts", agency, sheet("experts", [row]))


def test_a_campaign_asks_by_the_packs_name_or_in_words_and_its_plan_says_so(world: World) -> None:
    campaign = world.confirmed(experts=WANTED)

    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    assert [(each["agency"], each["field"], each["words"]) for each in view.experts] == [
        ("GA", "桥梁检测", ("桥梁检测", "桥梁检测")),
        ("JT", "vehicle_safety", ("机动车安全技术", "Vehicle safety")),
    ]
    with world.service.db.read(planner_of(LEAD)) as session:
        plan = CampaignPlan.model_validate_json(session.get_one(CampaignRow, campaign).plan or "")
    assert {part.agency: [(each.field, each.per_visit) for each in part.experts] for part in plan.agencies} == {
        "AJ": [],
        "GA": [("桥梁检测", 1)],
        "JT": [("vehicle_safety", 1)],
        "SJ": [],
        "YG": [],
    }
    assert {len(part.slot_labels) for part in plan.agencies} == {2}, "an expert takes no officer's place"


def test_a_plan_that_asks_for_none_is_written_as_before(world: World) -> None:
    campaign = world.confirmed()

    with world.service.db.read(planner_of(LEAD)) as session:
        assert "experts" not in (session.get_one(CampaignRow, campaign).plan or "")
    assert lines(world, campaign) == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"agency": "XF", "field": "消防安全", "per_visit": 1}, "campaign.experts_of_nobody"),
        ({"agency": "JT", "field": "消防安全", "per_visit": 0}, "campaign.experts_impossible"),
        ({"agency": "JT", "field": " ", "per_visit": 1}, "campaign.text_missing"),
        ({"agency": "JT", "field": "消\u200b防", "per_visit": 1}, "campaign.text_impossible"),
    ],
)
def test_a_draft_that_asks_for_the_impossible_is_refused(world: World, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(OneVisitError) as refused:
        world.draft(experts=[asked])

    assert refused.value.code == code


def test_the_line_counts_the_registers_and_tells_recusals_to_their_agency_alone(world: World) -> None:
    campaign = world.proposed(experts=WANTED)
    assert [(each.available, each.enough) for each in lines(world, campaign)] == [(0, False), (0, False)]

    has(world, "JT", "ZJ-E01", "vehicle_safety")
    has(world, "GA", "ZJ-E01", "桥梁检测")
    has(world, "GA", "ZJ-E02", "桥梁检测", until="2018-12-19")
    police, transport = lines(world, campaign)
    assert (police.available, police.enough, police.ending, police.recused) == (1, True, None, None)
    assert (transport.available, transport.enough, transport.ending, transport.recused) == (1, True, 0, 0)

    world.bring("recusals", "GA", sheet("recusals", [["ZJ-E01", "", "客运", "曾在被检查单位任职"]]))
    police, _ = lines(world, campaign)
    assert (police.available, police.enough, police.recused) == (0, False, None)
    police, transport = lines(world, campaign, "GA")
    assert (police.ending, police.recused) == (1, 1)
    assert (transport.ending, transport.recused) == (None, None)


def test_what_experts_there_are_changes_nothing_about_the_draw(world: World) -> None:
    campaign = world.confirmed(experts=WANTED)

    world.freeze(campaign)

    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    assert view.stored_state == "frozen", "not one expert stands in a register"
    assert [part.eligible for part in view.parts if part.agency == "JT"] == [6]


def annex_of(world: World) -> FrameAnnex:
    (frozen,) = [event for event in said(world.service) if isinstance(event, FrameFrozen)]
    return FrameAnnex.model_validate_json(world.kit.blobs.get(frozen.annex, "results"))


def test_a_freeze_tells_results_who_may_assist_and_from_whom_they_are_recused(world: World) -> None:
    has(world, "GA", "ZJ-E01", "桥梁检测")
    has(world, "GA", "ZJ-E02", "桥梁检测", until="2018-12-10")
    has(world, "GA", "ZJ-E03", "桥梁检测", until="2018-12-09")  # over before the stage begins
    world.bring("recusals", "GA", sheet("recusals", [["ZJ-E01", "", "客运", "曾在被检查单位任职"]]))

    world.frozen()

    annex = annex_of(world)
    assert [(each.agency, each.expert, each.field) for each in annex.experts] == [
        ("GA", "ZJ-E01", "桥梁检测"),
        ("GA", "ZJ-E02", "桥梁检测"),
    ]
    passenger = {each.target for each in annex.targets if each.category == "KY"}
    assert [set(each.recused) for each in annex.experts] == [passenger, set()]
    assert len(passenger) == 22
    assert {"ZJ-E01", "ZJ-E02"}.isdisjoint(officer for officer, *_ in annex.officers)
    (frozen,) = [event for event in said(world.service) if isinstance(event, FrameFrozen)]
    assert b"ZJ-E" not in world.kit.blobs.get(frozen.rosters, "drawer"), "the draw never hears of an expert"


def test_a_frame_without_experts_is_told_as_before(world: World) -> None:
    world.frozen()

    assert "experts" not in annex_of(world).encode().decode()


def test_whoever_is_taken_out_is_asked_for_nothing_any_more(world: World) -> None:
    campaign = world.proposed(experts=WANTED)

    world.service.do(planner_of(LEAD), campaigns.remove_partner, key=world.key(), campaign_id=campaign, agency="GA")

    assert [each.agency for each in lines(world, campaign)] == ["JT"]


def test_the_page_sends_a_row_for_each_field_and_passes_empty_ones_over() -> None:
    stages = {
        f"{stage}_{end}": "2018-12-03"
        for stage in ("prepare", "draw", "inspect", "publish")
        for end in ("first", "last")
    }
    fields = {"title": "t", "number": "n", "pack": "P", "items": "JT-01", "ratio": "1/10", "planned": "1"} | stages
    rows = {
        "expert_agency_1": "JT", "expert_field_1": "消防安全", "expert_count_1": "2",
        "expert_agency_2": "JT", "expert_field_2": "", "expert_count_2": "",
        "expert_agency_3": "GA", "expert_field_3": "桥梁检测", "expert_count_3": "",
    }  # fmt: skip

    form = campaign_form(Posted({name: [text] for name, text in (fields | rows).items()}, {}))

    assert [(each.agency, each.field, each.per_visit) for each in form.experts] == [
        ("JT", "消防安全", 2),
        ("GA", "桥梁检测", 1),
    ]
