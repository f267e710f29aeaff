"""Read models of registers, checklists and rule packs: what stands in them now, or stood on a day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound
from runtime.store import Actor
from schemas.documents import ChecklistDocument
from schemas.rulepack import RulePack, Worded
from services.planner import packs
from services.planner.domain.register_rows import COLUMNS, KINDS
from services.planner.importing import ImportKindUnknown
from services.planner.registers import OWNED_KINDS, all_checklists, edition_of, newest_checklists, register_on
from services.planner.tables import CalendarRow, ChecklistRow, InspectorRow, ItemRow, RulepackRow


class ChecklistNotFound(NotFound):
    """The agency has no checklist of this name in this edition."""

    code = "checklist.unknown"


@dataclass(frozen=True)
class RegisterCount:
    """How much stands in one of an agency's registers."""

    kind: str
    rows: int
    edition: int
    changed_at: datetime | None


def register_counts(session: Session, actor: Actor) -> list[RegisterCount]:
    """Count what stands in each register of the asker's agency."""
    found = []
    for kind in KINDS:
        edition = edition_of(session, actor.county, actor.agency, kind)
        if edition is None:
            found.append(RegisterCount(kind, 0, 0, None))
        else:
            found.append(RegisterCount(kind, edition.rows, edition.edition, edition.changed_at))
    return found


@dataclass(frozen=True)
class RegisterView:
    """A register as it stood on a day: rows by id, cells by column key."""

    kind: str
    agency: str
    on: date
    edition: int
    columns: tuple[tuple[str, str], ...]  # (key, heading)
    rows: tuple[Mapping[str, Any], ...]


SHOWN: Mapping[str, tuple[str, ...]] = {
    "targets": (
        "target", "name", "category", "district", "labels", "established_on", "state", "address", "legal_representative",
        "contact", "phone",
    ),
    "inspectors": ("officer", "name", "credential", "credential_from", "credential_until", "labels", "cap", "state"),
    "experts": ("expert", "name", "field", "employer", "source", "valid_until"),
    "recusals": ("officer", "target", "category", "reason", "until_on"),
    "absences": ("officer", "first_on", "last_on", "reason", "cancelled"),
    "items": ("item", "name", "kind", "legal_basis", "methods", "labels", "categories"),
}  # fmt: skip
HEADINGS: Mapping[str, Mapping[str, str]] = {
    kind: {"target": "统一社会信用代码"} | {column.key: column.heading for column in COLUMNS[kind]} for kind in SHOWN
}


def register_view(session: Session, actor: Actor, *, kind: str, on: date) -> RegisterView:
    """Show a register of the asker's agency as it stood on a day."""
    edition = edition_of(session, actor.county, actor.agency, kind)
    if kind == "checklists":
        checklists = [_checklist_line(row) for row in newest_checklists(session, actor.county, actor.agency)]
        columns = (("checklist", "事项编号"), ("title", "检查表名称"), ("edition", "版本"), ("questions", "问题数"))
        return RegisterView(kind, actor.agency, on, edition.edition if edition else 0, columns, tuple(checklists))
    if kind not in SHOWN:
        raise ImportKindUnknown(kind=kind)
    table: Any = (OWNED_KINDS | {"items": ItemRow})[kind]
    rows = register_on(session, table, actor.county, actor.agency, on)
    keys = SHOWN[kind]
    return RegisterView(
        kind=kind,
        agency=actor.agency,
        on=on,
        edition=edition.edition if edition else 0,
        columns=tuple((key, HEADINGS[kind][key]) for key in keys),
        rows=tuple({key: getattr(row, key) for key in keys} for row in rows),
    )


