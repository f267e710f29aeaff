"""What the spreadsheets of a county hold (一单两库、专家、回避、请假外出、检查要点表), and how each row is read and complained about."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.planner.domain import checklists
from services.planner.domain.checklists import Asked
from services.planner.domain.credit_code import is_credit_code, is_identifier
from services.planner.domain.frames import ACTIVE
from services.planner.domain.rosters import LEFT
from services.planner.domain.spreadsheets import (
    SEPARATORS,
    Column,
    Complaint,
    Entry,
    Sheet,
    Word,
    Words,
    once_each,
)

KINDS = ("targets", "inspectors", "experts", "recusals", "absences", "items", "checklists")

TARGET_STATES = Words(
    [
        Word(ACTIVE, ("存续", "在业", "正常", "开业", "在营")),
        Word("deregistered", ("注销", "已注销")),
        Word("revoked", ("吊销", "已吊销", "吊销未注销")),
        Word("moved_out", ("迁出", "已迁出")),
        Word("closed", ("停业", "已停业", "歇业")),
    ]
)
OFFICER_STATES = Words(
    [Word(ACTIVE, ("在岗", "在职")), Word(LEFT, ("离岗", "离职", "退休", "调离", "借调"))],
)
ITEM_KINDS = Words(
    [Word("general", ("一般", "一般事项", "一般检查事项")), Word("key", ("重点", "重点事项", "重点检查事项"))]
)
ANSWER_KINDS = Words(
    [
        Word("yes_no", ("是否", "是/否")),
        Word("choice", ("选择", "单选")),
        Word("number", ("数字", "数值")),
        Word("text", ("文字", "文本", "填空")),
        Word("date", ("日期",)),
        Word("photo", ("照片", "图片")),
    ]
)
SEVERITIES = Words([Word("general", ("一般", "一般项目")), Word("key", ("重点", "重点项目", "关键"))])

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "targets": (
        Column("uscc", "统一社会信用代码", aliases=("信用代码", "uscc"), note="18位；没有信用代码的填“编号”"),
        Column("number", "编号", needed=False, aliases=("对象编号",), note="无信用代码时填写，如 T-0001"),
        Column("name", "名称", aliases=("企业名称", "检查对象名称", "检查对象")),
        Column("category", "类别", aliases=("行业类别", "行业", "对象类别"), note="规则包中的类别代码或名称"),
        Column("district", "属地", aliases=("所属乡镇", "所在乡镇", "乡镇", "区域"), note="规则包中的属地代码或名称"),
        Column("labels", "标签", needed=False, note="多个用顿号隔开"),
        Column("established_on", "成立日期", needed=False),
        Column("state", "登记状态", needed=False, aliases=("状态",), note="存续、注销、吊销、迁出、停业"),
        Column("address", "地址", aliases=("住所", "注册地址", "经营地址")),
        Column("legal_representative", "法定代表人", aliases=("负责人",)),
        Column("contact", "联络人", needed=False, aliases=("联系人",)),
        Column("phone", "联系方式", needed=False, aliases=("联系电话", "电话")),
    ),
    "inspectors": (
        Column("officer", "工号", aliases=("单位工号", "人员编号"), note="不得使用身份证号"),
        Column("name", "姓名"),
        Column("credential", "执法证号", aliases=("证件号码", "执法证件号")),
        Column("credential_from", "执法证有效期起", needed=False, aliases=("有效期起", "发证日期")),
        Column("credential_until", "执法证有效期至", aliases=("有效期止", "有效期", "有效期至")),
        Column(
            "labels", "岗位资质资格", needed=False, aliases=("专业标签", "标签"), note="规则包中的标签，多个用顿号隔开"
        ),
        Column("cap", "可检查户数上限", needed=False, aliases=("最多户数",), note="每次联合抽查最多检查的户数"),
        Column("state", "在岗状态", needed=False, aliases=("状态",), note="在岗、离岗"),
    ),
    "experts": (
        Column("expert", "专家编号", aliases=("编号", "人员编号"), note="不得使用身份证号，也不得与执法人员工号相同"),
        Column("name", "姓名", aliases=("专家姓名",)),
        Column("field", "专业领域", aliases=("领域", "专业", "专业方向"), note="规则包中的领域；没有的可自行填写"),
        Column("employer", "工作单位", aliases=("单位", "所在单位")),
        Column("source", "来源", aliases=("来源类别", "专家来源"), note="规则包中的来源代码或名称"),
        Column("valid_until", "聘期至", aliases=("有效期至", "有效期止", "聘期止"), note="可以协助检查的最后一天"),
    ),
    "recusals": (
        Column("officer", "工号", aliases=("单位工号", "人员编号", "执法人员编号"), note="执法人员工号，或专家编号"),
        Column("target", "统一社会信用代码", needed=False, aliases=("回避对象", "检查对象编号", "回避对象信用代码")),
        Column("category", "回避类别", needed=False, aliases=("类别", "行业类别")),
        Column("reason", "回避原因", aliases=("原因", "理由"), note="规则包中的原因代码或名称"),
        Column(
            "until_on",
            "有效期至",
            needed=False,
            aliases=("至", "回避至", "有效期止"),
            note="回避的最后一天；空白表示长期有效",
        ),
    ),
    "absences": (
        Column("officer", "工号", aliases=("单位工号", "人员编号", "执法人员编号")),
        Column("first_on", "自", aliases=("开始日期", "起"), note="不能到场的第一天"),
        Column("last_on", "至", aliases=("结束日期", "止"), note="不能到场的最后一天"),
        Column("reason", "原因", aliases=("请假原因", "理由"), note="规则包中的原因代码或名称"),
        Column("cancelled", "已取消", needed=False, note="填“是”表示这次请假外出已取消"),
    ),
    "items": (
        Column("item", "事项编号", aliases=("事项编码", "事项代码", "编号")),
        Column("name", "抽查事项名称", aliases=("抽查事项", "事项名称")),
        Column("kind", "事项类别", aliases=("类别",), note="一般、重点"),
        Column("legal_basis", "抽查依据", aliases=("检查依据", "法律依据", "依据")),
        Column("methods", "抽查方式", aliases=("检查方式",), note="规则包中的方式，多个用顿号隔开"),
        Column(
            "labels",
            "检查人员要求",
            needed=False,
            aliases=("人员要求", "专业标签"),
            note="执法人员须具备的标签，没有填“无”",
        ),
        Column("categories", "适用类别", aliases=("适用对象",), note="适用的检查对象类别，多个用顿号隔开"),
    ),
    "checklists": (
        Column("item", "事项编号", aliases=("事项编码", "事项代码")),
        Column("question", "题号", aliases=("问题编号",)),
        Column("text", "检查内容", aliases=("检查要点", "问题")),
        Column("guidance", "检查方式", needed=False, aliases=("操作方法与要领", "检查方法")),
        Column("answer", "答案类型", note="是否、单选、数字、文本、日期、照片"),
        Column("choices", "选项", needed=False, note="多个用顿号隔开"),
        Column("bad_answers", "不合格答案", needed=False, aliases=("不符合答案",), note="哪些答案表示发现问题"),
        Column(
            "condition", "显示条件", needed=False, aliases=("前提", "条件"), note="同一事项前面的题号=答案，如 Q1=是"
        ),
        Column("legal_basis", "检查依据", needed=False, aliases=("法律依据", "依据")),
        Column("severity", "严重程度", needed=False, aliases=("重要程度",), note="一般、重点"),
        Column("finding_kind", "问题类型", needed=False, aliases=("发现问题类型",), note="规则包中的问题类型"),
        Column("required", "是否必答", needed=False, aliases=("必答", "必填")),
    ),
    "checklist_titles": (
        Column("item", "事项编号", aliases=("事项编码", "事项代码")),
        Column("title", "检查表名称"),
        Column("edition", "版本", needed=False),
    ),
}
SHEET_NAMES = {
    "targets": "检查对象名录库",
    "inspectors": "执法检查人员名录库",
    "experts": "专家库",
    "recusals": "回避",
    "absences": "请假外出",
    "items": "抽查事项清单",
    "checklists": "检查项目",
    "checklist_titles": "检查表",
}
LONGEST_FIELD = 40
"""Signs of a field of expertise that is written in words."""
NONE_WRITTEN = ("无", "无要求", "无需专业岗资格")


@dataclass(frozen=True)
class Vocabulary:
    """The codes of the rule packs in force, each with the names people write."""

    categories: Words
    districts: Words
    labels: Words
    methods: Words
    finding_kinds: Words
    recusal_reasons: Words
    absence_reasons: Words
    expert_fields: Words
    expert_sources: Words


@dataclass(frozen=True)
class TargetEntry:
    """A target (检查对象) as its keeper describes it; address and contact are personal where the target is a person."""

    target: str
    uscc: str | None
    name: str
    category: str
    district: str
    labels: tuple[str, ...]
    established_on: date | None
    state: str
    address: str
    legal_representative: str
    contact: str
    phone: str


@dataclass(frozen=True)
class InspectorEntry:
    """An inspector (执法检查人员) under the staff number, never an identity number."""

    officer: str
    name: str
    credential: str
    credential_from: date | None
    credential_until: date | None
    labels: tuple[str, ...]
    cap: int
    state: str


@dataclass(frozen=True)
class ExpertEntry:
    """An expert (专家) who may assist a visit until a last day; never an officer, so never under an officer's number."""

    expert: str
    name: str
    field: str  # a code of the rule pack, or words
    employer: str
    source: str
    valid_until: date | None


