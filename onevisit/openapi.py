"""
The OpenAPI document of the JSON API, ``docs/reference/openapi.json``: made from the routes themselves, on a data folder
that is thrown away. It names no server: where an installation answers is its own.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI

from onevisit import home as homes
from onevisit.home import HomeSettings
from onevisit.system import build
from runtime.web.access import Access

_TEXTS = ("type", "title", "title_en", "code", "detail", "detail_en", "instance")
PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal (RFC 9457): a stable code, the sentence and the next step in Chinese and English, and the facts behind it.",
    "required": [*_TEXTS, "status", "facts"],
    "properties": {
        **{name: {"type": ["string", "null"], "title": name} for name in _TEXTS},
        "status": {"type": "integer", "title": "status"},
        "facts": {"type": "object", "title": "facts"},
    },
}
REFUSED = {
    "description": "Refused: 401 nobody signed in, 403 not for this role, 404 not there or not the asker's to see, 409 not in "
    "this state (Retry-After where something is awaited), 412 changed meanwhile, 413 too large, 422 against a rule, 503 later.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
HEADERS = {
    "Idempotency-Key": (
        "One key per thing to be done, 1 to 200 printable ASCII characters: repeated, the first answer comes again.",
        {"type": "string", "minLength": 1, "maxLength": 200, "title": "Idempotency-Key"},
    ),
    "X-CSRF-Token": ("The token that signing in answered with.", {"type": "string", "title": "X-CSRF-Token"}),
}
INFO = {
    "title": "OneVisit 进一次门: JSON API",
    "version": "1",
    "description": "One router per service, under `/api/<service>/v1`. Sign in first; the session cookie and the access table "
    "decide who may do what, and every row is behind the wall between agencies. Refusals are problem+json.",
}


def document() -> dict[str, Any]:
    """Put the document together."""
    with TemporaryDirectory() as folder:
        homes.create(Path(folder) / "home", HomeSettings())
        system = build(homes.open_home(Path(folder) / "home"))
        try:
            app = system.web()
            return described(app, app.state.access.lines)
        finally:
            system.close()


def described(app: FastAPI, lines: Mapping[str, Access]) -> dict[str, Any]:
    """Describe the JSON API of an application, its access table included; pages and parts are for people."""
    told = app.openapi()
    paths = {
        path: {method: _operation(method, path, about, lines) for method, about in methods.items()}
        for path, methods in told["paths"].items()
        if path.startswith("/api/")
    }
    schemas = told["components"]["schemas"] | {"Problem": PROBLEM}
    return {
        "openapi": told["openapi"],
        "info": INFO,
        "paths": paths,
        "components": {
            "schemas": {name: schemas[name] for name in sorted(_reached(paths, schemas))},
            "responses": {"Refused": REFUSED},
            "parameters": {
                name: {"name": name, "in": "header", "required": True, "description": why, "schema": schema}
                for name, (why, schema) in HEADERS.items()
            },
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "onevisit"},
                "client": {"type": "http", "scheme": "bearer", "description": "The key of an agency's API client."},
            },
        },
    }


def _operation(method: str, path: str, about: Mapping[str, Any], lines: Mapping[str, Access]) -> dict[str, Any]:
    access = lines[f"{method.upper()} {path}"]
    service, *rest = (step for step in path.split("/")[2:] if step != "v1")
    name = re.sub(r"[^a-z0-9]+", "_", f"{service} {method} {' '.join(rest)}").strip("_")
    who = "everybody" if access.public else ", ".join(sorted(access.roles)) or "everybody signed in"
    clients = f"; API clients with the scope {access.scope}" if access.scope else ""
    headers = HEADERS if method == "post" and not access.public else ()
    answers = {status: answer for status, answer in about["responses"].items() if status != "422"}
    return {
        **{key: value for key, value in about.items() if key == "requestBody"},
        "tags": [service],
        "operationId": name,
        "summary": about.get("description", "").split("\n")[0],
        "description": f"For: {who}{clients}. Largest body: {access.limit // 1024} KiB.",
        "parameters": [
            *about.get("parameters", ()),
            *({"$ref": f"#/components/parameters/{header}"} for header in headers),
        ],
        "responses": {**answers, "default": {"$ref": "#/components/responses/Refused"}},
        "security": [] if access.public else [{"session": []}, *([{"client": []}] if access.scope else [])],
    }


def _reached(value: Any, schemas: Mapping[str, Any]) -> set[str]:
    """Name the schemas that *value* points at, and those they point at."""
    found, new = {"Problem"}, set(_named(value))
    while new:
        found |= new
        new = {name for one in new for name in _named(schemas[one])} - found
    return found


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        reference = str(value.get("$ref", ""))
        if reference.startswith("#/components/schemas/"):
            yield reference.rsplit("/", 1)[1]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _named(each)
