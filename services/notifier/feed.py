"""The feed's table of this installation, read once from ``feed.toml``."""

import tomllib
from pathlib import Path

from services.notifier.domain.feed import FeedTable, read_table

PATH = Path(__file__).with_name("feed.toml")


def load(path: Path = PATH) -> FeedTable:
    """
    Read and check a table.

    Raises:
        BadFeed: it says something that has no meaning here.
    """
    return read_table(tomllib.loads(path.read_text("utf-8")))


FEED = load()
