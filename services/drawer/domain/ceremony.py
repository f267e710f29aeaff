"""
The ceremony: who may still say what, and when an attempt ends.

Each ``accept_…`` takes what has been accepted so far and the newcomer, and returns nothing or refuses; keeping it is
the carrier's work. Signatures are checked by a function passed in, because this layer knows no cryptography library.
Source: JIDRAW/1 sections 5 to 7.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from services.drawer.domain import messages
from services.drawer.domain.encoding import DIGEST_BYTES, Hash
from services.drawer.domain.manifest import Manifest, digest
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.seed import BeaconValue, seed

SIGNATURE_BYTES = 64

Verify = Callable[[str, str, bytes, bytes], bool]
"""(alg, public key as hex, message of 32 bytes, signature of 64 bytes) → whether the signature is right; never raises."""


class NotAnAgency(DrawRefused):
    """Somebody who is no agency of this draw spoke as one."""

    code = "draw.not_an_agency"
    says = ("agency",)


class AlreadySaid(DrawRefused):
    """An agency committed, countersigned or revealed a second time: ``what`` is commit, countersignature or reveal."""

    code = "draw.already_said"
    says = ("agency", "what")


class SignatureWrong(DrawRefused):
    """A signature is not by the key in the manifest over what it should be over."""

    code = "draw.signature_wrong"
    says = ("who", "what")


class CommitTooLate(DrawRefused):
    """A commitment came after ``commit_close``."""

    code = "draw.commit_too_late"
    says = ("agency", "at", "commit_close")


class CommitsEqual(DrawRefused):
    """Two agencies sent the same commitment: one copied the other's."""

    code = "draw.commits_equal"
    says = ("agency", "other")


class CommitsIncomplete(DrawRefused):
    """Somebody countersigned before every agency had committed."""

    code = "draw.commits_incomplete"
    says = ("absent",)


class CountersignaturesIncomplete(DrawRefused):
    """Somebody revealed before every agency had countersigned the commitments."""

    code = "draw.countersignatures_incomplete"
    says = ("absent",)


class RevealWrong(DrawRefused):
    """A revealed value does not open the commitment."""

    code = "draw.reveal_wrong"
    says = ("agency",)


class RevealTooLate(DrawRefused):
    """A reveal came after the seal, or not before ``seal_by``."""

    code = "draw.reveal_too_late"
    says = ("agency", "at", "seal_by", "sealed")


class SealTooEarly(DrawRefused):
    """A seal before ``reveal_close`` while a reveal was still missing."""

    code = "draw.seal_too_early"
    says = ("at", "reveal_close", "absent")


class SealTooLate(DrawRefused):
    """A seal after ``seal_by``: the attempt is void."""

    code = "draw.seal_too_late"
    says = ("at", "seal_by")


class TooManyMissing(DrawRefused):
    """More reveals are missing than the manifest allows, or fewer than two (of one agency: one) are there."""

    code = "draw.too_many_missing"
    says = ("absent", "max_missing")


class SealDiffers(DrawRefused):
    """A seal is over another list of reveals than the one at hand."""

    code = "draw.seal_differs"


class SealAlreadySet(DrawRefused):
    """A second seal: there is one per attempt."""

    code = "draw.seal_already_set"


class NotSealed(DrawRefused):
    """Dice were entered before the reveals were sealed."""

    code = "draw.not_sealed"


class DiceTooEarly(DrawRefused):
    """Dice were thrown before ``beacon_time``."""

    code = "draw.dice_too_early"
    says = ("at", "beacon_time")


class DiceWrong(DrawRefused):
    """The dice are not exactly as many digits as the manifest names."""

    code = "draw.dice_wrong"
    says = ("dice", "given")


class BeaconUnexpected(DrawRefused):
    """A value of a beacon that is not the manifest's next, or of a kind this release cannot take."""

    code = "draw.beacon_unexpected"
    says = ("beacon", "round")


class WrongSigners(DrawRefused):
    """A seal or dice are signed by others than the witness or, without one, more than half of the agencies."""

    code = "draw.wrong_signers"
    says = ("what", "needed", "there")


@dataclass(frozen=True)
class Commit:
    """An agency's commitment (种子承诺) and its signature."""

    c: bytes
    sig: bytes


@dataclass(frozen=True)
class Reveal:
    """An agency's revealed secret (揭示) and its signature."""

    value: bytes
    sig: bytes


@dataclass(frozen=True)
class Signatures:
    """Who signed a seal or the dice: the witness, or, in a draw without one, agencies."""

    witness: bytes | None = None
    agencies: Mapping[str, bytes] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Give the shape that seals and beacon proofs have in the record."""
        if self.witness is not None:
            return {"witness": self.witness.hex()}
        return {"agencies": {agency: sig.hex() for agency, sig in sorted(self.agencies.items())}}


@dataclass(frozen=True)
class Seal:
    """The end of the reveals: RD, the moment in Unix seconds, and who signed."""

    digest: bytes
    at: int
    signed: Signatures


@dataclass(frozen=True)
class BeaconShown:
    """A beacon's value, with the signatures under it where its source is the room."""

    beacon: BeaconValue
    proof: Signatures | None = None


