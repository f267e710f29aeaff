"""
Faults after the seal: reported by a party with what proves them, and told by every record from then on.

Nothing voids a sealed attempt, and nothing takes a fault back: the draw stands, and everybody reads of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from runtime.files.evidence import StoredFile
from runtime.service import Reply
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.events.draws import DrawDisclosed, FaultPublished, SealAwaited
from schemas.events.payload import Payload
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.commands.ceremony import owned_by
from services.drawer.commands.completing import inputs_digest
from services.drawer.commands.prepared import Prepared
from services.drawer.commands.published import publish
from services.drawer.commands.told import told
from services.drawer.domain.faults import Kind
from services.drawer.domain.joint import needed
from services.drawer.domain.record import Fault
from services.drawer.domain.rounds import WITNESS
from services.drawer.progress import Stage
from services.drawer.reading import Said, SaidRound, newest, unfinished, unfinished_rounds
from services.drawer.refusals import FaultKnown, FaultUnknown, InputsChanged, PartiesOnly
from services.drawer.round_progress import RoundStage

NO_FILE = StoredFile({})


@dataclass(frozen=True)
class Evidence:
    """What lies behind a fault: the bytes whose hash the record names, and of which kind they are."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Judged:
    """A fault that holds, and its evidence."""

    fault: Fault
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Telling:
    """Records written anew because of faults."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    inputs: tuple[Any, ...]
    full_record: BlobRef
    public_record: BlobRef
    frame: BlobRef | None = None
    """The open frame, where the draw is disclosed already and the record is published anew."""


# ── reporting ───────────────────────────────────────────────────────────────────────────────────────────────────────


def prepare_fault(session: Session, actor: Actor, *, draw_id: str) -> Said:
    """
    Read the attempt somebody reports a fault of.

    Raises:
        PartiesOnly: faults are reported by the draw officers of its agencies and by its witness.
    """
    said = newest(session, draw_id)
    if not may_report(actor, said):
        raise PartiesOnly(draw=draw_id)
    return said


def may_report(actor: Actor, said: Said) -> bool:
    """Tell whether somebody speaks for a body of this draw."""
    officer = actor.has(Role.DRAW_OFFICER) and actor.agency in said.agencies
    return officer or (actor.has(Role.WITNESS) and actor.agency == said.row.witness)


def report_fault(
    session: Session,
    actor: Actor,
    work: Prepared[Judged],
    *,
    at: datetime,
    draw_id: str,
    kind: str,
    number: int,
    agency: str | None,
    sent: str | None,
    words: str,
    stored: StoredFile = NO_FILE,
) -> Reply:
    """
    Publish a fault that was proved or stated: to every party, and in every record from now on.

    Args:
        number: The round's; 0: the draw itself.
        agency: Whose reveal was left out.
        sent: Fingerprint of the evidence, which tells one request from another.
        stored: Where the evidence lies.
    """
    del agency, sent
    with told(session, actor.county):
        judged = work.get()
    said, fault = prepare_fault(session, actor, draw_id=draw_id), judged.fault
    same = {(one.kind, one.what, one.who, one.evidence) for one in said.faults}
    if (kind, fault.what, fault.who, fault.evidence) in same or (
        kind == Kind.REVEAL_OMITTED and (fault.what, fault.who) in {one[1:3] for one in same}
    ):
        raise FaultKnown(draw=draw_id)
    row = tables.FaultRow(
        id=f"{draw_id}.f{len(said.faults) + 1}",
        draw=draw_id,
        attempt=said.row.id,
        number=len(said.faults) + 1,
        round=number,
        kind=kind,
        what=fault.what,
        who=fault.who,
        evidence=fault.evidence,
        content_type=judged.evidence.content_type if judged.evidence else None,
        file=stored.blob or None,
        words=words,
        reported_by=actor.id,
        reported_at=at,
        **owned_by(actor),
    )
    publish(session, said, row)
    who = said.row.witness if fault.who == WITNESS else fault.who
    heard = FaultPublished(
        **_about(said),
        fault=row.number,
        round=number,
        kind=Kind(kind).value,
        who=who,
        proof=fault.evidence,
        reported_by=actor.agency,
    )
    return Reply([heard], {"draw": draw_id, "fault": row.number, "what": fault.what, "evidence": fault.evidence})


def fault_of(said: Said, number: int) -> tables.FaultRow:
    """Find a fault by its number."""
    found = next((one for one in said.faults if one.number == number), None)
    if found is None:
        raise FaultUnknown(fault=number)
    return found


# ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def telling_inputs(said: Said) -> tuple[Any, ...]:
    """Tell one set of inputs of the records from another."""
    return (*inputs_digest(said), sum(one.end is not None for one in said.rounds), said.disclosure is not None)


def tell_faults(session: Session, actor: Actor, done: Telling, *, at: datetime, draw_id: str) -> Sequence[Payload]:
    """Write down the records that tell of every fault, once (the system's request)."""
    said = newest(session, draw_id)
    if not said.untold:
        return []
    if done.inputs != telling_inputs(said):
        raise InputsChanged(draw=draw_id)
    row, rounds, faults = said.row, sum(one.end is not None for one in said.rounds), len(said.faults)
    edition = tables.Edition(
        id=f"{draw_id}.e{rounds}.{faults}",
        draw=draw_id,
        attempt=row.id,
        rounds=rounds,
        faults=faults,
        full_record=done.full_record.model_dump(mode="json"),
        public_record=done.public_record.model_dump(mode="json"),
        written_at=at,
        county=row.county,
        owner_agency=row.owner_agency,
    )
    publish(session, said, edition)
    if done.frame is None:
        return []
    return [DrawDisclosed(**_about(said), record=done.public_record, frame=done.frame)]


# ── a seal without a witness waits ──────────────────────────────────────────────────────────────────────────────────


def uncalled(session: Session, now: datetime) -> list[tuple[Said, SaidRound | None]]:
    """Find the attempts and rounds without a witness that wait to be sealed, and nobody has been called yet."""
    waiting: list[tuple[Said, SaidRound | None]] = [
        (said, None)
        for said in unfinished(session)
        if said.row.witness is None and said.standing.stage(now) == Stage.SEAL
    ]
    waiting += [
        (said, one)
        for said, one in unfinished_rounds(session)
        if said.row.witness is None and said.round_standing(one).stage(now) == RoundStage.SEAL
    ]
    return [each for each in waiting if session.get(tables.SealCall, call_id(*each)) is None]


def call_id(said: Said, one: SaidRound | None) -> str:
    """Name what is to be sealed: the attempt, or a round."""
    return one.row.id if one else said.row.id


def call_for_seal(session: Session, actor: Actor, *, at: datetime, of: str) -> list[Payload]:
    """Call the agencies that have not signed to seal together, once (the clock's request)."""
    events: list[Payload] = []
    for said, one in uncalled(session, at):
        if call_id(said, one) != of:
            continue
        row = said.row
        call = tables.SealCall(id=of, draw=row.draw, called_at=at, county=row.county, owner_agency=row.owner_agency)
        publish(session, said, call)
        signed = (one or said).seal_signers.keys()
        heard = SealAwaited(
            **_about(said),
            round=one.row.number if one else 0,
            agencies=tuple(agency for agency in said.agencies if agency not in signed),
            needed=needed(len(said.agencies)),
            seal_by=one.row.seal_by if one else said.standing.moments.seal_by,
        )
        events.append(heard)
    return events


def _about(said: Said) -> dict[str, Any]:
    row = said.row
    return {"county": row.county, "campaign": row.campaign, "draw": row.draw, "attempt": row.number}
