"""
One log format for everything: JSON lines with a fixed event name and fields, our own lines and the libraries' alike.

Never a person's name, phone or answer; ids and counts only (shared/style.md, Logs). So an exception is logged by its type
and frames, without its text (``bare``), and a library's line by the library's name, its sentence in ``message``.
"""

import logging
import logging.handlers
import re
import sys
from pathlib import Path

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


def set_up(folder: Path | None, level: str = "INFO", name: str = "onevisit") -> None:
    """
    Send everything that is logged to ``<folder>/<name>.log`` (rotated), or to stderr where there is no folder.

    Args:
        folder: The home's ``logs`` folder, made if missing.
        level: Least level that is written.
        name: Of the file; processes that share the folder have different ones, or rotating would lose lines.
    """
    handler: logging.Handler
    if folder is None:
        handler = logging.StreamHandler()
    else:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / f"{name}.log", maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
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
