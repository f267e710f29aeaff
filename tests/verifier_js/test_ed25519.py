"""The page's own Ed25519: RFC 8032 vectors, agreement with a library, and nothing but canonical encodings."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.unit.verifier.test_ed25519 import RFC_8032, small_order_points
from tests.verifier_js.node import computed
from verify_draw import L, P

BASE = (4 * pow(5, -1, P) % P).to_bytes(32, "little")  # y = 4/5, even x
ONE = (1).to_bytes(32, "little")
SMALL_ORDER = ("small ? null : oddMultiples", "a === null ? null : oddMultiples")


def holds(*signatures: tuple[bytes, bytes, bytes], **more: Any) -> list[bool]:
    """Verify signatures: key, message, signature."""
    requests = ({"do": "ed25519", "key": k.hex(), "message": m.hex(), "signature": s.hex()} for k, m, s in signatures)
    return [answer["answer"] for answer in computed(requests, **more)]


def a_signer(seed: bytes) -> tuple[Ed25519PrivateKey, bytes, int]:
    """Give a secret key, its public key and its scalar."""
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return secret, secret.public_key().public_bytes_raw(), scalar


def answering(r: bytes, key: bytes, scalar: int, extra: int = 0, message: bytes = b"m") -> bytes:
    """Give R and the S that answers for it: extra + k·a."""
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    return r + ((extra + k * scalar) % L).to_bytes(32, "little")


def test_the_vectors_of_rfc_8032_hold() -> None:
    assert holds(*(tuple(map(bytes.fromhex, one)) for one in RFC_8032)) == [True] * len(RFC_8032)  # type: ignore[arg-type]


def test_it_agrees_with_a_library_on_signatures_and_on_single_bits_changed() -> None:
    chance, asked, expected = random.Random(20181204), [], []
    for number in range(60):
        secret, key, _ = a_signer(chance.randbytes(32))
        message = chance.randbytes(number)
        signature = secret.sign(message)
        bit = (int.from_bytes(signature, "big") ^ (1 << chance.randrange(512))).to_bytes(64, "big")
        other = (int.from_bytes(key, "big") ^ (1 << chance.randrange(256))).to_bytes(32, "big")
        asked += [
            (key, message, signature),
            (key, message, bit),
            (key, message + b"\x00", signature),
            (other, message, signature),
        ]
        expected += [True, False, False, False]

    assert holds(*asked) == expected


def test_s_above_the_order_of_the_group_is_refused_which_without_its_guard_would_hold() -> None:
    key, message, signature = (bytes.fromhex(text) for text in RFC_8032[1])
    s = int.from_bytes(signature[32:], "little")
    forged = [(key, message, signature[:32] + (s + more).to_bytes(32, "little")) for more in (L, 2 * L, 7 * L)]

    assert holds(*forged) == [False] * 3
    assert holds(*forged, without=[("if (s >= ORDER25519) return false;", "")]) == [True] * 3


def test_lengths_other_than_32_and_64_are_refused() -> None:
    key, message, signature = (bytes.fromhex(text) for text in RFC_8032[0])

    assert not any(
        holds(
            (key[:-1], message, signature),
            (key + b"\x00", message, signature),
            (key, message, signature[:-1]),
            (key, message, signature + b"\x00"),
            (b"", b"", b""),
        )
    )


def test_a_key_of_small_order_is_no_key_for_under_it_anybody_could_sign() -> None:
    forged = [
        (key, number.to_bytes(2, "big"), signature)
        for key in small_order_points()
        for number in range(16)
        for signature in (ONE + bytes(32), BASE + ONE)
    ]

    assert not any(holds(*forged))
    assert any(holds(*forged, without=[SMALL_ORDER]))


def test_encodings_that_are_not_canonical_are_no_points() -> None:
    _, key, scalar = a_signer(bytes(32))
    same_r = [ONE, (P + 1).to_bytes(32, "little"), (1 | 1 << 255).to_bytes(32, "little")]  # all mean the identity

    assert holds(*((key, b"m", answering(r, key, scalar)) for r in same_r)) == [True, False, False]
    for guard in (("if (y >= P25519) return null;", ""), ("if (x === 0n && sign === 1n) return null;", "")):
        assert any(holds(*((key, b"m", answering(r, key, scalar)) for r in same_r[1:]), without=[guard]))


def test_there_is_no_cofactor() -> None:
    # R with the point of order two added to it (x, y) → (−x, −y): times eight the equation holds, as it is it does not
    _, key, scalar = a_signer(bytes(range(32)))
    y = int.from_bytes(BASE, "little")
    shifted = (P - y) | (1 << 255)  # the base point's x is even, so −x is odd

    assert holds(
        (key, b"m", answering(BASE, key, scalar, 1)),
        (key, b"m", answering(shifted.to_bytes(32, "little"), key, scalar, 1)),
    ) == [True, False]
