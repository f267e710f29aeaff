"""
A bureau's own system, as small as it can be: from a key to the first assignment. Needs Python, pydantic and the folder ``schemas``.

    ONEVISIT_KEY=onevisit_K-… python partner.py https://onevisit.example.cn JT state.json

Reads the feed from where it stopped the last time, finds the visits of its agency, fetches the first one it has not fetched
before, and prints it as one line of JSON; nothing where there is nothing new. docs/howto/join.md goes through it.
"""

import json
import os
import sys
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from schemas.envelope import CloudEvent
from schemas.events.results import VisitScheduled
from schemas.registry import UnknownType, read_payload


class OneVisit:
    """The installation, as one of its agencies' systems sees it."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address.rstrip("/")
        self._key = key

    def get(self, path: str) -> tuple[Any, dict[str, str]]:
        """Fetch something; return what was answered, and the headers by their lower-case names."""
        headers = {"Authorization": f"Bearer {self._key}"}
        request = urllib.request.Request(self._address + path, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answered = {name.lower(): value for name, value in response.headers.items()}
            return json.load(response), answered

    def page(self, cursor: str) -> tuple[list[CloudEvent], str, bool]:
        """Read one page of the feed: events, the cursor behind them, and whether there are more."""
        events, headers = self.get(f"/api/feed?limit=100&after={cursor}")
        return (
            [CloudEvent.model_validate(event) for event in events],
            headers["feed-cursor"],
            headers["feed-more"] == "true",
        )


@dataclass
class Reader:
    """How far the feed was read: the last page that was worked through, and what was done of the next."""

    cursor: str = ""
    done: list[str] = field(default_factory=list)  # ids of events

    def next_assignment(self, onevisit: OneVisit, agency: str) -> Any:
        """Return the next visit of *agency* that the feed names, None if it names no other."""
        more = True
        while more:
            events, cursor, more = onevisit.page(self.cursor)
            for event in events:
                if event.id in self.done:
                    continue
                self.done.append(event.id)
                if (visit := visit_for(agency, event)) is not None:
                    return onevisit.get(f"/api/results/v1/visits/{visit}")[0]
            self.cursor, self.done = cursor, []
        return None


def visit_for(agency: str, event: CloudEvent) -> str | None:
    """Name the visit that an event gives to *agency*, if it gives it one."""
    try:
        fact = read_payload(event.type, event.data)
    except UnknownType:
        return None  # a fact of a later release
    return fact.visit if isinstance(fact, VisitScheduled) and agency in fact.agencies else None


def main(address: str, agency: str, kept: str) -> int:
    """Print the next assignment, and keep how far the feed was read."""
    file = Path(kept)
    reader = Reader(**json.loads(file.read_text("utf-8"))) if file.exists() else Reader()
    visit = reader.next_assignment(OneVisit(address, os.environ["ONEVISIT_KEY"]), agency)
    if visit is not None:
        print(json.dumps(visit, ensure_ascii=False))
    file.write_text(
        json.dumps(asdict(reader)), "utf-8"
    )  # after the work: what is done twice does no harm, what is skipped does
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
