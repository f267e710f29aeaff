"""Everything kept of a draw for ten years: which documents belong to it, and what is said of it beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from services.drawer import tables
from services.drawer.commands.appointing import entries_of
from services.drawer.domain.changes import State
from services.drawer.domain.correcting import CORRECTED
from services.drawer.domain.encoding import HASHES
from services.drawer.queries.drawn import may_read_full
from services.drawer.queries.faults import PROVED
from services.drawer.queries.records import EDITIONS, record_files
from services.drawer.reading import (
    Said,
    SaidSealed,
    agency_names,
    attempts_of,
    blob_ref,
    campaign_row,
    corrected_imports,
    draw_row,
    plan_of,
    standing_import,
)
from services.drawer.refusals import DrawUnknown, EditionUnknown, NotDisclosedYet, NotDrawnYet, RecordNotForYou

_KINDS = {"application/json": ".json", "application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}


@dataclass(frozen=True)
class Kept:
    """What an edition of a draw's archive is made of: documents where they lie, and facts, by their names in it."""

    draw: str
    campaign: str
    """Topic's key, for the lines of the event log."""
    title: str
    edition: str
    result_digest: str | None
    """None: it was made elsewhere, there is no record, and nothing to verify."""
    plan: bytes
    """The approved plan; its digest stands in the manifest."""
    names: Mapping[str, str]
    """What agencies are called, by id."""
    documents: Mapping[str, BlobRef]
    facts: Mapping[str, Any]
    """JSON-able."""


def check_reader(session: Session, actor: Actor, *, draw_id: str, edition: str) -> None:
    """
    Refuse an archive to whoever may not have its record, or, of a draw made elsewhere, what stands in a record's place.

    Raises:
        NotDrawnYet, NotDisclosedYet, RecordNotForYou, EditionUnknown.
    """
    draw_row(session, draw_id)
    imported = standing_import(session, draw_id)
    if imported is None:
        record_files(session, actor, draw_id=draw_id, edition=edition)
        return
    if edition not in EDITIONS:
        raise EditionUnknown(edition=edition)
    if session.get(tables.Disclosure, draw_id) is None:
        raise NotDisclosedYet(draw=draw_id, until=imported.disclose_at)
    if edition == "full" and not actor.is_system and not may_read_full(actor, imported.owner_agency):
        raise RecordNotForYou(lead=imported.owner_agency)


def kept(session: Session, actor: Actor, *, draw_id: str, edition: str) -> Kept:
    """
    Gather what is kept of a draw (the system's request, when the asker may have the edition).

    The public edition is taken from the public record; photographs, requests and evidence are for the full one.

    Raises:
        DrawUnknown, NotDrawnYet.
    """
    attempts = attempts_of(session, [draw_id]).get(draw_id, [])
    imported = standing_import(session, draw_id)
    if imported is not None:
        return _kept_import(session, imported, attempts, edition)
    if not attempts:
        raise DrawUnknown(draw=draw_id)
    said = attempts[-1]
    if said.outcome is None or said.newest is None or said.told is None:
        raise NotDrawnYet(draw=draw_id)
    record = f"{edition}_record"
    ended = [one.end for one in said.rounds if one.end is not None]
    documents = {
        "record.json": blob_ref(getattr(said.told, record)),
        "frame.tsv": blob_ref(said.row.frame_file),
        "records/0-draw.json": blob_ref(getattr(said.outcome, record)),
    }
    documents |= {
        f"records/{number}-round.json": blob_ref(getattr(end, record)) for number, end in enumerate(ended, start=1)
    }
    documents |= {
        f"records/{one.rounds}-round-{one.faults}-faults.json": blob_ref(getattr(one, record)) for one in said.editions
    }
    documents |= {
        f"faults/{one.number}-evidence{_KINDS[one.content_type or '']}": blob_ref(one.file)
        for one in said.faults
        if one.file is not None and (edition == "full" or one.kind in PROVED)
    }
    facts: dict[str, Any] = {f"manifests/attempt-{one.row.number}.json": one.row.manifest for one in attempts}
    witness = said.row.manifest["witness"]
    keys = {agency: told["key"] for agency, told in said.row.manifest["agencies"].items()}
    facts["keys.json"] = keys | ({"witness": witness["key"]} if witness else {})
    if edition == "full":
        changes = _changes(session, draw_id)
        documents |= _photographs(attempts) | {_evidence(one): blob_ref(one.file) for one in changes}
        facts |= {f"changes/{one.id}.json": _change(one) for one in changes}
        facts |= {f"appointments/{one.id}.json": _appointment(one) for one in entries_of(session, draw_id)}
        facts |= {f"faults/{one.number}.json": _fault(one) for one in said.faults}
    facts["moments.json"] = _of_attempts(attempts) | {f"round-{one.row.number}": _moments(one) for one in said.rounds}
    return _kept(session, said.row.campaign, draw_id, edition, said.newest.result_digest, documents, facts)


