"""Whose feed (事件流) a fact stands on, and the cursor that says how far somebody has read it."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.errors import Rejected

_CURSOR = re.compile(r"1\.([0-9A-Za-z._-]{1,64})\.([0-9]{1,15})")


class CursorUnknown(Rejected):
    """The cursor was not given out by this feed, or to another agency."""

    code = "feed.cursor_unknown"


class BadFeed(Exception):
    """The feed's table is not what it should be; the service is not built."""


@dataclass(frozen=True)
class Told:
    """One kind of fact on the feed: what names the agencies it concerns, and what people call it."""

    kind: str  # "visit.scheduled"
    to: tuple[str, ...]
    zh: str
    en: str


@dataclass(frozen=True)
class FeedTable:
    """Which facts stand on whose feed (``feed.toml``)."""

    on: Mapping[str, Told]
    apart: Mapping[str, str]


def read_table(written: Mapping[str, Any]) -> FeedTable:
    """
    Read and check the table.

    Raises:
        BadFeed: a line without somebody to tell or without names, or a fact that stands in both parts.
    """
    on = {}
    for kind, line in written["on"].items():
        if not line.get("to") or set(line) != {"to", "zh", "en"}:
            raise BadFeed(kind)
        on[kind] = Told(kind, tuple(line["to"]), line["zh"], line["en"])
    if both := sorted(on.keys() & written["apart"].keys()):
        raise BadFeed(", ".join(both))
    return FeedTable(on, dict(written["apart"]))


def parties(told: Told, data: Mapping[str, Any], names: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Name the agencies on whose feed a fact stands, in order, each once.

    Args:
        told: The kind of fact.
        data: The payload's fields, which count before what surrounds it.
        names: What a projection knows around the fact (lead, agencies, witness, reporters).
    """
    found: set[str] = set()
    for name in told.to:
        found |= set(_several(data[name] if name in data else names[name]))
    return tuple(sorted(found))


def _several(value: str | Iterable[str] | None) -> Iterable[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def cursor_after(agency: str, number: int) -> str:
    """Write the cursor of an agency that has read up to and including *number* (0: nothing); opaque to its holder."""
    return base64.urlsafe_b64encode(f"1.{agency}.{number}".encode()).decode().rstrip("=")


def read_cursor(agency: str, cursor: str) -> int:
    """
    Return how far the cursor's holder has read; an empty one has read nothing.

    Raises:
        CursorUnknown: it is no cursor of this agency.
    """
    if not cursor:
        return 0
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError as error:
        raise CursorUnknown() from error
    found = _CURSOR.fullmatch(text)
    if found is None or found[1] != agency:
        raise CursorUnknown()
    return int(found[2])
