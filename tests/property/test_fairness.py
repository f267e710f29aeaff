"""
Everybody's chance is what sections 9 and 12 say it is, over ten thousand seeds; and a bias put in is noticed.

Each family of things (targets, cells, pairs …) is counted over all draws and held against its exact expectation. Two
numbers tell: the largest single deviation in standard errors, against what one family in ten thousand exceeds by
chance, and the sum of squared deviations, which sees a small bias spread over many. The standard errors are those of
the counts themselves. What such numbers can see: a chance of one in five that is off by one in ten for half of the
entities (the control "choice by modulo") is eight times over the bound.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import comb, inf, sqrt
from statistics import NormalDist

import pytest

from services.drawer.domain import frame, quota
from services.drawer.domain.encoding import SHA256, Hash
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest import Selection
from services.drawer.domain.quota import Rate
from services.drawer.domain.roster import Officer
from services.drawer.domain.selection import quotas, select
from services.drawer.domain.teams import Team, match
from services.drawer.domain.ticket import target_key, team_key

SEEDS = 10_000
ONE_IN = 10_000

Draw = Callable[[bytes], Counter[Hashable]]
"""What one seed gives: how often each thing came up."""


def seeds() -> Iterable[bytes]:
    return (hashlib.sha256(f"fair|{number}".encode()).digest() for number in range(SEEDS))


@dataclass(frozen=True)
class Deviation:
    """How far a family of counts lies from its expectation; 1 is the most that is put down to chance."""

    things: int
    largest: float
    """The largest deviation of one thing, in standard errors."""
    squares: float
    """The sum of all squared deviations; about as many as there are things."""

    @property
    def over(self) -> float:
        """Give the larger of the two as a multiple of its bound."""
        bound = NormalDist().inv_cdf(1 - 1 / ONE_IN / (2 * self.things))
        return max(self.largest / bound, (self.squares - self.things) / (6 * sqrt(2 * self.things)))


def deviation(draw: Draw, expected: Mapping[Hashable, float]) -> Deviation:
    """Draw with every seed and compare; something that never varies is right to the last digit or infinitely wrong."""
    sums, squares, times = Counter[Hashable](), Counter[Hashable](), 0
    for seed in seeds():
        times += 1
        for thing, count in draw(seed).items():
            sums[thing] += count
            squares[thing] += count * count
    assert sums.keys() <= expected.keys()
    errors = []
    for thing, mean in expected.items():
        found = sums[thing] / times
        variance = squares[thing] / times - found**2
        off = abs(found - mean)
        errors.append(off / sqrt(variance / times) if variance > 0 else (inf if off > 1e-9 else 0.0))
    return Deviation(len(errors), max(errors), sum(error**2 for error in errors))


def assert_fair(name: str, draw: Draw, expected: Mapping[Hashable, float]) -> None:
    found = deviation(draw, expected)
    print(
        f"{name}: {found.things} over {SEEDS} seeds, largest {found.largest:.2f} standard errors, at {found.over:.2f} of the bound"
    )
    assert found.over < 1, found


# ── targets and cells ───────────────────────────────────────────────────────────────────────────────────────────────

SINGLES = 12
CELLS = {**{f"A/{number:02}": 1 for number in range(SINGLES)}, "A/m": 7, "A/s": 13, "A/x": 28}
ENTITIES = {
    f"{cell.replace('/', '-')}-{number}": Kind(cell, ("l",)) for cell, size in CELLS.items() for number in range(size)
}
PEERS = {f"{number:02}": Kind("B", ("l",)) for number in range(40)}
TEN_PERCENT = (Selection("s", ("l",), {"A": Rate((1, 10)), "B": Rate((1, 5))}),)


class _Weak:
    """A hash of which a few bits are left: ties are the rule."""

    def __init__(self, data: bytes, bits: int) -> None:
        self._running, self._bits = hashlib.sha256(data), bits

    def update(self, data: bytes) -> None:
        self._running.update(data)

    def digest(self) -> bytes:
        return bytes([self._running.digest()[0] >> (8 - self._bits)])


FOUR_BITS, ONE_BIT = (Hash(f"{bits} bits", partial(_Weak, bits=bits)) for bits in (4, 1))


def of(entities: Mapping[str, Kind], h: Hash = SHA256) -> Callable[[bytes], list[str]]:
    """Draw from these entities; *h* gives the tickets alone."""
    rows, counts = {"f": frame.rows_of(frame.serialise("f", entities))}, Counter(entities.values())

    def drawn(seed: bytes) -> list[str]:
        wanted = quotas(SHA256, seed, TEN_PERCENT, counts)
        found = select(h, target_key(SHA256, seed), rows, counts, TEN_PERCENT, wanted)
        return [one for ids in found.selected["s"].values() for one in ids]

    return drawn


def by_modulo(seed: bytes) -> list[str]:
    """Choose peers by a byte modulo forty, as is done everywhere; 256 is no multiple of forty."""
    ids, chosen, stream = sorted(PEERS), list[str](), random.Random(seed)
    while len(chosen) < 8:
        one = ids[stream.randbytes(1)[0] % 40]
        chosen += [] if one in chosen else [one]
    return chosen


def each(drawn: Callable[[bytes], list[str]]) -> Draw:
    return lambda seed: Counter(drawn(seed))


def cells(drawn: Callable[[bytes], list[str]]) -> Draw:
    return lambda seed: Counter(ENTITIES[one].stratum for one in drawn(seed))


def pairs(drawn: Callable[[bytes], list[str]], among: Iterable[str]) -> Draw:
    known = frozenset(among)
    return lambda seed: Counter(combinations(sorted(known.intersection(drawn(seed))), 2))


LONE = sorted(one for one, kind in ENTITIES.items() if CELLS[kind.stratum] == 1)
SHARE = 6 / 60
TARGETS: dict[Hashable, float] = dict.fromkeys(ENTITIES, SHARE)
OF_CELLS: dict[Hashable, float] = {cell: size * SHARE for cell, size in CELLS.items()}
OF_PEERS: dict[Hashable, float] = dict.fromkeys(PEERS, 8 / 40)
PAIRS: dict[Hashable, float] = dict.fromkeys(combinations(sorted(PEERS), 2), 8 * 7 / (40 * 39))


def lone_pairs(drawn: Callable[[bytes], list[str]]) -> dict[Hashable, float]:
    """Give every pair of one-firm cells the same share of what all of them have together."""
    together = sum(comb(len(set(LONE) & set(drawn(seed))), 2) for seed in seeds()) / SEEDS
    return dict.fromkeys(combinations(LONE, 2), together / comb(SINGLES, 2))


def test_every_target_has_the_same_chance_whatever_its_cell() -> None:
    assert_fair("targets", each(of(ENTITIES)), TARGETS)
    assert_fair("targets of one cell", each(of(PEERS)), OF_PEERS)


def test_every_cell_gets_its_exact_share_in_the_long_run() -> None:
    assert_fair("cells", cells(of(ENTITIES)), OF_CELLS)


def test_every_pair_of_targets_is_as_likely_as_every_other() -> None:
    drawn = of(ENTITIES)

    assert_fair("pairs of targets", pairs(of(PEERS), PEERS), PAIRS)
    assert_fair("pairs of one-firm cells", pairs(drawn, LONE), lone_pairs(drawn))


def test_control_ties_that_go_to_the_smaller_id_are_noticed() -> None:
    assert deviation(each(of(ENTITIES, FOUR_BITS)), TARGETS).over > 5
    assert deviation(each(of(PEERS, FOUR_BITS)), OF_PEERS).over > 5


def test_control_a_fixed_offset_favours_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "rounding_offset", lambda h, seed, entity_class: 2**63)
    monkeypatch.setattr(quota, "cell_order", lambda h, seed, strata: sorted(strata))

    assert deviation(cells(of(ENTITIES)), OF_CELLS).over > 5


def test_control_a_fixed_order_of_cells_never_draws_neighbours_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "cell_order", lambda h, seed, strata: sorted(strata))
    drawn = of(ENTITIES)

    assert deviation(cells(drawn), OF_CELLS).over < 1  # the shares alone would not show it
    assert deviation(pairs(drawn, LONE), lone_pairs(drawn)).over > 5


def test_control_choice_by_modulo_is_noticed() -> None:
    assert deviation(each(by_modulo), OF_PEERS).over > 5


# ── inspectors ──────────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = [f"i{number}" for number in range(8)]
ROSTER = {name: Officer(("enf",), 9, 0) for name in NAMES}
VISITS = {f"t{number}": (("enf",), ("enf",)) for number in range(6)}
INSPECTORS: dict[Hashable, float] = dict.fromkeys(NAMES, 12 / 8)
PLACES: dict[Hashable, float] = {(name, target): 2 / 8 for name in NAMES for target in VISITS}
COLLEAGUES: dict[Hashable, float] = dict.fromkeys(combinations(NAMES, 2), 6 / comb(8, 2))
LEADS: dict[Hashable, float] = dict.fromkeys(NAMES, 6 / 8)

Teams = Mapping[str, Team]


def teams(seed: bytes, h: Hash = SHA256) -> Teams:
    return match(h, team_key(SHA256, seed, "JT"), VISITS, ROSTER).assigned


def teams_of_one_order(seed: bytes) -> Teams:
    """Put the inspectors into one order for all draws; only the targets' order is drawn."""
    drawn = random.Random(seed).sample(sorted(VISITS), len(VISITS))
    order = [NAMES[place % 8] for place in range(12)]
    return {target: (order[2 * place], order[2 * place + 1]) for place, target in enumerate(drawn)}


