"""
Make the spreadsheets of the Pingluo 2018 example: ``python examples/pingluo-2018/make.py``.

Everything in them is invented: names, firms, addresses; credit codes carry an organisation part (DEM…) that is never
given out, telephone numbers a prefix (0000) that does not exist. The seed is fixed, so the files come out the same.
Every person's name occurs once and is part of nothing else, so that a test can look for it where it must not be.
"""

import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from stdnum.cn import uscc

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]

from checklists import ITEMS, QUESTIONS, Item  # noqa: E402

from runtime.files.sheets import Table, write_csv, write_workbook  # noqa: E402

SEED = 640221_2018
CATEGORIES = {"KY": ("客运", 22), "WH": ("危货", 11), "PH": ("普货", 55), "ZC": ("站场", 11), "WX": ("维修/驾培", 11)}
TOWNS = ("城关镇", "黄渠桥镇", "宝丰镇", "头闸镇", "姚伏镇", "崇岗镇", "陶乐镇")
ROADS = ("示例东路", "示例西路", "样板南街", "样板北街", "虚拟大道", "假设巷")
AGENCIES = (
    ("JT", "平罗县交通运输局", "交通运输局", "Pingluo Transport Bureau", "执法部门", "牵头"),
    ("GA", "平罗县公安局", "公安局", "Pingluo Public Security Bureau", "执法部门", "参与"),
    ("AJ", "平罗县安监局", "安监局", "Pingluo Work Safety Bureau", "执法部门", "参与"),
    ("SJ", "平罗县市场监督管理局", "市场监管局", "Pingluo Market Regulation Bureau", "执法部门", "参与"),
    ("YG", "平罗县道路运输管理所", "运管所", "Pingluo Road Transport Office", "执法部门", "参与"),
    ("GZ", "平罗县某公证处", "公证处", "A Notary Office of Pingluo", "见证机构", "见证"),
    ("XF", "平罗县消防救援大队", "消防救援", "Pingluo Fire and Rescue Brigade", "未接入部门", "外部"),
)
NAMES = {code: name for code, name, *_ in AGENCIES}

AGENCY_HEADINGS = ("部门编码", "部门名称", "简称", "英文名称", "类型", "角色", "联络人", "联系电话")
TARGET_HEADINGS = (
    "序号", "名称", "统一社会信用代码", "类别", "法定代表人", "注册地址", "所属乡镇", "联络人", "联系方式", "成立日期",
    "登记状态", "登记机关", "许可证名称", "许可证编号", "许可证有效期至", "标签", "备注",
)  # fmt: skip
OFFICER_HEADINGS = (
    "序号", "工号", "姓名", "所属部门", "职务", "执法证号", "执法证有效期起", "执法证有效期至", "执法领域",
    "岗位资质资格", "是否专家", "可检查户数上限", "在岗状态", "联系电话", "备注",
)  # fmt: skip
RECUSAL_HEADINGS = ("工号", "姓名", "名称", "统一社会信用代码", "回避原因", "说明")
ITEM_HEADINGS = (
    "事项编号", "抽查事项名称", "事项类别", "抽查依据", "依据说明", "抽查主体", "抽查对象", "适用类别", "抽查比例(%)",
    "抽查频次", "抽查方式", "检查人员要求", "检查内容", "备注",
)  # fmt: skip
CHECKLIST_HEADINGS = ("事项编号", "检查表名称", "版本", "编制日期")
QUESTION_HEADINGS = (
    "事项编号", "题号", "检查内容", "检查方式", "答案类型", "选项", "不合格答案", "显示条件", "检查依据", "严重程度",
    "问题类型", "是否必答",
)  # fmt: skip

SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛范彭郎鲁韦昌马苗凤方俞任袁柳"
)
GIVEN = "璟翊骞婳珩瑄钰彧曦昶晟旻煦灏澍沅泓涵湜澜芃芮荇菀蓁蕙琮琬琰瑾璇璐祺祎禛稷竑筠箬绮缃缜翀翎聿舸苒茉荻莘菡萱葭蔚蕴"
BRANDS = re.findall(
    "..", "鹏程远航顺捷恒通宏运金轮长河塞上翠湖沙湖贺兰银驼瑞安众诚通源迅驰天路和顺吉运广达嘉途捷安隆昌永畅"
)
TRADES = {
    "KY": ("客运有限公司", "旅游客运有限公司", "城乡公交有限公司", "出租汽车有限公司"),
    "WH": ("危险品运输有限公司", "化工物流有限公司"),
    "PH": ("物流有限公司", "货运有限公司", "运输有限公司", "货物运输部"),
    "ZC": ("货运站场有限公司", "汽车客运站"),
    "WX": ("汽车维修厂", "汽车修理部", "机动车驾驶员培训学校"),
}
PERMITS = {
    "KY": "道路旅客运输经营许可证",
    "WH": "道路危险货物运输许可证",
    "PH": "道路普通货物运输许可证",
    "ZC": "道路运输站场经营许可证",
}

