"""Playing the campaign in tests: server and player as processes, the server killed and started again where asked."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from onevisit import home as homes
from onevisit.demo import outcome, stand
from onevisit.system import System, build
from runtime.events.bus import Record
from runtime.service import Service
from runtime.time.clock import DurableClock
from schemas.topics import TOPICS

PLAY_SECONDS = 400.0
EVERYTHING = 10_000_000


@dataclass(frozen=True)
class Played:
    """
    What a run left behind; the summary is one of the whole campaign, and empty where it was not played to the end.

    ``fired`` lists the failpoints that killed the server; ``died_at`` the campaign's moment (ISO 8601) of each; ``passed``
    all passes of all failpoints in their order, where the run was traced; ``seconds`` how long it took to play.
    """

    home: Path
    summary: dict[str, Any]
    state: dict[str, dict[str, str]]
    fired: list[str]
    died_at: list[str]
    passed: list[str]
    seconds: float


def opened(home: Path) -> System:
    """Open what a run left, without running anything."""
    return build(homes.open_home(home))


@contextmanager
def copied(home: Path, to: Path) -> Iterator[System]:
    """Open a copy of what a run left, to do with it as one likes; nothing runs by itself."""
    shutil.copytree(home, to, ignore=shutil.ignore_patterns("lock", "*.lock", "address"))
    system = opened(to)
    try:
        yield system
    finally:
        system.close()


@contextmanager
def unfed(home: Path, to: Path) -> Iterator[System]:
    """
    Open a county with the documents and secrets of *home* that has heard of nothing yet: its databases are empty.

    Planner keeps what its own people did: its handlers write about campaigns that only its commands make.
    """
    shutil.copytree(
        home, to, ignore=shutil.ignore_patterns("lock", "*.lock", "address", "db", "log.sqlite*", "backups")
    )
    (to / "db").mkdir()
    for file in (home / "db").glob("planner.sqlite*"):
        shutil.copy(file, to / "db" / file.name)
    system = opened(to)
    try:
        system.migrate()
        drop_projections(system.services["planner"])
        yield system
    finally:
        system.close()


def drop_projections(service: Service) -> None:
    """Let a service forget what it heard, and that it heard it."""
    tables = [table for table in service.base.metadata.sorted_tables if table.info["kind"] == "projection"]
    with service.db.write(service.system) as session:
        for table in reversed(tables):
            session.connection().execute(table.delete())
        service.processor.forget(session.connection())


def records_of(home: Path) -> list[Record]:
    """
    Read everything that was said in a run, dead letters included, in the order of saying.

    The run is shared by all workers, so nobody takes it for itself.
    """
    system = build(homes.open_home(home, exclusive=False))
    try:
        return system.bus.read(sorted(TOPICS), {}, EVERYTHING)
    finally:
        system.close()


def run_waiting(service: Service) -> None:
    """Run what waits and will run by itself, until nothing does any more: all that is tried again included."""
    while service.backlog().ready:
        service.processor.look_at_waiting()
        service.processor.run_ready()


def play(home: Path, kills: Sequence[str] = (), until: datetime | None = None, *, traced: bool = False) -> Played:
    """
    Play the campaign on a new *home*.

    Args:
        home: Where; made here.
        kills: Failpoints (``service.point:count``), armed one after the other: the server dies at the first, is started
            again with the second armed, and so on; after the last it runs to the end.
        until: Stop at this moment of the campaign (aware); None: play the whole of it.
        traced: Whether to note every pass of every failpoint.
    """
    started = time.monotonic()
    stand.found(home)
    log, trace = home / "fired", home / "passed"
    environment = {"ONEVISIT_FAILPOINT_LOG": str(log)} | ({"ONEVISIT_FAILPOINT_TRACE": str(trace)} if traced else {})
    armed, died_at = list(kills), list[str]()
    server = _start(home, armed, environment)
    player: subprocess.Popen[bytes] | None = None
    end = time.monotonic() + PLAY_SECONDS
    try:
        while not stand.wait_until_up(home, server):  # a kill may come before it is up
            assert server.poll() is not None, "the server did not come up in time"
            assert armed, "the server ended by itself"
            died_at.append(DurableClock(home / "clock.json").now().isoformat())
            armed = armed[1:]
            server = _start(home, armed, environment)
        with open(home / "player.log", "wb") as output:
            player = subprocess.Popen(_player(home, until), stdout=output, stderr=output)
        while player.poll() is None:
            assert time.monotonic() < end, f"not played in {PLAY_SECONDS} s"
            if server.poll() is not None:
                died_at.append(DurableClock(home / "clock.json").now().isoformat())
                armed = armed[1:]
                server = _start(home, armed, environment)
            time.sleep(0.02)
        assert player.returncode == 0, (home / "player.log").read_text(encoding="utf-8")[-3000:]
    finally:
        if player is not None and player.poll() is None:
            player.kill()
            player.wait(10)
        stand.stop_server(server)
    seconds = time.monotonic() - started
    system = opened(home)
    try:
        summary = {} if until else outcome.summarize(system)
        return Played(home, summary, system.state(), _lines(log), died_at, _lines(trace), seconds)
    finally:
        system.close()


def _player(home: Path, until: datetime | None) -> list[str]:
    command = [sys.executable, "-m", "onevisit.demo.play", "--home", str(home)]
    return command if until is None else [*command, "--until", until.isoformat()]


def _start(home: Path, armed: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return stand.start_server(home, environment | {"ONEVISIT_FAILPOINTS": armed[0] if armed else ""})


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").split() if file.exists() else []
