"""What the planner hears: progress of draw, visits and duties; twice, late, or replayed, it ends the same."""

import json
from datetime import date
from typing import Any

import pytest

from runtime.store.digest import state_digests
from runtime.store.plumbing import parked, waiting
from schemas.documents import GrantedRecusal, Rosters
from schemas.events.accounts import AccountChanged, AccountClosed
from schemas.events.campaigns import FrameFrozen
from schemas.events.draws import ImportCorrected, RecusalGranted, RoundClosed
from schemas.events.results import VisitClosed
from schemas.vocabulary import Role
from services.planner import prepared
from services.planner.handlers import RecordUnreadable, selected_in
from services.planner.queries.campaigns import CampaignView, campaign_view, campaigns_of
from services.planner.queries.registers import register_view
from services.planner.tables import Base, DrawnTargetRow
from tests.kit import COUNTY, person, said
from tests.unit.planner import facts
from tests.unit.planner.world import COUNTY_ADMIN, LEAD, ROOT, World, approver_of, planner_of


def view(world: World, campaign: str, agency: str = LEAD) -> CampaignView:
    return world.service.ask(planner_of(agency), campaign_view, campaign_id=campaign)


def digests(world: World) -> dict[str, str]:
    with world.service.db.read(world.service.system) as session:
        return state_digests(session.connection(), Base.metadata.tables.values())


def left(world: World, table: Any) -> list[Any]:
    with world.service.db.read(world.service.system) as session:
        return list(session.connection().execute(table.select()))


def story(world: World, campaign: str) -> list[Any]:
    record = json.dumps({"selected": {"s": {"c1/KY": ["91640221DEM0000144"]}}}).encode()
    return [
        facts.opened(campaign),
        facts.committed(campaign, "GA", 1),
        facts.committed(campaign, "AJ", 2),
        facts.sealed(campaign),
        facts.completed(campaign, visits=1, sections=2),
        facts.scheduled(campaign, 1, "JT", "GA"),
        facts.submitted(campaign, 1, "GA"),
        facts.returned(campaign, 1, "GA"),
        facts.submitted(campaign, 1, "GA").model_copy(update={"items": 2}),
        facts.approved(campaign, 1, "GA"),
        facts.found(campaign, 1, "GA"),
        facts.light("approaching", f"{facts.visit_id(campaign, 1)}-GA"),
        facts.light("missed", f"{facts.visit_id(campaign, 1)}-GA"),
        facts.published(campaign, 1, "GA"),
        facts.light("escalated", f"{facts.visit_id(campaign, 1)}-GA"),
        facts.disclosed(world.kit, campaign, record),
    ]


def test_the_lead_sees_how_far_draw_and_partners_are(world: World) -> None:
    campaign = world.frozen()

    world.kit.feed(world.service, *story(world, campaign))

    seen = view(world, campaign)
    (draw,) = seen.draws
    assert (draw.state, draw.committed, draw.visits, draw.sections) == ("disclosed", ("AJ", "GA"), 1, 2)
    assert seen.state == "drawn"
    assert seen.sections == {"GA": {"published": 1}, "JT": {"scheduled": 1}}
    assert [(duty.agency, duty.state) for duty in seen.duties] == [("GA", "escalated")]
    assert view(world, campaign, "GA").sections == {"GA": {"published": 1}}
    assert left(world, parked) == left(world, waiting) == []


def test_the_witness_sees_how_far_the_draw_is_and_nothing_of_the_visits(world: World) -> None:
    campaign = world.frozen()
    witness = person("GZ", Role.WITNESS)

    def seen() -> CampaignView:
        return world.service.ask(witness, campaign_view, campaign_id=campaign)

    assert (seen().state, seen().draws) == ("frozen", ())
    world.kit.feed(world.service, *story(world, campaign)[:4])
    assert [(draw.state, draw.committed) for draw in seen().draws] == [("sealed", ("AJ", "GA"))]
    world.kit.feed(world.service, *story(world, campaign)[4:])

    assert (seen().state, seen().next_step) == ("drawn", "inspect")
    assert [draw.state for draw in seen().draws] == ["disclosed"]
    assert (seen().sections, seen().duties, seen().frame) == ({}, (), None)
    (line,) = world.service.ask(witness, campaigns_of)
    assert line.state == "drawn"


def test_everything_twice_ends_the_same(world: World) -> None:
    campaign = world.frozen()
    for fact in story(world, campaign):
        world.kit.feed(world.service, fact, again=True)
    once = digests(world)

    world.kit.feed(world.service, *story(world, campaign))

    assert digests(world) == once


