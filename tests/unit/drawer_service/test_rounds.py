"""After the draw: a target that is gone and an officer who is ill, replaced in a round that nobody can steer."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from runtime.errors import OneVisitError
from runtime.store import Actor
from schemas.documents import GrantedRecusal, TeamChange, WorkList
from schemas.events.draws import (
    ChangeApproved,
    ChangeRequested,
    DrawDisclosed,
    InspectorSubstituted,
    RecusalGranted,
    RoundClosed,
    RoundOpened,
    RoundSpent,
    TargetReplaced,
)
from schemas.events.payload import Payload
from schemas.vocabulary import Role
from services.drawer import archive, checking, round_acts
from services.drawer.commands import changing
from services.drawer.queries.drawn import VisitView, drawn_list
from services.drawer.queries.records import public_draw
from services.drawer.queries.rounds import changes_view, round_view
from services.drawer.round_acts import AskedRoundTimes
from services.drawer.uploads import Document
from tests.kit import Kit, person, said
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    entered,
    plan,
)
from tests.verifier_js import node

ROOT = Path(__file__).parents[3]
TRY = count()
PDF = Document("证明.pdf", b"%PDF-1.4 a leave slip\n")
REASONS = ("closed", "moved_out", "officer_ill")
ASKED_ON = BEACON_TIME + timedelta(hours=20)
SEAL_BY, DICE_AT = ASKED_ON + timedelta(hours=1), ASKED_ON + timedelta(hours=2)
HEAD = {agency: person(agency, Role.AGENCY_HEAD) for agency in AGENCIES}
TEAM_LEAD = {agency: person(agency, Role.TEAM_LEAD) for agency in AGENCIES}


@pytest.fixture
def after(kit: Kit) -> County:
    """The county the day after its draw."""
    county = a_county(kit, plan(replacement_reasons=REASONS))
    county.until_drawn()
    county.at(ASKED_ON)
    return county


def visits(county: County) -> list[VisitView]:
    return list(county.service.ask(LEAD, drawn_list, draw_id=DRAW))


def standing(county: County) -> list[VisitView]:
    return [one for one in visits(county) if one.removed_in is None]


def team(visit: VisitView, agency: str) -> list[str]:
    return [str(one) for each in visit.teams if each.agency == agency for one in each.officers]


def ask(county: County, actor: Actor, visit: str, reason: str, officer: str | None = None) -> str:
    key = f"ask-{actor.id}-{visit}-{officer}-{reason}"
    asked = round_acts.ask_change(
        county.service, actor, DRAW, visit, key=key, officer=officer, reason=reason, document=PDF
    )
    return str(asked.value["change"])


def approve(county: County, agency: str, change: str, *, yes: bool = True) -> None:
    county.service.do(HEAD[agency], changing.decide_change, draw_id=DRAW, change_id=change, approve=yes)


def asked_and_approved(county: County, visit: str, reason: str, agency: str, officer: str | None = None) -> str:
    change = ask(county, TEAM_LEAD[agency], visit, reason, officer)
    approve(county, agency, change)
    return change


def open_round(county: County, seal_by: datetime = SEAL_BY, dice_at: datetime = DICE_AT) -> int:
    asked = AskedRoundTimes(seal_by, dice_at)
    reply = round_acts.open_round(county.service, LEAD, DRAW, asked, key=f"open-{next(TRY)}")
    return int(reply.value["round"])


def sign(county: County, number: int) -> None:
    signers = county.service.ask(LEAD, round_view, draw_id=DRAW, number=number, now=county.kit.clock.at).bodies
    for body in (one.body for one in signers if one.signs):
        actor = WITNESS if body == "GZ" else OFFICER[body]
        round_acts.sign(county.service, actor, DRAW, number, key=f"sign-{number}-{body}")


def reveal(county: County, number: int, *agencies: str) -> None:
    for agency in agencies or AGENCIES:
        round_acts.reveal(county.service, OFFICER[agency], DRAW, number, key=f"reveal-{number}-{agency}")


def finish(county: County, number: int, dice_at: datetime = DICE_AT) -> None:
    sign(county, number)
    reveal(county, number)
    round_acts.seal(county.service, WITNESS, DRAW, number, key=f"seal-{number}")
    county.at(dice_at)
    typed = DIGITS[::-1]
    round_acts.throw_dice(county.service, WITNESS, DRAW, number, key=f"dice-{number}", digits=typed, again=typed)


def firm_asks(county: County, visit: VisitView, words: str = "该人员与我单位有债务纠纷。") -> str:
    officer = team(visit, "SJ")[0]
    reply = round_acts.ask_change(
        county.service,
        TEAM_LEAD["SJ"],
        DRAW,
        visit.visit,
        key=f"firm-{next(TRY)}",
        officer=officer,
        reason="officer_ill",
        document=PDF,
        firms_words=words,
    )
    return str(reply.value["change"])


def head_decides(county: County, actor: Actor, change: str, words: str, *, yes: bool = True) -> None:
    key = f"decide-{next(TRY)}"
    round_acts.decide_change(county.service, actor, DRAW, change, key=key, approve=yes, words=words)


def code(call: Callable[[], object]) -> str:
    with pytest.raises(OneVisitError) as refusal:
        call()
    return refusal.value.code


def events(county: County, *kinds: type[Payload]) -> list[Payload]:
    return [one for one in said(county.service) if isinstance(one, kinds)]


def a_round(county: County) -> tuple[VisitView, VisitView, str]:
    """Ask for one removal and one drop-out, and play the round: what was visited, and who was ill."""
    gone, other = visits(county)[0], visits(county)[-1]
    ill = team(other, "SJ")[0]
    asked_and_approved(county, gone.visit, "moved_out", gone.teams[0].agency)
    asked_and_approved(county, other.visit, "officer_ill", "SJ", ill)
    finish(county, open_round(county))
    return gone, other, ill


def verified(county: County, folder: Path, edition: str) -> str:
    files = archive.record(county.service, county.service.system, DRAW, edition=edition)
    (folder / "record.json").write_bytes(files.record)
    (folder / "frame.tsv").write_bytes(files.frame)
    command = [sys.executable, ROOT / "verify_draw.py", folder / "record.json", folder / "frame.tsv"]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert node.named(node.verified(folder)[folder.name]) == (0, None, None)
    assert checking.verify(files.record, [files.frame]).rounds == len(json.loads(files.record)["replacements"])
    return files.record.decode()


# ── a round ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("edition", ["full", "public"])
def test_a_round_replaces_a_target_and_an_officer_and_all_three_verifiers_accept_it(
    after: County, edition: str, tmp_path: Path
) -> None:
    before = visits(after)
    gone, other, ill = a_round(after)

    now = {one.visit: one for one in visits(after)}

    assert now[gone.visit].removed_in == 1
    assert len(standing(after)) == len(before)
    new = now["V-640221-2018-001-12"]
    assert (new.drawn_in, new.stratum) == (1, gone.stratum)
    assert new.target not in {one.target for one in before}
    came = team(now[other.visit], "SJ")
    assert ill not in came
    assert len(set(came)) == 2
    assert team(other, "SJ")[1] in came, "who stands is not moved"
    unchanged = [one for one in before if one.visit not in (gone.visit, other.visit)]
    assert [now[one.visit] for one in unchanged] == unchanged
    record = json.loads(verified(after, tmp_path, edition))
    assert [one["round"] for one in record["replacements"]] == [1]
    assert record["selected"] != record["replacements"][0]["selected"]


def test_each_step_is_said_and_names_visits_only(after: County) -> None:
    gone, other, ill = a_round(after)
    told = events(
        after, ChangeRequested, ChangeApproved, RoundOpened, RoundClosed, TargetReplaced, InspectorSubstituted
    )

    assert [type(one) for one in told] == [
        *[ChangeRequested, ChangeApproved] * 2,
        *[RoundOpened, TargetReplaced, InspectorSubstituted, RoundClosed],
    ]
    opened, replaced, substituted, closed = told[-4:]
    assert isinstance(opened, RoundOpened)
    assert set(opened.signers) == {"SJ", *(one.agency for one in gone.teams)}
    assert isinstance(replaced, TargetReplaced)
    assert (replaced.visit, replaced.instead, replaced.reason) == (gone.visit, "V-640221-2018-001-12", "moved_out")
    work = WorkList.model_validate_json(after.kit.blobs.get(replaced.work, "results"))
    assert [one.visit for one in work.visits] == ["V-640221-2018-001-12"]
    assert isinstance(substituted, InspectorSubstituted)
    change = TeamChange.model_validate_json(after.kit.blobs.get(substituted.team, "notifier"))
    assert (change.visit, change.left) == (other.visit, (ill,))
    assert set(change.came) == {str(one) for one in change.team.officers} - set(team(other, "SJ"))
    assert isinstance(closed, RoundClosed)
    assert closed.visits == 11
    targets = {one.target for one in visits(after)}
    assert not any(target in one.model_dump_json() for one in told for target in targets)


def test_a_second_round_builds_on_the_first_and_the_number_of_a_spent_one_is_used(
    after: County, tmp_path: Path
) -> None:
    a_round(after)
    later = DICE_AT + timedelta(hours=1)
    after.at(later)
    gone = standing(after)[3]
    asked_and_approved(after, gone.visit, "closed", gone.teams[0].agency)
    assert open_round(after, later + timedelta(hours=1), later + timedelta(hours=2)) == 2
    after.at(later + timedelta(hours=1, seconds=1))
    (spent,) = events(after, RoundSpent)
    assert isinstance(spent, RoundSpent)
    assert (spent.reason, set(spent.absent)) == ("signature_missing", {"GZ", *(one.agency for one in gone.teams)})
    assert code(lambda: sign(after, 2)) == "draw.round_over"

    number = open_round(after, later + timedelta(hours=2), later + timedelta(hours=3))
    finish(after, number, later + timedelta(hours=3))

    assert number == 3
    assert next(one for one in visits(after) if one.visit == gone.visit).removed_in == 3
    record = json.loads(verified(after, tmp_path, "full"))
    assert [one["round"] for one in record["replacements"]] == [1, 3]
    assert [(one["round"], one["reason"]) for one in record["spent"]] == [(2, "signature missing")]


def test_two_runs_of_a_demonstration_end_in_the_same_round(
    after: County, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kit = Kit(tmp_path_factory.mktemp("again"))
    again = a_county(kit, plan(replacement_reasons=REASONS))
    again.until_drawn()
    again.at(ASKED_ON)

    a_round(after)
    a_round(again)

    assert archive.full_record(again.service, DRAW) == archive.full_record(after.service, DRAW)
    kit.close()


def test_the_clock_ends_a_round_whose_witness_died_before_the_result(
    after: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(round_acts, "end", lambda service, draw_id: None)
        a_round(after)
        assert events(after, RoundClosed) == []

    after.at(DICE_AT)

    assert len(events(after, RoundClosed)) == 1


def test_the_record_opens_with_its_rounds(after: County) -> None:
    a_round(after)
    after.at(WINDOW_END)

    (opened,) = events(after, DrawDisclosed)
    assert isinstance(opened, DrawDisclosed)
    record = json.loads(after.kit.blobs.get(opened.record, "anybody"))
    assert len(record["replacements"]) == 1
    shown = after.service.ask(after.service.system, public_draw, draw_id=DRAW)
    assert (shown.rounds, shown.result_digest) == (1, record["replacements"][0]["result_digest"])


def test_a_record_that_is_open_is_published_anew_after_a_round(kit: Kit) -> None:
    county = a_county(kit, plan(replacement_reasons=REASONS, disclosure="open"))
    county.until_drawn()
    county.at(ASKED_ON)
    assert len(events(county, DrawDisclosed)) == 1

    a_round(county)

    again = events(county, DrawDisclosed)[-1]
    assert isinstance(again, DrawDisclosed)
    assert len(json.loads(kit.blobs.get(again.record, "anybody"))["replacements"]) == 1
    assert county.service.ask(county.service.system, public_draw, draw_id=DRAW).record == again.record


# ── the lock ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_may_ask_and_for_what(after: County) -> None:
    visit = visits(after)[0]
    agency = visit.teams[0].agency
    outsider = next((one for one in AGENCIES if one not in {each.agency for each in visit.teams}), None)
    lead, officer = TEAM_LEAD[agency], team(visit, agency)[0]

    assert code(lambda: ask(after, OFFICER[agency], visit.visit, "closed")) == "draw.change_not_for_you"
    if outsider:
        assert code(lambda: ask(after, TEAM_LEAD[outsider], visit.visit, "closed")) == "draw.change_not_for_you"
    assert code(lambda: ask(after, lead, visit.visit, "bored")) == "draw.change_reason_unknown"
    assert code(lambda: ask(after, lead, visit.visit, "officer_ill")) == "draw.change_reason_unknown"
    assert code(lambda: ask(after, lead, visit.visit, "closed", officer)) == "draw.change_reason_unknown"
    assert code(lambda: ask(after, lead, visit.visit, "officer_ill", "SJ-99")) == "draw.change_officer_not_there"
    change = ask(after, lead, visit.visit, "closed")
    assert code(lambda: ask(after, HEAD[agency], visit.visit, "closed")) == "draw.change_asked_already"
    assert code(lambda: open_round(after)) == "draw.nothing_to_change"
    same = person(agency, Role.TEAM_LEAD, Role.APPROVER, id=lead.id)

    def decides(actor: Actor) -> None:
        after.service.do(actor, changing.decide_change, draw_id=DRAW, change_id=change, approve=True)

    assert code(lambda: decides(same)) == "draw.change_by_same_person"
    assert code(lambda: decides(lead)) == "draw.change_not_for_you"
    approve(after, agency, change, yes=False)
    assert code(lambda: open_round(after)) == "draw.nothing_to_change"


def test_what_was_inspected_is_not_replaced(after: County) -> None:
    visit, other = visits(after)[0], visits(after)[1]
    agency = visit.teams[0].agency
    asked_and_approved(after, visit.visit, "closed", agency)
    asked_and_approved(after, other.visit, "closed", other.teams[0].agency)

    after.kit.feed(after.service, entered(visit.visit, agency))

    assert code(lambda: ask(after, HEAD[agency], visit.visit, "moved_out")) == "draw.change_visit_entered"
    number = open_round(after)
    assert after.service.ask(LEAD, round_view, draw_id=DRAW, number=number, now=ASKED_ON).removals == 1


def test_nobody_goes_ahead_of_the_others(after: County) -> None:
    gone = visits(after)[0]
    asked_and_approved(after, gone.visit, "closed", gone.teams[0].agency)
    assert code(lambda: open_round(after, SEAL_BY, SEAL_BY + timedelta(minutes=9))) == "draw.round_times_wrong"
    late = WINDOW_END + timedelta(minutes=1)
    assert code(lambda: open_round(after, SEAL_BY, late)) == "draw.round_after_window"
    number = open_round(after)

    assert code(lambda: open_round(after)) == "draw.round_running"
    assert code(lambda: reveal(after, number, "AJ")) == "draw.round_not_signed"
    assert code(lambda: round_acts.seal(after.service, WITNESS, DRAW, number, key="s")) == "draw.round_not_signed"
    sign(after, number)
    reveal(after, number, "AJ", "GA")
    assert code(lambda: round_acts.seal(after.service, WITNESS, DRAW, number, key="s2")) == "draw.too_many_missing"
    throw = partial(round_acts.throw_dice, after.service, WITNESS, DRAW, number, digits=DIGITS, again=DIGITS)
    assert code(partial(throw, key="d")) == "draw.not_sealed"
    reveal(after, number, "JT", "SJ", "YG")
    round_acts.seal(after.service, WITNESS, DRAW, number, key="s3")
    assert code(partial(throw, key="d2")) == "draw.dice_too_early"


def test_an_officers_own_key_is_not_signed_for(after: County) -> None:
    gone = visits(after)[0]
    asked_and_approved(after, gone.visit, "closed", gone.teams[0].agency)
    number, agency = open_round(after), gone.teams[0].agency

    def wrong(actor: Actor, sig: str) -> str:
        return code(lambda: round_acts.sign(after.service, actor, DRAW, number, key=f"{actor.id}{sig}", sig=sig))

    assert wrong(OFFICER[agency], "00" * 64) == "draw.key_kept_here"
    assert code(lambda: round_acts.sign(after.service, HEAD[agency], DRAW, number, key="head")) == "draw.officer_only"


def test_more_than_the_plan_allows_is_refused_before_anybody_signs(kit: Kit) -> None:
    county = a_county(kit, plan(replacement_reasons=REASONS, replacement_max=1))
    county.until_drawn()
    county.at(ASKED_ON)
    for visit in visits(county)[:2]:
        asked_and_approved(county, visit.visit, "closed", visit.teams[0].agency)

    assert code(lambda: open_round(county)) == "draw.too_many_removals"


# ── who sees what ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_sees_its_own_entries_and_of_the_others_reasons_and_counts(after: County) -> None:
    visit = next(one for one in visits(after) if "SJ" in {each.agency for each in one.teams})
    asked_and_approved(after, visit.visit, "officer_ill", "SJ", team(visit, "SJ")[0])
    number = open_round(after)

    def seen(actor: Actor) -> tuple[int, dict[str, int]]:
        view = after.service.ask(actor, round_view, draw_id=DRAW, number=number, now=ASKED_ON)
        return len(view.entries), dict(view.reasons)

    assert seen(OFFICER["SJ"]) == (1, {"officer_ill": 1})
    assert seen(LEAD) == (1, {"officer_ill": 1})
    assert seen(OFFICER["AJ"]) == seen(WITNESS) == (0, {"officer_ill": 1})
    (change,) = after.service.ask(OFFICER["SJ"], changes_view, draw_id=DRAW, now=ASKED_ON).changes
    content, kind, name = round_acts.evidence(after.service, TEAM_LEAD["SJ"], DRAW, change.change)
    assert (content, kind, name) == (PDF.content, "application/pdf", "证明.pdf")
    look = [OFFICER["SJ"], HEAD["AJ"], TEAM_LEAD["JT"]]
    refused = {code(partial(round_acts.evidence, after.service, actor, DRAW, change.change)) for actor in look}
    assert refused == {"draw.evidence_not_for_you", "draw.change_unknown"}


# ── a firm's request for recusal ────────────────────────────────────────────────────────────────────────────────────


def test_a_firms_request_that_the_head_grants_replaces_the_officer_and_goes_to_the_register(after: County) -> None:
    visit = next(one for one in visits(after) if team(one, "SJ"))
    officer = team(visit, "SJ")[0]
    change = firm_asks(after, visit)
    approver = person("SJ", Role.APPROVER)

    assert code(lambda: head_decides(after, approver, change, "同意")) == "draw.change_head_decides"
    assert code(lambda: head_decides(after, HEAD["SJ"], change, "  ")) == "draw.change_words_wrong"
    head_decides(after, HEAD["SJ"], change, "属实，应当回避。")
    (granted,) = events(after, RecusalGranted)
    assert isinstance(granted, RecusalGranted)
    written = GrantedRecusal.model_validate_json(after.kit.blobs.get(granted.recusal, "planner"))
    assert (written.agency, written.officer, written.target) == ("SJ", officer, visit.target)
    assert visit.target not in granted.model_dump_json()
    with pytest.raises(OneVisitError):
        after.kit.blobs.get(granted.recusal, "notifier")

    (line,) = after.service.ask(HEAD["SJ"], changes_view, draw_id=DRAW, now=ASKED_ON).changes
    assert (line.by_firm, line.decision) == (True, "属实，应当回避。")
    finish(after, open_round(after))
    now = next(one for one in visits(after) if one.visit == visit.visit)
    assert officer not in team(now, "SJ")
    assert "None" not in team(now, "SJ")


def test_a_firms_request_that_the_head_refuses_changes_nothing_and_keeps_the_reason(after: County) -> None:
    visit = next(one for one in visits(after) if team(one, "SJ"))
    change = firm_asks(after, visit)

    withdrawn = {"draw_id": DRAW, "change_id": change}
    assert code(lambda: after.service.do(TEAM_LEAD["SJ"], changing.withdraw_change, **withdrawn)) == (
        "draw.change_head_decides"
    )
    head_decides(after, HEAD["SJ"], change, "所述不属回避情形。", yes=False)

    assert events(after, RecusalGranted, ChangeApproved) == []
    assert code(lambda: open_round(after)) == "draw.nothing_to_change"
    shown = {
        who: after.service.ask(actor, changes_view, draw_id=DRAW, now=ASKED_ON).changes
        for who, actor in (("own", TEAM_LEAD["SJ"]), ("other", TEAM_LEAD["GA"]), ("draws", OFFICER["SJ"]))
    }
    assert [(one.firms_words, one.decision) for one in shown["own"]] == [
        ("该人员与我单位有债务纠纷。", "所述不属回避情形。")
    ]
    assert shown["other"] == []
    assert [(one.firms_words, one.decision) for one in shown["draws"]] == [(None, None)]


@pytest.mark.parametrize("words", ["", "   ", "x" * 1_001, "a\u202eb", "a\x00b"])
def test_a_firms_reason_is_words_that_can_be_shown(after: County, words: str) -> None:
    visit = next(one for one in visits(after) if team(one, "SJ"))

    assert code(lambda: firm_asks(after, visit, words)) == "draw.change_words_wrong"


# ── a checklist that comes in while a round runs ────────────────────────────────────────────────────────────────────


def a_round_about_an_officer(county: County) -> tuple[VisitView, int]:
    other = visits(county)[-1]
    asked_and_approved(county, other.visit, "officer_ill", "SJ", team(other, "SJ")[0])
    return other, open_round(county)


def test_a_round_names_the_checklists_that_wait_for_its_end(after: County) -> None:
    gone, other = visits(after)[0], visits(after)[-1]
    asked_and_approved(after, gone.visit, "moved_out", gone.teams[0].agency)
    asked_and_approved(after, other.visit, "officer_ill", "SJ", team(other, "SJ")[0])

    open_round(after)

    (opened,) = events(after, RoundOpened)
    assert isinstance(opened, RoundOpened)
    held = [(one.visit, one.agency) for one in opened.held]
    assert held == sorted([*((gone.visit, each.agency) for each in gone.teams), (other.visit, "SJ")])


def test_a_checklist_that_comes_in_before_the_seal_stops_the_round_and_nothing_is_replaced(after: County) -> None:
    other, number = a_round_about_an_officer(after)
    sign(after, number)
    reveal(after, number)
    after.kit.feed(after.service, entered(other.visit, "SJ"))

    refused = code(lambda: round_acts.seal(after.service, WITNESS, DRAW, number, key="seal-late"))

    assert refused == "draw.round_overtaken"
    view = after.service.ask(WITNESS, round_view, draw_id=DRAW, number=number, now=after.kit.clock.at)
    assert (list(view.overtaken), list(view.can)) == ([other.visit], [])
    after.at(SEAL_BY + timedelta(seconds=1))
    assert [one.reason for one in events(after, RoundSpent)] == ["seal_missing"]  # type: ignore[attr-defined]
    assert team(visits(after)[-1], "SJ") == team(other, "SJ")


def test_another_agencys_checklist_does_not_stop_a_round_about_an_officer(after: County) -> None:
    other, number = a_round_about_an_officer(after)
    after.kit.feed(after.service, entered(other.visit, "AJ"))

    finish(after, number)

    assert team(visits(after)[-1], "SJ") != team(other, "SJ")
