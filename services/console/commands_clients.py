"""What an agency's administrator may ask about its API clients."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import Conflict, NotFound
from runtime.service import Reply
from runtime.store import Actor, next_id
from schemas.vocabulary import Scope
from services.console.domain.identity import check_name
from services.console.domain.scopes import check_expiry, check_room, check_scopes, is_live
from services.console.tables import ApiClient


class ClientUnknown(NotFound):
    """The asker's agency has no such client."""

    code = "client.unknown"


class ClientRevoked(Conflict):
    """A revoked client stays revoked."""

    code = "client.revoked"


def make_client(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    name: str,
    scopes: Sequence[Scope],
    expires_on: date,
    key_digest: str,
) -> Reply:
    """
    Let a program of the asker's agency in; the reply's value is ``{"client": id}``.

    Args:
        session: Of this service.
        actor: The agency's administrator.
        at: Business time.
        name: What the program is called.
        scopes: What it may do.
        expires_on: Last day of its key, at most 366 days from now.
        key_digest: SHA-256 of the key's random part, in hex; the key itself is never seen here.
    """
    held, last = check_scopes(scopes), check_expiry(expires_on, at)
    clients = session.scalars(select(ApiClient))
    check_room(sum(is_live(row.expires_on, row.revoked_at is not None, at) for row in clients))
    row = ApiClient(
        id=next_id(session, "K", actor.county, at.year),
        county=actor.county,
        owner_agency=actor.agency,
        name=check_name(name),
        scopes=[scope.value for scope in held],
        expires_on=last,
        key_digest=key_digest,
        made_at=at,
        made_by=actor.id,
        revoked_at=None,
        revoked_by=None,
        used_at=None,
    )
    session.add(row)
    return Reply(value={"client": row.id})


def revoke_client(session: Session, actor: Actor, *, at: datetime, client: str) -> Reply:
    """Let a program in no more, from its next request on, for good."""
    row = session.get(ApiClient, client)
    if row is None:
        raise ClientUnknown(client=client)
    if row.revoked_at is not None:
        raise ClientRevoked(client=client)
    row.revoked_at, row.revoked_by = at, actor.id
    return Reply(value={"client": row.id})
