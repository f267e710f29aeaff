"""Why one entity was drawn or not: provable from its own row, and a changed proof does not hold."""

from dataclasses import replace

import pytest

from services.drawer.domain import drafting, entity_proof, frame
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.entity_proof import Drawing, EntityNotInFrame, EntityProof, EntityProofWrong, Fate, Shelf
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest_reader import read_manifest
from tests.unit.drawer.draws import as_plain, frame_of, refused, sample, sample_frame, terms

RECORD = sample("rounds")
MANIFEST = read_manifest(RECORD["manifest"])
DRAWINGS = [
    Drawing(number, bytes.fromhex(one["seed"]), one["selected"])
    for number, one in enumerate([RECORD, *RECORD["replacements"]])
]
FRAME = sample_frame("rounds")
ROWS = {
    row.partition(b"\t")[0].decode(): frame.kind_of(row.partition(b"\t")[2])
    for rows in FRAME.values()
    for row in rows()
}
DRAWN = sorted(one for ids in RECORD["selected"]["joint"].values() for one in ids)


def proof_of(entity: str) -> EntityProof:
    return entity_proof.prove_entity(MANIFEST, FRAME, DRAWINGS, entity)


def test_everybody_can_be_shown_why() -> None:
    for entity in [*DRAWN, *sorted(ROWS)[:: len(ROWS) // 40], min(ROWS), max(ROWS)]:
        proof = proof_of(entity)

        assert entity_proof.check(MANIFEST, proof) == ROWS[entity]
        for one in proof.chances:
            selected = DRAWINGS[one.round].selected.get(one.selection, {}).get(one.stratum, ())
            assert one.drawn == (entity in list(selected))
            assert one.drawn <= (one.cutoff is not None and one.ticket <= one.cutoff)


def test_a_shelf_finds_what_a_walk_finds() -> None:
    finders = {shard: Shelf(MANIFEST.h, rows).find for shard, rows in FRAME.items()}

    for entity in ROWS:
        assert entity_proof.prove_found(MANIFEST, finders, DRAWINGS, entity) == proof_of(entity)
    for nobody in ("!", f"{min(ROWS)}0", f"{max(ROWS)}0"):
        with refused(EntityNotInFrame, entity=nobody):
            entity_proof.prove_found(MANIFEST, finders, DRAWINGS, nobody)


def test_an_entity_outside_the_frame_could_not_be_drawn() -> None:
    with refused(EntityNotInFrame, entity="nobody"):
        proof_of("nobody")


def test_a_shard_of_whole_chunks_has_no_last_piece() -> None:
    found = {f"E{number:03}": Kind("A/x", ("AJ-01", "GA-01", "JT-01")) for number in range(512)}
    rows = frame_of(found)
    manifest = drafting.draft(terms(), frame.survey(SHA256, rows))

    for entity, row in (("E000", 1), ("E255", 256), ("E256", 257), ("E511", 512)):
        proof = entity_proof.prove_entity(manifest, rows, [], entity)

        assert (proof.row, proof.chunk.count(b"\n"), proof.chances) == (row, 256, ())
        assert entity_proof.check(manifest, proof) == found[entity]


def test_a_proof_has_one_written_form() -> None:
    told = as_plain(proof_of(DRAWN[0]).as_json())

    assert set(told) == {"entity", "shard", "row", "chunk", "chunk_path", "shard_path", "chances"}
    assert told["chances"][0]["drawn"] is True
    assert len(told["chances"][0]["key"]) == 32


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("row", lambda one: replace(one, row=one.row + 1)),
        ("row", lambda one: replace(one, row=one.row + 256)),
        ("row", lambda one: replace(one, entity="nobody")),
        (
            "row",
            lambda one: replace(
                one, row=one.row - (one.row - 1) % 256 + 255, chunk=one.chunk[: one.chunk.index(b"\n") + 1]
            ),
        ),
        ("shard", lambda one: replace(one, shard="nowhere")),
        ("chunk", lambda one: replace(one, chunk=one.chunk.replace(b"JT-01", b"ZZ-01"))),
        ("chunk", lambda one: replace(one, chunk_path=replace(one.chunk_path, neighbours=()))),
        ("frame", lambda one: replace(one, shard_path=replace(one.shard_path, neighbours=(bytes(32),)))),
        ("ticket", lambda one: replace(one, chances=(replace(one.chances[0], ticket="0" * 64),))),
        ("ticket", lambda one: replace(one, chances=(replace(one.chances[0], key="0" * 32),))),
        ("ticket", lambda one: replace(one, chances=(replace(one.chances[0], stratum="Z"),))),
        ("outcome", lambda one: replace(one, chances=(replace(one.chances[0], drawn=False),))),
    ],
)
def test_a_changed_proof_does_not_hold(what: str, change: object) -> None:
    one = proof_of(DRAWN[0])

    with refused(EntityProofWrong, entity=change(one).entity, what=what):  # type: ignore[operator]
        entity_proof.check(MANIFEST, change(one))  # type: ignore[operator]


def test_one_row_proves_that_somebody_was_passed_over() -> None:
    stratum, ids = next((name, ids) for name, ids in RECORD["selected"]["joint"].items() if len(ids) > 1)
    cheated = {**RECORD["selected"], "joint": {**RECORD["selected"]["joint"], stratum: ids[1:]}}

    for entity, kind in ROWS.items():
        assert entity_proof.overlooked(MANIFEST, DRAWINGS[0], entity, kind) == ()
    found = entity_proof.overlooked(MANIFEST, replace(DRAWINGS[0], selected=cheated), ids[0], ROWS[ids[0]])
    assert found == ("joint",)
    assert SHA256.name == MANIFEST.hash


def test_who_had_been_drawn_or_removed_took_no_part_in_a_round() -> None:
    removed = {
        number: frozenset(one["id"] for one in each["rho"]["removed"])
        for number, each in enumerate(RECORD["replacements"], start=1)
    }
    gone = min(removed[1])
    entities = [*DRAWN, *sorted(ROWS)[:: len(ROWS) // 40]]
    fates = {
        (entity, one.round): (one, entity_proof.fate(one, entity, DRAWINGS, removed))
        for entity in entities
        for one in proof_of(entity).chances
        if one.selection == "joint"
    }
    told = {fate for _, fate in fates.values()}

    assert fates[gone, 0][1] is Fate.DRAWN
    assert {fate for (entity, number), (_, fate) in fates.items() if entity == gone and number} == {Fate.REMOVED_BEFORE}
    stands = {entity for entity in DRAWN if not any(entity in ids for ids in removed.values())}
    assert {fate for (entity, number), (_, fate) in fates.items() if entity in stands and number} == {Fate.DRAWN_BEFORE}
    assert told >= {Fate.DRAWN, Fate.ABOVE}
    one = next(one for one, fate in fates.values() if fate is Fate.ABOVE)
    assert entity_proof.fate(replace(one, cutoff=None), "E", DRAWINGS, removed) is Fate.NOBODY
    assert entity_proof.fate(replace(one, cutoff=one.ticket), "E", DRAWINGS, removed) is Fate.OVERLOOKED
