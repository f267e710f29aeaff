"""The host's threads sleep until they are told, miss nothing, and the simulated clock moves only when nothing is under way."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from runtime.events.host import Host
from runtime.service import Backlog, Service
from schemas.events.campaigns import CampaignClosed
from schemas.events.draws import DrawVoided
from tests.conformance import toy
from tests.kit import COUNTY, Kit

PATIENCE_SECONDS = 30.0


@pytest.fixture
def proposer(kit: Kit) -> Service:
    kit.services.append(toy.set_up(toy.proposer(kit.ports, kit.folder)))
    return kit.services[-1]


@pytest.fixture
def listener(kit: Kit) -> Service:
    kit.services.append(toy.set_up(toy.listener(kit.ports, kit.folder)))
    return kit.services[-1]


@pytest.fixture
def host(kit: Kit, listener: Service, proposer: Service) -> Iterator[Host]:
    found = Host([listener, proposer], kit.bus)
    yield found
    found.stop()


def heard(service: Service) -> set[str]:
    with service.db.read(service.system) as session:
        return set(session.scalars(select(toy.Heard.id)))


def test_nothing_is_under_way_once_it_is_said_to_be_settled(host: Host, proposer: Service, listener: Service) -> None:
    host.start()
    for number in range(20):
        proposed = proposer.do(toy.LEAD, toy.propose, name=str(number)).value["id"]

        assert host.wait_until_settled(PATIENCE_SECONDS)

        assert proposed in heard(listener)
        with proposer.db.read(proposer.system) as session:
            assert session.get_one(toy.Proposal, proposed).answers == 1, "the listener's answer has come back too"


def test_an_event_on_its_way_between_two_services_is_not_overlooked(
    host: Host, proposer: Service, listener: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposer.do(toy.LEAD, toy.propose, name="first")
    look = proposer.backlog

    def look_just_after_it_was_sent() -> Backlog:
        proposer.relay()
        return look()

    monkeypatch.setattr(proposer, "backlog", look_just_after_it_was_sent)

    assert not host.settled(), "the listener was looked at before the event reached it"
    assert not host.settled(), "and now it is unread"


def test_while_relays_stand_still_nothing_settles(host: Host, proposer: Service, listener: Service) -> None:
    host.start()
    host.pause_relays(True)
    proposer.do(toy.LEAD, toy.propose, name="first")

    assert not host.wait_until_settled(0.3)
    assert heard(listener) == set()

    host.pause_relays(False)
    assert host.wait_until_settled(PATIENCE_SECONDS)
    assert len(heard(listener)) == 1


def test_what_was_written_by_another_process_is_found(host: Host, proposer: Service, listener: Service) -> None:
    host.start()
    assert host.wait_until_settled(PATIENCE_SECONDS)

    with proposer.db.write(proposer.system) as session:  # as `onevisit dead retry` does: nobody is woken
        payloads = [CampaignClosed(county=COUNTY, campaign="C-1")]
        proposer.say(session.connection(), payloads, cause="x", at=proposer.ports.clock.now(), correlation_id="x")

    assert host.wait_until_settled(PATIENCE_SECONDS)
    assert heard(listener) == {"C-1"}


def test_an_event_that_waits_runs_as_soon_as_a_command_brings_what_it_waits_for(
    host: Host, kit: Kit, proposer: Service, listener: Service
) -> None:
    waits_for = "C-640221-2018-001"
    absent = DrawVoided(
        county=COUNTY, campaign=waits_for, draw="D-1", attempt=1, reason="commitment_missing", absent=("GA",)
    )
    kit.feed(listener, absent)
    assert listener.backlog().waiting == 1
    host.start()

    started = time.monotonic()
    proposer.do(toy.LEAD, toy.propose, name="first")
    assert host.wait_until_settled(PATIENCE_SECONDS)

    assert listener.backlog().waiting == 0
    assert time.monotonic() - started < PATIENCE_SECONDS / 2
