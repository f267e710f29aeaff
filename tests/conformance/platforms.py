"""On what the conformance suite runs: every host of events with every store."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import DeclarativeBase

from runtime.events.kafka_settings import KafkaSettings
from runtime.store.database import Database
from schemas.topics import TOPICS

HOSTS = ("embedded", "aiokafka", "faust")
POSTGRES = "ONEVISIT_TEST_POSTGRES"  # environment: the administrator's address, for a toy in a process of its own


def _in_postgres(name: str, home: Path, base: type[DeclarativeBase]) -> Database:
    from runtime.store.postgres import PostgresDatabase, provision

    schema = f"{name}_{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    provision(os.environ[POSTGRES], schema, schema, "a toy's password")
    address = make_url(os.environ[POSTGRES]).set(username=schema, password="a toy's password")
    return PostgresDatabase(address.render_as_string(hide_password=False), schema, base)


MAKERS: dict[str, Callable[[str, Path, type[DeclarativeBase]], Database]] = {
    "sqlite": lambda name, home, base: Database(home / f"{name}.sqlite", base),
    "postgres": _in_postgres,
}
STORES = tuple(MAKERS)


def provide(store: str, request: pytest.FixtureRequest) -> str:
    """Have what *store* needs for as long as the tests run."""
    if store == "postgres":
        os.environ[POSTGRES] = request.getfixturevalue("postgres_url")
    return store


TOYS_SAY_AND_HEAR = ("registers", "campaigns", "draws", "notices", "planner.dead", "notifier.dead")


@dataclass(frozen=True)
class Platform:
    """A host of events with a store."""

    host: str
    store: str

    def __str__(self) -> str:
        return f"{self.host}-{self.store}"


DISTRIBUTED = [Platform(host, "postgres") for host in ("aiokafka", "faust")]  # as it is run by anybody
PLATFORMS = [Platform("embedded", "sqlite"), Platform("embedded", "postgres"), *DISTRIBUTED]


def host_class(kind: str) -> Any:
    """Load the host on Kafka by its name; Faust is heavy and comes only when asked for."""
    if kind == "aiokafka":
        from runtime.events.kafka_host import KafkaHost

        return KafkaHost
    from runtime.events.faust_host import FaustHost

    return FaustHost


@contextmanager
def topics_of_its_own(address: str, names: Sequence[str] = TOYS_SAY_AND_HEAR) -> Iterator[KafkaSettings]:
    """Make the toys' topics, or those *names* say, under a prefix of their own on a shared Kafka, and delete them at the end."""
    from runtime.events.kafka_topics import apply, delete

    settings = KafkaSettings(bootstrap=address, prefix=f"t{uuid.uuid4().hex[:12]}.")
    asyncio.run(apply(settings, [TOPICS[name] for name in names]))
    yield settings
    asyncio.run(delete(settings, names))
