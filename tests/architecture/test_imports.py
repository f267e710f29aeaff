"""The house's import rules, each broken on purpose once to see that it holds."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("console", "planner", "drawer", "results", "notifier")

DOMAIN_MAY_IMPORT = {
    *("__future__", "abc", "base64", "bisect", "collections", "collections.abc", "contextlib", "copy", "dataclasses"),
    *(
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "ipaddress",
        "itertools",
        "json",
        "math",
    ),
    *("operator", "re", "string", "struct", "types", "typing", "unicodedata", "urllib.parse", "zoneinfo"),
    *("schemas.vocabulary", "runtime.errors", "runtime.time.workdays"),
}
DOMAIN_MAY_NOT_CALL = {"now", "today", "utcnow", "open", "eval", "exec", "__import__"}


def offences(source: str, package: str) -> Iterator[str]:
    """Name what a module of ``services.<x>.domain`` imports or calls beyond the allow-list."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [package if node.level else str(node.module)]
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in DOMAIN_MAY_NOT_CALL:
                yield f"line {node.lineno}: calls {called}()"
        for name in names:
            if name not in DOMAIN_MAY_IMPORT and not f"{name}.".startswith(f"{package}."):
                yield f"line {getattr(node, 'lineno', 0)}: imports {name}"


def domain_files() -> list[Path]:
    return sorted(path for service in SERVICES for path in (ROOT / "services" / service / "domain").rglob("*.py"))


@pytest.mark.parametrize("path", domain_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_domain_is_pure(path: Path) -> None:
    package = f"services.{path.relative_to(ROOT / 'services').parts[0]}.domain"

    assert list(offences(path.read_text(encoding="utf-8"), package)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import secrets",
        "import socket",
        "from pathlib import Path",
        "from services.planner.tables import Campaign",
        "from services.results.domain import x",
        "import sqlalchemy",
        "from runtime.store import Actor",
        "import random",
        "x = datetime.now()",
        "open('x')",
    ],
)
def test_an_impure_domain_is_found_out(line: str) -> None:
    assert list(offences(line, "services.planner.domain"))


def test_schemas_is_empty_so_that_vocabulary_brings_no_pydantic() -> None:
    code = "import sys, schemas.vocabulary; sys.exit('pydantic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=30).returncode == 0


def test_a_partner_can_use_schemas_with_pydantic_alone() -> None:
    code = (
        "import sys, schemas.registry, schemas.envelope, schemas.documents, schemas.rulepack\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('runtime', 'services', 'sqlalchemy', 'fastapi', 'structlog')]\n"
        "sys.exit(repr(bad) if bad else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=30, capture_output=True)
    assert done.returncode == 0, done.stderr


BREACHES = {
    "runtime imports a service": ("runtime/store/breach.py", "import services.planner.domain\n"),
    "schemas imports runtime": ("schemas/breach.py", "import runtime.errors\n"),
    "a service imports another": ("services/planner/breach.py", "import services.drawer.domain\n"),
    "a service imports the composition root": ("services/planner/breach.py", "import onevisit\n"),
    "pages import tables": ("services/planner/pages.py", "\nimport services.planner.tables as breach\n"),
}


@pytest.fixture(scope="module")
def copy_of_the_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("tree")
    for package in ("schemas", "runtime", "services", "onevisit"):
        for path in (ROOT / package).rglob("*.py"):
            copy = target / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (target / ".importlinter").write_bytes((ROOT / ".importlinter").read_bytes())
    return target


def lint(tree: Path) -> int:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=tree, check=False, capture_output=True, timeout=120).returncode


def test_the_import_contracts_are_kept(copy_of_the_tree: Path) -> None:
    assert lint(copy_of_the_tree) == 0


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_the_import_contracts_is_found(breach: str, copy_of_the_tree: Path) -> None:
    name, line = BREACHES[breach]
    path = copy_of_the_tree / name
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text((before or "") + line, encoding="utf-8")
    try:
        assert lint(copy_of_the_tree) == 1
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")
