"""
One log format for everything: JSON lines with a fixed event name and fields, our own lines and the libraries' alike.

Never a person's name, phone or answer; ids and counts only (shared/style.md, Logs).
"""

import logging
import logging.handlers
from pathlib import Path

import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]

LARGEST_BYTES = 20 * 1024 * 1024
KEPT_FILES = 5


def set_up(folder: Path | None, level: str = "INFO") -> None:
    """
    Send everything that is logged to ``<folder>/onevisit.log`` (rotated), or to stderr where there is no folder.

    Args:
        folder: The home's ``logs`` folder, made if missing.
        level: Least level that is written.
    """
    handler: logging.Handler
    if folder is None:
        handler = logging.StreamHandler()
    else:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / "onevisit.log", maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8"
        )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
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
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
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
