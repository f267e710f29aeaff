"""
Availability by day: on how many days of the inspection stage an agency's officers are there, held against its visits.

Nobody knows before the draw who will go together, nor on which day. So only this refuses a draw: on no day is a whole
team there. Everything else is told with the day on which the fewest are there.
Source: issue 5 (availability); which days there are and who is away comes with the rosters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.drawer.domain.feasibility import Wanted, unstaffed
from services.drawer.domain.refusals import Remark, remark


@dataclass(frozen=True)
class Present:
    """An officer with the days they are away."""

    labels: Wanted
    absent: frozenset[date]


def by_day(
    agency: str, days: Sequence[date], officers: Mapping[str, Present], slots: Sequence[Wanted], visits: int
) -> Iterator[Remark]:
    """
    Say which day binds an agency, and whether a team of it is whole on any day; nothing where nobody is away.

    Args:
        days: The days on which a visit may be, ascending.
        slots: What the places of one team ask for; the largest team where they differ.
        visits: The most visits that may fall to the agency.
    """
    if not any(officer.absent for officer in officers.values()):
        return
    there = {day: {name: one.labels for name, one in officers.items() if day not in one.absent} for day in days}
    idle = [day for day in days if unstaffed(slots, there[day]) is not None]
    fewest, most = (choose(days, key=lambda day: len(there[day])) for choose in (min, max))
    facts: dict[str, object] = {"agency": agency, "days": len(days), "officers": len(officers)}
    if len(idle) == len(days):
        yield remark("draw.short.days", facts | {"day": most, "there": len(there[most]), "needed": len(slots)})
    else:
        told = {"day": fewest, "there": len(there[fewest]), "idle": len(idle), "visits": visits}
        yield remark("draw.days.binding", facts | told)
