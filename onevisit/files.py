"""Files an operator names: frames read a row at a time, however large they are, and results written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from services.drawer.domain.frame import Rows

LONGEST_ROW = 1 << 20
"""Bytes; what is longer than a row can be comes in pieces, and is refused for it."""


def read_rows(file: Path) -> Rows:
    """Give the rows of a frame file one at a time; each call begins anew."""

    def rows() -> Iterator[bytes]:
        with file.open("rb") as opened:
            while row := opened.readline(LONGEST_ROW):
                yield row

    return rows


def write_whole(file: Path, text: str) -> None:
    """Put *text* into *file* in one step: whoever looks sees the old content or the new one."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