def _kept(
    session: Session,
    campaign_id: str,
    draw_id: str,
    edition: str,
    digest: str | None,
    documents: Mapping[str, BlobRef],
    facts: Mapping[str, Any],
) -> Kept:
    campaign = campaign_row(session, campaign_id)
    title, plan = f"{campaign.number} {campaign.title}", plan_of(campaign).encode()
    names = agency_names(session, campaign.county)
    return Kept(draw_id, campaign_id, title, edition, digest, plan, names, documents, facts)


def _kept_import(session: Session, standing: tables.ImportedDraw, attempts: Sequence[Said], edition: str) -> Kept:
    """Gather what is kept of a draw made elsewhere: the statement and the frame; in full all that was ever handed in."""
    opened = session.get_one(tables.Disclosure, standing.draw)
    documents = {"import.json": blob_ref(opened.record), "frame.tsv": blob_ref(opened.frame_file)}
    facts: dict[str, Any] = {f"manifests/attempt-{one.row.number}.json": one.row.manifest for one in attempts}
    facts["moments.json"] = _of_attempts(attempts) | {
        "import": {
            "handed_in": standing.asked_at.isoformat(),
            "confirmed": _decided(standing),
            "opened": opened.disclosed_at.isoformat(),
        }
    }
    if earlier := corrected_imports(session, standing):
        facts["moments.json"]["corrected"] = {
            one.id: {"handed_in": one.asked_at.isoformat(), "confirmed": _decided(one)} for one in earlier
        }
    if edition == "full":
        imported = tables.ImportedDraw
        rows = session.scalars(select(imported).where(imported.draw == standing.draw).order_by(imported.id)).all()
        documents |= {_scan(one): blob_ref(one.file) for one in rows}
        confirmed = [one for one in rows if one.state in (State.APPROVED, CORRECTED)]
        documents |= {f"imports/{one.id}-list.json": blob_ref(one.work) for one in confirmed}
        facts |= {f"imports/{one.id}.json": _handed_in(one) for one in rows}
    return _kept(session, standing.campaign, standing.draw, edition, None, documents, facts)


def _scan(one: tables.ImportedDraw) -> str:
    return f"imports/{one.id}{_ending(one.evidence)}"


def _handed_in(one: tables.ImportedDraw) -> dict[str, Any]:
    """Tell of a hand-in, whatever became of it, and nobody by name who handed it in or decided."""
    told: dict[str, Any] = {
        "import": one.id,
        "state": one.state,
        "place": one.place,
        "platform": one.platform,
        "reason": one.reason,
    }
    told |= {"witnessed_by": one.witnessed_by, "drawn_on": one.drawn_on.isoformat(), "visits": one.visits}
    told |= {"handed_in_at": one.asked_at.isoformat(), "sections": one.sections, "sheet_sha256": one.sheet["sha256"]}
    told |= {"decided_at": _decided(one), "evidence": _scan(one), "evidence_sha256": one.evidence["sha256"]}
    return told | ({"corrects": one.corrects, "correction": one.correction} if one.corrects is not None else {})


