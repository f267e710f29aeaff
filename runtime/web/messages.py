"""The catalogue of sentences: a refusal's code and facts become Chinese and English, at the edge and nowhere else."""

import string
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Literal

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
        return Sentence(
            self._fill(found.zh, facts or {}, "zh"),
            self._fill(found.en, facts or {}, "en"),
            self._fill(found.next_zh, facts or {}, "zh"),
            self._fill(found.next_en, facts or {}, "en"),
        )

    def _fill(self, text: str, facts: Mapping[str, object], lang: Lang) -> str:
        def said(name: str) -> str:
            return fact_text(self._word(name, facts.get(name), lang), lang)

        return filled(text, said, lang)

    def _word(self, name: str, value: object, lang: Lang) -> object:
        """
        Put a coded fact into words: ``word.<name>.<code>``; what follows a colon in it is kept (``integer:0..9``).

        A fact without a word stays as it is.
        """
        if name == "fields" and isinstance(value, list | tuple):
            return [self.field(str(path), lang) for path in value]
        if not isinstance(value, str):
            return value
        code, _, rest = str(value).partition(":")
        found = self._sentences.get(f"word.{name}.{code}")
        return value if found is None else f"{found.says(lang)} {rest}".rstrip()

    def field(self, path: str, lang: Lang) -> str:
        """
        Name a field of what was sent as its form does: ``stages.0.first_on`` by ``word.field.stages`` and so on.

        Steps without a word (keys that are data, the model's own branches) are left out; a path without any stays as it is.
        """
        steps: list[str] = []
        for step in path.split("."):
            if step.isdigit():
                steps += [f"第 {int(step) + 1} 项" if lang == "zh" else f"no. {int(step) + 1}"]
            elif (found := self._sentences.get(f"word.field.{step}")) is not None:
                steps.append(found.says(lang))
        named = [step for step in path.split(".") if f"word.field.{step}" in self._sentences]
        return (" " if lang == "zh" else ", ").join(steps) if named else path

    def about(self, error: OneVisitError) -> Sentence:
        """Say a refusal; one without a sentence of its own borrows its family's next step."""
        for family in type(error).__mro__:
            code = error.code if family is type(error) else family.__dict__.get("code")
            if isinstance(code, str) and code in self._sentences:
                borrowed = self.of(code, error.facts)
                own = borrowed if code == error.code else self.of(error.code, error.facts)
                return Sentence(own.zh, own.en, borrowed.next_zh, borrowed.next_en)
        return self.of(error.code, error.facts)


def filled(text: str, said: Callable[[str], str], lang: str) -> str:
    """
    Put what is *said* of each ``{name}`` into a sentence; a name is looked up whole, so that no fact can be walked through.

    Sentences leave a space beside a fact, as Chinese does beside letters and figures; where the fact turns out to be
    Chinese too, the space goes.
    """
    done = ""
    for literal, name, _, _ in string.Formatter().parse(text):
        for piece in (literal,) if name is None else (literal, said(name)):
            done = _joined_up(done, piece) if lang == "zh" else done + piece
    return done


def _joined_up(before: str, after: str) -> str:
    if before.endswith(" ") and _is_chinese(before[-2:-1]) and _is_chinese(after[:1]):
        return before[:-1] + after
    if after.startswith(" ") and _is_chinese(before[-1:]) and _is_chinese(after[1:2]):
        return before + after[1:]
    return before + after


def _is_chinese(character: str) -> bool:
    return "\u3000" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"


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
