"""What PostgreSQL must keep of what SQLite gives for nothing: one writer at a time, one schema each, one holder of a claim."""

import importlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, insert, inspect, make_url, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from runtime.events.processing import write_outbox
from runtime.store import postgres
from runtime.store.actor import Actor
from runtime.store.away import database_is_away
from runtime.store.migrate import migrate, pending
from runtime.store.plumbing import metadata, offsets, parked, sequences, waiting
from runtime.store.postgres import PostgresDatabase, provision
from schemas.events.campaigns import CampaignClosed
from schemas.vocabulary import SERVICES
from tests.conformance import toy
from tests.conformance.platforms import POSTGRES
from tests.conformance.test_nothing_lost import heard, plumbing_rows
from tests.kit import COUNTY, Kit

SYSTEM = Actor.system("planner")


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Callable[..., PostgresDatabase]]:
    """Open a schema of the test's own: ``opened(name, base)``; the same name is the same schema."""
    ours, found = uuid.uuid4().hex[:8], list[PostgresDatabase]()

    def open_(name: str = "planner", base: Any = toy.ProposerBase) -> PostgresDatabase:
        schema = f"{name}_{ours}"
        provision(postgres_url, schema, schema, f"secret of {name}")
        address = make_url(postgres_url).set(username=schema, password=f"secret of {name}")
        found.append(PostgresDatabase(address.render_as_string(hide_password=False), schema, base))
        return found[-1]

    yield open_
    for database in found:
        database.close()


@pytest.fixture
def no_migrations(tmp_path: Path) -> Path:
    """Have a service's folder of migrations that adds nothing to the plumbing."""
    return tmp_path


@pytest.fixture
def database(opened: Callable[..., PostgresDatabase], no_migrations: Path) -> PostgresDatabase:
    found = opened()
    migrate(found, no_migrations)
    return found


def test_a_role_may_touch_its_own_schema_only(
    database: PostgresDatabase, opened: Callable[..., PostgresDatabase], no_migrations: Path
) -> None:
    other = opened("drawer")
    migrate(other, no_migrations)

    refused = []
    for statement in (
        f"SELECT * FROM {other.schema}.outbox",
        f"INSERT INTO {other.schema}.sequences VALUES ('x', 1)",
        f"CREATE TABLE {other.schema}.mine (id int)",
        "CREATE TABLE public.mine (id int)",
    ):
        with pytest.raises(ProgrammingError) as refusal, database.write_plumbing() as connection:
            connection.execute(text(statement))
        refused.append(type(refusal.value.orig).__name__)

    assert refused == ["InsufficientPrivilege"] * 4
    with other.read_plumbing() as connection:
        assert connection.execute(select(sequences)).all() == []


