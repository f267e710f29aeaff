"""
Open places in teams (空缺席位): somebody named by the agency, appointed by its head, and the appointment ended again.

Every entry stays; the record of the draw is not touched (JIDRAW/1 section 15).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor, next_id, share
from schemas.blobs import BlobRef
from schemas.events.draws import AppointmentAsked, AppointmentEnded, InspectorAppointed
from services.drawer import tables
from services.drawer.commands.changing import entered_of, standing_of
from services.drawer.commands.prepared import Prepared
from services.drawer.domain import appointing, changes
from services.drawer.domain.appointing import AppointmentAskedAlready, AppointmentDecided, State
from services.drawer.domain.changes import ChangeNotForYou, VisitEntered, VisitStanding, fit_words
from services.drawer.drafts import SHANGHAI
from services.drawer.reading import Said, appointed_of, blob_ref, newest
from services.drawer.refusals import AppointmentUnknown, InputsChanged, NotDrawnYet
from services.drawer.round_progress import CLOSED


@dataclass(frozen=True)
class OwnVisit:
    """A visit of the asker's agency, as the rows tell of it."""

    standing: VisitStanding
    stratum: str
    items: tuple[str, ...]
    drawn: tuple[str | None, ...]
    """Officers of the own team as drawn, open places last."""


@dataclass(frozen=True)
class OwnPlaces:
    """What an agency's open places are judged by: its visits, who was appointed, and where rosters and record lie."""

    draw: str
    campaign: str
    manifest: Mapping[str, Any]
    agency: str
    visits: Mapping[str, OwnVisit]
    taken: Mapping[str, Mapping[int, str]]
    """Who is appointed, by visit and place."""
    waiting: frozenset[tuple[str, int]]
    """Places (visit, place) for which somebody has been named."""
    granted: frozenset[tuple[str, str]]
    """(officer, target): recused at the firm's request, in this draw or another."""
    dropped_out: frozenset[tuple[str, str]]
    """(officer, visit): of those who left the team in a round."""
    record: BlobRef
    rosters: BlobRef
    declared: BlobRef | None
    """The rosters as they were frozen, without the draw's rotation."""
    state: str
    """Tells one state of the draw from another."""


@dataclass(frozen=True)
class Judged:
    """A place to which somebody may be named or appointed by all that was read, and the document that tells of it."""

    state: str
    file: BlobRef | None = None


def own_places(session: Session, actor: Actor, *, draw_id: str, asker: Actor) -> OwnPlaces:
    """
    Read what the open places of the asker's agency are judged by (the system's request: the list of visits is the lead's).

    Raises:
        ChangeNotForYou: the asker may not know the targets of the agency's visits.
        NotDrawnYet, DrawnElsewhere.
    """
    said = _drawn(session, draw_id)
    if not changes.may_ask(asker.roles) or asker.agency not in said.agencies:
        raise ChangeNotForYou()
    visit, agency = tables.DrawnVisit, asker.agency
    rows = session.scalars(select(visit).where(visit.draw == draw_id).order_by(visit.id)).all()
    mine = {row.id: team for row in rows for team in row.teams if team[0] == agency}
    entered, appointed = entered_of(session, mine), appointed_of(session, mine)
    entries = entries_of(session, draw_id, agency)
    assert said.newest is not None
    frame = session.get(tables.Frame, said.row.campaign)
    return OwnPlaces(
        draw=draw_id,
        campaign=said.row.campaign,
        manifest=said.row.manifest,
        agency=agency,
        visits={
            row.id: OwnVisit(
                standing_of(row, agency, entered, appointed),
                row.stratum,
                tuple(mine[row.id][1]),
                tuple(mine[row.id][2]),
            )
            for row in rows
            if row.id in mine
        },
        taken=_taken(entries),
        waiting=frozenset((one.visit, one.place) for one in entries if one.state == State.ASKED),
        granted=_granted(session, agency),
        dropped_out=_dropped_out(session, said, agency),
        record=blob_ref(said.newest.public_record),
        rosters=blob_ref(said.row.rosters),
        declared=None if frame is None else blob_ref(frame.rosters),
        state=state_of(said),
    )


