"""``onevisit events tail``: the newest events in their order, however long the log, and no more in hand than asked for."""

import json
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from onevisit import home as homes
from onevisit.home import HomeSettings
from onevisit.system import build
from onevisit.tail import PAGE, Reached, newest, onwards
from runtime.events.bus import EventBus, Message, Record
from runtime.events.embedded import EmbeddedLog
from runtime.log.trace import traceparent_of
from tests.unit.operating.conftest import Command, agency, message, opened

ROOT = Path(__file__).parents[3]
TOPICS = ("draws", "results")
PATIENCE_SECONDS = 240  # with a busy machine; two on an idle one


class Watched(EmbeddedLog):
    """A log that knows how much of it was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.pages: list[int] = []

    def read(self, topics: Sequence[str], after: Mapping[tuple[str, int], int], limit: int) -> list[Record]:
        found = super().read(topics, after, limit)
        self.pages.append(len(found))
        return found


@pytest.fixture
def log(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "log.sqlite")


def write(log: EventBus, *numbers: int) -> None:
    """Append events with these numbers, over both topics and many keys."""
    log.append([Message(TOPICS[n % 2], f"k{n % 7}", f"e{n}", f'{{"n": {n}}}'.encode()) for n in numbers])


def numbers(records: Sequence[Record]) -> list[int]:
    return [int(record.body[6:-1]) for record in records]


@pytest.mark.parametrize("last", [1, 5, 2 * PAGE + 3, 10_000])
def test_the_newest_come_in_the_order_of_their_appending(log: Watched, last: int) -> None:
    write(log, *range(1_000))

    assert numbers(list(newest(log, TOPICS, last, {}))) == list(range(1_000))[-last:]


def test_what_is_older_is_not_read(log: Watched) -> None:
    write(log, *range(5_000))

    list(newest(log, TOPICS, 3, {}))

    partitions = len(log.heads(TOPICS))
    assert sum(log.pages) <= 3 * partitions < 100
    assert max(log.pages) <= PAGE


def test_following_goes_on_where_the_newest_ended(log: Watched) -> None:
    write(log, *range(10))
    reached: Reached = {}
    assert numbers(list(newest(log, TOPICS, 4, reached))) == [6, 7, 8, 9]

    write(log, *range(10, 10 + 3 * PAGE))

    assert numbers(list(onwards(log, TOPICS, reached))) == list(range(10, 10 + 3 * PAGE))
    assert list(onwards(log, TOPICS, reached)) == []
    assert max(log.pages) <= PAGE


def test_an_empty_log_has_nothing(log: Watched) -> None:
    assert list(newest(log, TOPICS, 20, {})) == []


def test_the_command_prints_one_line_each_and_knows_its_topics(tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.create(home, HomeSettings())
    system = build(homes.open_home(home))
    system.migrate()
    write(system.bus, *range(30))
    system.close()

    assert tail(home, "--last", "3").stdout.splitlines() == ['{"n": 27}', '{"n": 28}', '{"n": 29}']
    assert tail(home, "--last", "2", "--topic", "draws").stdout.splitlines() == ['{"n": 26}', '{"n": 28}']
    wrong = tail(home, "--topic", "drwas")
    assert wrong.returncode == 2
    assert "draws" in wrong.stderr


def tail(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as an operator does."""
    command = [sys.executable, "-m", "onevisit", "events", "tail", "--home", str(home), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def test_the_events_of_one_request_are_found_by_its_trace(onevisit: Command, tmp_path: Path) -> None:
    homes.create(tmp_path / "home", HomeSettings())
    system = opened(tmp_path / "home")
    system.migrate()
    traces = ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", traceparent_of(str(uuid.uuid4())), None]
    for number in range(9):
        event = message(agency("JT"), service="console", number=number, traceparent=traces[number % 3])
        system.bus.append([event])
    system.bus.append([Message("accounts", "?", "unreadable", b"no event")])
    system.close()

    for given in (traces[0], "0af7651916cd43dd8448eb211c80319c"):
        ran = onevisit("events", "tail", "--home", tmp_path / "home", "--last", 1, "--trace", given)
        assert [json.loads(line)["id"] for line in ran.out.splitlines()] == ["e0", "e3", "e6"]
    assert onevisit("events", "tail", "--home", tmp_path / "home", "--trace", "0" * 32).out == ""
