"""Imports: all of a spreadsheet or nothing of it, every complaint at its cell, and a history that forgets nothing."""

from datetime import date
from typing import Any

import pytest

from runtime.errors import OneVisitError
from runtime.files.sheets import SheetCorrupt
from schemas.documents import ChecklistDocument
from schemas.events.registers import ChecklistPublished, RegisterPublished
from schemas.vocabulary import Role
from services.planner import prepared
from services.planner.commands.registers import NotThePlanner
from services.planner.domain.register_rows import SHEET_NAMES
from services.planner.importing import ImportRefused
from services.planner.queries.registers import checklist_view, register_view
from services.planner.templates_out import template_file
from tests.kit import Kit, person, said
from tests.unit.planner.sheets import credit_code, headings, sheet, workbook
from tests.unit.planner.world import COUNTY_ADMIN, LEAD, World, at, planner_of

FIRM = [credit_code(1), "", "甲公司", "客运", "城关镇"]


def complaints(world: World, kind: str, agency: str, data: bytes, name: str = "x.xlsx") -> list[tuple[str, str]]:
    with pytest.raises(ImportRefused) as refused:
        world.bring(kind, agency, data, name)
    return [(each.cell, each.code) for _, each in refused.value.complaints]


def register(world: World, kind: str, agency: str, on: str) -> list[dict[str, Any]]:
    view = world.service.ask(planner_of(agency), register_view, kind=kind, on=date.fromisoformat(on))
    return [dict(row) for row in view.rows]


def test_the_example_comes_in_whole(bare: World) -> None:
    reply = bare.bring("targets", LEAD)

    assert reply.value["counts"] == {"new": 110, "changed": 0, "unchanged": 0}
    event = said(bare.service)[-1]
    assert isinstance(event, RegisterPublished)
    assert (event.kind, event.edition, event.rows) == ("targets", 1, 110)


def test_the_same_file_again_changes_and_says_nothing(world: World) -> None:
    before = len(said(world.service))

    for kind, agency in (("targets", LEAD), ("items", "GA"), ("inspectors", "GA"), ("checklists", "GA")):
        counts = world.bring(kind, agency).value["counts"]
        assert counts["new"] == counts["changed"] == 0
        assert counts["unchanged"] > 0

    assert len(said(world.service)) == before


def test_recusals_come_with_the_inspectors_and_an_expired_credential_is_remarked_on(bare: World) -> None:
    bare.bring("items", "GA")

    assert bare.bring("inspectors", "GA").value["also"] == {"recusals": {"new": 22, "changed": 0, "unchanged": 0}}

    remarks = bare.bring("inspectors", "SJ").value["remarks"]
    assert [(each.cell, each.code) for _, each in remarks] == [("H7", "inspector.credential_expired")]


def test_who_stood_in_the_register_on_a_day_can_be_told_for_ever(bare: World) -> None:
    bare.bring("targets", LEAD, sheet("targets", [FIRM]))
    bare.kit.clock.at = at("2018-12-03")
    moved = [*FIRM[:2], "甲公司（更名）", "普货", "宝丰镇"]
    assert bare.bring("targets", LEAD, sheet("targets", [moved])).value["counts"]["changed"] == 1

    assert register(bare, "targets", LEAD, "2018-11-27") == []
    assert [row["name"] for row in register(bare, "targets", LEAD, "2018-12-02")] == ["甲公司"]
    assert [row["category"] for row in register(bare, "targets", LEAD, "2018-12-03")] == ["PH"]