@dataclass(frozen=True)
class Ending:
    """Why an attempt ended before its seal, and who was absent; attempt + 1 may open."""

    reason: str
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Attempt:
    """One attempt of a draw: its manifest, and how signatures are checked."""

    manifest: Manifest
    verify: Verify

    @property
    def h(self) -> Hash:
        """H of this draw."""
        return self.manifest.h

    @cached_property
    def digest(self) -> bytes:
        """M."""
        return digest(self.manifest)

    @property
    def agencies(self) -> tuple[str, ...]:
        """All agencies, ascending."""
        return tuple(sorted(self.manifest.agencies))

    def absent(self, present: Mapping[str, object]) -> tuple[str, ...]:
        """Name the agencies that are not in *present*."""
        return tuple(agency for agency in self.agencies if agency not in present)

    def commits_digest(self, commits: Mapping[str, Commit]) -> bytes:
        """CD; refuse while a commitment is missing."""
        if self.absent(commits):
            raise CommitsIncomplete(absent=self.absent(commits))
        return messages.commits_digest(self.h, self.digest, {agency: one.c for agency, one in commits.items()})

    def values(self, reveals: Mapping[str, Reveal]) -> dict[str, bytes | None]:
        """v_a of every agency: its secret, or None where it never came."""
        return {agency: reveals[agency].value if agency in reveals else None for agency in self.agencies}

    def reveals_digest(self, commits: Mapping[str, Commit], reveals: Mapping[str, Reveal]) -> bytes:
        """RD over the reveals accepted so far."""
        return messages.reveals_digest(self.h, self.digest, self.commits_digest(commits), self.values(reveals))

    def seed(
        self, commits: Mapping[str, Commit], reveals: Mapping[str, Reveal], beacons: tuple[BeaconShown, ...]
    ) -> bytes:
        """Work out the seed once every beacon of the manifest has spoken."""
        wanted = self.manifest.beacons[len(beacons) :]
        if wanted:
            raise BeaconUnexpected(beacon=wanted[0].id, round=wanted[0].round)
        shown = [beacon.beacon for beacon in beacons]
        return seed(self.h, self.digest, self.commits_digest(commits), self.values(reveals), shown)


def accept_commit(attempt: Attempt, commits: Mapping[str, Commit], agency: str, new: Commit, at: int) -> None:
    """Judge a commitment that arrives at *at* beside those already there."""
    _check_speaker(attempt, agency, commits, "commit")
    if at > attempt.manifest.times.commit_close:
        raise CommitTooLate(agency=agency, at=at, commit_close=attempt.manifest.times.commit_close)
    for other, commit in sorted(commits.items()):
        if commit.c == new.c:
            raise CommitsEqual(agency=agency, other=other)
    message = messages.commit_message(attempt.h, attempt.digest, agency, new.c)
    _check_agency_signature(attempt, agency, message, new.sig, "commit")


def accept_countersignature(
    attempt: Attempt, commits: Mapping[str, Commit], given: Mapping[str, bytes], agency: str, sig: bytes
) -> None:
    """Judge a countersignature under the complete list of commitments, final as soon as every agency has committed."""
    _check_speaker(attempt, agency, given, "countersignature")
    message = messages.countersign_message(attempt.h, attempt.digest, attempt.commits_digest(commits))
    _check_agency_signature(attempt, agency, message, sig, "countersignature")


def accept_reveal(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    countersignatures: Mapping[str, bytes],
    reveals: Mapping[str, Reveal],
    agency: str,
    new: Reveal,
    at: int,
    sealed: bool = False,
) -> None:
    """Judge a reveal: after all countersignatures, before the seal, opening the agency's own commitment."""
    _check_speaker(attempt, agency, reveals, "reveal")
    if attempt.absent(countersignatures):
        raise CountersignaturesIncomplete(absent=attempt.absent(countersignatures))
    if sealed or at >= attempt.manifest.times.seal_by:
        raise RevealTooLate(agency=agency, at=at, seal_by=attempt.manifest.times.seal_by, sealed=sealed)
    if not opens(attempt, commits, agency, new.value):
        raise RevealWrong(agency=agency)
    cd = attempt.commits_digest(commits)
    message = messages.reveal_message(attempt.h, attempt.digest, cd, agency, new.value)
    _check_agency_signature(attempt, agency, message, new.sig, "reveal")


def opens(attempt: Attempt, commits: Mapping[str, Commit], agency: str, value: bytes) -> bool:
    """Tell whether *value* is the secret an agency committed to."""
    known = len(value) == DIGEST_BYTES and agency in commits
    return known and messages.commitment(attempt.h, attempt.digest, agency, value) == commits[agency].c


