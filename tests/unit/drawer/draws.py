"""Builders of small draws: made-up agencies, keys from their names, a frame of 46 entities, and a played ceremony."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.drawer.domain import canonical, ceremony, drafting, frame, messages, roster
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.encoding import SHA256, Hash
from services.drawer.domain.frame import Kind, Rows
from services.drawer.domain.manifest import Agency, Beacon, Manifest, Replacement, Selection, Terms, Times, Witness
from services.drawer.domain.quota import Count, Full, Rate
from services.drawer.domain.record import Opening
from services.drawer.domain.refusals import Refusal
from services.drawer.domain.roster import Enrolled, Officer, Roster
from services.drawer.domain.sealing import BeaconShown, Commit, Reveal, Seal, Signatures
from services.drawer.domain.seed import BeaconValue

REPOSITORY = Path(__file__).parents[3]
GOLDEN = REPOSITORY / "tests" / "golden" / "draw"
SAMPLES = GOLDEN / "draw-sample"
SAMPLE_NAMES = sorted(folder.name for folder in SAMPLES.iterdir())
AGENCIES = ("AJ", "GA", "JT")
TIMES = Times(
    published=1_000_000,
    commit_close=1_090_000,
    reveal_close=1_091_000,
    seal_by=1_092_000,
    beacon_time=1_093_000,
    window_end=2_000_000,
)
DICE = b"31415926535897932384"


@cache
def vectors() -> Any:
    """Read the worked values of the protocol."""
    return json.loads((GOLDEN / "draw-vectors.json").read_text())


@cache
def sample(name: str) -> Any:
    """Read one of the protocol's sample records."""
    return canonical.parse((SAMPLES / name / "record.json").read_bytes())


def sample_frame(name: str) -> dict[str, Rows]:
    """Open the frame of a sample record, by shard."""
    shards = sample(name)["manifest"]["frame"]["shards"]
    files = {one["shard"]: SAMPLES / name / f"frame-{one['shard']}.tsv" for one in shards}
    return {shard: frame.rows_of(file.read_bytes()) for shard, file in files.items()}


def sample_rosters(name: str) -> dict[str, Roster]:
    """Read the rosters of a sample record of the full edition."""
    teams = sample(name)["teams"]
    return {
        agency: roster.read_roster({"roster": one["roster"], "recused": one["recused"]}, agency)
        for agency, one in teams.items()
    }


def as_plain(value: object) -> Any:
    """Write and read again, so that tuples are lists."""
    return json.loads(json.dumps(value))


@contextmanager
def refused(refusal: Refusal, **facts: object) -> Iterator[None]:
    """Expect exactly this refusal with exactly these facts, which are those it says it has."""
    with pytest.raises(refusal) as caught:
        yield
    assert caught.type is refusal
    assert caught.value.facts == facts
    assert set(facts) == set(refusal.says)


def signing_key(who: str) -> Ed25519PrivateKey:
    """Make the private key that everybody in these tests can guess from the name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(who.encode()).digest())


def public_key(who: str) -> str:
    """Give a party's public key in hex."""
    return signing_key(who).public_key().public_bytes_raw().hex()


def verify(alg: str, key: str, message: bytes, sig: bytes) -> bool:
    """Check an Ed25519 signature, as the carrier does."""
    assert alg == "ed25519"
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(sig, message)
    except InvalidSignature:
        return False
    return True


def secret(*words: str) -> bytes:
    """Make 32 bytes that look random and are not."""
    return hashlib.sha256("|".join(words).encode()).digest()


def entities() -> dict[str, Kind]:
    """List the entities: class A in two cells, of which GA visits one; class B without cells."""
    everybody = ("AJ-01", "GA-01", "JT-01")
    found = {f"E{number:03}": Kind("A/x", everybody) for number in range(24)}
    found |= {f"E{number:03}": Kind("A/y", ("AJ-01", "JT-01")) for number in range(24, 40)}
    return found | {f"E{number:03}": Kind("B", ("JT-01",)) for number in range(40, 46)}


