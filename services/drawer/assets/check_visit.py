"""
Check the proof of one visit offline: python3 check_visit.py proof.json ROOT [STAFF-NUMBER SALT]

ROOT is the visits root (任务清单根) as you know it from elsewhere: the draw's page on the day, or the record once it is
open. STAFF-NUMBER and SALT (工号、随机数) are what an officer shows at the visit: they give one of the team's numbers,
or that officer was not drawn. Plain Python 3, no network. JIDRAW/1 sections 1, 3, 10 and 13; written apart from the
software that makes draws.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def turned(word: int, by: int) -> int:
    """Turn 32 bits left."""
    return ((word << by % 32) | (word >> (32 - by % 32))) & 0xFFFFFFFF


def sm3(data: bytes) -> bytes:
    """SM3 (GB/T 32905-2016), written out: many a Python comes without it."""
    state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    data += b"\x80" + bytes(-(len(data) + 9) % 64) + (8 * len(data)).to_bytes(8, "big")
    for start in range(0, len(data), 64):
        w = [int.from_bytes(data[at : at + 4], "big") for at in range(start, start + 64, 4)]
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ turned(w[j - 3], 15)
            w.append(x ^ turned(x, 15) ^ turned(x, 23) ^ turned(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = state
        for j in range(64):
            ss1 = turned((turned(a, 12) + e + turned(0x79CC4519 if j < 16 else 0x7A879D8A, j)) & 0xFFFFFFFF, 7)
            ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
            gg = e ^ f ^ g if j < 16 else (e & f) | (~e & g)
            one = (ff + d + (ss1 ^ turned(a, 12)) + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
            two = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
            a, b, c, d = one, a, turned(b, 9), c
            e, f, g, h = two ^ turned(two, 9) ^ turned(two, 17), e, turned(f, 19), g
        state = [state[at] ^ new for at, new in enumerate((a, b, c, d, e, f, g, h))]
    return b"".join(word.to_bytes(4, "big") for word in state)


def hashed(name: str, data: bytes) -> bytes:
    """H of section 1."""
    return sm3(data) if {"sha256": False, "sm3": True}[name] else hashlib.sha256(data).digest()


def tagged(name: str, tag: str, *parts: bytes) -> bytes:
    """TH of section 1."""
    told = (f"JIDRAW/1/{tag}".encode(), *parts)
    return hashed(name, b"".join(len(one).to_bytes(4, "big") + one for one in told))


def root_of(proof: dict[str, Any]) -> str:
    """Work out the visits root that the proof leads to."""
    name, path = proof["hash"], proof["path"]
    # JCS: keys ascending, no spaces; every key here is ASCII.
    entry = json.dumps(proof["entry"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    leaf = tagged(name, "visit", bytes.fromhex(proof["blind"]), proof["entity"].encode(), entry)
    node, place, width = hashed(name, b"\x00" + leaf), path["index"], path["size"]
    neighbours = [bytes.fromhex(one) for one in path["neighbours"]]
    if not 0 <= place < width:
        raise ValueError("the leaf has no place under the root")
    while width > 1:
        if place ^ 1 < width:  # else an odd node, which rises alone
            other = neighbours.pop(0)
            node = hashed(name, b"\x01" + (other + node if place % 2 else node + other))
        place, width = place // 2, (width + 1) // 2
    if neighbours:
        raise ValueError("the path is too long")
    return node.hex()


def agency_of(proof: dict[str, Any], staff_number: str, salt: str) -> str | None:
    """Say for which agency the officer who shows these was drawn; None: for none."""
    pid = tagged(proof["hash"], "pid", bytes.fromhex(salt), staff_number.encode()).hex()
    return next((agency for agency, (_, team) in sorted(proof["entry"].items()) if pid in team), None)


def main(file: str, root: str, staff_number: str | None = None, salt: str = "") -> int:
    """Say whether the proof holds, and whether the officer was drawn; 0: all of it."""
    try:
        proof = json.loads(Path(file).read_text(encoding="utf-8"))
        found = root_of(proof)
        sent = agency_of(proof, staff_number, salt) if staff_number is not None else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, MemoryError) as error:
        print(f"无法读取 / unreadable: {error!r}")
        return 2
    if found != root.strip().lower():
        print(f"不一致：证明得到的任务清单根是 {found} / differs: the proof leads to {found}")
        return 1
    print(f"一致：{proof['entity']} 的任务在这份清单里 / agrees: the visit to {proof['entity']} is in this list")
    for agency, (lines, team) in sorted(proof["entry"].items()):
        print(f"  {agency}: {', '.join(lines)} · {', '.join(pid or '—' for pid in team)}")
    if staff_number is None:
        return 0
    if sent is None:
        print(f"不一致：{staff_number} 不是抽中的人员 / differs: {staff_number} was not drawn for this visit")
        return 1
    print(f"一致：{staff_number} 是 {sent} 抽中的人员 / agrees: {staff_number} was drawn for {sent}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (3, 5) else __doc__)
