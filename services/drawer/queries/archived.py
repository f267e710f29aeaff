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
from services.drawer.queries.faults import PROVED
from services.drawer.reading import Said, SaidSealed, attempts_of, blob_ref, campaign_row
from services.drawer.refusals import DrawUnknown, NotDrawnYet

_KINDS = {"application/json": ".json", "application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}


@dataclass(frozen=True)
class Kept:
    """What an edition of a draw's archive is made of: documents where they lie, and facts, by their names in it."""

    draw: str
    campaign: str
    """Topic's key, for the lines of the event log."""
    title: str
    edition: str
    result_digest: str
    documents: Mapping[str, BlobRef]
    facts: Mapping[str, Any]
    """JSON-able."""


def kept(session: Session, actor: Actor, *, draw_id: str, edition: str) -> Kept:
    """
    Gather what is kept of a draw (the system's request, when the asker may have the edition).

    The public edition is taken from the public record alone; photographs, requests and the times of acts are for the full one.

    Raises:
        DrawUnknown, NotDrawnYet.
    """
    attempts = attempts_of(session, [draw_id]).get(draw_id)
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
        facts["moments.json"] = {
            **{f"attempt-{one.row.number}": _moments(one) for one in attempts},
            **{f"round-{one.row.number}": _moments(one) for one in said.rounds},
        }
    campaign = campaign_row(session, said.row.campaign)
    title = f"{campaign.number} {campaign.title}"
    return Kept(draw_id, said.row.campaign, title, edition, said.newest.result_digest, documents, facts)


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
    return facts | {"evidence": _evidence(one), "evidence_sha256": one.evidence["sha256"]}


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
