"""The state digest sees every column that counts, and only those."""

import importlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Date, Float, Integer, LargeBinary, MetaData, Numeric, Table, create_engine

from runtime.store.digest import counted_columns, counted_tables, state_digests, table_digest
from runtime.store.plumbing import Moment
from runtime.store.plumbing import metadata as plumbing

SERVICES = ("console", "planner", "drawer", "results", "notifier")


def value(column: Column[Any], turn: int) -> Any:
    """Make a value for *column*, another one for every *turn*."""
    kind = column.type
    if isinstance(kind, Moment):
        return datetime(2018, 12, 3, tzinfo=UTC) + timedelta(hours=turn)
    if isinstance(kind, Date):
        return date(2018, 12, 3) + timedelta(days=turn)
    if isinstance(kind, Boolean):
        return bool(turn % 2)
    if isinstance(kind, Integer | Float | Numeric):
        return turn
    if isinstance(kind, LargeBinary):
        return bytes([turn])
    if isinstance(kind, JSON):
        return {"turn": turn}
    return f"value-{turn}"


def tables_of(service: str) -> list[Table]:
    metadata: MetaData = importlib.import_module(f"services.{service}.tables").Base.metadata
    return counted_tables(metadata.tables.values())


TABLES = sorted(
    {(service, table.name): table for service in SERVICES for table in tables_of(service)}.items(),
    key=lambda pair: pair[0],
)


NOT_COUNTED = {
    "console.account.password_hash",  # salted
    "console.account.must_change_password",
    "console.api_client.key_digest",  # random
    "console.api_client.used_at",
    "console.failed_sign_ins",  # attempts and sessions follow the real clock
    "console.live_session",
    "console.sign_in_audit",
    "planner.frame.document",  # names of sealed blobs: the key is drawn anew
    "planner.frame.rosters",
    "planner.frame.annex",
    "drawer.draw_secret.sealed",  # sealed under a fresh nonce
    "drawer.reveal.sealed",
    "drawer.roster_secret.sealed",
    "drawer.signing_key.sealed",
    "drawer.round.sealed",
    "drawer.rehearsal.sealed",
    "drawer.change.file",  # named anew where a request is tried again
    "drawer.dice.photo_file",
    "drawer.fault.file",
    "drawer.joint_signature.photo_file",
    "drawer.imported_draw.file",
    "drawer.imported_draw.work",
    "notifier.feed_entry.number",  # the order across topics is not promised
    "notifier.feed_entry.body",  # a trace id may stand in it
    "notifier.webhook.secret",  # sealed under a fresh nonce
    "notifier.webhook.secret_before",
    "notifier.webhook.before_until",  # retries follow the real clock
    "notifier.delivery.number",
    "notifier.delivery.body",
    "notifier.delivery.state",
    "notifier.delivery.tries",
    "notifier.delivery.next_at",
    "notifier.delivery.ended_at",
    "results.evidence.blob",
    "results.referral_package.blobs",
    "results.referral_scan.blob",
}
"""Tables and columns that opt out of the digest, each by name; anything else that opts out fails the test."""


def test_what_opts_out_of_the_digest_is_listed_here() -> None:
    out = set()
    for service in SERVICES:
        metadata: MetaData = importlib.import_module(f"services.{service}.tables").Base.metadata
        for table in metadata.tables.values():
            if table.info["kind"] == "plumbing":
                out.add(f"{service}.{table.name}")
            out |= {
                f"{service}.{table.name}.{column.name}"
                for column in table.columns
                if not column.info.get("digest", True)
            }

    assert out == NOT_COUNTED


@pytest.mark.parametrize("table", [pytest.param(table, id=".".join(name)) for name, table in TABLES])
def test_a_change_in_any_counted_column_shows_and_in_no_other(table: Table, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.sqlite'}")
    counted = {column.name for column in counted_columns(table)}
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert().values({column.name: value(column, 1) for column in table.columns}))
        before = table_digest(connection, table)
        for column in table.columns:
            connection.execute(table.update().values({column.name: value(column, 2)}))
            changed = table_digest(connection, table) != before
            connection.execute(table.update().values({column.name: value(column, 1)}))

            assert changed is (column.name in counted), f"{table.name}.{column.name}"
    engine.dispose()


def test_the_order_in_which_rows_came_does_not_show(tmp_path: Path) -> None:
    digests = []
    for order in ([1, 2], [2, 1]):
        engine = create_engine(f"sqlite:///{tmp_path / str(order[0])}")
        with engine.begin() as connection:
            plumbing.create_all(connection)
            table = plumbing.tables["shared_with"]
            for turn in order:
                connection.execute(
                    table.insert().values({column.name: value(column, turn) for column in table.columns})
                )
            digests.append(state_digests(connection, []))
        engine.dispose()

    assert digests[0] == digests[1]
    assert set(digests[0]) == {"shared_with"}
