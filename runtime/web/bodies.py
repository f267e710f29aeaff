"""
Bodies of changing requests: read up to a limit, handed on to the route, and refused where they hold what is no text.

A lone surrogate (``"\\ud800"`` in JSON) is a character no database and no UTF-8 answer can hold, NUL one that PostgreSQL
cannot; refused here, no command need think of either.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from runtime.web.refusals import BodyNotUnderstood, BodyTooLarge

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_ODD = re.compile("[\0\ud800-\udfff]")
_ODD_ESCAPE = re.compile(rb"\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})")


@dataclass(frozen=True)
class Fields:
    """What the guard needs of a form: its hidden fields, and every text in it (names, values, file names)."""

    hidden: dict[str, str] = field(default_factory=dict)
    texts: tuple[str, ...] = ()


def kind_of(request: Request) -> str:
    """Return the content type, without its parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def read_body(request: Request, limit: int) -> bytes:
    """Read the whole body, at most *limit* bytes; the check for CSRF needs the form, and so does the route."""
    too_large = BodyTooLarge(limit_kib=limit // 1024)
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Let the route read a body that was read already."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def read_fields(request: Request, body: bytes) -> Fields:
    """Read a form, files left aside; nothing where the body is none."""
    if kind_of(request) not in FORMS:
        return Fields()
    try:
        form = await Request(request.scope, replay(body, request.receive)).form(max_part_size=len(body) + 1)
    except (HTTPException, MultiPartException, ValueError) as error:
        raise BodyNotUnderstood() from error
    try:
        texts: list[str] = []
        hidden: dict[str, str] = {}
        for name, value in form.multi_items():
            texts += [name, (value.filename or "") if isinstance(value, UploadFile) else value]
            if name in ("_csrf", "_key") and isinstance(value, str):
                hidden[name] = value
        return Fields(hidden, tuple(texts))
    finally:
        await form.close()


def check_texts(kind: str, body: bytes, fields: Fields) -> None:
    """
    Refuse a form or a JSON document that holds NUL or half of a surrogate pair, in a name or a value.

    Raises:
        BodyNotUnderstood: such a text, or JSON that is no UTF-8.
    """
    if any(_ODD.search(text) for text in fields.texts):
        raise BodyNotUnderstood()
    if kind == "application/json" or kind.endswith("+json"):
        _check_json(body)


def _check_json(body: bytes) -> None:
    """Look closely only where an escape or a byte could be such a character: a pair of surrogates is one good one."""
    try:
        body.decode("utf-8")  # json.loads itself lets encoded surrogates pass, and UTF-16
    except UnicodeDecodeError as error:
        raise BodyNotUnderstood() from error
    if b"\0" in body:
        raise BodyNotUnderstood()
    if not _ODD_ESCAPE.search(body):
        return
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyNotUnderstood() from error
    if any(_ODD.search(text) for text in _texts_in(document)):
        raise BodyNotUnderstood()


def _texts_in(document: Any) -> Iterator[str]:
    todo = [document]
    while todo:
        match todo.pop():
            case str() as text:
                yield text
            case list() as items:
                todo += items
            case dict() as members:
                todo += members
                todo += members.values()
