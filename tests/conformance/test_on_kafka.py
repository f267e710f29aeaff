"""The same promises on a real Kafka, kept by both hosts: nothing lost, nothing doubled, order kept, whoever is killed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import Consumer, Producer
from sqlalchemy.exc import OperationalError, ProgrammingError

from runtime.events.failpoints import POINTS
from runtime.events.kafka import BrokerAway, KafkaBus
from runtime.events.kafka_settings import KafkaSettings
from runtime.events.kafka_topics import TopicsMissing
from runtime.service import settle
from runtime.store.actor import Actor
from runtime.store.database import Database
from tests.conformance import toy
from tests.conformance.platforms import (
    DISTRIBUTED,
    MAKERS,
    POSTGRES,
    Platform,
    host_class,
    provide,
    topics_of_its_own,
)
from tests.kit import COUNTY, Kit, said
from tests.tier.ways import Kafka

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLAY_SECONDS = 240
NEW_PER_PLAY = 6
UNTIL_ENOUGH = -1
SESSION_SECONDS = 3.0
WAIT_SECONDS = 120.0  # with a busy machine; a second or two on an idle one

Digest = dict[str, dict[str, str]]


@pytest.fixture(params=DISTRIBUTED, ids=str)
def platform(request: pytest.FixtureRequest) -> Platform:
    found: Platform = request.param
    provide(found.store, request)
    return found


@pytest.fixture
def kafka(kafka_address: str) -> Iterator[KafkaSettings]:
    with topics_of_its_own(kafka_address) as settings:
        yield settings


@pytest.fixture(autouse=True)
def nobody_stays_behind() -> Iterator[None]:
    yield
    while Played.running:
        played = Played.running.pop()
        played.process.kill()
        played.process.wait()
    for database in databases.values():
        database.close()
    databases.clear()


class Played:
    """A toy in a process of its own."""

    running: ClassVar[list["Played"]] = []

    def __init__(
        self,
        home: Path,
        proposals: int,
        platform: Platform,
        kafka: KafkaSettings | None,
        *,
        role: str = "all",
        ordinal: int = 0,
        session: float = SESSION_SECONDS,
        failpoint: str = "",
        output: Path | None = None,
    ) -> None:
        home.mkdir(exist_ok=True)
        (home / "store").write_text(platform.store)
        environment = {**os.environ, "ONEVISIT_FAILPOINTS": failpoint}
        if kafka is not None:
            environment |= {"ONEVISIT_KAFKA_BOOTSTRAP": kafka.bootstrap, "ONEVISIT_KAFKA_PREFIX": kafka.prefix}
        options = {"host": platform.host, "store": platform.store, "role": role}
        options |= {"ordinal": str(ordinal), "session": str(session)}
        command = [sys.executable, "-m", "tests.conformance.toy", str(home), str(proposals)]
        for name, value in options.items():
            command += [f"--{name}", value]
        self.output = output or home / f"{role}-{ordinal}.out"
        with open(self.output, "ab") as file:
            self.process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        self.running.append(self)

    def ends(self, seconds: float = PLAY_SECONDS) -> int:
        """Wait for its end and return its exit code."""
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()
            self.process.wait()

    def text(self) -> str:
        """Return what it said."""
        return self.output.read_text(errors="replace")


def undisturbed(folder: Path, proposals: int) -> Digest:
    """Digest the state of the same proposals on the embedded log, with nobody killed."""
    assert Played(folder, proposals, Platform("embedded", "sqlite"), None).ends() == 0
    return toy.digest(folder)


databases: dict[tuple[Path, str], Database] = {}
BASES = {"planner": toy.ProposerBase, "notifier": toy.ListenerBase}


def database_of(home: Path, service: str) -> Database:
    """Open a toy's database from outside, once."""
    if (home, service) not in databases:
        make = MAKERS[(home / "store").read_text()]
        databases[home, service] = make(service, home, BASES[service])
    return databases[home, service]


