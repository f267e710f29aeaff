"""
One log format for everything: JSON lines with a fixed event name and fields, our own lines and the libraries' alike.

Never a person's name, phone or answer; ids and counts only (shared/style.md, Logs). So an exception is logged by its type
and frames, without its text (``bare``), and a library's line by the library's name, its sentence in ``message``.
"""

import fcntl
import logging
import logging.handlers
import re
import sys
from pathlib import Path
from typing import IO

import structlog
from structlog.typing import EventDict, WrappedLogger

from runtime.log.bare import bare

LARGEST_BYTES = 20 * 1024 * 1024
KEPT_FILES = 5
LONGEST_SENTENCE = 300  # characters kept of a library's sentence
QUIET = ("alembic", "httpx", "uvicorn.access")  # their lines tell nothing that ours do not


def without_text(logger: WrappedLogger, name: str, line: EventDict) -> EventDict:
    """Put type and frames in the place of an exception, which would be written with its text."""
    error = line.pop("exc_info", None)
    line.pop("stack_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error and not isinstance(error, BaseException):
        error = sys.exc_info()[1]
    return {**bare(error), **line} if error else line


def foreign(logger: WrappedLogger, name: str, line: EventDict) -> EventDict:
    """Name a library's line after the library; the first line of its sentence becomes ``message``."""
    sentence = str(line["event"]).split("\n", 1)[0][:LONGEST_SENTENCE]
    library = re.sub(r"[^a-z0-9_]+", "_", str(line.get("logger", "")).split(".")[0].lower()).strip("_")
    line["event"], line["message"] = (library if library[:1].isalpha() else "library"), sentence
    return line


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    without_text,
]


class OwnFile(logging.handlers.RotatingFileHandler):
    """Writes a file that no other process writes, on whatever machine that shares the folder; made with the first line."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file, self._claim = _claimed(folder, name)
        super().__init__(file, maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True)

    def close(self) -> None:
        """Let go of the file, too."""
        super().close()
        self._claim.close()


def _claimed(folder: Path, name: str) -> tuple[Path, IO[bytes]]:
    """Return the first file of this name that nobody has, and the lock that says so: the kernel frees it on kill -9."""
    number = 1
    while True:
        file = name if number == 1 else f"{name}.{number}"
        # Not of the log itself: rotating gives that another name, and the lock would go with it.
        lock = open(folder / f".{file}.lock", "ab")  # noqa: SIM115  held as long as the file is written
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
        else:
            return folder / f"{file}.log", lock


def set_up(folder: Path | None, level: str = "INFO", name: str = "onevisit") -> None:
    """
    Send everything that is logged to ``<folder>/<name>.log`` (rotated), or to stderr where there is no folder.

    While another process writes that file it is ``<name>.2.log``, or the next that is free: of two that wrote one file, the one
    that rotates it would take away what the other goes on writing to.

    Args:
        folder: The home's ``logs`` folder, made if missing.
        level: Least level that is written.
        name: Of the file.
    """
    for ours in [one for one in logging.getLogger().handlers if isinstance(one, OwnFile)]:
        logging.getLogger().removeHandler(ours)
        ours.close()
    handler: logging.Handler = logging.StreamHandler() if folder is None else OwnFile(folder, name)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, foreign],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
