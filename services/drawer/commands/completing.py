"""From the last word of the ceremony to the outcome and its records, and at the end of the window to everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan, WorkList, WorkTeam, WorkVisit
from schemas.events.draws import DrawCompleted, DrawDisclosed
from schemas.events.payload import Payload
from services.drawer import tables
from services.drawer.commands.published import publish
from services.drawer.domain.outcome import Outcome
from services.drawer.progress import Stage
from services.drawer.reading import Said, attempts_of, blob_ref, campaign_row, draw_row, newest, plan_of
from services.drawer.refusals import InputsChanged, NotDrawnYet


@dataclass(frozen=True)
class Inputs:
    """Everything an outcome is worked out from, as stored."""

    said: Said
    earlier: tuple[Said, ...]
    plan: CampaignPlan
    frame_file: BlobRef
    rosters: BlobRef
    roster_secrets: Mapping[str, bytes]


def inputs_digest(said: Said) -> tuple[str, str, str, int]:
    """Tell one set of inputs from another: manifest, seal (which covers every reveal), dice and other values, faults."""
    return said.row.manifest_digest, said.seal.digest if said.seal else "", said.spoken(), len(said.faults)


@dataclass(frozen=True)
class Completion:
    """The outcome worked out, and the documents made of it."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    inputs: tuple[str, str, str, int]
    outcome: Outcome
    work_list: WorkList
    full_record: BlobRef
    public_record: BlobRef
    work: BlobRef
    window_end: datetime


def prepare_completion(session: Session, actor: Actor, *, draw_id: str, now: datetime) -> Inputs:
    """Read everything the outcome is worked out from (the system's request)."""
    draw_row(session, draw_id)
    attempts = attempts_of(session, [draw_id]).get(draw_id, [])
    if not attempts or attempts[-1].standing.stage(now) != Stage.DRAWING:
        raise NotDrawnYet(draw=draw_id)
    return inputs_of(session, attempts)


def inputs_of(session: Session, attempts: Sequence[Said]) -> Inputs:
    """Read what the outcome of the last of *attempts* is worked out from; only the system sees all of it."""
    said = attempts[-1]
    secret = tables.RosterSecret
    secrets = session.scalars(select(secret).where(secret.attempt == said.row.id)).all()
    return Inputs(
        said,
        tuple(attempts[:-1]),
        plan_of(campaign_row(session, said.row.campaign)),
        blob_ref(said.row.frame_file),
        blob_ref(said.row.rosters),
        {row.agency: row.sealed for row in secrets},
    )


def complete_draw(session: Session, actor: Actor, done: Completion, *, at: datetime, draw_id: str) -> Sequence[Payload]:
    """Write down the outcome, once; visits open from here."""
    said = newest(session, draw_id)
    if said.outcome is not None:
        return []
    row, outcome = said.row, done.outcome
    if done.inputs != inputs_digest(said):
        raise InputsChanged(draw=draw_id)
    owner = {"county": row.county, "owner_agency": row.owner_agency}
    disclose_at = at if row.manifest["disclosure"] == "open" else done.window_end
    sections = sum(len(one.teams) for one in done.work_list.visits)
    result = tables.OutcomeRow(
        id=row.id,
        draw=row.draw,
        visits=len(outcome.visits),
        sections=sections,
        open_slots=len(outcome.open),
        visits_root=outcome.visits_root.hex(),
        result_digest=outcome.result_digest.hex(),
        full_record=done.full_record.model_dump(mode="json"),
        public_record=done.public_record.model_dump(mode="json"),
        work=done.work.model_dump(mode="json"),
        completed_at=at,
        disclose_at=disclose_at,
        faults=len(said.faults),
        **owner,
    )
    publish(session, said, result)
    for one in done.work_list.visits:
        session.add(drawn_visit(said, one, 0))
    heard = DrawCompleted(
        county=row.county,
        campaign=row.campaign,
        draw=row.draw,
        attempt=row.number,
        lead=row.owner_agency,
        agencies=said.agencies,
        purpose=row.manifest["purpose"],
        visits=result.visits,
        sections=sections,
        visits_root=result.visits_root,
        result_digest=result.result_digest,
        disclose_at=disclose_at,
        work=done.work,
    )
    return [heard]


def prepare_disclosure(session: Session, actor: Actor, *, draw_id: str) -> tuple[BlobRef, BlobRef]:
    """Find the closed public record and the frame of a draw (the system's request)."""
    said = newest(session, draw_id)
    if said.told is None:
        raise NotDrawnYet(draw=draw_id)
    return blob_ref(said.told.public_record), blob_ref(said.row.frame_file)


def disclose_draw(
    session: Session, actor: Actor, *, at: datetime, draw_id: str, closed: str, record: BlobRef, frame: BlobRef
) -> list[Payload]:
    """
    Open the record and the frame to everybody, once.

    Args:
        closed: Digest of the closed record that *record* is opened from: another one may have been written since.
    """
    said = newest(session, draw_id)
    if said.told is None:
        raise NotDrawnYet(draw=draw_id)
    if said.disclosure is not None:
        return []
    if said.told.public_record["digest"] != closed:
        raise InputsChanged(draw=draw_id)
    row = said.row
    opened = tables.Disclosure(
        id=draw_id,
        record=record.model_dump(mode="json"),
        frame_file=frame.model_dump(mode="json"),
        disclosed_at=at,
        county=row.county,
        owner_agency=row.owner_agency,
    )
    publish(session, said, opened)
    heard = DrawDisclosed(
        county=row.county, campaign=row.campaign, draw=draw_id, attempt=row.number, record=record, frame=frame
    )
    return [heard]


def drawn_visit(said: Said, one: WorkVisit, drawn_in: int) -> tables.DrawnVisit:
    """Write down one visit that the draw itself (0) or a round gave."""
    return tables.DrawnVisit(
        id=one.visit,
        draw=said.row.draw,
        target=one.target,
        stratum=one.stratum,
        ticket_rank=one.ticket_rank,
        teams=[team_json(team) for team in one.teams],
        drawn_in=drawn_in,
        removed_in=None,
        county=said.row.county,
        owner_agency=said.row.owner_agency,
    )


def team_json(team: WorkTeam) -> list[Any]:
    """Give a team as it stands in a visit's row."""
    return [team.agency, list(team.items), list(team.officers)]
