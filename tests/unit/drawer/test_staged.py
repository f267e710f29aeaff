"""Staged draws: the second stage is over exactly the targets of the first, and draws nobody anew."""

from dataclasses import replace

from services.drawer.domain import drafting, frame, outcome, staged
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.manifest import Manifest, Parent, Selection
from services.drawer.domain.manifest_rules import StagedDrawNotFull
from services.drawer.domain.quota import Count, Full
from services.drawer.domain.staged import ParentDiffers
from tests.unit.drawer.draws import a_played_room, refused, rosters, secret, terms
from tests.unit.drawer.replaced import a_played_round, outcome_of

ROOM = a_played_room()
FIRST = outcome_of(ROOM)
PARENT = Parent(ROOM.attempt.digest.hex(), FIRST.result_digest.hex())
FULL = (Selection("officers", ("AJ-01", "GA-01", "JT-01"), {"A": Full(), "B": Full()}),)


def second(file: bytes, parent: Parent | None = PARENT) -> Manifest:
    census = frame.survey(SHA256, {"s": frame.rows_of(file)})
    return drafting.draft(terms(parent=parent, selections=FULL, draw="D-640221-2026-002"), census)


def test_officers_are_sent_to_the_targets_of_the_first_stage() -> None:
    file = staged.frame_of_targets("s", FIRST.kinds)
    manifest = second(file)
    rows = {"s": frame.rows_of(file)}

    staged.check_parent(manifest, rows, ROOM.attempt.digest, FIRST.result_digest, FIRST.visits)
    found = outcome.compute(manifest, rows, secret("second seed"), rosters())

    assert set(found.visits) == set(FIRST.visits)


def test_a_stage_after_a_round_is_over_the_targets_that_stand_then() -> None:
    done = a_played_round(ROOM).replaced()
    standing = {target: done.after.kinds[target] for target in done.after.strata}
    file = staged.frame_of_targets("s", standing)
    manifest = second(file, replace(PARENT, result=done.result_digest.hex()))

    staged.check_parent(manifest, {"s": frame.rows_of(file)}, ROOM.attempt.digest, done.result_digest, done.visits)
    with refused(ParentDiffers, part="targets"):
        old = staged.frame_of_targets("s", FIRST.kinds)
        again = second(old, replace(PARENT, result=done.result_digest.hex()))
        staged.check_parent(again, {"s": frame.rows_of(old)}, ROOM.attempt.digest, done.result_digest, done.visits)


def test_another_parent_is_refused_by_what_differs() -> None:
    file = staged.frame_of_targets("s", FIRST.kinds)
    rows = {"s": frame.rows_of(file)}
    known = (rows, ROOM.attempt.digest, FIRST.result_digest, FIRST.visits)

    with refused(ParentDiffers, part="none"):
        staged.check_parent(second(file, None), *known)
    with refused(ParentDiffers, part="manifest"):
        staged.check_parent(second(file, replace(PARENT, manifest="0" * 64)), *known)
    with refused(ParentDiffers, part="result"):
        staged.check_parent(second(file, replace(PARENT, result="0" * 64)), *known)


def test_a_second_stage_that_draws_again_is_refused() -> None:
    census = frame.survey(SHA256, {"s": frame.rows_of(staged.frame_of_targets("s", FIRST.kinds))})
    some = (Selection("officers", FULL[0].lines, {"A": Count(1), "B": Full()}),)

    with refused(StagedDrawNotFull, **{"selection": "officers", "class": "A"}):
        drafting.draft(terms(parent=PARENT, selections=some), census)
