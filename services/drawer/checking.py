"""
Check a record against its frame with the drawer's own core: ``onevisit draw verify RECORD FRAME``.

The rules are ``domain.record_rules``; here are the files, the signatures and drand's library.
Source: JIDRAW/1 section 14.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.drawer.domain import manifest_rules, record_rules
from services.drawer.domain.canonical import parse
from services.drawer.domain.frame import Rows, rows_of
from services.drawer.domain.manifest import Agency, Manifest, Witness
from services.drawer.domain.record import Fault
from services.drawer.domain.record_reader import Told, read_record
from services.drawer.domain.record_rules import Outside, RecordDiffers
from services.drawer.domain.refusals import Remark
from services.drawer.domain.rounds import WITNESS
from services.drawer.domain.shape import identifier, mapping, text
from services.drawer.drand import verify_quicknet
from services.drawer.kernel import walk_of
from services.drawer.vault import algorithms_known, verify_signature

__all__ = ["RecordDiffers", "Report", "read_keys", "verify"]

_KEY = re.compile("[0-9a-f]{64}|[0-9a-f]{130}")


@dataclass(frozen=True)
class Report:
    """A record that agrees with itself and its frame, as far as was checked."""

    draw: str
    attempt: int
    edition: str
    purpose: str
    entities: int
    targets: int
    rounds: int
    manifest_digest: str
    result_digest: str
    not_checked: tuple[str, ...]
    """What could not be checked here."""
    not_held: tuple[str, ...]
    """What this edition does not hold: the teams' rosters in the public one, the records that it names."""
    remarks: tuple[Remark, ...]
    manifest: Manifest
    """What the result rests on: whose custody, which witness, which beacons, how long the notice."""
    faults: tuple[Fault, ...]
    """What the record tells went wrong after the seal; the draw stands."""


def verify(
    record: bytes, frames: Sequence[bytes], keys: Mapping[str, str] | None = None, head: str | None = None
) -> Report:
    """
    Check everything this edition holds.

    Args:
        record: A record as published.
        frames: Its frame files in any order; each is matched to its shard by its digest.
        keys: {agency or "witness": key in hex} from outside the record; without it those in the record.
        head: The newest published result digest, in hex: a record cut short after an earlier round ends elsewhere.

    Raises:
        RecordDiffers: the first part that is not what it should be.
        DrawRefused, DrawUnreadable: a rule of the protocol is broken, or the document is none.
    """
    told, files = read_record(parse(record)), _Files(frames)
    unknown: list[str] = []

    def verify_known(alg: str, key: str, message: bytes, signature: bytes) -> bool:
        if alg in algorithms_known():
            return verify_signature(alg, key, message, signature)
        if f"signatures {alg}" not in unknown:
            unknown.append(f"signatures {alg}")
        return True

    without_key = _compare_keys(told, keys) if keys is not None else []
    for manifest in (told.manifest, *(one.manifest for one in told.attempts)):
        files.frame_of(manifest)
    files.refuse_spare()  # a file that fits nowhere is named before one that is not there
    checked = record_rules.check(told, Outside(files.frame_of, verify_known, verify_quicknet, walk_of))
    last = told.replacements[-1].result_digest if told.replacements else told.result_digest
    if head is not None and head != last:
        raise RecordDiffers(where=f"--head ≠ {last}")
    return Report(
        told.manifest.draw,
        told.manifest.attempt,
        told.edition,
        told.manifest.purpose,
        told.manifest.frame.n,
        checked.visits,
        len(told.replacements),
        told.manifest_digest,
        last,
        (*checked.not_checked, *unknown, *without_key),
        _not_held(told),
        manifest_rules.said_aloud(told.manifest),
        told.manifest,
        told.faults,
    )


def read_keys(content: bytes) -> dict[str, str]:
    """Read keys given from outside the record: a JSON object {agency or "witness": key in hex}."""
    return mapping(identifier, text("public_key", _KEY.fullmatch))(parse(content), "keys")


def _compare_keys(told: Told, keys: Mapping[str, str]) -> list[str]:
    """Refuse a record whose parties, in any attempt, have another key than the one given; name those without one."""
    lacking = dict[str, None]()
    for manifest in (*(one.manifest for one in told.attempts), told.manifest):
        parties: dict[str, Agency | Witness] = dict(manifest.agencies)
        if manifest.witness is not None:
            parties[WITNESS] = manifest.witness
        for who, party in sorted(parties.items()):
            if who not in keys:
                lacking[f"key {who}"] = None
            elif keys[who] != party.key:
                raise RecordDiffers(where=f"{who} ≠ --keys")
    return list(lacking)


def _not_held(told: Told) -> tuple[str, ...]:
    parent = [f"parent {told.manifest.parent.manifest}"] if told.manifest.parent else []
    teams = [] if told.openings else ["teams"]
    return (*teams, *parent, *(f"base_from {one}" for one in told.manifest.base_from))


class _Files:
    """The frame files given, matched to shards by their digests."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._frames, self._matched = frames, set[int]()

    def frame_of(self, manifest: Manifest) -> dict[str, Rows] | None:
        """Find the files of a manifest's shards; None where one is not there."""
        by_digest = {manifest.h(file).hex(): place for place, file in enumerate(self._frames)}
        places = [by_digest.get(shard.digest) for shard in manifest.frame.shards]
        self._matched.update(place for place in places if place is not None)
        if None in places:
            return None
        shards = zip(manifest.frame.shards, places, strict=True)
        return {shard.shard: rows_of(self._frames[place or 0]) for shard, place in shards}

    def refuse_spare(self) -> None:
        """Refuse a file that is no shard of any attempt."""
        for place, file in enumerate(self._frames):
            if place not in self._matched and file not in [self._frames[one] for one in self._matched]:
                raise RecordDiffers(where=f"frame {place + 1}")