def words_of(session: Session, actor: Actor) -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Say what the codes in registers mean by the newest rule packs: column key → code → Chinese, English."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for row in packs.newest_packs(session, actor.county):
        pack = packs.read_pack(row.document)
        lists: Mapping[str, Sequence[Worded]] = {
            "category": pack.categories,
            "categories": pack.categories,
            "district": pack.districts,
            "labels": pack.officer_labels,
            "methods": pack.methods,
            "field": pack.expert_fields,
            "source": pack.expert_sources,
            "reason": (*pack.recusal_reasons, *pack.absence_reasons),
        }
        for key, words in lists.items():
            found.setdefault(key, {}).update((word.code, (word.zh, word.en)) for word in words)
    return found


def _checklist_line(row: ChecklistRow) -> Mapping[str, Any]:
    return {
        "checklist": row.checklist,
        "title": row.title,
        "edition": row.edition,
        "questions": row.questions,
        "items": row.items,
        "published_at": row.published_at,
    }


def checklists_of(session: Session, actor: Actor) -> list[Mapping[str, Any]]:
    """List every edition of every checklist of the asker's agency."""
    return [_checklist_line(row) for row in all_checklists(session, actor.county, actor.agency)]


def checklist_view(session: Session, actor: Actor, *, checklist: str, edition: int) -> ChecklistDocument:
    """Show one checklist of the asker's agency with its questions."""
    row = session.get(ChecklistRow, f"{actor.county}.{actor.agency}.{checklist}.{edition}")
    if row is None:
        raise ChecklistNotFound(checklist=checklist, edition=edition)
    return ChecklistDocument.model_validate_json(row.document)


def officers_of(session: Session, actor: Actor, *, on: date) -> list[Mapping[str, Any]]:
    """List the asker's agency's officers with what decides on whether they can be sent."""
    rows = register_on(session, InspectorRow, actor.county, actor.agency, on)
    return [{key: getattr(row, key) for key in SHOWN["inspectors"]} for row in rows]


def all_items(session: Session, actor: Actor) -> list[Mapping[str, Any]]:
    """List the items of all agencies of the county that stand now."""
    rows = session.scalars(
        select(ItemRow).where(ItemRow.county == actor.county, ItemRow.valid_to.is_(None)).order_by(ItemRow.item)
    )
    return [{"agency": row.agency, **{key: getattr(row, key) for key in SHOWN["items"]}} for row in rows]


# ── rule packs ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class PackLine:
    """A rule pack in a list."""

    pack: str
    edition: date
    title: str
    digest: str
    published_at: datetime


def packs_of(session: Session, actor: Actor) -> list[PackLine]:
    """List the rule packs of the county, newest edition of each first."""
    rows = session.scalars(
        select(RulepackRow)
        .where(RulepackRow.county == actor.county)
        .order_by(RulepackRow.pack, RulepackRow.edition.desc())
    )
    return [PackLine(row.pack, row.edition, row.title, row.digest, row.published_at) for row in rows]


def pack_view(session: Session, actor: Actor, *, pack: str, edition: date | None = None) -> tuple[PackLine, RulePack]:
    """Show one rule pack, in its newest edition where none is named."""
    row = packs.find_pack(session, actor.county, pack, edition)
    return PackLine(row.pack, row.edition, row.title, row.digest, row.published_at), packs.read_pack(row.document)


@dataclass(frozen=True)
class CalendarLine:
    """A working calendar in a list."""

    calendar: str
    first_year: int
    last_year: int
    digest: str
    published_at: datetime


def calendars_of(session: Session, actor: Actor) -> list[CalendarLine]:
    """List the working calendars of the county, newest first."""
    rows = session.scalars(
        select(CalendarRow)
        .where(CalendarRow.county == actor.county)
        .order_by(CalendarRow.published_at.desc(), CalendarRow.id)
    )
    return [CalendarLine(row.calendar, row.first_year, row.last_year, row.digest, row.published_at) for row in rows]


def has_calendar_for(session: Session, actor: Actor, *, county: str, days: Iterable[date]) -> bool:
    """Tell whether the county has a working calendar with the notices of the years of all *days*."""
    spans = session.execute(
        select(CalendarRow.first_year, CalendarRow.last_year).where(CalendarRow.county == county)
    ).all()
    return any(all(first <= day.year <= last for day in days) for first, last in spans)
