"""
One trace id from a click to the notices it leads to: W3C Trace Context, https://www.w3.org/TR/trace-context/.

A caller's own ``traceparent`` is kept. Without one it derives from the command's cause, as event ids do: the same command
under the same Idempotency-Key has the same trace, and what is said of it is the same byte for byte.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent_in(header: str) -> str | None:
    """Return *header* if it is a traceparent; anything else is left out."""
    return header if _TRACEPARENT.fullmatch(header) else None


def traceparent_of(cause: str) -> str:
    """
    Derive a traceparent from the *cause* of a command.

    Args:
        cause: A UUID: its 32 digits are the trace's id, its last 16 the first span's. No UUID of ours ends in zeros only,
            which the recommendation forbids.
    """
    digits = UUID(cause).hex
    return f"00-{digits}-{digits[16:]}-01"


def trace_id(traceparent: str) -> str | None:
    """Return the 32 digits that everything of a trace has in common; None if *traceparent* is none."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found else None


def bound_traceparent() -> str | None:
    """Return the traceparent of the running request, if its caller gave one."""
    found: str | None = structlog.contextvars.get_contextvars().get("traceparent")
    return found


@contextmanager
def traced(traceparent: str | None) -> Iterator[None]:
    """Put the trace's id on every line that is logged meanwhile."""
    found = trace_id(traceparent) if traceparent else None
    with structlog.contextvars.bound_contextvars(**({"trace_id": found} if found else {})):
        yield