# Officers: labels, cap, how many, and the one among them that cannot go. The caps leave every draw feasible (see below).
OFFICERS: Mapping[str, tuple[tuple[str, ...], int, int, str]] = {
    "JT": (("道路运输执法",), 6, 6, "道路运输"),
    "GA": (("车辆及驾驶员管理",), 5, 5, "道路交通安全"),
    "AJ": (("安全生产监察",), 11, 4, "安全生产"),
    "SJ": (("登记注册监管",), 6, 6, "市场监管"),
    "YG": (("道路运输执法",), 9, 3, "道路运输"),
}
EXPIRED, UNQUALIFIED = "SJ06", "AJ04"
RECUSED = {"YG03": ("WH", "近亲属在被检查单位任职"), "GA05": ("KY", "曾在被检查单位任职")}
JOBS = ("科长", "副科长", "主任科员", "副主任科员", "科员", "科员")


@dataclass(frozen=True)
class Officer:
    """One officer of the example."""

    staff_number: str
    name: str
    agency: str
    labels: tuple[str, ...]
    cap: int
    expired: bool
    recused_from: str  # a category, or nothing


@dataclass(frozen=True)
class Firm:
    """One target of the example."""

    name: str
    code: str
    category: str
    row: tuple[str, ...]


def people(chance: random.Random) -> Iterator[str]:
    """Give invented names: each once, none part of another."""
    given = [one + other for one, other in product(GIVEN, GIVEN) if one != other]
    chance.shuffle(given)
    for number, name in enumerate(given):
        yield SURNAMES[number % len(SURNAMES)] + name


def credit_code(kind: str, number: int) -> str:
    """Make a credit code with true check characters around an organisation code that nobody has (DEM…)."""
    body = f"DEM{number:05}"
    total = sum(weight * int(char, 36) for weight, char in zip((3, 7, 9, 10, 5, 8, 4, 2), body, strict=True))
    check = "0123456789X0"[11 - total % 11]
    start = f"{kind}640221{body}{check}"
    return start + str(uscc.calc_check_digit(start))


def firms(chance: random.Random, names: Iterator[str]) -> list[Firm]:
    """Make the 110 targets, in one order for all categories as a register has them."""
    order = [category for category, (_, count) in CATEGORIES.items() for _ in range(count)]
    chance.shuffle(order)
    used: set[str] = set()
    made = []
    seen = dict.fromkeys(CATEGORIES, 0)
    for number, category in enumerate(order, start=1):
        trades = TRADES[category]
        trade = trades[seen[category] % len(trades)]
        seen[category] += 1
        name = next(
            name
            for _ in iter(int, 1)
            if (name := f"平罗县{chance.choice(BRANDS)}{chance.choice('东西南北中新')}{trade}") not in used
        )
        used.add(name)
        small = trade.endswith(("部", "厂"))
        code = credit_code("92" if small else "91", number)
        town = chance.choice(TOWNS)
        labels = {"WX": "驾培" if "培训" in trade else "维修"}.get(category, "")
        permit = PERMITS.get(category, "")
        row = (
            str(number), name, code, CATEGORIES[category][0], next(names), f"平罗县{town}{chance.choice(ROADS)}{100 + number}号",
            town, next(names), f"0000{3_000_000 + number:07}",
            f"{chance.randint(1998, 2016)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}", "存续", NAMES["SJ"], permit,
            f"宁交运管许可演示字{640_221_000 + number}号" if permit else "",
            f"{chance.randint(2019, 2021)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}" if permit else "", labels, "",
        )  # fmt: skip
        made.append(Firm(name, code, category, row))
    return made


def officers(names: Iterator[str]) -> list[Officer]:
    """Make the 24 officers."""
    made = []
    for agency, (labels, cap, count, _) in OFFICERS.items():
        for number in range(1, count + 1):
            staff = f"{agency}{number:02}"
            extra = ("危险货物",) if number <= 2 and agency in ("JT", "YG", "AJ") else ()
            own = () if staff == UNQUALIFIED else (*labels, *extra)
            made.append(
                Officer(staff, next(names), agency, own, cap, staff == EXPIRED, RECUSED.get(staff, ("", ""))[0])
            )
    return made


def officer_row(number: int, officer: Officer, phone: int) -> tuple[str, ...]:
    """Write one line of an inspector register."""
    return (
        str(number), officer.staff_number, officer.name, NAMES[officer.agency], JOBS[(number - 1) % len(JOBS)],
        f"演示执法-640221-{officer.staff_number}", "2013-07-01" if officer.expired else "2016-07-01",
        "2018-06-30" if officer.expired else "2021-06-30", OFFICERS[officer.agency][3], "、".join(officer.labels), "否",
        str(officer.cap), "在岗", f"0000{8_000_000 + phone:07}", "执法证已过期，正在换证" if officer.expired else "",
    )  # fmt: skip