@dataclass(frozen=True)
class RecusalEntry:
    """A recusal (回避): an officer or an expert and one target, or a whole category, with the reason, and the last day if it has one."""

    officer: str
    target: str | None
    category: str | None
    reason: str
    until_on: date | None


@dataclass(frozen=True)
class AbsenceEntry:
    """An officer is away (请假外出) from a first to a last day, both counted, unless that was cancelled."""

    officer: str
    first_on: date
    last_on: date
    reason: str
    cancelled: bool


@dataclass(frozen=True)
class ItemEntry:
    """An inspection item (抽查事项); no basis, no item."""

    item: str
    name: str
    kind: str
    legal_basis: str
    methods: tuple[str, ...]
    labels: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True)
class ChecklistEntry:
    """The checklist (检查要点表) of one item, its questions in the order they are asked; edition 0: the next one."""

    item: str
    title: str
    edition: int
    questions: tuple[Asked, ...]


def read_targets(sheet: Sheet, words: Vocabulary, today: date) -> list[TargetEntry]:
    """Read a target register; a row without a credit code needs a number of its own."""
    rows = [(entry, _target(entry, words, today)) for entry in sheet.entries()]
    once_each(rows, lambda row: row.target, "uscc", "target.twice")
    return [row for _, row in rows]


def _target(entry: Entry, words: Vocabulary, today: date) -> TargetEntry:
    uscc = entry.code("uscc", needed=False)
    if uscc and not is_credit_code(uscc.upper()):
        entry.complain("uscc", "target.credit_code_wrong", written=uscc)
    number = entry.code("number", needed=False)
    if not entry.written("number") and not entry.written("uscc"):
        entry.complain("uscc", "target.without_id")
    return TargetEntry(
        target=uscc.upper() or number,
        uscc=uscc.upper() or None,
        name=entry.text("name", longest=100),
        category=entry.word("category", words.categories, "target.category_unknown"),
        district=entry.word("district", words.districts, "target.district_unknown"),
        labels=tuple(sorted(entry.parts("labels"))),
        established_on=entry.day("established_on", needed=False, latest=today),
        state=entry.word("state", TARGET_STATES, "target.state_unknown", needed=False) or ACTIVE,
        address=entry.text("address", longest=200),
        legal_representative=entry.text("legal_representative", longest=50),
        contact=entry.text("contact", needed=False, longest=50),
        phone=entry.text("phone", needed=False, longest=40),
    )


