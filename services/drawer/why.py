"""
“为什么是我”: why one entity was drawn or not, worked out from the public record and frame, for anybody.

Source: JIDRAW/1 section 13 (the one-entity proof), after the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runtime.service import Service
from services.drawer.archive import read
from services.drawer.domain import entity_proof
from services.drawer.domain.canonical import parse
from services.drawer.domain.encoding import is_identifier
from services.drawer.domain.entity_proof import Chance, Drawing, EntityNotInFrame
from services.drawer.domain.frame import rows_of
from services.drawer.domain.record_reader import Told, read_record
from services.drawer.queries.records import PublicDraw


@dataclass(frozen=True)
class Why:
    """What the frame says of an entity, how it fared in the draw and in each round, and the proof of it."""

    entity: str
    stratum: str
    lines: Sequence[str]
    row: int
    chances: Sequence[Chance]
    removed: bool
    """Drawn, and gone since."""
    visited_by: Sequence[str]
    proof: dict[str, Any]


def why(service: Service, draw: PublicDraw, entity: str) -> Why:
    """
    Make the proof of one entity and check it as the entity would.

    Raises:
        EntityNotInFrame: nobody of that id could be drawn.
    """
    if not is_identifier(entity):
        raise EntityNotInFrame(entity=entity[:64])
    told = read_record(parse(read(service, draw.record)))
    rows = rows_of(read(service, draw.frame))
    drawings = [Drawing(0, bytes.fromhex(told.seed), told.selected)]
    drawings += [Drawing(one.number, bytes.fromhex(one.seed), one.selected) for one in told.replacements]
    (shard,) = told.manifest.frame.shards  # a county's frame is one file
    proof = entity_proof.prove_entity(told.manifest, {shard.shard: rows}, drawings, entity)
    kind = entity_proof.check(told.manifest, proof)
    return Why(
        entity,
        kind.stratum,
        kind.lines,
        proof.row,
        proof.chances,
        _is_removed(told, entity),
        _visitors(told, entity),
        proof.as_json() | {"manifest_digest": told.manifest_digest},
    )


def _is_removed(told: Told, entity: str) -> bool:
    return any(entity == one.id for closed in told.replacements for one in closed.request.removed)


def _visitors(told: Told, entity: str) -> list[str]:
    work = told.replacements[-1].work if told.replacements else told.work
    return [agency for agency, targets in sorted(work.items()) if entity in targets]
