"""Traffic lights (红黄绿) of what somebody has to do by a day; the rule is `runtime.time.lights`, as for every duty."""

from datetime import date, datetime

from runtime.time.lights import end_of_day, light

NO_DAY = "grey"


def day_light(now: datetime, due_on: date | None, yellow_on: date | None) -> str:
    """Colour what is due on a day: late once its day is over, grey without a day; *yellow_on* None: not counted yet."""
    return NO_DAY if due_on is None else light(now, yellow_on, end_of_day(due_on)).value


def day_to_enter(*, returned: bool, visit_on: date | None, publish_on: date | None) -> date | None:
    """
    Tell by which day a checklist is filled in: on the day of the visit.

    A returned one was filled in then; what counts from there is the first day of publication, as its duties say.
    """
    return publish_on if returned else visit_on


def worst(colours: list[str]) -> str:
    """Choose the light of a list: its most urgent one."""
    order = ("red", "yellow", "green", NO_DAY)
    return min(colours, key=lambda colour: order.index(colour) if colour in order else len(order), default=NO_DAY)
