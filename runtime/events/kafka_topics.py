"""
What ``schemas/topics.py`` declares, held against what the broker has: plan, apply, and the look at every start.

Nothing is ever made smaller: fewer partitions or a shorter retention would lose facts, so they are refused.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.admin import CreateAclsRequest

from runtime.errors import Conflict, Rejected
from runtime.events.kafka import BrokerAway
from runtime.events.kafka_access import Grant
from runtime.events.kafka_settings import KafkaSettings
from schemas.topics import FOR_EVER, TOPICS, Topic

REQUEST_MS = 15_000
KNOWN_SECONDS = 20.0
_ACL_KIND = {"topic": 2, "group": 3}
_ACL_OPERATION = {"Read": 3, "Write": 4}
_LITERAL, _ALLOW = 3, 3  # a name, not a pattern; and it may
TOPIC_SOURCE = 1  # … the value was set on this topic


class TopicsMissing(Rejected):
    """The broker has not got the topics a service needs, or not with as many partitions as are declared."""

    code = "kafka.topics_missing"


class TopicsForbidden(Rejected):
    """The broker does not show topics to this account: whether they are there it does not say."""

    code = "kafka.topics_forbidden"


class TopicsUnsettled(BrokerAway):
    """The broker has topics and cannot say where now (no leader yet, a controller that moves); it is asked again."""

    code = "kafka.topics_unsettled"


class TopicsWouldShrink(Conflict):
    """What is declared is smaller than what the broker has."""

    code = "kafka.topics_would_shrink"


class AccessNotGranted(Rejected):
    """The broker has no access lists, or would not take a line of them from whoever asked."""

    code = "kafka.access_not_granted"


class TopicsRefused(Rejected):
    """The broker would not do what was asked."""

    code = "kafka.topics_refused"


@dataclass(frozen=True)
class Found:
    """A topic as the broker has it."""

    partitions: int
    replication: int
    settings: Mapping[str, str]  # what was set on the topic itself
    effective: Mapping[str, str]  # what holds, defaults included


@dataclass(frozen=True)
class Difference:
    """What must change so that the broker has what is declared."""

    create: tuple[Topic, ...] = ()
    grow: tuple[tuple[Topic, int], ...] = ()  # (topic, partitions it has)
    change: Mapping[str, Mapping[str, tuple[str, str]]] = field(
        default_factory=dict
    )  # topic → setting → (is, shall be)
    shrink: tuple[str, ...] = ()  # what is refused, in words
    remarks: tuple[str, ...] = ()  # what a person must do by other means

    @property
    def nothing(self) -> bool:
        """Whether the broker has what is declared."""
        return not (self.create or self.grow or self.change or self.shrink)

    def lines(self) -> list[str]:
        """Say the difference, one change a line."""
        said = [f"+ {topic.name}: {topic.partitions} partitions, {_words(topic.retention_ms)}" for topic in self.create]
        for topic, has in self.grow:
            said.append(f"~ {topic.name}: partitions {has} → {topic.partitions}")
            said.append(
                "  ! 请先停止发送并处理完积压 / stop the relays and drain the topic first: keys move to other partitions"
            )
        for name, settings in self.change.items():
            said += [f"~ {name}: {setting} {is_} → {shall}" for setting, (is_, shall) in settings.items()]
        said += [f"✘ {refused}" for refused in self.shrink]
        return said + [f"  ! {remark}" for remark in self.remarks]


def difference(declared: Iterable[Topic], found: Mapping[str, Found], replication: int) -> Difference:
    """Compare what is declared with what the broker has; *found* is by the declared names."""
    create: list[Topic] = []
    grow: list[tuple[Topic, int]] = []
    change: dict[str, dict[str, tuple[str, str]]] = {}
    shrink: list[str] = []
    remarks: list[str] = []
    for topic in declared:
        has = found.get(topic.name)
        if has is None:
            create.append(topic)
            continue
        if has.partitions < topic.partitions:
            grow.append((topic, has.partitions))
        elif has.partitions > topic.partitions:
            shrink.append(f"{topic.name}: partitions {has.partitions} → {topic.partitions}")
        wanted = _settings(topic, has.replication)
        kept = int(has.effective.get("retention.ms", FOR_EVER))
        if _shorter(topic.retention_ms, kept):
            shrink.append(f"{topic.name}: retention {_words(kept)} → {_words(topic.retention_ms)}")
            wanted.pop("retention.ms")
        changed = {
            name: (has.effective.get(name, "?"), value)
            for name, value in wanted.items()
            if has.effective.get(name) != value
        }
        if changed:
            change[topic.name] = changed
        if has.replication != replication:
            remarks.append(
                f"{topic.name}: replication {has.replication}, wanted {replication}: kafka-reassign-partitions moves copies"
            )
    return Difference(tuple(create), tuple(grow), change, tuple(shrink), tuple(remarks))


def _settings(topic: Topic, replication: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "retention.bytes": "-1",
        "min.insync.replicas": str(2 if replication >= 3 else 1),
    }


def _shorter(one: int, other: int) -> bool:
    return one != FOR_EVER and (other == FOR_EVER or one < other)


def _words(retention_ms: int) -> str:
    return "永久 for ever" if retention_ms == FOR_EVER else f"{retention_ms} ms"


async def missing(settings: KafkaSettings, names: Iterable[str]) -> list[str]:
    """
    Name what of the topics *names* the broker has not, or not large enough.

    Raises:
        TopicsForbidden: this account may not see them.
        BrokerAway: it does not answer, or cannot say now (``TopicsUnsettled``).
    """
    async with _admin(settings) as admin:
        described = await _described(admin, settings, [settings.topic(name) for name in names])
    partitions = {one["topic"]: len(one["partitions"]) for one in described}
    return [settings.topic(name) for name in names if partitions.get(settings.topic(name), 0) < TOPICS[name].partitions]


async def plan(settings: KafkaSettings, declared: Sequence[Topic] = tuple(TOPICS.values())) -> Difference:
    """Compare what is declared with what the broker has; changes nothing."""
    async with _admin(settings) as admin:
        return difference(declared, await _find(admin, settings, declared), settings.replication)


async def apply(settings: KafkaSettings, declared: Sequence[Topic] = tuple(TOPICS.values())) -> Difference:
    """
    Make the broker have what is declared; return what was done.

    Raises:
        TopicsWouldShrink: something is declared smaller than it is; then nothing is done.
        TopicsRefused: the broker refused.
        TopicsForbidden: this account may not see them.
        BrokerAway: it does not answer.
    """
    async with _admin(settings) as admin:
        found = await _find(admin, settings, declared)
        todo = difference(declared, found, settings.replication)
        if todo.shrink:
            raise TopicsWouldShrink(topics="; ".join(todo.shrink))
        await _create(admin, settings, todo.create)
        for topic, _ in todo.grow:
            await admin.create_partitions({settings.topic(topic.name): NewPartitions(topic.partitions)})
        for name, changed in todo.change.items():
            # The request replaces everything that is set on the topic, so what stands there is sent along.
            values = {**found[name].settings, **{setting: shall for setting, (_, shall) in changed.items()}}
            resource = ConfigResource(ConfigResourceType.TOPIC, settings.topic(name), values)
            for answer in await admin.alter_configs([resource]):
                for code, message, *_ in answer.resources:
                    if code:
                        raise TopicsRefused(topic=name, why=message or for_code(code).__name__)
        await _wait_until_known(admin, settings, declared)
    return todo


async def allow(settings: KafkaSettings, granted: Iterable[Grant]) -> None:
    """
    Add *granted* to the broker's access lists; harmless if repeated.

    Raises:
        AccessNotGranted: it refused.
        BrokerAway: it does not answer.
    """
    async with _admin(settings) as admin:
        for grant in granted:
            line = CreateAclsRequest(
                _ACL_KIND[grant.kind],
                grant.name,
                _LITERAL,
                f"User:{grant.user}",
                "*",
                _ACL_OPERATION[grant.operation],
                _ALLOW,
            )
            # aiokafka's client has no function for it, only the request itself
            answer = await admin._send_to_controller(line)
            for code, message in answer.creation_responses:
                if code:
                    raise AccessNotGranted(topic=grant.name, user=grant.user, why=message or for_code(code).__name__)


async def delete(settings: KafkaSettings, names: Iterable[str]) -> None:
    """Delete topics; for tests and rehearsals that share a cluster under a prefix of their own."""
    if not settings.prefix:
        raise ValueError("topics without a prefix are never deleted")
    async with _admin(settings) as admin:
        await admin.delete_topics([settings.topic(name) for name in names], timeout_ms=REQUEST_MS)


async def _create(admin: AIOKafkaAdminClient, settings: KafkaSettings, topics: Sequence[Topic]) -> None:
    if not topics:
        return
    new = [
        NewTopic(
            settings.topic(topic.name),
            topic.partitions,
            settings.replication,
            topic_configs=_settings(topic, settings.replication),
        )
        for topic in topics
    ]
    answer = await admin.create_topics(new, timeout_ms=REQUEST_MS)
    for name, code, message in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:  # somebody else applied at the same time
            raise TopicsRefused(topic=name, why=message or for_code(code).__name__)


async def _wait_until_known(admin: AIOKafkaAdminClient, settings: KafkaSettings, declared: Sequence[Topic]) -> None:
    """Wait until the brokers know what their controller has accepted; a start right behind would be refused."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        try:
            left = difference(declared, await _find(admin, settings, declared), settings.replication)
        except TopicsUnsettled as error:  # just made, and no broker leads them yet
            lines = [str(error)]
        else:
            if left.nothing:
                return
            lines = left.lines()
        if time.monotonic() > deadline:
            raise TopicsRefused(topic="; ".join(lines), why="accepted, but not in force yet")
        await asyncio.sleep(0.1)


