"""Whatever files, spreadsheets, clocks and calendars refuse has a sentence in both languages, and no sentence is left over."""

import tomllib
from pathlib import Path

import pytest

from runtime.errors import OneVisitError
from runtime.files import blobs, evidence, sheets
from runtime.time import clock, workdays

RUNTIME = Path(__file__).parents[3] / "runtime"


@pytest.mark.parametrize(("folder", "modules"), [("files", (blobs, evidence, sheets)), ("time", (clock, workdays))])
def test_every_refusal_has_its_sentence(folder: str, modules: tuple[object, ...]) -> None:
    codes = {
        thing.code
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, OneVisitError)
        and thing.__module__ == getattr(module, "__name__", "")
    }
    sentences = tomllib.loads((RUNTIME / folder / "messages.toml").read_text(encoding="utf-8"))

    assert set(sentences) == codes
    for sentence in sentences.values():
        assert sentence["zh"].endswith("。")
        assert sentence["en"].endswith(".")
        assert set(sentence) <= {"zh", "en", "next_zh", "next_en"}
