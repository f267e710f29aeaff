"""
Sampling ratio (抽查比例) and the number of targets that follows from it: exact fractions, never a float.

7 % of 100 is 7, not 8; 1/10 of 111 is 12, not 11 (shared/reference/domain.md section 5.3).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from runtime.errors import Rejected

ONE_CLASS = "one_class"
CLASS_PER_CATEGORY = "class_per_category"
SPREADS = (ONE_CLASS, CLASS_PER_CATEGORY)


class RatioUnreadable(Rejected):
    """A ratio is written as p/q, [p, q] or a whole percentage, with 0 < p <= q."""

    code = "ratio.unreadable"


class RatioBelowMinimum(Rejected):
    """The rule pack asks for a larger share of the targets."""

    code = "ratio.below_minimum"


class RatioAboveMaximum(Rejected):
    """The rule pack allows only a smaller share of the targets (一般检查事项严格限制)."""

    code = "ratio.above_maximum"


class PlannedTooFew(Rejected):
    """Fewer targets are planned than the ratio needs for this frame; *needed* would do."""

    code = "frame.planned_too_few"


class PlannedAboveMaximum(Rejected):
    """More targets are planned than the rule pack's ceiling allows for this frame."""

    code = "frame.planned_above_maximum"


class PlannedNotOfTheRule(Rejected):
    """With one class per category the number follows from the rule alone; another one cannot be drawn."""

    code = "frame.planned_not_of_the_rule"


class PlannedExceedsFrame(Rejected):
    """More targets are planned than the frame (抽样框) holds."""

    code = "frame.planned_exceeds_frame"


class NothingFeasible(Rejected):
    """No whole number of targets keeps both bounds: every one is above the maximum or below the minimum."""

    code = "ratio.nothing_feasible"


def read_ratio(written: object) -> Fraction:
    """Read ``"1/10"``, ``[1, 10]`` or ``"10%"`` as an exact fraction in (0, 1]."""
    match written:
        case [int(numerator), int(denominator)] if denominator > 0:
            ratio = Fraction(numerator, denominator)
        case str(text) if found := re.fullmatch(r"\s*(\d{1,9})\s*/\s*([1-9]\d{0,8})\s*", text, re.ASCII):
            ratio = Fraction(int(found[1]), int(found[2]))
        case str(text) if found := re.fullmatch(r"\s*(\d{1,3})\s*[%％]\s*", text, re.ASCII):
            ratio = Fraction(int(found[1]), 100)
        case _:
            raise RatioUnreadable(written=str(written)[:40])
    if not 0 < ratio <= 1:
        raise RatioUnreadable(written=str(written)[:40])
    return ratio


