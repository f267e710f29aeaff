"""The house's import rules, each broken on purpose once to see that it holds."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("console", "planner", "drawer", "results", "notifier")

DOMAIN_MAY_IMPORT = {
    *("__future__", "abc", "base64", "bisect", "collections", "collections.abc", "contextlib", "copy", "dataclasses"),
    *("datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "ipaddress", "itertools", "json"),
    *("math", "operator", "re", "string", "struct", "types", "typing", "unicodedata", "urllib.parse", "zoneinfo"),
    *("schemas.vocabulary", "runtime.errors", "runtime.time.workdays", "runtime.time.lights"),
}
DOMAIN_MAY_NOT_CALL = {"now", "today", "utcnow", "open", "eval", "exec", "__import__"}


def offences(source: str, package: str) -> Iterator[str]:
    """Name what a module of ``services.<x>.domain`` imports or calls beyond the allow-list."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [_absolute(node, package)]
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in DOMAIN_MAY_NOT_CALL:
                yield f"line {node.lineno}: calls {called}()"
        for name in names:
            if name not in DOMAIN_MAY_IMPORT and not f"{name}.".startswith(f"{package}."):
                yield f"line {getattr(node, 'lineno', 0)}: imports {name}"


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """Name what is imported; domains are flat, so one dot is the domain itself and two its service."""
    if not node.level:
        return str(node.module)
    return ".".join([*package.split(".")[: len(package.split(".")) + 1 - node.level], *filter(None, [node.module])])


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
        "from ..tables import Campaign",
        "from .. import tables",
        "from runtime.time import clock",
        "from schemas.envelope import CloudEvent",
        "import pydantic",
        "import sqlalchemy",
        "from runtime.store import Actor",
        "import random",
        "x = datetime.now()",
        "open('x')",
        "x = date.today()",
    ],
)
def test_an_impure_domain_is_found_out(line: str) -> None:
    assert list(offences(line, "services.planner.domain"))


def test_a_domain_may_import_itself_and_what_is_pure() -> None:
    source = (
        "from . import quota\nfrom .quota import spread\nfrom services.planner.domain.quota import x\nimport hashlib\n"
    )

    assert list(offences(source, "services.planner.domain")) == []


# ── the contract package alone, and the verifier alone ──────────────────────────────────────────────────────────────


def comes_in(tree: Path, code: str, unwanted: Iterable[str]) -> set[str]:
    """Run *code* in a fresh interpreter in *tree*; name the packages of *unwanted* that came in with it."""
    told = f"import sys\n{code}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", told], cwd=tree, check=True, timeout=30, capture_output=True)
    return set(done.stdout.decode().split()) & set(unwanted)


VOCABULARY = "import schemas.vocabulary"
CONTRACT = "import schemas.registry, schemas.envelope, schemas.documents, schemas.rulepack"
BEYOND_PYDANTIC = ("runtime", "services", "onevisit", "sqlalchemy", "fastapi", "structlog")


def test_schemas_is_empty_so_that_vocabulary_brings_no_pydantic() -> None:
    assert comes_in(ROOT, VOCABULARY, ["pydantic"]) == set()


def test_a_partner_can_use_schemas_with_pydantic_alone() -> None:
    assert comes_in(ROOT, CONTRACT, BEYOND_PYDANTIC) == set()


def test_what_schemas_must_not_bring_in_is_noticed(copy_of_the_tree: Path) -> None:
    with added(copy_of_the_tree / "schemas" / "__init__.py", "import pydantic\n"):
        assert comes_in(copy_of_the_tree, VOCABULARY, ["pydantic"]) == {"pydantic"}
    with added(copy_of_the_tree / "schemas" / "events" / "__init__.py", "import structlog\nimport runtime.errors\n"):
        assert comes_in(copy_of_the_tree, CONTRACT, BEYOND_PYDANTIC) == {"structlog", "runtime"}


