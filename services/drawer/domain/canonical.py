"""
Canonical JSON: one spelling for one value, and nothing that two readers could understand differently.

RFC 8785 restricted as JIDRAW/1 section 1 says: null, booleans, NFC strings without lone surrogates, arrays, objects
whose keys are identifiers, strata or the empty string, and integers 0 <= n < 2**53 written in digits alone.
"""

import json
import unicodedata
from typing import NoReturn

from services.drawer.domain.encoding import is_stratum
from services.drawer.domain.refusals import DrawRefused, DrawUnreadable

INTEGER_LIMIT = 2**53
DEEPEST = 32
"""Levels of nesting that are read; a draw record has nine."""


class JsonUnreadable(DrawUnreadable):
    """The text is not JSON of the restricted kind: ``reason`` is encoding, syntax, depth, number or doubled_key."""

    code = "draw.json_unreadable"
    says = ("reason", "found")


class ValueNotCanonical(DrawRefused):
    """A value cannot stand in canonical JSON: ``reason`` is type, integer, text, key or depth."""

    code = "draw.value_not_canonical"
    says = ("where", "reason")


def canonical(value: object) -> bytes:
    """JCS(o): write *value* (dicts with string keys, lists or tuples, strings, integers, booleans, None)."""
    _check(value, ())
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def parse(text: bytes) -> object:
    """
    Read JSON and refuse whatever ``canonical`` could not have written, apart from its spacing and key order.

    Raises:
        JsonUnreadable: not UTF-8, not JSON, a doubled key, a number with sign, fraction, exponent or 2**53 and more.
        ValueNotCanonical: a string, key or depth that canonical JSON does not know.
    """
    try:
        value: object = json.loads(
            text.decode(),
            object_pairs_hook=_without_doubled_keys,
            parse_int=_plain_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    except UnicodeDecodeError as error:
        raise JsonUnreadable(reason="encoding", found=error.start) from error
    except json.JSONDecodeError as error:
        raise JsonUnreadable(reason="syntax", found=error.pos) from error
    except RecursionError as error:
        raise JsonUnreadable(reason="depth", found=DEEPEST) from error
    _check(value, ())
    return value


def _without_doubled_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise JsonUnreadable(reason="doubled_key", found=ascii(key)[:80])
        found[key] = value
    return found


def _plain_integer(digits: str) -> int:
    # The length first: Python refuses to read an integer of several thousand digits in a way of its own.
    if not digits.isdecimal() or len(digits) > len(str(INTEGER_LIMIT)) or int(digits) >= INTEGER_LIMIT:
        _no_number(digits)
    return int(digits)


def _no_number(text: str) -> NoReturn:
    raise JsonUnreadable(reason="number", found=text[:80])


def _check(value: object, where: tuple[str, ...]) -> None:
    if len(where) > DEEPEST:
        raise _not_canonical(where, "depth")
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, dict):
        _check_object(value, where)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _check(item, (*where, str(position)))
    elif isinstance(value, int):  # also booleans, which are 0 and 1 to Python
        if not 0 <= value < INTEGER_LIMIT:
            raise _not_canonical(where, "integer")
    elif value is not None:
        raise _not_canonical(where, "type")


def _check_text(value: str, where: tuple[str, ...]) -> None:
    if value.isascii():
        return
    if any("\ud800" <= character <= "\udfff" for character in value) or not unicodedata.is_normalized("NFC", value):
        raise _not_canonical(where, "text")


def _check_object(value: dict[object, object], where: tuple[str, ...]) -> None:
    for key, item in value.items():
        if not isinstance(key, str) or (key and not is_stratum(key)):
            raise _not_canonical((*where, ascii(key)[:80]), "key")
        _check(item, (*where, key))


def _not_canonical(where: tuple[str, ...], reason: str) -> ValueNotCanonical:
    return ValueNotCanonical(where=".".join(where), reason=reason)
