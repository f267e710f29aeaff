"""Where an attempt stands, as pages show it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from schemas.vocabulary import Role
from services.drawer.progress import Act, Moments, Stage, Standing
from services.drawer.wording import time_left

START = datetime(2018, 12, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENTS = Moments(*(START + hours * HOUR for hours in (0, 24, 26, 27, 28, 400)))
BOTH = {"A", "B"}
FRESH = Standing(
    lead="A",
    agencies=("A", "B"),
    witness="W",
    moments=MOMENTS,
    max_missing=0,
    awaited="room-dice",
    committed=(),
    countersigned=(),
    revealed=(),
    sealed=False,
    drawn=False,
    disclosed=False,
    voided=False,
)
COMMITTED = replace(FRESH, committed=BOTH)
COUNTERSIGNED = replace(COMMITTED, countersigned=BOTH)
REVEALED = replace(COUNTERSIGNED, revealed=BOTH)
SEALED = replace(REVEALED, sealed=True)


@pytest.mark.parametrize(
    ("standing", "hours", "stage"),
    [
        (FRESH, 0, Stage.COMMIT),
        (FRESH, 24, Stage.COMMIT),
        (FRESH, 24.001, Stage.VOID),
        (COMMITTED, 1, Stage.COUNTERSIGN),
        (COMMITTED, 26, Stage.VOID),
        (COUNTERSIGNED, 25, Stage.REVEAL),
        (COUNTERSIGNED, 27, Stage.REVEAL),
        (COUNTERSIGNED, 27.001, Stage.VOID),
        (REVEALED, 25, Stage.SEAL),
        (SEALED, 30, Stage.DICE),
        (replace(SEALED, awaited=None), 25, Stage.DRAWING),
        (replace(SEALED, awaited="drand-quicknet"), 28, Stage.BEACON),
        (replace(SEALED, awaited=None, drawn=True), 28, Stage.DRAWN),
        (replace(SEALED, awaited=None, drawn=True, disclosed=True), 401, Stage.DISCLOSED),
        (replace(FRESH, voided=True), 1, Stage.VOID),
    ],
)
def test_the_stage_follows_from_who_has_spoken_and_the_clock(standing: Standing, hours: float, stage: Stage) -> None:
    now = START + timedelta(seconds=int(hours * 3600))

    assert standing.stage(now) == stage


def test_with_enough_reveals_the_witness_may_seal_from_reveal_close_on() -> None:
    three = ("A", "B", "C")
    standing = replace(FRESH, agencies=three, max_missing=1, committed=three, countersigned=three, revealed={"A", "B"})

    before = standing.acts_of("W", {Role.WITNESS}, START + 25 * HOUR)
    after = standing.acts_of("W", {Role.WITNESS}, START + 26 * HOUR)

    assert (before, after) == ((), (Act.SEAL,))
    assert standing.acts_of("C", {Role.DRAW_OFFICER}, START + 26 * HOUR) == (Act.REVEAL,)


def test_one_reveal_is_never_enough_for_two_agencies() -> None:
    standing = replace(COUNTERSIGNED, revealed={"A"}, max_missing=1)

    assert not standing.enough_reveals


def test_the_wrong_role_or_agency_is_offered_nothing() -> None:
    for agency, role in (("A", Role.PLANNER), ("X", Role.DRAW_OFFICER), ("W", Role.DRAW_OFFICER), ("A", Role.WITNESS)):
        for standing in (FRESH, COUNTERSIGNED, REVEALED, SEALED):
            assert standing.acts_of(agency, {role}, START + 25 * HOUR) == ()


@pytest.mark.parametrize(
    ("left", "zh", "en"),
    [
        (timedelta(days=1, hours=3, minutes=59), "还有 1 天 3 小时", "1 day 3 hours left"),
        (timedelta(hours=2, minutes=5, seconds=1), "还有 2 小时 6 分钟", "2 hours 6 minutes left"),
        (timedelta(seconds=1), "还有 1 分钟", "1 minute left"),
        (timedelta(), "已到时间", "now past"),
        (timedelta(seconds=-5), "已到时间", "now past"),
    ],
)
def test_time_left_is_said_in_words(left: timedelta, zh: str, en: str) -> None:
    words = time_left(START, START + left)

    assert (words.zh, words.en) == (zh, en)