def test_what_changes_twice_on_one_day_counts_as_at_its_end(bare: World) -> None:
    for name in ("甲", "乙", "丙"):
        bare.bring("targets", LEAD, sheet("targets", [[*FIRM[:2], name, *FIRM[3:]]]))

    assert [row["name"] for row in register(bare, "targets", LEAD, "2018-11-28")] == ["丙"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["91640221TEXT000010", *FIRM[1:]], [("A2", "target.credit_code_wrong")]),
        (["", *FIRM[1:]], [("A2", "target.without_id")]),
        (["", "T 1", *FIRM[2:]], [("B2", "cell.not_an_id")]),
        ([*FIRM[:2], "", *FIRM[3:]], [("C2", "cell.empty")]),
        ([*FIRM[:2], "甲\u200b公司", *FIRM[3:]], [("C2", "cell.control_characters")]),
        ([*FIRM[:3], "航运", "城关镇"], [("D2", "target.category_unknown")]),
        ([*FIRM[:4], "外县"], [("E2", "target.district_unknown")]),
        ([*FIRM, "", "2018-02-30"], [("G2", "cell.not_a_date")]),
        ([*FIRM, "", "2019-01-01"], [("G2", "cell.date_in_future")]),
        ([*FIRM, "", "1066-10-14"], [("G2", "cell.not_a_date")]),
        ([*FIRM, "", "", "蒸发"], [("H2", "target.state_unknown")]),
    ],
)
def test_a_wrong_target_is_complained_about_at_its_cell_and_nothing_is_written(
    bare: World, row: list[str], expected: list[tuple[str, str]]
) -> None:
    good = [credit_code(2), "", "乙公司", "站场", "宝丰镇"]

    assert complaints(bare, "targets", LEAD, sheet("targets", [row, good])) == expected
    assert register(bare, "targets", LEAD, "2018-11-28") == []
    assert not [event for event in said(bare.service) if isinstance(event, RegisterPublished)]


def test_a_credit_code_that_occurs_twice_is_refused_with_the_first_row(bare: World) -> None:
    with pytest.raises(ImportRefused) as refused:
        bare.bring("targets", LEAD, sheet("targets", [FIRM, FIRM]))

    ((_, complaint),) = refused.value.complaints
    assert (complaint.cell, complaint.code) == ("A3", "target.twice")
    assert dict(complaint.facts)["first"] == 2


def test_a_target_without_a_credit_code_stands_under_its_number(bare: World) -> None:
    bare.bring("targets", LEAD, sheet("targets", [["", "T-0001", *FIRM[2:]]]))

    assert [row["target"] for row in register(bare, "targets", LEAD, "2018-11-28")] == ["T-0001"]


def test_missing_columns_are_named_and_an_empty_sheet_is_refused(bare: World) -> None:
    table = workbook(("检查对象名录库", ["名称", "类别"], [["甲", "客运"]]))

    assert [code for _, code in complaints(bare, "targets", LEAD, table)] == ["import.column_missing"] * 4
    assert complaints(bare, "targets", LEAD, sheet("targets", [])) == [("", "import.sheet_empty")]


def test_a_cell_that_the_reader_itself_refuses_is_a_complaint_like_any_other(bare: World) -> None:
    csv = "统一社会信用代码,名称\n9.16402E+17,甲\n".encode()

    assert complaints(bare, "targets", LEAD, csv, "x.csv") == [("A2", "sheet.number_as_code")]


def test_a_torn_file_is_refused(bare: World) -> None:
    with pytest.raises(SheetCorrupt):
        bare.bring("targets", LEAD, b"PK\x03\x04 torn", "x.xlsx")


OFFICER = ["JT01", "甲", "证1", "", "2021-06-30"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["640221199001010011", *OFFICER[1:]], [("A2", "inspector.identity_number")]),
        ([*OFFICER[:4], ""], [("E2", "cell.empty")]),
        ([*OFFICER[:3], "2022-01-01", "2021-06-30"], [("E2", "inspector.credential_reversed")]),
        ([*OFFICER, "会飞"], [("F2", "inspector.label_unknown")]),
        ([*OFFICER, "", "许多"], [("G2", "cell.not_a_number")]),
        ([*OFFICER, "", "", "失踪"], [("H2", "inspector.state_unknown")]),
    ],
)
def test_a_wrong_inspector_is_complained_about(bare: World, row: list[str], expected: list[tuple[str, str]]) -> None:
    assert complaints(bare, "inspectors", "JT", sheet("inspectors", [row])) == expected


