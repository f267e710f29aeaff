"""Killed at every failpoint of every service, several times a run, the county ends in the same state as undisturbed."""

import random
from collections import Counter
from pathlib import Path

import pytest

from runtime.events.failpoints import POINTS
from schemas.vocabulary import SERVICES
from tests.scenario.playing import Played, play

CONSUMING = ("read", "handled", "offset_stored")
POINTS_PASSED = [
    f"{service}.{point}"
    for service in SERVICES
    for point in POINTS
    if service != "console" or point not in CONSUMING  # console hears nobody
]
RUNS = 4
SURE = 0.85
"""Share of the passes between two kills that a kill waits for: how many events share a batch differs from run to run."""

FROZEN, INSPECTED = "2018-12-06", "2018-12-10"
"""Each run is killed before the frame is frozen and after the first day of inspections, by the plan's calendar."""


def kills_of(number: int, passed: list[str]) -> list[str]:
    """
    Deal run *number* its share of the points, each with a seeded pass of an undisturbed run.

    A run's first point comes early among the passes of its kind, its last one late, so that the kills are spread over
    the whole story. A count says how many passes after the kill before it (a restarted server counts anew).

    Args:
        number: 0 … RUNS - 1.
        passed: The passes of an undisturbed run, in their order.

    Returns:
        ``service.point:count``, in the order of the story.
    """
    chance = random.Random(f"OneVisit kills {number}")
    hand = POINTS_PASSED[number::RUNS]
    moments = []
    for turn, point in enumerate(hand):
        passes = [at for at, name in enumerate(passed) if name == point]
        moments.append((passes[int(len(passes) * 0.9 * chance.uniform(turn, turn + 1) / len(hand))], point))
    kills: list[str] = []
    before = -1
    for moment, point in sorted(moments):
        passes = [at for at in range(before + 1, max(moment, before + 1) + 1) if passed[at] == point]
        count = max(1, int(len(passes) * SURE))
        kills.append(f"{point}:{count}")
        before = passes[count - 1] if passes else moment
    return kills


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.xdist_group(f"kills {n}")) for n in range(RUNS)])
def test_the_restarted_county_ends_in_the_same_state(number: int, undisturbed: Played, tmp_path: Path) -> None:
    kills = kills_of(number, undisturbed.passed)
    disturbed = play(tmp_path / "home", kills)

    print(dict(zip(kills, disturbed.died_at, strict=True)))
    assert disturbed.fired == [kill.split(":")[0] for kill in kills], "an armed failpoint was never hit"
    assert disturbed.died_at[0] < FROZEN, "killed while the campaign is prepared"
    assert disturbed.died_at[-1] > INSPECTED, "killed while results are entered, approved, published and referred"
    differing = {
        f"{service}.{table}"
        for service, tables in undisturbed.state.items()
        for table, digest in tables.items()
        if disturbed.state[service][table] != digest
    }
    assert differing == set()
    assert disturbed.summary == undisturbed.summary


def test_every_failpoint_of_every_service_is_passed_and_dealt(undisturbed: Played) -> None:
    passed = Counter(undisturbed.passed)
    dealt = [kill.split(":")[0] for number in range(RUNS) for kill in kills_of(number, undisturbed.passed)]

    assert set(passed) == set(POINTS_PASSED)
    assert sorted(dealt) == sorted(POINTS_PASSED)
