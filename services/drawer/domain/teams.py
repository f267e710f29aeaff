"""
Teams (检查组): give every slot of every target of one agency an inspector, complete where possible, and balanced.

Plain and deterministic on purpose: solvers are not reproducible across versions. Greedy by load (II), augmenting paths
for a slot that nobody is free for (III), levelling (IV), and a random order within a team (V).
Source: JIDRAW/1 section 12.
"""

import heapq
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from services.drawer.domain.encoding import Hash
from services.drawer.domain.roster import Officer
from services.drawer.domain.ticket import keyed

Labels = Sequence[str]
Team = tuple[str | None, ...]


@dataclass(frozen=True)
class OpenSlot:
    """
    A slot nobody can take, with the proof: everybody who could be reached has no room.

    ``marked`` are the inspectors met in the search, ``reached`` the slots [target, index] whose holders were asked
    to move; indexes in ``reached`` are those before the team was put in order.
    """

    target: str
    slot: int
    labels: tuple[str, ...]
    marked: tuple[str, ...]
    reached: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Teams:
    """The teams of one agency: inspectors by slot (None where open), and how they came about."""

    assigned: Mapping[str, Team]
    open: tuple[OpenSlot, ...]
    augmentations: int
    levellings: int
    loads: Mapping[str, int]


@dataclass(frozen=True)
class _Slot:
    target: str
    index: int
    labels: frozenset[str]


@dataclass
class _Search:
    """One breadth-first search: how each slot was reached, who was met, and where it succeeded."""

    queue: list[int]
    marked: set[str]
    parent: dict[int, tuple[int, str]] = field(default_factory=dict)
    found: tuple[int, str] | None = None


