"""Fixtures for every tier."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Kit, a_kit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    """Ports in a temporary folder marked demo."""
    yield from a_kit(tmp_path)
