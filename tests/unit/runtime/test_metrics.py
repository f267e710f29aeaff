"""What Prometheus is told of services: read back by its own parser, and counted where it is known what must come out."""

import socket
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import sqlalchemy.exc
from fastapi.responses import Response
from fastapi.routing import APIRoute
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from runtime.errors import TryAgain
from runtime.service import Gauge, Service, settle
from runtime.store.plumbing import outbox
from runtime.web.metrics import MetricsPortTaken, metrics_route, watched_on
from schemas.events.campaigns import CampaignCancelled, CampaignClosed
from schemas.events.draws import DrawVoided
from schemas.events.payload import Payload
from tests.conformance import toy
from tests.kit import COUNTY, Kit

Told = dict[tuple[str, str], float]


class Away(TryAgain):
    """The broker does not answer."""

    code = "test.away"


@pytest.fixture
def services(kit: Kit) -> list[Service]:
    kit.services += [toy.set_up(toy.proposer(kit.ports, kit.folder)), toy.set_up(toy.listener(kit.ports, kit.folder))]
    return kit.services


def told(services: Sequence[Service]) -> Told:
    """Ask as Prometheus does: {(figure, service): value}."""
    return read(text_of(services))


def text_of(services: Sequence[Service]) -> str:
    route = metrics_route(services)
    assert isinstance(route, APIRoute)
    answer: Response = route.endpoint()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return bytes(answer.body).decode()


def read(text: str) -> Told:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name.removeprefix("onevisit_"), one.labels.get("service", "")): one.value for one in samples}


def test_what_stands_in_outbox_and_on_the_bus_is_counted(services: list[Service]) -> None:
    planner, notifier = services
    for number in range(3):
        planner.do(toy.LEAD, toy.propose, name=str(number))
    with planner.db.write_plumbing() as connection:
        connection.execute(update(outbox).values(written_at=time.time() - 90))

    before = told(services)
    planner.relay()
    sent = told(services)
    settle(services)
    after = told(services)

    assert before["outbox_depth", "planner"] == 3
    assert 90 <= before["outbox_age_seconds", "planner"] < 120
    assert before["consumer_lag", "notifier"] == 0
    assert (sent["outbox_depth", "planner"], sent["outbox_age_seconds", "planner"]) == (0, 0)
    assert sent["consumer_lag", "notifier"] == 3
    assert after["consumer_lag", "notifier"] == after["consumer_lag", "planner"] == 0
    assert after["events_handled_total", "notifier"] == after["events_handled_total", "planner"] == 3
    assert after["batch_seconds_count", "notifier"] == 1
    assert after["batch_seconds_sum", "notifier"] == notifier.batch_seconds > 0
    assert ("process_resident_memory_bytes", "") in after


def test_what_waits_is_parked_or_came_again_is_counted(kit: Kit, services: list[Service]) -> None:
    notifier = services[1]
    closed = CampaignClosed(county=COUNTY, campaign="C-1")
    absent = DrawVoided(county=COUNTY, campaign="C-2", draw="D", attempt=1, reason="commitment_missing", absent=("GA",))
    nobody: Payload = CampaignCancelled(county=COUNTY, campaign="C-3")  # a bug of the toy: it is not there

    kit.feed(notifier, closed, again=True)
    kit.feed(notifier, absent)
    kit.feed(notifier, nobody)

    found = told(services)
    assert found["duplicates_dropped_total", "notifier"] == 1
    assert found["events_waiting", "notifier"] == 2
    assert found["events_parked", "notifier"] == 0

    for _ in range(4):
        time.sleep(0.01)
        notifier.processor.look_at_waiting()
        with notifier.db.write_plumbing() as connection:
            connection.exec_driver_sql("update waiting set retry_at = 0 where retry_at is not null")
        notifier.processor.run_ready()

    assert told(services)["events_waiting", "notifier"] == 1
    assert told(services)["events_parked", "notifier"] == 1


def test_a_services_own_gauges_are_counted_over_all_agencies(services: list[Service]) -> None:
    planner, _ = services
    planner.gauges = (Gauge("proposals", "so many", lambda session, actor, now: session.query(toy.Proposal).count()),)
    planner.do(toy.LEAD, toy.propose, name="first")

    assert told(services)["proposals", "planner"] == 1


def test_a_broker_that_is_away_leaves_out_only_what_it_alone_knows(
    services: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*asked: object) -> Any:
        raise Away()

    monkeypatch.setattr(services[0].ports.bus, "heads", away)

    found = told(services)

    assert found["up", "planner"] == found["up", "notifier"] == 1
    assert found["outbox_depth", "planner"] == 0
    assert not [name for name, _ in found if name == "consumer_lag"]


def test_a_database_that_is_away_shows_as_down_and_the_others_are_told(
    services: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise sqlalchemy.exc.TimeoutError("no connection left")

    monkeypatch.setattr(services[0], "standing", away)

    found = told(services)

    assert (found["up", "planner"], found["up", "notifier"]) == (0, 1)
    assert ("outbox_depth", "planner") not in found
    assert found["outbox_depth", "notifier"] == 0


def test_a_bug_in_a_figure_is_not_taken_for_a_database_that_is_away(
    services: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: Callable[..., int] = lambda session, actor, now: 1 // 0  # noqa: E731
    services[0].gauges = (Gauge("broken", "never", broken),)

    with pytest.raises(ZeroDivisionError):
        told(services)


def test_a_process_with_pages_tells_on_a_port_of_its_own(services: list[Service]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free_port = probe.getsockname()[1]
    with watched_on("127.0.0.1", free_port, services):
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=10) as answer:
            found = read(answer.read().decode())
        with pytest.raises(MetricsPortTaken) as taken, watched_on("127.0.0.1", free_port, services):
            pass

    assert found["up", "planner"] == 1
    assert taken.value.facts["port"] == free_port
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=10)


def test_labels_name_services_and_nothing_else(services: list[Service]) -> None:
    services[0].do(toy.LEAD, toy.propose, name="某某公司")
    text = text_of(services)

    labels: list[Mapping[str, str]] = [
        one.labels for family in text_string_to_metric_families(text) for one in family.samples
    ]
    assert {key for one in labels for key in one} == {"service"}
    assert "某某公司" not in text
