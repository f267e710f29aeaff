"""The outcome: one function of manifest, frame, seed and rosters, and of nothing else."""

from typing import Any

import pytest

from services.drawer.domain import frame, outcome, ticket
from services.drawer.domain.canonical import canonical
from services.drawer.domain.drafting import draft
from services.drawer.domain.encoding import SHA256, SM3, tagged_hash
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest import Agency, Manifest, Selection
from services.drawer.domain.manifest_rules import FrameDiffers, LeadIsNoAgency
from services.drawer.domain.outcome import Outcome, RosterMissing
from services.drawer.domain.quota import Full
from services.drawer.domain.roster import Roster, SecretWrongSize
from tests.unit.drawer.draws import (
    a_manifest,
    as_plain,
    entities,
    frame_of,
    public_key,
    refused,
    roster_of,
    rosters,
    secret,
    terms,
)

SEED = secret("seed")


def compute(manifest: Manifest | None = None, **changes: Any) -> Outcome:
    given = {"frame": frame_of(entities()), "seed": SEED, "rosters": rosters(), **changes}
    return outcome.compute(manifest or a_manifest(), **given)


def test_the_outcome_is_the_same_every_time_and_another_with_another_seed() -> None:
    assert compute() == compute()
    assert compute(seed=secret("other")).result_digest != compute().result_digest


def test_every_selection_draws_its_quota_and_every_agency_is_listed() -> None:
    found = compute()

    drawn = {name: sum(map(len, strata.values())) for name, strata in found.selected.items()}
    assert drawn == {"joint": 4 + 2, "more": 2 + 6}
    assert set(found.work) == set(found.teams) == {"AJ", "GA", "JT"}
    assert found.open == ()
    assert {agency: set(teams) for agency, teams in found.assigned.items()} == {
        agency: set(work) for agency, work in found.work.items()
    }
    assert set(found.visits) == {entity for work in found.work.values() for entity in work}


def test_the_result_digest_is_over_seed_selection_teams_and_visits() -> None:
    found = compute()

    parts = (SEED, canonical(found.selected), canonical(found.assigned), found.visits_root)
    assert found.result_digest == tagged_hash(SHA256, "result", *parts)


def test_what_is_written_for_strangers_holds_everything_in_plain_form() -> None:
    found = compute(rosters={**rosters(), "JT": roster_of("JT", officers=1)[0]})

    plain = as_plain(found.as_json())

    assert plain["selected"] == as_plain(found.selected)
    assert plain["open"] == [["JT", entity, 1] for entity in sorted(found.work["JT"])]
    assert all(plain["teams"]["JT"][entity][1] is None for _, entity, _ in plain["open"])
    assert (plain["visits_root"], plain["result_digest"]) == (found.visits_root.hex(), found.result_digest.hex())


def test_an_agency_without_lines_has_no_work_and_needs_no_roster() -> None:
    agencies = {**a_manifest().agencies, "SJ": Agency("ed25519", public_key("SJ"), "own")}

    found = compute(a_manifest(agencies=agencies))

    assert (found.work["SJ"], found.assigned["SJ"]) == ({}, {})


def test_an_agency_with_work_must_bring_its_roster() -> None:
    with refused(RosterMissing, agency="GA"):
        compute(rosters={agency: roster for agency, roster in rosters().items() if agency != "GA"})


def test_an_inspector_recused_from_a_target_does_not_go_there() -> None:
    usual = compute()
    target = next(iter(usual.work["JT"]))
    officers = rosters()["JT"].officers
    gone = usual.assigned["JT"][target][0]
    assert gone is not None

    found = compute(rosters={**rosters(), "JT": Roster(officers, ((gone, target),))})

    assert gone not in found.assigned["JT"][target]


def test_another_frame_is_refused() -> None:
    other = frame_of({**entities(), "E045": Kind("A/x", ("JT-01",))})

    with refused(FrameDiffers, shard="s1", what="digest"):
        compute(frame=other)


def test_a_manifest_that_breaks_a_rule_is_not_computed() -> None:
    manifest = Manifest(**{**a_manifest().__dict__, "lead": "SJ"})

    with refused(LeadIsNoAgency, lead="SJ"):
        compute(manifest)


@pytest.mark.parametrize("seed", [b"", b"0" * 31, b"0" * 64])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    with refused(SecretWrongSize, what="seed", bytes=32):
        compute(seed=seed)


def test_a_draw_may_use_sm3_throughout() -> None:
    manifest = draft(terms(h=SM3), frame.survey(SM3, frame_of(entities())))

    found = compute(manifest)

    key = ticket.target_key(SM3, SEED)
    cell = found.selected["joint"]["B"]
    everybody = sorted(
        (ticket.ticket(SM3, key, entity), entity) for entity, kind in entities().items() if kind.stratum == "B"
    )
    assert cell == [entity for _, entity in everybody[:2]]


def test_shards_do_not_change_the_tickets() -> None:
    halves = [dict(list(entities().items())[:20]), dict(list(entities().items())[20:])]
    shards = {**frame_of(halves[0], "s1"), **frame_of(halves[1], "s2")}
    manifest = draft(terms(), frame.survey(SHA256, shards))

    assert compute(manifest, frame=shards).selected == compute().selected


def test_odd_identifiers_are_only_identifiers() -> None:
    names = ("__proto__", "constructor", "toString", "-", ".")
    odd = {name: Kind("__proto__/constructor", ("JT-01",)) for name in names}
    selections = (Selection("__proto__", ("JT-01",), {"__proto__": Full()}),)
    manifest = draft(terms(selections=selections), frame.survey(SHA256, frame_of(odd)))

    found = compute(manifest, frame=frame_of(odd))

    assert set(found.selected["__proto__"]["__proto__/constructor"]) == set(odd)