def frame_of(found: Mapping[str, Kind], shard: str = "s1") -> dict[str, Rows]:
    """Write entities as a frame of one shard."""
    return {shard: frame.rows_of(frame.serialise(shard, found))}


def roster_of(agency: str, officers: int = 4, cap: int = 20) -> tuple[Roster, dict[str, Enrolled]]:
    """Enrol an agency's officers: all of them hold *enf*, every other one *haz*."""
    enrolled = [
        Enrolled(
            f"{agency}{number:02}",
            secret("salt", agency, str(number)),
            Officer(("enf", "haz") if number % 2 else ("enf",), cap, 0),
        )
        for number in range(officers)
    ]
    found, opening = roster.enrol(SHA256, enrolled)
    return Roster(found), opening


def rho(agency: str) -> bytes:
    """Give an agency's roster secret."""
    return secret("rho", agency)


def rosters() -> dict[str, Roster]:
    """Give the rosters of the draw's agencies."""
    return {agency: roster_of(agency)[0] for agency in AGENCIES}


def openings() -> dict[str, Opening]:
    """Give what the supervisor gets to see."""
    return {agency: Opening(rho(agency), roster_of(agency)[0]) for agency in AGENCIES}


def terms(taking_part: tuple[str, ...] = AGENCIES, h: Hash = SHA256, **changes: Any) -> Terms:
    """Agree on a live draw with a witness and dice, and change what the test is about."""
    summaries = {agency: roster.summarise(h, rho(agency), *roster_of(agency)) for agency in taking_part}
    agreed = Terms(
        hash=h.name,
        draw="D-640221-2026-001",
        attempt=1,
        prev=None,
        parent=None,
        purpose="live",
        plan=secret("plan").hex(),
        lead="JT",
        agencies={agency: Agency("ed25519", public_key(agency), "own") for agency in taking_part},
        witness=Witness("notary", "ed25519", public_key("witness")),
        lines={"AJ-01": "AJ", "GA-01": "GA", "JT-01": "JT"},
        selections=(
            Selection("joint", ("AJ-01", "GA-01", "JT-01"), {"A": Rate((1, 10), min=2), "B": Count(2)}),
            Selection("more", ("JT-01",), {"A": Rate((1, 20)), "B": Full()}),
        ),
        slots={agency: {"": (("enf",), ("enf",))} for agency in taking_part},
        rosters=summaries,
        base_from=(),
        beacons=(Beacon("room-dice", 20),),
        times=TIMES,
        chain_len=3,
        max_missing=1,
        replacement=Replacement(10, ("ill", "moved_out")),
        disclosure="window",
    )
    return replace(agreed, **changes)


def a_manifest(**changes: Any) -> Manifest:
    """Draft a manifest over the usual frame."""
    return drafting.draft(terms(**changes), frame.survey(SHA256, frame_of(entities())))


