"""What stands around Kafka and needs none: settings, mended records, quiet logs, the difference, what a commit may say."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError, RebalanceInProgressError

from runtime.errors import OneVisitError
from runtime.events.bus import Record
from runtime.events.embedded import partition_of
from runtime.events.faust_host import Progress
from runtime.events.faust_host import Thread as FaustThread
from runtime.events.faust_host import _Worker as FaustWorker
from runtime.events.kafka import BrokerAway, KafkaBus
from runtime.events.kafka_host import _Worker as KafkaWorker
from runtime.events.kafka_settings import LONGEST_KEY, KafkaSettings
from runtime.events.kafka_topics import Found, TopicsForbidden, TopicsUnsettled, _described, difference
from runtime.log.quiet import NowAndThen
from schemas.events.campaigns import CampaignClosed
from schemas.topics import FOR_EVER, Topic
from tests.conformance import toy
from tests.kit import COUNTY, Kit

ROOT = Path(__file__).parent.parent.parent.parent
PLACE = TopicPartition("p.campaigns", 3)


# ── settings and records ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_embedded_form_needs_no_kafka_packages() -> None:
    code = (
        "import sys\n"
        "for name in ('aiokafka', 'faust', 'mode', 'psycopg'): sys.modules[name] = None\n"
        "import onevisit.cli, onevisit.system, runtime.events.host\n"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60, capture_output=True)

    assert done.returncode == 0, done.stderr.decode()


def test_a_password_is_read_from_its_file_and_goes_to_every_client(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    settings = KafkaSettings(
        bootstrap="k1:9092,k2:9092", security="SASL_SSL", username="planner", password_file=tmp_path / "password"
    )

    client = settings.client()

    assert (client["sasl_plain_username"], client["sasl_plain_password"]) == ("planner", "correct horse")
    assert client["sasl_mechanism"] == "SCRAM-SHA-512"
    assert client["ssl_context"].check_hostname
    assert "sasl_mechanism" not in KafkaSettings().client()


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ({"a": 0, "b": 3}, ["b"]),  # unknown
        ({"a": 0, "b": 29}, TopicsForbidden(topics="b", user="ov", command="onevisit topics access")),
        ({"a": 5, "b": 0}, TopicsUnsettled(topics="a", why="LeaderNotAvailableError")),
        ({"a": 3, "b": 5}, TopicsUnsettled(topics="b", why="LeaderNotAvailableError")),
        ({"a": 5, "b": 29}, TopicsForbidden(topics="b", user="ov", command="onevisit topics access")),
        ({"a": -1, "b": 0}, TopicsUnsettled(topics="a", why="UnknownError")),
    ],
)
def test_only_what_the_broker_says_it_has_not_is_missing(
    said: dict[str, int], becomes: list[str] | OneVisitError
) -> None:
    class Admin:
        async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
            return [{"topic": name, "error_code": said[name], "partitions": []} for name in names]

    asked = _described(Admin(), KafkaSettings(username="ov"), [*said])

    if isinstance(becomes, OneVisitError):
        with pytest.raises(type(becomes)) as refusal:
            asyncio.run(asked)
        assert refusal.value.facts == becomes.facts
    else:
        there = {one["topic"] for one in asyncio.run(asked)}
        assert sorted({*said} - there) == becomes


def test_topics_without_a_leader_are_waited_for_like_an_absent_broker() -> None:
    assert issubclass(TopicsUnsettled, BrokerAway)


@pytest.mark.parametrize(
    ("key", "read"),
    [
        (b"C-640221-2018-001", "C-640221-2018-001"),
        (None, ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"a\x00b", "a\ufffdb"),
        (b"x" * 1000, "x" * LONGEST_KEY),
    ],
)
def test_whatever_the_key_is_a_record_of_it_can_be_stored(key: bytes | None, read: str) -> None:
    record = KafkaSettings(prefix="p.").record("p.campaigns", 1, 2, key, None)

    assert (record.topic, record.part, record.off, record.key, record.body) == ("campaigns", 1, 2, read, b"")


def test_the_same_line_is_said_now_and_then_with_how_often_it_was_held_back() -> None:
    quiet = NowAndThen(seconds=0.2)

    def said(message: str, *args: object) -> logging.LogRecord | None:
        record = logging.LogRecord("aiokafka", logging.ERROR, "f", 1, message, args, None)
        return record if quiet.filter(record) else None

    assert said("Unable connect to %s", "a") is not None
    assert [said("Unable connect to %s", name) for name in "bcd"] == [None, None, None]
    assert said("something else") is not None
    asyncio.run(asyncio.sleep(0.25))
    again = said("Unable connect to %s", "e")
    assert again is not None
    assert again.getMessage() == "Unable connect to e (and 3 more)"


# ── the difference ──────────────────────────────────────────────────────────────────────────────────────────────────

AS_DECLARED = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "min.insync.replicas": "1",
}


def found(partitions: int = 8, replication: int = 1, **settings: str) -> Found:
    effective = AS_DECLARED | {name.replace("_", "."): value for name, value in settings.items()}
    return Found(partitions, replication, {}, effective)


@pytest.mark.parametrize(
    ("declared", "has", "lines"),
    [
        (Topic("draws", "drawer"), found(), []),
        (Topic("draws", "drawer"), found(retention_ms="1000"), ["~ draws: retention.ms 1000 → -1"]),
        (
            Topic("draws", "drawer", retention_ms=2000),
            found(retention_ms="1000"),
            ["~ draws: retention.ms 1000 → 2000"],
        ),
        (
            Topic("draws", "drawer", retention_ms=1000),
            found(retention_ms="2000"),
            ["✘ draws: retention 2000 ms → 1000 ms"],
        ),
        (Topic("draws", "drawer", partitions=4), found(), ["✘ draws: partitions 8 → 4"]),
        (Topic("draws", "drawer"), found(replication=3), ["~ draws: min.insync.replicas 1 → 2"]),
    ],
)
def test_the_difference_is_what_must_be_made_larger_and_what_is_refused(
    declared: Topic, has: Found, lines: list[str]
) -> None:
    said = difference([declared], {"draws": has}, has.replication)

    assert said.lines() == lines
    assert said.nothing == (not lines)


def test_facts_are_kept_for_ever_unless_a_topic_says_otherwise() -> None:
    assert Topic("draws", "drawer").retention_ms == FOR_EVER


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Reader:
    """Stands for aiokafka's consumer of a log with one message in one partition, of which a slow broker may keep silent."""

    def __init__(self, place: TopicPartition, key: bytes, body: bytes, *, silent: bool, head: int = 1) -> None:
        self.place, self.head, self.silent = place, head, silent
        self.message = SimpleNamespace(topic=place.topic, partition=place.partition, offset=0, key=key, value=body)
        self.at = 0

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(8))

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self.head if place == self.place else 0 for place in places}

    def assign(self, places: list[TopicPartition]) -> None:
        assert places == [self.place]

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.at = offset

    async def position(self, place: TopicPartition) -> int:
        return self.at

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        if self.silent:
            return {}
        found = [self.message] if self.at == 0 else []
        self.at = self.head
        return {self.place: found} if found else {}

    async def stop(self) -> None:
        """Nothing is there to be stopped."""


