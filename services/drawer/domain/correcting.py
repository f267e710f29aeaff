"""
A correction of an imported draw (更正导入): what a mistyped list, put right, changes among the visits.

Nothing is drawn anew: the list said something else than was drawn elsewhere. Visits of targets that stand in both lists
stay; a target that should never have stood there gives its place to the one that should, of the same class.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runtime.errors import Conflict, Rejected
from services.drawer.domain.encoding import class_of

REASON = "import_corrected"
"""Why a visit is closed whose target was put right."""
CORRECTED = "corrected"
"""What a confirmed import is once another version of it was confirmed."""


class VisitsEntered(Conflict):
    """A checklist was handed in for a visit that the correction would take away or send others to."""

    code = "draw.import_visits_entered"


class NothingCorrected(Rejected):
    """The list and what is said of the draw are those that stand."""

    code = "draw.import_nothing_corrected"


@dataclass(frozen=True)
class Listed:
    """A visit by one version of the list: its target, and the officers of each agency, first the one who leads."""

    visit: str
    target: str
    stratum: str
    teams: Mapping[str, Sequence[str | None]]


@dataclass(frozen=True)
class Reseated:
    """An agency's team at a visit that stays: who does not go after all, and who does instead."""

    visit: str
    agency: str
    left: tuple[str, ...]
    came: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What the later version changes."""

    replaced: tuple[tuple[str, str], ...]
    """(visit that is closed, visit that is opened in its place), ascending."""
    reseated: tuple[Reseated, ...]

    @property
    def touched(self) -> frozenset[str]:
        """Name the visits that do not stay as they are."""
        return frozenset(gone for gone, _ in self.replaced) | {one.visit for one in self.reseated}


def differ(before: Sequence[Listed], after: Sequence[Listed]) -> Difference:
    """Compare two versions; both have as many targets of each class, since the plan says how many."""
    old, new = {one.visit: one for one in before}, {one.visit: one for one in after}
    gone, opened = _by_class(old, new), _by_class(new, old)
    pairs = zip(gone, opened, strict=True)
    return Difference(
        tuple(sorted((closed, instead) for (_, closed), (_, instead) in pairs)),
        tuple(
            Reseated(visit, agency, _without(team, new[visit].teams[agency]), _without(new[visit].teams[agency], team))
            for visit, one in sorted(old.items())
            if visit in new
            for agency, team in sorted(one.teams.items())
            if list(team) != list(new[visit].teams[agency])
        ),
    )


def check_correction(difference: Difference, entered: Collection[str], *, says_the_same: bool) -> None:
    """
    Refuse a correction that changes nothing, or a visit of which a checklist is in.

    Args:
        entered: Visits of which a checklist is in.
        says_the_same: Whether all that is said of the draw beside the list stands already.

    Raises:
        NothingCorrected, VisitsEntered.
    """
    if says_the_same and not difference.touched:
        raise NothingCorrected()
    if inspected := sorted(difference.touched & set(entered)):
        raise VisitsEntered(visits=inspected)


def name_visits(targets: Sequence[str], kept: Mapping[str, str], *, stem: str, taken: int) -> dict[str, str]:
    """
    Name the visits of a list: {target: visit}; no name is given twice.

    Args:
        targets: In an order that tells nothing of the list.
        kept: Visits that are named already, by target.
        stem: What the names begin with; *taken*: how many have been given, whatever became of them.
    """
    fresh = [target for target in targets if target not in kept]
    width = max(2, len(str(taken + len(fresh))))
    names = {target: f"{stem}{number:0{width}d}" for number, target in enumerate(fresh, start=taken + 1)}
    return {target: kept.get(target) or names[target] for target in targets}


def _by_class(these: Mapping[str, Listed], others: Mapping[str, Listed]) -> list[tuple[str, str]]:
    return sorted((class_of(one.stratum), visit) for visit, one in these.items() if visit not in others)


def _without(team: Sequence[str | None], others: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(one for one in team if one is not None and one not in others)
