"""
Kafka as the event bus: one idempotent aiokafka producer publishes what the relay reads from the outbox.

The rest of the system is synchronous, so the clients live on an event loop in a thread of their own.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)

from runtime.errors import TryAgain
from runtime.events.bus import Message, Record, RecordRefused
from runtime.events.embedded import place_of
from runtime.events.kafka_settings import CONTENT_TYPE, KafkaSettings
from runtime.log.quiet import quieten
from schemas.topics import TOPICS

# An append is given up before aiokafka's own expiry of a batch (request_timeout_ms): an expired batch would be left out
# while later ones of its partition still go, and the order within a subject would be lost.
APPEND_SECONDS = 20.0
REQUEST_SECONDS = 40.0
ANSWER_SECONDS = 10.0  # for questions: heads, topics
READ_SECONDS = 5.0
TOPICS_KNOWN_MS = 10_000  # a topic made after the start is seen within this time
DROP_SECONDS = 2.0
BATCH_BYTES = 512 * 1024  # per partition; below the broker's 1 MiB

FOR_GOOD = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError, PolicyViolationError)
"""
What the broker says of records it will not take as its topics are set up, however often they are sent. Of a right that is
lacking it is not said: that is no record's fault, and all of the topic's wait for it.
"""

T = TypeVar("T")

log = structlog.get_logger()


class BrokerAway(TryAgain):
    """Kafka does not answer; what was to be sent stays in the outbox."""

    code = "kafka.away"


class _Refusal:
    """
    What the broker refuses for good while an append is under way: nothing more is sent then, and the append is over.

    That batches are numbered does not keep the next of a partition from being taken: of a producer that has written nothing there
    yet the broker takes any number. ``look`` runs before the sender's own task does, which would send on.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._appending = asyncio.current_task()
        self._ended_by: BaseException | None = None

    def look(self, sent: "asyncio.Future[Any]") -> None:
        """See what became of a message (its callback)."""
        if self._ended_by is not None or sent.cancelled():
            return
        error = sent.exception()
        if isinstance(error, FOR_GOOD) and self._appending is not None:
            self._ended_by = error
            self._producer._sender._sender_task.cancel()
            self._appending.cancel()  # it may wait for room in a batch that is never sent

    def end(self, error: BaseException) -> BaseException:
        """Look no more; return what ended the append, which met *error*."""
        if self._ended_by is None:
            self._ended_by = error
        elif self._appending is not None:
            self._appending.uncancel()
        return self._ended_by