@pytest.fixture
def bus() -> Any:
    bus = KafkaBus(KafkaSettings(prefix="p."))
    yield bus
    bus.close()


def read_by(bus: KafkaBus, kit: Kit, *, silent: bool, head: int = 1) -> Reader:
    record = kit.record(CampaignClosed(county=COUNTY, campaign="C-1"))
    place = TopicPartition("p.campaigns", partition_of(record.key, 8))
    bus._reader = reader = cast(Any, Reader(place, record.key.encode(), record.body, silent=silent, head=head))
    return cast(Reader, reader)


def test_a_replay_on_a_broker_that_keeps_silent_before_the_heads_is_cut_short_and_not_called_whole(
    bus: KafkaBus, kit: Kit
) -> None:
    service = toy.set_up(toy.listener(toy.ports(kit.folder, bus), kit.folder))
    kit.services.append(service)
    reader = read_by(bus, kit, silent=True)

    with pytest.raises(BrokerAway):
        service.replay()

    assert service.replay_cut_short()
    reader.silent = False
    bus._reader = cast(Any, reader)  # a reader that could not answer was dropped
    assert service.replay() == 1
    assert not service.replay_cut_short()


def test_what_holds_no_message_behind_the_last_one_is_passed_over(bus: KafkaBus, kit: Kit) -> None:
    """A transaction's mark, or what was deleted: the head lies beyond, and nothing more comes."""
    reader = read_by(bus, kit, silent=False, head=2)

    (record,) = bus.read(["campaigns"], {}, 10)

    assert bus.read(["campaigns"], {(record.topic, record.part): record.off + 1}, 10) == []
    assert reader.at == 2


# ── commits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Consumer:
    """Stands for aiokafka's consumer: refuses commits as told, and remembers them."""

    def __init__(self, refuses: Exception | None) -> None:
        self.refuses = refuses
        self.committed: list[dict[TopicPartition, Any]] = []

    def assignment(self) -> set[TopicPartition]:
        return {PLACE}

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        if self.refuses:
            raise self.refuses
        self.committed.append(offsets)


SOMEBODY_ELSES = [CommitFailedError(), IllegalStateError("Partition is not assigned"), RebalanceInProgressError()]


