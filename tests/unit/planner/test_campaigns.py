"""A campaign from draft to close through the real service, and everything that stops it."""

import json
from collections import Counter
from datetime import date
from typing import Any

import pytest

from runtime.errors import Forbidden, NotFound, OneVisitError, Rejected, Stale
from runtime.service import KeyReused
from schemas.documents import CampaignPlan, FrameAnnex, Rosters
from schemas.events.campaigns import (
    CampaignCancelled,
    CampaignClosed,
    CampaignConfirmed,
    CampaignProposed,
    CampaignResumed,
    FrameFrozen,
    PartnerConfirmed,
    PartnerDeclined,
    PartnerRemoved,
)
from schemas.vocabulary import Role
from services.planner import prepared
from services.planner.commands import campaigns, parts
from services.planner.forms import ConfirmationForm, DeclineForm
from services.planner.queries.campaigns import campaign_view, campaigns_of, tasks_of
from services.planner.queries.frames import campaign_sizes
from services.planner.queries.parts import part_form
from tests.kit import Kit, person, said
from tests.unit.planner.facts import completed, opened, published, scheduled, sealed
from tests.unit.planner.sheets import credit_code, sheet
from tests.unit.planner.world import (
    AGENCIES,
    COUNTY_ADMIN,
    LEAD,
    PARTNERS,
    ROOT,
    World,
    approver_of,
    at,
    planner_of,
)


def last(world: World, kind: type[Any]) -> Any:
    return [event for event in said(world.service) if isinstance(event, kind)][-1]


def refusal(work: Any) -> OneVisitError:
    with pytest.raises(OneVisitError) as refused:
        work()
    return refused.value


# ── the whole way ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_proposal_tells_partners_its_stages_and_the_day_to_answer(world: World) -> None:
    campaign = world.proposed()

    proposed = last(world, CampaignProposed)
    assert proposed.campaign == campaign == "C-640221-2018-001"
    assert proposed.partners == PARTNERS
    assert str(proposed.respond.due_on) == "2018-11-30"
    assert [str(window.last_working_on) for window in proposed.stages] == [
        "2018-11-30",
        "2018-12-07",
        "2018-12-20",
        "2018-12-29",
    ]


def test_an_approval_pins_the_pack_and_counts_every_deadline(world: World) -> None:
    world.confirmed()

    confirmed = last(world, CampaignConfirmed)
    assert str(confirmed.publication_rule.due_on) == "2019-01-04"
    assert str(confirmed.publication_plan.due_on) == "2018-12-31"
    assert str(confirmed.report.due_on) == "2019-01-02"
    assert str(confirmed.stages[3].last_working_on) == "2018-12-29"
    assert confirmed.agencies == AGENCIES
    plan = CampaignPlan.model_validate_json(world.kit.blobs.get(confirmed.plan, "drawer"))
    assert plan.pack == confirmed.pack
    assert [(each.code, each.categories, each.rate, each.minimum) for each in plan.classes] == [
        ("c1", ("KY", "PH", "WH", "WX", "ZC"), (1, 10), 11)
    ]
    assert plan.officer_reasons == ("officer_away", "officer_ill", "officer_recused", "officer_transferred")
    assert {agency.agency: agency.slot_labels for agency in plan.agencies}["AJ"] == (("SAFETY",), ("SAFETY",))
    assert {item.item: item.checklist for item in plan.items} == {
        item: item for item in ("AJ-01", "AJ-02", "GA-01", "JT-01", "SJ-01", "YG-01")
    }


@pytest.mark.parametrize("policy", ["window", "visit", "open"])
def test_the_plan_says_when_who_was_drawn_becomes_public(world: World, policy: str) -> None:
    world.confirmed(disclosure=policy)

    (confirmed,) = (one for one in said(world.service) if isinstance(one, CampaignConfirmed))

    assert CampaignPlan.model_validate_json(world.kit.blobs.get(confirmed.plan, "drawer")).disclosure == policy


