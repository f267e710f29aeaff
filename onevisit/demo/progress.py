"""The player's progress, shown to whoever waits."""

import json
import subprocess
from datetime import datetime
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from onevisit.demo.moved import SHANGHAI


def start(command: list[str]) -> subprocess.Popen[str]:
    """
    Start a player that ends when this process does, however it ends: the pipe it holds on to closes with us.

    A player left behind by a killed county would play on against the next one, beside that one's own player.
    """
    return subprocess.Popen(
        [*command, "--attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def follow(command: list[str], out: Console) -> int:
    """Run the player and show its progress; return its exit code."""
    return show(start(command), out)


def show(player: subprocess.Popen[str], out: Console) -> int:
    """Show the progress of a player that runs, to its end; return its exit code."""
    with player:
        assert player.stdout is not None
        bar = Progress(
            TextColumn("{task.fields[moment]}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=out,
        )
        with bar:
            _show(player.stdout, bar)
    return player.returncode


def _show(lines: IO[str], bar: Progress) -> None:
    task = bar.add_task("", total=None, moment="")
    for line in lines:
        told = json.loads(line)
        if "refused" in told:
            bar.console.print(told["refused"], style="red", markup=False)
            continue
        moment = datetime.fromisoformat(told["moment"]).astimezone(SHANGHAI)
        bar.update(
            task,
            total=told["of"],
            completed=told["number"],
            description=told["says"],
            moment=f"{moment:%Y-%m-%d %H:%M}",
        )
