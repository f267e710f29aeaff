"""
The manifest: everything that could influence the outcome, written down before the first commitment.

Here are its parts, its one JSON form and its digest M. ``manifest_reader`` reads one from outside,
``manifest_rules`` says what is refused, ``drafting`` makes one.
Source: JIDRAW/1 section 4.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import Hash, hash_named, tagged_hash
from services.drawer.domain.quota import Rule

VERSION = "JIDRAW/1"
PURPOSES = ("live", "rehearsal")
CUSTODIES = ("own", "page", "server")
ALGORITHMS = ("ed25519", "sm2")
DISCLOSURES = ("open", "window", "visit")
_LEFT_OUT_WHEN_NONE = {"min", "max", "digits", "anchor", "index"}

Labels = tuple[str, ...]
Slots = tuple[Labels, ...]


@dataclass(frozen=True)
class Parent:
    """The draw whose targets this one sends officers to (分段式)."""

    manifest: str
    result: str


@dataclass(frozen=True)
class Agency:
    """An agency's public key, and who holds the private one: its own system, its officer's browser, the operator."""

    alg: str
    key: str
    custody: str


@dataclass(frozen=True)
class Witness:
    """The body that seals the reveals (见证人) and is none of the agencies."""

    name: str
    alg: str
    key: str


@dataclass(frozen=True)
class Selection:
    """One plan drawn in this draw: the lines it is about, and a rule for every class of its sub-frame."""

    id: str
    lines: tuple[str, ...]
    rules: Mapping[str, Rule]


@dataclass(frozen=True)
class Shard:
    """One file of the frame: its number of rows, the hash of the file, the root over its chunks."""

    shard: str
    n: int
    digest: str
    root: str


@dataclass(frozen=True)
class Frame:
    """The sampling frame (抽样框) as the manifest names it; shards ascending."""

    n: int
    root: str
    shards: tuple[Shard, ...]


@dataclass(frozen=True)
class RosterSummary:
    """What the manifest says of an agency's officers: three digests and, in clear, how many there are."""

    roster: str
    recusals: str
    pids: str
    inspectors: int
    labels: Mapping[str, int]
    capacity: int
    recused: int
    most_recused: int


@dataclass(frozen=True)
class Beacon:
    """A source of randomness that speaks after the seal; ``round`` counts the dice of ``room-dice``."""

    id: str
    round: int
    digits: int | None = None
    anchor: str | None = None
    index: int | None = None


@dataclass(frozen=True)
class Times:
    """The moments of the ceremony, in Unix seconds."""

    published: int
    commit_close: int
    reveal_close: int
    seal_by: int
    beacon_time: int
    window_end: int


@dataclass(frozen=True)
class Replacement:
    """How many targets may be replaced in all rounds, and for which reasons."""

    max: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the agencies agree on before the frame is counted: the manifest without its computed parts."""

    hash: str
    draw: str
    attempt: int
    prev: str | None
    parent: Parent | None
    purpose: str
    plan: str
    lead: str
    agencies: Mapping[str, Agency]
    witness: Witness | None
    lines: Mapping[str, str]
    selections: tuple[Selection, ...]
    slots: Mapping[str, Mapping[str, Slots]]
    rosters: Mapping[str, RosterSummary]
    base_from: tuple[str, ...]
    beacons: tuple[Beacon, ...]
    times: Times
    chain_len: int
    max_missing: int
    replacement: Replacement
    disclosure: str


@dataclass(frozen=True, kw_only=True)
class Manifest(Terms):
    """A complete manifest: the terms, the frame's digests, and what is drawn of how many in every class."""

    frame: Frame
    sizes: Mapping[str, Mapping[str, tuple[int, int]]]

    @property
    def h(self) -> Hash:
        """H of this draw."""
        return hash_named(self.hash)

    def slots_of(self, agency: str, stratum: str) -> Slots | None:
        """Find the slots of a target: the stratum's, else its class's, else the agency's; None where none are given."""
        given = self.slots.get(agency, {})
        for place in (stratum, stratum.partition("/")[0], ""):
            if place in given:
                return given[place]
        return None


def terms_of(manifest: Manifest) -> Terms:
    """Take the terms out of a manifest, so that the next attempt can be drafted from them."""
    return Terms(**{field.name: getattr(manifest, field.name) for field in fields(Terms)})


def as_json(manifest: Manifest) -> dict[str, object]:
    """Give the manifest's JSON form, the one that is hashed and published."""
    return {"v": VERSION, **members(manifest)}


def members(part: "Manifest | Beacon | Times") -> dict[str, object]:
    """Give a part's JSON form: what is optional and not there is left out."""
    found: dict[str, object] = asdict(part, dict_factory=_members)
    return found


def digest(manifest: Manifest) -> bytes:
    """Work out M, the manifest digest."""
    return tagged_hash(manifest.h, "manifest", canonical(as_json(manifest)))


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {name: value for name, value in pairs if value is not None or name not in _LEFT_OUT_WHEN_NONE}
