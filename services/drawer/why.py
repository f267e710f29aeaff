"""
“为什么是我”: why one entity was drawn or not, worked out from the public record and frame, for anybody.

Source: JIDRAW/1 section 13 (the one-entity proof), after the window.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from runtime.files.blobs import BlobStore
from runtime.service import Service
from schemas.blobs import BlobRef
from services.drawer.domain import entity_proof
from services.drawer.domain.canonical import parse
from services.drawer.domain.encoding import is_identifier
from services.drawer.domain.entity_proof import Chance, Drawing, EntityNotInFrame, Fate, Found, Shelf, fate
from services.drawer.domain.frame import rows_of
from services.drawer.domain.record_reader import Told, read_record
from services.drawer.queries.records import PublicDraw
from services.drawer.vault import SERVICE

KEPT_BYTES = 32 * 1024 * 1024
"""Of a record and frame that are kept between two questions; larger ones are read each time."""


@dataclass(frozen=True)
class Why:
    """What the frame says of an entity, how it fared in the draw and in each round, and the proof of it."""

    entity: str
    stratum: str
    lines: Sequence[str]
    row: int
    chances: Sequence[tuple[Chance, Fate]]
    removed: bool
    """Drawn, and gone since."""
    visited_by: Sequence[str]
    proof: dict[str, Any]


def address(origin: str, draw_id: str, entity: str) -> str:
    """Say where anybody reads, once the draw is disclosed, why an entity was drawn or not."""
    return f"{origin}/public/draws/{draw_id}/why?{urlencode({'entity': entity})}"


def why(service: Service, draw: PublicDraw, entity: str) -> Why:
    """
    Make the proof of one entity and check it as the entity would.

    Raises:
        EntityNotInFrame: nobody of that id could be drawn.
    """
    if not is_identifier(entity):
        raise EntityNotInFrame(entity=entity[:64])
    kept = _opened if draw.record.size + draw.frame.size <= KEPT_BYTES else _opened.__wrapped__
    opened = kept(service.ports.blobs, draw.record, draw.frame)
    told = opened.told
    proof = entity_proof.prove_found(told.manifest, opened.finders, opened.drawings, entity)
    kind = entity_proof.check(told.manifest, proof)
    return Why(
        entity,
        kind.stratum,
        kind.lines,
        proof.row,
        [(one, fate(one, entity, opened.drawings, removed_in(told))) for one in proof.chances],
        _is_removed(told, entity),
        _visitors(told, entity),
        proof.as_json() | {"manifest_digest": told.manifest_digest},
    )


@dataclass(frozen=True)
class _Opened:
    """A draw's record and frame, read and ready to be asked about any entity."""

    told: Told
    drawings: Sequence[Drawing]
    finders: Mapping[str, Callable[[bytes], Found]]


@lru_cache(maxsize=2)
def _opened(blobs: BlobStore, record: BlobRef, frame: BlobRef) -> _Opened:
    """Read a draw once for many questions; both documents are named by what they contain, so neither grows old."""
    told = read_record(parse(blobs.get(record, SERVICE)))
    drawings = [Drawing(0, bytes.fromhex(told.seed), told.selected)]
    drawings += [Drawing(one.number, bytes.fromhex(one.seed), one.selected) for one in told.replacements]
    (shard,) = told.manifest.frame.shards  # a county's frame is one file
    shelf = Shelf(told.manifest.h, rows_of(blobs.get(frame, SERVICE)))
    return _Opened(told, drawings, {shard.shard: shelf.find})


def removed_in(told: Told) -> dict[int, frozenset[str]]:
    """Say who was removed, by the round in which it was."""
    return {closed.number: closed.request.gone for closed in told.replacements}


def _is_removed(told: Told, entity: str) -> bool:
    return any(entity in ids for ids in removed_in(told).values())


def _visitors(told: Told, entity: str) -> list[str]:
    work = told.replacements[-1].work if told.replacements else told.work
    return [agency for agency, targets in sorted(work.items()) if entity in targets]
