"""A seal and dice without a witness: agency by agency the same thing, and more than half of them."""

from dataclasses import replace

import pytest

from services.drawer.domain import ceremony, joint
from services.drawer.domain.beacons import BeaconUnexpected, DiceTooEarly, DiceWrong, NotSealed
from services.drawer.domain.sealing import (
    Act,
    AlreadySaid,
    BeaconShown,
    NotAnAgency,
    Seal,
    SealAlreadySet,
    SealDiffers,
    SealTooEarly,
    SealTooLate,
    Signatures,
    SignatureWrong,
    TooManyMissing,
    WrongSigners,
)
from tests.unit.drawer.draws import AGENCIES, DICE, TIMES, Room, a_room, refused

AT = TIMES.reveal_close
OTHER = DICE[::-1]


def revealed(*agencies: str, witness: bool = False) -> Room:
    room = a_room() if witness else a_room(witness=None)
    return room.play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals(*(agencies or AGENCIES))


def act(room: Room) -> Act:
    return room.attempt.act(room.commits)


def add(room: Room, so_far: Seal | None, agency: str, at: int = AT, new: Seal | None = None) -> Seal:
    seal = new or room.sealed(at, agency)
    return ceremony.accept_joint_seal(room.attempt, room.commits, room.reveals, so_far, agency, seal)


@pytest.mark.parametrize(("agencies", "enough"), [(2, 2), (3, 2), (4, 3), (5, 3)])
def test_more_than_half_is_never_half(agencies: int, enough: int) -> None:
    assert joint.needed(agencies) == enough


def test_the_seal_stands_when_more_than_half_have_signed_the_very_same_and_is_then_what_the_record_asks_for() -> None:
    room = revealed()
    one = add(room, None, "GA")
    assert not joint.stands(act(room), one.signed)

    two = add(room, one, "AJ")

    assert joint.stands(act(room), two.signed)
    assert two == room.sealed(AT, "AJ", "GA")
    ceremony.accept_seal(room.attempt, room.commits, room.reveals, two)


def test_the_first_signature_fixes_the_moment() -> None:
    room = revealed()
    one = add(room, None, "GA")

    with refused(SealDiffers):
        add(room, one, "AJ", at=AT + 1)


def test_a_signature_under_another_list_of_reveals_is_none() -> None:
    room = revealed("GA", "JT")
    one = add(room, None, "GA")
    early = room.sealed(AT, "AJ")
    room.play_reveals("AJ")

    with refused(SealDiffers):
        add(room, None, "AJ", new=early)
    with refused(SealDiffers):
        add(room, one, "AJ")


def test_an_agency_signs_a_seal_once_and_nobody_signs_one_that_stands() -> None:
    room = revealed()
    one = add(room, None, "GA")

    with refused(AlreadySaid, agency="GA", what="seal"):
        add(room, one, "GA")
    with refused(SealAlreadySet):
        joint.add_to_seal(act(room), room.reveals, None, "JT", room.sealed(AT, "JT"), room.sealed(AT, "AJ", "GA"))


def test_a_seal_of_agencies_is_held_to_what_a_witness_is_held_to() -> None:
    with refused(SealTooEarly, at=AT - 1, reveal_close=AT, absent=("AJ",)):
        add(revealed("GA", "JT"), None, "GA", at=AT - 1)
    with refused(SealTooLate, at=TIMES.seal_by + 1, seal_by=TIMES.seal_by):
        add(revealed(), None, "GA", at=TIMES.seal_by + 1)
    with refused(TooManyMissing, absent=("AJ", "JT"), max_missing=1):
        add(revealed("GA"), None, "GA")


def test_only_an_agencys_own_signature_counts() -> None:
    room = revealed()

    with refused(NotAnAgency, agency="SJ"):
        add(room, None, "SJ")
    with refused(SignatureWrong, who="GA", what="seal"):
        add(room, None, "GA", new=room.sealed(AT, "AJ"))
    with refused(WrongSigners, what="seal", needed="witness", there=["GA"]):
        add(revealed(witness=True), None, "GA")


def test_an_attempt_that_too_few_agencies_sealed_names_the_others() -> None:
    room = revealed()
    said = (room.commits, room.countersignatures, room.reveals, False, TIMES.seal_by + 1)

    ended = ceremony.ending(room.attempt, *said, signed_seal=["GA"])

    assert ended == ceremony.Ending("no seal in time", ("AJ", "JT"))


# ── dice ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sealed() -> Room:
    room = revealed()
    return replace(room, seal=room.sealed(AT, "AJ", "GA"))


def throw(
    room: Room, read: dict[str, BeaconShown], agency: str, digits: bytes = DICE, at: int = TIMES.beacon_time
) -> BeaconShown:
    new = room.dice(digits, agency)
    found = joint.add_to_dice(act(room), room.seal, room.beacons, read, agency, new, at)
    read[agency] = new
    return found


def test_dice_stand_when_more_than_half_have_read_and_signed_the_same_digits(sealed: Room) -> None:
    read: dict[str, BeaconShown] = {}
    throw(sealed, read, "GA")

    second = throw(sealed, read, "JT")

    assert second == sealed.dice(DICE, "GA", "JT")
    ceremony.accept_dice(sealed.attempt, sealed.commits, sealed.seal, (), second, TIMES.beacon_time)


def test_who_read_other_digits_does_not_count_and_may_correct_itself(sealed: Room) -> None:
    read: dict[str, BeaconShown] = {}
    throw(sealed, read, "GA", OTHER)

    alone = throw(sealed, read, "JT")
    assert alone.proof is not None
    assert list(alone.proof.agencies) == ["JT"]
    corrected = throw(sealed, read, "GA")

    assert corrected == sealed.dice(DICE, "GA", "JT")
    with refused(AlreadySaid, agency="GA", what="dice"):
        throw(sealed, read, "GA")


def test_dice_of_agencies_are_held_to_what_a_witness_is_held_to(sealed: Room) -> None:
    with refused(DiceTooEarly, at=TIMES.beacon_time - 1, beacon_time=TIMES.beacon_time):
        throw(sealed, {}, "GA", at=TIMES.beacon_time - 1)
    with refused(BeaconUnexpected, beacon="room-dice", round=3):
        throw(sealed, {}, "GA", b"123")
    with refused(DiceWrong, dice=20, given=20):
        throw(sealed, {}, "GA", b"x" * 20)
    shown = replace(sealed, beacons=(sealed.dice(DICE, "AJ", "GA"),))
    with refused(BeaconUnexpected, beacon="room-dice", round=20):
        throw(shown, {}, "JT")
    with refused(NotSealed):
        joint.add_to_dice(act(sealed), None, (), {}, "GA", sealed.dice(DICE, "GA"), TIMES.beacon_time)


def test_only_an_agencys_own_signature_counts_under_dice(sealed: Room) -> None:
    with refused(SignatureWrong, who="GA", what="dice"):
        joint.add_to_dice(act(sealed), sealed.seal, (), {}, "GA", sealed.dice(DICE, "AJ"), TIMES.beacon_time)
    unsigned = BeaconShown(sealed.dice(DICE, "GA").beacon)
    with refused(SignatureWrong, who="GA", what="dice"):
        joint.add_to_dice(act(sealed), sealed.seal, (), {}, "GA", unsigned, TIMES.beacon_time)
    with refused(NotAnAgency, agency="SJ"):
        throw(sealed, {}, "SJ")
    assert Signatures().agencies == {}
