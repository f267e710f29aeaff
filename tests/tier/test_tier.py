"""The tier itself: it serves, it says what it is, it survives being killed, and nothing of it is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.tier import containers, jars, plugin, postgres, shared
from tests.tier.kafka import properties
from tests.tier.missing import Missing, give_up
from tests.tier.ways import Kafka, Postgres

SECONDS = 60.0


def make_topic(address: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(name, 1)])[name].result(SECONDS)


def produce(address: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": address, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(SECONDS) == 0


def consume(address: str, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "tier", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[bytes] = []
    deadline = time.monotonic() + SECONDS
    while len(found) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            found.append(message.value() or b"")
    consumer.close()
    return found


@pytest.mark.slow
def test_a_message_passes_through_the_broker_and_outlives_its_being_killed(own_kafka: Callable[..., Kafka]) -> None:
    broker = own_kafka()
    make_topic(broker.address, "tier")
    produce(broker.address, "tier", b"before")

    broker.kill_broker()
    broker.start_broker()
    produce(broker.address, "tier", b"after")

    assert consume(broker.address, "tier", 2) == [b"before", b"after"]


def test_what_was_committed_outlives_a_crash_of_postgresql(own_postgres: Callable[[], Postgres]) -> None:
    database = own_postgres()
    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE t (x int)")
        connection.execute("INSERT INTO t VALUES (1)")

    database.crash()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.url, connect_timeout=2)
    database.start()

    with psycopg.connect(database.url) as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_everybody_of_a_run_gets_the_same_database_and_the_run_says_which(postgres_url: str) -> None:
    found = shared.share("postgres")

    assert found.address == postgres_url
    assert found.says.startswith("PostgreSQL ")
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


RUN = """
import os, sys, time
from tests.tier.shared import FOLDER, Run, share
run = Run()
os.environ[FOLDER] = str(run.folder)
found = share("postgres")
print(found.keeper, run.folder, flush=True)
time.sleep(600)
"""


def ended(process: int) -> bool:
    return not shared._alive(process)


def children(process: int) -> list[int]:
    with open(f"/proc/{process}/task/{process}/children") as file:
        return [int(child) for child in file.read().split()]


def wait_for(happened: Callable[[], bool], seconds: float = SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    return happened()


@pytest.mark.parametrize("victim", ["run", "keeper"])
def test_whoever_is_killed_nothing_is_left_behind(victim: str, postgres_url: str) -> None:
    run = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    try:
        keeper_id, folder = run.stdout.readline().split()
        keeper = int(keeper_id)
        servers = children(keeper)
        assert not any(map(ended, [keeper, *servers]))
        assert servers, "the keeper runs the database"

        os.kill(run.pid if victim == "run" else keeper, signal.SIGKILL)

        assert wait_for(lambda: all(map(ended, [keeper, *servers])))
        assert victim == "keeper" or wait_for(lambda: not Path(folder).exists())
    finally:
        run.kill()
        run.wait()
        run.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)


def test_without_a_component_the_test_is_skipped_by_name_and_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEVISIT_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL needs"):
        give_up(Missing("PostgreSQL needs a Docker engine"))

    monkeypatch.setenv("ONEVISIT_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="missing in CI: PostgreSQL needs"):
        give_up(Missing("PostgreSQL needs a Docker engine"))


def test_on_a_bare_machine_each_component_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="default-jdk-headless"):
        jars.java()

    monkeypatch.setattr(jars, "KEPT", tmp_path)
    with pytest.raises(Missing, match="maven"):
        jars.kafka_jars()

    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    with pytest.raises(Missing, match="postgresql"):
        postgres.binaries()


def test_what_is_missing_is_found_out_once_and_told_to_everybody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(shared.FOLDER, str(tmp_path))
    (tmp_path / "kafka.json").write_text(json.dumps({"missing": "no Kafka here"}))
    monkeypatch.setenv("ONEVISIT_CI", "1")

    with pytest.raises(pytest.fail.Exception, match="no Kafka here"):
        plugin._component("kafka")


def test_the_container_is_given_the_settings_of_the_jars() -> None:
    settings = properties(1, {1: (19092, 29093)})

    environment = containers.as_environment(settings)

    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://127.0.0.1:19092"
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert len(environment) == len(settings)


def test_three_brokers_copy_everything_and_need_two_in_sync() -> None:
    settings = properties(2, {1: (1, 2), 2: (3, 4), 3: (5, 6)})

    assert settings["controller.quorum.voters"] == "1@127.0.0.1:2,2@127.0.0.1:4,3@127.0.0.1:6"
    assert (settings["default.replication.factor"], settings["min.insync.replicas"]) == ("3", "2")
