"""
The campaign done by hand in a browser, from the first spreadsheet to the closed referral.

By API, before anybody sits down: bodies and accounts are registered, the rule pack and the calendar published, and the clock
is moved all along (there is no page for that). By API for some after others have done it by hand on the same pages: the
spreadsheets of three partners (two agencies import theirs by hand) and the ceremony's steps of two (three do them by hand).
Three of the eleven firms are visited, and one of these by everybody; the other eight stay open, so the campaign is not
closed here. Everything else is clicked and typed by the person whose business it is.

Not here, because the story has no way back from them: an agency that declines, a referral that is returned, a campaign that
is closed. `tests/pages/test_planner_pages.py` and `test_results_pages.py` do these through the pages' own forms, without a
browser. `tests/scenario/hands.py` looks over every page they come to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

import pytest

from onevisit.demo import papers, stand
from onevisit.demo.moved import unmoved
from onevisit.demo.papers import FOLDER, XLSX, Officer
from onevisit.demo.player import Player
from onevisit.demo.story import PHOTO, SCAN, Story
from onevisit.home import ADMIN_LOGIN
from runtime.files.sheets import Table, read_sheets, write_workbook
from runtime.secrets import Secrets
from tests.pages.browser import chromium, needs_chromium
from tests.scenario.hands import Hands, Person, Upload

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(600),
    needs_chromium,
]

AGENCIES = ("jt", "ga", "aj", "sj", "yg")
IMPORT_BY_HAND = ("jt", "ga")
DRAW_BY_HAND = ("jt", "ga", "yg")
FULL = {"jt": "交通运输局", "ga": "公安局", "aj": "安监局", "sj": "市场监督管理局", "yg": "道路运输管理所"}
SHORT = {"jt": "交通运输局", "ga": "公安局", "aj": "安监局", "sj": "市场监管局", "yg": "运管所"}
REGISTERS = {"items": "抽查事项清单", "inspectors": "执法检查人员名录库", "checklists": "检查要点表"}
NINE_FIELDS = (
    "抽查计划编号",
    "抽查计划名称",
    "抽查任务编号",
    "抽查任务名称",
    "抽查类型",
    "抽查机关",
    "抽查完成日期",
    "检查事项",
    "检查结果",
)


MOVED = "营业执照登记住所与实际经营场所不一致，已责令改正"
SETTLED = "已依法处理完毕"
DAYS = {"客运": 11, "普货": 12, "站场": 12}
"""Category of the firms visited by hand → day of December 2018."""


@dataclass
class Town:
    """The county: its people's hands, its clock, its papers."""

    hands: Hands
    story: Story

    def at(self, month: int, day: int, hour: int, minute: int = 0) -> None:
        """Let the clock go on; everything under way is done before."""
        self.story.player.move_clock(self.story.move.moment(date(2018, month, day), time(hour, minute)))

    def file(self, kind: str, agency: str) -> Upload:
        """Take an agency's spreadsheet."""
        return papers.upload(self.story.papers.campaign["files"][kind][agency.upper()], self.story.move)

    def officers(self, agency: str) -> list[Officer]:
        """List an agency's officers."""
        return [one for one in self.story.papers.officers if one.agency == agency.upper()]


@dataclass(frozen=True)
class Visit:
    """A visit as the list of what was drawn has it."""

    visit: str
    firm: str
    agencies: list[str]
    teams: Mapping[str, list[str]]  # agency → logins


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    home = tmp_path / "home"
    stand.found(home)
    server = stand.start_server(home)
    try:
        assert stand.wait_until_up(home, server)
        secrets = Secrets.load(home / "secrets.toml")
        player = Player(lambda: address(home), secrets.password, ADMIN_LOGIN)
        story = Story(player, unmoved(papers.read_calendar()), papers.PACK.read_bytes(), "NX-2018")
        story.register_everybody()
        story.publish_rules()
        with chromium() as browser:
            yield Town(Hands(browser, address(home), secrets.password), story)
        player.close()
    finally:
        stand.stop_server(server)


def address(home: Path) -> str:
    return (home / "address").read_text(encoding="ascii").strip()