class KafkaBus:
    """The event bus on Apache Kafka. At-least-once: an append that failed half-way leaves records that come again."""

    def __init__(self, settings: KafkaSettings) -> None:
        quieten()
        self.settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka", daemon=True)
        self._thread.start()
        self._producer: AIOKafkaProducer | None = None
        self._reader: AIOKafkaConsumer | None = None
        self._sends = asyncio.Lock()
        self._reads = asyncio.Lock()
        self._next: dict[tuple[str, int], int] = {}  # where the reader stands
        self._stopping = threading.Event()
        self._pending: Future[Any] | None = None
        self._away = False
        self._appended = threading.Condition()
        self._generation = 0

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, messages: Sequence[Message]) -> None:
        """
        Publish in order; returns when every in-sync replica has everything.

        Raises:
            RecordRefused: one of them will never be taken. Nothing behind it in its partition has arrived.
            BrokerAway: not within 20 s, or stopping. A beginning of *messages* may have arrived, in order; they come again.
        """
        if self._stopping.is_set():
            raise BrokerAway(why="stopping")
        future = self._pending = asyncio.run_coroutine_threadsafe(self._append(messages), self._loop)
        try:
            self._answer(future, APPEND_SECONDS)
        finally:
            self._pending = None
        self.wake()

    async def _append(self, messages: Sequence[Message]) -> None:
        async with self._sends:
            producer = await self._sending()
            refusal = _Refusal(producer)
            sent: list[asyncio.Future[Any]] = []
            try:
                for message in messages:
                    one = await producer.send(
                        self.settings.topic(message.topic),
                        message.body,
                        key=message.key.encode(),
                        partition=place_of(message),
                        headers=[CONTENT_TYPE],
                    )
                    one.add_done_callback(refusal.look)
                    sent.append(one)
                await asyncio.gather(*sent)
            except BaseException as error:
                why = refusal.end(error)
                # The relay will send all of it again. Left in the producer, every try's copies would wait for the broker
                # and an hour's outage would end in a flood of repeats.
                self._producer = None
                await self._drop(producer)
                if isinstance(why, FOR_GOOD):
                    raise RecordRefused(why=type(why).__name__) from why
                raise

    async def _sending(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self.settings.client(),
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                request_timeout_ms=int(REQUEST_SECONDS * 1000),
            )
            try:
                await producer.start()
            except BaseException:
                await self._drop(producer)
                raise
            self._producer = producer
        return self._producer

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        """Let go of a producer without waiting for what it has not sent (``stop`` would)."""
        producer._closed = True
        # Its own task, cancelled by it, says so here: that is not us, and must not hide why the producer is dropped.
        with contextlib.suppress(Exception, asyncio.CancelledError):
            async with asyncio.timeout(DROP_SECONDS):
                await producer._sender.close()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(DROP_SECONDS):
                await producer.client.close()

    # ── in: whoever reads without a group (replay, events tail, backlog) ────────────────────────────────────────────

    def read(self, topics: Sequence[str], after: Mapping[tuple[str, int], int], limit: int) -> list[Record]:
        """
        Read up to *limit* records at or after *after*; no order is kept between partitions. Empty at the heads only.

        Raises:
            BrokerAway: it does not answer, or has more and did not hand it over in time.
        """
        return self._ask(lambda: self._read(topics, after, limit), ANSWER_SECONDS + READ_SECONDS)

    async def _read(self, topics: Sequence[str], after: Mapping[tuple[str, int], int], limit: int) -> list[Record]:
        heads = await self._heads(topics)
        if all(after.get(place, 0) >= head for place, head in heads.items()):
            return []
        reader = await self._reading()
        wanted = {place: after.get(place, 0) for place in heads}
        if self._next.keys() != wanted.keys():
            reader.assign([self._place(place) for place in wanted])
            self._next = {}
        for place, following in wanted.items():
            if self._next.get(place) != following:
                reader.seek(self._place(place), following)
        self._next = wanted
        fetched = await reader.getmany(timeout_ms=int(READ_SECONDS * 1000), max_records=limit)
        records = [
            self.settings.record(one.topic, one.partition, one.offset, one.key, one.value)
            for messages in fetched.values()
            for one in messages
        ]
        if not records:
            await self._check_reached(reader, heads)
        for record in records:
            self._next[record.topic, record.part] = record.off + 1
        return records

    async def _check_reached(self, reader: AIOKafkaConsumer, heads: Mapping[tuple[str, int], int]) -> None:
        """
        Refuse to take nothing fetched in time for the end of the log: a replay would stop there and be called whole.

        Positions tell, not records: what was deleted, and a foreign producer's transaction marks, are passed over unread.
        """
        for place, head in heads.items():
            if (reached := await reader.position(self._place(place))) < head:
                raise BrokerAway(why="nothing fetched", topic=place[0], part=place[1], reached=reached, head=head)

    def heads(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Return the next offset to be written of every partition that holds anything."""
        return self._ask(lambda: self._heads(topics), ANSWER_SECONDS)

    async def _heads(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        reader = await self._reading()
        places = [
            TopicPartition(self.settings.topic(name), part)
            for name in topics
            for part in range(max(TOPICS[name].partitions, self._known(reader, name)))
        ]
        ends = await reader.end_offsets(places) if places else {}
        return {
            (place.topic.removeprefix(self.settings.prefix), place.partition): end for place, end in ends.items() if end
        }

    def _known(self, reader: AIOKafkaConsumer, name: str) -> int:
        """Count the partitions of a topic as far as the reader knows it; a broker may have more than are declared."""
        return len(reader.partitions_for_topic(self.settings.topic(name)) or ())

    def lacking(self, topics: Collection[str], seconds: float) -> list[str]:
        """
        Name those of *topics* that the broker has not got, as it calls them.

        Raises:
            BrokerAway: it did not answer within *seconds*.
        """
        return self._ask(lambda: self._lacking(topics), seconds)

    async def _lacking(self, topics: Collection[str]) -> list[str]:
        known = await (await self._reading()).topics()
        return sorted({self.settings.topic(name) for name in topics} - known)

    async def _reading(self) -> AIOKafkaConsumer:
        if self._reader is None:
            reader = AIOKafkaConsumer(
                **self.settings.client() | {"metadata_max_age_ms": TOPICS_KNOWN_MS},
                group_id=None,
                auto_offset_reset="earliest",
            )
            try:
                await reader.start()
            except BaseException:
                with contextlib.suppress(Exception):
                    await reader.stop()
                raise
            self._reader, self._next = reader, {}
        return self._reader

    def _place(self, place: tuple[str, int]) -> TopicPartition:
        return TopicPartition(self.settings.topic(place[0]), place[1])

    async def _forget_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(DROP_SECONDS):
                    await reader.stop()

    # ── waking and stopping ─────────────────────────────────────────────────────────────────────────────────────────

    def generation(self, topics: Sequence[str]) -> int:
        """Return a number that grows with every append of this process (to whatever topic), and with every ``wake``."""
        with self._appended:
            return self._generation

    def wait(self, topics: Sequence[str], seen: int, timeout: float) -> None:
        """Wait until the generation is another than *seen*, at most *timeout* seconds."""
        with self._appended:
            if self._generation == seen:
                self._appended.wait(timeout)

    def wake(self) -> None:
        """Let whoever waits look again."""
        with self._appended:
            self._generation += 1
            self._appended.notify_all()

    def interrupt(self) -> None:
        """Give up an append under way, and refuse further ones: the process is stopping."""
        self._stopping.set()
        pending = self._pending
        if pending is not None:
            pending.cancel()

    def close(self) -> None:
        """Close the connections, or after a while leave them to the end of the process, and end the thread."""
        self.interrupt()

        async def let_go() -> None:
            producer, self._producer = self._producer, None
            if producer is not None:
                await self._drop(producer)
            await self._forget_reader()

        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(let_go(), self._loop).result(DROP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DROP_SECONDS)
        if not self._loop.is_running():
            self._loop.close()

    def _ask(self, question: Callable[[], Awaitable[T]], seconds: float) -> T:
        """Ask one question after the other; a reader that could not answer is replaced."""

        async def ask() -> T:
            async with self._reads:
                try:
                    return await question()
                except BaseException:
                    await self._forget_reader()
                    raise

        return self._answer(asyncio.run_coroutine_threadsafe(ask(), self._loop), seconds)

    def _answer(self, future: Future[T], seconds: float) -> T:
        """Wait for what runs on the clients' loop; every trouble with the broker becomes ``BrokerAway``."""
        try:
            answer = future.result(seconds)
        except BrokerAway as error:
            self._note_away(error)
            raise
        except (TimeoutError, CancelledError, KafkaError, OSError) as error:
            future.cancel()
            self._note_away(error)
            raise BrokerAway(why=type(error).__name__) from error
        if self._away:
            log.info("kafka.back", bootstrap=self.settings.bootstrap)
        self._away = False
        return answer

    def _note_away(self, error: BaseException) -> None:
        if not self._away:
            log.warning("kafka.away", why=type(error).__name__, bootstrap=self.settings.bootstrap)
        self._away = True
