"""Manifests: the shape of the schema, every refusal of section 4, what is said aloud."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

import jsonschema
import pytest

from runtime.errors import OneVisitError
from services.drawer.domain import frame, manifest_rules
from services.drawer.domain.canonical import canonical, parse
from services.drawer.domain.drafting import draft
from services.drawer.domain.encoding import SHA256, SM3
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest import (
    Agency,
    Beacon,
    Manifest,
    Parent,
    Selection,
    Times,
    Witness,
    as_json,
    terms_of,
)
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import (
    AgencyCalledWitness,
    AgencyUnknown,
    AgencyWithoutRoster,
    AgencyWithoutSlots,
    AttemptWithoutPrevious,
    BeaconWrong,
    ClassWithoutRule,
    FrameDiffers,
    FrameRootWrong,
    KeyNotOfAlgorithm,
    KeyShared,
    KeyWeak,
    LeadIsNoAgency,
    LineWithoutAgency,
    LiveWithoutBeacon,
    RuleWrong,
    SelectionsNotAscending,
    SingleWithoutWitness,
    SizesDiffer,
    StagedDrawNotFull,
    TimesOutOfOrder,
    TooManyMayBeMissing,
    WitnessIsAgency,
    check,
    check_frame,
    chosen,
    said_aloud,
)
from services.drawer.domain.quota import Count, Full, Rate
from services.drawer.domain.shape import ShapeWrong
from tests.unit.drawer.draws import (
    REPOSITORY,
    SAMPLE_NAMES,
    TIMES,
    a_manifest,
    as_plain,
    entities,
    frame_of,
    public_key,
    refused,
    sample,
    terms,
)

SCHEMA = json.loads((REPOSITORY / "schemas" / "draw-manifest.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
MEMBERS = {name: jsonschema.Draft202012Validator(shape) for name, shape in SCHEMA["properties"].items()}
LIVE = a_manifest()
EVERY_FORM = a_manifest(
    hash="sha256",
    attempt=2,
    prev="a" * 64,
    parent=Parent("b" * 64, "c" * 64),
    witness=None,
    selections=(Selection("joint", ("AJ-01", "GA-01", "JT-01"), {"A": Full(), "B": Full()}),),
    slots={agency: {"": (("enf",), ()), "A/x": ((),), "A": ()} for agency in ("AJ", "GA", "JT")},
    base_from=("d" * 64,),
    beacons=(Beacon("lottery:3d", 7, digits=3), Beacon("chain:bank", 0, anchor="e" * 64, index=9)),
)
PLAIN = [as_plain(as_json(LIVE)), as_plain(as_json(EVERY_FORM)), *(sample(name)["manifest"] for name in SAMPLE_NAMES)]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all values inside a manifest; of the agencies' parts one agency's will do."""
    if path and path[-1] in ("AJ", "GA"):
        return []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, item in inner for place in places(item, (*path, name)))]


ODD: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1,
    2**31,
    2**31 + 1,
    2**53,
    "",
    "x y",
    "x",
    "__proto__",
    "ab" * 32,
    "A" * 65,
]
ODD += [[], [1], [1, 2], ["a", "a"], ["a", 1, 2], {}, {"a": 1}, {"": []}, {"a b": []}, {"full": False}, {"full": True}]
ODD += [{"rate": [1, 0]}, {"rate": [1, 2], "count": 1}, {"rate": [1, 2], "min": 1}, {"count": 2**53}, {"v": 1}, 1.5]
ODD += [{"id": "room-dice", "round": 19}, {"id": "room-dice", "round": 1001}, {"id": "drand-quicknet", "round": 0}]
ODD += [{"id": "lottery:", "round": 1, "digits": 1}, {"id": "lottery:a b", "round": 1, "digits": 1}, {"id": "dice"}]
ODD += [{"id": "room-dice:x", "round": 20}, {"id": "chain:x", "round": 1, "anchor": "ab" * 32, "index": 0}]


