"""Frames: written, read row by row, digested, counted; every wrong row named."""

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.drawer.domain import frame as framing
from services.drawer.domain import merkle
from services.drawer.domain.encoding import SHA256, SM3, Hash, tagged_hash
from services.drawer.domain.frame import (
    EntityInTwoShards,
    FrameRowWrong,
    Kind,
    ShardNameWrong,
    rows_of,
    serialise,
    sub_frame,
    sub_frames,
    survey,
)
from services.drawer.domain.manifest import Selection
from tests.unit.drawer.draws import refused

identifiers = st.text("09AZaz._-", min_size=1, max_size=4)
kinds = st.builds(
    Kind,
    st.lists(identifiers, min_size=1, max_size=3).map("/".join),
    st.sets(identifiers, min_size=1, max_size=3).map(lambda lines: tuple(sorted(lines))),
)


@pytest.mark.parametrize(
    ("rows", "row", "reason"),
    [
        (b"a\tA\tl1\nb\tA\tl1", 2, "no_line_feed"),
        (b"a\tA\tl1\r\n", 1, "lines"),
        (b"a\tA\tl1\rb\tA\tl1\n", 1, "columns"),
        (b"a\tA\tl1\n\n", 2, "columns"),
        (b"a\tA\n", 1, "columns"),
        (b"a\tA\tl1\tx\n", 1, "columns"),
        (b"a\n", 1, "columns"),
        (b"\n", 1, "columns"),
        (b"\xef\xbb\xbfa\tA\tl1\n", 1, "id"),
        (b"\tA\tl1\n", 1, "id"),
        (b"a b\tA\tl1\n", 1, "id"),
        (b"x" * 65 + b"\tA\tl1\n", 1, "id"),
        (b"a\tA\tl1\nb\tA\tl1\nb\tA\tl1\n", 3, "not_ascending"),
        (b"b\tA\tl1\na\tA\tl1\n", 2, "not_ascending"),
        (b"a\tA//x\tl1\n", 1, "stratum"),
        (b"a\t\tl1\n", 1, "stratum"),
        (b"a\t\xe9\tl1\n", 1, "stratum"),
        (b"a\tA\t\n", 1, "lines"),
        (b"a\tA\tl2,l1\n", 1, "lines"),
        (b"a\tA\tl1,l1\n", 1, "lines"),
        (b"a\tA\tl1,\n", 1, "lines"),
        (b"a\tA\tl1,\xff\n", 1, "lines"),
    ],
)
def test_a_wrong_row_is_refused_with_its_number_and_reason(rows: bytes, row: int, reason: str) -> None:
    with refused(FrameRowWrong, shard="s1", row=row, reason=reason):
        survey(SHA256, {"s1": rows_of(rows)})


@pytest.mark.parametrize("shard", ["", "a/b", "项"])
def test_a_shard_with_an_odd_name_is_refused(shard: str) -> None:
    with refused(ShardNameWrong, shard=shard):
        survey(SHA256, {shard: rows_of(b"")})


def test_a_frame_without_a_shard_is_refused() -> None:
    with refused(ShardNameWrong, shard=None):
        survey(SHA256, {})


def test_an_entity_in_two_shards_is_refused_with_both_places() -> None:
    shards = {"s2": rows_of(b"a\tA\tl1\nc\tA\tl1\n"), "s1": rows_of(b"b\tA\tl1\nc\tA\tl1\n")}

    with refused(EntityInTwoShards, entity="c", shard="s2", row=2, other_shard="s1"):
        survey(SHA256, shards)


@given(st.lists(st.sets(identifiers, max_size=15), min_size=2, max_size=5), st.integers(1, 4))
def test_the_first_doubled_id_is_found_however_shards_lie_to_one_another(
    shards: list[set[str]], at_a_time: int
) -> None:
    frame = {f"s{n}": rows_of(serialise("s", dict.fromkeys(ids, Kind("A", ("l1",))))) for n, ids in enumerate(shards)}
    places = [(entity, shard) for entity in set.union(*shards) for shard, ids in enumerate(shards) if entity in ids]
    doubled = sorted(two for two in combinations(sorted(places), 2) if two[0][0] == two[1][0])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(framing, "MERGED_ROWS", at_a_time)
        if not doubled:
            assert survey(SHA256, frame).frame.n == len(places)
            return
        (entity, one), (_, other) = doubled[0]
        row = sorted(shards[other]).index(entity) + 1
        with refused(EntityInTwoShards, entity=entity, shard=f"s{other}", row=row, other_shard=f"s{one}"):
            survey(SHA256, frame)


