"""Rule packs: what NX-2018 says, what the reader refuses and how it points at it, and which routing row wins."""

import json
import re
from collections.abc import Callable
from datetime import date, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.rulepack import (
    ANY,
    PUBLIC_FIELDS,
    Anchor,
    Calendar,
    DocumentInvalid,
    DocumentUnreadable,
    ItemKind,
    OwnFollowUp,
    RatioRule,
    Roll,
    RoutingMode,
    RulePack,
    Unit,
    parse_calendar,
    parse_rulepack,
)

TEXT = (Path(__file__).parents[3] / "rulepacks/NX-2018/2018-11-28.toml").read_bytes()
PACK = parse_rulepack(TEXT)
KINDS = sorted(kind.code for kind in PACK.finding_kinds)
FINDERS = ["JT", "GA", "AJ", "SJ", "YG"]
CATEGORIES = [category.code for category in PACK.categories]
DISTRICTS = [district.code for district in PACK.districts]


def changed(change: Callable[[dict[str, Any]], object]) -> RulePack:
    """Build the pack with one thing changed in it."""
    data = json.loads(PACK.canonical_bytes())
    change(data)
    return RulePack.model_validate_json(json.dumps(data))


# ── what NX-2018 says ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_pack_of_the_scenario_carries_its_deadlines() -> None:
    deadlines = PACK.deadlines
    rule, plan, report = (deadlines[key] for key in ("publication_rule", "publication_plan", "report_to_lead"))

    assert (rule.anchor, rule.term, rule.unit, rule.source) == (
        Anchor.INSPECTION_STAGE_END,
        10,
        Unit.WORKING_DAYS,
        "S4",
    )
    assert (plan.anchor, plan.term) == (Anchor.PUBLICATION_STAGE_END, 0)
    assert (report.anchor, report.term, report.unit, report.roll) == (
        Anchor.INSPECTION_STAGE_END,
        10,
        Unit.NATURAL_DAYS,
        Roll.NEXT_WORKING_DAY,
    )
    assert {key: deadlines[key].term for key in ("partner_response", "referral_receipt", "referral_answer")} == {
        "partner_response": 2,
        "referral_receipt": 2,
        "referral_answer": 2,
    }
    assert deadlines["referral_decision_abnormal_list"].term == 10


def test_rules_of_other_places_are_marked_as_borrowed() -> None:
    assert {key for key, source in PACK.sources.items() if source.borrowed} == {"P10", "P24", "ZJJG"}
    assert PACK.deadlines["partner_response"].source == "P10"


def test_the_ratio_is_an_exact_tenth_and_the_nine_fields_are_nine() -> None:
    assert PACK.ratios[ItemKind.GENERAL].minimum == (1, 10)
    assert PACK.ratios[ItemKind.KEY].maximum is None
    assert {field.code for field in PACK.public_fields} == PUBLIC_FIELDS
    assert [field.code for field in PACK.public_fields if field.per == "line"] == [
        "raninsItemName",
        "raninsCheckResName",
    ]


@pytest.mark.parametrize(("planned", "most"), [(0, 1), (1, 1), (3, 1), (5, 1), (6, 2), (11, 3), (300, 100)])
def test_a_third_of_the_drawn_may_be_replaced_and_always_one(planned: int, most: int) -> None:
    assert PACK.replacement.most(planned) == most
    assert PACK.sources[PACK.replacement.source].title == "进一次门系统默认"


def test_another_county_may_replace_other_numbers_and_remind_at_another_time() -> None:
    text = TEXT.replace(b"share = [1, 3]\nminimum = 1", b"share = [0, 1]\nminimum = 0")
    pack = parse_rulepack(text.replace(b"time_of_day = 08:30:00", b"time_of_day = 14:05:00"))

    assert pack.replacement.most(11) == 0
    assert pack.reminders.time_of_day == time(14, 5)
    assert RulePack.model_validate_json(pack.canonical_bytes()) == pack


