"""The ceremony: who may still say what, what is refused, and when an attempt ends."""

from dataclasses import replace
from typing import Any

import pytest

from services.drawer.domain import ceremony, messages
from services.drawer.domain.beacons import BeaconUnexpected, DiceTooEarly, DiceWrong, NotSealed
from services.drawer.domain.ceremony import (
    CommitsEqual,
    CommitsIncomplete,
    CommitTooLate,
    CountersignaturesIncomplete,
    Ending,
)
from services.drawer.domain.encoding import SHA256, tagged_hash
from services.drawer.domain.manifest import Beacon, Selection
from services.drawer.domain.quota import Full
from services.drawer.domain.roster import SecretWrongSize
from services.drawer.domain.sealing import (
    AlreadySaid,
    BeaconShown,
    Commit,
    NotAnAgency,
    Reveal,
    RevealTooLate,
    RevealWrong,
    SealAlreadySet,
    SealDiffers,
    SealTooEarly,
    SealTooLate,
    Signatures,
    SignatureWrong,
    TooManyMissing,
    WrongSigners,
)
from services.drawer.domain.seed import BeaconValue
from tests.unit.drawer.draws import (
    AGENCIES,
    DICE,
    TIMES,
    Room,
    a_played_room,
    a_room,
    refused,
    secret,
    signed_by,
    signing_key,
)


def committed() -> Room:
    return a_room().play_commits(*AGENCIES)


def countersigned(**changes: Any) -> Room:
    return a_room(**changes).play_commits(*AGENCIES).play_countersignatures(*AGENCIES)


def accept_commit(room: Room, agency: str, new: Commit, at: int = TIMES.commit_close) -> None:
    ceremony.accept_commit(room.attempt, room.commits, agency, new, at)


def accept_reveal(room: Room, agency: str, new: Reveal, at: int = TIMES.reveal_close, sealed: bool = False) -> None:
    before = (room.commits, room.countersignatures, room.reveals)
    ceremony.accept_reveal(room.attempt, *before, agency, new, at, sealed)


def accept_dice(room: Room, new: BeaconShown, at: int = TIMES.beacon_time) -> None:
    ceremony.accept_dice(room.attempt, room.commits, room.seal, room.beacons, new, at)


def test_an_honest_ceremony_ends_in_a_seed_of_everything_said() -> None:
    room = a_played_room()
    attempt = room.attempt
    values = [part for agency in AGENCIES for part in (agency, room.secret(agency))]

    cd = attempt.commits_digest(room.commits)

    wanted = tagged_hash(SHA256, "seed", attempt.digest, cd, *values, "room-dice", 20, DICE)
    assert room.seed() == wanted


def test_a_rehearsal_without_a_beacon_has_three_empty_strings() -> None:
    room = countersigned(purpose="rehearsal", beacons=()).play_reveals(*AGENCIES).play_seal("witness")
    values = [part for agency in AGENCIES for part in (agency, room.secret(agency))]

    cd = room.attempt.commits_digest(room.commits)

    assert room.seed() == tagged_hash(SHA256, "seed", room.attempt.digest, cd, *values, "", "", "")


def test_a_missing_reveal_enters_as_the_empty_string() -> None:
    room = countersigned().play_reveals("AJ", "GA").play_seal("witness").play_dice("witness")
    m, cd = room.attempt.digest, room.attempt.commits_digest(room.commits)
    values = ("AJ", room.secret("AJ"), "GA", room.secret("GA"), "JT", b"")

    assert room.attempt.reveals_digest(room.commits, room.reveals) == tagged_hash(SHA256, "reveals", m, cd, *values)
    assert room.seed() == tagged_hash(SHA256, "seed", m, cd, *values, "room-dice", 20, DICE)


def test_a_secret_of_another_length_makes_no_chain() -> None:
    with refused(SecretWrongSize, what="draw_secret", bytes=32):
        messages.chain(SHA256, b"short", 3)


def test_dice_are_mixed_into_a_secret() -> None:
    assert messages.with_dice(SHA256, secret("x"), "123") == tagged_hash(SHA256, "dice", secret("x"), "123")


def test_only_agencies_of_the_draw_commit() -> None:
    room = a_room()

    with refused(NotAnAgency, agency="SJ"):
        accept_commit(room, "SJ", room.commitment("SJ"))


def test_an_agency_commits_once() -> None:
    room = a_room().play_commits("JT")

    with refused(AlreadySaid, agency="JT", what="commit"):
        accept_commit(room, "JT", room.commitment("JT", secret("another")))


