"""
The guard in front of every route: session or key, roles or scopes, CSRF, body size, headers, request id.

A request without an access line goes no further, whatever the routes below would have done with it.
"""

import re
import secrets
import uuid
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.errors import OneVisitError
from runtime.log.bare import bare
from runtime.log.trace import traceparent_in
from runtime.store.away import DatabaseAway, database_is_away
from runtime.web.access import Access, AccessTable, Entry
from runtime.web.bodies import Fields, check_texts, kind_of, read_body, read_fields, replay
from runtime.web.caller import SAFE, Visitor, receive_visitor, visitor_in
from runtime.web.messages import Lang
from runtime.web.problems import is_api, local_path, refuse
from runtime.web.refusals import (
    ForeignOrigin,
    FormExpired,
    HostNotServed,
    Incident,
    MethodNotAllowed,
    NoSuchPage,
    NotSignedIn,
    PasswordMustChange,
    RoleMissing,
    RouteNotForClients,
    ScopeMissing,
)
from runtime.web.settings import WebSettings
from runtime.web.signin import SignedIn, SignIn
from schemas.vocabulary import Scope as ClientScope

if TYPE_CHECKING:
    from runtime.web.templates import Web

log = structlog.get_logger()

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # "no-referrer" would make browsers post forms with Origin: null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
}
AWAY_SECONDS = 5  # until a request is worth repeating whose database did not answer
CHANGE_PAGE = "/password"  # where a password is changed
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,128}")


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, table: AccessTable, sign_in: SignIn, web: "Web") -> None:
        self._app = app
        self._table = table
        self._sign_in = sign_in
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        else:
            with _traced(scope):
                await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        receive_visitor(
            scope, Visitor(lang=_lang(request), fragment=_is_fragment(request), in_place=_is_in_place(request))
        )
        dressed = _Dressed(send, scope, self._web.settings)
        try:
            receive_again = await self._admit(request)
            await self._app(scope, receive_again, dressed)
        except OneVisitError as error:
            await self._answer(request, error)(scope, receive, dressed)
        except ClientDisconnect:
            log.info("web.client_left")
        except Exception as error:
            if not dressed.started and database_is_away(error):
                log.warning("web.database_away", **bare(error))
                await self._answer(request, DatabaseAway(retry_after_seconds=AWAY_SECONDS))(scope, receive, dressed)
                return
            incident = uuid.uuid4().hex[:12]
            log.exception("web.incident", incident=incident)
            if not dressed.started:
                await refuse(request, self._web, Incident(incident=incident))(scope, receive, dressed)

    async def _admit(self, request: Request) -> Receive:
        """Check everything in the order in which it costs least; return how to read the body again."""
        self._check_host(request)
        entry = self._table.entry(request.scope)
        if entry is not None and not entry.access.session:
            return request.receive
        visitor = await self._recognise(request)
        receive_visitor(request.scope, visitor)
        if entry is None:
            known = self._table.methods(request.scope)
            elsewhere = bool(known) and request.method not in known
            raise MethodNotAllowed(method=request.method) if elsewhere else NoSuchPage()
        _check_password(visitor, entry.access)
        _check_role(visitor, entry.access)
        if request.method in SAFE:
            return request.receive
        if not visitor.is_client:  # a browser sends cookies by itself, a key never
            self._check_origin(request)
        body = await read_body(request, entry.access.limit)
        fields = await read_fields(request, body)
        _check_csrf(request, visitor, entry, fields)
        check_texts(kind_of(request), body, fields)
        return replay(body, request.receive)

    def _check_host(self, request: Request) -> None:
        host = request.headers.get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if name not in self._web.settings.hosts:
            raise HostNotServed(host=host)

    async def _recognise(self, request: Request) -> Visitor:
        settings = self._web.settings
        found = await self._signed_in(request)
        if found is not None:
            structlog.contextvars.bind_contextvars(actor=found.actor.id, agency=found.actor.agency)
        form_token = request.cookies.get(settings.form_cookie, "")
        return Visitor(
            signed_in=found,
            lang=_lang(request),
            form_token=form_token if _TOKEN.fullmatch(form_token) else None,
            key=request.headers.get("idempotency-key"),
            fragment=_is_fragment(request),
            in_place=_is_in_place(request),
        )

    async def _signed_in(self, request: Request) -> SignedIn | None:
        """Look up a key if the request brings one, and then no session beside it."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            address = request.client.host if request.client else "unknown"
            return await run_in_threadpool(self._sign_in.client_of, key.strip(), address)
        token = request.cookies.get(self._web.settings.session_cookie, "")
        return await run_in_threadpool(self._sign_in.actor_of, token) if _TOKEN.fullmatch(token) else None

    def _check_origin(self, request: Request) -> None:
        """Refuse changing requests that another site's page makes a browser send."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise ForeignOrigin()
        origin = request.headers.get("origin")
        if origin is not None and origin != self._web.origin(request):
            raise ForeignOrigin()

    def _answer(self, request: Request, error: OneVisitError) -> Response:
        if isinstance(error, NotSignedIn) and not is_api(request.url.path):
            return _to_sign_in(request)
        if isinstance(error, PasswordMustChange) and not is_api(request.url.path):
            return _to_password(request)
        return refuse(request, self._web, error)


