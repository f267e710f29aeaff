"""The embedded log: what a reader gets, in which order, and when one who waits is woken."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.events.bus import Message
from runtime.events.embedded import EmbeddedLog

LONG = 30.0  # seconds: whoever waits that long was not woken


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EmbeddedLog]:
    found = EmbeddedLog(tmp_path / "log.sqlite")
    yield found
    found.close()


def said(number: int, topic: str = "campaigns") -> Message:
    return Message(topic, f"C-{number}", f"event-{number}", b"%d" % number)


def test_records_come_in_the_order_of_their_appending_over_all_partitions(log: EmbeddedLog) -> None:
    for first in range(0, 200, 50):
        log.append([said(number, ("campaigns", "draws")[number % 2]) for number in range(first, first + 50)])
    assert len(log.heads(["campaigns", "draws"])) > 10, "keys lie in many partitions"

    read, reached = [], dict[tuple[str, int], int]()
    while records := log.read(["campaigns", "draws"], reached, 7):
        assert len(records) <= 7
        for record in records:
            assert reached.get((record.topic, record.part), 0) == record.off
            reached[record.topic, record.part] = record.off + 1
            read.append(int(record.body))

    assert read == list(range(200))


def waited(log: EmbeddedLog, topics: list[str], seen: int, timeout: float) -> float:
    """Wait, and tell for how many seconds."""
    started = time.monotonic()
    log.wait(topics, seen, timeout)
    return time.monotonic() - started


@pytest.mark.parametrize("event", ["append", "wake"])
def test_who_waits_for_a_topic_is_woken_by_it(event: str, log: EmbeddedLog) -> None:
    seen = log.generation(["campaigns"])
    threading.Timer(0.05, log.wake if event == "wake" else lambda: log.append([said(1)])).start()

    assert waited(log, ["campaigns", "draws"], seen, LONG) < LONG / 2


def test_who_waits_for_another_topic_sleeps_on(log: EmbeddedLog) -> None:
    seen = log.generation(["draws"])
    threading.Timer(0.05, lambda: log.append([said(1)])).start()

    assert waited(log, ["draws"], seen, 0.3) >= 0.3
    assert log.generation(["draws"]) == seen


def test_what_was_appended_before_the_waiting_began_is_not_slept_over(log: EmbeddedLog) -> None:
    seen = log.generation(["campaigns"])
    log.append([said(1)])

    assert waited(log, ["campaigns"], seen, LONG) < LONG / 2
