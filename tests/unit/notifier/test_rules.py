"""The rule table: what it may say, and that what it says holds together with events and sentences."""

import re
import string
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

import pytest

from runtime.web.messages import Messages
from schemas.events.payload import Payload
from schemas.registry import PAYLOADS
from services.notifier.app import HERE
from services.notifier.domain.ladder import KINDS
from services.notifier.domain.rules import BadRule, Closes, Opens, Tell, read_rules
from services.notifier.handlers.notices import short
from services.notifier.queries import NoticeView
from services.notifier.rules import PATH, RULES
from services.notifier.sentences import WITH_NOTHING, sentence

CLASSES = {short(kind): kind for kind in PAYLOADS.values()}
SURROUNDINGS = {
    "campaigns": {"lead", "agencies"},
    "draws": {"lead", "agencies", "witness"},
    "results": {"lead", "agencies"},
    "referrals": {"external", "reporters"},
}
UNSAID = {
    "agency.registered",  # projections only
    "account.opened",
    "account.changed",
    "account.closed",
    "rulepack.published",
    "calendar.published",
    "register.published",  # an agency's own doing
    "checklist.published",
    "expert.appointed",  # the agency's own doing; whoever is sent sees it on the visit's page
    "expert.withdrawn",
    "recusal.granted",  # the agency's own decision; the officer who takes over hears of the round
    "notice.delivered",  # said by the notifier
    "deadline.approaching",
    "deadline.missed",
    "deadline.escalated",
    "event.parked",  # a person's business, through the command line
}


def known(event: str) -> set[str]:
    return set(CLASSES[event].model_fields) | SURROUNDINGS[CLASSES[event].topic]


def named(line: Tell | Opens | Closes) -> Iterator[str]:
    yield from line.of
    yield from line.but
    yield from line.when if isinstance(line, Tell | Opens) else ()
    if isinstance(line, Tell):
        yield from line.equal
        yield from (path.split(".")[0] for path in line.facts)
        yield from [line.account] if line.account else []
        yield from re.findall(r"\{(\w+)\}", line.link)
    if isinstance(line, Opens):
        yield next(path for path in (line.due, line.day, line.moment) if path).split(".")[0]
    if isinstance(line, Opens | Closes):
        yield from re.findall(r"\{(\w+)\}", line.subject)


def test_every_fact_has_a_rule_or_a_reason_to_have_none() -> None:
    assert set(RULES.on) | UNSAID == set(CLASSES)
    assert not set(RULES.on) & UNSAID


@pytest.mark.parametrize("event", sorted(RULES.on))
def test_a_rule_names_only_what_its_event_or_its_surroundings_say(event: str) -> None:
    rule = RULES.on[event]

    lines: list[Tell | Opens | Closes] = [*rule.tell, *rule.opens, *rule.closes]
    for line in lines:
        assert set(named(line)) - {"agency"} <= known(event)
    for opens in rule.opens:
        link = RULES.duties[opens.duty].link
        assert set(re.findall(r"\{(\w+)\}", link)) - {"agency"} <= known(event)


@pytest.mark.parametrize("event", sorted(RULES.on))
def test_a_duty_and_what_closes_it_travel_under_the_same_key(event: str) -> None:
    for closes in RULES.on[event].closes:
        openers = [
            other
            for other, rule in RULES.on.items()
            for opens in rule.opens
            if closes.duty == opens.duty or (closes.duty is None and closes.subject == opens.subject)
        ]
        kinds: set[type[Payload]] = {CLASSES[name] for name in (event, *openers)}
        assert len({(kind.topic, kind.key) for kind in kinds}) == 1


def test_every_duty_is_opened_and_can_end() -> None:
    opened = {opens.duty for rule in RULES.on.values() for opens in rule.opens}
    closed = {closes.duty for rule in RULES.on.values() for closes in rule.closes}

    assert opened == set(RULES.duties)
    assert opened - closed - {None} == {"report_to_lead"}  # by its parts
    report = RULES.duties["report_to_lead"]
    assert (report.parts, report.counted_by) == ("publish_by_rule", "complete_draw")


