"""A database that lives in memory and travels as bytes: for work that must leave no row anywhere else."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import StaticPool

from runtime.store.database import Database, FairLock
from runtime.store.plumbing import metadata as plumbing

PAGE_BYTES = 512  # some fifty tables, most of them empty: a page each


class MemoryDatabase(Database):
    """
    One SQLite database in memory, with sessions and walls as every other has.

    It has no file, so nothing is claimed, copied or migrated: what was written by another release is not read.

    Args:
        base: The service's tables.
        content: What ``content`` gave before; None: a new one with empty tables.
    """

    def __init__(self, base: type[DeclarativeBase], content: bytes | None = None) -> None:
        self.path = Path(":memory:")
        self.base = base
        self._lock = FairLock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        if content is None:
            self._connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        else:
            self._connection.deserialize(content)
        engine = create_engine(
            "sqlite://",
            creator=lambda: self._connection,
            poolclass=StaticPool,
            hide_parameters=True,  # as of every other database
        )

        @event.listens_for(engine, "connect")
        def _set_up(connection: Any, record: object) -> None:
            connection.execute("PRAGMA foreign_keys=ON")

        engine.dialect.do_begin = lambda connection: connection.execute("BEGIN")  # type: ignore
        self._writer = self._reader = engine
        if content is None:
            with engine.begin() as connection:
                plumbing.create_all(connection)
                base.metadata.create_all(connection)

    def content(self) -> bytes:
        """Give everything in it, between two transactions."""
        return self._connection.serialize()

    def close(self) -> None:
        """Forget it."""
        super().close()
        self._connection.close()
