"""A small real home with something parked and something waiting, and the command line called as an operator calls it."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from onevisit import cli
from onevisit import home as homes
from onevisit.home import HomeSettings
from onevisit.system import System, build
from runtime import log
from runtime.events import processing
from runtime.events.bus import Message
from schemas.envelope import wrap
from schemas.events.accounts import AgencyRegistered
from schemas.events.payload import Payload
from schemas.vocabulary import AgencyKind
from tests.kit import COUNTY, START

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "schemas" / "golden"
MARK = "91640221DEM0003132"
"""A credit code, as a bug's own text may hold it."""


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def onevisit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``onevisit`` with these words, in this process."""
    monkeypatch.setattr(log, "set_up", lambda *asked: None)  # the log of the whole process belongs to pytest

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["onevisit", *map(str, words)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return run


def opened(home: Path) -> System:
    """Open a home without running anything."""
    return build(homes.open_home(home))


def message(payload: Payload, *, service: str, number: int, traceparent: str | None = None) -> Message:
    """Encode an event as its owner says it."""
    event = wrap(
        payload,
        event_id=f"e{number}",
        service=service,
        at=START,
        correlation_id=f"e{number}",
        causation_id=None,
        traceparent=traceparent,
    )
    return Message(payload.topic, payload.partition_key, event.id, event.encode())


def agency(code: str) -> AgencyRegistered:
    return AgencyRegistered(
        county=COUNTY, agency=code, kind=AgencyKind.AGENCY, name=f"某县{code}局", short_name=f"{code}局"
    )


def golden(name: str, topic: str) -> Message:
    """Take a golden example as it stands on the log."""
    body = (GOLDEN / f"{name}.json").read_bytes()
    told = json.loads(body)
    return Message(topic, told["partitionkey"], told["id"], body)


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("operated") / "home"
    homes.create(home, HomeSettings())
    system = opened(home)
    try:
        system.migrate()
        system.bus.append(
            [
                Message("accounts", "?\t?", "unreadable", b"\xff not an event"),
                message(agency("JT"), service="console", number=1),
                message(agency("GA"), service="console", number=2),
            ]
        )
        _let_fail(system)
        system.bus.append([golden("onevisit.draw.disclosed.v1", "draws")])
        system.services["results"].consume()
    finally:
        system.close()
    return home


def _let_fail(system: System) -> None:
    """Let planner stumble over JT by a bug that names a firm, until it parks the event."""
    planner = system.services["planner"]
    mended = planner.processor.handlers[AgencyRegistered]

    def stumble(event: Any, blobs: Any, session: Any) -> None:
        if event.data.agency == "JT":
            raise KeyError(MARK)
        for handler in mended:
            handler.run(event, blobs, session)

    planner.processor.handlers[AgencyRegistered] = (replace(mended[0], run=stumble),)
    backoff, processing.BACKOFF_SECONDS = processing.BACKOFF_SECONDS, (0.0, 0.0, 0.0)
    try:
        planner.consume()
        for _ in range(processing.ATTEMPTS):
            planner.processor.look_at_waiting()
            planner.processor.run_ready()
    finally:
        processing.BACKOFF_SECONDS = backoff


@pytest.fixture
def home(_made: Path, tmp_path: Path) -> Path:
    """A home of one's own: planner has parked an unreadable message and one it stumbled over, results waits."""
    return shutil.copytree(_made, tmp_path / "home")


@pytest.fixture
def empty_home(tmp_path: Path) -> Path:
    """A home that was made and never migrated."""
    homes.create(tmp_path / "empty", HomeSettings())
    return tmp_path / "empty"