def test_the_outcome_vocabulary_knows_every_label_of_the_reference() -> None:
    assert len(PACK.outcomes) == 13
    pending, corrected, fine = (PACK.outcome(code) for code in ("PENDING", "CORRECTED", "NO_ISSUE"))
    assert pending is not None
    assert corrected is not None
    assert fine is not None
    assert (pending.needs_finding, pending.needs_target_agency) == (True, True)
    assert corrected.needs_rectification_date
    assert fine.closes
    assert PACK.outcome("8") is None


def test_a_pack_says_where_a_draws_randomness_may_come_from() -> None:
    lottery = {"kind": "lottery", "code": "3d", "zh": "福彩3D", "en": "3D", "digits": 3, "source": "HOUSE"}
    holder = {"kind": "chain", "code": "notary", "zh": "公证处", "en": "Notary", "source": "HOUSE"}

    pack = changed(lambda data: data["beacons"].extend([lottery, holder]))

    assert [one.id for one in pack.sources_of_randomness] == [
        "room-dice",
        "drand-quicknet",
        "lottery:3d",
        "chain:notary",
    ]
    assert [one.digits for one in pack.sources_of_randomness] == [None, None, 3, None]


def test_a_pack_that_says_nothing_of_sources_offers_dice_and_is_written_as_before() -> None:
    pack = changed(lambda data: data.pop("beacons"))

    assert [one.id for one in pack.sources_of_randomness] == ["room-dice"]
    assert b'"beacons"' not in pack.canonical_bytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "lottery", "code": "3d"},
        {"kind": "chain", "code": "notary", "digits": 3},
        {"kind": "drand-quicknet", "code": "quicknet"},
        {"kind": "room-dice", "code": "room-dice"},  # stands there already
        {"kind": "lottery", "code": "3d", "digits": 3, "source": "NOBODY"},
        {"kind": "coin", "code": "coin"},
    ],
)
def test_a_source_of_randomness_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed(lambda data: data["beacons"].append({"zh": "源", "en": "Source", "source": "HOUSE"} | wrong))


def test_a_pack_says_which_hashes_a_draw_may_use_and_the_first_is_the_default() -> None:
    assert [one.code for one in PACK.hashes_offered] == ["sha256", "sm3"]
    assert "GB/T 32905-2016" in PACK.sources[PACK.hashes_offered[1].source].number
    turned = changed(lambda data: data["hashes"].reverse())
    assert turned.hashes_offered[0].code == "sm3"


def test_a_pack_that_says_nothing_of_hashes_offers_sha256_and_is_written_as_before() -> None:
    pack = changed(lambda data: data.pop("hashes"))

    assert [one.code for one in pack.hashes_offered] == ["sha256"]
    assert b'"hashes"' not in pack.canonical_bytes()


@pytest.mark.parametrize("wrong", [["md5"], ["sm3", "sm3"], []])
def test_a_hash_that_no_draw_knows_or_that_stands_twice_is_refused(wrong: list[str]) -> None:
    rows = [{"code": code, "zh": "z", "en": "e", "source": "HOUSE"} for code in wrong]
    rows = rows or [{"code": "sm3", "zh": "z", "en": "e", "source": "NOBODY"}]

    with pytest.raises(ValidationError):
        changed(lambda data: data.update(hashes=rows))


def test_an_officer_of_the_work_safety_bureau_needs_its_label() -> None:
    assert PACK.labels_needed("AJ", "AJ-02", "KY") == ("SAFETY",)
    assert PACK.labels_needed("SJ", "SJ-01", "KY") == ()


def test_the_free_text_scan_finds_what_must_not_be_published() -> None:
    found = {
        scan.code: bool(re.search(scan.pattern, "张某，640221199001011234，电话13800000000，车牌宁B·A1234"))
        for scan in PACK.masking.scan
    }
    clean = {
        scan.code: bool(re.search(scan.pattern, "统一社会信用代码91640221DEM0000157，平交联查〔2018〕1号"))
        for scan in PACK.masking.scan
    }

    assert found == {"identity_number": True, "mobile_number": True, "vehicle_plate": True}
    assert not any(clean.values())


