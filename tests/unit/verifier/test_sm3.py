"""The verifier's own SM3: the values of GB/T 32905-2016, agreement with OpenSSL where it has SM3, and the vectors."""

from __future__ import annotations

import hashlib
import random

import pytest

import verify_draw
from tests.unit.verifier.forge import vectors
from verify_draw import SM3, Hasher

ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
ABCD_16 = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
NOTHING = "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"


def test_the_values_of_the_standard() -> None:
    assert SM3(b"abc").digest().hex() == ABC
    assert SM3(b"abcd" * 16).digest().hex() == ABCD_16
    assert SM3().digest().hex() == NOTHING


def test_bytes_may_come_in_any_portions() -> None:
    chance, data = random.Random(7), bytes(range(256)) * 3
    for _ in range(30):
        running, at = SM3(), 0
        while at < len(data):
            step = chance.randrange(0, 150)
            running.update(data[at : at + step])
            running.digest()  # looking does not change anything
            at += step
        assert running.digest() == SM3(data).digest()


@pytest.mark.skipif("sm3" not in hashlib.algorithms_available, reason="this OpenSSL has no SM3")
def test_every_length_agrees_with_openssl() -> None:
    for length in range(200):
        data = bytes(length % 251 for _ in range(length))
        assert SM3(data).digest() == hashlib.new("sm3", data).digest()


def test_the_vectors_hold_without_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw, "_FASTER_SM3", None)
    hasher, ticket = Hasher("sm3"), vectors()["ticket"]

    assert hasher.th("x", "ab", "c").hex() == vectors()["sm3 TH(x,ab,c)"]
    assert hasher.h(f"{ticket['key']}|{ticket['id']}".encode()).hex() == vectors()["sm3 ticket"]


def test_an_openssl_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashlib, "new", lambda name, data=b"": hashlib.sha256(data))
    assert verify_draw._find_faster_sm3() is None


def test_an_openssl_without_sm3_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, data: bytes = b"") -> None:
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", refuse)
    assert verify_draw._find_faster_sm3() is None
