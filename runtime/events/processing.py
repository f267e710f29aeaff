"""
From record to state: the one place where events are handled, and where it is decided what becomes of a bad one.

A batch runs in one transaction with its offsets and inbox rows; after one that took long, fewer events go into the next.
If anything in it fails, the transaction is rolled back and its events run one by one: ``Rejected`` and ``Unreadable`` park
the event, ``NotYet`` and ``TryAgain`` make it wait, anything else is tried four times and parked. Only a database that is
away stops the worker. Later events of a key queue behind a waiting or parked one of the same topic
(shared/reference/events.md, rules 3 and 11).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError
from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from runtime.errors import Conflict, NotYet, OneVisitError, Rejected, TryAgain, Unreadable
from runtime.events import failpoints
from runtime.events.bus import Message, Record
from runtime.events.handling import Handler, Received, mark_ready
from runtime.log.bare import bare, reason
from runtime.log.trace import traced
from runtime.store.away import database_is_away
from runtime.store.ids import derived_uuid
from runtime.store.plumbing import inbox, offsets, outbox, parked, waiting
from runtime.store.upserts import Upsert, tell_of_outbox, upsert, upsert_in
from schemas.blobs import BlobRef
from schemas.envelope import MAX_EVENT_BYTES, CloudEvent, wrap
from schemas.events.dead import EventParked
from schemas.events.payload import Payload
from schemas.registry import PAYLOADS, UPCASTERS, read_payload
from schemas.topics import TOPICS, dead_topic

if TYPE_CHECKING:
    from runtime.service import Service

ATTEMPTS = 4
BACKOFF_SECONDS = (0.1, 0.5, 2.0)
WAIT_SECONDS = 1.0  # until a TryAgain is tried again
LOOK_SECONDS = 1.0  # at most between two looks at the waiting rows (another process may have marked some ready)

MOST_AT_ONCE = 100  # events in one transaction
LONG_SECONDS = 0.5  # of a transaction: nobody else writes to the service's database meanwhile, and people wait

OutboxRow = dict[str, Any]
Held = frozenset[tuple[str, int]] | None  # the partitions of a worker that shares its service; None: all of them

log = structlog.get_logger()


class EventUnreadable(Unreadable):
    """The bytes are not an event this release can understand."""

    code = "event.unreadable"
    constant = ("why",)  # facts that are words of this file


class EventForeign(Unreadable):
    """Somebody other than the topic's owner said it, or it stands on a topic where it does not belong."""

    code = "event.foreign"


class EventTooLarge(Rejected):
    """What was to be said is larger than any reader takes; large things travel as blobs."""

    code = "event.too_large"


class NotParked(Conflict):
    """A parked message was asked for that is none (any more): it was retried or skipped before."""

    code = "dead.not_parked"


@dataclass(frozen=True)
class Incoming:
    """A record after everything that can be done outside the transaction."""

    record: Record
    event: Received[Any] | None = None
    event_id: str | None = None
    handlers: tuple[Handler, ...] = ()
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    problem: OneVisitError | None = None

    @property
    def traceparent(self) -> str | None:
        """Of the command it came from, if it could be read."""
        return self.event.traceparent if self.event else None


def read_event(record: Record) -> tuple[CloudEvent, type[Payload] | None]:
    """
    Parse a record's envelope and check who said it.

    Returns:
        The envelope and the newest model of its type.

    Raises:
        EventUnreadable: too large, no JSON, no envelope, unknown type.
        EventForeign: not said by the topic's owner, or said on another fact's topic.
    """
    if len(record.body) > MAX_EVENT_BYTES:
        raise EventUnreadable(why="too large", size=len(record.body))
    try:
        event = CloudEvent.model_validate_json(record.body)
    except ValidationError as error:
        raise EventUnreadable(why="no event", errors=error.error_count()) from error
    topic = TOPICS.get(record.topic)
    if topic is None or event.service != topic.owner:
        raise EventForeign(topic=record.topic, source=event.source)
    newest = event.type
    while newest in UPCASTERS:
        newest = UPCASTERS[newest][0]
    model = PAYLOADS.get(newest)
    if model is None:
        raise EventUnreadable(why="unknown type", type=event.type)
    if model.topic != record.topic and not (model is EventParked and record.topic == dead_topic(event.service)):
        raise EventForeign(topic=record.topic, type=event.type)
    if event.partitionkey != record.key:
        raise EventForeign(topic=record.topic, key=record.key, partitionkey=event.partitionkey)
    return event, model


