"""
``python -m tests.bench.distributed``: events through PostgreSQL → Kafka → PostgreSQL by processes of their own.

Three rates in one run, each of the same number of events of the same size: aiokafka alone on the same broker, rows alone into
the same PostgreSQL at the same batch size, and ours from the first event said to the last one handled, with state.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from runtime import log
from runtime.events.broker_host import BrokerHost
from runtime.events.handling import Handler, Received
from runtime.events.kafka import KafkaBus
from runtime.events.kafka_settings import KafkaSettings
from runtime.service import Service
from schemas.events.campaigns import CampaignClosed
from tests.bench.figures import Figure
from tests.conformance import toy
from tests.conformance.platforms import POSTGRES, host_class, topics_of_its_own
from tests.kit import COUNTY
from tests.tier.missing import Missing
from tests.tier.shared import FOLDER, Run, share

EVENTS = 5_000
BATCH = 100
BYTES = 549
WORKERS = (1, 2, 4)
CLICKS = 50
WAIT_SECONDS = 300.0

HEARD = toy.ListenerBase.metadata.tables["heard"]
COUNT = insert(HEARD).on_conflict_do_update(index_elements=["id"], set_={"times": HEARD.c.times + 1})
HANDLED = select(func.count()).select_from(HEARD)


def count_by_upsert(event: Received[CampaignClosed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Keep state with one statement per event, as a projection at volume does."""
    row = {"id": event.data.campaign, "times": 1, "cancelled": False, "voided": 0}
    session.connection().execute(COUNT, {**row, "county": COUNTY, "owner_agency": "JT"})


