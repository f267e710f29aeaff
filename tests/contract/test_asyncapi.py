"""The AsyncAPI document: whole, true to topics and facts, and fit by every golden example as it travels."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator, ValidationError
from referencing import Registry, Resource

from schemas.registry import PAYLOADS, UPCASTERS
from schemas.topics import TOPICS

SCHEMAS = Path(__file__).parents[2] / "schemas"
DOCUMENT: Mapping[str, Any] = json.loads((SCHEMAS / "asyncapi.json").read_text(encoding="utf-8"))
GOLDEN = sorted(
    {path.stem for path in (SCHEMAS / "golden").glob("*.json")} - set(UPCASTERS)
)  # as this release says them


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def at(pointer: str) -> Any:
    """Resolve ``#/a/b`` in the document."""
    found: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def fits(message: str) -> Draft202012Validator:
    """Check bodies by a message's payload; files are found beside the document."""

    def beside(uri: str) -> Resource[Any]:
        return Resource.from_contents(json.loads((SCHEMAS / uri).read_text(encoding="utf-8")))

    schema = DOCUMENT["components"]["messages"][message]["payload"]["schema"]
    return Draft202012Validator(schema, registry=Registry(retrieve=beside))  # type: ignore[call-arg]


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))

    assert len(found) > 2 * len(PAYLOADS)
    for one in found:
        assert at(one) if one.startswith("#/") else (SCHEMAS / one).is_file(), one


def test_the_document_is_asyncapi_by_the_official_schema_and_a_broken_one_is_not() -> None:
    official = Draft7Validator(
        json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.schema.json").read_text("utf-8"))
    )

    official.validate(DOCUMENT)

    broken: list[Mapping[str, Any]] = [
        {name: part for name, part in DOCUMENT.items() if name != "info"},
        {**DOCUMENT, "operations": {"says": {"action": "says", "channel": {"$ref": "#/channels/accounts"}}}},
        {**DOCUMENT, "channels": {"accounts": {"address": 1}}},
    ]
    assert [official.is_valid(one) for one in broken] == [False, False, False]


def test_every_topic_is_a_channel_said_by_its_owner_and_every_fact_a_message_on_its_own() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"].keys() >= {"title", "version", "description"}
    assert "servers" not in DOCUMENT
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == set(TOPICS)
    carried = [name for channel in DOCUMENT["channels"].values() for name in channel["messages"]]
    assert set(carried) == set(PAYLOADS)
    twice = {name for name in carried if carried.count(name) > 1}
    assert twice == {"onevisit.event.parked.v1"}, "only dead letters are said on several topics"
    for name, operation in DOCUMENT["operations"].items():
        channel = at(operation["channel"]["$ref"])
        assert name == f"{TOPICS[channel['address']].owner}.says.{channel['address']}"
        assert [at(one["$ref"])["$ref"] for one in operation["messages"]] == [
            each["$ref"] for each in channel["messages"].values()
        ]


@pytest.mark.parametrize("name", GOLDEN)
def test_a_golden_example_fits_its_message_as_it_travels(name: str) -> None:
    body = json.loads((SCHEMAS / "golden" / f"{name}.json").read_text(encoding="utf-8"))

    fits(body["type"]).validate(body)


def test_another_facts_body_another_source_and_a_missing_field_do_not_fit() -> None:
    closed, cancelled = (
        json.loads((SCHEMAS / "golden" / f"onevisit.campaign.{fact}.v1.json").read_text(encoding="utf-8"))
        for fact in ("closed", "cancelled")
    )
    without = {field: value for field, value in closed.items() if field != "partitionkey"}

    for wrong in (cancelled, closed | {"source": "onevisit/drawer"}, closed | {"data": {}}, without):
        with pytest.raises(ValidationError):
            fits(closed["type"]).validate(wrong)
