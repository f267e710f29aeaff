"""Fixtures of the planner's tests: a county is made once, and copied for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Kit
from tests.unit.planner.world import World, a_world


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a county: rules and registers, no campaign yet."""
    folder = tmp_path_factory.mktemp("county")
    kit = Kit(folder)
    a_world(kit)
    kit.close()
    return folder


@pytest.fixture
def world(county: Path, tmp_path: Path) -> Iterator[World]:
    """A county with rules and registers, no campaign yet."""
    folder = tmp_path / "county"
    shutil.copytree(county, folder)
    kit = Kit(folder)
    yield World(kit, already=100)
    kit.close()


@pytest.fixture
def bare(kit: Kit) -> World:
    """A county with its bodies and rules, registers empty."""
    return World(kit).bodies().rules()
