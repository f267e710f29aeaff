"""Every refusal of console has its two sentences, and no sentence is left over."""

import importlib
import pkgutil
import tomllib
from pathlib import Path

import services.console
from runtime.errors import OneVisitError

FILE = Path(services.console.__file__).parent / "messages.toml"


def test_refusals_and_sentences_match() -> None:
    for module in pkgutil.walk_packages(services.console.__path__, "services.console."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    said = tomllib.loads(FILE.read_text("utf-8"))
    found = {one.code for one in _below(OneVisitError) if one.__module__.startswith("services.console")}

    assert found == {code for code in said if not code.startswith(("done.", "word."))}
    for code, entry in said.items():
        assert {"zh", "en"} <= entry.keys() <= {"zh", "en", "next_zh", "next_en"}, code


def _below(family: type[OneVisitError]) -> set[type[OneVisitError]]:
    return {family}.union(*(_below(child) for child in family.__subclasses__()))
