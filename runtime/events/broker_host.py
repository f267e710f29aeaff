"""
What the two hosts on Kafka share: relays as in the embedded host, timers under a lease, one handling thread per service, and rules.

Handling never raises and never gives an event up: a database that is away is waited out (shared/reference/events.md).
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

import structlog

from runtime.errors import OneVisitError
from runtime.events import failpoints
from runtime.events.bus import Record
from runtime.events.host import TIMER_SECONDS, TROUBLE_SECONDS, Host
from runtime.events.kafka import BrokerAway, KafkaBus
from runtime.events.kafka_topics import TopicsForbidden, TopicsMissing, missing
from runtime.log.bare import bare
from runtime.service import Service
from runtime.store.database import Claim
from schemas.topics import TOPICS

BATCH = 100  # events handed to the handling thread at once
LOOK_MS = 100  # between two looks at what waits, while nothing comes
COMMIT_SECONDS = 1.0
SESSION_SECONDS = 10.0  # a worker that stays away loses its partitions after this
HEARTBEAT_SECONDS = 1.0
SETTLED_SECONDS = 0.05
STANDBY_SECONDS = 1.0  # between two looks whether the relay of a service is free
ORDINAL_SECONDS = 1.0  # between two looks whether a worker still has its number

log = structlog.get_logger()


class OrdinalTaken(OneVisitError):
    """
    Another live worker of the service has this number.

    Kafka would give the partitions to whoever joined last under the number, and the other would take them back: both
    would push each other out for ever, and handle next to nothing.
    """

    code = "worker.ordinal_taken"
    constant = ("service",)


@dataclass
class _Numbered:
    """A worker's claim to its number (None: lost with its database), and when to look next (real time)."""

    claim: Claim | None
    look_at: float = 0.0


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
        timers: Callable[[], bool] | None = None,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        """
        Args:
            services: What to run; the bus of each is a ``KafkaBus``.
            ordinal: Which worker of its services this is; one that comes back under its number has its partitions at once.
            consume: Whether it handles events (a worker), or only relays what was said (web, timers). One process of a
                service relays, the others stand by. (Should a lost connection make it two for a moment: each sends the
                outbox from its beginning, so the first copies stay in order.)
            timers: Tells whether timers run by themselves now; None: this process runs neither timers nor errands. One
                process of a service does, under a lease.
            session_seconds: How long a silent worker keeps its partitions.
        """
        super().__init__(services, services[0].ports.bus, timers=timers or (lambda: False))
        self.ordinal = ordinal
        self.session_seconds = session_seconds
        self._consumes = consume
        self._keeps_time = timers is not None
        self._numbered: dict[str, _Numbered] = {}
        self._relaying: dict[str, Claim] = {}

    def start(self) -> None:
        """
        Start all threads.

        Raises:
            TopicsMissing: the broker answers and lacks topics; one that is away is waited for.
            TopicsForbidden: it does not show them to a service's account.
            OrdinalTaken: another live worker of a service has this number.
        """
        for service in self.services:
            try:
                self._check_topics(service)
            except BrokerAway as error:
                log.warning("host.broker_away_at_start", service=service.name, code=error.code)
                break
        self._claim_ordinal()
        for service in self.services:
            service.on_commit = self._outbox[service.name].set
            self._spawn(f"{service.name}-relay", partial(self._relay, service))
            if self._consumes and service.handlers:
                self._spawn(f"{service.name}-worker", partial(self._work, service))
            if self._keeps_time and (service.timers or service.errands):
                self._spawn(f"{service.name}-timers", partial(self._under_lease, service))

    def stop(self, seconds: float = 10.0) -> None:
        """Ask all threads to end after what they are doing; what cannot be sent in half the time stays in the outbox."""
        giving_up = threading.Timer(seconds / 2, self._interrupt)
        giving_up.daemon = True
        giving_up.start()
        super().stop(seconds)
        giving_up.cancel()
        if not any(thread.is_alive() for thread in self._threads):  # else it is ours until the process ends
            self._give_back()

    def _claim_ordinal(self) -> None:
        for service in self.services:
            if not self._consumes or not service.handlers:
                continue
            try:
                self._numbered[service.name] = _Numbered(self._claim_of_ordinal(service))
            except OrdinalTaken:
                self._give_back()
                raise

    def _claim_of_ordinal(self, service: Service) -> Claim:
        claim = service.db.claim(f"worker-{self.ordinal}")
        if claim is None:
            raise OrdinalTaken(service=service.name, ordinal=self.ordinal)
        return claim

    def _keep_ordinal(self, service: Service) -> None:
        """
        Look, once a second, whether the number is still ours, and take it again if it was lost with a restarted database.

        Raises:
            OrdinalTaken: another worker has it now.
        """
        mine = self._numbered[service.name]
        if time.monotonic() < mine.look_at:
            return
        if mine.claim is not None and not mine.claim.held():
            lost, mine.claim = mine.claim, None
            lost.give_back()
        if mine.claim is None:
            mine.claim = self._claim_of_ordinal(service)
            log.info("host.ordinal_taken_again", service=service.name, ordinal=self.ordinal)
        mine.look_at = time.monotonic() + ORDINAL_SECONDS

    def _give_back(self) -> None:
        while self._numbered:
            claim = self._numbered.popitem()[1].claim
            if claim is not None:
                claim.give_back()

    def settled(self) -> bool:
        """Tell whether nothing is under way in any service: nothing was published while all were looked at."""
        try:
            before = self._heads()
            return all(service.backlog().settled for service in self.services) and self._heads() == before
        except BrokerAway:
            return False

    def _heads(self) -> dict[tuple[str, int], int]:
        return self.bus.heads(sorted({topic for service in self.services for topic in service.processor.topics}))

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
                self._keep_ordinal(service)
                moved = service.processor.run_ready()
                if records:
                    service.processor.process(records)
            except OrdinalTaken as error:
                self.crash(service, error)
                return False
            except Exception as error:
                self._tell(service, "worker", error)
                self._numbered[service.name].look_at = 0.0  # should it be the database, the number may be gone with it
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
        """Wait until the broker answers and has the topics; False if stopping, or if topics are missing or hidden (a crash)."""
        while not self.stopping():
            try:
                self._check_topics(service)
                return True
            except BrokerAway as error:
                self._tell(service, "topics", error)
                self._stop.wait(TROUBLE_SECONDS)
            except (TopicsMissing, TopicsForbidden) as error:
                self.crash(service, error)
        return False

    def _check_topics(self, service: Service) -> None:
        said = [topic.name for topic in TOPICS.values() if topic.owner == service.name]
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
                with self._claiming(service, "relay") as claim:
                    if claim is not None:
                        self._relaying[service.name] = claim
                        super()._relay(service)
        finally:
            end_listening()

    def _may_relay(self, service: Service) -> bool:
        return not self.stopping() and self._relaying[service.name].held()

    def _under_lease(self, service: Service) -> None:
        """Run the service's timers and errands while this process has the lease; others stand by."""
        while not self.stopping():
            with self._claiming(service, "timers") as claim:
                if claim is not None:
                    log.info("host.keeps_time", service=service.name)
                    self._keep_time(service, claim)

    def _keep_time(self, service: Service, claim: Claim) -> None:
        over = threading.Event()
        errands = [
            threading.Thread(target=self._run_errand, args=(service, errand, over), name=errand.name, daemon=True)
            for errand in service.errands
        ]
        for thread in errands:
            thread.start()
        try:
            while not self.stopping() and claim.held():
                self._guarded(service, "timers", partial(self._run_due, service))
                self._stop.wait(TIMER_SECONDS)
        finally:
            over.set()
            for thread in errands:
                thread.join()  # before the lease goes to another

    @contextmanager
    def _claiming(self, service: Service, name: str) -> Iterator[Claim | None]:
        """Claim *name* of the service for the time being; None, after a while, if another process has it."""
        try:
            claim = service.db.claim(name)
        except Exception as error:  # a database that is away
            self._tell(service, name, error)
            claim = None
        try:
            if claim is None:
                self._stop.wait(STANDBY_SECONDS)
            yield claim
        finally:
            if claim is not None:
                claim.give_back()
