"""The Pingluo example: what the scenario promises about its spreadsheets, and that they fit the rule pack."""

import importlib.util
import re
import sys
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
from stdnum.cn import uscc

from runtime.files.sheets import ReadSheet, read_sheets
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import ItemKind, RulePack, parse_calendar, parse_rulepack

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "pingluo-2018"
AGENCIES = ("JT", "GA", "AJ", "SJ", "YG")

Rows = list[dict[str, str]]


def as_dicts(sheet: ReadSheet) -> Rows:
    headings = sheet.rows[0].texts
    return [{heading: row.text(at) for at, heading in enumerate(headings)} for row in sheet.rows[1:]]


@pytest.fixture(scope="module")
def book() -> dict[str, dict[str, Rows]]:
    found = {}
    for path in [*sorted(FOLDER.glob("*.xlsx")), *sorted(FOLDER.glob("*.csv"))]:
        found[path.stem] = {sheet.name: as_dicts(sheet) for sheet in read_sheets(path.read_bytes(), path.name)}
    return found


@pytest.fixture(scope="module")
def pack() -> RulePack:
    return parse_rulepack((ROOT / "rulepacks/NX-2018/2018-11-28.toml").read_bytes())


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    described = importlib.util.spec_from_file_location("pingluo_make", FOLDER / "make.py")
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    sys.modules["pingluo_make"] = module
    described.loader.exec_module(module)
    return module


def targets_of(book: dict[str, dict[str, Rows]]) -> Rows:
    return book["targets"]["检查对象名录库"]


def officers_of(book: dict[str, dict[str, Rows]]) -> Rows:
    return [row for agency in AGENCIES for row in next(iter(book[f"inspectors-{agency}"].values()))]


def items_of(book: dict[str, dict[str, Rows]]) -> Rows:
    return [row for agency in AGENCIES for row in book[f"items-{agency}"]["抽查事项清单"]]


def test_the_files_are_what_the_generator_makes(maker: ModuleType) -> None:
    made = maker.files()

    assert {path.name for path in FOLDER.iterdir() if path.suffix in (".xlsx", ".csv")} == set(made)
    for name, content in made.items():
        # compared as read: compression may differ from one machine to the next
        assert read_sheets((FOLDER / name).read_bytes(), name) == read_sheets(content, name), name


def test_110_targets_in_five_categories_with_true_and_distinct_credit_codes(book: dict[str, dict[str, Rows]]) -> None:
    targets = targets_of(book)

    assert Counter(row["类别"] for row in targets) == {"客运": 22, "危货": 11, "普货": 55, "站场": 11, "维修/驾培": 11}
    assert all(uscc.is_valid(row["统一社会信用代码"]) for row in targets)
    assert len({row["统一社会信用代码"] for row in targets}) == len({row["名称"] for row in targets}) == 110
    assert all(re.fullmatch(r"9[12]640221DEM[0-9]{5}[0-9X][0-9A-Y]", row["统一社会信用代码"]) for row in targets)
    assert {row["登记状态"] for row in targets} == {"存续"}
    assert Counter(row["标签"] for row in targets if row["类别"] == "维修/驾培") == {"维修": 8, "驾培": 3}


def test_24_officers_of_whom_one_is_expired_one_unqualified_and_two_recused(book: dict[str, dict[str, Rows]]) -> None:
    officers = officers_of(book)

    assert Counter(row["工号"][:2] for row in officers) == {"JT": 6, "GA": 5, "AJ": 4, "SJ": 6, "YG": 3}
    assert len({row["工号"] for row in officers}) == 24
    expired = [row["工号"] for row in officers if date.fromisoformat(row["执法证有效期至"]) < date(2018, 12, 3)]
    assert expired == ["SJ06"]
    assert [
        row["工号"] for row in officers if row["工号"][:2] == "AJ" and "安全生产监察" not in row["岗位资质资格"]
    ] == ["AJ04"]


def test_the_recusals_bite_under_every_seed(book: dict[str, dict[str, Rows]]) -> None:
    category = {row["统一社会信用代码"]: row["类别"] for row in targets_of(book)}
    recusals = {agency: book[f"inspectors-{agency}"].get("回避", []) for agency in AGENCIES}

    assert {agency: len(rows) for agency, rows in recusals.items() if rows} == {"GA": 22, "YG": 11}
    assert {(row["工号"], category[row["统一社会信用代码"]]) for rows in recusals.values() for row in rows} == {
        ("GA05", "客运"),
        ("YG03", "危货"),
    }


