"""
Spreadsheets in and out: XLSX and CSV, as county offices send and expect them.

Reading happens in a child process with little memory and time, since a spreadsheet from outside may be made to hurt;
what comes back is text, with the name of every cell, so that a complaint can point at it. Writing makes text cells
only: nothing that was typed in can become a formula or a link on somebody's desk.
"""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import IO

import xlsxwriter

from runtime.errors import Rejected, TryAgain
from runtime.files.sheet_child import CELL_CHARACTERS, cell_name

MEBIBYTE = 1024 * 1024
_CHILD = Path(__file__).with_name("sheet_child.py")
_AT_ONCE = threading.BoundedSemaphore(2)  # children at a time: each may take a gibibyte
WAIT_SECONDS = 5.0  # for another's file to be read; who waits holds one of the web's threads
_MADE_ON = datetime(2000, 1, 1, tzinfo=UTC)  # a moment inside would make equal sheets differ


class SheetRejected(Rejected):
    """A spreadsheet is not taken."""

    code = "sheet.rejected"


class SheetTooLarge(SheetRejected):
    """The file is larger than is read, packed or unpacked, or needs more memory than a table does."""

    code = "sheet.too_large"


class SheetTooManyRows(SheetRejected):
    """The table is longer than is read."""

    code = "sheet.too_many_rows"


class SheetTooManyColumns(SheetRejected):
    """The table is wider than is read."""

    code = "sheet.too_many_columns"


class SheetCellTooLong(SheetRejected):
    """A cell holds more than a spreadsheet can."""

    code = "sheet.cell_too_long"


class SheetCorrupt(SheetRejected):
    """The file is torn or not a spreadsheet at all."""

    code = "sheet.corrupt"


class SheetTooSlow(SheetRejected):
    """Reading the file took longer than it may."""

    code = "sheet.too_slow"


class SheetProtected(SheetRejected):
    """The file is encrypted with a password."""

    code = "sheet.protected"


class SheetOldFormat(SheetRejected):
    """The file is of the format before 2007 (XLS)."""

    code = "sheet.old_format"


class SheetWrongExtension(SheetRejected):
    """The file is not what its name says."""

    code = "sheet.wrong_extension"


class SheetEncodingUnknown(SheetRejected):
    """The CSV file is neither UTF-8 nor GB18030."""

    code = "sheet.encoding"


class SheetControlCharacter(SheetRejected):
    """A cell holds a control character."""

    code = "sheet.control_character"


class SheetNumberAsCode(SheetRejected):
    """A code of sixteen digits or more was typed as a number: its last digits are lost already."""

    code = "sheet.number_as_code"


class SheetFormulaError(SheetRejected):
    """A formula shows an error such as #N/A instead of a value."""

    code = "sheet.formula_error"


class SheetReaderBusy(TryAgain):
    """Other spreadsheets are being read; ask again."""

    code = "sheet.reader_busy"


REFUSALS: dict[str, type[SheetRejected]] = {
    refusal.code: refusal
    for refusal in (
        SheetTooLarge,
        SheetTooManyRows,
        SheetTooManyColumns,
        SheetCellTooLong,
        SheetCorrupt,
        SheetTooSlow,
        SheetProtected,
        SheetOldFormat,
        SheetWrongExtension,
        SheetEncodingUnknown,
        SheetControlCharacter,
        SheetNumberAsCode,
        SheetFormulaError,
    )
}


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """How much of a spreadsheet is read at most."""

    file_bytes: int = 20 * MEBIBYTE
    expanded_bytes: int = 300 * MEBIBYTE
    members: int = 2_000
    rows: int = 100_000
    columns: int = 200
    memory_bytes: int = 1024 * MEBIBYTE
    output_bytes: int = 256 * MEBIBYTE
    cpu_seconds: int = 20
    wall_seconds: int = 30


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that is not empty: its number in the sheet (the first is 1) and its texts, without the empty end."""

    number: int
    texts: tuple[str, ...]

    def text(self, column: int) -> str:
        """Read the cell in *column* (the first is 0); beyond the end it is empty."""
        return self.texts[column] if column < len(self.texts) else ""

    def cell(self, column: int) -> str:
        """Name the cell in *column* (the first is 0) as a spreadsheet does: ``"B7"``."""
        return cell_name(self.number, column + 1)


@dataclass(frozen=True, slots=True)
class ReadSheet:
    """One visible sheet of a file: its name (a CSV file's own, without extension) and its rows that are not empty."""

    name: str
    rows: tuple[SheetRow, ...]


def read_sheets(data: bytes, filename: str, limits: SheetLimits | None = None) -> tuple[ReadSheet, ...]:
    """
    Read a spreadsheet that somebody sent, in a child process of its own.

    Args:
        data: The file.
        filename: Its name; ``.xlsx`` or ``.csv``, which must be true.
        limits: How much is read at most.

    Returns:
        The visible sheets in their order, hidden ones left out. Every cell is text: whole numbers without a point, days
        as ``2018-11-28``, formulas as the value they last had.

    Raises:
        SheetRejected: one of the refusals of this module; where a cell is to blame, its fact ``cell`` names it.
        SheetReaderBusy: too many others are being read.
    """
    limits = limits or SheetLimits()
    extension = PurePath(filename).suffix.lower().removeprefix(".")
    if extension == "xls":
        raise SheetOldFormat()
    if extension not in ("xlsx", "csv"):
        raise SheetWrongExtension(extension=extension, found="")
    if len(data) > limits.file_bytes:
        raise SheetTooLarge(size=len(data), limit=limits.file_bytes)
    if not _AT_ONCE.acquire(timeout=WAIT_SECONDS):
        raise SheetReaderBusy()
    try:
        with tempfile.TemporaryFile() as answer:
            ended = _run_child(data, extension, limits, answer)
            answer.seek(0)
            return _understood(answer, ended, PurePath(filename).stem)
    finally:
        _AT_ONCE.release()


def _run_child(data: bytes, extension: str, limits: SheetLimits, answer: IO[bytes]) -> int:
    asked = json.dumps({"extension": extension, "limits": asdict(limits)})
    with subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", str(_CHILD), asked],
        stdin=subprocess.PIPE,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        cwd="/",
        start_new_session=True,
    ) as child:
        try:
            child.communicate(data, timeout=limits.wall_seconds)
        except subprocess.TimeoutExpired as error:
            raise SheetTooSlow(seconds=limits.wall_seconds) from error
        finally:
            child.kill()
        return child.returncode


