"""The business day of a moment: China has one time zone."""

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


def business_day(at: datetime) -> date:
    """Return the day it is in China at the moment *at*."""
    return at.astimezone(CHINA).date()