def read_inspectors(
    sheet: Sheet, words: Vocabulary, today: date, experts: Collection[str] = ()
) -> list[InspectorEntry]:
    """
    Read an inspector register; an expired credential is remarked on and taken over, since a register tells the truth.

    Args:
        experts: Numbers of the agency's experts; one of them names no officer.
    """
    rows = [(entry, _inspector(entry, words, today, experts)) for entry in sheet.entries()]
    once_each(rows, lambda row: row.officer, "officer", "inspector.twice")
    once_each(rows, lambda row: row.credential, "credential", "inspector.credential_twice")
    return [row for _, row in rows]


def _inspector(entry: Entry, words: Vocabulary, today: date, experts: Collection[str]) -> InspectorEntry:
    officer = entry.code("officer")
    if looks_like_identity_number(officer):
        entry.complain("officer", "inspector.identity_number")
    if officer in experts:
        entry.complain("officer", "inspector.is_an_expert", written=officer)
    first = entry.day("credential_from", needed=False)
    until = entry.day("credential_until")
    if first is not None and until is not None and until < first:
        entry.complain("credential_until", "inspector.credential_reversed", first=first, until=until)
    elif until is not None and until < today:
        entry.remark("credential_until", "inspector.credential_expired", until=until)
    return InspectorEntry(
        officer=officer,
        name=entry.text("name", longest=50),
        credential=entry.text("credential", longest=64),
        credential_from=first,
        credential_until=until,
        labels=_labels(entry, words),
        cap=entry.whole_number("cap", 0, 10_000, default=1_000),
        state=entry.word("state", OFFICER_STATES, "inspector.state_unknown", needed=False) or ACTIVE,
    )


