"""From an uploaded spreadsheet to what an import will write: everything that can be done before the transaction."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotFound, Rejected
from runtime.files.sheets import ReadSheet, SheetRejected, read_sheets
from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.documents import ChecklistDocument, ChecklistItem, Condition, Question
from services.planner import packs
from services.planner.domain.register_rows import (
    COLUMNS,
    KINDS,
    SHEET_NAMES,
    AbsenceEntry,
    ChecklistEntry,
    ExpertEntry,
    InspectorEntry,
    ItemEntry,
    RecusalEntry,
    TargetEntry,
    Vocabulary,
    ordered,
    read_absences,
    read_checklists,
    read_experts,
    read_inspectors,
    read_items,
    read_recusals,
    read_targets,
    read_titles,
)
from services.planner.domain.spreadsheets import Complaint, Sheet, SheetRefused
from services.planner.registers import editions, newest_checklists, register_on
from services.planner.tables import ExpertRow, InspectorRow, ItemRow

RegisterEntry = TargetEntry | InspectorEntry | ExpertEntry | RecusalEntry | AbsenceEntry | ItemEntry
MOST_SHOWN = 500


class ImportKindUnknown(NotFound):
    """There is no such register."""

    code = "import.kind_unknown"


class ImportRefused(SheetRefused):
    """A spreadsheet with complaints; ``complaints`` holds them with their sheets, in order."""

    def __init__(self, complaints: Sequence[tuple[str, Complaint]]) -> None:
        super().__init__(count=len(complaints))
        self.complaints = tuple(complaints[:MOST_SHOWN])


class ChecklistEditionTaken(Rejected):
    """Only used for its code: an edition was given that stands already with other questions."""

    code = "checklist.edition_taken"


@dataclass(frozen=True)
class PreparedChecklist:
    """A checklist that will be published, with its place in the blob store once it lies there."""

    document: ChecklistDocument
    content: str
    blob: BlobRef | None = None


@dataclass(frozen=True)
class PreparedImport:
    """What a spreadsheet says, read and checked, and the digest of what it was checked against."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    agency: str
    on: date
    inputs: str
    entries: Mapping[str, tuple[RegisterEntry, ...]] = field(default_factory=dict)  # by kind
    checklists: tuple[PreparedChecklist, ...] = ()
    checklists_unchanged: int = 0
    remarks: tuple[tuple[str, Complaint], ...] = ()


def open_file(data: bytes, filename: str) -> tuple[ReadSheet, ...]:
    """Read an uploaded file; a refusal that blames a cell becomes a complaint like any other."""
    try:
        return read_sheets(data, filename)
    except SheetRejected as refused:
        cell = refused.facts.get("cell")
        if not cell:
            raise
        row = int("".join(sign for sign in str(cell) if sign.isdigit()) or 1)
        facts = tuple((name, value) for name, value in refused.facts.items() if name not in ("cell", "sheet"))
        raise ImportRefused(
            [(str(refused.facts.get("sheet", "")), Complaint(row, str(cell), refused.code, facts))]
        ) from refused


def prepare_import(
    session: Session, actor: Actor, *, kind: str, sheets: Sequence[ReadSheet], on: date
) -> PreparedImport:
    """
    Check a spreadsheet of the actor's agency against the words of the packs and what stands in the registers.

    A workbook of inspectors that has a sheet 回避 brings its recusals along.

    Raises:
        ImportKindUnknown: *kind* is none of the seven.
        NoRulepack: there are no words to check against.
        ImportRefused: there are complaints.
    """
    if kind not in KINDS:
        raise ImportKindUnknown(kind=kind)
    words, rows = packs.vocabulary(session, actor.county)
    reading = _Reading(session, actor, sheets, words, on)
    prepared = PreparedImport(actor.agency, on, inputs_of(session, actor))
    entries: dict[str, tuple[RegisterEntry, ...]] = {}
    match kind:
        case "targets":
            entries["targets"] = tuple(read_targets(reading.sheet("targets"), words, on))
        case "inspectors":
            inspectors = read_inspectors(reading.sheet("inspectors"), words, on, reading.experts())
            entries["inspectors"] = tuple(inspectors)
            if reading.has("recusals"):
                known = reading.people() | {each.officer for each in inspectors}
                entries["recusals"] = tuple(read_recusals(reading.sheet("recusals"), words, known, on))
        case "experts":
            entries["experts"] = tuple(read_experts(reading.sheet("experts"), words, reading.officers(), on))
        case "recusals":
            entries["recusals"] = tuple(read_recusals(reading.sheet("recusals"), words, reading.people(), on))
        case "absences":
            entries["absences"] = tuple(read_absences(reading.sheet("absences"), words, reading.officers()))
        case "items":
            entries["items"] = tuple(read_items(reading.sheet("items"), words, reading.items_of_others()))
        case "checklists":
            titles = read_titles(reading.sheet("checklist_titles")) if reading.has("checklist_titles") else {}
            found = read_checklists(
                reading.sheet("checklists"), titles, words, packs.finding_kinds(rows), reading.own_items()
            )
            reading.refuse_complaints()
            made, unchanged = reading.checklists(found)
            reading.refuse_complaints()
            return PreparedImport(actor.agency, on, prepared.inputs, {}, made, unchanged, remarks=reading.remarks())
    reading.refuse_complaints()
    return PreparedImport(actor.agency, on, prepared.inputs, entries, remarks=reading.remarks())


