"""What goes wrong in a ceremony, each time by its code; and what is left as it was."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest

from runtime.errors import NotYet, OneVisitError
from runtime.secrets import Secrets
from runtime.service import KeyReused, Reply
from runtime.time.timers import next_due, run_due
from schemas.events.draws import DrawCompleted, DrawOpened, DrawVoided
from schemas.vocabulary import Role
from services.drawer import acts, archive, checking
from services.drawer.acts import AskedTimes, Intervals
from services.drawer.domain.feasibility import DrawInfeasible
from services.drawer.progress import Act, Stage
from services.drawer.queries.campaigns import campaign_view
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draw_view, draws_of, tasks_of
from services.drawer.queries.keys import public_keys
from services.drawer.vault import Vault
from tests.kit import Kit, person, said
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    CAMPAIGN,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    OPENED,
    PLANNER,
    REVEAL_CLOSE,
    SEAL_BY,
    SUPERVISOR,
    TIMES,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    confirmed,
    frozen,
    plan,
    registered,
    rosters,
)

SECOND = timedelta(seconds=1)


def refused(error: type[OneVisitError] | None = None) -> pytest.RaisesExc[OneVisitError]:
    """Expect a refusal."""
    return pytest.raises(error or OneVisitError)


def voided(county: County) -> list[DrawVoided]:
    """List the attempts that were said to be void."""
    return [one for one in said(county.service) if isinstance(one, DrawVoided)]


# ── before the opening ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agency_with_one_eligible_officer_blocks_the_draw_by_name_and_leaves_nothing(kit: Kit) -> None:
    county = a_county(kit, given=rosters({"AJ": 1}))

    with refused(DrawInfeasible) as refusal:
        county.open()

    assert refusal.value.facts["agencies"] == ["AJ"]
    assert refusal.value.facts["names"] == ["安监局"]
    assert said(county.service) == []
    assert county.service.ask(LEAD, public_keys) == []
    view = county.service.ask(LEAD, campaign_view, campaign_id=CAMPAIGN, now=OPENED)
    assert view.draw is None


def test_the_feasibility_report_names_agency_and_rule(kit: Kit) -> None:
    county = a_county(kit, given=rosters({"AJ": 1, "SJ": 1}))

    found = acts.feasibility(county.service, LEAD, CAMPAIGN)

    assert {(one.code, one.facts["agency"]) for one in found.shortages} >= {
        ("draw.short.officers", "AJ"),
        ("draw.short.officers", "SJ"),
    }


def test_only_the_leads_draw_officer_opens(county: County) -> None:
    for actor in (OFFICER["GA"], PLANNER, WITNESS):
        with refused() as refusal:
            acts.open_draw(county.service, actor, CAMPAIGN, TIMES, key="o")
        assert refusal.value.code == "draw.lead_only"


def test_an_unrelated_agency_finds_no_campaign_and_no_draw(county: County) -> None:
    stranger = person("XF", Role.DRAW_OFFICER)
    county.open()

    with refused() as no_campaign:
        acts.open_draw(county.service, stranger, CAMPAIGN, TIMES, key="o")
    with refused() as no_draw:
        acts.commit(county.service, stranger, DRAW, key="c")

    assert (no_campaign.value.code, no_draw.value.code) == ("draw.campaign_unknown", "draw.unknown")
    assert county.service.ask(stranger, draws_of, now=OPENED) == []


def test_a_frame_that_is_not_frozen_cannot_be_drawn_from(kit: Kit) -> None:
    county = a_county(kit)
    other = plan(campaign="C-640221-2018-002")
    kit.feed(county.service, confirmed(kit, other))

    with refused() as refusal:
        acts.open_draw(county.service, LEAD, "C-640221-2018-002", TIMES, key="o")

    assert refusal.value.code == "draw.frame_not_frozen"


def test_a_body_not_heard_of_yet_is_awaited(kit: Kit) -> None:
    from services.drawer.app import drawer

    service = kit.build(drawer)
    kit.feed(service, *registered()[:-1], confirmed(kit, plan()), frozen(kit, rosters()))
    kit.clock.at = OPENED

    with refused(NotYet) as refusal:
        acts.open_draw(service, LEAD, CAMPAIGN, TIMES, key="o")

    assert refusal.value.facts["awaits"] == "agency:GZ"


def test_times_that_do_not_follow_one_another_are_refused_and_leave_nothing(county: County) -> None:
    with refused() as refusal:
        county.open(beacon_time=SEAL_BY + timedelta(seconds=599))

    assert refusal.value.code == "draw.times_out_of_order"
    assert said(county.service) == []


def test_a_draw_is_not_opened_before_its_stage_unless_the_lead_says_so(county: County) -> None:
    county.kit.clock.at = OPENED - timedelta(hours=9, seconds=1)  # the last second of 2 December in China

    with refused() as refusal:
        acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o")

    assert (refusal.value.code, refusal.value.facts) == ("draw.before_stage", {"first_on": date(2018, 12, 3)})
    assert said(county.service) == []
    assert county.service.ask(LEAD, draws_of, now=OPENED) == [], "not even a number was given"

    acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="early", early=True)
    assert len(said(county.service)) == 1


def test_on_its_first_day_a_draw_is_opened_as_planned(county: County) -> None:
    county.kit.clock.at = OPENED - timedelta(hours=9)

    acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o")

    assert len(said(county.service)) == 1


def test_a_draw_must_be_done_before_the_inspection_stage_ends(county: County) -> None:
    with refused() as refusal:
        county.open(beacon_time=WINDOW_END + SECOND)

    assert refusal.value.facts["later"] == "window_end"


def test_times_left_out_follow_from_the_settings(county: County) -> None:
    reply = acts.open_draw(county.service, LEAD, CAMPAIGN, acts.AskedTimes(), key="o")

    view = county.service.ask(LEAD, draw_view, draw_id=reply.value["draw"], now=OPENED)
    hours = [(getattr(view.moments, name) - OPENED) / timedelta(hours=1) for name in ("commit_close", "beacon_time")]
    assert hours == [24, pytest.approx(24 + 1 + 0.5 + 1 / 6)]
    assert view.moments.window_end == WINDOW_END


def test_while_an_attempt_runs_no_other_opens(county: County) -> None:
    county.open()

    with refused() as refusal:
        acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="other")

    assert refusal.value.code == "draw.attempt_running"


def test_a_key_used_for_another_draw_is_refused(county: County) -> None:
    acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o")

    with refused(KeyReused):
        acts.open_draw(county.service, LEAD, "C-640221-2018-009", TIMES, key="o")


def test_a_key_used_for_other_times_is_refused_and_for_the_same_answered_again(county: County) -> None:
    first = acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o")

    assert acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o").value == first.value
    with refused(KeyReused):
        acts.open_draw(county.service, LEAD, CAMPAIGN, replace(TIMES, seal_by=SEAL_BY + SECOND), key="o")
    with refused(KeyReused):
        acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="o", lengths=Intervals(60, 30, 10, 10))


def test_a_key_used_for_other_lengths_is_refused_and_for_the_same_answered_again_whenever_it_comes(
    county: County,
) -> None:
    """The page says how long, not until when: a repeated form comes later, and asks for the same."""

    def open_for(minutes: int) -> Reply:
        lengths = Intervals(minutes, 30, 10, 10)
        return acts.open_draw(county.service, LEAD, CAMPAIGN, AskedTimes(), key="o", lengths=lengths)

    first = open_for(60)
    county.at(OPENED + timedelta(minutes=5))

    assert open_for(60).value == first.value
    with refused(KeyReused):
        open_for(61)


def test_a_key_used_with_other_dice_of_ones_own_is_refused(county: County) -> None:
    county.open()
    first = acts.commit(county.service, OFFICER["AJ"], DRAW, key="c", own_dice="271828")

    assert acts.commit(county.service, OFFICER["AJ"], DRAW, key="c", own_dice="271828").value == first.value
    for other in ("271829", None):
        with refused(KeyReused):
            acts.commit(county.service, OFFICER["AJ"], DRAW, key="c", own_dice=other)


def test_a_key_used_to_reveal_another_value_is_refused(county: County) -> None:
    county.open()
    county.commit()
    county.countersign()
    first = acts.reveal(county.service, OFFICER["SJ"], DRAW, key="r")

    assert acts.reveal(county.service, OFFICER["SJ"], DRAW, key="r").value == first.value
    with refused(KeyReused):
        acts.reveal(county.service, OFFICER["SJ"], DRAW, key="r", value="00" * 32)


def test_dice_of_ones_own_cannot_be_guessed_from_what_is_kept_of_a_request(county: County) -> None:
    vault, other = Vault(county.service.ports), replace(county.service.ports, secrets=Secrets(bytes(32), {}))

    assert vault.fingerprint("1234") == vault.fingerprint("1234") != vault.fingerprint("1235")
    assert vault.fingerprint("1234") != Vault(other).fingerprint("1234")
    assert vault.fingerprint("1234") != sha256(b"1234").hexdigest()
    assert vault.fingerprint(None) is None


# ── commit ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_witness_and_other_roles_do_not_commit(county: County) -> None:
    county.open()
    for actor, code in ((WITNESS, "draw.officer_only"), (PLANNER, "draw.officer_only")):
        with refused() as refusal:
            acts.commit(county.service, actor, DRAW, key="c")
        assert refusal.value.code == code
    with refused() as refusal:
        acts.commit(county.service, person("GZ", Role.DRAW_OFFICER), DRAW, key="c")
    assert refusal.value.code == "draw.not_an_agency"


def test_an_agency_commits_once(county: County) -> None:
    county.open()
    county.commit("GA")

    with refused() as refusal:
        acts.commit(county.service, OFFICER["GA"], DRAW, key="again")

    assert refusal.value.code == "draw.already_said"
    assert refusal.value.facts["names"] == ["公安局"]


def test_own_dice_must_be_digits(county: County) -> None:
    county.open()

    with refused() as refusal:
        acts.commit(county.service, OFFICER["GA"], DRAW, key="c", own_dice="12x")

    assert refusal.value.code == "draw.own_dice_wrong"


def test_a_late_commitment_is_refused_and_the_attempt_is_void_with_the_absent_named(county: County) -> None:
    county.open()
    county.commit("AJ", "GA", "JT")
    county.kit.clock.at = COMMIT_CLOSE + SECOND

    with refused() as refusal:
        county.commit("SJ")
    assert refusal.value.code == "draw.commit_too_late"
    assert refusal.value.facts["commit_close"] == COMMIT_CLOSE
    due = next_due(county.service, county.kit.clock.at)
    assert due is not None
    assert (due[0], due[1].name) == (COMMIT_CLOSE + SECOND, "drawer.end_attempts")

    run_due(county.service, county.kit.clock.at)

    assert [(one.reason, one.absent) for one in voided(county)] == [("commitment_missing", ("SJ", "YG"))]
    with refused() as over:
        county.commit("YG")
    assert over.value.code == "draw.attempt_over"


def test_the_last_second_of_the_window_still_counts(county: County) -> None:
    county.open()
    county.at(COMMIT_CLOSE)

    county.commit()

    assert voided(county) == []


def test_after_a_void_attempt_the_next_one_opens_and_the_record_holds_both(county: County) -> None:
    county.open()
    county.commit("AJ", "GA")
    county.at(COMMIT_CLOSE + SECOND)
    at = county.kit.clock.at
    later = {name: moment + timedelta(days=1, hours=1) for name, moment in TIMES.__dict__.items()}

    county.open(**later)

    opened = [one for one in said(county.service) if isinstance(one, DrawOpened)]
    assert [one.attempt for one in opened] == [1, 2]
    assert opened[0].draw == opened[1].draw
    county.commit()
    county.at(later["commit_close"])
    county.countersign()
    county.reveal()
    county.seal()
    county.at(later["beacon_time"])
    county.dice()
    files = archive.full_record(county.service, DRAW)
    report = checking.verify(files.record, [files.frame])
    assert (report.attempt, report.targets) == (2, 11)
    view = county.service.ask(LEAD, draw_view, draw_id=DRAW, now=at)
    assert [(one.attempt, one.reason, one.absent_names) for one in view.earlier] == [
        (1, "commitment_missing", ["交通运输局", "市场监管局", "运管所"])
    ]


# ── countersign and reveal ──────────────────────────────────────────────────────────────────────────────────────────


def test_countersigning_begins_when_the_commitment_window_has_closed(county: County) -> None:
    county.open()
    county.commit()

    with refused() as refusal:
        acts.countersign(county.service, LEAD, DRAW, key="x")

    assert refusal.value.code == "draw.commit_window_open"
    view = county.service.ask(LEAD, draw_view, draw_id=DRAW, now=OPENED)
    assert (view.stage, view.waits, view.deadline, view.can) == (Stage.COUNTERSIGN, True, COMMIT_CLOSE, [])


def test_an_incomplete_list_of_commitments_is_not_countersigned(county: County) -> None:
    county.open()
    county.commit("AJ", "GA", "JT", "SJ")

    with refused() as refusal:
        acts.countersign(county.service, LEAD, DRAW, key="x")

    assert refusal.value.code == "draw.commits_incomplete"
    assert refusal.value.facts["names"] == ["运管所"]


def test_nobody_reveals_before_every_countersignature_is_there(county: County) -> None:
    county.open()
    county.commit()
    county.countersign("AJ", "GA", "JT", "SJ")

    with refused() as refusal:
        county.reveal("JT")

    assert refusal.value.code == "draw.countersignature_missing"
    assert refusal.value.facts["agencies"] == ("YG",)
    assert refusal.value.facts["names"] == ["运管所"]


def test_a_missing_countersignature_voids_at_reveal_close_and_a_late_one_is_refused(county: County) -> None:
    county.open()
    county.commit()
    county.countersign("AJ", "GA", "JT", "SJ")
    county.kit.clock.at = REVEAL_CLOSE

    with refused() as refusal:
        acts.countersign(county.service, OFFICER["YG"], DRAW, key="x")
    assert refusal.value.code == "draw.attempt_over"
    run_due(county.service, REVEAL_CLOSE)

    assert [(one.reason, one.absent) for one in voided(county)] == [("countersignature_missing", ("YG",))]


def test_a_reveal_that_does_not_open_its_commitment_is_refused(county: County) -> None:
    county.open()
    county.commit()
    county.countersign()

    with refused() as refusal:
        acts.reveal(county.service, OFFICER["SJ"], DRAW, key="wrong", value="00" * 32)

    assert refusal.value.code == "draw.reveal_wrong"
    assert refusal.value.facts["names"] == ["市场监管局"]
    county.reveal("SJ")


def test_a_revealed_value_is_hex_of_32_bytes(county: County) -> None:
    county.open()
    county.commit()
    county.countersign()

    with refused() as refusal:
        acts.reveal(county.service, OFFICER["SJ"], DRAW, key="wrong", value="seed")

    assert refusal.value.code == "draw.hex_wrong"


def test_who_has_not_committed_has_nothing_to_reveal(county: County) -> None:
    county.open()

    with refused() as refusal:
        acts.reveal(county.service, LEAD, DRAW, key="r")

    assert refusal.value.code == "draw.nothing_committed"


# ── seal and dice ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_witness_seals_and_enters_dice(county: County) -> None:
    county.until_revealed()
    for actor in (LEAD, person("GZ", Role.DRAW_OFFICER), person("JT", Role.WITNESS)):
        with refused() as refusal:
            acts.seal(county.service, actor, DRAW, key="s")
        assert refusal.value.code == "draw.witness_only"
    county.seal()
    county.at(BEACON_TIME)
    with refused() as refusal:
        county.dice(actor=LEAD)
    assert refusal.value.code == "draw.witness_only"


def test_a_list_with_a_reveal_missing_is_not_sealed_before_reveal_close(county: County) -> None:
    county.open()
    county.commit()
    county.countersign()
    county.reveal("AJ", "GA", "JT", "SJ")

    with refused() as refusal:
        county.seal()

    assert refusal.value.code == "draw.seal_too_early"


def test_too_many_missing_reveals_are_not_sealed_and_void_the_attempt(county: County) -> None:
    county.open()
    county.commit()
    county.countersign()
    county.reveal("AJ", "GA", "JT")
    county.at(REVEAL_CLOSE)

    with refused() as refusal:
        county.seal()
    assert refusal.value.code == "draw.too_many_missing"
    county.at(SEAL_BY + SECOND)

    assert [(one.reason, one.absent) for one in voided(county)] == [("reveals_missing", ("SJ", "YG"))]


def test_without_a_seal_in_time_the_attempt_is_void_and_the_witness_named(county: County) -> None:
    county.until_revealed()
    county.kit.clock.at = SEAL_BY + SECOND
    with refused() as refusal:
        county.seal()
    assert refusal.value.code == "draw.attempt_over"

    run_due(county.service, county.kit.clock.at)

    assert [(one.reason, one.absent) for one in voided(county)] == [("seal_missing", ("GZ",))]


def test_there_is_one_seal_and_nothing_is_revealed_after_it(county: County) -> None:
    county.open()
    county.commit()
    county.countersign()
    county.reveal("AJ", "GA", "JT", "SJ")
    county.at(REVEAL_CLOSE)
    county.seal()

    with refused() as again:
        county.seal(key="again")
    with refused() as late:
        county.reveal("YG")

    assert (again.value.code, late.value.code) == ("draw.seal_already_set", "draw.reveal_too_late")


def test_dice_come_after_the_seal_and_not_before_their_time(county: County) -> None:
    county.until_revealed()
    with refused() as unsealed:
        county.dice(key="1")
    county.seal()
    with refused() as early:
        county.dice(key="2")

    assert (unsealed.value.code, early.value.code) == ("draw.not_sealed", "draw.dice_too_early")
    assert early.value.facts["beacon_time"] == BEACON_TIME


@pytest.mark.parametrize(
    ("digits", "again", "code"),
    [
        (DIGITS, DIGITS[:-1] + "5", "draw.dice_typed_differently"),
        (DIGITS[:-1], None, "draw.dice_wrong"),
        (DIGITS[:-1] + "x", None, "draw.dice_wrong"),
    ],
)
def test_dice_are_typed_twice_in_full(county: County, digits: str, again: str | None, code: str) -> None:
    county.until_sealed()
    county.at(BEACON_TIME)

    with refused() as refusal:
        county.dice(digits, again=again)

    assert refusal.value.code == code
    county.dice(" ".join(DIGITS), key="good")


def test_nothing_is_drawn_twice(county: County) -> None:
    county.until_drawn()

    with refused() as dice:
        county.dice(key="again")
    with refused() as opening:
        acts.open_draw(county.service, LEAD, CAMPAIGN, TIMES, key="other")

    assert (dice.value.code, opening.value.code) == ("draw.beacon_unexpected", "draw.already_run")
    assert len([one for one in said(county.service) if isinstance(one, DrawCompleted)]) == 1


# ── the list and the record ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_for_the_leads_planner_and_draw_officer(drawn: County) -> None:
    assert len(drawn.service.ask(PLANNER, drawn_list, draw_id=DRAW)) == 11
    for actor in (SUPERVISOR, OFFICER["GA"], WITNESS, person("GA", Role.PLANNER), person("JT", Role.VIEWER)):
        with refused() as refusal:
            drawn.service.ask(actor, drawn_list, draw_id=DRAW)
        assert refusal.value.code == "draw.list_not_for_you"


@pytest.mark.parametrize("edition", ["public", "full"])
def test_before_the_window_closes_nobody_gets_a_record(drawn: County, edition: str) -> None:
    for actor in (LEAD, SUPERVISOR, WITNESS, OFFICER["GA"]):
        with refused() as refusal:
            archive.record(drawn.service, actor, DRAW, edition=edition)
        assert refusal.value.code == "draw.not_disclosed_yet"
        assert refusal.value.facts["until"] == WINDOW_END


def test_the_full_edition_is_for_the_leads_supervisor_and_draw_officer(county: County) -> None:
    county.until_drawn()
    county.at(WINDOW_END)

    full = archive.record(county.service, SUPERVISOR, DRAW, edition="full")

    assert full == archive.record(county.service, LEAD, DRAW, edition="full")
    for actor in (OFFICER["GA"], PLANNER, WITNESS):
        assert archive.record(county.service, actor, DRAW, edition="public").frame == full.frame
        with refused() as refusal:
            archive.record(county.service, actor, DRAW, edition="full")
        assert refusal.value.code == "draw.record_not_for_you"
    with refused() as unknown:
        archive.record(county.service, LEAD, DRAW, edition="secret")
    assert unknown.value.code == "draw.edition_unknown"


def test_each_is_offered_what_is_theirs_to_do_and_nothing_else(county: County) -> None:
    def offered() -> dict[str, list[Act]]:
        now = county.kit.clock.at
        people = {**{one: OFFICER[one] for one in AGENCIES}, "GZ": WITNESS}
        tasks = {one: county.service.ask(actor, tasks_of, now=now) for one, actor in people.items()}
        found = {one: [act for line in each.acts for act in line.can] for one, each in tasks.items()}
        found["JT"] += [Act.OPEN for _ in tasks["JT"].open]
        return {one: acts for one, acts in found.items() if acts}

    assert offered() == {"JT": [Act.OPEN]}
    county.open()
    assert offered() == {one: [Act.COMMIT] for one in AGENCIES}
    county.commit()
    assert offered() == {}
    county.at(COMMIT_CLOSE)
    assert offered() == {one: [Act.COUNTERSIGN] for one in AGENCIES}
    county.countersign()
    assert offered() == {one: [Act.REVEAL] for one in AGENCIES}
    county.reveal("AJ", "GA", "JT", "SJ")
    assert offered() == {"YG": [Act.REVEAL]}
    county.at(REVEAL_CLOSE)
    assert offered() == {"YG": [Act.REVEAL], "GZ": [Act.SEAL]}
    county.seal()
    assert offered() == {}
    county.at(BEACON_TIME)
    assert offered() == {"GZ": [Act.DICE]}
    county.dice()
    assert offered() == {}