def _labels(entry: Entry, words: Vocabulary) -> tuple[str, ...]:
    if entry.written("labels") in NONE_WRITTEN:
        return ()
    return entry.words("labels", words.labels, "inspector.label_unknown")


def looks_like_identity_number(text: str) -> bool:
    """Tell whether an id has the shape of a citizen's identity number, which must never name an officer."""
    return len(text) == 18 and text[:17].isdigit() and text[6:8] in ("19", "20") and not is_credit_code(text)


def read_experts(sheet: Sheet, words: Vocabulary, officers: Collection[str], today: date) -> list[ExpertEntry]:
    """
    Read an expert register (专家库); somebody whose term is over is remarked on and taken over.

    Args:
        officers: Numbers of the agency's officers; one of them names no expert (国办发〔2024〕54号: experts assist).
    """
    rows = [(entry, _expert(entry, words, officers, today)) for entry in sheet.entries()]
    once_each(rows, lambda row: row.expert, "expert", "expert.twice")
    return [row for _, row in rows]


def _expert(entry: Entry, words: Vocabulary, officers: Collection[str], today: date) -> ExpertEntry:
    expert = entry.code("expert")
    if looks_like_identity_number(expert):
        entry.complain("expert", "inspector.identity_number")
    if expert in officers:
        entry.complain("expert", "expert.is_an_officer", written=expert)
    until = entry.day("valid_until")
    if until is not None and until < today:
        entry.remark("valid_until", "expert.term_over", until=until)
    field = entry.text("field", longest=LONGEST_FIELD)
    return ExpertEntry(
        expert=expert,
        name=entry.text("name", longest=50),
        field=words.expert_fields.find(field) or field,
        employer=entry.text("employer", longest=100),
        source=entry.word("source", words.expert_sources, "expert.source_unknown"),
        valid_until=until,
    )


def read_recusals(sheet: Sheet, words: Vocabulary, officers: Collection[str], today: date) -> list[RecusalEntry]:
    """
    Read recusals of officers and experts that stand in the registers.

    A row that stood there without an end and comes again with one is ended by it; what stood before stays readable.
    """
    rows = [(entry, _recusal(entry, words, officers, today)) for entry in sheet.entries()]
    once_each(
        rows,
        lambda row: f"{row.officer}/{row.target or row.category or ''}" if row.officer else "",
        "officer",
        "recusal.twice",
    )
    return [row for _, row in rows]


