"""What is said differently to SQLite and to PostgreSQL: INSERT … ON CONFLICT, and that the outbox has something."""

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite

Upsert = sqlite.Insert | postgresql.Insert


def upsert(connection: Connection, table: Table) -> Upsert:
    """Begin an INSERT that can say what happens on a conflict."""
    return upsert_in(connection.dialect.name, table)


def upsert_in(dialect: str, table: Table) -> Upsert:
    """Begin an INSERT that can say what happens on a conflict, in the dialect of that name."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def outbox_channel(schema: str) -> str:
    """Name the channel on which a service's processes hear that its outbox has something."""
    return f"{schema}.outbox"


def tell_of_outbox(connection: Connection) -> None:
    """Let whoever relays for this service know, once this transaction has committed; on SQLite it is the same process."""
    if connection.dialect.name == "postgresql":
        connection.execute(_TELL)


_TELL = text("SELECT pg_notify(current_schema() || '.outbox', '')")