def _decided(one: tables.ImportedDraw) -> str | None:
    return one.decided_at.isoformat() if one.decided_at else None


def _of_attempts(attempts: Sequence[Said]) -> dict[str, Any]:
    return {f"attempt-{one.row.number}": _moments(one) for one in attempts}


def _photographs(attempts: Sequence[Said]) -> dict[str, BlobRef]:
    parts = {f"attempt-{one.row.number}": one.dice for one in attempts}
    parts |= {f"round-{one.row.number}": one.dice for one in attempts[-1].rounds}
    return {
        f"dice/{name}{_ending(dice.photo)}": blob_ref(dice.photo_file)
        for name, dice in parts.items()
        if dice is not None and dice.photo is not None and dice.photo_file is not None
    }


def _changes(session: Session, draw_id: str) -> Sequence[tables.Change]:
    change = tables.Change
    return session.scalars(select(change).where(change.draw == draw_id).order_by(change.id)).all()


def _evidence(one: tables.Change) -> str:
    return f"changes/{one.id}{_ending(one.evidence)}"


def _ending(file: Mapping[str, Any]) -> str:
    # Names as they were uploaded may name people; of them the ending is kept, which follows from the content.
    return PurePosixPath(file["name"]).suffix


def _change(one: tables.Change) -> dict[str, Any]:
    """Tell of a request; its officer stands in the record as a pid, and those who asked and agreed are told by agency."""
    decided = one.decided_at.isoformat() if one.decided_at else None
    facts = {"change": one.id, "visit": one.visit, "agency": one.agency, "about_officer": one.officer is not None}
    facts |= {"reason": one.reason, "asked_at": one.asked_at.isoformat(), "state": one.state, "decided_at": decided}
    named = {f"evidence_{name}": one.evidence[name] for name in HASHES if name in one.evidence}
    return facts | {"evidence": _evidence(one)} | named


def _appointment(one: tables.SlotAppointment) -> dict[str, Any]:
    """Tell of an entry about an open place, as of a request: who it is about and who decided are told by agency."""
    facts: dict[str, Any] = {"appointment": one.id, "visit": one.visit, "agency": one.agency, "place": one.place + 1}
    facts |= {"beyond": one.beyond, "reason": one.reason, "asked_at": one.asked_at.isoformat(), "state": one.state}
    facts |= {"decided_at": one.decided_at.isoformat() if one.decided_at else None, "decision": one.decision}
    return facts | {"ended_at": one.ended_at.isoformat() if one.ended_at else None, "ended_why": one.ended_why}


def _fault(one: tables.FaultRow) -> dict[str, Any]:
    """Tell of a fault after the seal; who reported it is told by agency."""
    facts = {"fault": one.number, "round": one.round, "kind": one.kind, "what": one.what, "who": one.who}
    facts |= {"evidence": one.evidence, "reported_by": one.owner_agency, "reported_at": one.reported_at.isoformat()}
    return facts | {"words": one.words}


def _moments(one: SaidSealed) -> dict[str, Any]:
    told: dict[str, Any] = {
        "countersigned": {agency: row.said_at.isoformat() for agency, row in sorted(one.countersignatures.items())},
        "revealed": {agency: row.said_at.isoformat() for agency, row in sorted(one.reveals.items())},
        "sealed": one.seal.said_at.isoformat() if one.seal else None,
        "dice": one.dice.said_at.isoformat() if one.dice else None,
    }
    if one.values:
        places = one.sources
        told["beacons"] = {places[at].id: row.said_at.isoformat() for at, row in sorted(one.values.items())}
    if isinstance(one, Said):
        told["opened"] = one.row.opened_at.isoformat()
        told["committed"] = {agency: row.said_at.isoformat() for agency, row in sorted(one.commitments.items())}
    return told