def fitting(at_once: int, seconds: float) -> int:
    """Say how many events go into a transaction after one of *at_once* that took *seconds*: half of a long one's, twice a short one's."""
    if seconds > LONG_SECONDS:
        return max(1, at_once // 2)
    return min(MOST_AT_ONCE, 2 * at_once) if seconds < LONG_SECONDS / 4 else at_once


class Processor:
    """Runs one consumer of one service. Not thread-safe: one worker thread per service."""

    def __init__(self, service: "Service", *, consumer: str | None = None, muted: bool = False) -> None:
        """
        Args:
            service: Whose handlers run.
            consumer: Name under which offsets and inbox are kept; the service's name unless this is a replay.
            muted: A replay: only replayable handlers run, and nothing is said.
        """
        self.service = service
        self.consumer = consumer or service.name
        self.muted = muted
        self.handlers: dict[type[Payload], tuple[Handler, ...]] = {}
        for handler in service.handlers:
            if handler.replay or not muted:
                self.handlers[handler.event] = (*self.handlers.get(handler.event, ()), handler)
        self.topics = sorted({handler.event.topic for handler in service.handlers})
        self.has_said = False  # something was put into the outbox since the relay was last woken
        self._positions: dict[tuple[str, int], int] | None = None
        self.held: Held = None  # whose waiting events are ours
        self._at_once = MOST_AT_ONCE  # how many events go into the next transaction
        self._look_again_at = 0.0  # real time at which the waiting rows are looked at again; 0: at once

    # ── outside the transaction ─────────────────────────────────────────────────────────────────────────────────────

    def prepare(self, record: Record) -> Incoming:
        """Parse *record* and fetch the blobs its handlers declare; never raises for a bad event."""
        event_id = None
        try:
            envelope, model = read_event(record)
            event_id = envelope.id
            handlers = self.handlers.get(model, ()) if model else ()
            if not handlers:
                return Incoming(record, event_id=event_id)
            payload = read_payload(envelope.type, envelope.data)
        except ValidationError as error:
            return Incoming(record, problem=EventUnreadable(why="payload", errors=error.error_count()))
        except Unreadable as problem:
            return Incoming(record, problem=problem)
        except Exception as error:  # an older version's data that its upcaster stumbles over
            log.warning("event.not_read", event_id=event_id, **bare(error))
            return Incoming(record, problem=EventUnreadable(why="payload"))
        received = Received(
            envelope.id,
            envelope.time,
            envelope.service,
            payload,
            envelope.correlationid,
            envelope.traceparent,
            record.body,
        )
        try:
            blobs = {name: self._blob(payload, name) for handler in handlers for name in handler.blobs}
        except OneVisitError as problem:
            return Incoming(record, received, event_id, handlers, problem=problem)
        return Incoming(record, received, event_id, handlers, blobs)

    def _blob(self, payload: Payload, name: str) -> bytes:
        ref: BlobRef = getattr(payload, name)
        return self.service.ports.blobs.get(ref, self.service.name)

    # ── one batch, one transaction ──────────────────────────────────────────────────────────────────────────────────

    def process(self, records: Sequence[Record]) -> None:
        """Handle *records* in order. Returns when all are handled, waiting or parked; raises only if the database is away."""
        done = 0
        while done < len(records):
            some, started = records[done : done + self._at_once], time.monotonic()
            self._process(some)
            done, seconds = done + len(some), time.monotonic() - started
            self.service.measure_batch(len(some), seconds)
            self._at_once = fitting(self._at_once, seconds)

    def _process(self, records: Sequence[Record]) -> None:
        batch = [self.prepare(record) for record in records]
        try:
            self._together(batch)
        except Exception as error:
            if database_is_away(error):
                raise
            for incoming in batch:
                self._alone(incoming)
        failpoints.hit(self.service.name, "offset_stored")
        if self._positions is not None:
            self._positions |= _reached(records)

    def _together(self, batch: Sequence[Incoming]) -> None:
        with self.service.db.write(self.service.system) as session:
            connection = session.connection()
            blocked = self._blocked(connection)
            unsent: list[OutboxRow] = []
            for incoming in self._new(connection, batch):
                if self._must_queue(incoming, blocked):
                    self._queue(connection, incoming)
                elif incoming.problem is not None:
                    unsent += self._set_aside(connection, incoming, incoming.problem, attempts=1)
                    if incoming.event_id is not None:
                        blocked.add((incoming.record.topic, incoming.record.key))
                else:
                    unsent += self._run(session, incoming)
            self._finish(session, unsent, [incoming.record for incoming in batch])

    def _finish(self, session: Session, unsent: Sequence[OutboxRow], records: Sequence[Record]) -> None:
        session.flush()
        self._say(session.connection(), unsent)
        self._store_offsets(session.connection(), records)
        if mark_ready(session):
            self.look_at_waiting()
        failpoints.hit(self.service.name, "handled")

    def _alone(self, incoming: Incoming) -> None:
        """Run one event in a transaction of its own; whatever about it cannot even be written down is parked."""
        try:
            self._alone_or_not(incoming)
        except Exception as error:
            if database_is_away(error):
                raise
            self._give_up(incoming, error)

    def _give_up(self, incoming: Incoming, problem: Exception) -> None:
        """
        Park an event that could neither be handled nor set aside: under its id, so that its subject's later ones queue, or
        without, should it be the id that cannot be stored.

        Left standing, one such message would be tried for ever, and stop its worker with all of its partitions.
        """
        log.error("event.failed_for_good", event_id=incoming.event_id, attempts=1, **bare(problem))
        try:
            self._park_alone(incoming, problem)
        except Exception as error:
            if database_is_away(error) or incoming.event_id is None:
                raise
            self._park_alone(replace(incoming, event_id=None, event=None), problem)

    def _park_alone(self, incoming: Incoming, problem: Exception) -> None:
        code = problem.code if isinstance(problem, OneVisitError) else "event.handler_failed"
        with self.service.db.write(self.service.system) as session:
            unsent = self._park(session.connection(), incoming, code, reason(problem), 1)
            self._finish(session, unsent, [incoming.record])

    def _alone_or_not(self, incoming: Incoming) -> None:
        with self.service.db.write(self.service.system) as session:
            connection = session.connection()
            if self._new(connection, [incoming]):
                if self._must_queue(incoming, self._blocked(connection)):
                    self._queue(connection, incoming)
                else:
                    self._attempt(session, incoming, attempts=1)
            self._finish(session, (), [incoming.record])

    def _attempt(self, session: Session, incoming: Incoming, attempts: int) -> bool:
        """Run one event inside a savepoint; set it aside if it fails. True if it was handled."""
        problem: Exception | None = incoming.problem
        if problem is None:
            try:
                with session.begin_nested():
                    unsent = self._run(session, incoming)
                    session.flush()
                    self._say(session.connection(), unsent)
            except Exception as error:
                if database_is_away(error):
                    raise
                problem = error
        if problem is None:
            return True
        self._say(session.connection(), self._set_aside(session.connection(), incoming, problem, attempts))
        return False

    def _run(self, session: Session, incoming: Incoming) -> list[OutboxRow]:
        event = incoming.event
        if event is None:
            return []
        said: list[Payload] = []
        with traced(event.traceparent):
            for handler in incoming.handlers:
                said += handler.run(event, incoming.blobs, session) or ()
            log.debug("event.run", service=self.service.name, event_id=event.id, said=len(said))
        if not said or self.muted:
            return []
        return outbox_rows(
            self.service.name,
            said,
            cause=event.id,
            at=event.time,
            correlation_id=event.correlation_id,
            causation_id=event.id,
            traceparent=event.traceparent,
        )

    def _new(self, connection: Connection, batch: Sequence[Incoming]) -> list[Incoming]:
        """Keep what this consumer has not seen, and note it as seen; unreadable messages have no id and always count."""
        ids = [incoming.event_id for incoming in batch if incoming.event_id is not None]
        seen = set(connection.scalars(_SEEN, {"consumer": self.consumer, "ids": ids}))
        fresh: list[Incoming] = []
        for incoming in batch:
            if incoming.event_id in seen:
                self.service.duplicates += 1
                continue
            fresh.append(incoming)
            if incoming.event_id is not None:
                seen.add(incoming.event_id)
        rows = [{"consumer": self.consumer, "event_id": new.event_id} for new in fresh if new.event_id is not None]
        if rows:
            connection.execute(_NOTE_AS_SEEN, rows)
        return fresh

    # ── what waits, what is parked ──────────────────────────────────────────────────────────────────────────────────

    def _blocked(self, connection: Connection) -> set[tuple[str, str]]:
        return {(topic, key) for topic, key in connection.execute(_BLOCKED, {"consumer": self.consumer})}

    def _must_queue(self, incoming: Incoming, blocked: set[tuple[str, str]]) -> bool:
        readable = incoming.event_id is not None and incoming.handlers
        return bool(readable) and (incoming.record.topic, incoming.record.key) in blocked

    def _queue(self, connection: Connection, incoming: Incoming) -> None:
        self._wait(connection, incoming, awaits=None, retry_at=None, attempts=0, code="behind")

    def _set_aside(
        self, connection: Connection, incoming: Incoming, problem: Exception, attempts: int
    ) -> list[OutboxRow]:
        """Let an event wait, or park it; return what is to be said of that."""
        with traced(incoming.traceparent):
            return self._wait_or_park(connection, incoming, problem, attempts)

    def _wait_or_park(
        self, connection: Connection, incoming: Incoming, problem: Exception, attempts: int
    ) -> list[OutboxRow]:
        if isinstance(problem, NotYet):
            self._wait(
                connection, incoming, awaits=problem.awaits, retry_at=None, attempts=attempts - 1, code=problem.code
            )
        elif isinstance(problem, TryAgain):
            retry_at = time.time() + WAIT_SECONDS
            self._wait(connection, incoming, awaits=None, retry_at=retry_at, attempts=attempts - 1, code=problem.code)
        elif isinstance(problem, OneVisitError):
            return self._park(connection, incoming, problem.code, reason(problem), attempts)
        elif attempts < ATTEMPTS:
            retry_at = time.time() + BACKOFF_SECONDS[attempts - 1]
            log.warning("event.failed", event_id=incoming.event_id, attempts=attempts, **bare(problem))
            self._wait(connection, incoming, awaits=None, retry_at=retry_at, attempts=attempts, code="bug")
        else:
            log.error("event.failed_for_good", event_id=incoming.event_id, attempts=attempts, **bare(problem))
            return self._park(connection, incoming, "event.handler_failed", reason(problem), attempts)
        return []

    def _wait(
        self,
        connection: Connection,
        incoming: Incoming,
        *,
        awaits: str | None,
        retry_at: float | None,
        attempts: int,
        code: str,
    ) -> None:
        record = incoming.record
        row = {"awaits": awaits, "retry_at": retry_at, "attempts": attempts, "code": code, "ready": False}
        place = {"topic": record.topic, "part": record.part, "off": record.off, "key": record.key, "body": record.body}
        statement = upsert(connection, waiting).values(
            consumer=self.consumer, event_id=incoming.event_id, since=time.time(), **place, **row
        )
        connection.execute(statement.on_conflict_do_update(index_elements=["consumer", "event_id"], set_=row))
        self.look_at_waiting()

    def _park(self, connection: Connection, incoming: Incoming, code: str, why: str, attempts: int) -> list[OutboxRow]:
        record, of = incoming.record, {"consumer": self.consumer, "event_id": incoming.event_id}
        if incoming.event_id is not None:
            connection.execute(_PARKED_NOW, {"of_consumer": self.consumer, "of_event": incoming.event_id})
        park_id = derived_uuid("parked", self.consumer, record.topic, record.part, record.off)
        row = {"code": code, "reason": why[:2000], "attempts": attempts, "since": time.time(), "state": "parked"}
        place = {"topic": record.topic, "part": record.part, "off": record.off, "key": record.key, "body": record.body}
        parking = _parking(connection.dialect.name)
        attempts = connection.execute(parking, {"id": park_id, **of, **place, **row}).scalar_one()
        log.error("event.parked", event_id=incoming.event_id, topic=record.topic, code=code, parked=park_id)
        if self.muted:
            return []
        dead = EventParked(
            county=self.service.county,
            consumer=self.consumer,
            from_topic=record.topic,
            partition=record.part,
            offset=record.off,
            event_id=incoming.event_id,
            code=code,
            attempts=attempts,
        )
        cause = derived_uuid("dead", record.topic, record.part, record.off, attempts)
        return outbox_rows(
            self.service.name,
            [dead],
            cause=cause,
            at=self.service.ports.clock.now(),
            correlation_id=incoming.event.correlation_id if incoming.event else cause,
            causation_id=incoming.event_id,
            traceparent=incoming.traceparent,
        )

    def _say(self, connection: Connection, rows: Sequence[OutboxRow]) -> None:
        write_outbox(connection, rows)
        self.has_said = self.has_said or bool(rows)

    def look_at_waiting(self) -> None:
        """Say that something may have become ready: the next ``run_ready`` looks."""
        self._look_again_at = 0.0

    def run_ready(self) -> int:
        """
        Run the waiting events whose turn has come, each key's oldest first; return how many were handled.

        Looks when something was written to the waiting rows or marked ready, when a retry is due, and once a second.
        """
        if not self.may_be_ready:
            return 0
        handled = 0
        for row in self._due():
            record = Record(row.topic, row.part, row.off, row.key, row.body)
            # What could be read when it came keeps its id, should this release not be able to read it.
            incoming = replace(self.prepare(record), event_id=row.event_id)
            try:
                handled += self._run_waiting(row, incoming)
            except Exception as error:
                if database_is_away(error):
                    raise
                self._give_up(incoming, error)
            failpoints.hit(self.service.name, "offset_stored")
        return handled

    def _run_waiting(self, row: Any, incoming: Incoming) -> bool:
        with self.service.db.write(self.service.system) as session:
            connection = session.connection()
            attempts = connection.scalar(_STILL_WAITING, {"id": row.id})
            if attempts is None:
                return False  # another worker of this service, or a person, has run it meanwhile
            if handled := self._attempt(session, incoming, attempts + 1):
                connection.execute(_WAITS_NO_MORE, {"id": row.id})
                self._release_next(connection, row.topic, row.key)
            mark_ready(session)
            failpoints.hit(self.service.name, "handled")
        return handled

    @property
    def may_be_ready(self) -> bool:
        """Whether the waiting rows are to be looked at now."""
        return not self.seconds_to_look

    @property
    def seconds_to_look(self) -> float:
        """How long until the waiting rows are to be looked at, if nobody says so before."""
        return max(0.0, self._look_again_at - time.monotonic())

    def _due(self) -> Sequence[Any]:
        """Read whose turn has come: of each key only the earliest, by its place in the log, and of no key with a parked one."""
        self._look_again_at = time.monotonic() + LOOK_SECONDS  # before looking: what becomes ready meanwhile says so
        mine, now = {"consumer": self.consumer}, time.time()
        with self.service.db.read_plumbing() as connection:
            rows = connection.execute(_of(self.held, _DUE), mine | {"now": now}).all()
            if rows:
                self.look_at_waiting()
            elif (retry_at := connection.scalar(_of(self.held, _NEXT_RETRY), mine | {"now": now})) is not None:
                self._look_again_at = min(self._look_again_at, time.monotonic() + retry_at - now)
        return rows

    def _release_next(self, connection: Connection, topic: str, key: str) -> None:
        connection.execute(_RELEASE_NEXT, {"of_consumer": self.consumer, "of_topic": topic, "of_key": key})
        self.look_at_waiting()

    def retry(self, park_id: str) -> bool:
        """
        Run a parked message through this service once more; True if it was handled (or waits) now.

        Raises:
            NotParked: it was retried or skipped before; what has been handled is not handled again.
        """
        with self.service.db.write(self.service.system) as session:
            connection = session.connection()
            row = _still_parked(connection, park_id)
            record = Record(row.topic, row.part, row.off, row.key, row.body)
            incoming = self.prepare(record)
            connection.execute(update(parked).where(parked.c.id == park_id).values(state="retried"))
            if incoming.event_id is not None:
                self._new(connection, [incoming])
            handled = self._attempt(session, incoming, ATTEMPTS)
            if handled:
                self._release_next(connection, row.topic, row.key)
            mark_ready(session)
            state = connection.scalar(select(parked.c.state).where(parked.c.id == park_id))
        self.service.wake()
        return handled or state != "parked"

    def skip(self, park_id: str, why: str) -> None:
        """
        Leave a parked message unhandled for good, with a reason, and let the later ones of its key go on.

        Raises:
            NotParked: it was retried or skipped before.
        """
        with self.service.db.write(self.service.system) as session:
            connection = session.connection()
            row = _still_parked(connection, park_id)
            connection.execute(update(parked).where(parked.c.id == park_id).values(state="skipped", released_why=why))
            self._release_next(connection, row.topic, row.key)
        self.service.wake()

    def forget(self, connection: Connection) -> None:
        """Delete what is kept under this consumer's name: inbox, offsets, waiting and parked rows."""
        for table in (inbox, offsets, waiting, parked):
            connection.execute(delete(table).where(table.c.consumer == self.consumer))
        self._positions = None

    def begin(self, connection: Connection) -> None:
        """Note that this consumer stands at the beginning of every topic."""
        connection.execute(
            insert(offsets),
            [{"consumer": self.consumer, "topic": topic, "part": 0, "next": 0} for topic in self.topics],
        )
        self._positions = None

    # ── offsets ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def positions(self) -> dict[tuple[str, int], int]:
        """Return the next offset to read of every partition: as stored with the state, remembered by the only writer."""
        if self._positions is None:
            self._positions = self.stored_positions()
        return self._positions

    def stored_positions(self) -> dict[tuple[str, int], int]:
        """Read the next offset of every partition."""
        with self.service.db.read_plumbing() as connection:
            return self.positions_in(connection)

    def positions_in(self, connection: Connection) -> dict[tuple[str, int], int]:
        """Read the next offset of every partition, in the snapshot of *connection*."""
        rows = connection.execute(_POSITIONS, {"consumer": self.consumer})
        return {(topic, part): following for topic, part, following in rows}

    def _store_offsets(self, connection: Connection, records: Iterable[Record]) -> None:
        rows = [
            {"consumer": self.consumer, "topic": topic, "part": part, "next": following}
            for (topic, part), following in _reached(records).items()
        ]
        if rows:
            connection.execute(_store_offsets(connection.dialect.name), rows)


# Statements of every batch, built once: building one costs more than running it.
_MINE: BindParameter[str] = bindparam("consumer")
_PARKED_NOW = delete(waiting).where(
    waiting.c.consumer == bindparam("of_consumer"), waiting.c.event_id == bindparam("of_event")
)


@cache
def _parking(dialect: str) -> ReturningInsert[int]:
    """Park a message, or park it again with all attempts there were; gives their number."""
    row = upsert_in(dialect, parked)
    again = {name: row.excluded[name] for name in ("code", "reason", "since", "state")}
    attempts = parked.c.attempts + row.excluded.attempts
    return row.on_conflict_do_update(index_elements=["id"], set_={**again, "attempts": attempts}).returning(
        parked.c.attempts
    )


_SEEN = select(inbox.c.event_id).where(
    inbox.c.consumer == _MINE, inbox.c.event_id.in_(bindparam("ids", expanding=True))
)
_NOTE_AS_SEEN = insert(inbox)
_STOPPED = select(parked.c.topic, parked.c.key).where(
    parked.c.consumer == _MINE, parked.c.state == "parked", parked.c.event_id.is_not(None)
)
_BLOCKED = select(waiting.c.topic, waiting.c.key).where(waiting.c.consumer == _MINE).union(_STOPPED)
_EARLIER = waiting.alias("earlier")
_FIRST_OF_ITS_KEY = ~exists().where(
    _EARLIER.c.consumer == waiting.c.consumer,
    _EARLIER.c.topic == waiting.c.topic,
    _EARLIER.c.key == waiting.c.key,
    _EARLIER.c.off < waiting.c.off,  # not by id: what waits again after a retry has a new row, and its old place
)
_DUE = (
    select(waiting)
    .where(
        waiting.c.consumer == _MINE,
        # What queues behind nothing any more is due by itself, should nobody have said so.
        or_(waiting.c.ready, waiting.c.retry_at <= bindparam("now"), waiting.c.code == "behind"),
        _FIRST_OF_ITS_KEY,
        tuple_(waiting.c.topic, waiting.c.key).not_in(_STOPPED),
    )
    .order_by(waiting.c.id)
    .limit(100)
)
_NEXT_RETRY = select(func.min(waiting.c.retry_at)).where(
    waiting.c.consumer == _MINE, waiting.c.retry_at > bindparam("now")
)
_STILL_WAITING = select(waiting.c.attempts).where(waiting.c.id == bindparam("id")).with_for_update()
_WAITS_NO_MORE = delete(waiting).where(waiting.c.id == bindparam("id"))
_SAME_KEY = (
    waiting.c.consumer == bindparam("of_consumer"),
    waiting.c.topic == bindparam("of_topic"),
    waiting.c.key == bindparam("of_key"),
)
_RELEASE_NEXT = (
    update(waiting)
    .where(*_SAME_KEY, waiting.c.code == "behind")
    .where(waiting.c.off == select(func.min(waiting.c.off)).where(*_SAME_KEY).scalar_subquery())
    .values(ready=True)
)
_POSITIONS = select(offsets.c.topic, offsets.c.part, offsets.c.next).where(offsets.c.consumer == _MINE)
_SAY = insert(outbox)
_REFUSED = outbox.alias("earlier")
_UNSENT = (
    select(outbox.c.seq, outbox.c.topic, outbox.c.key, outbox.c.event_id, outbox.c.body)
    .order_by(outbox.c.seq)
    .limit(bindparam("limit"))
)
_OLDEST = _UNSENT.where(
    tuple_(outbox.c.topic, outbox.c.key).not_in(
        select(_REFUSED.c.topic, _REFUSED.c.key).where(_REFUSED.c.refused.is_not(None))
    )
)
_OLDEST_REFUSED = _UNSENT.where(outbox.c.refused.is_not(None))


@lru_cache(2)
def _store_offsets(dialect: str) -> Upsert:
    """Build what moves an offset on, never back."""
    new = upsert_in(dialect, offsets)
    further = case((offsets.c.next > new.excluded.next, offsets.c.next), else_=new.excluded.next)
    return new.on_conflict_do_update(index_elements=["consumer", "topic", "part"], set_={"next": further})


@lru_cache(32)
def _of(held: Held, waits: Select[Any]) -> Select[Any]:
    """Narrow a statement about waiting events to those of the partitions *held*."""
    return waits if held is None else waits.where(tuple_(waiting.c.topic, waiting.c.part).in_(sorted(held)))


def _still_parked(connection: Connection, park_id: str) -> Any:
    row = connection.execute(select(parked).where(parked.c.id == park_id)).one_or_none()
    if row is None or row.state != "parked":
        raise NotParked(id=park_id, state=None if row is None else row.state)
    return row


def _reached(records: Iterable[Record]) -> dict[tuple[str, int], int]:
    reached: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.part)
        reached[place] = max(reached.get(place, 0), record.off + 1)
    return reached