# ── routing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "finder", "category", "mode", "agency"),
    [
        ("driver_licence_mismatch", "JT", "KY", RoutingMode.TRANSFER, "GA"),
        ("driver_licence_mismatch", "YG", "KY", RoutingMode.TRANSFER, "GA"),
        ("driver_licence_mismatch", "GA", "KY", RoutingMode.OWN, None),
        ("address_mismatch", "SJ", "PH", RoutingMode.OWN, None),
        ("address_mismatch", "JT", "PH", RoutingMode.TRANSFER, "SJ"),
        ("fire_exit_blocked", "AJ", "ZC", RoutingMode.UNROUTED, None),
        ("unreachable", "YG", "PH", RoutingMode.TRANSFER, "SJ"),
        ("unreachable", "SJ", "PH", RoutingMode.OWN, None),
        ("permit_invalid", "AJ", "ZC", RoutingMode.TRANSFER, "JT"),
        ("permit_invalid", "AJ", "KY", RoutingMode.TRANSFER, "YG"),
        ("permit_invalid", "JT", "KY", RoutingMode.OWN, None),
        ("something_new", "JT", "KY", RoutingMode.UNROUTED, None),
    ],
)
def test_a_finding_goes_to_whoever_is_competent(
    kind: str, finder: str, category: str, mode: RoutingMode, agency: str | None
) -> None:
    row = PACK.route(kind, finder, category, "PL01")

    assert (row.mode, row.agency) == (mode, agency)


def test_the_lead_is_told_whom_outside_it_might_ask() -> None:
    assert PACK.route("fire_exit_blocked", "AJ", "ZC", "PL01").suggest == "XF"
    assert PACK.route("other", "AJ", "ZC", "PL01").suggest is None


def test_the_market_regulators_own_unreachable_firm_keeps_its_term_and_other_own_findings_are_rectified() -> None:
    unreachable, moved = (PACK.route(kind, "SJ", "PH", "PL01") for kind in ("unreachable", "address_mismatch"))

    assert (unreachable.follow_up, unreachable.deadline) == (OwnFollowUp.ACTION, "referral_decision_abnormal_list")
    assert (moved.follow_up, moved.deadline) == (OwnFollowUp.RECTIFICATION, "rectification")


def test_what_goes_to_its_finder_is_done_as_the_row_says_within_the_term_it_names() -> None:
    own = {"follow_up": "action", "deadline": "report_to_lead"}
    at = next(at for at, row in enumerate(PACK.routing) if row.kind == "address_mismatch")
    pack = changed(lambda data: data["routing"][at].update(if_own=own))

    row = pack.route("address_mismatch", "SJ", "PH", "PL01")

    assert (row.mode, row.agency, row.follow_up, row.deadline) == (RoutingMode.OWN, None, "action", "report_to_lead")
    other = pack.route("address_mismatch", "AJ", "PH", "PL01")
    assert (other.mode, other.follow_up, other.deadline) == (RoutingMode.TRANSFER, None, "referral_decision")


@given(
    st.sampled_from(KINDS),
    st.sampled_from(FINDERS),
    st.sampled_from(CATEGORIES),
    st.sampled_from(DISTRICTS),
    st.randoms(),
)
def test_every_finding_is_routed_and_the_order_of_the_table_does_not_matter(
    kind: str, finder: str, category: str, district: str, chance: Any
) -> None:
    rows = list(PACK.routing)
    chance.shuffle(rows)

    row = PACK.route(kind, finder, category, district)

    assert PACK.model_copy(update={"routing": tuple(rows)}).route(kind, finder, category, district) == row
    assert row.agency != finder
    assert (row.mode in (RoutingMode.OWN, RoutingMode.UNROUTED)) == (row.agency is None)


