"""
Items and checklists of the Pingluo 2018 example, as the five agencies would write them; `make.py` puts them into sheets.

Legal bases name acts that were in force in 2018, without article numbers: those have not been checked against the texts
of that year, and the note column says so.
"""
# ruff: noqa: E501 - a table reads best with a row a line

from dataclasses import dataclass

UNCHECKED = "2018年有效文本；条款号待本单位法制机构核对"
ROAD = "《中华人民共和国道路运输条例》"
PASSENGER = "《道路旅客运输及客运站管理规定》"
FREIGHT = "《道路货物运输及站场管理规定》"
HAZMAT = "《道路危险货物运输管理规定》"
TRAFFIC = "《中华人民共和国道路交通安全法》"
SAFETY = "《中华人民共和国安全生产法》"
CHEMICALS = "《危险化学品安全管理条例》"
HEALTH = "《中华人民共和国职业病防治法》"
COMPANY = "《中华人民共和国公司登记管理条例》"
DISCLOSURE = "《企业信息公示暂行条例》"
MONITORING = "《道路运输车辆动态监督管理办法》"
REPAIR = "《机动车维修管理规定》"
TRAINING = "《机动车驾驶员培训管理规定》"


@dataclass(frozen=True)
class Item:
    """One line of an item list (抽查事项清单)."""

    code: str
    agency: str
    name: str
    kind: str
    basis: str
    categories: tuple[str, ...]
    targets: str
    content: str
    methods: str = "实地检查、书面检查"
    labels: str = "无"
    basis_note: str = UNCHECKED
    first_campaign: bool = True


ITEMS = (
    Item(
        "JT-01",
        "JT",
        "客运、货运及运输站场监督检查",
        "一般检查事项",
        ROAD + PASSENGER + FREIGHT,
        ("KY", "WH", "PH", "ZC"),
        "道路客运、货运企业和运输站场",
        "经营许可、从业人员资格、动态监控、站场安全检查",
    ),
    Item(
        "JT-02",
        "JT",
        "机动车维修和驾驶员培训监督检查",
        "一般检查事项",
        ROAD + REPAIR + TRAINING,
        ("WX",),
        "机动车维修、驾驶员培训机构",
        "经营资格、维修和培训记录",
        first_campaign=False,
    ),
    Item(
        "GA-01",
        "GA",
        "客运和危货运输企业车辆及驾驶员管理",
        "一般检查事项",
        TRAFFIC,
        ("KY", "WH"),
        "道路客运、危险货物运输企业",
        "车辆检验、交通违法处理、驾驶员管理",
    ),
    Item(
        "AJ-01",
        "AJ",
        "危险化学品生产经营单位、非煤矿山企业、烟花爆竹企业、工贸商贸企业安全生产监督检查",
        "重点检查事项",
        SAFETY + CHEMICALS,
        ("WH",),
        "涉及危险化学品的运输企业",
        "安全管理制度、危险化学品停放储存、应急预案",
        labels="安全生产监察",
    ),
    Item(
        "AJ-02",
        "AJ",
        "各生产经营企业职业危害检查",
        "一般检查事项",
        HEALTH + SAFETY,
        ("KY", "WH", "PH", "ZC", "WX"),
        "各生产经营企业",
        "职业危害防护、作业场所安全",
        labels="安全生产监察",
    ),
    Item(
        "SJ-01",
        "SJ",
        "营业执照登记事项检查",
        "一般检查事项",
        COMPANY + DISCLOSURE,
        ("KY", "WH", "PH", "ZC", "WX"),
        "各类市场主体",
        "营业执照悬挂、住所、经营范围、变更登记、信息公示",
    ),
    Item(
        "YG-01",
        "YG",
        "客货运输企业安全检查",
        "一般检查事项",
        ROAD + PASSENGER + FREIGHT + HAZMAT,
        ("KY", "WH", "PH"),
        "道路客运、货运企业",
        "安全生产责任制、教育培训、车辆技术档案、驾驶员资格",
    ),
)

Question = tuple[str, str, str, str, str, str, str, str, str, str, str]
ON_SITE, DOCUMENT = "实地检查", "书面检查"
YES_NO, CHOICE, NUMBER, TEXT, DAY, PHOTO = "是否", "单选", "数字", "文本", "日期", "照片"
GENERAL, KEY = "一般", "重点"
REACHED = "Q1=是"