def test_a_commitment_after_the_close_is_too_late() -> None:
    room = a_room()

    with refused(CommitTooLate, agency="JT", at=TIMES.commit_close + 1, commit_close=TIMES.commit_close):
        accept_commit(room, "JT", room.commitment("JT"), at=TIMES.commit_close + 1)


def test_a_copied_commitment_is_refused() -> None:
    room = a_room().play_commits("AJ")
    copied = room.commits["AJ"].c
    message = messages.commit_message(SHA256, room.attempt.digest, "JT", copied)

    with refused(CommitsEqual, agency="JT", other="AJ"):
        accept_commit(room, "JT", Commit(copied, signing_key("JT").sign(message)))


def test_a_commitment_signed_by_another_is_refused() -> None:
    room = a_room()

    with refused(SignatureWrong, who="JT", what="commit"):
        accept_commit(room, "JT", replace(room.commitment("JT"), sig=room.commitment("AJ").sig))


def test_a_signature_of_another_length_is_not_even_checked() -> None:
    room = a_room()

    with refused(SignatureWrong, who="JT", what="commit"):
        accept_commit(room, "JT", replace(room.commitment("JT"), sig=b""))


def test_nobody_countersigns_an_incomplete_list() -> None:
    room = a_room().play_commits("AJ", "GA")

    with refused(CommitsIncomplete, absent=("JT",)):
        ceremony.accept_countersignature(room.attempt, room.commits, {}, "AJ", b"0" * 64)


def test_a_countersignature_is_over_the_list_at_hand() -> None:
    room, other = committed(), a_room()
    other.commits = {**room.commits, "JT": room.commitment("JT", secret("another"))}

    with refused(SignatureWrong, who="AJ", what="countersignature"):
        ceremony.accept_countersignature(room.attempt, room.commits, {}, "AJ", other.countersignature("AJ"))


def test_an_agency_countersigns_once() -> None:
    room = committed().play_countersignatures("AJ")

    with refused(AlreadySaid, agency="AJ", what="countersignature"):
        room.play_countersignatures("AJ")


def test_nobody_reveals_before_every_countersignature_is_there() -> None:
    room = committed().play_countersignatures("AJ", "JT")

    with refused(CountersignaturesIncomplete, absent=("GA",)):
        accept_reveal(room, "AJ", room.reveal("AJ"))


@pytest.mark.parametrize("value", [secret("another"), b"short"])
def test_a_reveal_that_does_not_open_the_commitment_is_refused(value: bytes) -> None:
    room = countersigned()

    with refused(RevealWrong, agency="AJ"):
        accept_reveal(room, "AJ", room.reveal("AJ", value))


def test_a_reveal_of_another_agencys_secret_is_refused() -> None:
    room = countersigned()

    with refused(RevealWrong, agency="AJ"):
        accept_reveal(room, "AJ", room.reveal("AJ", room.secret("GA")))


def test_what_nobody_committed_to_opens_nothing() -> None:
    room = a_room().play_commits(*AGENCIES)

    assert room.attempt.act(room.commits).opens("AJ", room.secret("AJ"))
    assert not room.attempt.act(room.commits).opens("SJ", room.secret("AJ"))
    assert not room.attempt.act(room.commits).opens("AJ", room.secret("AJ")[:31])


def test_a_reveal_without_a_valid_signature_is_none() -> None:
    room = countersigned()

    with refused(SignatureWrong, who="AJ", what="reveal"):
        accept_reveal(room, "AJ", replace(room.reveal("AJ"), sig=room.reveal("GA").sig))


def test_an_agency_reveals_once() -> None:
    room = countersigned().play_reveals("AJ")

    with refused(AlreadySaid, agency="AJ", what="reveal"):
        accept_reveal(room, "AJ", room.reveal("AJ"))


def test_a_reveal_after_the_seal_or_at_its_deadline_is_too_late() -> None:
    room = countersigned()
    accept_reveal(room, "AJ", room.reveal("AJ"), at=TIMES.seal_by - 1)

    for at, sealed in ((TIMES.seal_by, False), (TIMES.reveal_close, True)):
        with refused(RevealTooLate, agency="AJ", at=at, seal_by=TIMES.seal_by, sealed=sealed):
            accept_reveal(room, "AJ", room.reveal("AJ"), at=at, sealed=sealed)