def test_a_freeze_fixes_frame_and_rosters_and_tells_only_digest_and_count(world: World) -> None:
    campaign = world.confirmed()

    reply = world.freeze(campaign)

    frozen = last(world, FrameFrozen)
    assert frozen.entities == reply.value["entities"] == 110
    file = world.kit.blobs.get(frozen.document, "drawer")
    rows = [line.split("\t") for line in file.decode().splitlines()]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert Counter(row[1] for row in rows) == {"c1/KY": 22, "c1/WH": 11, "c1/PH": 55, "c1/ZC": 11, "c1/WX": 11}
    assert {row[1]: row[2] for row in rows} == {
        "c1/KY": "AJ-02,GA-01,JT-01,SJ-01,YG-01",
        "c1/WH": "AJ-01,AJ-02,GA-01,JT-01,SJ-01,YG-01",
        "c1/PH": "AJ-02,JT-01,SJ-01,YG-01",
        "c1/ZC": "AJ-02,JT-01,SJ-01",
        "c1/WX": "AJ-02,SJ-01",
    }
    rosters = Rosters.model_validate_json(world.kit.blobs.get(frozen.rosters, "drawer"))
    assert {agency: len(officers) for agency, officers in rosters.agencies.items()} == {
        "AJ": 3,
        "GA": 5,
        "JT": 6,
        "SJ": 5,
        "YG": 3,
    }
    assert rosters.excluded["SJ"] == (("SJ06", "credential_expired"),)
    assert rosters.excluded["AJ"] == (("AJ04", "label_missing"),)
    recused = {officer.officer: len(officer.recused) for each in rosters.agencies.values() for officer in each}
    assert {officer: count for officer, count in recused.items() if count} == {"GA05": 22, "YG03": 11}
    annex = FrameAnnex.model_validate_json(world.kit.blobs.get(frozen.annex, "results"))
    assert len(annex.targets) == 110
    assert len(annex.officers) == 22
    assert annex.frame_digest == frozen.frame_digest


def test_a_freeze_leaves_out_who_is_away_all_the_time_and_says_when_the_others_are(world: World) -> None:
    rows = [["JT01", "2018-12-01", "2018-12-31", "培训"], ["JT02", "2018-12-11", "2018-12-12", "休假"]]
    cancelled = ["JT03", "2018-12-01", "2018-12-31", "休假", "是"]
    world.bring("absences", "JT", sheet("absences", [*rows, cancelled]))
    campaign = world.confirmed()

    world.freeze(campaign)

    frozen = last(world, FrameFrozen)
    rosters = Rosters.model_validate_json(world.kit.blobs.get(frozen.rosters, "drawer"))
    annex = FrameAnnex.model_validate_json(world.kit.blobs.get(frozen.annex, "results"))
    away = (date(2018, 12, 11), date(2018, 12, 12))
    assert rosters.excluded["JT"] == (("JT01", "absent_throughout"),)
    assert {each.officer: each.absent for each in rosters.agencies["JT"] if each.absent} == {"JT02": away}
    assert (rosters.days[0], rosters.days[-1], len(rosters.days)) == (date(2018, 12, 10), date(2018, 12, 20), 9)
    assert annex.absences == {"JT02": away}


def test_a_freeze_without_absences_is_written_as_earlier_releases_read_it(world: World) -> None:
    world.frozen()

    frozen = last(world, FrameFrozen)
    for document, reader in ((frozen.rosters, "drawer"), (frozen.annex, "results")):
        written = world.kit.blobs.get(document, reader)
        assert not any(word in written for word in (b'"absent"', b'"absences"', b'"days"'))


def test_the_same_frame_has_the_same_digest_whoever_counts_again(world: World) -> None:
    first = world.frozen()
    second = world.frozen(number="平交联查〔2018〕2号")

    digests = [event.frame_digest for event in said(world.service) if isinstance(event, FrameFrozen)]
    assert first != second
    assert digests[0] == digests[1]


