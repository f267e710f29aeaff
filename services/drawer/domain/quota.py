"""
Quota arithmetic: turn a rule into whole numbers of targets, and share them among the cells of a class.

Integers only, so that two agencies running it on different machines agree to the last target.
Source: JIDRAW/1 section 9.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.drawer.domain.encoding import Hash, tagged_hash
from services.drawer.domain.refusals import DrawRefused

OFFSETS = 2**64


class QuotaExceedsFrame(DrawRefused):
    """More targets were asked for than the sampling frame (抽样框) holds."""

    code = "draw.quota_exceeds_frame"
    says = ("asked", "frame")


@dataclass(frozen=True)
class Rate:
    """Draw p of every q entities (抽取比例), rounded up, at least *min* and at most *max*."""

    rate: tuple[int, int]
    min: int | None = None
    max: int | None = None


@dataclass(frozen=True)
class Count:
    """Draw a fixed number of entities."""

    count: int


@dataclass(frozen=True)
class Full:
    """Draw everybody; the tickets then give the order."""

    full: bool = True


Rule = Rate | Count | Full


def drawn_by(rule: Rule, size: int) -> int:
    """Work out how many of a class of *size* entities a rule draws; never more than there are."""
    if isinstance(rule, Full):
        return size
    if isinstance(rule, Count):
        return min(rule.count, size)
    part, whole = rule.rate
    drawn = -(-size * part // whole)
    if rule.min is not None:
        drawn = max(drawn, rule.min)
    if rule.max is not None:
        drawn = min(drawn, rule.max)
    return min(drawn, size)


def cell_order(h: Hash, seed: bytes, strata: Mapping[str, int]) -> list[str]:
    """Put the cells of one class into this draw's order; a fixed order would leave only a few possible lists."""
    return sorted(strata, key=lambda stratum: tagged_hash(h, "cell", seed, stratum))


def rounding_offset(h: Hash, seed: bytes, entity_class: str) -> int:
    """Draw the rounding offset U of one class, 0 <= U < 2**64."""
    return int.from_bytes(tagged_hash(h, "round", seed, entity_class)[:8], "big")


def spread_over_cells(total: int, cells: Mapping[str, int], offset: int) -> dict[str, int]:
    """
    Share *total* targets of one class among its cells, in proportion to their size.

    Systematic rounding: the running sum of the exact shares is cut at one random offset, so that every cell gets
    the whole number below or above its share and every target the same chance.

    Args:
        total: Targets to hand out, at least 0.
        cells: Entities per cell, each at least 1, in the draw's order (``cell_order``).
        offset: The class's rounding offset, 0 <= offset < 2**64.

    Returns:
        Targets per cell, in the order of *cells*, adding up to *total*.

    Raises:
        QuotaExceedsFrame: *total* is larger than the whole class.

    Source:
        JIDRAW/1 section 9.
    """
    size = sum(cells.values())
    if total > size:
        raise QuotaExceedsFrame(asked=total, frame=size)
    quota: dict[str, int] = {}
    reached = given = 0
    for cell, entities in cells.items():
        reached += entities
        upto = (total * reached * OFFSETS + offset * size) // (size * OFFSETS)
        quota[cell] = upto - given
        given = upto
    return quota


def class_quota(h: Hash, seed: bytes, entity_class: str, rule: Rule, cells: Mapping[str, int]) -> dict[str, int]:
    """Say how many targets each cell of one class gets in one selection, cells in the draw's order."""
    ordered = {cell: cells[cell] for cell in cell_order(h, seed, cells)}
    return spread_over_cells(drawn_by(rule, sum(cells.values())), ordered, rounding_offset(h, seed, entity_class))
