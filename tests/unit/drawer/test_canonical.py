"""Canonical JSON: one spelling for one value, and hostile text refused with a reason."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import OneVisitError
from services.drawer.domain.canonical import DEEPEST, JsonUnreadable, ValueNotCanonical, canonical, parse
from tests.unit.drawer.draws import refused

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(
    lambda text: unicodedata.normalize("NFC", text)
)
keys = st.from_regex(r"\A(|[0-9A-Za-z._-]{1,4}(/[0-9A-Za-z._-]{1,4}){0,2})\Z")
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_read_back_and_written_the_same(value: object) -> None:
    assert parse(canonical(value)) == value
    assert canonical(parse(json.dumps(value, indent=2).encode())) == canonical(value)


def test_the_spelling_is_that_of_rfc_8785() -> None:
    value = {"b": [1, True, None], "a/b": 'é\n\x1f"\\/\u2028\x7f', "": 0, "B": (), "__proto__": {}}

    assert canonical(value).decode() == (
        '{"":0,"B":[],"__proto__":{},"a/b":"é\\n\\u001f\\"\\\\/\u2028\x7f","b":[1,true,null]}'
    )


@pytest.mark.parametrize(
    ("value", "where", "reason"),
    [
        ({"a": [0, -1]}, "a.1", "integer"),
        ({"a": 2**53}, "a", "integer"),
        (1.0, "", "type"),
        (b"x", "", "type"),
        ({"a": {1, 2}}, "a", "type"),
        ("e\u0301", "", "text"),
        ("\ud800", "", "text"),
        (["中", "\udfff"], "1", "text"),
        ({"a b": 1}, "'a b'", "key"),
        ({"a": {"项": 1}}, "a.'\\u9879'", "key"),
        ({1: 1}, "1", "key"),
        ({"a" * 65: 1}, "'" + "a" * 65 + "'", "key"),
    ],
)
def test_a_value_outside_the_restricted_kind_is_refused_with_its_place(value: object, where: str, reason: str) -> None:
    with refused(ValueNotCanonical, where=where, reason=reason):
        canonical(value)


def test_the_largest_integer_and_the_deepest_nesting_still_pass() -> None:
    deep: object = 2**53 - 1
    for _ in range(DEEPEST):
        deep = [deep]

    assert parse(canonical(deep)) == deep
    with refused(ValueNotCanonical, where=".".join("0" * (DEEPEST + 1)), reason="depth"):
        canonical([deep])


@pytest.mark.parametrize(
    ("text", "reason", "found"),
    [
        (b"\xff", "encoding", 0),
        (b"\xef\xbb\xbf{}", "syntax", 0),
        (b"{", "syntax", 1),
        (b"", "syntax", 0),
        (b"[1,]", "syntax", 3),
        (b"[01]", "syntax", 2),
        (b"{} {}", "syntax", 3),
        (b'{"a":1,"a":1}', "doubled_key", "'a'"),
        (b'[{"":1,"":2}]', "doubled_key", "''"),
        (b"-0", "number", "-0"),
        (b"-1", "number", "-1"),
        (b"1.0", "number", "1.0"),
        (b"1e3", "number", "1e3"),
        (b"NaN", "number", "NaN"),
        (b"-Infinity", "number", "-Infinity"),
        (b"9007199254740992", "number", "9007199254740992"),
        (b"9" * 9000, "number", "9" * 80),
        (b"[" * 100_000, "depth", DEEPEST),
    ],
)
def test_text_that_is_not_restricted_json_is_refused_with_a_reason(text: bytes, reason: str, found: object) -> None:
    with refused(JsonUnreadable, reason=reason, found=found):
        parse(text)


@pytest.mark.parametrize("text", [rb'"\ud800"', '"e\u0301"'.encode(), b'{"a b":1}', b"[" * 60 + b"]" * 60])
def test_text_that_canonical_json_cannot_hold_is_refused(text: bytes) -> None:
    with pytest.raises(ValueNotCanonical):
        parse(text)


@given(st.binary(max_size=60) | st.text('[]{}",:0123456789eE+-.truefalsn\\ud8 ', max_size=40).map(str.encode))
def test_hostile_text_is_read_or_refused_and_nothing_else(text: bytes) -> None:
    try:
        value = parse(text)
    except OneVisitError:
        return
    assert parse(canonical(value)) == value
