"""Random instances of teams: tight, infeasible, odd identifiers, slots without labels, targets without slots."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.drawer.domain.roster import Officer

NAMES = ("__proto__", "constructor", "toString", "-", ".", "0", "A.b_c-9")
LABELS = "xyz"


@dataclass(frozen=True)
class TeamCase:
    """One agency's targets with their slots, its roster, its recusals, and its key."""

    key: str
    targets: Mapping[str, Sequence[tuple[str, ...]]]
    roster: Mapping[str, tuple[tuple[str, ...], int, int]]
    recused: frozenset[tuple[str, str]]

    @property
    def officers(self) -> dict[str, Officer]:
        """Give the roster as the drawer takes it."""
        return {name: Officer(*entry) for name, entry in self.roster.items()}

    def may_go(self, name: str, target: str, index: int) -> bool:
        """Tell whether somebody has the labels of a slot and is not recused from its target."""
        return set(self.targets[target][index]) <= set(self.roster[name][0]) and (name, target) not in self.recused


def a_team_case(chance: random.Random, most_officers: int = 14, most_targets: int = 12) -> TeamCase:
    """Make an instance; every fourth one is tight, with hardly a visit to spare."""
    officers = [*NAMES, *(f"i{number}" for number in range(most_officers))]
    names = chance.sample(officers, chance.randint(1, most_officers))
    targets = {
        target: [_labels(chance, 0.3) for _ in range(chance.choice([0, 1, 2, 2, 2, 3]))]
        for target in chance.sample([*NAMES, *(f"t{n}" for n in range(most_targets))], chance.randint(1, most_targets))
    }
    slots = sum(map(len, targets.values()))
    tight = chance.random() < 0.25
    caps = [-(-slots // len(names))] if tight else [0, 1, 2, 3, 5, 9]
    roster = {name: (_labels(chance, 0.5), chance.choice(caps), chance.choice([0, 0, 0, 1, 4])) for name in names}
    away = frozenset((name, target) for name in names for target in targets if chance.random() < 0.15)
    return TeamCase(f"{chance.getrandbits(128):032x}", targets, roster, away)


def _labels(chance: random.Random, likely: float) -> tuple[str, ...]:
    return tuple(label for label in LABELS if chance.random() < likely)