def _understood(answer: IO[bytes], ended: int, stem: str) -> tuple[ReadSheet, ...]:
    names: list[str] = []
    rows: list[list[SheetRow]] = []
    for written in answer:
        if not written.endswith(b"\n"):
            break  # the child ran into its limit while writing
        line = json.loads(written)
        if "n" in line:
            rows[-1].append(SheetRow(line["n"], tuple(line["c"])))
        elif "sheet" in line:
            names.append(line["sheet"] or stem)
            rows.append([])
        elif "refused" in line:
            raise REFUSALS[line["refused"]](**line["facts"])
        else:
            return tuple(ReadSheet(name, tuple(of)) for name, of in zip(names, rows, strict=True))
    if ended == -signal.SIGXCPU:
        raise SheetTooSlow()
    if ended in (-signal.SIGABRT, -signal.SIGXFSZ, -signal.SIGKILL):
        raise SheetTooLarge()  # out of memory, or more text than any register has
    raise SheetCorrupt()


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Table:
    """
    A sheet to be written.

    ``marked``: cells to colour red, ``(row, column)`` of *rows*, the first being 0; ``widths``: of columns, in
    characters, by their headings; others are as wide as their heading.
    """

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[str]]
    marked: Collection[tuple[int, int]] = frozenset()
    widths: Mapping[str, int] | None = None


def write_sheet(
    name: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    marked: Collection[tuple[int, int]] = frozenset(),
) -> bytes:
    """Write a workbook of one sheet; see `write_workbook`."""
    return write_workbook([Table(name, headings, rows, marked)])


def write_workbook(tables: Iterable[Table]) -> bytes:
    """
    Write an XLSX workbook of text cells; equal tables give equal bytes.

    Raises:
        SheetCellTooLong: a cell has more characters than a spreadsheet takes.
        SheetTooManyRows: a table has more rows than a sheet takes.
    """
    file = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"created": _MADE_ON})
        head = book.add_format(
            {"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True, "valign": "vcenter"}
        )
        plain = book.add_format({"num_format": "@"})
        red = book.add_format({"num_format": "@", "bg_color": "#FFC7CE", "font_color": "#9C0006"})
        for table in tables:
            sheet = book.add_worksheet(table.name)
            sheet.freeze_panes(1, 0)
            for column, heading in enumerate(table.headings):
                width = (table.widths or {}).get(heading, min(40, max(10, 2 * len(heading) + 2)))
                sheet.set_column(column, column, width, plain)
            for number, cells in enumerate([table.headings, *table.rows]):
                for column, text in enumerate(cells):
                    look = head if number == 0 else red if (number - 1, column) in table.marked else plain
                    _written(sheet.write_string(number, column, text, look), number, column)
    return file.getvalue()


def _written(answer: int, number: int, column: int) -> None:
    if answer == -2:
        raise SheetCellTooLong(limit=CELL_CHARACTERS, cell=cell_name(number + 1, column + 1))
    if answer:
        raise SheetTooManyRows(limit=1_048_576, cell=cell_name(number + 1, column + 1))


def write_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """
    Write a CSV file that opens in Excel and WPS with its characters right: UTF-8 with its mark, lines ended by CR LF.

    A text beginning with = + - @ TAB or CR gets a ``'`` before it, so that it stays text; `read_sheets` takes it off.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    for cells in [headings, *rows]:
        writer.writerow([f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell for cell in cells])
    return text.getvalue().encode("utf-8-sig")
