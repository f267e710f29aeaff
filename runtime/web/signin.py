"""The port through which the web learns who is asking; console answers it."""

from dataclasses import dataclass, field
from typing import Protocol

from runtime.store import Actor


@dataclass(frozen=True)
class SignedIn:
    """Somebody with a live session."""

    actor: Actor
    csrf: str
    name: str = field(repr=False)  # display name of a person: for the page's corner, never for logs
    agency_name: str = ""
    lang: str | None = None
    must_change_password: bool = False


class SignIn(Protocol):
    """Who holds this session token?"""

    def actor_of(self, token: str) -> SignedIn | None:
        """Look up a live session; None where the token is unknown, expired or revoked."""
        ...


class NobodySignsIn:
    """The port of an application without accounts (tests, public site only)."""

    def actor_of(self, token: str) -> SignedIn | None:
        """Know nobody."""
        return None