def test_a_campaign_is_closed_when_every_section_is_published(world: World) -> None:
    campaign = world.frozen()
    world.kit.feed(world.service, opened(campaign), completed(campaign, visits=1, sections=2))
    assert refusal(lambda: _close(world, campaign)).code == "campaign.sections_open"

    for agency in ("JT", "GA"):
        world.kit.feed(world.service, published(campaign, 1, agency))
    _close(world, campaign)

    assert isinstance(said(world.service)[-1], CampaignClosed)


def _close(world: World, campaign: str) -> None:
    world.service.do(planner_of(LEAD), campaigns.close_campaign, key=world.key(), campaign_id=campaign)


def test_a_campaign_is_not_closed_before_its_draw(world: World) -> None:
    campaign = world.frozen()

    assert refusal(lambda: _close(world, campaign)).code == "campaign.not_drawn_yet"


# ── what stops it ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_partner_that_has_not_confirmed_blocks_the_freeze_by_name(world: World) -> None:
    campaign = world.proposed()
    for agency in ("JT", "AJ", "GA", "SJ"):
        world.confirm(campaign, agency)

    refused = refusal(lambda: world.freeze(campaign))

    assert refused.code == "campaign.not_confirmed_by"
    assert refused.facts == {"agencies": ("YG",), "names": ("YG局",)}
    assert refusal(lambda: world.approve(campaign)).code == "campaign.not_confirmed_by"


def test_a_plan_is_frozen_only_after_its_approval(world: World) -> None:
    campaign = world.agreed()

    assert refusal(lambda: world.freeze(campaign)).code == "campaign.not_approved"


def test_who_proposed_may_not_approve(world: World) -> None:
    both = person(LEAD, Role.PLANNER, Role.APPROVER, id="jt-plan")
    campaign = world.agreed()

    assert refusal(lambda: world.approve(campaign, both)).code == "campaign.same_person"


def test_an_entity_more_than_the_plan_covers_is_refused_with_the_number_needed(world: World) -> None:
    world.bring("targets", LEAD, one_more_target())
    campaign = world.confirmed()

    refused = refusal(lambda: world.freeze(campaign))

    assert refused.code == "frame.planned_too_few"
    assert refused.facts == {"planned": 11, "frame": 111, "ratio": "1/10", "needed": 12}


def one_more_target() -> bytes:
    return sheet("targets", [[credit_code(1), "", "新公司", "客运", "城关镇"]])


def test_a_plan_for_more_targets_than_there_are_is_refused(world: World) -> None:
    campaign = world.confirmed(planned=111)

    refused = refusal(lambda: world.freeze(campaign))

    assert refused.code == "frame.planned_exceeds_frame"
    assert refused.facts == {"asked": 111, "frame": 110}


def test_a_frame_that_nobody_fits_is_refused(world: World) -> None:
    campaign = world.confirmed(conditions={"established_before": "1901-01-01"})

    refused = refusal(lambda: world.freeze(campaign))

    assert refused.code == "frame.empty"
    assert refused.facts == {"excluded": 110}


