"""
The plain host on Kafka: one aiokafka consumer per service.

It commits what its handling thread has finished, never more. A rebalance makes it finish and commit what it is doing; what it
then finds to be somebody else's, it leaves: the inbox drops repeats.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError, RebalanceInProgressError

from runtime.events.broker_host import (
    BATCH,
    COMMIT_SECONDS,
    HEARTBEAT_SECONDS,
    LOOK_MS,
    BrokerHost,
    bus_of,
)
from runtime.events.host import TROUBLE_SECONDS
from runtime.log.bare import bare
from runtime.service import Service

REVOKE_SECONDS = 5.0  # what is being handled gets this long to finish before the partitions go
BROKER_SECONDS = 3.0  # a commit or a good-bye takes no longer; aiokafka would wait for a broker that is away

log = structlog.get_logger()


class KafkaHost(BrokerHost):
    """Runs services on Kafka by aiokafka's own consumer."""

    def _work(self, service: Service) -> None:
        try:
            if self.wait_for_topics(service):
                asyncio.run(_Worker(self, service).run())
        except BaseException as error:
            self.crash(service, error)


class _Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Consumes for one service."""

    def __init__(self, host: BrokerHost, service: Service) -> None:
        self._host = host
        self._service = service
        self._busy = asyncio.Lock()  # held while a batch is handled
        self._handled: dict[TopicPartition, int] = {}  # next offset, where not yet committed
        self._committed_at = time.monotonic()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{service.name}-handling")

    async def run(self) -> None:
        """Consume until the host stops; a consumer that fails is replaced."""
        while not self._host.stopping():
            try:
                await self._consume()
            except KafkaError as error:
                log.warning("host.broker_trouble", service=self._service.name, why=repr(error))
                await asyncio.sleep(TROUBLE_SECONDS)
            except Exception as error:
                log.error("host.trouble", service=self._service.name, part="consumer", **bare(error))
                await asyncio.sleep(TROUBLE_SECONDS)
        self._thread.shutdown(wait=False)

    async def _consume(self) -> None:
        settings = bus_of(self._service).settings
        consumer = AIOKafkaConsumer(
            **settings.client(),
            group_id=settings.group(self._service.name),
            group_instance_id=f"{self._service.name}-{self._host.ordinal}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._host.session_seconds * 1000),
            heartbeat_interval_ms=int(min(HEARTBEAT_SECONDS, self._host.session_seconds / 3) * 1000),
        )
        self._consumer, self._handled = consumer, {}
        consumer.subscribe([settings.topic(name) for name in self._service.processor.topics], listener=self)
        try:
            await consumer.start()
            while not self._host.stopping():
                await self._one_round()
        finally:
            await self._commit()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(BROKER_SECONDS):
                    await consumer.stop()

    async def _one_round(self) -> None:
        settings = bus_of(self._service).settings
        fetched = await self._consumer.getmany(timeout_ms=LOOK_MS, max_records=BATCH)
        async with self._busy:
            held = self._consumer.assignment()
            mine = {place: messages for place, messages in fetched.items() if place in held and messages}
            records = [
                settings.record(one.topic, one.partition, one.offset, one.key, one.value)
                for messages in mine.values()
                for one in messages
            ]
            places = {(place.topic.removeprefix(settings.prefix), place.partition) for place in held}
            loop = asyncio.get_running_loop()
            if await loop.run_in_executor(self._thread, self._host.work, self._service, records, places):
                self._handled |= {place: messages[-1].offset + 1 for place, messages in mine.items()}
        if time.monotonic() - self._committed_at >= COMMIT_SECONDS:
            await self._commit()

    async def _commit(self) -> None:
        self._committed_at = time.monotonic()
        held = self._consumer.assignment()
        offsets = {place: following for place, following in self._handled.items() if place in held}
        if not offsets:
            return
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError, RebalanceInProgressError) as error:
            log.info("host.somebody_elses_now", service=self._service.name, why=type(error).__name__)
        except (
            KafkaError,
            TimeoutError,
        ) as error:  # a broker away: what was handled is handled, the next commit says so
            log.warning("host.commit_failed", service=self._service.name, why=type(error).__name__)
            return
        self._handled = {place: following for place, following in self._handled.items() if place not in offsets}

    # ── what aiokafka calls ─────────────────────────────────────────────────────────────────────────────────────────

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish what is being handled and commit it, so that the next owner begins behind it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REVOKE_SECONDS), self._busy:
                await self._commit()
        self._handled.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Look at once at what waits in the new partitions."""
        self._service.processor.look_at_waiting()
        log.info("host.partitions", service=self._service.name, count=len(set(assigned)))
