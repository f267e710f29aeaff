"""
What stands after the draw, and after each closed round: who is visited, by whom, and who may never be drawn again.

Source: JIDRAW/1 section 11.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from services.drawer.domain.frame import Kind
from services.drawer.domain.selection import Selected
from services.drawer.domain.teams import Team
from services.drawer.domain.visits import Work


@dataclass(frozen=True)
class Standing:
    """Everything a round starts from. Mappings are by agency, every agency listed, unless they say otherwise."""

    seed: bytes
    beacon_time: int
    selected: Selected
    """By selection and stratum: who is drawn now."""
    ever: Mapping[str, frozenset[str]]
    """By selection: who was drawn in it at any time."""
    kinds: Mapping[str, Kind]
    """By id: the kind of everybody ever drawn."""
    work: Work
    assigned: Mapping[str, Mapping[str, Team]]
    recused: Mapping[str, frozenset[tuple[str, str]]]
    """(inspector, target) pairs: the roster's recusals, and the drop-outs since."""
    removed: frozenset[str] = frozenset()

    @cached_property
    def strata(self) -> dict[str, str]:
        """By id: the stratum of everybody who is drawn now."""
        return {one: stratum for strata in self.selected.values() for stratum, ids in strata.items() for one in ids}


def after_draw(
    seed: bytes,
    beacon_time: int,
    selected: Selected,
    kinds: Mapping[str, Kind],
    work: Work,
    assigned: Mapping[str, Mapping[str, Team]],
    recused: Mapping[str, frozenset[tuple[str, str]]],
) -> Standing:
    """Say what stands when the draw itself is done."""
    ever = {name: frozenset(one for ids in strata.values() for one in ids) for name, strata in selected.items()}
    return Standing(seed, beacon_time, selected, ever, dict(kinds), work, assigned, recused)
