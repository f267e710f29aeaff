"""
The ceremony: who may still say what, and when an attempt ends.

Each ``accept_…`` takes what has been accepted so far and the newcomer, and returns nothing or refuses; keeping it is
the carrier's work. What reveals, seal and beacons are held to is the same in a replacement round: ``sealing``, ``beacons``.
Source: JIDRAW/1 sections 5 to 7.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from services.drawer.domain import beacons, joint, messages
from services.drawer.domain.beacons import BeaconUnexpected, VerifyDrand
from services.drawer.domain.encoding import Hash
from services.drawer.domain.manifest import Manifest, digest
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.sealing import Act, BeaconShown, Commit, Reveal, Seal, Verify
from services.drawer.domain.seed import seed

SEAL_SECONDS = 300
"""How long a seal may be on its way from where it is signed: a witness must not seal now for an earlier moment."""


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

    def act(self, commits: Mapping[str, Commit]) -> Act:
        """Give what reveals, seal and beacons of the draw itself are judged by, once every agency has committed."""
        return self._act({agency: one.c for agency, one in commits.items()}, self.commits_digest(commits))

    @property
    def bounds(self) -> Act:
        """Give the act as far as it is known before everybody has committed: who takes part, times and bounds."""
        return self._act({}, b"")

    def _act(self, commits: Mapping[str, bytes], subject: bytes) -> Act:
        manifest, times = self.manifest, self.manifest.times
        held_to = (manifest.beacons, times.seal_by, times.beacon_time, times.reveal_close)
        return Act(manifest, self.digest, self.verify, commits, subject, 0, *held_to)

    def seed(
        self, commits: Mapping[str, Commit], reveals: Mapping[str, Reveal], shown: tuple[BeaconShown, ...]
    ) -> bytes:
        """Work out the seed once every beacon of the manifest has spoken."""
        wanted = self.manifest.beacons[len(shown) :]
        if wanted:
            raise BeaconUnexpected(beacon=wanted[0].id, round=wanted[0].round)
        values = [one.beacon for one in shown]
        return seed(self.h, self.digest, self.commits_digest(commits), self.values(reveals), values)


def accept_commit(attempt: Attempt, commits: Mapping[str, Commit], agency: str, new: Commit, at: int) -> None:
    """Judge a commitment that arrives at *at* beside those already there."""
    act = attempt.bounds
    act.check_speaker(agency, commits, "commit")
    if at > attempt.manifest.times.commit_close:
        raise CommitTooLate(agency=agency, at=at, commit_close=attempt.manifest.times.commit_close)
    for other, commit in sorted(commits.items()):
        if commit.c == new.c:
            raise CommitsEqual(agency=agency, other=other)
    message = messages.commit_message(attempt.h, attempt.digest, agency, new.c)
    act.check_agency_signature(agency, message, new.sig, "commit")


def accept_countersignature(
    attempt: Attempt, commits: Mapping[str, Commit], given: Mapping[str, bytes], agency: str, sig: bytes
) -> None:
    """Judge a countersignature under the complete list of commitments, final as soon as every agency has committed."""
    act = attempt.bounds
    act.check_speaker(agency, given, "countersignature")
    message = messages.countersign_message(attempt.h, attempt.digest, attempt.commits_digest(commits))
    act.check_agency_signature(agency, message, sig, "countersignature")


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
    attempt.bounds.check_speaker(agency, reveals, "reveal")
    if attempt.absent(countersignatures):
        raise CountersignaturesIncomplete(absent=attempt.absent(countersignatures))
    attempt.act(commits).judge_reveal(reveals, agency, new, at, sealed)


def too_many_missing(attempt: Attempt, reveals: Mapping[str, Reveal]) -> bool:
    """Tell whether too few reveals are there to seal."""
    return attempt.bounds.too_many_missing(reveals)


def accept_seal(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    reveals: Mapping[str, Reveal],
    new: Seal,
    already: Seal | None = None,
) -> None:
    """Judge a seal; from an accepted one on nothing voids the attempt."""
    attempt.act(commits).judge_seal(reveals, new, already)


def accept_joint_seal(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    reveals: Mapping[str, Reveal],
    so_far: Seal | None,
    agency: str,
    new: Seal,
    already: Seal | None = None,
) -> Seal:
    """Judge one agency's signature under a seal without a witness; give the seal with all of them."""
    return joint.add_to_seal(attempt.act(commits), reveals, so_far, agency, new, already)


def accept_beacon(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    seal: Seal | None,
    shown: tuple[BeaconShown, ...],
    new: BeaconShown,
    at: int,
    verify_drand: VerifyDrand | None = None,
) -> bool:
    """Judge the next beacon's value (``beacons.judge``); tell whether it has been proved to be its source's."""
    return beacons.judge(attempt.act(commits), seal, shown, new, at, verify_drand)


def accept_dice(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    seal: Seal | None,
    shown: tuple[BeaconShown, ...],
    new: BeaconShown,
    at: int,
) -> None:
    """Judge room dice: thrown after the seal and not before ``beacon_time``, as many as the manifest names, signed."""
    if seal is not None and new.beacon.id != beacons.ROOM_DICE:
        raise BeaconUnexpected(beacon=new.beacon.id, round=new.beacon.round)
    accept_beacon(attempt, commits, seal, shown, new, at)


def is_of_now(signed_at: int, at: int) -> bool:
    """Tell whether a seal signed elsewhere for *signed_at* was signed in the last five minutes (Unix seconds)."""
    return at - SEAL_SECONDS <= signed_at <= at


def ending(
    attempt: Attempt,
    commits: Mapping[str, Commit],
    countersignatures: Mapping[str, bytes],
    reveals: Mapping[str, Reveal],
    sealed: bool,
    at: int,
    signed_seal: Collection[str] = (),
) -> Ending | None:
    """
    Say why the attempt has ended by *at*, or that it goes on.

    A missing commitment ends it after ``commit_close``, a missing countersignature from ``reveal_close`` on (the
    protocol names no moment of its own for it), too few reveals or no seal after ``seal_by``; a seal ends all this.
    *signed_seal*: agencies whose signature under a seal without a witness is there, though they are too few.
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
    if attempt.manifest.witness is not None:
        return Ending("no seal in time", ("witness",))
    return Ending("no seal in time", attempt.absent(dict.fromkeys(signed_seal)))
