"""
A toy service on one of the four platforms, and the ways by which a case has it handle events.

Embedded: what the embedded host's worker does is done by the test itself, step by step. On Kafka: a real host in this process,
which stands still between two steps, so that a case may look, and change what it must, before the next.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from sqlalchemy.exc import OperationalError

from runtime.events.broker_host import BrokerHost
from runtime.events.bus import Record
from runtime.events.kafka import KafkaBus
from runtime.service import Ports, Service, settle
from schemas.events.payload import Payload
from tests.conformance import toy
from tests.conformance.platforms import Platform, host_class, topics_of_its_own
from tests.kit import Kit

WAIT_SECONDS = 120.0  # with a busy machine; a second or two on an idle one
LOOK_SECONDS = 0.02
QUIET_ROUNDS = 2  # of a host's worker that found nothing to do: then it is at rest

Factory = Callable[[Ports, Path, str], Service]


class Rig:
    """On the embedded log: the test is the worker."""

    def __init__(self, kit: Kit, platform: Platform) -> None:
        self.kit = kit
        self.platform = platform
        self.ports = kit.ports
        self.services: list[Service] = []

    def build(self, factory: Factory) -> Service:
        """Make a toy service on this platform, with its tables."""
        self.services.append(self.another(factory))
        return self.services[-1]

    def another(self, factory: Factory) -> Service:
        """Make one that the test runs by hand: a second worker on the same tables."""
        made = toy.set_up(factory(self.ports, self.kit.folder, self.platform.store))
        self.kit.services.append(made)
        return made

    def feed(self, service: Service, *payloads: Payload, again: bool = False) -> None:
        """Let *service* handle events as their owners would say them; *again* says the same twice."""
        records = [self.kit.record(payload) for payload in payloads]
        self.deliver(service, records + records if again else records)

    def deliver(self, service: Service, records: Sequence[Record]) -> None:
        """Let *service* handle *records*, and then what became ready by them."""
        service.processor.process(records)
        while service.processor.run_ready():
            pass

    def run_all(self, service: Service) -> None:
        """Let *service* run what waits and can run."""
        drain(service)

    def stands_still(self, service: Service, payload: Payload) -> None:
        """Let *service* try to handle *payload* on a database that is away: it gives the event neither up nor aside."""
        with pytest.raises(OperationalError):
            self.feed(service, payload)

    def hold(self, service: Service, places: Collection[tuple[str, int]]) -> None:
        """Have the group give *service* these partitions, and others to other workers."""
        service.processor.held = frozenset(places)

    def settle(self) -> None:
        """Relay and handle until nothing is under way."""
        settle(self.services)

    def close(self) -> None:
        """Let go of what the platform needs; the kit closes its services."""


class HostedRig(Rig):
    """On Kafka: a host of the platform's kind, whose workers pass a gate before each piece of work."""

    def __init__(self, kit: Kit, platform: Platform, address: str) -> None:
        super().__init__(kit, platform)
        self._stack = ExitStack()
        self._kafka = self._stack.enter_context(topics_of_its_own(address))
        self._bus = KafkaBus(self._kafka)
        self.ports = toy.ports(kit.folder, self._bus)
        self._host: BrokerHost | None = None
        self._open = threading.Event()
        self._inside = threading.Lock()
        self._quiet: dict[str, int] = {}  # service: rounds in a row in which there was nothing to do
        self._given: dict[str, Collection[tuple[str, int]]] = {}

    def deliver(self, service: Service, records: Sequence[Record]) -> None:
        """Have somebody write *records* to Kafka, each into its partition, and wait until the worker is at rest."""
        self._write(records)
        with self._at_work():
            self._wait(lambda: self._at_rest(service))

    def run_all(self, service: Service) -> None:
        """Let the worker go on until it is at rest."""
        self.deliver(service, ())

    def stands_still(self, service: Service, payload: Payload) -> None:
        """As on the embedded log; the worker goes on trying, whatever becomes of the database."""
        before = service.processor.stored_positions()
        self._write([self.kit.record(payload)])
        host = self._started()
        self._open.set()
        self._wait(lambda: (service.name, "worker", "OperationalError") in host._told)
        host._told.clear()
        assert service.processor.stored_positions() == before

    def hold(self, service: Service, places: Collection[tuple[str, int]]) -> None:
        """Narrow what the group has given this only member, as if others had the rest."""
        self._given[service.name] = places

    def settle(self) -> None:
        """Let relays and workers go until nothing is under way."""
        host = self._started()
        host.pause_relays(False)
        with self._at_work():
            assert host.wait_until_settled(WAIT_SECONDS)
        host.pause_relays(True)

    def close(self) -> None:
        """End the host and delete the topics."""
        self._open.set()
        if self._host is not None:
            self._host.stop()
        self._bus.close()
        self._stack.close()

    def _write(self, records: Sequence[Record]) -> None:
        producer = Producer({"bootstrap.servers": self._kafka.bootstrap, "enable.idempotence": True})
        for record in records:
            topic = self._kafka.topic(record.topic)
            producer.produce(topic, record.body, key=record.key.encode(), partition=record.part)
        assert producer.flush(WAIT_SECONDS) == 0

    def _started(self) -> BrokerHost:
        if self._host is None:
            options = {"scratch": self.kit.folder / "faust"} if self.platform.host == "faust" else {}
            host: BrokerHost = host_class(self.platform.host)(self.services, **options)
            self._work, host.work = host.work, self._through_gate  # type: ignore[method-assign]
            host.pause_relays(True)  # a case sees what was said in the outbox, until it lets it go
            self._host = host
            host.start()
        return self._host

    def _through_gate(self, service: Service, records: Sequence[Record], held: Collection[tuple[str, int]]) -> bool:
        """Do a piece of the worker's work, when the gate is open."""
        host = self._started()
        while not host.stopping():
            if self._open.wait(LOOK_SECONDS):
                with self._inside:
                    if self._open.is_set():
                        done = self._work(service, records, self._given.get(service.name, held))
                        idle = bool(held) and not records and not service.processor.may_be_ready
                        self._quiet[service.name] = self._quiet.get(service.name, 0) + 1 if idle else 0
                        return done
        return False

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        for service in self.services:
            service.processor.look_at_waiting()
        self._quiet.clear()
        self._started()
        self._open.set()
        try:
            yield
        finally:
            self._open.clear()
            with self._inside:  # whoever is inside ends what it does
                pass

    def _at_rest(self, service: Service) -> bool:
        if service.backlog().unread:
            self._quiet[service.name] = 0
        return self._quiet.get(service.name, 0) >= QUIET_ROUNDS

    def _wait(self, happened: Callable[[], bool]) -> None:
        host = self._started()
        end = time.monotonic() + WAIT_SECONDS
        while not happened():
            assert host.crashed is None, host.crashed
            assert time.monotonic() < end, f"not within {WAIT_SECONDS:.0f} s"
            time.sleep(LOOK_SECONDS)


def drain(service: Service) -> None:
    """Run what waits in *service* and can run, by hand."""
    service.processor.look_at_waiting()
    while service.processor.run_ready():
        service.processor.look_at_waiting()


def a_rig(kit: Kit, platform: Platform, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Yield a rig and close it; for fixtures."""
    hosted = platform.host != "embedded"
    made = HostedRig(kit, platform, request.getfixturevalue("kafka_address")) if hosted else Rig(kit, platform)
    yield made
    made.close()
