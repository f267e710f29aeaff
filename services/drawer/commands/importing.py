"""A draw made elsewhere is handed in by the lead's draw officer and confirmed by a second person; visits open from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor, share
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan, WorkList, WorkVisit
from schemas.events.draws import DrawDisclosed, DrawImported
from schemas.events.payload import Payload
from services.drawer import tables
from services.drawer.commands.ceremony import owned_by
from services.drawer.commands.completing import team_json
from services.drawer.commands.opening import Ground, ground_of, prepare_trial, require_lead
from services.drawer.commands.prepared import Prepared
from services.drawer.domain import changes
from services.drawer.domain.changes import State
from services.drawer.drafts import SHANGHAI, bodies_of, draw_begins_on, window_end
from services.drawer.reading import (
    attempts_of,
    blob_ref,
    campaign_row,
    corrected_imports,
    import_of,
    plan_of,
    standing_import,
)
from services.drawer.refusals import (
    DrawBeforeItsStage,
    DrawnOnWrong,
    ImportAfterWindow,
    ImportBySamePerson,
    ImportDecided,
    ImportNotForYou,
    ImportUnknown,
    InputsChanged,
    NotDrawnYet,
)


@dataclass(frozen=True)
class Told:
    """What the lead says of a draw made elsewhere."""

    place: str
    """paper or platform."""
    platform: str
    drawn_on: date
    witnessed_by: str
    reason: str


@dataclass(frozen=True)
class HandedIn:
    """A list that fits, as work for the visits to come, and where it and the evidence lie."""

    ground: Ground
    draw: str
    work: BlobRef
    file: BlobRef
    entities: int
    visits: int
    sections: int


@dataclass(frozen=True)
class Opened:
    """The work list of an import, fetched; and where the open statement of it lies once it may be read."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    work: WorkList


def prepare_import(
    session: Session, actor: Actor, *, campaign_id: str, now: datetime, told: Told, early: bool
) -> Ground:
    """
    Read what a draw made elsewhere is held against, and judge what is said of it before anything is read.

    Args:
        early: Whether all agencies agreed to draw before the plan's draw stage.

    Raises:
        What ``opening.prepare_trial`` raises but for a witness that is missing; DrawnOnWrong, DrawBeforeItsStage,
        ImportAfterWindow.
    """
    ground = ground_of(session, actor, campaign_id=campaign_id)
    prepare_trial(session, actor, campaign_id=campaign_id, now=now, early=True)
    check_day(ground.plan, told, now, early=early)
    return ground


def check_day(plan: CampaignPlan, told: Told, now: datetime, *, early: bool) -> None:
    """
    Refuse a day that has not come or lies before the plan's draw stage, and everything once the window has closed.

    Raises:
        DrawnOnWrong, DrawBeforeItsStage, ImportAfterWindow.
    """
    if told.drawn_on > now.astimezone(SHANGHAI).date():
        raise DrawnOnWrong(drawn_on=told.drawn_on)
    if told.drawn_on < (first := draw_begins_on(plan)) and not early:
        raise DrawBeforeItsStage(first_on=first)
    if now >= window_end(plan):
        raise ImportAfterWindow(window_end=window_end(plan))


def hand_in(
    session: Session,
    actor: Actor,
    work: Prepared[HandedIn],
    *,
    at: datetime,
    campaign_id: str,
    told: Mapping[str, Any],
    evidence: Mapping[str, Any],
    sheet: Mapping[str, Any],
    early: bool = False,
) -> Reply:
    """
    Hand in a draw made elsewhere, to be confirmed by somebody else of the lead.

    Args:
        told: The fields of ``Told``.
        evidence: The scanned 附件2 or the platform's export: name, content_type, size, sha256; *sheet*: the list.
    """
    said = Told(**told)
    made = work.get()
    if prepare_import(session, actor, campaign_id=campaign_id, now=at, told=said, early=early) != made.ground:
        raise InputsChanged(draw=made.draw)
    row = handed_in(session, made, said, by=actor, at=at, evidence=evidence, sheet=sheet)
    return Reply((), {"draw": made.draw, "import": row.id, "state": row.state})


