"""Registers change by imports: all of a spreadsheet or nothing of it, every change a new version of its row."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runtime.errors import Conflict, Forbidden, OneVisitError
from runtime.service import Reply
from runtime.store import Actor
from schemas.events.payload import Payload
from schemas.events.registers import ChecklistPublished, RegisterPublished
from schemas.vocabulary import Role
from services.planner.domain.register_rows import (
    AbsenceEntry,
    ExpertEntry,
    InspectorEntry,
    ItemEntry,
    RecusalEntry,
    TargetEntry,
)
from services.planner.importing import PreparedChecklist, PreparedImport, RegisterEntry, inputs_of
from services.planner.registers import OWNED_KINDS, StandingRow, next_edition, register_on
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

TABLES = OWNED_KINDS | {"items": ItemRow}
SAID = ("targets", "inspectors", "items")


class NotThePlanner(Forbidden):
    """Registers are kept by an agency's planner or administrator."""

    code = "register.not_the_planner"


class RegisterMoved(Conflict):
    """A register or the words it is checked by changed while the file was read; sending it again is enough."""

    code = "register.moved"


def import_register(
    session: Session, actor: Actor, *, at: datetime, kind: str, file: str, prepared: PreparedImport | OneVisitError
) -> Reply:
    """
    Take a checked spreadsheet over into the registers of the actor's agency.

    Args:
        kind: Which register was asked for.
        file: SHA-256 of the file as hex, which tells one upload from another.
        prepared: What was read from it, or why it was refused.
    """
    if not actor.has(Role.PLANNER, Role.AGENCY_ADMIN):
        raise NotThePlanner()
    if isinstance(prepared, OneVisitError):
        raise prepared
    if prepared.agency != actor.agency or prepared.inputs != inputs_of(session, actor):
        raise RegisterMoved(kind=kind)
    events: list[Payload] = []
    counts: dict[str, dict[str, int]] = {}
    for name, entries in prepared.entries.items():
        counts[name], said = _take_over(session, actor, name, entries, prepared.on, at)
        events += said
    if kind == "checklists":
        counts[kind], said = _publish_checklists(session, actor, prepared, at)
        events += said
    also = {name: count for name, count in counts.items() if name != kind}
    return Reply(events=events, value={"kind": kind, "counts": counts[kind], "also": also})


def _take_over(
    session: Session, actor: Actor, kind: str, entries: Sequence[RegisterEntry], on: date, at: datetime
) -> tuple[dict[str, int], list[Payload]]:
    table: Any = TABLES[kind]
    standing = {_name(row): row for row in register_on(session, table, actor.county, actor.agency)}
    versions = _versions(session, actor, table)
    counts = {"new": 0, "changed": 0, "unchanged": 0}
    for entry in entries:
        name, values = _name(entry), _values(entry)
        row = standing.get(name)
        if row is not None and all(getattr(row, key) == value for key, value in values.items()):
            counts["unchanged"] += 1
            continue
        counts["new" if row is None else "changed"] += 1
        if row is not None:
            row.valid_to = on
        version = versions.get(name, 0) + 1
        owner = {"agency": actor.agency} if kind == "items" else {"owner_agency": actor.agency}
        session.add(
            table(
                id=f"{actor.county}.{actor.agency}.{name}.{version}",
                county=actor.county,
                **owner,
                version=version,
                valid_from=on,
                valid_to=None,
                recorded_at=at,
                recorded_by=actor.id,
                **values,
            )
        )
    if not counts["new"] + counts["changed"]:
        return counts, []
    edition = next_edition(session, actor.county, actor.agency, kind, len(standing) + counts["new"], at)
    return counts, _register_said(actor, kind, edition)


def _versions(session: Session, actor: Actor, table: type[StandingRow]) -> dict[str, int]:
    owner: Any = getattr(table, "agency" if table is ItemRow else "owner_agency")
    rows = session.scalars(select(table).where(table.county == actor.county, owner == actor.agency))
    found: dict[str, int] = {}
    for row in rows:
        found[_name(row)] = max(found.get(_name(row), 0), row.version)
    return found


def _name(one: object) -> str:
    match one:
        case TargetEntry() | TargetRow():
            return one.target
        case InspectorEntry() | InspectorRow():
            return one.officer
        case ExpertEntry() | ExpertRow():
            return one.expert
        case RecusalEntry() | RecusalRow():
            return f"{one.officer}.{one.target or '*' + (one.category or '')}"
        case AbsenceEntry() | AbsenceRow():
            return f"{one.officer}.{one.first_on}"
        case ItemEntry() | ItemRow():
            return one.item
    raise TypeError(type(one))


def _values(entry: RegisterEntry) -> Mapping[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(entry).items()}


def _register_said(actor: Actor, kind: str, edition: RegisterEditionRow) -> list[Payload]:
    if kind not in SAID:
        return []
    return [
        RegisterPublished.model_validate(
            {
                "county": actor.county,
                "agency": actor.agency,
                "kind": kind,
                "edition": edition.edition,
                "rows": edition.rows,
            }
        )
    ]


def _publish_checklists(
    session: Session, actor: Actor, prepared: PreparedImport, at: datetime
) -> tuple[dict[str, int], list[Payload]]:
    counts = {"new": 0, "changed": 0, "unchanged": prepared.checklists_unchanged}
    events: list[Payload] = []
    for each in prepared.checklists:
        counts["new" if each.document.edition == 1 else "changed"] += 1
        events.append(_publish_checklist(session, actor, each, at))
    if prepared.checklists:
        total = session.scalar(
            select(func.count()).select_from(ChecklistRow).where(ChecklistRow.owner_agency == actor.agency)
        )
        next_edition(session, actor.county, actor.agency, "checklists", total or 0, at)
    return counts, events


def _publish_checklist(session: Session, actor: Actor, each: PreparedChecklist, at: datetime) -> Payload:
    document = each.document
    questions = sum(len(item.questions) for item in document.items)
    assert each.blob is not None, "a checklist is put into the blob store before it is published"
    session.add(
        ChecklistRow(
            id=f"{actor.county}.{actor.agency}.{document.checklist}.{document.edition}",
            county=actor.county,
            owner_agency=actor.agency,
            checklist=document.checklist,
            edition=document.edition,
            title=document.title,
            items=[item.item for item in document.items],
            questions=questions,
            content=each.content,
            document=document.encode().decode(),
            published_at=at,
            published_by=actor.id,
        )
    )
    return ChecklistPublished(
        county=actor.county,
        agency=actor.agency,
        checklist=document.checklist,
        edition=document.edition,
        questions=questions,
        document=each.blob,
    )
