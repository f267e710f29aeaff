"""What a command is given tells one request from another, so that a key used again for another request is noticed."""

import ast
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import services
from runtime.errors import OneVisitError
from runtime.service import MadeBeforehand, _digest

ROOT = Path(services.__file__).parent.parent
PLAIN = (str, int, float, bool, bytes, date, datetime, types.NoneType, BaseModel)
HELPERS = {"open_or_join", "entry_for_writing", "wrote"}
"""Steps of commands that look like one: they are called inside a transaction and take its rows."""


def commands() -> dict[str, Callable[..., Any]]:
    """Collect everything in the services' commands that takes session, actor and the moment."""
    found: dict[str, Callable[..., Any]] = {}
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if ".commands" in module.name:
            for name, each in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
                given = list(inspect.signature(each).parameters)
                here = each.__module__ == module.name and not name.startswith("_")
                if here and given[:2] == ["session", "actor"] and "at" in given and name not in HELPERS:
                    found[f"{module.name}.{name}"] = each
    return found


def run_by_services() -> set[str]:
    """Name what the code hands to ``service.do`` (or ``_run``, which does)."""
    found = set()
    for file in (ROOT / "services").rglob("*.py"):
        for call in [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]:
            called = call.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            place = {"do": 1, "_run": 2}.get(name)
            if place is not None and len(call.args) > place:
                command = call.args[place]
                found.add(command.attr if isinstance(command, ast.Attribute) else getattr(command, "id", ""))
    return found


def silent(kind: Any) -> Iterator[Any]:
    """Yield the types in an annotation that no digest could be made of, and that do not say why."""
    parts = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if origin in (
        typing.Union,
        types.UnionType,
        Mapping,
        Sequence,
        dict,
        list,
        tuple,
        set,
        frozenset,
        typing.Annotated,
    ):
        for part in parts:
            yield from silent(part) if part is not ... else ()
        return
    bare = origin or kind
    if kind is Any or bare is typing.Literal or (isinstance(bare, type) and issubclass(bare, (*PLAIN, OneVisitError))):
        return
    if not hasattr(bare, "made_beforehand"):
        yield kind


def test_every_argument_of_every_command_has_a_say_or_says_why_not() -> None:
    wrong, kinds = [], set()
    for name, command in commands().items():
        hints = typing.get_type_hints(command, include_extras=True)
        for argument in list(inspect.signature(command).parameters)[2:]:
            kinds.add(hints[argument])
            wrong += [f"{name} {argument}: {kind}" for kind in silent(hints[argument])]

    assert wrong == []
    assert len(kinds) > 15


def test_the_commands_looked_at_are_those_that_are_run() -> None:
    """A control: nothing that a service runs is left out."""
    looked_at = {name.rpartition(".")[2] for name in commands()}

    assert run_by_services() - looked_at <= {"command", ""}
    assert len(looked_at & run_by_services()) > 50


@dataclass(frozen=True)
class Terms:
    """Something a command might be given."""

    days: int


@dataclass(frozen=True)
class Made:
    """Something made for a command beforehand."""

    made_beforehand = True

    salt: str


def pay(*_: Any) -> None:
    """Stand for a command."""


@pytest.mark.parametrize("value", [Terms(3), [Terms(3)], {"terms": Terms(3)}, object(), Path("a")])
def test_what_nobody_can_compare_is_not_taken_in_silence(value: Any) -> None:
    with pytest.raises(TypeError, match="a command was given"):
        _digest(pay, (), {"value": value})
    assert list(silent(Terms)) == [Terms]
    assert list(silent(Sequence[Mapping[str, Terms]] | None)) == [Terms]


def test_what_was_made_beforehand_has_no_say_and_all_else_has() -> None:
    def digest(**facts: Any) -> str:
        return _digest(pay, (), facts)

    assert digest(a=1, made=Made("x")) == digest(a=1, made=Made("y")) == digest(a=1, made=OneVisitError())
    assert digest(a=1, made=Made("x")) != digest(a=2, made=Made("x"))
    assert digest(on=date(2018, 12, 1)) != digest(on=date(2018, 12, 2))
    assert isinstance(Made("x"), MadeBeforehand)
    assert [each.name for each in fields(Made)] == ["salt"]
    assert is_dataclass(Made)
