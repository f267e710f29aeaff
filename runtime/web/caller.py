"""What a route function learns about its request: who asks, under which key, in which language."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.types import Scope

from runtime.store import Actor
from runtime.web.messages import Lang
from runtime.web.refusals import KeyMalformed, KeyMissing, NotSignedIn
from runtime.web.signin import SignedIn

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SCOPE_KEY = "onevisit.visitor"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')


@dataclass
class Visitor:
    """Whoever stands behind a request, signed in or not; put together by the guard."""

    signed_in: SignedIn | None = None
    lang: Lang = "zh"
    form_token: str | None = None  # CSRF token of forms filled in before sign-in
    form_token_is_new: bool = False  # and must be set as a cookie with the answer
    key: str | None = None
    fragment: bool = False  # htmx asks for a part of a page
    in_place: bool = False  # a form posted by the page's script, which goes on to where it is sent by itself

    @property
    def is_client(self) -> bool:
        """Tell whether an API client asks, with its key."""
        return self.signed_in is not None and self.signed_in.scopes is not None

    @property
    def csrf(self) -> str | None:
        """Return the token that this visitor's forms must carry."""
        return self.signed_in.csrf if self.signed_in else self.form_token


@dataclass(frozen=True)
class Caller:
    """The request of a signed-in person or an API client, as commands and queries need it."""

    actor: Actor
    key: str  # Idempotency-Key; empty where nothing is changed
    lang: Lang
    if_match: str | None = None  # version the asker worked on, without quotes


def visitor_of(request: Request) -> Visitor:
    """Return what the guard found out about this request."""
    return visitor_in(request.scope)


def visitor_in(scope: Scope) -> Visitor:
    """Return the visitor of an ASGI scope; a nobody where no guard has been."""
    found: Any = scope.get(_SCOPE_KEY)
    return found if isinstance(found, Visitor) else Visitor()


def receive_visitor(scope: Scope, visitor: Visitor) -> None:
    """Put the visitor where routes and templates find it (the guard's business)."""
    scope[_SCOPE_KEY] = visitor


async def the_caller(request: Request) -> Caller:
    """
    Say who asks: the dependency of every route that works for a person.

    Raises:
        NotSignedIn: nobody is signed in (a public route has no caller).
        KeyMissing: a changing request without Idempotency-Key header or ``_key`` field.
    """
    visitor = visitor_of(request)
    if visitor.signed_in is None:
        raise NotSignedIn()
    key = "" if request.method in SAFE else require_key(visitor)
    return Caller(visitor.signed_in.actor, key, visitor.lang, _version(request.headers.get("if-match")))


async def the_visitor(request: Request) -> Visitor:
    """Say who stands behind a request that need not be signed in."""
    return visitor_of(request)


TheCaller = Annotated[Caller, Depends(the_caller)]
TheVisitor = Annotated[Visitor, Depends(the_visitor)]


def require_key(visitor: Visitor) -> str:
    """Return the request's Idempotency-Key, or refuse a request without one."""
    if not visitor.key:
        raise KeyMissing()
    if not _KEY.fullmatch(visitor.key):
        raise KeyMalformed()
    return visitor.key


def _version(header: str | None) -> str | None:
    if header is None:
        return None
    found = _ETAG.fullmatch(header.strip())
    return found[1] if found else header.strip()
