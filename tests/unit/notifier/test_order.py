"""Whatever order topics deliver facts in, the notifier ends in the same tables; replay changes nothing."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from runtime.events.processing import Processor
from runtime.service import Service
from runtime.store.digest import counted_columns
from runtime.store.plumbing import parked, shared_with, waiting
from services.notifier.app import notifier
from services.notifier.tables import Base, Notice
from tests.kit import Kit, said
from tests.unit.notifier.county import Stream, at, campaign_cancelled, records, story

Tables = dict[str, list[str]]
Telling = Callable[[Kit], dict[str, Stream]]


def tables(service: Service, kinds: tuple[str, ...] = ("owned", "projection")) -> Tables:
    """Write down every row of the service, as far as it counts for the state digest (a feed's numbers follow the order)."""
    with service.db.read(service.system) as session:
        counted = [table for table in Base.metadata.sorted_tables if table.info["kind"] in kinds]
        if "owned" in kinds:
            counted.append(shared_with)
        return {
            table.name: sorted(
                repr(tuple(row)) for row in session.connection().execute(select(*counted_columns(table)))
            )
            for table in counted
        }


def left_over(service: Service) -> int:
    """Count what waits or is parked."""
    with service.db.read(service.system) as session:
        return sum(len(session.connection().execute(select(table)).all()) for table in (waiting, parked))


class Homes:
    """Fresh notifiers on one kit, without migrating each time."""

    def __init__(self, kit: Kit, folder: Path) -> None:
        self.kit, self.folder, self.made = kit, folder, 0
        self.known: dict[str, Tables] = {}
        kit.build(notifier).close()

    def fresh(self) -> Service:
        self.made += 1
        home = self.folder / str(self.made)
        home.mkdir()
        shutil.copy(self.kit.folder / "notifier.sqlite", home / "notifier.sqlite")
        return notifier(self.kit.ports, home)

    def after(self, told: Stream, batch: int) -> Tables:
        """Feed *told* in this order to a fresh notifier, *batch* events at a time."""
        service = self.fresh()
        log = records(self.kit, told)
        for first in range(0, len(log), batch):
            service.processor.process(log[first : first + batch])
            while service.processor.run_ready():
                pass
        assert left_over(service) == 0
        found = tables(service)
        service.close()
        return found

    def as_it_happened(self, tell: Telling = story) -> Tables:
        """Feed a story in the order of its times, once for all tests."""
        if tell.__name__ not in self.known:
            self.known[tell.__name__] = self.after(by_time(tell(self.kit)), batch=1)
        return self.known[tell.__name__]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    kit = Kit(tmp_path_factory.mktemp("order"))
    yield Homes(kit, kit.folder)
    kit.close()


def by_time(streams: dict[str, Stream]) -> Stream:
    """Merge streams as they happened."""
    numbered = [
        (when, name, n, payload) for name, stream in streams.items() for n, (payload, when) in enumerate(stream)
    ]
    return [(payload, when) for when, _, _, payload in sorted(numbered, key=lambda entry: entry[:3])]


@st.composite
def interleavings(draw: st.DrawFn, streams: dict[str, Stream]) -> Stream:
    """Merge streams in any way that keeps the order inside each."""
    names = draw(st.permutations([name for name, stream in streams.items() for _ in stream]))
    upcoming = {name: iter(stream) for name, stream in streams.items()}
    return [next(upcoming[name]) for name in names]


def with_cancellation(kit: Kit) -> dict[str, Stream]:
    """Tell the story of a campaign that is cancelled half way, while the other topics go on."""
    streams = story(kit)
    streams["campaigns"] = [*streams["campaigns"][:6], (campaign_cancelled(), at("2018-12-13", "12:00"))]
    return streams


@pytest.mark.parametrize("tell", [story, with_cancellation])
def test_any_interleaving_across_topics_ends_in_the_same_tables(homes: Homes, tell: Telling) -> None:
    streams = tell(homes.kit)
    as_it_happened = homes.as_it_happened(tell)
    assert as_it_happened["notice"]
    assert as_it_happened["duty"]

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(interleavings(streams), st.sampled_from([1, 7, 100]))
    def same(told: Stream, batch: int) -> None:
        assert homes.after(told, batch) == as_it_happened

    same()


@pytest.mark.parametrize("last", ["accounts/GA", "registers", "campaigns", "draws", "referrals"])
def test_one_topic_last_of_all_ends_in_the_same_tables(homes: Homes, last: str) -> None:
    streams = story(homes.kit)
    late = streams.pop(last)

    assert homes.after([*by_time(streams), *late], batch=50) == homes.as_it_happened()


def test_every_event_twice_changes_nothing(homes: Homes) -> None:
    told = by_time(story(homes.kit))

    assert homes.after([*told, *told], batch=20) == homes.as_it_happened()


def test_replayed_projections_are_equal_and_nobody_is_told_twice(homes: Homes) -> None:
    service = homes.fresh()
    log = records(homes.kit, by_time(story(homes.kit)))
    service.processor.process(log)
    while service.processor.run_ready():
        pass
    before, spoken = tables(service), len(said(service))
    with service.db.write(service.system) as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.info["kind"] == "projection":
                session.connection().execute(delete(table))

    replay = Processor(service, consumer="notifier-replay", muted=True)
    replay.process(log)

    assert tables(service) == before
    assert len(said(service)) == spoken
    service.close()


def test_a_notice_stands_once_per_fact_and_person(homes: Homes) -> None:
    service = homes.fresh()
    service.processor.process(records(homes.kit, by_time(story(homes.kit))))

    with service.db.write(service.system) as session:
        rows = session.connection().execute(select(Notice.cause, Notice.account)).all()
        assert len(set(rows)) == len(rows)
        copy = dict(session.connection().execute(select(Notice.__table__)).first()._mapping)  # type: ignore[union-attr]
        with pytest.raises(Exception, match="UNIQUE"):
            session.connection().execute(insert(Notice).values({**copy, "id": "N-other"}))
    service.close()