def handed_in(
    session: Session,
    made: HandedIn,
    told: Told,
    *,
    by: Actor,
    at: datetime,
    evidence: Mapping[str, Any],
    sheet: Mapping[str, Any],
    corrects: str | None = None,
    correction: str | None = None,
) -> tables.ImportedDraw:
    """Write down what was handed in, to be decided by a second person; *corrects*: the version it puts right, and why."""
    imported = tables.ImportedDraw
    before = session.scalars(select(imported.id).where(imported.draw == made.draw)).all()
    row = imported(
        id=f"{made.draw}.i{len(before) + 1}",
        draw=made.draw,
        campaign=made.ground.plan.campaign,
        **told.__dict__,
        evidence=dict(evidence),
        file=made.file.model_dump(mode="json"),
        sheet=dict(sheet),
        inputs=inputs_of(made.ground),
        work=made.work.model_dump(mode="json"),
        entities=made.entities,
        visits=made.visits,
        sections=made.sections,
        asked_by=by.id,
        asked_at=at,
        state=State.ASKED.value,
        decided_by=None,
        decided_at=None,
        disclose_at=None,
        corrects=corrects,
        correction=correction,
        **owned_by(by),
    )
    session.add(row)
    return row


def inputs_of(ground: Ground) -> list[str]:
    """Tell one ground from another: the plan, the frame, the rosters."""
    return [ground.plan_digest, ground.frame_file.digest, ground.rosters.digest]


@dataclass(frozen=True)
class Waiting:
    """An import that the asker may confirm: where its work list lies, and whether it corrects one that stands."""

    work: BlobRef
    corrects: bool


def prepare_decision(session: Session, actor: Actor, *, draw_id: str) -> Waiting:
    """Find an import that the asker may confirm."""
    row = waiting(session, actor, draw_id)
    return Waiting(blob_ref(row.work), row.corrects is not None)


def decide_import(
    session: Session, actor: Actor, opened: Opened, *, at: datetime, draw_id: str, approve: bool
) -> Reply:
    """Confirm or refuse what the draw officer handed in, as somebody else; visits open from a confirmed one."""
    row = waiting(session, actor, draw_id)
    if row.corrects is not None:  # handed in since the asker looked
        raise InputsChanged(draw=draw_id)
    if not approve:
        return refuse(row, actor, at)
    plan = confirm(session, row, by=actor, at=at)
    for one in opened.work.visits:
        session.add(visit_row(actor, draw_id, one))
    return Reply([_said(session, row, plan)], {"draw": draw_id, "state": row.state})


def refuse(row: tables.ImportedDraw, actor: Actor, at: datetime) -> Reply:
    """Note that a second person refused what was handed in."""
    row.state, row.decided_by, row.decided_at = State.REFUSED.value, actor.id, at
    return Reply((), {"draw": row.draw, "state": row.state})


def confirm(session: Session, row: tables.ImportedDraw, *, by: Actor, at: datetime) -> CampaignPlan:
    """Let what was handed in stand, for all parties to see; say by which plan."""
    ground = ground_of(session, by, campaign_id=row.campaign)
    if inputs_of(ground) != row.inputs:
        raise InputsChanged(draw=row.draw)
    if at >= window_end(ground.plan):
        raise ImportAfterWindow(window_end=window_end(ground.plan))
    row.state, row.decided_by, row.decided_at = State.APPROVED.value, by.id, at
    row.disclose_at = at if ground.plan.disclosure == "open" else window_end(ground.plan)
    for body in bodies_of(ground.plan) - {by.agency}:
        share(session, row, body)
    return ground.plan


def visit_row(actor: Actor, draw_id: str, one: WorkVisit, *, drawn_in: int = 0) -> tables.DrawnVisit:
    """Give a visit of an imported list as the lead keeps it; *drawn_in*: the correction that brought it."""
    return tables.DrawnVisit(
        id=one.visit,
        draw=draw_id,
        target=one.target,
        stratum=one.stratum,
        ticket_rank=one.ticket_rank,
        teams=[team_json(team) for team in one.teams],
        drawn_in=drawn_in,
        removed_in=None,
        **owned_by(actor),
    )


def _said(session: Session, row: tables.ImportedDraw, plan: CampaignPlan) -> DrawImported:
    assert row.disclose_at is not None
    return DrawImported(
        county=row.county,
        campaign=row.campaign,
        draw=row.draw,
        attempt=attempt_of(session, row.draw),
        lead=plan.lead,
        agencies=tuple(sorted(one.agency for one in plan.agencies)),
        witness=plan.witness,
        purpose=plan.purpose,
        place="paper" if row.place == "paper" else "platform",
        drawn_on=row.drawn_on,
        visits=row.visits,
        sections=row.sections,
        disclose_at=row.disclose_at,
        work=blob_ref(row.work),
    )


