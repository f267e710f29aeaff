"""
A whole ceremony rehearsed by one person alone: every body's key and secret is made here and forgotten.

What is played is what agencies and witness would say to one another, each step judged as in a real draw. The record it
ends in is marked "rehearsal", rests on this machine alone, and opens no visit.
Source: JIDRAW/1 sections 4 to 7 and 14.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from os import urandom

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onevisit.cases import Case
from services.drawer.domain import ceremony, manifest_rules, messages, record, record_rules
from services.drawer.domain.canonical import parse
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.encoding import DIGEST_BYTES
from services.drawer.domain.manifest import Agency, Manifest, Witness
from services.drawer.domain.manifest_rules import WITNESS
from services.drawer.domain.outcome import Outcome, RosterMissing, compute
from services.drawer.domain.record import Opening, Proceedings
from services.drawer.domain.record_reader import read_record
from services.drawer.domain.record_rules import Outside
from services.drawer.domain.roster import Roster, summarise
from services.drawer.domain.sealing import Act, Commit, Reveal, Seal, Signatures
from services.drawer.kernel import walk_of
from services.drawer.vault import ALGORITHM, verify_signature

Entropy = Callable[[int], bytes]
"""So many random bytes."""


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal's record in the full edition, already checked, and what it came to."""

    record: bytes
    outcome: Outcome


def rehearse(case: Case, entropy: Entropy = urandom) -> Rehearsed:
    """
    Play a draw from its first commitment to its record; the record is then checked as a stranger's would be.

    Raises:
        Every refusal of the draw itself: manifest, frame or a roster is not fit for it.
    """
    for name in sorted(case.manifest.rosters.keys() - case.rosters.keys()):
        raise RosterMissing(agency=name)
    room = _Room(entropy, {name: _key(entropy) for name in (*case.manifest.agencies, WITNESS)})
    openings = {
        name: Opening(entropy(DIGEST_BYTES), case.rosters.get(name, Roster({}))) for name in case.manifest.agencies
    }
    attempt = Attempt(_as_rehearsal(case.manifest, room, openings), verify_signature)
    manifest_rules.check(attempt.manifest)
    said = room.play(attempt)
    outcome = compute(
        attempt.manifest,
        case.frame,
        attempt.seed(said.commits, said.reveals, ()),
        case.rosters,
        walk_of(attempt.manifest.h),
    )
    written = record.to_bytes(record.full_record(attempt, said, outcome, openings))
    record_rules.check(read_record(parse(written)), Outside(lambda _: case.frame, verify_signature))
    return Rehearsed(written, outcome)


def _as_rehearsal(manifest: Manifest, room: "_Room", openings: Mapping[str, Opening]) -> Manifest:
    """Put keys of our own into a manifest; beacons are left out, for nobody can make them speak before their time."""
    agencies = {name: Agency(ALGORITHM, room.public(name), "server") for name in manifest.agencies}
    witness = manifest.witness and Witness(manifest.witness.name, ALGORITHM, room.public(WITNESS))
    # No pids: staff numbers and salts are the agencies' own, and no record opens them.
    rosters = {name: summarise(manifest.h, openings[name].rho, openings[name].roster, {}) for name in manifest.rosters}
    first = replace(manifest, attempt=1, prev=None, parent=None, purpose="rehearsal", beacons=())
    return replace(first, agencies=agencies, witness=witness, rosters=rosters)


def _key(entropy: Entropy) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(entropy(DIGEST_BYTES))


@dataclass(frozen=True)
class _Room:
    """Agencies and witness with their keys, all in one hand."""

    entropy: Entropy
    keys: Mapping[str, Ed25519PrivateKey]

    def public(self, name: str) -> str:
        return self.keys[name].public_key().public_bytes_raw().hex()

    def play(self, attempt: Attempt) -> Proceedings:
        """Commit, countersign, reveal and seal; every step is accepted before the next is made."""
        h, m, times = attempt.h, attempt.digest, attempt.manifest.times
        secrets = {
            name: messages.chain(h, self.entropy(DIGEST_BYTES), attempt.manifest.chain_len)[0]
            for name in attempt.agencies
        }
        commits: dict[str, Commit] = {}
        for name, secret in secrets.items():
            c = messages.commitment(h, m, name, secret)
            new = Commit(c, self.keys[name].sign(messages.commit_message(h, m, name, c)))
            ceremony.accept_commit(attempt, commits, name, new, times.commit_close)
            commits[name] = new
        act, signed = attempt.act(commits), dict[str, bytes]()
        for name in secrets:
            sig = self.keys[name].sign(messages.countersign_message(h, m, act.subject))
            ceremony.accept_countersignature(attempt, commits, signed, name, sig)
            signed[name] = sig
        reveals: dict[str, Reveal] = {}
        for name, secret in secrets.items():
            shown = Reveal(secret, self.keys[name].sign(messages.said_of_reveal(h, act.opening, name, secret)))
            ceremony.accept_reveal(attempt, commits, signed, reveals, name, shown, times.reveal_close)
            reveals[name] = shown
        seal = self._seal(act, act.reveals_digest(reveals), times.reveal_close)
        ceremony.accept_seal(attempt, commits, reveals, seal)
        return Proceedings(commits, signed, reveals, seal, ())

    def _seal(self, act: Act, reveals: bytes, at: int) -> Seal:
        message = messages.said_of_seal(act.h, act.opening, reveals, at)
        if act.manifest.witness is not None:
            return Seal(reveals, at, Signatures(self.keys[WITNESS].sign(message)))
        return Seal(reveals, at, Signatures(None, {name: self.keys[name].sign(message) for name in act.agencies}))
