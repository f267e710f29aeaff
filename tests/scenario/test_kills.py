"""Killed at every failpoint of every service, several times a run, the county ends in the same state as undisturbed."""

import random
from pathlib import Path

import pytest

from runtime.events.failpoints import POINTS
from schemas.vocabulary import SERVICES
from tests.scenario.playing import Played, play

CONSUMING = ("read", "handled", "offset_stored")
SPEAKING = ("row_written", "committed", "relayed")

# The points in the order in which the story passes them often enough, each with how many passes are certain from there:
# everybody hears of agencies and accounts at the beginning; results hears little once its visits are open.
ORDER = [
    *((f"console.{point}", 6) for point in SPEAKING),
    *((f"{service}.{point}", 3) for point in CONSUMING for service in ("drawer", "results", "planner", "notifier")),
    *((f"planner.{point}", 4) for point in SPEAKING),
    *((f"drawer.{point}", 3) for point in SPEAKING),
    *((f"results.{point}", 8) for point in SPEAKING),
    *((f"notifier.{point}", 2) for point in SPEAKING),
]
KILLS = [point for point, _ in ORDER]
RUNS = 4


def runs() -> list[list[str]]:
    """Deal the points over the runs, in the order in which the story comes to them; each at a seeded pass."""
    chance = random.Random("OneVisit kills")
    hands = [ORDER[number::RUNS] for number in range(RUNS)]
    return [[f"{point}:{chance.randint(1, within)}" for point, within in hand] for hand in hands]


@pytest.mark.slow
@pytest.mark.xdist_group("county")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", runs(), ids=lambda kills: f"{len(kills)} kills from {kills[0]}")
def test_the_restarted_county_ends_in_the_same_state(kills: list[str], undisturbed: Played, tmp_path: Path) -> None:
    disturbed = play(tmp_path / "home", kills)

    assert disturbed.fired == [kill.split(":")[0] for kill in kills], "an armed failpoint was never hit"
    differing = {
        f"{service}.{table}"
        for service, tables in undisturbed.state.items()
        for table, digest in tables.items()
        if disturbed.state[service][table] != digest
    }
    assert differing == set()
    assert disturbed.summary == undisturbed.summary


def test_every_failpoint_of_every_service_is_dealt() -> None:
    dealt = {kill.split(":")[0] for hand in runs() for kill in hand}

    everything = {f"{service}.{point}" for service in SERVICES for point in POINTS}
    assert dealt == everything - {f"console.{point}" for point in CONSUMING}, "console hears nobody"
    assert len(KILLS) == len(dealt)
