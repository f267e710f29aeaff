"""
The demo driver, a process of its own: ``python -m onevisit.demo.play --home H``.

It reads the first passwords from the home's secrets, as their owners know them, and does everything else over HTTP. It
tells its progress as JSON lines on stdout.
"""

import argparse
import gc
import json
import os
import sys
import threading
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from onevisit.demo import papers
from onevisit.demo.moved import FOURTH_DAY, SHANGHAI, Move, into_today, unmoved
from onevisit.demo.player import Player, StepRefused
from onevisit.demo.story import Story
from onevisit.home import ADMIN_LOGIN
from runtime.secrets import Secrets

LEFT_OPEN_FROM = time(8, 35)  # of the fourth inspection day: what comes then is left to the newcomer


def end_with_stdin() -> None:
    """Wait until stdin closes, and end this process at once: every step may be left half done and taken again."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def tell(**facts: Any) -> None:
    """Print a line of progress."""
    print(json.dumps(facts, ensure_ascii=False), flush=True)


def moved_pack(move: Move) -> bytes:
    """Write the rule pack NX-DEMO: NX-2018 under another name, its edition's day and the year in its title moved."""
    text = papers.PACK.read_text(encoding="utf-8")
    edition = move.day(date(2018, 11, 28))
    text = text.replace('id = "NX-2018"', 'id = "NX-DEMO"', 1)
    text = text.replace("edition = 2018-11-28", f"edition = {edition.isoformat()}", 1)
    text = text.replace("规则（2018年）", f"规则（{edition.year}年）", 1)
    return text.encode()


def story_of(home: Path, today: date | None) -> Story:
    """Prepare the story for a home: in its own time, or moved into *today*."""
    secrets = Secrets.load(home / "secrets.toml")
    player = Player(lambda: (home / "address").read_text(encoding="ascii").strip(), secrets.password, ADMIN_LOGIN)
    calendar = papers.read_calendar()
    if today is None:
        return Story(player, unmoved(calendar), papers.PACK.read_bytes(), "NX-2018")
    move = into_today(calendar, today)
    return Story(player, move, moved_pack(move), "NX-DEMO")


def main() -> int:
    """Play the story; return the exit code."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--home", type=Path, required=True)
    asked.add_argument(
        "--today", type=date.fromisoformat, help="move the campaign so that this day is in its inspection stage"
    )
    asked.add_argument(
        "--until", type=datetime.fromisoformat, help="stop at this moment of the campaign's own time (for tests)"
    )
    asked.add_argument("--now", type=datetime.fromisoformat, help="what time it is, if not the machine's (for tests)")
    asked.add_argument("--attached", action="store_true", help="end when stdin closes: whoever started this is gone")
    arguments = asked.parse_args()
    if arguments.attached:
        threading.Thread(target=end_with_stdin, name="attached", daemon=True).start()
    story = story_of(arguments.home, arguments.today)
    gc.freeze()
    story.papers.read()  # while the county starts
    try:
        if arguments.today is None:
            play_all(story, arguments.until)
        else:
            play_until_now(story, arguments.now or datetime.now(SHANGHAI))
    except StepRefused as refused:
        tell(refused=str(refused))
        return 1
    finally:
        story.player.close()
    return 0


def play_all(story: Story, until: datetime | None = None) -> None:
    """Play every beat, or those up to *until* (aware)."""
    beats = [beat for beat in story.beats() if until is None or story.move.moment(beat.day, beat.at) <= until]
    for number, beat in enumerate(beats, start=1):
        _play(story, beat.day, beat.at, beat.says, number, len(beats))
        beat.act()
    story.player.move_clock(until or story.move.moment(beats[-1].day, beats[-1].at))


def play_until_now(story: Story, now: datetime) -> None:
    """Play the beats before the fourth inspection day's work begins, let the clock catch up, and propose one more campaign."""
    until = min(now, story.move.moment(FOURTH_DAY, LEFT_OPEN_FROM))
    beats = [beat for beat in story.beats() if story.move.moment(beat.day, beat.at) <= until]
    for number, beat in enumerate(beats, start=1):
        _play(story, beat.day, beat.at, beat.says, number, len(beats) + 1)
        beat.act()
    story.player.move_clock(now)
    story.player.post("go-real", story.player.admin, "/api/demo/v1/clock/go-real")
    tell(number=len(beats) + 1, of=len(beats) + 1, says="发起第二个联合抽查", moment=now.isoformat())
    story.propose_second()


def _play(story: Story, day: date, at: time, says: str, number: int, of: int) -> None:
    moment = story.move.moment(day, at)
    tell(number=number, of=of, says=says, moment=moment.astimezone(SHANGHAI).isoformat())
    story.player.move_clock(moment)


if __name__ == "__main__":
    sys.exit(main())
