"""
Sign-in: server-side sessions, throttling, audit. Runs in real time and in plumbing tables, outside commands and events.

Only the SHA-256 of a token is stored, so that a stolen copy of the database signs nobody in.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from runtime.errors import Forbidden, Rejected, TryAgain
from runtime.service import Service
from runtime.store import Actor
from runtime.web.signin import SignedIn
from schemas.vocabulary import Role
from services.console import passwords
from services.console.clients import Clients
from services.console.domain.identity import tidy_login
from services.console.domain.throttle import (
    ABSOLUTE,
    IDLE,
    PER_ADDRESS,
    PER_LOGIN,
    Failures,
    Limit,
    after_failure,
    blocked_seconds,
    is_alive,
)
from services.console.tables import Account, Agency, FailedSignIns, LiveSession, SignInAudit

TOUCH_EVERY = timedelta(seconds=60)


class SignInRefused(Forbidden):
    """Login and password do not go together; which of them is wrong is not said."""

    code = "sign_in.refused"
    status = 401


class SignInBlocked(TryAgain):
    """Too many failures; the next attempts are not even looked at."""

    code = "sign_in.blocked"
    status = 429


class OldPasswordWrong(Rejected):
    """To change a password one must know the present one."""

    code = "password.wrong"


class PasswordBlocked(TryAgain):
    """Too many wrong passwords in a running session: it may not be its owner who types."""

    code = "password.blocked"
    status = 429


@dataclass(frozen=True)
class NewSession:
    """A fresh sign-in: its token goes into the cookie and nowhere else."""

    token: str = field(repr=False)
    csrf: str = field(repr=False)
    account: str
    agency: str
    roles: tuple[Role, ...]
    must_change_password: bool


_LIVE = (  # of every single request, so built once
    select(LiveSession, Account, Agency)
    .join(Account, Account.id == LiveSession.account)
    .join(Agency, Agency.id == Account.agency)
    .where(LiveSession.token_digest == bindparam("digest"))
)


def _real_now() -> datetime:
    return datetime.now(UTC)


class Sessions:
    """Console's answer to the ``SignIn`` port."""

    def __init__(self, service: Service, now: Callable[[], datetime] = _real_now) -> None:
        self._service = service
        self._now = now
        self._seen: dict[str, datetime] = {}  # token digest → last use, newer than the row by up to a minute
        self._clients = Clients(service, now)
        self._written: dict[str, datetime] = {}  # token digest → when its last use was last put into the row

    # ── signing in and out ──────────────────────────────────────────────────────────────────────────────────────────

    def sign_in(self, login: str, password: str, address: str, instead_of: str | None = None) -> NewSession:
        """
        Open a session.

        Args:
            login: As typed.
            password: As typed.
            address: Where the attempt comes from.
            instead_of: Token of a session this browser had before; it ends.

        Raises:
            SignInBlocked: too many failures under this login or from this address.
            SignInRefused: unknown login, wrong password or closed account; same words, same time.
        """
        subjects = {_digest(f"login:{tidy_login(login)}"): PER_LOGIN, _digest(f"address:{address}"): PER_ADDRESS}
        found = self._account(subjects, tidy_login(login), address)
        good = passwords.matches(found.password_hash if found else None, password)
        if not good or found is None:
            self._count_failure(subjects, found.id if found else None, address, "refused")
            raise SignInRefused()
        return self._open(found, next(iter(subjects)), address, instead_of)

    def sign_out(self, token: str) -> None:
        """End a session; an unknown one is no error."""
        digest = _digest(token)
        self._forget(digest)
        with self._service.db.write(self._service.system) as session:
            row = session.get(LiveSession, digest)
            if row is not None:
                session.add(SignInAudit(at=self._now(), what="signed_out", account=row.account, address=""))
                session.delete(row)

    def check_password(self, account: str, password: str, address: str) -> None:
        """
        Make sure that whoever holds a session knows its password too; guesses are counted like those of sign-in.

        The count is one of its own, so that failed sign-ins from elsewhere do not keep the owner from a new password.

        Raises:
            PasswordBlocked: too many wrong ones for this account or from this address.
            OldPasswordWrong: this is not the account's password.
        """
        subjects = {_digest(f"password:{account}"): PER_LOGIN, _digest(f"address:{address}"): PER_ADDRESS}
        with self._service.db.read(self._service.system) as session:
            wait = _blocked_seconds(session, subjects, self._now())
            row = session.get(Account, account)
            encoded = row.password_hash if row else None
        if wait:
            self._audit("password_blocked", account, address)
            raise PasswordBlocked(retry_after_seconds=wait)
        if not passwords.matches(encoded, password):
            self._count_failure(subjects, account, address, "password_refused")
            raise OldPasswordWrong()
        with self._service.db.write(self._service.system) as session:
            session.execute(delete(FailedSignIns).where(FailedSignIns.subject == next(iter(subjects))))

    # ── the port ────────────────────────────────────────────────────────────────────────────────────────────────────

    def actor_of(self, token: str) -> SignedIn | None:
        """Look up a live session; see ``runtime.web.signin.SignIn``."""
        digest, at = _digest(token), self._now()
        with self._service.db.read(self._service.system) as session:
            found = session.execute(_LIVE, {"digest": digest}).one_or_none()
        if found is None:
            self._forget(digest)
            return None
        row, account, agency = found
        seen_at = max(row.seen_at, self._seen.get(digest, row.seen_at))
        if account.closed_at is not None or not is_alive(row.opened_at, seen_at, at):
            return None
        self._touch(digest, row.seen_at, at)
        return _signed_in(account, agency, row.csrf)

    def client_of(self, key: str, address: str) -> SignedIn:
        """Look up the API client that holds a key; see ``runtime.web.signin.SignIn``."""
        return self._clients.client_of(key, address)

    def _touch(self, digest: str, stored: datetime, at: datetime) -> None:
        """Remember that a session was used: in memory at once, in its row once a minute."""
        self._seen[digest] = at
        if at - max(stored, self._written.get(digest, stored)) < TOUCH_EVERY:
            return
        self._written[digest] = at  # before writing: a page's parts ask at the same time, and one of them is enough
        with self._service.db.write(self._service.system) as session:
            row = session.get(LiveSession, digest)
            if row is not None:
                row.seen_at = at

    def _forget(self, *digests: str) -> None:
        for digest in digests:
            self._seen.pop(digest, None)
            self._written.pop(digest, None)

    # ── parts of signing in ─────────────────────────────────────────────────────────────────────────────────────────

    def _account(self, subjects: dict[str, Limit], login: str, address: str) -> Account | None:
        at = self._now()
        with self._service.db.read(self._service.system) as session:
            wait = _blocked_seconds(session, subjects, at)
            found = session.scalars(select(Account).where(Account.login == login)).one_or_none()
        if wait:
            self._audit("blocked", found.id if found else None, address)
            raise SignInBlocked(retry_after_seconds=wait)
        return found if found is not None and found.closed_at is None else None

    def _count_failure(self, subjects: dict[str, Limit], account: str | None, address: str, what: str) -> None:
        at = self._now()
        with self._service.db.write(self._service.system) as session:
            for subject, limit in subjects.items():
                counted = after_failure(_failures(session, subject), at, limit)
                session.merge(
                    FailedSignIns(
                        subject=subject,
                        count=counted.count,
                        last_at=counted.last_at,
                        blocked_until=counted.blocked_until,
                    )
                )
            session.add(SignInAudit(at=at, what=what, account=account, address=address))

    def _open(self, account: Account, login_subject: str, address: str, instead_of: str | None) -> NewSession:
        at, token, csrf = self._now(), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        ended = [_digest(instead_of)] if instead_of else []
        self._forget(*ended, *[digest for digest, seen_at in list(self._seen.items()) if at - seen_at > IDLE])
        with self._service.db.write(self._service.system) as session:
            _forget_ended(session, at, ended)
            session.execute(delete(FailedSignIns).where(FailedSignIns.subject == login_subject))
            session.add(
                LiveSession(token_digest=_digest(token), account=account.id, csrf=csrf, opened_at=at, seen_at=at)
            )
            session.add(SignInAudit(at=at, what="signed_in", account=account.id, address=address))
        roles = tuple(Role(role) for role in account.roles)
        return NewSession(token, csrf, account.id, account.agency, roles, account.must_change_password)

    def _audit(self, what: str, account: str | None, address: str) -> None:
        with self._service.db.write(self._service.system) as session:
            session.add(SignInAudit(at=self._now(), what=what, account=account, address=address))


