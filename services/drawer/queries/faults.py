"""Faults after the seal as its parties see them, and as anybody does once the record is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from services.drawer import tables
from services.drawer.commands.faults import fault_of
from services.drawer.domain.faults import Kind
from services.drawer.domain.rounds import WITNESS
from services.drawer.reading import Said, attempts_of, blob_ref, newest
from services.drawer.refusals import DrawUnknown, NoEvidence

PROVED = (Kind.REVEAL_OMITTED, Kind.SECOND_SEAL)
"""Kinds whose evidence is signed values alone: anybody may have it once the record is open."""


@dataclass(frozen=True)
class FaultView:
    """One fault: what, whose, what proves it, and who said so."""

    number: int
    round: int
    kind: str
    what: str
    """As the record says it."""
    who: str | None
    who_name: str | None
    evidence: str | None
    """H(document), as the record says it."""
    may_read: bool
    """Whether the asker may have the document."""
    words: str
    """The reporter's, for the parties; empty to others."""
    reported_by: str
    """The reporting body's name."""
    reported_at: datetime
    in_record: bool
    """Whether a record tells of it already; the first one does when the draw is drawn."""


def fault_views(actor: Actor, said: Said, names: Mapping[str, str]) -> list[FaultView]:
    """Show the faults of an attempt to a party."""
    return [_view(said, row, names, row.words, may_read=_may_read(actor, said, row)) for row in said.faults]


def public_faults(said: Said, names: Mapping[str, str]) -> list[FaultView]:
    """Show the faults of a disclosed draw to anybody: without the reporters' words, and without statements' documents."""
    return [_view(said, row, names, "", may_read=row.kind in PROVED) for row in said.faults]


def _view(said: Said, row: tables.FaultRow, names: Mapping[str, str], words: str, *, may_read: bool) -> FaultView:
    body = said.row.witness if row.who == WITNESS else row.who
    return FaultView(
        number=row.number,
        round=row.round,
        kind=row.kind,
        what=row.what,
        who=row.who,
        who_name=names.get(body, body) if body else None,
        evidence=row.evidence,
        may_read=may_read,
        words=words,
        reported_by=names.get(row.owner_agency, row.owner_agency),
        reported_at=row.reported_at,
        in_record=said.told is not None and said.told.faults >= row.number,
    )


def _may_read(actor: Actor, said: Said, row: tables.FaultRow) -> bool:
    """Tell whether a party may have the document: of an omitted reveal, before disclosure, its reporter alone."""
    if row.file is None:
        return False
    own = row.owner_agency == actor.agency
    return own or said.disclosure is not None or row.kind != Kind.REVEAL_OMITTED


def evidence_file(session: Session, actor: Actor, *, draw_id: str, number: int) -> tuple[str, BlobRef]:
    """
    Find the evidence of a fault, for a party.

    Raises:
        FaultUnknown, NoEvidence.
    """
    said = newest(session, draw_id)
    row = fault_of(said, number)
    if row.file is None or not _may_read(actor, said, row):
        raise NoEvidence(fault=number)
    return _named(row), blob_ref(row.file)


def public_evidence(session: Session, actor: Actor, *, draw_id: str, number: int) -> tuple[str, BlobRef]:
    """
    Find the evidence of a fault that proves itself, for anybody, once the draw is disclosed (asked as the system).

    Raises:
        DrawUnknown, FaultUnknown, NoEvidence.
    """
    attempts: Sequence[Said] = attempts_of(session, [draw_id]).get(draw_id, [])
    if not attempts or attempts[-1].disclosure is None:
        raise DrawUnknown(draw=draw_id)
    row = fault_of(attempts[-1], number)
    if row.file is None or row.kind not in PROVED:
        raise NoEvidence(fault=number)
    return _named(row), blob_ref(row.file)


def _named(row: tables.FaultRow) -> str:
    endings = {"application/json": ".json", "application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}
    return f"fault-{row.number}{endings[row.content_type or '']}"
