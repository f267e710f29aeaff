"""
Teams (检查组): give every slot of every target of one agency an inspector, complete where possible, and balanced.

Plain and deterministic on purpose: solvers are not reproducible across versions. Greedy by load (II), augmenting paths
for a slot that nobody is free for (III), levelling (IV), and a random order within a team (V); in a replacement round
(section 11) open slots are filled by II alone and nobody who stands is moved. How it stays quick: docs/algorithms/teams.md.
Source: JIDRAW/1 sections 11 and 12.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.drawer.domain.board import Board
from services.drawer.domain.encoding import Hash
from services.drawer.domain.roster import Officer

Labels = Sequence[str]
Team = tuple[str | None, ...]
Place = tuple[str, int]
"""A slot as it is named outside: target and index."""


@dataclass(frozen=True)
class OpenSlot:
    """A slot nobody can take; ``Teams.proof`` shows why."""

    target: str
    slot: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class OpenProof:
    """
    Why a slot stays open: the slots that could be cleared for it, and everybody who would have to take one more.

    ``marked`` are the inspectors met in the search, none of whom has room; ``reached`` the slots (target, index) whose
    holders were asked to move, at the indexes they had before the teams were put in order.
    """

    marked: tuple[str, ...]
    reached: tuple[Place, ...]


@dataclass(frozen=True)
class Teams:
    """The teams of one agency: inspectors by slot (None where open), and how they came about."""

    assigned: Mapping[str, Team]
    open: tuple[OpenSlot, ...]
    augmentations: int
    levellings: int
    loads: Mapping[str, int]
    _board: Board = field(repr=False, compare=False)

    def proof(self, slot: OpenSlot) -> OpenProof:
        """Show that nobody can take an open slot: the search for it is made again, over who stands now."""
        # Nobody who moved later could come from where the failed search went, or it would have ended there.
        group = frozenset(slot.labels)
        number = next(one for one in self._board.open_slots(slot.target) if self._board.labels_of(one) == group)
        search = self._board.search((number,))
        names, places = self._board.names, self._board.places
        return OpenProof(
            tuple(sorted(names[one] for one in search.marked)),
            tuple(places[one] for one in sorted({number, *search.parent})),
        )


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
    board = Board(h, key, targets, roster, recused)
    augmentations = 0
    for slot in range(len(board.places)):
        if not board.take_lightest(slot):
            augmentations += board.take_by_moving(slot)
    levellings = board.level()
    return _teams(
        board, {target: board.standing(target) for target in sorted(targets)}, targets, (), augmentations, levellings
    )


def refill(
    h: Hash,
    key: bytes,
    targets: Mapping[str, Sequence[Labels]],
    roster: Mapping[str, Officer],
    recused: Iterable[tuple[str, str]],
    standing: Mapping[str, Team],
    vacated: Collection[Place],
) -> Teams:
    """
    Fill what a replacement round left open, and move nobody who stands.

    Args:
        key: The agency's team key under the round's seed.
        targets: All targets there are after the round; those not in *standing* are new.
        recused: The recusals, to which the pairs that dropped out have been added.
        standing: The teams that stand, with None where somebody dropped out or nobody ever was.
        vacated: The places of those who dropped out; other open places of *standing* stay open.
    """
    board = Board(h, key, targets, roster, recused)
    for slot, (target, index) in enumerate(board.places):
        name = standing[target][index] if target in standing else None
        if name is not None:
            board.seat(slot, name)
    for slot, (target, index) in enumerate(board.places):
        if target not in standing or (target, index) in vacated:
            board.take_lightest(slot)
    return _teams(board, {target: board.standing(target) for target in sorted(targets)}, targets, standing, 0, 0)


def _teams(
    board: Board,
    standing: Mapping[str, Team],
    targets: Mapping[str, Sequence[Labels]],
    in_order: Collection[str],
    augmentations: int,
    levellings: int,
) -> Teams:
    assigned = {
        target: team if target in in_order else in_team_order(board.hash, target, team, targets[target])
        for target, team in standing.items()
    }
    loads = {name: board.load(number) for name, number in sorted(board.number.items())}
    return Teams(assigned, tuple(_open_slots(assigned, targets)), augmentations, levellings, loads, board)


def in_team_order(
    hash_of: Callable[[str], bytes], target: str, standing: Sequence[str | None], wanted: Sequence[Labels]
) -> Team:
    """Put the inspectors of a target's like slots into the order of step V, open slots last."""
    team: list[str | None] = [None] * len(wanted)
    for indexes in _like_slots(wanted):
        names = [name for name in map(standing.__getitem__, indexes) if name is not None]
        if len(indexes) > 1:
            names.sort(key=lambda name: hash_of(f"s|{target}|{name}"))
        for index, name in zip(indexes, names, strict=False):
            team[index] = name
    return tuple(team)


def _like_slots(wanted: Sequence[Labels]) -> Iterable[list[int]]:
    """Group the slots of a target by their label sets; indexes ascending."""
    groups: dict[frozenset[str], list[int]] = {}
    for index, labels in enumerate(wanted):
        groups.setdefault(frozenset(labels), []).append(index)
    return groups.values()


def _open_slots(assigned: Mapping[str, Team], targets: Mapping[str, Sequence[Labels]]) -> Iterator[OpenSlot]:
    for target, team in assigned.items():
        if None in team:
            for index, name in enumerate(team):
                if name is None:
                    yield OpenSlot(target, index, tuple(sorted(set(targets[target][index]))))
