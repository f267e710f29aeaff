"""Spreadsheets to be filled in: one per kind of register, with its headings and what belongs below them."""

from runtime.files.sheets import Table, write_workbook
from services.planner.domain.register_rows import COLUMNS, KINDS, SHEET_NAMES
from services.planner.importing import ImportKindUnknown

TOGETHER = {"inspectors": ("inspectors", "recusals"), "checklists": ("checklists", "checklist_titles")}


def template_file(kind: str) -> tuple[str, bytes]:
    """Return the name and the bytes of the template for a kind of register: headings, and a sheet that explains them."""
    if kind not in KINDS:
        raise ImportKindUnknown(kind=kind)
    parts = TOGETHER.get(kind, (kind,))
    tables = [Table(SHEET_NAMES[part], [column.heading for column in COLUMNS[part]], [], widths=None) for part in parts]
    notes = [
        (SHEET_NAMES[part], column.heading, "必填" if column.needed else "选填", column.note)
        for part in parts
        for column in COLUMNS[part]
    ]
    tables.append(Table("填写说明", ["工作表", "列", "是否必填", "说明"], notes, widths={"说明": 40}))
    return f"{kind}.xlsx", write_workbook(tables)
