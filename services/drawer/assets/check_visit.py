"""
Check the proof of one visit offline: python3 check_visit.py proof.json ROOT

ROOT is the visits root (任务清单根) as you know it from elsewhere: the draw's page on the day, or the record once it is
open. Plain Python 3, no network. JIDRAW/1 sections 1, 10 and 13; written apart from the software that makes draws.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any


def hashed(name: str, data: bytes) -> bytes:
    """H of section 1."""
    return hashlib.new({"sha256": "sha256", "sm3": "sm3"}[name], data).digest()


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


def main(file: str, root: str) -> int:
    """Say whether the proof holds; 0: it does."""
    try:
        proof = json.loads(Path(file).read_text(encoding="utf-8"))
        found = root_of(proof)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        print(f"无法读取 / unreadable: {error!r}")
        return 2
    if found != root.strip().lower():
        print(f"不一致：证明得到的任务清单根是 {found} / differs: the proof leads to {found}")
        return 1
    print(f"一致：{proof['entity']} 的任务在这份清单里 / agrees: the visit to {proof['entity']} is in this list")
    for agency, (lines, team) in sorted(proof["entry"].items()):
        print(f"  {agency}: {', '.join(lines)} · {', '.join(pid or '—' for pid in team)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 3 else __doc__)