class _Board:
    """Who holds which slot. Slots are numbered in slot order, so that comparing numbers compares places in it."""

    def __init__(
        self,
        h: Hash,
        key: bytes,
        targets: Mapping[str, Sequence[Labels]],
        roster: Mapping[str, Officer],
        recused: Iterable[tuple[str, str]],
    ) -> None:
        self.h, self.key, self.roster = h, key, roster
        self.recused = frozenset(recused)
        self.ranked = sorted(roster, key=lambda name: self.hash(f"o|{name}"))
        labels_of = {name: frozenset(officer.labels) for name, officer in roster.items()}
        wanted = {frozenset(labels) for slots in targets.values() for labels in slots}
        self.pools = {labels: [name for name in self.ranked if labels <= labels_of[name]] for labels in wanted}
        self.slots = self._in_slot_order(targets)
        self.number = {(slot.target, slot.index): number for number, slot in enumerate(self.slots)}
        self.holder: list[str | None] = [None] * len(self.slots)
        self.held: dict[str, list[int]] = {name: [] for name in roster}
        self.at: dict[tuple[str, str], int] = {}
        lowest = min((officer.base_load for officer in roster.values()), default=0)
        self.start = {name: min(officer.base_load - lowest, 1) for name, officer in roster.items()}
        self.free = {labels: self._heap(pool) for labels, pool in self.pools.items()}

    def hash(self, text: str) -> bytes:
        return keyed(self.h, self.key, text)

    def load(self, name: str) -> int:
        return self.start[name] + len(self.held[name])

    def has_room(self, name: str) -> bool:
        return len(self.held[name]) < self.roster[name].cap

    def fits(self, name: str, slot: int) -> bool:
        """Tell whether an inspector of the slot's pool may go to its target and is not there already."""
        target = self.slots[slot].target
        return (name, target) not in self.recused and (name, target) not in self.at

    def give(self, slot: int, name: str) -> None:
        self.holder[slot] = name
        insort(self.held[name], slot)
        self.at[name, self.slots[slot].target] = slot

    def take_away(self, slot: int, name: str) -> None:
        self.holder[slot] = None
        self.held[name].remove(slot)
        del self.at[name, self.slots[slot].target]

    def lightest(self, slot: int) -> str | None:
        """Find the inspector with the smallest (load, card, id) who is free for a slot (step II)."""
        heap = self.free[self.slots[slot].labels]
        passed_over = []
        found = None
        while heap and found is None:
            load, _, name = heap[0]
            if not self.has_room(name):
                heapq.heappop(heap)  # for good: in steps II and III nobody's number of visits falls
            elif load != self.load(name):
                heapq.heapreplace(heap, self._card(name))
            elif self.fits(name, slot):
                found = name
            else:
                passed_over.append(heapq.heappop(heap))
        for entry in passed_over:
            heapq.heappush(heap, entry)
        return found

    def search(self, search: _Search, succeeds: Callable[[str], bool]) -> _Search:
        """Walk from the queued slots to the first inspector who *succeeds* (steps III and IV)."""
        # Whoever was met is marked and passed over ever after, so each pool is walked once: what is left of it are
        # those who were passed over unmarked, in rank order.
        left = dict[frozenset[str], list[str]]()
        for slot in search.queue:  # grows while it is walked
            labels = self.slots[slot].labels
            left[labels] = self._visit(search, slot, left.get(labels, self.pools[labels]), succeeds)
            if search.found is not None:
                break
        return search

    def _visit(self, search: _Search, slot: int, names: list[str], succeeds: Callable[[str], bool]) -> list[str]:
        target = self.slots[slot].target
        unmarked = []
        for name in names:
            if name in search.marked:
                continue
            if (name, target) in self.recused:
                unmarked.append(name)
            elif (name, target) in self.at:
                unmarked.append(name)
                self._reach(search, self.at[name, target], slot, name)
            else:
                search.marked.add(name)
                if succeeds(name):
                    search.found = (slot, name)
                    break
                for held in self.held[name]:
                    self._reach(search, held, slot, name)
        return unmarked

    def _reach(self, search: _Search, slot: int, by_slot: int, by_name: str) -> None:
        if slot not in search.parent:
            search.parent[slot] = (by_slot, by_name)
            search.queue.append(slot)

    def apply(self, search: _Search, found: tuple[int, str], roots: frozenset[int]) -> None:
        """Move everybody along the path that ended at *found*; a root that was held loses its holder."""
        moves = [found]
        while moves[-1][0] not in roots:
            moves.append(search.parent[moves[-1][0]])
        for slot, _ in moves:
            holder = self.holder[slot]
            if holder is not None:
                self.take_away(slot, holder)
        for slot, name in moves:
            self.give(slot, name)

    def _card(self, name: str) -> tuple[int, bytes, str]:
        load = self.load(name)
        return load, self.hash(f"i|{name}|{load}"), name

    def _heap(self, pool: Iterable[str]) -> list[tuple[int, bytes, str]]:
        heap = [self._card(name) for name in pool]
        heapq.heapify(heap)
        return heap

    def _in_slot_order(self, targets: Mapping[str, Sequence[Labels]]) -> list[_Slot]:
        place = {target: self.hash(f"t|{target}") for target in targets}
        slots = [
            _Slot(target, index, frozenset(labels))
            for target, wanted in targets.items()
            for index, labels in enumerate(wanted)
        ]
        return sorted(slots, key=lambda one: (len(self.pools[one.labels]), place[one.target], one.target, one.index))


def match(
    h: Hash,
    key: bytes,
    targets: Mapping[str, Sequence[Labels]],
    roster: Mapping[str, Officer],
    recused: Iterable[tuple[str, str]] = (),
) -> Teams:
    """
    Send the inspectors of one agency to its targets.

    Args:
        key: The agency's team key (``ticket.team_key``).
        targets: The labels each slot of each target asks for, slots by index.
        roster: The agency's inspectors.
        recused: (inspector, target) pairs that must not meet.

    Returns:
        The same teams on every machine: as many slots filled as can be, nobody above the cap, loads as even as the
        labels and recusals let them be.
    """
    board = _Board(h, key, targets, roster, recused)
    augmentations, failed = _fill(board)
    levellings = 0
    while _level_once(board):
        levellings += 1
    assigned = {target: _in_team_order(board, target, targets[target]) for target in sorted(targets)}
    return Teams(
        assigned,
        tuple(sorted(_open_slots(board, assigned, targets, failed), key=lambda one: (one.target, one.slot))),
        augmentations,
        levellings,
        {name: board.load(name) for name in sorted(roster)},
    )


