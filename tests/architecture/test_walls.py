"""Tables say what they are, rows have owners, and only runtime may act as the system."""

import importlib
import re
from pathlib import Path

import pytest
from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase

from runtime.store import Open, Owned
from runtime.store.digest import KINDS
from runtime.store.plumbing import metadata as plumbing

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("console", "planner", "drawer", "results", "notifier")


def base_of(service: str) -> type[DeclarativeBase]:
    base: type[DeclarativeBase] = importlib.import_module(f"services.{service}.tables").Base
    return base


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_says_whether_it_is_owned_a_projection_or_plumbing(service: str) -> None:
    kinds = {table.name: table.info.get("kind") for table in base_of(service).metadata.sorted_tables}

    assert {name for name, kind in kinds.items() if kind not in KINDS} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_business_row_is_behind_the_wall_or_open_on_purpose(service: str) -> None:
    bare = {
        mapper.class_.__name__
        for mapper in base_of(service).registry.mappers
        if not issubclass(mapper.class_, Owned | Open) and mapper.class_.__table__.info["kind"] != "plumbing"
    }

    assert bare == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_owned_row_has_a_text_id_and_an_owner_that_cannot_be_missing(service: str) -> None:
    for mapper in base_of(service).registry.mappers:
        if not issubclass(mapper.class_, Owned):
            continue
        table = mapper.local_table
        assert isinstance(table, Table)
        assert [column.name for column in table.primary_key] == ["id"], table.name
        assert not table.c.county.nullable, table.name
        assert not table.c.owner_agency.nullable, table.name


def test_plumbing_says_what_it_is() -> None:
    assert {table.info["kind"] for table in plumbing.tables.values()} <= set(KINDS)


def test_only_runtime_acts_as_the_system() -> None:
    pattern = re.compile(r"Actor\.system\(|kind=\"system\"")
    found = [
        str(path.relative_to(ROOT))
        for folder in ("services", "onevisit")
        for path in (ROOT / folder).rglob("*.py")
        if pattern.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []
