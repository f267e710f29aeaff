"""Sources of randomness: what a manifest and a round announce of them, and how a typed value is read."""

import json

import pytest

from services.drawer.domain import beacons, sources
from services.drawer.domain.beacons import BeaconValueWrong
from services.drawer.domain.encoding import HexWrong
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.manifest_rules import BeaconWrong
from services.drawer.domain.sources import Chosen, SourceNotTold, Told, announce, announce_again, read_value
from tests.unit.drawer.draws import refused
from tests.unit.drawer.test_beacons import ROUND, SIGNATURE

DRAND = Beacon("drand-quicknet", ROUND)
LOTTERY = Beacon("lottery:3d", 2018142, digits=3)
ANCHOR = "ab" * 32
CHAIN = Beacon("chain:bank", 0, anchor=ANCHOR, index=50)
CHOSEN = (Chosen("room-dice", dice=24), Chosen("drand-quicknet"), Chosen("lottery:3d", digits=3), Chosen("chain:bank"))
TOLD = {"lottery:3d": Told(issue=2018142), "chain:bank": Told(anchor=ANCHOR, index=50)}
MOMENT = beacons.drand_time(ROUND) - 1


def test_the_manifest_names_what_the_plan_chose_and_the_lead_told() -> None:
    announced = announce(CHOSEN, TOLD, MOMENT)

    assert announced == (Beacon("room-dice", 24), DRAND, LOTTERY, CHAIN)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ("lottery:3d", {}),
        ("chain:bank", {}),
        ("chain:bank", {"chain:bank": Told(index=50)}),
        ("chain:bank", {"chain:bank": Told(anchor=ANCHOR)}),
    ],
)
def test_a_lottery_needs_its_issue_and_a_chain_anchor_and_index(chosen: str, told: dict[str, Told]) -> None:
    with refused(SourceNotTold, beacon=chosen):
        announce([Chosen(chosen, digits=3)], told, MOMENT)


def test_an_anchor_is_a_digest() -> None:
    with pytest.raises(HexWrong):
        announce([Chosen("chain:bank")], {"chain:bank": Told(anchor="ab" * 31, index=1)}, MOMENT)


def test_a_chain_longer_than_anybody_will_go_is_refused() -> None:
    with refused(BeaconWrong, beacon="chain:bank", reason="too_long"):
        announce([Chosen("chain:bank")], {"chain:bank": Told(anchor=ANCHOR, index=1_000_001)}, MOMENT)


def test_a_round_asks_every_source_for_a_value_nobody_has_seen() -> None:
    before, later = announce(CHOSEN, TOLD, MOMENT), MOMENT + 3_000

    again = announce_again(before, {"lottery:3d": Told(issue=2018143)}, later)

    dice, drand, lottery, chain = again
    assert dice == before[0]
    assert beacons.drand_time(drand.round) >= later > beacons.drand_time(drand.round - 1)
    assert (lottery.round, lottery.digits) == (2018143, 3)
    assert (chain.anchor, chain.index) == (ANCHOR, 51)


def test_a_round_needs_a_later_issue() -> None:
    with refused(SourceNotTold, beacon="lottery:3d"):
        announce_again([LOTTERY], {}, MOMENT)
    with refused(BeaconWrong, beacon="lottery:3d", reason="issue_before"):
        announce_again([LOTTERY], {"lottery:3d": Told(issue=LOTTERY.round)}, MOMENT)


@pytest.mark.parametrize(
    "typed",
    [
        SIGNATURE.hex(),
        f" {SIGNATURE.hex()[:50].upper()}\n{SIGNATURE.hex()[50:]}\n",
        json.dumps({"round": ROUND, "randomness": "00", "signature": SIGNATURE.hex()}, indent=2),
        json.dumps({"signature": SIGNATURE.hex()}),
    ],
)
def test_drands_signature_is_read_as_it_is_pasted(typed: str) -> None:
    assert read_value(DRAND, typed) == SIGNATURE


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("b4x4", "not_hex"),
        ('{"signature": 5', "syntax"),
        ("{" * 3, "syntax"),
        (json.dumps({"round": ROUND + 1, "signature": SIGNATURE.hex()}), "other_round"),
        (json.dumps({"round": ROUND, "signature": "zz"}), "not_hex"),
    ],
)
def test_what_is_no_signature_of_the_round_is_refused_with_its_reason(typed: str, reason: str) -> None:
    with refused(BeaconValueWrong, beacon="drand-quicknet", round=ROUND, reason=reason):
        read_value(DRAND, typed)


def test_json_without_a_signature_is_read_as_none_at_all() -> None:
    assert read_value(DRAND, "{}") == b""


def test_a_lotterys_digits_are_read_as_they_stand() -> None:
    assert read_value(LOTTERY, " 4 0 8 ") == b"408"
    assert read_value(LOTTERY, "四") == "四".encode()  # which its judge refuses


def test_trying_a_draw_needs_nothing_told() -> None:
    announced = announce(CHOSEN, {one.id: sources.ANYTHING for one in CHOSEN}, MOMENT)

    assert [one.id for one in announced] == [one.id for one in CHOSEN]


def test_what_was_told_is_listed_by_name() -> None:
    assert sources.flat(TOLD) == ["chain:bank", None, ANCHOR, 50, "lottery:3d", 2018142, None, None]
