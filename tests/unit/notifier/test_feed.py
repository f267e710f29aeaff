"""Feeds: whose an event is, in which order it stands there, and that a foreign tool reads it."""

import json

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from sqlalchemy import select

from runtime.events.bus import Message, Record
from runtime.service import Service
from schemas.envelope import CloudEvent
from schemas.events.payload import Payload
from schemas.registry import PAYLOADS, read_payload
from schemas.vocabulary import Role
from services.notifier.app import notifier
from services.notifier.domain.feed import (
    BadFeed,
    CursorUnknown,
    Told,
    cursor_after,
    parties,
    read_cursor,
    read_table,
)
from services.notifier.feed import FEED
from services.notifier.handlers.notices import short
from services.notifier.queries_webhooks import FeedPage, feed_page
from services.notifier.tables import FeedEntry
from tests.kit import COUNTY, Kit, person
from tests.unit.notifier import county
from tests.unit.notifier.county import AGENCIES, CAMPAIGN, VISITS, at


@pytest.fixture
def service(kit: Kit) -> Service:
    return kit.build(notifier)


def read(service: Service, agency: str, after: str = "", limit: int = 1000) -> FeedPage:
    return service.ask(person(agency, Role.VIEWER), feed_page, after=after, limit=limit)


def events(service: Service, agency: str) -> list[CloudEvent]:
    return [CloudEvent.model_validate_json(event) for event in read(service, agency).events]


def kinds(service: Service, agency: str) -> list[str]:
    return [".".join(event.type.split(".")[1:3]) for event in events(service, agency)]


# ── the table ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_fact_stands_on_the_feed_or_apart_with_a_reason() -> None:
    assert FEED.on.keys() | FEED.apart.keys() == {short(kind) for kind in PAYLOADS.values()}
    assert all(reason for reason in FEED.apart.values())


@pytest.mark.parametrize("line", [{"zh": "一", "en": "one"}, {"to": [], "zh": "一", "en": "one"}, {"to": ["lead"]}])
def test_a_line_without_somebody_or_without_a_name_is_refused(line: dict[str, object]) -> None:
    with pytest.raises(BadFeed):
        read_table({"on": {"x.y": line}, "apart": {}})


def test_a_fact_does_not_stand_in_both_parts() -> None:
    with pytest.raises(BadFeed):
        read_table({"on": {"x.y": {"to": ["lead"], "zh": "一", "en": "one"}}, "apart": {"x.y": "why"}})


def test_parties_are_named_by_the_event_and_what_surrounds_it_each_once() -> None:
    told = Told("x.y", ("agency", "lead", "agencies", "witness"), "", "")

    found = parties(told, {"agency": "GA", "lead": "JT"}, {"lead": "XX", "agencies": ("SJ", "GA"), "witness": None})

    assert found == ("GA", "JT", "SJ")


# ── cursors ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cursor_is_read_as_it_was_written_by_its_agency_alone() -> None:
    assert read_cursor("JT", "") == 0
    for number in (0, 1, 7, 10**12):
        assert read_cursor("JT", cursor_after("JT", number)) == number
    with pytest.raises(CursorUnknown):
        read_cursor("GA", cursor_after("JT", 7))


@pytest.mark.parametrize("cursor", ["7", "x", "é", "====", "MS5KVC4t", " ", cursor_after("JT", 10**15)])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorUnknown):
        read_cursor("JT", cursor)


# ── whose events ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agency_reads_what_is_its_own_or_shared_with_it_and_nothing_else(kit: Kit, service: Service) -> None:
    kit.feed(service, *county.everybody(), at=at("2018-11-01"))
    kit.feed(service, county.calendar_published(kit), county.pack_published(kit), at=at("2018-11-02"))
    kit.feed(service, county.proposed(), county.partner_confirmed("GA"), county.confirmed(kit), at=at("2018-11-28"))
    kit.feed(service, county.draw_opened(kit, at("2018-12-04")), county.draw_completed(kit), at=at("2018-12-04"))
    kit.feed(service, county.scheduled(VISITS[1], "2018-12-12", "GA", "JT"), at=at("2018-12-10"))
    kit.feed(service, county.submitted(VISITS[1], "GA", "ga-officer1"), county.found(VISITS[1], "GA"))

    lead, ga, sj, witness = (kinds(service, agency) for agency in ("JT", "GA", "SJ", "GZ"))
    own = ["agency.registered", *["account.opened"] * 7]
    assert lead == [
        *own,
        *("campaign.proposed", "partner.confirmed", "campaign.confirmed", "draw.opened", "draw.completed"),
        *("visit.scheduled", "checklist.submitted"),
    ]
    assert ga == [*lead, "finding.raised"]
    assert sj == [*own, "campaign.proposed", "campaign.confirmed", "draw.opened", "draw.completed"]
    assert witness == ["agency.registered", "account.opened", "draw.opened", "draw.completed"]
    assert kinds(service, "JY") == []
    for agency in (*AGENCIES, "GZ"):
        accounts = [event for event in events(service, agency) if event.type.startswith("onevisit.account")]
        assert {event.data["agency"] for event in accounts} == {agency}


