"""
``onevisit`` at another time than the machine's: ``python -m tests.scenario.elsewhen 2028-02-29T10:00+08:00 up --home …``.

Business time is taken from the machine's clock in one place only; that place is moved by as much as the wanted moment
lies away from the real one, and so are the founding of a home and its player. Sessions and retries go on in real time.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from onevisit.cli import main
from onevisit.demo import county, progress
from runtime.time.clock import SystemClock


def move_to(moment: datetime) -> None:
    """Let this process, and the player it starts, take *moment* for now."""
    away = moment - datetime.now(UTC)
    really_found, really_follow = county.found, progress.follow

    def now(clock: SystemClock) -> datetime:
        return datetime.now(UTC) + away

    def found(path: Path, *, demo: bool, today: datetime | None = None) -> None:
        really_found(path, demo=demo, today=today or moment)

    def follow(command: list[str], out: Console) -> int:
        return really_follow([*command, "--now", moment.isoformat()], out)

    SystemClock.now = now  # type: ignore[method-assign, assignment]
    county.found = found
    progress.follow = follow


if __name__ == "__main__":
    move_to(datetime.fromisoformat(sys.argv.pop(1)))
    main()
