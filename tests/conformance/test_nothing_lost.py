"""The runtime kept to its promises by two toy services, killed wherever a power cut could strike."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Row, Table, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from runtime.events.bus import Record
from runtime.events.failpoints import POINTS
from runtime.service import KeyReused, Service
from runtime.store.migrate import migrate
from runtime.store.plumbing import inbox, parked, waiting
from schemas.events.campaigns import CampaignCancelled, CampaignClosed
from schemas.events.draws import DrawVoided
from tests.conformance import toy
from tests.conformance.platforms import PLATFORMS, STORES, provide
from tests.conformance.rig import Rig, a_rig
from tests.kit import COUNTY, Kit, said

PROPOSALS = 30
PLAY_SECONDS = 240  # with a busy machine; a second or two on an idle one
KILLS = {"sqlite": 2, "postgres": 1}  # in a row at one point


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    return provide(request.param, request)


@pytest.fixture(params=PLATFORMS, ids=str)
def rig(request: pytest.FixtureRequest, kit: Kit) -> Iterator[Rig]:
    provide(request.param.store, request)
    yield from a_rig(kit, request.param, request)


@pytest.fixture
def proposer(rig: Rig) -> Service:
    return rig.build(toy.proposer)


@pytest.fixture
def listener(rig: Rig) -> Service:
    return rig.build(toy.listener)


def play(home: Path, store: str, failpoints: str = "") -> int:
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "ONEVISIT_FAILPOINTS": failpoints, "ONEVISIT_FAILPOINT_LOG": str(home / "fired")}
    command = [sys.executable, "-m", "tests.conformance.toy", str(home), str(PROPOSALS), "--store", store]
    return subprocess.run(command, env=environment, check=False, timeout=PLAY_SECONDS).returncode


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    home = tmp_path_factory.mktemp("undisturbed")
    assert play(home, "sqlite") == 0
    return toy.digest(home)


def _of_sqlite(code: int) -> Exception:
    said = sqlite3.OperationalError("away")
    said.sqlite_errorcode = code
    return said


AWAY: dict[str, list[Exception]] = {
    "sqlite": [_of_sqlite(code) for code in (5, 6, 10, 13, 14, 5 | 1 << 8, 10 | 8 << 8)],
    "postgres": [
        psycopg.OperationalError("no answer"),
        psycopg.errors.AdminShutdown(),
        psycopg.errors.DiskFull(),
        psycopg.errors.LockNotAvailable(),
    ],
}

POINTS_OF_THE_TOYS = [f"planner.{point}" for point in POINTS] + [
    f"notifier.{point}" for point in POINTS if point not in ("row_written", "committed")
]


@pytest.mark.parametrize("point", POINTS_OF_THE_TOYS)
def test_killed_at_a_failpoint_the_restarted_system_ends_in_the_same_state(
    point: str, store: str, tmp_path: Path, undisturbed: dict[str, dict[str, str]]
) -> None:
    chance = random.Random(point)
    home = tmp_path / "home"
    for _ in range(KILLS[store]):
        assert play(home, store, f"{point}:{chance.randint(1, 3)}") == -9, f"{point} was never passed"
    assert (home / "fired").read_text().split() == [point] * KILLS[store]

    assert play(home, store) == 0

    assert toy.digest(home, store) == undisturbed


def test_state_and_event_are_one_transaction(proposer: Service) -> None:
    proposer.do(toy.LEAD, toy.propose, name="first")
    with pytest.raises(toy.NameTaken):
        proposer.do(toy.LEAD, toy.propose, name="first")

    assert [type(event) for event in said(proposer)] == [CampaignClosed]


def test_a_repeated_key_answers_again_and_does_nothing(proposer: Service) -> None:
    first = proposer.do(toy.LEAD, toy.propose, key="k", name="first")
    again = proposer.do(toy.LEAD, toy.propose, key="k", name="first")

    assert again.value == first.value
    assert len(said(proposer)) == 1


def test_a_key_used_for_another_request_is_refused(proposer: Service) -> None:
    proposer.do(toy.LEAD, toy.propose, key="k", name="first")

    with pytest.raises(KeyReused):
        proposer.do(toy.LEAD, toy.propose, key="k", name="second")


def heard(service: Service) -> dict[str, tuple[int, bool]]:
    with service.db.read(service.system) as session:
        return {row.id: (row.times, row.cancelled) for row in session.scalars(select(toy.Heard))}


def plumbing_rows(service: Service, table: Table) -> list[Row[Any]]:
    with service.db.read(service.system) as session:
        return list(session.connection().execute(select(table)))


def test_the_same_event_twice_changes_nothing(rig: Rig, listener: Service) -> None:
    rig.feed(listener, CampaignClosed(county=COUNTY, campaign="C-1"), again=True)

    assert heard(listener) == {"C-1": (1, False)}
    assert len(plumbing_rows(listener, inbox)) == 1
    assert listener.duplicates == 1


def voided(campaign: str, attempt: int = 1) -> DrawVoided:
    return DrawVoided(
        county=COUNTY, campaign=campaign, draw="D-1", attempt=attempt, reason="commitment_missing", absent=("GA",)
    )


def test_an_event_before_its_prerequisite_waits_and_runs_by_itself(rig: Rig, listener: Service) -> None:
    rig.feed(listener, voided("C-1", 1), voided("C-1", 2), voided("C-2", 1))
    assert heard(listener) == {}
    codes = [row.code for row in plumbing_rows(listener, waiting)]
    assert sorted(codes) == ["behind", "not_yet", "not_yet"]

    rig.feed(listener, CampaignClosed(county=COUNTY, campaign="C-1"))

    with listener.db.read(listener.system) as session:
        assert session.get_one(toy.Heard, "C-1").voided == 2
    (left,) = plumbing_rows(listener, waiting)
    assert left.key == "C-2"


def test_a_poison_event_is_parked_with_its_reason_while_the_flow_goes_on(rig: Rig, kit: Kit, listener: Service) -> None:
    poison = Record("campaigns", 0, 1, "C-1", b"{not json")
    foreign = kit.record(CampaignClosed(county=COUNTY, campaign="C-9"))
    foreign = Record(
        "campaigns", foreign.part, foreign.off, "C-9", foreign.body.replace(b"onevisit/planner", b"onevisit/drawer")
    )
    healthy = kit.record(CampaignClosed(county=COUNTY, campaign="C-2"))

    rig.deliver(listener, [poison, foreign, healthy])

    assert heard(listener) == {"C-2": (1, False)}
    assert sorted(row.code for row in plumbing_rows(listener, parked)) == ["event.foreign", "event.unreadable"]


def test_a_handler_that_breaks_is_tried_four_times_then_parked_and_mended_by_a_retry(
    rig: Rig, proposer: Service, listener: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.events.processing.BACKOFF_SECONDS", (0.0, 0.0, 0.0))
    tries = []

    def broken(event: object, blobs: object, session: object) -> None:
        tries.append(event)
        raise RuntimeError("a bug")

    mended = listener.processor.handlers[CampaignClosed]
    listener.processor.handlers[CampaignClosed] = (
        type(mended[0])(CampaignClosed, (), True, broken, "broken"),
        *mended[1:],
    )
    rig.feed(listener, CampaignClosed(county=COUNTY, campaign="C-1"), CampaignCancelled(county=COUNTY, campaign="C-1"))
    for _ in range(10):
        rig.run_all(listener)

    (row,) = plumbing_rows(listener, parked)
    assert row.code == "event.handler_failed"
    assert len(tries) == 5  # once in the batch, then four times alone
    assert len(plumbing_rows(listener, waiting)) == 1, "the later event of the key queues behind the parked one"

    listener.processor.handlers[CampaignClosed] = mended
    assert listener.processor.retry(row.id)
    rig.run_all(listener)

    assert heard(listener) == {"C-1": (1, True)}
    assert plumbing_rows(listener, waiting) == []


def test_a_wrong_statement_in_one_handler_parks_its_event_and_the_flow_goes_on(
    rig: Rig, listener: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite calls "no such column" an OperationalError, as it calls a database that is away."""
    monkeypatch.setattr("runtime.events.processing.BACKOFF_SECONDS", (0.0, 0.0, 0.0))

    def broken(event: object, blobs: object, session: Session) -> None:
        session.connection().exec_driver_sql("SELECT no_such_column FROM heard")

    whole = listener.processor.handlers[CampaignCancelled]
    listener.processor.handlers[CampaignCancelled] = (
        type(whole[0])(CampaignCancelled, (), True, broken, "broken"),
        *whole[1:],
    )
    rig.feed(listener, CampaignCancelled(county=COUNTY, campaign="C-1"), CampaignClosed(county=COUNTY, campaign="C-2"))
    for _ in range(10):
        rig.run_all(listener)

    (row,) = plumbing_rows(listener, parked)
    assert row.code == "event.handler_failed"
    assert heard(listener) == {"C-2": (1, False)}


