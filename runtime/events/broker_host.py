"""
What the two hosts on Kafka share: relays and timers as in the embedded host, one handling thread per service, and rules.

Handling never raises and never gives an event up: a database that is away is waited out (shared/reference/events.md).
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import cast

import structlog

from runtime.errors import OneVisitError
from runtime.events import failpoints
from runtime.events.bus import Record
from runtime.events.host import TROUBLE_SECONDS, Host
from runtime.events.kafka import BrokerAway, KafkaBus
from runtime.events.kafka_topics import TopicsMissing, missing
from runtime.log.bare import bare
from runtime.service import Service
from schemas.topics import TOPICS

BATCH = 100  # events in one transaction
LOOK_MS = 100  # between two looks at what waits, while nothing comes
COMMIT_SECONDS = 1.0
SESSION_SECONDS = 10.0  # a worker that stays away loses its partitions after this
HEARTBEAT_SECONDS = 1.0
SETTLED_SECONDS = 0.05
STANDBY_SECONDS = 1.0  # between two looks whether the relay of a service is free

log = structlog.get_logger()


class OrdinalTaken(OneVisitError):
    """
    Another live worker of the service has this number.

    Kafka would give the partitions to whoever joined last under the number, and the other would take them back: both
    would push each other out for ever, and handle next to nothing.
    """

    code = "worker.ordinal_taken"
    constant = ("service",)


def bus_of(service: Service) -> KafkaBus:
    """Return the bus on Kafka of *service*."""
    return cast(KafkaBus, service.ports.bus)


class BrokerHost(Host):
    """
    Runs services on Kafka until stopped or crashed; whoever runs it watches ``ended`` and exits non-zero if ``crashed``.

    Each service speaks through the bus of its own ports, under its own name: the broker lets only a topic's owner write.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        ordinal: int = 0,
        consume: bool = True,
        relay: bool = True,
        timers: Callable[[], bool] = lambda: True,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        """
        Args:
            services: What to run; the bus of each is a ``KafkaBus``.
            ordinal: Which worker of its services this is; one that comes back under its number has its partitions at once.
            consume: Whether it handles events (a worker), or only relays what was said (a web process).
            relay: Whether it may send. One process per service does; the others stand by. (Should a lost connection make
                it two for a while: each sends the outbox from its beginning, so the first copies stay in order.)
            timers: Tells whether timers run by themselves now.
            session_seconds: How long a silent worker keeps its partitions.
        """
        super().__init__(services, services[0].ports.bus, timers=timers)
        self.ordinal = ordinal
        self.session_seconds = session_seconds
        self.crashed: str | None = None  # why it cannot go on
        self.ended = threading.Event()
        self._consumes = consume
        self._relays = relay
        self._claimed: list[Callable[[], None]] = []

    def start(self) -> None:
        """
        Start all threads.

        Raises:
            TopicsMissing: the broker answers and lacks topics; one that is away is waited for.
            OrdinalTaken: another live worker of a service has this number.
        """
        for service in self.services:
            try:
                self._check_topics(service)
            except BrokerAway:
                log.warning("host.broker_away_at_start", service=service.name)
                break
        self._claim_ordinal()
        for service in self.services:
            service.on_commit = self._outbox[service.name].set
            if self._relays:
                self._spawn(f"{service.name}-relay", partial(self._relay, service))
            if self._consumes and service.handlers:
                self._spawn(f"{service.name}-worker", partial(self._work, service))
        self._spawn("timers", self._run_timers)

    def stop(self, seconds: float = 10.0) -> None:
        """Ask all threads to end after what they are doing; what cannot be sent in half the time stays in the outbox."""
        giving_up = threading.Timer(seconds / 2, self._interrupt)
        giving_up.daemon = True
        giving_up.start()
        super().stop(seconds)
        giving_up.cancel()
        if not any(thread.is_alive() for thread in self._threads):  # else it is ours until the process ends
            self._give_back()
        self.ended.set()

    def _claim_ordinal(self) -> None:
        for service in self.services:
            if not self._consumes or not service.handlers:
                continue
            give_back = service.db.claim(f"worker-{self.ordinal}")
            if give_back is None:
                self._give_back()
                raise OrdinalTaken(service=service.name, ordinal=self.ordinal)
            self._claimed.append(give_back)

    def _give_back(self) -> None:
        while self._claimed:
            self._claimed.pop()()

    def settled(self) -> bool:
        """Tell whether nothing is under way in any service: nothing was published while all were looked at."""
        try:
            before = self._heads()
            return all(service.backlog().settled for service in self.services) and self._heads() == before
        except BrokerAway:
            return False

    def _heads(self) -> list[dict[tuple[str, int], int]]:
        return [bus_of(service).heads(service.processor.topics) for service in self.services]

    def _interrupt(self) -> None:
        for service in self.services:
            bus_of(service).interrupt()

    def wait_until_settled(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is under way; False if *seconds* did not suffice."""
        end = time.monotonic() + seconds
        while not self.ended.is_set() and time.monotonic() < end:
            if self.settled():
                return True
            self._stop.wait(SETTLED_SECONDS)
        return False

    # ── for the hosts ───────────────────────────────────────────────────────────────────────────────────────────────

    def work(self, service: Service, records: Sequence[Record], held: Collection[tuple[str, int]]) -> bool:
        """
        Run what waits and is ready, then *records*, in the service's handling thread.

        Args:
            service: Whose handlers.
            records: The next of each partition, in order.
            held: The partitions this worker has now.

        Returns:
            True if everything was handled, set aside or parked; False if the host stops, and then nothing was done.
        """
        service.processor.held = frozenset(held)
        if records:
            failpoints.hit(service.name, "read")
        while not self._stop.is_set():
            try:
                moved = service.processor.run_ready()
                if records:
                    service.processor.process(records)
            except Exception as error:
                self._tell(service, "worker", error)
                self._stop.wait(TROUBLE_SECONDS)
                continue
            if moved or records or service.processor.has_said:
                service.processor.has_said = False
                service.wake()
            return True
        return False

    def stopping(self) -> bool:
        """Tell whether this host is to end."""
        return self._stop.is_set() or self.crashed is not None

    def crash(self, service: Service, why: BaseException) -> None:
        """Say that this host cannot go on; whoever runs it exits, and the supervisor starts it again."""
        log.error("host.crashed", service=service.name, **bare(why))
        self.crashed = f"{service.name}: {why!r}"
        self.ended.set()

    def wait_for_topics(self, service: Service) -> bool:
        """Wait until the broker answers and has the topics; False if stopping, or if topics are missing (a crash)."""
        while not self.stopping():
            try:
                self._check_topics(service)
                return True
            except BrokerAway:
                self._stop.wait(TROUBLE_SECONDS)
            except TopicsMissing as error:
                self.crash(service, error)
        return False

    def _check_topics(self, service: Service) -> None:
        said = [topic.name for topic in TOPICS.values() if topic.owner == service.name] if self._relays else []
        heard = service.processor.topics if self._consumes else []
        lacking = asyncio.run(missing(bus_of(service).settings, sorted({*said, *heard})))
        if lacking:
            raise TopicsMissing(topics=", ".join(lacking), command="onevisit topics apply")

    def _relay(self, service: Service) -> None:
        """Relay while this process has the service's claim to it; others stand by, and take over when it ends."""
        if not self.wait_for_topics(service):
            return
        end_listening = service.db.listen(self._outbox[service.name].set)
        try:
            while not self.stopping():
                give_back = self._claim_relay(service)
                if give_back is None:
                    self._stop.wait(STANDBY_SECONDS)
                    continue
                try:
                    super()._relay(service)
                finally:
                    give_back()
        finally:
            end_listening()

    def _claim_relay(self, service: Service) -> Callable[[], None] | None:
        try:
            return service.db.claim("relay")
        except Exception as error:  # a database that is away
            self._tell(service, "relay", error)
            return None
