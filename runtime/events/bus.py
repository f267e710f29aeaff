"""What the runtime needs of an event bus, whichever it is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from runtime.errors import Rejected


class RecordRefused(Rejected):
    """The bus will not take what was to be appended, whenever it is offered: too large for its topic, or against a rule of it."""

    code = "bus.record_refused"


@dataclass(frozen=True)
class Message:
    """An encoded event on its way out: topic, ordering key, id and bytes; said again for a restored log, its partition."""

    topic: str
    key: str
    event_id: str
    body: bytes
    part: int | None = None  # None: where its key belongs


@dataclass(frozen=True)
class Record:
    """A message as a consumer reads it, with its place in the log."""

    topic: str
    part: int
    off: int
    key: str
    body: bytes


class EventBus(Protocol):
    """At-least-once, ordered per key. What is appended twice may stand twice: the inbox of the reader drops it."""

    def append(self, messages: Sequence[Message]) -> None:
        """
        Append durably, in order; returns when everything is on disk.

        Raises:
            RecordRefused: one of *messages* will never be taken; a beginning of them may stand there.
            TryAgain: not now.
        """

    def read(self, topics: Sequence[str], after: Mapping[tuple[str, int], int], limit: int) -> list[Record]:
        """
        Read up to *limit* records at or after the next offsets *after* ({(topic, part): next offset}, absent: 0).

        Returns nothing at the end only; a bus that has more and cannot hand it over raises ``TryAgain``.
        """

    def heads(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Return the next offset to be written of every partition that holds anything."""

    def generation(self, topics: Sequence[str]) -> int:
        """Return a number that grows with every append to one of *topics*, and with every ``wake``."""

    def wait(self, topics: Sequence[str], seen: int, timeout: float) -> None:
        """Wait until the generation of *topics* is another than *seen*, at most *timeout* seconds."""

    def wake(self) -> None:
        """Let every waiting consumer look again."""

    def lacking(self, topics: Collection[str], seconds: float) -> list[str]:
        """Name those of *topics* that are not there; raises ``TryAgain`` if nobody answers within *seconds*."""

    def close(self) -> None:
        """Let go of everything; no reader or writer may be at work."""
