"""The planner's pure rules: every branch, against the vectors of shared/reference/domain.md."""

import random
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from runtime.errors import OneVisitError, Rejected
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import parse_calendar
from schemas.vocabulary import Purpose, Stage
from services.planner.domain import campaigns, checklists, deadlines, frames, ratios, rosters, spreadsheets, stages
from services.planner.domain.campaigns import DrawTerms, Known, Plan
from services.planner.domain.credit_code import ALPHABET, check_character, is_credit_code, is_identifier
from services.planner.domain.deadlines import Term, reckon
from services.planner.domain.frames import Candidate, Conditions, Entity, Line
from services.planner.domain.ratios import CLASS_PER_CATEGORY, ONE_CLASS, Bounds
from services.planner.domain.register_rows import looks_like_identity_number
from services.planner.domain.rosters import Absence, Officer, Recusal
from services.planner.domain.stages import Warned, Window
from tests.unit.planner.world import ROOT, STAGES

CALENDAR = WorkingCalendar.of(parse_calendar((ROOT / "rulepacks/calendar/CN.toml").read_bytes()).plain())
TENTH = Fraction(1, 10)
PINGLUO = {"KY": 22, "WH": 11, "PH": 55, "ZC": 11, "WX": 11}


def refused(work: object) -> OneVisitError:
    with pytest.raises(OneVisitError) as caught:
        work()  # type: ignore[operator]
    return caught.value


# ── credit codes ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_check_character_is_the_one_of_the_standard_library_of_numbers() -> None:
    chance = random.Random(1)
    for _ in range(500):
        first = "91640221" + "".join(chance.choice(ALPHABET) for _ in range(9))
        code = first + check_character(first)
        assert code[-1] == str(uscc.calc_check_digit(first))
        assert is_credit_code(code)
        wrong = code[:-1] + chance.choice([sign for sign in ALPHABET if sign != code[-1]])
        assert not is_credit_code(wrong)


@pytest.mark.parametrize(
    "text", ["", "91640221DEM00001", "91640221DEM000014I", "X1640221DEM0000144", "9164022１DEM0000144"]
)
def test_what_is_no_credit_code(text: str) -> None:
    assert not is_credit_code(text)


@pytest.mark.parametrize(
    ("text", "good"), [("T-0001", True), ("a" * 65, False), ("", False), ("T\n1", False), ("甲", False)]
)
def test_an_identifier_is_ascii_without_anything_hidden(text: str, good: bool) -> None:
    assert is_identifier(text) is good


# ── ratios ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "percent", "needed"),
    [
        (101, 10, 11), (105, 10, 11), (110, 10, 11), (111, 10, 12), (100, 10, 10), (17, 6, 2), (51, 6, 4), (34, 3, 2),
        (21, 5, 2), (11, 30, 4), (7, 50, 4), (100, 7, 7), (50, 14, 7), (25, 28, 7), (100, 55, 55), (25, 56, 14),
    ],
)  # fmt: skip
def test_the_fewest_targets_are_the_exact_share_rounded_up(size: int, percent: int, needed: int) -> None:
    assert ratios.ceiling(Fraction(percent, 100), size) == needed


def test_nothing_is_feasible_between_three_and_twenty_percent_of_four() -> None:
    bounds = Bounds(Fraction(3, 100), Fraction(20, 100))

    assert not bounds.feasible(4)
    assert bounds.feasible(5)
    found = ratios.preview({"KY": 4}, Fraction(3, 100), 1, bounds)
    assert (found.fewest, found.most, found.feasible) == (1, 0, False)
    problem = refused(lambda: ratios.check_planned(ONE_CLASS, {"KY": 4}, Fraction(3, 100), 1, bounds))
    assert (problem.code, problem.facts) == ("ratio.nothing_feasible", {"frame": 4, "fewest": 1, "most": 0})


@pytest.mark.parametrize(
    ("written", "ratio"),
    [("1/10", TENTH), ([1, 10], TENTH), ("10%", TENTH), (" 2 / 20 ", TENTH), ("100％", Fraction(1))],
)
def test_a_ratio_is_read_exactly(written: object, ratio: Fraction) -> None:
    assert ratios.read_ratio(written) == ratio