@dataclass
class Room:
    """Everybody in one room: plays the ceremony honestly, step by step, and keeps what was accepted."""

    attempt: Attempt
    commits: dict[str, Commit] = field(default_factory=dict)
    countersignatures: dict[str, bytes] = field(default_factory=dict)
    reveals: dict[str, Reveal] = field(default_factory=dict)
    seal: Seal | None = None
    beacons: tuple[BeaconShown, ...] = ()

    def secret(self, agency: str) -> bytes:
        """Give the secret an agency commits to."""
        chain_len = self.attempt.manifest.chain_len
        return messages.chain(self.attempt.h, secret("x", agency), chain_len)[0]

    def commitment(self, agency: str, value: bytes | None = None) -> Commit:
        """Make a commitment, the agency's own or to another value."""
        h, digest = self.attempt.h, self.attempt.digest
        c = messages.commitment(h, digest, agency, value or self.secret(agency))
        return Commit(c, signing_key(agency).sign(messages.commit_message(h, digest, agency, c)))

    def countersignature(self, agency: str) -> bytes:
        """Sign the list of commitments."""
        cd = self.attempt.commits_digest(self.commits)
        return signing_key(agency).sign(messages.countersign_message(self.attempt.h, self.attempt.digest, cd))

    def reveal(self, agency: str, value: bytes | None = None) -> Reveal:
        """Reveal the agency's own secret, or another value, well signed."""
        shown = value or self.secret(agency)
        cd = self.attempt.commits_digest(self.commits)
        message = messages.reveal_message(self.attempt.h, self.attempt.digest, cd, agency, shown)
        return Reveal(shown, signing_key(agency).sign(message))

    def sealed(self, at: int, *signers: str) -> Seal:
        """Seal the reveals at hand."""
        rd = self.attempt.reveals_digest(self.commits, self.reveals)
        cd = self.attempt.commits_digest(self.commits)
        message = messages.seal_message(self.attempt.h, self.attempt.digest, cd, rd, at)
        return Seal(rd, at, signed_by(message, *signers))

    def dice(self, digits: bytes, *signers: str) -> BeaconShown:
        """Throw dice and have them signed."""
        assert self.seal is not None
        cd = self.attempt.commits_digest(self.commits)
        message = messages.dice_message(self.attempt.h, self.attempt.digest, cd, self.seal.digest, digits)
        return BeaconShown(BeaconValue("room-dice", len(digits), digits), signed_by(message, *signers))

    def play_commits(self, *agencies: str) -> "Room":
        """Let agencies commit."""
        for agency in agencies:
            new = self.commitment(agency)
            ceremony.accept_commit(self.attempt, self.commits, agency, new, TIMES.commit_close)
            self.commits[agency] = new
        return self

    def play_countersignatures(self, *agencies: str) -> "Room":
        """Let agencies countersign."""
        for agency in agencies:
            new = self.countersignature(agency)
            ceremony.accept_countersignature(self.attempt, self.commits, self.countersignatures, agency, new)
            self.countersignatures[agency] = new
        return self

    def play_reveals(self, *agencies: str) -> "Room":
        """Let agencies reveal."""
        for agency in agencies:
            new = self.reveal(agency)
            before = (self.commits, self.countersignatures, self.reveals)
            ceremony.accept_reveal(self.attempt, *before, agency, new, TIMES.reveal_close)
            self.reveals[agency] = new
        return self

    def play_seal(self, *signers: str) -> "Room":
        """Seal at ``reveal_close``."""
        new = self.sealed(TIMES.reveal_close, *signers)
        ceremony.accept_seal(self.attempt, self.commits, self.reveals, new)
        self.seal = new
        return self

    def play_dice(self, *signers: str) -> "Room":
        """Throw the dice."""
        new = self.dice(DICE, *signers)
        ceremony.accept_dice(self.attempt, self.commits, self.seal, self.beacons, new, TIMES.beacon_time)
        self.beacons = (*self.beacons, new)
        return self

    def seed(self) -> bytes:
        """Work out the seed."""
        return self.attempt.seed(self.commits, self.reveals, self.beacons)


def signed_by(message: bytes, *signers: str) -> Signatures:
    """Collect signatures; the witness's stands apart."""
    agencies = {who: signing_key(who).sign(message) for who in signers if who != "witness"}
    return Signatures(signing_key("witness").sign(message) if "witness" in signers else None, agencies)


def a_room(**changes: Any) -> Room:
    """Open a room for a new attempt."""
    return Room(Attempt(a_manifest(**changes), verify))


def a_played_room(**changes: Any) -> Room:
    """Play a whole ceremony with a witness."""
    room = a_room(**changes).play_commits(*AGENCIES).play_countersignatures(*AGENCIES)
    return room.play_reveals(*AGENCIES).play_seal("witness").play_dice("witness")
