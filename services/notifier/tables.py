"""
Tables of the notifier.

Owned: what it decided (announcements, notices, duties). Projections: what others said, rebuilt by replay.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runtime.store import ANNOTATIONS, Open, Owned

OWNED = {"kind": "owned"}
PROJECTION = {"kind": "projection"}


class Base(DeclarativeBase):
    """Tables of this service."""

    type_annotation_map = ANNOTATIONS


# ── owned ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class AnnouncementRow(Owned, Base):
    """One fact, or one step of a duty, as it concerns one agency: kept so that late accounts get what is theirs."""

    __tablename__ = "announcement"
    __table_args__ = (Index("announcement_of_agency", "county", "owner_agency", "at"), {"info": OWNED})

    id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(index=True)
    place: Mapped[int]  # line of the rule table
    at: Mapped[datetime]
    code: Mapped[str]
    severity: Mapped[str]
    link: Mapped[str]
    campaign: Mapped[str | None]
    roles: Mapped[list[Any]]
    officers: Mapped[list[Any]]
    account: Mapped[str | None]
    facts: Mapped[dict[str, Any]]


class Notice(Owned, Base):
    """A notice (通知) in one person's inbox, with its read receipt."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("cause", "account"),
        Index("notice_inbox", "account", "created_at", "id"),
        Index("notice_unread", "account", "read_at"),
        {"info": OWNED},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    account: Mapped[str]
    code: Mapped[str]
    severity: Mapped[str]
    link: Mapped[str]
    campaign: Mapped[str | None]
    facts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Duty(Owned, Base):
    """
    Something an agency must do by a day (待办), with its light and ladder; shared with the campaign's lead.

    ``slots``: how it was closed, one entry per way (`domain.duties`); ``closed_at`` and ``outcome`` say what counts.
    ``steps``, ``yellow_on`` and ``next_step_at`` are worked out from pack and calendar, and emptied when it closes.
    """

    __tablename__ = "duty"
    __table_args__ = (
        Index("duty_subject", "subject", "kind", "owner_agency"),
        Index("duty_open", "owner_agency", "closed_at", "due_at"),
        Index("duty_next", "next_step_at"),
        {"info": OWNED},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    campaign: Mapped[str | None] = mapped_column(index=True)
    lead: Mapped[str]
    roles: Mapped[list[Any]]
    officers: Mapped[list[Any]]
    doers: Mapped[str]  # the same as text to search in: ",role:approver,officer:GA001,"
    link: Mapped[str]
    opened_at: Mapped[datetime]
    due_on: Mapped[date]
    due_at: Mapped[datetime]
    late_at: Mapped[datetime | None]
    source: Mapped[str]
    due_provisional: Mapped[bool]
    slots: Mapped[dict[str, Any]]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    yellow_on: Mapped[date | None]
    steps: Mapped[list[Any]]  # [name, moment], earliest first
    steps_provisional: Mapped[bool]
    taken: Mapped[list[Any]]  # names of steps taken
    next_step_at: Mapped[datetime | None]


# ── projections ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Agency(Open, Base):
    """An agency's names, to show."""

    __tablename__ = "agency"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)  # county/agency
    county: Mapped[str]
    agency: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    short_name: Mapped[str]


class AccountRow(Owned, Base):
    """One state of an account: what is true of it from ``since`` on."""

    __tablename__ = "account_state"
    __table_args__ = (UniqueConstraint("account", "number"), {"info": PROJECTION})

    id: Mapped[str] = mapped_column(primary_key=True)  # account@number
    account: Mapped[str] = mapped_column(index=True)
    number: Mapped[int]
    since: Mapped[datetime]
    is_open: Mapped[bool]
    roles: Mapped[list[Any]]
    officer: Mapped[str | None]


class Campaign(Owned, Base):
    """A campaign as far as notices need it; owned by its lead, shared with its agencies."""

    __tablename__ = "campaign"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    number: Mapped[str]
    agencies: Mapped[list[Any]]
    pack: Mapped[str | None]  # digest pinned
    calendar: Mapped[str | None]  # digest pinned
    cancelled_at: Mapped[datetime | None]


class Draw(Owned, Base):
    """Who takes part in a draw; owned by the lead."""

    __tablename__ = "draw"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str]
    agencies: Mapped[list[Any]]
    witness: Mapped[str | None]