def test_a_seal_may_come_early_when_every_reveal_is_in_and_not_otherwise() -> None:
    room = countersigned().play_reveals("AJ", "GA")
    early = TIMES.reveal_close - 1

    with refused(SealTooEarly, at=early, reveal_close=TIMES.reveal_close, absent=("JT",)):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, room.sealed(early, "witness"))
    room.play_reveals("JT")
    ceremony.accept_seal(room.attempt, room.commits, room.reveals, room.sealed(early, "witness"))


def test_a_seal_after_its_deadline_is_too_late() -> None:
    room = countersigned().play_reveals(*AGENCIES)
    ceremony.accept_seal(room.attempt, room.commits, room.reveals, room.sealed(TIMES.seal_by, "witness"))

    with refused(SealTooLate, at=TIMES.seal_by + 1, seal_by=TIMES.seal_by):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, room.sealed(TIMES.seal_by + 1, "witness"))


def test_too_many_missing_reveals_cannot_be_sealed() -> None:
    room = countersigned().play_reveals("AJ")

    with refused(TooManyMissing, absent=("GA", "JT"), max_missing=1):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, room.sealed(TIMES.seal_by, "witness"))


def test_nobody_may_be_missing_where_the_manifest_says_so() -> None:
    room = countersigned(max_missing=0).play_reveals("AJ", "GA")

    with refused(TooManyMissing, absent=("JT",), max_missing=0):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, room.sealed(TIMES.seal_by, "witness"))


def test_two_reveals_must_be_there_of_one_agency_one() -> None:
    attempt = a_room().attempt
    lenient = replace(attempt, manifest=replace(attempt.manifest, max_missing=2))  # no manifest may say so
    alone = replace(attempt, manifest=replace(attempt.manifest, agencies={"JT": attempt.manifest.agencies["JT"]}))
    shown = Reveal(b"", b"")

    assert ceremony.too_many_missing(lenient, {"JT": shown})
    assert not ceremony.too_many_missing(lenient, {"JT": shown, "AJ": shown})
    assert not ceremony.too_many_missing(alone, {"JT": shown})


def test_a_seal_is_over_the_reveals_at_hand() -> None:
    room = countersigned().play_reveals("AJ", "GA")
    early = room.sealed(TIMES.reveal_close, "witness")
    room.play_reveals("JT")

    with refused(SealDiffers):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, early)


def test_an_attempt_is_sealed_once() -> None:
    room = countersigned().play_reveals(*AGENCIES).play_seal("witness")
    again = room.sealed(TIMES.seal_by, "witness")

    with refused(SealAlreadySet):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, again, already=room.seal)


@pytest.mark.parametrize("signers", [(), ("AJ", "GA", "JT"), ("witness", "AJ")])
def test_with_a_witness_only_the_witness_seals(signers: tuple[str, ...]) -> None:
    room = countersigned().play_reveals(*AGENCIES)
    there = sorted(set(signers) - {"witness"})

    with refused(WrongSigners, what="seal", needed="witness", there=there):
        room.play_seal(*signers)


def test_a_seal_signed_for_another_moment_is_refused() -> None:
    room = countersigned().play_reveals(*AGENCIES)
    seal = replace(room.sealed(TIMES.reveal_close, "witness"), at=TIMES.reveal_close + 1)

    with refused(SignatureWrong, who="witness", what="seal"):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, seal)


@pytest.mark.parametrize("signers", [("AJ",), ("AJ", "GA", "witness")])
def test_without_a_witness_more_than_half_of_the_agencies_seal(signers: tuple[str, ...]) -> None:
    room = countersigned(witness=None).play_reveals(*AGENCIES)

    with refused(WrongSigners, what="seal", needed=2, there=sorted(set(signers) - {"witness"})):
        room.play_seal(*signers)
    assert room.play_seal("AJ", "GA").seal is not None


def test_a_majority_with_one_wrong_or_foreign_signature_is_none() -> None:
    room = countersigned(witness=None).play_reveals(*AGENCIES)
    seal = room.sealed(TIMES.reveal_close, "AJ", "GA", "SJ")

    with refused(NotAnAgency, agency="SJ"):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, seal)
    wrong = replace(seal, signed=Signatures(None, {"AJ": seal.signed.agencies["AJ"], "GA": seal.signed.agencies["AJ"]}))
    with refused(SignatureWrong, who="GA", what="seal"):
        ceremony.accept_seal(room.attempt, room.commits, room.reveals, wrong)


def sealed(**changes: Any) -> Room:
    return countersigned(**changes).play_reveals(*AGENCIES).play_seal("witness")


