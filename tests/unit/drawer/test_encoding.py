"""Hashes, length prefixes, identifiers, hex."""

import hashlib
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.drawer.domain.encoding import (
    SHA256,
    SM3,
    HashObject,
    HashUnknown,
    HexWrong,
    class_of,
    dependable_sm3,
    from_hex,
    hash_named,
    is_identifier,
    is_stratum,
    length_prefixed,
    tagged_hash,
)
from services.drawer.domain.sm3 import PlainSM3
from tests.unit.drawer.draws import refused

STANDARD_EXAMPLES = {
    b"abc": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    b"abcd" * 16: "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
}


@pytest.mark.parametrize("data", STANDARD_EXAMPLES, ids=len)
def test_sm3_gives_the_examples_of_its_standard(data: bytes) -> None:
    assert SM3(data).hex() == PlainSM3(data).digest().hex() == STANDARD_EXAMPLES[data]


@given(st.binary(max_size=300), st.integers(0, 300))
def test_plain_sm3_fed_in_pieces_equals_the_sm3_in_use(data: bytes, cut: int) -> None:
    plain = PlainSM3(data[:cut])
    plain.update(data[cut:])

    assert plain.digest() == SM3(data)
    assert plain.digest() == SM3(data)  # asking does not change it


def test_without_sm3_in_openssl_the_plain_one_is_taken() -> None:
    def offers_none(name: str, data: bytes) -> NoReturn:
        raise ValueError(f"unsupported hash type {name}")

    assert dependable_sm3(offers_none) is PlainSM3


def test_an_sm3_that_fails_the_standard_example_is_not_taken() -> None:
    def offers_another(name: str, data: bytes) -> HashObject:
        return hashlib.sha256(data)

    assert dependable_sm3(offers_another) is PlainSM3


def test_a_dependable_sm3_of_openssl_is_taken() -> None:
    def offers_right(name: str, data: bytes) -> HashObject:
        assert name == "sm3"
        return PlainSM3(data)

    assert dependable_sm3(offers_right)(b"abc").digest().hex() == STANDARD_EXAMPLES[b"abc"]
    assert dependable_sm3(offers_right) is not PlainSM3


def test_a_hash_is_found_by_its_name() -> None:
    assert hash_named("sha256") is SHA256
    assert hash_named("sm3") is SM3
    with refused(HashUnknown, hash="md5"):
        hash_named("md5")


def test_a_length_prefix_is_four_bytes_big_endian() -> None:
    assert length_prefixed(b"x" * 258) == b"\x00\x00\x01\x02" + b"x" * 258


@given(st.lists(st.binary(max_size=5), max_size=4), st.lists(st.binary(max_size=5), max_size=4))
def test_only_equal_lists_of_parts_hash_equally(one: list[bytes], other: list[bytes]) -> None:
    assert (tagged_hash(SHA256, "t", *one) == tagged_hash(SHA256, "t", *other)) == (one == other)


def test_texts_integers_and_missing_parts_enter_as_the_protocol_says() -> None:
    assert tagged_hash(SHA256, "t", "项", 12, None) == tagged_hash(SHA256, "t", "项".encode(), b"12", b"")


@pytest.mark.parametrize("text", ["AB", "ABC0", "abcg", "AA", "", "ab\n", " ab", 7, None, b"ab"])
def test_hex_of_another_form_is_refused(text: object) -> None:
    with refused(HexWrong, what="value", bytes=1):
        from_hex(text, "value", 1)


def test_hex_is_read() -> None:
    assert from_hex("00ff", "value", 2) == b"\x00\xff"
    assert from_hex("ab" * 32, "value") == b"\xab" * 32


@pytest.mark.parametrize("text", ["a", "__proto__", "9164.-_X", "a" * 64])
def test_identifiers(text: str) -> None:
    assert is_identifier(text)
    assert is_stratum(text)
    assert is_stratum(f"{text}/{text}")


@pytest.mark.parametrize("text", ["", "a" * 65, "a b", "a\n", "项", "a,b", "a/", "/a", "a//b"])
def test_what_is_no_identifier_is_no_stratum_either(text: str) -> None:
    assert not is_identifier(text)
    assert not is_stratum(text)


def test_the_class_is_the_text_before_the_first_bar() -> None:
    assert [class_of(stratum) for stratum in ("A/x/y", "A")] == ["A", "A"]