OPTIONAL = "py_arkworks_bls12381"
"""drand's curve; a verifier without it says NOT CHECKED (JIDRAW/1 section 14)."""


def imported_by(source: str) -> set[str]:
    """Name the packages that a file cannot do without, wherever it imports them."""
    tree, found = ast.parse(source), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node not in _tried(tree):
            found.add("." * node.level or str(node.module).split(".")[0])
    return found


def _tried(tree: ast.Module) -> list[ast.stmt]:
    """List the imports of the optional library that may fail."""
    return [
        one
        for block in ast.walk(tree)
        if isinstance(block, ast.Try)
        and any(ast.unparse(caught.type or block) == "ImportError" for caught in block.handlers)
        for one in block.body
        if isinstance(one, ast.ImportFrom) and one.module == OPTIONAL
    ]


def test_the_verifier_is_one_file_on_the_standard_library() -> None:
    source = (ROOT / "verify_draw.py").read_text(encoding="utf-8")

    assert imported_by(source) - sys.stdlib_module_names - {"__future__"} == set()


@pytest.mark.parametrize(
    "line",
    [
        "from services.drawer.domain import seed",
        "import nacl.signing",
        "from . import x",
        f"from {OPTIONAL} import G1Point",
        "try:\n        from nacl import signing\n    except ImportError:\n        pass",
    ],
)
def test_a_verifier_that_leans_on_something_is_found_out(line: str) -> None:
    assert imported_by(f"import hashlib\ndef check():\n    {line}\n") - sys.stdlib_module_names


# ── the contracts of import-linter ──────────────────────────────────────────────────────────────────────────────────


LAYERS = ("schemas", "runtime", "services.planner", "onevisit")  # each may import those before it


def _breaches() -> Iterator[tuple[str, str, str]]:
    """Yield (what is wrong, the file it is put into, the line)."""
    for lower, importer in enumerate(LAYERS):
        for imported in LAYERS[lower + 1 :]:
            line = f"import {imported}.domain\n" if "." in imported else f"import {imported}\n"
            yield f"{importer} imports {imported}", f"{importer.replace('.', '/')}/breach.py", line
    for one, other in pairwise((*SERVICES, SERVICES[0])):
        yield f"{one} imports {other}", f"services/{one}/breach.py", f"import services.{other}.domain\n"
        yield f"{other} imports {one}", f"services/{other}/breach.py", f"import services.{one}.domain\n"
    for path in edges():
        service = path.relative_to(ROOT).parts[1]
        line = f"\nimport services.{service}.tables as breach\n"
        yield f"{service} {path.stem} imports tables", str(path.relative_to(ROOT)), line


def edges() -> list[Path]:
    """List the modules at the edge of services: those that speak HTTP, and timers."""
    found = []
    for path in sorted((ROOT / "services").rglob("*.py")):
        if path.stem == "timers" or imported_by(path.read_text(encoding="utf-8")) & {"fastapi", "starlette"}:
            found.append(path)
    return found


BREACHES = {what: (name, line) for what, name, line in _breaches()}


def test_pages_api_and_timers_are_among_what_is_broken() -> None:
    assert {path.stem for path in edges()} >= {"pages", "api", "timers"}
    assert {path.relative_to(ROOT).parts[1] for path in edges()} == set(SERVICES)


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


@contextmanager
def added(path: Path, text: str) -> Iterator[None]:
    """Add *text* to a file, which is made if there is none; undone afterwards."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text((before or "") + text, encoding="utf-8")
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")


def lint(tree: Path) -> int:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=tree, check=False, capture_output=True, timeout=120).returncode


def test_the_import_contracts_are_kept(copy_of_the_tree: Path) -> None:
    assert lint(copy_of_the_tree) == 0


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_the_import_contracts_is_found(breach: str, copy_of_the_tree: Path) -> None:
    name, line = BREACHES[breach]
    with added(copy_of_the_tree / name, line):
        assert lint(copy_of_the_tree) == 1