def _fill(board: _Board) -> tuple[int, dict[int, _Search]]:
    """Take steps II and III, slot by slot; say how many slots needed a path, and which searches failed."""
    augmentations, failed = 0, dict[int, _Search]()
    for slot in range(len(board.slots)):
        name = board.lightest(slot)
        if name is not None:
            board.give(slot, name)
            continue
        root = {slot: (-1, "")}
        search = board.search(_Search([slot], set(), root), board.has_room)
        if search.found is None:
            failed[slot] = search
        else:
            board.apply(search, search.found, frozenset([slot]))
            augmentations += 1
    return augmentations, failed


def _level_once(board: _Board) -> bool:
    """Take one step IV: move one visit from the heaviest inspectors that can be relieved; tell whether one could."""
    loads = {name: board.load(name) for name in board.roster}
    with_room = [loads[name] for name in loads if board.has_room(name)]
    if not with_room:
        return False
    for load in range(max(loads.values()), min(with_room) + 1, -1):
        heavy = {name for name in loads if loads[name] == load}
        roots = sorted(slot for name in heavy for slot in board.held[name])
        parents = dict.fromkeys(roots, (-1, ""))
        search = board.search(_Search(list(roots), heavy, parents), partial(_may_relieve, board, loads, load - 2))
        if search.found is not None:
            board.apply(search, search.found, frozenset(roots))
            return True
    return False


def _may_relieve(board: _Board, loads: Mapping[str, int], most: int, name: str) -> bool:
    return loads[name] <= most and board.has_room(name)


def _in_team_order(board: _Board, target: str, wanted: Sequence[Labels]) -> Team:
    """Put the inspectors of a target's like slots into the order of step V, open slots last."""
    standing = [board.holder[board.number[target, index]] for index in range(len(wanted))]
    team: list[str | None] = [None] * len(wanted)
    for indexes in _like_slots(wanted):
        names = [name for name in map(standing.__getitem__, indexes) if name is not None]
        names.sort(key=lambda name: board.hash(f"s|{target}|{name}"))
        for index, name in zip(indexes, names, strict=False):
            team[index] = name
    return tuple(team)


def _like_slots(wanted: Sequence[Labels]) -> list[list[int]]:
    """Group the slots of a target by their label sets; indexes ascending."""
    groups: dict[frozenset[str], list[int]] = {}
    for index, labels in enumerate(wanted):
        groups.setdefault(frozenset(labels), []).append(index)
    return list(groups.values())


def _open_slots(
    board: _Board,
    assigned: Mapping[str, Team],
    targets: Mapping[str, Sequence[Labels]],
    failed: Mapping[int, _Search],
) -> Iterator[OpenSlot]:
    """Name each open slot where it stands after step V, with the search that failed for it."""
    places = {
        (target, frozenset(wanted[index])): [index for index in indexes if assigned[target][index] is None]
        for target, wanted in targets.items()
        for indexes in _like_slots(wanted)
        for index in indexes[:1]
    }
    for number in sorted(failed):
        slot, search = board.slots[number], failed[number]
        yield OpenSlot(
            slot.target,
            places[slot.target, slot.labels].pop(0),
            tuple(sorted(slot.labels)),
            tuple(sorted(search.marked)),
            tuple((board.slots[reached].target, board.slots[reached].index) for reached in sorted(search.parent)),
        )
