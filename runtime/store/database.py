"""A service's own database: write transactions one after the other, reads beside them."""

import fcntl
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import QueuePool

from runtime.store.actor import Actor
from runtime.store.rows import add_wall, check_writes

BUSY_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class Claim:
    """What this process has and no other may have at the same time; freed when the process dies."""

    give_back: Callable[[], None]
    held: Callable[[], bool] = lambda: True  # a lock of the kernel stays ours; one of a server may be lost with it


class FairLock:
    """
    A lock that is handed over in the order of asking.

    SQLite lets writers race for its lock, and a busy worker starves the web (measured: 4 writes in 8 s instead of 347).
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for one's turn, and pass the lock on at the end."""
        with self._guard:
            mine = None
            if self._held:
                mine = threading.Event()
                self._queue.append(mine)
            self._held = True
        if mine is not None:
            mine.wait()
        try:
            yield
        finally:
            with self._guard:
                if self._queue:
                    self._queue.popleft().set()
                else:
                    self._held = False


_locks: dict[Path, FairLock] = {}
_locks_guard = threading.Lock()


def write_lock(path: Path) -> FairLock:
    """Return the process-wide write lock of one SQLite file."""
    with _locks_guard:
        return _locks.setdefault(path.resolve(), FairLock())


class WalledSession(Session):
    """
    A session bound to one actor (``info["actor"]``) and one service's tables (``info["base"]``).

    It keeps every row it has met until it closes, so that what several steps of one command ask for by key is read once
    (a session by itself forgets rows that nobody holds at the moment, and half of all statements were repetitions).
    """


def _keep(session: Session, row: object) -> None:
    session.info.setdefault("kept", []).append(row)


event.listen(WalledSession, "do_orm_execute", add_wall)
event.listen(WalledSession, "before_flush", check_writes)
event.listen(WalledSession, "loaded_as_persistent", _keep)
event.listen(WalledSession, "pending_to_persistent", _keep)


class Database:
    """One SQLite file (WAL, synchronous=FULL). Sessions come from ``write`` and ``read`` only."""

    def __init__(self, path: Path, base: type[DeclarativeBase]) -> None:
        self.path = path
        self.base = base
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = write_lock(path)
        self._writer = _engine(path, begin="BEGIN IMMEDIATE", query_only=False)
        self._reader = _engine(path, begin="BEGIN", query_only=True)

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def write(self, actor: Actor) -> Iterator[Session]:
        """Open one write transaction for *actor*; commits at the end, rolls back on any exception."""
        with self._lock.held():
            session = WalledSession(self._writer, info={"actor": actor, "base": self.base}, expire_on_commit=False)
            with session, session.begin():
                session.connection()
                yield session

    @contextmanager
    def write_plumbing(self) -> Iterator[Connection]:
        """Open one write transaction on runtime's own tables, without a session: a quarter of its cost."""
        with self._lock.held(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read_plumbing(self) -> Iterator[Connection]:
        """Open one snapshot for reading runtime's own tables, without a session."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def read(self, actor: Actor) -> Iterator[Session]:
        """Open a read-only session for *actor*: one consistent snapshot."""
        with WalledSession(
            self._reader, info={"actor": actor, "base": self.base}, expire_on_commit=False, autoflush=False
        ) as session:
            yield session

    def claim(self, name: str) -> Claim | None:
        """
        Claim for this process what only one may be at a time among those who share this database.

        Args:
            name: What is claimed: letters, digits and ``-``.

        Returns:
            The claim; None if somebody has it.
        """
        file = open(self.path.with_name(f"{self.path.name}.{name}.lock"), "ab")  # noqa: SIM115  held until given back
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return Claim(file.close)

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """
        Call *wake* whenever some process may have written to the outbox; return what ends that.

        One SQLite file belongs to one process, which wakes its relay itself: nothing is to be listened to.
        """
        return lambda: None

    def migration_connection(self) -> Connection:
        """Open a connection for migrations: foreign keys off, no transaction begun."""
        engine = _engine(self.path, begin=None, query_only=False, foreign_keys=False)
        return engine.connect()

    def begin_migration(self, connection: Connection) -> None:
        """Begin the one transaction of a migration."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def unwalled(self, connection: Connection) -> list[str]:
        """Return nothing: SQLite has no second wall."""
        return []

    def raise_wall(self, connection: Connection) -> None:
        """Do nothing: SQLite has no second wall."""

    def dangling(self, connection: Connection) -> list[str]:
        """Name the tables with rows that point nowhere (a migration runs with foreign keys off)."""
        return sorted({row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})

    def keep_copy(self, folder: Path, name: str) -> None:
        """Copy the file beside itself, if it holds anything."""
        if not self.path.stat().st_size:
            return
        folder.mkdir(parents=True, exist_ok=True)
        source, copy = sqlite3.connect(self.path), sqlite3.connect(folder / f"{self.path.stem}-{name}.sqlite")
        with copy:
            source.backup(copy)
        source.close()
        copy.close()

    def close(self) -> None:
        """Close all pooled connections."""
        self._writer.dispose()
        self._reader.dispose()


def _engine(path: Path, *, begin: str | None, query_only: bool, foreign_keys: bool = True) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        hide_parameters=True,  # errors are logged and parked; the values of a row are nobody else's business
        pool_size=8,
        max_overflow=8,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        cursor.execute(f"PRAGMA query_only={'ON' if query_only else 'OFF'}")
        cursor.close()

    if begin is not None:
        # Not by the event "begin": an engine that has any event pays for all of them at every statement.
        engine.dialect.do_begin = lambda connection: connection.execute(begin)  # type: ignore
    return engine
