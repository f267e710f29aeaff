"""An agency's API clients, as its administrator sees them."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import Scope
from services.console.domain.scopes import NAMES, is_live
from services.console.tables import ApiClient


@dataclass(frozen=True)
class ScopeView:
    """A scope with its names."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class ClientView:
    """A client; never its key."""

    id: str
    name: str
    scopes: tuple[ScopeView, ...]
    expires_on: date
    made_at: datetime
    made_by: str
    used_at: datetime | None
    revoked_at: datetime | None
    live: bool


def clients_of(session: Session, actor: Actor, *, now: datetime) -> tuple[ClientView, ...]:
    """List the clients of the asker's agency, newest first; *now* is business time."""
    rows = session.scalars(select(ApiClient).order_by(ApiClient.made_at.desc(), ApiClient.id.desc()))
    return tuple(
        ClientView(
            id=row.id,
            name=row.name,
            scopes=tuple(ScopeView(scope, *NAMES[Scope(scope)]) for scope in row.scopes),
            expires_on=row.expires_on,
            made_at=row.made_at,
            made_by=row.made_by,
            used_at=row.used_at,
            revoked_at=row.revoked_at,
            live=is_live(row.expires_on, row.revoked_at is not None, now),
        )
        for row in rows
    )
