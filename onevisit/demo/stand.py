"""
`make demo`: the whole campaign in a home of its own, with server and player as processes, then the proof of what came of it.

On Kafka and PostgreSQL the server is several processes: web, timers and a worker for every service that hears.
"""

import gc
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from onevisit import home as homes
from onevisit.databases import PostgresSettings
from onevisit.demo import progress
from onevisit.demo.papers import Papers, demo_settings
from runtime.errors import Conflict
from schemas.vocabulary import SERVICES

START_SECONDS = 240.0  # a busy machine starts six processes
MARK = ".onevisit-demo"  # stands in a folder that `onevisit demo` made or filled, from before anything else does
WHOLE = (("up",),)
PARTS = (("serve", "web"), ("serve", "timers"), *(("serve", "worker", name) for name in SERVICES if name != "console"))
LEFT = ("home", "draw", "summary.json", MARK)  # what it leaves there


class FolderNotOurs(Conflict):
    """The folder for the results holds something that no demonstration left there, so nothing in it is deleted."""

    code = "demo.folder_not_ours"


@dataclass(frozen=True)
class Servers:
    """On what a distributed demonstration is played; it makes a database, roles and topics of its own there."""

    kafka: str  # host:port
    postgres: str  # address with a role that may make databases and roles, and its password


def found(home: Path, settings: homes.HomeSettings | None = None) -> None:
    """Make the demonstration's home on a simulated clock."""
    start = datetime.fromisoformat(str(Papers().demo["clock"]["start"]))
    homes.create(home, settings or demo_settings(""), simulated_from=start)


def found_on(servers: Servers, home: Path) -> None:
    """
    Make the demonstration's home on *servers*: nothing that is there already is touched.

    Raises:
        PostgresNotInstalled, KafkaNotInstalled: the packages for them are missing.
    """
    import asyncio

    from onevisit.brokers import imported, reached
    from onevisit.databases import provision_all
    from runtime.store.places import postgres

    name = f"onevisit_demo_{secrets.token_hex(4)}"
    at = urlsplit(servers.postgres)
    database = f"postgresql://{{service}}_{name}@{at.hostname}:{at.port or 5432}/{name}"
    kafka: homes.Section = {"bootstrap": servers.kafka, "prefix": f"{name}."}
    told = {"postgres": PostgresSettings(url=database), "kafka": kafka}
    found(home, demo_settings("").model_copy(update=told))
    postgres().make_database(servers.postgres, name)
    provision_all(home, PostgresSettings(url=database), at._replace(path=f"/{name}").geturl())
    asyncio.run(imported("runtime.events.kafka_topics").apply(reached(home, kafka)))
    subprocess.run(
        [sys.executable, "-m", "onevisit", "migrate", "--home", str(home)], check=True, stdout=subprocess.DEVNULL
    )


def make_room(to: Path) -> None:
    """
    Empty the folder *to* of an earlier demonstration, or make it.

    Raises:
        FolderNotOurs: it is no folder, or holds anything else; nothing was deleted.
        HomeBusy: the earlier demonstration still runs.
    """
    if to.exists() and not to.is_dir():
        raise FolderNotOurs(path=str(to), found=[to.name])
    found = {entry.name for entry in to.iterdir()} if to.exists() else set()
    strange = found - set(LEFT) if found and _is_demo(to) else found
    if strange:
        raise FolderNotOurs(path=str(to), found=sorted(strange)[:5])
    if homes.exists(to / "home"):
        homes.open_home(to / "home").close()
    to.mkdir(parents=True, exist_ok=True)
    (to / MARK).touch()
    for folder in ("home", "draw"):
        if (to / folder).exists():
            shutil.rmtree(to / folder)
    (to / "summary.json").unlink(missing_ok=True)


def _is_demo(to: Path) -> bool:
    """Tell whether an earlier demonstration left *to*: by a home as ``found`` makes it, or, cut off before, by the mark."""
    if not homes.exists(to / "home"):
        return (to / MARK).exists()
    try:
        settings = homes.settings_of(to / "home")
    except homes.SettingsBroken:
        return False
    return settings.demo and not settings.demo_today


def start_server(
    home: Path, environment: Mapping[str, str] | None = None, words: Sequence[str] = ("up",)
) -> subprocess.Popen[bytes]:
    """Start the county's server on *home*, or the part of it that *words* name, as a process of its own, on a free port."""
    if words in (("up",), ("serve", "web")):
        (home / "address").unlink(missing_ok=True)
    command = [sys.executable, "-m", "onevisit", *words, "--home", str(home), "--port", "0"]
    return subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL)


def wait_until_up(home: Path, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server has written its address; False if it ended before."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if (home / "address").exists():
            return True
        if server.poll() is not None:
            return False
        time.sleep(0.02)
    return False


def start_player(home: Path) -> subprocess.Popen[str]:
    """Start the player as a process of its own; it reads its papers and waits for the county's address."""
    return progress.start([sys.executable, "-m", "onevisit.demo.play", "--home", str(home)])


def stop(process: subprocess.Popen[Any]) -> None:
    """Ask a process to stop, and wait; one that has ended stays as it is."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop, and wait."""
    stop(server)


def play_whole_campaign(to: Path, out: Console, servers: Servers | None = None) -> int:
    """Play everything, write summary, record and frame, check the invariants; return the exit code."""
    make_room(to)
    home = to / "home"
    if servers is None:
        found(home)
    else:
        found_on(servers, home)
    processes = [start_server(home, words=words) for words in (PARTS if servers else WHOLE)]
    player = start_player(home)
    try:
        if not wait_until_up(home, processes[0]):
            out.print("[red]系统未能启动 / the county did not start[/red]; see logs/onevisit.log")
            return 1
        from onevisit.demo import outcome  # the whole system, two seconds of import: while the others play
        from onevisit.system import build

        gc.enable()  # see onevisit/__main__.py
        applying = outcome.items_by_category()
        if played := progress.show(player, out):
            return played
    finally:
        stop(player)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            stop(process)
    system = build(homes.open_home(home))
    try:
        summary = outcome.summarize(system)
        outcome.write_results(system, summary, to)
        visits = outcome.broken_visits(system, summary, applying)
    finally:
        system.close()
    out.print(outcome.for_people(summary))
    broken = outcome.broken_invariants(summary) + visits + outcome.verify_offline(to)
    for name in broken:
        out.print(f"[red]不变量被破坏 / invariant broken: {name}[/red]")
    return 1 if broken else 0
