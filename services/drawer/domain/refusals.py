"""
What every refusal of the draw has in common, and the remarks that refuse nothing.

Each refusal stands beside the rule that raises it. Its ``code`` is stable, and ``says`` names its facts, so that
whoever writes the sentences can list them all: ``for refusal in all_refusals(): refusal.code, refusal.says``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from runtime.errors import Rejected, Unreadable

REMARKS: Mapping[str, tuple[str, ...]] = {
    # Said aloud in the record, not forbidden (JIDRAW/1 section 4).
    "draw.said.short_notice": ("hours", "minutes"),
    "draw.said.keys_with_operator": ("own",),
    "draw.said.no_witness": (),
    "draw.said.named_not_drawn": ("selection", "class", "size", "drawn"),
    # Why an agency could not send its teams under every draw (feasibility report).
    "draw.short.officers": ("agency", "stratum", "needed", "there"),
    "draw.short.labels": ("agency", "stratum", "labels", "needed", "there"),
    "draw.short.caps": ("agency", "stratum", "needed", "there"),
    "draw.short.recusals": ("agency", "stratum", "needed", "there", "entity", "entities"),
    "draw.short.capacity": ("agency", "labels", "recused", "needed", "there"),
    # What is wrong with a list of targets and teams drawn elsewhere, row by row (domain.elsewhere).
    "draw.import.column_missing": ("column",),
    "draw.import.no_rows": (),
    "draw.import.cell_empty": ("column",),
    "draw.import.target_unknown": ("target",),
    "draw.import.agency_unknown": ("written",),
    "draw.import.agency_without_items": ("agency", "target"),
    "draw.import.agency_missing": ("agencies", "target"),
    "draw.import.row_doubled": ("agency", "target", "first"),
    "draw.import.officer_unknown": ("officer", "agency"),
    "draw.import.officer_left_out": ("officer", "left_out"),
    "draw.import.officer_recused": ("officer", "target"),
    "draw.import.officer_twice": ("officer",),
    "draw.import.officer_over_cap": ("officer", "visits", "cap"),
    "draw.import.officers_too_few": ("needed", "there"),
    "draw.import.labels_missing": ("labels",),
    "draw.import.leader_not_in_team": ("officer",),
    "draw.import.number_differs": ("class", "drawn", "planned"),
    "draw.short.days": ("agency", "needed", "there", "day", "days", "officers"),
    # What is tight without stopping a draw.
    "draw.days.binding": ("agency", "day", "there", "officers", "days", "idle", "visits"),
}
"""Code of every remark, with the names of its facts."""


@dataclass(frozen=True)
class Remark:
    """Something to be said about a draw without stopping the call: a stable code, and the facts behind it."""

    code: str
    facts: Mapping[str, object]


def remark(code: str, facts: Mapping[str, object]) -> Remark:
    """Make a remark of the list above; the facts come in the order in which the list names them."""
    return Remark(code, {name: facts[name] for name in REMARKS[code]})


class DrawRefused(Rejected):
    """A rule of the draw said no."""

    code = "draw.refused"
    says: ClassVar[tuple[str, ...]] = ()


class DrawUnreadable(Unreadable):
    """A document of the draw cannot be understood."""

    code = "draw.unreadable"
    says: ClassVar[tuple[str, ...]] = ()


Refusal = type[DrawRefused] | type[DrawUnreadable]


def all_refusals() -> Iterator[Refusal]:
    """List every refusal of the drawer's domain that can be raised; its modules must have been imported."""
    yield from _leaves(DrawRefused)
    yield from _leaves(DrawUnreadable)


def _leaves(parent: Refusal) -> Iterator[Refusal]:
    for child in parent.__subclasses__():
        yield child
        yield from _leaves(child)
