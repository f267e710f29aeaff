"""
What the draw and each of its rounds have in common: reveals, the seal, and who signs for whom.

Signatures are checked by a function passed in, because this layer knows no cryptography library.
Source: JIDRAW/1 sections 6 and 11.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from services.drawer.domain import messages
from services.drawer.domain.encoding import DIGEST_BYTES, Hash
from services.drawer.domain.manifest import Beacon, Manifest
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.seed import BeaconValue

SIGNATURE_BYTES = 64

Verify = Callable[[str, str, bytes, bytes], bool]
"""(alg, public key as hex, message of 32 bytes, signature of 64 bytes) → whether the signature is right; never raises."""


class NotAnAgency(DrawRefused):
    """Somebody who is no agency of this draw spoke as one."""

    code = "draw.not_an_agency"
    says = ("agency",)


class AlreadySaid(DrawRefused):
    """An agency said the same thing a second time: ``what`` is commit, countersignature, reveal or removal."""

    code = "draw.already_said"
    says = ("agency", "what")


class SignatureWrong(DrawRefused):
    """A signature is not by the key in the manifest over what it should be over."""

    code = "draw.signature_wrong"
    says = ("who", "what")


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
    """A seal after ``seal_by``: the attempt is void, the round is spent."""

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
    """A second seal: there is one per attempt, and one per round."""

    code = "draw.seal_already_set"


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
    """An agency's revealed secret or chain value (揭示) and its signature."""

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
class Act:
    """One sealed act, the draw itself or a round: what its messages begin with, and what it is held to."""

    manifest: Manifest
    digest: bytes
    """M."""
    verify: Verify
    commits: Mapping[str, bytes]
    """c of every agency."""
    subject: bytes
    """CD in the draw itself, D_r in a round."""
    round: int
    """0 in the draw itself; otherwise also how far a revealed value lies from the secret committed to."""
    sources: tuple[Beacon, ...]
    seal_by: int
    beacon_time: int
    reveal_close: int | None = None
    """Before this moment a seal needs every reveal; a round has no such moment."""

    @property
    def h(self) -> Hash:
        """H of this draw."""
        return self.manifest.h

    @property
    def opening(self) -> messages.Opening:
        """What every message of this act begins with."""
        return (self.subject,) if self.round else (self.digest, self.subject)

    @cached_property
    def agencies(self) -> tuple[str, ...]:
        """All agencies, ascending."""
        return tuple(sorted(self.manifest.agencies))

    def absent(self, present: Mapping[str, object]) -> tuple[str, ...]:
        """Name the agencies that are not in *present*."""
        return tuple(agency for agency in self.agencies if agency not in present)

    def values(self, reveals: Mapping[str, Reveal]) -> dict[str, bytes | None]:
        """v_a (or z_a) of every agency, None where it never came."""
        return {agency: reveals[agency].value if agency in reveals else None for agency in self.agencies}

    def reveals_digest(self, reveals: Mapping[str, Reveal]) -> bytes:
        """RD over the reveals accepted so far."""
        return messages.reveals_digest(self.h, self.digest, self.subject, self.values(reveals))

    def opens(self, agency: str, value: bytes) -> bool:
        """Tell whether *value* leads to the secret an agency committed to."""
        if len(value) != DIGEST_BYTES or agency not in self.commits:
            return False
        secret = messages.opened(self.h, value, self.round)
        return messages.commitment(self.h, self.digest, agency, secret) == self.commits[agency]

    def is_revealed(self, agency: str, shown: Reveal) -> bool:
        """Tell whether a reveal is one: it leads to the commitment and is signed for this act."""
        message = messages.said_of_reveal(self.h, self.opening, agency, shown.value)
        party = self.manifest.agencies.get(agency)
        return (
            party is not None
            and self.opens(agency, shown.value)
            and self._holds(party.alg, party.key, message, shown.sig)
        )

    # ── judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def judge_reveal(
        self, reveals: Mapping[str, Reveal], agency: str, new: Reveal, at: int, sealed: bool = False
    ) -> None:
        """Judge a reveal beside those already there: in time, before the seal, leading to the agency's commitment."""
        self.check_speaker(agency, reveals, "reveal")
        if sealed or at >= self.seal_by:
            raise RevealTooLate(agency=agency, at=at, seal_by=self.seal_by, sealed=sealed)
        if not self.opens(agency, new.value):
            raise RevealWrong(agency=agency)
        message = messages.said_of_reveal(self.h, self.opening, agency, new.value)
        self.check_agency_signature(agency, message, new.sig, "reveal")

    def check_sealable(self, reveals: Mapping[str, Reveal], at: int) -> None:
        """Refuse a seal at a moment, or over a list of reveals, that is not allowed."""
        absent = self.absent(reveals)
        if at > self.seal_by:
            raise SealTooLate(at=at, seal_by=self.seal_by)
        if absent and self.reveal_close is not None and at < self.reveal_close:
            raise SealTooEarly(at=at, reveal_close=self.reveal_close, absent=absent)
        if self.too_many_missing(reveals):
            raise TooManyMissing(absent=absent, max_missing=self.manifest.max_missing)

    def judge_seal(self, reveals: Mapping[str, Reveal], new: Seal, already: Seal | None = None) -> None:
        """Judge a seal; from an accepted one on the act stands."""
        if already is not None:
            raise SealAlreadySet
        self.check_sealable(reveals, new.at)
        rd = self.reveals_digest(reveals)
        if new.digest != rd:
            raise SealDiffers
        self.check_signed(new.signed, messages.said_of_seal(self.h, self.opening, rd, new.at), "seal")

    def too_many_missing(self, reveals: Mapping[str, Reveal]) -> bool:
        """Tell whether too few reveals are there: the manifest's bound, and two at least (of one agency: one)."""
        missing = len(self.absent(reveals))
        there = len(self.agencies) - missing
        return missing > self.manifest.max_missing or there < min(2, len(self.agencies))

    def check_speaker(self, agency: str, said: Mapping[str, object], what: str) -> None:
        """Refuse somebody who is no agency, and whoever has said it already."""
        if agency not in self.manifest.agencies:
            raise NotAnAgency(agency=agency)
        if agency in said:
            raise AlreadySaid(agency=agency, what=what)

    def check_agency_signature(self, agency: str, message: bytes, sig: bytes, what: str) -> None:
        """Refuse a signature that is not the agency's."""
        party = self.manifest.agencies[agency]
        self._check_signature(agency, party.alg, party.key, message, sig, what)

    def check_witness_signature(self, message: bytes, sig: bytes, what: str) -> None:
        """Refuse a signature that is not the witness's."""
        witness = self.manifest.witness
        if witness is None:
            raise WrongSigners(what=what, needed="agencies", there=["witness"])
        self._check_signature("witness", witness.alg, witness.key, message, sig, what)

    def check_signed(self, signed: Signatures, message: bytes, what: str) -> None:
        """Refuse a seal or dice not signed by the witness or, without one, by more than half of the agencies."""
        if self.manifest.witness is not None:
            if signed.witness is None or signed.agencies:
                raise WrongSigners(what=what, needed="witness", there=sorted(signed.agencies))
            self.check_witness_signature(message, signed.witness, what)
            return
        needed = len(self.agencies) // 2 + 1
        if signed.witness is not None or len(signed.agencies) < needed:
            raise WrongSigners(what=what, needed=needed, there=sorted(signed.agencies))
        for agency, sig in sorted(signed.agencies.items()):
            self.check_speaker(agency, {}, what)
            self.check_agency_signature(agency, message, sig, what)

    def _check_signature(self, who: str, alg: str, key: str, message: bytes, sig: bytes, what: str) -> None:
        if not self._holds(alg, key, message, sig):
            raise SignatureWrong(who=who, what=what)

    def _holds(self, alg: str, key: str, message: bytes, sig: bytes) -> bool:
        return len(sig) == SIGNATURE_BYTES and self.verify(alg, key, message, sig)
