"""What is said together, and what is not."""

from dataclasses import replace
from typing import Any

from services.notifier.domain.accounts import Announcement
from services.notifier.domain.rules import Together
from services.notifier.domain.together import said_together
from tests.unit.notifier.county import at

RULE = Together(("by_plan", "by_rule"), "publication")
PLAN = Announcement(
    cause="W-1:yellow",
    order=0,
    at=at("2018-12-27"),
    county="640221",
    agency="GA",
    code="yellow",
    severity="act",
    link="/publication",
    campaign="C",
    roles=("approver",),
    facts={"duty": "by_plan", "subject": "V-GA", "agency": "GA", "due": "2018-12-31", "left": 2},
)
BOTH = {"subject": "V-GA", "agency": "GA", "by_plan": "2018-12-31", "by_rule": "2019-01-04"}


def by_rule(**changes: Any) -> Announcement:
    facts = {**PLAN.facts, "duty": "by_rule", "due": "2019-01-04", **changes.pop("facts", {})}
    return replace(PLAN, **{"cause": "W-0:missed", "code": "missed", "severity": "warn", "facts": facts} | changes)


def test_two_dates_of_one_thing_are_one_notice_as_urgent_as_the_more_urgent() -> None:
    for order in ([PLAN, by_rule()], [by_rule(), PLAN]):
        (told,) = said_together(order, [RULE])

        assert (told.code, told.severity, told.cause) == ("publication", "warn", "W-0:missed+W-1:yellow")
        assert told.facts == BOTH
        assert (told.at, told.agency, told.roles, told.link) == (PLAN.at, "GA", ("approver",), "/publication")


def test_other_people_things_moments_and_duties_stay_apart() -> None:
    others = [
        by_rule(roles=("agency_head",)),
        by_rule(facts={"subject": "V-SJ"}),
        by_rule(at=at("2018-12-28")),
        by_rule(agency="SJ"),
        by_rule(officers=("GA001",)),
        by_rule(facts={"duty": "enter"}),
    ]

    assert said_together([PLAN, *others], [RULE]) == [PLAN, *others]
    assert said_together([PLAN, by_rule()], []) == [PLAN, by_rule()]
    assert said_together([], [RULE]) == []
