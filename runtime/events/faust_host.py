"""
The Faust host: Faust runs the consumers and nothing else (shared/reference/events.md, rules 1 to 3 and 8 to 9).

Faust acknowledges whatever leaves ``take_events``, also a batch whose agent was cancelled in the middle. So no commit goes
out that the handling thread has not finished: every commit is cut down to what was handled (``Thread``). What Faust would
crash of (a commit after a rebalance, a broker away) is somebody else's now, or goes with the next commit.

Around a rebalance Faust also throws away what it has fetched, and does not always go back for it. So each partition is
followed here from what the group has committed, one offset after the other (``Progress``): over a gap nothing is handled,
the consumer goes back instead; and what lies in the log and does not come is gone back for as well.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections import UserDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("FAUST_LOOP", "aio")

import faust
import structlog
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, RebalanceInProgressError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.tables.manager import TableManager
from faust.transport.drivers import aiokafka as driver

from runtime.events.broker_host import BATCH, COMMIT_SECONDS, HEARTBEAT_SECONDS, LOOK_MS, BrokerHost, bus_of
from runtime.events.bus import Record
from runtime.events.host import TROUBLE_SECONDS
from runtime.events.kafka import REQUEST_SECONDS
from runtime.events.kafka_settings import METADATA_MAX_AGE_MS, KafkaSettings
from runtime.service import Service

WITHIN_SECONDS = 0.02  # how long a batch waits for more
WATCH_SECONDS = 0.2
STOP_SECONDS = 5.0
COMMIT_AT_MOST_SECONDS = 3.0
LEFT_BEHIND_SECONDS = 10.0  # without the next record of a partition, though the broker has it
BEHIND_LOOK_SECONDS = 2.0

Place = tuple[str, int]  # topic, without the prefix, and partition

log = structlog.get_logger()


class AppCrashed(Exception):
    """Faust's application has crashed; it would live on in silence."""


class Progress:
    """
    Which offset of each partition comes next: no record is passed over, and none handled twice.

    Written on the loop of the application alone. A partition's records follow one another without a gap: topics are never
    compacted and our producer has no transactions. Should a foreign one leave a gap, the log is asked twice before it is
    believed.
    """

    def __init__(self) -> None:
        self.next: dict[Place, int] = {}
        self._missed: dict[Place, tuple[int, int]] = {}  # the gap last gone back for: (next, what came instead)
        self._since: dict[Place, tuple[int, float]] = {}  # since when the next one has not come

    def begin(self, at: Mapping[Place, int]) -> None:
        """Follow these partitions and no others, each from where its group has committed."""
        self.next = dict(at)
        self._missed.clear()
        self._since.clear()

    def unknown(self, records: Iterable[Record]) -> bool:
        """Tell whether there are records of partitions that are not followed."""
        return any((record.topic, record.part) not in self.next for record in records)

    def following(self, records: Iterable[Record]) -> tuple[list[Record], dict[Place, int]]:
        """Keep the records whose turn it is; name the partitions, with offset, to which the consumer must go back."""
        kept: list[Record] = []
        back: dict[Place, int] = {}
        due: dict[Place, int] = {}
        for record in records:
            place = (record.topic, record.part)
            if place in back or place not in self.next:
                continue
            expected = due.get(place, self.next[place])
            if record.off > expected and self._missed.get(place) != (expected, record.off):
                self._missed[place] = (expected, record.off)
                back[place] = expected
            elif record.off >= expected:
                due[place] = record.off + 1
                kept.append(record)
        return kept, back

    def handled(self, records: Iterable[Record]) -> None:
        """Go on behind what was handled."""
        for record in records:
            place = (record.topic, record.part)
            if place in self.next:
                self.next[place] = max(self.next[place], record.off + 1)

    def left_behind(self, ends: Mapping[Place, int], now: float) -> dict[Place, int]:
        """Name the partitions, with offset, in which the broker has more (*ends*) and nothing has come for long."""
        found: dict[Place, int] = {}
        for place, expected in self.next.items():
            known, since = self._since.get(place, (-1, now))
            if ends.get(place, 0) <= expected or known != expected:
                self._since[place] = (expected, now)
            elif now - since >= LEFT_BEHIND_SECONDS:
                self._since[place] = (expected, now)
                found[place] = expected
        return found


class FaustHost(BrokerHost):
    """Runs services on Kafka by Faust."""

    def __init__(self, services: Sequence[Service], *, scratch: Path | None = None, **options: Any) -> None:
        """As ``BrokerHost``; Faust wants a folder for every application: below *scratch*, or a temporary one."""
        super().__init__(services, **options)
        self._scratch = scratch or Path(tempfile.mkdtemp(prefix="onevisit-faust-"))

    def stop(self, seconds: float = 10.0) -> None:
        """Ask all threads to end after what they are doing, and wait for them."""
        super().stop(seconds)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _work(self, service: Service) -> None:
        try:
            if self.wait_for_topics(service):
                asyncio.run(_Worker(self, service, self._scratch / service.name).run())
        except BaseException as error:
            self.crash(service, error)


