"""
Why one entity was drawn or not: its own row, the way from there to the manifest, its ticket and the cutoff it met.

Whoever holds the manifest digest and the draw's key can check it without the rest of the frame; a ticket below the
cutoff of an entity that was passed over proves that the draw was not the one it says it was.
Source: JIDRAW/1 section 13.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice

from services.drawer.domain import merkle
from services.drawer.domain.encoding import Hash
from services.drawer.domain.frame import CHUNK_ROWS, Kind, Rows, kind_of, shard_leaf
from services.drawer.domain.manifest import Manifest, Selection
from services.drawer.domain.merkle import Path
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.ticket import target_key, ticket


class EntityNotInFrame(DrawRefused):
    """The entity stands in no shard of this frame, so it could not be drawn."""

    code = "draw.entity_not_in_frame"
    says = ("entity",)


class EntityProofWrong(DrawRefused):
    """A proof of one entity does not hold: ``what`` is row, chunk, shard, frame, ticket or outcome."""

    code = "draw.entity_proof_wrong"
    says = ("entity", "what")


@dataclass(frozen=True)
class Chance:
    """How an entity fared in one selection of the draw (round 0) or of a replacement round."""

    selection: str
    stratum: str
    round: int
    key: str
    """K_t as published: 32 hex characters."""
    ticket: str
    cutoff: str | None
    """The largest ticket drawn in the stratum; None where none was."""
    drawn: bool


@dataclass(frozen=True)
class EntityProof:
    """One entity's row, with the chunk of the frame it stands in and the path from there to the frame root."""

    entity: str
    shard: str
    row: int
    """From 1."""
    chunk: bytes
    chunk_path: Path
    shard_path: Path
    chances: tuple[Chance, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """Give the form in which a proof is handed out."""
        return {
            "entity": self.entity,
            "shard": self.shard,
            "row": self.row,
            "chunk": self.chunk.decode("ascii"),
            "chunk_path": self.chunk_path.as_json(),
            "shard_path": self.shard_path.as_json(),
            "chances": [
                {name: value for name, value in vars(one).items() if value is not None} for one in self.chances
            ],
        }


@dataclass(frozen=True)
class Drawing:
    """One drawing out of the frame: the draw itself (0) or a round, its seed, and who was drawn in it."""

    round: int
    seed: bytes
    selected: Mapping[str, Mapping[str, Collection[str]]]
    _cutoffs: dict[tuple[str, str], str | None] = field(default_factory=dict, repr=False, compare=False)

    def cutoff(self, h: Hash, selection: str, stratum: str) -> str | None:
        """Give the largest ticket drawn in a stratum, worked out once; None where nobody was."""
        if (selection, stratum) not in self._cutoffs:
            ids = self.selected.get(selection, {}).get(stratum, ())
            key = target_key(h, self.seed)
            self._cutoffs[selection, stratum] = max((ticket(h, key, one).hex() for one in ids), default=None)
        return self._cutoffs[selection, stratum]


class Fate(StrEnum):
    """How an entity fared in one drawing."""

    DRAWN = "drawn"
    REMOVED_BEFORE = "removed_before"
    """It was removed before or in that round, and took no part in its drawing."""
    DRAWN_BEFORE = "drawn_before"
    """It had been drawn in that selection already, and took no part."""
    NOBODY = "nobody"
    """Nobody of its stratum was drawn."""
    ABOVE = "above"
    """Its ticket is above the cutoff."""
    OVERLOOKED = "overlooked"
    """Its ticket is not above the cutoff, and it was not drawn: the record cannot be true."""


def fate(chance: Chance, entity: str, drawings: Iterable[Drawing], removed: Mapping[int, Collection[str]]) -> Fate:
    """
    Say how an entity fared; a ticket says nothing of a drawing in which it took no part (section 11).

    Args:
        removed: By the round's number: who was removed in it.
    """
    if chance.drawn:
        return Fate.DRAWN
    if any(entity in ids for number, ids in removed.items() if number <= chance.round):
        return Fate.REMOVED_BEFORE
    earlier = [one.selected.get(chance.selection, {}) for one in drawings if one.round < chance.round]
    if any(entity in ids for selected in earlier for ids in selected.values()):
        return Fate.DRAWN_BEFORE
    if chance.cutoff is None:
        return Fate.NOBODY
    return Fate.ABOVE if chance.ticket > chance.cutoff else Fate.OVERLOOKED


Found = tuple[int, bytes, Path] | None
"""Row number, chunk and path of an entity in one shard."""


def prove_entity(
    manifest: Manifest, frame: Mapping[str, Rows], drawings: Iterable[Drawing], entity: str
) -> EntityProof:
    """
    Make the proof of one entity; the frame is walked once, and nothing of it is kept.

    Args:
        frame: The rows of every shard, already surveyed.
        drawings: The draw itself and its closed rounds.
    """
    finders = {shard: partial(_find, manifest.h, rows) for shard, rows in frame.items()}
    return prove_found(manifest, finders, drawings, entity)


def prove_found(
    manifest: Manifest, finders: Mapping[str, Callable[[bytes], Found]], drawings: Iterable[Drawing], entity: str
) -> EntityProof:
    """Make the proof of one entity that is found in every shard by a finder of its own, say ``Shelf.find``."""
    h, shards = manifest.h, sorted(manifest.frame.shards, key=lambda one: one.shard)
    found = None
    for place, shard in enumerate(shards):
        one = finders[shard.shard](entity.encode())
        if one is not None:
            leaves = [shard_leaf(h, other) for other in shards]
            found = (shard.shard, *one, merkle.path_to(h, leaves, place))
    if found is None:
        raise EntityNotInFrame(entity=entity)
    name, row, chunk, chunk_path, shard_path = found
    kind = _kind_in(chunk, entity, row)
    chances = tuple(_chances(manifest, kind, drawings, entity)) if kind else ()
    return EntityProof(entity, name, row, chunk, chunk_path, shard_path, chances)


def check(manifest: Manifest, proof: EntityProof) -> Kind:
    """
    Check a proof against a manifest; keys and cutoffs are compared with the public record by whoever holds it.

    Returns:
        What the frame says of the entity.
    """
    h, entity = manifest.h, proof.entity
    kind = _kind_in(proof.chunk, entity, proof.row)
    if kind is None or (proof.row - 1) // CHUNK_ROWS != proof.chunk_path.index:
        raise EntityProofWrong(entity=entity, what="row")
    shards = {one.shard: one for one in manifest.frame.shards}
    if proof.shard not in shards:
        raise EntityProofWrong(entity=entity, what="shard")
    shard = shards[proof.shard]
    root = merkle.root_by_path(h, proof.chunk, proof.chunk_path)
    if root is None or root.hex() != shard.root:
        raise EntityProofWrong(entity=entity, what="chunk")
    top = merkle.root_by_path(h, shard_leaf(h, shard), proof.shard_path)
    if top is None or top.hex() != manifest.frame.root:
        raise EntityProofWrong(entity=entity, what="frame")
    for one in proof.chances:
        if ticket(h, one.key.encode(), entity).hex() != one.ticket or one.stratum != kind.stratum:
            raise EntityProofWrong(entity=entity, what="ticket")
        if one.round == 0 and one.drawn != (one.cutoff is not None and one.ticket <= one.cutoff):
            raise EntityProofWrong(entity=entity, what="outcome")
    return kind


def overlooked(manifest: Manifest, drawing: Drawing, entity: str, kind: Kind) -> tuple[str, ...]:
    """
    Name the selections of the draw itself that passed over an entity whose ticket lies below the cutoff.

    One row of the frame is then proof enough of a fraud.
    """
    chances = _chances(manifest, kind, [drawing], entity)
    return tuple(one.selection for one in chances if not one.drawn and one.cutoff and one.ticket < one.cutoff)


def _chances(manifest: Manifest, kind: Kind, drawings: Iterable[Drawing], entity: str) -> Iterable[Chance]:
    h = manifest.h
    for drawing in drawings:
        key = target_key(h, drawing.seed)
        for selection in manifest.selections:
            if not _may_draw(selection, kind) or (drawing.round and selection.id not in drawing.selected):
                continue
            ids = drawing.selected.get(selection.id, {}).get(kind.stratum, ())
            cutoff, own = drawing.cutoff(h, selection.id, kind.stratum), ticket(h, key, entity).hex()
            yield Chance(selection.id, kind.stratum, drawing.round, key.decode(), own, cutoff, entity in ids)


def _may_draw(selection: Selection, kind: Kind) -> bool:
    return not set(selection.lines).isdisjoint(kind.lines)


class Shelf:
    """One shard kept in memory in its chunks, to find many entities in: as large as its file."""

    def __init__(self, h: Hash, rows: Rows) -> None:
        """Keep a shard that has been surveyed: its ids ascend."""
        each = iter(rows())
        self._h = h
        self._chunks = list(iter(lambda: b"".join(islice(each, CHUNK_ROWS)), b""))
        self._firsts = [chunk.partition(b"\t")[0] for chunk in self._chunks]
        self._leaves = [merkle.leaf_hash(h, chunk) for chunk in self._chunks]

    def find(self, entity: bytes) -> Found:
        """Give row number, chunk and path where the entity stands in it."""
        index = bisect_right(self._firsts, entity) - 1
        if index < 0:
            return None
        chunk = self._chunks[index]
        ids = [row.partition(b"\t")[0] for row in chunk.split(b"\n")]
        if entity not in ids:
            return None
        row = index * CHUNK_ROWS + ids.index(entity) + 1
        return row, chunk, merkle.path_of_leaves(self._h, self._leaves, index)


def _find(h: Hash, rows: Rows, entity: bytes) -> Found:
    """Walk one shard; give row number, chunk and path where the entity stands in it."""
    leaves: list[bytes] = []
    chunk: list[bytes] = []
    found: tuple[int, int, bytes] | None = None
    here = 0
    for number, row in enumerate(rows(), start=1):
        chunk.append(row)
        if row.partition(b"\t")[0] == entity:
            here = number
        if len(chunk) == CHUNK_ROWS:
            found, here = _close(h, chunk, leaves, found, here)
    if chunk:
        found, here = _close(h, chunk, leaves, found, here)
    if found is None:
        return None
    number, index, data = found
    return number, data, merkle.path_of_leaves(h, leaves, index)


def _close(
    h: Hash, chunk: list[bytes], leaves: list[bytes], found: tuple[int, int, bytes] | None, here: int
) -> tuple[tuple[int, int, bytes] | None, int]:
    data = b"".join(chunk)
    leaves.append(merkle.leaf_hash(h, data))
    chunk.clear()
    return (here, len(leaves) - 1, data) if here else found, 0


def _kind_in(chunk: bytes, entity: str, row: int) -> Kind | None:
    rows = chunk.splitlines(keepends=True)
    place = (row - 1) % CHUNK_ROWS
    if not 0 <= place < len(rows):
        return None
    head, _, tail = rows[place].partition(b"\t")
    return kind_of(tail) if head == entity.encode() and tail.count(b"\t") == 1 else None
