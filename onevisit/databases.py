"""
Where an installation's databases are: files in its data folder, or schemas in PostgreSQL (``[postgres]`` of ``settings.toml``).

Which it is stands in the settings file and nowhere else: a command started without some variable must not make empty files
beside the true data. Passwords stand in files of their own and are never settings.
"""

import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from runtime.errors import OneVisitError
from schemas.vocabulary import SERVICES

if TYPE_CHECKING:
    from runtime.store.places import Place  # brings SQLAlchemy, which `demo` starts without


READER = "backup"
"""Who reads all schemas for a backup, and changes nothing; its role and password are named as a service's are."""


class PostgresPasswordMissing(OneVisitError):
    """A service's password for PostgreSQL is not where the settings say; nothing falls back to another."""

    code = "postgres.password_missing"


def _bare(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme != "postgresql" or not parts.hostname or not parts.username or parts.password is not None):
        raise ValueError("postgresql://{service}@host:port/database, without a password")
    return url


class PostgresSettings(BaseModel):
    """How the services reach PostgreSQL, if they do; each has a role and a schema of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_bare)] = Field(
        default="",
        description="`postgresql://{service}@host:port/database`, no password; empty: SQLite in the data folder",
    )
    password_file: str = Field(
        default="postgres/{service}.password",
        description="file with a role's password, in the data folder or elsewhere",
    )

    def role(self, service: str) -> str:
        """Name the role of *service*."""
        return str(urlsplit(self.url).username).replace("{service}", service)

    @property
    def has_reader(self) -> bool:
        """Tell whether the reader has a role and a password of its own; where all services share one, it has not."""
        return "{service}" in str(urlsplit(self.url).username) and "{service}" in self.password_file

    def password_path(self, home: Path, service: str) -> Path:
        """Tell where the password of *service* stands."""
        return home / self.password_file.replace("{service}", service)


def place_of(home: Path, settings: PostgresSettings, services: Collection[str] = SERVICES) -> "Place":
    """
    Tell where the *services* of the data folder *home* keep their data.

    Raises:
        PostgresPasswordMissing: it is PostgreSQL, and a service's password is not there.
    """
    if not settings.url:
        return home / "db"
    return {service: _address(settings, service, _password(home, settings, service)) for service in services}


def provision_all(home: Path, settings: PostgresSettings, admin: str) -> list[str]:
    """
    Make every service's role and schema in PostgreSQL, and a random password where none is there; harmless if repeated.

    Args:
        home: The data folder.
        settings: Where PostgreSQL is.
        admin: Address with a role that may make roles and schemas, and its password.

    Returns:
        The schemas.

    Raises:
        PostgresNotInstalled: the packages for it are missing.
    """
    from runtime.store.places import postgres

    for service in SERVICES:
        _make_password(settings.password_path(home, service))
        postgres().provision(admin, service, settings.role(service), _password(home, settings, service))
    if settings.has_reader:
        _make_password(settings.password_path(home, READER))
        postgres().provision_reader(admin, settings.role(READER), _password(home, settings, READER))
    return list(SERVICES)


def reading_address(home: Path, settings: PostgresSettings) -> str | None:
    """Return the reader's address, with its password; None where ``provision`` has made no reader (yet)."""
    if not settings.url or not settings.has_reader or not settings.password_path(home, READER).exists():
        return None
    return _address(settings, READER, _password(home, settings, READER))


def _address(settings: PostgresSettings, service: str, password: str) -> str:
    parts = urlsplit(settings.url)
    at = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{settings.role(service)}:{quote(password, safe='')}@{at}").geturl()


def _password(home: Path, settings: PostgresSettings, service: str) -> str:
    file = settings.password_path(home, service)
    try:
        password = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        password = ""
    if not password:
        raise PostgresPasswordMissing(service=service, path=str(file))
    return password


def _make_password(file: Path) -> None:
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as new:
        new.write(secrets.token_urlsafe(24))
        new.flush()
        os.fsync(new.fileno())
