"""A migration that meets a long transaction gives up in time, changes nothing, lets everybody else through, and can be run again."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from runtime.store import postgres
from runtime.store.migrate import MigrationLocked, migrate, pending
from runtime.store.postgres import PostgresDatabase, provision
from tests.conformance import toy

WAITS_MS = 1_000
STEP = """
from alembic import op
import sqlalchemy as sa
revision, down_revision, branch_labels, depends_on = "{name}", {down!r}, None, None


def upgrade():
    {does}
"""
FIRST = 'op.create_table("heard", sa.Column("id", sa.String(), primary_key=True))'
SECOND = """op.create_table("other", sa.Column("id", sa.String(), primary_key=True))
    op.add_column("heard", sa.Column("more", sa.String(), nullable=True))"""


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    name = f"locks_{uuid.uuid4().hex[:8]}"
    provision(postgres_url, name, name, "a password")
    url = make_url(postgres_url).set(username=name, password="a password")
    made = PostgresDatabase(url.render_as_string(hide_password=False), name, toy.ListenerBase)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path, database: PostgresDatabase) -> Path:
    """Migrations of a service, the first of which has run, on a database without a wall."""
    (tmp_path / "0001_x.py").write_text(STEP.format(name="0001_x", down=None, does=FIRST))
    database.unwalled = lambda connection: []  # type: ignore[method-assign]  # the toy's columns are not all there
    database.raise_wall = lambda connection: None  # type: ignore[method-assign]
    migrate(database, tmp_path)
    (tmp_path / "0002_y.py").write_text(STEP.format(name="0002_y", down="0001_x", does=SECOND))
    return tmp_path


@pytest.mark.parametrize("held", ["SELECT 1 FROM {}.heard", "LOCK TABLE {}.heard IN ROW EXCLUSIVE MODE"])
def test_a_long_transaction_makes_it_give_up_in_time_and_run_again_later(
    held: str, database: PostgresDatabase, folder: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert postgres.MIGRATION_LOCK_TIMEOUT_MS <= 5_000, "for so long everybody queues behind it"
    monkeypatch.setattr(postgres, "MIGRATION_LOCK_TIMEOUT_MS", WAITS_MS)
    with psycopg.connect(postgres_url) as long, psycopg.connect(postgres_url, autocommit=True) as other:
        long.execute(held.format(database.schema))
        began = time.monotonic()

        with pytest.raises(MigrationLocked) as refusal:
            migrate(database, folder)

        waited = time.monotonic() - began
        assert refusal.value.code == "migration.locked"
        assert refusal.value.facts == {"database": str(database)}
        assert waited >= WAITS_MS / 1000
        other.execute("SET lock_timeout = 100")  # nobody queues behind it any more
        other.execute(f"SELECT count(*) FROM {database.schema}.heard")
        there = other.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename = 'other'", [database.schema]
        )
        assert there.fetchone() == (0,), "what it did before it waited is undone"
        assert pending(database, folder) == ["0002_y"]

    assert migrate(database, folder) == ["0002_y"]
    assert pending(database, folder) == []
    print(f"gave up after {waited:.1f} s, and ran when the table was free")


def test_a_writer_that_does_not_end_makes_it_give_up_too(
    database: PostgresDatabase, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "MIGRATION_LOCK_TIMEOUT_MS", WAITS_MS)
    with database.write_plumbing():
        with pytest.raises(MigrationLocked):
            migrate(database, folder)

    assert migrate(database, folder) == ["0002_y"]