@pytest.mark.parametrize("plain", PLAIN, ids=["live", "every-form", *SAMPLE_NAMES])
def test_a_manifest_is_read_and_written_back(plain: Any) -> None:
    assert VALIDATOR.is_valid(plain)
    assert as_plain(as_json(read_manifest(plain))) == plain
    assert as_plain(as_json(read_manifest(parse(canonical(plain))))) == plain


@pytest.mark.parametrize("plain", PLAIN[:2], ids=["live", "every-form"])
def test_the_reader_and_the_schema_say_no_to_the_same_values(plain: Any) -> None:
    disagreed = []
    for place in places(plain):
        for change in changes():
            changed = with_change(plain, place, change)
            if fits_schema(changed, *place[:1]) != reads(changed):
                disagreed.append((place, change))

    assert disagreed == []


def changes() -> list[Callable[[Any], Any]]:
    """List the ways to spoil a value: something odd instead of it, a member more, a member less."""
    return [*(partial(instead, odd) for odd in ODD), one_more, one_less]


def instead(odd: Any, there: Any) -> Any:
    return odd


def fits_schema(value: Any, *member: str) -> bool:
    """Judge the changed member by the schema, and by what JSON may hold at all (a rate's divisor has no other bound)."""
    judged = value[member[0]] if member else value
    try:
        canonical(judged)
    except OneVisitError:
        return False
    return (MEMBERS[member[0]] if member else VALIDATOR).is_valid(judged)


def one_more(there: Any) -> Any:
    if isinstance(there, dict):
        return {**there, "extra": there.get(next(iter(there), ""), 1)}
    return [*there, there[0]] if isinstance(there, list) and there else there


def one_less(there: Any) -> Any:
    if isinstance(there, dict):
        return dict(list(there.items())[1:])
    return there[1:] if isinstance(there, list) else there


