"""Read models: the inbox of a person, the duties of an agency, and how many of each."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from runtime.errors import Rejected
from runtime.store import Actor
from runtime.time.lights import Light, end_of_day, light, local_day
from runtime.time.workdays import WorkingCalendar
from services.notifier.domain.duties import doer_marks
from services.notifier.domain.ladder import moves
from services.notifier.duties import calendar_of, steps_of
from services.notifier.tables import Agency, CalendarRow, Campaign, Duty, Notice

PAGE = 30
AGENCY_FACTS = frozenset({"agency", "lead", "sender", "receiver", "source_agency", "missing", "absent"})
_DAY_OR_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T.+)?")


class CursorUnknown(Rejected):
    """The mark of where a list goes on is not one that was given out."""

    code = "notice.cursor_unknown"


@dataclass(frozen=True)
class NoticeView:
    """A notice as its reader sees it; *facts* name agencies and hold dates, ready for its sentence."""

    id: str
    code: str
    severity: str
    facts: Mapping[str, Any]
    link: str
    campaign: str | None
    created_at: datetime
    read_at: datetime | None


@dataclass(frozen=True)
class NoticePage:
    """Some notices, newest first, and where the next ones begin."""

    notices: tuple[NoticeView, ...]
    after: str | None


@dataclass(frozen=True)
class DutyView:
    """A duty with its light; *left*: working days left, negative once overdue; *provisional*: 暂定."""

    id: str
    kind: str
    subject: str
    campaign: str | None
    campaign_number: str | None
    agency: str
    agency_name: str
    due: date | datetime
    light: Light | None  # None once it is closed
    left: int
    provisional: bool
    source: str
    link: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    is_mine: bool
    escalated: bool


@dataclass(frozen=True)
class DutyPage:
    """Some duties, the earliest due first, and where the next ones begin."""

    duties: tuple[DutyView, ...]
    after: str | None


@dataclass(frozen=True)
class Summary:
    """How much waits: unread notices, and open duties by light, of the agency and of those the person's own."""

    unread: int
    agency: Mapping[str, int]
    mine: Mapping[str, int]


# ── notices ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def notices_of(
    session: Session,
    actor: Actor,
    *,
    unread: bool = False,
    severity: str | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> NoticePage:
    """
    List the asker's own notices, newest first.

    Raises:
        CursorUnknown: *after* was not given out by an earlier page.
    """
    found = select(Notice).where(Notice.account == actor.id)
    if unread:
        found = found.where(Notice.read_at.is_(None))
    if severity:
        found = found.where(Notice.severity == severity)
    if after is not None:
        at, last = _place(after)
        found = found.where(or_(Notice.created_at < at, and_(Notice.created_at == at, Notice.id < last)))
    found = found.order_by(Notice.created_at.desc(), Notice.id.desc()).limit(limit + 1)
    rows = session.scalars(found).all()
    names, numbers = _names(session, actor), _campaigns(session, [row.campaign for row in rows])
    views = tuple(_notice(row, names, numbers) for row in rows[:limit])
    return NoticePage(views, _cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None)


def unread_count(session: Session, actor: Actor) -> int:
    """Count the asker's unread notices."""
    return (
        session.scalar(select(func.count(Notice.id)).where(Notice.account == actor.id, Notice.read_at.is_(None))) or 0
    )


def _notice(row: Notice, names: Mapping[str, str], campaigns: Mapping[str, Campaign]) -> NoticeView:
    facts = {name: _shown(name, value, names) for name, value in row.facts.items()}
    if (campaign := campaigns.get(str(facts.get("campaign")))) is not None:
        facts["campaign"] = campaign.number
    return NoticeView(row.id, row.code, row.severity, facts, row.link, row.campaign, row.created_at, row.read_at)


def _shown(name: str, value: Any, names: Mapping[str, str]) -> Any:
    if name in AGENCY_FACTS:
        return [names.get(item, item) for item in value] if isinstance(value, list) else names.get(value, value)
    if isinstance(value, str) and _DAY_OR_MOMENT.fullmatch(value):
        return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    return value


