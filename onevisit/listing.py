"""Lists for an operator: a table on a terminal, tab-separated lines for a program; nothing is ever cut off."""

import re
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDEST = 100_000  # columns; a line longer than the terminal is the terminal's to wrap

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def show(out: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """
    Print *rows* under their *headings*; a program gets no headings.

    Control characters, which only a foreign message can hold, are shown as ``?``.
    """
    safe = [[_CONTROL.sub("?", cell) for cell in row] for row in rows]
    if not out.is_terminal:
        for row in safe:
            out.file.write("\t".join(row) + "\n")
        return
    table = Table()
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in safe:
        table.add_row(*(Text(cell) for cell in row))
    table.width = out.measure(table, options=out.options.update(max_width=WIDEST)).maximum
    out.print(table, crop=False)