def test_the_reporters_of_a_referral_hear_its_answer(kit: Kit, service: Service) -> None:
    for said in (county.sent(), county.source_added("JY"), county.received(), county.decided()):
        kit.feed(service, said)

    assert kinds(service, "JY") == ["referral.source_added", "referral.received", "referral.decided"]
    assert kinds(service, "SJ") == ["referral.sent", *kinds(service, "JY")]
    assert kinds(service, "GZ") == []


def test_an_event_that_comes_before_what_surrounds_it_stands_on_the_feed_once_that_came(
    kit: Kit, service: Service
) -> None:
    kit.feed(service, county.submitted(VISITS[1], "GA", "ga-officer1"))
    assert kinds(service, "GA") == []

    kit.feed(service, county.proposed(), county.confirmed(kit))
    kit.feed(service, county.draw_opened(kit, at("2018-12-04")), county.draw_completed(kit))

    assert kinds(service, "GA")[-1] == "checklist.submitted"


def test_another_countys_agency_of_the_same_code_reads_nothing(kit: Kit, service: Service) -> None:
    kit.feed(service, county.proposed())
    stranger = person("JT", Role.VIEWER, county="640222")

    assert service.ask(stranger, feed_page, after="", limit=10).events == ()
    assert kinds(service, "JT") == ["campaign.proposed"]


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def told(kit: Kit, count: int) -> list[Payload]:
    return [county.opened("JT", f"jt-{number}", Role.VIEWER) for number in range(count)]


def test_reading_page_by_page_reads_every_event_once_in_order(kit: Kit, service: Service) -> None:
    kit.feed(service, *told(kit, 7), again=True)
    everything = list(read(service, "JT").events)

    seen: list[str] = []
    cursor, more = "", True
    while more:
        page = read(service, "JT", cursor, limit=3)
        seen, cursor, more = [*seen, *page.events], page.cursor, page.more
    assert seen == everything
    assert len(set(seen)) == 7

    assert read(service, "JT", cursor) == FeedPage((), cursor, False)
    kit.feed(service, county.closed("JT", "jt-1"))
    assert [json.loads(event)["type"] for event in read(service, "JT", cursor).events] == ["onevisit.account.closed.v1"]


def test_numbers_have_no_gaps_for_whoever_reads_behind_one(kit: Kit, service: Service) -> None:
    kit.feed(service, *told(kit, 3))
    kit.feed(service, county.submitted(VISITS[1], "JT", "jt-1"))  # it waits: what it wrote was rolled back
    kit.feed(service, county.closed("JT", "jt-1"))

    with service.db.read(service.system) as session:
        numbers = session.scalars(select(FeedEntry.number).order_by(FeedEntry.number)).all()
    assert numbers == [1, 2, 3, 4]


def test_a_replay_adds_what_is_missing_at_the_end_and_moves_nothing(kit: Kit, service: Service) -> None:
    records = [kit.record(said) for said in told(kit, 4)]
    kit.bus.append([message_of(record) for record in records])
    service.consume()
    before = read(service, "JT").events
    with service.db.write(service.system) as session:  # as if an earlier release had kept this fact apart
        session.delete(session.scalars(select(FeedEntry).where(FeedEntry.number == 2)).one())

    service.replay()

    assert sorted(read(service, "JT").events) == sorted(before)
    assert read(service, "JT").events == (before[0], before[2], before[3], before[1])
    service.replay()
    assert len(read(service, "JT").events) == 4


def message_of(record: Record) -> Message:
    return Message(record.topic, record.key, CloudEvent.model_validate_json(record.body).id, record.body)


# ── foreign readers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_cloudevents_sdk_parses_every_event_on_the_feeds(kit: Kit, service: Service) -> None:
    for stream in county.story(kit).values():
        for payload, moment in stream:
            kit.feed(service, payload, at=moment)
    read_by_them = 0
    for agency in (*AGENCIES, "GZ"):
        for event in read(service, agency).events:
            message = HTTPMessage({"content-type": "application/cloudevents+json"}, event.encode())
            theirs = from_structured(message, JSONFormat())
            ours = CloudEvent.model_validate_json(event)

            assert (theirs.get_id(), theirs.get_type(), theirs.get_source()) == (ours.id, ours.type, ours.source)
            assert theirs.get_subject() == ours.subject
            assert theirs.get_time() == ours.time
            assert theirs.get_data() == ours.data
            assert read_payload(ours.type, ours.data).county == COUNTY
            read_by_them += 1

    assert read_by_them > 100
    assert any(event.subject == CAMPAIGN for event in events(service, "JT"))
