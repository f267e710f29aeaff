"""
Drawer, Python verifier and browser verifier on thousands of whole random draws: no difference.

The drawer makes the record, the two verifiers compute every value of it again from record and frame alone. Signatures
are taken as good here, for they would take nineteen parts in twenty of the time; test_draws.py and
tests/verifier_js/test_agreement.py check them too, on fewer draws. The number grows with ``ONEVISIT_PROPERTY``.
"""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

import verify_draw
from tests.property.test_teams import TIMES
from tests.property.whole_draws import a_draw
from tests.verifier_js.node import Replacement, verified

PARTS, DRAWS = 4, 510
"""Parts that can run beside one another, and draws in each."""
SIGNATURES: Replacement = ("if (!verifyEd25519(unhex(party.get('key')), message, unhex(signature))) {", "if (false) {")
EXPECTED = (
    "rounds",
    "spent",
    "open slots",
    "several shards",
    "empty selections",
    "odd identifiers",
    "sm3",
    "one agency",
)


@pytest.mark.parametrize("part", range(PARTS))
def test_three_implementations_agree_on_whole_draws(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw, "ed25519_verify", lambda key, message, signature: True)
    chance, seen, due = random.Random(5_000 + part), Counter[str](), {}
    for number in range(DRAWS * TIMES):
        played = a_draw(chance)
        edition, content = ("public", played.public) if number % 3 == 2 else ("full", played.full)
        folder = tmp_path / f"{number:05d}-{edition}"
        folder.mkdir()
        (folder / "record.json").write_bytes(content)
        frames = [folder / f"{place}.tsv" for place in range(len(played.files))]
        for path, file in zip(frames, played.files, strict=True):
            path.write_bytes(file)

        report = verify_draw.verify(str(folder / "record.json"), [str(path) for path in frames])

        assert (report.exit_code, report.difference) == (0, None), folder.name
        due[folder.name] = 0
        seen.update(kinds_of(json.loads(content)))
        seen["spent"] += played.spent > 0

    reports = verified(tmp_path, without=[SIGNATURES])

    assert {name: report["exit"] for name, report in reports.items()} == due
    print(f"part {part}: {len(due)} draws, 0 differences; {dict(sorted(seen.items()))}")
    assert min(seen[kind] for kind in EXPECTED) > 20


def kinds_of(record: dict[str, object]) -> Counter[str]:
    """Say what is special about a draw."""
    text, manifest, is_open = json.dumps(record), record["manifest"], "null" in json.dumps(record["teams"])
    assert isinstance(manifest, dict)
    assert isinstance(record["selected"], dict)
    return Counter(
        {
            "rounds": bool(record["replacements"]),
            "open slots": is_open,
            "complete teams": not is_open,
            "several shards": len(manifest["frame"]["shards"]) > 1,
            "empty selections": {} in record["selected"].values(),
            "odd identifiers": "__proto__" in text,
            "sm3": manifest["hash"] == "sm3",
            "one agency": len(manifest["agencies"]) == 1,
        }
    )


@pytest.mark.parametrize(
    "spoilt",
    [
        ("offset * total", "0n"),
        ("sort((a, b) => compareBytes(a.at, b.at))", "sort((a, b) => (a.stratum < b.stratum ? -1 : 1))"),
        ("this.level();\n", "\n"),
    ],
    ids=["no rounding offset", "cells in one fixed order", "no levelling"],
)
def test_an_implementation_that_computes_otherwise_is_noticed(spoilt: Replacement, tmp_path: Path) -> None:
    chance = random.Random(6_000)
    for number in range(60):
        played = a_draw(chance)
        folder = tmp_path / f"{number:02d}"
        folder.mkdir()
        (folder / "record.json").write_bytes(played.full)
        for place, file in enumerate(played.files):
            (folder / f"{place}.tsv").write_bytes(file)

    reports = verified(tmp_path, without=[SIGNATURES, spoilt])

    assert 0 < sum(report["exit"] != 0 for report in reports.values()) < 60
