"""Draws made elsewhere as each party may see them, and as anybody may once their window has closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from services.drawer.reading import (
    agency_names,
    blob_ref,
    campaign_row,
    corrected_imports,
    draw_row,
    import_of,
    plan_of,
    standing_import,
)
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
    version: str
    correction: str | None
    """Why the version before was corrected: it may name a firm, so it is told like the names of the files."""
    reads_files: bool
    """Whether the asker may have list and evidence of every version."""
    may_correct: bool
    waiting: "ImportView | None" = None
    """A correction that waits for a second person, to the lead."""
    versions: Sequence["Version"] = ()
    """Everything that was handed in as this draw, as far as the asker sees it, if it was ever corrected."""


@dataclass(frozen=True)
class Version:
    """One thing that was handed in as a draw, whatever became of it."""

    version: str
    state: str
    place: str
    platform: str
    drawn_on: date
    witnessed_by: str
    reason: str
    correction: str | None
    evidence_name: str
    evidence_digest: str
    sheet_digest: str
    visits: int
    sections: int
    asked_at: datetime
    decided_at: datetime | None


def import_view(session: Session, actor: Actor, *, draw_id: str) -> ImportView | None:
    """Show what was handed in as this draw, if anything was that the asker may see, with what corrects it."""
    draw_row(session, draw_id)
    row, last = standing_import(session, draw_id), import_of(session, draw_id)
    waits = _view(session, actor, last) if last is not None and last.state == State.ASKED else None
    if row is None:
        return waits
    view = _view(session, actor, row)
    if waits is not None:
        view = replace(
            view, waiting=waits, may_decide=waits.may_decide, may_withdraw=waits.may_withdraw, may_correct=False
        )
    return replace(view, versions=_versions(session, actor, draw_id))


def _versions(session: Session, actor: Actor, draw_id: str) -> list[Version]:
    imported = tables.ImportedDraw
    asked = select(imported).where(imported.draw == draw_id).order_by(imported.asked_at.desc(), imported.id.desc())
    rows = session.scalars(asked).all()
    corrected = any(row.corrects is not None for row in rows)
    return [_version(row, named=_may_know(session, actor, row)) for row in rows] if corrected else []


def _may_know(session: Session, actor: Actor, row: tables.ImportedDraw) -> bool:
    """Tell whether the asker may read what could name a target: the targets are known, or the asker may know them."""
    return session.get(tables.Disclosure, row.draw) is not None or _may_read_files(actor, row)


def _may_read_files(actor: Actor, row: tables.ImportedDraw) -> bool:
    decides = actor.agency == row.owner_agency and not changes.DECIDING.isdisjoint(actor.roles)
    return decides or may_see_list(actor, row.owner_agency)


def _version(row: tables.ImportedDraw, *, named: bool) -> Version:
    return Version(
        row.id,
        row.state,
        row.place,
        row.platform,
        row.drawn_on,
        row.witnessed_by,
        row.reason,
        row.correction if named else None,
        row.evidence["name"] if named else "",
        row.evidence["sha256"],
        row.sheet["sha256"],
        row.visits,
        row.sections,
        row.asked_at,
        row.decided_at,
    )


def import_of_campaign(session: Session, actor: Actor, *, campaign_id: str) -> ImportView | None:
    """Show what was handed in as a campaign's draw, if anything was that the asker may see."""
    draw = session.scalar(select(tables.Draw.id).where(tables.Draw.campaign == campaign_id))
    return import_view(session, actor, draw_id=draw) if draw is not None else None


def imports_of(session: Session, actor: Actor) -> list[ImportView]:
    """List the draws made elsewhere that the asker takes part in, newest first."""
    drawn = session.scalars(select(tables.ImportedDraw.draw).distinct()).all()
    found = [import_view(session, actor, draw_id=draw) for draw in sorted(drawn, reverse=True)]
    return [one for one in found if one is not None]


def _view(session: Session, actor: Actor, row: tables.ImportedDraw) -> ImportView:
    campaign, names = campaign_row(session, row.campaign), agency_names(session, row.county)
    plan, opened = plan_of(campaign), session.get(tables.Disclosure, row.draw)
    leads, waits = actor.agency == row.owner_agency, row.state == State.ASKED
    decides = leads and not changes.DECIDING.isdisjoint(actor.roles)
    named = _may_know(session, actor, row)
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
        evidence_name=row.evidence["name"] if named else "",
        evidence_digest=row.evidence["sha256"],
        sheet_name=row.sheet["name"] if named else "",
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
        version=row.id,
        correction=row.correction if named else None,
        reads_files=_may_read_files(actor, row),
        may_correct=leads and row.state == State.APPROVED and actor.has(Role.DRAW_OFFICER),
    )


def list_waiting(session: Session, actor: Actor, *, draw_id: str) -> BlobRef | None:
    """Find the list that waits for a second person, for those of the lead who may know it."""
    row = import_of(session, draw_id)
    if row is None or row.state != State.ASKED or not _view(session, actor, row).sees_list:
        return None
    return blob_ref(row.work)


def evidence_file(session: Session, actor: Actor, *, draw_id: str, version: str | None) -> tuple[str, BlobRef]:
    """
    Find the scanned 附件2 or the export, by name: it names targets, so it is for those of the lead who may know them.

    Args:
        version: Of an import by its id; None: of the one that waits, else of the one that stands.

    Raises:
        ImportUnknown, EvidenceNotForYou.
    """
    row = session.get(tables.ImportedDraw, version) if version is not None else _shown_now(session, draw_id)
    row = _for_its_lead(actor, row, draw_id)
    return row.evidence["name"], blob_ref(row.file)


def _shown_now(session: Session, draw_id: str) -> tables.ImportedDraw | None:
    last = import_of(session, draw_id)
    return last if last is not None and last.state == State.ASKED else standing_import(session, draw_id) or last


@dataclass(frozen=True)
class ListOf:
    """Where the list of an import lies, and what its agencies are called."""

    work: BlobRef
    names: Mapping[str, str]


def list_of(session: Session, actor: Actor, *, draw_id: str, version: str | None) -> ListOf:
    """
    Find the list of an import, by its id or of the one that stands, for those of the lead who may know the targets.

    Raises:
        ImportUnknown, EvidenceNotForYou.
    """
    row = standing_import(session, draw_id) if version is None else session.get(tables.ImportedDraw, version)
    row = _for_its_lead(actor, row, draw_id)
    return ListOf(blob_ref(row.work), agency_names(session, row.county))


def _for_its_lead(actor: Actor, row: tables.ImportedDraw | None, draw_id: str) -> tables.ImportedDraw:
    if row is None or row.draw != draw_id:
        raise ImportUnknown(draw=draw_id)
    if not _may_read_files(actor, row):
        raise EvidenceNotForYou()
    return row


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
    corrected: int
    """How often the import was put right; the statement has every version."""


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
    return [
        _public(row, shown, campaign, names, len(corrected_imports(session, row))) for row, shown, campaign in pairs
    ]


def _public(
    row: tables.ImportedDraw,
    opened: tables.Disclosure,
    campaign: tables.Campaign,
    names: Mapping[tuple[str, str], str],
    corrected: int,
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
        corrected=corrected,
    )
