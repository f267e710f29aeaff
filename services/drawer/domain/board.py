"""
The board on which teams are put together: who holds which slot, who is free, and who could make room for whom.

Inspectors and slots are numbered, in rank order and in slot order, so that comparing numbers compares places in those
orders. Steps II to IV of JIDRAW/1 section 12, to the letter; two facts, proved in docs/algorithms/teams.md, keep them
from doing the same work again: what a failed search went through leads nowhere ever after (``dead``), and a load from
which nothing could be shifted stays such a load.
"""

import heapq
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from services.drawer.domain.encoding import Hash
from services.drawer.domain.roster import Officer

NOBODY = -1
ANY_LOAD = 2**63
"""Above every load."""

Card = tuple[int, bytes, int]
"""Load, card and number of an inspector: the smallest takes a slot. No two cards are equal, they hash unlike texts."""


@dataclass
class Search:
    """One breadth-first search: who was met, how each slot beyond the roots was reached, and where it succeeded."""

    marked: set[int] = field(default_factory=set)
    parent: dict[int, tuple[int, int]] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)
    found: tuple[int, int] | None = None


@dataclass(eq=False)
class _Alike:
    """All slots that ask for the same labels: who will do (in rank order), and who of them is free (a heap)."""

    labels: frozenset[str]
    pool: list[int]
    free: list[Card] = field(default_factory=list)


