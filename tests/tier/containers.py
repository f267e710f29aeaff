"""Kafka and PostgreSQL in containers, by testcontainers, where a Docker engine answers."""

import os
import secrets
import socket
import time
from collections.abc import Mapping

import docker
import docker.errors
import psycopg
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

from tests.tier.jars import kafka_version
from tests.tier.kafka import new_cluster_id, properties
from tests.tier.processes import free_port

ENGINE_SECONDS = 3
START_SECONDS = 120
POSTGRES_IMAGE = "postgres:15"
CONTROLLER_PORT = 29093


def engine_answers() -> bool:
    """Tell whether a Docker engine answers."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://"):  # the client leaks its socket where nobody listens
        with socket.socket(socket.AF_UNIX) as trial:
            if trial.connect_ex(host.removeprefix("unix://")):
                return False
    try:
        client = docker.from_env(timeout=ENGINE_SECONDS)
    except docker.errors.DockerException:
        return False
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, OSError):
        return False
    finally:
        client.close()


def as_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Write broker settings as the image's variables: ``node.id`` is ``KAFKA_NODE_ID``."""
    return {
        "KAFKA_" + name.upper().replace("-", "___").replace("_", "__").replace(".", "_"): value
        for name, value in settings.items()
    }


class KafkaInContainer:
    """One broker in a container; Ryuk removes it if this process dies."""

    def __init__(self) -> None:
        self._port = free_port()
        self._container = DockerContainer(f"apache/kafka:{kafka_version()}")
        self._container.with_bind_ports(self._port, self._port)
        self._container.with_env("CLUSTER_ID", new_cluster_id())
        settings = properties(1, {1: (self._port, CONTROLLER_PORT)}, bind="0.0.0.0")
        for name, value in as_environment(settings).items():
            self._container.with_env(name, value)

    @property
    def address(self) -> str:
        """Name the broker as clients want it: ``host:port``."""
        return f"127.0.0.1:{self._port}"

    @property
    def says(self) -> str:
        """Tell what this is, for the run's report."""
        return f"Kafka {kafka_version()} in a container (testcontainers), one broker, {self.address}"

    def start(self) -> None:
        """Start it and wait until it serves."""
        self._container.start()
        wait_for_logs(self._container, "Kafka Server started", timeout=START_SECONDS)

    def start_broker(self, node: int = 1, *, wait: bool = True) -> None:
        """Start it again after it was killed."""
        since = int(time.time())
        wrapped = self._container.get_wrapped_container()
        wrapped.start()
        deadline = time.monotonic() + START_SECONDS
        while wait and b"Kafka Server started" not in wrapped.logs(since=since):
            if time.monotonic() > deadline:
                raise RuntimeError("the broker did not start again")
            time.sleep(0.1)

    def kill_broker(self, node: int = 1) -> None:
        """End it as a power cut would (SIGKILL)."""
        wrapped = self._container.get_wrapped_container()
        wrapped.kill("SIGKILL")
        wrapped.wait(timeout=START_SECONDS)

    def stop(self) -> None:
        """End and remove it."""
        self._container.stop()


class PostgresInContainer:
    """One PostgreSQL in a container; Ryuk removes it if this process dies."""

    def __init__(self) -> None:
        self._port = free_port()
        self._container = PostgresContainer(
            POSTGRES_IMAGE, username="postgres", password=secrets.token_hex(16), dbname="postgres", driver=None
        )
        self._container.with_bind_ports(5432, self._port)

    @property
    def url(self) -> str:
        """Return the address with the administrator's password: ``postgresql://…/postgres``."""
        return f"postgresql://postgres:{self._container.password}@127.0.0.1:{self._port}/postgres"

    @property
    def address(self) -> str:
        """Return the address as the tier hands it on."""
        return self.url

    @property
    def says(self) -> str:
        """Tell what this is, for the run's report."""
        return f"PostgreSQL in a container ({POSTGRES_IMAGE}, testcontainers), 127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, also again after a crash, and wait until it answers."""
        wrapped = self._container.get_wrapped_container()
        if wrapped is None:
            self._container.start()
        else:
            wrapped.start()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def crash(self) -> None:
        """End it without a checkpoint; the next start recovers from its log."""
        wrapped = self._container.get_wrapped_container()
        wrapped.kill("SIGKILL")
        wrapped.wait(timeout=START_SECONDS)

    def stop(self) -> None:
        """End and remove it."""
        self._container.stop()
