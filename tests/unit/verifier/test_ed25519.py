"""The verifier's own Ed25519: RFC 8032 vectors, agreement with a library, and nothing but canonical encodings."""

from __future__ import annotations

import hashlib
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify_draw
from verify_draw import L, P, ed25519_verify

RFC_8032 = [  # section 7.1: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_hold(key: str, message: str, signature: str) -> None:
    assert ed25519_verify(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


def test_it_agrees_with_a_library_on_signatures_and_on_single_bits_changed() -> None:
    chance = random.Random(20181204)
    for number in range(40):
        secret = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        key, message = secret.public_key().public_bytes_raw(), chance.randbytes(number)
        signature = secret.sign(message)
        assert ed25519_verify(key, message, signature)
        bit = chance.randrange(512)
        changed = (int.from_bytes(signature, "big") ^ (1 << bit)).to_bytes(64, "big")
        assert not ed25519_verify(key, message, changed)
        assert not ed25519_verify(key, message + b"\x00", signature)
        other = (int.from_bytes(key, "big") ^ (1 << chance.randrange(256))).to_bytes(32, "big")
        assert not ed25519_verify(other, message, signature)


def test_s_above_the_order_of_the_group_is_refused() -> None:
    key, message, signature = (bytes.fromhex(text) for text in RFC_8032[1])
    s = int.from_bytes(signature[32:], "little")
    for more in (L, 2 * L, 7 * L):
        assert not ed25519_verify(key, message, signature[:32] + (s + more).to_bytes(32, "little"))
    assert not ed25519_verify(key, message, signature[:32] + (2**256 - 1).to_bytes(32, "little"))


def test_lengths_other_than_32_and_64_are_refused() -> None:
    key, message, signature = (bytes.fromhex(text) for text in RFC_8032[0])
    assert not ed25519_verify(key[:-1], message, signature)
    assert not ed25519_verify(key + b"\x00", message, signature)
    assert not ed25519_verify(key, message, signature[:-1])
    assert not ed25519_verify(key, message, signature + b"\x00")
    assert not ed25519_verify(b"", b"", b"")


def small_order_points() -> list[bytes]:
    """Give the encodings of the eight points whose order divides eight, canonical and not."""
    y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
    ys = [0, 1, P - 1, P, P + 1, y8, P - y8]
    return [(y | sign << 255).to_bytes(32, "little") for y in ys for sign in (0, 1)]


@pytest.mark.parametrize("key", small_order_points(), ids=lambda key: key.hex()[:8])
def test_a_key_of_small_order_is_no_key(key: bytes) -> None:
    # under such a key anybody can make something that looks like a signature: R = S·B for an S of one's own,
    # or R = identity and S = 0, whenever k is a multiple of the key's order; try enough messages to hit one
    identity = (1).to_bytes(32, "little")
    base = verify_draw._encode(verify_draw._BASE)
    for number in range(24):
        message = number.to_bytes(2, "big")
        assert not ed25519_verify(key, message, identity + bytes(32))
        assert not ed25519_verify(key, message, base + (1).to_bytes(32, "little"))


def test_without_that_guard_anybody_could_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    # the identity as a key: S·B = R + k·0 holds for R = B and S = 1, whatever the message
    identity, forged = (1).to_bytes(32, "little"), verify_draw._encode(verify_draw._BASE) + (1).to_bytes(32, "little")
    assert not ed25519_verify(identity, b"any message", forged)

    monkeypatch.setattr(verify_draw, "_of_small_order", lambda point: False)

    assert ed25519_verify(identity, b"any message", forged)


def test_encodings_that_are_not_canonical_are_no_points() -> None:
    assert verify_draw._point(P.to_bytes(32, "little")) is None  # y = p stands for 0
    assert verify_draw._point((P + 1).to_bytes(32, "little")) is None  # y = p + 1 stands for 1
    assert verify_draw._point((1 | 1 << 255).to_bytes(32, "little")) is None  # x = 0 with the sign of an odd x
    assert verify_draw._point((P - 1 | 1 << 255).to_bytes(32, "little")) is None
    assert verify_draw._point((2).to_bytes(32, "little")) is None  # not on the curve
    assert verify_draw._point((1).to_bytes(32, "little")) is not None


def test_an_r_that_is_not_canonical_is_refused_even_where_the_equation_holds() -> None:
    # R = identity, written once as y = 1 and once as y = p + 1: S = k·a makes the equation hold for both
    seed = bytes(32)
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    key = secret.public_key().public_bytes_raw()
    digest = hashlib.sha512(seed).digest()
    a = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)

    def made_with(r: bytes) -> bytes:
        k = int.from_bytes(hashlib.sha512(r + key + b"m").digest(), "little") % L
        return r + (k * a % L).to_bytes(32, "little")

    assert ed25519_verify(key, b"m", made_with((1).to_bytes(32, "little")))
    assert not ed25519_verify(key, b"m", made_with((P + 1).to_bytes(32, "little")))
    assert not ed25519_verify(key, b"m", made_with((1 | 1 << 255).to_bytes(32, "little")))


def test_there_is_no_cofactor() -> None:
    # R with a part of order two added: the equation times eight holds, the plain one does not
    seed = bytes(range(32))
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    key, digest = secret.public_key().public_bytes_raw(), hashlib.sha512(seed).digest()
    a = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    base = verify_draw._BASE
    shifted = verify_draw._add(base, (0, P - 1, 1, 0))
    for point, holds in ((base, True), (shifted, False)):
        r = verify_draw._encode(point)
        k = int.from_bytes(hashlib.sha512(r + key + b"m").digest(), "little") % L
        assert ed25519_verify(key, b"m", r + ((1 + k * a) % L).to_bytes(32, "little")) is holds
