"""
A service's own schema in PostgreSQL, under a role that has rights there and nowhere else.

Write transactions of a service run one after the other, as on SQLite: each takes the service's advisory lock first. What
commands and handlers check is therefore still so when they write, whichever database they stand on (ADR 0011).
"""

import re
import threading
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import NullPool

from runtime.store.actor import Actor
from runtime.store.database import BUSY_TIMEOUT_MS, Claim, Database, WalledSession
from runtime.store.row_security import SYSTEM, raise_wall, speak_for, unwalled
from runtime.store.upserts import outbox_channel

CONNECT_SECONDS = 10
MIGRATION_LOCK_TIMEOUT_MS = 5_000  # a migration that waits for a table holds up everybody behind it
# A connection that a restart of the server has cut is replaced before it is used. Few are kept: there are two pools for each
# service in each process, and PostgreSQL has 100 connections unless it is told otherwise (docs/howto/distribute.md).
POOL: Mapping[str, Any] = {"pool_size": 2, "max_overflow": 8, "pool_pre_ping": True}
LISTEN_SECONDS = 1.0  # between two looks whether to go on, and before listening again after a loss

KEEPALIVE_IDLE_SECONDS = 10
KEEPALIVE_INTERVAL_SECONDS = 5
KEEPALIVE_COUNT = 3
UNACKNOWLEDGED_MS = 20_000  # sent and not acknowledged: the other side is gone
ALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": KEEPALIVE_IDLE_SECONDS,
    "keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
    "keepalives_count": KEEPALIVE_COUNT,
    "tcp_user_timeout": UNACKNOWLEDGED_MS,
}
"""How this side notices that the server's machine is gone."""

SERVER_ALIVE: Mapping[str, int] = {
    "tcp_keepalives_idle": KEEPALIVE_IDLE_SECONDS,
    "tcp_keepalives_interval": KEEPALIVE_INTERVAL_SECONDS,
    "tcp_keepalives_count": KEEPALIVE_COUNT,
    "tcp_user_timeout": UNACKNOWLEDGED_MS,
}
"""
How the server notices that this machine is gone. Without them it keeps the locks of a machine that lost its power (relay, lease,
ordinal, the writers' turn) for the two hours of Linux's own keepalive, and nobody else may take over.
"""

IDLE_WRITER_MS = 60_000
"""
After which the server ends a write transaction in which nothing is asked: a process that stands still holds up every writer of
its service. No command or handler works that long between two statements; migrations may, and readers hold nobody up.
"""

log = structlog.get_logger()

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


