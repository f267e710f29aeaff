"""
What went wrong around a seal, shown from what was signed: published, while the draw stands.

Two kinds prove themselves: a valid reveal that the seal does not hold, and a second seal. Two are stated: a beacon that
was late, by the clock, and data that a body lost, by the body itself with a document.

And what the witness (见证人) refuses before it comes to that: a second manifest for one attempt, a new attempt after one
that was sealed.
Source: JIDRAW/1 sections 4, 6 and 15.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.drawer.domain import messages
from services.drawer.domain.canonical import canonical
from services.drawer.domain.manifest import Manifest, digest
from services.drawer.domain.record import Fault
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.sealing import Act, Reveal, Seal

LATE_SECONDS = 600
"""A beacon is late when it is not there this long after its moment: as much as lies between a seal and it at least."""


class Kind(StrEnum):
    """What a fault is."""

    REVEAL_OMITTED = "reveal_omitted"
    SECOND_SEAL = "second_seal"
    BEACON_LATE = "beacon_late"
    DATA_LOST = "data_lost"


IN_RECORD = {
    Kind.REVEAL_OMITTED: "valid reveal not in the seal",
    Kind.SECOND_SEAL: "second seal",
    Kind.BEACON_LATE: "late beacon",
    Kind.DATA_LOST: "lost data",
}
"""What the record says in words; of a round its number follows."""
_KINDS = {said: kind for kind, said in IN_RECORD.items()}
_SAID = re.compile(r"(.+?)(?:, round ([1-9][0-9]{0,15}))?")


class NothingSealedYet(DrawRefused):
    """There is no seal yet: what goes wrong before one ends the attempt or spends the round, and needs no fault."""

    code = "draw.fault_before_seal"


class RevealInSeal(DrawRefused):
    """The agency's reveal stands in the sealed list: nothing was left out."""

    code = "draw.fault_reveal_in_seal"
    says = ("agency",)


class NoReveal(DrawRefused):
    """What is shown is no reveal of this agency: it does not open its commitment, or is not signed for this act."""

    code = "draw.fault_no_reveal"
    says = ("agency",)


class NoSecondSeal(DrawRefused):
    """What is shown is no second seal: not signed by those who seal, or the very one that stands."""

    code = "draw.fault_no_second_seal"


class BeaconInTime(DrawRefused):
    """The beacon came within ten minutes of its moment, or that time has not passed yet."""

    code = "draw.fault_beacon_in_time"
    says = ("beacon_time",)


class ManifestAlreadyShown(DrawRefused):
    """Another live manifest was shown for the same attempt; whoever has two could choose between two draws."""

    code = "draw.manifest_already_shown"
    says = ("draw", "attempt")


class PreviousNotShown(DrawRefused):
    """A manifest says it follows an attempt that nobody was shown, or not as it was shown."""

    code = "draw.previous_not_shown"
    says = ("draw", "attempt")


class PreviousStands(DrawRefused):
    """The attempt before is sealed or still under way: nothing voids a seal, and one attempt runs at a time."""

    code = "draw.previous_stands"
    says = ("draw", "attempt")


@dataclass(frozen=True)
class ShownAttempt:
    """What the witness keeps of an attempt: the digest of its manifest, and whether it has ended without a seal."""

    manifest: bytes
    ended: bool


def accept_manifest(shown: Mapping[int, ShownAttempt], manifest: Manifest) -> bytes:
    """
    Judge a manifest that is shown to the witness, and give the digest M that the witness then publishes.

    Args:
        shown: The live attempts of this draw that were shown before, by number.
    """
    m = digest(manifest)
    if manifest.purpose != "live":
        return m
    about = {"draw": manifest.draw, "attempt": manifest.attempt}
    known = shown.get(manifest.attempt)
    if known is not None and known.manifest != m:
        raise ManifestAlreadyShown(**about)
    if manifest.attempt > 1:
        before = shown.get(manifest.attempt - 1)
        if before is None or before.manifest.hex() != manifest.prev:
            raise PreviousNotShown(**about)
        if not before.ended:
            raise PreviousStands(**about)
    return m


