"""The rule table of this installation, read once from ``rules.toml``."""

import tomllib
from pathlib import Path

from services.notifier.domain.rules import RuleTable, read_rules

PATH = Path(__file__).with_name("rules.toml")


def load(path: Path = PATH) -> RuleTable:
    """
    Read and check a rule table.

    Raises:
        BadRule: it says something that has no meaning here.
    """
    return read_rules(tomllib.loads(path.read_text("utf-8")))


RULES = load()
