"""Telling a database that is away from a statement that is wrong: the first is waited out, the second is a bug."""

import sqlite3

from sqlalchemy.exc import DBAPIError

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


def database_is_away(error: BaseException) -> bool:
    """
    Tell whether *error* is about the database and not about what was asked of it.

    Busy, locked, unreadable, full or damaged: no event is to blame, and none may be parked for it. "No such column" and
    the like are the asker's, though the driver puts both into one class.
    """
    said = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(said, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _AWAY  # the low byte; the others say more about the same
