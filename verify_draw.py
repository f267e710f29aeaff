#!/usr/bin/env python3
"""
Check the record of a joint inspection draw (JIDRAW/1) offline: one file, standard library only.

    python3 verify_draw.py RECORD FRAME... [--keys FILE] [--head DIGEST] [--lang zh|en]

    RECORD   the published record, a JSON file
    FRAME    the frame files (抽样框), in any order; each is matched to its shard by its digest
    --keys   a JSON file {agency or "witness": key in hex}, obtained outside the record
    --head   the newest published result digest, to notice a record that was cut short
    --lang   zh or en; without it both, in short

Exit codes (section 14 of the protocol):

    0   everything this edition of the record holds was checked, and agrees
    1   something differs or has the wrong shape; the first difference is named
    2   a file cannot be read
    3   something could not be checked here; it is printed as NOT CHECKED

The parts below follow the sections of the protocol text (draw-protocol.md) and name them. The file shares no code with
the software that makes draws: it was written from the text alone, so that the two can disagree. "path" is always the
place in the record, such as ``seal.digest``. Signatures are checked with the Ed25519 code below, not with a library.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import math
import os
import re
import stat
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import (  # noqa: UP035 (Python 3.8 has no collections.abc.Callable[...])
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    NoReturn,
    Sequence,
)

MIB = 1 << 20
RECORD_LIMIT = 256 * MIB  # bytes of JSON
MEMORY_LIMIT = 1024 * MIB  # what this program may use in all
PARSED_LIMIT = 700 * MIB  # what the parsed record may be estimated at
ROW_LIMIT = MIB  # bytes of one frame row
KIND_LIMIT = 500_000  # different "stratum TAB lines" in one frame
STEP_LIMIT = 600_000_000  # elementary steps, about a microsecond each

SECTIONS = {
    1: ("记法", "Notation"),
    2: ("抽样框", "Frame"),
    3: ("名册与回避", "Rosters and recusals"),
    4: ("抽取清单", "Manifest"),
    5: ("承诺", "Commit"),
    6: ("揭示与封存", "Reveal and seal"),
    7: ("随机源与种子", "Beacon and seed"),
    8: ("抽签号", "Tickets"),
    9: ("配额", "Quotas"),
    10: ("抽取结果与任务单", "Selection, work list, visits root"),
    11: ("替换轮次", "Replacement and drop-out"),
    12: ("检查组", "Teams"),
    13: ("结果摘要", "Disclosure"),
    14: ("记录", "Record and verifier"),
}


# ---------------------------------------------------------------------------------------------------------------------
# What can be said: a difference, an unreadable file, something not checked, and what the result rests on
# ---------------------------------------------------------------------------------------------------------------------


class Differs(Exception):
    """The record says one thing and the protocol another (exit 1)."""

    def __init__(self, section: int, path: str, zh: str, en: str) -> None:
        super().__init__(f"§{section} {path}: {en}")
        self.section, self.path, self.zh, self.en = section, plain(path, 300), zh, en


class Unreadable(Exception):
    """A file is missing, is no JSON, or is too large (exit 2)."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def refuse_other_files(told: Any) -> None:
    """Say what a file is that is handed out beside records and is none, and what reads it."""
    if not isinstance(told, dict):
        return
    if {"blind", "entity", "entry", "path"} <= told.keys():
        raise Unreadable(
            "这是一户检查任务的证明 proof.json，不是抽取记录；请用 check_visit.py 核对",
            "this is the proof of one visit (proof.json), not a record; check_visit.py reads it",
        )
    if told.get("v") == "onevisit-import/1":
        raise Unreadable(
            "这是在别处进行的抽取的导入说明 import.json，不是抽取记录；它可以直接阅读，没有程序能核验它",
            "this is the statement on a draw made elsewhere (import.json), not a record; read it as it stands, "
            "no tool can verify it",
        )


class TooMuch(Exception):
    """The record asks for more work than this program is willing to do (exit 3)."""


@dataclass
class Report:
    """What was found: at most one difference, and everything a reader has to know beside it; pairs are (zh, en)."""

    title: tuple[str, str] = ("", "")
    checked: list[int] = field(default_factory=list)
    unchecked: list[tuple[str, str]] = field(default_factory=list)
    not_held: list[tuple[str, str]] = field(default_factory=list)
    rests_on: list[tuple[str, str]] = field(default_factory=list)
    difference: Differs | None = None
    unreadable: Unreadable | None = None

    @property
    def exit_code(self) -> int:
        """Give the exit code of section 14; what differs weighs more than what could not be checked."""
        if self.unreadable:
            return 2
        if self.difference:
            return 1
        return 3 if self.unchecked else 0

    def not_checked(self, zh: str, en: str) -> None:
        """Note once that something could not be checked here."""
        if (zh, en) not in self.unchecked:
            self.unchecked.append((zh, en))


class Steps:
    """A count of elementary steps, so that no record keeps the verifier busy for ever."""

    def __init__(self, limit: int = STEP_LIMIT) -> None:
        self.left = limit

    def spend(self, steps: int) -> None:
        """Take *steps* off what is left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch


def differs(section: int, path: str, zh: str, en: str) -> NoReturn:
    """Stop at the first difference."""
    raise Differs(section, path, zh, en)


def must(holds: bool, section: int, path: str, zh: str, en: str) -> None:
    """Stop unless a rule of *section* holds at *path*."""
    if not holds:
        raise Differs(section, path, zh, en)


def plain(value: object, limit: int = 100) -> str:
    """Show a value of the record without letting it draw on the terminal."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    text = f"[{len(value)} entries]" if isinstance(value, (dict, list)) else str(value)[: limit + 1]
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return shown if len(text) <= limit else shown[:limit] + "…"


def same(section: int, path: str, recorded: Any, computed: Any) -> None:
    """Compare a part of the record with what was computed, and name the first place where they differ."""
    if recorded == computed:
        return
    if isinstance(recorded, dict) and isinstance(computed, dict):
        for name in sorted(set(recorded) | set(computed)):
            place = f"{path}.{name}"
            must(name in recorded, section, place, "记录中没有，应有", "is missing from the record")
            must(name in computed, section, place, "记录中有，不应有", "should not be in the record")
            same(section, place, recorded[name], computed[name])
    elif isinstance(recorded, list) and isinstance(computed, list):
        for index in range(min(len(recorded), len(computed))):
            same(section, f"{path}[{index}]", recorded[index], computed[index])
        one, two = len(recorded), len(computed)
        must(one == two, section, path, f"记录有 {one} 项，应为 {two} 项", f"has {one} entries, {two} were computed")
    else:
        was, is_now = plain(recorded), plain(computed)
        differs(section, path, f"记录为 {was}，算得 {is_now}", f"recorded {was}, computed {is_now}")


# ---------------------------------------------------------------------------------------------------------------------
# Section 1: hashes, tagged hashes, tree hashes
# ---------------------------------------------------------------------------------------------------------------------

SM3_START = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)
WORD = 0xFFFFFFFF


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (32 - by))) & WORD


SM3_ROUND = tuple(_rotate(0x79CC4519 if j < 16 else 0x7A879D8A, j % 32) for j in range(64))


def _sm3_block(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    """Take one block of 64 bytes into an SM3 state (GB/T 32905-2016, 5.3)."""
    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for j in range(16, 68):
        y = w[j - 3]
        x = w[j - 16] ^ w[j - 9] ^ (((y << 15) | (y >> 17)) & WORD)
        y = w[j - 13]
        x ^= (((x << 15) | (x >> 17)) ^ ((x << 23) | (x >> 9))) & WORD
        w.append(x ^ (((y << 7) | (y >> 25)) & WORD) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        a12 = ((a << 12) | (a >> 20)) & WORD
        ss = (a12 + e + SM3_ROUND[j]) & WORD
        ss = ((ss << 7) | (ss >> 25)) & WORD
        if j < 16:
            one = ((a ^ b ^ c) + d + (ss ^ a12) + (w[j] ^ w[j + 4])) & WORD
            two = ((e ^ f ^ g) + h + ss + w[j]) & WORD
        else:
            one = (((a & b) | (c & (a | b))) + d + (ss ^ a12) + (w[j] ^ w[j + 4])) & WORD
            two = (((e & f) | (~e & g)) + h + ss + w[j]) & WORD
        d, c, b, a = c, ((b << 9) | (b >> 23)) & WORD, a, one
        h, g, f = g, ((f << 19) | (f >> 13)) & WORD, e
        e = two ^ (((two << 9) | (two >> 23)) & WORD) ^ (((two << 17) | (two >> 15)) & WORD)
    return tuple(x ^ y for x, y in ((a, state[0]), (b, state[1]), (c, state[2]), (d, state[3]), (e, state[4]))) + tuple(
        x ^ y for x, y in ((f, state[5]), (g, state[6]), (h, state[7]))
    )


class SM3:
    """The hash SM3, with the three methods of hashlib's objects that are needed here."""

    def __init__(self, data: bytes = b"") -> None:
        self.state: tuple[int, ...] = SM3_START
        self.rest, self.length = b"", 0
        self.update(data)

    def update(self, data: bytes) -> None:
        """Take in more bytes."""
        self.length += len(data)
        data = self.rest + data
        whole = len(data) - len(data) % 64
        for start in range(0, whole, 64):
            self.state = _sm3_block(self.state, data[start : start + 64])
        self.rest = data[whole:]

    def digest(self) -> bytes:
        """Give the 32 bytes of the hash of everything taken in so far."""
        padding = b"\x80" + bytes(-(self.length + 9) % 64) + (8 * self.length).to_bytes(8, "big")
        state, last = self.state, self.rest + padding
        for start in range(0, len(last), 64):
            state = _sm3_block(state, last[start : start + 64])
        return b"".join(x.to_bytes(4, "big") for x in state)


def _new_sm3(data: bytes = b"") -> Any:
    """Start an SM3 hash: this machine's fast one where it has one that agrees with ours, else ours."""
    return _FASTER_SM3(data) if _FASTER_SM3 else SM3(data)


def _find_faster_sm3() -> Callable[[bytes], Any] | None:
    try:
        agrees = all(hashlib.new("sm3", text).digest() == SM3(text).digest() for text in (b"", b"abc", b"abcd" * 16))
    except ValueError:  # this Python's OpenSSL has no SM3
        return None
    return (lambda data: hashlib.new("sm3", data)) if agrees else None


_FASTER_SM3 = _find_faster_sm3()


class Hasher:
    """H, TH and the tree hash of section 1, for one of the two hash functions."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.new: Callable[..., Any] = hashlib.sha256 if name == "sha256" else _new_sm3

    def h(self, data: bytes) -> bytes:
        """Hash bytes."""
        digest: bytes = self.new(data).digest()
        return digest

    def th(self, tag: str, *parts: bytes | str | int) -> bytes:
        """Hash *parts* under a tag, each with its length; integers as decimals, text as UTF-8 (TH of section 1)."""
        pieces = []
        for part in (f"JIDRAW/1/{tag}", *parts):
            if not isinstance(part, bytes):
                part = str(part).encode()
            pieces.append(len(part).to_bytes(4, "big") + part)
        return self.h(b"".join(pieces))

    def tree(self, leaves: Iterable[bytes]) -> bytes:
        """Work out the RFC 6962 tree hash; an odd node is promoted, the tree of nothing is H("")."""
        peaks: list[tuple[int, bytes]] = []  # complete subtrees from left to right: (height, root)
        for leaf in leaves:
            height, node = 0, self.h(b"\x00" + leaf)
            while peaks and peaks[-1][0] == height:
                height, node = height + 1, self.h(b"\x01" + peaks.pop()[1] + node)
            peaks.append((height, node))
        if not peaks:
            return self.h(b"")
        root = peaks.pop()[1]
        while peaks:
            root = self.h(b"\x01" + peaks.pop()[1] + root)
        return root

    def chain(self, value: bytes, times: int) -> bytes:
        """Apply TH("chain", ·) *times* times."""
        for _ in range(times):
            value = self.th("chain", value)
        return value

    def key(self, seed: bytes, *parts: str) -> str:
        """Derive the key of one purpose from a seed: 32 hex characters (section 8)."""
        return self.th("key", seed, *parts).hex()[:32]


def jcs(value: Any) -> bytes:
    """Write a value of the restricted kind of section 1 in the one way RFC 8785 allows; all keys are ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# ---------------------------------------------------------------------------------------------------------------------
# Section 1: Ed25519 (RFC 8032), cofactorless, canonical encodings only
# ---------------------------------------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def _add(p: Sequence[int], q: Sequence[int]) -> tuple[int, int, int, int]:
    """Add two points in extended coordinates (RFC 8032, 5.1.4)."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * D * p[3] % P * q[3] % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _double(p: Sequence[int]) -> tuple[int, int, int, int]:
    """Double a point in extended coordinates."""
    a, b = p[0] * p[0] % P, p[1] * p[1] % P
    h = a + b
    e = h - (p[0] + p[1]) * (p[0] + p[1]) % P
    g = a - b
    f = 2 * p[2] * p[2] % P + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _point(encoded: bytes) -> tuple[int, int, int, int] | None:
    """Decode a point; None where it is no point or not written in the one canonical way (RFC 8032, 5.1.3)."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * ROOT_OF_MINUS_ONE % P
        if v * x * x % P != u:
            return None
    if x == 0 and sign:
        return None
    if x % 2 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _encode(p: Sequence[int]) -> bytes:
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x % 2) << 255).to_bytes(32, "little")


def _of_small_order(point: Sequence[int]) -> bool:
    """Say whether eight times a point is the neutral one: as a key it would let anybody sign."""
    eightfold = _double(_double(_double(point)))
    return eightfold[0] % P == 0 and (eightfold[1] - eightfold[2]) % P == 0


_BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL


