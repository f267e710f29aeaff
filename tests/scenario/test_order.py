"""
Twice, late, or before what it needs: whatever the log does to its events, they end in the same state.

Every service is fed the demonstration's own events on empty databases, beside the run's documents and secrets, in the
order of the log; that is what each disturbed feeding is compared with (commands are not in the log, so the live state
is not what handlers alone can reach).
"""

import json
import random
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from onevisit.system import System
from runtime.errors import Rejected
from runtime.events import processing
from runtime.events.bus import Record
from runtime.service import Service
from runtime.store.digest import state_digests
from runtime.store.plumbing import outbox, parked, waiting
from schemas.topics import FACT_TOPICS, TOPICS
from tests.scenario.playing import Played, records_of, run_waiting, unfed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("county"), pytest.mark.timeout(600)]

HEARS = ("planner", "drawer", "results", "notifier")
SEEDS = (1, 2, 3)
State = dict[str, str]


class Fed:
    """A county of empty services, to be fed."""

    def __init__(self, system: System, log: Sequence[Record]) -> None:
        self._system = system
        self._log = log

    def service(self, name: str) -> Service:
        """Return one of the services."""
        return self._system.services[name]

    def log_of(self, name: str) -> list[Record]:
        """Return what the log holds for a service, in its order."""
        topics = self.service(name).processor.topics
        return [record for record in self._log if record.topic in topics]

    def feed(self, name: str, records: Sequence[Record], chance: random.Random) -> None:
        """Let a service handle *records* in batches of any size."""
        service, left = self.service(name), deque(records)
        while left:
            batch = [left.popleft() for _ in range(min(len(left), chance.randint(1, 120)))]
            service.processor.process(batch)
            run_waiting(service)

    def state(self, name: str) -> State:
        """Digest a service's business tables."""
        service = self.service(name)
        with service.db.read(service.system) as session:
            return state_digests(session.connection(), service.base.metadata.tables.values())

    def said(self, name: str) -> set[str]:
        """
        Return what a service has said, each thing once whatever happened; dead letters are left out.

        Ids are left out too: a notice that waits for an account is said when the account comes, and has its id from there.
        """
        events = [json.loads(row.body) for row in self.rows(name, outbox) if not row.topic.endswith(".dead")]
        said = [json.dumps([event["type"], event["data"]], sort_keys=True) for event in events]
        assert len(said) == len(set(said))
        return set(said)

    def rows(self, name: str, table: Any) -> list[Any]:
        """Read a plumbing table."""
        service = self.service(name)
        with service.db.read(service.system) as session:
            return list(session.connection().execute(select(table)))


@pytest.fixture(scope="module")
def log(undisturbed: Played) -> list[Record]:
    """Everything said in the run."""
    return records_of(undisturbed.home)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():  # hundreds of expected tracebacks, which would be rendered for nobody
        yield


@pytest.fixture
def fed(undisturbed: Played, log: list[Record], tmp_path: Path) -> Iterator[Fed]:
    """A county that has heard of nothing."""
    with unfed(undisturbed.home, tmp_path / "home") as system:
        yield Fed(system, log)


@pytest.fixture(scope="module")
def in_order(
    undisturbed: Played, log: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[State, set[str]]]:
    """State and sayings of every service after the log, read once in its order."""
    with unfed(undisturbed.home, tmp_path_factory.mktemp("in-order") / "home") as system:
        county = Fed(system, log)
        for name in HEARS:
            county.feed(name, county.log_of(name), random.Random(0))
            assert county.rows(name, waiting) == []
            assert county.rows(name, parked) == []
        return {name: (county.state(name), county.said(name)) for name in HEARS}


def assert_equal(county: Fed, name: str, expected: tuple[State, set[str]]) -> None:
    """Compare a fed service with what it should be."""
    state, said = expected
    found = county.state(name)
    assert {table for table in state if found[table] != state[table]} == set()
    assert county.said(name) == said
    assert county.rows(name, waiting) == []


# ── disturbances ────────────────────────────────────────────────────────────────────────────────────────────────────


def each_twice(log: Sequence[Record], chance: random.Random) -> list[Record]:
    """Say each event at once again, and once more some time after."""
    told = [record for record in log for _ in range(2)]
    for record in log:
        told.insert(chance.randint(told.index(record), len(told)), record)
    return told


def shuffled(log: Sequence[Record], chance: random.Random) -> list[Record]:
    """Mix topics and keys as one likes; of each key of a topic, keep the order."""
    queues: dict[tuple[str, str], deque[Record]] = defaultdict(deque)
    for record in log:
        queues[record.topic, record.key].append(record)
    left = list(queues)
    told = []
    while left:
        place = chance.randrange(len(left))
        told.append(queues[left[place]].popleft())
        if not queues[left[place]]:
            left[place] = left[-1]
            left.pop()
    return told


def late(topic: str) -> Callable[[Sequence[Record], random.Random], list[Record]]:
    """Keep a topic back until everything else has been read."""
    return lambda log, chance: sorted(log, key=lambda record: record.topic == topic)


def test_the_disturbances_disturb(log: list[Record]) -> None:
    few = log[:200]
    mixed = shuffled(few, random.Random(1))

    assert len(each_twice(few, random.Random(1))) == 3 * len(few)
    assert sorted(mixed, key=repr) == sorted(few, key=repr)
    assert mixed != few
    for place in {(record.topic, record.key) for record in few}:
        own = [record for record in few if (record.topic, record.key) == place]
        assert [record for record in mixed if (record.topic, record.key) == place] == own
    assert late("accounts")(few, random.Random(1))[-1].topic == "accounts"


