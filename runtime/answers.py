"""
How long the answers under Idempotency-Keys are kept: a service's table of them would otherwise grow for ever.

Whoever asks again under a key whose answer is forgotten asks anew. What is said then must not look like what was said the
first time, or every inbox would drop it as known: so forgetting counts up, and ``Service.do`` derives from that count, too.
"""

import threading
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, delete, select, tuple_

from runtime.service import ANSWERS_FORGOTTEN, Errand, Service
from runtime.store.plumbing import idempotency, sequences
from runtime.store.upserts import upsert

SWEEP_SECONDS = 3600.0  # between two looks at what may be forgotten
AT_ONCE = 1000  # rows in one transaction

log = structlog.get_logger()

_OLD = (
    select(idempotency.c.actor, idempotency.c.key)
    .where(idempotency.c.at < bindparam("before"))
    .limit(bindparam("most"))
)
_FORGET = delete(idempotency).where(tuple_(idempotency.c.actor, idempotency.c.key).in_(_OLD))


def forget_answers(service: Service, before: datetime) -> int:
    """Forget answers that were given before a moment of business time, at most a thousand; return how many."""
    told = {"before": before, "most": AT_ONCE}
    with service.db.read_plumbing() as connection:
        if connection.execute(_OLD, {**told, "most": 1}).first() is None:
            return 0  # nobody who writes is kept waiting for it
    with service.db.write_plumbing() as connection:
        count = upsert(connection, sequences).values(name=ANSWERS_FORGOTTEN, next=1)
        connection.execute(count.on_conflict_do_update(index_elements=["name"], set_={"next": sequences.c.next + 1}))
        return connection.execute(_FORGET, told).rowcount


def forgetting(days: int) -> Errand:
    """Make the errand of a service that forgets answers after so many days of business time."""

    def run(service: Service, stop: threading.Event) -> None:
        while not stop.is_set():
            before = service.ports.clock.now() - timedelta(days=days)
            while not stop.is_set() and (gone := forget_answers(service, before)):
                log.info("answers.forgotten", service=service.name, answers=gone)
            stop.wait(SWEEP_SECONDS)

    return Errand("answers", run)