class Section(Owned, Base):
    """One agency's part of a visit and its officers, lead first."""

    __tablename__ = "section"
    __table_args__ = (Index("section_part", "campaign", "owner_agency"), {"info": PROJECTION})

    id: Mapped[str] = mapped_column(primary_key=True)  # visit-agency
    visit: Mapped[str] = mapped_column(index=True)
    campaign: Mapped[str]
    lead: Mapped[str]
    officers: Mapped[list[Any]]


class Referral(Owned, Base):
    """Who has to do with a referral; owned by its sender."""

    __tablename__ = "referral"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)
    external: Mapped[bool]
    reporters: Mapped[list[Any]]  # further reporting agencies, ascending


class Pack(Open, Base):
    """A rule pack's ladder (催办规则)."""

    __tablename__ = "pack"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)  # county/digest
    county: Mapped[str]
    pack: Mapped[str]
    edition: Mapped[date]
    yellow: Mapped[int]
    reminders: Mapped[list[Any]]
    escalation: Mapped[list[Any]]
    time_of_day: Mapped[str] = mapped_column(String(5), server_default="08:30")  # HH:MM in Shanghai; so it was before


class CalendarRow(Open, Base):
    """A calendar of working days."""

    __tablename__ = "calendar"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)  # county/digest
    county: Mapped[str]
    calendar: Mapped[str]
    last_year: Mapped[int]
    years: Mapped[dict[str, Any]]  # year → [days off, days worked]


# ── partner systems ─────────────────────────────────────────────────────────────────────────────────────────────────

NOT_DIGESTED = {"digest": False}  # what follows from the order of arrival across topics, from real time or from chance


class FeedEntry(Owned, Base):
    """
    One event on one agency's feed (事件流), as it came.

    ``number`` counts without gaps per agency in the order of commits, so that whoever has read up to one has missed none
    before it; it is given once and for ever. Owned, not a projection: partners hold cursors over a replay.
    """

    __tablename__ = "feed_entry"
    __table_args__ = (
        Index("feed_entry_order", "county", "owner_agency", "number", unique=True),
        {"info": OWNED},
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # event.agency
    number: Mapped[int] = mapped_column(info=NOT_DIGESTED)
    event: Mapped[str]
    kind: Mapped[str]
    subject: Mapped[str]
    at: Mapped[datetime]
    body: Mapped[str] = mapped_column(Text, info=NOT_DIGESTED)


class Webhook(Owned, Base):
    """An address of an agency to which its events are pushed (消息推送), and how it has been answering."""

    __tablename__ = "webhook"
    __table_args__ = {"info": OWNED}

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str] = mapped_column(String(2000))
    kinds: Mapped[list[Any]]  # of facts; empty: all there are
    state: Mapped[str]  # domain/webhooks.py
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    secret: Mapped[bytes] = mapped_column(LargeBinary, info=NOT_DIGESTED)  # sealed
    secret_before: Mapped[bytes | None] = mapped_column(
        LargeBinary, info=NOT_DIGESTED
    )  # sealed; signs beside the new one
    before_until: Mapped[datetime | None] = mapped_column(info=NOT_DIGESTED)  # real time


class Delivery(Owned, Base):
    """One event on its way to one webhook; the queue and the log of deliveries at once. All moments but ``at`` are real time."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_order", "webhook", "subject", "number"),
        Index("delivery_due", "state", "next_at"),
        {"info": OWNED},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    webhook: Mapped[str]
    number: Mapped[int] = mapped_column(info=NOT_DIGESTED)  # in the order of queueing
    event: Mapped[str]
    kind: Mapped[str]
    subject: Mapped[str]
    at: Mapped[datetime]  # business time of the event
    body: Mapped[str] = mapped_column(Text, info=NOT_DIGESTED)
    state: Mapped[str] = mapped_column(info=NOT_DIGESTED)  # domain/webhooks.py
    tries: Mapped[list[Any]] = mapped_column(info=NOT_DIGESTED)  # [{at, status, problem, milliseconds}], oldest first
    next_at: Mapped[datetime | None] = mapped_column(info=NOT_DIGESTED)
    ended_at: Mapped[datetime | None] = mapped_column(info=NOT_DIGESTED)
