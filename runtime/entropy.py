"""Randomness, asked for by purpose and subject, so that a demonstration can be repeated to the byte."""

import hmac
import secrets
from hashlib import sha256
from typing import Protocol


class Entropy(Protocol):
    """Gives random bytes."""

    def bytes(self, n: int, purpose: str, subject: str) -> bytes:
        """
        Give *n* random bytes.

        Args:
            n: How many, at least 0.
            purpose: What for, such as ``"blob.key"``.
            subject: Whose, such as an id; ask for the same purpose and subject once.
        """
        ...


class SystemEntropy:
    """The operating system's generator: every call gives fresh bytes, whatever the purpose and subject."""

    def bytes(self, n: int, purpose: str, subject: str) -> bytes:
        """Give *n* random bytes."""
        del purpose, subject
        return secrets.token_bytes(n)


class DemoEntropy:
    """
    Bytes that follow from a seed, purpose and subject: for demonstrations, never for a draw that counts.

    HMAC-SHA-256 in counter mode (as HKDF-Expand does it); the same three always give the same bytes, and a shorter
    answer is the beginning of a longer one.

    Args:
        seed: At least 16 bytes.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) < 16:
            raise ValueError("a demo seed has at least 16 bytes")
        self._seed = seed

    def bytes(self, n: int, purpose: str, subject: str) -> bytes:
        """Work out *n* bytes, at most 8,160."""
        if not 0 <= n <= 255 * 32:
            raise ValueError(f"0 to 8160 bytes, not {n}")
        parts = [b"onevisit/demo/1", purpose.encode(), subject.encode()]
        about = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        block, given = b"", b""
        for counter in range(1, -(-n // 32) + 1):
            block = hmac.digest(self._seed, block + about + counter.to_bytes(1, "big"), sha256)
            given += block
        return given[:n]
