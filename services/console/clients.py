"""
Keys of API clients: making them, and knowing them again at every request.

A key is shown once, to whoever made it; stored is a hash, compared in constant time. Wrong keys are counted per address
like failed sign-ins, in real time; a good key is never kept waiting by somebody else's wrong ones.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from runtime.errors import Conflict, Forbidden, TryAgain
from runtime.service import Service
from runtime.store import Actor
from runtime.web.caller import Caller
from runtime.web.signin import SignedIn
from schemas.vocabulary import Scope
from services.console.commands_clients import make_client
from services.console.domain.scopes import is_live, key_text, read_key, roles_of
from services.console.domain.throttle import PER_ADDRESS, Failures, after_failure, blocked_seconds
from services.console.tables import Agency, ApiClient, FailedSignIns, SignInAudit

TOUCH_EVERY = timedelta(seconds=60)
_NOBODYS = "0" * 64  # compared with where there is no such client, so that its absence takes as long


class KeyRefused(Forbidden):
    """No client holds this key, or it has expired or was revoked; which of them is not said."""

    code = "client.key_refused"
    status = 401


class KeysBlocked(TryAgain):
    """Too many wrong keys came from one address."""

    code = "client.keys_blocked"
    status = 429


class KeyShownOnce(Conflict):
    """The client was made by this very request before, and its key went out with the answer that was lost."""

    code = "client.key_shown_once"


class Made(NamedTuple):
    """A client just made, with the key that is shown this once."""

    client: str
    key: str


def new_client(console: Service, caller: Caller, name: str, scopes: list[Scope], expires_on: date) -> Made:
    """
    Make a client of the caller's agency and its key.

    Raises:
        KeyShownOnce: a repeated request; its key cannot be shown again, for nobody knows it here.
    """
    if (earlier := console.recall(caller.actor, caller.key)) is not None:
        raise KeyShownOnce(client=str(earlier.value.get("client", "")))
    secret = secrets.token_urlsafe(32)  # never from the port: in a demo home that repeats
    reply = console.do(
        caller.actor,
        make_client,
        key=caller.key,
        name=name,
        scopes=scopes,
        expires_on=expires_on,
        key_digest=_digest(secret),
    )
    return Made(reply.value["client"], key_text(reply.value["client"], secret))


def _real_now() -> datetime:
    return datetime.now(UTC)


class Clients:
    """Console's answer to whoever brings a key."""

    def __init__(self, service: Service, now: Callable[[], datetime] = _real_now) -> None:
        self._service = service
        self._now = now
        self._written: dict[str, datetime] = {}  # client → when its last use was last put into the row

    def client_of(self, key: str, address: str) -> SignedIn:
        """Look up the client that holds *key*; see ``runtime.web.signin.SignIn``."""
        read = read_key(key)
        with self._service.db.read(self._service.system) as session:
            row = session.get(ApiClient, read.client) if read else None
            agency = session.get(Agency, row.owner_agency) if row else None
        digest = _digest(read.secret if read else "")
        same = hmac.compare_digest(digest, row.key_digest if row else _NOBODYS)
        at = self._service.ports.clock.now()
        if row is None or agency is None or not same or not is_live(row.expires_on, row.revoked_at is not None, at):
            raise self._refusal(row.id if row else None, address)
        self._touch(row)
        scopes = frozenset(Scope(scope) for scope in row.scopes)
        actor = Actor(row.id, row.owner_agency, row.county, roles_of(scopes), kind="client")
        return SignedIn(actor, csrf="", name=row.name, agency_name=agency.name, scopes=scopes)

    def _touch(self, row: ApiClient) -> None:
        """Remember that a key was used: in its row once a minute."""
        now, last = self._now(), self._written.get(row.id, row.used_at)
        if last is not None and now - last < TOUCH_EVERY:
            return
        self._written[row.id] = now
        with self._service.db.write(self._service.system) as session:
            stored = session.get(ApiClient, row.id)
            if stored is not None:
                stored.used_at = now

    def _refusal(self, client: str | None, address: str) -> KeyRefused | KeysBlocked:
        subject, at = _digest(f"key:{address}"), self._now()
        with self._service.db.read(self._service.system) as session:
            row = session.get(FailedSignIns, subject)
            before = None if row is None else Failures(row.count, row.last_at, row.blocked_until)
        if wait := blocked_seconds(before, at):
            return KeysBlocked(retry_after_seconds=wait)
        counted = after_failure(before, at, PER_ADDRESS)
        with self._service.db.write(self._service.system) as session:
            session.merge(
                FailedSignIns(
                    subject=subject,
                    count=counted.count,
                    last_at=counted.last_at,
                    blocked_until=counted.blocked_until,
                )
            )
            session.add(SignInAudit(at=at, what="key_refused", account=client, address=address))
        return KeyRefused()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
