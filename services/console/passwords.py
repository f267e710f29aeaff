"""Passwords: argon2id with the library's default parameters, at most two at a time (each takes 64 MiB)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from runtime.errors import TryAgain
from services.console.domain.identity import check_password

AT_ONCE = 2
WAIT_SECONDS = 20.0

_hasher = PasswordHasher()
_turns = threading.BoundedSemaphore(AT_ONCE)


class SignInBusy(TryAgain):
    """Too many people sign in at this very moment."""

    code = "sign_in.busy"


@dataclass(frozen=True)
class PasswordHash:
    """A password's hash on its way into a row; no plain value, so that no request digest is made of it."""

    encoded: str = field(repr=False)


def hash_password(password: str, login: str) -> PasswordHash:
    """Check and hash a new password; takes some 50 ms, so never inside a transaction."""
    check_password(password, login)
    with _turn():
        return PasswordHash(_hasher.hash(password))


def matches(encoded: str | None, password: str) -> bool:
    """Tell whether a password fits a hash; None (no such account) takes the same time and never fits."""
    with _turn():
        try:
            _hasher.verify(encoded or _nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
    return encoded is not None


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise SignInBusy()
    try:
        yield
    finally:
        _turns.release()


@cache
def _nobody() -> str:
    return _hasher.hash("nobody's password, never accepted")
