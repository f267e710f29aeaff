"""Refusals on their way out: problem+json (RFC 9457) for programs, a page or a fragment for people."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from runtime.errors import OneVisitError
from runtime.web.caller import visitor_of
from runtime.web.refusals import (
    BodyNotUnderstood,
    BodyTooLarge,
    InputInvalid,
    MethodNotAllowed,
    NoSuchPage,
    NotSignedIn,
    RoleMissing,
    retry_after_seconds,
    status_of,
)

if TYPE_CHECKING:
    from runtime.web.templates import Web

log = structlog.get_logger()

BY_HTTP_STATUS: Mapping[int, type[OneVisitError]] = {
    400: BodyNotUnderstood,
    401: NotSignedIn,
    403: RoleMissing,
    404: NoSuchPage,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: BodyNotUnderstood,
}


def is_api(path: str) -> bool:
    """Tell whether a path answers programs rather than people."""
    return path.startswith("/api/") or path in ("/healthz", "/readyz")


def refuse(request: Request, web: "Web", error: OneVisitError) -> Response:
    """Answer *error* in the form its asker reads."""
    status = status_of(error)
    log.info("web.refused", code=error.code, status=status)
    response = problem(request, web, error, status) if is_api(request.url.path) else _page(request, web, error, status)
    if (seconds := retry_after_seconds(error)) is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def problem(request: Request, web: "Web", error: OneVisitError, status: int, **more: object) -> Response:
    """Answer a program with *error* as problem+json; *more*: what the refusal says beside its facts, by its member."""
    sentence = web.messages.about(error)
    content = {
        "type": f"urn:onevisit:problem:{error.code}",
        "title": sentence.zh,
        "title_en": sentence.en,
        "status": status,
        "code": error.code,
        "detail": sentence.next_zh,
        "detail_en": sentence.next_en,
        "facts": plain(error.facts),
        "instance": f"urn:onevisit:request:{structlog.contextvars.get_contextvars().get('request_id', '')}",
        **more,
    }
    challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else {}  # RFC 9110 section 15.5.2
    return JSONResponse(content, status_code=status, headers=challenge, media_type="application/problem+json")


def _page(request: Request, web: "Web", error: OneVisitError, status: int) -> Response:
    visitor = visitor_of(request)
    sentence = web.messages.about(error)
    template = "console/refused_part.html" if visitor.fragment else "console/refused.html"
    return web.render(
        request,
        template,
        status=status,
        code=error.code,
        fields=error.facts.get("fields", []) if isinstance(error, InputInvalid) else [],
        says=sentence.says(visitor.lang),
        advises=sentence.advises(visitor.lang),
        back=_back(request),
        http_status=status,
    )


def _back(request: Request) -> str | None:
    """Find the page of ours the asker came from."""
    referer = urlsplit(request.headers.get("referer", ""))
    if referer.netloc != request.headers.get("host"):
        return None
    back = referer.path + (f"?{referer.query}" if referer.query else "")
    return local_path(back, otherwise="/")


def local_path(path: str | None, otherwise: str = "/") -> str:
    """
    Keep a path of this site, and nothing that a browser would take for another one.

    ``//host``, ``/\\host``, schemes and control characters all become *otherwise*.
    """
    if not path or not path.startswith("/") or path.startswith("//"):
        return otherwise
    if "\\" in path or any(ord(char) < 0x21 or ord(char) == 0x7F for char in path):
        return otherwise
    return path


def plain(value: object) -> Any:
    """Turn facts into JSON: days and moments in ISO form, sets in order, anything else as its text."""
    match value:
        case None | bool() | int() | float() | str() if not isinstance(value, Enum):
            return value
        case Enum():
            return value.value
        case date() | datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=str)
        case list() | tuple():
            return [plain(item) for item in value]
    return str(value)


def catch_refusals(app: FastAPI, web: "Web") -> None:
    """Register the answers to everything a route may raise, except bugs: those the guard catches."""

    async def on_refusal(request: Request, error: Exception) -> Response:
        assert isinstance(error, OneVisitError)
        return refuse(request, web, error)

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError | ValidationError)
        return refuse(request, web, InputInvalid(fields=wrong_fields(error)))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refuse(request, web, from_http(request, error))

    app.add_exception_handler(OneVisitError, on_refusal)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)


def wrong_fields(error: RequestValidationError | ValidationError) -> list[str]:
    """Name the fields that were wrong, never what they held."""
    places = (".".join(str(step) for step in entry["loc"] if step not in ("body", "query")) for entry in error.errors())
    return sorted({place or "body" for place in places})


def from_http(request: Request, error: HTTPException) -> OneVisitError:
    """Put an exception of the framework into our own words."""
    refusal = BY_HTTP_STATUS.get(error.status_code, BodyNotUnderstood)
    if refusal is MethodNotAllowed:
        return MethodNotAllowed(method=request.method)
    return refusal()