class _Worker:
    """One Faust application for one service."""

    def __init__(self, host: BrokerHost, service: Service, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._host = host
        self._service = service
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{service.name}-handling")
        self._progress = Progress()

    async def run(self) -> None:
        """
        Consume until the host stops.

        Raises:
            AppCrashed: the application has crashed.
        """
        while not self._host.stopping():
            app = self._app()
            starting = asyncio.create_task(app.start())  # which may wait for ever for a group that refuses it
            trouble: BaseException | None = None
            while not self._host.stopping() and not app.crashed and trouble is None:
                await asyncio.sleep(WATCH_SECONDS)
                trouble = _trouble(app, starting)
            crashed = app.crashed
            await self._end(app, starting)
            if crashed:
                raise AppCrashed(repr(app.crash_reason))
            if isinstance(trouble, KafkaError):
                log.warning("host.broker_trouble", service=self._service.name, why=repr(trouble))
                await asyncio.sleep(TROUBLE_SECONDS)
            elif trouble is not None:
                raise trouble
        self._thread.shutdown(wait=False)

    async def _end(self, app: faust.App, starting: asyncio.Task[None]) -> None:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)  # why it failed, if it did, the watch has seen
        with contextlib.suppress(Exception):
            async with asyncio.timeout(STOP_SECONDS):
                await app.stop()

    def _app(self) -> faust.App:
        settings, name = bus_of(self._service).settings, self._service.name
        session = self._host.session_seconds
        app = _App(
            settings.group(name),
            broker=[f"kafka://{server.strip()}" for server in settings.bootstrap.split(",")],
            broker_credentials=_credentials(settings),
            consumer_group_instance_id=f"{name}-{self._host.ordinal}",
            consumer_auto_offset_reset="earliest",
            consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
            broker_session_timeout=session,
            broker_request_timeout=max(REQUEST_SECONDS, session),  # Faust refuses a shorter one
            broker_heartbeat_interval=min(HEARTBEAT_SECONDS, session / 3),
            broker_commit_interval=COMMIT_SECONDS,
            broker_max_poll_records=5 * BATCH,
            key_serializer="raw",
            value_serializer="raw",
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            datadir=self._folder,
            TableManager=NoTables,
            loop=asyncio.get_running_loop(),
        )
        app.committable, app.begin = self._committable, self._begin
        app.transport = Transport(app.conf.broker_consumer, app)
        topic = app.topic(
            *(settings.topic(name) for name in self._service.processor.topics), key_type=bytes, value_type=bytes
        )

        async def handle(stream: Any) -> None:
            async for events in stream.take_events(BATCH, within=WITHIN_SECONDS):
                await self._handle(app, [_record(settings, event.message) for event in events])

        async def look() -> None:
            look_behind_at = 0.0
            while not app.should_stop:
                await self._handle(app, [])
                if time.monotonic() >= look_behind_at:
                    look_behind_at = time.monotonic() + BEHIND_LOOK_SECONDS
                    await self._look_behind(app)
                await asyncio.sleep(LOOK_MS / 1000)

        app.agent(topic, concurrency=1, name=f"{name}.handle")(handle)
        app.task(look)
        return app

    async def _handle(self, app: faust.App, records: list[Record]) -> None:
        consumer = cast(Consumer, app.consumer)
        if self._progress.unknown(records):
            await consumer.seek_to_committed()
        kept, back = self._progress.following(records)
        loop = asyncio.get_running_loop()
        held = {self._place(partition) for partition in consumer.assignment()}
        if await loop.run_in_executor(self._thread, self._host.work, self._service, kept, held):
            self._progress.handled(kept)
        await self._go_back(consumer, back, "host.gap")

    async def _go_back(self, consumer: "Consumer", back: Mapping[Place, int], why: str) -> None:
        if back:
            log.warning(
                why, service=self._service.name, at={f"{topic}/{part}": off for (topic, part), off in back.items()}
            )
            await consumer.go_back({self._partition(place): offset for place, offset in back.items()})

    async def _look_behind(self, app: faust.App) -> None:
        """Go back for what the broker has and Faust does not bring."""
        consumer = cast(Consumer, app.consumer)
        if consumer.flow_active:
            ends = {self._place(partition): end for partition, end in (await consumer.ends()).items()}
            await self._go_back(consumer, self._progress.left_behind(ends, time.monotonic()), "host.left_behind")

    def _begin(self, at: Mapping[TopicPartition, int]) -> None:
        self._progress.begin({self._place(partition): offset for partition, offset in at.items()})

    def _committable(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        """Cut what Faust wants to commit down to what was handled."""
        found = {}
        for partition, offset in offsets.items():
            reached = self._progress.next.get(self._place(partition))
            if reached:
                found[partition] = OffsetAndMetadata(min(offset, reached), "")
        return found

    def _place(self, partition: TopicPartition) -> Place:
        return partition.topic.removeprefix(bus_of(self._service).settings.prefix), partition.partition

    def _partition(self, place: Place) -> TopicPartition:
        return TopicPartition(bus_of(self._service).settings.topic(place[0]), place[1])


def _trouble(app: faust.App, starting: asyncio.Task[None]) -> BaseException | None:
    """Say why the start failed (Kafka absent), or what the group refused this member for."""
    failed = starting.exception() if starting.done() else None
    return failed or cast(Consumer, app.consumer).trouble()


def _record(settings: KafkaSettings, message: Any) -> Record:
    return settings.record(message.topic, message.partition, message.offset, message.key, message.value)


def _credentials(settings: KafkaSettings) -> Any:
    if settings.security.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.username,
            password=settings.password(),
            mechanism=settings.mechanism,
            ssl_context=settings.tls(),
        )
    tls = settings.tls()
    return faust.SSLCredentials(context=tls) if tls else None