def outbox_rows(
    service: str,
    payloads: Sequence[Payload],
    *,
    cause: str,
    at: datetime,
    correlation_id: str,
    causation_id: str | None,
    traceparent: str | None,
) -> list[OutboxRow]:
    """
    Turn what *service* says into rows of its outbox; the ids derive from *cause* and the place in it.

    Raises:
        EventTooLarge: readers would park one of them, and the broker might not take it; whatever caused it is undone.
    """
    rows = []
    for number, payload in enumerate(payloads):
        topic = dead_topic(service) if isinstance(payload, EventParked) else payload.topic
        if TOPICS[topic].owner != service:
            raise ValueError(f"{service} may not say {payload.type}")
        event = wrap(
            payload,
            event_id=derived_uuid(service, cause, number, payload.type),
            service=service,
            at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
            traceparent=traceparent,
        )
        body, key = event.encode(), payload.partition_key
        if len(body) > MAX_EVENT_BYTES:
            raise EventTooLarge(type=payload.type, size=len(body), most=MAX_EVENT_BYTES)
        rows.append({"event_id": event.id, "topic": topic, "key": key, "body": body, "written_at": time.time()})
    return rows


def write_outbox(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Put rows into the outbox of the running transaction."""
    if rows:
        connection.execute(_SAY, rows)
        tell_of_outbox(connection)


def take_outbox(connection: Connection, limit: int) -> list[tuple[int, Message]]:
    """
    Read the oldest events of the outbox (what is there, never by a high-water mark).

    Left out are those that the bus refused for good, and whatever stands behind one under its key: a later event of a subject
    must not overtake an earlier one.
    """
    return _messages(connection, _OLDEST, limit)


def take_refused(connection: Connection, limit: int) -> list[tuple[int, Message]]:
    """Read the oldest events of the outbox that the bus refused for good."""
    return _messages(connection, _OLDEST_REFUSED, limit)


def _messages(connection: Connection, which: Select[Any], limit: int) -> list[tuple[int, Message]]:
    rows = connection.execute(which, {"limit": limit})
    return [(seq, Message(topic, key, event_id, body)) for seq, topic, key, event_id, body in rows]