def _recusal(entry: Entry, words: Vocabulary, officers: Collection[str], today: date) -> RecusalEntry:
    officer = entry.code("officer")
    if officer and officer not in officers:
        entry.complain("officer", "recusal.officer_unknown", written=officer)
    target = entry.code("target", needed=False)
    if len(target) == 18 and not target.startswith("T-") and not is_credit_code(target):
        entry.complain("target", "target.credit_code_wrong", written=target)
    category = entry.word("category", words.categories, "target.category_unknown", needed=False)
    if bool(entry.written("target")) == bool(entry.written("category")):
        entry.complain("target", "recusal.target_or_category")
    until = entry.day("until_on", needed=False)
    if until is not None and until < today:
        entry.remark("until_on", "recusal.over", until=until)
    return RecusalEntry(
        officer=officer,
        target=target or None,
        category=category or None,
        reason=entry.word("reason", words.recusal_reasons, "recusal.reason_unknown"),
        until_on=until,
    )


def read_absences(sheet: Sheet, words: Vocabulary, officers: Collection[str]) -> list[AbsenceEntry]:
    """
    Read absences of officers that stand in the register, each named by its officer and first day.

    One that comes again with another last day, or as cancelled, is changed by it; what stood before stays readable.
    """
    rows = [(entry, _absence(entry, words, officers)) for entry in sheet.entries()]
    once_each(rows, lambda row: f"{row.officer}/{row.first_on}" if row.officer else "", "officer", "absence.twice")
    return [row for _, row in rows]


def _absence(entry: Entry, words: Vocabulary, officers: Collection[str]) -> AbsenceEntry:
    officer = entry.code("officer")
    if officer and officer not in officers:
        entry.complain("officer", "absence.officer_unknown", written=officer)
    first, last = entry.day("first_on") or date.min, entry.day("last_on") or date.max
    if last < first:
        entry.complain("last_on", "absence.reversed", first=first, last=last)
    return AbsenceEntry(
        officer=officer,
        first_on=first,
        last_on=last,
        reason=entry.word("reason", words.absence_reasons, "absence.reason_unknown"),
        cancelled=entry.yes_or_no("cancelled", default=False),
    )


def read_items(sheet: Sheet, words: Vocabulary, taken: Mapping[str, str]) -> list[ItemEntry]:
    """Read an item list; *taken* holds the items of other agencies, ``{item: agency}``: an item is one line of one agency."""
    rows = [(entry, _item(entry, words, taken)) for entry in sheet.entries()]
    once_each(rows, lambda row: row.item, "item", "item.twice")
    return [row for _, row in rows]


def _item(entry: Entry, words: Vocabulary, taken: Mapping[str, str]) -> ItemEntry:
    item = entry.code("item")
    if item in taken:
        entry.complain("item", "item.of_another_agency", written=item, agency=taken[item])
    if not entry.written("legal_basis"):
        entry.complain("legal_basis", "item.basis_missing")
    return ItemEntry(
        item=item,
        name=entry.text("name", longest=200),
        kind=entry.word("kind", ITEM_KINDS, "item.kind_unknown"),
        legal_basis=entry.text("legal_basis", needed=False, longest=2_000),
        methods=entry.words("methods", words.methods, "item.method_unknown", needed=True),
        labels=_labels(entry, words),
        categories=entry.words("categories", words.categories, "target.category_unknown", needed=True),
    )


def read_titles(sheet: Sheet) -> dict[str, tuple[str, int]]:
    """Read the sheet that names the checklists: ``{item: (title, edition)}``, edition 0 where none is written."""
    rows = [(entry, entry.code("item")) for entry in sheet.entries()]
    once_each(rows, lambda item: item, "item", "checklist.title_twice")
    return {
        item: (entry.text("title", longest=200), entry.whole_number("edition", 1, 9_999, default=0))
        for entry, item in rows
    }


