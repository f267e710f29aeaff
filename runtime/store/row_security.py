"""
The second wall between agencies: PostgreSQL's row-level security, should the session's own (``rows.py``) have a hole.

Every transaction says for whom it is (``onevisit.agency``, ``onevisit.county``); one that says nothing sees no owned row. The
policies repeat the rules of ``rows.py``: seen is what is one's own or shared, changed what is one's own or shared for writing,
added and deleted only what is one's own. ``shared_with`` is left open: it holds ids, and sharing writes it.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase

from runtime.store.actor import Actor
from runtime.store.rows import Owned

SYSTEM = "*"  # in place of an agency: handlers, timers, migrations
_GENERATION = "wall1"  # in the names of the policies; another one when they change, so that they are made anew

# In parentheses with SELECT they are worked out once, not for every row.
_AGENCY = "(SELECT current_setting('onevisit.agency', true))"
_COUNTY = "(SELECT current_setting('onevisit.county', true))"
_QUOTE = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


def owned_tables(base: type[DeclarativeBase]) -> list[Table]:
    """List the tables of owned rows."""
    found = [mapper.local_table for mapper in base.registry.mappers if issubclass(mapper.class_, Owned)]
    return sorted((table for table in found if isinstance(table, Table)), key=lambda table: table.name)


def speak_for(connection: Connection, actor: Actor) -> None:
    """Say for whom the running transaction is."""
    agency = SYSTEM if actor.is_system else actor.agency
    connection.execute(_SPEAK_FOR, {"agency": agency, "county": actor.county})


def unwalled(connection: Connection, base: type[DeclarativeBase]) -> list[Table]:
    """List the tables of owned rows that are there and not behind this release's policies."""
    walled = set(connection.scalars(_WALLED, {"policies": f"{_GENERATION}_%", "count": len(_policies("t"))}))
    there = set(connection.scalars(_THERE))
    return [table for table in owned_tables(base) if table.name in there - walled]


def raise_wall(connection: Connection, tables: Iterable[Table]) -> None:
    """Put *tables* behind this release's policies, and no other."""
    for table in tables:
        name = _QUOTE(table.name)
        for former in connection.scalars(_FORMER, {"table": table.name}).all():
            connection.exec_driver_sql(f"DROP POLICY {_QUOTE(former)} ON {name}")
        connection.exec_driver_sql(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        for policy, rule in _policies(table.name):
            connection.exec_driver_sql(f"CREATE POLICY {_GENERATION}_{policy} ON {name} {rule}")


def _policies(table: str) -> list[tuple[str, str]]:
    return list(_rules(_QUOTE(table), table))


def _rules(name: str, table: str) -> Iterator[tuple[str, str]]:
    mine = f"({name}.county = {_COUNTY} AND {name}.owner_agency = {_AGENCY})"

    def shared(more: str = "") -> str:
        return (
            f"({name}.county = {_COUNTY} AND EXISTS (SELECT FROM shared_with WHERE table_name = '{table}'"
            f" AND row_id = {name}.id AND agency = {_AGENCY}{more}))"
        )

    writable = f"{mine} OR {shared(' AND write')}"
    yield "system", f"USING ({_AGENCY} = '{SYSTEM}')"
    yield "seen", f"FOR SELECT USING ({mine} OR {shared()})"
    yield "added", f"FOR INSERT WITH CHECK ({mine})"
    yield "changed", f"FOR UPDATE USING ({writable}) WITH CHECK ({writable})"
    yield "deleted", f"FOR DELETE USING ({mine})"


_SPEAK_FOR = text("SELECT set_config('onevisit.agency', :agency, true), set_config('onevisit.county', :county, true)")
_THERE = text("SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'")
_WALLED = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relforcerowsecurity"
    " AND relrowsecurity AND :count = (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid)"
    " AND :count = (SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid AND polname LIKE :policies)"
)
_FORMER = text(
    "SELECT polname FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid"
    " WHERE relnamespace = current_schema()::regnamespace AND relname = :table"
)
