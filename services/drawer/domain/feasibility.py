"""
Feasibility: before the draw, whether every agency could send its teams wherever the draw may fall.

Two questions, each for the worst selection that the rules allow. Could every single target be staffed, given its slots,
labels, caps and recusals? Could all the visits an agency may get be staffed together? The second is answered by
counting demand against supply for every set of labels and every set of recused inspectors: what is reported as short
can happen (up to the overlap of plans on different sub-frames, counted as if there were none); nothing reported is
no proof for tight cases, in which a slot may stay open with its proof.
Source: issue 3 (feasibility report), JIDRAW/1 sections 9, 12 and 15.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from services.drawer.domain.encoding import class_of
from services.drawer.domain.frame import Census, Kind, sub_frame
from services.drawer.domain.manifest import Manifest, Selection
from services.drawer.domain.quota import drawn_by
from services.drawer.domain.refusals import DrawRefused, Remark, remark
from services.drawer.domain.roster import Officer, Roster

MOST_LABEL_SETS_COMBINED = 8
"""Up to so many different label sets of an agency are tried in every combination, above only one by one and all."""

Wanted = frozenset[str]


class DrawInfeasible(DrawRefused):
    """Some agency could not send its teams; ``shortages`` are the report's remarks as {code, …facts}."""

    code = "draw.infeasible"
    says = ("agencies", "shortages")


@dataclass(frozen=True)
class _Cell:
    """How many entities of one stratum may be drawn, at least and at most."""

    stratum: str
    least: int
    most: int


@dataclass(frozen=True)
class _Plan:
    """The cells of one class over which one or more selections on the same sub-frame draw."""

    selections: frozenset[str]
    cells: Mapping[str, _Cell]
    total: int


@dataclass(frozen=True)
class _Target:
    """Entities that are alike to one agency: their stratum, the selections they may be drawn in, who is recused."""

    stratum: str
    selections: frozenset[str]
    recused: frozenset[str]


@dataclass
class _Targets:
    """How many entities are alike, and the names of those somebody is recused from."""

    sizes: dict[_Target, int] = field(default_factory=dict)
    names: dict[_Target, list[str]] = field(default_factory=dict)

    def add(self, target: _Target, size: int, *names: str) -> None:
        if target.selections and size:
            self.sizes[target] = self.sizes.get(target, 0) + size
            self.names.setdefault(target, []).extend(names)


def recused_entities(rosters: Iterable[Roster]) -> frozenset[str]:
    """Collect the entities somebody is recused from: the ``watch`` that the report's census needs."""
    return frozenset(entity for roster in rosters for _, entity in roster.recused)


def report(manifest: Manifest, census: Census, rosters: Mapping[str, Roster]) -> tuple[Remark, ...]:
    """
    Say which rule binds which agency; nothing where every agency can do its part.

    Args:
        census: The frame surveyed with ``watch=recused_entities(rosters.values())``.
        rosters: By agency; a missing one counts as empty.
    """
    plans = _plans(manifest.selections, census.counts)
    found: list[Remark] = []
    for agency in sorted(manifest.agencies):
        roster = rosters.get(agency, Roster({}))
        targets = _targets(manifest, census, agency, roster, plans)
        found += _short_targets(manifest, agency, roster, targets)
        found += _short_capacity(manifest, agency, roster, targets, plans)
    return tuple(found)


def visits_at_most(manifest: Manifest, census: Census, agency: str, roster: Roster) -> int:
    """Count the most visits that may fall to an agency; *census*: as for `report`."""
    plans = _plans(manifest.selections, census.counts)
    sizes = _targets(manifest, census, agency, roster, plans).sizes
    return _Places(plans, sizes).most_visits({target.stratum: 1 for target in sizes})


def refuse_if_short(shortages: Sequence[Remark]) -> None:
    """Stop a draw in which some agency could not send its teams, naming every one and its rule."""
    if shortages:
        agencies = sorted({str(one.facts["agency"]) for one in shortages})
        raise DrawInfeasible(agencies=agencies, shortages=[{"code": one.code, **one.facts} for one in shortages])