def test_a_database_that_is_away_parks_nothing(rig: Rig, listener: Service) -> None:
    """SQLite: busy, locked, I/O, full, cannot open, and their extended codes. PostgreSQL: cut off, no room, not had in time."""
    whole = listener.processor.handlers[CampaignClosed]
    for number, away_now in enumerate(AWAY[rig.platform.store]):
        campaign = CampaignClosed(county=COUNTY, campaign=f"C-{number}")

        def away(event: object, blobs: object, session: object, error: Exception = away_now) -> None:
            raise OperationalError("INSERT", {}, error)

        listener.processor.handlers[CampaignClosed] = (type(whole[0])(CampaignClosed, (), True, away, "away"),)
        rig.stands_still(listener, campaign)

        assert plumbing_rows(listener, parked) == plumbing_rows(listener, waiting) == []
        listener.processor.handlers[CampaignClosed] = whole
        rig.feed(listener, campaign)
        assert heard(listener) == {f"C-{earlier}": (1, False) for earlier in range(number + 1)}


def test_replaying_from_the_beginning_gives_equal_projections_and_says_nothing(
    rig: Rig, proposer: Service, listener: Service
) -> None:
    for name in "abcdef":
        proposer.do(toy.LEAD, toy.propose, name=name)
    rig.settle()
    before = heard(listener)

    listener.replay()

    assert heard(listener) == before
    assert said(listener) == []
    assert all(times == 1 for times, _ in heard(listener).values())


def test_with_the_relay_stopped_commands_succeed_and_nothing_moves_downstream(
    rig: Rig, proposer: Service, listener: Service
) -> None:
    proposer.do(toy.LEAD, toy.propose, name="first")
    rig.run_all(listener)

    assert heard(listener) == {}
    assert len(said(proposer)) == 1


def test_migrations_run_once(kit: Kit, proposer: Service) -> None:
    migrate(
        proposer.db, proposer.migrations
    )  # a toy's tables are made behind its migrations: PostgreSQL walls them now
    assert migrate(proposer.db, proposer.migrations) == []
