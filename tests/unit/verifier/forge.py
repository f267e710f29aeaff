"""
Forging records: change a sample, then sign and compute everything after the change anew.

A forged record is interesting when everything but the one thing under test agrees, so the secret keys of the vectors
sign it again. What is computed here is computed the slow, obvious way: sort all tickets, take the first.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify_draw
from verify_draw import Hasher, Report, Steps, jcs

GOLDEN = Path(__file__).parents[2] / "golden" / "draw"
SAMPLES = GOLDEN / "draw-sample"


@cache
def vectors() -> Any:
    """Read the worked values of the protocol."""
    return json.loads((GOLDEN / "draw-vectors.json").read_text())


def sample_of_vectors() -> Any:
    """Give the part of the vectors that holds the parties' secrets."""
    return vectors()["sample_rounds"]


def signing_key(who: str) -> Ed25519PrivateKey:
    """Give a party's secret key; parties the vectors do not know get one made from their name."""
    known = sample_of_vectors()["signing_seeds_ed25519"].get(who)
    return Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex(known) if known else hashlib.sha256(who.encode()).digest()
    )


def public_key(who: str) -> str:
    """Give a party's public key in hex."""
    return signing_key(who).public_key().public_bytes_raw().hex()


def signed(who: str, digest: bytes) -> str:
    """Sign a digest."""
    return signing_key(who).sign(digest).hex()


@dataclass
class Case:
    """A record and its frame files, to be changed and verified."""

    record: Any
    frames: dict[str, bytes]

    @property
    def manifest(self) -> Any:
        """The manifest of the attempt that counts."""
        return self.record["manifest"]

    @property
    def hasher(self) -> Hasher:
        """The hash functions of this draw."""
        return Hasher(self.manifest["hash"])

    def verify(self, folder: Path, keys: Any = None, head: str | None = None) -> Report:
        """Write everything down and verify it."""
        record = folder / "record.json"
        record.write_text(json.dumps(self.record), encoding="utf-8")
        paths = []
        for name, content in self.frames.items():
            (folder / name).write_bytes(content)
            paths.append(str(folder / name))
        if keys is not None:
            (folder / "keys.json").write_text(json.dumps(keys))
        return verify_draw.verify(str(record), paths, str(folder / "keys.json") if keys is not None else None, head)


@cache
def _read(name: str) -> Case:
    folder = SAMPLES / name
    frames = {path.name: path.read_bytes() for path in sorted(folder.glob("*.tsv"))}
    return Case(json.loads((folder / "record.json").read_text()), frames)


def sample(name: str) -> Case:
    """Give a sample to play with."""
    return deepcopy(_read(name))


def without_rounds(name: str) -> Case:
    """Give a sample cut back to its main draw, a true record of that moment."""
    case = sample(name)
    case.record["replacements"] = []
    case.record["spent"] = []
    return case


def base() -> Case:
    """Give the record most forgeries start from: witness, dice, four agencies, two shards, full edition, no rounds."""
    return without_rounds("spent-round")


def secret(case: Case, agency: str) -> bytes:
    """Give the secret s_a that an agency commits to."""
    known = sample_of_vectors()["secrets_x"].get(agency)
    x = bytes.fromhex(known) if known else hashlib.sha256(agency.encode()).digest()
    for _ in range(case.manifest["chain_len"]):
        x = case.hasher.th("chain", x)
    return x


def manifest_digest(manifest: Any) -> bytes:
    """Work out M."""
    return Hasher(manifest["hash"]).th("manifest", jcs(manifest))


def reframe(case: Case) -> None:
    """Announce the frame files as they are now: digests, roots and sizes; the rules stay."""
    hasher, frame = case.hasher, case.manifest["frame"]
    leaves = []
    for shard in sorted(frame["shards"], key=lambda one: str(one["shard"])):
        content = case.frames[f"frame-{shard['shard']}.tsv"]
        lines = content.split(b"\n")
        rows = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
        chunks = [b"".join(rows[i : i + 256]) for i in range(0, len(rows), 256)]
        root = hasher.tree(chunks)
        shard.update(n=len(rows), digest=hasher.h(content).hex(), root=root.hex())
        leaves.append(hasher.th("shard", shard["shard"], len(rows), hasher.h(content), root))
    frame.update(n=sum(shard["n"] for shard in frame["shards"]), root=hasher.tree(leaves).hex())


