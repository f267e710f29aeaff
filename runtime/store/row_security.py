"""
The second wall between agencies: PostgreSQL's row-level security, should the session's own (``rows.py``) have a hole.

Every transaction says for whom it is (``onevisit.agency``, ``onevisit.county``); one that says nothing sees no owned row. The
policies repeat the rules of ``rows.py``: seen is what is one's own or shared, changed what is one's own or shared for writing,
added and deleted only what is one's own.

A line of ``shared_with`` is seen by the agency it is for and by the row's owner, and written by the owner alone. That the row
it names is the owner's, two triggers look up as the system: at once, should the row be there, and in any case at the commit,
since a command may share what it has not yet flushed.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase

from runtime.store.actor import Actor
from runtime.store.plumbing import shared_with
from runtime.store.rows import Owned

SYSTEM = "*"  # in place of an agency: handlers, timers, migrations
_GENERATION = "wall1"  # in the names of the policies; another one when they change, so that they are made anew

# In parentheses with SELECT they are worked out once, not for every row.
_AGENCY = "(SELECT current_setting('onevisit.agency', true))"
_COUNTY = "(SELECT current_setting('onevisit.county', true))"
# … but for lines of `shared_with`, which the others' policies ask: a subquery there would be "infinite recursion" to PostgreSQL.
_AGENCY_PLAIN = "current_setting('onevisit.agency', true)"
_COUNTY_PLAIN = "current_setting('onevisit.county', true)"
_QUOTE = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


def walled_tables(base: type[DeclarativeBase]) -> list[Table]:
    """List what stands behind policies: the tables of owned rows, and with whom they are shared."""
    return [*owned_tables(base), shared_with]


def owned_tables(base: type[DeclarativeBase]) -> list[Table]:
    """List the tables of owned rows."""
    found = [mapper.local_table for mapper in base.registry.mappers if issubclass(mapper.class_, Owned)]
    return sorted((table for table in found if isinstance(table, Table)), key=lambda table: table.name)


def speak_for(connection: Connection, actor: Actor) -> None:
    """Say for whom the running transaction is."""
    agency = SYSTEM if actor.is_system else actor.agency
    connection.execute(_SPEAK_FOR, {"agency": agency, "county": actor.county})


def unwalled(connection: Connection, base: type[DeclarativeBase]) -> list[Table]:
    """List the tables that are there and not behind this release's policies."""
    walled = set(connection.scalars(_WALLED, {"policies": f"{_GENERATION}_%", "count": len(_policies("t"))}))
    there = set(connection.scalars(_THERE))
    return [table for table in walled_tables(base) if table.name in there - walled]


def raise_wall(connection: Connection, tables: Iterable[Table]) -> None:
    """Put *tables* behind this release's policies, and no other."""
    for table in tables:
        name = _QUOTE(table.name)
        for former in connection.scalars(_FORMER, {"table": table.name}).all():
            connection.exec_driver_sql(f"DROP POLICY {_QUOTE(former)} ON {name}")
        if table is shared_with:
            _know_owners(connection)
        connection.exec_driver_sql(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        for policy, rule in _policies(table.name):
            connection.exec_driver_sql(f"CREATE POLICY {_GENERATION}_{policy} ON {name} {rule}")


def _know_owners(connection: Connection) -> None:
    """Have every line of ``shared_with`` say whose its row is, those of the release before too, and say so truly."""
    for statement in _OWNERS:
        connection.execute(text(statement))


def _policies(table: str) -> list[tuple[str, str]]:
    return list(_rules_of_lines() if table == shared_with.name else _rules(_QUOTE(table), table))


def _rules_of_lines() -> Iterator[tuple[str, str]]:
    mine = f"(county = {_COUNTY_PLAIN} AND owner_agency = {_AGENCY_PLAIN})"
    yield "system", f"USING ({_AGENCY_PLAIN} = '{SYSTEM}')"
    yield "seen", f"FOR SELECT USING (county = {_COUNTY_PLAIN} AND {_AGENCY_PLAIN} IN (agency, owner_agency))"
    yield "added", f"FOR INSERT WITH CHECK ({mine})"
    yield "changed", f"FOR UPDATE USING ({mine}) WITH CHECK ({mine})"
    yield "deleted", f"FOR DELETE USING ({mine})"


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


_PERSON = f"{_AGENCY_PLAIN} IS DISTINCT FROM '{SYSTEM}'"
_OWNERS = (
    # As the system, whoever asks: what an agency may not see must not look as if it were not there. (Set and set back: only a
    # superuser may make a function with a setting of ours. After an error the transaction's end sets it back.)
    f"""
    CREATE OR REPLACE FUNCTION owner_of_shared(of_table text, of_row text, OUT county text, OUT agency text)
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE asks text := {_AGENCY_PLAIN};
    BEGIN
        PERFORM set_config('onevisit.agency', '{SYSTEM}', true);
        EXECUTE format('SELECT county, owner_agency FROM %I WHERE id = $1', of_table)
        INTO county, agency USING of_row;
        PERFORM set_config('onevisit.agency', asks, true);
    END $$
    """,  # noqa: S608
    # A release before says no owner: a person shares what is its own, a handler's line is filled in at the commit.
    """
    CREATE OR REPLACE FUNCTION shared_by_whom() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.county := current_setting('onevisit.county', true);
        NEW.owner_agency := current_setting('onevisit.agency', true);
        RETURN NEW;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION shared_later_filled() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE shared_with SET (county, owner_agency) =
            (SELECT owner.county, owner.agency FROM owner_of_shared(table_name, row_id) AS owner)
        WHERE table_name = NEW.table_name AND row_id = NEW.row_id AND agency = NEW.agency;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION shared_by_owner() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE owner record;
    BEGIN
        owner := owner_of_shared(NEW.table_name, NEW.row_id);
        IF owner.agency IS NULL AND TG_ARGV[0] = 'at once' THEN
            RETURN NULL;
        END IF;
        IF (owner.county, owner.agency) IS DISTINCT FROM (NEW.county::text, NEW.owner_agency::text) THEN
            RAISE EXCEPTION 'row-level security: only its owner shares a row of %', NEW.table_name
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE OR REPLACE TRIGGER shared_1_by_whom BEFORE INSERT ON shared_with FOR EACH ROW
    WHEN (NEW.owner_agency IS NULL AND {_PERSON}) EXECUTE FUNCTION shared_by_whom()
    """,
    f"""
    CREATE OR REPLACE TRIGGER shared_2_at_once AFTER INSERT OR UPDATE ON shared_with FOR EACH ROW
    WHEN ({_PERSON}) EXECUTE FUNCTION shared_by_owner('at once')
    """,
    "DROP TRIGGER IF EXISTS shared_3_at_commit ON shared_with",
    f"""
    CREATE CONSTRAINT TRIGGER shared_3_at_commit AFTER INSERT OR UPDATE ON shared_with DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ({_PERSON}) EXECUTE FUNCTION shared_by_owner('at commit')
    """,
    "DROP TRIGGER IF EXISTS shared_4_filled ON shared_with",
    f"""
    CREATE CONSTRAINT TRIGGER shared_4_filled AFTER INSERT ON shared_with DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.owner_agency IS NULL AND NOT ({_PERSON})) EXECUTE FUNCTION shared_later_filled()
    """,
    """
    UPDATE shared_with SET (county, owner_agency) =
        (SELECT owner.county, owner.agency FROM owner_of_shared(table_name, row_id) AS owner)
    WHERE owner_agency IS NULL AND to_regclass(quote_ident(table_name)) IS NOT NULL
    """,
)
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
