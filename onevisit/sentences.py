"""Every sentence of every part, for the command line; found without importing the parts."""

from collections.abc import Iterator
from pathlib import Path

from runtime.errors import OneVisitError
from runtime.web.messages import OWN, Messages

ROOT = Path(__file__).parent.parent


def sentences() -> Messages:
    """Read the sentences of every part."""
    others = sorted(
        file for part in ("runtime", "services", "onevisit") for file in (ROOT / part).glob("**/messages.toml")
    )
    return Messages(OWN, *(file for file in others if file != OWN))


def lines_about(error: OneVisitError) -> Iterator[str]:
    """Say a refusal in Chinese and in English, each with its next step, and name its code."""
    sentence = sentences().about(error)
    yield f"{sentence.zh}{sentence.next_zh}"
    yield f"{sentence.en} {sentence.next_en}".rstrip()
    yield f"[{error.code}]"