def test_every_possible_draw_can_be_staffed_and_the_proof_can_fail(maker: ModuleType) -> None:
    names = maker.people(maker.random.Random(1))
    staff = maker.officers(names)

    assert [quota for quota in maker.quotas() if sum(quota.values()) != 11] == []
    assert maker.prove_feasible(staff) == 5 * 5  # five ways to spread the eleventh target, five agencies
    without = [officer for officer in staff if officer.staff_number != "YG01"]
    with pytest.raises(AssertionError, match="YG cannot staff"):
        maker.prove_feasible(without)


def test_applicability_gives_the_counts_of_the_scenario(book: dict[str, dict[str, Rows]]) -> None:
    campaign = tomllib.loads((FOLDER / "campaign.toml").read_text(encoding="utf-8"))
    chosen = {code for codes in campaign["items"].values() for code in codes}
    agencies: dict[str, set[str]] = {}
    for row in items_of(book):
        if row["事项编号"] in chosen:
            for category in row["适用类别"].split("、"):
                agencies.setdefault(category, set()).add(row["事项编号"][:2])

    assert {category: len(found) for category, found in agencies.items()} == {
        "客运": 5,
        "危货": 5,
        "普货": 4,
        "站场": 3,
        "维修/驾培": 2,
    }


def test_every_word_of_the_sheets_is_one_of_the_pack(book: dict[str, dict[str, Rows]], pack: RulePack) -> None:
    def zh(rows: tuple[object, ...]) -> set[str]:
        return {str(row.zh) for row in rows}  # type: ignore[attr-defined]

    for row in targets_of(book):
        assert row["类别"] in zh(pack.categories)
        assert row["所属乡镇"] in zh(pack.districts)
    for row in officers_of(book):
        assert set(row["岗位资质资格"].split("、")) - {""} <= zh(pack.officer_labels)
        assert row["所属部门"] in zh(pack.agencies)
    for row in items_of(book):
        assert set(row["适用类别"].split("、")) <= zh(pack.categories)
        assert set(row["抽查方式"].split("、")) <= zh(pack.methods)
        assert row["检查人员要求"] == "无" or row["检查人员要求"] in zh(pack.officer_labels)
        assert row["抽查依据"].startswith("《")
    for agency in AGENCIES:
        for row in book[f"checklists-{agency}"]["检查项目"]:
            assert row["检查方式"] in zh(pack.methods)
            assert row["问题类型"] in zh(pack.finding_kinds) | {""}
        for row in book[f"inspectors-{agency}"].get("回避", []):
            assert row["回避原因"] in zh(pack.recusal_reasons)


def test_checklists_are_well_formed(book: dict[str, dict[str, Rows]]) -> None:
    items = {row["事项编号"] for row in items_of(book)}
    asked: dict[str, list[dict[str, str]]] = {}
    for agency in AGENCIES:
        assert {row["事项编号"] for row in book[f"checklists-{agency}"]["检查表"]} == {
            item for item in items if item[:2] == agency
        }
        for row in book[f"checklists-{agency}"]["检查项目"]:
            asked.setdefault(row["事项编号"], []).append(row)

    assert set(asked) == items
    for questions in asked.values():
        assert 4 <= len(questions) <= 8
        assert [row["题号"] for row in questions] == [f"Q{number}" for number in range(1, len(questions) + 1)]
        answers = {"是否": {"是", "否"}}
        for at, row in enumerate(questions):
            kind, bad = row["答案类型"], row["不合格答案"]
            assert kind in {"是否", "单选", "数字", "文本", "日期", "照片"}
            options = set(row["选项"].split("、")) - {""}
            assert bool(options) == (kind == "单选")
            assert bool(bad) == bool(row["问题类型"])
            if kind in ("是否", "单选"):
                assert set(bad.split("、")) - {""} <= (options or answers["是否"])
            assert row["严重程度"] in ("一般", "重点")
            if row["显示条件"]:
                other, _, answer = row["显示条件"].partition("=")
                (condition,) = [earlier for earlier in questions[:at] if earlier["题号"] == other]
                assert answer in (set(condition["选项"].split("、")) | {"是", "否"})


