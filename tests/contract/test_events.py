"""The wire contract: golden examples are read for ever, generated files are what the models say, events carry nothing private."""

import json
import re

import jsonschema
import pytest
from pydantic import ValidationError

from schemas.envelope import CloudEvent
from schemas.events.campaigns import CampaignClosed
from schemas.events.payload import Payload
from schemas.generate import generated
from schemas.registry import PAYLOADS, UnknownType, read_payload
from schemas.topics import TOPICS, dead_topic
from tests.contract.examples import GOLDEN, example, golden_path

TYPES = sorted(PAYLOADS)
PRIVATE = re.compile(r"name|phone|address|person|contact|answer(?!$)|evidence|risk|secret|seed|salt|target|uscc", re.I)
MEANT = {"title", "name", "short_name"}  # of an agency or a campaign, never of a person


@pytest.mark.parametrize("name", TYPES)
def test_the_golden_example_is_read_and_written_again_without_loss(name: str) -> None:
    stored = json.loads(golden_path(name).read_text(encoding="utf-8"))

    event = CloudEvent.model_validate(stored)
    payload = read_payload(event.type, event.data)

    assert payload.model_dump(mode="json") == stored["data"]
    assert event.partitionkey == payload.partition_key


def test_every_golden_example_belongs_to_a_type_that_is_still_read() -> None:
    for path in GOLDEN.glob("*.json"):
        event = CloudEvent.model_validate_json(path.read_bytes())
        assert read_payload(event.type, event.data)


@pytest.mark.parametrize("name", TYPES)
def test_an_example_fits_the_generated_json_schema(name: str) -> None:
    schema = json.loads((GOLDEN.parent / "json" / f"{name}.schema.json").read_text(encoding="utf-8"))
    data = json.loads(golden_path(name).read_text(encoding="utf-8"))["data"]

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(data, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "county": 7}, schema)


@pytest.mark.parametrize(("path", "text"), [pytest.param(*pair, id=pair[0].name) for pair in generated()])
def test_generated_files_are_what_the_models_say(path: object, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run: python -m schemas.generate"  # type: ignore[attr-defined]


def test_a_field_of_a_later_release_is_ignored_when_read_and_refused_when_written() -> None:
    data = {"county": "640221", "campaign": "C-1"}

    assert read_payload(CampaignClosed.type, {**data, "later": 1}) == CampaignClosed(county="640221", campaign="C-1")
    with pytest.raises(ValidationError):
        CampaignClosed.model_validate({**data, "later": 1})


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(UnknownType, match="nothing"):
        read_payload("onevisit.nothing.happened.v1", {})


@pytest.mark.parametrize("model", PAYLOADS.values(), ids=TYPES)
def test_every_fact_stands_on_a_declared_topic_and_names_its_key(model: type[Payload]) -> None:
    assert model.topic in TOPICS or model.topic == "dead"
    assert model.key in model.model_fields
    assert example(model)


@pytest.mark.parametrize("model", PAYLOADS.values(), ids=TYPES)
def test_no_field_of_a_fact_is_named_like_something_private(model: type[Payload]) -> None:
    suspicious = {name for name in model.model_fields if PRIVATE.search(name)} - MEANT

    assert not suspicious, f"{model.type} has {suspicious}: does it belong into a restricted blob?"


def test_every_service_has_a_dead_letter_topic_of_its_own() -> None:
    assert {topic.owner for topic in TOPICS.values() if topic.name == dead_topic(topic.owner)} == {
        "console",
        "planner",
        "drawer",
        "results",
        "notifier",
    }
