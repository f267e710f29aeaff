"""INSERT … ON CONFLICT in the dialect of whichever database a service stands on."""

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Upsert = sqlite.Insert | postgresql.Insert


def upsert(connection: Connection, table: Table) -> Upsert:
    """Begin an INSERT that can say what happens on a conflict."""
    return upsert_in(connection.dialect.name, table)


def upsert_in(dialect: str, table: Table) -> Upsert:
    """Begin an INSERT that can say what happens on a conflict, in the dialect of that name."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
