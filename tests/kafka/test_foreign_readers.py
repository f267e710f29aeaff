"""Every fact on every topic, as our relay writes it, read by tools that know nothing of us."""

import asyncio
import json
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer
from sqlalchemy import insert

from runtime.events.kafka import KafkaBus
from runtime.events.kafka_settings import KafkaSettings
from runtime.events.kafka_topics import apply, delete
from runtime.store.plumbing import outbox
from schemas.registry import PAYLOADS, UPCASTERS
from schemas.topics import TOPICS, dead_topic
from tests.conformance import toy
from tests.contract.examples import GOLDEN
from tests.contract.test_asyncapi import fits
from tests.kit import Kit

pytestmark = pytest.mark.timeout(300)

READ_SECONDS = 120.0


def told() -> list[tuple[str, dict[str, Any]]]:
    """List every golden example that this release says, with its topic; dead letters on the topic of each service."""
    found = []
    for file in sorted(Path(GOLDEN).glob("*.json")):
        event = json.loads(file.read_text("utf-8"))
        if event["type"] in UPCASTERS:
            continue
        topic = PAYLOADS[event["type"]].topic
        owners = [one.owner for one in TOPICS.values() if one.name == dead_topic(one.owner)]
        places = [(topic, event)] if topic in TOPICS else []
        if not places:
            places = [
                (dead_topic(owner), {**event, "source": f"onevisit/{owner}", "id": str(uuid.uuid4())})
                for owner in owners
            ]
        found += places
    return found


def test_confluent_kafka_and_the_cloudevents_sdk_read_every_topic(kafka_address: str, kit: Kit) -> None:
    settings = KafkaSettings(bootstrap=kafka_address, prefix=f"t{uuid.uuid4().hex[:12]}.")
    asyncio.run(apply(settings))
    bus = KafkaBus(settings)
    try:
        sender = toy.set_up(toy.proposer(toy.ports(kit.folder, bus), kit.folder))
        kit.services.append(sender)
        said = told()
        rows = [
            {
                "event_id": event["id"],
                "topic": topic,
                "key": event["partitionkey"],
                "body": json.dumps(event, ensure_ascii=False).encode(),
                "written_at": time.time(),
            }
            for topic, event in said
        ]
        with sender.db.write_plumbing() as connection:
            connection.execute(insert(outbox), rows)
        while sender.relay():
            pass
        read = everything(settings, len(said))
    finally:
        bus.close()
        asyncio.run(delete(settings, TOPICS))

    assert {topic for topic, _ in said} == set(TOPICS)
    expected = {event["id"]: (topic, event) for topic, event in said}
    for message in read:
        parsed = from_kafka(KafkaMessage(dict(message.headers()), message.key(), message.value()), JSONFormat())
        topic, event = expected.pop(str(parsed.get_id()))
        assert message.topic() == settings.topic(topic)
        assert message.key() == event["partitionkey"].encode()
        assert (parsed.get_type(), parsed.get_source()) == (event["type"], event["source"])
        assert parsed.get_data() == event["data"]
        if topic == PAYLOADS[event["type"]].topic:
            fits(event["type"]).validate(json.loads(message.value()))
    assert not expected
    kinds = Counter(event["type"] for _, event in said)
    print(
        f"{len(read)} events of {len(kinds)} types on {len(TOPICS)} topics read by confluent-kafka and the CloudEvents SDK"
    )


def everything(settings: KafkaSettings, wanted: int) -> list[Any]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": settings.prefix + "foreign",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([settings.topic(name) for name in TOPICS])
    read: list[Any] = []
    deadline = time.monotonic() + READ_SECONDS
    while len(read) < wanted and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            read.append(message)
    consumer.close()
    return read
