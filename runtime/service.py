"""What a service is to the runtime: its database, its ports, its handlers and timers, and the two calls ``do`` and ``ask``."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, runtime_checkable

import structlog
from pydantic import BaseModel
from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import DeclarativeBase, Session

from runtime.entropy import Entropy
from runtime.errors import Conflict, OneVisitError
from runtime.events import failpoints
from runtime.events.bus import EventBus, Message, RecordRefused
from runtime.events.handling import Handler, mark_ready
from runtime.events.processing import Processor, outbox_rows, take_outbox, take_refused, write_outbox
from runtime.log.trace import bound_traceparent, traced, traceparent_of
from runtime.secrets import Secrets
from runtime.store.actor import Actor
from runtime.store.database import Database
from runtime.store.ids import derived_uuid
from runtime.store.plumbing import idempotency, offsets, outbox, parked, sequences, waiting
from runtime.time.clock import Clock
from runtime.time.timers import Timer
from schemas.events.payload import Payload

if TYPE_CHECKING:
    from runtime.files.blobs import BlobStore

RELAY_BATCH = 500
CONSUME_BATCH = 100
REFUSED_SECONDS = 60.0  # until what the bus refused for good is offered again: somebody may have raised its limit
ANSWERS_FORGOTTEN = "answers forgotten"  # the sequence that counts how often

log = structlog.get_logger()

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class KeyReused(Conflict):
    """The same Idempotency-Key came with another request."""

    code = "idempotency.key_reused"


@dataclass(frozen=True)
class Ports:
    """Everything of the outside a service may use."""

    clock: Clock
    entropy: Entropy
    blobs: "BlobStore"
    bus: EventBus
    secrets: Secrets
    demo: bool = False  # a home marked demo: rehearsals open visits, entropy repeats


@dataclass(frozen=True)
class Reply:
    """What a command answers: the events it says, and a JSON-able value for the asker."""

    events: Sequence[Payload] = ()
    value: Any = None


class Command(Protocol):
    """A request of a person, a system or the clock: ``(session, actor, …, at=…)`` → what is said."""

    __name__: str
    __module__: str

    def __call__(self, session: Session, actor: Actor, /, *args: Any, **facts: Any) -> Sequence[Payload] | Reply | None:
        """Check, decide, write; never commit."""


@runtime_checkable
class MadeBeforehand(Protocol):
    """
    An argument made for the command before its transaction, and made anew whenever the request is sent again.

    A plan written, a file stored, a password salted: no two tries make the same, so it has no say in whether a request is
    the same as before. What it was made from stands beside it in plain arguments, but for a password: of that no digest
    is kept.
    """

    made_beforehand: bool


@dataclass
class MenuEntry:
    """A line of the console's menu, shown to whoever holds one of *roles* (empty: everybody signed in)."""

    path: str
    zh: str
    en: str
    roles: frozenset[Any] = frozenset()
    icon: str = ""


@dataclass(frozen=True)
class Errand:
    """Work of a service that runs beside its commands, in real time and outside transactions, such as calling a partner."""

    name: str
    run: Callable[["Service", threading.Event], None]  # runs until the event is set


@dataclass(frozen=True)
class Gauge:
    """A figure of a service's business that supervisors watch; counted over all agencies, so it is a number and no more."""

    name: str
    tells: str
    count: Callable[[Session, Actor, datetime], int]  # (session, actor, now)