def test_the_most_specific_row_wins_and_then_the_smallest_priority() -> None:
    def row(agency: str, priority: int = 100, **keys: str) -> dict[str, Any]:
        return {
            "kind": "other",
            "mode": "transfer",
            "agency": agency,
            "action": "办",
            "action_en": "act",
            "deadline": "referral_decision",
            "if_own": {"follow_up": "rectification", "deadline": "rectification"},
            "source": "S4",
            "priority": priority,
            **keys,
        }

    def table(*rows: dict[str, Any]) -> RulePack:
        return changed(lambda data: data["routing"].extend(rows))

    def to(pack: RulePack) -> str | None:
        # "other" has no row of its own, so only the added rows and the last one apply.
        return pack.route("other", "YG", "KY", "PL01").agency

    assert to(table(row("GA"), row("AJ", category="KY"))) == "AJ"
    assert to(table(row("GA", finder="YG"), row("AJ", category="KY", district="PL01"))) == "GA"
    assert to(table(row("GA", category="KY"), row("AJ", district="PL01"))) == "GA"
    assert to(table(row("GA", kind=ANY, finder="YG", category="KY", district="PL01"), row("AJ"))) == "AJ"
    assert to(table(row("GA", 20), row("AJ", 10))) == "AJ"
    assert to(table(row("GA", 1, category="PH"), row("AJ"))) == "AJ"


# ── canonical form ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_canonical_bytes_read_back_to_the_same_pack_and_digest() -> None:
    again = RulePack.model_validate_json(PACK.canonical_bytes(), strict=True)

    assert again == PACK
    assert again.canonical_bytes() == PACK.canonical_bytes()
    assert PACK.digest() == sha256(PACK.canonical_bytes()).hexdigest()


def test_comments_and_the_order_of_keys_do_not_change_the_digest_and_a_value_does() -> None:
    text = TEXT.decode()
    moved = text.replace('id = "NX-2018"\n', "", 1).replace(
        'county = "640221"\n', '# moved\ncounty = "640221"\nid = "NX-2018"\n', 1
    )

    assert parse_rulepack(moved.encode()).digest() == PACK.digest()
    assert parse_rulepack(text.replace("term = 10\n", "term = 11\n", 1).encode()).digest() != PACK.digest()


def test_a_pack_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        PACK.title = "another"


# ── what is refused, and how it is pointed at ────────────────────────────────────────────────────────────────────────


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('county = "640221"', 'county = "64022"', "county", "pattern"),
        ('purpose = "rehearsal"', 'purpose = "party"', "purpose", "live"),
        ('calendar = "CN"', 'calendar = "CN"\nextra = 1', "extra", "not permitted"),
        ("minimum = [1, 10]", "minimum = [11, 10]", "ratios.general.minimum", "0 <= p <= q"),
        ("minimum = [1, 10]", "minimum = [1, 0]", "ratios.general.minimum", "q >= 1"),
        ("minimum = [1, 10]", "minimum = [0.1, 10]", "ratios.general.minimum.0", "integer"),
        ("officers = 2", "officers = 1", "team", "below minimum_officers"),
        (
            'anchor = "inspection_stage_end"',
            'anchor = "some_day"',
            "deadlines.publication_rule.anchor",
            "inspection_stage_end",
        ),
        ("term = 10", 'term = "10"', "deadlines.publication_rule.term", "integer"),
        ('unit = "working_days"', 'unit = "weeks"', "deadlines.publication_rule.unit", "hours"),
        ("edition = 2018-11-28", 'edition = "gestern"', "edition", "date"),
        ("ladder_working_days = [3, 1, 0]", "ladder_working_days = [1, 3]", "reminders", "must fall"),
        ("time_of_day = 08:30:00", "time_of_day = 08:30:01", "reminders", "whole minutes"),
        ("time_of_day = 08:30:00", 'time_of_day = "half past"', "reminders.time_of_day", "valid time"),
        ("share = [1, 3]", "share = [3, 1]", "replacement.share", "0 <= p <= q"),
        ('[[routing]]\nkind = "other_kind"', "", "", ""),
    ][:-1],
)
def test_a_wrong_value_is_named_by_key_and_line(old: str, new: str, key: str, reason: str) -> None:
    text = TEXT.decode()
    assert old in text

    with pytest.raises(DocumentInvalid) as refusal:
        parse_rulepack(text.replace(old, new, 1).encode())

    (problem,) = refusal.value.problems
    assert problem.key == key
    assert reason in problem.reason
    assert problem.line is not None
    assert abs(problem.line - line_of(text, old)) <= 4
    assert key in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('agency = "GA"\naction', 'agency = "GX"\naction', "routing.0", "agency GX is not declared"),
        (
            'kind = "driver_licence_mismatch"\nmode',
            'kind = "driver"\nmode',
            "routing.0",
            "finding kind driver is not declared",
        ),
        (
            'deadline = "referral_decision"\nif_own',
            'deadline = "soon"\nif_own',
            "routing.0",
            "deadline soon is not declared",
        ),
        ('labels = ["SAFETY"]', 'labels = ["BRAVE"]', "team.labels_needed.0", "label BRAVE is not declared"),
        (
            'term = 10\nunit = "working_days"\nsource = "S4"',
            'term = 10\nunit = "working_days"\nsource = "S9"',
            "deadlines.publication_rule",
            "S9",
        ),
        ('code = "GA"', 'code = "JT"', "agencies", "JT occurs twice"),
        ("[deadlines.rectification]", "[deadlines.mending]", "deadlines", "rectification missing"),
        ('code = "raninsTaskId"', 'code = "raninsJobId"', "public_fields", "exactly these nine"),
        ('kind = "*"', 'kind = "other"', "routing", "would vanish"),
    ],
)
def test_words_the_pack_does_not_declare_are_named_by_key_and_line(old: str, new: str, key: str, reason: str) -> None:
    text = TEXT.decode()
    assert old in text

    with pytest.raises(DocumentInvalid) as refusal:
        parse_rulepack(text.replace(old, new, 1).encode())

    problems = [problem for problem in refusal.value.problems if problem.key == key and reason in problem.reason]
    assert len(problems) == 1
    assert problems[0].line is not None


