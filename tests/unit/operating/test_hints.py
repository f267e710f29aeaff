"""Commands that a hint or a page of the docs names are commands that work where `make run` works."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from onevisit.hints import DEFAULT_HOME, command
from tests.unit.operating.conftest import ROOT, Command

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "README.zh-CN.md"]
MESSAGES = sorted(file for part in ("runtime", "services", "onevisit") for file in (ROOT / part).rglob("messages.toml"))
NAMED = re.compile(r"onevisit ((?:dead|waiting|events|draw) [a-z]+|doctor|replay|migrate|demo|up)\b")


def test_a_hint_can_be_typed_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    line = command("dead ls", tmp_path / "a folder")
    ran = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=60)

    assert ran.returncode == 2
    assert "[home.not_there]" in ran.stderr
    assert "a folder" in ran.stderr


def test_a_hint_is_short_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", str(ROOT / ".venv" / "bin" / "python"))
    assert command("doctor", DEFAULT_HOME) == ".venv/bin/python -m onevisit doctor"

    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert command("doctor", DEFAULT_HOME) == "/usr/bin/python3 -m onevisit doctor"


@pytest.mark.parametrize("file", [*PAGES, *MESSAGES], ids=lambda file: str(file.relative_to(ROOT)))
def test_pages_and_sentences_name_commands_that_there_are(file: Path, onevisit: Command) -> None:
    text = file.read_text(encoding="utf-8")

    assert re.findall(r"(?<!\.venv/bin/)python -m onevisit(?![.])", text) == []
    for words in {found.group(1) for found in NAMED.finditer(text)}:
        assert onevisit(*words.split(), "--help").code == 0, words


def test_what_stands_for_the_command_is_said_where_it_is_used() -> None:
    for name in ("operate.md", "operate.zh-CN.md"):
        assert "`bin/onevisit --help`" in (ROOT / "docs" / "howto" / name).read_text(encoding="utf-8")