def with_change(plain: Any, place: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not place:
        return change(deepcopy(plain))
    changed = deepcopy(plain)
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = change(holder[place[-1]])
    return changed


def reads(value: Any) -> bool:
    try:
        manifest = read_manifest(value)
    except ShapeWrong:
        return False
    return "witness" not in manifest.agencies  # the schema's shape says what is a rule to us


@pytest.mark.parametrize(
    ("place", "value", "where", "reason"),
    [
        ((), [], "manifest", "object"),
        (("v",), "JIDRAW/2", "v", "one_of:JIDRAW/1"),
        (("attempt",), True, "attempt", "integer:1..2147483648"),
        (("agencies", "JT", "key"), "ab", "agencies.JT.key", "public_key"),
        (("lines", "a b"), "JT", "lines(key)", "identifier"),
        (("selections", 0, "rules", "A"), {}, "selections.0.rules.A", "missing:full"),
        (("selections", 0, "lines"), ["JT-01", "JT-01"], "selections.0.lines", "distinct"),
        (("times", "noon"), 1, "times", "unexpected:'noon'"),
        (("beacons", 0, "id"), "moon", "beacons.0.id", "beacon"),
    ],
)
def test_a_wrong_shape_is_named_with_its_place(place: tuple[Any, ...], value: Any, where: str, reason: str) -> None:
    changed = with_change({**PLAIN[0]}, place[:-1], lambda there: there) if place else value
    if place:
        holder = changed
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = value
    with refused(ShapeWrong, where=where, reason=reason):
        read_manifest(changed)


def test_terms_of_a_wrong_shape_make_no_manifest() -> None:
    with refused(ShapeWrong, where="plan", reason="digest"):
        a_manifest(plan="abc")


def test_a_rule_without_a_known_form_is_refused_before_anything_is_counted() -> None:
    with refused(ShapeWrong, where="selections.0.rules.A.rate.1", reason="integer:1..9007199254740991"):
        a_manifest(selections=(Selection("joint", ("JT-01",), {"A": Rate((1, 0))}),))


def changed_agency(who: str, **changes: str) -> dict[str, Agency]:
    return {**LIVE.agencies, who: replace(LIVE.agencies[who], **changes)}


def with_rules(**rules: Any) -> tuple[Selection, ...]:
    return (Selection("joint", ("AJ-01", "GA-01", "JT-01"), {"A": Rate((1, 10)), "B": Full(), **rules}),)


def test_an_agency_is_not_called_witness() -> None:
    with refused(AgencyCalledWitness):
        a_manifest(agencies={**LIVE.agencies, "witness": Agency("ed25519", public_key("x"), "own")})


def test_the_lead_is_one_of_the_agencies() -> None:
    with refused(LeadIsNoAgency, lead="SJ"):
        a_manifest(lead="SJ")


@pytest.mark.parametrize("where", ["slots", "rosters"])
def test_nothing_is_given_for_an_agency_that_takes_no_part(where: str) -> None:
    with refused(AgencyUnknown, agency="SJ", where=where):
        a_manifest(**{where: {**getattr(LIVE, where), "SJ": getattr(LIVE, where)["JT"]}})


def test_two_agencies_do_not_share_a_key() -> None:
    with refused(KeyShared, first="AJ", second="GA"):
        a_manifest(agencies=changed_agency("GA", key=public_key("AJ")))


def test_the_witness_is_none_of_the_agencies() -> None:
    with refused(KeyShared, first="AJ", second="witness"):
        a_manifest(witness=Witness("notary", "ed25519", public_key("AJ")))


def test_a_key_is_of_its_algorithm() -> None:
    with refused(KeyNotOfAlgorithm, who="GA", alg="sm2"):
        a_manifest(agencies=changed_agency("GA", alg="sm2"))
    with refused(KeyNotOfAlgorithm, who="witness", alg="ed25519"):
        a_manifest(witness=Witness("notary", "ed25519", "04" + "ab" * 64))


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize(
    "key",
    [
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ],
)
def test_a_key_with_which_anybody_could_sign_is_refused(key: str, sign: int) -> None:
    signed = f"{key[:62]}{int(key[62:], 16) | sign:02x}"

    with refused(KeyWeak, who="GA"):
        a_manifest(agencies=changed_agency("GA", key=signed))
    with refused(KeyWeak, who="witness"):
        a_manifest(witness=Witness("notary", "ed25519", signed))


def test_the_witness_is_none_of_the_agencies_by_name() -> None:
    with refused(WitnessIsAgency, name="GA"):
        a_manifest(witness=Witness("GA", "ed25519", public_key("witness")))


def test_an_sm2_key_is_allowed() -> None:
    assert a_manifest(agencies=changed_agency("GA", alg="sm2", key="04" + "ab" * 64)).agencies["GA"].alg == "sm2"


def test_a_line_belongs_to_an_agency() -> None:
    with refused(LineWithoutAgency, line="X-01", where="lines"):
        a_manifest(lines={**LIVE.lines, "X-01": "X"})
    with refused(LineWithoutAgency, line="JT-02", where="joint"):
        a_manifest(selections=(Selection("joint", ("JT-01", "JT-02"), {"A": Full(), "B": Full()}),))


def test_a_line_of_the_frame_belongs_to_an_agency() -> None:
    found = frame.survey(SHA256, frame_of({**entities(), "E999": Kind("B", ("JT-01", "ZZ-01"))}))

    with refused(LineWithoutAgency, line="ZZ-01", where="B"):
        draft(terms(), found)


def test_an_agency_with_lines_has_slots_and_a_roster() -> None:
    with refused(AgencyWithoutSlots, agency="GA", stratum=None):
        a_manifest(slots={agency: slots for agency, slots in LIVE.slots.items() if agency != "GA"})
    with refused(AgencyWithoutRoster, agency="GA"):
        a_manifest(rosters={agency: one for agency, one in LIVE.rosters.items() if agency != "GA"})


def test_an_agency_has_slots_wherever_it_may_be_drawn() -> None:
    with refused(AgencyWithoutSlots, agency="JT", stratum="B"):
        a_manifest(slots={**LIVE.slots, "JT": {"A": (("enf",),)}})


def test_an_agency_needs_no_slots_where_none_of_its_lines_is_drawn() -> None:
    selections = (Selection("joint", ("AJ-01",), {"A": Full()}),)

    assert a_manifest(selections=selections, slots={**LIVE.slots, "JT": {"C": ((),)}}).sizes == {
        "joint": {"A": (40, 40)}
    }
    with refused(AgencyWithoutSlots, agency="JT", stratum=None):
        a_manifest(selections=selections, slots={**LIVE.slots, "JT": {}})


def test_an_agency_without_lines_may_take_part_for_its_secret_alone() -> None:
    agencies = {**LIVE.agencies, "SJ": Agency("ed25519", public_key("SJ"), "page")}

    assert "SJ" not in a_manifest(agencies=agencies).rosters


@pytest.mark.parametrize(("first", "second"), [("b", "a"), ("a", "a")])
def test_selections_ascend(first: str, second: str) -> None:
    rules = {"A": Full(), "B": Full()}

    with refused(SelectionsNotAscending, selection=second):
        a_manifest(selections=(Selection(first, ("JT-01",), rules), Selection(second, ("AJ-01",), rules)))


@pytest.mark.parametrize(
    ("rule", "reason"), [(Rate((2, 1)), "more_than_all"), (Rate((1, 2), min=3, max=2), "min_above_max")]
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: Rate, reason: str) -> None:
    with refused(RuleWrong, **{"selection": "joint", "class": "A", "reason": reason}):
        a_manifest(selections=with_rules(A=rule))


@pytest.mark.parametrize("rule", [Rate((1, 1), min=2, max=2), Rate((1, 2), min=3), Rate((1, 2), max=3), Count(0)])
def test_a_rule_that_can_be_meant_is_allowed(rule: Any) -> None:
    assert a_manifest(selections=with_rules(A=rule)).selections[0].rules["A"] == rule


def test_a_class_without_a_rule_is_refused_with_its_size() -> None:
    with refused(ClassWithoutRule, **{"selection": "joint", "class": "B", "size": 6}):
        a_manifest(selections=(Selection("joint", ("JT-01",), {"A": Full()}),))


def test_a_rule_for_a_class_that_does_not_occur_is_allowed_and_leaves_no_size() -> None:
    assert a_manifest(selections=with_rules(C=Full())).sizes == {"joint": {"A": (40, 4), "B": (6, 6)}}


def test_a_staged_draw_takes_every_target() -> None:
    with refused(StagedDrawNotFull, **{"selection": "joint", "class": "A"}):
        a_manifest(parent=Parent("a" * 64, "b" * 64), selections=with_rules())


def test_the_sizes_are_those_of_the_frame() -> None:
    census = frame.survey(SHA256, frame_of(entities()))

    for stated, facts in (
        ({"A": (40, 5), "B": (6, 2)}, {"class": "A", "stated": (40, 5), "counted": (40, 4)}),
        ({"B": (6, 2)}, {"class": "A", "stated": None, "counted": (40, 4)}),
        ({"A": (40, 4), "B": (6, 2), "C": (0, 0)}, {"class": "C", "stated": (0, 0), "counted": None}),
    ):
        with refused(SizesDiffer, selection="joint", **facts):
            check_frame(replace(LIVE, sizes={**LIVE.sizes, "joint": stated}), census)
    with refused(SizesDiffer, **{"selection": "zz", "class": None, "stated": None, "counted": None}):
        check_frame(replace(LIVE, sizes={**LIVE.sizes, "zz": {"A": (1, 1)}}), census)
    check_frame(replace(LIVE, sizes={**LIVE.sizes, "zz": {}}), census)
    with refused(SizesDiffer, **{"selection": "more", "class": "A", "stated": None, "counted": (40, 2)}):
        check_frame(replace(LIVE, sizes={"joint": LIVE.sizes["joint"]}), census)


@pytest.mark.parametrize("what", ["n", "digest", "root"])
def test_another_frame_is_refused(what: str) -> None:
    census = frame.survey(SHA256, frame_of(entities()))
    changes: dict[str, Any] = {what: 7 if what == "n" else "a" * 64}
    shard = replace(census.frame.shards[0], **changes)
    other = replace(census, frame=replace(census.frame, shards=(shard,)))

    with refused(FrameDiffers, shard="s1", what=what):
        check_frame(LIVE, other)


def test_a_frame_of_other_shards_is_refused() -> None:
    with refused(FrameDiffers, shard=None, what="shards"):
        check_frame(LIVE, frame.survey(SHA256, frame_of(entities(), "s2")))


def test_the_frame_section_adds_up() -> None:
    stated = LIVE.frame
    with refused(FrameRootWrong, what="n"):
        check(replace(LIVE, frame=replace(stated, n=47)))
    with refused(FrameRootWrong, what="root"):
        check(replace(LIVE, frame=replace(stated, root="a" * 64)))
    with refused(FrameRootWrong, what="shards"):
        check(replace(LIVE, frame=replace(stated, shards=(stated.shards[0], stated.shards[0]))))


def test_shards_may_be_listed_in_any_order() -> None:
    # Section 2 orders the leaves of the root, not the manifest's list.
    files = {**frame_of({one: kind for one, kind in entities().items() if one < "E02"}, "s1")}
    files |= frame_of({one: kind for one, kind in entities().items() if one >= "E02"}, "s2")
    census = frame.survey(SHA256, files)
    manifest = draft(terms(), census)
    listed = replace(manifest, frame=replace(manifest.frame, shards=manifest.frame.shards[::-1]))

    check(listed)
    check_frame(listed, census)
    with refused(FrameDiffers, shard=None, what="shards"):
        check_frame(listed, frame.survey(SHA256, {"s1": files["s1"]}))


def test_terms_of_another_hash_than_the_census_make_no_manifest() -> None:
    with refused(FrameRootWrong, what="root"):
        draft(terms(h=SM3), frame.survey(SHA256, frame_of(entities())))


@pytest.mark.parametrize(
    ("earlier", "later", "gap"),
    [
        ("published", "commit_close", 0),
        ("commit_close", "reveal_close", 1),
        ("reveal_close", "seal_by", 0),
        ("seal_by", "beacon_time", 600),
        ("beacon_time", "window_end", 0),
    ],
)
def test_times_come_in_their_order(earlier: str, later: str, gap: int) -> None:
    def times_with(apart: int) -> Times:
        names = list(TIMES.__dict__)
        before = names.index(later)
        spread = {name: 10_000 * position + 10_000 for position, name in enumerate(names)}
        close = spread[earlier] + apart
        return Times(
            **{
                name: close + 10_000 * (names.index(name) - before) if names.index(name) >= before else at
                for name, at in spread.items()
            }
        )

    assert a_manifest(times=times_with(gap)).times == times_with(gap)
    with refused(TimesOutOfOrder, earlier=earlier, later=later, gap=gap):
        a_manifest(times=times_with(gap - 1))


def test_at_most_a_third_may_be_missing() -> None:
    five = {**LIVE.agencies, **{who: Agency("ed25519", public_key(who), "own") for who in ("SJ", "YG")}}

    assert a_manifest(agencies=five, max_missing=1).max_missing == 1
    with refused(TooManyMayBeMissing, max_missing=2, allowed=1):
        a_manifest(agencies=five, max_missing=2)


def test_a_live_draw_has_a_beacon_and_a_rehearsal_need_not() -> None:
    with refused(LiveWithoutBeacon):
        a_manifest(beacons=())
    assert a_manifest(beacons=(), purpose="rehearsal").beacons == ()


def test_one_agency_alone_needs_a_witness() -> None:
    alone: dict[str, Any] = {
        "lines": {"JT-01": "JT"},
        "selections": (Selection("joint", ("JT-01",), {"A": Full()}),),
        "max_missing": 0,
    }
    census = frame.survey(SHA256, frame_of({"E1": Kind("A", ("JT-01",))}))

    assert draft(terms(("JT",), **alone), census).lead == "JT"
    with refused(SingleWithoutWitness):
        draft(terms(("JT",), witness=None, **alone), census)


@pytest.mark.parametrize(("attempt", "prev"), [(1, "a" * 64), (2, None)])
def test_an_attempt_names_the_one_before_it(attempt: int, prev: str | None) -> None:
    with refused(AttemptWithoutPrevious, attempt=attempt):
        a_manifest(attempt=attempt, prev=prev)


DICE = Beacon("room-dice", 20)
SPOKEN = 1692803367
LATE = replace(TIMES, beacon_time=SPOKEN + 300, window_end=SPOKEN + 9999)


@pytest.mark.parametrize(
    ("beacons", "beacon", "reason"),
    [
        ((DICE, DICE), "room-dice", "doubled"),
        ((Beacon("drand-quicknet", 100),), "drand-quicknet", "too_early"),
        ((DICE, Beacon("chain:JT", 0, anchor="a" * 64, index=1)), "chain:JT", "holder_is_agency"),
        ((Beacon("chain:bank", 0, anchor="a" * 64, index=1),), "chain:bank", "chain_alone"),
    ],
)
def test_a_beacon_that_cannot_serve_is_refused(beacons: tuple[Beacon, ...], beacon: str, reason: str) -> None:
    with refused(BeaconWrong, beacon=beacon, reason=reason):
        a_manifest(beacons=beacons, times=LATE)


@pytest.mark.parametrize(
    "beacons", [(Beacon("drand-quicknet", 101),), (DICE, Beacon("chain:bank", 0, anchor="a" * 64, index=1))]
)
def test_a_beacon_that_can_serve_is_allowed(beacons: tuple[Beacon, ...]) -> None:
    assert a_manifest(beacons=beacons, times=LATE).beacons == beacons


def codes(manifest: Manifest) -> list[str]:
    return [remark.code for remark in said_aloud(manifest)]


def test_an_ordinary_draw_has_little_said_about_it() -> None:
    usual = a_manifest(selections=(Selection("joint", ("AJ-01",), {"A": Rate((1, 10))}),))

    assert codes(usual) == []


def test_who_was_named_or_drawn_before_is_not_called_drawn() -> None:
    usual = a_manifest()  # A: lots in both selections; B: lots in one, all of it in the other
    small = replace(usual, sizes={"joint": {"A": (4, 2)}, "more": {"A": (60, 0)}})
    second = replace(usual, parent=Parent("0" * 64, "0" * 64))

    assert chosen(usual, "A/x") == "drawn"
    assert chosen(usual, "B") == "partly_named"
    assert chosen(replace(usual, sizes={"more": usual.sizes["more"]}), "B/y") == "named"
    assert chosen(small, "A") == "named"
    assert chosen(second, "A") == "first_stage"


def test_what_a_draw_rests_on_weakly_is_said_aloud() -> None:
    weak = a_manifest(
        times=replace(TIMES, published=TIMES.commit_close - 86_399),
        agencies={
            name: replace(one, custody="server" if name != "JT" else "own") for name, one in LIVE.agencies.items()
        },
        witness=None,
    )

    said = [(remark.code, dict(remark.facts)) for remark in said_aloud(weak)]

    assert said == [
        ("draw.said.short_notice", {"hours": 23, "minutes": 59}),
        ("draw.said.keys_with_operator", {"own": 1}),
        ("draw.said.no_witness", {}),
        ("draw.said.named_not_drawn", {"selection": "more", "class": "B", "size": 6, "drawn": 6}),
    ]


def test_a_day_of_notice_is_enough() -> None:
    assert "draw.said.short_notice" not in codes(
        replace(LIVE, times=replace(TIMES, published=TIMES.commit_close - 86_400))
    )


@pytest.mark.parametrize(("size", "drawn", "said"), [(4, 1, True), (4, 0, True), (5, 5, True), (5, 4, False)])
def test_small_and_whole_classes_are_named_not_drawn(size: int, drawn: int, said: bool) -> None:
    small = replace(LIVE, sizes={"joint": {"A": (size, drawn)}})

    assert ("draw.said.named_not_drawn" in codes(small)) is said


def test_the_next_attempt_is_drafted_from_the_terms_of_the_last() -> None:
    assert draft(terms_of(LIVE), frame.survey(SHA256, frame_of(entities()))) == LIVE


def test_a_hostile_manifest_is_refused_and_never_breaks() -> None:
    for plain in PLAIN[:2]:
        for place in places(plain):
            for odd in ODD:
                try:
                    manifest_rules.check(read_manifest(with_change(plain, place, partial(instead, odd))))
                except OneVisitError:
                    continue