def test_a_line_is_the_line_of_the_row() -> None:
    text = TEXT.decode().replace(
        'agency = "SJ"\naction = "责令办理住所变更登记"', 'agency = "QQ"\naction = "责令办理住所变更登记"'
    )

    with pytest.raises(DocumentInvalid) as refusal:
        parse_rulepack(text.encode())

    line = refusal.value.problems[0].line
    assert line is not None
    assert text.splitlines()[line - 1 : line + 1] == ["[[routing]]", 'kind = "address_mismatch"']


@pytest.mark.parametrize(
    ("term", "field", "value", "reason"),
    [
        (
            "publication_rule",
            "anchor",
            "visit_end",
            "visit_end is not counted in this release, only campaign_end, draw_",
        ),
        ("publication_plan", "anchor", "event", "event is not counted in this release, only campaign_end, draw_"),
        ("result_approval", "anchor", "inspection_stage_end", "is not counted in this release, only event"),
        ("referral_decision_abnormal_list", "anchor", "visit_end", "is not counted in this release, only event"),
        ("result_approval", "unit", "hours", "hours are not counted in this release, only natural_days, working_days"),
        ("publication_rule", "unit", "hours", "hours are not counted in this release"),
    ],
)
def test_a_term_that_this_release_cannot_count_is_refused_by_name(
    term: str, field: str, value: str, reason: str
) -> None:
    head, tail = TEXT.decode().split(f"[deadlines.{term}]")
    wrong = re.sub(rf'\n{field} = "[a-z_]+"', f'\n{field} = "{value}"', tail, count=1)

    with pytest.raises(DocumentInvalid) as refusal:
        parse_rulepack(f"{head}[deadlines.{term}]{wrong}".encode())

    (problem,) = refusal.value.problems
    assert problem.key == f"deadlines.{term}.{field}"
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data["routing"].append(data["routing"][0]), "the same keys and priority as routing.0"),
        (lambda data: data["routing"][0].update(mode="own"), "takes no agency"),
        (lambda data: data["routing"][0].update(mode="own", agency=None), "needs follow_up"),
        (lambda data: data["routing"][0].update(follow_up="action"), "mode own, and only it"),
        (lambda data: data["routing"][0].update(if_own=None), "routing.0: GA may find this itself"),
        (lambda data: data["routing"][0]["if_own"].update(deadline="soon"), "deadline soon is not declared"),
        (lambda data: data["routing"][-1].update(if_own=data["routing"][0]["if_own"]), "if_own belongs to modes"),
        (lambda data: data["routing"][0].update(agency=None), "needs an agency"),
        (lambda data: data["routing"][0].update(suggest="XF"), "belongs to mode unrouted"),
        (lambda data: data["routing"][0].update(finder="XF"), "finder XF is not declared"),
        (lambda data: data["ratios"].pop("key"), "no rule for key"),
        (lambda data: data["outcomes"][0].update(needs_finding=True), "leaves something to do"),
        (lambda data: data["outcomes"][1].update(needs_finding=False), "no finding to tell it about"),
        (lambda data: data["masking"]["scan"][0].update(pattern="("), "not a regular expression"),
        (lambda data: data["reminders"]["escalation"][0].update(to="mayor"), "agency_head"),
        (lambda data: data["ratios"]["key"].update(maximum=[1, 20]), "above the maximum"),
        (lambda data: data["recusal_reasons"][0].update(partys_request=True), "partys_request belongs on one reason"),
    ],
)
def test_a_pack_that_does_not_hold_together_is_refused(change: Callable[[dict[str, Any]], object], reason: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(reason)):
        changed(change)


