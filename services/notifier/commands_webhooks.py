"""What an agency's administrator, and the sender of deliveries, ask about webhooks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runtime.errors import Conflict, NotFound, Rejected
from runtime.service import Reply
from runtime.store import Actor, derived_id, next_id, next_number
from schemas.envelope import CloudEvent
from schemas.webhooks import TEST_TYPE
from services.notifier.announcing import announce
from services.notifier.domain.accounts import Announcement
from services.notifier.domain.addresses import read_url
from services.notifier.domain.webhooks import Sent, State, after_try, check_kinds, check_room
from services.notifier.feed import FEED
from services.notifier.pushing import RULES, enqueue, real_now
from services.notifier.tables import Delivery, Webhook

TEST = "webhook.tested"
LONGEST_NAME = 40


class WebhookUnknown(NotFound):
    """The asker's agency has no such webhook."""

    code = "webhook.unknown"


class WebhookNotActive(Conflict):
    """Nothing is sent to a webhook that is paused or disabled, not even a test."""

    code = "webhook.not_active"


class NameMissing(Rejected):
    """A webhook has a name of 1 to 40 characters."""

    code = "webhook.name_missing"


# ── an agency's administrator ───────────────────────────────────────────────────────────────────────────────────────


def add_webhook(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    name: str,
    url: str,
    kinds: Sequence[str],
    secret: bytes,
    loopback: bool,
) -> Reply:
    """
    Push the events of the asker's agency to *url* from now on; the reply's value is ``{"webhook": id}``.

    Args:
        session: Of this service.
        actor: The agency's administrator.
        at: Business time.
        name: What the receiver is called.
        url: https, at a public address.
        kinds: Of facts; none is all there are.
        secret: 32 random bytes that sign, sealed.
        loopback: Whether this machine itself may be an address (demo homes).
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise NameMissing(longest=LONGEST_NAME)
    read_url(url, loopback=loopback)
    check_room(session.scalar(select(func.count()).select_from(Webhook)) or 0, RULES)
    row = Webhook(
        id=next_id(session, "W", actor.county, at.year),
        county=actor.county,
        owner_agency=actor.agency,
        name=name,
        url=url,
        kinds=check_kinds(kinds, list(FEED.on)),
        state=State.ACTIVE.value,
        made_at=at,
        made_by=actor.id,
        secret=secret,
        secret_before=None,
        before_until=None,
    )
    session.add(row)
    return Reply(value={"webhook": row.id})


def pause_webhook(session: Session, actor: Actor, *, at: datetime, webhook: str) -> Reply:
    """Send nothing until it is resumed; what is queued waits, new events are not queued."""
    row = webhook_row(session, webhook)
    if row.state != State.ACTIVE:
        raise WebhookNotActive(webhook=webhook)
    row.state = State.PAUSED.value
    return Reply(value={"webhook": row.id, "state": row.state})


def resume_webhook(session: Session, actor: Actor, *, at: datetime, webhook: str) -> Reply:
    """
    Send again, whatever it was stopped for, beginning with what waits and what failed last.

    What was said meanwhile is not queued afterwards: the receiver reads it from the feed.
    """
    row = webhook_row(session, webhook)
    if row.state != State.ACTIVE:
        row.state = State.ACTIVE.value
        left = select(Delivery).where(
            Delivery.webhook == webhook, Delivery.state != Sent.DELIVERED, Delivery.kind != TEST
        )
        for delivery in session.scalars(left):
            delivery.state, delivery.tries, delivery.ended_at = Sent.WAITING.value, [], None
            delivery.next_at = real_now()
    return Reply(value={"webhook": row.id, "state": row.state})


def renew_secret(session: Session, actor: Actor, *, at: datetime, webhook: str, secret: bytes) -> Reply:
    """Sign with another secret from now on, and for a day with the one before it too."""
    row = webhook_row(session, webhook)
    row.secret_before, row.before_until = row.secret, real_now() + RULES.both_secrets
    row.secret = secret
    return Reply(value={"webhook": row.id})


def try_webhook(session: Session, actor: Actor, *, at: datetime, webhook: str) -> Reply:
    """Queue an event that says nothing, to see whether it arrives; it is tried once."""
    row = webhook_row(session, webhook)
    if row.state != State.ACTIVE:
        raise WebhookNotActive(webhook=webhook)
    event = derived_id("T", row.id, next_number(session, f"test-{row.id}"))
    said = CloudEvent(
        id=event,
        source="onevisit/notifier",
        type=TEST_TYPE,
        subject=row.id,
        time=at,
        partitionkey=row.id,
        correlationid=event,
        data={"county": row.county, "agency": row.owner_agency, "webhook": row.id},
    )
    delivery = enqueue(
        session, row, event=event, kind=TEST, subject=event, at=at, body=said.encode().decode()
    )  # a subject of its own: it waits behind nothing
    return Reply(value={"webhook": row.id, "delivery": delivery.id})


def remove_webhook(session: Session, actor: Actor, *, at: datetime, webhook: str) -> Reply:
    """Forget a webhook with its queue and log."""
    row = webhook_row(session, webhook)
    for delivery in session.scalars(select(Delivery).where(Delivery.webhook == webhook)):
        session.delete(delivery)
    session.delete(row)
    return Reply(value={"webhook": webhook})


def webhook_row(session: Session, webhook: str) -> Webhook:
    """Load a webhook of the asker's agency."""
    row = session.get(Webhook, webhook)
    if row is None:
        raise WebhookUnknown(webhook=webhook)
    return row