def test_a_class_per_category_needs_fifteen(world: World) -> None:
    assert refusal(lambda: world.freeze(world.confirmed(spread="class_per_category"))).facts["needed"] == 15

    world.freeze(world.confirmed(spread="class_per_category", planned=15))

    assert last(world, FrameFrozen).entities == 110


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"items": ("JT-01", "XX-99")}, "campaign.item_unknown"),
        ({"partners": ("GA",)}, "campaign.item_of_nobody"),
        ({"partners": ("GA", "GA")}, "campaign.partners_wrong"),
        ({"partners": (*PARTNERS, "ZZ")}, "campaign.agency_unknown"),
        ({"items": ("JT-01", "GA-01", "AJ-01", "SJ-01")}, "campaign.agency_without_items"),
        ({"pack": "HB"}, "rulepack.unknown"),
        ({"ratio": "0.1"}, "ratio.unreadable"),
        ({"ratio": "1/20"}, "ratio.below_minimum"),
        ({"planned": 0}, "campaign.planned_impossible"),
        ({"spread": "two"}, "campaign.spread_unknown"),
        ({"title": "  "}, "campaign.text_missing"),
        ({"number": "a\u202eb"}, "campaign.text_impossible"),
        ({"witness": "JT"}, "campaign.witness_impossible"),
        ({"dice": 7}, "campaign.dice_impossible"),
        ({"beacons": ("lottery:3d",)}, "campaign.beacon_not_offered"),
        ({"hash": "md5"}, "campaign.hash_not_offered"),
        ({"max_missing": 2}, "campaign.max_missing_too_large"),
        ({"chain_len": 101}, "campaign.chain_impossible"),
        ({"purpose": "live"}, "campaign.pack_for_rehearsals"),
        ({"conditions": {"districts": ["PL99"]}}, "campaign.district_unknown"),
        ({"conditions": {"labels": ["小微", "a\u202eb"]}}, "campaign.text_impossible"),
        ({"conditions": {"labels": [" "]}}, "campaign.text_missing"),
        (
            {"items": ("JT-01", "GA-01", "SJ-01", "YG-01", "AJ-01", {"item": "AJ-02", "categories": ["XX"]})},
            "campaign.category_unknown",
        ),
    ],
)
def test_a_plan_that_could_not_be_carried_out_is_refused(world: World, changes: dict[str, Any], code: str) -> None:
    assert refusal(lambda: world.draft(**changes)).code == code
    assert queries_of(world) == []


def queries_of(world: World) -> list[Any]:
    return world.service.ask(planner_of(LEAD), campaigns_of)


@pytest.mark.parametrize(
    ("stage", "dates", "code"),
    [
        ("prepare", ("1998-11-28", "2018-11-30"), "stage.outside_calendar"),
        ("publish", ("2018-12-21", "2108-12-31"), "stage.outside_calendar"),
        ("draw", ("2018-12-08", "2018-12-03"), "stage.dates_reversed"),
        ("inspect", ("2018-12-08", "2018-12-20"), "stage.overlap"),
        ("draw", ("2018-12-08", "2018-12-09"), "stage.without_working_day"),
    ],
)
def test_dates_that_make_no_sense_are_refused(world: World, stage: str, dates: tuple[str, str], code: str) -> None:
    stages = [
        {"stage": each.stage, "first_on": each.first_on, "last_on": each.last_on}
        for each in world.form().stages
        if each.stage != stage
    ]
    stages.append({"stage": stage, "first_on": dates[0], "last_on": dates[1]})

    assert refusal(lambda: world.draft(stages=stages)).code == code


def test_how_many_may_be_replaced_is_said_by_the_pack_unless_the_plan_says_it(world: World) -> None:
    def most(campaign: str) -> int:
        return world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign).replacement_max

    pack = (ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes()
    newer = pack.replace(b"share = [1, 3]", b"share = [1, 2]").replace(b"edition = 2018-11-28", b"edition = 2018-12-01")
    prepared.publish_pack_file(world.service, COUNTY_ADMIN, world.key(), newer)

    assert most(world.draft(edition="2018-11-28")) == 11 // 3
    assert most(world.draft(edition="2018-12-01")) == 11 // 2
    assert most(world.draft(edition="2018-11-28", replacement_max=0)) == 0


def test_a_proposal_without_the_conference_record_is_refused(world: World) -> None:
    campaign = world.draft(conference=None)

    assert refusal(lambda: world.propose(campaign)).code == "conference.missing"


# ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_made_on_an_older_version_is_refused(world: World) -> None:
    campaign = world.draft()
    edit = {"campaign_id": campaign, "form": world.form(planned=12), "if_match": "1"}
    world.service.do(planner_of(LEAD), campaigns.edit_campaign, key=world.key(), **edit)

    with pytest.raises(Stale):
        world.service.do(planner_of(LEAD), campaigns.edit_campaign, key=world.key(), **edit)

    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    assert (view.version, view.planned) == (2, 12)


def test_a_replayed_request_answers_again_and_does_nothing(world: World) -> None:
    campaign = world.confirmed()
    first = world.freeze(campaign, key="once")
    before = len(said(world.service))

    second = world.freeze(campaign, key="once")

    assert second.value == first.value
    assert len(said(world.service)) == before
    other = world.draft(number="另一个")
    with pytest.raises(KeyReused):
        world.freeze(other, key="once")


def state_of(world: World, campaign: str) -> str:
    return world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign).stored_state