@pytest.mark.parametrize(
    "written", ["0.1", "1/0", "0/5", "11/10", [1, 0], [0, 5], "十分之一", None, [True, "x"], "101%"]
)
def test_what_is_no_ratio(written: object) -> None:
    assert refused(lambda: ratios.read_ratio(written)).code == "ratio.unreadable"


def test_bounds_of_several_kinds_join_to_the_strictest() -> None:
    joined = ratios.strictest([Bounds(Fraction(3, 100), Fraction(1, 5)), Bounds(TENTH, None, 2), Bounds()])

    assert joined == Bounds(TENTH, Fraction(1, 5), 2)
    assert ratios.strictest([]) == Bounds()
    assert refused(lambda: joined.check(Fraction(1, 20))).code == "ratio.below_minimum"
    assert refused(lambda: joined.check(Fraction(1, 4))).code == "ratio.above_maximum"
    joined.check(TENTH)
    Bounds().check(TENTH)


def test_both_spreads_are_shown_side_by_side() -> None:
    found = ratios.preview(PINGLUO, TENTH, 11, Bounds(TENTH))

    one, each = found.options
    assert (one.targets, one.share) == (11, TENTH)
    assert (each.targets, each.by_class[0]) == (15, (("KY",), 22, 3))
    assert found.fewest == 11
    assert ratios.preview({}, TENTH, 1, Bounds()).options[0].share == 0


@pytest.mark.parametrize(
    ("spread", "sizes", "planned", "bounds", "code", "fact"),
    [
        (ONE_CLASS, PINGLUO | {"KY": 23}, 11, Bounds(TENTH), "frame.planned_too_few", ("needed", 12)),
        (CLASS_PER_CATEGORY, PINGLUO, 11, Bounds(TENTH), "frame.planned_too_few", ("needed", 15)),
        (CLASS_PER_CATEGORY, PINGLUO, 16, Bounds(TENTH), "frame.planned_not_of_the_rule", ("needed", 15)),
        (ONE_CLASS, {"KY": 5}, 6, Bounds(), "frame.planned_exceeds_frame", ("frame", 5)),
        (ONE_CLASS, {"KY": 100}, 30, Bounds(None, Fraction(1, 5)), "frame.planned_above_maximum", ("most", 20)),
        (ONE_CLASS, {"KY": 100}, 10, Bounds(None, None, 12), "frame.planned_too_few", ("needed", 12)),
    ],
)  # fmt: skip
def test_a_planned_number_that_does_not_hold(
    spread: str, sizes: dict[str, int], planned: int, bounds: Bounds, code: str, fact: tuple[str, int]
) -> None:
    problem = refused(lambda: ratios.check_planned(spread, sizes, TENTH, planned, bounds))

    assert problem.code == code
    assert problem.facts[fact[0]] == fact[1]


@given(
    st.dictionaries(st.sampled_from("ABCDE"), st.integers(0, 60), min_size=1),
    st.integers(1, 20),
    st.integers(1, 300),
    st.sampled_from([ONE_CLASS, CLASS_PER_CATEGORY]),
)
def test_what_is_accepted_draws_exactly_what_was_planned_and_keeps_the_ratio(
    sizes: dict[str, int], tenths: int, planned: int, spread: str
) -> None:
    ratio = Fraction(tenths, 20)
    try:
        layout = ratios.check_planned(spread, sizes, ratio, planned, Bounds())
    except Rejected:
        return

    assert ratios.count(layout, sizes) == planned
    assert Fraction(planned, sum(sizes.values())) >= ratio


def test_more_than_the_minimum_is_drawn_when_it_was_planned() -> None:
    (only,) = ratios.check_planned(ONE_CLASS, {"KY": 100}, TENTH, 11, Bounds(TENTH))

    assert (only.code, only.count(100)) == ("c1", 11)


# ── stages and deadlines ────────────────────────────────────────────────────────────────────────────────────────────

WINDOWS = tuple(
    Window(Stage(name), date.fromisoformat(first), date.fromisoformat(last)) for name, first, last in STAGES
)


