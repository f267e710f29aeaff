"""Which way a component is provided here: a container if a Docker engine answers, else what the machine has."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from tests.tier.containers import KafkaInContainer, PostgresInContainer, engine_answers
from tests.tier.kafka import KafkaFromJars
from tests.tier.missing import Missing
from tests.tier.postgres import PostgresFromBinaries

C = TypeVar("C", bound="Component")


class Component(Protocol):
    """Something running that tests talk to."""

    @property
    def address(self) -> str:
        """Return where it is, as its clients want it."""

    @property
    def says(self) -> str:
        """Tell what it is, for the run's report."""

    def start(self) -> None:
        """Start it and wait until it serves."""

    def stop(self) -> None:
        """End it."""


class Kafka(Component, Protocol):
    """Brokers, which can be killed."""

    def start_broker(self, node: int = 1, *, wait: bool = True) -> None:
        """Start one broker again."""

    def kill_broker(self, node: int = 1) -> None:
        """End one broker by SIGKILL."""


class Postgres(Component, Protocol):
    """A database cluster, which can crash."""

    @property
    def url(self) -> str:
        """Return the address with the administrator's password."""

    def crash(self) -> None:
        """End it without a checkpoint."""


def kafka(folder: Path, *, brokers: int = 1) -> Kafka:
    """Start a Kafka: one broker in a container, else (and always for several) from jars."""
    jars: Callable[[], Kafka] = lambda: KafkaFromJars(folder, brokers=brokers)  # noqa: E731
    ways = [KafkaInContainer, jars] if brokers == 1 and engine_answers() else [jars]
    return _first(ways)


def postgres(folder: Path) -> Postgres:
    """Start a PostgreSQL: in a container, else from the system's binaries."""
    binaries: Callable[[], Postgres] = lambda: PostgresFromBinaries(folder)  # noqa: E731
    return _first([PostgresInContainer, binaries] if engine_answers() else [binaries])


def _first(ways: list[Callable[[], C]]) -> C:
    """Start the first way that works; a container that cannot be had (no image, say) is said, not fatal."""
    for way in ways[:-1]:
        component = None
        try:
            component = way()
            component.start()
        except Exception as error:
            print(f"tier: no container ({error!r}); trying what the machine has", file=sys.stderr)
            if component is not None:
                component.stop()
        else:
            return component
    component = ways[-1]()
    try:
        component.start()
    except BaseException:
        component.stop()
        raise
    return component


STARTERS: dict[str, Callable[[Path], Component]] = {"kafka": kafka, "postgres": postgres}

__all__ = ["STARTERS", "Component", "Kafka", "Missing", "Postgres", "kafka", "postgres"]