def test_doubled_staff_numbers_and_credentials_are_complained_about(bare: World) -> None:
    rows = [OFFICER, OFFICER, ["JT02", "乙", "证1", "", "2021-06-30"]]

    assert complaints(bare, "inspectors", "JT", sheet("inspectors", rows)) == [
        ("A3", "inspector.twice"),
        ("C3", "inspector.credential_twice"),
        ("C4", "inspector.credential_twice"),
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["XX99", "", "客运", "近亲属在被检查单位任职"], [("A2", "recusal.officer_unknown")]),
        (["JT01", "", "", "近亲属在被检查单位任职"], [("B2", "recusal.target_or_category")]),
        (["JT01", credit_code(1), "客运", "kinship"], [("B2", "recusal.target_or_category")]),
        (["JT01", credit_code(1)[:-1] + "*", "", "kinship"], [("B2", "cell.not_an_id")]),
        (["JT01", "91640221TEXT000010", "", "kinship"], [("B2", "target.credit_code_wrong")]),
        (["JT01", "", "客运", "不喜欢"], [("D2", "recusal.reason_unknown")]),
        (["JT01", "", "客运", "kinship", "明年"], [("E2", "cell.not_a_date")]),
        (["JT01", "", "客运", "kinship", "2018-02-30"], [("E2", "cell.not_a_date")]),
    ],
)
def test_a_wrong_recusal_is_complained_about(world: World, row: list[str], expected: list[tuple[str, str]]) -> None:
    assert complaints(world, "recusals", "JT", sheet("recusals", [row])) == expected


def test_a_recusal_by_category_is_taken(world: World) -> None:
    assert world.bring("recusals", "JT", sheet("recusals", [["JT01", "", "客运", "kinship"]])).value["counts"] == {
        "new": 1,
        "changed": 0,
        "unchanged": 0,
    }


def test_a_recusal_is_ended_by_a_day_and_what_stood_before_stays_readable(world: World) -> None:
    line = ["JT01", "", "客运", "kinship"]
    world.bring("recusals", "JT", sheet("recusals", [line]))
    world.kit.clock.at = at("2018-12-03")

    reply = world.bring("recusals", "JT", sheet("recusals", [[*line, "2018-12-31"]]))

    assert reply.value["counts"] == {"new": 0, "changed": 1, "unchanged": 0}
    assert reply.value["remarks"] == ()
    assert [row["until_on"] for row in register(world, "recusals", "JT", "2018-12-02")] == [None]
    assert [row["until_on"] for row in register(world, "recusals", "JT", "2018-12-03")] == [date(2018, 12, 31)]


def test_a_recusal_that_is_over_is_taken_and_remarked_on(world: World) -> None:
    reply = world.bring("recusals", "JT", sheet("recusals", [["JT01", "", "客运", "kinship", "2018-11-27"]]))

    assert reply.value["counts"]["new"] == 1
    assert [(each.cell, each.code) for _, each in reply.value["remarks"]] == [("E2", "recusal.over")]


def test_the_end_of_a_recusal_may_be_headed_as_people_write_it(world: World) -> None:
    book = workbook(
        (SHEET_NAMES["recusals"], ["工号", "类别", "原因", "至"], [["JT01", "客运", "kinship", "2018-12-31"]])
    )

    assert world.bring("recusals", "JT", book).value["counts"]["new"] == 1
    assert register(world, "recusals", "JT", "2018-11-28")[0]["until_on"] == date(2018, 12, 31)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["JT99", "2018-12-10", "2018-12-11", "休假"], [("A2", "absence.officer_unknown")]),
        (["JT01", "2018-12-11", "2018-12-10", "leave"], [("C2", "absence.reversed")]),
        (["JT01", "2018-12-10", "", "leave"], [("C2", "cell.empty")]),
        (["JT01", "2018-12-10", "2018-12-11", "钓鱼"], [("D2", "absence.reason_unknown")]),
        (["JT01", "2018-12-10", "2018-12-11", "培训", "大概"], [("E2", "cell.not_yes_or_no")]),
    ],
)
def test_a_wrong_absence_is_complained_about(world: World, row: list[str], expected: list[tuple[str, str]]) -> None:
    assert complaints(world, "absences", "JT", sheet("absences", [row])) == expected


