"""Who of an agency's officers may be drawn: credential, labels and recusals (回避) on the day of the freeze."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from runtime.errors import Rejected
from services.planner.domain.frames import Entity

ACTIVE, LEFT = "active", "left"


class OfficersTooFew(Rejected):
    """An agency names fewer officers than the rule pack asks for (每个单位最少2名执法人员)."""

    code = "confirmation.officers_too_few"


class OfficersUnknown(Rejected):
    """Officers were named who do not stand in the agency's own register (执法检查人员名录库)."""

    code = "confirmation.officers_unknown"


class OfficerTwice(Rejected):
    """The same officer was named twice."""

    code = "confirmation.officer_twice"


@dataclass(frozen=True)
class Officer:
    """An inspector (执法检查人员) as the register has them on a day."""

    officer: str
    labels: frozenset[str]
    credential_from: date | None
    credential_until: date | None
    cap: int
    state: str = ACTIVE

    def reason_against(self, needed: Collection[str], first_on: date, last_on: date) -> str | None:
        """Return why this officer cannot be sent from *first_on* to *last_on*, or None."""
        if self.state != ACTIVE:
            return "left"
        if self.credential_until is None:
            return "credential_missing"
        if self.credential_until < last_on:
            return "credential_expired"
        if self.credential_from is not None and self.credential_from > first_on:
            return "credential_not_yet_valid"
        if not self.labels.issuperset(needed):
            return "label_missing"
        if self.cap < 1:
            return "cap_is_zero"
        return None


@dataclass(frozen=True)
class Recusal:
    """An officer may not inspect one target, or any target of one category; *until*: the last day it binds, None: no end."""

    officer: str
    target: str | None
    category: str | None
    until: date | None = None

    def binds(self, first_on: date) -> bool:
        """Tell whether it still holds on *first_on* or later; one that ends inside the stage binds for all of it."""
        return self.until is None or self.until >= first_on


@dataclass(frozen=True)
class Absence:
    """An officer is away from *first_on* to *last_on*, both counted."""

    officer: str
    first_on: date
    last_on: date


@dataclass(frozen=True)
class Seat:
    """An eligible officer with the targets of this frame they are recused from, and the days they are away, ascending."""

    officer: str
    labels: tuple[str, ...]
    cap: int
    recused: tuple[str, ...]
    absent: tuple[date, ...] = ()


@dataclass(frozen=True)
class Roster:
    """Eligible officers of one agency ascending by id, and those left out with the reason."""

    eligible: tuple[Seat, ...]
    excluded: tuple[tuple[str, str], ...]


def draw_roster(
    named: Sequence[str],
    register: Mapping[str, Officer],
    needed: Collection[str],
    recusals: Sequence[Recusal],
    entities: Sequence[Entity],
    first_on: date,
    last_on: date,
    absences: Sequence[Absence] = (),
    days: Sequence[date] = (),
) -> Roster:
    """
    Take the draw's extract of an agency's register.

    Args:
        named: Officers the agency confirmed.
        register: The agency's officers as they stand on the day of the freeze.
        needed: Labels that every officer of this agency needs in this campaign.
        recusals: The agency's recusals on that day, those that have an end included.
        entities: The frame; recusals by category are spelt out over it.
        first_on, last_on: The inspection stage; a credential must be valid on all of it.
        absences: The agency's absences on that day.
        days: The days of the stage on which a visit may be; who is away on all of them is left out.
    """
    eligible: list[Seat] = []
    excluded: list[tuple[str, str]] = []
    for officer in sorted(set(named)):
        entry = register.get(officer)
        reason = "not_in_register" if entry is None else entry.reason_against(needed, first_on, last_on)
        if entry is None or reason is not None:
            excluded.append((officer, str(reason)))
            continue
        absent = away(officer, absences, days)
        if days and len(absent) == len(days):
            excluded.append((officer, "absent_throughout"))
            continue
        own = [one for one in recusals if one.officer == officer and one.binds(first_on)]
        recused = spelt_out(own, entities)
        eligible.append(Seat(officer, tuple(sorted(entry.labels)), entry.cap, recused, absent))
    return Roster(tuple(eligible), tuple(excluded))


def away(officer: str, absences: Sequence[Absence], days: Sequence[date]) -> tuple[date, ...]:
    """List those of *days* on which an officer is away."""
    own = [one for one in absences if one.officer == officer]
    return tuple(day for day in days if any(one.first_on <= day <= one.last_on for one in own))


def spelt_out(recusals: Sequence[Recusal], entities: Sequence[Entity]) -> tuple[str, ...]:
    """Turn recusals by target or category into the targets of this frame, ascending."""
    targets = {one.target for one in recusals if one.target is not None}
    categories = {one.category for one in recusals if one.category is not None}
    return tuple(sorted(e.target for e in entities if e.target in targets or e.category in categories))


def check_named(
    named: Sequence[str], known: Collection[str], pool_minimum: int, *, too_few_is_a_warning: bool
) -> tuple[str, ...]:
    """
    Check the officers an agency puts forward; returns them ascending.

    Raises:
        OfficerTwice, OfficersUnknown: the list is wrong.
        OfficersTooFew: the rule pack's minimum is not met, unless the pack makes that a warning.
    """
    if len(set(named)) != len(named):
        twice = sorted({officer for officer in named if named.count(officer) > 1})
        raise OfficerTwice(officers=", ".join(twice))
    if unknown := sorted(set(named) - set(known)):
        raise OfficersUnknown(officers=", ".join(unknown))
    if len(named) < pool_minimum and not too_few_is_a_warning:
        raise OfficersTooFew(named=len(named), minimum=pool_minimum)
    return tuple(sorted(named))
