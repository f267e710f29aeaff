"""Sentences: what is said of a refusal, and that nothing of the runtime stays without words."""

import importlib
import pkgutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import runtime
from runtime.errors import Conflict, OneVisitError, Rejected
from runtime.web.messages import OWN, DoubledCode, Messages
from schemas.vocabulary import Role


class Odd(Rejected):
    """A refusal nobody wrote a sentence for."""

    code = "odd.one"


class OddConflict(Conflict):
    """Another one."""

    code = "odd.conflict"


@pytest.fixture
def messages(tmp_path: Path) -> Messages:
    file = tmp_path / "messages.toml"
    file.write_text('["a.b"]\nzh = "{agencies} 于 {on} 前"\nen = "{agencies} by {on}"\n', encoding="utf-8")
    return Messages(OWN, file)


def test_facts_are_written_as_people_write_them(messages: Messages) -> None:
    told = messages.of("a.b", {"agencies": ["交通局", "税务局"], "on": date(2018, 12, 3)})

    assert told.zh == "交通局、税务局于 2018年12月3日前"
    assert told.en == "交通局, 税务局 by 3 Dec 2018"


@pytest.mark.parametrize(
    ("fact", "zh"),
    [
        (None, "—"),
        ("", "—"),
        ([], "—"),
        (True, "是"),
        (Role.PLANNER, "planner"),
        ({"b", "a"}, "a、b"),
        ({"JT": 3}, "JT 3"),
        (datetime(2018, 12, 3, 6, 5, tzinfo=UTC), "2018-12-03 14:05"),
        (11, "11"),
    ],
)
def test_every_kind_of_fact_has_its_form(messages: Messages, fact: object, zh: str) -> None:
    assert messages.of("a.b", {"agencies": fact, "on": "x"}).zh.replace("是于", "是 于") == f"{zh} 于 x 前"


@pytest.mark.parametrize(
    ("agencies", "on", "zh"),
    [
        ("公安局", "12月3日", "公安局于 12月3日前"),
        ("GA", "12月3日", "GA 于 12月3日前"),
        ("公安局", "《方案》", "公安局于《方案》前"),
        ("公安局", "noon", "公安局于 noon 前"),
        ("一 二", "三 四", "一 二于三 四前"),  # what stands in a fact stays as it is
    ],
)
def test_chinese_beside_chinese_has_no_space(messages: Messages, agencies: str, on: str, zh: str) -> None:
    assert messages.of("a.b", {"agencies": agencies, "on": on}).zh == zh
    assert messages.of("a.b", {"agencies": agencies, "on": on}).en == f"{agencies} by {on}"


def test_a_missing_fact_shows_as_a_dash(messages: Messages) -> None:
    assert messages.of("a.b").zh == "— 于 — 前"


def test_a_fact_cannot_be_walked_through(tmp_path: Path) -> None:
    file = tmp_path / "messages.toml"
    file.write_text('["x"]\nzh = "{a.__class__} {a[0]}"\nen = "-"\n', encoding="utf-8")

    assert Messages(file).of("x", {"a": "secret"}).zh == "— —"


def test_a_refusal_without_a_sentence_still_says_something_and_borrows_the_next_step(messages: Messages) -> None:
    assert "odd.one" in messages.about(Odd()).zh
    assert messages.about(OddConflict()).next_zh == messages.of("conflict").next_zh


def test_the_same_code_in_two_files_is_an_error() -> None:
    with pytest.raises(DoubledCode):
        Messages(OWN, OWN)


def test_every_refusal_of_the_runtime_has_both_sentences() -> None:
    for module in pkgutil.walk_packages(runtime.__path__, "runtime."):
        if "migrations" not in module.name:
            importlib.import_module(module.name)
    catalogue = Messages(OWN, *(OWN.parent.parent / part / "messages.toml" for part in ("events", "files", "time")))
    found = {one.code for one in _below(OneVisitError) if one.__module__.startswith("runtime")}

    assert not found - catalogue.codes
    for code in catalogue.codes:
        sentence = catalogue.of(code)
        assert sentence.zh
        assert sentence.en
        assert bool(sentence.next_zh) == bool(sentence.next_en)


def _below(family: type[OneVisitError]) -> set[type[OneVisitError]]:
    return {family}.union(*(_below(child) for child in family.__subclasses__()))
