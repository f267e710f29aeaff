"""
Teams at the size of a province, as ratios of a named baseline measured in the same run.

The baseline is the least that any way of staffing in plain Python costs: one keyed SHA-256 and one step of a heap per
slot, over the same numbers. ``python -m tests.bench.teams``; the bounds are those of the issue.
"""

import hashlib
import heapq
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.drawer.domain.encoding import SHA256
from services.drawer.domain.roster import Officer
from services.drawer.domain.teams import Teams, match
from tests.bench.figures import Figure


@dataclass(frozen=True)
class Size:
    """So many agencies with so many targets and inspectors each; two slots a target; the bound in seconds."""

    targets: int
    agencies: int
    inspectors: int
    most_seconds: float


CITY, PROVINCE = Size(10_000, 5, 2_000, 2.0), Size(100_000, 4, 20_000, 30.0)
BASELINE = "one hash and one heap step per slot"
PLAIN = ((("enf", 1.0),), (("enf",), ("enf",)))
LABELLED = ((("enf", 0.9), ("haz", 0.3), ("fire", 0.2)), (("enf",), ("enf", "haz")))


@dataclass(frozen=True)
class Instance:
    """What one agency has to staff."""

    key: bytes
    targets: Mapping[str, Sequence[tuple[str, ...]]]
    roster: Mapping[str, Officer]
    recused: frozenset[tuple[str, str]]


def an_instance(
    size: Size, seed: int, shape: tuple[Sequence[tuple[str, float]], Sequence[tuple[str, ...]]]
) -> Instance:
    """Make an agency: everybody with a cap a fifth above the average, two recusals an inspector, base loads up to five."""
    chance, (labels, slots) = random.Random(seed), shape
    cap = -(-2 * size.targets * 6 // (5 * size.inspectors))
    roster = {
        f"{chance.getrandbits(256):064x}": Officer(
            tuple(label for label, share in labels if chance.random() < share),
            cap if len(labels) == 1 else 4 * cap,
            chance.randrange(6),
        )
        for _ in range(size.inspectors)
    }
    targets = {f"9164022{number:010}X": slots for number in range(size.targets)}
    names, ids = list(roster), list(targets)
    recused = frozenset((chance.choice(names), chance.choice(ids)) for _ in range(2 * size.inspectors))
    return Instance(f"{chance.getrandbits(128):032x}".encode(), targets, roster, recused)


def baseline(one: Instance) -> float:
    """Hash once and step a heap once per slot: seconds of the processor."""
    heap = [(0, name) for name in one.roster]
    heapq.heapify(heap)
    started = time.process_time()
    for target in one.targets:
        for _ in one.targets[target]:
            load, name = heap[0]
            hashlib.sha256(one.key + b"|" + target.encode()).digest()
            heapq.heapreplace(heap, (load + 1, name))
    return time.process_time() - started


def staffed(one: Instance) -> tuple[float, Teams]:
    """Put the teams together: seconds of the processor, and what came of it."""
    started = time.process_time()
    teams = match(SHA256, one.key, one.targets, one.roster, one.recused)
    return time.process_time() - started, teams


def figures() -> Iterator[Figure]:
    """Measure cities and provinces, all agencies one after the other; fail where they take longer than they may."""
    for size in (CITY, PROVINCE):
        for name, shape in (("alike", PLAIN), ("with labels", LABELLED)):
            least = spent = 0.0
            open_slots = 0
            for agency in range(size.agencies):
                one = an_instance(size, agency, shape)
                least += baseline(one)
                seconds, teams = staffed(one)
                spent += seconds
                open_slots += len(teams.open)
            about = f"{size.targets:,} × {size.agencies} × {size.inspectors:,}, {name}, {open_slots} open"
            yield Figure(f"teams, {about}", spent, "s", BASELINE, least, f"≤ {size.most_seconds:g} s")
            assert spent <= size.most_seconds, f"{about}: {spent:.1f} s"


if __name__ == "__main__":
    for figure in figures():
        print(figure.line(), flush=True)