def test_every_notice_and_duty_has_its_sentence_and_the_sentence_its_facts() -> None:
    messages = Messages(HERE / "messages.toml")
    written = tomllib.loads((HERE / "messages.toml").read_text("utf-8"))
    step_facts = {"duty", "subject", "agency", "due", "left"}
    wanted: dict[str, set[str]] = {f"notice.{step.code}": step_facts for step in RULES.steps.values()}
    wanted |= {f"notice.{pair.code}": {"subject", "agency", *pair.duties} for pair in RULES.together}
    for rule in RULES.on.values():
        for tell in rule.tell:
            facts = {path.replace(".", "_") for path in tell.facts} | ({"visits"} if tell.team == "work" else set())
            wanted.setdefault(f"notice.{tell.code}", facts)
            assert wanted[f"notice.{tell.code}"] == facts, f"{tell.code} has two sets of facts"

    for code, facts in wanted.items():
        assert code in messages, code
        for lang in ("zh", "en"):
            asked = {name for _, name, _, _ in string.Formatter().parse(written[code][lang]) if name}
            assert asked <= facts, f"{code} asks for {asked - facts}"
            assert lang == "zh" or asked <= facts
    assert {f"duty.{name}" for name in RULES.duties} <= messages.codes
    special = {code for _, _, code in WITH_NOTHING.values()}
    assert {f"notice.{code}" for code in WITH_NOTHING} <= wanted.keys()
    assert special <= messages.codes
    spoken = {code for code in messages.codes - special if code.startswith("notice.") and code not in wanted}
    disabled = {"notice.webhook.failing", "notice.webhook.gone"}  # commands_webhooks.py
    assert spoken == {"notice.unknown", "notice.cursor_unknown", "notice.all_read", *disabled}
    for code in disabled:
        assert {name for _, name, _, _ in string.Formatter().parse(written[code]["zh"]) if name} <= {"name"}


@pytest.mark.parametrize(
    ("code", "facts", "zh"),
    [
        ("deadline.remind", {"left": 2}, "还剩 2 个工作日"),
        ("deadline.remind", {"left": 0}, "今天（2018年12月3日）到期"),
        ("deadline.yellow", {"left": 0}, "今天（2018年12月3日）到期"),
        ("reveals.sealed", {"missing": ["公安局"]}, "未揭示单位：公安局"),
        ("reveals.sealed", {"missing": []}, "各单位均已揭示"),
    ],
)
def test_nothing_left_and_nobody_missing_are_said_as_people_say_it(code: str, facts: dict[str, Any], zh: str) -> None:
    told = {"duty": "enter_result", "subject": "V-1-JT", "due": date(2018, 12, 3), "draw": "D-1"} | facts
    notice = NoticeView("N-1", code, "act", told, "/", None, datetime(2018, 12, 3, tzinfo=UTC), None)

    assert zh in sentence(Messages(HERE / "messages.toml"), notice, "zh")


def table() -> dict[str, Any]:
    return deepcopy(tomllib.loads(PATH.read_text("utf-8")))


def spoilt(path: str, value: Any) -> dict[str, Any]:
    data = table()
    *places, last = path.split("/")
    place: Any = data
    for name in places:
        place = place[int(name) if isinstance(place, list) else name]
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("duty/commit/colour", "blue", "colour is not known"),
        ("duty/commit/steps", ["panic"], "panic is not known"),
        ("duty/commit/roles", ["king"], "king is not known"),
        ("duty/report_to_lead/parts", "sing", "sing is not known"),
        ("together/publication/duties", ["sing"], "sing is not known"),
        ("duty/report_to_lead/counted_by", "sing", "sing is not known"),
        ("step/remind/roles", ["king"], "king is not known"),
        ("step/panic", {"code": "x", "severity": "act"}, "panic is not known"),
        ("on/draw.opened/shout", [], "shout is not known"),
        ("on/draw.opened/tell/0/roles", ["king"], "king is not known"),
        ("on/draw.opened/tell/0/severity", "loud", "loud is not known"),
        ("on/draw.completed/tell/0/team", "all", "all is not known"),
        ("on/draw.opened/open/0/duty", "sing", "sing is not known"),
        ("on/draw.opened/open/0/due", "respond", "exactly one of"),
        ("on/draw.opened/open/0/moment", None, "exactly one of"),
        ("on/draw.voided/close/0/outcome", "lost", "lost is not known"),
        ("on/reveals.sealed/close/0/duty", "sing", "sing is not known"),
        ("on/draw.opened/tell", [{"of": ["lead"]}], "code"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(path: str, value: Any, complaint: str) -> None:
    with pytest.raises(BadRule, match=complaint):
        read_rules(spoilt(path, value))


def test_a_table_that_lacks_a_step_is_refused() -> None:
    data = table()
    del data["step"]["head"]

    with pytest.raises(BadRule, match="head is not known"):
        read_rules(data)


def test_the_table_is_read_as_it_stands() -> None:
    assert read_rules(table()) == RULES
    assert set(RULES.steps) == set(KINDS)