def ed25519_verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether *signature* of *message* holds under *key*: S·B = R + k·A, without cofactor, S < L."""
    if len(key) != 32 or len(signature) != 64:
        return False
    point, s = _point(key), int.from_bytes(signature[32:], "little")
    if point is None or s >= L:
        return False
    if _of_small_order(point):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    minus = (P - point[0], point[1], 1, P - point[3])
    table = (NEUTRAL, _BASE, minus, _add(_BASE, minus))
    total: tuple[int, int, int, int] = NEUTRAL
    for bit in range(252, -1, -1):  # S·B + k·(-A), both scalars at once, from the highest bit
        total = _double(total)
        digit = (s >> bit & 1) | (k >> bit & 1) << 1
        if digit:
            total = _add(total, table[digit])
    return _encode(total) == signature[:32]  # an R that is not canonical never equals this


# ---------------------------------------------------------------------------------------------------------------------
# Section 14: reading JSON that may be hostile
# ---------------------------------------------------------------------------------------------------------------------


class BadNumber:
    """A number that section 1 does not allow: negative, fractional, with an exponent, or 2^53 and above."""

    def __str__(self) -> str:
        return "number"


def _integer(digits: str) -> int | BadNumber:
    if len(digits) > 16 or not digits.isdigit() or int(digits) >= 2**53:
        return BadNumber()
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    together = dict(pairs)
    if len(together) != len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise Unreadable(f"JSON 中键重复：{plain(twice)}", f"a JSON key occurs twice: {plain(twice)}")
    return together


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _weight(raw: bytes) -> int:
    """Estimate the memory a JSON text takes once parsed, generously, in bytes."""
    width = 1 if raw.isascii() else 4 if re.search(rb"[\xf0-\xff]", raw) else 2
    entries = 240 * raw.count(b"{") + 200 * raw.count(b":") + 72 * (raw.count(b"[") + raw.count(b","))
    return len(raw) * (1 + 2 * width) + entries


def open_regular(path: str) -> BinaryIO:
    """Open a regular file for reading; a pipe or a device is not read."""
    name = plain(path, 300)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Unreadable(f"{name}：不是普通文件", f"{name}: not a regular file")
        return open(path, "rb")
    except (OSError, ValueError) as problem:
        reason = plain(getattr(problem, "strerror", None) or problem)
        raise Unreadable(f"{name}：打不开（{reason}）", f"{name}: cannot be read ({reason})") from problem


def read_json(path: str, limit: int = RECORD_LIMIT) -> Any:
    """Read a JSON file in which nothing has two meanings; numbers that section 1 refuses become BadNumber."""
    name = plain(path, 300)
    with open_regular(path) as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise Unreadable(f"{name}：超过 {limit // MIB} MiB", f"{name}: larger than {limit // MIB} MiB")
    if _weight(raw) > PARSED_LIMIT:
        raise Unreadable(f"{name}：内容过大", f"{name}: would take more memory than this program allows itself")
    try:
        text = raw.decode("utf-8")
        del raw
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=lambda _: BadNumber(),
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as problem:
        raise Unreadable(f"{name}：不是 UTF-8", f"{name}: not UTF-8 at byte {problem.start}") from problem
    except RecursionError as problem:
        raise Unreadable(f"{name}：嵌套过深", f"{name}: nested too deeply") from problem
    except ValueError as problem:
        raise Unreadable(f"{name}：不是 JSON", f"{name}: not JSON ({plain(problem)})") from problem
    except MemoryError as problem:
        raise Unreadable(f"{name}：内容过大", f"{name}: too large for this machine") from problem


# ---------------------------------------------------------------------------------------------------------------------
# Section 14: the shape of a record (the rules of the two JSON schemas, written out)
# ---------------------------------------------------------------------------------------------------------------------

Shape = Callable[[Any, str], None]


def wrong(path: str, zh: str, en: str) -> NoReturn:
    """Stop at a value of the wrong shape."""
    raise Differs(14, path, f"格式不对：{zh}", f"wrong shape: {en}")


def matching(pattern: str, zh: str, en: str) -> Shape:
    """Expect a string that matches *pattern* as a whole."""
    matches = re.compile(pattern).fullmatch

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or len(value) > 4 * MIB or not matches(value):
            wrong(path, f"应为{zh}", f"must be {en}")

    return check


def hex_bytes(value: Any, path: str) -> None:
    """Expect any number of bytes in lower-case hex."""
    matching("[0-9a-f]*", "小写十六进制", "lower-case hex")(value, path)
    if len(value) % 2:
        wrong(path, "十六进制位数为奇数", "must be an even number of hex characters")


_half_a_pair = re.compile("[\ud800-\udfff]").search


def words(least: int, nfc: bool = False) -> Shape:
    """Expect free text of at least *least* characters, without half a surrogate pair; in NFC where it is hashed."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or len(value) < least:
            wrong(path, "应为文字", "must be text")
        if _half_a_pair(value):
            wrong(path, "含不成对的代理字符", "holds half a surrogate pair")
        if nfc and not unicodedata.is_normalized("NFC", value):
            wrong(path, "文字应为 NFC 形式", "must be in NFC")

    return check


def number(least: int = 0, most: int = 2**53 - 1) -> Shape:
    """Expect an integer, written in digits alone."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            wrong(path, f"应为 {least} 至 {most} 的整数", f"must be an integer from {least} to {most}")

    return check


def choice(*allowed: Any) -> Shape:
    """Expect one of a few constants."""

    def check(value: Any, path: str) -> None:
        if not any(value == one and type(value) is type(one) for one in allowed):
            listed = ", ".join(str(one) for one in allowed)
            wrong(path, f"应为 {listed} 之一", f"must be one of {listed}")

    return check


def maybe(shape: Shape) -> Shape:
    """Expect null or *shape*."""

    def check(value: Any, path: str) -> None:
        if value is not None:
            shape(value, path)

    return check


def listing(item: Shape, least: int = 0, most: int | None = None, distinct: bool = False) -> Shape:
    """Expect an array of *item*."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            wrong(path, "应为数组", "must be an array")
        if len(value) < least or (most is not None and len(value) > most):
            wrong(path, "项数不对", "has the wrong number of entries")
        for index, one in enumerate(value):
            item(one, f"{path}[{index}]")
        if distinct and len(set(value)) != len(value):
            wrong(path, "有重复项", "has an entry twice")

    return check


def row(*items: Shape) -> Shape:
    """Expect an array of exactly these."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list) or len(value) != len(items):
            wrong(path, f"应为 {len(items)} 项的数组", f"must be an array of {len(items)}")
        for index, item in enumerate(items):
            item(value[index], f"{path}[{index}]")

    return check


def mapping(name: Shape, shape: Shape, least: int = 0) -> Shape:
    """Expect an object whose keys are *name* and whose values are *shape*."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            wrong(path, "应为对象", "must be an object")
        if len(value) < least:
            wrong(path, "不得为空", "must not be empty")
        for key, one in value.items():
            place = f"{path}.{key[:80]}"
            name(key, place)
            shape(one, place)

    return check


def fields(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """Expect an object with these fields and no others."""
    known = {**required, **(optional or {})}

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            wrong(path, "应为对象", "must be an object")
        dot = f"{path}." if path else ""
        for name in required:
            if name not in value:
                wrong(f"{dot}{name}", "缺少此项", "is missing")
        for name, one in value.items():
            if name not in known:
                wrong(f"{dot}{name[:80]}", "不应有此项", "is not a field of the schema")
            known[name](one, f"{dot}{name}")

    return check


_ID = "[0-9A-Za-z._-]{1,64}"
HEX32 = matching("[0-9a-f]{64}", "64 位小写十六进制", "64 lower-case hex characters")
SIGNATURE = matching("[0-9a-f]{128}", "128 位小写十六进制签名", "a signature of 128 lower-case hex characters")
KEY = matching("[0-9a-f]{64}|04[0-9a-f]{128}", "公钥（小写十六进制）", "a public key in lower-case hex")
ID = matching(_ID, "标识符", "an identifier")
STRATUM = matching(f"{_ID}(/{_ID})*", "层（标识符以 / 相连）", "a stratum")
STRATUM_OR_EMPTY = matching(f"({_ID}(/{_ID})*)?", "层或空串", "a stratum or the empty string")
ALG = choice("ed25519", "sm2")
SIGNATURES = mapping(ID, SIGNATURE)


def agency_name(value: Any, path: str) -> None:
    """Expect the name of an agency, which is never "witness"."""
    ID(value, path)
    if value == "witness":
        wrong(path, "部门不得名为 witness", "no agency may be called witness")


RULES = {
    "rate": fields({"rate": row(number(), number(1))}, {"min": number(), "max": number()}),
    "count": fields({"count": number()}),
    "full": fields({"full": choice(True)}),
}


def rule(value: Any, path: str) -> None:
    """Expect a quota rule in exactly one of the three forms of section 9."""
    form = next((form for form in RULES if isinstance(value, dict) and form in value), "rate")
    RULES[form](value, path)


def beacon_source(in_round: bool) -> Shape:
    """Expect the announcement of a beacon (section 7), in the manifest or in a replacement round."""
    most = 2**53 - 1 if in_round else 1_000_000
    dice = number(20) if in_round else number(20, 1000)
    name = {
        "lottery": matching(r"lottery:[0-9A-Za-z._-]+", "lottery:名称", "lottery:<game>"),
        "chain": matching(r"chain:[0-9A-Za-z._-]+", "chain:名称", "chain:<holder>"),
    }
    forms = {
        "drand-quicknet": fields({"id": choice("drand-quicknet"), "round": number(0 if in_round else 1)}),
        "room-dice": fields({"id": choice("room-dice"), "round": dice}),
        "lottery": fields({"id": name["lottery"], "round": number(), "digits": number(1, most)}),
        "chain": fields({"id": name["chain"], "round": number(), "anchor": HEX32, "index": number(1, most)}),
    }

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("id"), str):
            wrong(path, "应为随机源", "must be a beacon")
        form = forms.get(value["id"].partition(":")[0])
        if form is None:
            wrong(f"{path}.id", "没有这种随机源", "is no beacon of section 7")
        form(value, path)

    return check


MANIFEST = fields(
    {
        "v": choice("JIDRAW/1"),
        "hash": choice("sha256", "sm3"),
        "draw": ID,
        "attempt": number(1, 2**31),
        "prev": maybe(HEX32),
        "parent": maybe(fields({"manifest": HEX32, "result": HEX32})),
        "purpose": choice("live", "rehearsal"),
        "plan": HEX32,
        "lead": ID,
        "agencies": mapping(
            agency_name, fields({"alg": ALG, "key": KEY, "custody": choice("own", "page", "server")}), least=1
        ),
        "witness": maybe(fields({"name": words(1, nfc=True), "alg": ALG, "key": KEY})),
        "lines": mapping(ID, ID),
        "selections": listing(
            fields({"id": ID, "lines": listing(ID, least=1, distinct=True), "rules": mapping(ID, rule)}), least=1
        ),
        "frame": fields(
            {
                "n": number(),
                "root": HEX32,
                "shards": listing(fields({"shard": ID, "n": number(), "digest": HEX32, "root": HEX32}), least=1),
            }
        ),
        "sizes": mapping(ID, mapping(ID, row(number(), number()))),
        "slots": mapping(ID, mapping(STRATUM_OR_EMPTY, listing(listing(ID)))),
        "rosters": mapping(
            ID,
            fields(
                {
                    "roster": HEX32,
                    "recusals": HEX32,
                    "pids": HEX32,
                    "inspectors": number(),
                    "labels": mapping(ID, number()),
                    "capacity": number(),
                    "recused": number(),
                    "most_recused": number(),
                }
            ),
        ),
        "base_from": listing(HEX32),
        "beacons": listing(beacon_source(in_round=False), most=2),
        "times": fields(
            {
                name: number()
                for name in ("published", "commit_close", "reveal_close", "seal_by", "beacon_time", "window_end")
            }
        ),
        "chain_len": number(0, 1000),
        "max_missing": number(),
        "replacement": fields({"max": number(), "reasons": listing(ID)}),
        "disclosure": choice("open", "window", "visit"),
    }
)


def signed_by(extra: Mapping[str, Shape]) -> Shape:
    """Expect the signature of the witness or those of agencies, one of the two, beside *extra*."""
    forms = fields({**extra, "witness": SIGNATURE}), fields({**extra, "agencies": SIGNATURES})

    def check(value: Any, path: str) -> None:
        forms[isinstance(value, dict) and "agencies" in value](value, path)

    return check


COMMITS = mapping(ID, fields({"c": HEX32, "sig": SIGNATURE}))
REVEALS = mapping(ID, fields({"value": HEX32, "sig": SIGNATURE}))
SEAL = signed_by({"digest": HEX32, "at": number()})
BEACONS = listing(
    fields(
        {
            "id": words(0),
            "round": number(),
            "value": hex_bytes,
        },
        {"proof": signed_by({})},
    ),
    most=2,
)
SELECTED = mapping(ID, mapping(STRATUM, listing(ID)))
WORK = mapping(ID, mapping(ID, listing(ID, least=1, distinct=True)))
ASSIGNED = mapping(ID, listing(maybe(HEX32)))
SECRETS = {
    "rho": HEX32,
    "roster": mapping(HEX32, row(listing(ID), number(0, 2**31), number(0, 2**31))),
    "recused": listing(row(HEX32, ID)),
}
RHO = fields(
    {
        "beacons": listing(beacon_source(in_round=True), most=2),
        "dropouts": listing(fields({"agency": ID, "inspector": HEX32, "id": ID, "reason": ID, "evidence": HEX32})),
        "removed": listing(fields({"id": ID, "reason": ID, "evidence": HEX32})),
        "times": fields({"seal_by": number(), "beacon_time": number()}),
    }
)
ROUND = fields(
    {
        "round": number(1, 1000),
        "rho": RHO,
        "signatures": SIGNATURES,
        "reveals": REVEALS,
        "seal": SEAL,
        "beacons": BEACONS,
        "seed": HEX32,
        "selected": SELECTED,
        "work": WORK,
        "teams": mapping(ID, ASSIGNED),
        "visits_root": HEX32,
        "result_digest": HEX32,
    }
)
SPENT = fields({"round": number(1, 1000), "rho": RHO, "signatures": SIGNATURES, "reason": words(1)})
ATTEMPT = fields(
    {"manifest": MANIFEST, "reason": words(1)},
    {"absent": listing(ID), "commits": COMMITS, "countersignatures": SIGNATURES, "reveals": REVEALS},
)
FAULT = fields({"what": words(1)}, {"who": words(0), "evidence": HEX32})


