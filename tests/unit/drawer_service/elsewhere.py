"""Draws made elsewhere, as a county would hand them in: a list that fits the county's frame, and its evidence."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from runtime.files.sheets import write_sheet
from runtime.service import Reply
from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer import import_acts
from services.drawer.commands.importing import Told
from services.drawer.uploads import Document
from tests.kit import person
from tests.unit.drawer_service.county import APPLIES, LEAD, NAMES, OFFICERS, County, entities

HEADINGS = ("企业名称", "统一社会信用代码", "部门", "组长", "执法人员1", "执法人员2")
APPROVER = person("JT", Role.APPROVER)
TOLD = Told("platform", "自治区双随机平台", date(2018, 12, 3), "市场监管局监督岗", "自治区统一抽取")
SCAN = Document("附件2.pdf", b"%PDF-1.4 annex 2")
AWAY = {"YG-02": "hazmat", "GA-03": "bus"}

Row = list[str]


def drawn() -> list[str]:
    """Choose eleven targets, as the plan draws, with a bus firm and a hazmat firm among them."""
    return sorted(entities())[:11]


def a_list(targets: Sequence[str] | None = None) -> list[Row]:
    """Write a list that fits: the rows below the headings."""
    rows: list[Row] = []
    for place, target in enumerate(targets or drawn()):
        category = entities()[target]
        for agency, applies in APPLIES.items():
            if category not in applies:
                continue
            staff = [f"{agency}-{number:02d}" for number in range(1, OFFICERS[agency] + 1)]
            free = [one for one in staff if AWAY.get(one) != category]
            team = [free[(place + step) % len(free)] for step in range(2)]
            rows.append(["某公司", target, NAMES[agency], team[1], *team])
    return rows


def hand_in(county: County, rows: Sequence[Row], key: str = "import", actor: Actor = LEAD, **changes: Any) -> Reply:
    """Hand a list in."""
    told = Told(**(TOLD.__dict__ | changes))
    content = write_sheet("附件6", HEADINGS, rows)
    sheet = ("附件6.xlsx", content)
    return import_acts.hand_in(county.service, actor, county.campaign, told, key=key, sheet=sheet, evidence=SCAN)


def confirm(county: County, actor: Actor = APPROVER, *, approve: bool = True, key: str = "confirm") -> Reply:
    """Confirm it, or refuse."""
    return import_acts.decide(county.service, actor, county.draw, key=key, approve=approve)