def attempt_of(session: Session, draw_id: str) -> int:
    """Number an import among the attempts at its draw: it follows those that came to nothing here."""
    return len(attempts_of(session, [draw_id]).get(draw_id, ())) + 1


def waiting(session: Session, actor: Actor, draw_id: str) -> tables.ImportedDraw:
    """Find what waits for a second person, as one who may decide it."""
    row = import_of(session, draw_id)
    if row is None or row.owner_agency != actor.agency:
        raise ImportUnknown(draw=draw_id)
    if changes.DECIDING.isdisjoint(actor.roles):
        raise ImportNotForYou()
    if row.state != State.ASKED:
        raise ImportDecided(state=row.state)
    if row.asked_by == actor.id:
        raise ImportBySamePerson()
    return row


def withdraw_import(session: Session, actor: Actor, *, at: datetime, draw_id: str) -> Reply:
    """Take back what was handed in, until it is confirmed."""
    row = import_of(session, draw_id)
    if row is None or row.owner_agency != actor.agency:
        raise ImportUnknown(draw=draw_id)
    require_lead(actor, row.owner_agency)
    if row.state != State.ASKED:
        raise ImportDecided(state=row.state)
    row.state, row.decided_by, row.decided_at = State.WITHDRAWN.value, actor.id, at
    return Reply((), {"draw": draw_id, "state": row.state})


# ── opened to everybody (the system's own) ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Earlier:
    """A version of an import that was confirmed, and corrected since: what is said of it, and where its list lies."""

    facts: Mapping[str, Any]
    work: BlobRef


@dataclass(frozen=True)
class Statement:
    """What is said of an imported draw when its window closes, but for the targets, and where those and the frame lie."""

    version: str
    facts: Mapping[str, Any]
    work: BlobRef
    frame: BlobRef
    earlier: Sequence[Earlier]


def prepare_statement(session: Session, actor: Actor, *, draw_id: str) -> Statement:
    """Read what is opened of an imported draw; no natural person, nothing written freely, is in it."""
    row = standing_import(session, draw_id)
    if row is None:
        raise NotDrawnYet(draw=draw_id)
    frame = session.get_one(tables.Frame, row.campaign)
    facts = {
        "draw": draw_id,
        "campaign": row.campaign,
        "county": row.county,
        "lead": row.owner_agency,
        "agencies": sorted(one.agency for one in plan_of(campaign_row(session, row.campaign)).agencies),
        "frame": {"n": frame.entities, "digest": frame.digest},
        **_where(row),
    }
    earlier = [
        Earlier({"import": one.id, **_where(one)}, blob_ref(one.work)) for one in corrected_imports(session, row)
    ]
    return Statement(row.id, facts, blob_ref(row.work), blob_ref(frame.file), earlier)


def _where(row: tables.ImportedDraw) -> dict[str, Any]:
    told = {"place": row.place, "drawn_on": row.drawn_on.isoformat()}
    return told | {"evidence_sha256": row.evidence["sha256"]}


def disclose_import(
    session: Session, actor: Actor, *, at: datetime, draw_id: str, version: str, record: BlobRef, frame: BlobRef
) -> list[Payload]:
    """Open the statement on an imported draw, and the frame, to everybody; once, and again when it was corrected."""
    row = standing_import(session, draw_id)
    if row is None:
        raise NotDrawnYet(draw=draw_id)
    if row.id != version:
        raise InputsChanged(draw=draw_id)
    opened = session.get(tables.Disclosure, draw_id)
    if opened is not None and (row.corrects is None or opened.version == version):
        return []
    if opened is None:
        opened = tables.Disclosure(
            id=draw_id,
            record=record.model_dump(mode="json"),
            frame_file=frame.model_dump(mode="json"),
            disclosed_at=at,
            version=version,
            county=row.county,
            owner_agency=row.owner_agency,
        )
        session.add(opened)
        for body in bodies_of(plan_of(campaign_row(session, row.campaign))) - {row.owner_agency}:
            share(session, opened, body)
    else:  # what was open before stands in the new statement
        opened.record, opened.version = record.model_dump(mode="json"), version
    attempt = attempt_of(session, draw_id)
    return [
        DrawDisclosed(
            county=row.county, campaign=row.campaign, draw=draw_id, attempt=attempt, record=record, frame=frame
        )
    ]
