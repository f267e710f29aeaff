"""The glossary names what is in the code: every code name in it is a name there, in the package it says."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("console", "planner", "drawer", "results", "notifier")
CODE = re.compile(r"`([^`]+)`")


def lines(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the terms of a glossary: (Chinese, code names, packages they are in)."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 6 and cells[0] != "中文":
            yield cells[0], CODE.findall(cells[2]), cells[3].split(", ")


@cache
def names_in(package: str) -> frozenset[str]:
    """Collect what a package names: classes, functions, variables, fields, arguments; of rule packs their keys and codes."""
    if package == "rulepacks":
        packs = [tomllib.loads(path.read_text(encoding="utf-8")) for path in (ROOT / package).rglob("*.toml")]
        return frozenset(word for pack in packs for word in _words(pack))
    folder = ROOT / "services" / package if package in SERVICES else ROOT / package
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    assert modules, f"no package {package}"
    return frozenset(name for module in modules for node in ast.walk(module) for name in _named(node))


def _named(node: ast.AST) -> Iterable[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
            return [name]
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case _:
            return []


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _words(each)
    elif isinstance(value, str):
        yield value


def wrong(text: str) -> list[str]:
    """Name what a glossary says of the code that is not so."""
    return [
        f"{term}: no `{name}` in {package}"
        for term, names, packages in lines(text)
        for name in names
        for package in packages
        if name not in names_in(package)
    ]


def test_every_code_name_of_the_glossary_is_in_the_code() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

    found = list(lines(text))
    assert len(found) > 60
    assert all(names for _, names, _ in found)
    assert len({term for term, _, _ in found}) == len(found), "a term stands once"
    assert wrong(text) == []


@pytest.mark.parametrize(("name", "package"), [("RiskClass", "planner"), ("Draw", "results"), ("NO_SUCH", "rulepacks")])
def test_a_name_that_is_not_there_is_noticed(name: str, package: str) -> None:
    line = f"| 词 | word | `{name}` | {package} | meaning | O |"

    assert wrong(line) == [f"词: no `{name}` in {package}"]