def entries_of(session: Session, draw_id: str, agency: str | None = None) -> Sequence[tables.SlotAppointment]:
    """List all entries of a draw in their order, as far as the asker sees them; *agency*: of this one."""
    row = tables.SlotAppointment
    asked = select(row).where(row.draw == draw_id).order_by(row.asked_at, row.id)
    return session.scalars(asked if agency is None else asked.where(row.agency == agency)).all()


def state_of(said: Said) -> str:
    """Tell one state of a draw's rounds from another; every party reads the same."""
    rounds = [f"{one.row.number}{one.end.how if one.end else ''}" for one in said.rounds]
    return " ".join([said.row.id, *rounds])


def _taken(entries: Sequence[tables.SlotAppointment]) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {}
    for one in entries:
        if one.state == State.APPROVED:
            found.setdefault(one.visit, {})[one.place] = one.officer
    return found


def _granted(session: Session, agency: str) -> frozenset[tuple[str, str]]:
    change, visit = tables.Change, tables.DrawnVisit
    asked = (
        select(change.officer, visit.target)
        .join(visit, visit.id == change.visit)
        .where(change.agency == agency, change.firms_words.is_not(None), change.state == changes.State.APPROVED)
    )
    return frozenset((officer, target) for officer, target in session.execute(asked) if officer is not None)


def _dropped_out(session: Session, said: Said, agency: str) -> frozenset[tuple[str, str]]:
    closed = [one for one in said.rounds if one.end is not None and one.end.how == CLOSED]
    ids = sorted({change for one in closed for change in one.row.changes})
    change = tables.Change
    rows = session.scalars(select(change).where(change.id.in_(ids), change.agency == agency)).all()
    return frozenset((row.officer, row.visit) for row in rows if row.officer is not None)


# ── asking, deciding, ending ────────────────────────────────────────────────────────────────────────────────────────


def ask_appointment(
    session: Session,
    actor: Actor,
    work: Prepared[Judged],
    *,
    at: datetime,
    draw_id: str,
    visit_id: str,
    place: int,
    officer: str,
    reason: str,
    beyond: bool,
) -> Reply:
    """
    Name an officer of the own agency for an open place, with a reason; the head decides.

    Args:
        work: That it may be so, judged by what was read.
        place: In the team as the record has it, from 0.
        beyond: Going beyond the agency's own measures is meant.
    """
    words, judged = fit_words(reason), work.get()
    said = _as_judged(session, draw_id, visit_id, actor.agency, judged)
    same = [one for one in entries_of(session, draw_id, actor.agency) if (one.visit, one.place) == (visit_id, place)]
    if any(one.state in (State.ASKED, State.APPROVED) for one in same):
        raise AppointmentAskedAlready(visit=visit_id)
    row = tables.SlotAppointment(
        id=next_id(session, "A", actor.county, at.astimezone(SHANGHAI).year),
        county=actor.county,
        owner_agency=actor.agency,
        draw=draw_id,
        visit=visit_id,
        agency=actor.agency,
        place=place,
        officer=officer,
        beyond=beyond,
        reason=words,
        asked_by=actor.id,
        asked_at=at,
        state=State.ASKED.value,
        decided_by=None,
        decided_at=None,
        decision=None,
        ended_by=None,
        ended_at=None,
        ended_why=None,
    )
    session.add(row)
    if said.row.owner_agency != actor.agency:
        share(session, row, said.row.owner_agency)
    return Reply([AppointmentAsked(**_about(said, row))], _value(row))