def warned(windows: tuple[Window, ...] = WINDOWS, **changes: object) -> list[str]:
    told: dict[str, object] = {
        "rule_due_on": date(2019, 1, 4),
        "rule_term": 10,
        "conference_on": date(2018, 11, 28),
        "conference_required": True,
    }
    return [each.code for each in stages.warnings(windows, CALENDAR, **(told | changes))]  # type: ignore[arg-type]


def moved(stage: Stage, first: str, last: str) -> tuple[Window, ...]:
    new = Window(stage, date.fromisoformat(first), date.fromisoformat(last))
    return tuple(new if window.stage is stage else window for window in WINDOWS)


def test_the_stages_of_pingluo_warn_as_they_should() -> None:
    assert warned() == ["stage_ends_on_day_off", "stage_ends_on_day_off", "rule_term_does_not_fit"]
    assert [days.working_days for days in stages.stage_days(WINDOWS, CALENDAR)] == [3, 5, 9, 7]
    assert stages.stage_days(WINDOWS, CALENDAR)[3].last_working_on == date(2018, 12, 29)


@pytest.mark.parametrize(
    ("windows", "changes", "code"),
    [
        (WINDOWS, {"conference_on": None}, "conference_missing"),
        (WINDOWS, {"conference_on": date(2018, 12, 1)}, "conference_after_stage"),
        (moved(Stage.DRAW, "2018-12-08", "2018-12-03"), {}, "stage_dates_reversed"),
        (moved(Stage.DRAW, "2018-11-30", "2018-12-07"), {}, "stages_overlap"),
        (moved(Stage.DRAW, "2018-12-08", "2018-12-09"), {}, "stage_without_working_day"),
        (moved(Stage.DRAW, "2018-12-02", "2018-12-07"), {}, "stage_starts_on_day_off"),
        (moved(Stage.PUBLISH, "2018-12-21", "2031-12-31"), {}, "calendar_provisional"),
    ],
)
def test_what_is_said_about_dates(windows: tuple[Window, ...], changes: dict[str, object], code: str) -> None:
    assert code in warned(windows, **changes)


def test_what_is_not_said() -> None:
    assert "conference_missing" not in warned(conference_on=None, conference_required=False)
    assert "rule_term_does_not_fit" not in warned(rule_due_on=None)
    assert not stages.stage_days(moved(Stage.DRAW, "2018-12-08", "2018-12-09"), CALENDAR)[1].last_working_on


def test_a_pack_may_stop_a_proposal_for_any_warning() -> None:
    found = [Warned("calendar_provisional"), Warned("stages_overlap", (("stage", "draw"),))]

    assert refused(lambda: stages.refuse_blocking(found, {"calendar_provisional"})).code == "stage.blocked_by_pack"
    assert refused(lambda: stages.refuse_blocking(found, ())).code == "stage.overlap"
    stages.refuse_blocking(found[:1], ())


def test_stages_are_four_in_order_inside_the_calendar() -> None:
    assert stages.ordered(WINDOWS[::-1]) == WINDOWS
    assert refused(lambda: stages.ordered(WINDOWS[:3])).code == "stage.incomplete"
    stages.check_inside(WINDOWS, CALENDAR)
    stages.check_inside(WINDOWS, WorkingCalendar.of({}))
    far = moved(Stage.PUBLISH, "2018-12-21", "2108-12-31")
    assert refused(lambda: stages.check_inside(far, CALENDAR)).code == "stage.outside_calendar"


@pytest.mark.parametrize(
    ("anchor", "amount", "unit", "roll", "expected"),
    [
        ("inspection_stage_end", 10, "working_days", "none", date(2019, 1, 4)),
        ("inspection_stage_end", 7, "working_days", "none", date(2018, 12, 29)),
        ("inspection_stage_end", 20, "working_days", "none", date(2019, 1, 18)),
        ("inspection_stage_end", 10, "natural_days", "next_working_day", date(2019, 1, 2)),
        ("campaign_end", 10, "natural_days", "none", date(2019, 1, 10)),
    ],
)
def test_deadlines_are_counted_as_the_pack_says(anchor: str, amount: int, unit: str, roll: str, expected: date) -> None:
    anchors = {"inspection_stage_end": date(2018, 12, 20), "campaign_end": date(2018, 12, 31)}

    assert reckon(Term("x", anchor, amount, unit, roll, "S4"), anchors, CALENDAR).due_on == expected


