"""Publication (公示): the nine public fields, what must not stand in them, and how late they are."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from runtime.errors import Conflict, Rejected


class BeforeDisclosure(Conflict):
    """The draw is sealed until its window ends; a published result would name a target before."""

    code = "publication.before_disclosure"


class PersonalDataInPublic(Rejected):
    """What was about to be published holds something that looks like an identity number, a phone or a plate."""

    code = "publication.personal_data"


_ID = r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx](?![0-9A-Za-z])"
_MOBILE = r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = rf"[{_PROVINCES}][A-Z][·• ]?[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳]"
SCANS = (("id_number", re.compile(_ID)), ("mobile", re.compile(_MOBILE)), ("plate", re.compile(_PLATE)))
"""What no pack can switch off (reference/domain.md §1.8); a pack may add patterns."""


def found_in(text: str, more: Iterable[tuple[str, str]] = ()) -> str | None:
    """Name the first kind of personal data that *text* seems to hold; *more* are (code, pattern) of the rule pack."""
    wide = text.translate(_NARROW)
    for code, pattern in SCANS:
        if pattern.search(wide):
            return code
    return next((code for code, pattern in more if re.search(pattern, wide)), None)


_NARROW = {0xFF01 + n: 0x21 + n for n in range(94)} | {0x3000: 0x20}  # full-width digits hide from a pattern

_PERSON = re.compile(r"^[\u4e00-\u9fff]{2,4}(?:·[\u4e00-\u9fff]{1,10})?$")
_COMPOUND = ("欧阳", "司马", "上官", "诸葛", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐", "长孙", "宇文", "司徒")


def public_name(name: str, credit_code: str | None) -> str:
    """Show a firm by its name and a natural person (one without a credit code, named like a person) as 某."""
    if credit_code or not _PERSON.match(name):
        return name
    surname = name[:2] if name.startswith(_COMPOUND) else name[:1]
    return surname + "某"


@dataclass(frozen=True)
class PublicResult:
    """The record of one agency at one firm, made of the nine fields of the publicity system and nothing else."""

    plan_id: str  # 抽查计划编号
    plan_name: str
    task_id: str  # 抽查任务编号
    task_name: str
    type_name: str  # 抽查类型
    agency: str  # 抽查机关
    finished_on: date
    lines: tuple[tuple[str, str], ...]  # (检查事项, 检查结果)

    def record(self) -> dict[str, object]:
        """Write the record under the system's own field names (domain.md §4)."""
        return {
            "raninsPlanId": self.plan_id,
            "raninsPlaneName": self.plan_name,  # sic
            "raninsTaskId": self.task_id,
            "raninsTaskName": self.task_name,
            "raninsTypeName": self.type_name,
            "insAuth": self.agency,
            "insDate": self.finished_on.isoformat(),
            "lines": [{"raninsItemName": item, "raninsCheckResName": result} for item, result in self.lines],
        }

    def texts(self) -> tuple[str, ...]:
        """List every text that becomes public."""
        head = (self.plan_id, self.plan_name, self.task_id, self.task_name, self.type_name, self.agency)
        return (*head, *(text for line in self.lines for text in line))


def check_public(texts: Sequence[str], more: Iterable[tuple[str, str]] = ()) -> None:
    """Refuse to publish *texts* if one of them seems to hold personal data."""
    patterns = tuple(more)
    for text in texts:
        if kind := found_in(text, patterns):
            raise PersonalDataInPublic(kind=kind)


@dataclass(frozen=True)
class Grade:
    """How a publication stands against rule and plan, and whether the plan's last working day was already over."""

    late_by_rule: bool
    late_by_plan: bool
    after_last_working_day: bool


def grade(published_on: date, rule_due: date, plan_due: date, plan_last_working_on: date | None) -> Grade:
    """
    Grade a first publication against rule and plan, each for itself (domain.md §6.4).

    A day after the stage's last working day but not after its last day is in time, with a warning.
    """
    late_by_plan = published_on > plan_due
    last = plan_last_working_on or plan_due
    return Grade(published_on > rule_due, late_by_plan, published_on > last and not late_by_plan)
