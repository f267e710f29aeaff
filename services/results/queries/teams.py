"""Who goes where next: the teams of the visits that are to be made on the nearest day."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.results.domain.schedule import nearest_day
from services.results.domain.sections import EDITABLE
from services.results.rules import day_of
from services.results.tables import Section, Visit


@dataclass(frozen=True)
class Team:
    """The officers of one agency who have a checklist of a visit to fill in and to sign, all of them."""

    visit: str
    visit_on: date
    section: str
    agency: str
    officers: tuple[str, ...]


def teams_due(session: Session, actor: Actor, *, now: datetime) -> tuple[Team, ...]:
    """List the teams whose checklists wait for the nearest day of visits, by visit and agency, as the wall shows them."""
    query = select(Section, Visit).join(Visit, Visit.id == Section.visit)
    waiting = query.where(Section.state.in_(EDITABLE), Visit.visit_on.is_not(None))
    rows = [(section, visit) for section, visit in session.execute(waiting.order_by(Section.id))]
    nearest = nearest_day({visit.visit_on for _, visit in rows if visit.visit_on}, day_of(now))
    return tuple(
        Team(
            visit=visit.id,
            visit_on=nearest,
            section=section.id,
            agency=section.agency,
            officers=tuple(member["officer"] for member in section.team if member["officer"] is not None),
        )
        for section, visit in rows
        if nearest is not None and visit.visit_on == nearest
    )
