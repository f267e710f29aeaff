"""One notice where several duties ask for the same thing at the same moment, such as publication by plan and by rule."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.notifier.domain.accounts import Announcement
from services.notifier.domain.rules import SEVERITIES, Together


def said_together(announcements: Sequence[Announcement], rules: Iterable[Together]) -> list[Announcement]:
    """
    Join, among the steps of duties taken in one sweep, what one person would be told twice of one thing.

    Joined are steps of duties of one rule on one subject at one moment, told to the same people; the notice says every
    due date, under the duty's name, and is as urgent as the most urgent of them. All else stays as it is, in its order.
    """
    codes = {duty: rule for rule in rules for duty in rule.duties}
    found = defaultdict[object, list[Announcement]](list)
    for place, told in enumerate(announcements):
        rule = codes.get(str(told.facts.get("duty")))
        people = (told.county, told.agency, told.roles, told.officers, told.account)
        found[(rule, told.facts["subject"], told.at, people) if rule else place].append(told)
    return [
        group[0] if len(group) == 1 else _joined(group, codes[str(group[0].facts["duty"])]) for group in found.values()
    ]


def _joined(group: Sequence[Announcement], rule: Together) -> Announcement:
    dates = {str(told.facts["duty"]): told.facts["due"] for told in group}
    return replace(
        group[0],
        cause="+".join(sorted(told.cause for told in group)),
        code=rule.code,
        severity=max((told.severity for told in group), key=SEVERITIES.index),
        facts={"subject": group[0].facts["subject"], "agency": group[0].facts["agency"], **dates},
    )
