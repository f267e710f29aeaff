"""Draws made elsewhere as each party may see them, and as anybody may once their window has closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.domain import changes
from services.drawer.domain.changes import State
from services.drawer.queries.drawn import may_read_full, may_see_list
from services.drawer.reading import agency_names, blob_ref, campaign_row, draw_row, import_of, plan_of
from services.drawer.refusals import EvidenceNotForYou, ImportUnknown


@dataclass(frozen=True)
class ImportView:
    """A draw made elsewhere: what is said of it, by whom of the lead it was handed in and confirmed."""

    draw: str
    campaign: str
    title: str
    number: str
    lead: str
    lead_name: str
    agencies: Mapping[str, str]
    """By id: what they are called."""
    purpose: str
    place: str
    platform: str
    drawn_on: date
    witnessed_by: str
    reason: str
    evidence_name: str
    evidence_digest: str
    sheet_name: str
    sheet_digest: str
    entities: int
    visits: int
    sections: int
    state: str
    asked_at: datetime
    decided_at: datetime | None
    disclose_at: datetime | None
    disclosed_at: datetime | None
    may_decide: bool
    may_withdraw: bool
    sees_list: bool
    """Whether the asker may know the targets now: on the list of the draw once it is confirmed."""
    reads_full: bool
    """Whether the asker may have the full archive now."""


def import_view(session: Session, actor: Actor, *, draw_id: str) -> ImportView | None:
    """Show what was handed in as this draw, if anything was that the asker may see."""
    draw_row(session, draw_id)
    row = import_of(session, draw_id)
    return _view(session, actor, row) if row is not None and is_shown(row.state) else None


def import_of_campaign(session: Session, actor: Actor, *, campaign_id: str) -> ImportView | None:
    """Show what was handed in as a campaign's draw, if anything was that the asker may see."""
    draw = session.scalar(select(tables.Draw.id).where(tables.Draw.campaign == campaign_id))
    return import_view(session, actor, draw_id=draw) if draw is not None else None


def imports_of(session: Session, actor: Actor) -> list[ImportView]:
    """List the draws made elsewhere that the asker takes part in, newest first."""
    drawn = session.scalars(select(tables.ImportedDraw.draw).distinct()).all()
    found = [import_view(session, actor, draw_id=draw) for draw in sorted(drawn, reverse=True)]
    return [one for one in found if one is not None]


def is_shown(state: str) -> bool:
    """Tell whether an import stands or waits; what was refused or taken back is history."""
    return state in (State.ASKED, State.APPROVED)


def _view(session: Session, actor: Actor, row: tables.ImportedDraw) -> ImportView:
    campaign, names = campaign_row(session, row.campaign), agency_names(session, row.county)
    plan, opened = plan_of(campaign), session.get(tables.Disclosure, row.draw)
    leads, waits = actor.agency == row.owner_agency, row.state == State.ASKED
    decides = leads and not changes.DECIDING.isdisjoint(actor.roles)
    return ImportView(
        draw=row.draw,
        campaign=row.campaign,
        title=campaign.title,
        number=campaign.number,
        lead=row.owner_agency,
        lead_name=names.get(row.owner_agency, row.owner_agency),
        agencies={one.agency: names.get(one.agency, one.agency) for one in plan.agencies},
        purpose=plan.purpose.value,
        place=row.place,
        platform=row.platform,
        drawn_on=row.drawn_on,
        witnessed_by=row.witnessed_by,
        reason=row.reason,
        evidence_name=row.evidence["name"],
        evidence_digest=row.evidence["sha256"],
        sheet_name=row.sheet["name"],
        sheet_digest=row.sheet["sha256"],
        entities=row.entities,
        visits=row.visits,
        sections=row.sections,
        state=row.state,
        asked_at=row.asked_at,
        decided_at=row.decided_at,
        disclose_at=row.disclose_at,
        disclosed_at=opened.disclosed_at if opened else None,
        may_decide=decides and waits and row.asked_by != actor.id,
        may_withdraw=leads and waits and actor.has(Role.DRAW_OFFICER),
        sees_list=may_see_list(actor, row.owner_agency) or (decides and waits),
        reads_full=opened is not None and may_read_full(actor, row.owner_agency),
    )


