"""The bus and the hosts on a real broker: what happens when a part of them fails."""

import asyncio
import contextlib
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from structlog.testing import capture_logs

from runtime.events import broker_host, faust_host, kafka, kafka_host
from runtime.events.broker_host import BrokerHost, bus_of
from runtime.events.bus import Message
from runtime.events.kafka import BrokerAway, KafkaBus
from runtime.events.kafka_settings import KafkaSettings
from runtime.service import Errand, Service
from runtime.store.database import Claim
from runtime.time.timers import Timer
from tests.conformance import toy
from tests.conformance.platforms import host_class, topics_of_its_own
from tests.kit import Kit
from tests.tier.ways import Kafka

WAIT_SECONDS = 120.0  # with a busy machine; a second or two on an idle one
JOINS = 10
SHORT_SESSION_SECONDS = 2.0  # of a worker that leaves: it keeps its partitions for so long, in case it comes back
PARTITIONS = 16  # of the two topics the listener hears


@pytest.fixture
def settings(kafka_address: str) -> Iterator[KafkaSettings]:
    with topics_of_its_own(kafka_address) as found:
        yield found


@pytest.fixture
def hosted(settings: KafkaSettings, kit: Kit) -> Iterator[Callable[[str], BrokerHost]]:
    """Run both toys on a host; speak through ``host.services[0]``."""
    hosts: list[BrokerHost] = []

    def start(kind: str) -> BrokerHost:
        bus = KafkaBus(settings)
        ports = toy.ports(kit.folder, bus)
        kit.services += [toy.set_up(toy.proposer(ports, kit.folder)), toy.set_up(toy.listener(ports, kit.folder))]
        hosts.append(host_class(kind)(kit.services))
        hosts[-1].start()
        return hosts[-1]

    yield start
    for host in hosts:
        host.stop()
        bus_of(host.services[0]).close()


def messages(count: int) -> list[Message]:
    return [Message("campaigns", f"C-{number % 5}", f"e{number}", b"%06d" % number) for number in range(count)]


def everything(bus: KafkaBus) -> list[bytes]:
    found: list[bytes] = []
    reached: dict[tuple[str, int], int] = {}
    while records := bus.read(["campaigns"], reached, 500):
        for record in records:
            reached[record.topic, record.part] = record.off + 1
            found.append(record.body)
    return found


def test_an_append_that_is_given_up_is_repeated_whole_and_the_order_of_a_key_is_kept(
    own_kafka: Callable[..., Kafka], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "APPEND_SECONDS", 2.0)
    broker = own_kafka()
    with topics_of_its_own(broker.address) as settings:
        bus = KafkaBus(settings)
        sent = messages(400)
        bus.append(sent[:100])
        away = threading.Timer(0.02, broker.kill_broker)
        away.start()
        before = 0
        with contextlib.suppress(BrokerAway):
            while True:
                bus.append(sent[100:300])
                before += 200
        away.join()
        for _ in range(3):
            with pytest.raises(BrokerAway):
                bus.append(sent[100:300])
        broker.start_broker()

        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                bus.append(sent[100:])
                break
            except BrokerAway:
                assert time.monotonic() < deadline
        found = everything(bus)
        bus.close()

    first_seen = list(dict.fromkeys(found))
    assert sorted(first_seen) == [message.body for message in sent]
    for key in range(5):
        mine = [body for body in first_seen if int(body) % 5 == key]
        assert mine == sorted(mine), "a repeated batch came before an earlier one"
    assert len(found) <= len(sent) + before + 200, "what was given up later has not piled up in the producer"
    print(f"{len(sent)} messages, {len(found)} records: nothing lost, {len(found) - len(sent)} again, in order")


def test_an_append_under_way_is_given_up_when_the_process_stops(
    own_kafka: Callable[..., Kafka],
) -> None:
    broker = own_kafka()
    with topics_of_its_own(broker.address) as settings:
        bus = KafkaBus(settings)
        bus.append(messages(1))
        broker.kill_broker()
        threading.Timer(1.0, bus.interrupt).start()
        began = time.monotonic()

        with pytest.raises(BrokerAway):
            bus.append(messages(2))

        assert time.monotonic() - began < kafka.APPEND_SECONDS / 2, "not by its own time"
        bus.close()
        broker.start_broker()