async def _find(admin: AIOKafkaAdminClient, settings: KafkaSettings, declared: Sequence[Topic]) -> dict[str, Found]:
    by_wire = {settings.topic(topic.name): topic.name for topic in declared}
    described = await _described(admin, settings, list(by_wire))
    resources = [ConfigResource(ConfigResourceType.TOPIC, one["topic"]) for one in described]
    configs: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for answer in await admin.describe_configs(resources) if resources else ():
        for _, _, _, name, entries in answer.resources:
            on_topic = {entry[0]: entry[1] for entry in entries if entry[3] == TOPIC_SOURCE}
            configs[name] = (on_topic, {entry[0]: entry[1] for entry in entries})
    return {
        by_wire[one["topic"]]: Found(
            len(one["partitions"]), len(one["partitions"][0]["replicas"]), *configs.get(one["topic"], ({}, {}))
        )
        for one in described
    }


async def _described(admin: AIOKafkaAdminClient, settings: KafkaSettings, names: list[str]) -> list[Any]:
    """Ask the broker for *names*; what it says it has not is left out, and nothing else it may say of one is."""
    there, refused = [], dict[str, type[KafkaError]]()
    for one in await admin.describe_topics(names):
        if not one["error_code"]:
            there.append(one)
        elif (error := for_code(one["error_code"])) is not UnknownTopicOrPartitionError:
            refused[one["topic"]] = error
    if forbidden := sorted(name for name, error in refused.items() if error is TopicAuthorizationFailedError):
        raise TopicsForbidden(topics=", ".join(forbidden), user=settings.username, command="onevisit topics access")
    if refused:
        why = sorted({error.__name__ for error in refused.values()})
        raise TopicsUnsettled(topics=", ".join(sorted(refused)), why=", ".join(why))
    return there


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**settings.client(), request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerAway(why=type(error).__name__) from error
    finally:
        await admin.close()
