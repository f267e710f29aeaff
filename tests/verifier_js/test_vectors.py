"""Every worked value of the protocol is reproduced by the page's verifier, through its own functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.verifier.forge import SAMPLES, sample_of_vectors, vectors
from tests.verifier_js.node import computed

TEAMS = sorted(name for name in vectors() if name.startswith("teams_"))
ROUNDS: Any = json.loads((SAMPLES / "rounds" / "record.json").read_text())


def raw(text: str) -> dict[str, str]:
    """Say that a part is bytes, given in hex."""
    return {"hex": text}


def th(tag: str, *parts: Any, hash: str = "sha256") -> dict[str, Any]:
    return {"do": "th", "hash": hash, "tag": tag, "parts": list(parts)}


def jcs(value: Any) -> dict[str, str]:
    """Give canonical JSON, made by Python, as bytes: everything in the samples is ASCII."""
    return raw(json.dumps(value, sort_keys=True, separators=(",", ":")).encode().hex())


def of_hashing() -> Iterator[tuple[Any, Any]]:
    """Pairs of request and expected value for §§1, 3, 5 and 8."""
    given = vectors()
    yield th("x"), given["TH(x)"]
    yield th("x", "ab", "c"), given["TH(x,ab,c)"]
    yield th("x", "a", "bc"), given["TH(x,a,bc)"]
    yield th("x", "", 7), given['TH(x,"",7)']
    yield th("x", None, 7), given['TH(x,"",7)']
    yield th("x", "ab", "c", hash="sm3"), given["sm3 TH(x,ab,c)"]
    ticket = f"{given['ticket']['key']}|{given['ticket']['id']}"
    yield {"do": "h", "of": ticket}, given["ticket"]["ticket"]
    yield {"do": "h", "hash": "sm3", "of": ticket}, given["sm3 ticket"]
    yield th("pid", raw(given["pid"]["salt"]), given["pid"]["staff"]), given["pid"]["pid"]
    for n, root in given["merkle"]["roots"].items():
        yield {"do": "tree", "leaves": [f"chunk {i}\n" for i in range(int(n))]}, root
    for j, z in enumerate(given["chain"]["z"]):
        yield {"do": "chain", "of": given["chain"]["x"], "times": 3 - j}, z


def of_the_sample() -> Iterator[tuple[Any, Any]]:
    """Pairs of request and expected value for the messages, keys and digests of the sample with rounds."""
    given, record = sample_of_vectors(), ROUNDS
    m, cd, rd = raw(record["manifest_digest"]), raw(record["commits_digest"]), raw(record["seal"]["digest"])
    yield th("manifest", jcs(record["manifest"])), given["manifest_digest"]
    yield {"do": "h", "of": jcs(record["manifest"])}, given["manifest_jcs_sha256"]
    for shard, leaf in zip(record["manifest"]["frame"]["shards"], given["shard_leaves"], strict=True):
        yield th("shard", shard["shard"], shard["n"], raw(shard["digest"]), raw(shard["root"])), leaf
    commitment, secret = raw(record["commits"]["AJ"]["c"]), raw(record["reveals"]["AJ"]["value"])
    yield th("commit-msg", m, "AJ", commitment), given["commit_msg_AJ"]
    yield th("cd-msg", m, cd), given["cd_msg"]
    yield th("reveal-msg", m, cd, "AJ", secret), given["reveal_msg_AJ"]
    yield th("seal", m, cd, rd, record["seal"]["at"]), given["seal_msg"]
    yield th("dice-msg", m, cd, rd, raw(record["beacons"][0]["value"])), given["dice_msg"]
    yield {"do": "key", "seed": record["seed"], "parts": ["target"]}, given["K_target"]
    for agency, key in given["K_team"].items():
        yield {"do": "key", "seed": record["seed"], "parts": ["team", agency]}, key
    first = given["first_visit"]
    yield th("blind", raw(record["seed"]), first["id"]), first["blind"]
    yield th("visit", raw(first["blind"]), first["id"], first["jcs"]), first["leaf_data"]
    yield {"do": "canonical", "of": json.loads(first["jcs"])}, first["jcs"]


def of_its_rounds() -> Iterator[tuple[Any, Any]]:
    """Pairs of request and expected value for the first round of the sample, and for its pids."""
    given, entry = sample_of_vectors(), ROUNDS["replacements"][0]
    d, rd = raw(given["D_1"]), raw(entry["seal"]["digest"])
    yield th("removal", raw(ROUNDS["manifest_digest"]), 1, jcs(entry["rho"])), given["D_1"]
    yield th("removal-msg", d), given["removal_msg_1"]
    yield th("reveal-msg", d, "AJ", raw(entry["reveals"]["AJ"]["value"])), given["reveal_msg_1_AJ"]
    yield th("seal", d, rd, entry["seal"]["at"]), given["seal_msg_1"]
    yield th("dice-msg", d, rd, raw(entry["beacons"][0]["value"])), given["dice_msg_1"]
    yield {"do": "key", "seed": entry["seed"], "parts": ["target"]}, given["K_target_1"]
    for agency, x in given["secrets_x"].items():
        length = ROUNDS["manifest"]["chain_len"]
        yield {"do": "chain", "of": x, "times": length}, ROUNDS["reveals"][agency]["value"]
        yield {"do": "chain", "of": x, "times": length - 1}, entry["reveals"][agency]["value"]
    for agency, salts in given["salts"].items():
        for staff, salt in salts.items():
            yield th("pid", raw(salt), staff), given["pids"][agency][staff]


@pytest.mark.parametrize("pairs", [of_hashing, of_the_sample, of_its_rounds])
def test_values_of_hashing_messages_and_keys(pairs: Any) -> None:
    expected = list(pairs())

    answers = computed(request for request, _ in expected)

    assert [answer.get("answer") for answer in answers] == [value for _, value in expected]


def test_quotas() -> None:
    given = vectors()["quotas"]

    answers = computed(
        {"do": "quotas", "seed": vectors()["quota_seed"], "cells": one["cells"], "rule": one["rule"]} for one in given
    )

    assert [one["answer"] for one in answers] == [
        {part: one[part] for part in ("order", "U", "quota")} for one in given
    ]


def test_teams() -> None:
    parts = ("key", "slots", "roster", "recused")

    answers = computed({"do": "teams", **{part: vectors()[name][part] for part in parts}} for name in TEAMS)

    for name, answer in zip(TEAMS, answers, strict=True):
        expected = {part: vectors()[name][part] for part in ("assigned", "augmentations", "levellings", "loads")}
        assert answer["answer"] == expected, name


def test_the_hashes_agree_with_libraries_at_every_length_around_a_block() -> None:
    texts = [
        bytes(range(256))[:n] * (1 + n // 200) for n in [0, 1, 54, 55, 56, 57, 63, 64, 65, 111, 112, 119, 127, 128, 250]
    ]
    names = [("sha256", "h"), ("sm3", "h"), ("sha512", "sha512")]

    for name, do in names:
        asked = [{"do": do, "hash": name, "of": raw(t.hex()) if do == "h" else t.hex()} for t in texts]
        if name == "sm3" and "sm3" not in hashlib.algorithms_available:
            continue
        assert [one["answer"] for one in computed(asked)] == [hashlib.new(name, text).hexdigest() for text in texts]
