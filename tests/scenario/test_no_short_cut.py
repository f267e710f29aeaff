"""Nothing reaches another service but through its outbox and the log, and nobody drives the demonstration from inside."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from onevisit.demo import play as player_process
from onevisit.demo import stand
from onevisit.demo.papers import ROOT
from onevisit.demo.story import Story
from runtime.events import failpoints
from tests.scenario.playing import Played, play

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("walls"), pytest.mark.timeout(300)]

LISTS_READ = datetime.fromisoformat("2018-11-28T10:00+08:00")
NEVER = "console.committed:1000000"


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A county with its lists and people, killed once on the way, with a second kill armed that never comes."""
    return play(tmp_path_factory.mktemp("early") / "home", kills=["console.committed:3", NEVER], until=LISTS_READ)


def test_an_armed_failpoint_that_is_never_hit_is_noticed(early: Played) -> None:
    """Why test_kills compares what fired with what was armed: here the second never fired, and there it would fail."""
    assert early.fired == ["console.committed"]


def test_a_failpoint_that_is_misspelt_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown failpoint"):
        failpoints.arm("planner.comitted:1")
    failpoints.arm("")


def test_the_driver_knows_nothing_but_http() -> None:
    """What the driver's process loads: neither a service nor a database."""
    code = (
        "import json, sys, onevisit.demo.play; "
        "print(json.dumps([m for m in sys.modules if m.split('.')[0] in ('services', 'sqlalchemy', 'fastapi')"
        " or m in ('onevisit.system', 'runtime.service', 'runtime.store.database')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert json.loads(done.stdout) == []


@pytest.fixture
def served(early: Played) -> Iterator[Story]:
    """The early county, served again, and somebody to act in it."""
    server = stand.start_server(early.home)
    try:
        assert stand.wait_until_up(early.home, server)
        assert server.pid not in _parents_of_this_process(), "who acts here was not started by the server"
        story = player_process.story_of(early.home, None)
        yield story
        story.player.close()
    finally:
        stand.stop_server(server)


def _parents_of_this_process() -> set[int]:
    found, pid = set(), "self"
    while pid not in ("0", "1"):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        pid = stat.rsplit(")", 1)[1].split()[1]
        found.add(int(pid))
    return found


def test_with_the_relays_stopped_commands_succeed_and_nothing_downstream_changes(served: Story) -> None:
    player = served.player
    before = notices(served)

    player.post("stop", player.admin, "/api/demo/v1/relays", {"paused": True})
    served.propose()
    time.sleep(1.5)  # much longer than a relay or a worker idles
    proposed = player.get("jt-plan", "/api/planner/v1/campaigns")["campaigns"]
    seen = [player.get("ga-plan", "/api/planner/v1/campaigns")["campaigns"], notices(served)]
    clock = player.get(player.admin, "/api/demo/v1/clock")

    assert [each["state"] for each in proposed] == ["proposed"]
    assert [len(seen[0]), seen[1]] == [1, before], "planner itself knows; notifier has heard nothing"
    assert clock["settled"] is False, "the facts wait in the outbox"

    player.post("go-on", player.admin, "/api/demo/v1/relays", {"paused": False})
    wait_for(lambda: notices(served) > before)
    wait_for(lambda: bool(player.get(player.admin, "/api/demo/v1/clock")["settled"]))


def notices(story: Story) -> int:
    """Count the notices of a partner's planner."""
    return len(story.player.get("ga-plan", "/api/notifier/v1/notices")["notices"])


def wait_for(happens: Callable[[], bool]) -> None:
    """Wait until something happens."""
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)