def test_the_whole_campaign_is_done_by_hand_in_a_browser(town: Town) -> None:
    fill_the_registers(town)
    propose_and_confirm(town)
    draw(town)
    visits = schedule(town)
    inspect_passenger_firm(town, visits["客运"])
    inspect_unreachable_firm(town, visits["普货"])
    inspect_station(town, visits["站场"])
    follow_referral(town)
    follow_letter(town)
    publish(town, visits["客运"])
    close_letter(town)
    verify_rectification(town, visits["客运"])
    read_notices(town)


# ── 名录库与方案 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def fill_the_registers(town: Town) -> None:
    town.at(11, 28, 9, 30)
    with town.hands.as_("jt-plan") as planner:
        planner.clicks("名录库与清单")
        planner.clicks("检查对象名录库")
        planner.attaches("文件", spoilt_targets())
        refused = planner.is_refused("导入")
        assert "C5" in refused
        assert "C8" in refused
        planner.sees("需要改正的单元格", "没有导入任何内容")
        planner.attaches("文件", ("targets.xlsx", (FOLDER / "targets.xlsx").read_bytes(), XLSX))
        planner.clicks("导入")
        planner.sees("导入完成", "新增 110")
    for agency in AGENCIES:
        if agency not in IMPORT_BY_HAND:
            town.story.import_lists(agency.upper())
            continue
        with town.hands.as_(f"{agency}-plan") as planner:
            for kind, title in REGISTERS.items():
                planner.opens(f"/registers/{kind}")
                planner.sees(title)
                planner.attaches("文件", town.file(kind, agency))
                planner.clicks("导入")
                planner.sees("导入完成")
            if agency == "ga":
                planner.clicks("名录库与清单")
                planner.clicks("回避")
                planner.sees("22 条", "回避原因")


def spoilt_targets() -> Upload:
    """Take the register with a mistyped credit code in row 5 and one written twice in row 8."""
    (sheet,) = read_sheets((FOLDER / "targets.xlsx").read_bytes(), "targets.xlsx")
    head, *rows = [list(row.texts) for row in sheet.rows]
    rows[3][2] = rows[3][2][:-1] + ("0" if rows[3][2][-1] != "0" else "1")
    rows[6][2] = rows[5][2]
    return "targets.xlsx", write_workbook([Table(sheet.name, head, rows)]), XLSX


def propose_and_confirm(town: Town) -> None:
    paper = town.story.papers.campaign
    town.at(11, 28, 10, 30)
    with town.hands.as_("jt-plan") as planner:
        planner.clicks("联合抽查")
        planner.sees("还没有联合抽查任务")
        planner.clicks("发起联合抽查")
        planner.fills_in({"任务名称": paper["title"], "文号": paper["number"], "计划抽取户数": "11"})
        planner.ticks("参与部门", [f"平罗县{FULL[agency]}" for agency in AGENCIES if agency != "jt"])
        planner.ticks("选择事项", [item for items in paper["items"].values() for item in items])
        for stage, name in {"方案": "prepare", "抽取": "draw", "检查": "inspect", "公示": "publish"}.items():
            days = paper["stages"][name]
            planner.fills(f"{stage}阶段开始", str(days["first"]))
            planner.fills(f"{stage}阶段结束", str(days["last"]))
        planner.selects("见证人", "平罗县某公证处")
        planner.fills_in({"召开日期": "2018-11-28", "参加人数": "10", "会议纪要": paper["conference"]["record_text"]})
        planner.clicks("保存草稿")
        planner.sees("草稿", "抽取户数测算", "110")
        planner.clicks("发给参与部门")
        planner.sees("待确认")

    town.at(11, 29, 9)
    for agency in AGENCIES:
        with town.hands.as_(f"{agency}-plan") as planner:
            planner.clicks(paper["title"])
            planner.ticks("选择人员", [f"（{one.number}）" for one in town.officers(agency)])
            planner.fills_in({"姓名": f"{SHORT[agency]}联络员", "电话": "00001111222"})
            planner.clicks("确认参加")
            assert "已确认" in planner.row(SHORT[agency])

    town.at(11, 30, 16)
    with town.hands.as_("jt-check") as approver:
        approver.clicks(paper["title"])
        approver.clicks("批准方案")
        approver.sees("已批准", "规则包摘要")
    town.at(12, 3, 9)
    with town.hands.as_("jt-plan") as planner:
        planner.clicks(paper["title"])
        planner.clicks("冻结抽样框")
        planner.sees("抽样框已冻结", "抽样框摘要")


