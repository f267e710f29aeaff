"""What goes wrong around the system (files, ports, databases, settings), turned into refusals with a code and a next step."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from runtime.errors import OneVisitError
from runtime.store.away import database_is_away
from runtime.store.database import Database

_FILES_ZH = {
    errno.ENOENT: "路径不存在",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.ENOTDIR: "路径中有一段不是文件夹",
    errno.EISDIR: "是文件夹，不是文件",
    errno.EEXIST: "已有同名文件",
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已满",
    errno.EROFS: "文件系统只读",
    errno.EMFILE: "打开的文件过多",
    errno.EADDRINUSE: "地址已被占用",
    errno.EADDRNOTAVAIL: "本机没有这个地址",
}
_DATABASES_ZH = {
    "file is not a database": "不是数据库文件",
    "database disk image is malformed": "内容已损坏",
    "malformed database schema": "内容已损坏",
    "database is locked": "正被其他进程占用",
    "unable to open database file": "无法打开",
    "attempt to write a readonly database": "只能读，不能写",
    "database or disk is full": "磁盘已满",
    "disk I/O error": "磁盘读写出错",
    "no such table": "缺少数据表",
    "no such column": "缺少数据列",
    "connection failed": "连接失败",
    "connection timeout": "连接超时",
    "no schema has been selected": "没有模式",
    "permission denied": "没有权限",
}
_NOT_PROVISIONED = ("28", "3D", "3F", "42501")  # SQLSTATEs: may not sign in, no such database, no such schema, no right
UNKNOWN_ZH = "原因见英文"


class FileUnusable(OneVisitError):
    """The machine does not let a file, a folder or an address be used."""

    code = "machine.file_unusable"


class DatabaseUnusable(OneVisitError):
    """A database cannot be opened, read or written: damaged, locked, read-only, or not of this release."""

    code = "machine.database_unusable"


class ServerUnusable(OneVisitError):
    """PostgreSQL cannot be reached, does not let a service in, or lacks its schema."""

    code = "machine.server_unusable"


class ServiceSettingsWrong(OneVisitError):
    """A service's setting, in the environment or in the settings file, is not what it should be."""

    code = "settings.invalid"


def as_refusal(error: Exception) -> OneVisitError | None:
    """Turn what the machine said into a refusal; None for a bug, which keeps its traceback."""
    match error:
        case OneVisitError():
            return error
        case OSError():
            return file_unusable(error)
        case DBAPIError() | sqlite3.Error():
            return _database("—", error)
        case ValidationError() if error.title.endswith("Settings"):
            service = error.title.split(" ")[0]  # ServiceSettings: "<service> Settings"
            fields = sorted({".".join(map(str, (service, *one["loc"]))) for one in error.errors()})
            return ServiceSettingsWrong(settings=fields)
    return None


@contextmanager
def named(database: Database | Path) -> Iterator[None]:
    """Name *database*, or the database file at a path, in whatever its engine complains of."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        refusal = _database(str(database), error)
        if refusal is None:
            raise
        raise refusal from error


def _database(where: str, error: Exception) -> OneVisitError | None:
    """Turn a complaint about the file or the server into a refusal; None for one about a statement or its values (a bug)."""
    said = error.orig if isinstance(error, DBAPIError) else error
    if said is None:
        return None
    why = str(said).partition("\n")[0]
    zh = next((zh for start, zh in _DATABASES_ZH.items() if why.startswith(start)), UNKNOWN_ZH)
    if type(said) in (sqlite3.DatabaseError, sqlite3.OperationalError):
        return DatabaseUnusable(path=where, why=why, why_zh=zh)
    if database_is_away(error) or str(getattr(said, "sqlstate", "")).startswith(_NOT_PROVISIONED):
        return ServerUnusable(where=where, why=why, why_zh=zh)
    return None


def file_unusable(error: OSError) -> FileUnusable:
    """Say why the machine refuses a file, a folder or an address."""
    why = error.strerror or str(error)
    return FileUnusable(path=str(error.filename or "—"), why=why, why_zh=_FILES_ZH.get(error.errno or 0, UNKNOWN_ZH))
