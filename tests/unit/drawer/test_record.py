"""Records: of the given shape in both editions, and refused where they would not be true."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from services.drawer.domain import outcome, record
from services.drawer.domain.canonical import parse
from services.drawer.domain.manifest import digest
from services.drawer.domain.outcome import Outcome, RosterMissing
from services.drawer.domain.record import AttemptsBroken, EndedAttempt, Fault, Opening, Proceedings, ReasonMissing
from services.drawer.domain.roster import RosterDiffers
from services.drawer.domain.sealing import Commit, Reveal
from tests.unit.drawer.draws import (
    AGENCIES,
    REPOSITORY,
    Room,
    a_manifest,
    a_played_room,
    a_room,
    as_plain,
    entities,
    frame_of,
    openings,
    refused,
    rho,
    roster_of,
    rosters,
    sample,
)

SCHEMAS = {
    name: json.loads((REPOSITORY / "schemas" / name).read_text())
    for name in ("draw-manifest.schema.json", "draw-record.schema.json")
}
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMAS["draw-record.schema.json"],
    registry=Registry().with_resources([(name, Resource.from_contents(one)) for name, one in SCHEMAS.items()]),
)


def said(room: Room, **changes: Any) -> Proceedings:
    assert room.seal is not None
    return replace(Proceedings(room.commits, room.countersignatures, room.reveals, room.seal, room.beacons), **changes)


def outcome_of(room: Room) -> Outcome:
    return outcome.compute(room.attempt.manifest, frame_of(entities()), room.seed(), rosters())


def full(room: Room, **changes: Any) -> Any:
    return as_plain(record.full_record(room.attempt, said(room, **changes), outcome_of(room), openings()))


def test_both_editions_have_the_given_shape() -> None:
    room = a_played_room()
    public = as_plain(record.public_record(room.attempt, said(room), outcome_of(room)))

    VALIDATOR.validate(full(room))
    VALIDATOR.validate(public)
    assert (full(room)["edition"], public["edition"]) == ("full", "public")


def test_the_public_edition_leaves_out_rosters_and_nothing_else() -> None:
    room = a_played_room()

    complete = full(room)
    public = as_plain(record.public_record(room.attempt, said(room), outcome_of(room)))

    for agency, team in complete["teams"].items():
        assert set(team) == {"assigned", "rho", "roster", "recused"}
        assert public["teams"][agency] == {"assigned": team["assigned"]}
    unlike = {name for name in complete if complete[name] != public[name]}
    assert unlike == {"edition", "teams"}


def test_a_record_holds_what_was_said_and_what_came_out() -> None:
    room = a_played_room()
    found, written = outcome_of(room), full(room)

    assert written["manifest_digest"] == room.attempt.digest.hex()
    assert written["commits_digest"] == room.attempt.commits_digest(room.commits).hex()
    assert written["commits"]["JT"] == {"c": room.commits["JT"].c.hex(), "sig": room.commits["JT"].sig.hex()}
    assert written["countersignatures"]["AJ"] == room.countersignatures["AJ"].hex()
    assert written["reveals"]["GA"] == {"value": room.secret("GA").hex(), "sig": room.reveals["GA"].sig.hex()}
    assert set(written["seal"]) == {"digest", "at", "witness"}
    assert set(written["beacons"][0]["proof"]) == {"witness"}
    assert (written["seed"], written["selected"]) == (room.seed().hex(), found.selected)
    assert written["result_digest"] == found.result_digest.hex()
    assert (written["replacements"], written["spent"], written["attempts"], written["faults"]) == ([], [], [], [])


def test_a_draw_without_a_witness_is_signed_by_agencies() -> None:
    room = a_room(witness=None).play_commits(*AGENCIES).play_countersignatures(*AGENCIES).play_reveals("AJ", "JT")
    room.play_seal("AJ", "JT").play_dice("GA", "JT")

    written = full(room)

    VALIDATOR.validate(written)
    assert set(written["seal"]["agencies"]) == {"AJ", "JT"}
    assert set(written["beacons"][0]["proof"]["agencies"]) == {"GA", "JT"}
    assert set(written["reveals"]) == {"AJ", "JT"}


def test_a_beacon_that_nobody_in_the_room_signs_has_no_proof_of_this_shape() -> None:
    room = a_played_room()
    unsigned = (replace(room.beacons[0], proof=None),)

    written = full(room, beacons=unsigned)

    VALIDATOR.validate(written)
    assert "proof" not in written["beacons"][0]


def test_faults_are_published_with_what_is_known_of_them() -> None:
    faults = (Fault("reveal of GA shown and omitted", "GA", "a" * 64), Fault("beacon late"))

    written = full(a_played_room(), faults=faults)

    VALIDATOR.validate(written)
    assert written["faults"] == [
        {"what": "reveal of GA shown and omitted", "who": "GA", "evidence": "a" * 64},
        {"what": "beacon late"},
    ]


def test_earlier_attempts_stand_in_the_record_with_whatever_was_published() -> None:
    first = a_manifest()
    second = a_manifest(attempt=2, prev=digest(first).hex())
    room = a_played_room(attempt=3, prev=digest(second).hex())
    earlier = (
        EndedAttempt(first, "commitment missing", ("GA",)),
        EndedAttempt(
            second,
            "too many reveals missing",
            ("GA", "JT"),
            {"AJ": Commit(b"c" * 32, b"s" * 64)},
            {"AJ": b"s" * 64},
            {"AJ": Reveal(b"v" * 32, b"s" * 64)},
        ),
    )

    written = full(room, earlier=earlier)

    VALIDATOR.validate(written)
    assert [one["absent"] for one in written["attempts"]] == [["GA"], ["GA", "JT"]]
    assert set(written["attempts"][0]) == {"manifest", "reason", "absent"}
    assert set(written["attempts"][1]) == {"manifest", "reason", "absent", "commits", "countersignatures", "reveals"}


def test_an_attempt_left_out_or_put_in_is_refused() -> None:
    first = a_manifest()
    ended = EndedAttempt(first, "commitment missing", ("GA",))
    second = a_played_room(attempt=2, prev=digest(first).hex())

    with refused(AttemptsBroken, attempt=2):
        full(second)
    with refused(AttemptsBroken, attempt=1):
        full(a_played_room(), earlier=(ended,))
    with refused(AttemptsBroken, attempt=1):
        full(second, earlier=(replace(ended, manifest=second.attempt.manifest),))
    with refused(AttemptsBroken, attempt=2):
        full(second, earlier=(replace(ended, manifest=a_manifest(lead="AJ")),))
    with refused(AttemptsBroken, attempt=1):
        full(second, earlier=(replace(ended, manifest=a_manifest(draw="D-640221-2026-009")),))


def test_an_ended_attempt_and_a_fault_say_why() -> None:
    first = a_manifest()
    second = a_played_room(attempt=2, prev=digest(first).hex())

    with refused(ReasonMissing, what="attempt"):
        full(second, earlier=(EndedAttempt(first, "", ()),))
    with refused(ReasonMissing, what="fault"):
        full(a_played_room(), faults=(Fault(""),))


def test_the_full_edition_opens_exactly_what_the_manifest_committed_to() -> None:
    room = a_played_room()
    other = Opening(rho("GA"), roster_of("GA", cap=21)[0])

    with refused(RosterDiffers, part="roster"):
        record.full_record(room.attempt, said(room), outcome_of(room), {**openings(), "GA": other})


@pytest.mark.parametrize("missing", AGENCIES)
def test_the_full_edition_opens_every_agency(missing: str) -> None:
    room = a_played_room()
    given = {agency: one for agency, one in openings().items() if agency != missing}

    with refused(RosterMissing, agency=missing):
        record.full_record(room.attempt, said(room), outcome_of(room), given)


def test_a_record_is_written_as_one_sequence_of_bytes() -> None:
    room = a_played_room()
    document = record.full_record(room.attempt, said(room), outcome_of(room), openings())

    written = record.to_bytes(document)

    assert written == record.to_bytes(dict(reversed(document.items())))
    assert written.endswith(b"}\n")
    assert parse(written) == as_plain(document)


def test_the_schema_in_use_says_yes_to_the_samples_and_no_to_a_spoilt_one() -> None:
    assert VALIDATOR.is_valid(sample("rounds"))
    assert not VALIDATOR.is_valid({**sample("rounds"), "seed": "x"})
