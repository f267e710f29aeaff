"""Draws whose randomness comes from other sources than dice: announced, awaited, entered, recorded, verified."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import Forbidden, OneVisitError
from schemas.documents import CampaignPlan, PlanBeacon
from schemas.events.campaigns import StageWindow
from schemas.vocabulary import Purpose, Role, Stage
from services.drawer import acts, archive, checking, round_acts, wording, working
from services.drawer.acts import AskedTimes
from services.drawer.commands import ceremony, changing
from services.drawer.commands.opening import Ground, ground_of
from services.drawer.commands.prepared import Prepared, prepared
from services.drawer.domain import beacons, messages
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.sources import Told
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draw_view
from services.drawer.queries.records import public_draw
from services.drawer.queries.rounds import round_view
from services.drawer.round_acts import AskedRoundTimes
from services.drawer.uploads import Document
from tests.kit import Kit, person
from tests.unit.drawer.test_beacons import ROUND, SIGNATURE
from tests.unit.drawer_service import county as counties
from tests.unit.drawer_service.county import AGENCIES, DIGITS, LEAD, OFFICER, WITNESS, County, plan

DRAW = "D-640221-2023-001"
ROOT = Path(__file__).parents[3]
DRAND = PlanBeacon(id="drand-quicknet", zh="公开随机信标", en="The public beacon")
LOTTERY = PlanBeacon(id="lottery:3d", zh="福彩3D", en="The lottery 3D", digits=3)
CHAIN = PlanBeacon(id="chain:bank", zh="县支行", en="The bank's branch")
LAST = bytes(range(32))  # what the bank's chain ends in: round 1 of the draw opens it, the draw itself one step before
FIRST = messages.opened(SHA256, LAST, 1)
ANCHOR = messages.opened(SHA256, FIRST, 5).hex()
TOLD = {"lottery:3d": Told(issue=2023225), "chain:bank": Told(anchor=ANCHOR, index=5)}

# Another true round of quicknet, three weeks later, for a replacement round; a second library accepts it as well.
LATER_ROUND = 657413
LATER = "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"
PDF = Document("证明.pdf", b"%PDF-1.4 a paper\n")


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


BEACON_TIME = moment(beacons.drand_time(ROUND) - 1)
OPENED = BEACON_TIME - timedelta(hours=28)
COMMIT_CLOSE, REVEAL_CLOSE, SEAL_BY = (OPENED + timedelta(hours=hours) for hours in (24, 26, 27))
TIMES = AskedTimes(COMMIT_CLOSE, REVEAL_CLOSE, SEAL_BY, BEACON_TIME)
DAYS = {
    Stage.PREPARE: (date(2023, 8, 18), date(2023, 8, 20)),
    Stage.DRAW: (date(2023, 8, 21), date(2023, 8, 25)),
    Stage.INSPECT: (date(2023, 8, 28), date(2023, 9, 28)),
    Stage.PUBLISH: (date(2023, 10, 9), date(2023, 10, 13)),
}


def a_plan(*sources: PlanBeacon, dice: int | None = None, **changes: Any) -> CampaignPlan:
    stages = [
        StageWindow(stage=stage, first_on=first, last_on=last, last_working_on=last)
        for stage, (first, last) in DAYS.items()
    ]
    return plan(stages=stages, dice=dice, beacons=sources, purpose=Purpose.LIVE, **changes)


def a_county(kit: Kit, *sources: PlanBeacon, dice: int | None = None, **changes: Any) -> County:
    county = counties.a_county(kit, a_plan(*sources, dice=dice, **changes))
    kit.clock.at, county.draw = OPENED, DRAW
    return county


def opened(county: County) -> None:
    told = {name: told for name, told in TOLD.items() if name in {one.id for one in _sources(county)}}
    acts.open_draw(county.service, LEAD, county.campaign, TIMES, key="open", sources=told)


def _sources(county: County) -> tuple[PlanBeacon, ...]:
    ground: Ground = county.service.ask(LEAD, ground_of, campaign_id=county.campaign)
    return ground.plan.beacons


def sealed(county: County) -> County:
    opened(county)
    county.commit()
    county.at(COMMIT_CLOSE)
    for agency in AGENCIES:
        acts.countersign(county.service, OFFICER[agency], DRAW, key=f"cs-{agency}")
    county.reveal()
    county.seal()
    return county


def enter(county: County, beacon: str, typed: str, key: str = "value", actor: Any = WITNESS) -> Any:
    return acts.enter_value(county.service, actor, DRAW, key=key, beacon=beacon, typed=typed).value


def view(county: County) -> Any:
    return county.service.ask(LEAD, draw_view, draw_id=DRAW, now=county.kit.clock.at)


def code_of(act: Any) -> str:
    with pytest.raises(OneVisitError) as refusal:
        act()
    return refusal.value.code


def verified(county: County, folder: Path, edition: str = "full") -> tuple[Any, subprocess.CompletedProcess[str]]:
    """Check a record by our own core and by the stand-alone program."""
    files = archive.record(county.service, county.service.system, DRAW, edition=edition)
    record, frame = folder / "record.json", folder / "frame.tsv"
    record.write_bytes(files.record)
    frame.write_bytes(files.frame)
    run = subprocess.run([sys.executable, ROOT / "verify_draw.py", record, frame], capture_output=True, text=True)
    return checking.verify(files.record, [files.frame]), run


# ── drand ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draw_waits_for_drands_round_and_its_record_holds(kit: Kit, tmp_path: Path) -> None:
    county = sealed(a_county(kit, DRAND))
    waiting = view(county)
    assert (waiting.stage, waiting.waits, waiting.deadline) == ("beacon", True, BEACON_TIME)
    assert (waiting.awaited.id, waiting.awaited.round, waiting.awaited.exists_at) == (
        "drand-quicknet",
        ROUND,
        BEACON_TIME + timedelta(seconds=1),
    )

    county.at(BEACON_TIME + timedelta(days=9))  # nobody had a network for nine days
    assert view(county).stage == "beacon"
    assert enter(county, "drand-quicknet", json.dumps({"round": ROUND, "signature": SIGNATURE.hex()}))["proved"]

    assert view(county).stage == "drawn"
    checked, run = verified(county, tmp_path)
    assert (checked.draw, checked.not_checked) == (DRAW, ())
    assert run.returncode == 0, run.stdout + run.stderr
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["manifest"]["beacons"] == [{"id": "drand-quicknet", "round": ROUND}]
    assert record["beacons"] == [{"id": "drand-quicknet", "round": ROUND, "value": SIGNATURE.hex()}]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        (SIGNATURE.hex()[:-2], "length"),
        (SIGNATURE.hex()[:-1] + "8", "signature"),
        (LATER, "signature"),
        ("第一千轮", "not_hex"),
        (json.dumps({"round": LATER_ROUND, "signature": LATER}), "other_round"),
    ],
)
def test_another_value_than_the_rounds_is_refused_and_the_draw_waits_on(kit: Kit, typed: str, reason: str) -> None:
    county = sealed(a_county(kit, DRAND))
    county.at(BEACON_TIME)

    with pytest.raises(OneVisitError) as refusal:
        enter(county, "drand-quicknet", typed)

    assert refusal.value.code == "draw.beacon_value_wrong"
    assert refusal.value.facts == {"beacon": "drand-quicknet", "round": ROUND, "reason": reason}
    assert view(county).stage == "beacon"
    assert enter(county, "drand-quicknet", SIGNATURE.hex(), key="again")["proved"]


def test_a_value_comes_after_the_seal_in_its_time_from_the_witness_and_once(kit: Kit) -> None:
    county = a_county(kit, DRAND)
    opened(county)
    county.commit()
    early = code_of(lambda: enter(county, "drand-quicknet", SIGNATURE.hex(), key="1"))
    county.at(COMMIT_CLOSE)
    for agency in AGENCIES:
        acts.countersign(county.service, OFFICER[agency], DRAW, key=f"cs-{agency}")
    county.reveal()
    county.seal()
    before = code_of(lambda: enter(county, "drand-quicknet", SIGNATURE.hex(), key="2"))
    county.at(BEACON_TIME)
    stranger = code_of(lambda: enter(county, "drand-quicknet", SIGNATURE.hex(), key="3", actor=LEAD))
    other = code_of(lambda: enter(county, "lottery:3d", "408", key="4"))
    dice = code_of(lambda: county.dice(key="5"))
    first = enter(county, "drand-quicknet", SIGNATURE.hex(), key="6")

    assert (early, before) == ("draw.not_sealed", "draw.beacon_value_wrong")
    assert (stranger, other) == ("draw.witness_only", "draw.beacon_unexpected")
    assert dice == "draw.beacon_unexpected"
    assert enter(county, "drand-quicknet", SIGNATURE.hex(), key="6") == first
    assert code_of(lambda: enter(county, "drand-quicknet", SIGNATURE.hex(), key="7")) == "draw.beacon_unexpected"


def test_of_two_values_judged_at_the_same_time_the_second_is_refused(kit: Kit) -> None:
    county = sealed(a_county(kit, LOTTERY, DRAND))
    county.at(BEACON_TIME)
    now = int(BEACON_TIME.timestamp())

    def judged(digits: str) -> Prepared[ceremony.Spoken]:
        speaker = county.service.ask(WITNESS, ceremony.prepare_sealer, draw_id=DRAW)
        return prepared(lambda: working.value_of_draw(speaker, "lottery:3d", digits, now))

    first, second = judged("408"), judged("409")
    told = {"draw_id": DRAW, "beacon": "lottery:3d"}
    county.service.do(WITNESS, ceremony.take_value, first, key="1", typed="408", **told)

    late = code_of(lambda: county.service.do(WITNESS, ceremony.take_value, second, key="2", typed="409", **told))

    assert late == "draw.beacon_unexpected"
    assert [one.value for one in view(county).sources] == ["408", None]


def test_a_witness_of_another_body_enters_nothing(kit: Kit) -> None:
    county = sealed(a_county(kit, DRAND))
    county.at(BEACON_TIME)

    with pytest.raises(Forbidden):
        enter(county, "drand-quicknet", SIGNATURE.hex(), actor=person("JT", Role.WITNESS))


# ── two side by side ────────────────────────────────────────────────────────────────────────────────────────────────


def test_dice_and_drand_stand_side_by_side_and_both_decide(kit: Kit, tmp_path: Path) -> None:
    county = sealed(a_county(kit, DRAND, dice=20))
    county.at(BEACON_TIME)
    assert view(county).stage == "dice"
    assert code_of(lambda: enter(county, "drand-quicknet", SIGNATURE.hex(), key="first")) == "draw.beacon_unexpected"

    county.dice()
    between = view(county)
    assert (between.stage, between.awaited.id) == ("beacon", "drand-quicknet")
    assert [(one.stage, one.state) for one in wording.steps(between)][4:6] == [("dice", "done"), ("beacon", "now")]
    enter(county, "drand-quicknet", SIGNATURE.hex())

    done = view(county)
    assert [(one.id, one.value) for one in done.sources] == [
        ("room-dice", DIGITS),
        ("drand-quicknet", SIGNATURE.hex()),
    ]
    for edition in ("full", "public"):
        checked, run = verified(county, tmp_path, edition)
        assert checked.not_checked == ()
        assert run.returncode == 0, run.stdout + run.stderr
    record = json.loads((tmp_path / "record.json").read_text())
    assert [sorted(one) for one in record["beacons"]] == [["id", "proof", "round", "value"], ["id", "round", "value"]]


def test_what_was_entered_cannot_be_changed_in_the_record(kit: Kit) -> None:
    county = sealed(a_county(kit, DRAND, dice=20))
    county.at(BEACON_TIME)
    county.dice()
    enter(county, "drand-quicknet", SIGNATURE.hex())
    files = archive.full_record(county.service, DRAW)
    record = json.loads(files.record)
    record["beacons"][1]["value"] = LATER

    with pytest.raises(OneVisitError):
        checking.verify(json.dumps(record).encode(), [files.frame])


# ── lottery and chain ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lotterys_digits_are_recorded_and_said_to_be_unchecked(kit: Kit, tmp_path: Path) -> None:
    county = sealed(a_county(kit, LOTTERY))
    county.at(BEACON_TIME)
    with pytest.raises(OneVisitError) as refusal:
        enter(county, "lottery:3d", "4081", key="wrong")
    assert refusal.value.facts["reason"] == "digits"

    assert enter(county, "lottery:3d", "4 0 8")["proved"] is False

    checked, run = verified(county, tmp_path)
    assert checked.not_checked == ("beacon lottery:3d 2023225",)
    assert run.returncode == 3, run.stdout + run.stderr
    (source,) = view(county).sources
    assert (source.zh, source.round, source.digits, source.value) == ("福彩3D", 2023225, 3, "408")


def test_a_holders_chain_beside_drand_leads_to_its_anchor(kit: Kit, tmp_path: Path) -> None:
    county = sealed(a_county(kit, DRAND, CHAIN))
    county.at(BEACON_TIME)
    enter(county, "drand-quicknet", SIGNATURE.hex())
    assert code_of(lambda: enter(county, "chain:bank", LAST.hex(), key="wrong")) == "draw.beacon_value_wrong"

    assert enter(county, "chain:bank", FIRST.hex(), key="right")["proved"]

    checked, run = verified(county, tmp_path)
    assert checked.not_checked == ()
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, "draw.source_not_told"),
        ({"lottery:3d": Told(issue=1)}, "draw.source_not_told"),
        ({"lottery:3d": Told(issue=1), "chain:bank": Told(anchor="ab", index=1)}, "draw.hex_wrong"),
        ({"lottery:3d": Told(issue=1), "chain:bank": Told(anchor="ab" * 32, index=10**9)}, "draw.beacon_wrong"),
    ],
)
def test_what_nobody_can_know_beforehand_is_told_at_the_opening(kit: Kit, told: dict[str, Told], code: str) -> None:
    county = a_county(kit, LOTTERY, CHAIN)

    refused = code_of(lambda: acts.open_draw(county.service, LEAD, county.campaign, TIMES, key="open", sources=told))

    assert refused == code
    assert acts.feasibility(county.service, LEAD, county.campaign).shortages == ()


def test_a_draw_is_opened_anew_with_the_issue_it_was_asked_for(kit: Kit) -> None:
    county = a_county(kit, LOTTERY)
    opened(county)

    again = code_of(
        lambda: acts.open_draw(
            county.service, LEAD, county.campaign, TIMES, key="open", sources={"lottery:3d": Told(issue=7)}
        )
    )

    assert again == "idempotency.key_reused"


# ── replacement rounds ──────────────────────────────────────────────────────────────────────────────────────────────


def a_round(county: County, beacon_time: datetime, **told: Any) -> int:
    """Ask for the removal of a drawn target, and take a round over it as far as its seal."""
    visit = county.service.ask(LEAD, drawn_list, draw_id=DRAW)[0].visit
    team_lead, head = person("AJ", Role.TEAM_LEAD), person("AJ", Role.AGENCY_HEAD)
    asked = round_acts.ask_change(
        county.service, team_lead, DRAW, visit, key="ask", officer=None, reason="closed", document=PDF
    )
    change = asked.value["change"]
    county.service.do(head, changing.decide_change, draw_id=DRAW, change_id=change, approve=True)
    times = AskedRoundTimes(beacon_time - timedelta(hours=1), beacon_time)
    reply = round_acts.open_round(county.service, LEAD, DRAW, times, key=f"round-{len(told)}", **told)
    number = int(reply.value["round"])
    for body in reply.value["signers"]:
        actor = WITNESS if body == "GZ" else OFFICER[body]
        round_acts.sign(county.service, actor, DRAW, number, key=f"sign-{body}")
    for agency in AGENCIES:
        round_acts.reveal(county.service, OFFICER[agency], DRAW, number, key=f"r-reveal-{agency}")
    round_acts.seal(county.service, WITNESS, DRAW, number, key="r-seal")
    return number


def shown_round(county: County, number: int) -> Any:
    return county.service.ask(WITNESS, round_view, draw_id=DRAW, number=number, now=county.kit.clock.at)


def test_a_round_waits_for_a_later_round_of_drand(kit: Kit, tmp_path: Path) -> None:
    county = sealed(a_county(kit, DRAND))
    county.at(BEACON_TIME)
    enter(county, "drand-quicknet", SIGNATURE.hex())
    later = moment(beacons.drand_time(LATER_ROUND))
    county.at(later - timedelta(hours=3))
    number = a_round(county, later)
    waiting = shown_round(county, number)
    assert (waiting.stage, waiting.awaited.round, waiting.can) == ("beacon", LATER_ROUND, ())

    county.at(later)
    assert shown_round(county, number).can == ("beacon",)
    with pytest.raises(OneVisitError) as refusal:
        round_acts.enter_value(
            county.service, WITNESS, DRAW, number, key="old", beacon="drand-quicknet", typed=SIGNATURE.hex()
        )
    round_acts.enter_value(county.service, WITNESS, DRAW, number, key="v", beacon="drand-quicknet", typed=LATER)

    assert refusal.value.facts == {"beacon": "drand-quicknet", "round": LATER_ROUND, "reason": "signature"}
    assert shown_round(county, number).stage == "closed"
    checked, run = verified(county, tmp_path)
    assert checked.not_checked == ()
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_round_takes_a_later_issue_and_opens_the_chain_one_step_further(kit: Kit, tmp_path: Path) -> None:
    county = sealed(a_county(kit, LOTTERY, CHAIN))
    county.at(BEACON_TIME)
    enter(county, "lottery:3d", "408", key="l")
    enter(county, "chain:bank", FIRST.hex(), key="c")
    later = BEACON_TIME + timedelta(days=9)
    county.at(later - timedelta(hours=3))
    number = a_round(county, later, sources={"lottery:3d": Told(issue=2023234)})
    county.at(later)

    def value(beacon: str, typed: str, key: str) -> None:
        round_acts.enter_value(county.service, WITNESS, DRAW, number, key=key, beacon=beacon, typed=typed)

    assert code_of(lambda: value("chain:bank", LAST.hex(), "too-soon")) == "draw.beacon_unexpected"
    value("lottery:3d", "115", "rl")
    assert code_of(lambda: value("chain:bank", FIRST.hex(), "old")) == "draw.beacon_value_wrong"
    value("chain:bank", LAST.hex(), "rc")

    checked, run = verified(county, tmp_path)
    assert checked.not_checked == ("beacon lottery:3d 2023225", "beacon lottery:3d 2023234")
    assert run.returncode == 3, run.stdout + run.stderr
    (closed,) = json.loads((tmp_path / "record.json").read_text())["replacements"]
    assert [(one["id"], one["round"], one.get("index")) for one in closed["rho"]["beacons"]] == [
        ("lottery:3d", 2023234, None),
        ("chain:bank", 0, 6),
    ]


# ── public ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_public_page_and_the_archive_tell_of_every_source(kit: Kit) -> None:
    county = sealed(a_county(kit, DRAND, dice=20))
    county.at(BEACON_TIME)
    county.dice()
    enter(county, "drand-quicknet", SIGNATURE.hex())
    county.at(datetime(2023, 9, 28, 16, 0, tzinfo=UTC))

    found = county.service.ask(county.service.system, public_draw, draw_id=DRAW)

    assert [(one.kind, one.value) for one in found.sources] == [
        ("room-dice", DIGITS),
        ("drand-quicknet", SIGNATURE.hex()),
    ]
