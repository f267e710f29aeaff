"""Dropping what a service only remembers and reading the log again brings the same back, and says nothing."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from runtime.service import Service
from runtime.store.plumbing import inbox, outbox, parked, waiting
from services.notifier.tables import Notice
from tests.scenario.playing import Played, copied

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("county"), pytest.mark.timeout(600)]

HEARS = ("planner", "drawer", "results", "notifier")


def replayable_only(service: Service) -> set[str]:
    """Name the tables that a replay builds."""
    return {table.name for table in service.base.metadata.sorted_tables if table.info["kind"] == "projection"}


def rows(service: Service, table: str) -> int:
    """Count a table's rows."""
    with service.db.read(service.system) as session:
        found = session.connection().scalar(select(func.count()).select_from(service.base.metadata.tables[table]))
    return found or 0


@pytest.mark.parametrize("name", HEARS)
def test_projections_are_built_again_from_the_log_alone(name: str, undisturbed: Played, tmp_path: Path) -> None:
    with copied(undisturbed.home, tmp_path / "home") as system:
        service = system.services[name]
        held = {table: rows(service, table) for table in replayable_only(service)}
        with service.db.write(service.system) as session:  # spoilt on purpose: equal only if they are really dropped
            for table in replayable_only(service):
                session.connection().execute(service.base.metadata.tables[table].delete())
        assert system.state() != undisturbed.state

        read = service.replay()

        assert read > 0
        assert {table: rows(service, table) for table in replayable_only(service)} == held
        assert {
            table for table, digest in undisturbed.state[name].items() if system.state()[name][table] != digest
        } == set()
        assert any(held.values())


@pytest.mark.parametrize("name", HEARS)
def test_a_replay_says_nothing_and_leaves_no_trace(name: str, undisturbed: Played, tmp_path: Path) -> None:
    with copied(undisturbed.home, tmp_path / "home") as system:
        service = system.services[name]
        before = system.bus.heads(sorted({*service.processor.topics, "notices"}))
        positions = service.processor.stored_positions()

        service.replay()
        service.replay()

        with service.db.read(service.system) as session:
            connection = session.connection()
            for table in (outbox, waiting, parked):
                assert connection.scalar(select(func.count()).select_from(table)) == 0, table.name
            assert set(connection.scalars(select(inbox.c.consumer))) == {name}
        assert system.bus.heads(sorted({*service.processor.topics, "notices"})) == before
        assert service.processor.stored_positions() == positions
        assert service.consume() == 0


def test_a_replay_gives_no_notice_twice(undisturbed: Played, tmp_path: Path) -> None:
    with copied(undisturbed.home, tmp_path / "home") as system:
        notifier = system.services["notifier"]

        notifier.replay()

        assert rows(notifier, Notice.__tablename__) >= undisturbed.summary["notices"]
        with notifier.db.read(notifier.system) as session:
            ids = list(session.scalars(select(Notice.id)))
        assert len(ids) == len(set(ids)) == undisturbed.summary["notices"]
        assert system.state()["notifier"]["notice"] == undisturbed.state["notifier"]["notice"]
