"""Which payload model belongs to a type on the wire, and how older versions are read."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.events import accounts, campaigns, dead, draws, notices, referrals, registers, results
from schemas.events.payload import Payload

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _concrete(kind: type[Payload]) -> list[type[Payload]]:
    found = [kind] if "type" in kind.__dict__ else []
    for child in kind.__subclasses__():
        found += _concrete(child)
    return found


MODULES = (accounts, registers, campaigns, draws, results, referrals, notices, dead)

PAYLOADS: Mapping[str, type[Payload]] = {
    kind.type: kind for kind in sorted(_concrete(Payload), key=lambda kind: kind.type)
}
"""Newest version of every fact: type on the wire → model."""


def _without_a_day(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 of a return did not say by when the section is submitted again."""
    return {**data, "again": None}


UPCASTERS: Mapping[str, tuple[str, Upcaster]] = {
    "onevisit.result.returned.v1": ("onevisit.result.returned.v2", _without_a_day),
}
"""Older type → (next newer type, function that turns its data into the newer shape)."""


class UnknownType(ValueError):
    """No model is registered for this type, under this or an older version."""


def read_payload(type_: str, data: dict[str, Any]) -> Payload:
    """
    Turn the data of an event on the wire into its newest model, ignoring fields this release does not know.

    Raises:
        UnknownType: the type is in neither table.
        pydantic.ValidationError: the data do not fit.
    """
    while type_ in UPCASTERS:
        type_, upcast = UPCASTERS[type_]
        data = upcast(data)
    if type_ not in PAYLOADS:
        raise UnknownType(type_)
    return PAYLOADS[type_].model_validate(data, extra="ignore")
