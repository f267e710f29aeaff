"""Days and moments as people read them, in China's one time zone."""

from datetime import date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # fixed since 1991; needs no zone files on the machine
_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _local(value: date) -> date:
    return value.astimezone(SHANGHAI) if isinstance(value, datetime) else value


def day_in(value: date, lang: str = "zh") -> str:
    """Write a day: 2018年12月3日, 3 Dec 2018."""
    on = _local(value)
    if lang == "zh":
        return f"{on.year}年{on.month}月{on.day}日"
    return f"{on.day} {_MONTHS_EN[on.month - 1]} {on.year}"


def short_day_in(value: date, lang: str = "zh") -> str:
    """Write a day without its year: 12月3日, 3 Dec."""
    on = _local(value)
    return f"{on.month}月{on.day}日" if lang == "zh" else f"{on.day} {_MONTHS_EN[on.month - 1]}"


def weekday_in(value: date, lang: str = "zh") -> str:
    """Write the weekday: 周一, Mon."""
    on = _local(value)
    return f"周{_WEEKDAYS_ZH[on.weekday()]}" if lang == "zh" else _WEEKDAYS_EN[on.weekday()]


def moment_in(value: datetime) -> str:
    """Write a moment to the minute, the same in both languages: 2018-12-03 14:05."""
    if value.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
