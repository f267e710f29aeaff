"""A thousand messages nobody can use, from a foreign producer: each is parked with its reason, and the others keep moving."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import func, select

from runtime.events.embedded import partition_of
from runtime.events.kafka import KafkaBus
from runtime.events.kafka_settings import KafkaSettings
from runtime.service import Service
from runtime.store.plumbing import parked
from schemas.envelope import MAX_EVENT_BYTES
from schemas.events.campaigns import CampaignClosed
from tests.conformance import toy
from tests.conformance.platforms import DISTRIBUTED, Platform, host_class, provide, topics_of_its_own
from tests.kit import COUNTY, Kit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WARM, HEALTHY, POISON = 200, 2_000, 1_000
OVERSIZED = 50  # of them; a quarter of a megabyte each
LOOK_SECONDS = 0.1
WAIT_SECONDS = 400.0  # with a busy machine


@pytest.fixture
def kafka(kafka_address: str) -> Iterator[KafkaSettings]:
    with topics_of_its_own(kafka_address) as settings:
        yield settings


def healthy(kit: Kit, turn: str, count: int = HEALTHY) -> list[tuple[bytes, bytes]]:
    """Close so many campaigns: (key, message)."""
    closed = [CampaignClosed(county=COUNTY, campaign=f"C-{turn}{number}") for number in range(count)]
    return [(record.key.encode(), record.body) for record in map(kit.record, closed)]


def poison(kit: Kit) -> list[bytes]:
    """Write what nobody can use."""
    known = kit.record(CampaignClosed(county=COUNTY, campaign="C-x")).body
    kinds = [
        b"{not json",
        known.replace(b"closed.v1", b"closed.v99"),
        known.replace(b"campaign.closed", b"visit.closed"),  # a fact of another topic
        known.replace(b"onevisit/planner", b"onevisit/drawer"),
        known.replace(b'"id":"', b'"id":"\\u0000'),  # no event: PostgreSQL keeps no NUL
    ]
    large = [b"x" * (MAX_EVENT_BYTES + 1)] * OVERSIZED
    return large + [kinds[number % len(kinds)] for number in range(POISON - OVERSIZED)]


def send(kafka: KafkaSettings, messages: list[tuple[bytes, bytes]]) -> None:
    """Send as anybody could who reaches the broker."""

    async def produce() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        await producer.start()
        sent = [
            await producer.send(kafka.topic("campaigns"), body, key=key, partition=partition_of(key.decode(), 8))
            for key, body in messages
        ]
        await asyncio.gather(*sent)
        await producer.stop()

    asyncio.run(produce())


def heard(service: Service, turn: str) -> int:
    with service.db.read(service.system) as session:
        found = session.scalar(select(func.count()).select_from(toy.Heard).where(toy.Heard.id.like(f"C-{turn}%")))
    return found or 0


def rate(service: Service, turn: str, count: int = HEALTHY) -> float:
    """Measure how many healthy events a second are handled, from the first to the last."""
    deadline, first = time.monotonic() + WAIT_SECONDS, (0.0, 0)
    while (found := heard(service, turn)) < count:
        if found and not first[1]:
            first = (time.monotonic(), found)
        assert time.monotonic() < deadline, f"{found} of {count}"
        time.sleep(LOOK_SECONDS)
    return (count - first[1]) / (time.monotonic() - first[0])


@pytest.mark.parametrize("platform", DISTRIBUTED, ids=str)
def test_poison_is_parked_with_its_reason_while_healthy_events_keep_at_least_half_their_speed(
    platform: Platform, kafka: KafkaSettings, kit: Kit, request: pytest.FixtureRequest
) -> None:
    provide(platform.store, request)
    bus = KafkaBus(kafka)
    service = toy.set_up(toy.listener(toy.ports(kit.folder, bus), kit.folder, platform.store))
    kit.services.append(service)
    bad = poison(kit)
    host = host_class(platform.host)([service])
    host.start()
    try:
        send(kafka, healthy(kit, "w", WARM))
        rate(service, "w", WARM)
        send(kafka, healthy(kit, "a"))
        alone = rate(service, "a")
        mixed = healthy(kit, "b")
        mixed += [(f"C-x{number}".encode(), body) for number, body in enumerate(bad)]
        random.Random(POISON).shuffle(mixed)
        send(kafka, mixed)
        beside = rate(service, "b")
        assert host.wait_until_settled(WAIT_SECONDS)
    finally:
        host.stop()
        bus.close()

    with service.db.read(service.system) as session:
        rows = session.connection().execute(select(parked.c.reason)).scalars()
        reasons = Counter(why.partition(" errors=")[0].partition(" size=")[0] for why in rows)
    print(f"{platform}: {alone:.0f} healthy events/s alone, {beside:.0f}/s beside {POISON} bad ones; {dict(reasons)}")
    assert reasons.total() == POISON
    assert set(reasons) == {
        "event.unreadable why=too large",
        "event.unreadable why=no event",
        "event.unreadable why=unknown type",
        "event.foreign",  # whose, is a stranger's word: it stays with the message
    }
    assert beside >= alone / 2
