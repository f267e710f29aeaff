"""What the rule pack and the calendar that a campaign pinned say, in the words of the domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotYet
from runtime.time.lights import yellow_from
from runtime.time.workdays import WorkingCalendar
from runtime.web.days import SHANGHAI
from schemas.events.payload import Due
from schemas.rulepack import Anchor, Calendar, RoutingRow, RulePack
from services.results.domain.findings import Route
from services.results.domain.lights import day_light
from services.results.domain.sections import Outcome
from services.results.tables import CalendarEdition, Campaign, Pack


def day_of(at: datetime) -> date:
    """Tell the day of a moment where the county lies."""
    return at.astimezone(SHANGHAI).date()


@dataclass(frozen=True)
class Rules:
    """A pinned rule pack with its calendar."""

    pack: RulePack
    calendar: WorkingCalendar

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        """The vocabulary of outcomes (检查结果)."""
        return {
            o.code: Outcome(
                o.code,
                needs_finding=o.needs_finding,
                dated=o.needs_rectification_date,
                acted_on=o.needs_target_agency,
                closes=o.closes,
                updates_register=o.updates_register,
            )
            for o in self.pack.outcomes
        }

    @cached_property
    def outcome_labels(self) -> Mapping[str, tuple[str, str]]:
        """Outcomes as people read them: code → Chinese, English."""
        return {o.code: (o.zh, o.en) for o in self.pack.outcomes}

    @cached_property
    def kinds(self) -> Mapping[str, tuple[str, str]]:
        """Kinds of finding: code → Chinese, English."""
        return {kind.code: (kind.zh, kind.en) for kind in self.pack.finding_kinds}

    @cached_property
    def scans(self) -> tuple[tuple[str, str], ...]:
        """The pack's own patterns of personal data: (code, pattern)."""
        return tuple((scan.code, scan.pattern) for scan in self.pack.masking.scan)

    @property
    def yellow(self) -> int:
        """How many working days before its day a duty turns yellow."""
        return self.pack.reminders.yellow_working_days

    def light(self, now: datetime, due_on: date | None) -> str:
        """Say how something due on a day stands."""
        return day_light(now, due_on, yellow_from(due_on, self.yellow, self.calendar).on if due_on else None)

    def due(self, term: str, today: date) -> Due:
        """Count a term of the pack for a duty that arises *today*."""
        deadline = self.pack.deadlines[term]
        reached = self.calendar.due(today, deadline.term, deadline.unit.value, deadline.roll.value)
        source = self.pack.sources[deadline.source]
        return Due(
            due_on=reached.on,
            anchor_on=today,
            anchor=Anchor.EVENT.value,
            source=" ".join(filter(None, (source.title, source.number))),
            provisional=reached.provisional,
        )

    def route(self, kind: str, finder: str, category: str, district: str) -> Route:
        """Ask the routing table what becomes of a finding."""
        row = self.pack.route(kind, finder, category, district)
        follow_up = row.follow_up.value if row.follow_up else ""
        return Route(row.mode.value, row.agency, row.deadline, _written(row), row.suggest, row.action, follow_up)

    @cached_property
    def rule_words(self) -> Mapping[str, tuple[str, str]]:
        """Rows of the routing table as people read them: as written in referrals → Chinese, English."""
        return {_written(row): self._in_words(row) for row in self.pack.routing}

    def _in_words(self, row: RoutingRow) -> tuple[str, str]:
        source = self.pack.sources[row.source]
        title = " ".join(filter(None, (f"《{source.title}》", source.number)))
        return f"{row.action}（{title}）", f"{row.action_en} ({title})"


def light_of(rules: Rules | None, now: datetime, due_on: date | None) -> str:
    """Say how something due on a day stands; without rules nothing is known but its day."""
    return rules.light(now, due_on) if rules else day_light(now, due_on, None)


def publication_due(campaign: Campaign | None) -> date | None:
    """Return the first day by which a campaign's results are to be public: by the plan or by the rule."""
    if campaign is None:
        return None
    return min(date.fromisoformat(due["due_on"]) for due in (campaign.publication_plan, campaign.publication_rule))


def _written(row: RoutingRow) -> str:
    """Write a row's keys and source into a referral, for whoever looks it up in the pack."""
    return f"{'/'.join(row.keys)} ({row.source})"


def rules_of(session: Session, pack_digest: str, calendar_digest: str) -> Rules:
    """
    Load the pinned pack and calendar.

    Raises:
        NotYet: one of them has not arrived.
    """
    key = (pack_digest, calendar_digest)
    found: dict[tuple[str, str], Rules] = session.info.setdefault("results.rules", {})
    if key not in found:
        found[key] = _load(session, key)
    return found[key]


def _load(session: Session, key: tuple[str, str]) -> Rules:
    pack_digest, calendar_digest = key
    if session.scalar(select(Pack.digest).where(Pack.digest == pack_digest)) is None:
        raise NotYet(f"rulepack:{pack_digest}")
    if session.scalar(select(CalendarEdition.digest).where(CalendarEdition.digest == calendar_digest)) is None:
        raise NotYet(f"calendar:{calendar_digest}")
    if key not in _known:
        pack, calendar = session.get_one(Pack, pack_digest), session.get_one(CalendarEdition, calendar_digest)
        days = Calendar.model_validate(calendar.document).plain()
        _known[key] = Rules(RulePack.model_validate(pack.document), WorkingCalendar.of(days))
    return _known[key]


_known: dict[tuple[str, str], Rules] = {}  # by content, so it never grows stale
