"""Faults: what was signed proves what went wrong; and what the witness refuses before it comes to that."""

from dataclasses import replace

from services.drawer.domain import faults
from services.drawer.domain.canonical import parse
from services.drawer.domain.faults import (
    LATE_SECONDS,
    BeaconInTime,
    ManifestAlreadyShown,
    NoReveal,
    NoSecondSeal,
    NothingSealedYet,
    PreviousNotShown,
    PreviousStands,
    RevealInSeal,
    ShownAttempt,
)
from services.drawer.domain.manifest import digest
from services.drawer.domain.record import Fault
from services.drawer.domain.record_reader import read_shown_reveal, read_shown_seal
from services.drawer.domain.sealing import Reveal
from tests.unit.drawer.draws import AGENCIES, TIMES, a_manifest, a_played_room, a_room, refused, secret

FIRST = a_manifest()
ABOUT = {"draw": FIRST.draw, "attempt": 1}
NEXT = {"draw": FIRST.draw, "attempt": 2}


def test_a_valid_reveal_that_is_not_in_the_seal_is_a_fault_with_evidence() -> None:
    room = a_room().play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals("AJ", "JT")
    act, shown = room.attempt.act(room.commits), room.reveal("GA")

    fault = faults.omitted_reveal(act, room.reveals, "GA", shown)

    assert fault is not None
    assert (fault.who, fault.what) == ("GA", "valid reveal not in the seal")
    assert fault.evidence != faults.omitted_reveal(act, {}, "AJ", room.reveal("AJ")).evidence  # type: ignore[union-attr]
    assert faults.omitted_reveal(act, room.reveals, "AJ", room.reveal("AJ")) is None
    assert faults.omitted_reveal(act, room.reveals, "GA", Reveal(secret("other"), shown.sig)) is None
    assert faults.omitted_reveal(act, room.reveals, "GA", replace(shown, sig=room.reveal("AJ").sig)) is None
    assert faults.omitted_reveal(act, room.reveals, "SJ", shown) is None


def test_two_seals_of_one_act_are_a_fault_of_the_witness() -> None:
    room = a_played_room()
    act, seal = room.attempt.act(room.commits), room.seal
    assert seal is not None
    less = replace(room, reveals={agency: room.reveals[agency] for agency in ("AJ", "JT")})
    other = less.sealed(TIMES.reveal_close, "witness")

    fault = faults.second_seal(act, seal, other)

    assert fault is not None
    assert (fault.what, fault.who) == ("second seal", "witness")
    assert faults.second_seal(act, seal, seal) is None
    assert faults.second_seal(act, seal, replace(other, at=other.at + 1)) is None  # nobody signed that one
    assert faults.second_seal(act, seal, less.sealed(TIMES.reveal_close, "AJ", "GA", "JT")) is None


def test_the_witness_takes_one_live_manifest_per_attempt() -> None:
    shown = {1: ShownAttempt(digest(FIRST), ended=False)}

    assert faults.accept_manifest({}, FIRST) == digest(FIRST)
    assert faults.accept_manifest(shown, FIRST) == digest(FIRST)
    with refused(ManifestAlreadyShown, **ABOUT):
        faults.accept_manifest(shown, a_manifest(plan=secret("other plan").hex()))
    rehearsal = a_manifest(plan=secret("other plan").hex(), purpose="rehearsal")
    assert faults.accept_manifest(shown, rehearsal) == digest(rehearsal)


def test_the_next_attempt_follows_one_that_was_shown_and_has_ended() -> None:
    second = a_manifest(attempt=2, prev=digest(FIRST).hex())

    with refused(PreviousNotShown, **NEXT):
        faults.accept_manifest({}, second)
    with refused(PreviousNotShown, **NEXT):
        faults.accept_manifest({1: ShownAttempt(secret("another"), ended=True)}, second)
    with refused(PreviousStands, **NEXT):
        faults.accept_manifest({1: ShownAttempt(digest(FIRST), ended=False)}, second)
    assert faults.accept_manifest({1: ShownAttempt(digest(FIRST), ended=True)}, second) == digest(second)


def test_what_a_party_shows_is_judged_and_refused_by_name() -> None:
    room = a_room().play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals("AJ", "JT")
    room = room.play_seal("witness")
    act, shown, seal = room.attempt.act(room.commits), room.reveal("GA"), room.seal
    assert seal is not None
    other = replace(room, reveals={}).sealed(TIMES.reveal_close, "witness")

    fault = faults.prove_omitted_reveal(act, seal, room.reveals, "GA", shown)

    assert fault.evidence == act.h(faults.reveal_evidence(shown)).hex()
    assert read_shown_reveal(parse(faults.reveal_evidence(shown))) == shown
    with refused(NothingSealedYet):
        faults.prove_omitted_reveal(act, None, room.reveals, "GA", shown)
    with refused(RevealInSeal, agency="AJ"):
        faults.prove_omitted_reveal(act, seal, room.reveals, "AJ", room.reveal("AJ"))
    with refused(NoReveal, agency="GA"):
        faults.prove_omitted_reveal(act, seal, room.reveals, "GA", room.reveal("AJ"))
    assert faults.prove_second_seal(act, seal, other).evidence == act.h(faults.seal_evidence(other)).hex()
    assert read_shown_seal(parse(faults.seal_evidence(other))) == other
    with refused(NothingSealedYet):
        faults.prove_second_seal(act, None, other)
    with refused(NoSecondSeal):
        faults.prove_second_seal(act, seal, seal)


def test_a_beacon_is_late_ten_minutes_after_its_moment_whether_it_came_or_not() -> None:
    room = a_played_room()
    act, seal, late = room.attempt.act(room.commits), room.seal, TIMES.beacon_time + LATE_SECONDS + 1

    assert faults.state_late_beacon(act, seal, None, late) == Fault("late beacon")
    assert faults.state_late_beacon(act, seal, late, late + 5) == Fault("late beacon")
    for last_said, at in ((None, late - 1), (late - 1, late + 5)):
        with refused(BeaconInTime, beacon_time=TIMES.beacon_time):
            faults.state_late_beacon(act, seal, last_said, at)
    with refused(NothingSealedYet):
        faults.state_late_beacon(act, None, None, late)
    with refused(BeaconInTime, beacon_time=TIMES.beacon_time):
        faults.state_late_beacon(replace(act, sources=()), seal, None, late)


def test_lost_data_are_a_bodys_own_word_with_a_document_and_of_a_round_its_number() -> None:
    room = a_played_room()
    act, seal = room.attempt.act(room.commits), room.seal

    fault = faults.state_lost_data(act, seal, "GA", b"our disk broke")

    assert fault == Fault("lost data", "GA", act.h(b"our disk broke").hex())
    assert faults.state_lost_data(replace(act, round=2), seal, "witness", b"").what == "lost data, round 2"
    with refused(NothingSealedYet):
        faults.state_lost_data(act, None, "GA", b"")


def test_a_records_words_for_a_fault_are_read_back_and_other_words_are_nobodys() -> None:
    for kind, said in faults.IN_RECORD.items():
        assert faults.told_of(said) == (kind, 0)
        assert faults.told_of(f"{said}, round 12") == (kind, 12)
    for other in (
        "",
        "a flood",
        "lost data, round",
        "lost data, round 02",
        "lost data, round x",
        "lost data, round 1\n",
    ):
        assert faults.told_of(other) is None, other
