"""The nine public fields, what must not stand in them, and how late they are."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.results.domain.publication import (
    PersonalDataInPublic,
    PublicResult,
    check_public,
    found_in,
    grade,
    public_name,
)
from tests.unit.results.world import rule_pack

RULE, PLAN, LAST = date(2019, 1, 4), date(2018, 12, 31), date(2018, 12, 29)
DAYS = st.dates(date(2018, 12, 1), date(2019, 2, 1))
SCANS = [(scan.code, scan.pattern) for scan in rule_pack().masking.scan]


@pytest.mark.parametrize(
    ("on", "rule", "plan", "warned"),
    [
        ("2018-12-28", False, False, False),
        ("2018-12-29", False, False, False),
        ("2018-12-30", False, False, True),
        ("2018-12-31", False, False, True),
        ("2019-01-01", False, True, False),
        ("2019-01-04", False, True, False),
        ("2019-01-05", True, True, False),
    ],
)
def test_lateness_is_graded_against_rule_and_plan_each_for_itself(
    on: str, rule: bool, plan: bool, warned: bool
) -> None:
    graded = grade(date.fromisoformat(on), RULE, PLAN, LAST)

    assert (graded.late_by_rule, graded.late_by_plan, graded.after_last_working_day) == (rule, plan, warned)


@given(DAYS, DAYS, DAYS, st.one_of(st.none(), DAYS))
def test_a_day_later_is_never_graded_better(on: date, rule: date, plan: date, last: date | None) -> None:
    today, tomorrow = grade(on, rule, plan, last), grade(on + timedelta(days=1), rule, plan, last)

    assert tomorrow.late_by_rule >= today.late_by_rule
    assert tomorrow.late_by_plan >= today.late_by_plan
    assert not (today.after_last_working_day and today.late_by_plan)
    assert today.late_by_rule == (on > rule)


@pytest.mark.parametrize(
    "text",
    [
        "证号 110105194912310021",
        "证号11010519491231002X的驾驶员",
        "电话 13800138000",
        "电话 138 0013 8000",
        "电话+8613800138000",
        "电话１３８００１３８０００",
        "车辆宁B12345未检",
        "宁B·D12345",
        "京A1234警",
    ],
)
def test_numbers_of_people_phones_and_cars_are_found(text: str) -> None:
    assert found_in(text)
    with pytest.raises(PersonalDataInPublic):
        check_public(["清白", text], SCANS)


@pytest.mark.parametrize(
    "text",
    [
        "平罗虚构运输有限公司",
        "C-640221-2018-001",
        "平交联查〔2018〕1号",
        "2018-12-12",
        "营业执照登记事项检查",
        "91640221MA75DEM01X",
    ],
)
def test_ordinary_public_text_passes(text: str) -> None:
    assert found_in(text, SCANS) is None
    check_public([text], SCANS)


def test_a_pack_may_add_patterns() -> None:
    assert found_in("账号 6222 0000", [("bank", r"\d{4} \d{4}")]) == "bank"


@pytest.mark.parametrize(
    ("name", "code", "shown"),
    [
        ("平罗虚构运输有限公司", "91640221MA75DEM01X", "平罗虚构运输有限公司"),
        ("张三", None, "张某"),
        ("欧阳小明", None, "欧阳某"),
        ("张三", "92640221MA75DEM01X", "张三"),
        ("国道109线大修项目", None, "国道109线大修项目"),
    ],
)
def test_natural_persons_are_shown_by_surname(name: str, code: str | None, shown: str) -> None:
    assert public_name(name, code) == shown


def test_a_public_record_has_the_nine_fields_and_no_other() -> None:
    public = PublicResult("P1", "计划", "T1", "任务", "联合", "某局", date(2018, 12, 12), (("事项", "未发现问题"),))

    record = public.record()
    lines = record.pop("lines")

    assert set(record) | {key for line in lines for key in line} == {  # type: ignore[attr-defined]
        *("raninsPlanId", "raninsPlaneName", "raninsTaskId", "raninsTaskName", "raninsTypeName", "insAuth", "insDate"),
        *("raninsItemName", "raninsCheckResName"),
    }
    assert {field.code for field in rule_pack().public_fields} == {*record, "raninsItemName", "raninsCheckResName"}
    assert public.texts() == ("P1", "计划", "T1", "任务", "联合", "某局", "事项", "未发现问题")
