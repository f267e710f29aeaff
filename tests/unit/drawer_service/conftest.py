"""Fixtures: the county before its draw is opened, and one whose draw is done (read only, made once per module)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Kit
from tests.unit.drawer_service.county import County, a_county


@pytest.fixture
def county(kit: Kit) -> County:
    """A drawer that has heard of everything; the draw may be opened."""
    return a_county(kit)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A county whose draw is done and not disclosed; tests only read it."""
    folder: Path = tmp_path_factory.mktemp("drawn")
    kit = Kit(folder)
    county = a_county(kit)
    county.until_drawn()
    yield county
    kit.close()