def test_a_crashed_faust_application_is_noticed_and_ends_the_host(
    hosted: Callable[[str], BrokerHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = faust_host._Worker._app

    def crashing(self: Any) -> Any:
        app = make(self)

        async def crash() -> None:
            await app.sleep(0.5)
            await app.crash(RuntimeError("something inside Faust"))

        app.task(crash)
        return app

    monkeypatch.setattr(faust_host._Worker, "_app", crashing)
    host = hosted("faust")

    assert host.ended.wait(WAIT_SECONDS)
    assert host.crashed is not None
    assert "something inside Faust" in host.crashed


def test_what_faust_fetches_while_its_flow_is_stopped_is_read_again_though_nothing_was_ever_committed(
    hosted: Callable[[str], BrokerHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = faust_host.Consumer._getmany
    thrown_away: dict[str, int] = {}

    async def stopping(self: Any, active_partitions: Any, timeout: float) -> Any:
        records = await fetch(self, active_partitions, timeout)
        if records and self.app.conf.id not in thrown_away:
            thrown_away[self.app.conf.id] = sum(map(len, records.values()))
            self.stop_flow()
            self.loop.call_later(0.5, self.resume_flow)
        return records

    monkeypatch.setattr(faust_host.Consumer, "_getmany", stopping)
    host = hosted("faust")
    for number in range(20):
        toy.speak(host.services[0], number)

    assert host.wait_until_settled(WAIT_SECONDS)

    assert len(thrown_away) == len(host.services)
    with host.services[1].db.read(host.services[1].system) as session:
        assert session.query(toy.Heard).count() == 20


def test_whatever_faust_throws_away_of_what_it_fetched_is_read_again_in_its_order(
    hosted: Callable[[str], BrokerHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faust_host, "LEFT_BEHIND_SECONDS", 2.0)
    fetch = faust_host.Consumer._getmany
    fetched, thrown_away = Counter[str](), Counter[str]()

    async def forgetting(self: Any, active_partitions: Any, timeout: float) -> Any:
        records = await fetch(self, active_partitions, timeout)
        if records:
            fetched[self.app.conf.id] += 1
            if fetched[self.app.conf.id] % 2:  # the first among them, and with luck the last
                thrown_away[self.app.conf.id] += sum(map(len, records.values()))
                return {}
        return records

    monkeypatch.setattr(faust_host.Consumer, "_getmany", forgetting)
    host = hosted("faust")
    for number in range(20):
        toy.speak(host.services[0], number)
        if number % 5 == 4:
            time.sleep(0.3)  # so that it is fetched in several goes

    assert host.wait_until_settled(WAIT_SECONDS)

    assert sum(thrown_away.values()) >= 20
    with host.services[1].db.read(host.services[1].system) as session:
        assert {row.id: row.times for row in session.query(toy.Heard)} == {
            f"C-640221-2018-{number:03}": 1 for number in range(1, 21)
        }


def test_a_consumer_that_fails_is_replaced_and_nothing_is_lost(
    hosted: Callable[[str], BrokerHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_host, "TROUBLE_SECONDS", 0.05)
    one_round = kafka_host._Worker._one_round
    rounds = iter(range(10**9))

    async def failing(self: Any) -> None:
        await one_round(self)
        if next(rounds) % 7 == 3 and self._service.batches:
            raise RuntimeError("something inside aiokafka")

    monkeypatch.setattr(kafka_host._Worker, "_one_round", failing)
    host = hosted("aiokafka")
    for number in range(10):
        toy.speak(host.services[0], number)

    assert host.wait_until_settled(WAIT_SECONDS)

    with host.services[1].db.read(host.services[1].system) as session:
        assert {row.id: row.times for row in session.query(toy.Heard)} == {
            f"C-640221-2018-{number:03}": 1 for number in range(1, 11)
        }
    assert host.crashed is None


@pytest.mark.parametrize("kind", ["aiokafka", "faust"])
def test_a_host_stops_within_its_time_and_its_threads_are_gone(kind: str, hosted: Callable[[str], BrokerHost]) -> None:
    before = set(threading.enumerate())
    host = hosted(kind)
    toy.speak(host.services[0], 0)
    assert host.wait_until_settled(WAIT_SECONDS)
    began = time.monotonic()

    host.stop(10)

    assert time.monotonic() - began < 10
    left = {
        thread.name
        for thread in set(threading.enumerate()) - before
        if "worker" in thread.name or "relay" in thread.name
    }
    assert left == set()


def left_of(before: set[threading.Thread]) -> set[str]:
    """Name the threads that have come since and would keep a process from ending."""
    return {thread.name for thread in set(threading.enumerate()) - before if not thread.daemon and thread.is_alive()}


@pytest.fixture
def plain_one(settings: KafkaSettings, kit: Kit) -> Iterator[BrokerHost]:
    """A plain host that has all partitions of the listener's group, in which Faust cannot be beside it."""
    bus = KafkaBus(settings)
    service = toy.set_up(toy.listener(toy.ports(kit.folder / "plain", bus), kit.folder / "plain"))
    host = host_class("aiokafka")([service], ordinal=1, session_seconds=SHORT_SESSION_SECONDS)
    host.start()
    eventually(lambda: len(service.processor.held or ()) == PARTITIONS)
    yield host
    host.stop()
    bus.close()
    service.close()


def test_faust_that_its_group_refuses_tries_again_until_it_is_let_in(
    plain_one: BrokerHost, hosted: Callable[[str], BrokerHost]
) -> None:
    host = hosted("faust")
    with capture_logs() as said:
        eventually(lambda: any(line["event"] == "host.broker_trouble" for line in said))

    plain_one.stop()
    toy.speak(host.services[0], 0)

    assert host.wait_until_settled(WAIT_SECONDS)
    assert host.crashed is None


def test_faust_that_its_group_refuses_stops_within_its_time(
    plain_one: BrokerHost, hosted: Callable[[str], BrokerHost]
) -> None:
    before = set(threading.enumerate())
    host = hosted("faust")
    with capture_logs() as said:
        eventually(lambda: any("Inconsistent" in line.get("why", "") for line in said))
    began = time.monotonic()

    host.stop(10)

    assert time.monotonic() - began < 10
    eventually(lambda: left_of(before) == set())


def test_one_process_relays_for_a_service_and_another_takes_over_when_it_ends(
    hosted: Callable[[str], BrokerHost], settings: KafkaSettings, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hosted("aiokafka")
    toy.speak(first.services[0], 0)
    assert first.wait_until_settled(WAIT_SECONDS)
    bus = KafkaBus(settings)
    kit.services.append(toy.proposer(toy.ports(kit.folder, bus), kit.folder))
    sent: list[int] = []
    append = bus.append

    def counted(batch: list[Message]) -> None:
        append(batch)
        sent.append(len(batch))

    monkeypatch.setattr(bus, "append", counted)
    second = host_class("aiokafka")(kit.services[2:], consume=False)
    second.start()

    toy.speak(kit.services[2], 1)
    assert first.wait_until_settled(WAIT_SECONDS)
    assert sent == [], "the first relays what the second has said"

    first.stop()
    toy.speak(kit.services[2], 2)
    deadline = time.monotonic() + WAIT_SECONDS
    while kit.services[2].backlog().unsent:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    second.stop()
    bus.close()
    assert sum(sent) >= 1


def timed(kit: Kit, settings: KafkaSettings, name: str, ran: list[str], pushing: list[str]) -> BrokerHost:
    """Make a host on a service whose timer is always due and whose errand lasts; both leave *name* behind."""
    bus = KafkaBus(settings)
    service = toy.proposer(toy.ports(kit.folder, bus), kit.folder)
    kit.services.append(service)

    def push(service: Service, stop: threading.Event) -> None:
        pushing.append(name)
        stop.wait()
        pushing.remove(name)

    service.timers = [Timer("toy.always", lambda session, now: now, lambda service, at: ran.append(name))]
    service.errands = [Errand("push", push)]
    return BrokerHost([service], consume=False, timers=lambda: True)


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_timers_and_errands_run_in_one_process_and_another_takes_over_when_it_ends(
    settings: KafkaSettings, kit: Kit
) -> None:
    ran, pushing = list[str](), list[str]()
    toy.set_up(toy.proposer(kit.ports, kit.folder)).close()
    first, second = (timed(kit, settings, name, ran, pushing) for name in ("first", "second"))
    first.start()
    eventually(lambda: bool(ran) and bool(pushing))
    second.start()
    time.sleep(2 * broker_host.STANDBY_SECONDS)
    assert (set(ran), pushing) == ({"first"}, ["first"])

    first.stop()
    eventually(lambda: "second" in ran and pushing == ["second"])

    second.stop()
    assert pushing == []
    for host in (first, second):
        bus_of(host.services[0]).close()


def test_a_lease_that_is_lost_ends_the_errands_before_it_is_taken_again(
    settings: KafkaSettings, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, pushing = list[str](), list[str]()
    toy.set_up(toy.proposer(kit.ports, kit.folder)).close()
    host = timed(kit, settings, "host", ran, pushing)
    database, lost, taken = host.services[0].db, threading.Event(), list[list[str]]()
    claim_of = database.claim

    def claim(name: str) -> Claim | None:
        found = claim_of(name)
        if name == "timers":
            taken.append(list(pushing))
            return found and Claim(found.give_back, lambda: len(taken) > 1 or not lost.is_set())
        return found

    monkeypatch.setattr(database, "claim", claim)
    host.start()
    eventually(lambda: pushing == ["host"])

    lost.set()
    eventually(lambda: len(taken) == 2 and pushing == ["host"])

    assert taken == [[], []], "nobody was pushing when the lease was taken"
    host.stop()
    bus_of(host.services[0]).close()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["aiokafka", "faust"])
def test_two_workers_share_the_partitions_through_ten_joins_and_leaves(
    kind: str, hosted: Callable[[str], BrokerHost], settings: KafkaSettings, kit: Kit
) -> None:
    host = hosted(kind)
    proposer, first = host.services
    spoken, shared, back = 0, list[float](), list[float]()
    for _ in range(JOINS):
        bus = KafkaBus(settings)
        second = toy.listener(toy.ports(kit.folder, bus), kit.folder)
        other = host_class(kind)([second], ordinal=1, session_seconds=SHORT_SESSION_SECONDS)
        joined = time.monotonic()
        other.start()
        eventually(partial(share_all, first, second))
        shared.append(time.monotonic() - joined)
        for number in range(spoken, spoken + 8):
            toy.speak(proposer, number)
        spoken += 8
        assert host.wait_until_settled(WAIT_SECONDS)
        left = time.monotonic()
        other.stop()
        bus.close()
        second.close()
        eventually(lambda: len(first.processor.held or ()) == PARTITIONS)
        back.append(time.monotonic() - left)

    with first.db.read(first.system) as session:
        assert [row.times for row in session.query(toy.Heard)] == [1] * spoken
    assert host.crashed is None
    assert first.backlog().parked == 0
    print(
        f"{kind}: {JOINS} joins and leaves, {spoken} proposals handled once; shared after {statistics.median(shared):.1f} s"
        f" (at most {max(shared):.1f}), all back after {statistics.median(back):.1f} s (at most {max(back):.1f})"
    )


@pytest.mark.parametrize("kind", ["aiokafka", "faust"])
def test_partitions_that_were_not_seen_at_first_are_taken_soon(
    kind: str, hosted: Callable[[str], BrokerHost], settings: KafkaSettings
) -> None:
    host = hosted(kind)
    listener = host.services[1]
    eventually(lambda: len(listener.processor.held or ()) == PARTITIONS)
    began = time.monotonic()

    asyncio.run(grow(settings, "campaigns", 10))

    eventually(lambda: len(listener.processor.held or ()) == PARTITIONS + 2)
    print(f"{kind}: two new partitions taken after {time.monotonic() - began:.1f} s")


async def grow(settings: KafkaSettings, topic: str, partitions: int) -> None:
    """Give a topic more partitions: a client with an old picture of the cluster does not know of them."""
    admin = AIOKafkaAdminClient(**settings.client())
    await admin.start()
    try:
        await admin.create_partitions({settings.topic(topic): NewPartitions(partitions)})
    finally:
        await admin.close()


def share_all(*workers: Service) -> bool:
    """Tell whether each has some of the partitions, and all of them have them all."""
    held = [worker.processor.held or frozenset() for worker in workers]
    return all(held) and sum(map(len, held)) == PARTITIONS == len(frozenset().union(*held))
