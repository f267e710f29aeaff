"""docs/features.md lists every capability once, and the tests it names exist."""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
ROWS = 117
STATES = ("there", "partly", "not yet")
HEAD = ("#", "capability", "state", "what is there", "shown by")


@dataclass(frozen=True)
class Feature:
    """A row of the page; `tests` are named ``tests/path/test_file.py::test_name``."""

    number: int
    state: str
    text: str
    tests: tuple[str, ...]


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def features(page: str) -> list[Feature]:
    """Read every line of a table but its head and rule; a row of another shape is an error, never skipped."""
    found = []
    for line in page.splitlines():
        if not line.startswith("|") or cells(line) == HEAD or set(line) <= set("|-"):
            continue
        number, _, state, text, shown = cells(line)
        found.append(Feature(int(number), state, text, tuple(re.findall(r"`([^`]+)`", shown))))
    return found


def named_in(path: Path) -> set[str]:
    """Name the test functions of a file as pytest would: those of the module, and ``Class::name``."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test") else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        names |= {f"{prefix}{each.name}" for each in inside if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in names if name.split("::")[-1].startswith("test_")}


def missing(page: str) -> list[str]:
    """List the named tests that do not exist, as ``number: test``."""
    known: dict[str, set[str]] = {}
    gone = []
    for feature in features(page):
        for test in feature.tests:
            file, _, name = test.partition("::")
            if file not in known:
                path = ROOT / file
                known[file] = (
                    named_in(path) if re.fullmatch(r"tests/(\w+/)+test_\w+\.py", file) and path.is_file() else set()
                )
            if name not in known[file]:
                gone.append(f"{feature.number}: {test}")
    return gone


def unshown(page: str) -> list[int]:
    """List the rows that claim something and name no test."""
    return [feature.number for feature in features(page) if feature.state != "not yet" and not feature.tests]


def test_every_capability_has_one_row() -> None:
    assert [feature.number for feature in features(PAGE)] == list(range(1, ROWS + 1))


def test_every_row_has_a_known_state_and_says_something() -> None:
    assert [feature.number for feature in features(PAGE) if feature.state not in STATES or not feature.text] == []


def test_every_named_test_exists() -> None:
    assert missing(PAGE) == []


def test_whatever_is_there_names_a_test() -> None:
    assert unshown(PAGE) == []


def test_the_count_at_the_end_is_that_of_the_rows() -> None:
    states = Counter(feature.state for feature in features(PAGE))

    counts = ", ".join(f"{states[state]} {state}" for state in STATES)
    assert f"{ROWS} rows: {counts}." in PAGE


def test_a_missing_name_and_a_bare_claim_are_found() -> None:
    here = "tests/architecture/test_features.py"
    page = f"""
| # | capability | state | what is there | shown by |
|---|---|---|---|---|
| 1 | a | there | A. | `{here}::test_every_named_test_exists`<br>`{here}::test_that_is_not` |
| 2 | b | partly | B. | `tests/architecture/test_nothing.py::test_every_named_test_exists` |
| 3 | c | there | C. | `{here}` |
| 4 | d | partly | D. | – |
| 5 | e | not yet | Later. | – |
| 6 | f | there | F. | `{here}::missing` |
"""

    assert missing(page) == [
        f"1: {here}::test_that_is_not",
        "2: tests/architecture/test_nothing.py::test_every_named_test_exists",
        f"3: {here}",
        f"6: {here}::missing",
    ]
    assert unshown(page) == [4]