def in_database(home: Path, service: str, query: str) -> list[Any]:
    # As the service itself: PostgreSQL keeps owned rows even from their table's owner, once a second start has walled them.
    with database_of(home, service).read(Actor.system(service)) as session:
        return [tuple(row) for row in session.connection().exec_driver_sql(query)]


def wait_for(happened: Callable[[], bool], seconds: float) -> float:
    """Wait until something happened and return how long it took; fail after *seconds*."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s"
        time.sleep(0.02)
    return time.monotonic() - began


def heard(home: Path) -> int:
    try:
        return int(in_database(home, "notifier", "SELECT count(*) FROM heard")[0][0])
    except (OperationalError, ProgrammingError):
        return 0  # no table yet


def proposed(home: Path) -> int:
    try:
        return int(in_database(home, "planner", "SELECT count(*) FROM proposal")[0][0])
    except (OperationalError, ProgrammingError):
        return 0


def everything_said(home: Path) -> bool:
    """Tell whether the listener has sent what it had to say; what is left at a stop goes out after the next start."""
    return bool(in_database(home, "notifier", "SELECT count(*) FROM outbox") == [(0,)])


SERVICE_POINTS = [
    f"{service}.{point}"
    for service in ("planner", "notifier")
    for point in POINTS
    if service == "planner" or point not in ("row_written", "committed")
]


def test_killed_at_every_failpoint_in_turn_the_system_ends_in_the_same_state(
    platform: Platform, kafka: KafkaSettings, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    points = list(SERVICE_POINTS)
    random.Random(str(platform)).shuffle(points)
    for play, point in enumerate(points, 1):
        played = Played(home, play * NEW_PER_PLAY, platform, kafka, failpoint=f"{point}:1")
        assert played.ends() == -signal.SIGKILL, f"{point} was never passed: {played.text()[-2000:]}"
    proposals = (len(points) + 1) * NEW_PER_PLAY

    last = Played(home, proposals, platform, kafka)

    assert last.ends() == 0, last.text()[-2000:]
    assert toy.digest(home, platform.store) == undisturbed(tmp_path / "undisturbed", proposals)
    print(f"{platform}: {len(points)} kills, {proposals} proposals, 0 lost, 0 doubled")


def test_a_broker_killed_in_the_flow_costs_nothing_and_commands_go_on_without_it(
    platform: Platform, own_kafka: Callable[..., Kafka], tmp_path: Path
) -> None:
    broker = own_kafka()
    home = tmp_path / "home"
    with topics_of_its_own(broker.address) as kafka:
        # They go on until told that it is enough: however late the listener began, the broker is killed in the flow.
        played = Played(home, UNTIL_ENOUGH, platform, kafka)
        wait_for(lambda: heard(home) > 20, WAIT_SECONDS)

        broker.kill_broker()
        before, known = proposed(home), heard(home)
        wait_for(lambda: proposed(home) > before + 100, WAIT_SECONDS)
        broker.start_broker()
        wait_for(lambda: heard(home) > known + 100, WAIT_SECONDS)
        (home / "enough").touch()

        assert played.ends() == 0, played.text()[-2000:]
        proposals = proposed(home)
        print(f"{platform}: broker killed at {before} of {proposals}, {known} of them heard")
    assert heard(home) == proposals
    assert toy.digest(home, platform.store) == undisturbed(tmp_path / "undisturbed", proposals)


def test_two_workers_share_the_partitions_and_one_that_stays_away_loses_them_to_the_other(
    platform: Platform, kafka: KafkaSettings, tmp_path: Path
) -> None:
    home, proposals = tmp_path / "home", 120
    workers = [Played(home, 0, platform, kafka, role="notifier", ordinal=number) for number in range(2)]
    assert Played(home, 40, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 40, WAIT_SECONDS)

    workers[0].process.kill()
    killed = time.monotonic()
    workers[0].ends()
    assert Played(home, proposals, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == proposals, SESSION_SECONDS + WAIT_SECONDS)
    taken = time.monotonic() - killed
    wait_for(lambda: everything_said(home), WAIT_SECONDS)

    workers[1].process.terminate()
    assert workers[1].ends(30) == 0, workers[1].text()[-2000:]
    assert Played(home, proposals, platform, kafka, role="planner").ends() == 0
    assert toy.digest(home, platform.store) == undisturbed(tmp_path / "undisturbed", proposals)
    print(
        f"{platform}: everything handled by the other {taken:.1f} s after a worker was killed (session {SESSION_SECONDS} s)"
    )


def test_a_second_worker_under_one_number_refuses_to_start_and_the_first_works_on(
    platform: Platform, kafka: KafkaSettings, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    first = Played(home, 0, platform, kafka, role="notifier", ordinal=1)
    assert Played(home, 5, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 5, WAIT_SECONDS)

    second = Played(home, 0, platform, kafka, role="notifier", ordinal=1, output=home / "second.out")

    assert second.ends() == 1
    assert "worker.ordinal_taken service=notifier ordinal=1" in second.text()
    assert Played(home, 10, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 10, WAIT_SECONDS)
    first.process.terminate()
    assert first.ends(30) == 0, first.text()[-2000:]
    third = Played(home, 0, platform, kafka, role="notifier", ordinal=1)
    assert Played(home, 12, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 12, WAIT_SECONDS)
    third.process.terminate()
    assert third.ends(30) == 0, third.text()[-2000:]


def without_its_number(home: Path, admin: psycopg.Connection, *, waits: bool = False) -> Callable[[], None]:
    """Cut the connection that holds the number of the listener; *waits*: another has queued up for it, and gives it back."""
    key = database_of(home, "notifier")._key("worker-0")  # type: ignore[attr-defined]
    other = psycopg.connect(os.environ[POSTGRES], autocommit=True)
    queued = threading.Thread(target=lambda: other.execute("SELECT pg_advisory_lock(%s)", [key]))
    held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted = %s"
    place = [key >> 32, key & 0xFFFFFFFF]
    if waits:
        queued.start()
        wait_for(lambda: admin.execute(held, [*place, False]).fetchone() is not None, WAIT_SECONDS)
    ended = admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({held}) AS holder", [*place, True]).fetchall()
    assert ended == [(True,)]
    if waits:
        queued.join()
    return other.close


def test_a_worker_whose_number_is_lost_with_its_connection_takes_it_again_or_ends_if_another_has_it(
    platform: Platform, kafka: KafkaSettings, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    worker = Played(home, 0, platform, kafka, role="notifier")
    assert Played(home, 5, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 5, WAIT_SECONDS)

    with psycopg.connect(os.environ[POSTGRES], autocommit=True) as admin:
        without_its_number(home, admin)()
        taken_again = wait_for(lambda: "host.ordinal_taken_again" in worker.text(), WAIT_SECONDS)
        second = Played(home, 0, platform, kafka, role="notifier", output=home / "second.out")
        assert second.ends() == 1
        assert "worker.ordinal_taken" in second.text()
        assert Played(home, 10, platform, kafka, role="planner").ends() == 0
        wait_for(lambda: heard(home) == 10, WAIT_SECONDS)

        give_back = without_its_number(home, admin, waits=True)
        assert worker.ends(WAIT_SECONDS) == 70, worker.text()[-2000:]
        assert "worker.ordinal_taken" in worker.text()
        give_back()
    third = Played(home, 0, platform, kafka, role="notifier")
    assert Played(home, 15, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 15, WAIT_SECONDS)
    third.process.terminate()
    assert third.ends(30) == 0, third.text()[-2000:]
    print(f"{platform}: number taken again {taken_again:.1f} s after it was lost; given up to another that had it")


def test_a_killed_worker_is_at_work_again_under_its_ordinal_long_before_its_session_ends(
    platform: Platform, kafka: KafkaSettings, tmp_path: Path
) -> None:
    home, session = tmp_path / "home", 240.0
    worker = Played(home, 0, platform, kafka, role="notifier", session=session)
    assert Played(home, 5, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 5, WAIT_SECONDS)
    worker.process.kill()
    worker.ends()
    assert Played(home, 10, platform, kafka, role="planner").ends() == 0

    again = Played(home, 0, platform, kafka, role="notifier", session=session)
    back = wait_for(lambda: heard(home) == 10, session / 2)

    again.process.terminate()
    assert again.ends(30) == 0, again.text()[-2000:]
    joining = float(again.text().rpartition("partitions after ")[2].partition(" s\n")[0])
    assert joining < 10, "a second on an idle machine"
    print(
        f"{platform}: at work {back:.1f} s after its process was started again, had its partitions {joining} s after joining"
    )


def test_a_database_that_is_away_is_waited_out_and_a_stop_meanwhile_loses_nothing(
    platform: Platform, kafka: KafkaSettings, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    worker = Played(home, 0, platform, kafka, role="notifier")
    assert Played(home, 5, platform, kafka, role="planner").ends() == 0
    wait_for(lambda: heard(home) == 5, WAIT_SECONDS)
    with database_of(home, "notifier").write_plumbing():
        assert Played(home, 15, platform, kafka, role="planner").ends() == 0
        wait_for(lambda: "OperationalError" in worker.text(), WAIT_SECONDS)

        worker.process.terminate()
        assert worker.ends(40) == 0
    assert heard(home) == 5

    again = Played(home, 0, platform, kafka, role="notifier")
    wait_for(lambda: heard(home) == 15 and everything_said(home), WAIT_SECONDS)

    again.process.terminate()
    assert again.ends(30) == 0
    assert in_database(home, "notifier", "SELECT count(*) FROM parked") == [(0,)]
    assert Played(home, 15, platform, kafka, role="planner").ends() == 0
    assert toy.digest(home, platform.store) == undisturbed(tmp_path / "undisturbed", 15)


FOREIGN: dict[str, tuple[bytes | None, bytes | None]] = {
    "no JSON": (b"C-1", b"{not json"),
    "nothing at all": (None, None),
    "a key of bytes": (b"\xff\x00\xfe" * 100, b"{}"),
    "no event": (b"C-1", b'{"specversion": "1.0"}'),
    "too large": (b"C-1", b"x" * 300_000),
    "an unknown version": (
        b"C-640221-2018-001",
        b'{"specversion":"1.0","id":"foreign-1","source":"onevisit/planner","type":"onevisit.campaign.closed.v99",'
        b'"subject":"C-640221-2018-001","time":"2018-11-28T01:00:00Z","partitionkey":"C-640221-2018-001",'
        b'"correlationid":"c","data":{}}',
    ),
    "another service's word": (
        b"C-640221-2018-001",
        b'{"specversion":"1.0","id":"foreign-2","source":"onevisit/drawer","type":"onevisit.campaign.closed.v1",'
        b'"subject":"C-640221-2018-001","time":"2018-11-28T01:00:00Z","partitionkey":"C-640221-2018-001",'
        b'"correlationid":"c","data":{}}',
    ),
    "an id that PostgreSQL cannot store": (
        b"C-640221-2018-001",
        b'{"specversion":"1.0","id":"foreign-\\u0000","source":"onevisit/planner","type":"onevisit.campaign.closed.v1",'
        b'"subject":"C-640221-2018-001","time":"2018-11-28T01:00:00Z","partitionkey":"C-640221-2018-001",'
        b'"correlationid":"c","data":{"county":"640221","campaign":"C-640221-2018-001"}}',
    ),
}


def test_what_a_foreign_producer_writes_is_parked_while_the_healthy_flow(
    platform: Platform, kafka: KafkaSettings, tmp_path: Path
) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for part in range(8):
        for key, value in FOREIGN.values():
            producer.produce(kafka.topic("campaigns"), value, key=key, partition=part)
    assert producer.flush(30) == 0
    home = tmp_path / "home"

    played = Played(home, 30, platform, kafka)

    assert played.ends() == 0, played.text()[-2000:]
    assert toy.digest(home, platform.store) == undisturbed(tmp_path / "undisturbed", 30)
    codes = [code for (code,) in in_database(home, "notifier", "SELECT code FROM parked")]
    # The unknown version and the foreign source carry an id, so that the inbox drops their repeats on other partitions.
    assert sorted(set(codes)) == ["event.foreign", "event.unreadable"]
    assert len(codes) >= 6 * 8 + 2
    print(f"{platform}: {8 * len(FOREIGN)} foreign messages, {len(codes)} parked, 30 proposals handled")


def test_missing_topics_refuse_the_start_and_name_the_command(platform: Platform, kafka_address: str, kit: Kit) -> None:
    bus = KafkaBus(KafkaSettings(bootstrap=kafka_address, prefix="never.made."))
    kit.services.append(toy.set_up(toy.proposer(toy.ports(kit.folder, bus), kit.folder, platform.store)))
    host = host_class(platform.host)(kit.services)

    with pytest.raises(TopicsMissing) as refusal:
        host.start()

    host.stop()
    bus.close()
    assert refusal.value.facts == {
        "topics": "never.made.campaigns, never.made.notices, never.made.planner.dead, never.made.registers",
        "command": "onevisit topics apply",
    }


def test_with_no_broker_at_the_start_commands_succeed_and_what_they_say_stays(platform: Platform, kit: Kit) -> None:
    bus = KafkaBus(KafkaSettings(bootstrap="127.0.0.1:9"))
    service = toy.set_up(toy.proposer(toy.ports(kit.folder, bus), kit.folder, platform.store))
    kit.services.append(service)
    host = host_class(platform.host)([service])
    host.start()

    service.do(toy.LEAD, toy.propose, name="first")

    assert not host.wait_until_settled(0.5)
    assert host.crashed is None
    assert len(said(service)) == 1
    with pytest.raises(BrokerAway):
        bus.heads(["campaigns"])
    began = time.monotonic()
    host.stop()
    bus.close()
    assert time.monotonic() - began < 10


def test_the_log_on_kafka_is_replayed_into_equal_projections(kafka: KafkaSettings, kit: Kit) -> None:
    bus = KafkaBus(kafka)
    ports = toy.ports(kit.folder, bus)
    kit.services += [toy.set_up(toy.proposer(ports, kit.folder)), toy.set_up(toy.listener(ports, kit.folder))]
    for number in range(12):
        toy.speak(kit.services[0], number)
    settle(kit.services, seconds=60)
    before = toy.digest(kit.folder)

    assert kit.services[1].replay() == 12 + 4

    assert toy.digest(kit.folder) == before
    assert said(kit.services[1]) == []
    bus.close()


def test_foreign_tools_read_every_event_of_the_wire(kafka: KafkaSettings, kit: Kit) -> None:
    bus = KafkaBus(kafka)
    ports = toy.ports(kit.folder, bus)
    kit.services += [toy.set_up(toy.proposer(ports, kit.folder)), toy.set_up(toy.listener(ports, kit.folder))]
    for number in range(12):
        toy.speak(kit.services[0], number)
    settle(kit.services, seconds=60)
    bus.close()
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "foreign", "auto.offset.reset": "earliest"})
    consumer.subscribe([kafka.topic("campaigns"), kafka.topic("notices")])

    read: list[Any] = []
    deadline = time.monotonic() + 60
    while len(read) < 12 + 4 + 12 and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            read.append(message)
    consumer.close()

    events = [
        from_kafka(KafkaMessage(dict(message.headers()), message.key(), message.value()), JSONFormat())
        for message in read
    ]
    kinds = Counter(event.get_type() for event in events)
    assert kinds == {
        "onevisit.campaign.closed.v1": 12,
        "onevisit.campaign.cancelled.v1": 4,
        "onevisit.notice.delivered.v1": 12,
    }
    for message, event in zip(read, events, strict=True):
        assert str(event.get_extension("partitionkey")).encode() == message.key()
        data: Any = event.get_data()
        assert data["county"] == COUNTY
    print(f"{len(events)} events read by confluent-kafka and the CloudEvents SDK")