def test_a_frame_is_not_frozen_before_the_draw_stage_unless_the_lead_says_so(world: World) -> None:
    campaign = world.confirmed()

    refused = refusal(lambda: world.freeze(campaign, early=False))

    assert refused.code == "frame.before_draw_stage"
    assert refused.facts == {"first_on": date(2018, 12, 3)}
    assert state_of(world, campaign) == "confirmed"
    world.kit.clock.at = at("2018-12-02", "23:59")
    assert refusal(lambda: world.freeze(campaign, early=False)).code == "frame.before_draw_stage"
    world.kit.clock.at = at("2018-12-03", "00:00")
    world.freeze(campaign, early=False)
    assert state_of(world, campaign) == "frozen"


def test_a_lead_that_is_early_says_so(world: World) -> None:
    campaign = world.confirmed()

    world.freeze(campaign, early=True)

    assert state_of(world, campaign) == "frozen"


def test_a_register_that_changes_while_a_frame_is_made_stops_the_freeze(world: World) -> None:
    from services.planner.commands.frames import FrameInputsMoved, freeze_frame
    from services.planner.prepared import _prepared_frame

    campaign = world.confirmed()
    made = _prepared_frame(world.service, planner_of(LEAD), campaign)
    world.bring("targets", LEAD, one_more_target())

    with pytest.raises(FrameInputsMoved):
        world.service.do(planner_of(LEAD), freeze_frame, campaign_id=campaign, prepared=made, early=True)

    assert not [event for event in said(world.service) if isinstance(event, FrameFrozen)]