@given(st.dictionaries(identifiers, kinds, max_size=12))
def test_what_is_written_is_read_back(entities: dict[str, Kind]) -> None:
    census = survey(SHA256, {"s1": rows_of(serialise("s1", entities))}, watch=[*entities, "nobody-here"])

    assert census.watched == dict(sorted(entities.items()))
    assert sum(census.counts.values()) == census.frame.n == len(entities)
    assert all(list(entities.values()).count(kind) == size for kind, size in census.counts.items())


@pytest.mark.parametrize(
    ("entities", "row", "reason"),
    [
        ({"b": Kind("A", ("l1",)), "a\t": Kind("A", ("l1",))}, 1, "columns"),
        ({"a": Kind("A", ("l1",)), "项": Kind("A", ("l1",))}, 2, "id"),
        ({"a": Kind("A", ())}, 1, "lines"),
        ({"a": Kind("A", ("l2", "l1"))}, 1, "lines"),
        ({"a": Kind("A/", ("l1",))}, 1, "stratum"),
    ],
)
def test_what_cannot_stand_in_a_shard_is_not_written(entities: dict[str, Kind], row: int, reason: str) -> None:
    with refused(FrameRowWrong, shard="s1", row=row, reason=reason):
        serialise("s1", entities)


@pytest.mark.parametrize("h", [SHA256, SM3], ids=lambda h: h.name)
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 513])
def test_digest_and_chunk_root_are_those_of_the_file(h: Hash, size: int) -> None:
    rows = [f"{number:04}\tA\tl1\n".encode() for number in range(size)]
    chunks = [b"".join(rows[at : at + 256]) for at in range(0, size, 256)]

    frame = survey(h, {"s1": rows_of(b"".join(rows))}).frame

    shard = frame.shards[0]
    assert (shard.n, frame.n) == (size, size)
    assert shard.digest == h(b"".join(rows)).hex()
    assert shard.root == merkle.root(h, chunks).hex()
    leaf = tagged_hash(h, "shard", "s1", size, bytes.fromhex(shard.digest), bytes.fromhex(shard.root))
    assert frame.root == h(b"\x00" + leaf).hex()


def test_shards_are_taken_in_ascending_order_and_strata_may_span_them() -> None:
    shards = {"s2": rows_of(b"a\tA\tl1\n"), "s1": rows_of(b"b\tA\tl1\n")}

    census = survey(SHA256, shards)

    assert [shard.shard for shard in census.frame.shards] == ["s1", "s2"]
    assert census.counts == {Kind("A", ("l1",)): 2}


def test_a_frame_is_taken_row_by_row() -> None:
    taken = []

    def rows() -> Iterator[bytes]:
        for number in range(1000):
            taken.append(number)
            yield f"{number:04}\tA\t{'l1' if number != 300 else ''}\n".encode()

    with refused(FrameRowWrong, shard="s1", row=301, reason="lines"):
        survey(SHA256, {"s1": rows})
    assert len(taken) == 301


def test_a_sub_frame_counts_whoever_carries_one_of_the_lines() -> None:
    counts = {Kind("B", ("l1",)): 3, Kind("A/y", ("l1", "l2")): 5, Kind("A/y", ("l2",)): 2, Kind("A/x", ("l3",)): 9}

    assert sub_frame(counts, ["l1"]) == {"A": {"A/y": 5}, "B": {"B": 3}}
    assert sub_frame(counts, ["l1", "l2"]) == {"A": {"A/y": 7}, "B": {"B": 3}}
    assert sub_frame(counts, ["l4"]) == {}
    assert sub_frames(counts, [Selection("s", ("l3",), {})]) == {"s": {"A": {"A/x": 9}}}
