"""
The section form as a browser sends it, taken apart.

Fields: ``a:<item>:<question>`` answers, ``o:<item>`` outcomes, ``ft:<item>:<question>`` and ``fe:<item>:<question>``
text and evidence of the finding of a bad answer, ``ni:<n>``, ``nk:<n>``, ``nt:<n>``, ``ne:<n>`` item, kind, text and
evidence of a finding of one's own, ``e:<item>:<question>`` files, ``scan`` a scanned letter.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from services.results.domain.findings import Finding

OWN_FINDINGS = 20
MOST_FILES = 40


@dataclass
class Sent:
    """What a form held."""

    texts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    files: list[tuple[str, str, Any]] = field(default_factory=list)  # (item, question, file)
    scan: Any = None


async def sent(request: Request) -> AsyncIterator[Sent]:
    """Read the request's form and close its files at the end (a dependency)."""
    form = await request.form(max_files=MOST_FILES)
    try:
        yield take_apart(form)
    finally:
        await form.close()


def take_apart(form: FormData) -> Sent:
    """Sort the fields of a form by what they are."""
    found = Sent()
    for name, value in form.multi_items():
        kind, _, rest = name.partition(":")
        item, _, question = rest.partition(":")
        if isinstance(value, UploadFile):
            if value.filename and kind == "e":
                found.files.append((item, question, value))
            elif value.filename and kind == "scan":
                found.scan = value
        elif kind == "a":
            found.answers.setdefault(item, {})[question] = value
        elif kind == "o":
            found.outcomes[item] = value
        elif not rest:
            found.texts[name] = value
    found.findings = [*_explained(form), *_own(form)]
    return found


def _explained(form: FormData) -> list[dict[str, Any]]:
    found = []
    for name, value in form.multi_items():
        kind, _, rest = name.partition(":")
        if kind == "ft" and isinstance(value, str):
            item, _, question = rest.partition(":")
            evidence = [each for each in form.getlist(f"fe:{rest}") if isinstance(each, str)]
            found.append({"item": item, "question": question, "kind": "", "text": value, "evidence": evidence})
    return found


def _own(form: FormData) -> list[dict[str, Any]]:
    found = []
    for number in range(OWN_FINDINGS):
        text, item = form.get(f"nt:{number}"), form.get(f"ni:{number}")
        if isinstance(text, str) and isinstance(item, str) and text.strip():
            evidence = [each for each in form.getlist(f"ne:{number}") if isinstance(each, str)]
            kind = form.get(f"nk:{number}")
            found.append({"item": item, "question": "", "kind": kind, "text": text, "evidence": evidence})
    return found


def unsaved(fields: Sent) -> dict[str, Any]:
    """Hand what was typed to a view, unchecked, to be shown again."""
    findings = tuple(
        Finding(str(f["item"]), str(f["question"]), str(f["kind"] or ""), str(f["text"]), tuple(f["evidence"]))
        for f in fields.findings
    )
    return {"answers": fields.answers, "outcomes": fields.outcomes, "findings": findings}
