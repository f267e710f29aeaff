"""`make demo`: the whole campaign in a home of its own, with server and player as processes, then the proof of what came of it."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from onevisit import home as homes
from onevisit.demo import progress
from onevisit.demo.papers import Papers, demo_settings
from runtime.errors import Conflict

START_SECONDS = 60.0
MARK = ".onevisit-demo"  # stands in a folder that `onevisit demo` made or filled, from before anything else does
LEFT = ("home", "draw", "summary.json", MARK)  # what it leaves there


class FolderNotOurs(Conflict):
    """The folder for the results holds something that no demonstration left there, so nothing in it is deleted."""

    code = "demo.folder_not_ours"


def found(home: Path) -> None:
    """Make the demonstration's home on a simulated clock."""
    start = datetime.fromisoformat(str(Papers().demo["clock"]["start"]))
    homes.create(home, demo_settings(""), simulated_from=start)


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


def start_server(home: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the county's server on *home* as a process of its own, on a free port."""
    (home / "address").unlink(missing_ok=True)
    command = [sys.executable, "-m", "onevisit", "up", "--home", str(home), "--port", "0"]
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


def play_whole_campaign(to: Path, out: Console) -> int:
    """Play everything, write summary, record and frame, check the invariants; return the exit code."""
    make_room(to)
    home = to / "home"
    found(home)
    server, player = start_server(home), start_player(home)
    try:
        if not wait_until_up(home, server):
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
        stop(server)
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