def test_no_other_day_is_put_in_the_place_of_an_anchor_that_is_not_counted() -> None:
    with pytest.raises(KeyError):
        reckon(
            Term("x", "visit_end", 10, "working_days", "none", "S4"),
            {"inspection_stage_end": date(2018, 12, 20)},
            CALENDAR,
        )


def test_a_term_in_hours_is_no_day() -> None:
    term = Term("x", "event", 24, "hours", "none", "S4")

    assert refused(lambda: reckon(term, {}, CALENDAR)).code == deadlines.DeadlineNotByDays.code


# ── frames ──────────────────────────────────────────────────────────────────────────────────────────────────────────

LINES = (Line("JT-01", "JT", frozenset({"KY"})), Line("AJ-02", "AJ", frozenset({"KY", "WX"})))
ONLY = Conditions(("KY", "WX"), districts=("PL01",), labels=("x",), established_before=date(2018, 1, 1))


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (Candidate("a", "KY", "PL01", frozenset({"x"}), date(2017, 12, 31)), None),
        (Candidate("a", "KY", "PL01", frozenset({"x"}), date(2017, 12, 31), "moved_out"), "moved_out"),
        (Candidate("a", "PH", "PL01"), "not_in_trade"),
        (Candidate("a", "KY", "PL02"), "other_district"),
        (Candidate("a", "KY", "PL01", frozenset({"y"})), "label_missing"),
        (Candidate("a", "KY", "PL01", frozenset({"x"}), date(2018, 1, 1)), "established_too_late"),
        (Candidate("a", "KY", "PL01", frozenset({"x"}), None), "established_too_late"),
        (Candidate("drawn", "KY", "PL01", frozenset({"x"}), date(2017, 1, 1)), "already_drawn"),
    ],
)
def test_who_stays_out_and_why(candidate: Candidate, reason: str | None) -> None:
    found = frames.select([candidate], ONLY, LINES, {"drawn"})

    assert [why for _, why in found.excluded] == ([reason] if reason else [])


def test_a_frame_is_written_byte_for_byte_as_the_protocol_says() -> None:
    candidates = [Candidate(name, kind, "PL01") for name, kind in (("b", "WX"), ("a", "KY"), ("c", "ZC"))]
    found = frames.select(candidates, Conditions(("KY", "WX", "ZC")), LINES)

    assert found.excluded == (("c", "no_line_applies"),)
    assert found.sizes(("ZC", "KY", "WX")) == {"KY": 1, "WX": 1, "ZC": 0}
    file = frames.write_frame(found.entities, ratios.classes(ONE_CLASS, ["WX", "KY", "ZC"], TENTH, 1))
    assert file == b"a\tc1/KY\tAJ-02,JT-01\nb\tc1/WX\tAJ-02\n"
    assert frames.frame_digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    file = frames.write_frame(found.entities, ratios.classes(CLASS_PER_CATEGORY, ["WX", "KY", "ZC"], TENTH, 1))
    assert file == b"a\tc1/KY\tAJ-02,JT-01\nb\tc2/WX\tAJ-02\n"


def test_an_id_no_draw_could_use_is_refused() -> None:
    for names, code in ((["a\tb"], "frame.id_impossible"), (["a", "a"], "frame.id_twice")):
        candidates = [Candidate(name, "KY", "PL01") for name in names]
        assert refused(lambda: frames.select(candidates, Conditions(("KY",)), LINES)).code == code  # noqa: B023


def test_an_empty_frame_is_refused() -> None:
    found = frames.select([], Conditions(("KY",)), LINES)

    assert refused(lambda: frames.require_entities(found)).code == "frame.empty"


# ── rosters ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FIRST, LAST = date(2018, 12, 10), date(2018, 12, 20)
GOOD = Officer("o1", frozenset({"A", "B"}), date(2016, 1, 1), LAST, 5)


