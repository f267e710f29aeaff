"""
SM2 signatures of a body that keeps such a key itself (custody "own"), by Tongsuo, where it is installed.

``pip install tongsuopy`` (requirements-sm2.lock). Without it no such key is registered, and a record with one is read with
its SM2 signatures named as not checked. Keys that the server or a browser makes are Ed25519.
Source: JIDRAW/1 section 1: GB/T 32918.2 with digest SM3 and user id 1234567812345678 (GB/T 35276's default, and Tongsuo's),
written r ‖ s.
"""

from importlib.util import find_spec

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

SM2 = "sm2"
_HALF = 32


def installed() -> bool:
    """Tell whether SM2 can be checked here."""
    return find_spec("tongsuopy") is not None


def verify(key: str, message: bytes, signature: bytes) -> bool:
    """
    Tell whether *signature* (64 bytes, r ‖ s) over *message* is that of *key* (hex of 04 ‖ x ‖ y).

    Raises:
        ImportError: Tongsuo is not installed.
    """
    from tongsuopy.crypto.asymciphers import ec
    from tongsuopy.crypto.exceptions import InvalidSignature
    from tongsuopy.crypto.hashes import SM3

    r, s = (int.from_bytes(half, "big") for half in (signature[:_HALF], signature[_HALF:]))
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SM2(), bytes.fromhex(key))
        point.verify(encode_dss_signature(r, s), message, ec.ECDSA(SM3()))
    except (InvalidSignature, ValueError):  # ValueError: no point of the curve
        return False
    return len(signature) == 2 * _HALF
