"""
Numbered, forward-only migrations (alembic), for a service's tables and for the plumbing beside them.

On SQLite everything runs on a connection with foreign keys off, in one BEGIN IMMEDIATE with transactional DDL and a
foreign-key check before the commit; a file that holds data is copied beside itself first.

``python -m runtime.store.migrate new <service> "<what changes>"`` writes the next migration of a service from the
difference between its tables and its migrations.

Alembic is imported by the functions that run or write a migration: it takes a third of a second, and a warm start,
with nothing to migrate, does without.
"""

import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase

from runtime.errors import OneVisitError, TryAgain
from runtime.store import plumbing
from runtime.store.away import lock_not_had
from runtime.store.database import Database

if TYPE_CHECKING:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

PLUMBING = Path(__file__).parent / "migrations"
PLUMBING_VERSIONS = "plumbing_version"
SERVICE_VERSIONS = "alembic_version"
REVISION_LENGTH = 32  # characters of a file's name that are its revision: what alembic's version column holds


class MigrationBroke(OneVisitError):
    """A migration would leave rows that point nowhere; nothing was changed."""

    code = "migration.foreign_keys"


class MigrationLocked(TryAgain):
    """Somebody's long transaction holds a table or the file; the migration gave up in time, so that nobody queues behind it."""

    code = "migration.locked"


def migrate(database: Database, migrations: Path, backups: Path | None = None) -> list[str]:
    """
    Bring *database* to the newest version; return the names of the migrations that ran.

    Args:
        database: A service's database.
        migrations: The service's folder of numbered files.
        backups: Where a copy of the file goes before anything changes; None keeps none.

    Raises:
        MigrationBroke: the foreign-key check failed; the file is as before.
        MigrationLocked: a lock was not to be had in time; nothing was changed, and it may be run again.
    """
    try:
        return _migrate(database, migrations, backups)
    except DBAPIError as error:
        if lock_not_had(error):
            raise MigrationLocked(database=str(database)) from error
        raise


def _migrate(database: Database, migrations: Path, backups: Path | None) -> list[str]:
    with database.migration_connection() as connection:
        steps = _steps(database, connection, migrations)
        connection.rollback()
        if not steps:
            return []
        if backups is not None:
            database.keep_copy(backups, f"before-{steps[-1]}")
        database.begin_migration(connection)
        _upgrade(connection, PLUMBING, PLUMBING_VERSIONS)
        _upgrade(connection, migrations, SERVICE_VERSIONS)
        database.raise_wall(connection)
        broken = database.dangling(connection)
        if broken:
            connection.rollback()
            raise MigrationBroke(tables=broken)
        connection.commit()
    connection.engine.dispose()
    return steps


def pending(database: Database, migrations: Path) -> list[str]:
    """Name the migrations that have not run yet, and the tables whose rows the database does not keep apart yet."""
    with database.migration_connection() as connection:
        found = _steps(database, connection, migrations)
    connection.engine.dispose()
    return found


def _steps(database: Database, connection: Connection, migrations: Path) -> list[str]:
    return [
        *_pending(connection, PLUMBING, PLUMBING_VERSIONS),
        *_pending(connection, migrations, SERVICE_VERSIONS),
        *(f"row security of {table}" for table in database.unwalled(connection)),
    ]


def _script(folder: Path) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(folder), version_locations=[str(folder)])


def newest(folder: Path) -> str | None:
    """Name the newest migration of *folder* by its file; None if there is none."""
    return max((file.stem[:REVISION_LENGTH] for file in folder.glob("[0-9]*.py")), default=None)


def _version(connection: Connection, versions: str) -> str | None:
    if not inspect(connection).has_table(versions):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {versions}")).scalar()  # noqa: S608
    return None if found is None else str(found)


def _pending(connection: Connection, folder: Path, versions: str) -> list[str]:
    current, ours = _version(connection, versions), newest(folder)
    if current == ours or _number(current) > _number(
        ours
    ):  # beyond what is known: this release works on under the next
        return []
    found = [revision.revision for revision in _script(folder).iterate_revisions("heads", current or "base")]
    return [name for name in reversed(found) if name != current]


def _number(revision: str | None) -> int:
    return int(revision.partition("_")[0]) if revision else 0


def _upgrade(connection: Connection, folder: Path, versions: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    script = _script(folder)

    def upgrade(revision: Any, context: "MigrationContext") -> Any:
        return script._upgrade_revs("heads", revision)

    with EnvironmentContext(Config(), script, fn=upgrade) as environment:
        environment.configure(connection=connection, version_table=versions, transactional_ddl=False)
        environment.run_migrations()


_TEMPLATE = '''"""{title}"""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """{title}"""
    {body}
'''


def write_next(folder: Path, base: MetaData, title: str, versions: str = SERVICE_VERSIONS) -> Path | None:
    """Write the next numbered migration: what *base* has beyond the migrations in *folder*; None if nothing differs."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext

    class Nothing(DeclarativeBase):
        """No tables."""

    with tempfile.TemporaryDirectory() as scratch:
        database = Database(Path(scratch) / "x.sqlite", Nothing)
        with database.migration_connection() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _upgrade(connection, folder, versions)
            others = {*plumbing.metadata.tables} - {*base.tables} | {SERVICE_VERSIONS, PLUMBING_VERSIONS}
            options = {
                "version_table": versions,
                "target_metadata": base,
                "include_name": lambda name, kind, parent: kind != "table" or name not in others,
                "render_as_batch": True,
                "user_module_prefix": "runtime.store.plumbing.",
            }
            context = MigrationContext.configure(connection, opts=options)
            difference = produce_migrations(context, base)
            connection.commit()
        connection.engine.dispose()
        database.close()
    if difference.upgrade_ops is None or difference.upgrade_ops.is_empty():
        return None
    body = render_python_code(
        difference.upgrade_ops, render_as_batch=True, user_module_prefix="runtime.store.plumbing."
    )
    script = _script(folder)
    head = script.get_current_head()
    number = 1 + len(list(script.walk_revisions()))
    name = f"{number:04d}_{'_'.join(title.lower().split())}"
    path = folder / f"{name}.py"
    path.write_text(
        _TEMPLATE.format(
            title=title[0].upper() + title[1:] + ".", revision=name[:REVISION_LENGTH], down=head, body=body.strip()
        ),
        encoding="utf-8",
    )
    (folder / "HEAD").write_text(name[:REVISION_LENGTH] + "\n", encoding="ascii")
    return path


def main(arguments: Sequence[str]) -> int:
    """Write the next migration of a service or of the plumbing."""
    if len(arguments) != 3 or arguments[0] != "new":
        print('usage: python -m runtime.store.migrate new <service|plumbing> "<what changes>"')
        return 2
    _, name, title = arguments
    if name == "plumbing":
        path = write_next(PLUMBING, plumbing.metadata, title, PLUMBING_VERSIONS)
    else:
        tables = importlib.import_module(f"services.{name}.tables")
        folder = Path(str(importlib.import_module(f"services.{name}").__file__)).parent / "migrations"
        path = write_next(folder, tables.Base.metadata, title)
    print(path or "nothing differs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
