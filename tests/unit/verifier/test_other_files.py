"""A file that is handed out beside records and is none: both verifiers say what it is and what reads it, and end with 2."""

import json
import shutil
from pathlib import Path

import pytest

import verify_draw
from tests.unit.drawer.draws import SAMPLES
from tests.verifier_js import node

PROOF = {"v": "JIDRAW/1", "blind": "0" * 64, "entity": "E1", "entry": {}, "path": {}}
IMPORT = {"v": "onevisit-import/1", "verifiable": False, "selected": {}}


@pytest.mark.parametrize(
    ("file", "zh", "en"),
    [(PROOF, "check_visit.py", "check_visit.py reads it"), (IMPORT, "导入说明", "no tool can verify it")],
    ids=["proof of a visit", "statement on an import"],
)
def test_another_file_is_named_and_not_refused_by_its_shape(
    file: dict[str, object], zh: str, en: str, tmp_path: Path
) -> None:
    folder = tmp_path / "draw"
    shutil.copytree(SAMPLES / "public", folder)
    (folder / "record.json").write_text(json.dumps(file), encoding="utf-8")

    report = verify_draw.verify(str(folder / "record.json"), [], None, None)
    found = node.verified(folder)["draw"]

    assert report.exit_code == 2
    assert report.unreadable is not None
    assert zh in report.unreadable.zh
    assert en in report.unreadable.en
    assert found["exit"] == 2
    assert (found["unreadable"]["zh"], found["unreadable"]["en"]) == (report.unreadable.zh, report.unreadable.en)


@pytest.mark.parametrize("file", ["[]", "{}"])
def test_what_is_nothing_known_is_still_refused_by_its_shape(file: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(file, encoding="utf-8")

    assert verify_draw.verify(str(tmp_path / "record.json"), [], None, None).exit_code == 1
