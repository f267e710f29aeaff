"""Requests for changes after the draw (替换申请): asked for with evidence, approved by somebody else, or taken back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.files.evidence import StoredFile
from runtime.service import Reply
from runtime.store import Actor, next_id, share
from schemas.events.draws import ChangeApproved, ChangeRequested, RecusalGranted
from schemas.events.payload import Payload
from services.drawer import tables
from services.drawer.domain import changes
from services.drawer.domain.changes import (
    ChangeAskedAlready,
    ChangeDecided,
    ChangeNotForYou,
    Reasons,
    State,
    VisitStanding,
)
from services.drawer.domain.encoding import SHA256, Hash, hash_named
from services.drawer.drafts import SHANGHAI
from services.drawer.reading import Said, appointed_of, attempts_of, blob_ref, change_reasons, newest
from services.drawer.refusals import ChangeUnknown, NotDrawnYet

NO_FILE = StoredFile({})
NOBODY: Mapping[tuple[str, str], tuple[str, ...]] = {}


@dataclass(frozen=True)
class Seen:
    """The visit a request is about, as the system read it for the asker."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    visit: VisitStanding


def visit_standing(session: Session, actor: Actor, *, draw_id: str, visit_id: str, asker: Actor) -> VisitStanding:
    """
    Read one visit for somebody of one of its agencies (the system's request: the list of visits is the lead's).

    Raises:
        ChangeNotForYou: no such visit of the asker's agency, or the asker may not know its target.
    """
    row = session.get(tables.DrawnVisit, visit_id)
    if row is None or row.draw != draw_id or not _may_ask(asker, row):
        raise ChangeNotForYou()
    return standing_of(row, asker.agency, entered_of(session, [row.id]), appointed_of(session, [row.id]))


def hash_of(session: Session, actor: Actor, *, draw_id: str) -> Hash:
    """Give the hash by which a draw's record names evidence; of a draw made elsewhere, which has no record, SHA-256."""
    attempts = attempts_of(session, [draw_id]).get(draw_id, [])
    return hash_named(attempts[-1].row.manifest["hash"]) if attempts else SHA256


def visits_of(session: Session, actor: Actor, *, draw_id: str, asker: Actor) -> list[VisitStanding]:
    """List the visits of the asker's agency, to somebody of it who may know the targets (the system's request)."""
    if not changes.may_ask(asker.roles):
        return []
    visit = tables.DrawnVisit
    rows = session.scalars(select(visit).where(visit.draw == draw_id).order_by(visit.id)).all()
    mine = [row for row in rows if _may_ask(asker, row)]
    ids = [row.id for row in mine]
    entered, appointed = entered_of(session, ids), appointed_of(session, ids)
    return [standing_of(row, asker.agency, entered, appointed) for row in mine]


def _may_ask(asker: Actor, row: tables.DrawnVisit) -> bool:
    return changes.may_ask(asker.roles) and any(team[0] == asker.agency for team in row.teams)


def entered_of(session: Session, visits: Collection[str]) -> dict[str, set[str]]:
    """Name the agencies whose checklist is in: {visit: agencies}."""
    found: dict[str, set[str]] = {}
    for one in session.scalars(select(tables.Entered).where(tables.Entered.visit.in_(visits))).all():
        found.setdefault(one.visit, set()).add(one.agency)
    return found


def standing_of(
    row: tables.DrawnVisit,
    agency: str,
    entered: Mapping[str, set[str]],
    appointed: Mapping[tuple[str, str], tuple[str, ...]] = NOBODY,
) -> VisitStanding:
    """Say how a visit stands for one of its agencies; *entered* and *appointed* as those who read them give them."""
    own = next((team[2] for team in row.teams if team[0] == agency), ())
    return VisitStanding(
        row.id,
        row.target,
        tuple(team[0] for team in row.teams),
        tuple(officer for officer in own if officer is not None),
        row.removed_in is not None,
        frozenset(entered.get(row.id, ())),
        tuple(one for one in appointed.get((row.id, agency), ()) if one not in own),
    )


