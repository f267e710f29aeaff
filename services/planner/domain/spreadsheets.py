"""
Rows of a spreadsheet turned into records, with every complaint at its cell: all of them at once, not the first only.

Nothing here opens a file: ``runtime.files.sheets`` reads it in a child process and hands over texts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from runtime.errors import Rejected
from services.planner.domain.campaigns import CONTROL
from services.planner.domain.credit_code import is_identifier

Row = TypeVar("Row")
Numbered = tuple[int, Sequence[str]]  # number of the row as people see it, and its texts
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199
SEPARATORS = str.maketrans(dict.fromkeys("、,，;；|｜\n\t", " "))


class SheetRefused(Rejected):
    """A spreadsheet was not taken over because of its complaints; nothing was written."""

    code = "import.refused"


@dataclass(frozen=True)
class Column:
    """A column people fill in: its key here, its heading, other headings we know for it, and whether it must be there."""

    key: str
    heading: str
    needed: bool = True
    aliases: tuple[str, ...] = ()
    note: str = ""  # shown in the template below the heading


@dataclass(frozen=True)
class Complaint:
    """One thing wrong: where (``B7``; a whole sheet has no cell), a code, and what it is about."""

    row: int
    cell: str
    code: str
    facts: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Word:
    """A code of the rule pack with the names people write for it."""

    code: str
    names: tuple[str, ...] = ()


class Words:
    """Codes of one vocabulary, found by code or by name."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._codes = {name: word.code for word in words for name in (word.code, *word.names)}

    def find(self, written: str) -> str | None:
        """Return the code for a code or a name, or None."""
        return self._codes.get(written)


