"""
The state digest: one value that two runs share exactly when their business tables are equal.

Every table says in ``info["kind"]`` whether it is owned, a projection or plumbing; plumbing is left out, and so are
columns marked ``info={"digest": False}`` (password hashes, sealed values). Sequences, attempts and offsets are plumbing.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, select

from runtime.store.plumbing import metadata as plumbing

KINDS = ("owned", "projection", "plumbing")


def counted_tables(tables: Iterable[Table]) -> list[Table]:
    """Return the tables that count, with the plumbing's own shared business table, by name."""
    both = [*tables, *plumbing.tables.values()]
    return sorted((table for table in both if table.info["kind"] != "plumbing"), key=lambda table: table.name)


def counted_columns(table: Table) -> list[Column[Any]]:
    """Return the columns that count, by name."""
    return sorted(
        (column for column in table.columns if column.info.get("digest", True)), key=lambda column: column.name
    )


def table_digest(connection: Connection, table: Table) -> str:
    """Digest the counted columns of *table*, rows sorted by their content: hex SHA-256."""
    columns = counted_columns(table)
    rows = [[_plain(value) for value in row] for row in connection.execute(select(*columns))]
    lines = sorted(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    told = json.dumps([table.name, [column.name for column in columns], lines], ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def state_digests(connection: Connection, tables: Iterable[Table]) -> dict[str, str]:
    """Digest every counted table: {table: hex}."""
    return {table.name: table_digest(connection, table) for table in counted_tables(tables)}


def combined(digests: object) -> str:
    """Digest a JSON-able structure of digests into one: hex SHA-256."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value
