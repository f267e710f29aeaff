"""
The AsyncAPI 3.0 document of the events: a channel per topic, a message per fact, ``schemas/asyncapi.json``.

It names no server: where the topics are is each installation's own. Payloads point at the JSON Schemas beside it.
"""

from typing import Any

from schemas.envelope import MAX_EVENT_BYTES, CloudEvent
from schemas.events.dead import EventParked
from schemas.events.payload import Payload
from schemas.registry import PAYLOADS
from schemas.topics import DEAD_TOPICS, TOPICS, Topic

KAFKA_BINDING = "0.5.0"


def document() -> dict[str, Any]:
    """Put the whole document together."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OneVisit 进一次门: events",
            "version": "1",
            "description": (
                "Facts of joint random inspections (双随机、一公开). Every event is a CloudEvent 1.0 in structured JSON, at most "
                f"{MAX_EVENT_BYTES} bytes; delivered at least once, in order per key; only a topic's owner says its facts. "
                "A changed fact is a new version (`.v2`). No event carries a person's data, an answer, evidence or a secret."
            ),
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": {f"{topic.owner}.says.{topic.name}": _operation(topic) for topic in TOPICS.values()},
        "components": {"messages": {name: _message(model) for name, model in PAYLOADS.items()}},
    }


def facts_on(topic: Topic) -> list[type[Payload]]:
    """List the facts that a topic carries, by their names."""
    if topic in DEAD_TOPICS:
        return [EventParked]
    return [model for model in PAYLOADS.values() if model.topic == topic.name]


def _channel(topic: Topic) -> dict[str, Any]:
    facts = facts_on(topic)
    keys = " or ".join(sorted({f"`{model.key}`" for model in facts}))
    return {
        "address": topic.name,
        "title": f"Topic {topic.name}",
        "description": f"Said by {topic.owner} only, keyed by {keys}; kept for ever, never compacted.",
        "messages": {model.type: {"$ref": f"#/components/messages/{model.type}"} for model in facts},
        "bindings": {
            "kafka": {"topic": topic.name, "partitions": topic.partitions, "bindingVersion": KAFKA_BINDING},
        },
    }


def _operation(topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "title": f"{topic.owner} says",
        "messages": [{"$ref": f"{channel}/messages/{model.type}"} for model in facts_on(topic)],
    }


def _message(model: type[Payload]) -> dict[str, Any]:
    return {
        "name": model.type,
        "title": model.__name__,
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/cloudevents+json",
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": _envelope(model)},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": KAFKA_BINDING}},
        "correlationId": {"location": "$message.payload#/correlationid"},
    }


def _envelope(model: type[Payload]) -> dict[str, Any]:
    """Write the CloudEvent around one fact: its own type, its owner as source, its own data."""
    schema = CloudEvent.model_json_schema(mode="serialization")
    owners = sorted(topic.owner for topic in TOPICS.values() if model in facts_on(topic))
    schema["properties"] |= {
        "type": {"const": model.type},
        "source": {"enum": [f"onevisit/{owner}" for owner in owners]},
        "data": {"$ref": f"./json/{model.type}.schema.json"},
    }
    optional = {name for name, field in CloudEvent.model_fields.items() if field.default is None}
    return schema | {
        "title": f"{model.__name__} as a CloudEvent",
        "required": sorted(schema["properties"].keys() - optional),
    }
