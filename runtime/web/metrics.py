"""
What Prometheus reads of a process and of the services it runs; no label but the service's name.

A process without pages answers ``/metrics`` beside ``/readyz``. One with pages tells nothing there, for that is the
public's address: it is given a port of its own (``--metrics-port``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from fastapi.responses import Response
from fastapi.routing import APIRoute
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.routing import BaseRoute

from runtime.errors import Conflict, TryAgain
from runtime.service import Service, Standing
from runtime.store.away import database_is_away

Found = TypeVar("Found")

STANDING: tuple[tuple[str, str, Callable[[Standing], int]], ...] = (
    ("outbox_depth", "events not sent yet", lambda found: found.unsent),
    (
        "events_refused",
        "unsent events that the bus will not take; each holds back its subject",
        lambda found: found.refused,
    ),
    ("events_waiting", "events that wait for something else", lambda found: found.waiting),
    ("events_parked", "events that could not be handled", lambda found: found.parked),
)


class MetricsPortTaken(Conflict):
    """Another process has the port on which this one was to be watched."""

    code = "serving.metrics_port_taken"


class Figures(Collector):
    """
    The figures of some services, looked up whenever they are asked for.

    Of the process, since its start: events, batches and their seconds, duplicates. Of the service, the same in each of its
    processes: what stands in its database, how far behind the bus it is, and its gauges. What cannot be had because
    database or broker is away is left out, and ``onevisit_up`` is 0 where it is the database.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self.services = services

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        yield from self._counted()
        found = {service.name: _unless_away(service.standing) for service in self.services}
        up = {name: int(standing is not None) for name, standing in found.items()}
        yield _gauges("up", "whether the service's database answers", up)
        for name, tells, of in STANDING:
            yield _gauges(name, tells, {service: of(standing) for service, standing in found.items() if standing})
        there = [(service, standing) for service in self.services if (standing := found[service.name])]
        ages = {service.name: _unless_away(service.unsent_seconds) for service, _ in there}
        yield _gauges("outbox_age_seconds", "since when the oldest event waits to be sent", ages)
        lags = {service.name: _unless_away(partial(service.unread, standing)) for service, standing in there}
        yield _gauges("consumer_lag", "events on the bus that were not handled yet", lags)
        for service, _ in there:
            for gauge in service.gauges:
                look = partial(service.ask, service.system, gauge.count, service.ports.clock.now())
                yield _gauges(gauge.name, gauge.tells, {service.name: _unless_away(look)})

    def _counted(self) -> Iterator[Metric]:
        handled = CounterMetricFamily("onevisit_events_handled", "events handled by this process", labels=["service"])
        twice = CounterMetricFamily("onevisit_duplicates_dropped", "events that came again", labels=["service"])
        batches = SummaryMetricFamily("onevisit_batch_seconds", "transactions that handle events", labels=["service"])
        for service in self.services:
            handled.add_metric([service.name], service.handled)
            twice.add_metric([service.name], service.duplicates)
            batches.add_metric([service.name], service.batches, service.batch_seconds)
        yield from (handled, twice, batches)


def registry_of(services: Sequence[Service]) -> CollectorRegistry:
    """Put the figures of *services* and of this process together."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(services))
    ProcessCollector(registry=registry)
    return registry


def metrics_route(services: Sequence[Service]) -> BaseRoute:
    """Make the route ``/metrics``, for processes that nobody outside reaches."""
    registry = registry_of(services)

    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return APIRoute("/metrics", metrics, methods=["GET"], include_in_schema=False)


@contextmanager
def watched_on(host: str, port: int, services: Sequence[Service]) -> Iterator[None]:
    """
    Answer Prometheus on a port of its own meanwhile.

    Raises:
        MetricsPortTaken: the port is another's.
    """
    try:
        server, thread = start_http_server(port, host, registry_of(services))
    except OSError as error:
        raise MetricsPortTaken(host=host, port=port) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _gauges(name: str, tells: str, values: Mapping[str, float | None]) -> Metric:
    family = GaugeMetricFamily(f"onevisit_{name}", tells, labels=["service"])
    for service, value in values.items():
        if value is not None:
            family.add_metric([service], value)
    return family


def _unless_away(look: Callable[[], Found]) -> Found | None:
    try:
        return look()
    except TryAgain:  # the broker
        return None
    except Exception as error:
        if database_is_away(error):
            return None
        raise