Cut = Callable[[Mapping[TopicPartition, int]], dict[TopicPartition, OffsetAndMetadata]]


class _App(faust.App):
    """Faust's application, which knows what may be committed, and is told where each partition begins."""

    committable: Cut
    begin: Callable[[Mapping[TopicPartition, int]], None]


class Thread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, which commits no more than was handled and crashes of no commit."""

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        held = self.assignment()
        wanted = cast(_App, self.app).committable({place: offset for place, offset in offsets.items() if place in held})
        if not wanted:
            return False
        try:
            async with asyncio.timeout(COMMIT_AT_MOST_SECONDS):
                await self._ensure_consumer().commit(wanted)
        except (CommitFailedError, IllegalStateError, RebalanceInProgressError) as error:
            log.info("host.somebody_elses_now", why=type(error).__name__)
            return False
        except (KafkaError, TimeoutError) as error:
            log.warning("host.commit_failed", why=type(error).__name__)
            return False
        return True

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """
        Go back to where the group has committed, and to the beginning where it never has; progress begins anew from there.

        Faust calls this whenever partitions were handed out, and for records it fetched and threw away. aiokafka moves only
        where something is committed: elsewhere such records would be behind, and never be read.
        """
        begins: Mapping[Any, int] = await self.call_thread(self._seek_to_committed)
        cast(_App, self.app).begin(begins)
        return begins

    async def _seek_to_committed(self) -> Mapping[TopicPartition, int]:
        consumer, begins = self._ensure_consumer(), dict[TopicPartition, int]()
        for partition in consumer.assignment():
            begins[partition] = await consumer.committed(partition) or 0
        if never := [partition for partition, offset in begins.items() if not offset]:
            begins |= await consumer.beginning_offsets(never)
        await self.go_back_in_thread(begins)
        return begins

    async def go_back(self, places: Mapping[TopicPartition, int]) -> None:
        """Read these partitions again from these offsets."""
        await self.call_thread(self.go_back_in_thread, places)

    async def go_back_in_thread(self, places: Mapping[TopicPartition, int]) -> None:
        """As ``go_back``; what was handed to others meanwhile is theirs."""
        consumer = self._ensure_consumer()
        held = consumer.assignment()
        for partition, offset in places.items():
            if partition in held:
                consumer.seek(partition, offset)

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Tell behind which offset each partition ended when the broker was last asked."""
        found: Mapping[TopicPartition, int] = await self.call_thread(self._ends)
        return found

    async def _ends(self) -> Mapping[TopicPartition, int]:
        consumer = self._ensure_consumer()
        return {partition: consumer.highwater(partition) or 0 for partition in consumer.assignment()}

    def trouble(self) -> BaseException | None:
        """
        Say what the group refused this member for, if it did: another kind of host still in it, no right to it.

        aiokafka tells by the next call of ``getmany`` and waits until then. Faust reads past that call, and would wait for
        partitions for ever.
        """
        coordinator = getattr(self._consumer, "_coordinator", None)
        found: BaseException | None = getattr(coordinator, "_pending_exception", None)
        return found


class Unfiltered(UserDict[Any, Any]):
    """How far Faust believes it has read: it drops whatever comes from before, also what had to be read again."""

    def __missing__(self, partition: Any) -> None:
        return None

    def __setitem__(self, partition: Any, offset: Any) -> None: ...


class Consumer(driver.Consumer):
    """Faust's consumer on that thread."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._read_offset = Unfiltered()

    async def go_back(self, places: Mapping[TopicPartition, int]) -> None:
        """As the thread's."""
        await cast(Thread, self._thread).go_back(places)

    async def ends(self) -> Mapping[TopicPartition, int]:
        """As the thread's."""
        return await cast(Thread, self._thread).ends()

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    def trouble(self) -> BaseException | None:
        """As the thread's."""
        return cast(Thread, self._thread).trouble()


class NoTables(TableManager):
    """Faust's tables, of which there are none: nothing to wait for. Faust's own gives them a second to be declared."""

    async def on_start(self) -> None:
        """Begin what hands out partitions."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class Transport(driver.Transport):
    """Faust's Kafka driver with that consumer."""

    Consumer = Consumer