@pytest.mark.parametrize(
    ("officer", "reason"),
    [
        (GOOD, None),
        (Officer("o1", frozenset({"A"}), None, LAST, 5), None),
        (Officer("o1", frozenset({"A"}), None, LAST, 5, "left"), "left"),
        (Officer("o1", frozenset({"A"}), None, None, 5), "credential_missing"),
        (Officer("o1", frozenset({"A"}), None, date(2018, 12, 19), 5), "credential_expired"),
        (Officer("o1", frozenset({"A"}), date(2018, 12, 11), LAST, 5), "credential_not_yet_valid"),
        (Officer("o1", frozenset({"B"}), None, LAST, 5), "label_missing"),
        (Officer("o1", frozenset({"A"}), None, LAST, 0), "cap_is_zero"),
    ],
)
def test_who_of_the_officers_can_be_sent(officer: Officer, reason: str | None) -> None:
    roster = rosters.draw_roster(["o1", "o9"], {"o1": officer}, ["A"], [], [], FIRST, LAST)

    assert dict(roster.excluded) == {"o9": "not_in_register"} | ({"o1": reason} if reason else {})
    assert [seat.officer for seat in roster.eligible] == ([] if reason else ["o1"])


def test_a_recusal_by_category_is_spelt_out_over_the_frame() -> None:
    entities = [Entity("b", "KY", ()), Entity("a", "KY", ()), Entity("c", "WH", ())]
    recusals = [
        Recusal("o1", None, "KY"),
        Recusal("o1", "c", None),
        Recusal("o2", None, "WH"),
        Recusal("o1", "z", None),
    ]

    (seat,) = rosters.draw_roster(["o1"], {"o1": GOOD}, [], recusals, entities, FIRST, LAST).eligible

    assert seat.recused == ("a", "b", "c")
    assert (seat.labels, seat.cap) == (("A", "B"), 5)


@pytest.mark.parametrize(
    ("until", "recused"),
    [
        (None, ("a",)),
        (FIRST - timedelta(days=1), ()),  # over before the first inspection
        (FIRST, ("a",)),
        (LAST - timedelta(days=1), ("a",)),  # ends inside the stage: whose visit is when is not known at the freeze
    ],
)
def test_a_recusal_binds_until_its_last_day(until: date | None, recused: tuple[str, ...]) -> None:
    recusals = [Recusal("o1", "a", None, until)]

    (seat,) = rosters.draw_roster(["o1"], {"o1": GOOD}, [], recusals, [Entity("a", "KY", ())], FIRST, LAST).eligible

    assert seat.recused == recused


DAYS = [date(2018, 12, day) for day in (10, 11, 12)]


@pytest.mark.parametrize(
    ("first", "last", "absent"),
    [
        (date(2018, 12, 1), date(2018, 12, 9), ()),
        (date(2018, 12, 1), date(2018, 12, 10), (DAYS[0],)),
        (date(2018, 12, 11), date(2018, 12, 31), (DAYS[1], DAYS[2])),
        (date(2018, 12, 10), date(2018, 12, 12), None),
    ],
)
def test_who_is_away_on_every_day_of_a_visit_is_left_out_and_who_is_away_on_some_stays(
    first: date, last: date, absent: tuple[date, ...] | None
) -> None:
    absences = [Absence("o1", first, last), Absence("o2", FIRST, LAST)]

    found = rosters.draw_roster(["o1"], {"o1": GOOD}, [], [], [], FIRST, LAST, absences, DAYS)

    assert found.excluded == (() if absent is not None else (("o1", "absent_throughout"),))
    assert [seat.absent for seat in found.eligible] == ([] if absent is None else [absent])


def test_a_pack_may_take_too_few_officers_with_a_warning() -> None:
    assert rosters.check_named(["b", "a"], {"a", "b"}, 2, too_few_is_a_warning=False) == ("a", "b")
    assert rosters.check_named(["a"], {"a"}, 2, too_few_is_a_warning=True) == ("a",)
    assert refused(lambda: rosters.check_named(["a"], {"a"}, 2, too_few_is_a_warning=False)).facts == {
        "named": 1,
        "minimum": 2,
    }


