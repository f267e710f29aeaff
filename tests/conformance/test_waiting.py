"""What waits runs in the order of its key, exactly once, by whoever holds its partition, and never for ever behind nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from runtime.events.processing import ATTEMPTS, LOOK_SECONDS
from runtime.service import Service
from runtime.store.plumbing import parked, waiting
from schemas.events.campaigns import CampaignCancelled, CampaignClosed
from schemas.events.draws import DrawVoided
from tests.conformance import toy
from tests.conformance.platforms import PLATFORMS, provide
from tests.conformance.rig import Rig, a_rig, drain
from tests.kit import COUNTY, Kit


@pytest.fixture(params=PLATFORMS, ids=str)
def rig(request: pytest.FixtureRequest, kit: Kit) -> Iterator[Rig]:
    provide(request.param.store, request)
    yield from a_rig(kit, request.param, request)


@pytest.fixture
def listener(rig: Rig) -> Service:
    return rig.build(toy.listener)


def rows(service: Service, table: Any) -> list[Any]:
    with service.db.read(service.system) as session:
        return list(session.connection().execute(select(table).order_by(table.c.off)))


def voided(campaign: str, attempt: int = 1) -> DrawVoided:
    return DrawVoided(
        county=COUNTY, campaign=campaign, draw="D-1", attempt=attempt, reason="commitment_missing", absent=("GA",)
    )


def times_voided(service: Service, campaign: str) -> int:
    with service.db.read(service.system) as session:
        return session.get_one(toy.Heard, campaign).voided


def noted(service: Service) -> list[int]:
    """Note every handled `draw.voided`, by its attempt."""
    ran: list[int] = []
    (handler,) = service.processor.handlers[DrawVoided]

    def run(event: Any, blobs: Any, session: Any) -> None:
        handler.run(event, blobs, session)
        ran.append(event.data.attempt)

    service.processor.handlers[DrawVoided] = (replace(handler, run=run),)
    return ran


def test_a_parked_event_that_must_wait_after_a_retry_still_goes_before_the_later_ones_of_its_key(
    rig: Rig, kit: Kit, listener: Service
) -> None:
    ran = noted(listener)
    first, second = kit.record(voided("C-1", 1)), kit.record(voided("C-1", 2))
    rig.deliver(listener, [first])
    with listener.db.write(listener.system) as session:  # as if a bug had parked it
        connection = session.connection()
        (row,) = connection.execute(select(waiting)).all()
        connection.execute(delete(waiting))
        place = {name: getattr(row, name) for name in ("consumer", "event_id", "topic", "part", "off", "key", "body")}
        connection.execute(
            insert(parked).values(id="p", code="bug", reason="", attempts=ATTEMPTS, since=0.0, state="parked", **place)
        )
    rig.deliver(listener, [second])

    assert listener.processor.retry("p"), "it waits for its campaign now"
    rig.run_all(listener)
    rig.feed(listener, CampaignClosed(county=COUNTY, campaign="C-1"))

    assert ran == [1, 2]
    assert rows(listener, waiting) == []


def test_one_that_queues_behind_nothing_any_more_runs_by_itself(rig: Rig, kit: Kit, listener: Service) -> None:
    rig.deliver(listener, [kit.record(voided("C-2"))])
    with listener.db.write(listener.system) as session:  # its predecessor was handled while it was being queued
        session.connection().execute(update(waiting).values(code="behind", awaits=None, ready=False))
    rig.feed(listener, CampaignClosed(county=COUNTY, campaign="C-2"))

    rig.run_all(listener)

    assert rows(listener, waiting) == []
    assert times_voided(listener, "C-2") == 1


def test_many_keys_behind_parked_events_do_not_keep_others_from_running(rig: Rig, kit: Kit, listener: Service) -> None:
    poisoned = [CampaignCancelled(county=COUNTY, campaign=f"P-{number}") for number in range(120)]
    with listener.db.write(listener.system) as session:
        for number, event in enumerate(poisoned):
            record = kit.record(event)
            place = {"topic": record.topic, "part": record.part, "off": record.off, "key": record.key}
            row = {"consumer": "notifier", "event_id": f"x{number}", "body": b"", "attempts": 4, "since": 0.0, **place}
            session.connection().execute(
                insert(parked).values(id=f"p{number}", code="b", reason="", state="parked", **row)
            )
    rig.feed(listener, *(CampaignClosed(county=COUNTY, campaign=event.campaign) for event in poisoned))
    assert len(rows(listener, waiting)) == 120
    rig.feed(listener, voided("C-1"))

    rig.feed(listener, CampaignClosed(county=COUNTY, campaign="C-1"))

    assert times_voided(listener, "C-1") == 1
    assert len(rows(listener, waiting)) == 120, "those behind the parked ones have not run"


def test_what_waits_in_a_partition_of_another_worker_is_left_to_it(rig: Rig, listener: Service) -> None:
    rig.feed(listener, voided("C-1"))
    (row,) = rows(listener, waiting)
    rig.hold(listener, {("draws", (row.part + 1) % 8), ("campaigns", 0)})

    rig.feed(listener, CampaignClosed(county=COUNTY, campaign="C-1"))
    rig.run_all(listener)
    assert times_voided(listener, "C-1") == 0

    rig.hold(listener, {("draws", row.part)})
    rig.run_all(listener)
    assert times_voided(listener, "C-1") == 1


def test_what_another_worker_ran_meanwhile_is_not_run_again(
    rig: Rig, listener: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.feed(listener, voided("C-1"))
    other = rig.another(toy.listener)
    with listener.db.write(listener.system) as session:
        session.add(toy.Heard(id="C-1", times=1, cancelled=False, voided=0, county=COUNTY, owner_agency="JT"))
        session.connection().execute(update(waiting).values(ready=True))
    seen = listener.processor._due

    def due() -> Any:
        found = seen()
        drain(other)  # between our look and our turn
        return found

    monkeypatch.setattr(listener.processor, "_due", due)
    rig.run_all(listener)

    assert times_voided(listener, "C-1") == 1


def test_what_waits_and_cannot_be_read_any_more_is_parked_once(rig: Rig, listener: Service) -> None:
    rig.feed(listener, voided("C-1"))
    with listener.db.write(listener.system) as session:  # a release that reads less came meanwhile
        session.connection().execute(update(waiting).values(body=b"{}", ready=True))

    rig.run_all(listener)
    rig.run_all(listener)

    assert rows(listener, waiting) == []
    (row,) = rows(listener, parked)
    assert (row.code, row.attempts, row.state) == ("event.unreadable", 1, "parked")


def test_a_retry_that_is_not_due_is_not_looked_for_again_and_again(rig: Rig, kit: Kit, listener: Service) -> None:
    first, second = kit.record(voided("C-1", 1)), kit.record(voided("C-1", 2))
    rig.deliver(listener, [first, second])
    with listener.db.write(listener.system) as session:  # the second was to be tried again before the first came back
        session.connection().execute(
            update(waiting).where(waiting.c.body == second.body).values(code="bug", retry_at=0.0)
        )
    listener.processor.look_at_waiting()

    assert listener.processor.run_ready() == 0
    assert not listener.processor.may_be_ready
    assert listener.processor.seconds_to_look > LOOK_SECONDS / 2
