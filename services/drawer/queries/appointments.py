"""Entries about open places in teams, as an agency sees its own and the lead those of all: no target is named here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer.commands.appointing import entries_of
from services.drawer.commands.changing import entered_of
from services.drawer.domain.appointing import State
from services.drawer.domain.changes import may_ask
from services.drawer.queries.drawn import may_see_list
from services.drawer.reading import agency_names, newest
from services.drawer.refusals import NotDrawnYet


@dataclass(frozen=True)
class EntryView:
    """One entry: who was named for which visit and why, what the head decided, and what the asker can do."""

    appointment: str
    visit: str
    place: int
    """From 1."""
    agency: str
    agency_name: str
    officer: str
    beyond: bool
    reason: str | None
    """For those who may know the agency's targets, as are the head's words."""
    asked_by: str
    asked_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    ended_by: str | None
    ended_at: datetime | None
    ended_why: str | None
    may_decide: bool
    may_withdraw: bool
    may_end: bool


@dataclass(frozen=True)
class AppointmentsView:
    """Open places of a draw as its record has them, and every entry about them that the asker sees."""

    draw: str
    open_slots: int
    """By the record, which no appointment changes."""
    entries: Sequence[EntryView]


def appointments_view(session: Session, actor: Actor, *, draw_id: str) -> AppointmentsView:
    """Show the entries about open places of a draw, oldest first."""
    said = newest(session, draw_id)
    if said.newest is None:
        raise NotDrawnYet(draw=draw_id)
    rows = entries_of(session, draw_id)
    names, entered = agency_names(session, actor.county), entered_of(session, {row.visit for row in rows})
    head, asks, lead = actor.has(Role.AGENCY_HEAD), may_ask(actor.roles), may_see_list(actor, said.row.owner_agency)
    found = []
    for row in rows:
        own = row.agency == actor.agency
        reads = (own and asks) or lead
        found.append(
            EntryView(
                appointment=row.id,
                visit=row.visit,
                place=row.place + 1,
                agency=row.agency,
                agency_name=names.get(row.agency, row.agency),
                officer=row.officer,
                beyond=row.beyond,
                reason=row.reason if reads else None,
                asked_by=row.asked_by,
                asked_at=row.asked_at,
                state=row.state,
                decided_by=row.decided_by,
                decided_at=row.decided_at,
                decision=row.decision if reads else None,
                ended_by=row.ended_by,
                ended_at=row.ended_at,
                ended_why=row.ended_why if reads else None,
                may_decide=own and head and row.state == State.ASKED and row.asked_by != actor.id,
                may_withdraw=own and asks and row.state == State.ASKED,
                may_end=own and head and row.state == State.APPROVED and row.agency not in entered.get(row.visit, ()),
            )
        )
    return AppointmentsView(draw_id, said.newest.open_slots, found)