# ── checklists ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_item_is_covered_by_exactly_one_checklist() -> None:
    editions = {("A", 1): ["i1"], ("B", 1): ["i1", "i2"], ("B", 2): ["i2", "i3"]}

    assert checklists.cover(["i1", "i2"], [("B", 2), ("A", 1)], editions) == {"i1": ("A", 1), "i2": ("B", 2)}
    assert refused(lambda: checklists.cover(["i1"], [("A", 1), ("B", 1)], editions)).code.endswith("two_checklists")


def test_a_day_beside_the_visit_may_be_a_bad_answer() -> None:
    asked = checklists.Asked(2, "i", "Q1", "?", "date", bad_answers=("<visit_on",), finding_kind="x")

    assert checklists.faults([asked], {"x"}) == []
    assert not checklists.Asked(2, "i", "Q1", "?", "photo").may_be_bad("x")
    assert checklists.Asked(2, "i", "Q1", "?", "choice", choices=("a", "b")).may_be_bad("a")


# ── campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────────

BEACONS = frozenset({"room-dice", "drand-quicknet", "lottery:3d", "chain:bank", "chain:JT"})
KNOWN = Known(frozenset({"JT", "GA"}), frozenset({"GZ"}), frozenset({"KY"}), frozenset({"PL01"}), Purpose.LIVE, BEACONS)
TERMS = DrawTerms(Purpose.LIVE, "window", "GZ", 20, 3, 0)


def live(dice: int | None, *beacons: str) -> DrawTerms:
    return DrawTerms(Purpose.LIVE, "window", "GZ", dice, 3, 0, beacons)


def hashed(name: str) -> DrawTerms:
    return replace(TERMS, hash=name)


def plan(**changes: object) -> Plan:
    values: dict[str, object] = {
        "title": "t",
        "number": "n",
        "lead": "JT",
        "partners": ("GA",),
        "lines": (Line("a", "JT", frozenset({"KY"})), Line("b", "GA", frozenset({"KY"}))),
        "districts": (),
        "ratio": TENTH,
        "planned": 1,
        "spread": ONE_CLASS,
        "terms": TERMS,
    }
    return Plan(**(values | changes))  # type: ignore[arg-type]


def test_a_plan_that_holds() -> None:
    campaigns.check_plan(plan(), KNOWN)
    assert plan().categories == ("KY",)
    assert plan().agencies == ("GA", "JT")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lines": (Line("a", "JT", frozenset()), Line("b", "GA", frozenset({"KY"})))}, "campaign.category_unknown"),
        ({"terms": DrawTerms(Purpose.LIVE, "window", "GZ", None, 3, 0)}, "campaign.beacon_needed"),
        ({"terms": live(None, "lottery:6d")}, "campaign.beacon_not_offered"),
        ({"terms": live(20, "drand-quicknet", "lottery:3d")}, "campaign.too_many_beacons"),
        ({"terms": live(None, "lottery:3d", "lottery:3d")}, "campaign.too_many_beacons"),
        ({"terms": live(None, "chain:bank")}, "campaign.chain_stands_alone"),
        ({"terms": live(None, "chain:bank", "chain:JT")}, "campaign.chain_stands_alone"),
        ({"terms": live(20, "chain:JT")}, "campaign.holder_is_agency"),
        ({"terms": hashed("sm3")}, "campaign.hash_not_offered"),
        ({"terms": DrawTerms(Purpose.LIVE, "window", "XX", 20, 3, 0)}, "campaign.witness_impossible"),
        ({"terms": DrawTerms(Purpose.LIVE, "window", "GZ", 20, -1, 0)}, "campaign.chain_impossible"),
        (
            {
                "partners": (),
                "lines": (Line("a", "JT", frozenset({"KY"})),),
                "terms": DrawTerms(Purpose.LIVE, "window", None, 20, 3, 0),
            },
            "campaign.witness_needed",
        ),
    ],
)
def test_a_plan_that_does_not_hold(changes: dict[str, object], code: str) -> None:
    assert refused(lambda: campaigns.check_plan(plan(**changes), KNOWN)).code == code