def ceiling(share: Fraction, size: int) -> int:
    """Round the share of *size* up: the fewest targets that keep a lower bound."""
    return -(-share.numerator * size // share.denominator)


def floor(share: Fraction, size: int) -> int:
    """Round the share of *size* down: the most targets that keep an upper bound."""
    return share.numerator * size // share.denominator


@dataclass(frozen=True)
class Bounds:
    """Lower and upper bound of the ratio as the rule pack says, and the fewest targets of any draw."""

    minimum: Fraction | None = None
    maximum: Fraction | None = None
    minimum_count: int = 1

    def fewest(self, size: int) -> int:
        """Return the fewest targets allowed in a frame of *size*."""
        return max(ceiling(self.minimum or Fraction(0), size), min(self.minimum_count, size))

    def most(self, size: int) -> int:
        """Return the most targets allowed in a frame of *size*."""
        return size if self.maximum is None else floor(self.maximum, size)

    def feasible(self, size: int) -> bool:
        """Tell whether any whole number lies between the two."""
        return size > 0 and self.fewest(size) <= self.most(size)

    def check(self, ratio: Fraction) -> None:
        """Refuse a planned ratio outside the bounds, whatever the size of the frame."""
        if self.minimum is not None and ratio < self.minimum:
            raise RatioBelowMinimum(ratio=str(ratio), minimum=str(self.minimum))
        if self.maximum is not None and ratio > self.maximum:
            raise RatioAboveMaximum(ratio=str(ratio), maximum=str(self.maximum))


def strictest(bounds: Sequence[Bounds]) -> Bounds:
    """Join the bounds of several kinds of items that share one draw: the largest minimum and the smallest maximum."""
    lows = [each.minimum for each in bounds if each.minimum is not None]
    highs = [each.maximum for each in bounds if each.maximum is not None]
    return Bounds(
        minimum=max(lows, default=None),
        maximum=min(highs, default=None),
        minimum_count=max((each.minimum_count for each in bounds), default=1),
    )


@dataclass(frozen=True)
class ClassCap:
    """What a plan asks of one class beside the common ratio: a ratio of its own, the fewest and the most targets."""

    ratio: Fraction | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Caps:
    """The most targets of a whole draw, and what is asked of single categories where each is a class."""

    most: int | None = None
    by_category: Mapping[str, ClassCap] = field(default_factory=dict)


NO_CAPS = Caps()


@dataclass(frozen=True)
class DrawClass:
    """A class of the draw under an opaque code, its categories as cells; the rule of JIDRAW/1 section 9."""

    code: str
    categories: tuple[str, ...]
    ratio: Fraction
    minimum: int | None = None
    maximum: int | None = None

    @property
    def fixed(self) -> bool:
        """Tell whether the plan writes the number itself, so that the ratio has no say."""
        return self.maximum is not None and self.minimum == self.maximum

    def count(self, size: int) -> int:
        """Work out how many of *size* targets the draw takes: the maximum goes before the ratio and the minimum."""
        most = size if self.maximum is None else min(self.maximum, size)
        return min(max(ceiling(self.ratio, size), self.minimum or 0), most)


def classes(
    spread: str, categories: Sequence[str], ratio: Fraction, planned: int, caps: Caps = NO_CAPS
) -> tuple[DrawClass, ...]:
    """
    Lay out the classes of the draw.

    One class takes at least the planned number over all categories; with a class per category every category keeps
    its ratio by itself, and the number follows from the rules alone. Codes are opaque: they say nothing about a category.
    """
    cells = sorted(categories)
    if spread == ONE_CLASS:
        return (DrawClass("c1", tuple(cells), ratio, minimum=planned, maximum=caps.most),)
    return tuple(
        _of_category(f"c{number}", cell, ratio, caps.by_category.get(cell, ClassCap()))
        for number, cell in enumerate(cells, start=1)
    )


def _of_category(code: str, cell: str, ratio: Fraction, cap: ClassCap) -> DrawClass:
    return DrawClass(code, (cell,), ratio if cap.ratio is None else cap.ratio, cap.least, cap.most)


def count(layout: Sequence[DrawClass], sizes: Mapping[str, int]) -> int:
    """Add up the targets of all classes for these numbers of targets by category."""
    return sum(each.count(sum(sizes.get(cell, 0) for cell in each.categories)) for each in layout)


@dataclass(frozen=True)
class SizeOption:
    """One way to spread the draw, with the number it gives and the share that number is."""

    spread: str
    targets: int
    share: Fraction  # of the whole frame
    by_class: tuple[tuple[tuple[str, ...], int, int], ...]  # (categories, size, targets)
    within_bounds: bool
    keeps_ratio: bool  # in every class; a plan's own caps may go before it


@dataclass(frozen=True)
class Sizes:
    """What a planner should know before choosing how many targets are drawn."""

    frame: int
    by_category: tuple[tuple[str, int], ...]
    planned: int
    fewest: int  # lower bound, rounded up
    most: int  # upper bound, rounded down
    feasible: bool
    options: tuple[SizeOption, ...]


def preview(sizes: Mapping[str, int], ratio: Fraction, planned: int, bounds: Bounds, caps: Caps = NO_CAPS) -> Sizes:
    """Show both spreads side by side: one class keeps the ratio overall, a class per category keeps it in each."""
    frame = sum(sizes.values())
    # Where a plan has caps of its own its classes may lie below the ratio, and only the pack's bounds hold overall.
    fewest = bounds.fewest(frame) if caps != NO_CAPS else max(bounds.fewest(frame), ceiling(ratio, frame))
    return Sizes(
        frame=frame,
        by_category=tuple(sorted(sizes.items())),
        planned=planned,
        fewest=fewest,
        most=most_of(bounds, caps, frame),
        feasible=frame > 0 and fewest <= most_of(bounds, caps, frame),
        options=tuple(_option(spread, sizes, frame, ratio, bounds, caps) for spread in SPREADS),
    )


def most_of(bounds: Bounds, caps: Caps, frame: int) -> int:
    """Return the most targets that both the pack and the plan allow of a frame."""
    return bounds.most(frame) if caps.most is None else min(bounds.most(frame), caps.most)


def _option(
    spread: str, sizes: Mapping[str, int], frame: int, ratio: Fraction, bounds: Bounds, caps: Caps
) -> SizeOption:
    rows = []
    for each in classes(spread, tuple(sizes), ratio, planned=0, caps=caps):
        size = sum(sizes[cell] for cell in each.categories)
        rows.append((each.categories, size, each.count(size)))
    targets = sum(row[2] for row in rows)
    return SizeOption(
        spread=spread,
        targets=targets,
        share=Fraction(targets, frame) if frame else Fraction(0),
        by_class=tuple(rows),
        within_bounds=bounds.fewest(frame) <= targets <= most_of(bounds, caps, frame),
        keeps_ratio=all(drawn >= ceiling(ratio, size) for _, size, drawn in rows),
    )


def check_planned(
    spread: str, sizes: Mapping[str, int], ratio: Fraction, planned: int, bounds: Bounds, caps: Caps = NO_CAPS
) -> tuple[DrawClass, ...]:
    """
    Hold the planned number against the frozen frame and return the classes that draw exactly that many.

    Raises:
        PlannedExceedsFrame: the frame holds fewer targets.
        PlannedTooFew: planned/frame is below the ratio (or a bound) as an exact fraction; says the number needed.
        NothingFeasible: no number keeps both bounds.
        PlannedAboveMaximum: planned/frame is above the pack's ceiling, or the plan's own.
        PlannedNotOfTheRule: with one class per category another number than the rules'.
    """
    frame = sum(sizes.values())
    if planned > frame:  # sizes: every category of the campaign, perhaps with 0, so that class codes never shift
        raise PlannedExceedsFrame(asked=planned, frame=frame)
    layout = classes(spread, tuple(sizes), ratio, planned, caps)
    fewest, most = bounds.fewest(frame) if spread == ONE_CLASS else 0, most_of(bounds, caps, frame)
    needed = max(fewest, count(classes(spread, tuple(sizes), ratio, 0, caps), sizes))
    if needed > most:
        raise NothingFeasible(frame=frame, fewest=needed, most=most)
    if planned < needed:
        raise PlannedTooFew(planned=planned, frame=frame, ratio=str(ratio), needed=needed)
    if planned > most:
        raise PlannedAboveMaximum(planned=planned, frame=frame, most=most)
    if count(layout, sizes) != planned:
        raise PlannedNotOfTheRule(planned=planned, frame=frame, needed=needed)
    return layout
