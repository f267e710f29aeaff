"""Every refusal of results has its two sentences, every other sentence is said somewhere."""

import importlib
import pkgutil
import tomllib
from pathlib import Path

import services.results
from runtime.errors import OneVisitError

HERE = Path(services.results.__file__).parent
SAID = tomllib.loads((HERE / "messages.toml").read_text("utf-8"))


def test_refusals_and_sentences_match() -> None:
    for module in pkgutil.walk_packages(services.results.__path__, "services.results."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    refusals = {one.code for one in _below(OneVisitError) if one.__module__.startswith("services.results")}
    source = "".join(path.read_text("utf-8") for path in HERE.rglob("*.py"))
    others = {code for code in SAID if ".said_" in code or ".warn_" in code}

    words = {code for code in SAID if code.startswith("word.")}  # held by tests/architecture/test_messages.py
    assert refusals == SAID.keys() - others - words
    steps = {f"referral.said_{act}" for act in ("received", "accepted", "returned", "decided", "closed", "routed")}
    assert {code for code in others - steps if code not in source} == set()


def test_every_sentence_is_in_both_languages() -> None:
    for code, entry in SAID.items():
        assert {"zh", "en"} <= entry.keys() <= {"zh", "en", "next_zh", "next_en"}, code
        assert ("next_zh" in entry) == ("next_en" in entry), code


def _below(family: type[OneVisitError]) -> set[type[OneVisitError]]:
    return {family}.union(*(_below(child) for child in family.__subclasses__()))