def test_write_transactions_of_a_service_run_one_after_the_other(database: PostgresDatabase) -> None:
    """What was checked must still be so when it is written: each counts on from what it has read."""
    with database.write_plumbing() as connection:
        connection.execute(insert(sequences).values(name="n", next=0))
    begun = threading.Barrier(4)

    def count() -> None:
        begun.wait(30)
        for _ in range(25):
            with database.write(SYSTEM) as session:
                read = session.connection().execute(select(sequences.c.next)).scalar_one()
                session.connection().execute(update(sequences).values(next=read + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with database.read_plumbing() as connection:
        assert connection.scalar(select(sequences.c.next)) == 100


def test_the_server_lets_go_of_a_client_whose_machine_is_gone_and_of_a_writer_that_stands_still(
    database: PostgresDatabase,
) -> None:
    def told(connection: Connection, name: str) -> str:
        return str(connection.scalar(text("SELECT current_setting(:name)"), {"name": name}))

    alive = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
    alive |= {"tcp_user_timeout": "20000"}
    with (
        database.write_plumbing() as writer,
        database.read_plumbing() as reader,
        database.migration_connection() as migrating,
        database._listening() as listening,
    ):
        for connection in (writer, reader, migrating):
            assert {name: told(connection, name) for name in alive} == alive
        row = listening.execute("SELECT current_setting('tcp_user_timeout')").fetchone()
        assert row == ("20000",)
        idle = [told(one, "idle_in_transaction_session_timeout") for one in (writer, reader, migrating)]
    assert idle == ["1min", "0", "0"]


def test_a_writer_that_stood_still_is_no_events_fault(
    opened: Callable[..., PostgresDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "IDLE_WRITER_MS", 50)
    database = opened()

    def stand_still() -> None:
        with database.write_plumbing() as connection:
            time.sleep(1)
            connection.execute(text("SELECT 1"))

    with pytest.raises(DBAPIError) as ended:
        stand_still()

    assert database_is_away(ended.value)


def test_a_reader_sees_one_snapshot_and_cannot_write(database: PostgresDatabase) -> None:
    with database.read(SYSTEM) as session:
        assert session.connection().execute(select(sequences)).all() == []
        with database.write_plumbing() as connection:
            connection.execute(insert(sequences).values(name="n", next=0))

        assert session.connection().execute(select(sequences)).all() == []
        with pytest.raises(Exception, match="read-only transaction"):
            session.connection().execute(insert(sequences).values(name="m", next=0))


def test_a_claim_has_one_holder_and_is_free_when_its_connection_ends(
    database: PostgresDatabase, opened: Callable[..., PostgresDatabase], postgres_url: str
) -> None:
    other_process, another_service = opened(), opened("drawer")

    claim = database.claim("worker-0")

    assert claim is not None
    assert other_process.claim("worker-0") is None
    for free in (other_process.claim("worker-1"), another_service.claim("worker-0")):
        assert free is not None
        free.give_back()
    assert claim.held()
    claim.give_back()
    again = other_process.claim("worker-0")
    assert again is not None
    again.give_back()


def test_a_claim_whose_connection_was_cut_is_known_to_be_lost(
    database: PostgresDatabase, opened: Callable[..., PostgresDatabase], postgres_url: str
) -> None:
    claim = database.claim("timers")
    assert claim is not None

    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s",
            [database._key("timers") >> 32, database._key("timers") & 0xFFFFFFFF],
        )

    assert not claim.held()
    other = opened().claim("timers")
    assert other is not None, "somebody else has it now"
    other.give_back()
    claim.give_back()


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_of_a_service_make_its_tables(service: str, opened: Callable[..., PostgresDatabase]) -> None:
    module = importlib.import_module(f"services.{service}")
    base = importlib.import_module(f"services.{service}.tables").Base
    folder, database = Path(str(module.__file__)).parent / "migrations", opened(service, base)

    assert migrate(database, folder)

    assert pending(database, folder) == []
    assert migrate(database, folder) == []
    with database.read_plumbing() as connection:
        there = inspect(connection)
        for table in (*base.metadata.sorted_tables, *metadata.sorted_tables):
            assert {column["name"] for column in there.get_columns(table.name)} == set(table.columns.keys())


def test_two_processes_that_migrate_at_once_migrate_once(
    opened: Callable[..., PostgresDatabase], no_migrations: Path
) -> None:
    databases, troubles = [opened() for _ in range(3)], list[BaseException]()
    begun = threading.Barrier(3)

    def run(one: PostgresDatabase) -> None:
        begun.wait(30)
        try:
            migrate(one, no_migrations)
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert troubles == []
    assert pending(databases[0], no_migrations) == []


def test_an_offset_beyond_two_billion_is_kept(database: PostgresDatabase) -> None:
    place = {"consumer": "planner", "topic": "results", "part": 0}
    with database.write_plumbing() as connection:
        connection.execute(insert(offsets).values(next=2**40, **place))

    with database.read_plumbing() as connection:
        assert connection.scalar(select(offsets.c.next)) == 2**40


def test_whoever_listens_hears_of_an_outbox_that_another_process_filled(
    opened: Callable[..., PostgresDatabase], postgres_url: str, no_migrations: Path
) -> None:
    ours, theirs, foreign = opened(), opened(), opened("drawer")
    migrate(ours, no_migrations)
    migrate(foreign, no_migrations)
    heard = threading.Event()
    end = ours.listen(heard.set)
    assert heard.wait(30), "what was said before is looked for once"

    heard.clear()
    fill_outbox(foreign)
    with theirs.write_plumbing() as connection:
        connection.execute(insert(sequences).values(name="n", next=0))
    assert not heard.wait(0.5)
    fill_outbox(theirs)
    assert heard.wait(30)

    heard.clear()
    with psycopg.connect(postgres_url) as admin:  # its connection is cut
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s", ["LISTEN%"])
    assert heard.wait(30), "it listens again, and looks for what was said meanwhile"
    heard.clear()
    fill_outbox(theirs)
    assert heard.wait(30)
    end()


CUT = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize("alone", [False, True], ids=["in a batch", "after it failed in a batch"])
def test_a_connection_cut_under_a_handler_parks_nothing(
    postgres_url: str, kit: Kit, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    monkeypatch.setenv(POSTGRES, postgres_url)
    listener = toy.set_up(toy.listener(kit.ports, kit.folder, "postgres"))
    kit.services.append(listener)
    runs = iter([ValueError("a bug's first run")] if alone else [])

    def cut(event: object, blobs: object, session: Session) -> None:
        for bug in runs:
            raise bug
        session.connection().exec_driver_sql(CUT)

    whole = listener.processor.handlers[CampaignClosed]
    listener.processor.handlers[CampaignClosed] = (type(whole[0])(CampaignClosed, (), True, cut, "cut"),)
    closed = CampaignClosed(county=COUNTY, campaign="C-2")

    with pytest.raises(OperationalError):
        kit.feed(listener, closed)

    assert plumbing_rows(listener, parked) == plumbing_rows(listener, waiting) == []
    listener.processor.handlers[CampaignClosed] = whole
    kit.feed(listener, closed)
    assert heard(listener) == {"C-2": (1, False)}


@pytest.mark.parametrize(
    ("statement", "away"),
    [
        ("SELECT no_such_column FROM sequences", False),
        ("SELECT 1 / 0", False),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57P03'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$", True),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$", True),
        (CUT, True),
    ],
)
def test_what_the_server_suffers_is_told_from_what_was_asked_of_it(
    database: PostgresDatabase, statement: str, away: bool
) -> None:
    with pytest.raises(DBAPIError) as error, database.write_plumbing() as connection:
        connection.exec_driver_sql(statement)

    assert database_is_away(error.value) is away


def fill_outbox(database: PostgresDatabase) -> None:
    """Put an event into the outbox, as a command does."""
    row = {"event_id": uuid.uuid4().hex, "topic": "campaigns", "key": "C-1", "body": b"{}", "written_at": 0.0}
    with database.write_plumbing() as connection:
        write_outbox(connection, [row])


def test_connections_cut_by_a_restart_are_replaced(own_postgres: Callable[[], Any], no_migrations: Path) -> None:
    server = own_postgres()
    provision(server.url, "planner", "planner", "secret")
    address = make_url(server.url).set(username="planner", password="secret")
    database = PostgresDatabase(address.render_as_string(hide_password=False), "planner", toy.ProposerBase)
    migrate(database, no_migrations)
    with database.write_plumbing() as connection:
        connection.execute(insert(sequences).values(name="n", next=1))

    server.crash()
    with pytest.raises(OperationalError) as cut, database.write_plumbing():
        pass
    with pytest.raises(OperationalError) as refused, database.read_plumbing() as connection:
        connection.execute(select(sequences))
    server.start()
    assert database_is_away(cut.value)
    assert database_is_away(refused.value)

    with database.read_plumbing() as connection:
        assert connection.scalar(select(sequences.c.next)) == 1
    database.close()