# ── duties ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def duties_of(
    session: Session,
    actor: Actor,
    *,
    now: datetime,
    whose: str = "agency",
    lights: Iterable[str] = (),
    closed: bool = False,
    campaign: str | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> DutyPage:
    """
    List duties, those overdue first.

    Args:
        whose: ``mine`` (my role or my team), ``agency`` (all of mine), ``led`` (others', in campaigns my agency leads).
        lights: Only these; empty: all.
        closed: Those done or ended instead of the open ones.

    Raises:
        CursorUnknown: *after* was not given out by an earlier page.
    """
    found = _duties(actor, whose, closed=closed)
    if campaign:
        found = found.where(Duty.campaign == campaign)
    if wanted := set(lights):
        found = found.where(_light(now).in_(wanted))
    if after is not None:
        at, last = _place(after)
        found = found.where(or_(Duty.due_at > at, and_(Duty.due_at == at, Duty.id > last)))
    rows = session.scalars(found.order_by(Duty.due_at, Duty.id).limit(limit + 1)).all()
    views = _duty_views(session, actor, rows[:limit], now)
    return DutyPage(views, _cursor(rows[limit - 1].due_at, rows[limit - 1].id) if len(rows) > limit else None)


def duties_of_campaign(
    session: Session, actor: Actor, *, now: datetime, campaign: str, lights: Iterable[str] = (), limit: int = 200
) -> DutyPage:
    """List the open duties of a campaign that the asker may see (the lead all, a partner its own), of these *lights*."""
    found = _open_of(campaign)
    if wanted := set(lights):
        found = found.where(_light(now).in_(wanted))
    rows = session.scalars(found.order_by(Duty.due_at, Duty.id).limit(limit + 1)).all()
    views = _duty_views(session, actor, rows[:limit], now)
    return DutyPage(views, _cursor(rows[limit - 1].due_at, rows[limit - 1].id) if len(rows) > limit else None)


def campaign_counts(session: Session, actor: Actor, *, now: datetime, campaign: str) -> dict[str, int]:
    """Count the open duties of a campaign that the asker may see, by light."""
    return _by_light(session, _open_of(campaign), now)


def _open_of(campaign: str) -> Select[Duty]:
    return select(Duty).where(Duty.campaign == campaign, Duty.closed_at.is_(None))


def summary(session: Session, actor: Actor, *, now: datetime) -> Summary:
    """Count what waits for the asker and the asker's agency."""
    return Summary(
        unread_count(session, actor), _counts(session, actor, "agency", now), _counts(session, actor, "mine", now)
    )


def overdue_count(session: Session, actor: Actor, now: datetime) -> int:
    """Count the open duties of all agencies that are overdue."""
    return _by_light(session, select(Duty).where(Duty.closed_at.is_(None)), now)[Light.RED.value]


def _counts(session: Session, actor: Actor, whose: str, now: datetime) -> dict[str, int]:
    return _by_light(session, _duties(actor, whose, closed=False), now)


def _by_light(session: Session, duties: Select[Duty], now: datetime) -> dict[str, int]:
    colour = _light(now)
    open_ones = duties.with_only_columns(colour, func.count(Duty.id)).group_by(colour)
    found = {str(name): count for name, count in session.execute(open_ones)}
    return {name.value: found.get(name.value, 0) for name in Light}


def _duties(actor: Actor, whose: str, *, closed: bool) -> Select[Duty]:
    found = select(Duty).where(Duty.closed_at.is_not(None) if closed else Duty.closed_at.is_(None))
    if whose == "led":
        return found.where(Duty.lead == actor.agency, Duty.owner_agency != actor.agency)
    found = found.where(Duty.owner_agency == actor.agency)
    if whose == "mine":
        marks = doer_marks(actor.roles, [actor.officer] if actor.officer else [])
        found = found.where(or_(*(Duty.doers.contains(f",{mark},", autoescape=True) for mark in marks)))
    return found


