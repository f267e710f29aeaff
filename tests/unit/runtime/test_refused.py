"""What the bus will never take holds back its own subject and nothing else; what is too large is not said at all."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from runtime.events import processing
from runtime.events.bus import EventBus, Message, RecordRefused
from runtime.events.processing import EventTooLarge, write_outbox
from runtime.service import Service
from runtime.store.plumbing import outbox, parked
from schemas.envelope import MAX_EVENT_BYTES
from schemas.events.campaigns import CampaignClosed
from schemas.events.notices import NoticeDelivered
from tests.conformance import toy
from tests.kit import COUNTY, Kit, said


class Refusing:
    """A bus that refuses some messages, and with one of them all that is appended together with it."""

    def __init__(self, bus: EventBus, refuses: Callable[[Message], bool]) -> None:
        self.bus = bus
        self.refuses = refuses
        self.taken: list[str] = []

    def append(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if self.refuses(message):
                raise RecordRefused(why="TooLarge")
        self.taken += [message.event_id for message in messages]
        self.bus.append(messages)

    def __getattr__(self, name: str) -> object:
        return getattr(self.bus, name)


@pytest.fixture
def bus(kit: Kit) -> Refusing:
    return Refusing(kit.bus, lambda message: len(message.body) > 1000)


@pytest.fixture
def service(kit: Kit, bus: Refusing) -> Service:
    made = toy.ports(kit.folder, bus)  # type: ignore[arg-type]
    kit.services.append(toy.set_up(toy.proposer(made, kit.folder)))
    return kit.services[-1]


def put(service: Service, *lines: tuple[str, str, int]) -> None:
    """Put events into the outbox: (id, key, size)."""
    rows = [
        {"event_id": event, "topic": "campaigns", "key": key, "body": b"x" * size, "written_at": 0.0}
        for event, key, size in lines
    ]
    with service.db.write_plumbing() as connection:
        write_outbox(connection, rows)


def unsent(service: Service) -> list[tuple[str, str | None]]:
    with service.db.read_plumbing() as connection:
        rows = connection.execute(select(outbox.c.event_id, outbox.c.refused).order_by(outbox.c.seq))
        return [(row.event_id, row.refused) for row in rows]


def test_a_refused_event_stays_with_what_is_behind_it_under_its_key_and_the_others_go(
    service: Service, bus: Refusing
) -> None:
    put(service, ("a1", "A", 10), ("a2", "A", 2000), ("b1", "B", 10), ("a3", "A", 10), ("b2", "B", 10))

    assert service.relay() == 3
    put(service, ("a4", "A", 10), ("b3", "B", 10))
    assert service.relay() == 1

    assert bus.taken == ["a1", "b1", "b2", "b3"]
    assert unsent(service) == [("a2", "TooLarge"), ("a3", None), ("a4", None)]
    assert service.refused() == 1
    assert service.standing().refused == 1
    assert not service.backlog().settled


def test_it_is_offered_again_after_a_while_and_its_subject_goes_on_in_order(service: Service, bus: Refusing) -> None:
    put(service, ("a1", "A", 2000), ("a2", "A", 10), ("c1", "C", 3000))
    service.relay()
    bus.refuses = lambda message: message.event_id == "c1"
    assert service.relay() == 0, "not at once"

    service._offer_refused_at = 0.0
    moved = service.relay()

    assert moved == 1
    assert service.relay() == 1
    assert bus.taken == ["a1", "a2"]
    assert unsent(service) == [("c1", "TooLarge")]


def test_a_command_that_would_say_too_much_is_refused_and_leaves_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "MAX_EVENT_BYTES", 100)

    with pytest.raises(EventTooLarge) as refusal:
        service.do(toy.LEAD, toy.propose, key="k", name="first")

    assert refusal.value.facts["type"] == "onevisit.campaign.closed.v1"
    assert refusal.value.facts["most"] == 100
    monkeypatch.undo()
    assert said(service) == []
    with service.db.read(service.system) as session:
        assert session.scalars(select(toy.Proposal)).all() == []
    assert service.do(toy.LEAD, toy.propose, key="k", name="first").value == {"id": f"C-{COUNTY}-2018-001"}


def test_an_event_whose_handler_would_say_too_much_is_parked(kit: Kit) -> None:
    listener = toy.set_up(toy.listener(kit.ports, kit.folder))
    kit.services.append(listener)
    hears, answers = listener.processor.handlers[CampaignClosed]
    long = NoticeDelivered.model_construct(
        county=COUNTY, notice="N-1", agency="JT", account="x" * MAX_EVENT_BYTES, rule="toy"
    )
    listener.processor.handlers[CampaignClosed] = (hears, replace(answers, run=lambda *_: [long]))

    kit.feed(listener, CampaignClosed(county=COUNTY, campaign="C-1"))

    with listener.db.read(listener.system) as session:
        found = session.connection().execute(select(parked.c.code)).all()
        assert session.scalars(select(toy.Heard)).all() == []
    assert [row.code for row in found] == ["event.too_large"]
