"""What a service's tables are made of, and the wall between agencies that every person's session carries."""

from collections.abc import Set as AbstractSet
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeGuard

from sqlalchemy import (
    JSON,
    ColumnElement,
    Date,
    Executable,
    Select,
    String,
    Table,
    and_,
    delete,
    exists,
    inspect,
    or_,
    select,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    Session,
    mapped_column,
    with_loader_criteria,
)
from sqlalchemy.orm.state import InstanceState
from sqlalchemy.sql.base import ExecutableOption
from sqlalchemy.sql.selectable import ReturnsRows
from sqlalchemy.sql.visitors import ExternallyTraversible, iterate

from runtime.errors import Forbidden
from runtime.store.actor import Actor
from runtime.store.plumbing import Moment, shared_with
from runtime.store.upserts import upsert

ANNOTATIONS: dict[Any, Any] = {datetime: Moment, date: Date, dict[str, Any]: JSON, list[Any]: JSON}
"""For a service's ``Base``: ``class Base(DeclarativeBase): type_annotation_map = ANNOTATIONS``."""


class Owned:
    """A row of one agency, seen by others only where it is shared. Every owned table has a text primary key ``id``."""

    county: Mapped[str] = mapped_column(String(64))
    owner_agency: Mapped[str] = mapped_column(String(64), index=True)


class Open:
    """A row that everybody signed in may read; see ``OPEN_WRITES`` in ``tests/architecture/test_walls.py``."""


class OutsideTheWall(Forbidden):
    """The row belongs to another agency and is not shared for writing, or it has no owner."""

    code = "wall.foreign_row"


class StatementNotWalled(Forbidden):
    """A person's session may run ORM queries and flush rows, nothing else: other statements would pass the wall."""

    code = "wall.statement"


def share(session: Session, row: Owned, agency: str, *, write: bool = False) -> None:
    """Let *agency* see *row* from now on, and change it if *write*. Sharing again may widen, never narrow."""
    actor: Actor = session.info["actor"]
    if not actor.is_system and row.owner_agency != actor.agency:
        raise OutsideTheWall(table=_table(row), owner=row.owner_agency)
    connection = session.connection()
    line = {"table_name": _table(row), "row_id": _id(row), "agency": agency, "write": write}
    owner = {"county": row.county, "owner_agency": row.owner_agency}
    statement = upsert(connection, shared_with).values(**line, **owner)
    if write:
        statement = statement.on_conflict_do_update(
            index_elements=["table_name", "row_id", "agency"], set_={"write": True}
        )
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement)


def unshare(session: Session, row: Owned, agency: str) -> None:
    """Take back what *agency* was shared of *row*; nothing where nothing was."""
    actor: Actor = session.info["actor"]
    if not actor.is_system and row.owner_agency != actor.agency:
        raise OutsideTheWall(table=_table(row), owner=row.owner_agency)
    which = (shared_with.c.table_name == _table(row), shared_with.c.row_id == _id(row), shared_with.c.agency == agency)
    session.connection().execute(delete(shared_with).where(*which))


def add_wall(state: ORMExecuteState) -> None:
    """Restrict every query of a person to own and shared rows (listener of ``do_orm_execute``)."""
    actor: Actor = state.session.info["actor"]
    if actor.is_system:
        return
    if not state.is_orm_statement or not state.is_select:
        raise StatementNotWalled()
    if state.is_column_load or state.is_relationship_load:
        return
    sources = [part for part in iterate(_walked(state.statement)) if isinstance(part, ReturnsRows)]
    tables = frozenset(part.name for part in sources if isinstance(part, Table))
    wall = (state.session.info["base"], tables, actor.agency, actor.county)
    if _is_plain(state.statement, sources, tables):
        # The same SQL as by the options below, at half the cost: an option's parameters are copied for every execution.
        state.statement = state.statement.where(*_criteria(*wall))
    else:
        state.statement = state.statement.options(*_options(*wall))


def _is_plain(statement: object, sources: list[ReturnsRows], tables: AbstractSet[str]) -> TypeGuard[Select[Any]]:
    """Whether a statement reads one table, once, under its own name: no join, no alias, no subquery anywhere in it."""
    others = [part for part in sources if part is not statement and not isinstance(part, Table)]
    return isinstance(statement, Select) and len(tables) == 1 and not others


def _walked(statement: Executable) -> ExternallyTraversible:
    assert isinstance(statement, ExternallyTraversible)
    return statement


@lru_cache(maxsize=4096)
def _options(
    base: type[DeclarativeBase], tables: frozenset[str], agency: str, county: str
) -> tuple[ExecutableOption, ...]:
    # One plain criterion per owned table that stands anywhere in the statement, subqueries included (ADR 1).
    return tuple(
        with_loader_criteria(row, _visible(row, agency, county), include_aliases=True) for row in _owned(base, tables)
    )


@lru_cache(maxsize=4096)
def _criteria(
    base: type[DeclarativeBase], tables: frozenset[str], agency: str, county: str
) -> tuple[ColumnElement[bool], ...]:
    return tuple(_visible(row, agency, county) for row in _owned(base, tables))


def _owned(base: type[DeclarativeBase], tables: frozenset[str]) -> list[type]:
    """List the owned rows of *tables*; a statement without any table of its own (a relationship loaded later) gets all."""
    rows = [mapper.class_ for mapper in base.registry.mappers if issubclass(mapper.class_, Owned)]
    return [row for row in rows if row.__tablename__ in tables] if tables else rows  # type: ignore[attr-defined]


def _visible(row: Any, agency: str, county: str) -> ColumnElement[bool]:
    theirs = exists(
        select(shared_with.c.agency).where(
            shared_with.c.table_name == row.__tablename__,
            shared_with.c.row_id == row.id,
            shared_with.c.agency == agency,
        )
    )
    return and_(row.county == county, or_(row.owner_agency == agency, theirs))


def check_writes(session: Session, context: object, instances: object) -> None:
    """Refuse a foreign or missing owner (listener of ``before_flush``)."""
    actor: Actor = session.info["actor"]
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, Owned):
            continue
        if not row.owner_agency or not row.county:
            raise OutsideTheWall(table=_table(row), owner="")
        if actor.is_system or (row in session.dirty and not session.is_modified(row)):
            continue
        shared = row not in session.deleted and _may_write(session, row, actor)
        if row.county != actor.county or not (_was_mine(row, actor) or shared):
            raise OutsideTheWall(table=_table(row), owner=row.owner_agency)


def _was_mine(row: Owned, actor: Actor) -> bool:
    return row.owner_agency == actor.agency and _committed_owner(row) in (None, actor.agency)


def _committed_owner(row: Owned) -> str | None:
    inspected: InstanceState[Any] = inspect(row)
    if not inspected.has_identity:
        return None
    deleted = inspected.attrs.owner_agency.history.deleted
    return str(deleted[0]) if deleted else row.owner_agency


def _may_write(session: Session, row: Owned, actor: Actor) -> bool:
    inspected: InstanceState[Any] = inspect(row)
    if not inspected.has_identity or row.owner_agency != _committed_owner(row):
        return False
    found = session.connection().execute(
        select(shared_with.c.write).where(
            shared_with.c.table_name == _table(row),
            shared_with.c.row_id == _id(row),
            shared_with.c.agency == actor.agency,
        )
    )
    return bool(found.scalar())


def _table(row: Owned) -> str:
    return str(row.__tablename__)  # type: ignore[attr-defined]


def _id(row: Owned) -> str:
    return str(row.id)  # type: ignore[attr-defined]