# ── partners ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_partner_confirms_with_officers_and_checklists_and_the_event_counts_only(world: World) -> None:
    campaign = world.proposed()

    world.confirm(campaign, "GA")

    confirmed = last(world, PartnerConfirmed)
    assert (confirmed.agency, confirmed.officers, confirmed.checklists) == ("GA", 5, (("GA-01", 1),))
    assert "联络员" not in json.dumps(confirmed.model_dump(mode="json"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("officers", "checklists", "code"),
    [
        (("GA01",), (("GA-01", 1),), "confirmation.officers_too_few"),
        (("GA01", "JT01"), (("GA-01", 1),), "confirmation.officers_unknown"),
        (("GA01", "GA01"), (("GA-01", 1),), "confirmation.officer_twice"),
        (("GA01", "GA02"), (("GA-01", 2),), "confirmation.checklist_unknown"),
        (("GA01", "GA02"), (), "confirmation.items_without_checklist"),
    ],
)
def test_a_confirmation_that_does_not_hold_is_refused(
    world: World, officers: tuple[str, ...], checklists: tuple[tuple[str, int], ...], code: str
) -> None:
    campaign = world.proposed()
    form = ConfirmationForm.model_validate(
        {"officers": officers, "checklists": [{"checklist": name, "edition": n} for name, n in checklists]}
    )

    refused = refusal(lambda: world.service.do(planner_of("GA"), parts.confirm_part, campaign_id=campaign, form=form))

    assert refused.code == code


def decline(world: World, campaign: str, agency: str = "YG", reason: str = "no_officers") -> None:
    form = DeclineForm(reason=reason, text="人手不够")
    world.service.do(planner_of(agency), parts.decline_part, key=world.key(), campaign_id=campaign, form=form)


def test_an_agency_that_declines_is_taken_out_and_the_rest_goes_on(world: World) -> None:
    campaign = world.proposed()
    for agency in ("JT", "AJ", "GA", "SJ"):
        world.confirm(campaign, agency)
    decline(world, campaign)
    assert isinstance(said(world.service)[-1], PartnerDeclined)
    assert refusal(lambda: world.approve(campaign)).code == "campaign.not_confirmed_by"

    world.service.do(planner_of(LEAD), campaigns.remove_partner, campaign_id=campaign, agency="YG")
    assert last(world, PartnerRemoved).agency == "YG"
    gone = planner_of("YG")
    assert refusal(lambda: world.service.ask(gone, campaign_view, campaign_id=campaign)).code == "campaign.unknown"
    world.approve(campaign)
    world.freeze(campaign)

    assert last(world, FrameFrozen).agencies == ("AJ", "GA", "JT", "SJ")
    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    assert next(part for part in view.parts if part.agency == "YG").decline_text == "人手不够"


def test_what_a_partner_may_not_say(world: World) -> None:
    campaign = world.proposed()
    assert refusal(lambda: decline(world, campaign, LEAD)).code == "confirmation.lead_cannot_decline"
    assert refusal(lambda: decline(world, campaign, reason="tired")).code == "confirmation.decline_reason_unknown"
    decline(world, campaign)

    assert refusal(lambda: world.confirm(campaign, "YG")).code == "campaign.part_already_answered"
    assert refusal(lambda: world.confirm(campaign, "GZ", ("GZ01",))).code == "campaign.unknown"


def test_who_may_be_taken_out(world: World) -> None:
    campaign = world.proposed()
    world.confirm(campaign, "GA")

    def take_out(agency: str) -> None:
        world.service.do(planner_of(LEAD), campaigns.remove_partner, campaign_id=campaign, agency=agency)

    assert refusal(lambda: take_out("GA")).code == "campaign.part_not_removable"
    assert refusal(lambda: take_out(LEAD)).code == "campaign.part_not_removable"
    assert refusal(lambda: take_out("ZZ")).code == "campaign.not_a_partner"


# ── walls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draft_is_seen_by_its_lead_only(world: World) -> None:
    campaign = world.draft()

    with pytest.raises(NotFound):
        world.service.ask(planner_of("GA"), campaign_view, campaign_id=campaign)


def test_a_partner_sees_the_campaign_but_not_the_minutes_or_another_contact(world: World) -> None:
    campaign = world.agreed()

    view = world.service.ask(planner_of("GA"), campaign_view, campaign_id=campaign)

    assert view.conference is None
    assert {part.agency for part in view.parts if part.contact} == {"GA"}
    lead = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    assert {part.agency for part in lead.parts if part.contact} == set(AGENCIES)


def test_only_the_lead_takes_the_leads_steps(world: World) -> None:
    campaign = world.agreed()

    assert refusal(lambda: world.approve(campaign, approver_of("GA"))).code == "campaign.not_the_lead"
    assert refusal(lambda: world.approve(campaign, planner_of(LEAD))).code == "campaign.not_the_lead"
    world.approve(campaign)
    assert refusal(lambda: world.freeze(campaign, planner_of("GA"))).code == "campaign.not_the_lead"
    assert isinstance(refusal(lambda: world.freeze(campaign, person("XX", Role.PLANNER))), NotFound)


def test_only_a_planner_drafts(world: World) -> None:
    with pytest.raises(Forbidden):
        world.service.do(approver_of(LEAD), campaigns.create_campaign, form=world.form())


# ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def cancel(world: World, campaign: str) -> None:
    world.service.do(
        planner_of(LEAD), campaigns.cancel_campaign, key=world.key(), campaign_id=campaign, reason="上级调整计划"
    )


def test_a_campaign_is_cancelled_until_its_draw_is_completed(world: World) -> None:
    first, second = world.frozen(), world.frozen(number="二")
    cancel(world, first)
    assert isinstance(said(world.service)[-1], CampaignCancelled)

    world.kit.feed(world.service, opened(second), completed(second))

    assert refusal(lambda: cancel(world, second)).code == "campaign.draw_completed"
    assert refusal(lambda: cancel(world, first)).code == "campaign.state_wrong"


def test_a_sealed_draw_is_not_cancelled(world: World) -> None:
    campaign = world.frozen()
    world.kit.feed(world.service, opened(campaign), sealed(campaign))

    refused = refusal(lambda: cancel(world, campaign))

    assert refused.code == "campaign.draw_sealed"
    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    assert (view.state, "cancel" in view.mine_to) == ("frozen", False)


def test_a_seal_that_was_not_heard_of_takes_the_cancellation_back(world: World) -> None:
    campaign = world.frozen()
    world.kit.feed(world.service, opened(campaign))
    cancel(world, campaign)

    world.kit.feed(world.service, sealed(campaign))

    told = last(world, CampaignResumed)
    assert (told.campaign, told.lead) == (campaign, LEAD)
    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    assert view.state == "frozen"
    world.kit.feed(world.service, completed(campaign))
    assert world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign).state == "drawn"