def visits(teams: Callable[[bytes], Teams]) -> Draw:
    return lambda seed: Counter(name for team in teams(seed).values() for name in team)


def places(teams: Callable[[bytes], Teams]) -> Draw:
    return lambda seed: Counter((name, target) for target, team in teams(seed).items() for name in team)


def colleagues(teams: Callable[[bytes], Teams]) -> Draw:
    return lambda seed: Counter(tuple(sorted(map(str, team))) for team in teams(seed).values())


def leads(teams: Callable[[bytes], Teams]) -> Draw:
    return lambda seed: Counter(team[0] for team in teams(seed).values())


def by_name(seed: bytes) -> Teams:
    """Let the first by name lead, as a list in the order of the roster would."""
    return {target: tuple(sorted(map(str, team))) for target, team in teams(seed).items()}


def test_every_inspector_is_sent_as_often_and_to_every_target_alike() -> None:
    assert_fair("inspectors", visits(teams), INSPECTORS)
    assert_fair("inspectors at targets", places(teams), PLACES)


def test_every_pair_of_inspectors_travels_together_as_often() -> None:
    assert_fair("pairs of inspectors", colleagues(teams), COLLEAGUES)


def test_every_inspector_leads_as_often() -> None:
    assert_fair("leads", leads(teams), LEADS)


def test_control_one_fixed_order_of_inspectors_is_noticed() -> None:
    assert deviation(visits(teams_of_one_order), INSPECTORS).over > 5
    assert deviation(colleagues(teams_of_one_order), COLLEAGUES).over > 5


def test_control_ties_that_go_to_the_first_inspector_are_noticed() -> None:
    def weak(seed: bytes) -> Teams:
        return teams(seed, ONE_BIT)

    assert deviation(visits(weak), INSPECTORS).over > 5
    assert deviation(places(weak), PLACES).over > 5
    assert deviation(colleagues(weak), COLLEAGUES).over > 5


def test_control_the_first_by_name_would_lead_more_often() -> None:
    assert deviation(leads(by_name), LEADS).over > 5
