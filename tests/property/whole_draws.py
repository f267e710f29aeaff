"""Whole random draws, played honestly to the end: frame, rosters, ceremony, rounds, record."""

import hashlib
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.drawer.domain import drafting, frame, messages, outcome, record, replacing, roster, rounds
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.encoding import HASHES, Hash
from services.drawer.domain.frame import Kind, Rows
from services.drawer.domain.manifest import Agency, Beacon, Manifest, Replacement, Selection, Terms, Times, Witness
from services.drawer.domain.outcome import Outcome
from services.drawer.domain.quota import Count, Full, Rate, Rule
from services.drawer.domain.record import ClosedRound, Opening, Proceedings, SpentRound
from services.drawer.domain.requests import DropOut, Removal, Request, RoundTimes
from services.drawer.domain.roster import Enrolled, Officer, Roster
from services.drawer.domain.sealing import Act, BeaconShown, Commit, Reveal, Seal, Signatures
from services.drawer.domain.seed import BeaconValue
from services.drawer.domain.standing import Standing
from services.drawer.vault import verify_signature
from tests.property.instances import LABELS, NAMES

CLASSES, CELLS = ("A", "B", "__proto__"), ("", "/x", "/y", "/constructor", "/x/1")
TIMES = Times(1_000_000, 1_100_000, 1_101_000, 1_102_000, 1_103_000, 9_000_000)


@dataclass(frozen=True)
class Played:
    """A draw from the first row of its frame to its record in both editions."""

    full: bytes
    public: bytes
    files: tuple[bytes, ...]
    outcome: Outcome
    rounds: int
    spent: int


