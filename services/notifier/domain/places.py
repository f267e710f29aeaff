"""Who is called next, when more receivers are due than may be called at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Places:
    """
    How many receivers are called at the same time: of all, of those known to be slow, and of one agency.

    The slow have fewer than there are, so that however many of them there are, somebody who answers at once finds a place.
    A slow one that is not known yet holds a place for one try, and its agency has no more than its own few.
    """

    of_all: int
    of_slow: int
    of_agency: int
    slow_seconds: float  # of its last answer, or of the wait for one
    turn_seconds: float  # after which a receiver gives its place to others that wait


def read_places(written: Mapping[str, Any]) -> Places:
    """Read ``[places]`` of ``webhooks.toml``."""
    return Places(
        of_all=written["of_all"],
        of_slow=written["of_slow"],
        of_agency=written["of_agency"],
        slow_seconds=written["slow_seconds"],
        turn_seconds=written["turn_seconds"],
    )


@dataclass(frozen=True)
class Line:
    """A webhook to which something is to be sent: whose it is, and how long its receiver took last."""

    webhook: str
    agency: tuple[str, str]  # county and agency
    seconds: float = 0.0


def who_is_next(places: Places, waiting: Sequence[Line], called: Collection[Line]) -> list[Line]:
    """
    Choose who is called now, besides those that are being *called*.

    Args:
        places: How many may be.
        waiting: What is due and not being called, whoever has waited longest first.
        called: What is being called now.

    Returns:
        As many of *waiting* as there are places for, in their order. One for whose kind there is no place is passed over.
    """
    chosen: list[Line] = []
    for line in waiting:
        at_work = [*called, *chosen]
        if len(at_work) >= places.of_all:
            break
        if sum(other.agency == line.agency for other in at_work) >= places.of_agency:
            continue
        if _slow(places, line) and sum(_slow(places, other) for other in at_work) >= places.of_slow:
            continue
        chosen.append(line)
    return chosen


def _slow(places: Places, line: Line) -> bool:
    return line.seconds >= places.slow_seconds
