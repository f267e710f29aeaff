"""
drand's quicknet, verified offline: a round's signature under the network's public key.

Scheme bls-unchained-g1-rfc9380: the message is the SHA-256 of the round as eight bytes, hashed to the curve's first
group; the signature is a point of it, and the pairing with the key must agree. The curve is arkworks' (the bindings
that the Ethereum consensus specification is tested with).
Source: JIDRAW/1 section 7; RFC 9380.
"""

import hashlib

from py_arkworks_bls12381 import GT, G1Point, G2Point

PUBLIC_KEY = bytes.fromhex(
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)
_DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def verify_quicknet(number: int, value: bytes) -> bool:
    """Tell whether *value* (48 bytes) is quicknet's signature of round *number*; never raises."""
    if not 0 <= number < 2**64:
        return False
    try:
        signature = G1Point.from_compressed_bytes(value)
    except (ValueError, TypeError):  # no point of the group, or not written in its one way
        return False
    message = G1Point.hash_to_curve(hashlib.sha256(number.to_bytes(8, "big")).digest(), _DOMAIN)
    return bool(GT.pairing_check([signature, -message], [G2Point(), G2Point.from_compressed_bytes(PUBLIC_KEY)]))
