"""
The child process that opens one spreadsheet, so that a hostile one kills this and nothing else.

Run as a script, on purpose without any import of ours: ``python -I sheet_child.py '<limits as JSON>' < file > rows``.
The parser (python-calamine) aborts the whole interpreter on a 5 kB file whose only cell is XFD1048576; here that is
one dead child. Answers in JSON lines: ``{"sheet": name}``, ``{"n": row number, "c": [texts]}`` …, and at the end
``{"done": true}`` or ``{"refused": code, "facts": {…}}``. No last line: it died.
"""

import csv
import io
import json
import re
import resource
import signal
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
LOST_DIGITS = re.compile(r"[0-9](?:\.[0-9]+)?E\+1[5-9]", re.IGNORECASE)
FILLED_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]{0,300}?\br=["']([A-Z]{1,4})([0-9]{1,8})["']([^>]{0,300}?)(/?)>""")
ERROR_TYPE = re.compile(rb"""\bt=["']e["']""")
GUARDED = re.compile(r"'[=+\-@\t\r]")
EXACT_BELOW = 10**15  # a spreadsheet keeps fifteen digits of a number and turns the rest into zeros
CELL_CHARACTERS = 32_767
Limits = dict[str, int]


class Refused(Exception):
    """The file is not taken; says why."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


def limit_this_process(limits: Limits) -> None:
    """Give back what the work does not need, before the file is looked at."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python would turn it into an error that looks like any other
    for what, amount in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, limits["output_bytes"]),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_CORE, 0),
    ):
        # One second of grace between the two, or the kernel kills outright and nobody knows why.
        resource.setrlimit(what, (amount, amount + (what == resource.RLIMIT_CPU)))


def read(data: bytes, extension: str, limits: Limits) -> Iterator[dict[str, object]]:
    """Read whatever the file says it is, after checking that it is."""
    found = kind_of(data)
    if found == "xls":
        raise Refused("sheet.old_format")
    if found != extension:
        raise Refused("sheet.wrong_extension", extension=extension, found=found)
    return read_xlsx(data, limits) if found == "xlsx" else read_csv(data, limits)


def kind_of(data: bytes) -> str:
    """Tell what a file is by its first bytes."""
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "xlsx"
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "xls"
    return "csv"


# ── XLSX ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_xlsx(data: bytes, limits: Limits) -> Iterator[dict[str, object]]:
    """Read the visible work sheets, the first to the last."""
    look_into_zip(data, limits)
    import python_calamine as calamine  # not before the limits stand and the zip has been looked into

    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for about in book.sheets_metadata:
            if about.visible == calamine.SheetVisibleEnum.Visible and about.typ == calamine.SheetTypeEnum.WorkSheet:
                yield {"sheet": about.name}
                yield from read_sheet(book.get_sheet_by_name(about.name), about.name, limits)
    except calamine.PasswordError as error:
        raise Refused("sheet.protected") from error
    except calamine.CalamineError as error:
        raise Refused("sheet.corrupt") from error


def look_into_zip(data: bytes, limits: Limits) -> None:
    """Refuse a bomb, a torn archive, and cells far outside of any table, before the parser meets them."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > limits["members"]:
                raise Refused("sheet.too_large", members=len(members), limit=limits["members"])
            expanded = sum(member.file_size for member in members)
            if expanded > limits["expanded_bytes"]:
                raise Refused("sheet.too_large", expanded=expanded, limit=limits["expanded_bytes"])
            if any(member.flag_bits & 1 for member in members):
                raise Refused("sheet.protected")
            for member in members:
                is_sheet = re.search(r"worksheets/[^/]+\.xml$", member.filename, re.IGNORECASE)
                with archive.open(member) as file:
                    look_through(file, far_cells(limits) if is_sheet else lambda _: None)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise Refused("sheet.corrupt") from error
    except Exception as error:  # zlib.error has no name without importing zlib for it
        if type(error).__name__ == "error":
            raise Refused("sheet.corrupt") from error
        raise


def look_through(file: Any, each: Callable[[bytes], None]) -> None:
    """Unpack one member piece by piece (its checksum is compared at the end) and show *each* of them, with some overlap."""
    tail = b""
    while piece := file.read(1 << 20):
        each(tail + piece)
        tail = piece[-800:]


def far_cells(limits: Limits) -> Callable[[bytes], None]:
    """Make the check of one sheet: a filled cell beyond the limits, or showing an error such as #N/A, is refused by name."""

    def check(xml: bytes) -> None:
        for letters, digits, attributes, closed in FILLED_CELL.findall(xml):
            if closed:
                continue
            if int(digits) > limits["rows"]:
                raise Refused("sheet.too_many_rows", limit=limits["rows"], cell=(letters + digits).decode())
            if attributes and ERROR_TYPE.search(attributes):
                raise Refused("sheet.formula_error", cell=(letters + digits).decode())  # the parser would call it empty
            if len(letters) > 1 and column_number(letters.decode()) > limits["columns"]:
                raise Refused("sheet.too_many_columns", limit=limits["columns"], cell=(letters + digits).decode())

    return check