@cache
def key(who: str) -> Ed25519PrivateKey:
    """Give a party's key."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(who.encode()).digest())


def a_draw(chance: random.Random) -> Played:
    """Make and play one."""
    h = HASHES[chance.choice(["sha256", "sha256", "sm3"])]
    agencies = sorted(chance.sample(["AJ", "GA", "JT", "SJ", "ZJ", "constructor", "toString"], chance.randint(1, 5)))
    lines = {f"{agency}-{number}": agency for agency in agencies for number in range(chance.randint(1, 2))}
    files, rows = _frame(chance, lines)
    entities = [one.partition(b"\t")[0].decode() for shard in rows.values() for one in shard()]
    openings = {agency: _opening(chance, h, entities) for agency in agencies}
    summaries = {
        agency: roster.summarise(h, opening.rho, opening.roster, enrolled)
        for agency, (opening, enrolled) in openings.items()
    }
    witness = len(agencies) == 1 or chance.random() < 0.7
    terms = Terms(
        hash=h.name,
        draw="D-1",
        attempt=1,
        prev=None,
        parent=None,
        purpose="live",
        plan="ab" * 32,
        lead=agencies[0],
        agencies={name: Agency("ed25519", key(name).public_key().public_bytes_raw().hex(), "own") for name in agencies},
        witness=Witness("公证处", "ed25519", key("witness").public_key().public_bytes_raw().hex()) if witness else None,
        lines=lines,
        selections=tuple(_selections(chance, sorted(lines))),
        slots={agency: _slots(chance) for agency in agencies},
        rosters=summaries,
        base_from=(),
        beacons=(Beacon("room-dice", 20),),
        times=TIMES,
        chain_len=3,
        max_missing=chance.randint(0, len(agencies) // 3),
        replacement=Replacement(99, ("ill", "moved")),
        disclosure="window",
    )
    manifest = drafting.draft(terms, frame.survey(h, rows))
    play = _Play(chance, Attempt(manifest, verify_signature), rows, {name: one for name, (one, _) in openings.items()})
    return play.to_the_end(files)


def _frame(chance: random.Random, lines: Mapping[str, str]) -> tuple[tuple[bytes, ...], dict[str, Rows]]:
    names = [*NAMES, *(f"E{number:03}" for number in range(chance.randint(0, 60)))]
    kinds = [
        Kind(
            chance.choice(CLASSES) + chance.choice(CELLS),
            tuple(sorted(chance.sample(sorted(lines), chance.randint(1, min(3, len(lines)))))),
        )
        for _ in range(8)
    ]
    shards: dict[str, dict[str, Kind]] = {f"s{number}": {} for number in range(chance.randint(1, 3))}
    for name in names:
        shards[chance.choice(sorted(shards))][name] = chance.choice(kinds)
    files = {name: frame.serialise(name, found) for name, found in shards.items()}
    return tuple(files.values()), {name: frame.rows_of(file) for name, file in files.items()}


def _selections(chance: random.Random, lines: list[str]) -> Iterable[Selection]:
    for number in range(chance.randint(1, 3)):
        wanted = tuple(chance.sample(lines, chance.randint(1, len(lines))))
        nothing = chance.random() < 0.05
        yield Selection(f"s{number}", wanted, {name: Count(0) if nothing else _rule(chance) for name in CLASSES})


def _rule(chance: random.Random) -> Rule:
    whole = chance.randint(1, 12)
    rules: list[Rule] = [
        Full(),
        Count(chance.randint(0, 9)),
        Rate((chance.randint(0, whole), whole)),
        Rate((1, whole), min=chance.randint(0, 3), max=chance.randint(3, 9)),
    ]
    return chance.choice([rules[0], *rules[1:] * 3])


def _slots(chance: random.Random) -> dict[str, tuple[tuple[str, ...], ...]]:
    def some() -> tuple[tuple[str, ...], ...]:
        wanted = [
            tuple(label for label in LABELS if chance.random() < 0.25) for _ in range(chance.choice([1, 2, 2, 3]))
        ]
        return tuple(wanted)

    places = chance.sample(["A", "A/x", "B", "__proto__/y"], chance.randint(0, 3))
    return {"": some(), **{place: some() for place in places}}


def _opening(chance: random.Random, h: Hash, entities: list[str]) -> tuple[Opening, dict[str, Enrolled]]:
    plenty = chance.random() < 0.5  # else tight, or hopeless
    enrolled = [
        Enrolled(
            f"N{number}",
            chance.randbytes(32),
            Officer(
                tuple(label for label in LABELS if chance.random() < (0.9 if plenty else 0.6)),
                20 if plenty else chance.choice([0, 1, 3, 20]),
                chance.randrange(4),
            ),
        )
        for number in range(chance.randint(*((8, 14) if plenty else (0, 9))))
    ]
    officers, opened = roster.enrol(h, enrolled)
    pairs = {(name, target) for name in officers for target in entities if chance.random() < 0.05}
    return Opening(chance.randbytes(32), Roster(officers, tuple(sorted(pairs)))), opened


@dataclass
class _Play:
    """The ceremony of one draw and its rounds, everybody honest, sometimes a reveal missing."""

    chance: random.Random
    attempt: Attempt
    rows: Mapping[str, Rows]
    openings: Mapping[str, Opening]

    def to_the_end(self, files: tuple[bytes, ...]) -> Played:
        manifest, h, m = self.attempt.manifest, self.attempt.h, self.attempt.digest
        chains = {name: messages.chain(h, self.chance.randbytes(32), manifest.chain_len) for name in manifest.agencies}
        commits: dict[str, Commit] = {}
        for name in self.attempt.agencies:
            c = messages.commitment(h, m, name, chains[name][0])
            commits[name] = Commit(c, key(name).sign(messages.commit_message(h, m, name, c)))
        act = self.attempt.act(commits)
        signed = {name: key(name).sign(messages.countersign_message(h, m, act.subject)) for name in commits}
        reveals, seal, shown = self._seal(
            act, {name: chain[0] for name, chain in chains.items()}, manifest.times.seal_by
        )
        rosters = {name: opening.roster for name, opening in self.openings.items()}
        found = outcome.compute(manifest, self.rows, self.attempt.seed(commits, reveals, shown), rosters)
        said = Proceedings(commits, signed, reveals, seal, shown)
        closed, spent = self._rounds(commits, chains, found, rosters)
        said = replace(said, rounds=tuple(closed), spent=tuple(spent))
        full = record.to_bytes(record.full_record(self.attempt, said, found, self.openings))
        public = record.to_bytes(record.public_record(self.attempt, said, found))
        return Played(full, public, files, found, len(closed), len(spent))

    def _seal(
        self, act: Act, values: Mapping[str, bytes], at: int
    ) -> tuple[dict[str, Reveal], Seal, tuple[BeaconShown, ...]]:
        missing = set(self.chance.sample(act.agencies, self.chance.randint(0, act.manifest.max_missing)))
        if len(act.agencies) - len(missing) < min(2, len(act.agencies)):
            missing = set()
        reveals = {
            name: Reveal(value, key(name).sign(messages.said_of_reveal(act.h, act.opening, name, value)))
            for name, value in values.items()
            if name not in missing
        }
        rd = act.reveals_digest(reveals)
        seal = Seal(rd, at, self._signed(act, messages.said_of_seal(act.h, act.opening, rd, at)))
        digits = "".join(str(self.chance.randrange(10)) for _ in range(20)).encode()
        proof = self._signed(act, messages.said_of_dice(act.h, act.opening, rd, digits))
        return reveals, seal, (BeaconShown(BeaconValue("room-dice", 20, digits), proof),)

    def _signed(self, act: Act, message: bytes) -> Signatures:
        if act.manifest.witness is not None:
            return Signatures(key("witness").sign(message))
        some = self.chance.sample(act.agencies, self.chance.randint(len(act.agencies) // 2 + 1, len(act.agencies)))
        return Signatures(None, {name: key(name).sign(message) for name in some})

    def _rounds(
        self,
        commits: Mapping[str, Commit],
        chains: Mapping[str, tuple[bytes, ...]],
        found: Outcome,
        rosters: Mapping[str, Roster],
    ) -> tuple[list[ClosedRound], list[SpentRound]]:
        manifest = self.attempt.manifest
        standing = found.standing(manifest.times.beacon_time, rosters)
        closed: list[ClosedRound] = []
        spent: list[SpentRound] = []
        for number in range(1, self.chance.randint(0, manifest.chain_len) + 1):
            request = self._request(standing)
            if not request.removed and not request.dropouts:
                break
            one = rounds.open_round(self.attempt, commits, standing, number, request, number - 1)
            message = messages.removal_message(one.h, one.digest)
            signatures = {name: key(name).sign(message) for name in (*self.attempt.agencies, *self._witness(manifest))}
            if self.chance.random() < 0.25:
                spent.append(SpentRound(number, request, signatures, "no seal in time"))
                continue
            values = {name: chain[number] for name, chain in chains.items()}
            reveals, seal, shown = self._seal(one.act, values, request.times.seal_by)
            seed = one.seed(reveals, shown)
            done = replacing.replace(manifest, self.rows, found.census, standing, request, seed, rosters)
            closed.append(ClosedRound(number, request, signatures, reveals, seal, shown, done))
            standing = done.after
        return closed, spent

    def _witness(self, manifest: Manifest) -> list[str]:
        return ["witness"] if manifest.witness is not None else []

    def _request(self, standing: Standing) -> Request:
        gone = sorted(self.chance.sample(sorted(standing.strata), min(len(standing.strata), self.chance.randint(0, 3))))
        held = [
            (agency, name, target)
            for agency, teams in standing.assigned.items()
            for target, team in teams.items()
            for name in team
            if name is not None and target not in gone
        ]
        left = sorted(self.chance.sample(held, min(len(held), self.chance.randint(0, 3))))
        times = RoundTimes(standing.beacon_time + self.chance.randrange(1000), standing.beacon_time + 2000)
        evidence = "e" * 64
        return Request(
            (Beacon("room-dice", 20),),
            tuple(DropOut(agency, name, target, "ill", evidence) for agency, name, target in left),
            tuple(Removal(target, "moved", evidence) for target in gone),
            times,
        )
