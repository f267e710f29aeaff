"""What a handler is: one function per event consumed, with the blobs it needs said beforehand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast

from sqlalchemy import update
from sqlalchemy.orm import Session

from runtime.store.plumbing import waiting
from schemas.events.payload import Payload

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True)
class Received(Generic[P]):
    """An event as a handler gets it: who said what when, and what it belongs to."""

    id: str
    time: datetime
    source: str  # service that said it
    data: P
    correlation_id: str
    traceparent: str | None
    body: bytes = b""  # the event as it came, envelope and all


class HandlerFunction(Protocol):
    """A function marked by ``handles``."""

    __name__: str
    __module__: str
    handler: "Handler"

    def __call__(self, event: Received[Any], blobs: Mapping[str, bytes], session: Session) -> Sequence[Payload] | None:
        """Write what follows from *event* and return what is to be said."""


@dataclass(frozen=True)
class Handler:
    """How a function listens: to which fact, with which blobs (names of payload fields), and whether it may be replayed."""

    event: type[Payload]
    blobs: tuple[str, ...]
    replay: bool
    run: Callable[[Received[Any], Mapping[str, bytes], Session], Sequence[Payload] | None]
    name: str


def handles(
    event: type[P], *, blobs: tuple[str, ...] = (), replay: bool = False
) -> Callable[
    [Callable[[Received[P], Mapping[str, bytes], Session], Sequence[Payload] | None]],
    Callable[[Received[P], Mapping[str, bytes], Session], Sequence[Payload] | None],
]:
    """
    Mark a function as handler of *event*.

    Args:
        event: The fact listened to.
        blobs: Fields of the payload that name blobs; they are fetched and verified before the transaction.
        replay: True if it writes projections only, so that it may run again from the beginning of the log.
    """

    def mark(
        function: Callable[[Received[P], Mapping[str, bytes], Session], Sequence[Payload] | None],
    ) -> Callable[[Received[P], Mapping[str, bytes], Session], Sequence[Payload] | None]:
        handler = Handler(event, blobs, replay, function, function.__name__)
        cast(HandlerFunction, function).handler = handler
        return function

    return mark


def arrived(session: Session, key: str) -> None:
    """Say that what *key* names is there now: events waiting for it become ready when this transaction commits."""
    session.info.setdefault("arrived", set()).add(key)


def mark_ready(session: Session) -> bool:
    """Mark ready what waited for the keys that arrived in this transaction (called once, before its commit); True if any."""
    keys = session.info.pop("arrived", None)
    if not keys:
        return False
    marked = update(waiting).where(waiting.c.awaits.in_(sorted(keys))).values(ready=True)
    return session.connection().execute(marked).rowcount > 0