def cell_name(column: int, row: int) -> str:
    """Name a cell as a spreadsheet does: column 0, row 7 is ``A7``."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"


@dataclass
class Sheet:
    """
    A table under its headings, and the complaints found so far.

    Args:
        columns: What is expected; more columns are passed over.
        rows: The rows that are not empty, the headings first.
    """

    columns: Sequence[Column]
    rows: Sequence[Numbered]
    complaints: list[Complaint] = field(default_factory=list)
    remarks: list[Complaint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.head, headings = self.rows[0] if self.rows else (1, ())
        found = {cell.strip(): at for at, cell in reversed(list(enumerate(headings)))}
        self._at: dict[str, int] = {}
        for column in self.columns:
            for name in (column.heading, *column.aliases):
                if name in found:
                    self._at[column.key] = found[name]
                    break
            else:
                if column.needed:
                    self.complaints.append(
                        Complaint(self.head, "", "import.column_missing", (("column", column.heading),))
                    )

    def entries(self) -> list["Entry"]:
        """Return the filled rows below the headings; complains when there are none."""
        if self.complaints:
            return []
        if not self.rows[1:]:
            self.complaints.append(Complaint(self.head, "", "import.sheet_empty"))
        return [Entry(self, number, texts) for number, texts in self.rows[1:]]

    def place(self, key: str) -> int | None:
        """Return the position of a column, or None where the sheet does not have it."""
        return self._at.get(key)

    def heading(self, key: str) -> str:
        """Return what this sheet calls a column."""
        column = self.place(key)
        if column is not None:
            return self.rows[0][1][column].strip()
        return next(column.heading for column in self.columns if column.key == key)


@dataclass
class Entry:
    """One filled row: reads its cells, and complains at the cell where it cannot."""

    sheet: Sheet
    row: int
    cells: Sequence[str]

    def complain(self, key: str, code: str, **facts: object) -> None:
        """Put a complaint at this row's cell of column *key*."""
        self.sheet.complaints.append(self._at(key, code, facts))

    def remark(self, key: str, code: str, **facts: object) -> None:
        """Say something worth knowing that does not stop the import."""
        self.sheet.remarks.append(self._at(key, code, facts))

    def _at(self, key: str, code: str, facts: Mapping[str, object]) -> Complaint:
        column = self.sheet.place(key)
        cell = "" if column is None else cell_name(column, self.row)
        return Complaint(self.row, cell, code, (("column", self.sheet.heading(key)), *facts.items()))

    def written(self, key: str) -> str:
        """Return the cell's text without spaces around it; empty where column or cell is missing."""
        column = self.sheet.place(key)
        return "" if column is None or column >= len(self.cells) else self.cells[column].strip()

    def text(self, key: str, *, needed: bool = True, longest: int = 400) -> str:
        """Read a text; control and direction characters are refused."""
        written = self.written(key)
        if not written and needed:
            self.complain(key, "cell.empty")
        if CONTROL.search(written):
            self.complain(key, "cell.control_characters")
            return ""
        if len(written) > longest:
            self.complain(key, "cell.too_long", longest=longest)
            return ""
        return written

    def code(self, key: str, *, needed: bool = True) -> str:
        """Read an id: ASCII, at most 64 characters, no spaces or control characters inside."""
        written = self.text(key, needed=needed, longest=64)
        if written and not is_identifier(written):
            self.complain(key, "cell.not_an_id", written=written)
            return ""
        return written

    def word(self, key: str, words: Words, unknown: str, *, needed: bool = True) -> str:
        """Read a code or name of a vocabulary; complains with *unknown* where it is neither."""
        written = self.text(key, needed=needed, longest=100)
        if not written:
            return ""
        found = words.find(written)
        if found is None:
            self.complain(key, unknown, written=written)
            return ""
        return found

    def words(self, key: str, words: Words, unknown: str, *, needed: bool = False) -> tuple[str, ...]:
        """Read several codes or names, separated by commas, spaces or new lines; ascending, each once."""
        found: set[str] = set()
        written = self.parts(key)
        if needed and not written:
            self.complain(key, "cell.empty")
        for part in written:
            code = words.find(part)
            if code is None:
                self.complain(key, unknown, written=part)
            else:
                found.add(code)
        return tuple(sorted(found))

    def parts(self, key: str) -> tuple[str, ...]:
        """Read a cell with several words, in the order they are written, each once."""
        return tuple(dict.fromkeys(self.written(key).translate(SEPARATORS).split()))

    def day(self, key: str, *, needed: bool = True, latest: date | None = None) -> date | None:
        """Read a day, such as 2018-12-03, 2018/12/3, 2018年12月3日."""
        written = self.text(key, needed=needed, longest=40)
        if not written:
            return None
        found = read_day(written)
        if found is None or not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
            self.complain(key, "cell.not_a_date", written=written)
            return None
        if latest is not None and found > latest:
            self.complain(key, "cell.date_in_future", written=found, latest=latest)
            return None
        return found

    def whole_number(self, key: str, lowest: int, highest: int, default: int) -> int:
        """Read a whole number between two bounds; an empty cell takes *default*."""
        written = self.written(key)
        if not written:
            return default
        if not (written.isascii() and written.isdigit()) or not lowest <= int(written[:9]) <= highest:
            self.complain(key, "cell.not_a_number", written=written[:40], lowest=lowest, highest=highest)
            return default
        return int(written)

    def yes_or_no(self, key: str, *, default: bool) -> bool:
        """Read 是 or 否."""
        written = self.written(key).lower()
        if written in ("是", "yes", "true", "1"):
            return True
        if written in ("否", "no", "false", "0"):
            return False
        if written:
            self.complain(key, "cell.not_yes_or_no", written=written[:40])
        return default


def read_day(written: str) -> date | None:
    """Read a day from text, or return None where it is none."""
    parts = re.split(r"[-/.年月日]", written.removesuffix("日"))
    if len(parts) != 3 or len(parts[0]) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    try:
        return date(*map(int, parts))
    except ValueError:
        return None


def once_each(rows: Sequence[tuple[Entry, Row]], name: Callable[[Row], str], key: str, code: str) -> None:
    """Complain at every row that names the same thing as a row above it."""
    first: dict[str, int] = {}
    for entry, row in rows:
        named = name(row)
        if not named:
            continue
        if named in first:
            entry.complain(key, code, written=named, first=first[named])
        first.setdefault(named, entry.row)