def record_shape(edition: str) -> Shape:
    """Give the shape of a whole record; the full edition adds rho, roster and recusals to each team."""
    team = {"assigned": ASSIGNED, **(SECRETS if edition == "full" else {})}
    return fields(
        {
            "v": choice("JIDRAW/1"),
            "edition": choice("full", "public"),
            "manifest": MANIFEST,
            "manifest_digest": HEX32,
            "commits": COMMITS,
            "commits_digest": HEX32,
            "countersignatures": SIGNATURES,
            "reveals": REVEALS,
            "seal": SEAL,
            "beacons": BEACONS,
            "seed": HEX32,
            "selected": SELECTED,
            "work": WORK,
            "teams": mapping(ID, fields(team)),
            "visits_root": HEX32,
            "result_digest": HEX32,
            "replacements": listing(ROUND),
            "attempts": listing(ATTEMPT),
            "spent": listing(SPENT),
            "faults": listing(FAULT),
        }
    )


def check_shape(record: Any) -> None:
    """Check the shape of a record before anything in it is used."""
    if not isinstance(record, dict):
        wrong("record", "应为对象", "must be an object")
    record_shape("full" if record.get("edition") == "full" else "public")(record, "")


# ---------------------------------------------------------------------------------------------------------------------
# Sections 1 and 14: whose signature it is, and where the key comes from
# ---------------------------------------------------------------------------------------------------------------------


class Signatures:
    """Check signatures of the parties of one manifest; SM2 is left to others and said so."""

    def __init__(self, manifest: Any, where: str, outside: dict[str, str] | None, report: Report, steps: Steps) -> None:
        self.report, self.steps = report, steps
        self.parties = dict(manifest["agencies"])
        if manifest["witness"]:
            self.parties["witness"] = manifest["witness"]
        for who, party in sorted(self.parties.items()):
            place = f"{where}.witness.key" if who == "witness" else f"{where}.agencies.{who}.key"
            fits = len(party["key"]) == (64 if party["alg"] == "ed25519" else 130)
            must(fits, 1, place, f"不是 {party['alg']} 公钥", f"is no {party['alg']} key")
            if outside is None:
                continue
            if who not in outside:
                report.not_checked(f"--keys 中没有 {who} 的公钥", f"key of {who}: not in the --keys file")
            else:
                must(outside[who] == party["key"], 14, place, "与 --keys 所给公钥不同", "differs from the --keys file")

    def check(self, who: str, digest: bytes, signature: str, section: int, path: str) -> None:
        """Stop unless *signature* is that of *who* over *digest*."""
        must(who in self.parties, section, path, "签名者不是本次参与方", "is signed by nobody of this draw")
        party = self.parties[who]
        if party["alg"] == "sm2":
            self.report.not_checked(f"{who} 的 SM2 签名", f"SM2 signatures of {who}")
            return
        self.steps.spend(2500)
        valid = ed25519_verify(bytes.fromhex(party["key"]), digest, bytes.fromhex(signature))
        must(valid, section, path, f"{who} 的签名无效", f"the signature of {who} does not hold")

    def seal_of(self, signed: Any, manifest: Any, digest: bytes, section: int, path: str) -> None:
        """Check a seal's or a beacon's signatures: the witness, or without one more than half of the agencies."""
        if manifest["witness"]:
            must("witness" in signed, section, path, "应由见证人签名", "must be signed by the witness")
            self.check("witness", digest, signed["witness"], section, f"{path}.witness")
            return
        must("agencies" in signed, section, path, "没有见证人，应由部门签名", "has no witness, agencies must sign")
        for who, signature in sorted(signed["agencies"].items()):
            must(who in manifest["agencies"], section, f"{path}.agencies.{who}", "不是参与部门", "is no agency")
            self.check(who, digest, signature, section, f"{path}.agencies.{who}")
        enough = 2 * len(signed["agencies"]) > len(manifest["agencies"])
        must(enough, section, f"{path}.agencies", "签名部门未过半数", "holds no more than half of the agencies")


def read_keys(path: str) -> dict[str, str]:
    """Read the keys given from outside the record."""
    keys = read_json(path, MIB)
    try:
        mapping(ID, KEY)(keys, "keys")
    except Differs as problem:
        name = plain(path, 300)
        raise Unreadable(f"{name}：{problem.path} {problem.zh}", f"{name}: {problem.path} {problem.en}") from problem
    found: dict[str, str] = keys
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Section 2: frame files
# ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """What many entities have in common: their stratum and the lines that apply to them."""

    stratum: str
    lines: tuple[str, ...]


@dataclass
class Shard:
    """One frame file, read through once: size, chunk root, entities per kind, first and last id."""

    path: str
    n: int = 0
    root: bytes = b""
    kinds: Counter[bytes] = field(default_factory=Counter)
    first: bytes = b""
    last: bytes = b""


_is_id = re.compile(_ID.encode()).fullmatch
_is_stratum = re.compile(f"{_ID}(/{_ID})*".encode()).fullmatch


def batches(path: str) -> Iterator[list[bytes]]:
    """Read the rows of a frame file, 256 at a time and without their LF, never holding more than a block of it."""
    name, tail = plain(path, 300), b""
    rows: list[bytes] = []
    with open_regular(path) as file:
        while True:
            block = file.read(MIB)
            if not block:
                break
            pieces = (tail + block).split(b"\n")
            tail = pieces.pop()
            must(len(tail) <= ROW_LIMIT, 2, name, "有一行过长", "has a row that is too long")
            rows += pieces
            whole = len(rows) - len(rows) % 256
            for start in range(0, whole, 256):
                yield rows[start : start + 256]
            rows = rows[whole:]
    must(not tail, 2, name, "末行没有以 LF 结束", "does not end with LF")
    if rows:
        yield rows