def read_checklists(
    sheet: Sheet,
    titles: Mapping[str, tuple[str, int]],
    words: Vocabulary,
    finding_kinds: Collection[str],
    items: Mapping[str, str],
) -> list[ChecklistEntry]:
    """
    Read checklists, one question a row, one checklist per item; rows stand in the order they are asked.

    Args:
        titles: What `read_titles` found.
        items: The agency's items, ``{item: name}``.
    """
    by_item: dict[str, list[Asked]] = {}
    for entry in sheet.entries():
        item = entry.code("item")
        if item and item not in items:
            entry.complain("item", "checklist.item_unknown", written=item)
        by_item.setdefault(item, []).append(_question(entry, item, words))
    found: list[ChecklistEntry] = []
    for item in sorted(by_item):
        questions = _conditions_translated(by_item[item])
        for fault in checklists.faults(questions, finding_kinds):
            Entry(sheet, fault.row, ()).complain(fault.column, fault.code, **dict(fault.facts))
        title, edition = titles.get(item, (f"{items.get(item, item)}检查表", 0))
        found.append(ChecklistEntry(item, title, edition, tuple(questions)))
    return found


def _question(entry: Entry, item: str, words: Vocabulary) -> Asked:
    answer = entry.word("answer", ANSWER_KINDS, "checklist.answer_kind_unknown")
    kind = entry.text("finding_kind", needed=False, longest=64)
    return Asked(
        row=entry.row,
        item=item,
        id=entry.code("question"),
        text=entry.text("text"),
        answer=answer,
        choices=entry.parts("choices"),
        condition=_condition(entry),
        bad_answers=tuple(_bad_answer(answer, part) for part in entry.parts("bad_answers")),
        finding_kind=words.finding_kinds.find(kind) or kind or None,
        severity=entry.word("severity", SEVERITIES, "checklist.severity_unknown", needed=False) or "general",
        required=entry.yes_or_no("required", default=True),
        guidance=entry.text("guidance", needed=False, longest=2_000),
        legal_basis=entry.text("legal_basis", needed=False, longest=2_000),
    )


YES_NO_WORDS = {"是": checklists.YES, "否": checklists.NO}
DAY_WORDS = {"早于检查日": checklists.BEFORE_VISIT, "晚于检查日": checklists.AFTER_VISIT}
NUMBER_SIGNS = str.maketrans("＜＞＝", "<>=")


def _bad_answer(answer: str, written: str) -> str:
    match answer:
        case "yes_no":
            return YES_NO_WORDS.get(written, written)
        case "date":
            return DAY_WORDS.get(written, written)
        case "number":
            return written.replace("≤", "<=").replace("≥", ">=").translate(NUMBER_SIGNS)
    return written


def _condition(entry: Entry) -> tuple[str, tuple[str, ...]] | None:
    written = entry.text("condition", needed=False).replace("＝", "=")
    if not written:
        return None
    question, _, answers = (part.strip() for part in written.partition("="))
    given = tuple(answers.translate(SEPARATORS).split())
    if not is_identifier(question) or not given:
        entry.complain("condition", "checklist.condition_unreadable", written=written[:60])
        return None
    return question, given


def _conditions_translated(questions: Sequence[Asked]) -> list[Asked]:
    yes_no = {asked.id for asked in questions if asked.answer == "yes_no"}
    return [
        replace(
            asked, condition=(asked.condition[0], tuple(YES_NO_WORDS.get(each, each) for each in asked.condition[1]))
        )
        if asked.condition is not None and asked.condition[0] in yes_no
        else asked
        for asked in questions
    ]


def ordered(complaints: Sequence[Complaint]) -> tuple[Complaint, ...]:
    """Put complaints into the order of the sheet: by row, then as they were found."""
    return tuple(sorted(complaints, key=lambda complaint: complaint.row))
