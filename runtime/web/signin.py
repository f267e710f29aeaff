"""The port through which the web learns who is asking; console answers it."""

from dataclasses import dataclass, field
from typing import Protocol

from runtime.store import Actor
from runtime.web.refusals import NotSignedIn
from schemas.vocabulary import Scope


@dataclass(frozen=True)
class SignedIn:
    """Somebody with a live session, or an API client with a good key."""

    actor: Actor
    csrf: str
    name: str = field(repr=False)  # display name of a person: for the page's corner, never for logs
    agency_name: str = ""
    lang: str | None = None
    must_change_password: bool = False
    scopes: frozenset[Scope] | None = None  # what an API client was given; None: a person


class SignIn(Protocol):
    """Who holds this session token, or this key?"""

    def actor_of(self, token: str) -> SignedIn | None:
        """Look up a live session; None where the token is unknown, expired or revoked."""
        ...

    def client_of(self, key: str, address: str) -> SignedIn:
        """
        Look up the API client that holds *key*; *address* is where the request comes from.

        Raises:
            OneVisitError: nobody holds it (any more), or too many wrong ones came from there.
        """
        ...


class NobodySignsIn:
    """The port of an application without accounts (tests, public site only)."""

    def actor_of(self, token: str) -> SignedIn | None:
        """Know nobody."""
        return None

    def client_of(self, key: str, address: str) -> SignedIn:
        """Know no key."""
        raise NotSignedIn()
