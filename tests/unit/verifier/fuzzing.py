"""Random mutations of the sample records: whatever is changed, the verifier answers, and accepts nothing that means another thing."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import verify_draw
from tests.unit.verifier.forge import SAMPLES

OTHER_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**53, 1.5, "", "x", "witness", "AJ", "0" * 64, "0" * 128, "\ud800", [], {}, [[]],
    {"__proto__": 1}, [None], "9164022100000000X", 10**30, "a" * 70, "A/640221/KY", {"witness": "0" * 128},
]  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """List every place of a JSON value: (container, key or index)."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        here = stack.pop()
        for key in here if isinstance(here, dict) else range(len(here)):
            found.append((here, key))
            if isinstance(here[key], (dict, list)):
                stack.append(here[key])
    return found


def mutate(record: Any, chance: random.Random) -> None:
    """Change one place of a record."""
    found = places(record)
    container, key = chance.choice(found)
    kind, value = chance.randrange(8), container[key]
    if kind == 0:
        del container[key]
    elif kind == 1:
        container[key] = chance.choice(OTHER_VALUES)
    elif kind == 2:
        container[key] = deepcopy(chance.choice(found)[0])
    elif kind == 3 and isinstance(container, list):
        container.insert(chance.randrange(len(container) + 1), deepcopy(value))
    elif kind == 4 and isinstance(container, list):
        chance.shuffle(container)
    elif kind == 5 and isinstance(container, dict):
        container[chance.choice(["AJ", "ZZ", "", "é", "a b", "note", "min"])] = deepcopy(value)
    elif isinstance(value, str) and value:
        at = chance.randrange(len(value))
        container[key] = value[:at] + chance.choice("0123456789abcdefXZ/\x00") + value[at + 1 :]
    elif isinstance(value, int):
        container[key] = value + chance.choice([-1, 1, 600, -600, 2**31, 2**53])
    else:
        container[key] = chance.choice(OTHER_VALUES)


def scribble(content: bytes, chance: random.Random) -> bytes:
    """Change some bytes of a file: others, more, fewer."""
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(len(changed) + 1)
        changed[at : at + chance.choice([0, 1, 1, 5])] = chance.randbytes(chance.choice([0, 1, 1, 2]))
    return bytes(changed)


def meaning(record: Any) -> Any:
    """Give a record without what need not be signed: words of faults and attempts, spare signatures under a round."""
    if not isinstance(record, dict):
        return record
    kept = {name: value for name, value in record.items() if name != "faults"}
    for part in ("attempts", "spent", "replacements"):
        if isinstance(kept.get(part), list):
            kept[part] = [
                {name: v for name, v in one.items() if name not in {"reason", "absent", "signatures"}}
                if isinstance(one, dict)
                else one
                for one in kept[part]
            ]
    if isinstance(kept.get("work"), dict):  # an agency without work may be left out
        kept["work"] = {agency: targets for agency, targets in kept["work"].items() if targets != {}}
    return kept


def newest_result(record: Any) -> str:
    """Give the digest that a record which was cut short does not end with."""
    return str((record["replacements"] or [record])[-1]["result_digest"])


@lru_cache(maxsize=4096)
def remembered(key: bytes, message: bytes, signature: bytes) -> bool:
    """Verify a signature once: most of a mutated record is as it was."""
    return VERIFY(key, message, signature)


VERIFY: Callable[[bytes, bytes, bytes], bool] = verify_draw.ed25519_verify


@dataclass
class Fuzzed:
    """What came of it: how often each exit code, the slowest answer, and what should not have been accepted."""

    codes: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    slowest_seconds: float = 0.0
    accepted_wrongly: list[str] = field(default_factory=list)


ROUNDS = ("replacements", "spent")
WITH_ROUNDS = ("public", "rounds", "spent-round", "unwitnessed")
"""Samples with a round that is closed, or one that came to nothing."""


def fuzz(count: int, seed: int, folder: Path, *, rounds_only: bool = False) -> Fuzzed:
    """
    Mutate the samples *count* times and verify each; the same seed gives the same mutations.

    Args:
        rounds_only: Change nothing but the replacement rounds, of the samples that have some.
    """
    chance, found, path = random.Random(seed), Fuzzed(), folder / "record.json"
    names = list(WITH_ROUNDS) if rounds_only else sorted(sample.name for sample in SAMPLES.iterdir())
    texts = {name: (SAMPLES / name / "record.json").read_text() for name in names}
    frames = {name: [str(frame) for frame in sorted((SAMPLES / name).glob("*.tsv"))] for name in names}
    meant = {name: meaning(json.loads(text)) for name, text in texts.items()}
    heads = {name: newest_result(json.loads(text)) for name, text in texts.items()}
    for number in range(count):
        name = names[number % len(names)]
        record = json.loads(texts[name])
        for _ in range(chance.choice([1, 1, 1, 2, 5])):
            mutate({part: record[part] for part in ROUNDS} if rounds_only else record, chance)
        path.write_text(json.dumps(record))
        started = time.process_time()

        report = verify_draw.verify(str(path), frames[name], head=heads[name])

        found.slowest_seconds = max(found.slowest_seconds, time.process_time() - started)
        found.codes[report.exit_code] += 1
        if report.exit_code == 0 and meaning(record) != meant[name]:
            found.accepted_wrongly.append(f"{name}, mutation {number} of seed {seed}")
    return found
