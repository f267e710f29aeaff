"""Feasibility: which rule binds which agency, before anything is drawn."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.drawer.domain import feasibility, frame, outcome
from services.drawer.domain.drafting import draft
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.feasibility import DrawInfeasible
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest import Manifest, Selection, Slots
from services.drawer.domain.quota import Count, Full, Rate, Rule
from services.drawer.domain.refusals import Remark
from services.drawer.domain.roster import Officer, Roster
from tests.unit.drawer.draws import AGENCIES, entities, frame_of, refused, secret, terms

PLENTY = Roster({f"p{number}": Officer(("enf", "haz"), 99, 0) for number in range(9)})
TWO: Slots = (("enf",), ("enf",))


def a_draw(
    rules: Mapping[str, Rule],
    slots: Mapping[str, Slots],
    found: Mapping[str, Kind] | None = None,
    selections: tuple[Selection, ...] = (),
) -> Manifest:
    """Draft a draw in which JT has the slots of the test and the others have plenty of officers."""
    usual = (Selection("joint", ("AJ-01", "GA-01", "JT-01"), rules),)
    agreed = terms(selections=selections or usual, slots={"AJ": {"": TWO}, "GA": {"": TWO}, "JT": dict(slots)})
    return draft(agreed, frame.survey(SHA256, frame_of(entities() if found is None else found)))


def report(manifest: Manifest, jt: Roster, found: Mapping[str, Kind] | None = None) -> list[Remark]:
    rosters = {"AJ": PLENTY, "GA": PLENTY, "JT": jt}
    watch = feasibility.recused_entities(rosters.values())
    census = frame.survey(SHA256, frame_of(entities() if found is None else found), watch)
    return list(feasibility.report(manifest, census, rosters))


def roster(*officers: tuple[str, int], recused: tuple[tuple[str, str], ...] = ()) -> Roster:
    """Make a roster of i0, i1 … from labels (joined by commas) and caps."""
    return Roster(
        {
            f"i{number}": Officer(tuple(filter(None, labels.split(","))), cap, 0)
            for number, (labels, cap) in enumerate(officers)
        },
        tuple(sorted(recused)),
    )


ONE_IN_TEN: dict[str, Rule] = {"A": Rate((1, 10)), "B": Count(0)}


def test_an_agency_with_enough_officers_is_not_mentioned() -> None:
    assert report(a_draw(ONE_IN_TEN, {"": TWO}), roster(("enf", 4), ("enf", 4))) == []


def test_one_eligible_officer_blocks_the_draw_by_name() -> None:
    found = report(a_draw(ONE_IN_TEN, {"": TWO}), roster(("enf", 9)))

    short = [one for one in found if one.code == "draw.short.officers"]
    assert [dict(one.facts) for one in short] == [
        {"agency": "JT", "stratum": stratum, "needed": 2, "there": 1} for stratum in ("A/x", "A/y")
    ]
    facts = [{"code": one.code, **one.facts} for one in found]
    with refused(DrawInfeasible, agencies=["JT"], shortages=facts):
        feasibility.refuse_if_short(found)


def test_a_feasible_draw_is_not_refused() -> None:
    feasibility.refuse_if_short([])


def test_an_agency_without_a_roster_has_nobody() -> None:
    manifest = a_draw(ONE_IN_TEN, {"": TWO})
    census = frame.survey(SHA256, frame_of(entities()))

    found = feasibility.report(manifest, census, {"AJ": PLENTY, "JT": PLENTY})

    assert {(one.code, one.facts["agency"]) for one in found} >= {("draw.short.officers", "GA")}
    assert {one.facts["agency"] for one in found} == {"GA"}


def test_missing_labels_are_named_with_their_stratum() -> None:
    slots = {"": TWO, "A/y": (("enf",), ("haz",), ("haz",))}

    found = report(a_draw(ONE_IN_TEN, slots), roster(("enf", 9), ("enf", 9), ("enf,haz", 9)))

    labels = {"agency": "JT", "stratum": "A/y", "labels": [["haz"]], "needed": 2, "there": 1}
    assert (found[0].code, dict(found[0].facts)) == ("draw.short.labels", labels)


def test_labels_that_two_slots_compete_for_are_named_together() -> None:
    slots: dict[str, Slots] = {"": (("haz",), ("enf", "haz"), ())}

    found = report(a_draw(ONE_IN_TEN, slots), roster(("", 9), ("enf", 9), ("enf,haz", 9)))

    assert found[0].code == "draw.short.labels"
    assert (found[0].facts["labels"], found[0].facts["needed"]) == ([["enf", "haz"], ["haz"]], 2)


def test_officers_who_may_take_nothing_are_not_there() -> None:
    found = report(a_draw(ONE_IN_TEN, {"": TWO}), roster(("enf", 9), ("enf", 0), ("haz", 9)))

    caps = {"agency": "JT", "stratum": "A/x", "needed": 2, "there": 1}
    assert (found[0].code, dict(found[0].facts)) == ("draw.short.caps", caps)


def test_recusals_that_leave_too_few_for_a_target_are_counted_and_one_is_named() -> None:
    away = (("i0", "E003"), ("i0", "E005"), ("i1", "E005"), ("i2", "E007"), ("i2", "ZZZ"))

    found = report(a_draw(ONE_IN_TEN, {"": TWO}), roster(("enf", 9), ("enf", 9), recused=away[:3]))

    recusals = {"agency": "JT", "stratum": "A/x", "needed": 1, "there": 0, "entity": "E005", "entities": 2}
    assert [(one.code, dict(one.facts)) for one in found if one.code == "draw.short.recusals"] == [
        ("draw.short.recusals", recusals)
    ]
    enough = roster(*[("enf", 9)] * 4, recused=away)
    assert report(a_draw(ONE_IN_TEN, {"": TWO}), enough) == []


def test_somebody_who_may_take_nothing_does_not_stand_in_for_the_recused() -> None:
    officers = (("enf", 9), ("enf", 9), ("enf", 0))

    found = report(a_draw(ONE_IN_TEN, {"": TWO}), roster(*officers, recused=(("i0", "E003"),)))

    assert [one.facts["entity"] for one in found if one.code == "draw.short.recusals"] == ["E003"]


def test_recusals_do_not_matter_where_nothing_is_drawn() -> None:
    manifest = a_draw({"A": Count(0), "B": Full()}, {"": TWO})
    everybody = tuple((name, f"E{number:03}") for name in ("i0", "i1") for number in range(40))

    assert report(manifest, roster(("enf", 9), ("enf", 9), recused=everybody)) == []


def test_recusals_at_targets_of_other_agencies_do_not_matter() -> None:
    found = {"E1": Kind("A", ("GA-01",)), "E2": Kind("A", ("JT-01",))}
    manifest = a_draw({"A": Full()}, {"": TWO}, found)

    assert report(manifest, roster(("enf", 9), ("enf", 9), recused=(("i0", "E1"),)), found) == []
    short = report(manifest, roster(("enf", 9), ("enf", 9), recused=(("i0", "E2"),)), found)
    assert {one.code for one in short} == {"draw.short.recusals", "draw.short.capacity"}


@pytest.mark.parametrize(("caps", "there"), [((4, 3), 7), ((9, 3), 7), ((3, 4), 7)])
def test_all_visits_together_need_capacity(caps: tuple[int, int], there: int) -> None:
    found = report(a_draw(ONE_IN_TEN, {"": TWO}), roster(*[("enf", cap) for cap in caps]))

    # Four visits with two officers each; nobody counts more than once per visit, whatever the cap.
    facts = {"agency": "JT", "labels": [["enf"]], "recused": 0, "needed": 8, "there": there}
    assert [(one.code, dict(one.facts)) for one in found] == [("draw.short.capacity", facts)]
    assert report(a_draw(ONE_IN_TEN, {"": TWO}), roster(("enf", 4), ("enf", 4))) == []


def test_scarce_labels_need_capacity_of_their_own() -> None:
    slots: dict[str, Slots] = {"": (("enf",), ("haz",))}
    officers = [("enf", 99), ("enf", 99), ("haz", 3)]

    found = report(a_draw(ONE_IN_TEN, slots), roster(*officers))

    facts = {"agency": "JT", "labels": [["haz"]], "recused": 0, "needed": 4, "there": 3}
    assert [(one.code, dict(one.facts)) for one in found] == [("draw.short.capacity", facts)]
    assert report(a_draw(ONE_IN_TEN, slots), roster(*officers[:2], ("haz", 4))) == []


def test_the_worst_spread_over_cells_counts() -> None:
    # Ten per cent of 24 and 16: 2 or 3 in A/x, 1 or 2 in A/y, 4 together.
    slots: dict[str, Slots] = {"A/x": (), "": (("enf",), ("enf",))}
    manifest = a_draw(ONE_IN_TEN, slots)

    assert report(manifest, roster(("enf", 2), ("enf", 2))) == []
    found = report(manifest, roster(("enf", 2), ("enf", 1)))
    assert [one.facts["needed"] for one in found] == [4]


def test_recused_officers_are_no_capacity_where_the_draw_may_fall_on_their_recusals() -> None:
    away = tuple(("i0", f"E{number:03}") for number in range(24))
    manifest = a_draw(ONE_IN_TEN, {"": TWO})

    # At most three of the four visits go to A/x, from which the first is recused.
    assert report(manifest, roster(("enf", 9), ("enf", 4), ("enf", 4), recused=away)) == []
    found = report(manifest, roster(("enf", 9), ("enf", 3), ("enf", 2), recused=away))

    facts = {"agency": "JT", "labels": [["enf"]], "recused": 1, "needed": 6, "there": 5}
    assert [(one.code, dict(one.facts)) for one in found] == [("draw.short.capacity", facts)]


def test_few_recusals_in_a_cell_count_only_as_often_as_they_are() -> None:
    # 2 or 3 are drawn in A/x, but the first is recused from one entity there; 1 or 2 in A/y, from all of which it is.
    away = (("i0", "E000"), *(("i0", f"E{number:03}") for number in range(24, 40)))

    found = report(a_draw(ONE_IN_TEN, {"": TWO}), roster(("enf", 9), ("enf", 3), ("enf", 2), recused=away))

    assert [(one.code, one.facts["needed"]) for one in found] == [("draw.short.capacity", 6)]


def test_a_cell_whose_share_is_whole_never_gets_one_more() -> None:
    sizes = {"A/x": 20, "A/y": 5, "A/z": 15}
    strata = [stratum for stratum, size in sizes.items() for _ in range(size)]
    found = {f"E{number:03}": Kind(stratum, ("JT-01",)) for number, stratum in enumerate(strata)}
    away = tuple(("i0", f"E{number:03}") for number in range(20))

    # Two of forty: exactly one in A/x, where two officers with one visit each have to do without the first.
    manifest = a_draw({"A": Count(2)}, {"": TWO}, found)

    assert report(manifest, roster(("enf", 9), ("enf", 1), ("enf", 1), recused=away), found) == []


def test_plans_on_one_sub_frame_lie_inside_each_other_and_are_not_added() -> None:
    two = tuple(
        Selection(name, ("JT-01",), {"A": Rate((1, 10)), "B": rule}) for name, rule in (("a", Full()), ("b", Count(1)))
    )
    manifest = a_draw({}, {"": (("enf",),)}, selections=two)

    # A: 3 at most in A/x and 2 in A/y for both plans, counted as five; B: all six.
    assert report(manifest, roster(("enf", 11))) == []
    assert [one.facts["needed"] for one in report(manifest, roster(("enf", 10)))] == [11]


def test_plans_on_different_sub_frames_are_added_up_to_what_is_there() -> None:
    two = (
        Selection("a", ("JT-01",), {"A": Rate((1, 40)), "B": Count(5)}),
        Selection("b", ("AJ-01", "JT-01"), {"A": Count(1), "B": Count(4)}),
    )
    found = {**entities(), "E050": Kind("B", ("AJ-01",))}
    manifest = a_draw({}, {"": (("enf",),), "A": ()}, found, two)

    assert [one.facts["needed"] for one in report(manifest, roster(("enf", 3)), found)] == [6]


def test_very_many_label_sets_are_tried_one_by_one_and_together() -> None:
    letters = "abcdefghi"
    slots: dict[str, Slots] = {"": tuple((letter,) for letter in letters)}
    officers = [(letter, 4) for letter in letters]

    assert report(a_draw(ONE_IN_TEN, slots), roster(*officers)) == []
    found = report(a_draw(ONE_IN_TEN, slots), roster(*officers[:-1], ("i", 2)))
    assert [one.facts["labels"] for one in found] == [[["i"]]]


def test_an_agency_whose_visits_need_nobody_is_never_short() -> None:
    assert report(a_draw(ONE_IN_TEN, {"": ()}), Roster({})) == []


slot_lists = st.lists(st.sampled_from([(), ("enf",), ("haz",), ("enf", "haz")]), max_size=3).map(tuple)
officer_lists = st.lists(
    st.tuples(st.sampled_from(["", "enf", "haz", "enf,haz"]), st.integers(0, 8)), min_size=0, max_size=5
)


@given(slot_lists, slot_lists, officer_lists, st.data())
def test_what_is_reported_about_single_targets_can_happen(
    slots_x: Slots, slots_y: Slots, officers: list[tuple[str, int]], data: st.DataObject
) -> None:
    found = {f"E{number}": Kind("A/x" if number < 4 else "A/y", ("JT-01",)) for number in range(8)}
    names = [f"i{number}" for number in range(len(officers))]
    pairs = [(name, entity) for name in names for entity in found]
    away = tuple(sorted(set(data.draw(st.lists(st.sampled_from(pairs), max_size=8))))) if pairs else ()
    manifest = a_draw({"A": Full()}, {"A/x": slots_x, "A/y": slots_y}, found)
    jt = roster(*officers, recused=away)

    short = report(manifest, jt, found)
    seed = secret("seed")
    drawn = outcome.compute(manifest, frame_of(found), seed, {"JT": jt, "AJ": PLENTY, "GA": PLENTY})

    # Everybody is drawn here, so the worst selection is the only one: whatever is short leaves a slot open.
    if short:
        assert drawn.open
    # Without labels and recusals to combine, the report is exact: nothing short leaves nothing open.
    if not away and len(set(slots_x + slots_y)) <= 1 and slots_x == slots_y:
        assert bool(short) == bool(drawn.open)


def test_every_agency_is_looked_at() -> None:
    manifest = a_draw(ONE_IN_TEN, {"": TWO})
    census = frame.survey(SHA256, frame_of(entities()))
    lacking: dict[str, Any] = {agency: replace(PLENTY, officers={}) for agency in AGENCIES}

    found = feasibility.report(manifest, census, lacking)

    assert sorted({str(one.facts["agency"]) for one in found}) == list(AGENCIES)