def add_a_row(event: Received[CampaignClosed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Keep state with a row per event, as (b) does: the session sends the rows of a batch together."""
    session.add(toy.Heard(id=event.data.campaign, times=1, county=COUNTY, owner_agency="JT"))


KEEPING: dict[str, Callable[..., None]] = {"one upsert an event": count_by_upsert, "a new row an event": add_a_row}


def listener(home: Path, keeping: str) -> Service:
    """Build the service that hears, with a handler that keeps its state in this way."""
    service = toy.set_up(toy.listener(toy.ports(home, KafkaBus(KafkaSettings())), home, "postgres"))
    service.processor.handlers[CampaignClosed] = (Handler(CampaignClosed, (), True, KEEPING[keeping], keeping),)
    return service


INSERT = "INSERT INTO bare VALUES (%s, %s)"


# ── the baselines ───────────────────────────────────────────────────────────────────────────────────────────────────


def bare_inserts(address: str, *, together: bool = True) -> float:
    """Insert rows of an event's size, 100 a transaction, sent *together* or each waiting for the one before: rows a second."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (id text PRIMARY KEY, body bytea)")
        began = time.perf_counter()
        for first in range(0, EVENTS, BATCH):
            rows = [(f"{number:036}", b"x" * BYTES) for number in range(first, first + BATCH)]
            with connection.transaction(), connection.cursor() as cursor:
                if together:
                    cursor.executemany(INSERT, rows)
                for row in () if together else rows:
                    cursor.execute(INSERT, row)
        seconds = time.perf_counter() - began
        connection.execute("DROP TABLE bare")
    return EVENTS / seconds


async def bare_kafka(settings: KafkaSettings) -> float:
    """Produce and consume bytes of an event's size, by one idempotent producer and one consumer: events a second."""
    topic = settings.topic("campaigns")
    producer = AIOKafkaProducer(**settings.client(), acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(topic, **settings.client(), auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    began = time.perf_counter()
    for first in range(0, EVENTS, 500):
        sent = [await producer.send(topic, b"x" * BYTES, key=str(first + number).encode()) for number in range(500)]
        await asyncio.gather(*sent)
    read = 0
    while read < EVENTS:
        read += sum(map(len, (await consumer.getmany(timeout_ms=1000)).values()))
    seconds = time.perf_counter() - began
    await consumer.stop()
    await producer.stop()
    return EVENTS / seconds


# ── ours ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def work(home: Path, kind: str, keeping: str, ordinal: int) -> int:
    """Be a worker, until SIGTERM."""
    log.set_up(None)  # as a worker does; without it, structlog prints a line for every event
    service = listener(home, keeping)
    host: BrokerHost = host_class(kind)([service], ordinal=ordinal)
    signal.signal(signal.SIGTERM, lambda number, frame: host.ended.set())
    host.start()
    host.ended.wait()
    host.stop()
    service.ports.bus.close()
    return 0 if host.crashed is None else 70


@contextmanager
def playing(settings: KafkaSettings, kind: str, keeping: str, workers: int) -> Iterator[tuple[Service, Service]]:
    """Start *workers* processes and a relay here; the service that speaks, and a look into the one that hears."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        told = {"ONEVISIT_KAFKA_BOOTSTRAP": settings.bootstrap, "ONEVISIT_KAFKA_PREFIX": settings.prefix}
        os.environ.update(told)
        sender = toy.set_up(toy.proposer(toy.ports(home, KafkaBus(settings)), home, "postgres"))
        heard = listener(home, keeping)
        command = [sys.executable, "-m", "tests.bench.distributed", str(home), kind, keeping]
        running = [subprocess.Popen([*command, str(ordinal)]) for ordinal in range(workers)]
        relay = BrokerHost([sender], consume=False)
        relay.start()
        try:
            for number in range(workers + 3):  # all have joined when these were heard
                say(sender, [f"first-{number}-{each}" for each in range(20)])
            until(heard, 20 * (workers + 3))
            time.sleep(5)  # the last one to join makes the others begin anew
            yield sender, heard
        finally:
            for process in running:
                process.terminate()
            relay.stop()
            for process in running:
                process.wait(30)
            for service in (sender, heard):
                service.ports.bus.close()
                service.close()
            for name in told:
                del os.environ[name]  # or the next topics would be these again


def say(sender: Service, campaigns: Sequence[str]) -> None:
    payloads = [CampaignClosed(county=COUNTY, campaign=campaign) for campaign in campaigns]
    with sender.db.write(sender.system) as session:
        clock = sender.ports.clock.now()
        sender.say(session.connection(), payloads, cause=campaigns[0], at=clock, correlation_id="bench")
    sender.wake()


def handled(heard: Service) -> int:
    """Count what was handled; the second wall shows nobody's rows to a connection that speaks for nobody."""
    with heard.db.read(heard.system) as session:
        return session.scalar(HANDLED) or 0


def until(heard: Service, count: int, every: float = 0.02) -> None:
    """Wait until so many were handled."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = handled(heard)
        if found >= count:
            return
        assert time.monotonic() < deadline, f"{found} of {count}"
        time.sleep(every)


def through_everything(sender: Service, heard: Service) -> float:
    """Say, relay, log, read, handle with state, all at once: events a second from the first said to the last handled."""
    before = handled(heard)
    began = time.perf_counter()

    def speak() -> None:
        for first in range(0, EVENTS, BATCH):
            say(sender, [f"C-{number}" for number in range(first, first + BATCH)])

    speaking = threading.Thread(target=speak)
    speaking.start()
    until(heard, before + EVENTS)
    seconds = time.perf_counter() - began
    speaking.join()
    return EVENTS / seconds


def latencies(sender: Service, heard: Service) -> list[float]:
    """Say one event after the other, with rest between: seconds from the commit's beginning until it is handled elsewhere."""
    found = []
    count = handled(heard)
    for number in range(CLICKS):
        time.sleep(0.2)
        began = time.perf_counter()
        say(sender, [f"click-{number}"])
        until(heard, count + number + 1, every=0.001)
        found.append(time.perf_counter() - began)
    return sorted(found)


def figures(kafka: str, postgres: str) -> Iterator[Figure]:
    """Measure everything in one run."""
    os.environ[POSTGRES] = postgres
    with topics_of_its_own(kafka) as settings:
        alone = asyncio.run(bare_kafka(settings))
    rows, each = bare_inserts(postgres), bare_inserts(postgres, together=False)
    against_rows = "bare PostgreSQL inserts of the same size, 100 a transaction"
    yield Figure("aiokafka alone, produce then consume", alone, "events/s", against_rows, rows)
    yield Figure("bare inserts, each waiting for the one before", each, "rows/s", against_rows, rows)
    upsert, row = KEEPING
    for kind, keeping, workers in [
        *(("aiokafka", upsert, number) for number in WORKERS),
        *(("aiokafka", row, number) for number in WORKERS),
        ("faust", row, 1),
    ]:
        with topics_of_its_own(kafka) as settings, playing(settings, kind, keeping, workers) as (sender, heard):
            rate = through_everything(sender, heard)
            what = f"outbox → Kafka → inbox, {keeping}, {kind}, {workers} worker{'s' if workers > 1 else ''}"
            yield Figure(what, rate, "events/s", against_rows, rows, "≥ 0.5 ×")
            yield Figure("  the same", rate, "events/s", "bare inserts, each waiting for the one before", each)
            yield Figure("  the same", rate, "events/s", "aiokafka alone", alone)
            if workers == 1 and keeping == row:
                found = latencies(sender, heard)
                p50, p95 = 1000 * statistics.median(found), 1000 * found[int(0.95 * len(found))]
                yield Figure(f"click to notice at rest, {kind}: p95 (baseline: its median)", p95, "ms", "median", p50)


def main() -> None:
    """Print every figure; where a part of it is not to be had here, which one. In CI that is an error."""
    log.set_up(None)
    run = Run()
    os.environ[FOLDER] = str(run.folder)
    try:
        kafka, postgres = share("kafka"), share("postgres")
        load: Callable[[], str] = lambda: " ".join(f"{value:.1f}" for value in os.getloadavg())  # noqa: E731
        print(
            f"{kafka.says}\n{postgres.says}\n{os.cpu_count()} cores, {EVENTS} events of {BYTES} bytes, load {load()}\n"
        )
        for figure in figures(kafka.address, postgres.address):
            print(figure.line(), flush=True)
        print(f"\nload {load()}")
    except Missing as missing:
        if os.environ.get("ONEVISIT_CI") == "1":
            raise
        print(f"left out: events through PostgreSQL → Kafka → PostgreSQL; missing: {missing}")
        print("`python tests/provide.py Kafka database` gets or names what it needs")
    finally:
        run.end()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(work(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
    main()
