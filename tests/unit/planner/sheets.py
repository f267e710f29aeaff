"""Spreadsheets made for a test."""

from collections.abc import Sequence

from runtime.files.sheets import Table, write_workbook
from services.planner.domain.credit_code import check_character
from services.planner.domain.register_rows import COLUMNS, SHEET_NAMES


def headings(kind: str) -> list[str]:
    """Return the headings of the template."""
    return [column.heading for column in COLUMNS[kind]]


def workbook(*tables: tuple[str, Sequence[str], Sequence[Sequence[str]]]) -> bytes:
    """Write a workbook of sheets (name, headings, rows)."""
    return write_workbook([Table(name, head, rows) for name, head, rows in tables])


def sheet(kind: str, rows: Sequence[Sequence[str]]) -> bytes:
    """Write a sheet of one kind; short rows of targets get an address and a representative."""
    if kind == "targets":
        rows = [[*row, *["", "", "", "某路1号", "某某"][len(row) - 5 :]] for row in rows]
    return workbook((SHEET_NAMES[kind], headings(kind), rows))


def credit_code(number: int) -> str:
    """Make a credit code nobody has."""
    first = f"91640221TEXT{number:05}"
    return first + check_character(first)
