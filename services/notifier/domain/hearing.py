"""What follows from one fact by the rule table: announcements, duties that open, duties that close."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from runtime.time.lights import end_of_day, local_day
from services.notifier.domain.accounts import Announcement
from services.notifier.domain.duties import Outcome
from services.notifier.domain.rules import Closes, DutyKind, Opens, Rule, RuleTable, Tell


@dataclass(frozen=True)
class Fact:
    """An event as the rules read it: *data* are the payload's fields."""

    id: str
    kind: str  # "campaign.proposed"
    at: datetime
    data: Mapping[str, Any]

    @property
    def county(self) -> str:
        """The county it happened in."""
        return str(self.data["county"])

    @property
    def campaign(self) -> str | None:
        """The campaign it belongs to, if any."""
        return self.data.get("campaign")


@dataclass(frozen=True)
class Around:
    """
    What a projection knows around a fact that the event does not say itself.

    *names*: further agency names for rules (lead, agencies, sources …), or values for conditions (external); *teams*:
    officers per agency of the visit; *work*: officer → (agency, number of visits) of the whole draw.
    """

    names: Mapping[str, Any] = field(default_factory=dict)
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    work: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Opening:
    """A duty that begins."""

    duty: str
    subject: str
    county: str
    agency: str
    lead: str
    campaign: str | None
    opened_at: datetime
    due_on: date
    due_at: datetime  # first moment at which it is overdue
    provisional: bool
    source: str
    roles: tuple[str, ...]
    officers: tuple[str, ...]
    link: str


@dataclass(frozen=True)
class Closing:
    """Duties on *subject* that end (of *agencies*; None: of all), for the same key as they were opened under."""

    subject: str
    duty: str | None
    agencies: tuple[str, ...] | None
    outcome: Outcome


@dataclass(frozen=True)
class Heard:
    """Everything that follows. Closings come before openings: what was returned can be asked for again."""

    announcements: tuple[Announcement, ...] = ()
    closings: tuple[Closing, ...] = ()
    openings: tuple[Opening, ...] = ()
    cancels: bool = False


def hear(table: RuleTable, fact: Fact, around: Around) -> Heard:
    """Judge one *fact* by the table; an event without a rule has no consequence."""
    rule = table.on.get(fact.kind, Rule())
    told = [line for order, tell in enumerate(rule.tell) for line in _announce(order, tell, fact, around)]
    return Heard(
        announcements=tuple(told),
        closings=tuple(closing for closes in rule.closes for closing in _close(closes, fact, around)),
        openings=tuple(
            _open(opens, table.duties[opens.duty], agency, fact, around)
            for opens in rule.opens
            if _applies(opens.when, (), fact, around) and _is_dated(opens, fact)
            for agency in _agencies(opens.of, opens.but, fact, around)
        ),
        cancels=rule.cancels,
    )


def _announce(order: int, tell: Tell, fact: Fact, around: Around) -> Iterator[Announcement]:
    if not _applies(tell.when, tell.equal, fact, around):
        return
    facts = {path.replace(".", "_"): plain(_look(path, fact, around)) for path in tell.facts}
    if tell.team == "work":
        for officer, (agency, visits) in sorted(around.work.items()):
            yield _announcement(order, tell, fact, agency, {**facts, "visits": visits}, officers=(officer,))
        return
    account = str(_look(tell.account, fact, around)) if tell.account else None
    for agency in _agencies(tell.of, tell.but, fact, around):
        officers = around.teams.get(agency, ()) if tell.team else ()
        yield _announcement(order, tell, fact, agency, facts, officers=officers, account=account)


def _announcement(
    order: int,
    tell: Tell,
    fact: Fact,
    agency: str,
    facts: Mapping[str, object],
    *,
    officers: tuple[str, ...],
    account: str | None = None,
) -> Announcement:
    return Announcement(
        cause=fact.id,
        order=order,
        at=fact.at,
        county=fact.county,
        agency=agency,
        code=tell.code,
        severity=tell.severity,
        link=tell.link.format_map({**fact.data, "agency": agency}),
        campaign=fact.campaign,
        roles=tell.roles,
        officers=officers,
        account=account,
        facts=facts,
    )


def _open(opens: Opens, kind: DutyKind, agency: str, fact: Fact, around: Around) -> Opening:
    due_on, due_at, provisional, source = _due(opens, fact)
    return Opening(
        duty=opens.duty,
        subject=_subject(opens.subject, fact, agency),
        county=fact.county,
        agency=agency,
        lead=str(_look("lead", fact, around)),
        campaign=fact.campaign,
        opened_at=fact.at,
        due_on=due_on,
        due_at=due_at,
        provisional=provisional,
        source=source,
        roles=kind.roles,
        officers=around.teams.get(agency, ()) if kind.team else (),
        link=kind.link.format_map({**fact.data, "agency": agency}),
    )


def _is_dated(opens: Opens, fact: Fact) -> bool:
    """Tell whether the fact says the due date: an optional one may be missing (an event of an earlier release)."""
    return opens.due is None or _dig(fact.data, opens.due) is not None


def _due(opens: Opens, fact: Fact) -> tuple[date, datetime, bool, str]:
    if opens.moment:
        moment: datetime = _dig(fact.data, opens.moment)
        return local_day(moment), moment, False, ""
    if opens.day:
        value = _dig(fact.data, opens.day)
        day = local_day(value) if isinstance(value, datetime) else value
        return day, end_of_day(day), False, ""
    due = _dig(fact.data, str(opens.due))
    return due["due_on"], end_of_day(due["due_on"]), due["provisional"], due["source"]


def _close(closes: Closes, fact: Fact, around: Around) -> Iterator[Closing]:
    if "{agency}" in closes.subject:
        for agency in _agencies(closes.of, closes.but, fact, around):
            yield Closing(_subject(closes.subject, fact, agency), closes.duty, (agency,), closes.outcome)
        return
    agencies = _agencies(closes.of, closes.but, fact, around) if closes.of else None
    yield Closing(_subject(closes.subject, fact, ""), closes.duty, agencies, closes.outcome)


def _subject(pattern: str, fact: Fact, agency: str) -> str:
    return pattern.format_map({**fact.data, "agency": agency})


def _agencies(of: Sequence[str], but: Sequence[str], fact: Fact, around: Around) -> tuple[str, ...]:
    left_out = {agency for name in but for agency in _several(_look(name, fact, around))}
    named = {agency for name in of for agency in _several(_look(name, fact, around))}
    return tuple(sorted(named - left_out))


def _several(value: Any) -> Iterable[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _applies(when: Mapping[str, object], equal: Sequence[str], fact: Fact, around: Around) -> bool:
    if any(plain(_look(name, fact, around)) != wanted for name, wanted in when.items()):
        return False
    return len({plain(_look(name, fact, around)) for name in equal}) <= 1


def _look(path: str, fact: Fact, around: Around) -> Any:
    return around.names[path] if path in around.names and path not in fact.data else _dig(fact.data, path)


def _dig(data: Mapping[str, Any], path: str) -> Any:
    value: Any = data
    for part in path.split("."):
        value = value[part]
    return value


def plain(value: Any) -> Any:
    """Turn a payload's value into what JSON can say."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