def read_sheet(sheet: Any, name: str, limits: Limits) -> Iterator[dict[str, object]]:
    """Read one sheet: its rows that are not empty, with the numbers they have in it."""
    if sheet.start is None:
        return
    if sheet.end[0] + 1 > limits["rows"]:
        raise Refused("sheet.too_many_rows", limit=limits["rows"], sheet=name)
    if sheet.end[1] + 1 > limits["columns"]:
        raise Refused("sheet.too_many_columns", limit=limits["columns"], sheet=name)
    # iter_rows begins at row 1 of the sheet, but at its first filled column.
    for number, cells in enumerate(sheet.to_python(skip_empty_area=False), start=1):
        texts = [text_of(cell, number, column, name) for column, cell in enumerate(cells, start=1)]
        yield from row(number, texts)


def text_of(cell: object, number: int, column: int, sheet: str) -> str:
    """Write a cell as the text a person sees: whole numbers without a point, days as 2018-11-28."""
    where: dict[str, object] = {"cell": cell_name(number, column), "sheet": sheet}
    if isinstance(cell, str):
        return checked(cell, where)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT_BELOW:
            raise Refused("sheet.number_as_code", **where)
        return str(int(cell)) if cell == int(cell) else f"{cell:.15g}"
    if isinstance(cell, datetime):
        if cell.time() == time(0):
            return cell.date().isoformat()
        return cell.replace(microsecond=0).isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(int(cell.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return "" if cell is None else checked(str(cell), where)


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_csv(data: bytes, limits: Limits) -> Iterator[dict[str, object]]:
    """Read a CSV file: UTF-8 (with or without its mark), else GB18030, the two that county offices save."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused("sheet.encoding")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError as error:
            raise Refused("sheet.encoding") from error
    yield {"sheet": ""}
    csv.field_size_limit(CELL_CHARACTERS)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from read_records(rows, limits)
    except csv.Error as error:
        if "field limit" in str(error):
            raise Refused("sheet.cell_too_long", limit=CELL_CHARACTERS, line=rows.line_num) from error
        raise Refused("sheet.corrupt", line=rows.line_num) from error


def read_records(rows: Iterable[list[str]], limits: Limits) -> Iterator[dict[str, object]]:
    """Read the records of a CSV file; what our own export guarded against formulas loses its guard."""
    for number, cells in enumerate(rows, start=1):
        if number > limits["rows"]:
            raise Refused("sheet.too_many_rows", limit=limits["rows"])
        if len(cells) > limits["columns"]:
            raise Refused("sheet.too_many_columns", limit=limits["columns"], cell=cell_name(number, len(cells)))
        texts = []
        for column, cell in enumerate(cells, start=1):
            where: dict[str, object] = {"cell": cell_name(number, column)}
            if LOST_DIGITS.fullmatch(cell.strip()):
                raise Refused("sheet.number_as_code", **where)
            texts.append(checked(cell[1:] if GUARDED.match(cell) else cell, where))
        yield from row(number, texts)


# ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def checked(text: str, where: dict[str, object]) -> str:
    """Trim a text; refuse control characters, which no form needs and every log regrets."""
    if CONTROL.search(text):
        raise Refused("sheet.control_character", **where)
    if len(text) > CELL_CHARACTERS:
        raise Refused("sheet.cell_too_long", limit=CELL_CHARACTERS, **where)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def row(number: int, texts: list[str]) -> Iterator[dict[str, object]]:
    """Tell a row without its empty end; tell nothing of an empty one."""
    while texts and not texts[-1]:
        texts.pop()
    if texts:
        yield {"n": number, "c": texts}


def column_number(letters: str) -> int:
    """Turn A, B … XFD into 1, 2 … 16384."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def cell_name(number: int, column: int) -> str:
    """Name a cell as a spreadsheet does: row 7, column 2 is B7."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{number}"


def main() -> None:
    """Read standard input, answer on standard output."""
    asked = json.loads(sys.argv[1])
    limits: Limits = asked["limits"]
    limit_this_process(limits)

    def say(line: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(line, ensure_ascii=True) + "\n")

    try:
        data = sys.stdin.buffer.read(limits["file_bytes"] + 1)
        for line in read(data, asked["extension"], limits):
            say(line)
        say({"done": True})
    except Refused as refusal:
        say({"refused": refusal.code, "facts": refusal.facts})
    except MemoryError:
        say({"refused": "sheet.too_large", "facts": {"memory": limits["memory_bytes"]}})


if __name__ == "__main__":
    main()
