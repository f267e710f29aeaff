"""What lies on the desks of Pingluo before the campaign begins: the spreadsheets and settings of ``examples/pingluo-2018``."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from onevisit.demo.moved import Move
from onevisit.home import HomeSettings
from runtime.files.sheets import ReadSheet, Table, read_sheets, write_workbook
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import parse_calendar

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "examples" / "pingluo-2018"
PACK = ROOT / "rulepacks" / "NX-2018" / "2018-11-28.toml"
CALENDAR = ROOT / "rulepacks" / "calendar" / "CN.toml"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Officer:
    """An inspector as the agency's list has it."""

    number: str
    name: str
    agency: str
    position: str


@dataclass(frozen=True)
class Body:
    """An agency, a witness body or an external body of the county."""

    code: str
    name: str
    short: str
    kind: str


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KINDS = {"执法部门": "agency", "见证机构": "witness_body", "未接入部门": "external"}


def read_calendar() -> WorkingCalendar:
    """Read the calendar that the county will publish."""
    return WorkingCalendar.of(parse_calendar(CALENDAR.read_bytes()).plain())


def demo_settings(today: str) -> HomeSettings:
    """Return the settings of a home marked demo, its campaign moved into *today* (empty: in its own time)."""
    return HomeSettings(demo=True, demo_seed=Papers().demo["entropy"]["seed"], demo_today=today)


class Papers:
    """The folder, read once."""

    def read(self) -> None:
        """Read every spreadsheet now, rather than when it is first asked for."""
        _ = self.bodies, self.officers, self.questions

    @cached_property
    def campaign(self) -> dict[str, Any]:
        """Return campaign.toml."""
        return tomllib.loads((FOLDER / "campaign.toml").read_text(encoding="utf-8"))

    @cached_property
    def second(self) -> dict[str, Any]:
        """Return second-campaign.toml."""
        return tomllib.loads((FOLDER / "second-campaign.toml").read_text(encoding="utf-8"))

    @cached_property
    def demo(self) -> dict[str, Any]:
        """Return demo.toml."""
        return tomllib.loads((FOLDER / "demo.toml").read_text(encoding="utf-8"))

    @cached_property
    def bodies(self) -> list[Body]:
        """Read the list of bodies."""
        return [
            Body(row["部门编码"], row["部门名称"], row["简称"], _KINDS[row["类型"]])
            for row in _rows("agencies.xlsx")[0]
        ]

    @cached_property
    def officers(self) -> list[Officer]:
        """Read every agency's officers."""
        return [
            Officer(row["工号"], row["姓名"], agency, row["职务"])
            for agency, file in self.campaign["files"]["inspectors"].items()
            for row in _rows(file)[0]
        ]

    @cached_property
    def questions(self) -> dict[str, dict[str, Mapping[str, str]]]:
        """Read every checklist: item → question → its row."""
        found: dict[str, dict[str, Mapping[str, str]]] = {}
        for file in self.campaign["files"]["checklists"].values():
            for row in _rows(file)[1]:
                found.setdefault(row["事项编号"], {})[row["题号"]] = row
        return found

    def items(self, agency: str) -> list[dict[str, str]]:
        """Read an agency's item list."""
        return _rows(self.campaign["files"]["items"][agency])[0]

    def short(self, body: str) -> str:
        """Return a body's short name."""
        return next(each.short for each in self.bodies if each.code == body)

    @property
    def agencies(self) -> list[str]:
        """Return the campaign's agencies, the lead first."""
        return [self.campaign["lead"], *self.campaign["partners"]]


def upload(name: str, move: Move) -> tuple[str, bytes, str]:
    """
    Return a file of the folder as it is uploaded: name, bytes, content type.

    Where the campaign is moved in time, the days in inspectors' lists (credentials) move with it.
    """
    data = (FOLDER / name).read_bytes()
    if move.since == move.to or not name.startswith("inspectors-"):
        return name, data, "text/csv" if name.endswith(".csv") else XLSX
    tables = [_moved(sheet, move) for sheet in read_sheets(data, name)]
    return f"{PurePath(name).stem}.xlsx", write_workbook(tables), XLSX


def _moved(sheet: ReadSheet, move: Move) -> Table:
    head, *rows = [[_moved_cell(text, move) for text in row.texts] for row in sheet.rows]
    return Table(sheet.name, head, [row + [""] * (len(head) - len(row)) for row in rows])


def _moved_cell(text: str, move: Move) -> str:
    if not _DAY.fullmatch(text):
        return text
    return (date.fromisoformat(text) + (move.to - move.since)).isoformat()


def _rows(name: str) -> list[list[dict[str, str]]]:
    return [_table(sheet) for sheet in read_sheets((FOLDER / name).read_bytes(), name)]


def _table(sheet: ReadSheet) -> list[dict[str, str]]:
    head, *rows = sheet.rows
    return [{heading: row.text(column) for column, heading in enumerate(head.texts)} for row in rows]