def test_a_light_before_its_draw_waits_for_it(world: World) -> None:
    campaign = world.frozen()
    world.kit.feed(world.service, facts.light("missed", f"{facts.visit_id(campaign, 1)}-GA"))
    assert len(left(world, waiting)) == 1

    world.kit.feed(world.service, facts.opened(campaign))

    assert left(world, waiting) == []
    assert [duty.state for duty in view(world, campaign).duties] == ["missed"]


@pytest.mark.parametrize("subject", ["campaign", "draw", "R-640221-2018-001", "C-640221-2018-999"])
def test_a_light_finds_its_campaign_where_its_subject_tells(world: World, subject: str) -> None:
    campaign = world.frozen()
    world.kit.feed(world.service, facts.opened(campaign))
    named = {"campaign": campaign, "draw": facts.draw_id(campaign)}.get(subject, subject)

    world.kit.feed(world.service, facts.light("missed", named, duty=f"W-{subject}"))

    assert len(view(world, campaign).duties) == (1 if subject in ("campaign", "draw") else 0)
    assert left(world, parked) == []


def test_a_voided_attempt_is_told_with_the_next_one(world: World) -> None:
    campaign = world.frozen()

    world.kit.feed(world.service, facts.opened(campaign), facts.voided(campaign), facts.opened(campaign, attempt=2))

    assert [(draw.attempt, draw.state, draw.void_reason) for draw in view(world, campaign).draws] == [
        (1, "voided", "commitment_missing"),
        (2, "opened", None),
    ]
    assert view(world, campaign).next_step == "draw"


def test_a_fact_of_a_campaign_nobody_proposed_here_is_parked(world: World) -> None:
    world.kit.feed(world.service, facts.opened("C-640221-2018-777"))

    assert [row.code for row in left(world, parked)] == ["campaign.not_ours"]


def test_who_can_approve_follows_the_accounts(world: World) -> None:
    campaign = world.agreed()
    account = approver_of(LEAD).id
    assert view(world, campaign).approvers == 1

    world.kit.feed(world.service, AccountChanged(county=COUNTY, agency=LEAD, account=account, roles=(Role.VIEWER,)))
    assert view(world, campaign).approvers == 0

    world.kit.feed(
        world.service,
        AccountChanged(county=COUNTY, agency=LEAD, account=account, roles=(Role.APPROVER, Role.VIEWER)),
        AccountClosed(county=COUNTY, agency=LEAD, account=account),
        AccountClosed(county=COUNTY, agency=LEAD, account="never-opened"),
    )
    assert view(world, campaign).approvers == 0


def test_who_was_drawn_this_year_can_be_left_out(world: World) -> None:
    first = world.frozen()
    world.kit.feed(world.service, *story(world, first))

    second = world.confirmed(number="二", conditions={"exclude_drawn": True}, planned=11)
    world.freeze(second)

    frame = view(world, second).frame
    assert frame is not None
    assert frame.entities == 109
    assert [(target, reason) for target, _, reason in frame.excluded] == [("91640221DEM0000144", "already_drawn")]


def granted_recusal(world: World, target: str) -> RecusalGranted:
    return RecusalGranted(
        county=COUNTY,
        campaign="C-640221-2018-001",
        draw="D-640221-2018-001",
        attempt=1,
        change="X-640221-2018-001",
        agency="JT",
        visit="V-640221-2018-001-01",
        recusal=world.kit.blob(GrantedRecusal(agency="JT", officer="JT01", target=target).encode(), "planner"),
    )


def test_a_recusal_a_firm_was_granted_stands_in_the_register_and_binds_the_next_draw(world: World) -> None:
    target = "91640221DEM0000144"
    granted = granted_recusal(world, target)

    world.kit.feed(world.service, granted)
    world.kit.feed(world.service, granted.model_copy(update={"change": "X-640221-2018-002"}))

    found = world.service.ask(planner_of("JT"), register_view, kind="recusals", on=world.kit.clock.at.date())
    assert [(row["officer"], row["target"], row["reason"], row["until_on"]) for row in found.rows] == [
        ("JT01", target, "partys_request", None)
    ]
    assert found.edition == 1
    world.frozen()
    (frozen,) = [fact for fact in said(world.service) if isinstance(fact, FrameFrozen)]
    rosters = Rosters.model_validate_json(world.kit.blobs.get(frozen.rosters, "drawer"))
    assert {one.officer: one.recused for one in rosters.agencies["JT"] if one.recused} == {"JT01": (target,)}


