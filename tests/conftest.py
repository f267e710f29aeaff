"""Fixtures for every tier."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kit import Kit, a_kit

pytest_plugins = ("tests.tier.plugin",)

settings.register_profile("onevisit", deadline=None)  # machines are noisy: a slow example is no wrong example
settings.load_profile("onevisit")


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    """Ports in a temporary folder marked demo."""
    yield from a_kit(tmp_path)
