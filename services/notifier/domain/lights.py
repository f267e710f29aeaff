"""The traffic light (红黄绿) of a duty. Its days are worked out once, by `ladder`; here they are only looked at."""

from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


class Light(StrEnum):
    """Green: time enough. Yellow: as many working days left as the pack says, or fewer. Red: overdue."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def local_day(moment: datetime) -> date:
    """Return the day it is in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def light(now: datetime, yellow_on: date | None, late_at: datetime | None) -> Light:
    """
    Say how a duty stands at *now*.

    Args:
        yellow_on: First day in yellow; None where no step was ever counted.
        late_at: First moment in red; None where nobody but the doer can see whether it was done in time.
    """
    if late_at is not None and now >= late_at:
        return Light.RED
    if yellow_on is not None and local_day(now) >= yellow_on:
        return Light.YELLOW
    return Light.GREEN
