"""Who was drawn and who goes there: the one thing said before disclosure, to the lead's planner and draw officer."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.reading import agency_names, draw_row
from services.drawer.refusals import ListNotForYou, NotDrawnYet


@dataclass(frozen=True)
class TeamView:
    """One agency at one target: its items, and its officers by staff number, first the one who leads."""

    agency: str
    name: str
    items: Sequence[str]
    officers: Sequence[str | None]


@dataclass(frozen=True)
class VisitView:
    """One drawn target."""

    visit: str
    target: str
    stratum: str
    ticket_rank: int
    teams: Sequence[TeamView]
    drawn_in: int = 0
    """Round; 0: the draw itself."""
    removed_in: int | None = None


def may_see_list(actor: Actor, lead: str) -> bool:
    """Tell whether the asker is the lead's planner or draw officer."""
    return actor.agency == lead and actor.has(Role.PLANNER, Role.DRAW_OFFICER)


def drawn_list(session: Session, actor: Actor, *, draw_id: str) -> list[VisitView]:
    """
    Show who was drawn and who goes there, to the lead's planner and draw officer.

    Raises:
        ListNotForYou, NotDrawnYet.
    """
    row = draw_row(session, draw_id)
    if not may_see_list(actor, row.owner_agency):
        raise ListNotForYou(lead=row.owner_agency)
    visit = tables.DrawnVisit
    rows = session.scalars(select(visit).where(visit.draw == draw_id).order_by(visit.id)).all()
    if not rows:
        raise NotDrawnYet(draw=draw_id)
    names = agency_names(session, actor.county)
    return [
        VisitView(
            one.id,
            one.target,
            one.stratum,
            one.ticket_rank,
            [TeamView(agency, names.get(agency, agency), items, officers) for agency, items, officers in one.teams],
            one.drawn_in,
            one.removed_in,
        )
        for one in rows
    ]
