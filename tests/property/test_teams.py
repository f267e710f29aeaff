"""
Teams against oracles: section 12 word by word, and OR-Tools for what no implementation of it could do better.

The number of instances grows with ``ONEVISIT_PROPERTY`` (1 in `make test`); the seeds are fixed, so a failure comes again.
"""

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence

from ortools.graph.python import max_flow, min_cost_flow

import verify_draw
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.teams import Teams, match, refill
from tests.property.instances import TeamCase, a_team_case
from tests.property.literal_teams import LiteralTeams

TIMES = int(os.environ.get("ONEVISIT_PROPERTY", "1"))


def drawn(case: TeamCase) -> Teams:
    return match(SHA256, case.key.encode(), case.targets, case.officers, case.recused)


def verified(case: TeamCase) -> verify_draw.Teams:
    hasher, steps = verify_draw.Hasher("sha256"), verify_draw.Steps()
    teams = verify_draw.Teams(hasher, case.key, case.roster, set(case.recused), steps)
    for target, slots in case.targets.items():
        teams.add_target(target, slots)
    teams.assign()
    return teams


def as_lists(assigned: Mapping[str, Sequence[str | None]]) -> dict[str, list[str | None]]:
    return {target: list(team) for target, team in assigned.items()}


def test_drawer_and_verifier_do_what_section_12_says_word_by_word() -> None:
    chance, seen = random.Random(12), Counter[str]()
    for _ in range(2000 * TIMES):
        case = a_team_case(chance)
        expected = LiteralTeams(case.key, case.targets, case.roster, case.recused).assign()

        own, alone = drawn(case), verified(case)

        assert as_lists(own.assigned) == expected, case
        assert alone.assigned() == expected, case
        assert (own.augmentations, own.levellings) == (alone.augmentations, alone.levellings), case
        seen.update(augmented=own.augmentations > 0, levelled=own.levellings > 0, open=len(own.open) > 0)
    assert min(seen.values()) > 50  # the hard steps were taken, not only the greedy one


def test_rounds_fill_what_section_11_says_and_move_nobody() -> None:
    chance = random.Random(11)
    for _ in range(1000 * TIMES):
        case = a_team_case(chance)
        first = drawn(case).assigned
        standing = {
            target: tuple(name if chance.random() < 0.8 else None for name in team)
            for target, team in first.items()
            if chance.random() < 0.7
        }
        left = {
            (target, index)
            for target, team in standing.items()
            for index, name in enumerate(team)
            if name is None and first[target][index] is not None and chance.random() < 0.8
        }
        recused = case.recused | {(str(first[target][index]), target) for target, index in left}
        key = case.key[::-1]
        expected = LiteralTeams(key, case.targets, case.roster, recused).refill(standing, left)

        found = refill(SHA256, key.encode(), case.targets, case.officers, recused, standing, left)

        assert as_lists(found.assigned) == expected, case


# ── OR-Tools ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Network:
    """Source → inspector → (inspector, target) → slot → sink; one unit is one visit."""

    def __init__(self, case: TeamCase) -> None:
        self.case = case
        self.nodes: dict[object, int] = {"source": 0, "sink": 1}
        self.arcs: list[tuple[int, int, int, int]] = []  # from, to, capacity, cost
        for name, (_, cap, _) in case.roster.items():
            for visit in range(min(cap, len(case.targets))):
                self.arcs.append((0, self.node(name), 1, self.cost(name, visit)))
            for target, wanted in case.targets.items():
                pair = self.node((name, target))
                self.arcs.append((self.node(name), pair, 1, 0))
                for index in range(len(wanted)):
                    if case.may_go(name, target, index):
                        self.arcs.append((pair, self.node((target, index, "slot")), 1, 0))
        for target, wanted in case.targets.items():
            self.arcs += [(self.node((target, index, "slot")), 1, 1, 0) for index in range(len(wanted))]

    def node(self, what: object) -> int:
        return self.nodes.setdefault(what, len(self.nodes))

    def cost(self, name: str, visit: int) -> int:
        """Price a visit by the square of the load: the cheapest flow is then the most even one."""
        lowest = min(entry[2] for entry in self.case.roster.values())
        load = min(self.case.roster[name][2] - lowest, 1) + visit
        return 2 * load + 1


def most_slots_filled(network: Network) -> int:
    solver = max_flow.SimpleMaxFlow()
    for start, end, capacity, _ in network.arcs:
        solver.add_arc_with_capacity(start, end, capacity)
    assert solver.solve(0, 1) == solver.OPTIMAL
    return int(solver.optimal_flow())


def least_cost(network: Network, flow: int) -> int:
    solver = min_cost_flow.SimpleMinCostFlow()
    for arc in network.arcs:
        solver.add_arc_with_capacity_and_unit_cost(*arc)
    for node in range(len(network.nodes)):
        solver.set_node_supply(node, {0: flow, 1: -flow}.get(node, 0))
    assert solver.solve() == solver.OPTIMAL
    return int(solver.optimal_cost())


def test_teams_are_complete_wherever_a_maximum_flow_is_and_as_even_as_a_minimum_cost_flow() -> None:
    chance, short = random.Random(1208), 0
    for _ in range(300 * TIMES):
        case = a_team_case(chance, 25, 30)
        network, teams = Network(case), drawn(case)
        filled = sum(name is not None for team in teams.assigned.values() for name in team)
        short += len(teams.open) > 0

        assert filled == most_slots_filled(network), case
        lowest = min(entry[2] for entry in case.roster.values())
        start = {name: min(entry[2] - lowest, 1) for name, entry in case.roster.items()}
        cost = sum(load**2 - start[name] ** 2 for name, load in teams.loads.items())
        assert cost == least_cost(network, filled), case
    assert 20 < short < 300 * TIMES - 20


def test_a_solver_would_notice_teams_that_are_not_even() -> None:
    case = TeamCase("0" * 32, {"t1": [()], "t2": [()]}, {"a": ((), 2, 0), "b": ((), 2, 0)}, frozenset())

    assert least_cost(Network(case), 2) == 2  # one visit each; two for one of them would cost 4
    assert most_slots_filled(Network(case)) == 2
