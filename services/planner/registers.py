"""Registers as they stood on a day: the one way rows of a register are read."""

from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.planner.tables import (
    AbsenceRow,
    ChecklistRow,
    ExpertRow,
    InspectorRow,
    ItemRow,
    RecusalRow,
    RegisterEditionRow,
    TargetRow,
)

StandingRow = TypeVar("StandingRow", TargetRow, InspectorRow, ExpertRow, RecusalRow, AbsenceRow, ItemRow)
OWNED_KINDS = {
    "targets": TargetRow,
    "inspectors": InspectorRow,
    "experts": ExpertRow,
    "recusals": RecusalRow,
    "absences": AbsenceRow,
}


def register_on(
    session: Session, table: type[StandingRow], county: str, agency: str, on: date | None = None
) -> list[StandingRow]:
    """
    List who stood in an agency's register on a day, by id; without a day, who stands in it now.

    A row stands from ``valid_from`` to the day before ``valid_to``; what changed twice on one day counts as at its end.
    """
    owner: Any = getattr(table, "agency" if issubclass(table, ItemRow) else "owner_agency")
    query = select(table).where(table.county == county, owner == agency)
    if on is None:
        query = query.where(table.valid_to.is_(None))
    else:
        query = query.where(table.valid_from <= on, or_(table.valid_to.is_(None), table.valid_to > on))
    return list(session.scalars(query.order_by(table.id)))


def edition_of(session: Session, county: str, agency: str, kind: str) -> RegisterEditionRow | None:
    """Find how often a register has changed."""
    return session.get(RegisterEditionRow, f"{county}.{agency}.{kind}")


def next_edition(session: Session, county: str, agency: str, kind: str, rows: int, at: datetime) -> RegisterEditionRow:
    """Count a change of a register in which *rows* stand now."""
    row_id = f"{county}.{agency}.{kind}"
    row = session.get(RegisterEditionRow, row_id)
    if row is None:
        row = RegisterEditionRow(id=row_id, county=county, agency=agency, kind=kind, edition=0, rows=0, changed_at=at)
        session.add(row)
    row.edition += 1
    row.rows, row.changed_at = rows, at
    return row


def editions(session: Session, county: str, agencies: tuple[str, ...]) -> dict[str, int]:
    """Count the editions of all registers of these agencies: what a frame was made from can be told by it."""
    rows = session.scalars(
        select(RegisterEditionRow).where(RegisterEditionRow.county == county, RegisterEditionRow.agency.in_(agencies))
    )
    return {row.id: row.edition for row in sorted(rows, key=lambda row: row.id)}


def newest_checklists(session: Session, county: str, agency: str) -> list[ChecklistRow]:
    """List the newest edition of each checklist of an agency, by name."""
    return sorted(_by_name(session, county, agency).values(), key=lambda row: row.checklist)


def _by_name(session: Session, county: str, agency: str) -> dict[str, ChecklistRow]:
    rows = session.scalars(
        select(ChecklistRow)
        .where(ChecklistRow.county == county, ChecklistRow.owner_agency == agency)
        .order_by(ChecklistRow.checklist, ChecklistRow.edition)
    )
    return {row.checklist: row for row in rows}


def all_checklists(session: Session, county: str, agency: str) -> list[ChecklistRow]:
    """List every edition of every checklist of an agency, by name, newest first."""
    return list(
        session.scalars(
            select(ChecklistRow)
            .where(ChecklistRow.county == county, ChecklistRow.owner_agency == agency)
            .order_by(ChecklistRow.checklist, ChecklistRow.edition.desc())
        )
    )
