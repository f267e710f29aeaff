"""Who may write what: each service under its own name, on a broker that allows what is printed and nothing else."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from typer.testing import CliRunner

from onevisit.cli import app
from runtime.events.bus import Message
from runtime.events.kafka import BrokerAway, KafkaBus
from runtime.events.kafka_access import Grant, grants
from runtime.events.kafka_settings import KafkaSettings
from runtime.events.kafka_topics import AccessNotGranted, TopicsForbidden, apply, missing, plan
from runtime.events.kafka_topics import allow as granted
from schemas.topics import TOPICS
from schemas.vocabulary import SERVICES
from tests.conformance import toy
from tests.conformance.platforms import host_class
from tests.kit import Kit
from tests.tier.kafka import KafkaFromJars
from tests.tier.missing import Missing, give_up

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("secured Kafka")]  # they share one broker

SPEAKERS = ("planner", "notifier")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaFromJars]:
    """Start a broker with a user for each speaker."""
    folder = tmp_path_factory.mktemp("secured")
    try:
        found = KafkaFromJars(folder / "kafka", users={f"ov-{name}": f"secret-of-{name}" for name in SPEAKERS})
    except Missing as missing:
        give_up(missing)
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def secured(broker: KafkaFromJars, tmp_path: Path) -> KafkaSettings:
    """Make topics of the test's own, and the access lists that are printed for them."""
    for name in SPEAKERS:
        (tmp_path / f"{name}.password").write_text(f"secret-of-{name}\n")
    settings = KafkaSettings(
        bootstrap=broker.secured_address,
        prefix=f"t{uuid.uuid4().hex[:12]}.",
        security="SASL_PLAINTEXT",
        username="ov-{service}",
        password_file=tmp_path / "{service}.password",
    )
    asyncio.run(apply(KafkaSettings(bootstrap=broker.address, prefix=settings.prefix)))
    allow(broker.address, [grant for name in SPEAKERS for grant in grants(settings, name)])
    return settings


def allow(address: str, granted: list[Grant]) -> None:
    """Do what the printed commands do, by another client."""
    lines = [
        AclBinding(
            ResourceType[grant.kind.upper()],
            grant.name,
            ResourcePatternType.LITERAL,
            f"User:{grant.user}",
            "*",
            AclOperation[grant.operation.upper()],
            AclPermissionType.ALLOW,
        )
        for grant in granted
    ]
    admin = AdminClient({"bootstrap.servers": address})
    whatever: Any = None
    every = AclBindingFilter(
        *(ResourceType.ANY, whatever, ResourcePatternType.ANY, whatever, whatever),
        *(AclOperation.ANY, AclPermissionType.ANY),
    )
    before = len(admin.describe_acls(every).result(30))
    for made in admin.create_acls(lines).values():
        made.result(30)
    deadline = time.monotonic() + 60
    while len(admin.describe_acls(every).result(30)) < before + len(lines):  # accepted is not yet in force
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_broker_refuses_a_word_on_another_services_topic(secured: KafkaSettings) -> None:
    planner, notifier = KafkaBus(secured.of("planner")), KafkaBus(secured.of("notifier"))
    planner.append([Message("campaigns", "C-1", "e1", b"{}")])

    with pytest.raises(BrokerAway) as refusal:
        notifier.append([Message("campaigns", "C-1", "e2", b"{}")])

    assert refusal.value.facts == {"why": "TopicAuthorizationFailedError"}
    assert sum(planner.heads(["campaigns"]).values()) == 1
    notifier.append([Message("notices", "N-1", "e3", b"{}")])
    assert sum(planner.heads(["notices"]).values()) == 1
    planner.close()
    notifier.close()


def test_topics_that_an_account_may_not_see_are_not_called_missing(secured: KafkaSettings, kit: Kit) -> None:
    hidden, shown = secured.topic("drawer.dead"), secured.topic("campaigns")
    planner = secured.of("planner")
    assert asyncio.run(missing(planner, ["campaigns"])) == []

    for ask in (missing(planner, ["campaigns", "drawer.dead"]), plan(planner), apply(planner)):
        with pytest.raises(TopicsForbidden) as refusal:
            asyncio.run(ask)
        told = str(refusal.value.facts["topics"]).split(", ")
        assert hidden in told
        assert shown not in told
        assert refusal.value.facts["user"] == "ov-planner"


@pytest.mark.parametrize("kind", ["aiokafka", "faust"])
def test_a_service_without_its_rights_does_not_start_and_says_that_they_are_lacking(
    kind: str, secured: KafkaSettings, kit: Kit
) -> None:
    bus = KafkaBus(secured.of("notifier"))  # … under another service's name
    kit.services.append(toy.set_up(toy.proposer(toy.ports(kit.folder, bus), kit.folder)))
    host = host_class(kind)(kit.services)

    with pytest.raises(TopicsForbidden) as refusal:
        host.start()

    host.stop()
    bus.close()
    assert refusal.value.code == "kafka.topics_forbidden"
    assert refusal.value.facts["topics"] == secured.topic("planner.dead")


def test_rights_are_not_said_to_be_given_by_a_broker_without_access_lists(kafka_address: str) -> None:
    settings = KafkaSettings(bootstrap=kafka_address, username="ov-{service}")

    with pytest.raises(AccessNotGranted) as refusal:
        asyncio.run(granted(settings, grants(settings, "planner")))

    assert (refusal.value.code, refusal.value.facts["user"]) == ("kafka.access_not_granted", "ov-planner")


def test_a_wrong_password_is_refused(secured: KafkaSettings, tmp_path: Path) -> None:
    (tmp_path / "planner.password").write_text("secret-of-notifier")
    bus = KafkaBus(secured.of("planner"))

    with pytest.raises(BrokerAway):
        bus.append([Message("campaigns", "C-1", "e1", b"{}")])

    bus.close()


@pytest.mark.parametrize("kind", ["aiokafka", "faust"])
def test_services_of_one_process_work_each_under_its_own_name(kind: str, secured: KafkaSettings, kit: Kit) -> None:
    buses = {name: KafkaBus(secured.of(name)) for name in SPEAKERS}
    made = toy.ports(kit.folder, buses["planner"])
    kit.services += [
        toy.set_up(toy.proposer(made, kit.folder)),
        toy.set_up(toy.listener(replace(made, bus=buses["notifier"]), kit.folder)),
    ]
    host = host_class(kind)(kit.services)
    host.start()
    for number in range(6):
        toy.speak(kit.services[0], number)

    settled = host.wait_until_settled(120)

    host.stop()
    for bus in buses.values():
        bus.close()
    assert settled
    with kit.services[0].db.read(kit.services[0].system) as session:
        assert [row.answers for row in session.query(toy.Proposal)] == [1] * 6


def test_the_commands_name_every_topic_once_for_its_owner_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEVISIT_KAFKA_USERNAME", "ov-{service}")
    monkeypatch.setenv("ONEVISIT_KAFKA_PREFIX", "nx.")

    said = CliRunner().invoke(app, ["topics", "access"]).output.splitlines()

    writes = [line for line in said if "--operation Write" in line]
    assert len(writes) == len(TOPICS)
    for topic in TOPICS.values():
        (line,) = [line for line in writes if line.endswith(f"--topic nx.{topic.name}")]
        assert f"User:ov-{topic.owner} " in line
    assert sum("--group nx." in line for line in said) == len(SERVICES)
