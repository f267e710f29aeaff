"""Traffic lights (红黄绿) of what somebody has to do."""

from datetime import date


def light(today: date, due_on: date | None, working_days_left: int, yellow: int) -> str:
    """Colour a duty: red once its day is over, yellow within *yellow* working days of it, green before, grey without a day."""
    if due_on is None:
        return "grey"
    if today > due_on:
        return "red"
    return "yellow" if working_days_left <= yellow else "green"