def test_a_rehearsal_may_go_without_dice() -> None:
    campaigns.check_terms(DrawTerms(Purpose.REHEARSAL, "open", None, None, 0, 0), ["A", "B"], KNOWN)


@pytest.mark.parametrize(
    "terms",
    [live(None, "drand-quicknet"), live(20, "drand-quicknet"), live(None, "drand-quicknet", "chain:bank")],
)
def test_a_live_draw_has_dice_or_another_source_or_both(terms: DrawTerms) -> None:
    campaigns.check_terms(terms, ["JT", "GA"], KNOWN)


def test_a_draw_has_the_hash_that_the_pack_offers() -> None:
    other = replace(KNOWN, hashes=frozenset({"sm3"}))

    campaigns.check_plan(plan(terms=hashed("sm3")), other)
    assert refused(lambda: campaigns.check_plan(plan(), other)).facts == {"hash": "sha256"}


def test_dice_too_are_thrown_only_where_the_pack_offers_them() -> None:
    without = replace(KNOWN, beacons=frozenset({"drand-quicknet"}))

    assert refused(lambda: campaigns.check_terms(live(20), ["JT", "GA"], without)).facts == {"beacon": "room-dice"}


def test_texts_are_clean() -> None:
    assert campaigns.clean_text("t", " a\r\nb ", 10) == "a\nb"
    assert campaigns.clean_text("t", " ", 10, needed=False) == ""
    assert refused(lambda: campaigns.clean_text("t", "aaa", 2)).code == "campaign.text_impossible"


@pytest.mark.parametrize(
    ("state", "drawn", "shown"), [("frozen", True, "drawn"), ("frozen", False, "frozen"), ("closed", True, "closed")]
)
def test_a_frozen_campaign_shows_as_drawn(state: str, drawn: bool, shown: str) -> None:
    assert campaigns.shown_state(state, drawn=drawn) == shown


# ── spreadsheets ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("column", "row", "name"), [(0, 7, "A7"), (25, 1, "Z1"), (26, 2, "AA2"), (701, 3, "ZZ3"), (702, 4, "AAA4")]
)
def test_cells_are_named_as_people_see_them(column: int, row: int, name: str) -> None:
    assert spreadsheets.cell_name(column, row) == name


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2018-12-03", date(2018, 12, 3)),
        ("2018/12/3", date(2018, 12, 3)),
        ("2018年12月3日", date(2018, 12, 3)),
        ("2018.12.3", date(2018, 12, 3)),
        ("3.12.2018", None),
        ("2018-12", None),
        ("2018-13-01", None),
        ("2018-１2-01", None),
    ],
)
def test_days_are_read_as_people_write_them(written: str, day: date | None) -> None:
    assert spreadsheets.read_day(written) == day


def test_a_column_is_found_by_its_other_names_and_a_long_text_is_too_long() -> None:
    columns = (spreadsheets.Column("a", "甲", aliases=("乙",)), spreadsheets.Column("b", "丙", needed=False))
    sheet = spreadsheets.Sheet(columns, [(3, ("x", "乙")), (5, ("", "很长的文字"))])
    (entry,) = sheet.entries()

    assert (entry.row, entry.written("a"), entry.written("b")) == (5, "很长的文字", "")
    assert entry.text("a", longest=3) == ""
    entry.complain("b", "x")
    assert [(each.cell, each.code, dict(each.facts)["column"]) for each in sheet.complaints] == [
        ("B5", "cell.too_long", "乙"),
        ("", "x", "丙"),
    ]


@pytest.mark.parametrize(("written", "default", "answer"), [("是", False, True), ("NO", True, False), ("", True, True)])
def test_yes_and_no(written: str, default: bool, answer: bool) -> None:
    sheet = spreadsheets.Sheet((spreadsheets.Column("a", "甲"),), [(1, ("甲",)), (2, (written, "x"))])

    assert sheet.entries()[0].yes_or_no("a", default=default) is answer


def test_an_identity_number_is_told_from_a_credit_code() -> None:
    assert looks_like_identity_number("640221199001010011")
    assert not looks_like_identity_number("91640221DEM0000144")
    assert not looks_like_identity_number("JT01")
