"""Every code the drawer or its domain may show has a sentence in both languages, with facts it really has."""

import importlib
import pkgutil
import string
import tomllib
from pathlib import Path

import pytest

import services.drawer
from runtime.errors import OneVisitError
from runtime.web.messages import Messages
from services.drawer.domain.refusals import REMARKS, DrawRefused, DrawUnreadable, Remark, all_refusals, remark
from services.drawer.domain.staged import ParentDiffers
from services.drawer.progress import Stage

FILE = Path(services.drawer.__file__).parent / "messages.toml"
ADDED = {"names"}  # commands.told: names beside ids


def _load_everything() -> None:
    for module in pkgutil.walk_packages(services.drawer.__path__, "services.drawer."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)


def _own_refusals() -> list[type[OneVisitError]]:
    _load_everything()
    found, left = [], [OneVisitError]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if kind.__module__.startswith("services.drawer") and kind not in (DrawRefused, DrawUnreadable):
            found.append(kind)
    return sorted(found, key=lambda kind: kind.code)


def _told() -> dict[str, dict[str, str]]:
    return tomllib.loads(FILE.read_text("utf-8"))


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("kind", _own_refusals(), ids=lambda kind: kind.code)
def test_every_refusal_has_a_sentence_in_both_languages(kind: type[OneVisitError]) -> None:
    told = _told()[kind.code]

    assert told["zh"]
    assert told["en"]
    assert bool(told.get("next_zh")) == bool(told.get("next_en"))
    assert any("\u4e00" <= character <= "\u9fff" for character in told["zh"])


def test_every_code_is_its_own() -> None:
    codes = [kind.code for kind in _own_refusals()]

    assert len(codes) == len(set(codes))


def test_sentences_of_the_domain_use_facts_the_refusal_has() -> None:
    _load_everything()
    for kind in all_refusals():
        told = _told()[kind.code]
        used = set().union(*(_names(text) for text in told.values()))
        assert used <= set(kind.says) | ADDED, kind.code


@pytest.mark.parametrize("code", REMARKS)
def test_every_remark_has_a_sentence_with_facts_it_has(code: str) -> None:
    told = _told()[code]

    assert set().union(*(_names(text) for text in told.values())) <= set(REMARKS[code])


def test_nothing_else_is_in_the_file() -> None:
    known = {kind.code for kind in _own_refusals()} | set(REMARKS)

    rest = _told().keys() - known

    # words for the codes inside sentences are held by tests/architecture/test_messages.py
    assert all(code.startswith(("drawer.done.", "word.")) for code in rest), rest


def test_a_remark_reads_as_a_sentence() -> None:
    one: Remark = remark("draw.short.labels", {
        "agency": "安监局", "stratum": "K1/bus", "labels": [["law", "hazmat"]], "needed": 2, "there": 1,
    })  # fmt: skip

    said = Messages(FILE).of(one.code, one.facts)

    assert said.zh == "安监局：K1/bus 需要具备资格“law、hazmat”的人员 2 名，只有 1 名。"
    assert "{" not in said.en


@pytest.mark.parametrize("part", ["none", "manifest", "result", "targets"])
def test_a_staged_draw_that_differs_says_in_words_where(part: str) -> None:
    refusal = ParentDiffers(part=part)

    said = Messages(FILE).of(refusal.code, refusal.facts)

    assert not any(character.isascii() and character.isalpha() for character in said.zh), said.zh
    assert part == "manifest" or f"({part})" not in said.en


def test_every_stage_has_a_word() -> None:
    words = (FILE.parent / "templates" / "drawer" / "words.html").read_text("utf-8")

    assert all(f'"{stage.value}": t(' in words for stage in Stage)
