"""
The sampling frame (抽样框): one file per shard, one row per entity, and the digests that pin it.

A row is ``id TAB stratum TAB lines LF``. Rows are taken one at a time, so that memory does not grow with the frame:
what is kept is a count per kind of row, and one hash per 256 rows.
Source: JIDRAW/1 section 2.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise

from services.drawer.domain import merkle
from services.drawer.domain.encoding import Hash, HashObject, class_of, is_identifier, is_stratum, tagged_hash
from services.drawer.domain.manifest import Frame, Selection, Shard
from services.drawer.domain.refusals import DrawRefused

CHUNK_ROWS = 256
MERGED_ROWS = 4096  # ids of each shard that are compared at a time
_ROW = re.compile(rb"[^\n]*\n|[^\n]+")

Rows = Callable[[], Iterable[bytes]]
"""Begins a shard anew and gives its rows, each with its LF: ``lambda: open(path, "rb")``, or ``rows_of(data)``."""


class FrameRowWrong(DrawRefused):
    """
    A row of a shard cannot be taken.

    ``row`` counts from 1; ``reason`` is no_line_feed, columns, id, not_ascending, stratum or lines.
    """

    code = "draw.frame_row_wrong"
    says = ("shard", "row", "reason")


class EntityInTwoShards(DrawRefused):
    """An entity stands in two shards; it would have two rows and one ticket."""

    code = "draw.entity_in_two_shards"
    says = ("entity", "shard", "row", "other_shard")


class ShardNameWrong(DrawRefused):
    """A shard's name is not an identifier, or the frame has no shard at all."""

    code = "draw.shard_name_wrong"
    says = ("shard",)


@dataclass(frozen=True, order=True)
class Kind:
    """What the draw knows of an entity besides its id: its stratum, and the lines that apply to it."""

    stratum: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Census:
    """A frame counted: its digests, how many entities of each kind it holds, and the kinds of those asked for."""

    frame: Frame
    counts: Mapping[Kind, int]
    watched: Mapping[str, Kind] = field(default_factory=dict)


def rows_of(data: bytes) -> Rows:
    """Give the rows of a shard that is already in memory, cut as a file opened in binary is: after LF, not after CR."""
    return lambda: _ROW.findall(data)


def serialise(shard: str, entities: Mapping[str, Kind]) -> bytes:
    """Write a shard file from its entities; what cannot stand in one is refused with the row it would have."""
    rows = [_row(identity, entities[identity]) for identity in sorted(entities)]
    for _ in _entities(shard, lambda: rows):
        pass
    return b"".join(rows)


def survey(h: Hash, frame: Mapping[str, Rows], watch: Collection[str] = ()) -> Census:
    """
    Count and digest a frame, and refuse it at the first row that is wrong.

    Args:
        frame: The rows of every shard, by shard.
        watch: Ids whose kinds are wanted (entities somebody is recused from); those not in the frame are left out.

    Raises:
        FrameRowWrong, EntityInTwoShards, ShardNameWrong.
    """
    counts: Counter[bytes] = Counter()
    watched: dict[str, bytes] = {}
    wanted = frozenset(watch)
    shards = [_survey_shard(h, shard, frame[shard], counts, wanted, watched) for shard in _names(frame)]
    _refuse_shared_ids(frame)
    root = merkle.root(h, [shard_leaf(h, shard) for shard in shards])
    kinds = {tail: kind_of(tail) for tail in counts}
    return Census(
        Frame(sum(shard.n for shard in shards), root.hex(), tuple(shards)),
        {kinds[tail]: counts[tail] for tail in sorted(counts, key=lambda tail: kinds[tail])},
        {identity: kinds[tail] for identity, tail in sorted(watched.items())},
    )


def shard_leaf(h: Hash, shard: Shard) -> bytes:
    """Work out the leaf of the frame root that stands for one shard."""
    return tagged_hash(h, "shard", shard.shard, shard.n, bytes.fromhex(shard.digest), bytes.fromhex(shard.root))


def kind_of(tail: bytes) -> Kind:
    """Read what follows the id in a row that has been surveyed: ``stratum TAB lines LF``."""
    stratum, _, lines = tail[:-1].decode("ascii").partition("\t")
    return Kind(stratum, tuple(lines.split(",")))


def sub_frame(counts: Mapping[Kind, int], lines: Collection[str]) -> dict[str, dict[str, int]]:
    """
    Count the entities that carry at least one of *lines*.

    Returns:
        {class: {stratum: entities}}, both ascending, nothing empty.
    """
    wanted = frozenset(lines)
    found: dict[str, dict[str, int]] = {}
    for kind in sorted(counts):
        if not wanted.isdisjoint(kind.lines):
            cells = found.setdefault(class_of(kind.stratum), {})
            cells[kind.stratum] = cells.get(kind.stratum, 0) + counts[kind]
    return dict(sorted(found.items()))