# ── 抽取 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def draw(town: Town) -> None:
    town.at(12, 3, 9, 30)
    with town.hands.as_("jt-draw") as officer:
        officer.clicks("开启抽取")
        officer.sees("没有发现派不出检查组的单位")
        officer.fills_in({"承诺期": str(25 * 60), "揭示期": "30", "封存期": "15", "封存截止到掷骰": "10"})
        officer.clicks("公布清单，开启抽取")
    town.at(12, 3, 14)
    everybody_does(town, "commit", "提交本单位承诺", "承诺")
    town.at(12, 4, 10, 40)
    everybody_does(town, "countersign", "会签全部承诺", "会签")
    everybody_does(town, "reveal", "揭示本单位随机数", "揭示")
    town.at(12, 4, 11, 5)
    with town.hands.as_("gz-witness") as witness:
        witness.clicks("封存揭示清单")
        witness.clicks("封存揭示清单")
        witness.sees("已于 2018-12-04 11:05 封存")
    town.at(12, 4, 11, 30)
    digits = town.story.papers.demo["dice"]["digits"]
    with town.hands.as_("gz-witness") as witness:
        witness.clicks("录入现场骰子")
        witness.fills_in({"骰子点数": digits, "再录一遍": digits[::-1]})
        witness.is_refused("录入现场骰子")
        witness.fills("再录一遍", digits)
        witness.clicks("录入现场骰子")
        witness.sees("抽取结果", "11 户（共 110 户）")


def everybody_does(town: Town, act: str, words: str, heading: str) -> None:
    for agency in AGENCIES:
        if agency not in DRAW_BY_HAND:
            town.story._act(act)(agency.upper())
            continue
        with town.hands.as_(f"{agency}-draw") as officer:
            officer.clicks(words)
            officer.clicks(words)
            assert officer.cell("（本单位）", heading).startswith("2018-12-0")


# ── 检查 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def schedule(town: Town) -> dict[str, Visit]:
    """Set the day of the visits the test goes on with, one of each of three categories; return them by category."""
    town.at(12, 5, 9)
    chosen: dict[str, Visit] = {}
    with town.hands.as_("jt-plan") as planner:
        planner.clicks("联合抽查")
        planner.clicks(town.story.papers.campaign["title"])
        planner.clicks(f"D-{planner.page.url.rpartition('/')[2].removeprefix('C-')}")
        planner.clicks("抽中名单与检查组")
        teams = {row[0].strip(): teams_of(row[4]) for row in planner.table()}
        for visit in sorted(teams):
            if chosen.keys() == DAYS.keys():
                break
            planner.opens(f"/visits/{visit}")
            firm, category = planner.page.locator("h1").inner_text().strip(), category_of(planner)
            if category in chosen or category not in DAYS:
                continue
            planner.sees("尚未安排")
            planner.fills("各部门同日到场", f"2018-12-{DAYS[category]}")
            planner.clicks("确定日期")
            planner.sees(f"2018年12月{DAYS[category]}日 周")
            planner.sees_not("尚未安排", "待安排")
            chosen[category] = Visit(visit, firm, list(teams[visit]), teams[visit])
    return chosen


def teams_of(cell: str) -> dict[str, list[str]]:
    code = {name: agency for agency, name in SHORT.items()}
    lines = [line.partition("：") for line in cell.splitlines() if "：" in line]
    return {code[name.strip()]: [one.strip().lower() for one in officers.split("、")] for name, _, officers in lines}


def category_of(person: Person) -> str:
    return person.page.locator(".ov-fact").filter(has_text="类别").locator("dd").first.inner_text().strip()


@dataclass(frozen=True)
class Told:
    """What officers find and write down, beside everything being in order."""

    item: str = ""
    answers: Mapping[str, str] | None = None  # question → answer, where not in order
    outcome: str = "未发现问题"
    finding: str = ""
    photo_of: str = ""
    unit_refuses: str = ""
    in_a_hurry: bool = False  # on a slow line, answering on before the page has followed
    referred: bool = False