def resize(case: Case) -> None:
    """Announce the sizes that the frame has now."""
    case.manifest["sizes"] = {}
    for selection in case.manifest["selections"]:
        classes = Counter(
            stratum.split("/")[0] for _, stratum, lines in rows_of(case) if set(lines) & set(selection["lines"])
        )
        case.manifest["sizes"][selection["id"]] = {
            name: [n, verify_draw.quota_of_class(selection["rules"][name], n)] for name, n in classes.items()
        }


def rows_of(case: Case) -> list[tuple[str, str, list[str]]]:
    """Read the frame files the simple way."""
    rows = []
    for content in case.frames.values():
        for line in content.decode().splitlines():
            entity, stratum, lines = line.split("\t")
            rows.append((entity, stratum, lines.split(",")))
    return rows


def commit(case: Case, secrets: Callable[[Case, str], bytes] = secret) -> None:
    """Let every agency commit to its secret and countersign."""
    record, hasher, m = case.record, case.hasher, manifest_digest(case.manifest)
    record["manifest_digest"], record["commits"] = m.hex(), {}
    for agency in sorted(case.manifest["agencies"]):
        c = hasher.th("commit", m, agency, secrets(case, agency))
        record["commits"][agency] = {"c": c.hex(), "sig": signed(agency, hasher.th("commit-msg", m, agency, c))}
    countersign(case)


def countersign(case: Case) -> None:
    """Compute CD over the commitments as they stand, and sign it for everybody."""
    record, hasher, m = case.record, case.hasher, manifest_digest(case.manifest)
    cd = commits_digest(case)
    record["commits_digest"] = cd.hex()
    message = hasher.th("cd-msg", m, cd)
    record["countersignatures"] = {agency: signed(agency, message) for agency in sorted(case.manifest["agencies"])}


def commits_digest(case: Case) -> bytes:
    """Work out CD."""
    parts: list[bytes | str] = []
    for agency, entry in sorted(case.record["commits"].items()):
        parts += [agency, bytes.fromhex(entry["c"])]
    return case.hasher.th("commits", manifest_digest(case.manifest), *parts)


def reveal(case: Case, without: Iterable[str] = ()) -> None:
    """Let every agency reveal, but for those *without*."""
    m, cd, record = manifest_digest(case.manifest), commits_digest(case), case.record
    record["reveals"] = {}
    for agency in sorted(set(case.manifest["agencies"]) - set(without)):
        value = secret(case, agency)
        message = case.hasher.th("reveal-msg", m, cd, agency, value)
        record["reveals"][agency] = {"value": value.hex(), "sig": signed(agency, message)}


def values(case: Case) -> list[bytes | str]:
    """Give a1, v1 … am, vm of the main draw."""
    found: list[bytes | str] = []
    for agency in sorted(case.manifest["agencies"]):
        shown = case.record["reveals"].get(agency)
        found += [agency, bytes.fromhex(shown["value"]) if shown else b""]
    return found


def seal(case: Case, at: int | None = None, by: Iterable[str] | None = None) -> None:
    """Seal the reveals as they stand; *by* names the agencies that sign where there is no witness."""
    m, cd = manifest_digest(case.manifest), commits_digest(case)
    at = case.record["seal"]["at"] if at is None else at
    rd = case.hasher.th("reveals", m, cd, *values(case))
    message = case.hasher.th("seal", m, cd, rd, at)
    case.record["seal"] = {"digest": rd.hex(), "at": at, **signatures(case, message, by)}


def signatures(case: Case, message: bytes, by: Iterable[str] | None = None) -> Any:
    """Sign as a seal is signed: by the witness, or by agencies."""
    if by is None and case.manifest["witness"]:
        return {"witness": signed("witness", message)}
    agencies = sorted(case.manifest["agencies"]) if by is None else by
    return {"agencies": {agency: signed(agency, message) for agency in agencies}}


