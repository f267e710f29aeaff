"""Files an operator names: frames read a row at a time, however large they are, and results written whole or not at all."""

import io
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from onevisit.refusals import FileTooLarge, FileUnreadable
from services.drawer.domain.frame import Rows

LONGEST_ROW = 1 << 20
"""Bytes; what is longer than a row can be comes in pieces, and is refused for it."""


MIB = 1 << 20
LARGEST = 256 * MIB
"""Bytes of one file that is read whole."""
HEAVIEST = 700 * MIB
"""What all of them may be estimated at once they are read, of the 1 GiB a check allows itself (as verify_draw.py does)."""


def check_regular(file: Path) -> None:
    """
    Refuse a pipe or a device, which would be waited for without end; opening says what else is wrong with a file.

    Raises:
        FileUnreadable: it is neither a regular file nor a folder.
        OSError: it cannot be looked at.
    """
    mode = file.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FileUnreadable(path=str(file), why_zh="不是普通文件", why="not a regular file")


def read_bounded(file: Path) -> bytes:
    """
    Read a regular file whole.

    Raises:
        FileUnreadable, OSError: as ``check_regular``.
        FileTooLarge: it is larger than ``LARGEST``.
    """
    check_regular(file)
    with file.open("rb") as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise FileTooLarge(path=str(file), limit_mib=LARGEST // MIB)
    return content


def weight_of_json(content: bytes) -> int:
    """Estimate what a JSON text takes while it is read, generously, in bytes: the text, its letters, every value."""
    letters = len(content) * (1 if content.isascii() else 4)
    return len(content) + letters + 240 * content.count(b"{") + 200 * content.count(b":") + 72 * _values(content)


def _values(content: bytes) -> int:
    return content.count(b"[") + content.count(b",")


def weight_of_rows(content: bytes) -> int:
    """Estimate what a frame file takes once it is cut into rows, in bytes."""
    return 2 * len(content) + 72 * content.count(b"\n")


def check_weight(file: Path, weight: int) -> None:
    """Refuse what would take more memory than a check allows itself."""
    if weight > HEAVIEST:
        raise FileTooLarge(path=str(file), limit_mib=HEAVIEST // MIB)


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