def ask_change(
    session: Session,
    actor: Actor,
    seen: Seen,
    *,
    at: datetime,
    draw_id: str,
    visit_id: str,
    officer: str | None,
    reason: str,
    evidence: Mapping[str, Any],
    stored: StoredFile,
    firms_words: str | None = None,
) -> Reply:
    """
    Ask for the replacement of a visit's target, or of one of the own officers in it.

    Args:
        seen: The visit, read by the system.
        officer: Who drops out, by staff number; None: the target is gone.
        evidence: The document: name, content_type, size, sha256, and its digest under the draw's own hash.
        firms_words: The visited firm asks that the officer be recused, in its words; None: the agency asks itself.
    """
    said, visit = _drawn(session, draw_id), seen.visit
    if firms_words is not None:
        firms_words = changes.check_firms_request(officer, firms_words)
    changes.check_request(visit, actor.agency, officer, reason, change_reasons(session, said))
    change = tables.Change
    same = select(change).where(
        change.visit == visit_id, change.officer == officer, change.state.in_((State.ASKED, State.APPROVED))
    )
    if session.scalars(same).first() is not None:
        raise ChangeAskedAlready(visit=visit_id)
    row = change(
        id=next_id(session, "X", actor.county, at.astimezone(SHANGHAI).year),
        county=actor.county,
        owner_agency=actor.agency,
        draw=draw_id,
        visit=visit_id,
        agency=actor.agency,
        officer=officer,
        reason=reason,
        evidence=dict(evidence),
        file=stored.blob,
        asked_by=actor.id,
        asked_at=at,
        state=State.ASKED.value,
        decided_by=None,
        decided_at=None,
        firms_words=firms_words,
        decision=None,
    )
    session.add(row)
    concerned = {said.row.owner_agency, *(visit.agencies if officer is None else ())}
    for agency in sorted(concerned - {actor.agency}):
        share(session, row, agency)
    return Reply([ChangeRequested(**_about(said, row))], {"draw": draw_id, "change": row.id, "state": row.state})


def decide_change(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    draw_id: str,
    change_id: str,
    approve: bool,
    words: str = "",
    recusal: StoredFile = NO_FILE,
) -> Reply:
    """
    Approve or refuse a request of the own agency, as somebody else than who asked; the lead opens the round.

    Args:
        words: Why the head grants or refuses what a firm asked for.
        recusal: Who is recused from whom where that is granted, for the agency's register.
    """
    if changes.DECIDING.isdisjoint(actor.roles):
        raise ChangeNotForYou()
    said, row = _drawn(session, draw_id), own_change(session, actor, draw_id, change_id)
    changes.check_decision(State(row.state), row.asked_by, actor.id)
    if row.firms_words is not None:
        row.decision = changes.check_firms_decision(actor.roles, words)
    row.state = State.APPROVED if approve else State.REFUSED
    row.decided_by, row.decided_at = actor.id, at
    heard: list[Payload] = [ChangeApproved(**_about(said, row))] if approve else []
    if approve and row.firms_words is not None:
        heard.append(RecusalGranted(**_about(said, row), recusal=blob_ref(recusal.blob)))
    return Reply(heard, {"draw": draw_id, "change": row.id, "state": str(row.state)})


def known_reasons(session: Session, actor: Actor, *, draw_id: str) -> Reasons:
    """List the reasons for which a change of a draw may be asked."""
    return change_reasons(session, newest(session, draw_id))


def firms_request(session: Session, actor: Actor, *, draw_id: str, change_id: str) -> tuple[str, str] | None:
    """Name visit and officer of a firm's request for recusal that waits; None for any other request."""
    row = own_change(session, actor, draw_id, change_id)
    asked = row.firms_words is not None and row.officer is not None and row.state == State.ASKED
    return (row.visit, row.officer) if asked and row.officer is not None else None


def withdraw_change(session: Session, actor: Actor, *, at: datetime, draw_id: str, change_id: str) -> Reply:
    """Take a request of the own agency back, until a round is opened for it."""
    if not changes.may_ask(actor.roles):
        raise ChangeNotForYou()
    said, row = _drawn(session, draw_id), own_change(session, actor, draw_id, change_id)
    if row.firms_words is not None:  # not the agency's to take back: its head grants or refuses it
        raise changes.HeadDecides()
    if row.state not in (State.ASKED, State.APPROVED) or row.id in rounded(said):
        raise ChangeDecided(state=row.state)
    row.state, row.decided_by, row.decided_at = State.WITHDRAWN, actor.id, at
    return Reply((), {"draw": draw_id, "change": row.id, "state": str(row.state)})


def rounded(said: Said) -> set[str]:
    """Name the requests that are in a round which goes on or was closed; those of a spent round wait again."""
    rounds = [one for one in said.rounds if one.end is None or one.end.how == "closed"]
    return {change for one in rounds for change in one.row.changes}


def own_change(session: Session, actor: Actor, draw_id: str, change_id: str) -> tables.Change:
    """Find a request of the asker's agency."""
    row = session.get(tables.Change, change_id)
    if row is None or row.draw != draw_id or row.agency != actor.agency:
        raise ChangeUnknown(change=change_id)
    return row


def _drawn(session: Session, draw_id: str) -> Said:
    said = newest(session, draw_id)
    if said.outcome is None:
        raise NotDrawnYet(draw=draw_id)
    return said


def _about(said: Said, row: tables.Change) -> dict[str, Any]:
    return {
        "county": row.county,
        "campaign": said.row.campaign,
        "draw": row.draw,
        "attempt": said.row.number,
        "change": row.id,
        "agency": row.agency,
        "visit": row.visit,
    }
