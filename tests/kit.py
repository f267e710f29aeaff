"""What tests of services share: ports in a temporary folder, a clock that is set by hand, people, and events fed in."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.entropy import DemoEntropy
from runtime.events.bus import Message, Record
from runtime.events.embedded import EmbeddedLog, partition_of
from runtime.events.processing import take_outbox
from runtime.files.blobs import BlobStore
from runtime.secrets import Secrets
from runtime.service import Ports, Service
from runtime.store.actor import Actor
from runtime.store.ids import derived_uuid
from runtime.store.migrate import migrate
from schemas.blobs import BlobRef
from schemas.envelope import CloudEvent, wrap
from schemas.events.payload import Payload
from schemas.registry import read_payload
from schemas.topics import TOPICS
from schemas.vocabulary import SERVICES, Role

COUNTY = "640221"
START = datetime(2018, 11, 28, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai


class SetClock:
    """Business time, set by the test."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        """Tell the moment that was set."""
        return self.at


class Kit:
    """A folder with log, blobs, secrets and a clock, on which services are built and events are fed in."""

    def __init__(self, folder: Path, *, demo: bool = True) -> None:
        self.folder = folder
        self.clock = SetClock()
        self.secrets = Secrets(bytes(range(32)), {})
        entropy = DemoEntropy(b"tests of onevisit, fixed seed")
        self.blobs = BlobStore(folder / "blobs", entropy, {name: self.secrets.sealing_key(name) for name in SERVICES})
        self.bus = EmbeddedLog(folder / "log.sqlite")
        self.ports = Ports(self.clock, entropy, self.blobs, self.bus, self.secrets, demo=demo)
        self.services: list[Service] = []

    def build(self, factory: Callable[[Ports, Path], Service]) -> Service:
        """Make a service on this kit and migrate its database."""
        service = factory(self.ports, self.folder)
        migrate(service.db, service.migrations)
        self.services.append(service)
        return service

    def feed(self, service: Service, *payloads: Payload, at: datetime | None = None, again: bool = False) -> None:
        """Let *service* handle events as if read from the log; ids follow from the content, *again* feeds the same twice."""
        records = [self.record(payload, at) for payload in payloads]
        service.processor.process(records + records if again else records)
        while service.processor.run_ready():
            pass

    def record(self, payload: Payload, at: datetime | None = None) -> Record:
        """Write *payload* as its owner would, as a record of the log."""
        event_id = derived_uuid("fed", payload.type, payload.model_dump_json())
        owner = TOPICS[payload.topic].owner
        event = wrap(
            payload,
            event_id=event_id,
            service=owner,
            at=at or self.clock.now(),
            correlation_id=event_id,
            causation_id=None,
            traceparent=None,
        )
        part = partition_of(payload.partition_key, TOPICS[payload.topic].partitions)
        self._fed = getattr(self, "_fed", 0) + 1
        return Record(payload.topic, part, self._fed, payload.partition_key, event.encode())

    def blob(self, data: bytes, *readers: str, content_type: str = "application/json") -> BlobRef:
        """Store a blob as an event would name it."""
        return self.blobs.put(data, content_type, readers)

    def close(self) -> None:
        """Close everything."""
        for service in self.services:
            service.close()
        self.bus.close()


def person(agency: str, *roles: Role, id: str | None = None, officer: str | None = None, county: str = COUNTY) -> Actor:
    """Make somebody of *agency* with *roles*."""
    name = id or "-".join([agency.lower(), *roles])
    return Actor(name, agency, county, frozenset(roles), officer)


def said(service: Service) -> list[Payload]:
    """Read what stands in the service's outbox, oldest first, without removing it."""
    with service.db.read(service.system) as session:
        messages = [message for _, message in take_outbox(session.connection(), 100_000)]
    events = [CloudEvent.model_validate_json(message.body) for message in messages]
    return [read_payload(event.type, event.data) for event in events]


def messages(service: Service) -> Sequence[Message]:
    """Read the service's outbox as messages."""
    with service.db.read(service.system) as session:
        return [message for _, message in take_outbox(session.connection(), 100_000)]


def a_kit(folder: Path, **options: Any) -> Iterator[Kit]:
    """Yield a kit and close it; for fixtures."""
    kit = Kit(folder, **options)
    yield kit
    kit.close()
