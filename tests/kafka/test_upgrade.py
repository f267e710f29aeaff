"""A rolling upgrade: release N and N+1 of a service side by side on one schema, in one group, with events of both."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from runtime.events.embedded import partition_of
from runtime.events.kafka_settings import KafkaSettings
from runtime.store.actor import Actor
from runtime.store.migrate import migrate
from schemas.envelope import CloudEvent
from schemas.topics import TOPICS
from tests.conformance.platforms import HOSTS, provide, topics_of_its_own
from tests.kafka import upgrade
from tests.kit import COUNTY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

VISITS = 40
WAIT_SECONDS = 240.0  # with a busy machine
DAY = {"due_on": "2018-12-21", "anchor": "returned", "anchor_on": "2018-12-14", "source": "a toy's"}


@pytest.fixture
def kafka(kafka_address: str) -> Iterator[KafkaSettings]:
    with topics_of_its_own(kafka_address, ("results", "notices", "notifier.dead")) as settings:
        yield settings


def say(kafka: KafkaSettings, version: Callable[[int], int], turn: int) -> None:
    """Return a section of every visit once, as the release that emits this *version* of the event would."""

    async def produce() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        await producer.start()
        for number in range(VISITS):
            visit, said = f"V-{number}", version(number)
            data = {"county": COUNTY, "campaign": "C-1", "visit": visit, "agency": "JT", "entered_by": "u-1"}
            event = CloudEvent(
                id=f"e-{turn}-{number}",
                source="onevisit/results",
                type=f"onevisit.result.returned.v{said}",
                subject=visit,
                time=datetime(2018, 12, 14, 1, 0, tzinfo=UTC),
                partitionkey=visit,
                correlationid="upgrade",
                data=data if said == 1 else data | {"again": DAY},
            )
            part = partition_of(visit, TOPICS["results"].partitions)
            await producer.send(kafka.topic("results"), event.encode(), key=visit.encode(), partition=part)
        await producer.stop()

    asyncio.run(produce())


@pytest.fixture
def start(kafka: KafkaSettings, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []
    reach = {"ONEVISIT_KAFKA_BOOTSTRAP": kafka.bootstrap, "ONEVISIT_KAFKA_PREFIX": kafka.prefix}

    def start(release: str, ordinal: int, host: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.kafka.upgrade", str(tmp_path), release, str(ordinal), host]
        running.append(subprocess.Popen(command, env=os.environ | reach, stdout=subprocess.PIPE, text=True))
        said = running[-1].stdout
        assert said is not None
        assert any("started" in line for line in said), "it ended before it began"
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()


def end(worker: subprocess.Popen[str]) -> int:
    """Ask a worker to end, and return how many events it has handled."""
    worker.terminate()
    said, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    return int(said.rpartition("handled ")[2].split()[0])


@pytest.mark.parametrize("host", [host for host in HOSTS if host != "embedded"])
def test_two_releases_side_by_side_handle_everything_once_and_park_nothing(
    host: str,
    kafka: KafkaSettings,
    start: Callable[..., subprocess.Popen[str]],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    provide("postgres", request)
    database = upgrade.database(tmp_path, "N+1")

    def asked(query: str) -> int:
        with database.read(Actor.system("notifier")) as session:
            return int(session.connection().exec_driver_sql(query).scalar() or 0)

    def heard(rounds: int) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while asked("SELECT sum(times) FROM returned") < rounds * VISITS:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    try:
        migrate(database, upgrade.migrations(tmp_path, "N"))
        old = start("N", 0, host)
        say(kafka, lambda number: 1, 0)
        heard(1)

        say(kafka, lambda number: 1, 1)
        assert migrate(database, upgrade.migrations(tmp_path, "N+1")) == ["0002_again_on"], "while N is at work"
        new = start("N+1", 1, host)
        heard(2)
        say(kafka, lambda number: 1 + number % 2, 2)
        heard(3)

        old.kill()
        old.wait()
        old = start("N", 0, host)
        rounds, by_old = 3, 0
        deadline = time.monotonic() + WAIT_SECONDS
        while not by_old:  # until it has joined: N leaves the day alone, and N+1 writes it
            assert time.monotonic() < deadline
            with database.write(Actor.system("notifier")) as session:
                session.connection().exec_driver_sql("UPDATE returned SET again_on = NULL")
            say(kafka, lambda number: 2, rounds)
            rounds += 1
            heard(rounds)
            by_old = asked("SELECT count(*) FROM returned WHERE again_on IS NULL")
        assert by_old < VISITS, "both share the partitions"
        end(old)

        say(kafka, lambda number: 2, rounds)
        rounds += 1
        heard(rounds)
        by_new = end(new)
        times = (asked("SELECT min(times) FROM returned"), asked("SELECT max(times) FROM returned"))
        assert times == (rounds, rounds), "nothing lost, nothing twice"
        assert [asked(f"SELECT count(*) FROM {table}") for table in ("parked", "waiting")] == [0, 0]
        assert asked("SELECT count(*) FROM returned WHERE again_on IS NOT NULL") >= VISITS - by_old, "N+1 writes days"
    finally:
        database.close()
    print(
        f"{host}: {rounds * VISITS} events, {by_new} of them by N+1; N, started again on N+1's schema, had {by_old} of a"
        f" round's {VISITS}; nothing lost, doubled or parked"
    )
