"""Played campaigns, each played once and shared by every test that looks at it, in whatever worker it runs."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.scenario.marks import Marks, collect, mark_choices
from tests.scenario.playing import Played, copied, play
from tests.scenario.town import Town

MIDWAY = datetime.fromisoformat("2018-12-12T16:00+08:00")
"""In the third day of inspections: one day's results approved, one day's entered, six visits still to come."""


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Played]) -> Played:
    """Let the first worker that comes play it; the others wait, and read what it left."""
    root = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    told = root / f"{name}.json"
    with open(root / f"{name}.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            shutil.rmtree(root / name, ignore_errors=True)
            played = make(root / name / "home")
            told.write_text(json.dumps(asdict(played), default=str), encoding="utf-8")
    facts = json.loads(told.read_text(encoding="utf-8"))
    return Played(**facts | {"home": Path(facts["home"])})


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The campaign played from beginning to end with nothing going wrong."""
    return _once(tmp_path_factory, "undisturbed", lambda home: play(home, traced=True))


@pytest.fixture(scope="session")
def midway(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The campaign played into its inspection stage: nothing is disclosed, and partners have results not yet approved."""
    return _once(tmp_path_factory, "midway", lambda home: play(home, until=MIDWAY))


@pytest.fixture(scope="session")
def town(midway: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The county midway, with a door for everybody, and every answer a mark; whoever is refused leaves it as it was."""
    with copied(midway.home, tmp_path_factory.mktemp("town") / "home") as system:
        mark_choices(system)
        with capture_logs():
            built = Town(system)
        yield built


@pytest.fixture(scope="session")
def marks(town: Town) -> Marks:
    """What may turn up in the county midway."""
    return collect(town.system)
