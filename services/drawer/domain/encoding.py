"""
Bytes that two agencies agree on: the two hashes, length prefixes, tagged hashes, identifiers, hex.

Source: JIDRAW/1 section 1.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.sm3 import PlainSM3

DIGEST_BYTES = 32
TAG_PREFIX = b"JIDRAW/1/"
IDENTIFIER = re.compile(r"[0-9A-Za-z._-]{1,64}")
STRATUM = re.compile(r"[0-9A-Za-z._-]{1,64}(?:/[0-9A-Za-z._-]{1,64})*")
_SM3_OF_ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"  # GB/T 32905-2016 A.1


class HexWrong(DrawRefused):
    """A value is not lower-case hex of the length it should have."""

    code = "draw.hex_wrong"
    says = ("what", "bytes")


class HashUnknown(DrawRefused):
    """A hash other than sha256 and sm3 was named."""

    code = "draw.hash_unknown"
    says = ("hash",)


class HashObject(Protocol):
    """What hashlib hands out: bytes go in, a digest comes out."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class Hash:
    """H of JIDRAW/1: called, it hashes bytes; ``begin`` starts one that is fed piece by piece."""

    name: str
    begin: Callable[[bytes], HashObject]

    def __call__(self, data: bytes) -> bytes:
        return self.begin(data).digest()


def dependable_sm3(offered: Callable[[str, bytes], HashObject] = hashlib.new) -> Callable[[bytes], HashObject]:
    """Choose OpenSSL's SM3 where it is there and gives the standard's own example, else our plain one."""
    try:
        works = offered("sm3", b"abc").digest().hex() == _SM3_OF_ABC
    except ValueError:  # OpenSSL built without SM3, or held to FIPS
        works = False
    return partial(offered, "sm3") if works else PlainSM3


SHA256 = Hash("sha256", hashlib.sha256)
SM3 = Hash("sm3", dependable_sm3())
HASHES = {SHA256.name: SHA256, SM3.name: SM3}


def hash_named(name: str) -> Hash:
    """Find the hash that a manifest names."""
    if name not in HASHES:
        raise HashUnknown(hash=name)
    return HASHES[name]


def length_prefixed(data: bytes) -> bytes:
    """LP(x): the length as four bytes, big-endian, and the bytes."""
    return len(data).to_bytes(4, "big") + data


def tagged_hash(h: Hash, tag: str, *parts: bytes | str | int | None) -> bytes:
    """
    TH(tag, x1 … xn): hash *parts* so that no other list of parts gives the same bytes.

    Digests, secrets and seeds enter as their raw bytes, text as UTF-8, integers as ASCII decimal, a missing
    value (None) as the empty string.
    """
    return h(b"".join(map(length_prefixed, [TAG_PREFIX + tag.encode(), *map(_as_bytes, parts)])))


def _as_bytes(part: bytes | str | int | None) -> bytes:
    if part is None:
        return b""
    return part if isinstance(part, bytes) else str(part).encode()


def from_hex(text: object, what: str, size: int = DIGEST_BYTES) -> bytes:
    """Read *size* bytes from lower-case hex; *what* names the value for the person who sent it."""
    if not isinstance(text, str) or not re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", text):
        raise HexWrong(what=what, bytes=size)
    return bytes.fromhex(text)


def is_identifier(text: str) -> bool:
    """Tell whether *text* may name an entity, agency, inspector, line, label, selection or shard."""
    return IDENTIFIER.fullmatch(text) is not None


def is_stratum(text: str) -> bool:
    """Tell whether *text* is identifiers joined by ``/``."""
    return STRATUM.fullmatch(text) is not None


def class_of(stratum: str) -> str:
    """Name the class of a stratum: the text before its first ``/``."""
    return stratum.partition("/")[0]
