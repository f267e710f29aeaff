"""Beacons: every kind of source, judged after the seal; what cannot be judged here is said so."""

from typing import Any

import pytest

from services.drawer.domain import beacons, ceremony, messages
from services.drawer.domain.beacons import BeaconUnexpected, BeaconValueWrong, NotSealed
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.sealing import BeaconShown
from services.drawer.domain.seed import BeaconValue
from services.drawer.drand import verify_quicknet
from tests.unit.drawer.draws import AGENCIES, DICE, TIMES, Room, a_room, refused

LAST = bytes(range(32))
ANCHOR = messages.opened(SHA256, LAST, 50).hex()
CHAIN = Beacon("chain:bank", 0, anchor=ANCHOR, index=50)
LOTTERY = Beacon("lottery:3d", 2018142, digits=3)
ROOM_DICE = Beacon("room-dice", 20)
# Round 1000 of quicknet as its nodes published it; a second library (drand-verify) accepts it as well.
ROUND, SIGNATURE = (
    1000,
    bytes.fromhex("b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"),
)


def a_sealed_room(*sources: Beacon) -> Room:
    room = a_room(beacons=sources).play_commits(*AGENCIES).play_countersignatures(*AGENCIES)
    return room.play_reveals(*AGENCIES).play_seal("witness")


def shown(source: Beacon, value: bytes) -> BeaconShown:
    return BeaconShown(BeaconValue(source.id, source.round, value))


def accept(room: Room, new: BeaconShown, at: int = TIMES.beacon_time, **given: Any) -> bool:
    proved = ceremony.accept_beacon(room.attempt, room.commits, room.seal, room.beacons, new, at, **given)
    room.beacons = (*room.beacons, new)
    return proved


def test_a_lotterys_digits_are_taken_and_nobody_here_can_prove_them() -> None:
    room = a_sealed_room(LOTTERY)

    assert not accept(room, shown(LOTTERY, b"408"))
    assert room.seed() != a_sealed_room(LOTTERY).attempt.seed(room.commits, room.reveals, (shown(LOTTERY, b"409"),))


@pytest.mark.parametrize("digits", [b"40", b"4081", b"4x8", "٤٠٨".encode()[:3], b""])
def test_a_lottery_gives_the_announced_number_of_digits(digits: bytes) -> None:
    with refused(BeaconValueWrong, beacon="lottery:3d", round=2018142, reason="digits"):
        accept(a_sealed_room(LOTTERY), shown(LOTTERY, digits))


def test_a_holders_chain_leads_to_its_anchor() -> None:
    room = a_sealed_room(CHAIN, ROOM_DICE)

    assert accept(room, shown(CHAIN, LAST))
    assert accept(room, room.dice(DICE, "witness"))
    assert len(room.seed()) == 32


@pytest.mark.parametrize(("value", "reason"), [(LAST[:31], "length"), (bytes(32), "anchor")])
def test_a_value_off_the_chain_is_refused(value: bytes, reason: str) -> None:
    with refused(BeaconValueWrong, beacon="chain:bank", round=0, reason=reason):
        accept(a_sealed_room(CHAIN, ROOM_DICE), shown(CHAIN, value))


def a_drand_room() -> Room:
    return a_sealed_room(Beacon("drand-quicknet", ROUND))  # the usual times lie long before quicknet began


def test_drand_is_verified_offline() -> None:
    source = Beacon("drand-quicknet", ROUND)

    assert accept(a_drand_room(), shown(source, SIGNATURE), verify_drand=verify_quicknet)
    assert not accept(a_drand_room(), shown(source, SIGNATURE))  # without its library: taken, and said


@pytest.mark.parametrize(
    ("value", "reason"),
    [(SIGNATURE[:47], "length"), (SIGNATURE[:-1] + b"\x38", "signature"), (b"\xc0" + bytes(47), "signature")],
)
def test_another_value_is_not_drands(value: bytes, reason: str) -> None:
    with refused(BeaconValueWrong, beacon="drand-quicknet", round=ROUND, reason=reason):
        accept(a_drand_room(), shown(Beacon("drand-quicknet", ROUND), value), verify_drand=verify_quicknet)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (1001, SIGNATURE),
        (2**64, SIGNATURE),
        (-1, SIGNATURE),
        (ROUND, b""),
        (ROUND, bytes(48)),
        (ROUND, b"\xff" * 48),
        (ROUND, bytes([SIGNATURE[0] ^ 0x20]) + SIGNATURE[1:]),  # the point's other root
        (ROUND, SIGNATURE + b"\x00"),
    ],
)
def test_quicknets_verifier_says_no_and_never_raises(number: int, value: bytes) -> None:
    assert not verify_quicknet(number, value)


def test_quicknets_verifier_says_yes_to_the_real_round() -> None:
    assert verify_quicknet(ROUND, SIGNATURE)


def test_every_value_waits_for_the_seal_and_its_time() -> None:
    room = a_room(beacons=(LOTTERY,)).play_commits(*AGENCIES)
    with refused(NotSealed):
        accept(room, shown(LOTTERY, b"408"))
    with refused(BeaconValueWrong, beacon="lottery:3d", round=2018142, reason="too_early"):
        accept(a_sealed_room(LOTTERY), shown(LOTTERY, b"408"), TIMES.beacon_time - 1)


def test_the_values_come_in_the_manifests_order_and_no_more_of_them() -> None:
    room = a_sealed_room(CHAIN, LOTTERY)
    with refused(BeaconUnexpected, beacon="lottery:3d", round=2018142):
        accept(room, shown(LOTTERY, b"408"))
    accept(room, shown(CHAIN, LAST))
    with refused(BeaconUnexpected, beacon="lottery:3d", round=2018143):
        accept(room, shown(Beacon("lottery:3d", 2018143), b"408"))
    accept(room, shown(LOTTERY, b"408"))
    with refused(BeaconUnexpected, beacon="lottery:3d", round=2018142):
        accept(room, shown(LOTTERY, b"408"))


@pytest.mark.parametrize("moment", [0, beacons.DRAND_GENESIS, beacons.DRAND_GENESIS + 1, 1_900_000_001])
def test_the_first_round_of_drand_after_a_moment(moment: int) -> None:
    number = beacons.first_drand_round(moment)

    assert beacons.drand_time(number) >= moment
    assert number == 1 or beacons.drand_time(number - 1) < moment
