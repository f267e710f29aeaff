"""
Write rulepacks/calendar/CN.toml from chinesecalendar (a development dependency): ``python -m tests.golden.make_calendar``.

The package gives single days; a State Council notice is what a county can cite. So every day goes to the year of its
notice: a day of late December that is off or worked for New Year's Day belongs to the year that begins.
"""

from collections import defaultdict
from datetime import date
from pathlib import Path

from chinese_calendar import constants

TARGET = Path(__file__).parents[2] / "rulepacks" / "calendar" / "CN.toml"
NUMBERS = {2019: "国办发明电〔2018〕15号"}  # the one number named in reference/domain.md
HEAD = """\
# 全国年节及纪念日放假和调休安排：一年一个通知 · China's working days, one State Council notice a year.
# Made by tests/golden/make_calendar.py from chinesecalendar and compared with it day by day in a test.
# `off`: days off by the notice, weekends inside a holiday included; `worked`: weekend days that are worked (调休).
# A notice may reach into the December before: 2018-12-29 .. 2018-12-31 stand in the notice for 2019.
# A year that is not here counts weekdays, and every answer that rests on it says 暂定 (provisional).

id = "CN"
"""


def notice_year(day: date) -> int:
    """Tell whose notice a day belongs to."""
    return day.year + 1 if (day.month, day.day) >= (12, 26) else day.year


def calendar_text() -> str:
    """Write the calendar: years ascending, days ascending."""
    off: dict[int, list[date]] = defaultdict(list)
    worked: dict[int, list[date]] = defaultdict(list)
    for day in sorted(constants.holidays):
        off[notice_year(day)].append(day)
    for day in sorted(constants.workdays):
        worked[notice_year(day)].append(day)
    parts = [HEAD]
    for year in sorted(off):
        parts.append(f"\n[years.{year}]\n")
        parts.append(f'notice = "国务院办公厅关于{year}年部分节假日安排的通知"\n')
        if year in NUMBERS:
            parts.append(f'number = "{NUMBERS[year]}"\n')
        parts.append(f"off = {_days(off[year])}\n")
        parts.append(f"worked = {_days(worked[year])}\n")
    return "".join(parts)


def _days(days: list[date]) -> str:
    return "[" + ", ".join(day.isoformat() for day in days) + "]"


if __name__ == "__main__":
    TARGET.write_text(calendar_text(), encoding="utf-8")