def _plans(selections: Sequence[Selection], counts: Mapping[Kind, int]) -> list[_Plan]:
    """Group the selections by class and sub-frame: on the same one a smaller plan lies inside a larger one (§8)."""
    groups: dict[tuple[str, frozenset[Kind]], list[tuple[int, dict[str, _Cell]]]] = {}
    members: dict[tuple[str, frozenset[Kind]], list[str]] = {}
    for selection in selections:
        for entity_class, sizes in sub_frame(counts, selection.lines).items():
            size = sum(sizes.values())
            drawn = drawn_by(selection.rules[entity_class], size)
            cells = {
                stratum: _Cell(stratum, drawn * cell // size, -(-drawn * cell // size))
                for stratum, cell in sizes.items()
            }
            kinds = frozenset(kind for kind in counts if _drawn_from(kind, selection, entity_class))
            groups.setdefault((entity_class, kinds), []).append((drawn, cells))
            members.setdefault((entity_class, kinds), []).append(selection.id)
    return [_merged(frozenset(members[group]), groups[group]) for group in groups]


def _drawn_from(kind: Kind, selection: Selection, entity_class: str) -> bool:
    return class_of(kind.stratum) == entity_class and not frozenset(selection.lines).isdisjoint(kind.lines)


def _merged(selections: frozenset[str], drawn: list[tuple[int, dict[str, _Cell]]]) -> _Plan:
    first_total, first = drawn[0]
    if len(drawn) == 1:
        return _Plan(selections, first, first_total)
    cells = {stratum: _Cell(stratum, most := max(one[stratum].most for _, one in drawn), most) for stratum in first}
    return _Plan(selections, cells, sum(cell.most for cell in cells.values()))


def _targets(manifest: Manifest, census: Census, agency: str, roster: Roster, plans: Sequence[_Plan]) -> _Targets:
    """Group the entities that may become this agency's targets."""
    drawable = _drawable(plans)
    found = _Targets()
    unnamed = dict(census.counts)
    for entity, away in _recusals(roster).items():
        kind = census.watched.get(entity)
        if kind is not None:
            unnamed[kind] -= 1
            target = _Target(kind.stratum, _drawn_for(manifest, agency, kind, drawable), frozenset(away))
            found.add(target, 1, entity)
    for kind, size in unnamed.items():
        found.add(_Target(kind.stratum, _drawn_for(manifest, agency, kind, drawable), frozenset()), size)
    return found


def _recusals(roster: Roster) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, entity in sorted(roster.recused, key=lambda pair: pair[1]):
        found.setdefault(entity, set()).add(name)
    return found


def _drawable(plans: Sequence[_Plan]) -> set[tuple[str, str]]:
    return {
        (selection, cell.stratum)
        for plan in plans
        for selection in plan.selections
        for cell in plan.cells.values()
        if cell.most
    }


def _drawn_for(manifest: Manifest, agency: str, kind: Kind, drawable: set[tuple[str, str]]) -> frozenset[str]:
    """Name the selections that may draw an entity of this kind for this agency."""
    mine = {line for line in kind.lines if manifest.lines.get(line) == agency}
    return frozenset(
        selection.id
        for selection in manifest.selections
        if not mine.isdisjoint(selection.lines) and (selection.id, kind.stratum) in drawable
    )


def _slots(manifest: Manifest, agency: str, stratum: str) -> list[Wanted]:
    return [frozenset(labels) for labels in manifest.slots_of(agency, stratum) or ()]


def _short_targets(manifest: Manifest, agency: str, roster: Roster, targets: _Targets) -> Iterator[Remark]:
    """Go through the single targets; one remark per stratum, which names the target with the fewest left."""
    by_stratum: dict[str, list[_Target]] = {}
    for target in targets.sizes:
        by_stratum.setdefault(target.stratum, []).append(target)
    for stratum, alike in sorted(by_stratum.items()):
        slots = _slots(manifest, agency, stratum)
        facts: dict[str, object] = {"agency": agency, "stratum": stratum}
        shortage = _short_roster(slots, roster.officers)
        if shortage is not None:
            yield remark(shortage[0], facts | shortage[1])
            continue
        hindered = [(target, _short_by_recusal(slots, roster, target.recused)) for target in alike]
        hit = [(target, short) for target, short in hindered if short is not None]
        if hit:
            target, (needed, there) = min(hit, key=lambda one: (one[1][1] - one[1][0], one[1][1]))
            entities = sum(len(targets.names[one]) for one, _ in hit)
            counted = {"needed": needed, "there": there, "entity": min(targets.names[target]), "entities": entities}
            yield remark("draw.short.recusals", facts | counted)


def _short_roster(slots: Sequence[Wanted], officers: Mapping[str, Officer]) -> tuple[str, dict[str, object]] | None:
    """Say which of head count, labels and caps keeps one target from being staffed, recusals apart."""
    if len(officers) < len(slots):
        return "draw.short.officers", {"needed": len(slots), "there": len(officers)}
    everybody = {name: frozenset(officer.labels) for name, officer in officers.items()}
    short = unstaffed(slots, everybody)
    if short is not None:
        missing = sorted({tuple(sorted(labels)) for labels in short[2]})
        labels = [list(one) for one in missing]
        return "draw.short.labels", {"labels": labels, "needed": short[0], "there": short[1]}
    short = unstaffed(slots, {name: everybody[name] for name, officer in officers.items() if officer.cap})
    return None if short is None else ("draw.short.caps", {"needed": short[0], "there": short[1]})


def _short_by_recusal(slots: Sequence[Wanted], roster: Roster, away: frozenset[str]) -> tuple[int, int] | None:
    there = {
        name: frozenset(officer.labels) for name, officer in roster.officers.items() if officer.cap and name not in away
    }
    short = unstaffed(slots, there)
    return None if short is None else short[:2]


def unstaffed(slots: Sequence[Wanted], there: Mapping[str, Wanted]) -> tuple[int, int, list[Wanted]] | None:
    """
    Match the slots of one target with different people; None where it works out.

    Returns:
        So many slots, for which only so many people will do, and what those slots ask for.
    """
    there, slot_of = dict(sorted(there.items())), dict[str, int]()
    for slot in range(len(slots)):
        met: set[str] = set()
        if not _seat(slots, there, slot, slot_of, met):
            stuck = [slot, *(slot_of[name] for name in met)]
            return len(stuck), len(met), [slots[one] for one in stuck]
    return None


def _seat(
    slots: Sequence[Wanted], there: Mapping[str, Wanted], slot: int, slot_of: dict[str, int], met: set[str]
) -> bool:
    for name in there:
        if name not in met and slots[slot] <= there[name]:
            met.add(name)
            if name not in slot_of or _seat(slots, there, slot_of[name], slot_of, met):
                slot_of[name] = slot
                return True
    return False


def _short_capacity(
    manifest: Manifest, agency: str, roster: Roster, targets: _Targets, plans: Sequence[_Plan]
) -> Iterator[Remark]:
    """Hold all visits an agency may get against what its inspectors may take on; one remark, the largest gap."""
    slots = {target.stratum: _slots(manifest, agency, target.stratum) for target in targets.sizes}
    combined = _combined({labels for wanted in slots.values() for labels in wanted})
    widest: tuple[int, dict[str, object]] = (0, {})
    for away in sorted({target.recused for target in targets.sizes} | {frozenset()}, key=sorted):
        there = _Places(plans, {target: size for target, size in targets.sizes.items() if away <= target.recused})
        for labels in combined:
            weight = {stratum: sum(one in labels for one in wanted) for stratum, wanted in slots.items()}
            needed = there.most_visits(weight)
            supply = _supply(roster, labels, away, there.most_visits({at: min(one, 1) for at, one in weight.items()}))
            facts = {"labels": sorted(map(sorted, labels)), "recused": len(away), "needed": needed, "there": supply}
            widest = max(widest, (needed - supply, facts), key=lambda gap: gap[0])
    if widest[0]:
        yield remark("draw.short.capacity", {"agency": agency} | widest[1])


def _combined(wanted: set[Wanted]) -> list[frozenset[Wanted]]:
    ordered = sorted(wanted, key=sorted)
    sizes = range(1, len(ordered) + 1) if len(ordered) <= MOST_LABEL_SETS_COMBINED else (1, len(ordered))
    return [frozenset(some) for size in sizes for some in combinations(ordered, size)]


def _supply(roster: Roster, labels: frozenset[Wanted], away: frozenset[str], targets: int) -> int:
    """Add up what everybody who will do for one of *labels* may take on: once per target, at most the cap."""
    return sum(
        min(officer.cap, targets)
        for name, officer in roster.officers.items()
        if name not in away and any(one <= frozenset(officer.labels) for one in labels)
    )


class _Places:
    """Where the entities of a few targets stand in the plans, and how many of them one selection can hit at most."""

    def __init__(self, plans: Sequence[_Plan], sizes: Mapping[_Target, int]) -> None:
        self.plans, self.sizes = plans, sizes
        self.of_plan: list[dict[str, int]] = [{} for _ in plans]
        for target, size in sizes.items():
            for plan, held in zip(plans, self.of_plan, strict=True):
                if target.stratum in plan.cells and target.selections & plan.selections:
                    held[target.stratum] = held.get(target.stratum, 0) + size

    def most_visits(self, weight: Mapping[str, int]) -> int:
        """Add up the visits of the worst selection, each counted by its stratum's weight."""
        everywhere = sum(size * weight[target.stratum] for target, size in self.sizes.items())
        planned = (_most_of_plan(plan, held, weight) for plan, held in zip(self.plans, self.of_plan, strict=True))
        return min(everywhere, sum(planned))


def _most_of_plan(plan: _Plan, held: Mapping[str, int], weight: Mapping[str, int]) -> int:
    sure, extras = 0, []
    for stratum, size in held.items():
        cell = plan.cells[stratum]
        sure += weight[stratum] * min(cell.least, size)
        if cell.least < min(cell.most, size):
            extras.append(weight[stratum])
    left = plan.total - sum(cell.least for cell in plan.cells.values())
    return sure + sum(sorted(extras, reverse=True)[:left])
