"""The catalogue of sentences: a refusal's code and facts become Chinese and English, at the edge and nowhere else."""

import string
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from runtime.errors import OneVisitError
from runtime.web.days import day_in, moment_in

Lang = Literal["zh", "en"]
NOTHING = "—"
OWN = Path(__file__).with_name("messages.toml")


@dataclass(frozen=True)
class Sentence:
    """What a code says, in both languages, and what to do next (empty where the sentence already tells)."""

    zh: str
    en: str
    next_zh: str = ""
    next_en: str = ""

    def says(self, lang: Lang) -> str:
        """Return the sentence in one language."""
        return self.zh if lang == "zh" else self.en

    def advises(self, lang: Lang) -> str:
        """Return the next step in one language."""
        return self.next_zh if lang == "zh" else self.next_en


class DoubledCode(Exception):
    """Two message files speak of the same code."""


class Messages:
    """The sentences of several ``messages.toml`` files together."""

    def __init__(self, *files: Path) -> None:
        self._sentences: dict[str, Sentence] = {}
        for file in files:
            self._read(file)

    def _read(self, file: Path) -> None:
        for code, entry in tomllib.loads(file.read_text("utf-8")).items():
            if code in self._sentences:
                raise DoubledCode(f"{code} in {file}")
            self._sentences[code] = Sentence(**entry)

    def __contains__(self, code: object) -> bool:
        return code in self._sentences

    @property
    def codes(self) -> frozenset[str]:
        """Return every code there is a sentence for."""
        return frozenset(self._sentences)

    def of(self, code: str, facts: Mapping[str, object] | None = None) -> Sentence:
        """Say *code* with *facts*: a missing fact shows as —, lists are joined, nothing can be reached through a fact."""
        found = self._sentences.get(code)
        if found is None:
            return Sentence(f"操作未能完成（{code}）。", f"This could not be done ({code}).")
        given = facts or {}
        return Sentence(
            *(_fill(text, given, lang) for text, lang in ((found.zh, "zh"), (found.en, "en"))),
            *(_fill(text, given, lang) for text, lang in ((found.next_zh, "zh"), (found.next_en, "en"))),
        )

    def about(self, error: OneVisitError) -> Sentence:
        """Say a refusal; one without a sentence of its own borrows its family's next step."""
        for family in type(error).__mro__:
            code = error.code if family is type(error) else family.__dict__.get("code")
            if isinstance(code, str) and code in self._sentences:
                borrowed = self.of(code, error.facts)
                own = borrowed if code == error.code else self.of(error.code, error.facts)
                return Sentence(own.zh, own.en, borrowed.next_zh, borrowed.next_en)
        return self.of(error.code, error.facts)


class _Formatter(string.Formatter):
    """``str.format`` without attribute or index access, so that a fact cannot be walked through."""

    def __init__(self, lang: str) -> None:
        self._lang = lang

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return fact_text(kwargs.get(field_name), self._lang), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return str(value)


def _fill(text: str, facts: Mapping[str, object], lang: str) -> str:
    return _Formatter(lang).vformat(text, (), dict(facts)) if "{" in text else text


def fact_text(value: object, lang: str) -> str:
    """Show one fact to a person: nothing as —, days and moments in their form, lists joined."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return ("是" if value else "否") if lang == "zh" else ("yes" if value else "no")
        case Enum():
            return str(value.value)
        case str():
            return value
        case datetime():
            return moment_in(value)
        case date():
            return day_in(value, lang)
        case Mapping():
            return _joined((f"{key} {fact_text(item, lang)}" for key, item in value.items()), lang)
        case set() | frozenset():
            return _joined(sorted(fact_text(item, lang) for item in value), lang)
        case Iterable():
            return _joined((fact_text(item, lang) for item in value), lang)
    return str(value)


def _joined(parts: Iterable[str], lang: str) -> str:
    return ("、" if lang == "zh" else ", ").join(parts) or NOTHING
