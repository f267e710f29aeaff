"""
The sampling frame (抽样框): who may be drawn, who is left out and why, and the file the draw is run on (JIDRAW/1 section 2).

Names, addresses and risk classes are no part of it: a stratum is an opaque class code and a category.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from runtime.errors import Rejected
from services.planner.domain.credit_code import is_identifier
from services.planner.domain.ratios import DrawClass

ACTIVE = "active"
STATES = (ACTIVE, "deregistered", "revoked", "moved_out", "closed")


class FrameEmpty(Rejected):
    """No target of the register fits the conditions, so there is nothing to draw from."""

    code = "frame.empty"


class FirstStageLeftOut(Rejected):
    """Of the targets of a first stage some cannot be visited: gone from the register, or no item applies to them."""

    code = "frame.first_stage_left_out"


class FrameIdImpossible(Rejected):
    """An id could not be written into the frame file: only ASCII letters, digits, ``.``, ``_`` and ``-``, 64 at most."""

    code = "frame.id_impossible"


class FrameIdTwice(Rejected):
    """The same target stands in the frame twice."""

    code = "frame.id_twice"


@dataclass(frozen=True)
class Candidate:
    """A target (检查对象) as it stood in the register on the day of the freeze."""

    target: str
    category: str
    district: str
    labels: frozenset[str] = frozenset()
    established_on: date | None = None
    state: str = ACTIVE


@dataclass(frozen=True)
class Line:
    """An inspection item as a line of the draw: whose it is and to which categories it applies."""

    item: str
    agency: str
    categories: frozenset[str]


@dataclass(frozen=True)
class Conditions:
    """What narrows the frame; an empty tuple or None sets no condition."""

    categories: tuple[str, ...]
    districts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()  # at least one of them
    established_before: date | None = None

    def reason_against(self, one: Candidate, drawn: Collection[str]) -> str | None:
        """Return why *one* stays out, or None. The first reason that holds is the one on record."""
        if one.state != ACTIVE:
            return one.state
        if one.category not in self.categories:
            return "not_in_trade"
        if self.districts and one.district not in self.districts:
            return "other_district"
        if self.labels and one.labels.isdisjoint(self.labels):
            return "label_missing"
        if self.established_before is not None and (
            one.established_on is None or one.established_on >= self.established_before
        ):
            return "established_too_late"
        if one.target in drawn:
            return "already_drawn"
        return None


@dataclass(frozen=True)
class Entity:
    """A row of the frame before it is written: id, category and the lines that apply."""

    target: str
    category: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Selected:
    """Who is in the frame, and who is not with the reason, both ascending by id."""

    entities: tuple[Entity, ...]
    excluded: tuple[tuple[str, str], ...]

    def sizes(self, categories: Sequence[str]) -> dict[str, int]:
        """Count the entities by category; every category of the campaign appears, perhaps with 0."""
        found = dict.fromkeys(sorted(categories), 0)
        for entity in self.entities:
            found[entity.category] += 1
        return found


def select(
    candidates: Sequence[Candidate], conditions: Conditions, lines: Sequence[Line], drawn: Collection[str] = ()
) -> Selected:
    """
    Choose the eligible part of the register.

    Raises:
        FrameIdImpossible, FrameIdTwice: the register holds an id no draw could use.
    """
    entities: list[Entity] = []
    excluded: list[tuple[str, str]] = []
    applicable: dict[str, tuple[str, ...]] = {
        category: tuple(sorted(line.item for line in lines if category in line.categories))
        for category in conditions.categories
    }
    seen: set[str] = set()
    for one in sorted(candidates, key=lambda candidate: candidate.target):
        if not is_identifier(one.target):
            raise FrameIdImpossible(target=ascii(one.target))
        if one.target in seen:
            raise FrameIdTwice(target=one.target)
        seen.add(one.target)
        reason = conditions.reason_against(one, drawn)
        if reason is None and not applicable[one.category]:
            reason = "no_line_applies"
        if reason is None:
            entities.append(Entity(one.target, one.category, applicable[one.category]))
        else:
            excluded.append((one.target, reason))
    return Selected(tuple(entities), tuple(excluded))


def require_entities(selected: Selected) -> None:
    """Refuse a frame without a single target."""
    if not selected.entities:
        raise FrameEmpty(excluded=len(selected.excluded))


def require_first_stage(selected: Selected, first: Collection[str]) -> None:
    """Refuse the frame of a staged campaign (分段式) that is not exactly the targets of its first stage."""
    if missing := sorted(set(first) - {entity.target for entity in selected.entities}):
        raise FirstStageLeftOut(missing=len(missing), drawn=len(first), targets=", ".join(missing[:10]))


def write_frame(entities: Sequence[Entity], layout: Sequence[DrawClass]) -> bytes:
    """
    Write the frame file: ``id TAB class/category TAB lines LF``, ascending by id, no header, no BOM.

    *entities* come ascending from `select`; *layout* tells which class each category is a cell of.
    """
    stratum: Mapping[str, str] = {cell: f"{each.code}/{cell}" for each in layout for cell in each.categories}
    rows = [f"{entity.target}\t{stratum[entity.category]}\t{','.join(entity.lines)}\n" for entity in entities]
    return "".join(rows).encode("ascii")


def frame_digest(file: bytes) -> str:
    """Return H(file) as lower-case hex (SHA-256)."""
    return hashlib.sha256(file).hexdigest()
