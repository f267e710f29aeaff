"""
Bounds that cannot all be kept: which ones clash, and the nearest whole numbers of targets that can be drawn.

The frame's sizes and the rule pack's bounds of the whole draw are never moved; of what the plan asks, its cap on the
whole draw goes before the numbers of single classes, and those before the ratios. Exact integers and fractions only.
Source: issue 5; shared/reference/domain.md sections 1.2 (an overall cap against ratios of classes) and 5.3.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from runtime.errors import Rejected
from services.planner.domain.ratios import Bounds, Caps, DrawClass, ceiling, classes, most_of

CLASS_TOO_SMALL = "caps.class_too_small"
CLASS_MOST_BELOW_RATIO = "caps.class_most_below_ratio"
SUM_ABOVE_MOST = "caps.sum_above_most"
SUM_BELOW_FEWEST = "caps.sum_below_fewest"
MOST_BELOW_FEWEST = "caps.most_below_fewest"


class BoundsClash(Rejected):
    """The plan's and the pack's bounds on numbers cannot all be kept in this frame; ``nearest`` targets could be drawn."""

    code = "frame.bounds_clash"


@dataclass(frozen=True)
class Clash:
    """Bounds that cannot be kept together: which, of which categories (none: of the whole draw), and the numbers."""

    code: str
    categories: tuple[str, ...]
    facts: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Settled:
    """One class: its size, what its ratio asks for, what its own rule draws, and the nearest number that fits with all others."""

    categories: tuple[str, ...]
    size: int
    by_ratio: int
    asked: int
    targets: int


@dataclass(frozen=True)
class Weighed:
    """The clashes of a plan in one frame, none where all bounds hold, and the nearest numbers (None: there are none)."""

    clashes: tuple[Clash, ...]
    nearest: tuple[Settled, ...] | None

    @property
    def targets(self) -> int | None:
        """Add up the nearest numbers."""
        return None if self.nearest is None else sum(one.targets for one in self.nearest)


def weigh(spread: str, sizes: Mapping[str, int], ratio: Fraction, planned: int, bounds: Bounds, caps: Caps) -> Weighed:
    """Hold every bound of the plan and the pack against the frame; *sizes*: every category of the campaign."""
    frame = sum(sizes.values())
    layout = [(each, _size(each, sizes)) for each in classes(spread, tuple(sizes), ratio, planned, caps)]
    asked = [each.count(size) for each, size in layout]
    fewest, most = bounds.fewest(frame), bounds.most(frame)
    clashes = [clash for each, size in layout for clash in _of_class(each, size)]
    clashes += _overall(sum(asked), fewest, most, caps.most)
    if caps.most is not None and fewest <= most:
        most = max(fewest, most_of(bounds, caps, frame))
    numbers = nearest(
        asked,
        [min(each.minimum or 0, count) for (each, _), count in zip(layout, asked, strict=True)],
        [size if each.maximum is None else min(each.maximum, size) for each, size in layout],
        fewest,
        most,
    ) or nearest(asked, [0] * len(asked), [size for _, size in layout], fewest, most)
    if numbers is None:
        return Weighed(tuple(clashes), None)
    rows = zip(layout, asked, numbers, strict=True)
    return Weighed(
        tuple(clashes),
        tuple(Settled(each.categories, size, ceiling(each.ratio, size), own, n) for (each, size), own, n in rows),
    )


def with_numbers(bounds: Sequence[Mapping[str, Any]], nearest: Sequence[Settled]) -> list[dict[str, Any]]:
    """Write numbers into the bounds of classes: a class with bounds, or off its ratio, draws just its number."""
    by_category = {each["category"]: dict(each) for each in bounds}
    for one in nearest:
        category = one.categories[0]
        if one.targets != one.by_ratio or category in by_category:
            own = by_category.setdefault(category, {"category": category, "ratio": None})
            own["least"] = own["most"] = one.targets
    return [by_category[category] for category in sorted(by_category)]


def refuse_clashes(weighed: Weighed) -> None:
    """Stop where bounds clash, saying which and what could be drawn."""
    if weighed.clashes:
        raise BoundsClash(clashes=[clash.code for clash in weighed.clashes], nearest=weighed.targets)


def _size(each: DrawClass, sizes: Mapping[str, int]) -> int:
    return sum(sizes[cell] for cell in each.categories)


def _of_class(each: DrawClass, size: int) -> list[Clash]:
    needed, least, most = ceiling(each.ratio, size), each.minimum or 0, each.maximum
    found = []
    if least > size:
        found.append(_clash(CLASS_TOO_SMALL, each.categories, least=least, size=size))
    if most is not None and most < needed and not each.fixed:
        found.append(_clash(CLASS_MOST_BELOW_RATIO, each.categories, most=most, needed=needed, ratio=str(each.ratio)))
    return found


def _overall(asked: int, fewest: int, most: int, cap: int | None) -> list[Clash]:
    if cap is not None and cap < fewest <= most:
        return [_clash(MOST_BELOW_FEWEST, (), most=cap, fewest=fewest)]
    allowed = most if cap is None else min(most, cap)
    if asked > allowed:
        return [_clash(SUM_ABOVE_MOST, (), asked=asked, most=allowed)]
    if asked < fewest:
        return [_clash(SUM_BELOW_FEWEST, (), asked=asked, fewest=fewest)]
    return []


def _clash(code: str, categories: tuple[str, ...], **facts: object) -> Clash:
    return Clash(code, categories, tuple(facts.items()))


def nearest(
    asked: Sequence[int], floors: Sequence[int], ceilings: Sequence[int], fewest: int, most: int
) -> tuple[int, ...] | None:
    """
    Find the numbers next to *asked* whose sum lies between *fewest* and *most*; None where there are none.

    Next to: the smallest sum of (x - asked)² / asked, so that every class gives way by about the same share and no
    number moves further than it must. One step at a time, always the cheapest: exact, because each class's cost is
    convex and only the sum joins them. Equal costs: the earlier class gives way.

    Args:
        asked: What each class's own rule draws.
        floors, ceilings: Between them lies each number; floor <= ceiling.
        fewest, most: Bounds of the sum.
    """
    numbers = [min(max(own, low), high) for own, low, high in zip(asked, floors, ceilings, strict=True)]
    if fewest > most or sum(floors) > most or sum(ceilings) < fewest:
        return None
    total = sum(numbers)
    step, ends, goal = (-1, floors, most) if total > most else (1, ceilings, max(total, fewest))
    ready = [(_cost(asked[k], numbers[k], step), k) for k in range(len(numbers)) if numbers[k] != ends[k]]
    heapq.heapify(ready)
    while total != goal:
        _, k = heapq.heappop(ready)
        numbers[k] += step
        total += step
        if numbers[k] != ends[k]:
            heapq.heappush(ready, (_cost(asked[k], numbers[k], step), k))
    return tuple(numbers)


def _cost(asked: int, number: int, step: int) -> Fraction:
    """Say what one step more costs."""
    return Fraction((number + step - asked) ** 2 - (number - asked) ** 2, max(asked, 1))
