"""Writing the queue of deliveries (rule: `domain.webhooks`), and the rules of this installation, read once."""

import tomllib
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.events.handling import Received
from runtime.store import derived_id, next_number
from services.notifier.domain.places import Places, read_places
from services.notifier.domain.webhooks import Rules, Sent, State, read_rules, wants
from services.notifier.tables import Delivery, Webhook

PATH = Path(__file__).with_name("webhooks.toml")
WRITTEN = tomllib.loads(PATH.read_text("utf-8"))
RULES: Rules = read_rules(WRITTEN)
PLACES: Places = read_places(WRITTEN["places"])


def real_now() -> datetime:
    """Tell the time of the world: retries and signatures know no business clock."""
    return datetime.now(UTC)


def asking_for(session: Session, county: str, kind: str) -> list[Webhook]:
    """List the active webhooks of a county that asked for a kind of event; they are read once in a transaction."""
    known: dict[str, list[Webhook]] = session.info.setdefault("notifier.webhooks", {})
    if county not in known:
        active = select(Webhook).where(Webhook.county == county, Webhook.state == State.ACTIVE).order_by(Webhook.id)
        known[county] = list(session.scalars(active))
    return [webhook for webhook in known[county] if wants(webhook.kinds, kind)]


def queue(
    session: Session, asking: Iterable[Webhook], agencies: Collection[str], event: Received[Any], kind: str
) -> None:
    """Queue an event for those webhooks *asking* for its kind that are of *agencies*."""
    for webhook in asking:
        if webhook.owner_agency in agencies:
            enqueue(
                session,
                webhook,
                event=event.id,
                kind=kind,
                subject=event.data.partition_key,
                at=event.time,
                body=event.body.decode(),
            )


def enqueue(
    session: Session, webhook: Webhook, *, event: str, kind: str, subject: str, at: datetime, body: str
) -> Delivery:
    """Put one delivery at the end of a webhook's queue, to be tried at once."""
    row = Delivery(
        id=derived_id("P", webhook.id, event),
        county=webhook.county,
        owner_agency=webhook.owner_agency,
        webhook=webhook.id,
        number=next_number(session, f"delivery-{webhook.id}"),
        event=event,
        kind=kind,
        subject=subject,
        at=at,
        body=body,
        state=Sent.WAITING.value,
        tries=[],
        next_at=real_now(),
        ended_at=None,
    )
    session.add(row)
    return row
