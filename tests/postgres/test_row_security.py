"""PostgreSQL keeps agencies apart by itself: the own/partner/unrelated matrix, with the application's filter switched off."""

import importlib
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    TypeDecorator,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Session

from runtime.store import rows
from runtime.store.actor import Actor
from runtime.store.migrate import migrate, pending
from runtime.store.plumbing import shared_with
from runtime.store.postgres import PostgresDatabase, provision
from runtime.store.row_security import owned_tables, speak_for
from schemas.vocabulary import SERVICES, Role
from tests.kit import COUNTY, person

ELSEWHERE = "640222"
MINE, READ, WRITE, FOREIGN, OTHER = "mine", "shared", "writable", "foreign", "elsewhere"
ME = person("JT", Role.PLANNER)


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Callable[[str], PostgresDatabase]]:
    """Open a service's database as its own role, with the tables of its migrations."""
    made: list[PostgresDatabase] = []

    def made_for(service: str) -> PostgresDatabase:
        base: type[DeclarativeBase] = importlib.import_module(f"services.{service}.tables").Base
        name = f"rls_{service}_{uuid.uuid4().hex[:8]}"
        provision(postgres_url, name, name, "a password")
        url = make_url(postgres_url).set(username=name, password="a password")
        made.append(PostgresDatabase(url.render_as_string(hide_password=False), name, base))
        migrate(made[-1], folder_of(service))
        return made[-1]

    yield made_for
    for database in made:
        database.close()


def folder_of(service: str) -> Path:
    return Path(str(importlib.import_module(f"services.{service}").__file__)).parent / "migrations"


def some(column: Any, key: str) -> Any:
    """Make up a value of a column's type; *key* where rows must differ."""
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    match kind:
        case Boolean():
            return False
        case Integer() | Float():
            return abs(hash(key)) % 10**6
        case DateTime():
            return datetime(2018, 11, 28, tzinfo=UTC)
        case Date():
            return date(2018, 11, 28)
        case JSON():
            return {}
        case LargeBinary():
            return key.encode()
        case String():
            return key[: kind.length]
    raise TypeError(f"no value for {column}")


def row_of(table: Table, id: str, owner: str, county: str = COUNTY) -> dict[str, Any]:
    made = {column.name: some(column, id) for column in table.columns if not column.nullable or column.primary_key}
    return made | {"id": id, "owner_agency": owner, "county": county}


def fill(database: PostgresDatabase, admin: str, table: Table) -> None:
    """Put a row of every kind into *table*, past foreign keys and walls."""
    lines = [row_of(table, one, owner) for one, owner in ((MINE, "JT"), (READ, "GA"), (WRITE, "GA"), (FOREIGN, "GA"))]
    lines.append(row_of(table, OTHER, "JT", ELSEWHERE))
    shares = [
        {"table_name": table.name, "row_id": one, "agency": to, "write": write, "county": COUNTY, "owner_agency": owner}
        for one, to, write, owner in ((READ, "JT", False, "GA"), (WRITE, "JT", True, "GA"), (MINE, "GA", False, "JT"))
    ]
    shares.append(shares[0] | {"row_id": OTHER, "agency": "GA", "county": ELSEWHERE, "owner_agency": "JT"})
    keys = inspect(database._writer).get_foreign_keys(table.name)
    with psycopg.connect(admin, autocommit=True) as connection:
        for key in keys:
            connection.execute(f'ALTER TABLE {database.schema}."{table.name}" DROP CONSTRAINT "{key["name"]}"')
    with database.write(Actor.system(database.schema)) as session:
        session.connection().execute(insert(table), lines)
        session.connection().execute(insert(shared_with), shares)


@pytest.mark.parametrize("service", SERVICES)
def test_own_partner_and_unrelated_rows_straight_on_the_database(
    service: str, opened: Callable[[str], PostgresDatabase], postgres_url: str
) -> None:
    database = opened(service)
    tables = owned_tables(database.base)
    for table in tables:
        fill(database, postgres_url, table)

    for table in tables:
        assert seen_by(database, table, ME) == {MINE, READ, WRITE}, table.name
        assert seen_by(database, table, person("SJ", Role.PLANNER)) == set(), table.name
        assert seen_by(database, table, person("JT", Role.PLANNER, county=ELSEWHERE)) == {OTHER}, table.name
        assert seen_by(database, table, None) == set(), "nobody said for whom"
        assert seen_by(database, table, Actor.system(service)) == {MINE, READ, WRITE, FOREIGN, OTHER}, table.name
        assert touched(database, table, "UPDATE {} SET county = county") == {MINE, WRITE}, table.name
        assert touched(database, table, "DELETE FROM {}") == {MINE}, table.name
        for one, owner, county in (("a", "GA", COUNTY), ("b", "JT", ELSEWHERE)):
            with pytest.raises(ProgrammingError, match="row-level security"):
                add(database, table, row_of(table, one, owner, county))
        with pytest.raises(ProgrammingError, match="row-level security"):
            touched(database, table, "UPDATE {} SET owner_agency = 'SJ'")
        add(database, table, row_of(table, "c", "JT"))
        check_lines(database, table)
    print(f"{service}: {len(tables)} tables of owned rows, and with whom each is shared")


