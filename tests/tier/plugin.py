"""The tier in pytest: fixtures that name where Kafka and PostgreSQL are, and what was used at the end of the run."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.tier.missing import Missing, give_up
from tests.tier.shared import FOLDER, Run, share

if TYPE_CHECKING:
    from tests.tier import ways

RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Open the run; xdist's workers inherit its folder."""
    if not hasattr(config, "workerinput"):
        config.stash[RUN] = Run()
        os.environ[FOLDER] = str(config.stash[RUN].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop whatever the run started."""
    run = config.stash.get(RUN, None)
    if run is not None:
        run.end()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was used."""
    run = config.stash.get(RUN, None)
    for shared in run.used() if run is not None else ():
        terminalreporter.write_line(f"tier: {shared.says}")


def _component(name: str) -> str:
    try:
        return share(name).address
    except Missing as missing:
        give_up(missing)


@pytest.fixture(scope="session")
def kafka_address() -> str:
    """Where the run's Kafka is: ``host:port``. Nobody may kill it."""
    return _component("kafka")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """Where the run's PostgreSQL is, with the administrator's password. Nobody may crash it."""
    return _component("postgres")


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Callable[..., "ways.Kafka"]]:
    """Start brokers of the test's own, to be killed: ``own_kafka(brokers=1)``."""
    from tests.tier import ways

    started: list[ways.Kafka] = []

    def start(brokers: int = 1) -> "ways.Kafka":
        try:
            started.append(ways.kafka(tmp_path / f"kafka-{len(started)}", brokers=brokers))
        except Missing as missing:
            give_up(missing)
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], "ways.Postgres"]]:
    """Start a PostgreSQL of the test's own, to be crashed: ``own_postgres()``."""
    from tests.tier import ways

    started: list[ways.Postgres] = []
    run = Path(os.environ[FOLDER])

    def start() -> "ways.Postgres":
        try:
            started.append(ways.postgres(run / f"own-{os.getpid()}-{id(started)}-{len(started)}"))
        except Missing as missing:
            give_up(missing)
        return started[-1]

    yield start
    for one in started:
        one.stop()