def throw(case: Case, given: Iterable[bytes] | None = None, by: Iterable[str] | None = None) -> None:
    """Bring the beacons' values (dice: the same digits over and over), sign the dice, compute the seed."""
    m, cd, record = manifest_digest(case.manifest), commits_digest(case), case.record
    rd = case.hasher.th("reveals", m, cd, *values(case))
    record["beacons"], parts = [], []
    brought = list(given) if given is not None else [b"4" * one["round"] for one in case.manifest["beacons"]]
    for source, value in zip(case.manifest["beacons"], brought, strict=True):
        beacon = {"id": source["id"], "round": source["round"], "value": value.hex()}
        if source["id"] == "room-dice":
            beacon["proof"] = signatures(case, case.hasher.th("dice-msg", m, cd, rd, value), by)
        record["beacons"].append(beacon)
        parts += [source["id"], source["round"], value]
    record["seed"] = case.hasher.th("seed", m, cd, *values(case), *(parts or ["", "", ""])).hex()


def draw(case: Case) -> None:
    """Compute selection, work list, teams and digests from the seed, the slow way."""
    hasher, seed, record = case.hasher, bytes.fromhex(case.record["seed"]), case.record
    rows, key = rows_of(case), hasher.key(seed, "target")
    record["selected"], lines_of = {}, {entity: lines for entity, _, lines in rows}
    strata: dict[str, str] = {}
    work: dict[str, dict[str, list[str]]] = {agency: {} for agency in sorted(case.manifest["agencies"])}
    for selection in case.manifest["selections"]:
        inside = [(entity, stratum) for entity, stratum, lines in rows if set(lines) & set(selection["lines"])]
        cells = Counter(stratum for _, stratum in inside)
        chosen = record["selected"][selection["id"]] = {}
        for stratum, n in verify_draw.quotas(hasher, seed, selection["rules"], cells).items():
            ids = [entity for entity, at in inside if at == stratum]
            ids.sort(key=lambda entity: (hasher.h(f"{key}|{entity}".encode()), entity))
            chosen[stratum] = ids[:n]
            for entity in ids[:n]:
                strata[entity] = stratum
                for line in sorted(set(lines_of[entity]) & set(selection["lines"])):
                    mine = work[case.manifest["lines"][line]].setdefault(entity, [])
                    mine[:] = sorted({*mine, line})
    record["work"] = work
    for agency, targets in work.items():
        team = record["teams"][agency]
        if "roster" not in team:
            continue
        recused = {(pid, entity) for pid, entity in team["recused"]}
        drawn = verify_draw.Teams(hasher, hasher.key(seed, "team", agency), team["roster"], recused, Steps())
        for target in targets:
            slots = verify_draw.slots_for(case.manifest["slots"][agency], strata[target])
            drawn.add_target(target, slots)
        drawn.assign()
        team["assigned"] = drawn.assigned()
    redigest(case)


def redigest(case: Case) -> None:
    """Compute visits root and result digest over what the record says now."""
    seed, record = bytes.fromhex(case.record["seed"]), case.record
    teams = {agency: team["assigned"] for agency, team in record["teams"].items()}
    root = verify_draw.visits_root(case.hasher, seed, record["work"], teams)
    record["visits_root"] = root.hex()
    record["result_digest"] = verify_draw.result_digest(case.hasher, seed, record["selected"], teams, root).hex()


def enroll(case: Case) -> None:
    """Announce rosters and recusals as they are now."""
    for agency, announced in case.manifest["rosters"].items():
        team = case.record["teams"][agency]
        rho, roster, recused = bytes.fromhex(team["rho"]), team["roster"], team["recused"]
        announced.update(
            roster=case.hasher.th("roster", rho, jcs(roster)).hex(),
            recusals=case.hasher.th("recusals", rho, jcs(recused)).hex(),
            inspectors=len(roster),
            labels=dict(Counter(label for labels, _, _ in roster.values() for label in labels)),
            capacity=sum(cap for _, cap, _ in roster.values()),
            recused=len(recused),
            most_recused=max(Counter(pid for pid, _ in recused).values(), default=0),
        )


def anew(case: Case) -> None:
    """Hold the whole draw again under the manifest and the frame as they are now."""
    anew_with(case, None)