@pytest.mark.parametrize(
    ("text", "line"),
    [(b'id = "NX"\ncounty = \n', 2), (b'id = "NX"\nname = "\xff"\n', 2), (b"a = 1\na = 2\n", 2), (b"\x00", 1)],
)
def test_what_is_not_toml_is_refused_with_its_line(text: bytes, line: int) -> None:
    with pytest.raises(DocumentUnreadable) as refusal:
        parse_rulepack(text)

    assert refusal.value.line == line
    assert str(line) in str(refusal.value)


def test_an_empty_file_lists_everything_that_is_missing() -> None:
    with pytest.raises(DocumentInvalid) as refusal:
        parse_rulepack(b"")
    assert {problem.key for problem in refusal.value.problems} == {
        name for name, field in RulePack.model_fields.items() if field.is_required()
    }


@given(st.tuples(st.integers(-5, 50), st.integers(-5, 50)), st.tuples(st.integers(-5, 50), st.integers(-5, 50)))
def test_ratio_bounds_are_fractions_in_order(low: tuple[int, int], high: tuple[int, int]) -> None:
    fine = all(q >= 1 and 0 <= p <= q for p, q in (low, high)) and low[0] * high[1] <= high[0] * low[1]
    try:
        RatioRule(minimum=low, maximum=high, source="S4")
    except ValidationError:
        assert not fine
    else:
        assert fine


# ── calendars ────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_year(**days: str) -> str:
    off, worked = days.get("off", ""), days.get("worked", "")
    return f'id = "CN"\n[years.2019]\nnotice = "n"\noff = [{off}]\nworked = [{worked}]\n' + days.get("more", "")


def test_a_calendar_is_read_and_handed_over_as_plain_days() -> None:
    calendar = parse_calendar(a_year(off="2018-12-30, 2019-01-01", worked="2018-12-29").encode())

    assert calendar.plain() == {2019: ((date(2018, 12, 30), date(2019, 1, 1)), (date(2018, 12, 29),))}
    assert Calendar.model_validate_json(calendar.canonical_bytes(), strict=True) == calendar
    assert calendar.digest() == sha256(calendar.canonical_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (a_year(off="2019-01-02, 2019-01-01"), "ascend"),
        (a_year(off="2019-01-05", worked="2019-01-05"), "both off and worked"),
        (a_year(worked="2019-01-04"), "weekday"),
        (a_year(off="2020-01-01"), "not of that year"),
        (a_year(off="2018-12-24"), "not of that year"),
        (a_year(off="2018-12-31", more='[years.2018]\nnotice = "n"\noff = [2018-12-31]\n'), "too"),
        (a_year(off='"yesterday"'), "date"),
    ],
)
def test_a_calendar_with_a_doubtful_day_is_refused(text: str, reason: str) -> None:
    with pytest.raises(DocumentInvalid, match=reason) as refusal:
        parse_calendar(text.encode())
    assert refusal.value.problems[0].line is not None