def sub_frames(counts: Mapping[Kind, int], selections: Iterable[Selection]) -> dict[str, dict[str, dict[str, int]]]:
    """Count the sub-frame of every selection: {selection: {class: {stratum: entities}}}."""
    return {selection.id: sub_frame(counts, selection.lines) for selection in selections}


def _names(frame: Mapping[str, Rows]) -> list[str]:
    if not frame:
        raise ShardNameWrong(shard=None)
    for shard in frame:
        if not is_identifier(shard):
            raise ShardNameWrong(shard=shard)
    return sorted(frame)


def _row(identity: str, kind: Kind) -> bytes:
    return f"{identity}\t{kind.stratum}\t{','.join(kind.lines)}\n".encode()


def _survey_shard(
    h: Hash, shard: str, rows: Rows, counts: Counter[bytes], wanted: frozenset[str], watched: dict[str, bytes]
) -> Shard:
    file, leaves = h.begin(b""), list[bytes]()
    chunk: list[bytes] = []
    size = 0
    for row, identity, tail in _entities(shard, rows):
        counts[tail] += 1
        if identity in wanted:
            watched[identity] = tail
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS:
            size += _close_chunk(h, chunk, file, leaves)
    if chunk:
        size += _close_chunk(h, chunk, file, leaves)
    return Shard(shard, size, file.digest().hex(), merkle.root_of_leaves(h, leaves).hex())


def _close_chunk(h: Hash, chunk: list[bytes], file: HashObject, leaves: list[bytes]) -> int:
    rows, data = len(chunk), b"".join(chunk)
    file.update(data)
    leaves.append(merkle.leaf_hash(h, data))
    chunk.clear()
    return rows


def _entities(shard: str, rows: Rows) -> Iterator[tuple[bytes, str, bytes]]:
    """Go through a shard's rows, each with its id and what follows it, and stop at the first that is wrong."""
    last = ""
    known: set[bytes] = set()  # few: entities of one stratum with the same lines share what follows the id
    for number, row in enumerate(rows(), start=1):
        head, _, tail = row.partition(b"\t")
        identity = head.decode("ascii", "replace")
        reason = None if tail in known else _tail_fault(tail)
        if reason is None:
            reason = _id_fault(identity, last)
        if reason is not None:
            raise FrameRowWrong(shard=shard, row=number, reason=reason)
        known.add(tail)
        yield row, identity, tail
        last = identity


def _id_fault(identity: str, last: str) -> str | None:
    if not is_identifier(identity):
        return "id"
    return None if identity > last else "not_ascending"


def _tail_fault(tail: bytes) -> str | None:
    columns = tail[:-1].decode("ascii", "replace").split("\t")
    if len(columns) != 2:
        return "columns"
    if not tail.endswith(b"\n"):
        return "no_line_feed"
    if not is_stratum(columns[0]):
        return "stratum"
    lines = columns[1].split(",")
    ascending = all(before < line for before, line in pairwise(lines))
    return None if ascending and all(map(is_identifier, lines)) else "lines"


def _refuse_shared_ids(frame: Mapping[str, Rows]) -> None:
    """
    Refuse an id that stands in two shards, holding some thousand ids of each.

    Every shard is ascending: up to the earliest of the last ids at hand nothing more can come, so as many different ids
    must lie there as ids.
    """
    shards = [_Ids(shard, frame[shard]) for shard in sorted(frame)] if len(frame) > 1 else []
    while ahead := [one for one in shards if one.here()]:
        bound = min(one.ids[-1] for one in ahead)
        taken = [one.up_to(bound) for one in ahead]
        together = list(chain.from_iterable(taken))
        if len(set(together)) < len(together):
            doubled = min(identity for identity, times in Counter(together).items() if times > 1)
            first, second = [place for place, ids in enumerate(taken) if doubled in ids][:2]
            row = ahead[second].row - len(taken[second]) + taken[second].index(doubled) + 1
            raise EntityInTwoShards(entity=doubled, shard=ahead[second].shard, row=row, other_shard=ahead[first].shard)


class _Ids:
    """The ids of one shard, some thousand at a time."""

    def __init__(self, shard: str, rows: Rows) -> None:
        self.shard, self.row, self.ids = shard, 0, list[str]()  # rows taken, and what comes next
        self._rows = iter(rows())

    def here(self) -> bool:
        """Tell whether there is any left, reading on if need be."""
        if not self.ids:
            rows = islice(self._rows, MERGED_ROWS)
            self.ids = [row.partition(b"\t")[0].decode("ascii") for row in rows]
        return bool(self.ids)

    def up_to(self, bound: str) -> list[str]:
        """Take those that are not after *bound*."""
        end = bisect_right(self.ids, bound)
        taken, self.ids = self.ids[:end], self.ids[end:]
        self.row += end
        return taken
