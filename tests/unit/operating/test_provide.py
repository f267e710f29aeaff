"""``tests/provide.py``: without a browser the suite still runs outside CI, says what is missing, and skips by name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import provide

ROOT = Path(__file__).parents[3]
WITHOUT_CHROMIUM = """
import shutil, sys
import pytest
found = shutil.which
shutil.which = lambda name, *rest, **options: None if "chromium" in name else found(name, *rest, **options)
sys.exit(pytest.main(["-q", "-rs", "-p", "no:cacheprovider", "tests/pages/test_browser.py"]))
"""


@pytest.fixture
def nothing_there(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without chromium, on which nothing may be installed."""
    monkeypatch.setattr(shutil, "which", lambda command: None)
    monkeypatch.delenv("ONEVISIT_CI", raising=False)
    return monkeypatch


def test_outside_ci_a_missing_browser_is_named_and_is_no_error(
    nothing_there: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provide.main() == 0
    assert "chromium fonts-noto-cjk" in capsys.readouterr().out


def test_under_ci_it_is_an_error(nothing_there: pytest.MonkeyPatch) -> None:
    nothing_there.setenv("ONEVISIT_CI", "1")

    assert provide.main() == 1


def test_what_is_there_is_not_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: f"/usr/bin/{command}")
    monkeypatch.setattr(subprocess, "run", None)

    assert provide.main() == 0


def test_without_a_browser_its_tests_are_skipped_and_say_what_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CHROMIUM],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "chromium is not installed" in done.stdout
    assert "passed" not in done.stdout
