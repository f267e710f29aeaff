"""
Which commands write rows of which tables: a reading of the syntax tree, from every command to all that it calls.

Good enough to notice a row that is made (``Account(…)``), changed (``row.name = …``, where *row* was looked up, passed in
or returned as such a row) or deleted; a table that hides in a module's constant counts for whoever uses it and adds rows.
"""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Place = tuple[str, str]  # module, name


@dataclass
class Module:
    """What a module defines, and what its names mean."""

    name: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    imported: dict[str, Place] = field(default_factory=dict)  # local name → what it is; ("a.b", "") is a module
    constants: dict[str, ast.expr] = field(default_factory=dict)


def read(name: str, text: str) -> Module:
    """Read a module's top level."""
    module = Module(name)
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef():
                module.functions[node.name] = node
            case ast.ImportFrom(module=source, names=names) if source:
                module.imported |= {each.asname or each.name: (source, each.name) for each in names}
            case ast.Assign(targets=[ast.Name(id=constant)], value=value):
                module.constants[constant] = value
    return module


def modules_of(root: Path, package: str) -> dict[str, Module]:
    """Read every module of a package by its full name."""
    folder = root / package.replace(".", "/")
    found = {}
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        if ".migrations" not in name:
            found[name] = read(name, path.read_text(encoding="utf-8"))
    return found


class Writers:
    """Follows commands through the modules of one service to the rows of *tables* they write."""

    def __init__(self, modules: Mapping[str, Module], tables: Collection[str], tables_module: str) -> None:
        self._modules, self._tables, self._home = modules, frozenset(tables), tables_module

    def commands(self) -> dict[str, frozenset[str]]:
        """Return {command: tables it writes}, commands that write none of them left out."""
        found = {}
        for module in self._modules.values():
            for name, function in module.functions.items():
                if _is_command(module.name, function) and (written := self._follow((module.name, name), set())):
                    found[name] = frozenset(written)
        return found

    def _follow(self, place: Place, seen: set[Place]) -> set[str]:
        if place in seen:
            return set()
        seen.add(place)
        module = self._modules[place[0]]
        function = module.functions[place[1]]
        written = self._writes_itself(module, function)
        for called in self._calls(module, function):
            written |= self._follow(called, seen)
        return written

    def _calls(self, module: Module, function: ast.FunctionDef) -> Iterator[Place]:
        for node in ast.walk(function):
            if isinstance(node, ast.Name | ast.Attribute) and (place := self._meant(module, node)):
                source = self._modules.get(place[0])
                if source is not None and place[1] in source.functions:
                    yield place

    def _meant(self, module: Module, node: ast.expr) -> Place | None:
        """Say what a name means: of this module, or imported; ``alias.name`` of an imported module."""
        match node:
            case ast.Name(id=name) if name in module.functions:
                return (module.name, name)
            case ast.Name(id=name):
                return module.imported.get(name)
            case ast.Attribute(value=ast.Name(id=alias), attr=name) if alias in module.imported:
                return (".".join(module.imported[alias]), name)
        return None

    # ── one function ────────────────────────────────────────────────────────────────────────────────────────────────

    def _table(self, module: Module, node: ast.expr | None) -> str | None:
        """Name the table a class expression means, if it is one of those looked for."""
        if isinstance(node, ast.BinOp):  # Account | None
            return self._table(module, node.left)
        place = self._meant(module, node) if node is not None else None
        if place is not None and place[0] == self._home and place[1] in self._tables:
            return place[1]
        return None

    def _writes_itself(self, module: Module, function: ast.FunctionDef) -> set[str]:
        written = {
            table
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and (table := self._table(module, node.func)) is not None
        }
        for target in _targets(function):
            if isinstance(target, ast.Attribute) and not isinstance(target.value, ast.Name):
                found = self._comes_from(module, target.value)
                written |= {found} if found else set()
        rows = self._rows(module, function)
        for name in _changed(function):
            written |= {rows[name]} if name in rows else set()
        if _adds(function):
            used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            for constant in used & module.constants.keys():
                nodes = ast.walk(module.constants[constant])
                written |= {t for each in nodes if isinstance(each, ast.expr) and (t := self._table(module, each))}
        return written

    def _rows(self, module: Module, function: ast.FunctionDef) -> dict[str, str]:
        """Say of which table the function's variables are rows."""
        arguments = [*function.args.args, *function.args.kwonlyargs]
        rows = {each.arg: table for each in arguments if (table := self._table(module, each.annotation)) is not None}
        for node in ast.walk(function):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    pass
                case ast.NamedExpr(target=ast.Name(id=name), value=value):
                    pass
                case ast.For(target=ast.Name(id=name), iter=value):
                    pass
                case ast.comprehension(target=ast.Name(id=name), iter=value):
                    pass
                case _:
                    continue
            if (table := self._comes_from(module, value)) is not None:
                rows[name] = table
        return rows

    def _comes_from(self, module: Module, value: ast.expr) -> str | None:
        for node in ast.walk(value):
            match node:
                case ast.Call(func=ast.Attribute(attr=("get" | "get_one" | "merge")), args=[about, *_]):
                    found = self._table(module, about)
                case ast.Call(func=ast.Name(id="select"), args=[about, *_]):
                    found = self._table(module, about)
                case ast.Call(func=called):
                    found = self._table(module, called) or self._returned(module, called)
                case _:
                    continue
            if found is not None:
                return found
        return None

    def _returned(self, module: Module, called: ast.expr) -> str | None:
        place = self._meant(module, called)
        source = self._modules.get(place[0]) if place else None
        if place is None or source is None or place[1] not in source.functions:
            return None
        return self._table(source, source.functions[place[1]].returns)


def _is_command(module: str, function: ast.FunctionDef) -> bool:
    names = [each.arg for each in function.args.args[:2]]
    timed = any(each.arg == "at" for each in function.args.kwonlyargs)
    public = not function.name.startswith("_")
    return public and timed and names == ["session", "actor"] and ".handlers" not in module


def _changed(function: ast.FunctionDef) -> Iterator[str]:
    """Name the variables of which something is changed, or which are deleted."""
    for target in _targets(function):
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            yield target.value.id
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(attr="delete"), args=[ast.Name(id=name)]):
                yield name
            case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), *_]):
                yield name


def _targets(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """List what is assigned to."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets):
                yield from (part for target in targets for part in _parts(target))
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
                yield target


def _parts(target: ast.expr) -> Iterable[ast.expr]:
    return target.elts if isinstance(target, ast.Tuple) else [target]


def _adds(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("add", "add_all")
        for node in ast.walk(function)
    )
