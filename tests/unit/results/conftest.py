"""A world per test."""

import pytest

from tests.kit import Kit
from tests.unit.results.world import World, a_world


@pytest.fixture
def world(kit: Kit) -> World:
    """A results service that has heard everything up to the draw; it is the first day of the inspection stage."""
    return a_world(kit)
