"""
Feeds: every fact is written once onto the feed of each agency it concerns, and queued for their webhooks.

An entry keeps its number for ever, because partners hold cursors: a replay adds what is missing (a fact that an earlier
release kept apart) at the end, and changes nothing else. Deliveries are queued when a fact is first heard, never by a replay.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.events.handling import Received, handles
from runtime.store import next_number
from schemas.events.payload import Payload
from schemas.registry import PAYLOADS
from services.notifier.domain.feed import parties
from services.notifier.feed import FEED
from services.notifier.handlers.notices import short, surroundings
from services.notifier.pushing import asking_for, queue
from services.notifier.tables import FeedEntry

Blobs = Mapping[str, bytes]
Handling = Callable[[Received[Any], Blobs, Session], Sequence[Payload] | None]


def agencies_of(event: Received[Any], session: Session) -> tuple[str, ...]:
    """
    Name the agencies a fact concerns.

    Raises:
        NotYet: what surrounds it has not been heard of.
    """
    return parties(FEED.on[short(type(event.data))], event.data.model_dump(), surroundings(event.data, session))


def write_entries(event: Received[Any], session: Session) -> None:
    """Put a fact at the end of each feed it belongs to, unless it stands there."""
    entries = {f"{event.id}.{agency}": agency for agency in agencies_of(event, session)}
    there = set(session.scalars(select(FeedEntry.id).where(FeedEntry.id.in_(entries))))
    for entry, agency in entries.items():
        if entry in there:
            continue
        session.add(
            FeedEntry(
                id=entry,
                county=event.data.county,
                owner_agency=agency,
                number=next_number(session, f"feed-{event.data.county}-{agency}"),
                event=event.id,
                kind=short(type(event.data)),
                subject=event.data.partition_key,
                at=event.time,
                body=event.body.decode(),
            )
        )


def queue_deliveries(event: Received[Any], session: Session) -> None:
    """Queue a fact for every webhook that asked for its kind; whom it concerns is looked up where there is one."""
    kind = short(type(event.data))
    if asking := asking_for(session, event.data.county, kind):
        queue(session, asking, agencies_of(event, session), event, kind)


def _made(kind: type[Payload], work: Callable[[Received[Any], Session], None], verb: str, *, replay: bool) -> Handling:
    def handling(event: Received[Any], blobs: Blobs, session: Session) -> None:
        work(event, session)

    handling.__name__ = f"{verb}_{short(kind).replace('.', '_')}"
    return handles(kind, replay=replay)(handling)


_FED = [kind for kind in PAYLOADS.values() if short(kind) in FEED.on]
FEEDS: tuple[Handling, ...] = (
    *(_made(kind, write_entries, "feed", replay=True) for kind in _FED),
    *(_made(kind, queue_deliveries, "push", replay=False) for kind in _FED),
)