def decide_appointment(
    session: Session,
    actor: Actor,
    work: Prepared[Judged],
    *,
    at: datetime,
    draw_id: str,
    appointment_id: str,
    approve: bool,
    words: str,
) -> Reply:
    """Appoint whom somebody else of the agency named, or refuse; the head's request, in words."""
    row = own_entry(session, actor, draw_id, appointment_id)
    appointing.check_deciding(actor.roles, State(row.state), row.asked_by, actor.id)
    row.decision = fit_words(words)
    row.decided_by, row.decided_at = actor.id, at
    if not approve:
        row.state = State.REFUSED
        return Reply((), _value(row))
    judged = work.get()
    assert judged.file is not None
    said = _as_judged(session, draw_id, row.visit, actor.agency, judged)
    row.state = State.APPROVED
    return Reply([InspectorAppointed(**_about(said, row), team=judged.file)], _value(row))


def end_appointment(
    session: Session,
    actor: Actor,
    work: Prepared[Judged],
    *,
    at: datetime,
    draw_id: str,
    appointment_id: str,
    words: str,
) -> Reply:
    """End an appointment in words, until the agency's checklist is in; the place is open again, the entry stays."""
    row = own_entry(session, actor, draw_id, appointment_id)
    appointing.check_ending(actor.roles, State(row.state))
    why, judged = fit_words(words), work.get()
    assert judged.file is not None
    said = _as_judged(session, draw_id, row.visit, actor.agency, judged)
    row.state, row.ended_by, row.ended_at, row.ended_why = State.ENDED, actor.id, at, why
    return Reply([AppointmentEnded(**_about(said, row), team=judged.file)], _value(row))


def withdraw_appointment(session: Session, actor: Actor, *, at: datetime, draw_id: str, appointment_id: str) -> Reply:
    """Take a proposal back, until the head has decided."""
    if not changes.may_ask(actor.roles):
        raise ChangeNotForYou()
    row = own_entry(session, actor, draw_id, appointment_id)
    if row.state != State.ASKED:
        raise AppointmentDecided()
    row.state, row.decided_by, row.decided_at = State.WITHDRAWN, actor.id, at
    return Reply((), _value(row))


def own_entry(session: Session, actor: Actor, draw_id: str, appointment_id: str) -> tables.SlotAppointment:
    """Find an entry of the asker's agency."""
    row = session.get(tables.SlotAppointment, appointment_id)
    if row is None or row.draw != draw_id or row.agency != actor.agency:
        raise AppointmentUnknown(appointment=appointment_id)
    return row


@dataclass(frozen=True)
class Entry:
    """An entry as the acts read it."""

    visit: str
    place: int
    officer: str
    beyond: bool
    state: State
    asked_by: str


def entry(session: Session, actor: Actor, *, draw_id: str, appointment_id: str) -> Entry:
    """Read an entry of the asker's agency."""
    row = own_entry(session, actor, draw_id, appointment_id)
    return Entry(row.visit, row.place, row.officer, row.beyond, State(row.state), row.asked_by)


def _as_judged(session: Session, draw_id: str, visit_id: str, agency: str, judged: Judged) -> Said:
    """Refuse where a round went on, somebody else was appointed, or the checklist came in since it was judged."""
    said = _drawn(session, draw_id)
    if judged.state != judged_state(state_of(said), appointed_of(session, [visit_id]).get((visit_id, agency), ())):
        raise InputsChanged(draw=draw_id)
    if agency in entered_of(session, [visit_id]).get(visit_id, ()):
        raise VisitEntered(visit=visit_id)
    return said


def judged_state(state: str, appointed: Sequence[str]) -> str:
    """Tell the state of a draw and of one team."""
    return " ".join([state, *appointed])


def _drawn(session: Session, draw_id: str) -> Said:
    said = newest(session, draw_id)
    if said.outcome is None:
        raise NotDrawnYet(draw=draw_id)
    return said


def _value(row: tables.SlotAppointment) -> dict[str, Any]:
    return {"draw": row.draw, "appointment": row.id, "state": str(row.state)}


def _about(said: Said, row: tables.SlotAppointment) -> dict[str, Any]:
    return {
        "county": row.county,
        "campaign": said.row.campaign,
        "draw": row.draw,
        "attempt": said.row.number,
        "appointment": row.id,
        "agency": row.agency,
        "visit": row.visit,
    }
