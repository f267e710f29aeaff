"""The OpenAPI document of the JSON API says what is served: every route for programs, in words, and what a refusal is."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from onevisit.openapi import document
from onevisit.reference import access_lines
from runtime.store.migrate import migrate
from runtime.web.application import application
from runtime.web.templates import Web
from services.console.app import console
from tests.kit import Kit
from tests.pages.client import ConsoleClient

ROOT = Path(__file__).parent.parent.parent
DOCUMENT: Mapping[str, Any] = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [
    pytest.param(f"{method.upper()} {path}", about, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, about in methods.items()
]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def test_it_lists_every_route_for_programs_and_no_other() -> None:
    served = {
        line
        for owner, lines in access_lines().items()
        if "demo" not in owner
        for line in lines
        if line.split(" ")[1].startswith("/api/")
    }

    assert len(served) > 70
    assert {one.values[0] for one in OPERATIONS} == served


def test_it_can_be_made_again_to_the_byte_and_names_no_server() -> None:
    assert json.dumps(document(), sort_keys=True) == json.dumps(DOCUMENT, sort_keys=True)
    assert "servers" not in DOCUMENT
    assert "://" not in json.dumps(DOCUMENT)


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    found = set(references(DOCUMENT))
    known = {f"#/components/{kind}/{name}" for kind, parts in DOCUMENT["components"].items() for name in parts}

    assert found == known - {f"#/components/securitySchemes/{name}" for name in ("session", "client")}


@pytest.mark.parametrize(("line", "about"), OPERATIONS)
def test_every_route_is_told_in_a_sentence_of_its_own(line: str, about: Mapping[str, Any]) -> None:
    assert about["summary"].endswith("."), "give the route function a docstring"
    assert len(about["summary"].split()) >= 3
    assert about["description"].startswith("For: ")
    assert about["tags"] == [line.split("/")[2]]
    headers = {one["$ref"].rsplit("/", 1)[1] for one in about["parameters"] if "$ref" in one}
    changing = line.startswith("POST ") and bool(about["security"])
    assert headers == ({"Idempotency-Key", "X-CSRF-Token"} if changing else set())
    assert "default" in about["responses"]


def test_no_two_routes_have_one_name() -> None:
    names = [about["operationId"] for methods in DOCUMENT["paths"].values() for about in methods.values()]

    assert len(set(names)) == len(names)


def test_a_refusal_is_what_it_says(kit: Kit) -> None:
    service = console(kit.ports, kit.folder)
    migrate(service.db, service.migrations)
    kit.services.append(service)
    client = ConsoleClient(application(Web([service]), [service], service.sessions))

    refused = client.http.get("/api/console/v1/me")

    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    problem = DOCUMENT["components"]["schemas"]["Problem"]
    Draft202012Validator(problem | {"additionalProperties": False}).validate(refused.json())