def token_digest(token: str) -> str:
    """Return what is stored of a session token."""
    return _digest(token)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _blocked_seconds(session: Session, subjects: Iterable[str], at: datetime) -> int:
    return max(blocked_seconds(_failures(session, subject), at) for subject in subjects)


def _failures(session: Session, subject: str) -> Failures | None:
    row = session.get(FailedSignIns, subject)
    return None if row is None else Failures(row.count, row.last_at, row.blocked_until)


def _forget_ended(session: Session, at: datetime, ended: list[str]) -> None:
    session.execute(
        delete(LiveSession).where(
            (LiveSession.seen_at < at - IDLE)
            | (LiveSession.opened_at < at - ABSOLUTE)
            | LiveSession.token_digest.in_(ended)
        )
    )
    session.execute(delete(FailedSignIns).where(FailedSignIns.last_at < at - PER_ADDRESS.window * 4))


def _signed_in(account: Account, agency: Agency, csrf: str) -> SignedIn:
    actor = Actor(
        id=account.id,
        agency=account.agency,
        county=account.county,
        roles=frozenset(Role(role) for role in account.roles),
        officer=account.officer,
    )
    return SignedIn(
        actor=actor,
        csrf=csrf,
        name=account.display_name,
        agency_name=agency.name,
        must_change_password=account.must_change_password,
    )
