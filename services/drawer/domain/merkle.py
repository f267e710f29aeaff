"""
Tree hashes: one digest for a list, and a short path that shows one member of it.

RFC 6962 section 2.1: leaf H(0x00‖x), node H(0x01‖left‖right); an odd node is promoted. Nothing hashes to H("").
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.drawer.domain.encoding import Hash


@dataclass(frozen=True)
class Path:
    """The way from one leaf to the root: its place, the number of leaves, and the neighbours met, lowest first."""

    index: int
    size: int
    neighbours: tuple[bytes, ...]

    def as_json(self) -> dict[str, object]:
        """Give the form in which a path is handed out."""
        return {"index": self.index, "size": self.size, "neighbours": [one.hex() for one in self.neighbours]}


def leaf_hash(h: Hash, data: bytes) -> bytes:
    """Hash one leaf's data."""
    return h(b"\x00" + data)


def root_of_leaves(h: Hash, leaves: Sequence[bytes]) -> bytes:
    """Work out the root over leaf hashes already made, for lists whose data is too large to hold."""
    level = list(leaves)
    while len(level) > 1:
        level = _next_level(h, level)
    return level[0] if level else h(b"")


def root(h: Hash, data: Sequence[bytes]) -> bytes:
    """Work out the tree hash of a list of byte strings, in the order given."""
    return root_of_leaves(h, [leaf_hash(h, item) for item in data])


def path_to(h: Hash, data: Sequence[bytes], index: int) -> Path:
    """Collect what the holder of member *index* needs to work out the root, 0 <= index < len(data)."""
    return path_of_leaves(h, [leaf_hash(h, item) for item in data], index)


def path_of_leaves(h: Hash, leaves: Sequence[bytes], index: int) -> Path:
    """Collect the same from leaf hashes already made."""
    level = list(leaves)
    neighbours = []
    place = index
    while len(level) > 1:
        neighbour = place ^ 1
        if neighbour < len(level):  # else the node is promoted alone
            neighbours.append(level[neighbour])
        level = _next_level(h, level)
        place //= 2
    return Path(index, len(leaves), tuple(neighbours))


def root_by_path(h: Hash, data: bytes, path: Path) -> bytes | None:
    """Work out the root that *data* at the end of *path* would have; None where the path cannot be one."""
    place, width = path.index, path.size
    if not 0 <= place < width:
        return None
    node = leaf_hash(h, data)
    left = list(path.neighbours)
    while width > 1:
        if place ^ 1 < width:
            if not left:
                return None
            neighbour = left.pop(0)
            node = _node(h, neighbour, node) if place % 2 else _node(h, node, neighbour)
        place, width = place // 2, (width + 1) // 2
    return None if left else node


def _node(h: Hash, left: bytes, right: bytes) -> bytes:
    return h(b"\x01" + left + right)


def _next_level(h: Hash, level: list[bytes]) -> list[bytes]:
    pairs = [_node(h, level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return pairs + level[len(level) - len(level) % 2 :]
