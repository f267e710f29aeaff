"""
One example of every fact, made from its model.

``python -m tests.contract.examples`` writes the golden example of each type that has none yet. A golden example is
written once, when its version is born, and read for ever; nothing rewrites it.
"""

import json
import sys
import types
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.blobs import BlobRef
from schemas.envelope import wrap
from schemas.events.payload import Payload
from schemas.registry import PAYLOADS
from schemas.topics import TOPICS

GOLDEN = Path(__file__).parent.parent.parent / "schemas" / "golden"
AT = datetime(2018, 12, 3, 1, 0, tzinfo=UTC)


def example(model: type[BaseModel]) -> BaseModel:
    """Build a valid instance of *model*, every optional field filled."""
    values = {name: _value(name, field.annotation, field) for name, field in model.model_fields.items()}
    return model.model_validate(values)


def _value(name: str, kind: Any, field: FieldInfo | None = None) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _value(name, next(part for part in get_args(kind) if part is not type(None)), field)
    if origin is Literal:
        return get_args(kind)[0]
    if origin is tuple:
        parts = [part for part in get_args(kind) if part is not Ellipsis]
        return tuple(_value(name, part) for part in parts)
    if origin is not None and get_args(kind):  # Annotated
        return _annotated(name, get_args(kind))
    if isinstance(kind, type):
        return _plain(name, kind, field)
    raise TypeError(f"no example for {name}: {kind}")


def _annotated(name: str, parts: tuple[Any, ...]) -> Any:
    pattern = "".join(str(part) for part in parts[1:])
    return "ab" * 32 if "{64}" in pattern and "0-9a-f" in pattern else _value(name, parts[0])


def _plain(name: str, kind: type, field: FieldInfo | None) -> Any:
    if issubclass(kind, BlobRef):
        return BlobRef(digest="ab" * 32, size=10, content_type="application/json")
    if issubclass(kind, BaseModel):
        return example(kind)
    if issubclass(kind, Enum):
        return next(iter(kind))
    hexadecimal = field is not None and any("0-9a-f" in str(part) for part in field.metadata)
    plain: dict[type, Any] = {
        bool: True,
        int: 1,
        datetime: AT,
        date: AT.date(),
        str: "ab" * 32 if hexadecimal else "640221" if name == "county" else f"{name}-1",
    }
    return plain[kind]


def golden_path(name: str) -> Path:
    """Say where the golden example of a type stands."""
    return GOLDEN / f"{name}.json"


def main() -> int:
    """Write missing golden examples."""
    GOLDEN.mkdir(exist_ok=True)
    for name, model in PAYLOADS.items():
        if golden_path(name).exists():
            continue
        payload = example(model)
        assert isinstance(payload, Payload)
        owner = TOPICS[model.topic].owner if model.topic in TOPICS else "planner"
        event = wrap(
            payload,
            event_id=f"example-{name}",
            service=owner,
            at=AT,
            correlation_id="correlation-1",
            causation_id="causation-1",
            traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        text = json.dumps(json.loads(event.encode()), indent=1, ensure_ascii=False, sort_keys=True)
        golden_path(name).write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
