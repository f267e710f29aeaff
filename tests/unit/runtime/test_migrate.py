"""Which migration is the newest is read from the files' names; alembic is asked only when there is something to do."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.store.migrate import PLUMBING, migrate, newest, pending
from schemas.vocabulary import SERVICES
from tests.conformance import toy
from tests.kit import Kit

ROOT = Path(__file__).parent.parent.parent.parent
FOLDERS = [PLUMBING, *(ROOT / "services" / name / "migrations" for name in SERVICES)]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_the_newest_file_is_alembics_head_and_what_head_says(folder: Path) -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder), version_locations=[str(folder)])

    assert newest(folder) == script.get_current_head() == (folder / "HEAD").read_text(encoding="ascii").strip()
    for file in folder.glob("[0-9]*.py"):
        assert script.get_revision(file.stem[:32]).path == str(file)


def test_files_added_later_are_pending_until_they_have_run(kit: Kit) -> None:
    service = toy.set_up(toy.listener(kit.ports, kit.folder))
    kit.services.append(service)
    assert pending(service.db, service.migrations) == []

    before = None
    for name in ("0001_x", "0002_y"):
        lines = [f"revision = {name!r}", f"down_revision = {before!r}", "", "def upgrade() -> None: ..."]
        (service.migrations / f"{name}.py").write_text("\n".join(lines), encoding="utf-8")

        assert pending(service.db, service.migrations) == [name]
        assert migrate(service.db, service.migrations) == [name]
        assert pending(service.db, service.migrations) == []
        before = name


def test_a_database_that_the_next_release_has_migrated_has_nothing_pending_here(kit: Kit) -> None:
    service = toy.set_up(toy.listener(kit.ports, kit.folder))
    kit.services.append(service)
    files = [service.migrations / f"{name}.py" for name in ("0001_x", "0002_y")]
    for file, before in zip(files, (None, "0001_x"), strict=True):
        lines = [f"revision = {file.stem!r}", f"down_revision = {before!r}", "", "def upgrade() -> None: ..."]
        file.write_text("\n".join(lines), encoding="utf-8")
    assert migrate(service.db, service.migrations) == ["0001_x", "0002_y"]

    files[1].unlink()

    assert pending(service.db, service.migrations) == []
    assert migrate(service.db, service.migrations) == []


def test_looking_for_pending_migrations_does_without_alembic() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, runtime.store.migrate; sys.exit('alembic' in sys.modules)"],
        cwd=ROOT,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0


def test_every_service_has_a_folder_of_migrations() -> None:
    for name in SERVICES:
        assert importlib.import_module(f"services.{name}.tables").Base
        assert newest(ROOT / "services" / name / "migrations") is not None