def _light(now: datetime) -> ColumnElement[str]:
    """Say `runtime.time.lights.light` in SQL."""
    return case(
        (Duty.late_at <= now, Light.RED.value),
        (Duty.yellow_on <= local_day(now), Light.YELLOW.value),
        else_=Light.GREEN.value,
    )


def _duty_views(session: Session, actor: Actor, rows: Sequence[Duty], now: datetime) -> tuple[DutyView, ...]:
    names, campaigns = _names(session, actor), _campaigns(session, [row.campaign for row in rows])
    calendars = _calendars(session, actor) if rows else {}
    marks = doer_marks(actor.roles, [actor.officer] if actor.officer else [])
    today = local_day(now)
    views = []
    for row in rows:
        campaign = campaigns.get(str(row.campaign))
        calendar = calendars.get(campaign.calendar if campaign else None) or calendars[None]
        views.append(
            DutyView(
                id=row.id,
                kind=row.kind,
                subject=row.subject,
                campaign=row.campaign,
                campaign_number=campaign.number if campaign else None,
                agency=row.owner_agency,
                agency_name=names.get(row.owner_agency, row.owner_agency),
                due=row.due_on if row.due_at == end_of_day(row.due_on) else row.due_at,
                light=None if row.closed_at else light(now, row.yellow_on, row.late_at),
                left=calendar.working_days_left(today, row.due_on),
                provisional=row.due_provisional or row.steps_provisional,
                source=row.source,
                link=row.link,
                opened_at=row.opened_at,
                closed_at=row.closed_at,
                outcome=row.outcome,
                is_mine=row.owner_agency == actor.agency and any(f",{mark}," in row.doers for mark in marks),
                escalated=not {"head", "lead"}.isdisjoint(row.taken),
            )
        )
    return tuple(views)


# ── for the clock ───────────────────────────────────────────────────────────────────────────────────────────────────


def next_step(session: Session) -> datetime | None:
    """Tell when the next step of any duty is due."""
    return session.scalar(select(func.min(Duty.next_step_at)))


def due_steps(session: Session, actor: Actor, *, at: datetime, limit: int) -> list[tuple[str, str]]:
    """List the duties of which steps are due: (duty, the steps by name), earliest first, at most *limit*."""
    found = select(Duty).where(Duty.next_step_at <= at).order_by(Duty.next_step_at, Duty.id).limit(limit)
    return [
        (duty.id, ",".join(move.step for move in moves(steps_of(duty), duty.taken, at)))
        for duty in session.scalars(found)
    ]


# ── what both need ──────────────────────────────────────────────────────────────────────────────────────────────────


def _names(session: Session, actor: Actor) -> dict[str, str]:
    return {row.agency: row.short_name for row in session.scalars(select(Agency).where(Agency.county == actor.county))}


def _campaigns(session: Session, ids: Iterable[str | None]) -> dict[str, Campaign]:
    wanted = sorted({name for name in ids if name is not None})
    return {row.id: row for row in session.scalars(select(Campaign).where(Campaign.id.in_(wanted)))}


def _calendars(session: Session, actor: Actor) -> dict[str | None, WorkingCalendar]:
    """Read the county's calendars by digest; the newest also under None."""
    newest = select(CalendarRow).where(CalendarRow.county == actor.county)
    rows = session.scalars(newest.order_by(CalendarRow.last_year.desc(), CalendarRow.calendar, CalendarRow.id)).all()
    found: dict[str | None, WorkingCalendar] = {row.id.partition("/")[2]: calendar_of(row) for row in rows}
    found[None] = calendar_of(rows[0] if rows else None)
    return found


def _cursor(at: datetime, row_id: str) -> str:
    return f"{at.isoformat()}~{row_id}"


def _place(cursor: str) -> tuple[datetime, str]:
    at, _, row_id = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise CursorUnknown(cursor=cursor) from error
    if moment.tzinfo is None or not row_id:
        raise CursorUnknown(cursor=cursor)
    return moment, row_id