class FrameFiles:
    """The frame files given on the command line, digested and read no more often than needed."""

    def __init__(self, paths: Sequence[str], steps: Steps) -> None:
        self.paths, self.steps = list(dict.fromkeys(paths)), steps
        self.kinds: dict[bytes, Kind] = {}
        self.matched: set[str] = set()
        self._digests: dict[tuple[str, str], bytes] = {}
        self._shards: dict[tuple[str, str], Shard] = {}
        for path in self.paths:
            open_regular(path).close()

    def digest(self, path: str, hasher: Hasher) -> bytes:
        """Hash a whole file."""
        if (path, hasher.name) not in self._digests:
            running = hasher.new()
            with open_regular(path) as file:
                for block in iter(lambda: file.read(MIB), b""):
                    self.steps.spend(len(block) // 1000 if hasher.name == "sha256" else len(block))
                    running.update(block)
            self._digests[path, hasher.name] = running.digest()
        return self._digests[path, hasher.name]

    def find(self, digest: bytes, hasher: Hasher) -> str | None:
        """Find the file that has this digest."""
        found = next((path for path in self.paths if self.digest(path, hasher) == digest), None)
        if found is not None:
            self.matched.add(found)
        return found

    def shard(self, path: str, hasher: Hasher) -> Shard:
        """Read a frame file through, checking every row."""
        if (path, hasher.name) not in self._shards:
            self._shards[path, hasher.name] = self._read(path, hasher)
        return self._shards[path, hasher.name]

    def _read(self, path: str, hasher: Hasher) -> Shard:
        shard = Shard(path)
        shard.root = hasher.tree(self._chunks(shard))
        return shard

    def _chunks(self, shard: Shard) -> Iterator[bytes]:
        """Give the chunks of 256 rows that the tree hash is taken over, and count what is in them."""
        known = self.kinds
        for rows in batches(shard.path):
            self.steps.spend(len(rows))
            last = shard.last
            rests: list[bytes] = []
            for line in rows:
                entity, _, rest = line.partition(b"\t")
                if entity <= last or not _is_id(entity):
                    self._bad_row(shard.path, shard.n + len(rests) + 1, entity, last)
                last = entity
                if rest not in known:
                    self._learn(shard.path, shard.n + len(rests) + 1, rest)
                rests.append(rest)
            shard.first = shard.first or rows[0].partition(b"\t")[0]
            shard.last, shard.n = last, shard.n + len(rows)
            shard.kinds.update(rests)
            yield b"\n".join(rows) + b"\n"

    def _bad_row(self, path: str, n: int, entity: bytes, last: bytes) -> NoReturn:
        place = f"{plain(path, 300)} row {n}"
        must(_is_id(entity) is not None, 2, place, f"标识不对：{plain(entity)}", f"is no identifier: {plain(entity)}")
        must(entity != last, 2, place, f"标识重复：{plain(entity)}", f"repeats the id {plain(entity)}")
        differs(2, place, "未按标识升序", f"is out of order: {plain(entity)}")

    def _learn(self, path: str, n: int, rest: bytes) -> None:
        """Take apart a new "stratum TAB lines"."""
        place = f"{plain(path, 300)} row {n}"
        stratum, tab, joined = rest.partition(b"\t")
        must(tab != b"", 2, place, "不是三列", "does not have three columns")
        must(_is_stratum(stratum) is not None, 2, place, "层不对", f"has no proper stratum: {plain(stratum)}")
        lines = joined.split(b",")
        for line in lines:
            must(_is_id(line) is not None, 2, place, "事项不对", f"has no proper line: {plain(line)}")
        must(all(a < b for a, b in pairs_of(lines)), 2, place, "事项未按升序", "has its lines out of order")
        if len(self.kinds) >= KIND_LIMIT:
            raise TooMuch
        self.kinds[rest] = Kind(stratum.decode(), tuple(line.decode() for line in lines))


def pairs_of(values: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Give each value with the one after it."""
    return ((values[i], values[i + 1]) for i in range(len(values) - 1))


@dataclass
class Frame:
    """All shards of one manifest's frame."""

    shards: list[Shard]
    kinds: dict[bytes, Kind]
    counts: Counter[bytes] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for shard in self.shards:
            self.counts.update(shard.kinds)

    def cells(self, lines: Iterable[str], steps: Steps) -> dict[str, int]:
        """Count the entities that carry at least one of *lines*, per stratum: the sub-frame of a selection."""
        wanted = set(lines)
        sizes: Counter[str] = Counter()
        steps.spend(len(self.counts))
        for rest, count in self.counts.items():
            kind = self.kinds[rest]
            if not wanted.isdisjoint(kind.lines):
                sizes[kind.stratum] += count
        return dict(sizes)


def match_frame(manifest: Any, where: str, files: FrameFiles, hasher: Hasher, report: Report) -> list[Shard] | None:
    """Find the file of every shard and compare size and chunk root; None where a file was not given."""
    shards, complete = [], True
    for announced in sorted(manifest["frame"]["shards"], key=lambda shard: str(shard["shard"])):
        name = announced["shard"]
        path = files.find(bytes.fromhex(announced["digest"]), hasher)
        if path is None:
            report.not_checked(f"{where}：分片 {name} 的抽样框未提供", f"{where}: frame of shard {name} not given")
            complete = False
            continue
        shard, place = files.shard(path, hasher), f"{where}.frame.shards.{name}"
        same(2, f"{place}.n", announced["n"], shard.n)
        same(2, f"{place}.root", announced["root"], shard.root.hex())
        shards.append(shard)
    return shards if complete else None


def all_matched(files: FrameFiles) -> None:
    """Stop at a frame file that is no shard of any manifest in the record, with a hint where one is at hand."""
    for path in files.paths:
        if path in files.matched:
            continue
        with open_regular(path) as file:
            start = file.read(4096)
        hint = ("", "")
        if start.startswith(b"\xef\xbb\xbf"):
            hint = "（文件带 BOM）", " (it starts with a BOM)"
        elif b"\r\n" in start:
            hint = "（行尾为 CRLF）", " (its rows end in CRLF)"
        place = plain(path, 300)
        differs(2, place, f"摘要与任何分片都不符{hint[0]}", f"has the digest of no shard{hint[1]}")


def no_id_twice(shards: Sequence[Shard]) -> None:
    """Check that an id occurs in one shard only; within a shard the ascending order has shown it."""
    filled = sorted((shard for shard in shards if shard.n), key=lambda shard: shard.first)
    if all(one.last < two.first for one, two in pairs_of(filled)):
        return

    def ids(path: str) -> Iterator[bytes]:
        for rows in batches(path):
            for line in rows:
                yield line.partition(b"\t")[0]

    before = b""
    for entity in heapq.merge(*(ids(shard.path) for shard in filled)):
        must(entity != before, 2, "frame", f"{plain(entity)} 出现在两个分片", f"has {plain(entity)} in two shards")
        before = entity


# ---------------------------------------------------------------------------------------------------------------------
# Section 4: the manifest
# ---------------------------------------------------------------------------------------------------------------------

DRAND_GENESIS, DRAND_PERIOD = 1692803367, 3


def check_manifest(manifest: Any, where: str, hasher: Hasher) -> None:
    """Check everything section 4 refuses that can be seen without the frame."""
    agencies, witness = manifest["agencies"], manifest["witness"]
    first = manifest["attempt"] == 1
    must(first == (manifest["prev"] is None), 4, f"{where}.prev", "与 attempt 不符", "does not fit the attempt")
    must(manifest["lead"] in agencies, 4, f"{where}.lead", "牵头单位不是参与部门", "is no agency of this draw")
    keys = [party["key"] for party in agencies.values()]
    must(len(set(keys)) == len(keys), 4, f"{where}.agencies", "两个部门公钥相同", "has one key for two agencies")
    if witness:
        outsider = witness["key"] not in keys and witness["name"] not in agencies
        must(outsider, 4, f"{where}.witness", "见证人即参与部门", "is one of the agencies")
    must(len(agencies) > 1 or witness, 4, f"{where}.witness", "单部门抽取须有见证人", "must be there: one agency only")
    most = len(agencies) // 3
    must(manifest["max_missing"] <= most, 4, f"{where}.max_missing", f"大于 {most}", f"is more than {most}")
    live = manifest["purpose"] == "live"
    must(bool(manifest["beacons"]) or not live, 4, f"{where}.beacons", "正式抽取须有随机源", "must be there: live draw")
    for agency in sorted(set(manifest["lines"].values()) & set(agencies)):
        must(bool(manifest["slots"].get(agency)), 4, f"{where}.slots.{agency}", "没有名额", "is missing")
        must(agency in manifest["rosters"], 4, f"{where}.rosters.{agency}", "没有名册", "is missing")
    check_selections(manifest, where)
    check_times(manifest["times"], f"{where}.times")
    check_beacon_sources(manifest["beacons"], manifest, manifest["times"]["beacon_time"], f"{where}.beacons", 7)
    check_frame_root(manifest["frame"], f"{where}.frame", hasher)


def check_selections(manifest: Any, where: str) -> None:
    """Check the selections' order, that their lines have agencies, and the bounds of their rules (section 9)."""
    selections = manifest["selections"]
    ordered = all(one["id"] < two["id"] for one, two in pairs_of(selections))
    must(ordered, 4, f"{where}.selections", "未按 id 升序", "is not ascending by id")
    for selection in selections:
        place = f"{where}.selections.{selection['id']}"
        for line in selection["lines"]:
            owned = manifest["lines"].get(line) in manifest["agencies"]
            must(owned, 4, f"{place}.lines", f"事项 {line} 没有部门", f"has line {line}, which has no agency")
        for name, form in sorted(selection["rules"].items()):
            at = f"{place}.rules.{name}"
            if "rate" in form:
                must(form["rate"][0] <= form["rate"][1], 9, f"{at}.rate", "比例大于 1", "is more than one")
                bounded = "min" not in form or "max" not in form or form["min"] <= form["max"]
                must(bounded, 9, at, "min 大于 max", "has min above max")
            full = manifest["parent"] is None or "full" in form
            must(full, 4, at, "分段式抽取的规则须为 full", "must be full: the draw has a parent")


def check_times(times: Any, where: str) -> None:
    """Check the order of the times (section 4)."""
    order = (
        ("commit_close", times["published"] <= times["commit_close"]),
        ("reveal_close", times["commit_close"] < times["reveal_close"]),
        ("seal_by", times["reveal_close"] <= times["seal_by"]),
        ("beacon_time", times["seal_by"] <= times["beacon_time"] - 600),
        ("window_end", times["beacon_time"] <= times["window_end"]),
    )
    for name, holds in order:
        must(holds, 4, f"{where}.{name}", "时间先后不对", "is out of order")


def check_beacon_sources(sources: Any, manifest: Any, beacon_time: int, where: str, section: int) -> None:
    """Check that no beacon's value exists before its time, and that a chain is held by somebody else and not alone."""
    for index, source in enumerate(sources):
        place = f"{where}[{index}]"
        if source["id"] == "drand-quicknet":
            at = DRAND_GENESIS + DRAND_PERIOD * (source["round"] - 1)
            must(at >= beacon_time, section, f"{place}.round", "早于随机源的规定时间", "is out before beacon_time")
        if source["id"].startswith("chain:"):
            holder = source["id"].partition(":")[2]
            must(holder not in manifest["agencies"], section, f"{place}.id", "由参与部门持有", "is held by an agency")
            beside = any(other["id"] != source["id"] for other in sources)
            must(beside, section, place, "须另有一个随机源", "needs another source beside it")


def check_frame_root(frame: Any, where: str, hasher: Hasher) -> None:
    """Check the frame's size and root over the shards as announced (section 2)."""
    shards = sorted(frame["shards"], key=lambda shard: str(shard["shard"]))
    distinct = all(one["shard"] < two["shard"] for one, two in pairs_of(shards))
    must(distinct, 2, f"{where}.shards", "分片重复", "has a shard twice")
    same(2, f"{where}.n", frame["n"], sum(shard["n"] for shard in shards))
    leaves = (
        hasher.th("shard", s["shard"], s["n"], bytes.fromhex(s["digest"]), bytes.fromhex(s["root"])) for s in shards
    )
    same(2, f"{where}.root", frame["root"], hasher.tree(leaves).hex())


def check_sizes(manifest: Any, where: str, frame: Frame, steps: Steps) -> dict[str, dict[str, int]]:
    """Check `sizes`, rules and lines against the frame; give each selection's cells."""
    for rest in frame.counts:
        for line in frame.kinds[rest].lines:
            owned = manifest["lines"].get(line) in manifest["agencies"]
            must(
                owned, 4, f"{where}.lines", f"抽样框中的事项 {line} 没有部门", f"gives no agency for frame line {line}"
            )
    announced = {name: sizes for name, sizes in manifest["sizes"].items() if sizes}
    computed, cells = {}, {}
    for selection in manifest["selections"]:
        cells[selection["id"]] = frame.cells(selection["lines"], steps)
        classes: Counter[str] = Counter()
        for stratum, count in cells[selection["id"]].items():
            classes[class_of(stratum)] += count
        for name in sorted(classes):
            ruled = name in selection["rules"]
            place = f"{where}.selections.{selection['id']}.rules"
            must(ruled, 4, place, f"类别 {name} 没有规则", f"has no rule for class {name}")
        if classes:
            rules = selection["rules"]
            computed[selection["id"]] = {name: [n, quota_of_class(rules[name], n)] for name, n in classes.items()}
    same(4, f"{where}.sizes", announced, computed)
    return cells


# ---------------------------------------------------------------------------------------------------------------------
# Sections 8 and 9: quotas and tickets
# ---------------------------------------------------------------------------------------------------------------------


def class_of(stratum: str) -> str:
    """Give the class of a stratum: the text before the first slash."""
    return stratum.partition("/")[0]


def quota_of_class(form: Any, size: int) -> int:
    """Turn a rule into a whole number of entities of a class that has *size* of them (section 9)."""
    if "full" in form:
        return size
    if "count" in form:
        return min(int(form["count"]), size)
    p, q = form["rate"]
    n = max(-(-size * p // q), form.get("min", 0))
    return int(min(n, form.get("max", n), size))


def spread(hasher: Hasher, seed: bytes, name: str, cells: Mapping[str, int], n: int) -> dict[str, int]:
    """Spread the *n* of one class over its cells by systematic rounding, in drawn order (section 9)."""
    size = sum(cells.values())
    offset = int.from_bytes(hasher.th("round", seed, name)[:8], "big")
    quota, reached, given = {}, 0, (offset * size) // (size << 64)
    for stratum in sorted(cells, key=lambda cell: hasher.th("cell", seed, cell)):
        reached += cells[stratum]
        upto = ((n * reached << 64) + offset * size) // (size << 64)
        quota[stratum] = upto - given
        given = upto
    return quota


def quotas(hasher: Hasher, seed: bytes, rules: Any, cells: Mapping[str, int]) -> dict[str, int]:
    """Work out how many entities each stratum of a selection draws; those that draw none are left out."""
    by_class: dict[str, dict[str, int]] = {}
    for stratum, count in cells.items():
        by_class.setdefault(class_of(stratum), {})[stratum] = count
    quota: dict[str, int] = {}
    for name, inside in by_class.items():
        quota.update(spread(hasher, seed, name, inside, quota_of_class(rules[name], sum(inside.values()))))
    return {stratum: n for stratum, n in quota.items() if n}


@dataclass
class Cell:
    """One stratum of one selection: how many it draws, and the smallest tickets found so far."""

    selection: str
    stratum: str
    lines: frozenset[str]
    size: int
    take: int
    barred: frozenset[bytes] = frozenset()
    limit: bytes = b""
    found: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)  # ticket, id, "stratum TAB lines"


EVERY_TICKET = b"\xff" * 33


def ticket_limit(cell: Cell) -> bytes:
    """Give the first 8 bytes below which the wanted tickets almost surely lie (section 10, implementation note)."""
    n = cell.take + len(cell.barred)
    limit = (n + 6 * (math.isqrt(n) + 1) + 16 << 64) // cell.size
    return limit.to_bytes(8, "big") if limit < 1 << 64 else EVERY_TICKET


def draw_cells(hasher: Hasher, key: str, frame: Frame, cells: Sequence[Cell], steps: Steps) -> None:
    """Find the smallest tickets of every cell, in ticket order, equal tickets by id (sections 8 and 10)."""
    short = list(cells)
    for cell in short:
        cell.limit = ticket_limit(cell)
    for _ in range(2):
        collect_tickets(hasher, f"{key}|".encode(), frame, short, steps)
        for cell in short:
            cell.found = sorted(cell.found)[: cell.take]
        short = [cell for cell in short if len(cell.found) < cell.take and cell.limit != EVERY_TICKET]
        for cell in short:
            cell.limit, cell.found = EVERY_TICKET, []


def collect_tickets(hasher: Hasher, prefix: bytes, frame: Frame, cells: Sequence[Cell], steps: Steps) -> None:
    """Read the frame once more and keep, per cell, the tickets below its limit."""
    by_stratum: dict[str, list[Cell]] = {}
    for cell in cells:
        by_stratum.setdefault(cell.stratum, []).append(cell)
    plan: dict[bytes, tuple[bytes, list[Cell]]] = {}
    for rest in frame.counts:
        kind = frame.kinds[rest]
        inside = [c for c in by_stratum.get(kind.stratum, ()) if not c.lines.isdisjoint(kind.lines)]
        if inside:
            plan[rest] = max(cell.limit for cell in inside), inside
            steps.spend(len(inside) * (1 + frame.counts[rest] // 4))
    if not plan:
        return
    new, slow = hasher.new, hasher.name == "sm3"
    for shard in frame.shards:
        for rows in batches(shard.path):
            steps.spend(len(rows) * (100 if slow else 1))
            for line in rows:
                entity, _, rest = line.partition(b"\t")
                wanted = plan.get(rest)
                if wanted is None:
                    continue
                ticket = new(prefix + entity).digest()
                if ticket < wanted[0]:
                    for cell in wanted[1]:
                        if ticket < cell.limit and entity not in cell.barred:
                            cell.found.append((ticket, entity, rest))


# ---------------------------------------------------------------------------------------------------------------------
# Section 12: teams
# ---------------------------------------------------------------------------------------------------------------------

if TYPE_CHECKING:
    Slot = tuple[str, int]  # a target and the index of the slot in its team
    Parents = dict[Slot, tuple[Slot, str]]  # reached slot: the slot it was reached from, and who would move there


class Teams:
    """
    Assign the inspectors of one agency to the slots of its targets (section 12).

    Holds who stands where: *holder* (slot to inspector, open slots absent), *held* (inspector to slots) and *team*
    (target to {inspector: slot}). *visits* counts what is assigned in this draw, *start* is the load before it.
    """

    def __init__(
        self, hasher: Hasher, key: str, roster: Mapping[str, Any], recused: set[tuple[str, str]], steps: Steps
    ) -> None:
        self.hasher, self.prefix, self.steps, self.recused = hasher, f"{key}|", steps, recused
        self.labels = {i: frozenset(entry[0]) for i, entry in roster.items()}
        self.cap: dict[str, int] = {i: entry[1] for i, entry in roster.items()}
        least = min((entry[2] for entry in roster.values()), default=0)
        self.start: dict[str, int] = {i: min(entry[2] - least, 1) for i, entry in roster.items()}
        self.visits = dict.fromkeys(roster, 0)
        self.ranked = sorted(roster, key=lambda i: (self.h(f"o|{i}"), i))
        self.wants: dict[Slot, frozenset[str]] = {}
        self.holder: dict[Slot, str] = {}
        self.held: dict[str, set[Slot]] = {i: set() for i in roster}
        self.team: dict[str, dict[str, Slot]] = {}
        self.size: dict[str, int] = {}
        self.order: dict[Slot, tuple[int, bytes, str, int]] = {}
        self._known: dict[frozenset[str], frozenset[str]] = {}
        self._pools: dict[frozenset[str], list[str]] = {}
        self._heaps: dict[frozenset[str], list[tuple[int, bytes, str]]] = {}
        self.shut: set[str] = set()
        self.shut_slots: set[Slot] = set()
        self.augmentations = self.levellings = 0

    def h(self, text: str) -> bytes:
        """Hash a text under the agency's key."""
        self.steps.spend(1 if self.hasher.name == "sha256" else 100)
        return self.hasher.h((self.prefix + text).encode())

    def load(self, inspector: str) -> int:
        """Give the load of an inspector: the start load and the visits of this draw."""
        return self.start[inspector] + self.visits[inspector]

    def room(self, inspector: str) -> bool:
        """Say whether an inspector can take one more visit."""
        return self.visits[inspector] < self.cap[inspector]

    def pool(self, wants: frozenset[str]) -> list[str]:
        """Give the inspectors whose labels contain *wants*, in rank order."""
        if wants not in self._pools:
            self.steps.spend(len(self.ranked))
            self._pools[wants] = [i for i in self.ranked if wants <= self.labels[i]]
        return self._pools[wants]

    def add_target(self, target: str, slots: Sequence[Sequence[str]]) -> None:
        """Make the slots of a target known, all of them open."""
        self.team.setdefault(target, {})
        self.size[target] = len(slots)
        by_target = self.h(f"t|{target}")
        for index, labels in enumerate(slots):
            self.steps.spend(200 + len(labels))
            slot, wants = (target, index), frozenset(labels)
            wants = self.wants[slot] = self._known.setdefault(wants, wants)
            self.order[slot] = (len(self.pool(wants)), by_target, target, index)

    def put(self, slot: Slot, inspector: str) -> str | None:
        """Let *inspector* stand in *slot*; give the one who stood there before."""
        former = self.holder.get(slot)
        if former is not None:
            self.held[former].discard(slot)
            del self.team[slot[0]][former]
        self.holder[slot] = inspector
        self.held[inspector].add(slot)
        self.team[slot[0]][inspector] = slot
        return former

    def fill(self, slot: Slot) -> bool:
        """Step II: take the smallest (load, card, id) that may stand in *slot*; False where there is none."""
        target, wants = slot[0], self.wants[slot]
        if wants not in self._heaps:
            self._heaps[wants] = [self._card(i) for i in self.pool(wants)]
            heapq.heapify(self._heaps[wants])
        heap, aside, chosen = self._heaps[wants], [], None
        while heap and chosen is None:
            self.steps.spend(1)
            load, _, inspector = heap[0]
            if load != self.load(inspector):  # written down before the last visit: loads only grow here
                heapq.heapreplace(heap, self._card(inspector))
            elif not self.room(inspector):
                heapq.heappop(heap)
            elif (inspector, target) in self.recused or inspector in self.team[target]:
                aside.append(heapq.heappop(heap))
            else:
                chosen = inspector
        for entry in aside:
            heapq.heappush(heap, entry)
        if chosen is None:
            return False
        self.put(slot, chosen)
        self.visits[chosen] += 1
        return True

    def _card(self, inspector: str) -> tuple[int, bytes, str]:
        load = self.load(inspector)
        return load, self.h(f"i|{inspector}|{load}"), inspector

    def search(
        self, roots: Iterable[Slot], accepts: Callable[[str], bool], heavy: int | None = None
    ) -> tuple[Slot, str, Parents] | None:
        """
        Step III: search breadth-first for an inspector who can take one visit more; give slot, who, and parents.

        Those whose load is *heavy* are marked from the start (step IV). A search that fails has found its way through
        everything it could reach, and nothing there will ever give way: it is shut, and later searches pass it by.
        """
        met: set[str] = set()
        parent: Parents = {}
        queue: list[Slot] = []
        walked: list[Slot] = []
        unmarked: dict[frozenset[str], list[str]] = {}  # what is left of each pool, so that it is walked once
        for u in chain(roots, queue):  # the queue grows meanwhile
            walked.append(u)
            target, wants, keep = u[0], self.wants[u], []
            walk = unmarked.get(wants, self.pool(wants))
            self.steps.spend(1 + len(walk))
            for inspector in walk:
                if inspector in met or inspector in self.shut or self.load(inspector) == heavy:
                    continue
                own = self.team[target].get(inspector)
                if (inspector, target) in self.recused:
                    keep.append(inspector)
                    continue
                if own is not None:
                    keep.append(inspector)
                    moves = [own]
                else:
                    met.add(inspector)
                    if accepts(inspector):
                        return u, inspector, parent
                    moves = sorted(self.held[inspector], key=self.order.__getitem__)
                for slot in moves:
                    if slot not in parent and slot not in self.shut_slots:
                        parent[slot] = (u, inspector)
                        queue.append(slot)
            unmarked[wants] = keep
        self.shut |= met
        self.shut_slots.update(walked)
        return None

    def apply(self, slot: Slot, inspector: str, parent: Parents) -> str | None:
        """Move everybody along the path that a search found; give who stood in its root slot before."""
        self.visits[inspector] += 1
        former = self.put(slot, inspector)
        while slot in parent:
            slot, mover = parent[slot]
            former = self.put(slot, mover)
        return former

    def level(self) -> None:
        """
        Step IV: shift visits from the most loaded to those at least two below, until nothing can be shifted.

        Where nothing could be shifted from a load, nothing ever can be: the next pass would stop at the same load again.
        """
        takers = [(self.load(i), i) for i in self.ranked if self.room(i)]
        heapq.heapify(takers)
        load = max(map(self.load, self.ranked), default=0)
        while self._least(takers) + 2 <= load:
            self.steps.spend(3 * len(self.ranked))
            heavy = [i for i in self.ranked if self.load(i) == load]
            roots = sorted((s for i in heavy for s in self.held[i]), key=self.order.__getitem__)
            self.steps.spend(10 * len(roots))
            while self._relieve(roots, load):
                self.levellings += 1
                if self._least(takers) + 2 > load:
                    return
            self.shut.update(i for i in heavy if self.load(i) == load)
            load = max((self.load(i) for i in self.ranked if self.load(i) < load), default=0)

    def _least(self, takers: list[tuple[int, str]]) -> int:
        """Give the smallest load of those with room; who got room by a shift is too loaded to matter."""
        while takers:
            load, inspector = takers[0]
            if not self.room(inspector):
                heapq.heappop(takers)
            elif load != self.load(inspector):
                heapq.heapreplace(takers, (self.load(inspector), inspector))
            else:
                return load
        return 1 << 62

    def _relieve(self, roots: Sequence[Slot], load: int) -> bool:
        """Take one visit off somebody with this load, if that can be."""

        def accepts(inspector: str) -> bool:
            return self.room(inspector) and self.load(inspector) <= load - 2

        still = (s for s in roots if s not in self.shut_slots and self.load(self.holder[s]) == load)
        found = self.search(still, accepts, load)
        if found is None:
            return False
        former = self.apply(*found)
        assert former is not None  # a root of this search is held
        self.visits[former] -= 1
        return True

    def arrange(self, target: str) -> None:
        """Step V: order the inspectors among a target's slots with equal label sets, open slots last."""
        alike: dict[frozenset[str], list[int]] = {}
        for index in range(self.size[target]):
            alike.setdefault(self.wants[target, index], []).append(index)
        for indexes in alike.values():
            inside = [self.holder.pop((target, index)) for index in indexes if (target, index) in self.holder]
            for inspector in inside:
                self.held[inspector].discard(self.team[target].pop(inspector))
            inside.sort(key=lambda i: (self.h(f"s|{target}|{i}"), i))
            for position, inspector in enumerate(inside):
                self.put((target, indexes[position]), inspector)

    def assign(self) -> None:
        """Carry out steps I to V for targets that were all added with open slots."""
        for slot in sorted(self.order, key=self.order.__getitem__):  # step I is the order
            if not self.fill(slot):
                found = self.search([slot], self.room)
                if found:
                    self.apply(*found)
                    self.augmentations += 1
        self.level()
        for target in self.team:
            self.arrange(target)

    def assigned(self) -> dict[str, list[str | None]]:
        """Give the inspectors of every target by slot, null where the slot is open."""
        return {t: [self.holder.get((t, index)) for index in range(self.size[t])] for t in self.team}


def slots_for(slots: Any, stratum: str) -> Any:
    """Find the slots of a target of *stratum* in an agency's plan, None where there are none."""
    return slots.get(stratum, slots.get(class_of(stratum), slots.get("")))


def check_team_form(section: int, where: str, team: Sequence[str | None], slots: Any) -> None:
    """Check what can be seen of a team without the roster: its number of slots, and nobody in it twice."""
    same(section, f"{where} (slots)", len(team), len(slots))
    filled = [inspector for inspector in team if inspector is not None]
    must(len(set(filled)) == len(filled), section, where, "同一人占两个名额", "has an inspector twice")


def check_team_order(
    section: int, where: str, target: str, team: Sequence[str | None], slots: Any, h: Callable[[str], bytes]
) -> None:
    """Check step V of section 12, which needs no roster: the order among slots with equal label sets."""
    alike: dict[frozenset[str], list[str | None]] = {}
    for index, labels in enumerate(slots):
        alike.setdefault(frozenset(labels), []).append(team[index])
    for inside in alike.values():
        filled = [inspector for inspector in inside if inspector is not None]
        ordered: list[str | None] = [*sorted(filled, key=lambda i: h(f"s|{target}|{i}"))]
        ordered += [None] * (len(inside) - len(filled))
        must(inside == ordered, section, where, "组内次序不对", "does not stand in the order of step V")


# ---------------------------------------------------------------------------------------------------------------------
# Section 3: rosters and recusals (full edition)
# ---------------------------------------------------------------------------------------------------------------------


def check_roster(hasher: Hasher, team: Any, announced: Any, where: str, announced_where: str) -> None:
    """Check an agency's roster and recusals against the digests and counts in the manifest."""
    rho, roster, recused = bytes.fromhex(team["rho"]), team["roster"], team["recused"]
    for pid, (labels, _, _) in sorted(roster.items()):
        must(labels == sorted(labels), 3, f"{where}.roster.{pid}", "标签未按升序", "has its labels out of order")
    ascending = all(one < two for one, two in pairs_of(recused))
    must(ascending, 3, f"{where}.recused", "未按升序或有重复", "is not ascending and distinct")
    same(3, f"{announced_where}.roster", announced["roster"], hasher.th("roster", rho, jcs(roster)).hex())
    same(3, f"{announced_where}.recusals", announced["recusals"], hasher.th("recusals", rho, jcs(recused)).hex())
    holders = Counter(label for labels, _, _ in roster.values() for label in set(labels))
    each = Counter(pid for pid, _ in recused)
    counts = {
        "inspectors": len(roster),
        "labels": dict(holders),
        "capacity": sum(cap for _, cap, _ in roster.values()),
        "recused": len(recused),
        "most_recused": max(each.values(), default=0),
    }
    for name, count in counts.items():
        same(3, f"{announced_where}.{name}", announced[name], count)


# ---------------------------------------------------------------------------------------------------------------------
# Sections 5, 6 and 7: commitments, reveals, seal, beacons
# ---------------------------------------------------------------------------------------------------------------------


def check_commits(hasher: Hasher, m: bytes, commits: Any, signatures: Signatures, where: str) -> None:
    """Check the commitments' signatures, and that no two are equal (section 5)."""
    values = [entry["c"] for entry in commits.values()]
    must(len(set(values)) == len(values), 5, where, "两个承诺相同", "holds two equal commitments")
    for agency, entry in sorted(commits.items()):
        message = hasher.th("commit-msg", m, agency, bytes.fromhex(entry["c"]))
        signatures.check(agency, message, entry["sig"], 5, f"{where}.{agency}.sig")


def commits_digest(hasher: Hasher, m: bytes, commits: Any) -> bytes:
    """Work out CD over all commitments, agencies ascending (section 5)."""
    parts: list[bytes | str] = []
    for agency in sorted(commits):
        parts += [agency, bytes.fromhex(commits[agency]["c"])]
    return hasher.th("commits", m, *parts)


DRAND_KEY = (
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)


def drand_holds(number: int, value: bytes) -> bool | None:
    """
    Say whether *value* is quicknet's signature of round *number* (bls-unchained-g1-rfc9380).

    This is the one thing done with a library, py_arkworks_bls12381, where it is installed; None where it is not.
    """
    try:
        from py_arkworks_bls12381 import GT, G1Point, G2Point
    except ImportError:
        return None
    message = hashlib.sha256(number.to_bytes(8, "big")).digest()
    try:
        signature = G1Point.from_compressed_bytes(value)  # a point of the right subgroup, in its one encoding
        hashed = G1Point.hash_to_curve(message, b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_")
        key = G2Point.from_compressed_bytes(bytes.fromhex(DRAND_KEY))
        return bool(GT.pairing_check([signature, -hashed], [G2Point(), key]))
    except ValueError:
        return False


@dataclass
class Act:
    """One sealed act, the draw itself or a replacement round: what its messages begin with, and its bounds."""

    where: str  # "" or "replacements[0]."
    section: int
    opening: tuple[bytes, ...]  # (M, CD), or (D_r,) in a round
    steps: int  # 0, or r: how often a revealed value is hashed to give the committed one
    sources: Any
    seal_by: int
    reveal_close: int | None

    def at(self, section: int) -> int:
        """Give the section to name: a round's own where this is one."""
        return self.section or section


class Ceremony:
    """Check reveals, seal and beacons of the draw and of its rounds (sections 6, 7 and 11)."""

    def __init__(self, record: Any, hasher: Hasher, m: bytes, signatures: Signatures, report: Report) -> None:
        self.manifest, self.commits = record["manifest"], record["commits"]
        self.agencies = sorted(self.manifest["agencies"])
        self.hasher, self.m, self.signatures, self.report = hasher, m, signatures, report

    def values(self, reveals: Any) -> list[bytes | str]:
        """Give a1, v1 … am, vm, with an empty string where a reveal never came."""
        values: list[bytes | str] = []
        for agency in self.agencies:
            values += [agency, bytes.fromhex(reveals[agency]["value"]) if agency in reveals else b""]
        return values

    def reveals(self, act: Act, reveals: Any) -> None:
        """Check every reveal against its commitment and its signature, and that enough of them are there."""
        section, where = act.at(6), f"{act.where}reveals"
        for agency, entry in sorted(reveals.items()):
            place = f"{where}.{agency}"
            must(agency in self.manifest["agencies"], section, place, "不是参与部门", "is no agency of this draw")
            self.signatures.steps.spend(act.steps)
            secret = self.hasher.chain(bytes.fromhex(entry["value"]), act.steps)
            opened = self.hasher.th("commit", self.m, agency, secret).hex() == self.commits[agency]["c"]
            must(opened, section, f"{place}.value", "与承诺不符", "does not open the commitment")
            message = self.hasher.th("reveal-msg", *act.opening, agency, bytes.fromhex(entry["value"]))
            self.signatures.check(agency, message, entry["sig"], section, f"{place}.sig")
        missing = len(self.agencies) - len(reveals)
        most = self.manifest["max_missing"]
        must(
            missing <= most, section, where, f"缺 {missing} 个，最多 {most}", f"lacks {missing}, at most {most} may be"
        )
        enough = len(reveals) >= min(2, len(self.agencies))
        must(enough, section, where, "揭示少于两个", "holds fewer than two reveals")

    def seal(self, act: Act, reveals: Any, seal: Any) -> bytes:
        """Check the seal's digest, time and signatures; give RD."""
        section, where = act.at(6), f"{act.where}seal"
        before = (self.m, *act.opening) if act.steps else act.opening
        rd = self.hasher.th("reveals", *before, *self.values(reveals))
        same(section, f"{where}.digest", seal["digest"], rd.hex())
        must(seal["at"] <= act.seal_by, section, f"{where}.at", "晚于 seal_by", "is after seal_by")
        early = act.reveal_close is not None and seal["at"] < act.reveal_close and len(reveals) < len(self.agencies)
        must(not early, section, f"{where}.at", "早于 reveal_close", "is before reveal_close with a reveal missing")
        message = self.hasher.th("seal", *act.opening, rd, seal["at"])
        self.signatures.seal_of(seal, self.manifest, message, section, where)
        return rd

    def beacons(self, act: Act, beacons: Any, rd: bytes) -> list[bytes | str | int]:
        """Check the beacons' values and proofs; give id, round and value of each, as they enter the seed."""
        section, where = act.at(7), f"{act.where}beacons"
        same(section, f"{where} (number)", len(beacons), len(act.sources))
        parts: list[bytes | str | int] = []
        for index, source in enumerate(act.sources):
            beacon, place = beacons[index], f"{where}[{index}]"
            same(section, f"{place}.id", beacon["id"], source["id"])
            same(section, f"{place}.round", beacon["round"], source["round"])
            value = bytes.fromhex(beacon["value"])
            self._beacon(act, source, beacon, value, rd, place)
            parts += [source["id"], source["round"], value]
        return parts or ["", "", ""]

    def _beacon(self, act: Act, source: Any, beacon: Any, value: bytes, rd: bytes, place: str) -> None:
        section, name = act.at(7), source["id"]
        if name == "room-dice":
            fits = len(value) == source["round"] and value.isdigit()
            must(fits, section, f"{place}.value", "不是所公告个数的数字", "is not the announced number of digits")
            must("proof" in beacon, section, f"{place}.proof", "缺少签名", "is missing")
            message = self.hasher.th("dice-msg", *act.opening, rd, value)
            self.signatures.seal_of(beacon["proof"], self.manifest, message, section, f"{place}.proof")
            return
        if "proof" in beacon:
            self.report.not_checked(f"{place}.proof（协议未定义其内容）", f"{place}.proof: section 7 defines none here")
        if name == "drand-quicknet":
            must(len(value) == 48, section, f"{place}.value", "不是 48 字节", "is not 48 bytes")
            holds = drand_holds(source["round"], value)
            must(
                holds is not False, section, f"{place}.value", "不是 drand 该轮的签名", "is not drand's for that round"
            )
            if holds is None:
                self.report.not_checked(f"{place}：drand 的 BLS 签名", f"{place}: BLS signature of drand (no library)")
        elif name.startswith("lottery:"):
            fits = len(value) == source["digits"] and value.isdigit()
            must(fits, section, f"{place}.value", "不是所公告位数的数字", "is not the announced number of digits")
            self.report.not_checked(f"{place}：彩票开奖号码", f"{place}: the lottery's result")
        else:
            must(len(value) == 32, section, f"{place}.value", "不是 32 字节", "is not 32 bytes")
            self.signatures.steps.spend(source["index"] * (1 if self.hasher.name == "sha256" else 100))
            anchored = self.hasher.chain(value, source["index"]).hex() == source["anchor"]
            must(anchored, section, f"{place}.value", "与锚不符", "does not lead to the anchor")


# ---------------------------------------------------------------------------------------------------------------------
# Sections 4 and 14: earlier attempts
# ---------------------------------------------------------------------------------------------------------------------


def check_attempt(attempt: Any, where: str, hasher: Hasher, m: bytes, signatures: Signatures) -> None:
    """Check whatever was published of an attempt that ended without a seal."""
    manifest, commits = attempt["manifest"], attempt.get("commits", {})
    agencies = set(manifest["agencies"])
    for name in attempt.get("absent", ()):
        known = name in agencies or name == "witness"
        must(known, 14, f"{where}.absent", f"{name} 不是参与方", f"names {name}, who is no party")
    for part in ("commits", "countersignatures", "reveals"):
        for who in sorted(set(attempt.get(part, {})) - agencies):
            differs(5, f"{where}.{part}.{who}", "不是参与部门", "is no agency of this attempt")
    check_commits(hasher, m, commits, signatures, f"{where}.commits")
    later = [part for part in ("countersignatures", "reveals") if attempt.get(part)]
    if not later:
        return
    must(set(commits) == agencies, 5, f"{where}.commits", "承诺不全而有后续步骤", f"is incomplete, yet has {later[0]}")
    cd = commits_digest(hasher, m, commits)
    for agency, signature in sorted(attempt.get("countersignatures", {}).items()):
        signatures.check(agency, hasher.th("cd-msg", m, cd), signature, 5, f"{where}.countersignatures.{agency}")
    for agency, entry in sorted(attempt.get("reveals", {}).items()):
        place, value = f"{where}.reveals.{agency}", bytes.fromhex(entry["value"])
        opened = hasher.th("commit", m, agency, value).hex() == commits[agency]["c"]
        must(opened, 6, f"{place}.value", "与承诺不符", "does not open the commitment")
        signatures.check(agency, hasher.th("reveal-msg", m, cd, agency, value), entry["sig"], 6, f"{place}.sig")


# ---------------------------------------------------------------------------------------------------------------------
# Sections 10 and 13: selection, work list, visits root, result digest
# ---------------------------------------------------------------------------------------------------------------------


def work_list(
    manifest: Any, drew: Mapping[str, set[str]], lines_of: Mapping[str, tuple[str, ...]], steps: Steps
) -> dict[str, Any]:
    """Work out {agency: {id: lines}}: the lines an entity carries that belong to a selection which drew it."""
    work: dict[str, dict[str, list[str]]] = {agency: {} for agency in manifest["agencies"]}
    lines_in = {selection["id"]: frozenset(selection["lines"]) for selection in manifest["selections"]}
    for entity in sorted(drew):
        steps.spend(len(lines_of[entity]) * len(drew[entity]))
        for line in lines_of[entity]:
            if any(line in lines_in[name] for name in drew[entity]):
                work[manifest["lines"][line]].setdefault(entity, []).append(line)
    return work


def visits_root(hasher: Hasher, seed: bytes, work: Mapping[str, Any], teams: Mapping[str, Any]) -> bytes:
    """Work out VR, the tree hash over one leaf per visit (section 10)."""
    visits: dict[str, dict[str, Any]] = {}
    for agency, targets in work.items():
        for entity, lines in targets.items():
            visits.setdefault(entity, {})[agency] = [lines, teams[agency][entity]]
    leaves = (hasher.th("visit", hasher.th("blind", seed, entity), entity, jcs(visits[entity])) for entity in visits)
    return hasher.tree(sorted(leaves))


def result_digest(hasher: Hasher, seed: bytes, selected: Any, teams: Any, root: bytes) -> bytes:
    """Work out the result digest of the draw or of a round (section 13)."""
    return hasher.th("result", seed, jcs(selected), jcs(teams), root)


def compare_work(section: int, path: str, recorded: Any, computed: Any, agencies: Iterable[str]) -> None:
    """Compare a work list; an agency without work may be listed with {} or left out."""
    names = sorted(set(agencies) | set(recorded))
    same(section, path, {a: recorded.get(a, {}) for a in names}, {a: computed.get(a, {}) for a in computed})


def lines_by_id(cells: Iterable[Cell], frame: Frame) -> dict[str, tuple[str, ...]]:
    """Give the lines of every entity that was found in *cells*."""
    return {entity.decode(): frame.kinds[rest].lines for cell in cells for _, entity, rest in cell.found}


# ---------------------------------------------------------------------------------------------------------------------
# The verification, in the order of the protocol
# ---------------------------------------------------------------------------------------------------------------------


@dataclass
class Standing:
    """What stands after the draw, or after a round."""

    seed: bytes
    beacon_time: int
    selected: dict[str, dict[str, str]]  # selection: {id: stratum}
    ever: dict[str, set[str]]  # selection: ids drawn at any time
    lines_of: dict[str, tuple[str, ...]]
    work: dict[str, Any]
    teams: dict[str, dict[str, list[str | None]]]
    recused: dict[str, set[tuple[str, str]]]  # agency: recusals, and the drop-outs since
    removed: set[str] = field(default_factory=set)


class Verification:
    """One run over one record."""

    def __init__(self, record: Any, files: FrameFiles, outside: dict[str, str] | None, report: Report, steps: Steps):
        self.record, self.manifest = record, record["manifest"]
        self.files, self.outside, self.report, self.steps = files, outside, report, steps
        self.hasher = Hasher(self.manifest["hash"])
        self.m = self.hasher.th("manifest", jcs(self.manifest))
        self.full = record["edition"] == "full"
        self.frame: Frame | None = None
        self.cells: dict[str, dict[str, int]] = {}

    def run(self, head: str | None) -> None:
        """Check everything, section by section; the first difference stops it."""
        same(4, "manifest_digest", self.record["manifest_digest"], self.m.hex())
        check_manifest(self.manifest, "manifest", self.hasher)
        self.signatures = Signatures(self.manifest, "manifest", self.outside, self.report, self.steps)
        self.attempts()
        self.frames()
        self.rosters()
        cd = self.commits()
        self.seed(cd)
        standing = self.selection()
        self.teams(standing)
        self.result(standing)
        self.rounds(standing)
        self.head(head)

    def attempts(self) -> None:
        """Check the chain of attempts back to `prev` null, and what was published of each."""
        attempts = self.record["attempts"]
        here, before = self.manifest["attempt"], len(attempts)
        number_of = f"应为 {here - 1} 次"
        must(here == before + 1, 14, "attempts", number_of, f"has {before} earlier attempts, not {here - 1}")
        chain = [*(attempt["manifest"] for attempt in attempts), self.manifest]
        for index, attempt in enumerate(attempts):
            where = f"attempts[{index}]"
            manifest, place = attempt["manifest"], f"{where}.manifest"
            hasher = Hasher(manifest["hash"])
            m = hasher.th("manifest", jcs(manifest))
            same(4, f"{place}.attempt", manifest["attempt"], index + 1)
            same(4, f"{place}.draw", manifest["draw"], self.manifest["draw"])
            after = "manifest" if index + 1 == before else f"attempts[{index + 1}].manifest"
            same(4, f"{after}.prev", chain[index + 1]["prev"], m.hex())
            check_manifest(manifest, place, hasher)
            signatures = Signatures(manifest, place, self.outside, self.report, self.steps)
            check_attempt(attempt, where, hasher, m, signatures)

    def frames(self) -> None:
        """Check the frames of this attempt and of those before it (section 2), and `sizes` (section 4)."""
        manifests = [(self.manifest, "manifest")]
        for index, attempt in enumerate(self.record["attempts"]):
            manifests.append((attempt["manifest"], f"attempts[{index}].manifest"))
        for manifest, _ in manifests:  # so that a file that fits nowhere is named before one that is not there
            for shard in manifest["frame"]["shards"]:
                self.files.find(bytes.fromhex(shard["digest"]), Hasher(manifest["hash"]))
        all_matched(self.files)
        for manifest, where in manifests:
            shards = match_frame(manifest, where, self.files, Hasher(manifest["hash"]), self.report)
            if shards is None:
                continue
            no_id_twice(shards)
            frame = Frame(shards, self.files.kinds)
            cells = check_sizes(manifest, where, frame, self.steps)
            if manifest is self.manifest:
                self.frame, self.cells = frame, cells
        self.report.checked += [1, 2, 4] if self.frame else [1, 4]

    def rosters(self) -> None:
        """Check rosters and recusals (section 3)."""
        agencies, teams = self.manifest["agencies"], self.record["teams"]
        same(12, "teams", dict.fromkeys(teams), dict.fromkeys(agencies))
        if not self.full:
            self.report.not_held.append(
                (
                    "名册与回避（§3、§12 只在完整版中）",
                    "rosters and recusals (§3; §12 can be checked in the full edition)",
                )
            )
            return
        for agency, team in sorted(teams.items()):
            announced = self.manifest["rosters"].get(agency)
            if announced is not None:
                check_roster(self.hasher, team, announced, f"teams.{agency}", f"manifest.rosters.{agency}")
            else:
                empty = not team["roster"] and not team["recused"]
                must(empty, 3, f"teams.{agency}.roster", "清单中没有此名册", "is not in the manifest")
        self.report.checked.append(3)

    def commits(self) -> bytes:
        """Check commitments and countersignatures (section 5); give CD."""
        record, agencies = self.record, self.manifest["agencies"]
        same(5, "commits", dict.fromkeys(record["commits"]), dict.fromkeys(agencies))
        check_commits(self.hasher, self.m, record["commits"], self.signatures, "commits")
        cd = commits_digest(self.hasher, self.m, record["commits"])
        same(5, "commits_digest", record["commits_digest"], cd.hex())
        same(5, "countersignatures", dict.fromkeys(record["countersignatures"]), dict.fromkeys(agencies))
        message = self.hasher.th("cd-msg", self.m, cd)
        for agency, signature in sorted(record["countersignatures"].items()):
            self.signatures.check(agency, message, signature, 5, f"countersignatures.{agency}")
        self.report.checked.append(5)
        return cd

    def seed(self, cd: bytes) -> None:
        """Check reveals, seal, beacons and seed of the draw (sections 6 and 7)."""
        record, times = self.record, self.manifest["times"]
        act = Act("", 0, (self.m, cd), 0, self.manifest["beacons"], times["seal_by"], times["reveal_close"])
        self.ceremony = Ceremony(record, self.hasher, self.m, self.signatures, self.report)
        self.ceremony.reveals(act, record["reveals"])
        rd = self.ceremony.seal(act, record["reveals"], record["seal"])
        parts = self.ceremony.beacons(act, record["beacons"], rd)
        seed = self.hasher.th("seed", self.m, cd, *self.ceremony.values(record["reveals"]), *parts)
        same(7, "seed", record["seed"], seed.hex())
        self.report.checked += [6, 7]

    def selection(self) -> Standing:
        """Compute the draw (sections 8 to 10); without a frame take the record's, as far as it agrees with itself."""
        record, seed = self.record, bytes.fromhex(self.record["seed"])
        lines_of: dict[str, tuple[str, ...]] = {}
        if self.frame is not None:
            lines_of = self._draw(self.frame, seed)
        selected: dict[str, dict[str, str]] = {}
        names = [selection["id"] for selection in self.manifest["selections"]]
        same(10, "selected", dict.fromkeys(record["selected"]), dict.fromkeys(names))
        for name, strata in record["selected"].items():
            selected[name] = {entity: stratum for stratum, ids in strata.items() for entity in ids}
            distinct = len(selected[name]) == sum(len(ids) for ids in strata.values())
            must(distinct, 10, f"selected.{name}", "有重复", "holds an id twice")
        drew: dict[str, set[str]] = {}
        for name, found in selected.items():
            for entity in found:
                drew.setdefault(entity, set()).add(name)
        if self.frame is not None:
            work = work_list(self.manifest, drew, lines_of, self.steps)
            compare_work(10, "work", record["work"], work, self.manifest["agencies"])
            self.report.checked += [8, 9, 10]
        else:
            work = {agency: record["work"].get(agency, {}) for agency in self.manifest["agencies"]}
            must(set(record["work"]) <= set(work), 10, "work", "有非参与部门", "lists one who is no agency")
            strangers = {entity for targets in work.values() for entity in targets} - set(drew)
            must(not strangers, 10, "work", "有未抽中的对象", "lists an id that was not selected")
        return Standing(
            seed=seed,
            beacon_time=self.manifest["times"]["beacon_time"],
            selected=selected,
            ever={name: set(found) for name, found in selected.items()},
            lines_of=lines_of,
            work=work,
            teams={agency: team["assigned"] for agency, team in record["teams"].items()},
            recused={
                agency: {(pid, entity) for pid, entity in team.get("recused", ())}
                for agency, team in record["teams"].items()
            },
        )

    def _draw(self, frame: Frame, seed: bytes) -> dict[str, tuple[str, ...]]:
        """Draw the targets and compare them with `selected`; give the lines of each."""
        recorded, cells = self.record["selected"], []
        for selection in self.manifest["selections"]:
            name, sizes = selection["id"], self.cells[selection["id"]]
            must(name in recorded, 10, f"selected.{name}", "没有列出", "is missing from the record")
            counts = quotas(self.hasher, seed, selection["rules"], sizes)
            same(10, f"selected.{name} (counts)", {s: len(ids) for s, ids in recorded[name].items()}, counts)
            lines = frozenset(selection["lines"])
            cells += [Cell(name, stratum, lines, sizes[stratum], n) for stratum, n in sorted(counts.items())]
        draw_cells(self.hasher, self.hasher.key(seed, "target"), frame, cells, self.steps)
        computed: dict[str, dict[str, list[str]]] = {selection["id"]: {} for selection in self.manifest["selections"]}
        for cell in cells:
            computed[cell.selection][cell.stratum] = [entity.decode() for _, entity, _ in cell.found]
        same(10, "selected", recorded, computed)
        return lines_by_id(cells, frame)

    def teams(self, standing: Standing) -> None:
        """Check the teams of every agency (section 12); in the public edition what can be seen without a roster."""
        strata = {entity: stratum for found in standing.selected.values() for entity, stratum in found.items()}
        for agency, team in sorted(self.record["teams"].items()):
            where, assigned = f"teams.{agency}.assigned", team["assigned"]
            slots = self.slots(agency, standing.work[agency], strata)
            same(12, where, dict.fromkeys(assigned), dict.fromkeys(slots))
            for target in sorted(assigned):
                check_team_form(12, f"{where}.{target}", assigned[target], slots[target])
            key = self.hasher.key(standing.seed, "team", agency)
            if self.full:
                drawn = Teams(self.hasher, key, team["roster"], standing.recused[agency], self.steps)
                for target in slots:
                    drawn.add_target(target, slots[target])
                drawn.assign()
                same(12, where, assigned, drawn.assigned())
            else:
                for target in sorted(assigned):
                    check_team_order(12, f"{where}.{target}", target, assigned[target], slots[target], self._h(key))
        if self.full:
            self.report.checked.append(12)

    def _h(self, key: str) -> Callable[[str], bytes]:
        return lambda text: self.hasher.h(f"{key}|{text}".encode())

    def slots(self, agency: str, targets: Iterable[str], strata: Mapping[str, str]) -> dict[str, Any]:
        """Give the slots of an agency's targets."""
        plan, found = self.manifest["slots"].get(agency, {}), {}
        for target in targets:
            found[target] = slots_for(plan, strata[target])
            place = f"manifest.slots.{agency}"
            must(
                found[target] is not None, 12, place, f"没有 {strata[target]} 的名额", f"has none for {strata[target]}"
            )
        return found

    def result(self, standing: Standing) -> None:
        """Check visits root (section 10) and result digest (section 13) of the draw."""
        root = visits_root(self.hasher, standing.seed, standing.work, standing.teams)
        same(10, "visits_root", self.record["visits_root"], root.hex())
        digest = result_digest(self.hasher, standing.seed, self.record["selected"], standing.teams, root)
        same(13, "result_digest", self.record["result_digest"], digest.hex())
        self.report.checked.append(13)

    def rounds(self, standing: Standing) -> None:
        """Check replacement rounds, closed and spent, in the order of their numbers (section 11)."""
        if not self.record["replacements"] and not self.record["spent"]:
            return
        if self.frame is None:
            self.report.not_checked("替换轮（§11），因缺抽样框", "rounds (§11), for want of the frame")
        else:
            Rounds(self, self.frame, standing).run()
            self.report.checked.append(11)

    def head(self, head: str | None) -> None:
        """Compare the record's last result digest with the newest published one (section 14)."""
        last = self.record["replacements"][-1] if self.record["replacements"] else self.record
        if head is not None and last["result_digest"] != head:
            one, two = plain(last["result_digest"]), plain(head)
            differs(
                14, "--head", f"记录止于 {one}，已公布的是 {two}", f"the record ends with {one}, published is {two}"
            )
        self.report.checked.append(14)


# ---------------------------------------------------------------------------------------------------------------------
# Section 11: replacement and drop-out
# ---------------------------------------------------------------------------------------------------------------------


class Rounds:
    """Follow the replacement rounds of a record, from what stood after the draw to what stands now."""

    def __init__(self, run: Verification, frame: Frame, standing: Standing) -> None:
        self.base, self.frame, self.standing = run, frame, standing
        self.record, self.manifest, self.hasher = run.record, run.manifest, run.hasher

    def run(self) -> None:
        """Check that the numbers are 1, 2, 3 … and then every round in that order."""
        entries = []
        for part in ("replacements", "spent"):
            numbers = [entry["round"] for entry in self.record[part]]
            ascending = all(one < two for one, two in pairs_of(numbers))
            must(ascending, 11, part, "轮次未按升序", "is not ascending by round")
            entries += [(entry["round"], f"{part}[{index}].", entry) for index, entry in enumerate(self.record[part])]
        entries.sort(key=lambda entry: int(entry[0]))
        same(11, "replacements and spent (rounds)", [entry[0] for entry in entries], [*range(1, len(entries) + 1)])
        for number, where, entry in entries:
            most = self.manifest["chain_len"]
            must(number <= most, 11, f"{where}round", f"大于 {most}", f"is more than chain_len {most}")
            self.check_rho(entry["rho"], f"{where}rho")
            opening = self.hasher.th("removal", self.base.m, number, jcs(entry["rho"]))
            closed = "seal" in entry
            self.check_signatures(entry, where, opening, closed)
            if closed:
                self.close(number, entry, where, opening)

    def check_rho(self, rho: Any, where: str) -> None:
        """Check order, reasons and times of what a round asks for, and that it is about what stands."""
        removed, dropouts = rho["removed"], rho["dropouts"]
        must(bool(removed or dropouts), 11, where, "既无替换也无退出", "asks for nothing")
        ids = [entry["id"] for entry in removed]
        must(all(a < b for a, b in pairs_of(ids)), 11, f"{where}.removed", "未按 id 升序", "is not ascending by id")
        keys = [(entry["agency"], entry["inspector"], entry["id"]) for entry in dropouts]
        must(all(a < b for a, b in pairs_of(keys)), 11, f"{where}.dropouts", "未按升序", "is not ascending")
        reasons = self.manifest["replacement"]["reasons"]
        for part, entries in (("removed", removed), ("dropouts", dropouts)):
            for index, entry in enumerate(entries):
                known = entry["reason"] in reasons
                must(
                    known, 11, f"{where}.{part}[{index}].reason", "理由不在清单所列之内", "is no reason of the manifest"
                )
        for index, entity in enumerate(ids):
            stands = any(entity in found for found in self.standing.selected.values())
            must(stands, 11, f"{where}.removed[{index}].id", "不是现有对象", "is not selected at this time")
        for index, (agency, inspector, entity) in enumerate(keys):
            stands = inspector in self.standing.teams.get(agency, {}).get(entity, ())
            must(stands, 11, f"{where}.dropouts[{index}]", "未被指派", "is not assigned at this time")
            must(entity not in ids, 11, f"{where}.dropouts[{index}].id", "对象已被替换", "is a target that is removed")
        times = rho["times"]
        after = times["seal_by"] >= self.standing.beacon_time
        must(after, 11, f"{where}.times.seal_by", "早于前一次随机源的规定时间", "is before the beacon_time before it")
        before = times["seal_by"] <= times["beacon_time"] - 600
        must(before, 11, f"{where}.times.beacon_time", "时间先后不对", "is out of order")
        live = self.manifest["purpose"] == "live"
        must(bool(rho["beacons"]) or not live, 11, f"{where}.beacons", "正式抽取须有随机源", "must be there: live draw")
        check_beacon_sources(rho["beacons"], self.manifest, times["beacon_time"], f"{where}.beacons", 11)

    def check_signatures(self, entry: Any, where: str, opening: bytes, closed: bool) -> None:
        """Check the signatures under a round; a spent one may lack some, that may be why it was spent."""
        given, agencies = entry["signatures"], self.manifest["agencies"]
        message = self.hasher.th("removal-msg", opening)
        for who, signature in sorted(given.items()):
            self.base.signatures.check(who, message, signature, 11, f"{where}signatures.{who}")
        if not closed:
            return
        needed = {drop["agency"] for drop in entry["rho"]["dropouts"]} | (
            {"witness"} if self.manifest["witness"] else set()
        )
        for gone in entry["rho"]["removed"]:
            needed |= {self.manifest["lines"][line] for line in self.standing.lines_of[gone["id"]]}
        for who in sorted(needed):
            must(who in given, 11, f"{where}signatures.{who}", "缺少签名", "is missing")
        enough = len(set(given) & set(agencies)) >= min(2, len(agencies))
        must(enough, 11, f"{where}signatures", "签名部门不足", "holds too few agencies")

    def close(self, number: int, entry: Any, where: str, opening: bytes) -> None:
        """Check a closed round and take what stands after it."""
        rho, ceremony = entry["rho"], self.base.ceremony
        gone = {one["id"] for one in rho["removed"]}
        most = self.manifest["replacement"]["max"]
        total = len(self.standing.removed) + len(gone)
        must(
            total <= most,
            11,
            f"{where}rho.removed",
            f"累计超过 {most}",
            f"makes {total} removals, at most {most} may be",
        )
        act = Act(where, 11, (opening,), number, rho["beacons"], rho["times"]["seal_by"], None)
        ceremony.reveals(act, entry["reveals"])
        rd = ceremony.seal(act, entry["reveals"], entry["seal"])
        parts = ceremony.beacons(act, entry["beacons"], rd)
        values = ceremony.values(entry["reveals"])
        seed = self.hasher.th("reseed", self.standing.seed, opening, *values, *parts)
        same(11, f"{where}seed", entry["seed"], seed.hex())
        after = self.replace(entry, where, seed, gone)
        self.reassign(entry, where, after, rho["dropouts"])
        root = visits_root(self.hasher, seed, after.work, after.teams)
        same(11, f"{where}visits_root", entry["visits_root"], root.hex())
        digest = result_digest(self.hasher, seed, entry["selected"], after.teams, root)
        same(11, f"{where}result_digest", entry["result_digest"], digest.hex())
        self.standing = after

    def replace(self, entry: Any, where: str, seed: bytes, gone: set[str]) -> Standing:
        """Draw the replacements of the removed, and compare selection and work list."""
        before, cells = self.standing, []
        removed = before.removed | gone
        for selection in self.manifest["selections"]:
            name = selection["id"]
            counts = Counter(before.selected[name][entity] for entity in gone if entity in before.selected[name])
            barred = frozenset(entity.encode() for entity in before.ever[name] | removed)
            sizes, lines = self.base.cells[name], frozenset(selection["lines"])
            cells += [Cell(name, stratum, lines, sizes[stratum], k, barred) for stratum, k in sorted(counts.items())]
        draw_cells(self.hasher, self.hasher.key(seed, "target"), self.frame, cells, self.base.steps)
        chosen: dict[str, dict[str, list[str]]] = {}
        selected = {
            name: {entity: stratum for entity, stratum in found.items() if entity not in gone}
            for name, found in before.selected.items()
        }
        for cell in cells:
            ids = [entity.decode() for _, entity, _ in cell.found]
            chosen.setdefault(cell.selection, {})[cell.stratum] = ids
            selected[cell.selection].update(dict.fromkeys(ids, cell.stratum))
        same(11, f"{where}selected", entry["selected"], chosen)
        drew: dict[str, set[str]] = {}
        for name, found in selected.items():
            for entity in found:
                drew.setdefault(entity, set()).add(name)
        lines_of = {**before.lines_of, **lines_by_id(cells, self.frame)}
        work = work_list(self.manifest, drew, lines_of, self.base.steps)
        compare_work(11, f"{where}work", entry["work"], work, self.manifest["agencies"])
        return Standing(
            seed=seed,
            beacon_time=entry["rho"]["times"]["beacon_time"],
            selected=selected,
            ever={name: before.ever[name] | set(selected[name]) for name in selected},
            lines_of=lines_of,
            work=work,
            teams={},
            recused={agency: set(pairs) for agency, pairs in before.recused.items()},
            removed=removed,
        )

    def reassign(self, entry: Any, where: str, after: Standing, dropouts: Any) -> None:
        """Check the teams that stand after a round: nobody moves but into open slots of this round."""
        same(11, f"{where}teams", dict.fromkeys(entry["teams"]), dict.fromkeys(self.manifest["agencies"]))
        strata = {entity: stratum for found in after.selected.values() for entity, stratum in found.items()}
        for drop in dropouts:
            after.recused[drop["agency"]].add((drop["inspector"], drop["id"]))
        for agency, given in sorted(entry["teams"].items()):
            place, slots = f"{where}teams.{agency}", self.base.slots(agency, after.work[agency], strata)
            same(11, place, dict.fromkeys(given), dict.fromkeys(slots))
            kept = {target: list(team) for target, team in self.standing.teams[agency].items() if target in slots}
            for drop in dropouts:
                if drop["agency"] == agency:
                    kept[drop["id"]][kept[drop["id"]].index(drop["inspector"])] = None
            vacated = {
                (target, index)
                for target, team in kept.items()
                for index, inspector in enumerate(team)
                if inspector is None and self.standing.teams[agency][target][index] is not None
            }
            for target in sorted(given):
                check_team_form(11, f"{place}.{target}", given[target], slots[target])
            key = self.hasher.key(after.seed, "team", agency)
            if self.base.full:
                same(11, place, given, self.fill_open(agency, key, slots, kept, vacated, after.recused[agency]))
            else:
                self.check_unmoved(place, given, kept, vacated, slots, key, after.recused[agency])
            after.teams[agency] = given

    def fill_open(
        self,
        agency: str,
        key: str,
        slots: Mapping[str, Any],
        kept: Mapping[str, Sequence[str | None]],
        vacated: set[Slot],
        recused: set[tuple[str, str]],
    ) -> dict[str, list[str | None]]:
        """Fill the slots of drop-outs and of new targets by steps I and II, and arrange the new targets by step V."""
        roster = self.record["teams"][agency]["roster"]
        teams = Teams(self.hasher, key, roster, recused, self.base.steps)
        for target in slots:
            teams.add_target(target, slots[target])
            for index, inspector in enumerate(kept.get(target, ())):
                if inspector is not None:
                    teams.put((target, index), inspector)
                    teams.visits[inspector] += 1
        to_fill = [slot for slot in teams.order if slot in vacated or slot[0] not in kept]
        for slot in sorted(to_fill, key=teams.order.__getitem__):
            teams.fill(slot)
        for target in slots:
            if target not in kept:
                teams.arrange(target)
        return teams.assigned()

    def check_unmoved(
        self,
        where: str,
        given: Mapping[str, Sequence[str | None]],
        kept: Mapping[str, Sequence[str | None]],
        vacated: set[Slot],
        slots: Mapping[str, Any],
        key: str,
        recused: set[tuple[str, str]],
    ) -> None:
        """Check what the public edition shows: standing assignments stay, drop-outs stay away, new teams in order."""
        for target, team in sorted(given.items()):
            place = f"{where}.{target}"
            if target not in kept:
                check_team_order(
                    11, place, target, team, slots[target], lambda text: self.hasher.h(f"{key}|{text}".encode())
                )
                continue
            for index, inspector in enumerate(team):
                if (target, index) in vacated:
                    back = inspector is not None and (inspector, target) in recused
                    must(not back, 11, f"{place}[{index}]", "退出者又被指派", "is a drop-out come back")
                else:
                    same(11, f"{place}[{index}]", inspector, kept[target][index])


# ---------------------------------------------------------------------------------------------------------------------
# Sections 4, 14 and 16: what the result rests on
# ---------------------------------------------------------------------------------------------------------------------

CUSTODY = {"own": "各自的系统", "page": "办理人的浏览器", "server": "平台服务器代管"}
BEACON_WORDS = {
    "room-dice": "现场骰子",
    "drand-quicknet": "drand 公共随机源",
    "lottery": "彩票开奖号码",
    "chain": "哈希链",
}
ENDINGS = {
    "commitment missing": "承诺期结束时仍有单位未承诺",
    "countersignature missing": "揭示期结束时仍有单位未会签",
    "too many reveals missing": "未揭示的单位过多",
    "no seal in time": "没有在期限内封存",
    "signature missing": "期限内没有全部签名同意",
    "campaign cancelled": "联合抽查任务已取消",
}
"""What a record calls the end of an attempt or round without a seal, and what people call it; other words stay as they are."""


def explain(record: Any, keys: str | None, head: str | None, report: Report) -> None:
    """Say aloud what the result rests on, in the words of sections 4, 14 and 16."""
    manifest, add = record["manifest"], report.rests_on.append
    agencies, times = manifest["agencies"], manifest["times"]
    if manifest["purpose"] == "rehearsal":
        add(("演练，不是正式抽取", "a rehearsal, not a live draw"))
    for custody, zh in CUSTODY.items():
        names = ", ".join(sorted(name for name, party in agencies.items() if party["custody"] == custody))
        if names:
            add((f"密钥保管：{names}：{zh}", f'custody "{custody}": {names}'))
    if sum(party["custody"] != "server" for party in agencies.values()) < 2:
        add(("自行保管密钥的部门不足两个", "fewer than two agencies keep their own key"))
    witness = manifest["witness"]
    if witness:
        add((f"见证人：{plain(witness['name'])}", f"witness: {plain(witness['name'])}"))
    else:
        add(("没有见证人：由过半数部门封存", "no witness: more than half of the agencies sealed"))
    beacons = [(beacon["id"].partition(":")[0], f"{beacon['id']} {beacon['round']}") for beacon in manifest["beacons"]]
    in_chinese = "，".join(f"{BEACON_WORDS[sort]}（{source}）" for sort, source in beacons)
    in_english = ", ".join(source for _, source in beacons)
    add((f"随机源：{in_chinese or '无'}", f"beacon: {in_english or 'none'}"))
    notice = times["commit_close"] - times["published"]
    hours, minutes = notice // 3600, notice % 3600 // 60
    add((f"公告期：{hours} 小时 {minutes} 分", f"notice before the commitments closed: {hours} h {minutes} min"))
    if notice < 86400:
        add(("公告期不足 24 小时", "the notice was shorter than 24 hours"))
    if record["seal"]["at"] < times["commit_close"]:
        add(("封存时间早于承诺截止", "the seal is dated before the commitments closed"))
    full = record["edition"] == "full"
    add(("版本：完整版", "edition: full") if full else ("版本：公开版", "edition: public"))
    if keys is None:
        add(("公钥：取自记录本身（未用 --keys）", "keys: those in the record itself (no --keys given)"))
    else:
        add((f"公钥：{plain(keys)}", f"keys: {plain(keys)}"))
    if head is None:
        add(
            (
                "未用 --head：记录是否被截短未比对",
                "no --head given: a record cut short after an earlier round would pass",
            )
        )
    explain_people(record, add)
    parents = [manifest["parent"]["manifest"]] if manifest["parent"] else []
    for digest in parents + manifest["base_from"]:
        report.not_held.append((f"所引用的记录 {digest[:16]}…", f"the record {digest[:16]}… that this one refers to"))


def explain_people(record: Any, add: Callable[[tuple[str, str]], None]) -> None:
    """Name who was missing, what was named rather than drawn, and what was appointed."""
    manifest = record["manifest"]
    missing = ", ".join(sorted(set(manifest["agencies"]) - set(record["reveals"])))
    if missing:
        add((f"未揭示：{missing}", f"no reveal came from: {missing}"))
    for index, attempt in enumerate(record["attempts"][-20:], max(0, len(record["attempts"]) - 20)):
        absent, why = ", ".join(attempt.get("absent", ())), plain(attempt["reason"])
        zh = f"第 {index + 1} 次抽取作废：{ENDINGS.get(why, why)}" + (f"（{absent}）" if absent else "")
        add((zh, f"attempt {index + 1} ended: {why} {absent}".rstrip()))
    for spent in record["spent"][:20]:
        number, why = spent["round"], plain(spent["reason"])
        add((f"第 {number} 轮替换未成：{ENDINGS.get(why, why)}", f"round {number} removed and drew nothing: {why}"))
    named = [
        f"{selection} {name} ({n}/{size})"
        for selection, sizes in sorted(manifest["sizes"].items())
        for name, (size, n) in sorted(sizes.items())
        if n == size or size < 5
    ]
    if named:
        listed = ", ".join(named[:20]) + (" …" if len(named) > 20 else "")
        add((f"指定而非抽取：{listed}", f"named, not drawn: {listed}"))
    last = record["replacements"][-1]["teams"] if record["replacements"] else None
    teams = last or {agency: team["assigned"] for agency, team in record["teams"].items()}
    empty = sum(team.count(None) for targets in teams.values() for team in targets.values())
    if empty:
        add(
            (
                f"空缺席位 {empty} 个：由单位负责人指定，非抽取",
                f"open slots: {empty}; who fills them is appointed, not drawn",
            )
        )
    explain_faults(record["faults"], add)


FAULTS = {
    "valid reveal not in the seal": "有效的揭示没有列入封存",
    "second seal": "同一次抽取出现第二份封存",
    "late beacon": "随机源迟到",
    "lost data": "数据丢失",
}
"""What a record calls the faults of section 6, and what people call them; of a round its number follows."""


def explain_faults(faults: Sequence[Any], add: Callable[[tuple[str, str]], None]) -> None:
    """Name what went wrong after the seal, with the digest of what proves it; the draw stands."""
    if not faults:
        return
    add((f"记录载明异常 {len(faults)} 项，抽取仍然有效", f"faults on the record: {len(faults)}; the draw stands"))
    for number, fault in enumerate(faults[:20], start=1):
        zh = en = plain(fault["what"])
        if known := re.fullmatch(r"(.+?)(?:, round ([0-9]{1,16}))?", fault["what"]):
            what, in_round = known.groups()
            if what in FAULTS:
                zh = FAULTS[what] + (f"（第 {in_round} 轮替换）" if in_round else "")
        if "who" in fault:
            zh, en = f"{zh}：{plain(fault['who'])}", f"{en}: {plain(fault['who'])}"
        if "evidence" in fault:
            zh, en = f"{zh}，证据摘要 {fault['evidence']}", f"{en}, evidence {fault['evidence']}"
        add((f"异常 {number}：{zh}", f"fault {number}: {en}"))


# ---------------------------------------------------------------------------------------------------------------------
# Section 14: the program
# ---------------------------------------------------------------------------------------------------------------------


def verify(record_path: str, frame_paths: Sequence[str], keys: str | None = None, head: str | None = None) -> Report:
    """Check a record and give the report; raises nothing."""
    report, steps = Report(), Steps()
    try:
        record = read_json(record_path)
        outside = read_keys(keys) if keys is not None else None
        files = FrameFiles(frame_paths, steps)
        if head is not None and not re.fullmatch("[0-9a-f]{64}", head):
            raise Unreadable("--head 应为 64 位十六进制", "--head must be 64 lower-case hex characters")
        refuse_other_files(record)
        check_shape(record)
        manifest = record["manifest"]
        name = f"{manifest['draw']} / {manifest['attempt']}"
        report.title = (f"抽取 {name}，{manifest['hash']}", f"draw {name}, {manifest['hash']}")
        explain(record, keys, head, report)
        Verification(record, files, outside, report, steps).run(head)
    except Differs as difference:
        report.difference = difference
    except Unreadable as problem:
        report.unreadable = problem
    except TooMuch:
        report.not_checked("其余部分：计算量超过本程序的上限", "the rest: more work than this program allows itself")
    except MemoryError:
        report.not_checked("其余部分：内存不足", "the rest: more memory than this program allows itself")
    except OSError as problem:
        report.unreadable = Unreadable(f"读取中断：{plain(problem)}", f"reading failed: {plain(problem)}")
    return report


VERDICTS = {
    0: ("本版所载全部核验相符", "everything this edition holds was checked and agrees"),
    1: ("不符", "the record does not agree with the protocol"),
    2: ("无法读取", "unreadable"),
    3: ("有未核验的部分，其余相符", "something was not checked; the rest agrees"),
}


def write(report: Report, lang: str | None) -> Iterator[str]:
    """Put a report into lines, in Chinese, English or both."""

    def say(both: tuple[str, str], joint: str = " / ") -> str:
        if lang is None:
            return both[0] if both[0] == both[1] else joint.join(both)
        return both[lang == "en"]

    yield say(("JIDRAW/1 抽取记录核验", "JIDRAW/1 record verification"))
    if report.title[0]:
        yield say(report.title)
    for section in sorted(set(report.checked)):
        yield f"OK §{section} {say(SECTIONS[section])}"
    for both in report.not_held if not report.difference else ():
        yield f"-- {say(('本版未载', 'not held by this edition'))}: {say(both)}"
    mark = "NOT CHECKED" if lang == "en" else "NOT CHECKED 未核验"
    for both in report.unchecked:
        yield f"{mark}: {say(both)}"
    if report.difference:
        found = report.difference
        title = say(SECTIONS[found.section])
        yield f"DIFFERS §{found.section} {title}: {found.path}: {say((found.zh, found.en))}"
    if report.unreadable:
        yield f"UNREADABLE: {say((report.unreadable.zh, report.unreadable.en))}"
    if report.rests_on and not report.difference:
        yield say(("结果所依", "the result rests on")) + ":"
        for both in report.rests_on:
            yield f"  - {say(both)}"
    yield f"EXIT {report.exit_code}: {say(VERDICTS[report.exit_code])}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a record, print what was found, give the exit code."""
    parser = argparse.ArgumentParser(prog="verify_draw.py", description="Check a JIDRAW/1 draw record offline.")
    parser.add_argument("record", metavar="RECORD", help="the record (JSON)")
    parser.add_argument("frames", metavar="FRAME", nargs="*", help="the frame files")
    parser.add_argument("--keys", metavar="FILE", help="JSON file {agency or witness: key hex} from outside the record")
    parser.add_argument("--head", metavar="DIGEST", help="the newest published result digest")
    parser.add_argument("--lang", choices=("zh", "en"), help="one language instead of both")
    options = parser.parse_args(arguments)
    report = verify(options.record, options.frames, options.keys, options.head)
    try:
        for line in write(report, options.lang):
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as "| head" has; the exit code still tells
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return report.exit_code


def limit_memory() -> None:
    """Keep to the memory this program allows itself, where the system can enforce it."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    except (ImportError, OSError, ValueError):  # not a Unix system, or a lower limit is set already
        return


def run() -> int:
    """Run as a program: with bounded memory, and never ending in a traceback that looks like "differs"."""
    limit_memory()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return main()
    except Exception as mistake:  # a mistake in this program is neither agreement nor difference
        print(f"NOT CHECKED 未核验: {type(mistake).__name__}: {plain(mistake)}\nEXIT 3")
        return 3


if __name__ == "__main__":
    sys.exit(run())
