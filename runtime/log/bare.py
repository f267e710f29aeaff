"""
What may be told of an exception: its type, its code and the places it came through, never its text.

``KeyError('91640221…')`` names a firm, and may name one whose drawing nobody knows of yet; so does whatever a library
puts into a message. A program's places are no secret, and say more about a bug than its words.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from runtime.errors import OneVisitError

MOST_FRAMES = 30  # of one exception, the innermost
MOST_CAUSES = 5
_LIBRARIES = re.compile(r"site-packages|dist-packages|python3(\.[0-9]+)?")
_PACKAGES = ("runtime", "services", "onevisit", "schemas", "tests")
_ID = re.compile(r"[CDFRUV]-[0-9]{6}-[0-9]{4}(-[0-9]{1,9}){1,2}(-[A-Z]{2,8})?")
"""Ids minted here (``next_id``), and a visit's sections; not targets (T-…, credit codes), officers or evidence."""


def bare(error: BaseException) -> dict[str, Any]:
    """
    Return what may be logged of *error*: ``bug``, ``frames`` (``file:line:function``, outermost first), and its causes.

    A refusal of ours also tells its ``code`` and those of its facts that are ids or counts.
    """
    first, *causes = _chain(error)
    return _one(first) | ({"causes": [_one(cause) for cause in causes]} if causes else {})


def reason(error: BaseException) -> str:
    """Say in one line why a message was parked: type and innermost place of ours, or code, ids and counts."""
    if isinstance(error, OneVisitError):
        return " ".join([error.code, *(f"{name}={value}" for name, value in plain_facts(error).items())])
    own = [frame for frame in frames(error) if frame.split("/")[0] in _PACKAGES]
    return " ".join([_name(error), *own[-1:]])


def plain_facts(error: OneVisitError) -> dict[str, object]:
    """Keep those facts of a refusal that are ids minted here, counts, or words of our own (its class's ``constant``)."""
    constant = getattr(error, "constant", ())
    return {name: fact for name, fact in error.facts.items() if name in constant or _is_plain(fact)}


def frames(error: BaseException) -> list[str]:
    """Name the places *error* came through, outermost first: ``file:line:function``, without the machine's folders."""
    places = traceback.walk_tb(error.__traceback__)
    return [f"{_short(at.f_code.co_filename)}:{line}:{at.f_code.co_name}" for at, line in places][-MOST_FRAMES:]


def _one(error: BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {"bug": _name(error), "frames": frames(error)}
    if isinstance(error, OneVisitError):
        told |= {"code": error.code, "facts": plain_facts(error)}
    return told


def _chain(error: BaseException) -> Iterator[BaseException]:
    met: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in met and len(met) < MOST_CAUSES:
        met.append(following)
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


def _name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _short(file: str) -> str:
    parts = PurePath(file).parts
    for at in range(len(parts) - 1, 0, -1):
        if parts[at] in _PACKAGES or _LIBRARIES.fullmatch(parts[at - 1]):
            return "/".join(parts[at:])
    return parts[-1]


def _is_plain(fact: object) -> bool:
    if isinstance(fact, bool):
        return False
    if isinstance(fact, str):
        return _ID.fullmatch(fact) is not None
    if isinstance(fact, Mapping):
        return False
    if isinstance(fact, list | tuple | set | frozenset):
        return bool(fact) and all(_is_plain(item) for item in fact)
    return isinstance(fact, int)
