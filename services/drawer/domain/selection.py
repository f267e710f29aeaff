"""
The selection: in every stratum the smallest tickets, found in one walk over the frame.

Only tickets below a bound that is all but certain to leave enough of them are kept, so that memory follows the number
of targets and not the frame. The bound is a saving, never a decision: where it left too few, the stratum is walked
again without one.
Source: JIDRAW/1 sections 8 to 10.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Protocol

from services.drawer.domain.encoding import Hash
from services.drawer.domain.frame import Kind, Rows, kind_of, sub_frame
from services.drawer.domain.manifest import Selection
from services.drawer.domain.quota import class_quota

Selected = dict[str, dict[str, list[str]]]
"""{selection: {stratum: [ids in ticket order]}}: every selection is there, strata that draw nothing are left out."""

EVERY_TICKET = b"\xff" * 33
"""A bound above all tickets."""

NOBODY_BARRED: Mapping[str, Collection[str]] = {}

Smallest = tuple[list[str], list[Kind]]
"""The ids of some entities in the order of their tickets, and the kind of each."""


class Kept(Protocol):
    """The tickets that a walk kept."""

    def smallest(self, kinds: Collection[Kind], wanted: int, barred: Collection[str]) -> Smallest:
        """Give the *wanted* smallest tickets of *kinds*, or all there are, without *barred*; of equal ones the smaller id."""


Walk = Callable[[Hash, bytes, Mapping[str, Rows], Mapping[Kind, bytes]], Kept]
"""Walks a surveyed frame once under a key and keeps, for each kind with a bound, the tickets below it."""


@dataclass(frozen=True)
class Drawn:
    """What a selection gave: who was drawn where, and the kind of everyone drawn."""

    selected: Selected
    kinds: Mapping[str, Kind]


def quotas(
    h: Hash, seed: bytes, selections: Sequence[Selection], counts: Mapping[Kind, int]
) -> dict[str, dict[str, int]]:
    """Work out {selection: {stratum: targets}}; strata that draw nothing are left out."""
    found: dict[str, dict[str, int]] = {}
    for selection in selections:
        found[selection.id] = {}
        for entity_class, cells in sub_frame(counts, selection.lines).items():
            quota = class_quota(h, seed, entity_class, selection.rules[entity_class], cells)
            found[selection.id].update({stratum: drawn for stratum, drawn in quota.items() if drawn})
    return found


def ticket_bound(drawn: int, size: int) -> bytes:
    """
    Choose the bound below which a ticket is kept, for *drawn* of *size* entities: 8 bytes, or above everything.

    Six standard deviations more than needed pass it.
    """
    passing = drawn + isqrt(36 * drawn) + 16
    return EVERY_TICKET if passing >= size else (passing * 2**64 // size).to_bytes(8, "big")


def select(
    h: Hash,
    key: bytes,
    frame: Mapping[str, Rows],
    counts: Mapping[Kind, int],
    selections: Sequence[Selection],
    quota: Mapping[str, Mapping[str, int]],
    bound: Callable[[int, int], bytes] = ticket_bound,
    barred: Mapping[str, Collection[str]] = NOBODY_BARRED,
    walk: Walk | None = None,
) -> Drawn:
    """
    Draw the targets of every selection.

    Args:
        key: K_t, the one key of the whole draw.
        frame: The rows of every shard; walked once, or twice where the bound left too few.
        counts: The frame's census.
        quota: ``quotas``.
        barred: {selection: ids that are not drawn there}; where too few others are left, fewer are drawn.
        walk: How the frame is walked; None: by ``plain_walk``.
    """
    walk = walk or plain_walk
    sources = _sources(counts, selections, quota)
    spare = {place: len(barred.get(place[0], ())) for place in sources}
    kept = walk(h, key, frame, _bounds(counts, sources, quota, spare, bound))

    def drawn(kept: Kept, place: tuple[str, str]) -> Smallest:
        return kept.smallest(sources[place], quota[place[0]][place[1]], barred.get(place[0], ()))

    found = {place: drawn(kept, place) for place in sources}
    short = [place for place in sources if len(found[place][0]) < quota[place[0]][place[1]]]
    if short:
        kept = walk(h, key, frame, {kind: EVERY_TICKET for place in short for kind in sources[place]})
        found |= {place: drawn(kept, place) for place in short}
    selected: Selected = {selection.id: {} for selection in selections}
    kind_of_drawn: dict[str, Kind] = {}
    for (selection, stratum), (ids, kinds) in found.items():
        selected[selection][stratum] = ids
        kind_of_drawn.update(zip(ids, kinds, strict=True))
    return Drawn(selected, kind_of_drawn)


def _sources(
    counts: Mapping[Kind, int], selections: Sequence[Selection], quota: Mapping[str, Mapping[str, int]]
) -> dict[tuple[str, str], list[Kind]]:
    """Name the kinds of entity that make up each stratum of each selection that draws something there."""
    found: dict[tuple[str, str], list[Kind]] = {}
    for selection in selections:
        wanted = frozenset(selection.lines)
        for kind in counts:
            if kind.stratum in quota[selection.id] and not wanted.isdisjoint(kind.lines):
                found.setdefault((selection.id, kind.stratum), []).append(kind)
    return found


def _bounds(
    counts: Mapping[Kind, int],
    sources: Mapping[tuple[str, str], Collection[Kind]],
    quota: Mapping[str, Mapping[str, int]],
    spare: Mapping[tuple[str, str], int],
    bound: Callable[[int, int], bytes],
) -> dict[Kind, bytes]:
    found: dict[Kind, bytes] = {}
    for (selection, stratum), kinds in sources.items():
        asked = quota[selection][stratum] + spare[selection, stratum]
        highest = bound(asked, sum(counts[kind] for kind in kinds))
        for kind in kinds:
            found[kind] = max(found.get(kind, b""), highest)
    return found


class _Tickets(dict[Kind, list[tuple[bytes, str]]]):
    """``Kept`` by the plain walk: each kind's tickets, with their ids."""

    def smallest(self, kinds: Collection[Kind], wanted: int, barred: Collection[str]) -> Smallest:
        candidates = {ticket: kind for kind in kinds for ticket in self[kind] if ticket[1] not in barred}
        drawn = sorted(candidates)[:wanted]
        return [identity for _, identity in drawn], [candidates[ticket] for ticket in drawn]


def plain_walk(h: Hash, key: bytes, frame: Mapping[str, Rows], bounds: Mapping[Kind, bytes]) -> Kept:
    """See ``Walk``; in Python alone."""
    kept = _Tickets({kind: [] for kind in bounds})
    takers: dict[bytes, tuple[bytes, Callable[[tuple[bytes, str]], None]] | None] = {}
    begin, prefix = h.begin, key + b"|"  # locals: this loop meets every row of the frame
    for rows in frame.values():
        for row in rows():
            identity, _, tail = row.partition(b"\t")
            try:
                taker = takers[tail]
            except KeyError:
                kind = kind_of(tail)
                taker = takers[tail] = (bounds[kind], kept[kind].append) if kind in bounds else None
            if taker is None:
                continue
            ticket = begin(prefix + identity).digest()
            below, keep = taker
            # Comparing 32 bytes with a bound of 8 compares the first 8: a ticket equal in them is the longer one.
            if ticket < below:
                keep((ticket, identity.decode()))
    return kept