def inspect_passenger_firm(town: Town, visit: Visit) -> None:
    """Every agency enters its section: transport finds a driver's licence that does not match (#1), market another address."""
    mismatch = Told(
        item="JT-01",
        answers={"Q4": "3", "Q5": "不相符", "Q6": "准驾车型与所驾车辆不符"},
        outcome="发现问题待后续处理",
        finding="一名驾驶员驾驶证准驾车型与所驾车辆不符",
        photo_of="不相符证件照片",
        referred=True,
    )
    moved = Told(
        item="SJ-01",
        answers={"Q3": "否", "Q4": "平罗县虚构路1号"},
        outcome="发现问题已责令改正",
        finding=MOVED,
        referred=True,
    )
    hurried = Told(unit_refuses="拒绝签字且未说明理由", in_a_hurry=True)
    told = {"jt": mismatch, "sj": moved, "yg": hurried}
    town.at(12, 11, 15)
    for agency in visit.agencies:
        enter(town, visit, agency, told.get(agency, Told()))
    town.at(12, 12, 9)
    send_back(town, visit, "sj", "请写明实际经营地址的门牌")
    mend(town, visit, "sj", moved, "请写明实际经营地址的门牌", {"实际经营地址": "平罗县虚构路1号东侧第二间"})
    town.at(12, 12, 10)
    for agency in visit.agencies:
        approve(town, visit, agency, told.get(agency, Told()))


def inspect_unreachable_firm(town: Town, visit: Visit) -> None:
    """Two agencies cannot reach a firm: one referral with two sources (#5)."""
    nobody = Told(outcome="通过登记的住所（经营场所）无法联系", unit_refuses="负责人不在场", referred=True)
    reporting = visit.agencies[:2]
    town.at(12, 12, 15)
    for agency in reporting:
        items = town.story.papers.campaign["items"][agency.upper()]
        enter(town, visit, agency, nobody, unreachable=set(items))
    town.at(12, 12, 17)
    for agency in reporting:
        approve(town, visit, agency, nobody)
    with town.hands.as_("sj-check") as receiver:
        receiver.clicks("移送抄告")
        assert len(receiver.table()) == 1, "two agencies reported one firm: there is one referral"
        receiver.clicks(receiver.table()[0][0].split()[0])
        receiver.sees(*(f"{SHORT[agency]}移送的材料" for agency in reporting))


def inspect_station(town: Town, visit: Visit) -> None:
    """Work safety finds a fire exit blocked, for which nobody in the table is competent (#3)."""
    blocked = Told(
        item="AJ-02",
        answers={"Q5": "否"},
        outcome="发现问题待后续处理",
        finding="候车厅东侧疏散通道被货物堵塞",
        photo_of="堵塞部位照片",
        referred=True,
    )
    town.at(12, 12, 17, 10)
    enter(town, visit, "aj", blocked)
    town.at(12, 13, 10)
    approve(town, visit, "aj", blocked)


def enter(town: Town, visit: Visit, agency: str, told: Told, unreachable: set[str] | None = None) -> None:
    """Fill in an agency's checklist on a phone, both officers sign, the unit signs or refuses, submit."""
    first, second = visit.teams[agency]
    with town.hands.as_(first, phone=True) as officer:
        officer.clicks(visit.firm)
        if told.in_a_hurry:
            officer.has_a_slow_line(0.4)
        for item in officer.page.locator("[id^='item-']").all():
            fill_in(town, officer, str(item.get_attribute("id")).removeprefix("item-"), told, unreachable or set())
        officer.clicks("保存")
        officer.sees("已保存")
        if told.photo_of:
            officer.ticks("随附证据", ["photo.png"])
        check_and_sign(officer, told)
    sign_and_submit(town, visit, second)


def check_and_sign(officer: Person, told: Told) -> None:
    """Go from the filled-in checklist to the unit's word on it and the first signature."""
    officer.clicks("保存并核对签字")
    officer.sees_not("未填")
    if told.unit_refuses:
        officer.unfolds("单位拒绝签字")
        officer.selects("拒签原因", told.unit_refuses)
        officer.fills("见证情况", "同行执法人员在场见证")
        officer.clicks("记录拒签")
    else:
        officer.fills("签字人姓名", "现场负责人")
        officer.clicks("记录单位已签字")
    officer.clicks("我签字")
    officer.sees("您已签字", "都签字")