def check_lines(database: PostgresDatabase, table: Table) -> None:
    """The same matrix for the lines that say with whom the rows are shared."""
    for actor, lines in (
        (ME, {(MINE, "GA"), (READ, "JT"), (WRITE, "JT")}),
        (person("GA", Role.PLANNER), {(MINE, "GA"), (READ, "JT"), (WRITE, "JT")}),
        (person("SJ", Role.PLANNER), set()),
        (person("JT", Role.PLANNER, county=ELSEWHERE), {(OTHER, "GA")}),
        (person("GA", Role.PLANNER, county=ELSEWHERE), {(OTHER, "GA")}),
        (None, set()),
        (Actor.system("x"), {(MINE, "GA"), (READ, "JT"), (WRITE, "JT"), (OTHER, "GA")}),
    ):
        assert lines_seen_by(database, table, actor) == lines, (table.name, actor)
    of = f"table_name = '{table.name}' RETURNING row_id"
    assert lines_touched(database, f"UPDATE shared_with SET write = true WHERE {of}") == {MINE}, table.name
    assert lines_touched(database, f"DELETE FROM shared_with WHERE {of}") == {MINE}, table.name
    for row, county, owner in (
        (FOREIGN, COUNTY, "JT"),  # another's row, said to be one's own
        (READ, COUNTY, "JT"),  # one that is shared with me is not mine to share
        (WRITE, COUNTY, "JT"),
        (OTHER, COUNTY, "JT"),  # of another county
        (FOREIGN, COUNTY, "GA"),  # in another's name
        (MINE, ELSEWHERE, "JT"),
        (FOREIGN, None, None),  # as a release before writes it
    ):
        for to in ("SJ", "JT") if row == FOREIGN else ("SJ",):
            with pytest.raises(ProgrammingError, match="row-level security"):
                share_by_hand(database, table, ME, row, to, county, owner)
    with pytest.raises(ProgrammingError, match="row-level security"):
        lines_touched(
            database, f"UPDATE shared_with SET row_id = '{FOREIGN}' WHERE table_name = '{table.name}' RETURNING row_id"
        )
    with pytest.raises(ProgrammingError, match="row-level security"):  # what is not there yet, at the commit
        share_by_hand(database, table, ME, "never", "JT", COUNTY, "JT")
    share_by_hand(database, table, ME, MINE, "SJ", COUNTY, "JT")
    share_by_hand(database, table, ME, MINE, "XJ", None, None)
    share_by_hand(database, table, Actor.system("x"), FOREIGN, "SJ", None, None)
    assert seen_by(database, table, person("SJ", Role.PLANNER)) == {MINE, FOREIGN}, table.name
    with database.read(Actor.system("x")) as session:
        owners = select(shared_with.c.row_id, shared_with.c.county, shared_with.c.owner_agency)
        found = session.connection().execute(
            owners.where(shared_with.c.agency.in_(["SJ", "XJ"]), shared_with.c.table_name == table.name)
        )
        assert sorted(map(tuple, found)) == [(FOREIGN, COUNTY, "GA"), (MINE, COUNTY, "JT"), (MINE, COUNTY, "JT")]


def lines_seen_by(database: PostgresDatabase, table: Table, actor: Actor | None) -> set[tuple[str, str]]:
    lines = select(shared_with.c.row_id, shared_with.c.agency).where(shared_with.c.table_name == table.name)
    with database._reader.connect() as connection:
        if actor is not None:
            speak_for(connection, actor)
        return {(row, agency) for row, agency in connection.execute(lines)}


def lines_touched(database: PostgresDatabase, statement: str) -> set[str]:
    with database._writer.connect() as connection:
        speak_for(connection, ME)
        return set(connection.scalars(text(statement)))


def share_by_hand(
    database: PostgresDatabase, table: Table, actor: Actor, row: str, to: str, county: str | None, owner: str | None
) -> None:
    line: dict[str, Any] = {"table_name": table.name, "row_id": row, "agency": to, "write": False}
    said = {"county": county, "owner_agency": owner} if owner else {}
    with database._writer.begin() as connection:
        speak_for(connection, actor)
        connection.execute(insert(shared_with), [line | said])