def stub(kind: Any) -> Any:
    """Make a worker of a host that stands on no broker."""
    host: Any = SimpleNamespace(work=lambda *of: True)
    ports = SimpleNamespace(bus=SimpleNamespace(settings=KafkaSettings(prefix="p.")))
    service: Any = SimpleNamespace(name="planner", ports=ports, processor=SimpleNamespace(topics=["campaigns"]))
    return kind(host, service) if kind is KafkaWorker else kind(host, service, Path("/nonexistent"))


@pytest.mark.parametrize(
    ("refuses", "kept"), [(None, False), *[(one, False) for one in SOMEBODY_ELSES], (KafkaConnectionError(), True)]
)
def test_the_plain_host_leaves_what_is_somebody_elses_and_repeats_what_a_broker_missed(
    refuses: Exception | None, kept: bool
) -> None:
    async def commit() -> dict[TopicPartition, int]:
        worker = stub(KafkaWorker)
        worker._consumer, worker._handled = Consumer(refuses), {PLACE: 7}
        await worker._commit()
        handled: dict[TopicPartition, int] = worker._handled
        return handled

    assert asyncio.run(commit()) == ({PLACE: 7} if kept else {})


@pytest.fixture
def faust_worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Path, "mkdir", lambda *args, **options: None)
    return stub(FaustWorker)


@pytest.mark.parametrize(
    ("wanted", "handled", "committed"),
    [(5, 5, 5), (9, 5, 5), (3, 5, 3), (9, None, None)],
)
def test_faust_commits_no_more_than_was_handled(
    faust_worker: Any, wanted: int, handled: int | None, committed: int | None
) -> None:
    if handled is not None:
        faust_worker._progress.begin({("campaigns", 3): handled})

    found = faust_worker._committable({PLACE: wanted})

    assert {place: offset.offset for place, offset in found.items()} == ({PLACE: committed} if committed else {})


def read(*offsets: int, part: int = 3) -> list[Record]:
    return [Record("campaigns", part, offset, "C-1", b"") for offset in offsets]


AT = ("campaigns", 3)


def test_progress_handles_no_record_beyond_a_gap_and_goes_back_for_it() -> None:
    progress = Progress()
    progress.begin({AT: 4, ("campaigns", 5): 0})

    kept, back = progress.following([*read(4, 5, 8, 9), *read(0, part=5)])
    assert [(one.part, one.off) for one in kept] == [(3, 4), (3, 5), (5, 0)]
    assert back == {AT: 6}

    progress.handled(kept)
    assert progress.following(read(9)) == ([], {AT: 6}), "fetched before it went back"
    kept, back = progress.following(read(4, 5, 6, 7, 8))
    assert ([one.off for one in kept], back) == ([6, 7, 8], {}), "what was handled is not handled again"


def test_progress_believes_a_gap_that_the_log_shows_twice() -> None:
    progress = Progress()
    progress.begin({AT: 4})

    assert progress.following(read(6, 7)) == ([], {AT: 4})
    kept, back = progress.following(read(6, 7))

    assert ([one.off for one in kept], back) == ([6, 7], {})


def test_progress_follows_only_what_was_begun_and_never_falls_back() -> None:
    progress = Progress()
    progress.begin({AT: 4})
    assert progress.unknown(read(0, part=5))
    assert progress.following(read(0, part=5)) == ([], {})

    progress.handled(read(0, part=5))
    progress.handled(read(2))
    assert progress.next == {AT: 4}


def test_progress_names_what_has_not_come_for_long_though_the_broker_has_it() -> None:
    progress = Progress()
    progress.begin({AT: 4, ("campaigns", 5): 2})
    ends = {AT: 5, ("campaigns", 5): 2}

    assert progress.left_behind(ends, 0.0) == {}
    assert progress.left_behind(ends, 9.9) == {}
    assert progress.left_behind(ends, 10.0) == {AT: 4}
    assert progress.left_behind(ends, 10.1) == {}, "it has just gone back"
    progress.handled(read(4))
    assert progress.left_behind(ends, 99.0) == {}


@pytest.mark.parametrize("refuses", [*SOMEBODY_ELSES, KafkaConnectionError(), None])
def test_faust_crashes_of_no_commit(faust_worker: Any, refuses: Exception | None) -> None:
    faust_worker._progress.begin({("campaigns", 3): 5})
    consumer, crashes = Consumer(refuses), list[BaseException]()

    class Thread(FaustThread):
        app: Any = SimpleNamespace(committable=faust_worker._committable)

        def __init__(self) -> None:
            """No thread is started."""

        def _ensure_consumer(self) -> Any:
            return consumer

        def assignment(self) -> set[TopicPartition]:
            return consumer.assignment()

        async def crash(self, reason: BaseException) -> None:
            crashes.append(reason)

    done = asyncio.run(Thread()._commit({PLACE: 9}))

    assert done is (refuses is None)
    assert crashes == []
    assert len(consumer.committed) == (refuses is None)
