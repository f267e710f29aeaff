"""
Visits: what each agency has to do where, and one digest over all of it that can be shown to one firm at a time.

Source: JIDRAW/1 sections 10 and 13.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.drawer.domain import merkle
from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import Hash, tagged_hash
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest import Selection
from services.drawer.domain.merkle import Path
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.teams import Team

Work = dict[str, dict[str, tuple[str, ...]]]
"""{agency: {id: lines}}: every agency is there, ids and lines ascending."""

Entry = Mapping[str, tuple[tuple[str, ...], Team]]
"""What happens at one visit: {agency: (lines, team)}."""


class VisitUnknown(DrawRefused):
    """No visit of this draw goes to that entity."""

    code = "draw.visit_unknown"
    says = ("entity",)


@dataclass(frozen=True)
class VisitProof:
    """What a visited firm gets: its own part of the visits root, and the way there."""

    entity: str
    blind: bytes
    entry: Entry
    path: Path

    def as_json(self) -> dict[str, object]:
        """Give the form in which a proof is handed out."""
        return {
            "entity": self.entity,
            "blind": self.blind.hex(),
            "entry": {agency: [list(lines), list(team)] for agency, (lines, team) in self.entry.items()},
            "path": self.path.as_json(),
        }


def work_list(
    selected: Mapping[str, Mapping[str, Iterable[str]]],
    kinds: Mapping[str, Kind],
    selections: Sequence[Selection],
    lines: Mapping[str, str],
    agencies: Iterable[str],
) -> Work:
    """
    Turn what was drawn into each agency's work: its lines that the entity carries and that drew it.

    Args:
        kinds: The kind of every entity drawn.
        lines: {line: agency}.
    """
    due: dict[str, set[str]] = {}
    for selection in selections:
        for ids in selected[selection.id].values():
            for identity in ids:
                due.setdefault(identity, set()).update(set(selection.lines) & set(kinds[identity].lines))
    work: Work = {agency: {} for agency in sorted(agencies)}
    for identity in sorted(due):
        for line in sorted(due[identity]):
            mine = work[lines[line]]
            mine[identity] = (*mine.get(identity, ()), line)
    return work


def entries(
    work: Mapping[str, Mapping[str, tuple[str, ...]]], assigned: Mapping[str, Mapping[str, Team]]
) -> dict[str, Entry]:
    """Gather the visits: one per entity, whatever the number of agencies; ids ascending."""
    found: dict[str, dict[str, tuple[tuple[str, ...], Team]]] = {}
    for agency in sorted(work):
        for identity, lines in work[agency].items():
            found.setdefault(identity, {})[agency] = (lines, assigned[agency][identity])
    return dict(sorted(found.items()))


def blind(h: Hash, seed: bytes, entity: str) -> bytes:
    """Work out the value that keeps a visit's leaf from being guessed."""
    return tagged_hash(h, "blind", seed, entity)


def leaf_data(h: Hash, blinding: bytes, entity: str, entry: Entry) -> bytes:
    """Work out the 32 bytes that stand for one visit under the visits root."""
    return tagged_hash(h, "visit", blinding, entity, canonical(dict(entry)))


def visits_root(h: Hash, seed: bytes, visits: Mapping[str, Entry]) -> bytes:
    """VR: the tree hash over all visits, sorted by their value and not by id."""
    return merkle.root(h, sorted(_values(h, seed, visits).values()))


def prove_visit(h: Hash, seed: bytes, visits: Mapping[str, Entry], entity: str) -> VisitProof:
    """Make the proof that one firm gets with its visit; it shows nothing of any other."""
    if entity not in visits:
        raise VisitUnknown(entity=entity)
    values = _values(h, seed, visits)
    leaves = sorted(values.values())
    path = merkle.path_to(h, leaves, leaves.index(values[entity]))
    return VisitProof(entity, blind(h, seed, entity), visits[entity], path)


def root_of_proof(h: Hash, proof: VisitProof) -> bytes | None:
    """Work out the visits root that a proof leads to, to be compared with the published one."""
    return merkle.root_by_path(h, leaf_data(h, proof.blind, proof.entity, proof.entry), proof.path)


def _values(h: Hash, seed: bytes, visits: Mapping[str, Entry]) -> dict[str, bytes]:
    return {entity: leaf_data(h, blind(h, seed, entity), entity, entry) for entity, entry in visits.items()}
