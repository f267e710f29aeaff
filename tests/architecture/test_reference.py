"""Reference pages are what the code says."""

from pathlib import Path

import pytest

from onevisit.reference import generated


@pytest.mark.parametrize(("path", "text"), [pytest.param(*pair, id=pair[0].name) for pair in generated()])
def test_a_reference_page_is_what_the_code_says(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run: python -m onevisit.reference"