def test_a_draft_is_cancelled_without_a_word(world: World) -> None:
    before = len(said(world.service))

    cancel(world, world.draft())

    assert len(said(world.service)) == before


def test_a_step_out_of_turn_is_refused(world: World) -> None:
    campaign = world.frozen()

    for work in (
        lambda: world.propose(campaign),
        lambda: world.approve(campaign),
        lambda: world.freeze(campaign),
        lambda: world.confirm(campaign, "GA"),
    ):
        assert refusal(work).code == "campaign.state_wrong"


# ── read models ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_next_step_is_told_to_whoever_takes_it(world: World) -> None:
    def tasks(actor: Any) -> list[str]:
        return [task.step for task in world.service.ask(actor, tasks_of)]

    campaign = world.draft()
    assert tasks(planner_of(LEAD)) == ["propose"]
    world.propose(campaign)
    assert tasks(planner_of("GA")) == tasks(planner_of(LEAD)) == ["confirm"]
    for agency in AGENCIES:
        world.confirm(campaign, agency)
    assert (tasks(planner_of("GA")), tasks(approver_of(LEAD))) == ([], ["approve"])
    world.approve(campaign)
    assert (tasks(planner_of(LEAD)), tasks(approver_of(LEAD))) == (["freeze"], [])
    world.freeze(campaign)
    assert tasks(planner_of(LEAD)) == []
    world.kit.feed(world.service, opened(campaign), completed(campaign, visits=1, sections=1))
    world.kit.feed(world.service, scheduled(campaign, 1, "JT"), published(campaign, 1, "JT"))
    assert tasks(planner_of(LEAD)) == ["close"]


def test_a_campaign_shows_the_warnings_of_its_dates(world: World) -> None:
    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=world.draft())

    assert [warned.code for warned in view.warnings] == [
        "stage_ends_on_day_off",
        "stage_ends_on_day_off",
        "rule_term_does_not_fit",
    ]
    assert [str(warned.get()["usable"]) for warned in view.warnings[:2]] == ["2018-12-07", "2018-12-29"]
    assert [days.working_days for days in view.stages] == [3, 5, 9, 7]


def test_sizes_show_both_spreads(world: World) -> None:
    campaign = world.draft()
    found = world.service.ask(planner_of(LEAD), campaign_sizes, campaign_id=campaign, at=at("2018-11-29")).sizes

    assert found.frame == 110
    assert {option.spread: option.targets for option in found.options} == {"one_class": 11, "class_per_category": 15}
    assert (found.fewest, found.most, found.feasible) == (11, 110, True)
    with pytest.raises(Rejected):
        world.service.ask(planner_of("GA"), campaign_sizes, campaign_id=campaign, at=at("2018-11-29"))


