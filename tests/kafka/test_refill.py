"""What lay on Kafka is put back where it lay, whoever wrote it and wherever its key belongs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer

from onevisit.backup_servers import FactsIncomplete, _copy_facts, _heads, _say_again
from runtime.events.bus import Message, Record
from runtime.events.embedded import partition_of
from runtime.events.kafka import KafkaBus
from schemas.topics import FACT_TOPICS, TOPICS
from schemas.vocabulary import SERVICES
from tests.conformance.platforms import topics_of_its_own

pytestmark = pytest.mark.timeout(300)

NAMES = [topic.name for topic in FACT_TOPICS]


def system_on(bus: KafkaBus) -> Any:
    """What a backup asks of a system."""
    ports = SimpleNamespace(bus=bus)
    return SimpleNamespace(bus=bus, services={name: SimpleNamespace(ports=ports) for name in SERVICES})


def everything(bus: KafkaBus) -> list[Record]:
    found: list[Record] = []
    after: dict[tuple[str, int], int] = {}
    while records := bus.read(NAMES, after, 500):
        found += records
        after |= {(record.topic, record.part): record.off + 1 for record in records}
    return sorted(found, key=lambda record: (record.topic, record.part, record.off))


def test_a_foreign_record_in_a_partition_where_its_key_does_not_belong_is_put_back_there(
    kafka_address: str, tmp_path: Path
) -> None:
    with topics_of_its_own(kafka_address, NAMES) as before, topics_of_its_own(kafka_address, NAMES) as after:
        source, target = KafkaBus(before), KafkaBus(after)
        source.append([Message("campaigns", f"C-{number}", "", b"{}") for number in range(20)])
        partitions = TOPICS["campaigns"].partitions
        elsewhere = (partition_of("C-1", partitions) + 1) % partitions
        foreign = Producer({"bootstrap.servers": before.bootstrap})
        for key, value in ((b"C-1", b"{}"), (None, b"no key"), (b"\xff\x00", b"a key of bytes"), (b"C-1", None)):
            foreign.produce(before.topic("campaigns"), value, key=key, partition=elsewhere)
        assert foreign.flush(60) == 0
        source.append([Message("campaigns", f"C-{number}", "", b"{}") for number in range(20)])
        source.append([Message("draws", "C-1", "", b"{}")])
        kept = everything(source)
        assert sum(record.part == elsewhere and record.key == "C-1" for record in kept) == 2

        _copy_facts(system_on(source), _heads(system_on(source)), tmp_path / "facts.jsonl")
        said = _say_again(system_on(target), tmp_path / "facts.jsonl")

        assert said == len(kept) == 45
        assert everything(target) == kept
        with pytest.raises(FactsIncomplete):
            _say_again(system_on(target), tmp_path / "facts.jsonl")
        source.close()
        target.close()