def sign_and_submit(town: Town, visit: Visit, second: str) -> None:
    with town.hands.as_(second, phone=True) as officer:
        officer.clicks(visit.firm)
        officer.clicks("直接核对签字、提交（已签字 1 人）")
        officer.clicks("我签字")
        officer.clicks("提交审核")
        officer.sees("待审核")


def send_back(town: Town, visit: Visit, agency: str, why: str) -> None:
    with town.hands.as_(f"{agency}-check") as approver:
        approver.clicks(visit.firm)
        approver.unfolds("退回修改")
        approver.fills("退回原因", why)
        approver.clicks("退回")
        approver.sees("已退回")


def mend(town: Town, visit: Visit, agency: str, told: Told, why: str, change: Mapping[str, str]) -> None:
    """Change what was asked for; everybody signs again, for what they signed is no longer what it says."""
    first, second = visit.teams[agency]
    with town.hands.as_(first, phone=True) as officer:
        officer.clicks(visit.firm)
        officer.sees("审核退回", why)
        for question, answer in change.items():
            officer.fills(question, answer)
        check_and_sign(officer, told)
    sign_and_submit(town, visit, second)


def fill_in(town: Town, officer: Person, item: str, told: Told, unreachable: set[str]) -> None:
    """Answer what the checklist asks about an item, and see that it asks no more than what applies."""
    rows = town.story.papers.questions[item]
    title = officer.page.locator(f"[id='item-{item}'] h2").inner_text()
    other = dict(told.answers or {}) if item == told.item else {"Q1": "否"} if item in unreachable else {}
    asked = {number: row for number, row in rows.items() if applies(rows, other, row["显示条件"])}
    for number, row in asked.items():
        question = row["检查内容"]
        answer = other.get(number) or in_order(row)
        if row["答案类型"] in ("是否", "单选"):
            officer.answers(question, answer, within=title, waits=number == "Q1" or not told.in_a_hurry)
        elif row["答案类型"] != "照片":
            officer.fills(question, answer, within=title)
    officer.waits()
    for number, row in rows.items():
        assert officer.asks(row["检查内容"], within=title) == (number in asked), row["检查内容"]
    found = item == told.item or item in unreachable
    if found and told.finding:
        officer.fills("发现的问题", told.finding, within=title)
    if found and told.photo_of:
        officer.attaches(told.photo_of, ("photo.png", PHOTO, "image/png"))
    officer.selects("检查结果", told.outcome if found else "未发现问题", within=title)


def applies(rows: Mapping[str, Mapping[str, str]], other: Mapping[str, str], condition: str) -> bool:
    """Tell whether a question with this condition (Q5=不相符) is asked, everything else being in order."""
    if not condition:
        return True
    number, _, wanted = condition.partition("=")
    governing = rows[number]
    return (other.get(number) or in_order(governing)) == wanted and applies(rows, other, governing["显示条件"])


def in_order(row: Mapping[str, str]) -> str:
    """Say what one answers where everything is as it should be."""
    bad = row["不合格答案"]
    match row["答案类型"]:
        case "是否":
            return "是" if bad == "否" else "否"
        case "单选":
            return next(choice for choice in row["选项"].split("、") if choice not in bad.split("、"))
        case "数字":
            return bad.strip("<>") or "3"
        case "日期":
            return "2099-12-31"
    return "现场查看，情况属实"


def approve(town: Town, visit: Visit, agency: str, told: Told) -> None:
    with town.hands.as_(f"{agency}-check") as approver:
        approver.clicks(visit.firm)
        if told.referred:
            approver.sees("审核通过后自动办理")
        approver.clicks("审核通过")
        approver.sees("待公示")


