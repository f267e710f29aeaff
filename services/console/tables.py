"""Agencies, accounts and API clients, and beside them the plumbing of sign-in: sessions, failed attempts, audit."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runtime.store import ANNOTATIONS, Open, Owned

PLUMBING = {"info": {"kind": "plumbing"}}
NOT_DIGESTED = {"digest": False}


class Base(DeclarativeBase):
    """Console's tables."""

    type_annotation_map = ANNOTATIONS


class Agency(Open, Base):
    """A body of the county (单位): an agency, a witness body, or one that receives letters only."""

    __tablename__ = "agency"
    __table_args__ = {"info": {"kind": "owned"}}

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    county: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80))
    short_name: Mapped[str] = mapped_column(String(80))
    registered_at: Mapped[datetime]


class Account(Open, Base):
    """
    Somebody who may sign in (账号).

    ``display_name`` and ``login`` are a person's data: they stay in this table and on this service's own pages.
    Open rather than Owned, because a county administrator keeps the accounts of every agency; commands and queries
    check the remit (``domain/remit.py``).
    """

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("login"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    county: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(12), index=True)
    login: Mapped[str] = mapped_column(String(40))
    display_name: Mapped[str] = mapped_column(String(80))
    roles: Mapped[list[Any]]
    officer: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    password_hash: Mapped[str] = mapped_column(String(200), info=NOT_DIGESTED)
    must_change_password: Mapped[bool] = mapped_column(info=NOT_DIGESTED)


class ApiClient(Owned, Base):
    """
    A program of an agency that may ask here (接口密钥). Of its key only the SHA-256 of the random part is stored.

    A fast hash is enough: the key is 256 random bits, which nobody guesses, unlike a password.
    """

    __tablename__ = "api_client"
    __table_args__ = {"info": {"kind": "owned"}}

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    scopes: Mapped[list[Any]]
    expires_on: Mapped[date]  # last day, by the business clock
    key_digest: Mapped[str] = mapped_column(String(64), info=NOT_DIGESTED)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(64))
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(info=NOT_DIGESTED)  # last request, to the minute; real time


class LiveSession(Base):
    """A sign-in that has not ended. Holds the SHA-256 of the token only; all moments are real time."""

    __tablename__ = "live_session"
    __table_args__ = PLUMBING

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(String(64), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class FailedSignIns(Base):
    """Failures of one login or one address (a SHA-256 of it, since people type passwords into the wrong field)."""

    __tablename__ = "failed_sign_ins"
    __table_args__ = PLUMBING

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]


class SignInAudit(Base):
    """Who signed in or out, or failed to, when and from where (留痕). Real time."""

    __tablename__ = "sign_in_audit"
    __table_args__ = PLUMBING

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(
        String(32)
    )  # [password_ | key_]refused | [password_]blocked | signed_in | signed_out
    account: Mapped[str | None] = mapped_column(
        String(64)
    )  # or the client whose key it was; None: no such login, no key
    address: Mapped[str] = mapped_column(String(64))