# ── the sender ──────────────────────────────────────────────────────────────────────────────────────────────────────


def note_try(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    delivery: str,
    tried_at: datetime,
    status: int | None,
    problem: str | None,
    milliseconds: int,
) -> Reply:
    """
    Write down what came of a try, and what follows from it (rule: `domain.webhooks.after_try`).

    A webhook that is disabled for it is brought before the agency's administrators by a notice.
    """
    row = session.get(Delivery, delivery)
    if row is None or row.state != Sent.WAITING:
        return Reply(value={"next": None})  # removed meanwhile
    told = {"at": tried_at.isoformat(), "status": status, "problem": problem, "milliseconds": milliseconds}
    row.tries = [*row.tries, told]
    found = after_try(RULES, len(row.tries), status, tried_at, is_test=row.kind == TEST)
    row.state, row.next_at = found.sent.value, found.next_at
    row.ended_at = None if found.sent is Sent.WAITING else tried_at
    webhook = session.get(Webhook, row.webhook)
    notices = []
    if webhook is not None and found.webhook is not None and webhook.state == State.ACTIVE:
        webhook.state = found.webhook.value
        notices = announce(session, [_disabled(webhook, at, f"{row.id}:{tried_at.isoformat()}")])
    return Reply(notices, {"next": row.state})


def _disabled(webhook: Webhook, at: datetime, cause: str) -> Announcement:
    return Announcement(
        cause=cause,
        order=0,
        at=at,
        county=webhook.county,
        agency=webhook.owner_agency,
        code="webhook.gone" if webhook.state == State.GONE else "webhook.failing",
        severity="act",
        link=f"/webhooks/{webhook.id}",
        campaign=None,
        roles=("agency_admin",),
        officers=(),
        account=None,
        facts={"name": webhook.name},
    )


def forget_ended(session: Session, actor: Actor, *, at: datetime, state: Sent, before: datetime) -> Reply:
    """Take deliveries out of the log that ended so before a moment; at most a thousand at a time."""
    ended = select(Delivery).where(Delivery.ended_at < before, Delivery.state == state).limit(1000)
    gone = 0
    for row in session.scalars(ended):
        session.delete(row)
        gone += 1
    return Reply(value={"gone": gone})
