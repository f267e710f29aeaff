"""The played county's draw as one archive from the command line, checked in an empty folder."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.scenario.playing import Played

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_operator_writes_the_archive_of_a_draw(undisturbed: Played, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"

    for edition in ("full", "public"):
        to = tmp_path / f"{edition}.zip"
        words = ("draw", "archive", "D-640221-2018-001", "--to", str(to), "--edition", edition)
        done = subprocess.run(
            [sys.executable, "-m", "onevisit", *words, "--home", str(undisturbed.home)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        with ZipFile(to) as made:
            made.extractall(folder / edition)
        sums = subprocess.run(
            ["sha256sum", "--strict", "-c", "digests.txt"], cwd=folder / edition, capture_output=True, text=True
        )
        assert sums.returncode == 0, sums.stdout
        command = [sys.executable, "-I", "verify_draw.py", "record.json", "frame.tsv", "--keys", "keys.json"]
        checked = subprocess.run(command, cwd=folder / edition, capture_output=True, text=True, env={})
        assert checked.returncode == 0, checked.stdout
    assert b'"onevisit.draw.disclosed.v1"' in (folder / "full" / "log" / "events.jsonl").read_bytes()
