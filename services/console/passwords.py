"""
Passwords: argon2id with 19 MiB, two passes and one lane, at most two at a time.

These are the parameters that the OWASP Password Storage Cheat Sheet names first. The library's default (RFC 9106 §4, 64 MiB
and four lanes) keeps both cores of a county's machine busy for a fifth of a second at every sign-in, in which nobody
else is served (docs/performance.md). A hash says by which parameters it was made, so older ones go on to fit.
"""

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

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # passes, KiB, lanes
_turns = threading.BoundedSemaphore(AT_ONCE)


class SignInBusy(TryAgain):
    """Too many people sign in at this very moment."""

    code = "sign_in.busy"


@dataclass(frozen=True)
class PasswordHash:
    """A password's hash on its way into a row; salted, so that no two tries of a request have the same."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    encoded: str = field(repr=False)


def hash_password(password: str, login: str) -> PasswordHash:
    """Check and hash a new password; takes some 30 ms, so never inside a transaction."""
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
