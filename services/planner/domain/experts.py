"""
Experts (专家) a plan asks for: so many of a field at each visit of an agency, and whether its register has them.

They assist, appointed, not drawn (ADR 15): nothing here says anything about officers or about who may be drawn.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from runtime.errors import Rejected
from services.planner.domain.frames import Entity
from services.planner.domain.rosters import Recusal, spelt_out

MOST_PER_VISIT = 9


class ExpertsOfNobody(Rejected):
    """Experts are asked of an agency that does not take part."""

    code = "campaign.experts_of_nobody"


class ExpertsTwice(Rejected):
    """The same field is asked of the same agency twice: one number is meant."""

    code = "campaign.experts_twice"


class ExpertsImpossible(Rejected):
    """A visit takes 1 to 9 experts of a field."""

    code = "campaign.experts_impossible"


@dataclass(frozen=True, order=True)
class Asked:
    """So many experts of a field at each visit of an agency; the field is a code of the pack, or words."""

    agency: str
    field: str
    per_visit: int


@dataclass(frozen=True)
class Expert:
    """An expert as the register has them on a day; ``valid_until``: the last day on which they may assist."""

    expert: str
    field: str
    valid_until: date


@dataclass(frozen=True)
class Supply:
    """What an agency's register holds against what is asked of it."""

    asked: Asked
    valid: int
    """Experts of the field whose term lasts through the inspection stage."""
    ending: int
    """Experts of the field whose term ends before the stage does: whoever is wanted must be renewed."""
    fewest: int
    """Of the valid ones, those who may go to the target at which most of them are recused."""

    @property
    def enough(self) -> bool:
        """Tell whether every target finds as many as are asked for."""
        return self.fewest >= self.asked.per_visit


def check_asked(asked: Sequence[Asked], agencies: Collection[str]) -> tuple[Asked, ...]:
    """
    Put what a plan asks for in order: by agency, then field.

    Raises:
        ExpertsOfNobody, ExpertsTwice, ExpertsImpossible.
    """
    named = [(each.agency, each.field) for each in asked]
    for each in asked:
        if each.agency not in agencies:
            raise ExpertsOfNobody(agency=each.agency, field=each.field)
        if named.count((each.agency, each.field)) > 1:
            raise ExpertsTwice(agency=each.agency, field=each.field)
        if not 1 <= each.per_visit <= MOST_PER_VISIT:
            raise ExpertsImpossible(agency=each.agency, field=each.field, most=MOST_PER_VISIT)
    return tuple(sorted(asked))


def supply(
    asked: Asked,
    experts: Sequence[Expert],
    recusals: Sequence[Recusal],
    entities: Sequence[Entity],
    first_on: date,
    last_on: date,
) -> Supply:
    """
    Hold an agency's register against what is asked of it; one expert may assist any number of visits.

    Args:
        experts: The agency's register.
        recusals: The agency's recusals, those of officers among them, which bind nobody here.
        entities: The targets the agency would visit.
        first_on, last_on: The inspection stage.
    """
    of_field = [each for each in experts if each.field == asked.field]
    valid = [each for each in of_field if each.valid_until >= last_on]
    barred: Counter[str] = Counter()
    for each in valid:
        own = [one for one in recusals if one.officer == each.expert and one.binds(first_on)]
        barred.update(spelt_out(own, entities))
    fewest = len(valid) - max(barred.values(), default=0)
    return Supply(asked, len(valid), len(of_field) - len(valid), fewest)