def list_waiting(session: Session, actor: Actor, *, draw_id: str) -> BlobRef | None:
    """Find the list that waits for a second person, for those of the lead who may know it."""
    row = import_of(session, draw_id)
    if row is None or row.state != State.ASKED or not _view(session, actor, row).sees_list:
        return None
    return blob_ref(row.work)


def evidence_file(session: Session, actor: Actor, *, draw_id: str) -> tuple[str, BlobRef]:
    """
    Find the scanned 附件2 or the export, by name: it names targets, so it is for those of the lead who may know them.

    Raises:
        ImportUnknown, EvidenceNotForYou.
    """
    row = import_of(session, draw_id)
    if row is None:
        raise ImportUnknown(draw=draw_id)
    decides = actor.agency == row.owner_agency and not changes.DECIDING.isdisjoint(actor.roles)
    if not decides and not may_see_list(actor, row.owner_agency):
        raise EvidenceNotForYou()
    return row.evidence["name"], blob_ref(row.file)


def words_for_agencies(session: Session, actor: Actor, *, agencies: Sequence[str]) -> dict[str, str]:
    """Give everything people write for an agency, its id among it: {written: agency}."""
    agency = tables.Agency
    rows = session.scalars(select(agency).where(agency.county == actor.county, agency.agency.in_(agencies))).all()
    return {word: row.agency for row in rows for word in (row.name, row.short_name)} | {one: one for one in agencies}


@dataclass(frozen=True)
class PublicImport:
    """A draw made elsewhere, for anybody: nothing that was written freely, nobody by name."""

    draw: str
    number: str
    title: str
    lead_name: str
    agencies: Sequence[str]
    purpose: str
    place: str
    drawn_on: date
    evidence_digest: str
    entities: int
    visits: int
    disclosed_at: datetime
    statement: BlobRef
    frame: BlobRef


def public_import(session: Session, actor: Actor, *, draw_id: str) -> PublicImport | None:
    """Show a disclosed draw that was made elsewhere (asked as the system)."""
    return next((one for one in public_imports(session, actor) if one.draw == draw_id), None)


def public_imports(session: Session, actor: Actor) -> list[PublicImport]:
    """List the disclosed draws that were made elsewhere, newest first (asked as the system)."""
    imported, opened = tables.ImportedDraw, tables.Disclosure
    pairs = session.execute(
        select(imported, opened, tables.Campaign)
        .join(opened, opened.id == imported.draw)
        .join(tables.Campaign, tables.Campaign.id == imported.campaign)
        .where(imported.state == State.APPROVED)
        .order_by(opened.disclosed_at.desc(), imported.id.desc())
    )
    names = {(row.county, row.agency): row.name for row in session.scalars(select(tables.Agency)).all()}
    return [_public(row, shown, campaign, names) for row, shown, campaign in pairs]


def _public(
    row: tables.ImportedDraw,
    opened: tables.Disclosure,
    campaign: tables.Campaign,
    names: Mapping[tuple[str, str], str],
) -> PublicImport:
    plan = plan_of(campaign)
    return PublicImport(
        draw=row.draw,
        number=campaign.number,
        title=campaign.title,
        lead_name=names.get((row.county, row.owner_agency), row.owner_agency),
        agencies=sorted(names.get((row.county, one.agency), one.agency) for one in plan.agencies),
        purpose=plan.purpose.value,
        place=row.place,
        drawn_on=row.drawn_on,
        evidence_digest=row.evidence["sha256"],
        entities=row.entities,
        visits=row.visits,
        disclosed_at=opened.disclosed_at,
        statement=blob_ref(opened.record),
        frame=blob_ref(opened.frame_file),
    )