def test_an_absence_is_changed_or_cancelled_by_its_officer_and_first_day(world: World) -> None:
    line = ["JT01", "2018-12-10", "2018-12-14", "休假"]
    world.bring("absences", "JT", sheet("absences", [line]))
    world.kit.clock.at = at("2018-12-03")

    reply = world.bring("absences", "JT", sheet("absences", [[*line, "是"]]))

    assert reply.value["counts"] == {"new": 0, "changed": 1, "unchanged": 0}
    assert [row["cancelled"] for row in register(world, "absences", "JT", "2018-12-02")] == [False]
    assert [row["cancelled"] for row in register(world, "absences", "JT", "2018-12-03")] == [True]


ITEM = ["JT-09", "事项", "一般检查事项", "《条例》", "实地检查", "无", "客运"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["GA-01", *ITEM[1:]], [("A2", "item.of_another_agency")]),
        ([*ITEM[:2], "特别", *ITEM[3:]], [("C2", "item.kind_unknown")]),
        ([*ITEM[:3], "", *ITEM[4:]], [("D2", "item.basis_missing")]),
        ([*ITEM[:4], "占卜", *ITEM[5:]], [("E2", "item.method_unknown")]),
        ([*ITEM[:5], "飞行", "客运"], [("F2", "inspector.label_unknown")]),
        ([*ITEM[:6], ""], [("G2", "cell.empty")]),
    ],
)
def test_a_wrong_item_is_complained_about(world: World, row: list[str], expected: list[tuple[str, str]]) -> None:
    assert complaints(world, "items", "JT", sheet("items", [row])) == expected


def question(item: str = "JT-01", number: str = "Q1", text: str = "好吗", **columns: str) -> list[str]:
    filled = {"事项编号": item, "题号": number, "检查内容": text, "答案类型": "是否"} | columns
    return [filled.get(heading, "") for heading in headings("checklists")]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([question(item="GA-01")], [("A2", "checklist.item_unknown")]),
        ([question(), question()], [("B3", "checklist.question_twice")]),
        ([question(答案类型="猜")], [("E2", "checklist.answer_kind_unknown")]),
        ([question(答案类型="单选", 选项="一个")], [("F2", "checklist.choices_missing")]),
        ([question(选项="甲、乙")], [("F2", "checklist.choices_not_expected")]),
        ([question(不合格答案="也许", 问题类型="其他问题")], [("G2", "checklist.answer_unknown")]),
        ([question(不合格答案="否")], [("K2", "checklist.finding_kind_missing")]),
        ([question(问题类型="其他问题")], [("G2", "checklist.bad_answers_missing")]),
        ([question(不合格答案="否", 问题类型="外星人")], [("K2", "checklist.finding_kind_unknown")]),
        ([question(显示条件="Q0=是")], [("H2", "checklist.condition_not_earlier")]),
        ([question(显示条件="随便")], [("H2", "checklist.condition_unreadable")]),
        ([question(), question(number="Q2", 显示条件="Q1=也许")], [("H3", "checklist.answer_unknown")]),
        (
            [question(答案类型="文本"), question(number="Q2", 显示条件="Q1=是")],
            [("H3", "checklist.condition_needs_choices")],
        ),
        ([question(严重程度="致命")], [("J2", "checklist.severity_unknown")]),
        ([question(是否必答="也许")], [("L2", "cell.not_yes_or_no")]),
    ],
)
def test_a_wrong_checklist_is_complained_about(
    world: World, rows: list[list[str]], expected: list[tuple[str, str]]
) -> None:
    assert complaints(world, "checklists", "JT", sheet("checklists", rows)) == expected


def test_a_checklist_in_a_new_edition_leaves_the_old_one_standing(world: World) -> None:
    rows = [
        question(不合格答案="否", 问题类型="其他问题"),
        question(number="Q2", 显示条件="Q1=否", 答案类型="数字", 不合格答案="＜3", 问题类型="other"),
    ]

    assert world.bring("checklists", "JT", sheet("checklists", rows)).value["counts"]["changed"] == 1

    event = said(world.service)[-1]
    assert isinstance(event, ChecklistPublished)
    assert (event.checklist, event.edition, event.questions) == ("JT-01", 2, 2)
    document = ChecklistDocument.model_validate_json(world.kit.blobs.get(event.document, "results"))
    first, second = document.items[0].questions
    assert (first.bad_answers, first.finding_kind, first.answer) == (("no",), "other", "yes_no")
    assert second.condition is not None
    assert second.condition.answers == ("no",)
    assert second.bad_answers == ("<3",)
    old = world.service.ask(planner_of("JT"), checklist_view, checklist="JT-01", edition=1)
    assert len(old.items[0].questions) == 8


