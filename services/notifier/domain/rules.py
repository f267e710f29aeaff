"""The rule table as data: event → who must know, which duties open and close. Read from ``rules.toml`` by the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from schemas.vocabulary import Role
from services.notifier.domain.duties import Outcome
from services.notifier.domain.ladder import HEAD, KINDS, LEAD, Ladder

SEVERITIES = ("info", "act", "warn")
TEAMS = ("section", "work")


class BadRule(ValueError):
    """The rule table says something that has no meaning here."""


@dataclass(frozen=True)
class Tell:
    """
    Who must know of an event.

    *of*: fields (or surroundings) naming agencies, less those of *but*; of these the holders of *roles*. *team*:
    ``section`` adds the officers of the agency's section, ``work`` means every officer of the work list, one by one.
    *account*: the field naming one account of those agencies. *when*: fields that must have these values, *equal*:
    fields that must be equal.
    """

    code: str
    link: str
    of: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    team: str | None = None
    account: str | None = None
    severity: str = "info"
    facts: tuple[str, ...] = ()
    when: Mapping[str, object] = field(default_factory=dict)
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opens:
    """Which duty an event opens for which agencies, and where the due date stands: *due* a Due, *day* or *moment*."""

    duty: str
    of: tuple[str, ...]
    subject: str
    but: tuple[str, ...] = ()
    due: str | None = None
    day: str | None = None
    moment: str | None = None
    when: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Closes:
    """Which duties on *subject* an event closes: of these agencies (less *but*; none named: of all), as what."""

    subject: str
    outcome: Outcome
    duty: str | None = None
    of: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """All that follows from one kind of event; *cancels*: every duty of its campaign ends."""

    tell: tuple[Tell, ...] = ()
    opens: tuple[Opens, ...] = ()
    closes: tuple[Closes, ...] = ()
    cancels: bool = False


@dataclass(frozen=True)
class DutyKind:
    """
    One kind of duty: whose it is, which steps its ladder has, what it sums up, whether it outlives its campaign.

    *parts*: the duties of the agency that it sums up; *counted_by*: the duty with whose fulfilment it is known how many
    there are, so that an agency without any has nothing to do.
    """

    link: str
    steps: tuple[str, ...]
    roles: tuple[str, ...] = ()
    team: bool = False
    parts: str | None = None
    counted_by: str | None = None
    survives: bool = False


@dataclass(frozen=True)
class StepRule:
    """What is said at one kind of step, and to whom: the duty's doers, or these *roles* (of its agency, or of the lead)."""

    code: str
    severity: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Together:
    """Duties on one subject that are one thing to their doer: asked for at one moment they are one notice, *code*."""

    duties: tuple[str, ...]
    code: str


@dataclass(frozen=True)
class RuleTable:
    """The whole table."""

    on: Mapping[str, Rule]
    duties: Mapping[str, DutyKind]
    steps: Mapping[str, StepRule]
    fallback: Ladder
    together: tuple[Together, ...] = ()


def read_rules(data: Mapping[str, Any]) -> RuleTable:
    """
    Check the table and give it its types.

    Raises:
        BadRule: an unknown key, role, step, severity, team, duty or outcome; a duty without exactly one due date.
    """
    duties = {name: _read_duty(name, row) for name, row in data["duty"].items()}
    for name, kind in duties.items():
        _all_known(f"duty.{name}", [other for other in (kind.parts, kind.counted_by) if other], duties)
    steps = {kind: _build(StepRule, f"step.{kind}", row) for kind, row in data["step"].items()}
    together = tuple(_build(Together, name, row) for name, row in data.get("together", {}).items())
    for pair in together:
        _all_known(pair.code, pair.duties, duties)
    on = {event: _read_rule(event, row, duties) for event, row in data["on"].items()}
    _all_known("step", steps, KINDS)
    _all_known("step", KINDS, steps)
    for step in steps.values():
        _all_known("step", step.roles, tuple(Role))
    given = data["fallback"]
    escalation = ((HEAD, given["head"]), (LEAD, given["lead"]))
    fallback = Ladder(given["yellow"], tuple(given["reminders"]), escalation, given["time_of_day"])
    return RuleTable(on, duties, steps, fallback, together)


def _read_duty(name: str, row: Mapping[str, Any]) -> DutyKind:
    kind = _build(DutyKind, f"duty.{name}", row)
    _all_known(f"duty.{name}", kind.steps, KINDS)
    _all_known(f"duty.{name}", kind.roles, tuple(Role))
    return kind


def _read_rule(event: str, row: Mapping[str, Any], duties: Mapping[str, DutyKind]) -> Rule:
    _all_known(event, row, ("tell", "open", "close", "cancels"))
    rule = Rule(
        tuple(_build(Tell, event, line) for line in row.get("tell", ())),
        tuple(_build(Opens, event, line) for line in row.get("open", ())),
        tuple(_build(Closes, event, {**line, "outcome": _outcome(event, line)}) for line in row.get("close", ())),
        row.get("cancels", False),
    )
    for tell in rule.tell:
        _all_known(event, tell.roles, tuple(Role))
        _all_known(event, [tell.severity], SEVERITIES)
        _all_known(event, [tell.team] if tell.team else [], TEAMS)
    for opens in rule.opens:
        _all_known(event, [opens.duty], duties)
        if [opens.due, opens.day, opens.moment].count(None) != 2:
            raise BadRule(f"{event}: duty {opens.duty} needs exactly one of due, day, moment")
    for closes in rule.closes:
        _all_known(event, [closes.duty] if closes.duty else [], duties)
    return rule


def _outcome(event: str, line: Mapping[str, Any]) -> Outcome:
    _all_known(event, [line.get("outcome")], tuple(Outcome))
    return Outcome(line["outcome"])


T = TypeVar("T")


def _build(kind: type[T], where: str, row: Mapping[str, Any]) -> T:
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    _all_known(where, row, known)
    try:
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
    except TypeError as error:
        raise BadRule(f"{where}: {error}") from error


def _all_known(where: str, words: Mapping[str, Any] | Sequence[Any], known: Mapping[str, Any] | Sequence[Any]) -> None:
    for word in words:
        if word not in known:
            raise BadRule(f"{where}: {word} is not known")
