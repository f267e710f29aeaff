"""A county's draw is verified in seconds; the guard is ten times what a slow machine needs."""

from __future__ import annotations

import time
from pathlib import Path

from tests.unit.verifier import forge
from tests.unit.verifier.forge import Case


def county(entities: int) -> Case:
    """Hold a draw over a frame of many entities in two shards, one in twenty drawn."""
    case = forge.base()
    strata = ("A/640221/HY", "A/640221/KY", "B/640221/HY", "B/640221/KY", "C/640221/HY")
    rows = [
        f"91640221{number:09d}X\t{strata[number * 7 % 5]}\tAJ-01,{'GA-01,' if number % 3 else ''}JT-01,SJ-01\n"
        for number in range(entities)
    ]
    half = entities // 2
    case.frames["frame-640221.tsv"] = "".join(rows[:half]).encode()
    case.frames["frame-640222.tsv"] = "".join(rows[half:]).encode()
    for selection in case.manifest["selections"]:
        selection["rules"] = {name: {"rate": [1, 20]} for name in "ABC"}
    for team in case.record["teams"].values():
        for entry in team["roster"].values():
            entry[1] = entities
    forge.enroll(case)
    forge.reframe(case)
    forge.resize(case)
    forge.anew(case)
    return case


def test_a_hundred_thousand_entities_are_verified_in_seconds(tmp_path: Path) -> None:
    case = county(100_000)
    started = time.monotonic()

    report = case.verify(tmp_path)

    assert report.difference is None
    assert report.exit_code == 0
    assert time.monotonic() - started < 20