def test_an_edition_that_stands_cannot_be_given_other_questions(world: World) -> None:
    titles = ("检查表", ["事项编号", "检查表名称", "版本"], [["JT-01", "表", "1"]])
    data = workbook(("检查项目", headings("checklists"), [question()]), titles)

    assert complaints(world, "checklists", "JT", data) == [("", "checklist.edition_taken")]


# ── experts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

EXPERT = ["ZJ-E01", "专家甲", "机动车安全技术", "某某大学", "高校", "2019-12-31"]


def test_experts_stand_in_a_register_of_their_own_and_are_never_said_as_inspectors(world: World) -> None:
    before = len(said(world.service))
    own_words = ["ZJ-E02", "专家乙", "桥梁检测", "某检测公司", "检验检测机构", "2020-06-30"]

    assert world.bring("experts", "JT", sheet("experts", [EXPERT, own_words])).value["counts"]["new"] == 2

    first, second = register(world, "experts", "JT", "2018-11-28")
    assert first == {
        "expert": "ZJ-E01",
        "name": "专家甲",
        "field": "vehicle_safety",
        "employer": "某某大学",
        "source": "university",
        "valid_until": date(2019, 12, 31),
    }
    assert (second["field"], second["source"]) == ("桥梁检测", "testing_body")
    assert len(said(world.service)) == before, "nobody hears of experts but with a frame"
    assert {row["officer"] for row in register(world, "inspectors", "JT", "2018-11-28")}.isdisjoint(
        {"ZJ-E01", "ZJ-E02"}
    )
    assert register(world, "experts", "GA", "2018-11-28") == [], "another agency has its own"


def test_a_term_that_is_over_is_remarked_on_and_a_renewed_one_is_a_new_version(world: World) -> None:
    over = [*EXPERT[:5], "2018-11-27"]
    remarks = world.bring("experts", "JT", sheet("experts", [over])).value["remarks"]
    assert [(each.cell, each.code) for _, each in remarks] == [("F2", "expert.term_over")]

    world.kit.clock.at = at("2018-12-03")
    reply = world.bring("experts", "JT", sheet("experts", [EXPERT])).value
    assert (reply["counts"]["changed"], reply["remarks"]) == (1, ())
    assert [row["valid_until"] for row in register(world, "experts", "JT", "2018-12-02")] == [date(2018, 11, 27)]
    assert [row["valid_until"] for row in register(world, "experts", "JT", "2018-12-03")] == [date(2019, 12, 31)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["JT01", *EXPERT[1:]]], [("A2", "expert.is_an_officer")]),
        ([["640221199001011234", *EXPERT[1:]]], [("A2", "inspector.identity_number")]),
        ([EXPERT, EXPERT], [("A3", "expert.twice")]),
        ([[EXPERT[0], "", *EXPERT[2:]]], [("B2", "cell.empty")]),
        ([[*EXPERT[:2], "", *EXPERT[3:]]], [("C2", "cell.empty")]),
        ([[*EXPERT[:2], "长" * 41, *EXPERT[3:]]], [("C2", "cell.too_long")]),
        ([[*EXPERT[:3], "", *EXPERT[4:]]], [("D2", "cell.empty")]),
        ([[*EXPERT[:4], "街坊", EXPERT[5]]], [("E2", "expert.source_unknown")]),
        ([[*EXPERT[:5], ""]], [("F2", "cell.empty")]),
        ([[*EXPERT[:5], "到退休"]], [("F2", "cell.not_a_date")]),
    ],
)
def test_a_wrong_expert_is_complained_about_at_its_cell_and_nothing_is_written(
    world: World, rows: list[list[str]], expected: list[tuple[str, str]]
) -> None:
    assert complaints(world, "experts", "JT", sheet("experts", rows)) == expected
    assert register(world, "experts", "JT", "2018-11-28") == []


