"""``onevisit topics`` on a real broker: what is declared is made, shown first, and never made smaller."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic
from typer.testing import CliRunner

from onevisit.cli import app
from onevisit.topics import DIFFERS
from runtime.events.kafka_settings import KafkaSettings
from runtime.events.kafka_topics import TopicsRefused, TopicsWouldShrink, apply, delete, missing, plan
from schemas.topics import TOPICS, Topic

DRAWS = Topic("draws", "drawer", partitions=2)
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def kafka(kafka_address: str) -> Iterator[KafkaSettings]:
    settings = KafkaSettings(bootstrap=kafka_address, prefix=f"t{uuid.uuid4().hex[:12]}.")
    yield settings
    asyncio.run(delete(settings, TOPICS))


def on_broker(kafka: KafkaSettings, topic: str) -> tuple[int, dict[str, str]]:
    """Ask another client how many partitions a topic has, and its settings."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    name = kafka.topic(topic)
    partitions = len(admin.list_topics(name, timeout=30).topics[name].partitions)
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    found = admin.describe_configs([resource])[resource].result(30)
    return partitions, {key: entry.value for key, entry in found.items()}


def foreign_topic(kafka: KafkaSettings, topic: str, partitions: int, **settings: str) -> None:
    """Make a topic with another tool."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    config = {name.replace("_", "."): value for name, value in settings.items()}
    new = NewTopic(kafka.topic(topic), partitions, 1, config=config)
    admin.create_topics([new])[kafka.topic(topic)].result(30)
    deadline = time.monotonic() + 30
    while kafka.topic(topic) not in admin.list_topics(timeout=30).topics:
        assert time.monotonic() < deadline


def test_what_is_declared_is_shown_first_then_made_and_then_there_is_no_difference(kafka: KafkaSettings) -> None:
    before = asyncio.run(plan(kafka))
    assert before.lines() == [
        f"+ {topic.name}: {topic.partitions} partitions, 永久 for ever" for topic in TOPICS.values()
    ]
    assert asyncio.run(missing(kafka, TOPICS)) == [kafka.topic(name) for name in TOPICS]

    asyncio.run(apply(kafka))

    assert asyncio.run(plan(kafka)).nothing
    assert asyncio.run(missing(kafka, TOPICS)) == []
    partitions, settings = on_broker(kafka, "campaigns")
    assert partitions == 8
    assert (settings["retention.ms"], settings["retention.bytes"], settings["cleanup.policy"]) == ("-1", "-1", "delete")


def test_more_partitions_are_made_and_too_few_refuse_a_start(kafka: KafkaSettings) -> None:
    asyncio.run(apply(kafka, [DRAWS]))
    assert asyncio.run(missing(kafka, ["draws"])) == [kafka.topic("draws")], "8 are declared, 2 are there"

    done = asyncio.run(apply(kafka, [replace(DRAWS, partitions=8)]))

    assert done.lines()[0] == "~ draws: partitions 2 → 8"
    assert "drain" in done.lines()[1]
    assert on_broker(kafka, "draws")[0] == 8
    assert asyncio.run(missing(kafka, ["draws"])) == []


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (replace(DRAWS, partitions=1), "draws: partitions 2 → 1"),
        (replace(DRAWS, retention_ms=DAY_MS), "draws: retention 永久 for ever → 86400000 ms"),
    ],
)
def test_nothing_is_made_smaller_and_nothing_else_is_done_then(
    kafka: KafkaSettings, declared: Topic, said: str
) -> None:
    asyncio.run(apply(kafka, [DRAWS]))
    other = Topic("notices", "notifier", partitions=1)

    with pytest.raises(TopicsWouldShrink) as refusal:
        asyncio.run(apply(kafka, [declared, other]))

    assert refusal.value.facts == {"topics": said}
    assert asyncio.run(missing(kafka, ["notices"])) == [kafka.topic("notices")]
    assert on_broker(kafka, "draws")[0] == 2


def test_a_topic_made_by_another_tool_is_mended_and_keeps_what_was_set_on_it(kafka: KafkaSettings) -> None:
    foreign_topic(kafka, "draws", 2, retention_ms=str(DAY_MS), cleanup_policy="compact", max_message_bytes="2000000")

    done = asyncio.run(apply(kafka, [DRAWS]))

    assert done.lines() == ["~ draws: cleanup.policy compact → delete", f"~ draws: retention.ms {DAY_MS} → -1"]
    _, settings = on_broker(kafka, "draws")
    assert (settings["cleanup.policy"], settings["retention.ms"]) == ("delete", "-1")
    assert settings["max.message.bytes"] == "2000000"
    assert asyncio.run(plan(kafka, [DRAWS])).nothing


def test_more_copies_than_brokers_are_refused_by_the_broker_with_its_reason(kafka: KafkaSettings) -> None:
    with pytest.raises(TopicsRefused) as refusal:
        asyncio.run(apply(kafka.model_copy(update={"replication": 3}), [DRAWS]))

    assert "replication" in str(refusal.value.facts["why"]).lower()


def test_another_number_of_copies_is_remarked_on_for_a_person(kafka: KafkaSettings) -> None:
    asyncio.run(apply(kafka, [DRAWS]))

    found = asyncio.run(plan(kafka.model_copy(update={"replication": 3}), [DRAWS]))

    assert found.nothing
    assert "replication 1, wanted 3" in found.lines()[0]


def test_only_topics_with_a_prefix_are_ever_deleted(kafka_address: str) -> None:
    with pytest.raises(ValueError, match="never deleted"):
        asyncio.run(delete(KafkaSettings(bootstrap=kafka_address), ["draws"]))


def test_the_command_shows_asks_and_applies(kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEVISIT_KAFKA_BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("ONEVISIT_KAFKA_PREFIX", kafka.prefix)
    run = CliRunner()

    planned = run.invoke(app, ["topics", "plan"])
    asked = run.invoke(app, ["topics", "apply"])  # nobody there to say yes
    assert (planned.exit_code, asked.exit_code) == (DIFFERS, 1)
    assert "+ campaigns: 8 partitions" in planned.output
    assert asyncio.run(missing(kafka, ["campaigns"])) != []

    applied = run.invoke(app, ["topics", "apply", "--yes"])
    again = run.invoke(app, ["topics", "plan"])
    assert (applied.exit_code, again.exit_code) == (0, 0)
    assert asyncio.run(missing(kafka, TOPICS)) == []
