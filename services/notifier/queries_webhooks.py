"""Webhooks, their deliveries, and the feed: what an agency sees of them, and what the sender takes from the queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from runtime.store import Actor
from services.notifier.commands_webhooks import webhook_row
from services.notifier.domain.feed import cursor_after, read_cursor
from services.notifier.domain.places import Line
from services.notifier.domain.webhooks import Sent, State
from services.notifier.tables import Delivery, FeedEntry, Webhook

PAGE = 50


# ── the feed ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class FeedPage:
    """Events as they came, the cursor behind the last of them, and whether there are more."""

    events: tuple[str, ...]
    cursor: str
    more: bool


def feed_page(session: Session, actor: Actor, *, after: str, limit: int) -> FeedPage:
    """
    Read on in the feed of the asker's agency.

    Raises:
        CursorUnknown: *after* is no cursor of this agency's feed.
    """
    behind = read_cursor(actor.agency, after)
    rows = session.execute(
        select(FeedEntry.number, FeedEntry.body)
        .where(FeedEntry.county == actor.county, FeedEntry.owner_agency == actor.agency, FeedEntry.number > behind)
        .order_by(FeedEntry.number)
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    last = shown[-1].number if shown else behind
    return FeedPage(tuple(row.body for row in shown), cursor_after(actor.agency, last), len(rows) > limit)


# ── what an agency sees ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class WebhookView:
    """A webhook; never its secret."""

    id: str
    name: str
    url: str
    kinds: tuple[str, ...]
    state: State
    made_at: datetime
    waiting: int
    both_secrets_until: datetime | None


@dataclass(frozen=True)
class Tried:
    """One try of a delivery."""

    at: datetime
    status: int | None
    problem: str | None
    milliseconds: int


@dataclass(frozen=True)
class DeliveryView:
    """A line of the log."""

    id: str
    number: int
    event: str
    kind: str
    subject: str
    at: datetime
    state: Sent
    tries: tuple[Tried, ...]
    next_at: datetime | None


def webhooks_of(session: Session, actor: Actor) -> tuple[WebhookView, ...]:
    """List the webhooks of the asker's agency."""
    rows = list(session.scalars(select(Webhook).order_by(Webhook.id)))
    waiting = _waiting(session, [row.id for row in rows])
    return tuple(_view(row, waiting.get(row.id, 0)) for row in rows)


def webhook_view(session: Session, actor: Actor, *, webhook: str) -> WebhookView:
    """Show one."""
    row = webhook_row(session, webhook)
    return _view(row, _waiting(session, [row.id]).get(row.id, 0))


def _waiting(session: Session, webhooks: Sequence[str]) -> dict[str, int]:
    counted = (
        select(Delivery.webhook, func.count())
        .where(Delivery.webhook.in_(webhooks), Delivery.state == Sent.WAITING)
        .group_by(Delivery.webhook)
    )
    return dict(session.execute(counted).all())


def _view(row: Webhook, waiting: int) -> WebhookView:
    return WebhookView(
        row.id, row.name, row.url, tuple(row.kinds), State(row.state), row.made_at, waiting, row.before_until
    )


def deliveries_of(
    session: Session, actor: Actor, *, webhook: str, before: int | None = None, limit: int = PAGE
) -> tuple[DeliveryView, ...]:
    """Read a webhook's log, newest first; *before* is the number of the last line seen."""
    webhook_row(session, webhook)
    query = select(Delivery).where(Delivery.webhook == webhook)
    if before is not None:
        query = query.where(Delivery.number < before)
    return tuple(_delivery(row) for row in session.scalars(query.order_by(Delivery.number.desc()).limit(limit)))


def _delivery(row: Delivery) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        number=row.number,
        event=row.event,
        kind=row.kind,
        subject=row.subject,
        at=row.at,
        state=Sent(row.state),
        tries=tuple(_tried(told) for told in row.tries),
        next_at=row.next_at,
    )


def _tried(told: dict[str, Any]) -> Tried:
    return Tried(datetime.fromisoformat(told["at"]), told["status"], told["problem"], told["milliseconds"])


# ── what the sender takes ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Parcel:
    """One delivery to be tried now."""

    delivery: str
    webhook: str
    event: str
    url: str
    secret: bytes  # sealed
    secret_before: bytes | None  # sealed
    body: bytes


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Choose what may be tried: its time has come, its webhook is active, nothing before it waits on the same subject."""
    earlier = aliased(Delivery)
    behind = exists(
        select(earlier.id).where(
            earlier.webhook == Delivery.webhook,
            earlier.subject == Delivery.subject,
            earlier.number < Delivery.number,
            earlier.state == Sent.WAITING,
        )
    )
    return (Delivery.state == Sent.WAITING, Delivery.next_at <= now, Webhook.state == State.ACTIVE, ~behind)


def webhooks_due(session: Session, actor: Actor, *, now: datetime) -> tuple[Line, ...]:
    """List the webhooks to which something may be sent now (real time), whoever has waited longest first."""
    query = (
        select(Webhook.id, Webhook.county, Webhook.owner_agency)
        .join(Delivery, Delivery.webhook == Webhook.id)
        .where(*_due(now))
        .group_by(Webhook.id, Webhook.county, Webhook.owner_agency)
        .order_by(func.min(Delivery.next_at), Webhook.id)
    )
    return tuple(Line(webhook, (county, agency)) for webhook, county, agency in session.execute(query))


def next_parcel(session: Session, actor: Actor, *, webhook: str, now: datetime) -> Parcel | None:
    """Take the earliest delivery of a webhook that may be tried now (real time)."""
    query = (
        select(Delivery, Webhook)
        .join(Webhook, Delivery.webhook == Webhook.id)
        .where(Delivery.webhook == webhook, *_due(now))
        .order_by(Delivery.number)
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    row, hook = found
    both = hook.before_until is not None and now < hook.before_until
    return Parcel(
        row.id, hook.id, row.event, hook.url, hook.secret, hook.secret_before if both else None, row.body.encode()
    )