def inputs_of(session: Session, actor: Actor) -> str:
    """Digest everything a spreadsheet is checked against: the packs' words and the editions of all registers."""
    told = [
        [row.digest for row in packs.newest_packs(session, actor.county)],
        editions(session, actor.county, (actor.agency,)),
        sorted(_items_of_others(session, actor)),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _items_of_others(session: Session, actor: Actor) -> dict[str, str]:
    rows = session.scalars(
        select(ItemRow).where(
            ItemRow.county == actor.county, ItemRow.agency != actor.agency, ItemRow.valid_to.is_(None)
        )
    )
    return {row.item: row.agency for row in rows}


class _Reading:
    """The sheets of one file, and the complaints about each."""

    def __init__(
        self, session: Session, actor: Actor, sheets: Sequence[ReadSheet], words: Vocabulary, on: date
    ) -> None:
        self._session, self._actor, self._sheets = session, actor, sheets
        self._words, self._on = words, on
        self._read: list[tuple[str, Sheet]] = []

    def has(self, kind: str) -> bool:
        """Tell whether the file has a sheet of this name."""
        return any(sheet.name == SHEET_NAMES[kind] for sheet in self._sheets)

    def sheet(self, kind: str) -> Sheet:
        """Find the sheet of *kind*: by its name, else by its headings, else the first."""
        found = next((sheet for sheet in self._sheets if sheet.name == SHEET_NAMES[kind]), None)
        candidates = [found] if found is not None else list(self._sheets)
        tried = [(each.name, _table(each, kind)) for each in candidates] or [("", Sheet(COLUMNS[kind], ()))]
        name, table = next((pair for pair in tried if not pair[1].complaints), tried[0])
        self._read.append((name, table))
        return table

    def refuse_complaints(self) -> None:
        """Refuse the file for all complaints of all its sheets together."""
        complaints = [(name, each) for name, sheet in self._read for each in ordered(sheet.complaints)]
        if complaints:
            raise ImportRefused(complaints)

    def remarks(self) -> tuple[tuple[str, Complaint], ...]:
        """Return what was noticed without being wrong."""
        return tuple((name, each) for name, sheet in self._read for each in ordered(sheet.remarks))

    def officers(self) -> set[str]:
        """Return the officers that stand in the register now."""
        return {row.officer for row in register_on(self._session, InspectorRow, *self._own)}

    def experts(self) -> set[str]:
        """Return the experts that stand in the register now."""
        return {row.expert for row in register_on(self._session, ExpertRow, *self._own)}

    def people(self) -> set[str]:
        """Return whom a recusal may bind: officers and experts."""
        return self.officers() | self.experts()

    def own_items(self) -> dict[str, str]:
        """Return the agency's own items with their names."""
        return {row.item: row.name for row in register_on(self._session, ItemRow, *self._own)}

    def items_of_others(self) -> dict[str, str]:
        """Return the items other agencies have, with the agency: an item is a line of one agency."""
        return _items_of_others(self._session, self._actor)

    @property
    def _own(self) -> tuple[str, str]:
        return self._actor.county, self._actor.agency

    def checklists(self, found: Sequence[ChecklistEntry]) -> tuple[tuple[PreparedChecklist, ...], int]:
        """Find out which checklists are new or changed, and number their editions."""
        standing = {row.checklist: row for row in newest_checklists(self._session, *self._own)}
        names = self.own_items()
        made: list[PreparedChecklist] = []
        for entry in found:
            content = _content(entry)
            row = standing.get(entry.item)
            if row is not None and row.content == content and entry.edition in (0, row.edition):
                continue
            newest = 0 if row is None else row.edition
            if 0 < entry.edition <= newest:
                taken = (("item", entry.item), ("edition", entry.edition), ("newest", newest))
                self._read[0][1].complaints.append(Complaint(1, "", ChecklistEditionTaken.code, taken))
                continue
            document = _document(
                entry, self._actor.agency, entry.edition or newest + 1, names.get(entry.item, entry.item)
            )
            made.append(PreparedChecklist(document, content))
        return tuple(made), len(found) - len(made)


def _table(sheet: ReadSheet, kind: str) -> Sheet:
    return Sheet(COLUMNS[kind], [(row.number, row.texts) for row in sheet.rows])


def _content(entry: ChecklistEntry) -> str:
    document = _document(entry, "-", 1, entry.item)
    return hashlib.sha256(document.encode()).hexdigest()


def _document(entry: ChecklistEntry, agency: str, edition: int, name: str) -> ChecklistDocument:
    questions = tuple(
        Question.model_validate(
            {
                "id": asked.id,
                "text": asked.text,
                "guidance": asked.guidance,
                "answer": asked.answer,
                "choices": asked.choices,
                "required": asked.required,
                "condition": None
                if asked.condition is None
                else Condition(question=asked.condition[0], answers=asked.condition[1]),
                "legal_basis": asked.legal_basis,
                "severity": asked.severity,
                "bad_answers": asked.bad_answers,
                "finding_kind": asked.finding_kind,
            }
        )
        for asked in entry.questions
    )
    return ChecklistDocument(
        checklist=entry.item,
        agency=agency,
        edition=edition,
        title=entry.title,
        items=(ChecklistItem(item=entry.item, name=name, questions=questions),),
    )
