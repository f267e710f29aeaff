"""分段式: a campaign that sends officers to the targets a disclosed draw chose, all of them and nobody else."""

import json

import pytest

from runtime.errors import OneVisitError
from schemas.documents import CampaignPlan
from schemas.events.campaigns import CampaignConfirmed, FrameFrozen
from services.planner import prepared
from services.planner.commands.campaigns import first_stage as targets_of
from services.planner.domain.frames import Entity, FirstStageLeftOut, Selected, require_first_stage
from services.planner.queries.campaigns import campaign_view
from services.planner.queries.frames import campaign_sizes
from services.planner.queries.plans import first_stages
from tests.kit import COUNTY, Kit, said
from tests.unit.planner import facts
from tests.unit.planner.world import COUNTY_ADMIN, LEAD, ROOT, World, a_world, approver_of, planner_of

DRAWN = ("91640221DEM0000144", "91640221DEM0000152", "91640221DEM0000160")


@pytest.fixture
def world(kit: Kit) -> World:
    return a_world(kit)


def first_stage(world: World, *drawn: str) -> str:
    """Freeze a campaign and let its draw be disclosed."""
    campaign = world.frozen()
    record = {"selected": {"s": {"c1/KY": list(drawn)}}}
    told = (
        facts.opened(campaign),
        facts.sealed(campaign),
        facts.completed(campaign, visits=len(drawn), sections=len(drawn)),
        facts.disclosed(world.kit, campaign, json.dumps(record).encode()),
    )
    world.kit.feed(world.service, *told)
    return campaign


def registered(world: World) -> list[str]:
    """Name who stands in a frame of the whole register, ascending."""
    sizes = world.frozen(number="甲")
    document = frozen_file(world, sizes)
    return [line.split("\t")[0] for line in document.splitlines()]


def frozen_file(world: World, campaign: str) -> str:
    """Read a campaign's frame file."""
    (event,) = (one for one in said(world.service) if isinstance(one, FrameFrozen) and one.campaign == campaign)
    return world.kit.blobs.get(event.document, "drawer").decode()


def test_a_staged_campaign_visits_everybody_whom_the_first_stage_drew_and_nobody_else(world: World) -> None:
    drawn = registered(world)[3:40:9]
    first = first_stage(world, *drawn)

    second = world.confirmed(
        number="二", parent=first, ratio="1/2", planned=99, conditions={"districts": ["PL01"], "exclude_drawn": True}
    )
    sizes = world.service.ask(planner_of(LEAD), campaign_sizes, campaign_id=second, at=world.kit.clock.at)
    world.freeze(second)

    assert [line.split("\t")[0] for line in frozen_file(world, second).splitlines()] == drawn
    (confirmed,) = (one for one in said(world.service) if isinstance(one, CampaignConfirmed) and one.campaign == second)
    plan = CampaignPlan.model_validate_json(world.kit.blobs.get(confirmed.plan, "drawer"))
    assert (plan.parent, plan.planned_targets) == (first, len(drawn))
    assert [(one.rate, one.minimum) for one in plan.classes] == [((1, 1), len(drawn))]
    assert (sizes.sizes.frame, sizes.sizes.feasible) == (len(drawn), True)
    view = world.service.ask(approver_of(LEAD), campaign_view, campaign_id=second)
    assert (view.parent, view.planned, view.districts) == (first, len(drawn), ())


def test_the_packs_ceiling_was_the_first_stages_to_keep(world: World) -> None:
    pack = (ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes()
    strict = pack.replace(b"minimum = [1, 10]", b"minimum = [1, 10]\nmaximum = [1, 5]")
    strict = strict.replace(b"edition = 2018-11-28", b"edition = 2018-12-01")
    prepared.publish_pack_file(world.service, COUNTY_ADMIN, world.key(), strict)
    with pytest.raises(OneVisitError, match=r"ratio\.above_maximum"):
        world.draft(number="甲", ratio="1/1", planned=110)
    drawn = registered(world)[:11]

    second = world.frozen(number="二", parent=first_stage(world, *drawn))

    assert len(frozen_file(world, second).splitlines()) == 11
    sizes = world.service.ask(planner_of(LEAD), campaign_sizes, campaign_id=second, at=world.kit.clock.at)
    assert sizes.sizes.feasible


def test_the_lead_is_offered_the_disclosed_draws(world: World) -> None:
    assert world.service.ask(planner_of(LEAD), first_stages) == []
    first = first_stage(world, *DRAWN)

    for agency, title in ((LEAD, "平罗县道路运输行业跨部门联合随机抽查"), ("WS", "")):
        (offered,) = world.service.ask(planner_of(agency), first_stages)
        assert (offered.campaign, offered.title, offered.purpose, offered.targets) == (first, title, "rehearsal", 3)


def test_a_first_stage_that_is_not_disclosed_or_of_another_purpose_is_refused(world: World) -> None:
    undisclosed = world.frozen()
    with pytest.raises(OneVisitError, match=r"campaign\.first_stage_unknown"):
        world.draft(number="二", parent=undisclosed)
    with pytest.raises(OneVisitError, match=r"campaign\.first_stage_unknown"):
        world.draft(number="二", parent="C-640221-2018-099")
    rehearsed = first_stage(world, *DRAWN)
    assert world.draft(number="二", parent=rehearsed)
    with world.service.db.read(world.service.system) as session:
        assert targets_of(session, COUNTY, rehearsed, "rehearsal") == set(DRAWN)
        for county, purpose in ((COUNTY, "live"), ("640222", "rehearsal")):
            with pytest.raises(OneVisitError, match=r"campaign\.first_stage_unknown"):
                targets_of(session, county, rehearsed, purpose)


def test_a_target_that_cannot_be_visited_any_more_stops_the_freeze_by_name(world: World) -> None:
    gone = "91640221GONE00001X"
    first = first_stage(world, *registered(world)[:2], gone)
    second = world.confirmed(number="二", parent=first)

    with pytest.raises(OneVisitError, match=r"frame\.first_stage_left_out") as refused:
        world.freeze(second)

    assert refused.value.facts == {"missing": 1, "drawn": 3, "targets": gone}


def test_whoever_no_item_applies_to_is_missing_too() -> None:
    selected = Selected((Entity("a", "KY", ("i",)),), (("b", "no_line_applies"),))

    require_first_stage(selected, {"a"})
    with pytest.raises(FirstStageLeftOut):
        require_first_stage(selected, {"a", "b"})
