"""Refusals of the domain in the words of people: moments instead of Unix seconds, agencies by name beside their ids."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from runtime.errors import OneVisitError
from services.drawer.reading import agency_names

MOMENTS = ("at", "commit_close", "reveal_close", "seal_by", "beacon_time")
BODIES = ("absent", "agencies", "agency")


@contextmanager
def told(session: Session, county: str) -> Iterator[None]:
    """Complete whatever is refused within: ``names`` says whom it is about."""
    try:
        yield
    except OneVisitError as refusal:
        facts = refusal.facts
        for name in MOMENTS:
            if isinstance(value := facts.get(name), int):
                facts[name] = datetime.fromtimestamp(value, UTC)
        bodies = next((facts[name] for name in BODIES if facts.get(name)), None)
        if bodies is not None and "names" not in facts:
            names = agency_names(session, county)
            listed = [bodies] if isinstance(bodies, str) else list(bodies)  # type: ignore[call-overload]
            facts["names"] = [names.get(str(body), str(body)) for body in listed]
        raise