def anew_with(case: Case, given: Iterable[bytes] | None) -> None:
    """Hold the whole draw again, with these values of its beacons."""
    commit(case)
    reveal(case)
    seal(case)
    throw(case, given)
    draw(case)


# --- replacement rounds ----------------------------------------------------------------------------------------------


def opening(case: Case, index: int = 0, part: str = "replacements") -> bytes:
    """Work out D_r of a round."""
    entry = case.record[part][index]
    return case.hasher.th("removal", manifest_digest(case.manifest), entry["round"], jcs(entry["rho"]))


def sign_round(case: Case, index: int = 0, by: Iterable[str] | None = None, part: str = "replacements") -> None:
    """Sign a round's D_r by those who signed it before, or by *by*."""
    entry = case.record[part][index]
    message = case.hasher.th("removal-msg", opening(case, index, part))
    entry["signatures"] = {who: signed(who, message) for who in sorted(entry["signatures"] if by is None else by)}


def reveal_round(case: Case, index: int = 0, without: Iterable[str] = (), link: int | None = None) -> None:
    """Reveal the chain values of a round, or those of another *link* of the chain."""
    entry = case.record["replacements"][index]
    d, link, entry["reveals"] = opening(case, index), entry["round"] if link is None else link, {}
    for agency in sorted(set(case.manifest["agencies"]) - set(without)):
        x = bytes.fromhex(sample_of_vectors()["secrets_x"][agency])
        z = case.hasher.chain(x, case.manifest["chain_len"] - link)
        entry["reveals"][agency] = {"value": z.hex(), "sig": signed(agency, case.hasher.th("reveal-msg", d, agency, z))}


def round_values(case: Case, index: int) -> list[bytes | str]:
    """Give a1, z1 … am, zm of a round."""
    found: list[bytes | str] = []
    for agency in sorted(case.manifest["agencies"]):
        shown = case.record["replacements"][index]["reveals"].get(agency)
        found += [agency, bytes.fromhex(shown["value"]) if shown else b""]
    return found


def seal_round(case: Case, index: int = 0, at: int | None = None, by: Iterable[str] | None = None) -> None:
    """Seal a round's reveals as they stand."""
    entry, d = case.record["replacements"][index], opening(case, index)
    at = entry["seal"]["at"] if at is None else at
    rd = case.hasher.th("reveals", manifest_digest(case.manifest), d, *round_values(case, index))
    entry["seal"] = {
        "digest": rd.hex(), "at": at, **signatures(case, case.hasher.th("seal", d, rd, at), by),
    }  # fmt: skip


def throw_round(case: Case, index: int = 0, given: bytes | None = None) -> None:
    """Throw a round's dice, sign them, compute its seed."""
    record, entry, d = case.record, case.record["replacements"][index], opening(case, index)
    before = bytes.fromhex(record["replacements"][index - 1]["seed"] if index else record["seed"])
    value = bytes.fromhex(entry["beacons"][0]["value"]) if given is None else given
    rd = bytes.fromhex(entry["seal"]["digest"])
    source = entry["rho"]["beacons"][0]
    proof = signatures(case, case.hasher.th("dice-msg", d, rd, value))
    entry["beacons"] = [{"id": source["id"], "round": source["round"], "value": value.hex(), "proof": proof}]
    parts = [*round_values(case, index), source["id"], source["round"], value]
    entry["seed"] = case.hasher.th("reseed", before, d, *parts).hex()


def round_anew(case: Case, index: int = 0) -> None:
    """Hold a round's ceremony again, without computing what was drawn."""
    sign_round(case, index)
    reveal_round(case, index)
    seal_round(case, index)
    throw_round(case, index)


def redigest_round(case: Case, index: int = 0) -> None:
    """Compute a round's visits root and result digest over what it says now."""
    entry = case.record["replacements"][index]
    seed = bytes.fromhex(entry["seed"])
    root = verify_draw.visits_root(case.hasher, seed, entry["work"], entry["teams"])
    entry["visits_root"] = root.hex()
    entry["result_digest"] = verify_draw.result_digest(case.hasher, seed, entry["selected"], entry["teams"], root).hex()
