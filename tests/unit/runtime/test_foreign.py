"""Messages that cannot even be written down: parked like any other, so that their partitions go on."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Row, Table, select

from runtime.errors import NotYet
from runtime.events.bus import Record
from runtime.events.handling import Handler, Received
from runtime.events.processing import EventUnreadable, Incoming, read_event
from runtime.service import Service
from runtime.store.plumbing import inbox, parked, waiting
from schemas.events.campaigns import CampaignClosed
from tests.conformance import toy
from tests.conformance.test_nothing_lost import heard
from tests.kit import COUNTY, Kit

UNSTORABLE = "\ud800"  # half a character: no database takes it, as PostgreSQL takes no NUL


@pytest.fixture
def listener(kit: Kit) -> Service:
    kit.services.append(toy.set_up(toy.listener(kit.ports, kit.folder)))
    return kit.services[-1]


def rows(service: Service, table: Table) -> list[Row[Any]]:
    with service.db.read(service.system) as session:
        return list(session.connection().execute(select(table)))


def closed(kit: Kit, name: str) -> Record:
    return kit.record(CampaignClosed(county=COUNTY, campaign=name))


def awaiting(*awaited: str) -> Handler:
    """Make a handler that waits for one thing after the other."""
    left = list(awaited)

    def run(event: Received[Any], blobs: Mapping[str, bytes], session: object) -> None:
        raise NotYet(left.pop(0) if len(left) > 1 else left[0])

    return Handler(CampaignClosed, (), False, run, "awaiting")


@pytest.mark.parametrize("name", ["id", "subject", "correlationid", "causationid", "traceparent"])
@pytest.mark.parametrize("bad", ["\0", "a\nb", "\x7f"], ids=repr)
def test_control_characters_in_an_envelope_make_it_unreadable(kit: Kit, name: str, bad: str) -> None:
    record = closed(kit, "C-1")
    event = json.loads(record.body) | {name: bad}

    with pytest.raises(EventUnreadable) as refusal:
        read_event(replace(record, body=json.dumps(event).encode()))

    assert refusal.value.facts["why"] == "no event"


def test_an_event_with_an_id_that_cannot_be_stored_is_parked_without_it_and_the_others_are_handled(
    kit: Kit, listener: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = listener.processor.prepare

    def spoilt(record: Record) -> Incoming:
        incoming = prepare(record)
        return replace(incoming, event_id=UNSTORABLE) if record.key == "C-2" else incoming

    monkeypatch.setattr(listener.processor, "prepare", spoilt)

    listener.processor.process([closed(kit, name) for name in ("C-1", "C-2", "C-3")])

    assert set(heard(listener)) == {"C-1", "C-3"}
    (row,) = rows(listener, parked)
    assert (row.event_id, row.key, row.code) == (None, "C-2", "event.handler_failed")
    assert len(rows(listener, inbox)) == 2
    assert listener.processor.stored_positions()[row.topic, row.part] == row.off + 1


def test_an_event_that_can_be_neither_handled_nor_made_to_wait_is_parked_and_holds_its_subject_up(
    kit: Kit, listener: Service
) -> None:
    listener.processor.handlers[CampaignClosed] = (awaiting(UNSTORABLE),)
    first, second = closed(kit, "C-1"), closed(kit, "C-1")
    event = json.loads(second.body) | {"id": "another"}

    listener.processor.process([first])
    listener.processor.process([replace(second, body=json.dumps(event).encode())])

    (row,) = rows(listener, parked)
    assert row.event_id == json.loads(first.body)["id"]
    assert [one.code for one in rows(listener, waiting)] == ["behind"]


def test_a_waiting_event_that_cannot_wait_again_is_parked(kit: Kit, listener: Service) -> None:
    listener.processor.handlers[CampaignClosed] = (awaiting("heard:C-0", UNSTORABLE),)
    listener.processor.process([closed(kit, "C-1")])
    with listener.db.write(listener.system) as session:
        session.connection().execute(waiting.update().values(ready=True))
    listener.processor.look_at_waiting()

    assert listener.processor.run_ready() == 0

    assert [row.key for row in rows(listener, parked)] == ["C-1"]
    assert rows(listener, waiting) == []


def test_data_over_which_an_upcaster_stumbles_are_unreadable(
    kit: Kit, listener: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(type_: str, data: Mapping[str, Any]) -> None:
        raise KeyError("again")

    monkeypatch.setattr("runtime.events.processing.read_payload", stumble)

    listener.processor.process([closed(kit, "C-1")])

    assert [row.code for row in rows(listener, parked)] == ["event.unreadable"]