class Board:
    """Who holds which slot of one agency's targets."""

    def __init__(
        self,
        h: Hash,
        key: bytes,
        targets: Mapping[str, Sequence[Sequence[str]]],
        roster: Mapping[str, Officer],
        recused: Iterable[tuple[str, str]],
    ) -> None:
        self._begin, self._prefix = h.begin, key + b"|"
        self.names = sorted(roster, key=lambda name: self.hash(f"o|{name}"))
        self.number = {name: number for number, name in enumerate(self.names)}
        self._room = [roster[name].cap for name in self.names]
        lowest = min((officer.base_load for officer in roster.values()), default=0)
        self._load = [min(roster[name].base_load - lowest, 1) for name in self.names]
        self._held: list[list[int]] = [[] for _ in self.names]
        self._cards: list[Card] = [(ANY_LOAD, b"", number) for number in range(len(self.names))]
        self._set_up_slots(targets, roster)
        self._away: dict[str, set[int]] = {}
        for name, target in recused:
            if target in targets and name in self.number:
                self._away.setdefault(target, set()).add(self.number[name])
        self._dead_names, self._dead_slots = bytearray(len(self.names)), bytearray(len(self.places))

    def _set_up_slots(self, targets: Mapping[str, Sequence[Sequence[str]]], roster: Mapping[str, Officer]) -> None:
        """Step I: number the slots by size of pool, hash of the target, target and index."""
        has = [frozenset(roster[name].labels) for name in self.names]
        known: dict[tuple[str, ...], _Alike] = {}
        alike: dict[frozenset[str], _Alike] = {}
        by_size: dict[int, list[tuple[str, int, _Alike]]] = {}
        places = {target: self.hash(f"t|{target}") for target in targets}
        for target in sorted(targets, key=lambda one: (places[one], one)):
            for index, wanted in enumerate(map(tuple, targets[target])):
                if wanted not in known:
                    labels = frozenset(wanted)
                    if labels not in alike:
                        pool = [number for number, held in enumerate(has) if labels <= held]
                        alike[labels] = _Alike(labels, pool)
                    known[wanted] = alike[labels]
                group = known[wanted]
                by_size.setdefault(len(group.pool), []).append((target, index, group))
        ordered = [slot for size in sorted(by_size) for slot in by_size[size]]
        self.places = [(target, index) for target, index, _ in ordered]
        self._groups = [group for _, _, group in ordered]
        self._of_target: dict[str, list[int]] = {target: [] for target in targets}
        for slot, (target, _, _) in enumerate(ordered):
            self._of_target[target].append(slot)
        self._holder = [NOBODY] * len(ordered)
        for group in alike.values():
            group.free = [self._card(number) for number in group.pool]
            heapq.heapify(group.free)

    # ── what stands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def hash(self, text: str) -> bytes:
        """H(K ‖ "|" ‖ x) under the agency's team key."""
        return self._begin(self._prefix + text.encode()).digest()

    def load(self, number: int) -> int:
        """Give an inspector's load: its history, counted as one at most, and the visits of this draw."""
        return self._load[number]

    def labels_of(self, slot: int) -> frozenset[str]:
        """Say what a slot asks for."""
        return self._groups[slot].labels

    def open_slots(self, target: str) -> Iterator[int]:
        """List the slots of a target that nobody holds."""
        return (slot for slot in self._of_target[target] if self._holder[slot] == NOBODY)

    def standing(self, target: str) -> tuple[str | None, ...]:
        """Name who holds the slots of a target, by index."""
        slots = self._of_target[target]
        team: list[str | None] = [None] * len(slots)
        for slot in slots:
            holder = self._holder[slot]
            if holder != NOBODY:
                team[self.places[slot][1]] = self.names[holder]
        return tuple(team)

    def seat(self, slot: int, name: str) -> None:
        """Let somebody stand where an earlier draw or round has put them."""
        self._give(slot, self.number[name])

    def _give(self, slot: int, number: int) -> None:
        self._holder[slot] = number
        self._load[number] += 1
        self._room[number] -= 1
        insort(self._held[number], slot)

    def _take_away(self, slot: int) -> None:
        number = self._holder[slot]
        if number != NOBODY:
            self._load[number] -= 1
            self._room[number] += 1
            self._held[number].remove(slot)

    def _card(self, number: int) -> Card:
        """Give an inspector's card at its load, worked out once for every load."""
        card, load = self._cards[number], self._load[number]
        if card[0] != load:
            card = self._cards[number] = (load, self.hash(f"i|{self.names[number]}|{load}"), number)
        return card

    # ── step II ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def take_lightest(self, slot: int) -> bool:
        """Give a slot to the smallest (load, card) who is free for it; tell whether there was anybody."""
        free, target = self._groups[slot].free, self.places[slot][0]
        load, room, away = self._load, self._room, self._away.get(target, ())
        there = [self._holder[one] for one in self._of_target[target]]
        passed_over = []
        found = NOBODY
        while free:
            at, _, number = free[0]
            if room[number] <= 0:
                heapq.heappop(free)  # for good: in steps II and III nobody's number of visits falls
            elif at != load[number]:
                heapq.heapreplace(free, self._card(number))
            elif number in away or number in there:
                passed_over.append(heapq.heappop(free))
            else:
                found = number
                break
        for card in passed_over:
            heapq.heappush(free, card)
        if found != NOBODY:
            self._give(slot, found)
        return found != NOBODY

    # ── steps III and IV ────────────────────────────────────────────────────────────────────────────────────────────

    def take_by_moving(self, slot: int) -> bool:
        """Give a slot to somebody others make room for (step III); tell whether that could be."""
        search = self.search((slot,), dead=True)
        if search.found is None:
            self._bury(search, (slot,))
            return False
        self._apply(search)
        return True

    def level(self) -> int:
        """Shift visits from the heaviest inspectors that can be relieved until none can (step IV); count the shifts."""
        shifts, everybody = 0, range(len(self.names))
        takers = [(self._load[number], number) for number in everybody if self._room[number] > 0]
        heapq.heapify(takers)
        load = max(self._load, default=0)
        roots = self._slots_at(load)
        while self._is_below(takers, load - 1):
            search = self.search(self._still_at(roots, load), load - 2, load, dead=True)
            if search.found is not None:
                # Every heavier load stays one from which nothing can be shifted: the next pass would come here again.
                self._apply(search)
                shifts += 1
                continue
            self._bury(search, list(self._still_at(roots, load)))
            self._bury(Search({number for number in everybody if self._load[number] == load}), ())
            load = max((one for one in self._load if one < load), default=0)
            roots = self._slots_at(load)
        return shifts

    def _is_below(self, takers: list[tuple[int, int]], load: int) -> bool:
        """Tell whether anybody with room has a smaller load; whoever got room again by a shift has none to speak of."""
        while takers:
            at, number = takers[0]
            if self._room[number] <= 0:
                heapq.heappop(takers)
            elif at != self._load[number]:
                heapq.heapreplace(takers, (self._load[number], number))
            else:
                return at < load
        return False

    def search(self, roots: Iterable[int], most: int = ANY_LOAD, heavy: int = NOBODY, dead: bool = False) -> Search:
        """
        Walk from *roots* to the first inspector who has room and a load of *most* at most.

        Args:
            heavy: The load whose inspectors count as met from the start; their slots are the roots.
            dead: Leave out what failed searches went through.
        """
        search = Search()
        # Whoever was met is marked and passed over ever after, so each pool is walked once: what is left of it are
        # those who were passed over unmarked, in rank order.
        left: dict[_Alike, list[int]] = {}
        for slot in chain(roots, search.queue):  # the queue grows while it is walked
            group = self._groups[slot]
            left[group], taker = self._visit(search, slot, left.get(group, group.pool), most, heavy, dead)
            if taker != NOBODY:
                search.found = (slot, taker)
                break
        return search

    def _visit(
        self, search: Search, slot: int, pool: list[int], most: int, heavy: int, dead: bool
    ) -> tuple[list[int], int]:
        """Walk what is left of a slot's pool; give who stays unmarked in it, and who can take the slot."""
        target = self.places[slot][0]
        here = {self._holder[one]: one for one in self._of_target[target]}
        away = self._away.get(target, ())
        unmarked = []
        for number in pool:
            if number in search.marked or (dead and self._dead_names[number]) or self._load[number] == heavy:
                continue
            if number in away:
                unmarked.append(number)
            elif number in here:
                unmarked.append(number)
                self._reach(search, here[number], slot, number, dead)
            else:
                search.marked.add(number)
                if self._room[number] > 0 and self._load[number] <= most:
                    return unmarked, number
                for held in self._held[number]:
                    self._reach(search, held, slot, number, dead)
        return unmarked, NOBODY

    def _reach(self, search: Search, slot: int, by_slot: int, by_number: int, dead: bool) -> None:
        if slot not in search.parent and not (dead and self._dead_slots[slot]):
            search.parent[slot] = (by_slot, by_number)
            search.queue.append(slot)

    def _apply(self, search: Search) -> None:
        """Move everybody along the path that was found; who held its root, if anybody, has one visit less."""
        assert search.found is not None
        moves = [search.found]
        while moves[-1][0] in search.parent:
            moves.append(search.parent[moves[-1][0]])
        for slot, _ in moves:
            self._take_away(slot)
        for slot, number in moves:
            self._give(slot, number)

    def _bury(self, search: Search, roots: Iterable[int]) -> None:
        """Leave out of all later searches what a failed one went through."""
        for number in search.marked:
            self._dead_names[number] = True
        for slot in chain(roots, search.queue):
            self._dead_slots[slot] = True

    def _slots_at(self, load: int) -> list[int]:
        """List the slots held by inspectors of one load, in slot order."""
        return sorted(slot for number, held in enumerate(self._held) if self._load[number] == load for slot in held)

    def _still_at(self, slots: list[int], load: int) -> Iterator[int]:
        """Leave out the slots of those who have been relieved since, and those that lead nowhere."""
        return (slot for slot in slots if not self._dead_slots[slot] and self._load[self._holder[slot]] == load)