@pytest.mark.parametrize(
    ("rows", "registered", "refused"),
    [
        ('code = "asked_by_firm"\nzh = "当事人申请"\nen = "A firm asked"\npartys_request = true', "asked_by_firm", []),
        ('code = "x"\nzh = "其他"\nen = "Other"', None, ["rulepack.no_reason_for_partys_request"]),
    ],
)
def test_a_granted_recusal_is_registered_under_the_reason_that_the_newest_pack_marks(
    world: World, rows: str, registered: str | None, refused: list[str]
) -> None:
    pack = (ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_text("utf-8")
    ours = 'code = "partys_request"\nzh = "当事人申请回避"\nen = "Requested by the party"\npartys_request = true'
    assert ours in pack
    newer = pack.replace(ours, rows).replace("edition = 2018-11-28", "edition = 2018-11-29")
    prepared.publish_pack_file(world.service, COUNTY_ADMIN, world.key(), newer.encode())

    world.kit.feed(world.service, granted_recusal(world, "91640221DEM0000144"))

    found = world.service.ask(planner_of("JT"), register_view, kind="recusals", on=world.kit.clock.at.date())
    assert [row["reason"] for row in found.rows] == ([registered] if registered else [])
    assert [row.code for row in left(world, parked)] == refused


@pytest.mark.parametrize("record", [b"[]", b"{}", b'{"selected": 1}', b'{"selected": {"a": 1}}', b"\xff"])
def test_a_record_that_does_not_say_who_was_selected_is_unreadable(record: bytes) -> None:
    with pytest.raises(RecordUnreadable):
        selected_in(record)


def test_projections_replay_to_the_same_state(world: World) -> None:
    """What the log holds, handled again from the beginning, builds equal projections."""
    campaign = world.frozen()
    everything = story(world, campaign)
    world.kit.feed(world.service, *everything)
    before = digests(world)
    with world.service.db.read(world.service.system) as session:
        assert session.query(DrawnTargetRow).count() == 1

    projections = [table for table in Base.metadata.tables.values() if table.info["kind"] == "projection"]
    with world.service.db.write(world.service.system) as session:
        for table in projections:
            if table.name not in ("agency", "account"):
                session.connection().execute(table.delete())
        world.service.processor.forget(session.connection())
    world.kit.feed(world.service, *everything)

    assert digests(world) == before
    once = {marked.handler.name for marked in world.service.handlers_marked if not marked.handler.replay}
    assert once == {"carry_out_after_all", "carry_out_imported", "keep_recusal"}, (
        "it changes what a person decided, which a replay leaves alone"
    )


def test_a_round_changes_how_many_visits_and_sections_there_are(world: World) -> None:
    campaign = world.frozen()
    told = story(world, campaign)
    world.kit.feed(world.service, *told)
    draw = facts.opened(campaign).draw
    about = {"county": COUNTY, "campaign": campaign}
    closed = RoundClosed(
        **about,
        draw=draw,
        attempt=1,
        round=1,
        visits=2,
        sections=5,
        open_slots=0,
        visits_root="0" * 64,
        result_digest="0" * 64,
    )
    gone = VisitClosed(
        **about, visit=facts.visit_id(campaign, 1), agencies=("GA", "JT"), reason="moved_out", instead=None
    )

    world.kit.feed(world.service, closed, gone)

    seen = view(world, campaign)
    assert (seen.draws[0].visits, seen.draws[0].sections) == (2, 5)
    assert seen.sections == {"GA": {"published": 1}}, "what was still to come is forgotten, what was published stays"


def test_a_corrected_import_changes_how_many_sections_there_are(world: World) -> None:
    campaign = world.frozen()
    world.kit.feed(world.service, *story(world, campaign))
    told = ImportCorrected(
        county=COUNTY,
        campaign=campaign,
        draw=facts.opened(campaign).draw,
        attempt=1,
        lead="JT",
        agencies=("GA", "JT"),
        correction=1,
        drawn_on=date(2018, 12, 3),
        replaced=1,
        reseated=0,
        visits=2,
        sections=3,
    )

    world.kit.feed(world.service, told)

    (draw,) = view(world, campaign).draws
    assert (draw.visits, draw.sections) == (2, 3)


def test_a_target_that_was_replaced_counts_as_not_drawn() -> None:
    record = {
        "selected": {"s": {"A": ["t1", "t2"]}},
        "replacements": [{"rho": {"removed": [{"id": "t1"}]}, "selected": {"s": {"A": ["t3"]}}}],
    }

    assert selected_in(json.dumps(record).encode()) == ["t2", "t3"]