def _contact(basis: str) -> Question:
    return (
        "Q1", "能否通过登记的住所（经营场所）联系到被检查单位", ON_SITE, YES_NO, "", "否", "", basis, GENERAL,
        "通过登记的住所（经营场所）无法联系", "是",
    )  # fmt: skip


# number, question, method, answer type, options, bad answers, shown if, legal basis, severity, finding kind, required
QUESTIONS: dict[str, tuple[Question, ...]] = {
    "JT-01": (
        _contact(ROAD),
        ("Q2", "道路运输经营许可是否有效并在许可范围内经营", DOCUMENT, YES_NO, "", "否", REACHED, ROAD, KEY, "道路运输经营许可失效或者超出许可范围", "是"),
        ("Q3", "道路运输经营许可证有效期至", DOCUMENT, DAY, "", "早于检查日", REACHED, ROAD, GENERAL, "道路运输经营许可失效或者超出许可范围", "是"),
        ("Q4", "抽查的驾驶员人数", DOCUMENT, NUMBER, "", "", REACHED, ROAD, GENERAL, "", "是"),
        ("Q5", "抽查的驾驶员从业资格与驾驶证是否相符", DOCUMENT, CHOICE, "相符、不相符、不涉及", "不相符", REACHED, ROAD, KEY, "驾驶员从业资格与驾驶证不符", "是"),
        ("Q6", "不相符情形说明", DOCUMENT, TEXT, "", "", "Q5=不相符", ROAD, GENERAL, "", "是"),
        ("Q7", "不相符证件照片", DOCUMENT, PHOTO, "", "", "Q5=不相符", ROAD, GENERAL, "", "否"),
        ("Q8", "车辆动态监控是否专人值守并有处理记录", ON_SITE, CHOICE, "是、否、不涉及", "否", REACHED, MONITORING, GENERAL, "车辆动态监控不落实", "是"),
    ),
    "JT-02": (
        _contact(REPAIR),
        ("Q2", "经营许可或者备案是否有效", DOCUMENT, YES_NO, "", "否", REACHED, ROAD, KEY, "道路运输经营许可失效或者超出许可范围", "是"),
        ("Q3", "维修记录和竣工出厂合格证、培训记录是否齐全", DOCUMENT, YES_NO, "", "否", REACHED, REPAIR, GENERAL, "维修、培训记录不全", "是"),
        ("Q4", "缺失的记录", DOCUMENT, TEXT, "", "", "Q3=否", REPAIR, GENERAL, "", "是"),
        ("Q5", "抽查的档案份数", DOCUMENT, NUMBER, "", "<3", REACHED, REPAIR, GENERAL, "维修、培训记录不全", "是"),
    ),
    "GA-01": (
        _contact(TRAFFIC),
        ("Q2", "在用车辆是否按期检验", DOCUMENT, YES_NO, "", "否", REACHED, TRAFFIC, KEY, "车辆逾期未检验", "是"),
        ("Q3", "逾期未检验车辆数", DOCUMENT, NUMBER, "", "", "Q2=否", TRAFFIC, GENERAL, "", "是"),
        ("Q4", "车辆交通违法是否处理完毕", DOCUMENT, YES_NO, "", "否", REACHED, TRAFFIC, GENERAL, "车辆交通违法未处理", "是"),
        ("Q5", "抽查的驾驶员驾驶证与准驾车型、从业资格是否相符", DOCUMENT, CHOICE, "相符、不相符", "不相符", REACHED, TRAFFIC, KEY, "驾驶员从业资格与驾驶证不符", "是"),
        ("Q6", "是否发现未经许可从事危险货物运输", ON_SITE, YES_NO, "", "是", REACHED, TRAFFIC, KEY, "未经许可从事危险货物运输", "是"),
        ("Q7", "现场照片", ON_SITE, PHOTO, "", "", "Q6=是", TRAFFIC, GENERAL, "", "否"),
    ),
    "AJ-01": (
        _contact(SAFETY),
        ("Q2", "安全生产责任制和规章制度是否健全", DOCUMENT, YES_NO, "", "否", REACHED, SAFETY, KEY, "安全生产责任制、规章制度不健全", "是"),
        ("Q3", "危险化学品停放、储存是否符合要求", ON_SITE, YES_NO, "", "否", REACHED, CHEMICALS, KEY, "危险化学品储存不规范", "是"),
        ("Q4", "不符合要求的情形", ON_SITE, TEXT, "", "", "Q3=否", CHEMICALS, GENERAL, "", "是"),
        ("Q5", "主要负责人安全培训合格证有效期至", DOCUMENT, DAY, "", "早于检查日", REACHED, SAFETY, GENERAL, "从业人员安全教育培训不落实", "是"),
        ("Q6", "应急预案是否按期演练", DOCUMENT, YES_NO, "", "否", REACHED, SAFETY, GENERAL, "安全生产责任制、规章制度不健全", "是"),
    ),
    "AJ-02": (
        _contact(HEALTH),
        ("Q2", "作业场所有无职业危害因素", ON_SITE, CHOICE, "有、无", "", REACHED, HEALTH, GENERAL, "", "是"),
        ("Q3", "是否配备并使用防护用品", ON_SITE, YES_NO, "", "否", "Q2=有", HEALTH, KEY, "职业危害防护不到位", "是"),
        ("Q4", "本年度职业健康检查人数", DOCUMENT, NUMBER, "", "", "Q2=有", HEALTH, GENERAL, "", "是"),
        ("Q5", "作业场所消防通道、安全出口是否畅通", ON_SITE, YES_NO, "", "否", REACHED, SAFETY, KEY, "消防通道、安全出口堵塞", "是"),
        ("Q6", "堵塞部位照片", ON_SITE, PHOTO, "", "", "Q5=否", SAFETY, GENERAL, "", "否"),
    ),
    "SJ-01": (
        _contact(DISCLOSURE),
        ("Q2", "营业执照是否置于住所或者营业场所醒目位置", ON_SITE, YES_NO, "", "否", REACHED, COMPANY, GENERAL, "营业执照未置于醒目位置", "是"),
        ("Q3", "登记住所与实际经营地址是否一致", ON_SITE, YES_NO, "", "否", REACHED, COMPANY, KEY, "登记住所与实际经营地址不一致", "是"),
        ("Q4", "实际经营地址", ON_SITE, TEXT, "", "", "Q3=否", COMPANY, GENERAL, "", "是"),
        ("Q5", "经营活动是否在登记的经营范围内", ON_SITE, YES_NO, "", "否", REACHED, COMPANY, GENERAL, "超出登记的经营范围", "是"),
        ("Q6", "登记事项变更是否办理变更登记", DOCUMENT, CHOICE, "无变更、已办理、未办理", "未办理", REACHED, COMPANY, GENERAL, "登记事项变更未办理变更登记", "是"),
        ("Q7", "最近一次年度报告是否按期公示", "网络监测", YES_NO, "", "否", "", DISCLOSURE, GENERAL, "未按规定公示应当公示的信息", "是"),
        ("Q8", "营业执照照片", ON_SITE, PHOTO, "", "", REACHED, COMPANY, GENERAL, "", "否"),
    ),
    "YG-01": (
        _contact(ROAD),
        ("Q2", "安全生产责任制和规章制度是否健全", DOCUMENT, YES_NO, "", "否", REACHED, SAFETY, KEY, "安全生产责任制、规章制度不健全", "是"),
        ("Q3", "从业人员安全教育培训档案是否齐全", DOCUMENT, YES_NO, "", "否", REACHED, SAFETY, GENERAL, "从业人员安全教育培训不落实", "是"),
        ("Q4", "抽查的车辆数", DOCUMENT, NUMBER, "", "", REACHED, ROAD, GENERAL, "", "是"),
        ("Q5", "车辆技术档案是否齐全", DOCUMENT, CHOICE, "齐全、不齐全", "不齐全", REACHED, ROAD, GENERAL, "车辆技术档案不全", "是"),
        ("Q6", "抽查的驾驶员驾驶证与从业资格是否相符", DOCUMENT, CHOICE, "相符、不相符、未抽查", "不相符", REACHED, ROAD, KEY, "驾驶员从业资格与驾驶证不符", "是"),
        ("Q7", "不相符情形说明", DOCUMENT, TEXT, "", "", "Q6=不相符", ROAD, GENERAL, "", "是"),
        ("Q8", "最近一次安全例会日期", DOCUMENT, DAY, "", "", REACHED, SAFETY, GENERAL, "", "是"),
    ),
}  # fmt: skip