def test_an_experts_number_names_no_officer(world: World) -> None:
    world.bring("experts", "JT", sheet("experts", [EXPERT]))
    officer = ["ZJ-E01", "某人", "宁平 JT 099", "", "2020-12-31"]

    assert complaints(world, "inspectors", "JT", sheet("inspectors", [officer])) == [("A2", "inspector.is_an_expert")]


def test_a_recusal_binds_an_expert_and_an_absence_is_an_officers(world: World) -> None:
    world.bring("experts", "JT", sheet("experts", [EXPERT]))
    firm = credit_code(1)

    assert (
        world.bring("recusals", "JT", sheet("recusals", [["ZJ-E01", firm, "", "曾在被检查单位任职"]])).value["counts"][
            "new"
        ]
        == 1
    )
    away = ["ZJ-E01", "2018-12-10", "2018-12-12", "休假"]
    assert complaints(world, "absences", "JT", sheet("absences", [away])) == [("A2", "absence.officer_unknown")]


def test_only_planner_and_administrator_keep_registers(bare: World) -> None:
    with pytest.raises(NotThePlanner):
        prepared.import_file(
            bare.service, person(LEAD, Role.VIEWER), "k", "targets", sheet("targets", [FIRM]), "x.xlsx"
        )


def test_without_a_rule_pack_there_are_no_words_to_check_by(kit: Kit) -> None:
    with pytest.raises(OneVisitError) as refused:
        World(kit).bodies().bring("targets", LEAD)

    assert refused.value.code == "rulepack.none_published"


def test_an_unknown_register_is_refused(bare: World) -> None:
    with pytest.raises(OneVisitError) as refused:
        bare.bring("dragons", LEAD, sheet("targets", [FIRM]))

    assert refused.value.code == "import.kind_unknown"


@pytest.mark.parametrize("kind", ["targets", "inspectors", "experts", "recusals", "absences", "items", "checklists"])
def test_the_template_of_every_register_is_complained_about_only_as_empty(bare: World, kind: str) -> None:
    bare.bring("items", "JT")
    _, data = template_file(kind)

    assert {code for _, code in complaints(bare, kind, "JT", data)} == {"import.sheet_empty"}


# ── rule packs ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_pack_again_says_nothing_and_another_content_is_refused(bare: World) -> None:
    from tests.unit.planner.world import ROOT

    pack = (ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes()
    before = len(said(bare.service))
    prepared.publish_pack_file(bare.service, COUNTY_ADMIN, "again", pack)
    assert len(said(bare.service)) == before

    changed = pack.replace(b"term = 10\nunit", b"term = 11\nunit", 1)
    with pytest.raises(OneVisitError) as refused:
        prepared.publish_pack_file(bare.service, COUNTY_ADMIN, "other", changed)
    assert refused.value.code == "rulepack.edition_taken"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\xff", "rulepack.unreadable"),
        (b"id = ", "rulepack.unreadable"),
        (b'id = "X"', "rulepack.invalid"),
    ],
)
def test_a_pack_that_is_none_is_refused(bare: World, text: bytes, code: str) -> None:
    with pytest.raises(OneVisitError) as refused:
        prepared.publish_pack_file(bare.service, COUNTY_ADMIN, "x", text)

    assert refused.value.code == code


def test_packs_and_calendars_are_the_county_administrators(bare: World) -> None:
    from tests.unit.planner.world import ROOT

    pack = (ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes()
    with pytest.raises(OneVisitError) as refused:
        prepared.publish_pack_file(bare.service, planner_of(LEAD), "x", pack)
    assert refused.value.code == "rulepack.not_county_administrator"

    with pytest.raises(OneVisitError) as refused:
        prepared.publish_pack_file(bare.service, person("JT", Role.COUNTY_ADMIN, county="640222"), "x", pack)
    assert refused.value.code == "rulepack.other_county"

    with pytest.raises(OneVisitError) as refused:
        prepared.publish_calendar_file(bare.service, COUNTY_ADMIN, "y", b'id = "CN"\n[years]\n')
    assert refused.value.code == "calendar.empty"
