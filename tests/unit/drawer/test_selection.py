"""The selection: equal to sorting everything, whatever the bound lets through."""

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.drawer.domain.encoding import SHA256
from services.drawer.domain.frame import Kind, rows_of, serialise, survey
from services.drawer.domain.manifest import Selection
from services.drawer.domain.quota import Count, Full, Rate
from services.drawer.domain.selection import EVERY_TICKET, Drawn, quotas, select, ticket_bound
from services.drawer.domain.ticket import target_key, ticket
from tests.unit.drawer.draws import secret

LINES = ("l1", "l2", "l3")
SELECTIONS = (
    Selection("one", ("l1",), {"A": Rate((1, 3)), "B": Count(2)}),
    Selection("two", ("l1", "l2"), {"A": Rate((1, 2), min=1), "B": Full()}),
)
kinds = st.builds(
    Kind,
    st.sampled_from(["A/x", "A/y", "A", "B"]),
    st.sets(st.sampled_from(LINES), min_size=1).map(lambda lines: tuple(sorted(lines))),
)
populations = st.dictionaries(st.integers(0, 999).map(lambda number: f"E{number:03}"), kinds, max_size=60)


def draw(entities: Mapping[str, Kind], seed: bytes, bound: bytes | None = None) -> Drawn:
    shards = [{name: kind for name, kind in entities.items() if int(name[1:]) % 2 == rest} for rest in (0, 1)]
    frame = {f"s{number}": rows_of(serialise("s", shard)) for number, shard in enumerate(shards)}
    counts = survey(SHA256, frame).counts
    quota = quotas(SHA256, seed, SELECTIONS, counts)
    bounds = ticket_bound if bound is None else lambda drawn, size: bound
    return select(SHA256, target_key(SHA256, seed), frame, counts, SELECTIONS, quota, bounds)


def sorted_naively(entities: Mapping[str, Kind], seed: bytes) -> dict[str, dict[str, list[str]]]:
    counts = {kind: list(entities.values()).count(kind) for kind in entities.values()}
    key = target_key(SHA256, seed)
    found: dict[str, dict[str, list[str]]] = {}
    for selection in SELECTIONS:
        found[selection.id] = {}
        for stratum, drawn in quotas(SHA256, seed, SELECTIONS, counts)[selection.id].items():
            there = [
                name
                for name, kind in entities.items()
                if kind.stratum == stratum and set(kind.lines) & set(selection.lines)
            ]
            found[selection.id][stratum] = sorted(there, key=lambda name: (ticket(SHA256, key, name), name))[:drawn]
    return found


@given(populations, st.binary(min_size=32, max_size=32))
def test_a_selection_equals_sorting_all_tickets(entities: dict[str, Kind], seed: bytes) -> None:
    drawn = draw(entities, seed)

    assert drawn.selected == sorted_naively(entities, seed)
    chosen = {name for strata in drawn.selected.values() for ids in strata.values() for name in ids}
    assert drawn.kinds == {name: entities[name] for name in chosen}


@given(populations, st.binary(min_size=32, max_size=32), st.binary(max_size=8))
def test_any_bound_gives_the_same_selection(entities: dict[str, Kind], seed: bytes, bound: bytes) -> None:
    assert draw(entities, seed, bound) == draw(entities, seed)


def test_every_selection_is_listed_and_strata_that_draw_nothing_are_not() -> None:
    entities = {f"E{number:03}": Kind("B", ("l2",)) for number in range(4)}

    selected = draw(entities, secret("seed")).selected

    assert selected["one"] == {}
    assert {stratum: sorted(ids) for stratum, ids in selected["two"].items()} == {"B": sorted(entities)}


def test_a_smaller_plan_lies_inside_a_larger_one_on_the_same_cell() -> None:
    entities = {f"E{number:03}": Kind("A", ("l1",)) for number in range(60)}

    selected = draw(entities, secret("seed")).selected

    assert selected["two"]["A"][: len(selected["one"]["A"])] == selected["one"]["A"]
    assert (len(selected["one"]["A"]), len(selected["two"]["A"])) == (20, 30)


@pytest.mark.parametrize(("drawn", "size", "passing"), [(5, 1000, 5 + 13 + 16), (100, 10_000, 100 + 60 + 16)])
def test_the_bound_lets_six_deviations_more_pass(drawn: int, size: int, passing: int) -> None:
    assert int.from_bytes(ticket_bound(drawn, size), "big") == passing * 2**64 // size


def test_a_small_stratum_has_no_bound() -> None:
    assert ticket_bound(1, 23) == EVERY_TICKET
    assert ticket_bound(1, 24) < EVERY_TICKET
    assert EVERY_TICKET > b"\xff" * 32


def test_memory_follows_the_targets_and_the_frame_is_walked_once() -> None:
    walks = []

    def rows() -> Iterator[bytes]:
        walks.append(1)
        return iter([f"{number:05}\tA\tl1\n".encode() for number in range(20_000)])

    selection = Selection("one", ("l1",), {"A": Count(10)})
    kept = select(SHA256, b"0" * 32, {"s": rows}, {Kind("A", ("l1",)): 20_000}, (selection,), {"one": {"A": 10}})

    assert len(kept.selected["one"]["A"]) == 10
    assert len(walks) == 1


@given(populations, st.binary(min_size=32, max_size=32), st.data())
def test_the_barred_are_passed_over_and_the_next_tickets_taken(
    entities: dict[str, Kind], seed: bytes, data: st.DataObject
) -> None:
    barred = data.draw(st.sets(st.sampled_from(sorted(entities)))) if entities else set()
    frame = {"s": rows_of(serialise("s", entities))}
    counts, key = survey(SHA256, frame).counts, target_key(SHA256, seed)
    quota = {"one": {"A/x": data.draw(st.integers(0, 4)), "B": data.draw(st.integers(0, 40))}}
    bound = data.draw(st.sampled_from([ticket_bound, lambda drawn, size: b"\x20"]))

    found = select(SHA256, key, frame, counts, SELECTIONS[:1], quota, bound, {"one": barred})

    for stratum, wanted in quota["one"].items():
        there = [
            name
            for name, kind in entities.items()
            if kind.stratum == stratum and "l1" in kind.lines and name not in barred
        ]
        expected = sorted(there, key=lambda name: (ticket(SHA256, key, name), name))[:wanted]
        assert found.selected["one"].get(stratum, []) == expected
