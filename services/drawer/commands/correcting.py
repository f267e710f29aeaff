"""An imported draw is corrected (更正导入): another version handed in with its reason, confirmed by a second person (ADR 21)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import WorkVisit
from schemas.events.draws import ImportCorrected, InspectorSubstituted, TargetReplaced
from schemas.events.payload import Payload
from services.drawer import tables
from services.drawer.commands.completing import team_json
from services.drawer.commands.importing import (
    HandedIn,
    Told,
    attempt_of,
    check_day,
    confirm,
    handed_in,
    inputs_of,
    refuse,
    visit_row,
    waiting,
)
from services.drawer.commands.opening import Ground, ground_of, require_lead
from services.drawer.commands.prepared import Prepared
from services.drawer.domain.changes import State
from services.drawer.domain.correcting import CORRECTED, REASON, Difference, Listed, check_correction
from services.drawer.reading import corrected_imports, import_of, standing_import
from services.drawer.refusals import ImportUnknown, ImportWaiting, InputsChanged


@dataclass(frozen=True)
class Base:
    """What a correction is held against: the version that stands, its visits, and of which a checklist is in."""

    ground: Ground
    draw: str
    corrects: str
    says: tuple[Told, str]
    """What is said beside the list, and the digest of its evidence."""
    visits: tuple[Listed, ...]
    taken: int
    """How many names were given to visits of the draw."""
    entered: frozenset[str]


@dataclass(frozen=True)
class Corrected:
    """A corrected list that fits, and what it was held against."""

    base: Base
    made: HandedIn


@dataclass(frozen=True)
class Moves:
    """What a correction does to the visits, with the documents that tell of it."""

    visits: tuple[Listed, ...]
    """As they stood."""
    after: Mapping[str, WorkVisit]
    difference: Difference
    works: Mapping[str, BlobRef]
    """Of each visit that is opened: the work list of it alone."""
    teams: Mapping[tuple[str, str], BlobRef]
    """By visit and agency: the team that changed."""


def prepare_correction(session: Session, actor: Actor, *, draw_id: str, now: datetime, told: Told, early: bool) -> Base:
    """
    Read what a corrected list is held against, and judge what is said of the draw before the list is read.

    Raises:
        ImportUnknown, LeadOnly, ImportWaiting, InputsChanged, and what ``importing.check_day`` raises.
    """
    row = standing_import(session, draw_id)
    if row is None or row.owner_agency != actor.agency:
        raise ImportUnknown(draw=draw_id)
    require_lead(actor, row.owner_agency)
    last = import_of(session, draw_id)
    if last is not None and last.state == State.ASKED:
        raise ImportWaiting(draw=draw_id)
    ground = ground_of(session, actor, campaign_id=row.campaign)
    if inputs_of(ground) != row.inputs:
        raise InputsChanged(draw=draw_id)
    check_day(ground.plan, told, now, early=early)
    visit = tables.DrawnVisit
    names = session.scalars(select(visit.id).where(visit.draw == draw_id)).all()
    said = Told(row.place, row.platform, row.drawn_on, row.witnessed_by, row.reason)
    visits = standing_visits(session, actor, draw_id=draw_id)
    entered = entered_visits(session, visits)
    return Base(ground, draw_id, row.id, (said, row.evidence["sha256"]), visits, len(names), entered)


def standing_visits(session: Session, actor: Actor, *, draw_id: str) -> tuple[Listed, ...]:
    """Read the visits of an imported draw as they stand (the system's request, or the lead's)."""
    visit = tables.DrawnVisit
    asked = select(visit).where(visit.draw == draw_id, visit.removed_in.is_(None)).order_by(visit.id)
    return tuple(
        Listed(row.id, row.target, row.stratum, {agency: tuple(team) for agency, _, team in row.teams})
        for row in session.scalars(asked).all()
    )


def entered_visits(session: Session, visits: tuple[Listed, ...]) -> frozenset[str]:
    """Name those of the visits of which a checklist is in."""
    entered = tables.Entered
    asked = select(entered.visit).where(entered.visit.in_([one.visit for one in visits]))
    return frozenset(session.scalars(asked).all())


def correct(
    session: Session,
    actor: Actor,
    work: Prepared[Corrected],
    *,
    at: datetime,
    draw_id: str,
    why: str,
    told: Mapping[str, Any],
    evidence: Mapping[str, Any],
    sheet: Mapping[str, Any],
    early: bool = False,
) -> Reply:
    """
    Hand in another version of an imported draw that stands, to be confirmed by somebody else of the lead.

    Args:
        why: What was wrong, in words; *evidence*: the document that shows it (the scanned 附件2, the platform's export).
    """
    said, found = Told(**told), work.get()
    if prepare_correction(session, actor, draw_id=draw_id, now=at, told=said, early=early) != found.base:
        raise InputsChanged(draw=draw_id)
    about: dict[str, Any] = {"evidence": evidence, "sheet": sheet, "corrects": found.base.corrects, "correction": why}
    row = handed_in(session, found.made, said, by=actor, at=at, **about)
    return Reply((), {"draw": draw_id, "import": row.id, "corrects": row.corrects, "state": row.state})


def decide_correction(
    session: Session, actor: Actor, moves: Prepared[Moves], *, at: datetime, draw_id: str, approve: bool
) -> Reply:
    """Let a correction stand, or refuse it, as somebody else than who handed it in; visits follow it."""
    row = waiting(session, actor, draw_id)
    if not approve:
        return refuse(row, actor, at)
    before, found = standing_import(session, draw_id), moves.get()
    visits = standing_visits(session, actor, draw_id=draw_id)
    if before is None or before.id != row.corrects or visits != found.visits:
        raise InputsChanged(draw=draw_id)
    check_correction(found.difference, entered_visits(session, visits), says_the_same=False)
    before.state = CORRECTED
    session.flush()  # one version stands at a time
    plan = confirm(session, row, by=actor, at=at)
    number = len(corrected_imports(session, row))
    about: dict[str, Any] = {
        "county": row.county,
        "campaign": row.campaign,
        "draw": draw_id,
        "attempt": attempt_of(session, draw_id),
    }
    said: list[Payload] = [
        *_replaced(session, actor, found, about | {"lead": plan.lead}, number),
        *_reseated(session, found, about, number),
    ]
    for one in visits:
        if one.visit in found.after:
            session.get_one(tables.DrawnVisit, one.visit).ticket_rank = found.after[one.visit].ticket_rank
    said.append(
        ImportCorrected(
            **about,
            lead=plan.lead,
            agencies=tuple(sorted(one.agency for one in plan.agencies)),
            correction=number,
            drawn_on=row.drawn_on,
            replaced=len(found.difference.replaced),
            reseated=len(found.difference.reseated),
            visits=row.visits,
            sections=row.sections,
        )
    )
    return Reply(said, {"draw": draw_id, "state": row.state})


def _replaced(
    session: Session, actor: Actor, found: Moves, about: Mapping[str, Any], number: int
) -> list[TargetReplaced]:
    said = []
    for gone, instead in found.difference.replaced:
        closed, new = session.get_one(tables.DrawnVisit, gone), found.after[instead]
        closed.removed_in = number
        session.add(visit_row(actor, closed.draw, new, drawn_in=number))
        agencies = {team[0] for team in closed.teams} | {team.agency for team in new.teams}
        said.append(
            TargetReplaced(
                **about,
                round=number,
                visit=gone,
                reason=REASON,
                instead=instead,
                agencies=tuple(sorted(agencies)),
                work=found.works[instead],
                corrected=True,
            )
        )
    return said


def _reseated(session: Session, found: Moves, about: Mapping[str, Any], number: int) -> list[InspectorSubstituted]:
    said = []
    for one in found.difference.reseated:
        visit = session.get_one(tables.DrawnVisit, one.visit)
        (team,) = [team_json(team) for team in found.after[one.visit].teams if team.agency == one.agency]
        visit.teams = [team if each[0] == one.agency else each for each in visit.teams]
        file = found.teams[one.visit, one.agency]
        said.append(
            InspectorSubstituted(**about, round=number, visit=one.visit, agency=one.agency, team=file, corrected=True)
        )
    return said
