"""Disclosure: what leaves at once shows nobody, and the rest waits for its moment."""

import json
from typing import Any

import pytest

from services.drawer.domain import disclosure, record
from services.drawer.domain.disclosure import NotOpenYet, NotVisitedYet, VisitOfAnother
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.ticket import target_key, ticket
from tests.unit.drawer.draws import TIMES, a_manifest, a_played_room, as_plain, entities, openings, refused
from tests.unit.drawer.replaced import a_played_round, outcome_of, proceedings

DONE = TIMES.beacon_time + 60
OPEN, WINDOW, VISIT = (a_manifest(disclosure=policy) for policy in ("open", "window", "visit"))


@pytest.mark.parametrize(("manifest", "moment"), [(OPEN, DONE), (WINDOW, TIMES.window_end), (VISIT, TIMES.window_end)])
def test_the_record_opens_at_its_moment(manifest: Any, moment: int) -> None:
    disclosure.check_open(manifest, DONE, moment)
    with refused(NotOpenYet, opens_at=moment):
        disclosure.check_open(manifest, DONE, moment - 1)


def test_a_draw_done_after_its_window_opens_when_it_is_done() -> None:
    assert disclosure.opens_at(WINDOW, TIMES.window_end + 5) == TIMES.window_end + 5


@pytest.mark.parametrize("manifest", [WINDOW, VISIT])
def test_a_firm_gets_its_leaf_with_its_visit(manifest: Any) -> None:
    disclosure.check_leaf(manifest, DONE, "E001", DONE, visited=True, is_target=True)
    with refused(NotVisitedYet, entity="E001"):
        disclosure.check_leaf(manifest, DONE, "E001", DONE, visited=False, is_target=True)
    disclosure.check_leaf(manifest, DONE, "E001", TIMES.window_end, visited=False, is_target=False)


def test_others_see_a_visit_before_the_window_closes_only_where_that_was_agreed() -> None:
    disclosure.check_leaf(VISIT, DONE, "E001", DONE, visited=True, is_target=False)
    disclosure.check_leaf(OPEN, DONE, "E001", DONE, visited=False, is_target=False)
    with refused(VisitOfAnother, entity="E001"):
        disclosure.check_leaf(WINDOW, DONE, "E001", DONE, visited=True, is_target=False)


def test_what_leaves_at_once_shows_no_target_seed_key_ticket_or_reveal() -> None:
    room = a_played_room()
    one = a_played_round(room)
    document = as_plain(record.full_record(room.attempt, proceedings(room, one.closed()), outcome_of(room), openings()))

    found = json.dumps(disclosure.at_once(document))

    assert document["result_digest"] in found
    assert document["replacements"][0]["result_digest"] in found
    assert "E001" not in found
    assert not [name for name in entities() if name in found]
    for seed in (room.seed(), one.replaced().after.seed):
        key = target_key(SHA256, seed)
        assert seed.hex() not in found
        assert key.decode() not in found
        assert not [name for name in entities() if ticket(SHA256, key, name).hex() in found]
    for shown in (*room.reveals.values(), *one.reveals.values()):
        assert shown.value.hex() not in found
    for name in ("reveals", "rho", "selected", "work", "teams", "seed"):
        assert f'"{name}":' not in found.replace('"rosters"', "")
