"""A record that the broker refuses for good: its subject stands still, in sight; the others go on, and so does it when it can."""

import time

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from runtime.events.kafka import KafkaBus
from runtime.events.processing import write_outbox
from runtime.service import Service
from tests.conformance import toy
from tests.conformance.platforms import topics_of_its_own
from tests.kit import Kit

pytestmark = pytest.mark.timeout(300)

SMALL, LARGE, HUGE = 200, 700_000, 1_500_000  # the last is more than a client of Kafka would send
LIMIT = 600_000  # of the topic: a batch of small ones fits, a large one fits nowhere, and goes in a batch of its own
SUBJECTS = 12


def limit_of_topic(bus: KafkaBus, size: int) -> None:
    admin = AdminClient({"bootstrap.servers": bus.settings.bootstrap})
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, bus.settings.topic("campaigns"), incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)
    deadline = time.monotonic() + 30
    while admin.describe_configs([resource])[resource].result(30)["max.message.bytes"].value != str(size):
        assert time.monotonic() < deadline


def put(service: Service, *lines: tuple[str, str, int]) -> None:
    rows = [
        {
            "event_id": event,
            "topic": "campaigns",
            "key": key,
            "body": f"{event} ".encode().ljust(size),
            "written_at": 0.0,
        }
        for event, key, size in lines
    ]
    with service.db.write_plumbing() as connection:
        write_outbox(connection, rows)


def on_wire(bus: KafkaBus) -> dict[str, list[str]]:
    """Read what stands on the topic: by key, each once, in order of its first copy."""
    found: dict[str, list[str]] = {}
    after: dict[tuple[str, int], int] = {}
    while records := bus.read(["campaigns"], after, 500):
        for record in records:
            after[record.topic, record.part] = record.off + 1
            one, line = record.body.decode().split()[0], found.setdefault(record.key, [])
            if one not in line:
                line.append(one)
    return found


def test_it_holds_back_its_own_subject_until_the_broker_takes_it(kafka_address: str, kit: Kit) -> None:
    with topics_of_its_own(kafka_address) as settings:
        bus = KafkaBus(settings)
        service = toy.set_up(toy.proposer(toy.ports(kit.folder, bus), kit.folder))
        kit.services.append(service)
        limit_of_topic(bus, LIMIT)
        subjects = [f"A{number}" for number in range(SUBJECTS)]
        put(service, *((f"{key}-1", key, SMALL) for key in subjects[::2]))
        put(service, *((f"{key}-2", key, LARGE) for key in subjects))
        put(service, *((f"{key}-3", key, SMALL) for key in subjects))
        put(service, *((f"k{number}", f"K{number % 40}", SMALL) for number in range(200)))
        put(service, ("h1", "H", HUGE), ("h2", "H", SMALL), *((f"{key}-4", key, SMALL) for key in subjects))
        put(service, ("z", "Z", SMALL))

        while service.relay():
            pass

        wire = on_wire(bus)
        assert (wire["Z"], "H" in wire) == (["z"], False)
        for number, key in enumerate(subjects):
            assert wire.get(key, []) == ([] if number % 2 else [f"{key}-1"]), "nothing overtook what was refused"
        for first in range(40):
            assert wire[f"K{first}"] == [f"k{number}" for number in range(first, 200, 40)]
        assert (service.refused(), service.standing().unsent) == (SUBJECTS + 1, 3 * SUBJECTS + 2)

        limit_of_topic(bus, 1_000_000)
        service._offer_refused_at = 0.0  # a minute later
        while service.relay():
            pass

        wire = on_wire(bus)
        for number, key in enumerate(subjects):
            assert wire[key] == [f"{key}-{one}" for one in (1, 2, 3, 4)[number % 2 :]]
        assert "H" not in wire
        assert (service.refused(), service.standing().unsent) == (1, 2)
        bus.close()
        print(
            "204 of 209 events past two that the broker or its client refuses; one subject went on when the limit rose"
        )