def seen_by(database: PostgresDatabase, table: Table, actor: Actor | None) -> set[str]:
    with database._reader.connect() as connection:
        if actor is not None:
            speak_for(connection, actor)
        return set(connection.scalars(select(table.c.id)))


def touched(database: PostgresDatabase, table: Table, statement: str) -> set[str]:
    """Name the rows that a statement of ours would change; nothing is kept."""
    with database._writer.connect() as connection:
        speak_for(connection, ME)
        return set(connection.scalars(text(statement.format(f'"{table.name}"') + " RETURNING id")))


def add(database: PostgresDatabase, table: Table, line: dict[str, Any]) -> None:
    with database._writer.connect() as connection:
        speak_for(connection, ME)
        connection.execute(insert(table), [line])


def test_a_command_shares_a_row_it_has_not_flushed_widens_it_and_takes_it_back(
    opened: Callable[[str], PostgresDatabase], postgres_url: str
) -> None:
    database = opened("planner")
    base: Any = database.base
    entity = next(m.class_ for m in base.registry.mappers if m.local_table.name == "campaign")
    fill(database, postgres_url, entity.__table__)
    with database.write(ME) as session:
        made = entity(**row_of(entity.__table__, "new", "JT"))
        session.add(made)
        rows.share(session, made, "GA")
        rows.share(session, made, "GA", write=True)
        rows.share(session, made, "GA")
        rows.share(session, made, "SJ")
    partner = person("GA", Role.PLANNER)
    assert seen_by(database, entity.__table__, partner) >= {"new"}

    with database.write(ME) as session:
        rows.unshare(session, session.get_one(entity, "new"), "GA")

    assert "new" not in seen_by(database, entity.__table__, partner)
    assert "new" in seen_by(database, entity.__table__, person("SJ", Role.PLANNER))


def test_lines_of_the_release_before_are_told_their_owners_by_the_migration(
    opened: Callable[[str], PostgresDatabase], postgres_url: str
) -> None:
    database = opened("planner")
    table = next(one for one in owned_tables(database.base) if one.name == "campaign")
    fill(database, postgres_url, table)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"SET search_path TO {database.schema}")
        admin.execute("SET session_replication_role = replica")  # no triggers: before they were there
        admin.execute("ALTER TABLE shared_with DISABLE ROW LEVEL SECURITY")
        admin.execute("UPDATE shared_with SET county = NULL, owner_agency = NULL")
        admin.execute("INSERT INTO shared_with VALUES ('gone_long_ago', 'r', 'JT', false)")
    assert seen_by(database, table, ME) == {MINE, READ, WRITE}, "open, as it was"

    assert migrate(database, folder_of("planner")) == ["row security of shared_with"]

    assert seen_by(database, table, ME) == {MINE, READ, WRITE}
    assert lines_seen_by(database, table, ME) == {(MINE, "GA"), (READ, "JT"), (WRITE, "JT")}
    assert pending(database, folder_of("planner")) == []


def test_a_session_without_its_own_wall_sees_no_more(
    opened: Callable[[str], PostgresDatabase], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = opened("planner")
    base: Any = database.base
    entity = next(m.class_ for m in base.registry.mappers if m.local_table.name == "campaign")
    fill(database, postgres_url, entity.__table__)
    monkeypatch.setattr(rows, "_criteria", lambda *wall: ())
    monkeypatch.setattr(rows, "_options", lambda *wall: ())

    with database.read(ME) as session:
        assert set(session.scalars(select(entity.id))) == {MINE, READ, WRITE}
    with database.write(ME) as session:
        assert set(session.scalars(select(entity.id))) == {MINE, READ, WRITE}
    with database.read(Actor.system("planner")) as session:
        assert len(session.scalars(select(entity.id)).all()) == 5
        assert isinstance(session, Session)


def test_a_table_without_its_policies_counts_as_not_migrated_and_gets_them(
    opened: Callable[[str], PostgresDatabase], postgres_url: str
) -> None:
    database = opened("results")
    folder = folder_of("results")
    assert pending(database, folder) == []
    table = owned_tables(database.base)[0].name

    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'ALTER TABLE {database.schema}."{table}" NO FORCE ROW LEVEL SECURITY')
    assert pending(database, folder) == [f"row security of {table}"]
    assert migrate(database, folder) == [f"row security of {table}"]
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'CREATE POLICY hole ON {database.schema}."{table}" USING (true)')
    assert migrate(database, folder) == [f"row security of {table}"], "a policy of somebody else's is a hole"

    assert pending(database, folder) == []