class PostgresDatabase(Database):
    """One schema of a PostgreSQL database. Sessions come from ``write`` and ``read`` only."""

    def __init__(self, url: str, schema: str, base: type[DeclarativeBase]) -> None:
        """
        Args:
            url: ``postgresql://role:password@host:port/database``.
            schema: The service's schema, made by ``provision``.
            base: The service's tables.
        """
        self.base = base
        self.schema = _plain(schema)
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        idle = f" -c idle_in_transaction_session_timeout={IDLE_WRITER_MS}"
        self._writer = self._engine(lock_timeout_ms=BUSY_TIMEOUT_MS, more=idle)
        self._reader = self._engine(lock_timeout_ms=BUSY_TIMEOUT_MS, reads_only=True)

    def __str__(self) -> str:
        return f"{self._url.host}:{self._url.port}/{self._url.database}/{self.schema}"

    @contextmanager
    def write(self, actor: Actor) -> Iterator[Session]:
        """Open one write transaction for *actor*; commits at the end, rolls back on any exception."""
        session = WalledSession(self._writer, info={"actor": actor, "base": self.base}, expire_on_commit=False)
        with session, session.begin():
            self._wait_for_turn(session.connection())
            speak_for(session.connection(), actor)
            yield session

    @contextmanager
    def read(self, actor: Actor) -> Iterator[Session]:
        """Open a read-only session for *actor*: one consistent snapshot."""
        with super().read(actor) as session:
            speak_for(session.connection(), actor)
            yield session

    @contextmanager
    def write_plumbing(self) -> Iterator[Connection]:
        """Open one write transaction on runtime's own tables, without a session."""
        with self._writer.begin() as connection:
            self._wait_for_turn(connection)
            yield connection

    def claim(self, name: str) -> Claim | None:
        """Claim *name* in this schema by a lock of a connection of its own; see ``Database.claim``."""
        connection = self._writer.connect()
        try:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key(name)}):
                connection.close()
                return None
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        connection.detach()  # never goes back to the pool, where the lock would stay with it
        return Claim(connection.close, lambda: _answers(connection))

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call *wake* whenever a transaction with events commits, in whichever process; return what ends that."""
        ended = threading.Event()

        def listen() -> None:
            while not ended.is_set():
                try:
                    with self._listening() as connection:
                        wake()  # what was said while nobody listened
                        while not ended.is_set():
                            for _ in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                                wake()
                except psycopg.Error as error:
                    log.warning("store.not_listening", schema=self.schema, why=type(error).__name__)
                    ended.wait(LISTEN_SECONDS)

        thread = threading.Thread(target=listen, name=f"{self.schema}-listening", daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            thread.join(2 * LISTEN_SECONDS)

        return end

    @contextmanager
    def _listening(self) -> Iterator[psycopg.Connection]:
        url = self._url  # by its parts: a password may hold what an address may not
        parts: dict[str, Any] = {"host": url.host, "port": url.port, "dbname": url.database}
        parts |= {
            "user": url.username,
            "password": url.password,
            "connect_timeout": CONNECT_SECONDS,
            "options": _server_alive(),
            **ALIVE,
            **url.query,
        }
        with psycopg.connect(autocommit=True, **parts) as connection:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(outbox_channel(self.schema))))
            yield connection

    def migration_connection(self) -> Connection:
        """Open a connection for migrations, which see every row, in an engine of its own."""
        limit = MIGRATION_LOCK_TIMEOUT_MS
        return self._engine(
            lock_timeout_ms=limit, pool={"poolclass": NullPool}, more=f" -c onevisit.agency={SYSTEM}"
        ).connect()

    def begin_migration(self, connection: Connection) -> None:
        """Begin the one transaction of a migration; one process migrates at a time."""
        self._wait_for_turn(connection)

    def unwalled(self, connection: Connection) -> list[str]:
        """Name the tables of owned rows that PostgreSQL itself does not keep from other agencies yet."""
        return [table.name for table in unwalled(connection, self.base)]

    def raise_wall(self, connection: Connection) -> None:
        """Have PostgreSQL keep owned rows from other agencies."""
        raise_wall(connection, unwalled(connection, self.base))

    def dangling(self, connection: Connection) -> list[str]:
        """Return nothing: PostgreSQL checks its foreign keys itself."""
        return []

    def keep_copy(self, folder: Any, name: str) -> None:
        """Do nothing: copies of a PostgreSQL are made by its operator (docs/runbook)."""

    def _wait_for_turn(self, connection: Connection) -> None:
        connection.execute(_TURN, {"key": self._key("write")})

    def _key(self, name: str) -> int:
        """Number what is locked: 64 bits out of schema and name, as PostgreSQL wants them."""
        return zlib.crc32(self.schema.encode()) << 31 | zlib.crc32(name.encode()) >> 1

    def _engine(
        self, *, lock_timeout_ms: int, reads_only: bool = False, pool: Mapping[str, Any] = POOL, more: str = ""
    ) -> Engine:
        options = (
            f"-c search_path={self.schema} -c lock_timeout={lock_timeout_ms} -c timezone=UTC {_server_alive()}{more}"
        )
        arguments: dict[str, Any] = {"options": options, "connect_timeout": CONNECT_SECONDS, **ALIVE}
        engine = create_engine(
            self._url,
            hide_parameters=True,  # errors are logged and parked; the values of a row are nobody else's business
            connect_args=arguments,
            **pool,
            isolation_level="REPEATABLE READ" if reads_only else "READ COMMITTED",
        )
        if reads_only:

            @event.listens_for(engine, "connect")
            def _set_up(connection: Any, record: object) -> None:
                connection.read_only = True

        return engine


def _server_alive() -> str:
    return " ".join(f"-c {name}={value}" for name, value in SERVER_ALIVE.items())


def _answers(connection: Connection) -> bool:
    """Tell whether a connection is still there, and with it the locks it has."""
    if connection.invalidated:  # asked again it would come back as another connection, without the locks
        return False
    try:
        connection.scalar(_ANSWER)
    except DBAPIError:
        return False
    return True


_ANSWER = text("SELECT 1")
_TURN = text("SELECT pg_advisory_xact_lock(:key)")


def provision(url: str, schema: str, role: str, password: str) -> None:
    """
    Make a service's schema and the role that owns it, or give the role this password if both are there.

    Args:
        url: Address with the administrator's role and password.
        schema: The schema's name.
        role: The role's name; it may sign in, and has no right outside *schema*.
        password: The role's password.
    """
    names = {"schema": sql.Identifier(_plain(schema)), "role": sql.Identifier(_plain(role))}
    secret = sql.Literal(password)
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(b"onevisit.provision")])
        there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = sql.SQL("ALTER" if there else "CREATE")
        said = sql.SQL("{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD {secret}")
        connection.execute(said.format(verb=verb, secret=secret, **names))
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}").format(**names))
        connection.execute(sql.SQL("REVOKE ALL ON SCHEMA {schema} FROM PUBLIC").format(**names))
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def provision_reader(url: str, role: str, password: str) -> None:
    """
    Make the role that may read everything and change nothing, for backups; or give it this password if it is there.

    A dump wants every row, whichever agency's, so row-level security does not hold for it.

    Args:
        url: Address with the administrator's role and password; a superuser, as nobody else may set ``BYPASSRLS``.
        role: The role's name.
        password: The role's password.
    """
    names = {"role": sql.Identifier(_plain(role))}
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(b"onevisit.provision")])
        there = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = sql.SQL("ALTER" if there else "CREATE")
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT BYPASSRLS CONNECTION LIMIT 8"
        said = sql.SQL("{verb} ROLE {role} {rights} PASSWORD {secret}")
        connection.execute(said.format(verb=verb, rights=sql.SQL(rights), secret=sql.Literal(password), **names))
        connection.execute(sql.SQL("GRANT pg_read_all_data TO {role}").format(**names))


def make_database(url: str, name: str) -> None:
    """Make an empty database beside the administrator's at *url*."""
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_plain(name))))


@contextmanager
def exported_snapshot(url: str) -> Iterator[str]:
    """Hold the database as it is now for others to read (``pg_dump --snapshot``); give the snapshot's name."""
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield str(row[0])


def schemas_with_tables(url: str, schemas: Collection[str]) -> list[str]:
    """Name those of *schemas* that have tables."""
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        query = "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1"
        return [str(name) for (name,) in connection.execute(query, [list(schemas)])]


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain name: {name!r}")
    return name
