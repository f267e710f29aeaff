"""Bounds on the numbers of a draw: which ones clash, the nearest numbers that can be drawn, and their way into a plan."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.errors import OneVisitError
from schemas.documents import CampaignPlan
from schemas.events.campaigns import CampaignConfirmed
from services.planner.commands import frames
from services.planner.domain import caps as rules
from services.planner.domain import ratios
from services.planner.domain.caps import BoundsClash, nearest, weigh
from services.planner.domain.ratios import CLASS_PER_CATEGORY, NO_CAPS, ONE_CLASS, Bounds, Caps, ClassCap
from services.planner.queries.frames import SizesView, campaign_sizes
from tests.kit import said
from tests.unit.planner.world import LEAD, World, at, planner_of

TENTH = Fraction(1, 10)
PINGLUO = {"KY": 22, "WH": 11, "PH": 55, "ZC": 11, "WX": 11}
WINDOW = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)).map(sorted)


def cost(asked: Sequence[int], numbers: Sequence[int]) -> Fraction:
    return sum((Fraction((x - a) ** 2, max(a, 1)) for a, x in zip(asked, numbers, strict=True)), Fraction(0))


@given(st.lists(WINDOW, min_size=1, max_size=4), st.integers(0, 20), st.integers(0, 20))
@example([[0, 3, 5], [0, 3, 5]], 0, 5)
def test_the_nearest_numbers_are_those_that_trying_all_of_them_finds(
    windows: list[list[int]], fewest: int, most: int
) -> None:
    floors, asked, ceilings = ([one[k] for one in windows] for k in range(3))
    tried = product(*(range(low, high + 1) for low, _, high in windows))
    fitting = [numbers for numbers in tried if fewest <= sum(numbers) <= most]

    found = nearest(asked, floors, ceilings, fewest, most)

    if not fitting:
        assert found is None
        return
    cheapest = min(cost(asked, numbers) for numbers in fitting)
    best = [numbers for numbers in fitting if cost(asked, numbers) == cheapest]
    assert found == (min(best) if sum(asked) > most else max(best))  # equal costs: the earlier class gives way


@given(
    st.dictionaries(st.sampled_from("ABCD"), st.integers(0, 40), min_size=1),
    st.dictionaries(
        st.sampled_from("ABCD"),
        st.tuples(st.sampled_from([None, TENTH, Fraction(4, 5)]), *[st.none() | st.integers(0, 30)] * 2),
    ),
    st.none() | st.integers(1, 60),
    st.sampled_from([Bounds(), Bounds(Fraction(1, 20)), Bounds(None, Fraction(1, 20)), Bounds(TENTH, Fraction(1, 5), 2)]),
    st.sampled_from([ONE_CLASS, CLASS_PER_CATEGORY]),
    st.integers(1, 40),
)  # fmt: skip
def test_a_plan_that_takes_the_nearest_numbers_has_no_clash_left_and_draws_them(
    sizes: dict[str, int], asked: dict[str, Any], most: int | None, bounds: Bounds, spread: str, planned: int
) -> None:
    given_ = [
        {"category": each, "ratio": ratio, "least": least, "most": high}
        for each, (ratio, least, high) in asked.items()
        if each in sizes and (least is None or high is None or least <= high)
    ]
    before = weigh(spread, sizes, TENTH, planned, bounds, caps_of(most, given_))
    if not before.clashes or before.nearest is None or not before.targets:
        return

    written = rules.with_numbers(given_, before.nearest) if spread == CLASS_PER_CATEGORY else []
    raised = before.targets if spread == ONE_CLASS else most and max(most, before.targets)
    after = caps_of(raised, written)

    assert weigh(spread, sizes, TENTH, before.targets, bounds, after).clashes == ()
    layout = ratios.check_planned(spread, sizes, TENTH, before.targets, bounds, after)
    assert ratios.count(layout, sizes) == before.targets


def caps_of(most: int | None, bounds: Sequence[Any]) -> Caps:
    return Caps(most, {each["category"]: ClassCap(each["ratio"], each["least"], each["most"]) for each in bounds})


@pytest.mark.parametrize(
    ("caps", "bounds", "code", "numbers"),
    [
        (Caps(12), Bounds(), "caps.sum_above_most", (2, 4, 2, 2, 2)),
        (Caps(None, {"PH": ClassCap(None, None, 4)}), Bounds(), "caps.class_most_below_ratio", (3, 4, 2, 2, 2)),
        (Caps(None, {"ZC": ClassCap(None, 12)}), Bounds(), "caps.class_too_small", (3, 6, 2, 2, 11)),
        (Caps(10, {"ZC": ClassCap(None, 6)}), Bounds(), "caps.sum_above_most", (1, 1, 1, 1, 6)),
        (Caps(10), Bounds(TENTH), "caps.most_below_fewest", (2, 4, 1, 2, 2)),
        (NO_CAPS, Bounds(None, TENTH), "caps.sum_above_most", (2, 4, 1, 2, 2)),
        (NO_CAPS, Bounds(Fraction(1, 5), None), "caps.sum_below_fewest", (4, 9, 3, 3, 3)),
    ],
)  # fmt: skip
def test_bounds_that_clash_are_named_with_the_nearest_numbers(
    caps: Caps, bounds: Bounds, code: str, numbers: tuple[int, ...]
) -> None:
    found = weigh(CLASS_PER_CATEGORY, PINGLUO, TENTH, 15, bounds, caps)

    assert [clash.code for clash in found.clashes] == [code]
    assert found.nearest is not None
    assert tuple(each.targets for each in found.nearest) == numbers


def test_where_the_pack_contradicts_itself_there_are_no_nearest_numbers() -> None:
    found = weigh(ONE_CLASS, {"KY": 4}, TENTH, 1, Bounds(Fraction(3, 100), Fraction(1, 5)), Caps(3))

    assert found.clashes
    assert found.nearest is None


# ── in a plan ───────────────────────────────────────────────────────────────────────────────────────────────────────


def sizes_of(world: World, campaign: str) -> SizesView:
    return world.service.ask(planner_of(LEAD), campaign_sizes, campaign_id=campaign, at=at("2018-11-29"))


def take(world: World, campaign: str, shown: tuple[str, ...]) -> None:
    world.service.do(
        planner_of(LEAD),
        frames.take_nearest_numbers,
        key=world.key(),
        campaign_id=campaign,
        shown=shown,
        if_match=None,
    )


CAPPED: dict[str, Any] = {"spread": CLASS_PER_CATEGORY, "planned": 15, "most": 12}


def test_a_freeze_says_that_bounds_clash_and_how_many_could_be_drawn(world: World) -> None:
    campaign = world.confirmed(**CAPPED)

    with pytest.raises(BoundsClash) as refusal:
        world.freeze(campaign)

    assert refusal.value.facts == {"clashes": ["caps.sum_above_most"], "nearest": 12}


def test_the_lead_takes_the_nearest_numbers_over_and_the_frame_is_frozen_on_them(world: World) -> None:
    draft = world.draft(**CAPPED)
    shown = tuple(str(each.targets) for each in sizes_of(world, draft).weighed.nearest or ())
    take(world, draft, shown)

    assert sizes_of(world, draft).weighed.clashes == ()
    world.propose(draft)
    for agency in ("AJ", "GA", "JT", "SJ", "YG"):
        world.confirm(draft, agency)
    world.approve(draft)
    world.freeze(draft)
    (confirmed,) = [fact for fact in said(world.service) if isinstance(fact, CampaignConfirmed)]
    plan = CampaignPlan.model_validate_json(world.kit.blobs.get(confirmed.plan, "drawer"))
    assert plan.planned_targets == 12
    assert {each.categories[0]: (each.minimum, each.maximum) for each in plan.classes}["PH"] == (4, 4)


def test_numbers_other_than_those_that_were_shown_are_not_taken_over(world: World) -> None:
    draft = world.draft(**CAPPED)

    with pytest.raises(frames.NumbersMoved):
        take(world, draft, ("1", "2", "3", "4", "2"))

    assert sizes_of(world, draft).weighed.clashes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"class_bounds": [{"category": "KY", "most": 3}]}, "campaign.class_bounds_need_classes"),
        ({**CAPPED, "class_bounds": [{"category": "XX", "most": 3}]}, "campaign.class_bounds_wrong"),
        ({**CAPPED, "class_bounds": [{"category": "KY", "least": 4, "most": 3}]}, "campaign.class_bounds_wrong"),
        ({**CAPPED, "class_bounds": [{"category": "KY"}, {"category": "KY"}]}, "campaign.class_bounds_wrong"),
        ({**CAPPED, "class_bounds": [{"category": "KY", "ratio": "0.1"}]}, "ratio.unreadable"),
    ],
)
def test_bounds_of_classes_that_no_draw_could_hold_are_refused(
    world: World, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(OneVisitError) as refusal:
        world.draft(**changes)

    assert refusal.value.code == code


def test_a_category_may_have_a_ratio_of_its_own(world: World) -> None:
    bounds = [{"category": "PH", "ratio": "1/5"}]
    draft = world.draft(spread=CLASS_PER_CATEGORY, planned=20, class_bounds=bounds)

    per_class = sizes_of(world, draft).sizes.options[1].by_class
    assert {cells[0]: targets for cells, _, targets in per_class} == {"KY": 3, "PH": 11, "WH": 2, "WX": 2, "ZC": 2}
