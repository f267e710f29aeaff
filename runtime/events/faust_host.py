"""
The Faust host: Faust runs the consumers and nothing else (shared/reference/events.md, rules 1 to 3 and 8 to 9).

Faust acknowledges whatever leaves ``take_events``, also a batch whose agent was cancelled in the middle. So no commit goes
out that the handling thread has not finished: every commit is cut down to what was handled (``Thread``). What Faust would
crash of (a commit after a rebalance, a broker away) is somebody else's now, or goes with the next commit.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
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

log = structlog.get_logger()


class AppCrashed(Exception):
    """Faust's application has crashed; it would live on in silence."""


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
        self._handled: dict[tuple[str, int], int] = {}  # next offset of each partition, written by the handling thread

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
        app.committable = self._committable
        app.transport = Transport(app.conf.broker_consumer, app)
        topic = app.topic(
            *(settings.topic(name) for name in self._service.processor.topics), key_type=bytes, value_type=bytes
        )

        async def handle(stream: Any) -> None:
            async for events in stream.take_events(BATCH, within=WITHIN_SECONDS):
                await self._handle(app, [_record(settings, event.message) for event in events])

        async def look() -> None:
            while not app.should_stop:
                await self._handle(app, [])
                await asyncio.sleep(LOOK_MS / 1000)

        app.agent(topic, concurrency=1, name=f"{name}.handle")(handle)
        app.task(look)
        return app

    async def _handle(self, app: faust.App, records: list[Record]) -> None:
        loop = asyncio.get_running_loop()
        prefix = bus_of(self._service).settings.prefix
        held = {(place.topic.removeprefix(prefix), place.partition) for place in app.consumer.assignment()}
        await loop.run_in_executor(self._thread, self._in_thread, records, held)

    def _in_thread(self, records: list[Record], held: set[tuple[str, int]]) -> None:
        if self._host.work(self._service, records, held):
            for record in records:
                self._handled[record.topic, record.part] = record.off + 1

    def _committable(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        """Cut what Faust wants to commit down to what was handled."""
        prefix = bus_of(self._service).settings.prefix
        found = {}
        for place, offset in offsets.items():
            handled = self._handled.get((place.topic.removeprefix(prefix), place.partition))
            if handled is not None:
                found[TopicPartition(place.topic, place.partition)] = OffsetAndMetadata(min(offset, handled), "")
        return found


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
    """Faust's application, which knows what may be committed."""

    committable: Cut


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
        Go back to where the group has committed, and to the beginning where it never has.

        Faust calls this for records it fetched and threw away, as its flow was stopped by then. aiokafka moves only where
        something is committed: elsewhere those records would be behind, and never be read.
        """
        committed: Mapping[Any, int] = await super().seek_to_committed()
        if never := [place for place, offset in committed.items() if not offset]:
            await self.seek_to_beginning(*never)
        return committed

    def trouble(self) -> BaseException | None:
        """
        Say what the group refused this member for, if it did: another kind of host still in it, no right to it.

        aiokafka tells by the next call of ``getmany`` and waits until then. Faust reads past that call, and would wait for
        partitions for ever.
        """
        coordinator = getattr(self._consumer, "_coordinator", None)
        found: BaseException | None = getattr(coordinator, "_pending_exception", None)
        return found


class Consumer(driver.Consumer):
    """Faust's consumer on that thread."""

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
