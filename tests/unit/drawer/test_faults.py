"""Faults: what was signed proves what went wrong; and what the witness refuses before it comes to that."""

from dataclasses import replace

from services.drawer.domain import faults
from services.drawer.domain.faults import ManifestAlreadyShown, PreviousNotShown, PreviousStands, ShownAttempt
from services.drawer.domain.manifest import digest
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
