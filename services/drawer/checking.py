"""
Check a record against its frame with the drawer's own core: ``onevisit draw verify RECORD FRAME``.

``verify_draw.py`` does the same without sharing a line with this; the two may disagree, and then one of them is wrong.
Source: JIDRAW/1 section 14.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.drawer.domain import ceremony, manifest_rules
from services.drawer.domain.canonical import parse
from services.drawer.domain.ceremony import Attempt, BeaconShown, Commit, Reveal, Seal, Signatures
from services.drawer.domain.encoding import from_hex
from services.drawer.domain.frame import Rows, rows_of, survey
from services.drawer.domain.manifest import Manifest, digest
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.outcome import compute, result_digest
from services.drawer.domain.refusals import DrawRefused, Remark
from services.drawer.domain.roster import Roster, check_opening, read_roster
from services.drawer.domain.seed import BeaconValue
from services.drawer.domain.selection import quotas, select
from services.drawer.domain.shape import ShapeWrong, array, identifier, mapping, members, optional
from services.drawer.domain.ticket import target_key
from services.drawer.domain.visits import entries, visits_root, work_list
from services.drawer.drafts import ROOM_DICE
from services.drawer.vault import verify_signature

PARTS = (
    *("v", "edition", "manifest", "manifest_digest", "commits", "commits_digest", "countersignatures", "reveals"),
    *("seal", "beacons", "seed", "selected", "work", "teams", "visits_root", "result_digest", "replacements"),
    *("attempts", "spent", "faults"),
)

Json = Mapping[str, Any]


class RecordDiffers(DrawRefused):
    """A part of a record is not what it should be: ``where`` names it."""

    code = "draw.record_differs"
    says = ("where",)


@dataclass(frozen=True)
class Report:
    """A record that agrees with itself and its frame, as far as was checked."""

    draw: str
    attempt: int
    edition: str
    purpose: str
    entities: int
    targets: int
    manifest_digest: str
    result_digest: str
    not_checked: tuple[str, ...]
    remarks: tuple[Remark, ...]


def verify(record: bytes, frames: Sequence[bytes]) -> Report:
    """
    Check everything this edition holds.

    Args:
        record: A record as published.
        frames: Its frame files in any order; each is matched to its shard by its digest.

    Raises:
        RecordDiffers: the first part that is not what it should be.
        DrawRefused, DrawUnreadable: a rule of the protocol is broken, or the document is none.
    """
    told = members(parse(record), "record", PARTS)
    manifest = read_manifest(told["manifest"])
    manifest_rules.check(manifest)
    attempt = Attempt(manifest, verify_signature)
    _same(told, "manifest_digest", attempt.digest.hex())
    frame = _matched(manifest, frames)
    manifest_rules.check_frame(manifest, survey(manifest.h, frame))
    _check_earlier(manifest, array(_anything)(told["attempts"], "attempts"))
    seed, not_checked = _check_ceremony(attempt, told)
    _same(told, "seed", seed.hex())
    targets = _check_outcome(attempt, frame, seed, told)
    if told["replacements"] or told["spent"]:
        not_checked.append("replacements")
    if told["edition"] != "full":
        not_checked.append("teams")
    return Report(
        manifest.draw,
        manifest.attempt,
        str(told["edition"]),
        manifest.purpose,
        manifest.frame.n,
        targets,
        attempt.digest.hex(),
        str(told["result_digest"]),
        tuple(not_checked),
        manifest_rules.said_aloud(manifest),
    )


def _anything(value: object, where: str) -> object:
    return value


def _same(told: Json, where: str, expected: object) -> None:
    if told[where] != expected:
        raise RecordDiffers(where=where)


def _matched(manifest: Manifest, frames: Sequence[bytes]) -> dict[str, Rows]:
    by_digest = {manifest.h(file).hex(): file for file in frames}
    missing = [shard.shard for shard in manifest.frame.shards if shard.digest not in by_digest]
    if missing:
        raise RecordDiffers(where=f"frame {missing[0]}")
    return {shard.shard: rows_of(by_digest[shard.digest]) for shard in manifest.frame.shards}


# ── what was said ───────────────────────────────────────────────────────────────────────────────────────────────────


def _check_ceremony(attempt: Attempt, told: Json) -> tuple[bytes, list[str]]:
    """Say everything again in its order, and let the rules of the ceremony judge it; return the seed it gives."""
    times, not_checked = attempt.manifest.times, list[str]()
    commits = _commits(attempt, told["commits"])
    _same(told, "commits_digest", attempt.commits_digest(commits).hex())
    signed = _countersignatures(attempt, commits, told["countersignatures"])
    if attempt.absent(signed):
        raise RecordDiffers(where="countersignatures")
    reveals: dict[str, Reveal] = {}
    for agency, one in _said(told["reveals"], "reveals", ("value", "sig")).items():
        new = Reveal(from_hex(one["value"], "reveal"), from_hex(one["sig"], "reveal", 64))
        ceremony.accept_reveal(attempt, commits, signed, reveals, agency, new, times.commit_close)
        reveals[agency] = new
    seal = _seal(told["seal"])
    ceremony.accept_seal(attempt, commits, reveals, seal)
    shown: tuple[BeaconShown, ...] = ()
    for one in told["beacons"]:
        new_beacon = _beacon(one)
        if new_beacon.beacon.id == ROOM_DICE:
            ceremony.accept_dice(attempt, commits, seal, shown, new_beacon, times.beacon_time)
        else:
            not_checked.append(f"beacon {new_beacon.beacon.id}")
        shown = (*shown, new_beacon)
    return attempt.seed(commits, reveals, shown), not_checked


def _said(value: object, where: str, names: tuple[str, ...]) -> dict[str, dict[str, object]]:
    read = mapping(identifier, lambda item, place: members(item, place, names))(value, where)
    return dict(sorted(read.items()))


def _commits(attempt: Attempt, value: object) -> dict[str, Commit]:
    commits: dict[str, Commit] = {}
    for agency, one in _said(value, "commits", ("c", "sig")).items():
        new = Commit(from_hex(one["c"], "commit"), from_hex(one["sig"], "commit", 64))
        ceremony.accept_commit(attempt, commits, agency, new, attempt.manifest.times.published)
        commits[agency] = new
    return commits


def _countersignatures(attempt: Attempt, commits: Mapping[str, Commit], value: object) -> dict[str, bytes]:
    signed: dict[str, bytes] = {}
    read = mapping(identifier, lambda item, place: from_hex(item, place, 64))(value, "countersignatures")
    for agency, sig in sorted(read.items()):
        ceremony.accept_countersignature(attempt, commits, signed, agency, sig)
        signed[agency] = sig
    return signed


def _seal(value: object) -> Seal:
    told = members(value, "seal", ("digest", "at"), ("witness", "agencies"))
    if not isinstance(at := told["at"], int):
        raise ShapeWrong(where="seal.at", reason="integer")
    return Seal(from_hex(told["digest"], "seal"), at, _signatures(told, "seal"))


def _signatures(told: Json, where: str) -> Signatures:
    def signature(item: object, place: str) -> bytes:
        return from_hex(item, place, 64)

    witness = optional(signature)(told.get("witness"), f"{where}.witness")
    return Signatures(witness, mapping(identifier, signature)(told.get("agencies", {}), f"{where}.agencies"))


def _beacon(value: object) -> BeaconShown:
    told = members(value, "beacons", ("id", "round", "value"), ("proof",))
    name, number, text = told["id"], told["round"], told["value"]
    if not (isinstance(name, str) and isinstance(number, int) and isinstance(text, str)):
        raise ShapeWrong(where="beacons", reason="beacon")
    proof = members(told["proof"], "proof", (), ("witness", "agencies")) if "proof" in told else None
    value_bytes = from_hex(text, "beacon", len(text) // 2)
    return BeaconShown(BeaconValue(name, number, value_bytes), None if proof is None else _signatures(proof, "proof"))


def _check_earlier(manifest: Manifest, attempts: Sequence[object]) -> None:
    """Follow the attempts from the first to this one, each naming the manifest before it."""
    previous: str | None = None
    for number, told in enumerate(attempts, start=1):
        ended = members(told, "attempts", ("manifest", "reason"), ("absent", "commits", "countersignatures", "reveals"))
        one = read_manifest(ended["manifest"])
        manifest_rules.check(one)
        if (one.draw, one.attempt, one.prev) != (manifest.draw, number, previous):
            raise RecordDiffers(where=f"attempts.{number}")
        earlier = Attempt(one, verify_signature)
        commits = _commits(earlier, ended.get("commits", {}))
        if "countersignatures" in ended:
            _countersignatures(earlier, commits, ended["countersignatures"])
        previous = digest(one).hex()
    if (manifest.attempt, manifest.prev) != (len(attempts) + 1, previous):
        raise RecordDiffers(where="attempts")


# ── what follows ────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_outcome(attempt: Attempt, frame: Mapping[str, Rows], seed: bytes, told: Json) -> int:
    """Work the outcome out again: everything in the full edition, targets and digests in the public one."""
    if told["edition"] == "full":
        return _check_full(attempt, frame, seed, told)
    manifest, h = attempt.manifest, attempt.h
    counts = survey(h, frame).counts
    quota = quotas(h, seed, manifest.selections, counts)
    drawn = select(h, target_key(h, seed), frame, counts, manifest.selections, quota)
    _same(told, "selected", drawn.selected)
    work = work_list(drawn.selected, drawn.kinds, manifest.selections, manifest.lines, manifest.agencies)
    _same(told, "work", _lists(work))
    assigned = _assigned(told, work)
    visits = entries(work, assigned)
    root = visits_root(h, seed, visits)
    _same(told, "visits_root", root.hex())
    _same(told, "result_digest", result_digest(h, seed, drawn.selected, assigned, root).hex())
    return len(visits)


def _assigned(told: Json, work: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, tuple[str | None, ...]]]:
    teams = _said(told["teams"], "teams", ("assigned",))
    found: dict[str, dict[str, tuple[str | None, ...]]] = {}
    for agency, one in teams.items():
        given = one["assigned"]
        if not isinstance(given, dict) or agency not in work or given.keys() != work[agency].keys():
            raise RecordDiffers(where=f"teams.{agency}")
        found[agency] = {entity: tuple(team) for entity, team in given.items()}
    if found.keys() != work.keys():
        raise RecordDiffers(where="teams")
    return found


def _check_full(attempt: Attempt, frame: Mapping[str, Rows], seed: bytes, told: Json) -> int:
    teams = _said(told["teams"], "teams", ("assigned", "rho", "roster", "recused"))
    rosters: dict[str, Roster] = {}
    for agency, one in teams.items():
        roster = read_roster({"roster": one["roster"], "recused": one["recused"]}, f"teams.{agency}")
        if agency not in attempt.manifest.rosters:
            raise RecordDiffers(where=f"teams.{agency}")
        check_opening(attempt.h, attempt.manifest.rosters[agency], from_hex(one["rho"], "rho"), roster)
        rosters[agency] = roster
    outcome = compute(attempt.manifest, frame, seed, rosters)
    _same(told, "selected", outcome.selected)
    _same(told, "work", _lists(outcome.work))
    if {agency: one["assigned"] for agency, one in teams.items()} != _lists(outcome.assigned):
        raise RecordDiffers(where="teams")
    _same(told, "visits_root", outcome.visits_root.hex())
    _same(told, "result_digest", outcome.result_digest.hex())
    return len(outcome.visits)


def _lists(value: Mapping[str, Mapping[str, Sequence[object]]]) -> dict[str, dict[str, list[object]]]:
    return {agency: {entity: list(each) for entity, each in one.items()} for agency, one in value.items()}
