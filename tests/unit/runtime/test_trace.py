"""One trace id from a click to what comes of it in other services, in events and in log lines."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import structlog
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from runtime.errors import Rejected
from runtime.events.handling import Received, handles
from runtime.log.trace import trace_id, traceparent_in, traceparent_of
from runtime.service import Service, settle
from schemas.events.campaigns import CampaignClosed
from schemas.topics import TOPICS
from tests.conformance import toy
from tests.kit import Kit

CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALLERS_ID = "0af7651916cd43dd8448eb211c80319c"


class Refused(Rejected):
    """Whatever it is, the service does not take it."""

    code = "test.refused"


@handles(CampaignClosed)
def refuse(event: Received[CampaignClosed], blobs: Mapping[str, bytes], session: Session) -> None:
    raise Refused()


@pytest.fixture
def services(kit: Kit) -> list[Service]:
    kit.services += [toy.set_up(toy.proposer(kit.ports, kit.folder)), toy.set_up(toy.listener(kit.ports, kit.folder))]
    return kit.services


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as caught:
        yield caught


def events(kit: Kit) -> list[dict[str, Any]]:
    """Everything that was said, in its order."""
    return [json.loads(record.body) for record in kit.bus.read(sorted(TOPICS), {}, 1_000)]


def test_a_callers_trace_goes_along_to_the_answer_of_another_service(kit: Kit, services: list[Service]) -> None:
    with structlog.contextvars.bound_contextvars(traceparent=CALLERS):  # as the guard does
        services[0].do(toy.LEAD, toy.propose, name="first")
    settle(services)

    found = events(kit)
    assert [one["source"] for one in found] == ["onevisit/planner", "onevisit/notifier"]
    assert {one["traceparent"] for one in found} == {CALLERS}


def test_without_one_it_derives_from_the_request_and_is_the_same_when_that_comes_again(
    kit: Kit, services: list[Service]
) -> None:
    for _ in range(2):
        services[0].do(toy.LEAD, toy.propose, key="once", name="first")
    services[0].do(toy.LEAD, toy.propose, key="twice", name="second")
    settle(services)

    found = events(kit)
    traces = {trace_id(one["traceparent"]) for one in found}
    assert len(found) == 4
    assert traces == {one["correlationid"].replace("-", "") for one in found}
    assert len(traces) == 2


def test_lines_of_command_and_handlers_bear_it_and_no_line_after(
    services: list[Service], lines: list[dict[str, Any]]
) -> None:
    with structlog.contextvars.bound_contextvars(traceparent=CALLERS):
        services[0].do(toy.LEAD, toy.propose, name="first")
    settle(services)

    structlog.get_logger().info("afterwards")

    traced = [(line["event"], line["service"]) for line in lines if line.get("trace_id") == CALLERS_ID]
    assert traced == [("command.done", "planner"), ("event.run", "notifier"), ("event.run", "planner")]
    assert [line["event"] for line in lines if "trace_id" not in line] == ["afterwards"]


def test_an_event_that_is_parked_says_so_under_its_own_trace(
    kit: Kit, services: list[Service], lines: list[dict[str, Any]]
) -> None:
    marked: Any = refuse
    services[1].processor.handlers[CampaignClosed] = (marked.handler,)
    with structlog.contextvars.bound_contextvars(traceparent=CALLERS):
        services[0].do(toy.LEAD, toy.propose, name="first")
    settle(services)

    assert [line["trace_id"] for line in lines if line["event"] == "event.parked"] == [CALLERS_ID]
    assert events(kit)[-1]["type"] == "onevisit.event.parked.v1"
    assert events(kit)[-1]["traceparent"] == CALLERS


def test_what_is_derived_is_a_traceparent() -> None:
    cause = str(uuid.uuid4())

    assert traceparent_in(traceparent_of(cause)) == traceparent_of(cause)
    assert trace_id(traceparent_of(cause)) == uuid.UUID(cause).hex


@pytest.mark.parametrize("header", ["", "00-short-1-01", CALLERS.upper(), CALLERS + "\n", CALLERS + "-more"])
def test_what_is_none_is_left_out(header: str) -> None:
    assert traceparent_in(header) is None