def omitted_reveal(act: Act, sealed: Container[str], agency: str, shown: Reveal) -> Fault | None:
    """Say that a valid reveal is not in the sealed list; None where it is no reveal, or stands there."""
    if agency in sealed or not act.is_revealed(agency, shown):
        return None
    return Fault(_what(act, Kind.REVEAL_OMITTED), agency, act.h(reveal_evidence(shown)).hex())


def second_seal(act: Act, seal: Seal, other: Seal) -> Fault | None:
    """Say that one act was sealed twice; None where the other is no valid seal, or says the same."""
    if (seal.digest, seal.at) == (other.digest, other.at):
        return None
    for one in (seal, other):
        try:
            act.check_signed(one.signed, messages.said_of_seal(act.h, act.opening, one.digest, one.at), "seal")
        except DrawRefused:
            return None
    who = "witness" if act.manifest.witness else None
    return Fault(_what(act, Kind.SECOND_SEAL), who, act.h(seal_evidence(other)).hex())


def reveal_evidence(shown: Reveal) -> bytes:
    """Write an omitted reveal as the bytes whose hash stands in the record."""
    return canonical({"value": shown.value.hex(), "sig": shown.sig.hex()})


def seal_evidence(other: Seal) -> bytes:
    """Write a second seal as the bytes whose hash stands in the record."""
    return canonical({"digest": other.digest.hex(), "at": other.at, **other.signed.as_json()})


def prove_omitted_reveal(act: Act, seal: Seal | None, sealed: Container[str], agency: str, shown: Reveal) -> Fault:
    """
    Judge a reveal that is said to have been left out.

    It proves that the agency made and signed it, and that the seal does not hold it; when it was shown, nobody can prove.

    Raises:
        NothingSealedYet, RevealInSeal, NoReveal.
    """
    if seal is None:
        raise NothingSealedYet
    if agency in sealed:
        raise RevealInSeal(agency=agency)
    found = omitted_reveal(act, sealed, agency, shown)
    if found is None:
        raise NoReveal(agency=agency)
    return found


def prove_second_seal(act: Act, seal: Seal | None, other: Seal) -> Fault:
    """
    Judge a seal that is said to be another one of the same act.

    Raises:
        NothingSealedYet, NoSecondSeal.
    """
    if seal is None:
        raise NothingSealedYet
    found = second_seal(act, seal, other)
    if found is None:
        raise NoSecondSeal
    return found


def state_late_beacon(act: Act, seal: Seal | None, last_said: int | None, at: int) -> Fault:
    """
    Judge by the clock whether a beacon is late.

    Args:
        last_said: When the last value was entered, in Unix seconds; None while one is awaited.
        at: Now.

    Raises:
        NothingSealedYet, BeaconInTime.
    """
    if seal is None:
        raise NothingSealedYet
    came = at if last_said is None else last_said
    if not act.sources or came <= act.beacon_time + LATE_SECONDS:
        raise BeaconInTime(beacon_time=act.beacon_time)
    return Fault(_what(act, Kind.BEACON_LATE))


def state_lost_data(act: Act, seal: Seal | None, who: str, document: bytes) -> Fault:
    """
    Take a body's own word that it has lost its key, its secret or its files, with the document that says so.

    Args:
        who: The agency, or ``witness``.

    Raises:
        NothingSealedYet.
    """
    if seal is None:
        raise NothingSealedYet
    return Fault(_what(act, Kind.DATA_LOST), who, act.h(document).hex())


def told_of(what: str) -> tuple[Kind, int] | None:
    """Read a record's words for a fault: its kind, and the round it is of (0: the draw itself); None: no words of ours."""
    said = _SAID.fullmatch(what)
    kind = _KINDS.get(said[1]) if said else None
    return (kind, int(said[2] or 0)) if said and kind else None


def _what(act: Act, kind: Kind) -> str:
    return f"{IN_RECORD[kind]}, round {act.round}" if act.round else IN_RECORD[kind]
