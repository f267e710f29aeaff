"""No text comes in through the API that is as long as its sender likes."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from services.results.api import Body, routes
from tests.unit.results.world import World

BODIES = sorted(Body.__subclasses__(), key=lambda kind: kind.__name__)


def unbounded(schema: Any, where: str) -> Iterator[str]:
    """Name the texts, lists and maps of a JSON schema without an end; every kind of choice is looked into."""
    match schema:
        case {"type": "string"}:
            if not {"maxLength", "pattern", "enum", "const", "format"} & schema.keys():
                yield where
        case {"type": "array"}:
            yield from () if "maxItems" in schema else (f"{where}[]",)
            yield from unbounded(schema["items"], f"{where}[]")
        case {"type": "object", "additionalProperties": dict() as values}:
            yield from () if "maxProperties" in schema else (f"{where}{{}}",)
            keys: dict[str, Any] = next(iter(schema.get("patternProperties", {}).values()), {})
            yield from unbounded(values | keys, f"{where}{{}}")
        case {"type": "object"}:
            for pattern, values in schema.get("patternProperties", {}).items():
                yield from () if pattern.endswith("}$") else (f"{where} keys",)
                yield from () if "maxProperties" in schema else (f"{where}{{}}",)
                yield from unbounded(values, f"{where}{{}}")
            for name, each in schema.get("properties", {}).items():
                yield from unbounded(each, f"{where}.{name}")
    for each in (*schema.get("anyOf", ()), *schema.get("$defs", {}).values()):
        yield from unbounded(each, where)


@pytest.mark.parametrize("kind", BODIES)
def test_every_text_of_a_body_has_an_end(kind: type[Body]) -> None:
    assert sorted(unbounded(kind.model_json_schema(), kind.__name__)) == []


def test_the_search_finds_what_has_none() -> None:
    found = TypeAdapter(dict[str, list[str]] | None).json_schema()

    assert set(unbounded(found, "x")) == {"x{}", "x{}[]"}
    assert len(BODIES) >= 9


def test_every_field_of_a_form_or_an_address_has_an_end(world: World) -> None:
    app = FastAPI()
    app.include_router(routes(world.service, None))  # type: ignore[arg-type]
    described = app.openapi()
    bare = [
        f"{path} {each['name']}"
        for path, methods in described["paths"].items()
        for about in methods.values()
        for each in about.get("parameters", ())
        if each["in"] == "query" and list(unbounded(each["schema"], ""))
    ]
    forms = {name: schema for name, schema in described["components"]["schemas"].items() if name.startswith("Body_")}

    assert bare == []
    assert forms
    for name, schema in forms.items():
        texts = {key: each for key, each in schema["properties"].items() if "contentMediaType" not in each}
        assert list(unbounded({"type": "object", "properties": texts}, name)) == []
