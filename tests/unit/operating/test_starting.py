"""What a start imports: `make demo` has its server and its player started before it imports the system itself."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
HEAVY = ("sqlalchemy", "fastapi", "alembic", "httpx", "services", "structlog")


def imported_by(statement: str) -> set[str]:
    """Run *statement* in a process of its own and name the heavy packages it brought in."""
    code = f"{statement}\nimport sys\nprint(*({{*{HEAVY!r}}} & {{*sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_the_command_line_imports_nothing_heavy() -> None:
    assert imported_by("import onevisit.cli") == set()


def test_a_warm_start_imports_neither_alembic_nor_the_players_client() -> None:
    statement = "import onevisit.cli, onevisit.system, onevisit.serving, onevisit.demo.county"

    assert imported_by(statement) == {"sqlalchemy", "fastapi", "services", "structlog"}


def test_the_player_imports_nothing_of_the_county() -> None:
    assert imported_by("import onevisit.demo.play") & {"sqlalchemy", "fastapi", "services"} == set()