def test_the_scripted_findings_can_be_made(book: dict[str, dict[str, Rows]], pack: RulePack) -> None:
    kinds = {
        row["事项编号"]: {
            each["问题类型"]
            for each in book[f"checklists-{row['事项编号'][:2]}"]["检查项目"]
            if each["事项编号"] == row["事项编号"]
        }
        for row in items_of(book)
    }

    assert "驾驶员从业资格与驾驶证不符" in kinds["JT-01"] & kinds["YG-01"]
    assert "登记住所与实际经营地址不一致" in kinds["SJ-01"]
    assert "消防通道、安全出口堵塞" in kinds["AJ-02"]
    assert all("通过登记的住所（经营场所）无法联系" in found for found in kinds.values())
    assert "未经许可从事危险货物运输" in kinds["GA-01"]


def test_persons_and_telephones_occur_once_and_exist_nowhere(book: dict[str, dict[str, Rows]]) -> None:
    everything = "\n".join(
        "|".join(row.values())
        for name, sheets in book.items()
        for title, rows in sheets.items()
        if title != "回避"
        for row in rows
    )
    names = [row[key] for row in targets_of(book) for key in ("法定代表人", "联络人")]
    names += [row["姓名"] for row in officers_of(book)] + [row["联络人"] for row in book["agencies"]["部门名录"]]
    phones = [row["联系方式"] for row in targets_of(book)] + [
        row["联系电话"] for row in officers_of(book) + book["agencies"]["部门名录"]
    ]

    assert len(set(names)) == len(names) == 251
    assert all(everything.count(name) == 1 for name in names)
    assert all(re.fullmatch(r"0000[0-9]{7}", phone) and everything.count(phone) == 1 for phone in phones)


@pytest.mark.parametrize("name", ["campaign.toml", "second-campaign.toml"])
def test_a_campaign_fits_its_register_lists_and_pack(
    name: str, book: dict[str, dict[str, Rows]], pack: RulePack
) -> None:
    campaign = tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
    zh = {row.code: row.zh for row in pack.categories}
    frame = [row for row in targets_of(book) if row["类别"] in {zh[code] for code in campaign["frame"]["categories"]}]
    numerator, denominator = campaign["selection"]["rate"]
    lists = {row["事项编号"] for row in items_of(book)}
    minimum = pack.ratios[ItemKind.GENERAL].minimum

    assert campaign["rulepack"] == pack.id
    assert len(frame) == campaign["frame"]["expected"]
    assert campaign["selection"]["planned"] == -(-len(frame) * numerator // denominator)
    assert minimum is not None
    assert numerator * minimum[1] >= minimum[0] * denominator
    assert {campaign["lead"], *campaign["partners"]} == set(campaign["items"])
    assert {code for codes in campaign["items"].values() for code in codes} <= lists
    assert set(campaign["conference"]) == {field.code for field in pack.conference.fields}
    assert len(campaign["publication"]) == 5


def test_the_stages_have_the_working_days_of_the_scenario() -> None:
    calendar = WorkingCalendar.of(parse_calendar((ROOT / "rulepacks/calendar/CN.toml").read_bytes()).plain())
    stages = tomllib.loads((FOLDER / "campaign.toml").read_text(encoding="utf-8"))["stages"]
    second = tomllib.loads((FOLDER / "second-campaign.toml").read_text(encoding="utf-8"))["stages"]

    assert [calendar.working_days_between(stage["first"], stage["last"]) for stage in stages.values()] == [3, 5, 9, 7]
    assert calendar.add_working_days(second["inspect"]["last"], 10).on == second["publish"]["last"]
    # on the day `make run` stands at (the fourth working day of the inspection stage) the second campaign has just begun
    assert (
        calendar.working_days_in(stages["inspect"]["first"], stages["inspect"]["last"])[3] == second["prepare"]["first"]
    )


def test_the_demo_secrets_have_their_shapes() -> None:
    demo = tomllib.loads((FOLDER / "demo.toml").read_text(encoding="utf-8"))

    assert len(bytes.fromhex(demo["entropy"]["seed"])) == 32
    assert re.fullmatch("[0-9]{20}", demo["dice"]["digits"])
    assert demo["clock"]["start"].tzinfo is not None