def test_dice_are_not_thrown_before_the_seal() -> None:
    room = sealed()
    dice = room.dice(DICE, "witness")
    room.seal = None

    with refused(NotSealed):
        accept_dice(room, dice)


def test_dice_are_not_thrown_before_beacon_time() -> None:
    room = sealed()

    with refused(DiceTooEarly, at=TIMES.beacon_time - 1, beacon_time=TIMES.beacon_time):
        accept_dice(room, room.dice(DICE, "witness"), at=TIMES.beacon_time - 1)


@pytest.mark.parametrize("digits", [b"1234567890123456789x", b"-1234567890123456789"])
def test_dice_are_digits(digits: bytes) -> None:
    room = sealed()

    with refused(DiceWrong, dice=20, given=20):
        accept_dice(room, room.dice(digits, "witness"))


def test_dice_are_as_many_as_the_manifest_names() -> None:
    room = sealed()
    dice = room.dice(DICE + b"1", "witness")

    with refused(DiceWrong, dice=20, given=21):
        accept_dice(room, replace(dice, beacon=replace(dice.beacon, round=20)))


def test_dice_without_the_witness_are_none() -> None:
    room = sealed()

    with refused(WrongSigners, what="dice", needed="witness", there=[]):
        accept_dice(room, replace(room.dice(DICE, "witness"), proof=None))
    with refused(SignatureWrong, who="witness", what="dice"):
        accept_dice(room, replace(room.dice(DICE), proof=signed_by(b"something else".ljust(32), "witness")))


def test_only_the_next_beacon_of_the_manifest_speaks() -> None:
    room = sealed()

    with refused(BeaconUnexpected, beacon="room-dice", round=21):
        accept_dice(room, room.dice(DICE + b"1", "witness"))
    room.play_dice("witness")
    with refused(BeaconUnexpected, beacon="room-dice", round=20):
        accept_dice(room, room.dice(DICE, "witness"))


def test_a_beacon_of_another_kind_is_not_taken_for_dice() -> None:
    room = sealed(beacons=(Beacon("lottery:3d", 20, digits=20),))
    lottery = replace(room.dice(DICE, "witness"), beacon=BeaconValue("lottery:3d", 20, DICE))

    with refused(BeaconUnexpected, beacon="lottery:3d", round=20):
        accept_dice(room, lottery)


def test_there_is_no_seed_before_the_beacon() -> None:
    with refused(BeaconUnexpected, beacon="room-dice", round=20):
        sealed().seed()


def ending(room: Room, at: int, is_sealed: bool = False) -> Ending | None:
    return ceremony.ending(room.attempt, room.commits, room.countersignatures, room.reveals, is_sealed, at)


def test_a_missing_commitment_ends_the_attempt_after_its_close() -> None:
    room = a_room().play_commits("AJ")

    assert ending(room, TIMES.commit_close) is None
    assert ending(room, TIMES.commit_close + 1) == Ending("commitment missing", ("GA", "JT"))


def test_a_missing_countersignature_ends_the_attempt_when_reveals_should_be_in() -> None:
    room = committed().play_countersignatures("AJ", "JT")

    assert ending(room, TIMES.reveal_close - 1) is None
    assert ending(room, TIMES.reveal_close) == Ending("countersignature missing", ("GA",))


def test_too_few_reveals_end_the_attempt_after_the_seal_should_be_set() -> None:
    room = countersigned().play_reveals("AJ")

    assert ending(room, TIMES.seal_by) is None
    assert ending(room, TIMES.seal_by + 1) == Ending("too many reveals missing", ("GA", "JT"))


@pytest.mark.parametrize("witnessed", [True, False])
def test_no_seal_in_time_ends_the_attempt(witnessed: bool) -> None:
    room = countersigned(**({} if witnessed else {"witness": None})).play_reveals("AJ", "GA")

    assert ending(room, TIMES.seal_by) is None
    assert ending(room, TIMES.seal_by + 1) == Ending("no seal in time", ("witness",) if witnessed else AGENCIES)


def test_from_the_seal_on_nothing_ends_the_attempt() -> None:
    room = sealed()

    assert ending(room, TIMES.window_end, is_sealed=True) is None


def test_every_part_of_a_draw_matters_to_its_seed() -> None:
    usual = a_played_room().seed()
    rules = {"A": Full(), "B": Full()}

    assert a_played_room().seed() == usual
    assert a_played_room(draw="D-640221-2026-002").seed() != usual
    assert a_played_room(selections=(Selection("joint", ("JT-01",), rules),)).seed() != usual
