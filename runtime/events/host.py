"""
The embedded host: a worker thread and a relay thread per service, and one thread for timers, in one process.

Whatever goes wrong in a thread that is not about one event (a database that is locked or away) is waited out.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import structlog

from runtime.errors import OneVisitError
from runtime.events.embedded import EmbeddedLog
from runtime.service import Service
from runtime.time.timers import next_due, run_due

IDLE_SECONDS = 0.5
TIMER_SECONDS = 1.0
TROUBLE_SECONDS = 1.0

log = structlog.get_logger()


class Host:
    """Runs services on the embedded log until stopped."""

    def __init__(
        self, services: Sequence[Service], bus: EmbeddedLog, *, timers: Callable[[], bool] = lambda: True
    ) -> None:
        """
        Args:
            services: What to run.
            bus: The log they share.
            timers: Tells whether timers run by themselves now (not while a simulated clock stands still).
        """
        self.services = services
        self.bus = bus
        self._timers_run = timers
        self._stop = threading.Event()
        self._pause_relays = threading.Event()
        self._threads: list[threading.Thread] = []
        self._outbox = {service.name: threading.Event() for service in services}

    def start(self) -> None:
        """Start all threads."""
        for service in self.services:
            service.on_commit = self._outbox[service.name].set
            service.on_ready = self.bus.wake
            self._spawn(f"{service.name}-relay", partial(self._relay, service))
            if service.handlers:
                self._spawn(f"{service.name}-worker", partial(self._work, service))
        self._spawn("timers", self._run_timers)

    def stop(self, seconds: float = 10.0) -> None:
        """Ask all threads to end after what they are doing, and wait for them."""
        self._stop.set()
        for wake in self._outbox.values():
            wake.set()
        self.bus.wake()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def pause_relays(self, paused: bool) -> None:
        """Stop or continue sending; for tests that show commands do not depend on it."""
        (self._pause_relays.set if paused else self._pause_relays.clear)()

    def settled(self) -> bool:
        """Tell whether nothing is under way in any service."""
        return all(service.backlog().settled for service in self.services)

    def wait_until_settled(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is under way; False if *seconds* did not suffice."""
        end = time.monotonic() + seconds
        while not self._stop.is_set() and time.monotonic() < end:
            if self.settled():
                return True
            time.sleep(0.01)
        return False

    def _spawn(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _relay(self, service: Service) -> None:
        wake = self._outbox[service.name]
        while not self._stop.is_set():
            moved = 0
            if not self._pause_relays.is_set():
                moved = self._guarded(service, service.relay)
            if not moved:
                wake.wait(IDLE_SECONDS)
                wake.clear()

    def _work(self, service: Service) -> None:
        seen = 0
        while not self._stop.is_set():
            if not self._guarded(service, service.consume):
                seen = self.bus.wait(seen, IDLE_SECONDS)

    def _run_timers(self) -> None:
        while not self._stop.is_set():
            if self._timers_run():
                for service in self.services:
                    self._guarded(service, partial(run_due, service, service.ports.clock.now()))
            self._stop.wait(TIMER_SECONDS)

    def _guarded(self, service: Service, work: Callable[[], int]) -> int:
        try:
            return work()
        except Exception as error:
            if not isinstance(error, OneVisitError):
                log.error("host.trouble", service=service.name, exc_info=error)
            self._stop.wait(TROUBLE_SECONDS)
            return 0


def earliest_timer(services: Sequence[Service]) -> tuple[datetime, Service] | None:
    """Find the service whose timer is due first: (moment, service)."""
    found = [
        (due[0], service) for service in services if (due := next_due(service, service.ports.clock.now())) is not None
    ]
    return min(found, key=lambda pair: (pair[0], pair[1].name), default=None)
