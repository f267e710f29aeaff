"""The bodies of a county."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import AgencyKind
from services.planner.tables import AgencyRow


@dataclass(frozen=True)
class AgencyView:
    """A body of the county."""

    agency: str
    name: str
    short_name: str
    kind: str


def agencies_of(session: Session, actor: Actor) -> dict[str, AgencyView]:
    """Name the bodies of the asker's county."""
    rows = session.scalars(select(AgencyRow).where(AgencyRow.county == actor.county).order_by(AgencyRow.id))
    return {row.id: AgencyView(row.id, row.name, row.short_name, row.kind) for row in rows}


def inspecting_agencies(session: Session, actor: Actor) -> list[AgencyView]:
    """List the agencies that may take part, the asker's own left out."""
    return [
        view
        for view in agencies_of(session, actor).values()
        if view.kind == AgencyKind.AGENCY and view.agency != actor.agency
    ]


def witness_bodies(session: Session, actor: Actor) -> list[AgencyView]:
    """List the bodies that may witness a draw."""
    return [view for view in agencies_of(session, actor).values() if view.kind == AgencyKind.WITNESS_BODY]
