"""
A replacement round as a ceremony: signed by those it concerns, revealed, sealed and drawn like the draw itself.

Each ``accept_…`` takes what has been accepted so far and the newcomer, and returns nothing or refuses. What the round
asks for is ``requests``, what it does is ``replacing``.
Source: JIDRAW/1 section 11.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from services.drawer.domain import beacons, joint, messages, requests
from services.drawer.domain.beacons import BeaconUnexpected, VerifyDrand
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.encoding import Hash
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.requests import Request
from services.drawer.domain.sealing import Act, BeaconShown, Commit, Reveal, Seal
from services.drawer.domain.seed import reseed
from services.drawer.domain.standing import Standing

WITNESS = "witness"


class RoundNumberWrong(DrawRefused):
    """Closed and spent rounds together are 1, 2, 3 …, and this is not the next one."""

    code = "draw.round_number_wrong"
    says = ("round", "expected")


class RoundsUsedUp(DrawRefused):
    """Every link of the agencies' chains has been used; the manifest allowed no more rounds."""

    code = "draw.rounds_used_up"
    says = ("round", "chain_len")


class RoundNotSigned(DrawRefused):
    """A round was to be revealed or sealed before everybody it concerns has signed its request."""

    code = "draw.round_not_signed"
    says = ("absent", "agencies_needed")


@dataclass(frozen=True)
class Ending:
    """Why a round was spent: it removes and draws nothing, and the next one has the next number."""

    reason: str
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """One round of a draw, as it stands when the round is asked for."""

    attempt: Attempt
    commits: Mapping[str, Commit]
    standing: Standing
    number: int
    request: Request

    @property
    def h(self) -> Hash:
        """H of this draw."""
        return self.attempt.h

    @cached_property
    def digest(self) -> bytes:
        """D_r."""
        return messages.removal_digest(self.h, self.attempt.digest, self.number, self.request.as_bytes())

    @cached_property
    def act(self) -> Act:
        """Give what reveals, seal and beacons of this round are judged by."""
        return Act(
            self.attempt.manifest,
            self.attempt.digest,
            self.attempt.verify,
            {agency: one.c for agency, one in self.commits.items()},
            self.digest,
            self.number,
            self.request.beacons,
            self.request.times.seal_by,
            self.request.times.beacon_time,
        )

    def unsigned(self, signatures: Mapping[str, bytes]) -> tuple[str, ...]:
        """Name those whose signature under the request is missing, agencies first, ascending."""
        needed = sorted(requests.signers(self.attempt.manifest, self.standing, self.request))
        witness = [WITNESS] if self.attempt.manifest.witness is not None else []
        return tuple(who for who in (*needed, *witness) if who not in signatures)

    def seed(self, reveals: Mapping[str, Reveal], shown: tuple[BeaconShown, ...]) -> bytes:
        """Work out seed_r once every beacon of the request has spoken."""
        wanted = self.request.beacons[len(shown) :]
        if wanted:
            raise BeaconUnexpected(beacon=wanted[0].id, round=wanted[0].round)
        values = [one.beacon for one in shown]
        return reseed(self.h, self.standing.seed, self.digest, self.act.values(reveals), values)


def open_round(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    standing: Standing,
    number: int,
    request: Request,
    before: int,
) -> Round:
    """
    Open a round, if its request may be made as things stand.

    Args:
        number: The round's number.
        before: How many rounds, closed and spent, there were before it.
    """
    if number != before + 1:
        raise RoundNumberWrong(round=number, expected=before + 1)
    if number > attempt.manifest.chain_len:
        raise RoundsUsedUp(round=number, chain_len=attempt.manifest.chain_len)
    requests.check(attempt.manifest, standing, request)
    return Round(attempt, commits, standing, number, request)


def accept_signature(one: Round, given: Mapping[str, bytes], who: str, sig: bytes) -> None:
    """Judge a signature under the request, of an agency or of the witness."""
    message = messages.removal_message(one.h, one.digest)
    if who == WITNESS:
        one.act.check_witness_signature(message, sig, "removal")
        return
    one.act.check_speaker(who, given, "removal")
    one.act.check_agency_signature(who, message, sig, "removal")


def accept_reveal(
    one: Round,
    signatures: Mapping[str, bytes],
    reveals: Mapping[str, Reveal],
    agency: str,
    new: Reveal,
    at: int,
    sealed: bool = False,
) -> None:
    """Judge a chain value: after all signatures, before the seal, leading to what the agency committed to."""
    check_signed(one, signatures)
    one.act.judge_reveal(reveals, agency, new, at, sealed)


def accept_seal(
    one: Round,
    signatures: Mapping[str, bytes],
    reveals: Mapping[str, Reveal],
    new: Seal,
    already: Seal | None = None,
) -> None:
    """Judge a round's seal; from an accepted one on the round stands."""
    _check_sealable(one, signatures)
    one.act.judge_seal(reveals, new, already)


def accept_joint_seal(
    one: Round,
    signatures: Mapping[str, bytes],
    reveals: Mapping[str, Reveal],
    so_far: Seal | None,
    agency: str,
    new: Seal,
    already: Seal | None = None,
) -> Seal:
    """Judge one agency's signature under a round's seal without a witness; give the seal with all of them."""
    _check_sealable(one, signatures)
    return joint.add_to_seal(one.act, reveals, so_far, agency, new, already)


def _check_sealable(one: Round, signatures: Mapping[str, bytes]) -> None:
    check_signed(one, signatures)
    requests.check_removals(one.attempt.manifest, one.standing, one.request)


def accept_beacon(
    one: Round,
    seal: Seal | None,
    shown: tuple[BeaconShown, ...],
    new: BeaconShown,
    at: int,
    verify_drand: VerifyDrand | None = None,
) -> bool:
    """Judge the next beacon's value of a round; tell whether it has been proved to be its source's."""
    return beacons.judge(one.act, seal, shown, new, at, verify_drand)


def check_signed(one: Round, signatures: Mapping[str, bytes]) -> None:
    """Refuse to go on before everybody it concerns, and at least two agencies where there are two, have signed."""
    if not _is_signed(one, signatures):
        raise RoundNotSigned(absent=one.unsigned(signatures), agencies_needed=_agencies_needed(one))


def ending(
    one: Round,
    signatures: Mapping[str, bytes],
    reveals: Mapping[str, Reveal],
    sealed: bool,
    at: int,
    signed_seal: Collection[str] = (),
) -> Ending | None:
    """Say why a round is spent by *at*, or that it goes on; a seal ends all this. *signed_seal* as of an attempt."""
    if sealed or at <= one.request.times.seal_by:
        return None
    if not _is_signed(one, signatures):
        return Ending("signature missing", one.unsigned(signatures) or one.attempt.absent(signatures))
    if one.act.too_many_missing(reveals):
        return Ending("too many reveals missing", one.attempt.absent(reveals))
    if one.attempt.manifest.witness is not None:
        return Ending("no seal in time", (WITNESS,))
    return Ending("no seal in time", one.attempt.absent(dict.fromkeys(signed_seal)))


def _is_signed(one: Round, signatures: Mapping[str, bytes]) -> bool:
    agencies = one.attempt.manifest.agencies.keys() & signatures.keys()
    return not one.unsigned(signatures) and len(agencies) >= _agencies_needed(one)


def _agencies_needed(one: Round) -> int:
    return min(2, len(one.attempt.manifest.agencies))