def check_sealable(attempt: Attempt, reveals: Mapping[str, Reveal], at: int) -> None:
    """Refuse a seal at a moment, or over a list of reveals, that the manifest does not allow."""
    manifest, absent = attempt.manifest, attempt.absent(reveals)
    if at > manifest.times.seal_by:
        raise SealTooLate(at=at, seal_by=manifest.times.seal_by)
    if absent and at < manifest.times.reveal_close:
        raise SealTooEarly(at=at, reveal_close=manifest.times.reveal_close, absent=absent)
    if too_many_missing(attempt, reveals):
        raise TooManyMissing(absent=absent, max_missing=manifest.max_missing)


def accept_seal(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    reveals: Mapping[str, Reveal],
    new: Seal,
    already: Seal | None = None,
) -> None:
    """Judge a seal; from an accepted one on nothing voids the attempt."""
    if already is not None:
        raise SealAlreadySet
    check_sealable(attempt, reveals, new.at)
    rd = attempt.reveals_digest(commits, reveals)
    if new.digest != rd:
        raise SealDiffers
    message = messages.seal_message(attempt.h, attempt.digest, attempt.commits_digest(commits), rd, new.at)
    _check_signed(attempt, new.signed, message, "seal")


def accept_dice(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    seal: Seal | None,
    shown: tuple[BeaconShown, ...],
    new: BeaconShown,
    at: int,
) -> None:
    """Judge room dice: thrown after the seal and not before ``beacon_time``, as many as the manifest names, signed."""
    if seal is None:
        raise NotSealed
    wanted = attempt.manifest.beacons[len(shown) :]
    beacon = new.beacon
    if not wanted or (wanted[0].id, wanted[0].round) != (beacon.id, beacon.round) or beacon.id != "room-dice":
        raise BeaconUnexpected(beacon=beacon.id, round=beacon.round)
    if at < attempt.manifest.times.beacon_time:
        raise DiceTooEarly(at=at, beacon_time=attempt.manifest.times.beacon_time)
    if len(beacon.value) != beacon.round or not beacon.value.isdigit():
        raise DiceWrong(dice=beacon.round, given=len(beacon.value))
    cd = attempt.commits_digest(commits)
    message = messages.dice_message(attempt.h, attempt.digest, cd, seal.digest, beacon.value)
    _check_signed(attempt, new.proof or Signatures(), message, "dice")


def too_many_missing(attempt: Attempt, reveals: Mapping[str, Reveal]) -> bool:
    """Tell whether too few reveals are there to seal: the manifest's bound, and two at least (of one agency: one)."""
    there = len(attempt.agencies) - len(attempt.absent(reveals))
    missing = len(attempt.agencies) - there
    return missing > attempt.manifest.max_missing or there < min(2, len(attempt.agencies))


def ending(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    countersignatures: Mapping[str, bytes],
    reveals: Mapping[str, Reveal],
    sealed: bool,
    at: int,
) -> Ending | None:
    """
    Say why the attempt has ended by *at*, or that it goes on.

    A missing commitment ends it after ``commit_close``, a missing countersignature from ``reveal_close`` on (the
    protocol names no moment of its own for it), too few reveals or no seal after ``seal_by``; a seal ends all this.
    """
    times = attempt.manifest.times
    if sealed:
        return None
    if attempt.absent(commits):
        return Ending("commitment missing", attempt.absent(commits)) if at > times.commit_close else None
    if attempt.absent(countersignatures):
        late = at >= times.reveal_close
        return Ending("countersignature missing", attempt.absent(countersignatures)) if late else None
    if at <= times.seal_by:
        return None
    if too_many_missing(attempt, reveals):
        return Ending("too many reveals missing", attempt.absent(reveals))
    absent = ("witness",) if attempt.manifest.witness is not None else ()
    return Ending("no seal in time", absent)


def _check_speaker(attempt: Attempt, agency: str, said: Mapping[str, object], what: str) -> None:
    if agency not in attempt.manifest.agencies:
        raise NotAnAgency(agency=agency)
    if agency in said:
        raise AlreadySaid(agency=agency, what=what)


def _check_agency_signature(attempt: Attempt, agency: str, message: bytes, sig: bytes, what: str) -> None:
    party = attempt.manifest.agencies[agency]
    _check_signature(attempt, agency, party.alg, party.key, message, sig, what)


def _check_signature(attempt: Attempt, who: str, alg: str, key: str, message: bytes, sig: bytes, what: str) -> None:
    if len(sig) != SIGNATURE_BYTES or not attempt.verify(alg, key, message, sig):
        raise SignatureWrong(who=who, what=what)


def _check_signed(attempt: Attempt, signed: Signatures, message: bytes, what: str) -> None:
    witness = attempt.manifest.witness
    if witness is not None:
        if signed.witness is None or signed.agencies:
            raise WrongSigners(what=what, needed="witness", there=sorted(signed.agencies))
        _check_signature(attempt, "witness", witness.alg, witness.key, message, signed.witness, what)
        return
    needed = len(attempt.agencies) // 2 + 1
    if signed.witness is not None or len(signed.agencies) < needed:
        raise WrongSigners(what=what, needed=needed, there=sorted(signed.agencies))
    for agency, sig in sorted(signed.agencies.items()):
        _check_speaker(attempt, agency, {}, what)
        _check_agency_signature(attempt, agency, message, sig, what)