@dataclass
class Service:
    """One of the services, wired."""

    name: str
    base: type[DeclarativeBase]
    ports: Ports
    db: Database
    migrations: Path
    handlers_marked: Sequence[Any] = ()
    timers: Sequence[Timer] = ()
    errands: Sequence[Errand] = ()
    gauges: Sequence[Gauge] = ()
    messages: Path | None = None
    settings: Any = None
    access: Mapping[str, Any] = field(default_factory=dict)
    menu: Sequence[MenuEntry] = ()
    tiles: Sequence[str] = ()
    routers: Sequence[Callable[..., Any]] = ()  # routes(service, web) of api.py and pages.py
    templates: Path | None = None
    county: str = "000000"
    duplicates: int = 0
    on_commit: Callable[[], None] = lambda: None  # wakes the relay; set by whoever runs it
    on_ready: Callable[[], None] = lambda: None  # wakes the worker when waiting events became ready

    def __post_init__(self) -> None:
        self.system = Actor.system(self.name)
        self.handlers: list[Handler] = [marked.handler for marked in self.handlers_marked]
        self.processor = Processor(self)
        self._offer_refused_at = 0.0  # monotonic; 0: by a new process at once
        self.batches = 0
        self.handled = 0
        self.batch_seconds = 0.0

    # ── commands and queries ────────────────────────────────────────────────────────────────────────────────────────

    def do(self, actor: Actor, command: Any, /, *args: Any, key: str | None = None, **facts: Any) -> Reply:
        """
        Run *command* in one write transaction with its events, and remember its answer under *key*.

        Args:
            actor: On whose behalf.
            command: ``(session, actor, *args, at=…, **facts)``; returns events, a ``Reply`` or None.
            key: Idempotency-Key: the same actor's same key answers again without doing anything.

        Raises:
            KeyReused: *key* was used for another request.
            OneVisitError: whatever the command refuses.
        """
        at = self.ports.clock.now()
        cause = derived_uuid("command", self.name, actor.id, key) if key else str(uuid.uuid4())
        traceparent = bound_traceparent() or traceparent_of(cause)
        with traced(traceparent), self.db.write(actor) as session:
            connection = session.connection()
            request = _digest(command, args, facts)
            if key is not None and (earlier := self._remembered(connection, actor, key, request)) is not None:
                return earlier
            if key is not None and (forgotten := connection.scalar(_FORGOTTEN)):
                cause = derived_uuid("command", self.name, actor.id, key, forgotten)  # see runtime/answers.py
            said = command(session, actor, *args, at=at, **facts)
            reply = said if isinstance(said, Reply) else Reply(tuple(said or ()))
            session.flush()
            self.say(connection, reply.events, cause=cause, at=at, correlation_id=cause, traceparent=traceparent)
            if key is not None:
                value = json.dumps(reply.value, default=str)
                answer = {"actor": actor.id, "key": key, "request": request, "value": value, "at": at}
                connection.execute(_REMEMBER, answer)
            ready = mark_ready(session)
            log.info("command.done", service=self.name, command=command.__name__, events=len(reply.events))
            failpoints.hit(self.name, "row_written")
        failpoints.hit(self.name, "committed")
        if ready:
            self.processor.look_at_waiting()
            self.on_ready()
        if reply.events:
            self.wake()
        return reply

    def ask(
        self,
        actor: Actor,
        query: Callable[Concatenate[Session, Actor, Asked], Answer],
        /,
        *args: Asked.args,
        **facts: Asked.kwargs,
    ) -> Answer:
        """Run a query (or a ``prepare_x``) in a read-only session, closed when it returns."""
        with self.db.read(actor) as session:
            return query(session, actor, *args, **facts)

    def recall(self, actor: Actor, key: str) -> Reply | None:
        """
        Return what was answered under *key* before, if anything was.

        A route that prepares outside the transaction asks this first: prepared anew after its command has run, it would
        be refused (already frozen, already drawn) instead of answered again.
        """
        with self.db.read_plumbing() as connection:
            row = connection.execute(_ANSWERED, {"actor": actor.id, "key": key}).one_or_none()
        return None if row is None else Reply((), json.loads(row.value))

    def _remembered(self, connection: Connection, actor: Actor, key: str, request: str) -> Reply | None:
        row = connection.execute(_ANSWERED, {"actor": actor.id, "key": key}).one_or_none()
        if row is None:
            return None
        if row.request != request:
            raise KeyReused(key=key)
        return Reply((), json.loads(row.value))

    # ── events out ──────────────────────────────────────────────────────────────────────────────────────────────────

    def say(
        self,
        connection: Connection,
        payloads: Sequence[Payload],
        *,
        cause: str,
        at: datetime,
        correlation_id: str,
        traceparent: str | None = None,
    ) -> None:
        """Put events into this service's outbox, in the running transaction."""
        rows = outbox_rows(
            self.name,
            payloads,
            cause=cause,
            at=at,
            correlation_id=correlation_id,
            causation_id=None,
            traceparent=traceparent,
        )
        write_outbox(connection, rows)

    def relay(self) -> int:
        """
        Move up to 500 events from the outbox to the bus; return how many. One relay at a time per service.

        One that the bus refuses for good stays in the outbox, marked, with all behind it under its key; the others go on. It is
        offered again once a minute (ADR 19).
        """
        again = time.monotonic() >= self._offer_refused_at
        with self.db.read_plumbing() as connection:
            refused = take_refused(connection, RELAY_BATCH) if again else []
            batch = take_outbox(connection, RELAY_BATCH)
        if again:
            self._offer_refused_at = time.monotonic() + REFUSED_SECONDS
        moved = self._send_singly(refused) if refused else 0
        if not batch:
            return moved
        try:
            self.ports.bus.append([message for _, message in batch])
        except RecordRefused:
            return moved + self._send_singly(batch)
        self._forget_sent([seq for seq, _ in batch])
        return moved + len(batch)

    def _send_singly(self, batch: Sequence[tuple[int, Message]]) -> int:
        """Send one after the other, and hold back what is refused for good with all behind it under its key."""
        held = set[tuple[str, str]]()
        sent = 0
        for seq, message in batch:
            if (message.topic, message.key) in held:
                continue
            try:
                self.ports.bus.append([message])
            except RecordRefused as refusal:
                held.add((message.topic, message.key))
                self._hold_back(seq, message, str(refusal.facts.get("why", refusal.code)))
            else:
                self._forget_sent([seq])
                sent += 1
        return sent

    def _hold_back(self, seq: int, message: Message, why: str) -> None:
        size = len(message.body)
        log.error(
            "relay.refused", service=self.name, event_id=message.event_id, topic=message.topic, size=size, why=why
        )
        with self.db.write_plumbing() as connection:
            connection.execute(_REFUSED, {"of": seq, "why": why[:100]})

    def _forget_sent(self, sent: Sequence[int]) -> None:
        failpoints.hit(self.name, "relayed")
        with self.db.write_plumbing() as connection:
            connection.execute(_SENT, {"sent": sent})

    # ── events in ───────────────────────────────────────────────────────────────────────────────────────────────────

    def consume(self, limit: int = CONSUME_BATCH) -> int:
        """Run what waits and is ready, then the next batch of the bus; return how many events moved."""
        moved = self.processor.run_ready()
        records = self.ports.bus.read(self.processor.topics, self.processor.positions(), limit)
        if records:
            failpoints.hit(self.name, "read")
            self.processor.process(records)
            moved += len(records)
        if self.processor.has_said:
            self.processor.has_said = False
            self.wake()
        return moved

    def replay(self) -> int:
        """
        Drop the projections and build them again from the beginning of the log, saying nothing; return events read.

        The replay reads under a consumer name of its own, so the worker's offsets and inbox stay as they are. The caller
        stops the worker first. Killed on the way, it leaves its offsets: ``replay_cut_short``, and it is run again.
        """
        processor = Processor(self, consumer=self._replaying, muted=True)
        projections = [table for table in self.base.metadata.sorted_tables if table.info["kind"] == "projection"]
        with self.db.write(self.system) as session:
            connection = session.connection()
            for table in reversed(projections):
                connection.execute(delete(table))
            processor.forget(connection)
            processor.begin(connection)
        count = 0
        while records := self.ports.bus.read(processor.topics, processor.positions(), 100):
            processor.process(records)
            while processor.run_ready():
                pass
            count += len(records)
        with self.db.write(self.system) as session:
            processor.forget(session.connection())
        return count

    @property
    def _replaying(self) -> str:
        return f"{self.name}@replay"

    def replay_cut_short(self) -> bool:
        """Whether a replay was killed before its end, so that the projections are not whole."""
        begun = select(offsets.c.topic).where(offsets.c.consumer == self._replaying).limit(1)
        with self.db.read_plumbing() as connection:
            return connection.scalar(begun) is not None

    def wake(self) -> None:
        """Tell the relay that there may be something to send."""
        self.on_commit()

    def measure_batch(self, events: int, seconds: float) -> None:
        """Count a handled batch."""
        self.batches += 1
        self.handled += events
        self.batch_seconds += seconds

    # ── state of the plumbing ───────────────────────────────────────────────────────────────────────────────────────

    def backlog(self) -> "Backlog":
        """Count what is still under way in this service."""
        found = self.standing()
        return Backlog(found.unsent, self.unread(found), found.ready, found.waiting, found.parked)

    def standing(self) -> "Standing":
        """Count what its database holds of what is under way; no broker is asked."""
        with self.db.read_plumbing() as connection:
            unsent, refused, waits, soon, parks = connection.execute(_BACKLOG).one()
            return Standing(unsent, refused, soon, waits, parks, self.processor.positions_in(connection))

    def unread(self, found: "Standing") -> int:
        """Ask the bus how many events stand there beyond the positions that were *found*."""
        heads = self.ports.bus.heads(self.processor.topics) if self.processor.topics else {}
        return sum(max(0, head - found.positions.get(place, 0)) for place, head in heads.items())

    def refused(self) -> int:
        """Count the events that the bus refuses for good; each holds back the later ones of its subject."""
        with self.db.read_plumbing() as connection:
            return connection.scalar(_COUNT_REFUSED) or 0

    def unsent_seconds(self) -> float:
        """Tell for how long the oldest event has stood in the outbox; 0 if there is none."""
        with self.db.read_plumbing() as connection:
            oldest = connection.scalar(_OLDEST_UNSENT)
        return 0.0 if oldest is None else time.time() - oldest

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def _count(table: Table, *where: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(*where).scalar_subquery()


# Built once: building a statement costs more than running it.
_SENT = delete(outbox).where(outbox.c.seq.in_(bindparam("sent", expanding=True)))
_REFUSED = update(outbox).where(outbox.c.seq == bindparam("of")).values(refused=bindparam("why"))
_COUNT_REFUSED = select(func.count()).select_from(outbox).where(outbox.c.refused.is_not(None))
_OLDEST_UNSENT = select(func.min(outbox.c.written_at))
_REMEMBER = insert(idempotency)
_FORGOTTEN = select(sequences.c.next).where(sequences.c.name == ANSWERS_FORGOTTEN)
_ANSWERED = select(idempotency.c.request, idempotency.c.value).where(
    idempotency.c.actor == bindparam("actor"), idempotency.c.key == bindparam("key")
)
_BACKLOG = select(
    _count(outbox),
    _count(outbox, outbox.c.refused.is_not(None)),
    _count(waiting),
    _count(waiting, or_(waiting.c.ready, waiting.c.retry_at.is_not(None))),
    _count(parked, parked.c.state == "parked"),
)


@dataclass(frozen=True)
class Standing:
    """
    What a service's database holds: unsent events, those of them that the bus refuses, waiting ones that will run by themselves,
    all waiting, parked; how far it read.
    """

    unsent: int
    refused: int
    ready: int
    waiting: int
    parked: int
    positions: Mapping[tuple[str, int], int]


@dataclass(frozen=True)
class Backlog:
    """How much is under way: unsent events, unread events, waiting events that will run by themselves, all waiting, parked."""

    unsent: int
    unread: int
    ready: int
    waiting: int
    parked: int

    @property
    def settled(self) -> bool:
        """Whether nothing moves any more by itself."""
        return not (self.unsent or self.unread or self.ready)


def settle(services: Iterable[Service], *, seconds: float = 30.0) -> None:
    """Relay and consume until nothing moves any more (tests and tools; a running system does it by its threads)."""
    services = list(services)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        moved = sum(service.relay() + service.consume() for service in services)
        if not moved and all(service.backlog().settled for service in services):
            return
        if not moved:
            time.sleep(0.02)
    raise TimeoutError("the services did not settle")


def _digest(command: Any, args: tuple[Any, ...], facts: Mapping[str, Any]) -> str:
    """Tell one request from another: the command and everything it was given but what was `MadeBeforehand`."""
    told = [f"{command.__module__}.{command.__name__}", _plain(args), _plain(facts)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, date | datetime | float):
        return str(value)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [_plain(item) for item in value]
        return items if isinstance(value, list | tuple) else sorted(items, key=repr)
    if isinstance(value, MadeBeforehand | OneVisitError):  # the work, or the refusal it ended in
        return None
    raise TypeError(f"a command was given a {type(value).__name__}: nobody can tell whether it is the same as before")