class _Dressed:
    """A ``send`` that adds security headers and, where a form needs it, the form cookie."""

    def __init__(self, send: Send, scope: Scope, settings: WebSettings) -> None:
        self._send = send
        self._scope = scope
        self._settings = settings
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if message["status"] == 303 and visitor_in(self._scope).in_place:
                _hand_on(message)
            self._dress(MutableHeaders(scope=message))
        await self._send(message)

    def _dress(self, headers: MutableHeaders) -> None:
        visitor = visitor_in(self._scope)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self._settings.https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if visitor.signed_in or visitor.form_token_is_new:
            headers["Cache-Control"] = "no-store"
        else:
            headers.setdefault("Cache-Control", "no-cache")
        headers["X-Request-Id"] = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        if visitor.form_token_is_new and not visitor.signed_in and visitor.form_token:
            headers.append("set-cookie", cookie(self._settings.form_cookie, visitor.form_token, self._settings))


def _hand_on(message: Message) -> None:
    """Tell the page's script where to go, instead of sending it there: it would fetch the page only to fetch it again."""
    headers = MutableHeaders(scope=message)
    message["status"] = 204
    headers["HX-Redirect"] = headers["location"]
    del headers["location"]
    del headers["content-length"]


def cookie(name: str, value: str, settings: WebSettings, *, max_age: int | None = None) -> str:
    """Write a cookie no script can read; ``max_age=0`` takes it back, None keeps it until the browser closes."""
    parts = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if settings.https:
        parts.append("Secure")
    if max_age is not None:
        parts.append(f"Max-Age={max_age}")
    return "; ".join(parts)


@contextmanager
def _traced(scope: Scope) -> Iterator[None]:
    """Bind the request's id and trace to everything logged on its way."""
    headers = Headers(scope=scope)
    bound = {"request_id": uuid.uuid4().hex, "method": scope["method"]}
    if traceparent := traceparent_in(headers.get("traceparent", "")):
        bound["traceparent"] = traceparent
    with structlog.contextvars.bound_contextvars(**bound):
        try:
            yield
        finally:
            structlog.contextvars.unbind_contextvars("actor", "agency")


def _lang(request: Request) -> Lang:
    return "en" if request.cookies.get("lang") == "en" else "zh"


def _is_fragment(request: Request) -> bool:
    return request.headers.get("hx-request") == "true" or request.url.path.startswith("/parts/")


def _is_in_place(request: Request) -> bool:
    return request.headers.get("x-form") == "in-place"


def _check_role(visitor: Visitor, access: Access) -> None:
    if access.public:
        return
    if visitor.signed_in is None:
        raise NotSignedIn()
    if visitor.signed_in.scopes is not None:
        _check_scope(visitor.signed_in.scopes, access)
    elif not access.admits(visitor.signed_in.actor.roles):
        raise RoleMissing()


def _check_scope(scopes: AbstractSet[ClientScope], access: Access) -> None:
    if access.scope is None:
        raise RouteNotForClients()
    if access.scope not in scopes:
        raise ScopeMissing(scope=access.scope.value)


def _check_password(visitor: Visitor, access: Access) -> None:
    must_change = visitor.signed_in is not None and visitor.signed_in.must_change_password
    if must_change and not (access.public or access.first_password):
        raise PasswordMustChange()


def _check_csrf(request: Request, visitor: Visitor, entry: Entry, fields: Fields) -> None:
    """
    Compare the request's token with the session's, or with the form cookie before sign-in.

    JSON from nobody in particular (API sign-in) needs no token: a foreign page cannot send that content type without
    a preflight we never answer, and the origin was checked already. A key is nothing a foreign page could make a browser
    send.
    """
    if visitor.is_client:
        return
    kind = kind_of(request)
    given = request.headers.get("x-csrf-token") or fields.hidden.get("_csrf")
    visitor.key = visitor.key or fields.hidden.get("_key")
    if visitor.signed_in is None and entry.access.public and kind == "application/json":
        return
    expected = visitor.csrf
    if not given or not expected or not secrets.compare_digest(_raw(given), _raw(expected)):
        raise FormExpired()


def _raw(token: str) -> bytes:
    return token.encode("utf-8", "surrogatepass")


def _to_sign_in(request: Request) -> Response:
    """Send an anonymous visitor to sign in and, after that, back to the page asked for."""
    came_from = urlsplit(request.headers.get("hx-current-url", "")) if _is_fragment(request) else request.url
    wanted = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    keep = request.method in SAFE or _is_fragment(request)
    target = "/sign-in" + (f"?next={quote(local_path(wanted), safe='/')}" if keep and wanted != "/" else "")
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


def _to_password(request: Request) -> Response:
    """Send who must change the password to do so; a part of that very page is left out, or it would load for ever."""
    if request.headers.get("hx-request") != "true":
        return RedirectResponse(CHANGE_PAGE, status_code=303)
    here = urlsplit(request.headers.get("hx-current-url", "")).path == CHANGE_PAGE
    return Response(status_code=403, headers={} if here else {"HX-Redirect": CHANGE_PAGE})