@pytest.mark.parametrize("name", HEARS)
def test_every_event_several_times_changes_nothing(name: str, fed: Fed, in_order: Any) -> None:
    chance = random.Random(7)
    fed.feed(name, each_twice(fed.log_of(name), chance), chance)

    assert_equal(fed, name, in_order[name])
    assert fed.rows(name, parked) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", HEARS)
def test_any_order_across_topics_ends_in_the_same_state(name: str, seed: int, fed: Fed, in_order: Any) -> None:
    chance = random.Random(seed)
    fed.feed(name, shuffled(fed.log_of(name), chance), chance)

    assert fed.rows(name, parked) == []
    assert_equal(fed, name, in_order[name])


LATE = [
    ("planner", "accounts"),
    ("planner", "draws"),
    ("planner", "results"),
    ("planner", "notices"),
    ("drawer", "accounts"),
    ("drawer", "campaigns"),
    ("drawer", "results"),
    ("results", "accounts"),
    ("results", "registers"),
    ("results", "campaigns"),
    ("results", "draws"),
    ("notifier", "accounts"),
    ("notifier", "registers"),
    ("notifier", "campaigns"),
    ("notifier", "draws"),
    ("notifier", "results"),
    ("notifier", "referrals"),
]


@pytest.mark.parametrize(("name", "topic"), LATE)
def test_a_topic_that_comes_last_of_all_ends_in_the_same_state(name: str, topic: str, fed: Fed, in_order: Any) -> None:
    fed.feed(name, late(topic)(fed.log_of(name), random.Random(0)), random.Random(0))

    assert fed.rows(name, parked) == []
    assert_equal(fed, name, in_order[name])


def test_every_topic_of_every_service_comes_late_once(fed: Fed) -> None:
    assert set(LATE) == {(name, topic) for name in HEARS for topic in fed.service(name).processor.topics}


# ── poison ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def poison(service: Service, log: Sequence[Record], chance: random.Random) -> list[Record]:
    """Put a bad message of every kind on every topic of a service, somewhere among the good ones."""
    told = list(log)
    heard = {event.type for event in service.processor.handlers}
    for number, topic in enumerate(service.processor.topics):
        victim = next(each for each in log if each.topic == topic and json.loads(each.body)["type"] in heard)
        event = json.loads(victim.body)
        owner = TOPICS[topic].owner
        stranger = next(one.owner for one in FACT_TOPICS if one.owner != owner)
        foreign = event | {"id": f"foreign-{topic}", "source": event["source"].replace(owner, stranger)}
        unknown = event | {"id": f"unknown-{topic}", "type": "onevisit.nobody.knows.v1"}
        spoilt = event | {"id": f"spoilt-{topic}", "data": {"county": 7}}
        bodies = [json.dumps(each).encode() for each in (foreign, unknown, spoilt)]
        for kind, body in enumerate([*bodies, b"\xff\xfe no event at all", b"{}"]):
            bad = replace(victim, off=1_000_000 + 10 * number + kind, body=body)
            told.insert(chance.randint(0, len(told)), bad)
    return told


POISONS = 5


@pytest.mark.parametrize("name", HEARS)
def test_poison_is_parked_with_its_reason_while_the_flow_goes_on(name: str, fed: Fed, in_order: Any) -> None:
    chance = random.Random(11)
    fed.feed(name, poison(fed.service(name), fed.log_of(name), chance), chance)

    rows = fed.rows(name, parked)
    topics = fed.service(name).processor.topics
    assert {row.topic for row in rows} == set(topics)
    assert len(rows) == POISONS * len(topics)
    assert {row.code for row in rows} == {"event.foreign", "event.unreadable"}
    assert all(row.reason for row in rows)
    told = [row for row in fed.rows(name, outbox) if row.topic == f"{name}.dead"]
    assert len(told) == len(rows), "each is said on the service's dead topic"
    assert_equal(fed, name, in_order[name])


BROKEN = {
    "planner": "DrawCompleted",
    "drawer": "CampaignConfirmed",
    "results": "FrameFrozen",
    "notifier": "ReferralSent",
}


@pytest.mark.parametrize("problem", [RuntimeError("a bug"), Rejected(why="refused by a rule that was wrong")], ids=repr)
@pytest.mark.parametrize("name", HEARS)
def test_what_was_parked_completes_by_retry_once_the_fault_is_mended(
    name: str, problem: Exception, fed: Fed, in_order: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "BACKOFF_SECONDS", (0.0, 0.0, 0.0))
    service = fed.service(name)
    (broken,) = [event for event in service.processor.handlers if event.__name__ == BROKEN[name]]

    def fail(*_: object) -> None:
        raise problem

    with monkeypatch.context() as faulty:
        handlers = service.processor.handlers[broken]
        faulty.setitem(service.processor.handlers, broken, tuple(replace(each, run=fail) for each in handlers))
        fed.feed(name, fed.log_of(name), random.Random(3))

    rows = fed.rows(name, parked)
    assert rows
    assert {row.code for row in rows} == {"error" if isinstance(problem, Rejected) else "event.handler_failed"}
    assert all(row.attempts == (1 if isinstance(problem, Rejected) else processing.ATTEMPTS) for row in rows)
    assert fed.state(name) != in_order[name][0], "the fault made no difference: the test shows nothing"
    while stopped := [row for row in fed.rows(name, parked) if row.state == "parked"]:
        assert service.processor.retry(stopped[0].id)
        run_waiting(service)
    assert_equal(fed, name, in_order[name])
