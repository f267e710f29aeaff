"""
Shapes: read values that came from outside into typed ones, or say where they are not what they should be.

A reader takes a value and the name of the place where it stood, and returns it typed. Nothing here knows a manifest.
"""

import re
from collections.abc import Callable, Hashable
from typing import TypeVar

from services.drawer.domain.canonical import INTEGER_LIMIT
from services.drawer.domain.encoding import is_identifier, is_stratum
from services.drawer.domain.refusals import DrawRefused

Read = TypeVar("Read")
Key = TypeVar("Key", bound=Hashable)
Reader = Callable[[object, str], Read]
LARGEST = INTEGER_LIMIT - 1


class ShapeWrong(DrawRefused):
    """A document has not the shape it should have: ``where`` names the place, ``reason`` what was expected there."""

    code = "draw.shape_wrong"
    says = ("where", "reason")


def choice(*allowed: str) -> Reader[str]:
    """Read one of a few words."""

    def read(value: object, where: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ShapeWrong(where=where, reason="one_of:" + ",".join(allowed))
        return value

    return read


def text(reason: str, fits: Callable[[str], object]) -> Reader[str]:
    """Read a string that *fits* says yes to."""

    def read(value: object, where: str) -> str:
        if not isinstance(value, str) or not fits(value):
            raise ShapeWrong(where=where, reason=reason)
        return value

    return read


def number(low: int = 0, high: int = LARGEST) -> Reader[int]:
    """Read an integer between two bounds; true and false are none."""

    def read(value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ShapeWrong(where=where, reason=f"integer:{low}..{high}")
        return value

    return read


def optional(reader: Reader[Read]) -> Reader[Read | None]:
    """Read null, or what *reader* reads."""
    return lambda value, where: None if value is None else reader(value, where)


def array(reader: Reader[Read], least: int = 0, most: int = LARGEST) -> Reader[tuple[Read, ...]]:
    """Read a list of like things."""

    def read(value: object, where: str) -> tuple[Read, ...]:
        if not isinstance(value, list | tuple) or not least <= len(value) <= most:
            raise ShapeWrong(where=where, reason=f"list:{least}..{most}")
        return tuple(reader(item, f"{where}.{position}") for position, item in enumerate(value))

    return read


def distinct(reader: Reader[tuple[Key, ...]]) -> Reader[tuple[Key, ...]]:
    """Read a list in which nothing stands twice."""

    def read(value: object, where: str) -> tuple[Key, ...]:
        items = reader(value, where)
        if len(set(items)) < len(items):
            raise ShapeWrong(where=where, reason="distinct")
        return items

    return read


def mapping(key: Reader[str], item: Reader[Read], least: int = 0) -> Reader[dict[str, Read]]:
    """Read an object used as a map."""

    def read(value: object, where: str) -> dict[str, Read]:
        if not isinstance(value, dict) or len(value) < least:
            raise ShapeWrong(where=where, reason=f"object:{least}..")
        return {key(name, f"{where}(key)"): item(content, f"{where}.{name}") for name, content in value.items()}

    return read


def members(value: object, where: str, needed: tuple[str, ...], allowed: tuple[str, ...] = ()) -> dict[str, object]:
    """Read an object with exactly the *needed* members, perhaps some *allowed* ones, and no others."""
    if not isinstance(value, dict):
        raise ShapeWrong(where=where, reason="object")
    for name in needed:
        if name not in value:
            raise ShapeWrong(where=where, reason=f"missing:{name}")
    for name in value:
        if name not in needed and name not in allowed:
            raise ShapeWrong(where=where, reason=f"unexpected:{ascii(name)[:80]}")
    return value


identifier = text("identifier", is_identifier)
stratum = text("stratum", is_stratum)
digest = text("digest", re.compile(r"[0-9a-f]{64}").fullmatch)
words = text("words", bool)
