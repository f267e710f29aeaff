"""Section 12 of JIDRAW/1 word by word, with no thought of speed: what both implementations are held against."""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

Slot = tuple[str, int]
Found = tuple[Slot, str, dict[Slot, tuple[Slot, str]]]


class LiteralTeams:
    """One agency's teams, put together the slow way."""

    def __init__(
        self,
        key: str,
        targets: Mapping[str, Sequence[Sequence[str]]],
        roster: Mapping[str, tuple[Sequence[str], int, int]],
        recused: Collection[tuple[str, str]],
    ) -> None:
        self.key, self.targets, self.roster, self.recused = key, targets, roster, set(recused)
        least = min((entry[2] for entry in roster.values()), default=0)
        self.start = {name: min(entry[2] - least, 1) for name, entry in roster.items()}
        self.visits = dict.fromkeys(roster, 0)
        self.holder: dict[Slot, str] = {}
        self.rank = sorted(roster, key=lambda name: self.h(f"o|{name}"))
        slots = [(target, index) for target, wanted in targets.items() for index in range(len(wanted))]
        self.order = sorted(slots, key=lambda u: (len(self.pool(u)), self.h(f"t|{u[0]}"), u[0], u[1]))

    def h(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.key}|{text}".encode()).digest()

    def pool(self, u: Slot) -> list[str]:
        return [name for name in self.rank if set(self.targets[u[0]][u[1]]) <= set(self.roster[name][0])]

    def load(self, name: str) -> int:
        return self.start[name] + self.visits[name]

    def room(self, name: str) -> bool:
        return self.visits[name] < self.roster[name][1]

    def slot_at(self, name: str, target: str) -> Slot | None:
        return next((u for u, holder in self.holder.items() if holder == name and u[0] == target), None)

    def step_two(self, u: Slot) -> bool:
        free = [
            (self.load(name), self.h(f"i|{name}|{self.load(name)}"), name)
            for name in self.pool(u)
            if self.room(name) and (name, u[0]) not in self.recused and self.slot_at(name, u[0]) is None
        ]
        if free:
            self.holder[u] = min(free)[2]
            self.visits[self.holder[u]] += 1
        return bool(free)

    def search(self, roots: Sequence[Slot], marked: set[str], succeeds: Callable[[str], bool]) -> Found | None:
        queue, reached = deque(roots), set(roots)
        parent: dict[Slot, tuple[Slot, str]] = {}
        while queue:
            u = queue.popleft()
            for name in self.pool(u):
                if name in marked or (name, u[0]) in self.recused:
                    continue
                w = self.slot_at(name, u[0])
                if w is not None:
                    if w not in reached:
                        parent[w] = (u, name)
                        reached.add(w)
                        queue.append(w)
                    continue
                marked.add(name)
                if succeeds(name):
                    return u, name, parent
                for v in self.order:
                    if self.holder.get(v) == name and v not in reached:
                        parent[v] = (u, name)
                        reached.add(v)
                        queue.append(v)
        return None

    def apply(self, found: Found) -> str | None:
        u, name, parent = found
        self.visits[name] += 1
        while True:
            former, self.holder[u] = self.holder.get(u), name
            if u not in parent:
                return former
            u, name = parent[u]

    def step_four(self) -> bool:
        roomy = [self.load(name) for name in self.roster if self.room(name)]
        if not roomy:
            return False
        for load in range(max(map(self.load, self.roster)), min(roomy) + 1, -1):
            heavy = {name for name in self.roster if self.load(name) == load}
            roots = [u for u in self.order if self.holder.get(u) in heavy]
            found = self.search(roots, heavy, lambda name, load=load: self.room(name) and self.load(name) <= load - 2)  # type: ignore[misc]
            if found is not None:
                former = self.apply(found)
                assert former is not None
                self.visits[former] -= 1
                return True
        return False

    def step_five(self, target: str) -> list[str | None]:
        team = [self.holder.get((target, index)) for index in range(len(self.targets[target]))]
        for labels in {frozenset(wanted) for wanted in self.targets[target]}:
            like = [index for index, wanted in enumerate(self.targets[target]) if frozenset(wanted) == labels]
            names = sorted((n for n in (team[index] for index in like) if n), key=lambda n: self.h(f"s|{target}|{n}"))
            for index, name in zip(like, [*names, *[None] * len(like)], strict=False):
                team[index] = name
        return team

    def assign(self) -> dict[str, list[str | None]]:
        """Carry out steps I to V."""
        for u in self.order:
            if not self.step_two(u):
                found = self.search([u], set(), self.room)
                if found is not None:
                    self.apply(found)
        while self.step_four():
            pass
        return {target: self.step_five(target) for target in self.targets}

    def refill(
        self, standing: Mapping[str, Sequence[str | None]], vacated: Collection[Slot]
    ) -> dict[str, list[str | None]]:
        """Fill the open slots of a round by steps I and II, and put the new targets in order (section 11)."""
        for target, team in standing.items():
            for index, name in enumerate(team):
                if name is not None:
                    self.holder[target, index] = name
                    self.visits[name] += 1
        for u in self.order:
            if u[0] not in standing or u in vacated:
                self.step_two(u)
        return {
            target: self.step_five(target)
            if target not in standing
            else [self.holder.get((target, index)) for index in range(len(wanted))]
            for target, wanted in self.targets.items()
        }