def quotas() -> Iterator[dict[str, int]]:
    """List every way the draw may spread 11 targets over the cells: each next to its exact share (JIDRAW/1 section 9)."""
    ranges = [(category, (count // 10, -(-count // 10))) for category, (_, count) in CATEGORIES.items()]
    for counts in product(*(sorted(set(bounds)) for _, bounds in ranges)):
        if sum(counts) == 11:
            yield {category: count for (category, _), count in zip(ranges, counts, strict=True)}


def feasible(staff: Sequence[Officer], targets: Sequence[str], need: str | None) -> bool:
    """Tell whether two officers can be found for every target: a plain matching with augmenting paths."""
    able = [officer for officer in staff if not officer.expired and (need is None or need in officer.labels)]
    held: dict[tuple[int, int], int] = {}  # slot -> officer

    def place(slot: tuple[int, int], tried: set[int]) -> bool:
        target = slot[0]
        for at, officer in enumerate(able):
            here = {who for (which, _), who in held.items() if which == target and (which, _) != slot}
            if at in tried or at in here or officer.recused_from == targets[target]:
                continue
            tried.add(at)
            mine = [other for other, who in held.items() if who == at]
            if len(mine) < officer.cap or any(place(other, tried) for other in mine):
                held[slot] = at
                return True
        return False

    return all(place((target, seat), set()) for target in range(len(targets)) for seat in range(2))


def prove_feasible(staff: Sequence[Officer]) -> int:
    """Assert that every possible draw can be staffed by every agency; gives the number of cases looked at."""
    cases = 0
    for quota in quotas():
        for agency in OFFICERS:
            applies = {
                category
                for item in ITEMS
                if item.agency == agency and item.first_campaign
                for category in item.categories
            }
            targets = [category for category, count in quota.items() for _ in range(count) if category in applies]
            own = [officer for officer in staff if officer.agency == agency]
            need = "安全生产监察" if agency == "AJ" else None
            assert feasible(own, targets, need), f"{agency} cannot staff {quota}"
            cases += 1
    return cases


def files() -> dict[str, bytes]:
    """Make every file of the example: {name: content}."""
    chance = random.Random(SEED)  # noqa: S311 - examples, not a draw
    names = people(chance)
    targets, staff = firms(chance, names), officers(names)
    prove_feasible(staff)
    agencies = [
        (*agency, next(names), f"0000{1_000_000 + number:07}") for number, agency in enumerate(AGENCIES, start=1)
    ]
    made = {
        "agencies.xlsx": write_workbook([Table("部门名录", AGENCY_HEADINGS, agencies)]),
        "targets.xlsx": write_workbook([Table("检查对象名录库", TARGET_HEADINGS, [firm.row for firm in targets])]),
    }
    phone = 0
    for agency in OFFICERS:
        own = [officer for officer in staff if officer.agency == agency]
        rows = [officer_row(number, officer, phone + number) for number, officer in enumerate(own, start=1)]
        phone += len(own)
        recusals = [
            (officer.staff_number, officer.name, firm.name, firm.code, RECUSED[officer.staff_number][1], "")
            for officer in own
            for firm in targets
            if firm.category == officer.recused_from
        ]
        if agency == "AJ":  # saved from WPS as CSV in the system's own encoding, as some offices do
            made["inspectors-AJ.csv"] = write_csv(OFFICER_HEADINGS, rows).decode("utf-8-sig").encode("gb18030")
        else:
            tables = [Table("执法检查人员名录库", OFFICER_HEADINGS, rows)]
            if recusals:
                tables.append(Table("回避", RECUSAL_HEADINGS, recusals))
            made[f"inspectors-{agency}.xlsx"] = write_workbook(tables)
        items = [item for item in ITEMS if item.agency == agency]
        made[f"items-{agency}.xlsx"] = write_workbook(
            [Table("抽查事项清单", ITEM_HEADINGS, [_item_row(item) for item in items])]
        )
        made[f"checklists-{agency}.xlsx"] = write_workbook(
            [
                Table(
                    "检查表",
                    CHECKLIST_HEADINGS,
                    [(item.code, f"{item.name}检查表", "1", "2018-11-26") for item in items],
                ),
                Table(
                    "检查项目",
                    QUESTION_HEADINGS,
                    [(item.code, *question) for item in items for question in QUESTIONS[item.code]],
                ),
            ]
        )
    return made


def _item_row(item: Item) -> tuple[str, ...]:
    return (
        item.code, item.name, item.kind, item.basis, item.basis_note, NAMES[item.agency], item.targets,
        "、".join(CATEGORIES[category][0] for category in item.categories), "10", "1次/年", item.methods, item.labels,
        item.content, "",
    )  # fmt: skip


if __name__ == "__main__":
    for file_name, content in files().items():
        (FOLDER / file_name).write_bytes(content)
        print(file_name, len(content))
