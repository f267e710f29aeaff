"""Where the services keep their data: an SQLite file each in one folder, or a schema each in PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import DeclarativeBase

from runtime.errors import OneVisitError
from runtime.store.database import Database

Place = Path | Mapping[str, str]
"""The folder of the SQLite files, or each service's address in PostgreSQL, with its role and password."""


class PostgresNotInstalled(OneVisitError):
    """The embedded form needs no PostgreSQL packages, so they may not be there."""

    code = "postgres.not_installed"


def database_of(service: str, place: Place, base: type[DeclarativeBase]) -> Database:
    """
    Open the database of *service*, which has the tables of *base*; nothing is connected to yet.

    Raises:
        PostgresNotInstalled: it stands in PostgreSQL, and the packages for that are missing.
    """
    if isinstance(place, Path):
        return Database(place / f"{service}.sqlite", base)
    found: Database = postgres().PostgresDatabase(place[service], service, base)
    return found


def postgres() -> Any:
    """
    Import what speaks to PostgreSQL.

    Raises:
        PostgresNotInstalled: the packages for that are missing.
    """
    try:
        from runtime.store import postgres as found
    except ModuleNotFoundError as error:
        raise PostgresNotInstalled(package=error.name) from error
    return found
