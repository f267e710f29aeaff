"""Every way of JIDRAW/1 section 15 in which a draw can go wrong is told on its page, in plain words with what to do next."""

import re

import pytest

from services.drawer.progress import Stage
from services.drawer.wording import ROUND_TROUBLES, TROUBLES, Row, Trouble, Words, troubles

SECTION_15 = (
    "commit or countersignature missing → attempt ends, restart allowed, on the record · bad reveal → missing · too many "
    "missing, or no seal in time → void, named, restart · after the seal: faults are published, the draw stands · beacon "
    "late → wait for it · frame error after the seed → the entity keeps its ticket; one that should not be there is a "
    "removal, one left out goes into the next plan · quota above stratum → take all · no feasible team → open slot with "
    "proof; the head of the agency appoints, and every document says *appointed, not drawn*."
)
"""The section as the protocol has it."""
CONSEQUENCES = {
    Row.COMMITMENT_MISSING: ("作废", "缺席单位写入记录", "开启下一次"),
    Row.BAD_REVEAL: ("按没有揭示处理",),
    Row.TOO_MANY_MISSING: ("作废", "开启下一次"),
    Row.AFTER_THE_SEAL: ("抽取仍然有效", "公布", "记录"),
    Row.BEACON_LATE: ("等。封存之后任何事情都不使抽取作废",),
    Row.FRAME_ERROR: ("抽签号不变",),
    Row.NOT_IN_FRAME: ("替换", "移出"),
    Row.LEFT_OUT: ("下一次计划", "全部检查"),
    Row.QUOTA: ("全部检查", "指定而非抽取"),
    Row.NO_TEAM: ("单位负责人指定", "指定，非抽取"),
}
"""What the protocol says follows, in the words of the page."""
WHEN = {
    Row.COMMITMENT_MISSING: {Stage.COMMIT, Stage.COUNTERSIGN},
    Row.BAD_REVEAL: {Stage.REVEAL},
    Row.TOO_MANY_MISSING: {Stage.REVEAL, Stage.SEAL, Stage.VOID},
    Row.AFTER_THE_SEAL: {Stage.DICE, Stage.BEACON, Stage.DRAWING, Stage.DRAWN, Stage.DISCLOSED},
    Row.BEACON_LATE: {Stage.DICE, Stage.BEACON},
    Row.FRAME_ERROR: {Stage.DRAWN, Stage.DISCLOSED},
    Row.NOT_IN_FRAME: {Stage.DRAWN, Stage.DISCLOSED},
    Row.LEFT_OUT: {Stage.DRAWN, Stage.DISCLOSED},
    Row.QUOTA: {Stage.COMMIT, Stage.DRAWN},
    Row.NO_TEAM: {Stage.DRAWN, Stage.DISCLOSED},
}
"""At which steps it must be told at least."""
ROWS = [row for row in Row if row != Row.BESIDE]
CHINESE, CODE = re.compile("[\u4e00-\u9fff]"), re.compile(r"\b[a-z]+[._][a-z_]+\b")


def test_the_rows_are_those_of_the_section_in_their_order() -> None:
    places = [SECTION_15.find(row.value) for row in ROWS]

    assert -1 not in places
    assert places == sorted(places)
    assert SECTION_15.count("→") + SECTION_15.count("after the seal:") + 2 == len(ROWS)  # the frame error's two cases


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_is_told_at_its_steps_with_what_follows_from_it(row: Row) -> None:
    told = [one for one in TROUBLES if one.row == row]
    words = "".join(one.then.zh for one in told)

    assert [part for part in CONSEQUENCES[row] if part not in words] == []
    silent = {stage for stage in WHEN[row] if row not in {one.row for one in troubles(stage)}}
    assert silent == set()


@pytest.mark.parametrize("one", [*TROUBLES, *ROUND_TROUBLES], ids=lambda one: one.what.en)
def test_each_is_said_in_plain_words_of_both_languages_and_says_what_to_do(one: Trouble) -> None:
    for said in (one.what, one.then):
        assert isinstance(said, Words)
        assert CHINESE.search(said.zh)
        assert not CHINESE.search(said.en)
        assert not CODE.search(said.zh)
    assert len(one.then.zh) > len("请等待。")
    assert one.then.zh.endswith("。")


def test_a_lost_backup_code_is_told_while_it_matters_and_in_a_round() -> None:
    for stage in (Stage.COMMIT, Stage.COUNTERSIGN, Stage.REVEAL, Stage.SEAL):
        assert any("备份码" in one.what.zh for one in troubles(stage))
    assert any("备份码" in one.what.zh for one in troubles(Stage.DRAWN, in_round=True))