def test_a_partners_form_proposes_who_qualifies_and_the_newest_checklist(world: World) -> None:
    campaign = world.proposed()

    form = world.service.ask(planner_of("AJ"), part_form, campaign_id=campaign, on=at("2018-11-29").date())

    assert {each.officer: each.reason for each in form.officers}["AJ04"] == "label_missing"
    assert form.values["officers"] == ["AJ01", "AJ02", "AJ03"]
    assert form.values["checklists"] == ["AJ-01@1", "AJ-02@1"]


# ── sources of randomness ───────────────────────────────────────────────────────────────────────────────────────────

MORE_SOURCES = """
[[beacons]]
kind = "lottery"
code = "3d"
zh = "福彩3D"
en = "The lottery 3D"
digits = 3
source = "HOUSE"

[[beacons]]
kind = "chain"
code = "bank"
zh = "县支行"
en = "The bank's branch"
source = "HOUSE"
""".encode()


@pytest.mark.parametrize(
    ("dice", "chosen", "told"),
    [
        (None, ("drand-quicknet",), [("drand-quicknet", None)]),
        (20, ("lottery:3d",), [("lottery:3d", 3)]),
        (None, ("lottery:3d", "chain:bank"), [("lottery:3d", 3), ("chain:bank", None)]),
    ],
)
def test_the_plan_names_the_sources_of_randomness_as_the_pack_has_them(
    kit: Kit, dice: int | None, chosen: tuple[str, ...], told: list[tuple[str, int | None]]
) -> None:
    world = World(kit).bodies().rules(MORE_SOURCES).registers()
    campaign = world.confirmed(dice=dice, beacons=chosen)

    view = world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign)
    document = world.service.ports.blobs.get(last(world, CampaignConfirmed).plan, "drawer")
    plan = CampaignPlan.model_validate_json(document)

    assert (plan.dice, [(one.id, one.digits) for one in plan.beacons]) == (dice, told)
    assert set(view.beacons) == set(chosen)
    assert view.beacon_words["lottery:3d"] == ("福彩3D", "The lottery 3D")


def test_a_plan_with_dice_alone_is_written_as_before(world: World) -> None:
    campaign = world.confirmed()

    document = world.service.ports.blobs.get(last(world, CampaignConfirmed).plan, "drawer")

    assert b"beacons" not in document
    assert world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign).beacons == ()


# ── the hash of a draw ──────────────────────────────────────────────────────────────────────────────────────────────


def approved_plan(world: World, campaign: str) -> tuple[bytes, str]:
    """The approved plan as it was written, and the hash that the campaign's page shows."""
    document = world.service.ports.blobs.get(last(world, CampaignConfirmed).plan, "drawer")
    return document, world.service.ask(planner_of(LEAD), campaign_view, campaign_id=campaign).hash


def test_a_plan_that_chooses_sm3_names_it(world: World) -> None:
    document, shown = approved_plan(world, world.confirmed(hash="sm3"))

    assert CampaignPlan.model_validate_json(document).hash == shown == "sm3"
    assert b'"hash":"sm3"' in document


@pytest.mark.parametrize("chosen", [{}, {"hash": "sha256"}])
def test_a_plan_with_sha256_is_written_as_before(world: World, chosen: dict[str, str]) -> None:
    document, shown = approved_plan(world, world.confirmed(**chosen))

    assert b'"hash"' not in document
    assert shown == "sha256"


def test_a_pack_whose_first_hash_is_sm3_gives_it_to_a_plan_that_names_none(kit: Kit) -> None:
    sha256 = '[[hashes]]\ncode = "sha256"\nzh = "国际标准 SHA-256"\nen = "SHA-256"\nsource = "SHA2"\n'
    world = World(kit).bodies().rules(less=sha256.encode()).registers()

    document, shown = approved_plan(world, world.confirmed())

    assert CampaignPlan.model_validate_json(document).hash == shown == "sm3"
    assert refusal(lambda: world.draft(hash="sha256")).code == "campaign.hash_not_offered"
