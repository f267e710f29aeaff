"""Files an operator names: frames read a row at a time, however large they are, and results written whole or not at all."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from services.drawer.domain.frame import Rows

LONGEST_ROW = 1 << 20
"""Bytes; what is longer than a row can be comes in pieces, and is refused for it."""


def read_rows(file: Path) -> Rows:
    """Give the rows of a frame file one at a time, or its bytes (``read``, as the kernel does); each call begins anew."""
    return lambda: _Opened(file)


class _Opened:
    """A frame file from its beginning; closed at its end."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("rb")

    def __iter__(self) -> Iterator[bytes]:
        with self._file:
            while row := self._file.readline(LONGEST_ROW):
                yield row

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        if not data:
            self._file.close()
        return data


def write_whole(file: Path, content: str | IO[bytes]) -> None:
    """Put a text, or what is read from an open file, into *file* in one step: whoever looks sees the old content or the new one."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as opened:
            shutil.copyfileobj(io.BytesIO(content.encode()) if isinstance(content, str) else content, opened)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
