"""Telling a database that is away from a statement that is wrong: the first is waited out, the second is a bug."""

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from runtime.errors import TryAgain


class DatabaseAway(TryAgain):
    """The database does not answer; nothing is done without it, and the same request may be sent again."""

    code = "store.away"


_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
"""What SQLite says of a file or a disk, whatever was asked of it (https://www.sqlite.org/rescode.html)."""

_AWAY_STATES = ("08", "25P03", "40", "53", "55P03", "57P01", "57P02", "57P03", "58")
"""
How PostgreSQL's SQLSTATEs begin where it is the server: connection lost, or ended because this process stood still in a
transaction, deadlock, no disk or memory or connection left, a lock not had in time, shutting down or starting, the system's
fault (PostgreSQL manual, appendix A).
"""


def database_is_away(error: BaseException) -> bool:
    """
    Tell whether *error* is about the database and not about what was asked of it.

    Busy, locked, unreadable, full or damaged, cut off or restarting: no event is to blame, and none may be parked for it.
    "No such column" and the like are the asker's, though SQLite's driver puts both into one class.
    """
    if isinstance(error, NoConnectionLeft):  # all of the pool's are in use
        return True
    said: Any = error.orig if isinstance(error, DBAPIError) else error
    if hasattr(said, "sqlstate"):  # PostgreSQL's driver
        if said.sqlstate is not None:
            return str(said.sqlstate).startswith(_AWAY_STATES)
        # The server said nothing: it cannot be reached, or the connection broke.
        return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
    code = getattr(said, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _AWAY  # the low byte; the others say more about the same


def lock_not_had(error: DBAPIError) -> bool:
    """Tell whether *error* is that of a lock that others held for too long."""
    said: Any = error.orig
    if hasattr(said, "sqlstate"):
        return bool(said.sqlstate == "55P03")
    return (getattr(said, "sqlite_errorcode", None) or 0) & 0xFF == sqlite3.SQLITE_BUSY