# ── 移送 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def follow_referral(town: Town) -> None:
    """The referral nobody typed lies on public security's desk; it is received, accepted, decided and closed."""
    kind = "驾驶员从业资格与驾驶证不符"
    town.at(12, 13, 10, 30)
    with town.hands.as_("ga-check") as receiver:
        receiver.clicks(kind)
        receiver.sees("一名驾驶员驾驶证准驾车型与所驾车辆不符", "核查驾驶资格并依法处理", "photo.png")
        receiver.clicks("签收")
        receiver.sees("已签收")
        receiver.clicks("受理")
        receiver.sees("已受理")
    town.at(12, 20, 10)
    with town.hands.as_("ga-check") as receiver:
        receiver.clicks(kind)
        receiver.selects("处理决定", "立案查处")
        receiver.fills("决定内容", "已对驾驶员资格问题立案查处")
        receiver.clicks("登记决定")
        receiver.sees("已作出决定")
    with town.hands.as_("jt-check") as sender:
        sender.clicks(kind)
        sender.sees("已对驾驶员资格问题立案查处")
        sender.clicks("知悉并办结")
        sender.sees("已办结")


def follow_letter(town: Town) -> None:
    """The lead names the fire brigade, which has no account: a letter is printed, its receipt entered with a scan."""
    kind = "消防通道、安全出口堵塞"
    with town.hands.as_("jt-plan") as lead:
        lead.clicks(kind)
        lead.sees("待定管辖", "规则建议：消防救援")
        lead.clicks("发出")
        lead.clicks("移送函")
        lead.sees("平罗县消防救援大队", "候车厅东侧疏散通道被货物堵塞", "回　执")
        lead.clicks("返回")
        lead.attaches("回执扫描件", ("receipt.pdf", SCAN, "application/pdf"))
        lead.clicks("登记回执")
        lead.sees("已签收", "receipt.pdf")


def close_letter(town: Town) -> None:
    """The fire brigade's answer goes to the agency that found it: it is entered with its scan, and taken note of."""
    kind = "消防通道、安全出口堵塞"
    town.at(12, 24, 10)
    with town.hands.as_("aj-check") as sender:
        sender.clicks(kind)
        sender.selects("处理决定", SETTLED)
        sender.fills("决定内容", "消防救援大队已责令当场清理并复查合格")
        sender.attaches("复函扫描件", ("answer.pdf", SCAN, "application/pdf"))
        sender.clicks("登记决定")
        sender.sees("已作出决定", "answer.pdf")
        sender.clicks("知悉并办结")
        sender.sees("已办结")


def verify_rectification(town: Town, visit: Visit) -> None:
    """Market supervision looks whether the firm has registered its new address; nothing is left to check then."""
    town.at(12, 25, 16)
    with town.hands.as_("sj-check") as approver:
        approver.opens(f"/sections/{visit.visit}-SJ")
        approver.sees("整改复查", MOVED)
        approver.answers("复查结果", "合格")
        approver.fills("复查情况", "已办理住所变更登记")
        approver.clicks("登记复查")
        approver.sees("复查合格")
        approver.sees_not("责令改正的问题")


# ── 公示 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def publish(town: Town, visit: Visit) -> None:
    town.at(12, 21, 9)
    for agency in visit.agencies:
        with town.hands.as_(f"{agency}-check") as publisher:
            publisher.opens("/publication")
            publisher.clicks("公示", within=visit.firm)
            publisher.sees("按期")
    with town.hands.as_(None) as visitor:
        visitor.opens("/public/results")
        visitor.fills("企业名称或者统一社会信用代码", visit.firm)
        visitor.clicks("筛选")
        visitor.sees(visit.firm, *NINE_FIELDS)
        visitor.sees_not("准驾车型")
        visitor.opens("/public/draws")
        visitor.clicks(visitor.table()[0][0].split()[0])
        visitor.sees("如何自己核验")


def read_notices(town: Town) -> None:
    with town.hands.as_("ga-check") as reader:
        assert reader.page.locator(".ov-bell .ov-count").inner_text().isdigit()
        reader.clicks("通知")
        reader.clicks("全部标为已读")
        reader.sees("未读 0 条")
        assert reader.page.locator(".ov-bell .ov-count").count() == 0
    with town.hands.as_("jt-plan") as lead:
        lead.opens("/duties")
        lead.clicks("联合抽查")
        lead.clicks(town.story.papers.campaign["title"])
        lead.sees("检查与公示", "参加部门", "联合抽取", "期限")
