"""
The embedded host: a worker and a relay thread per service, one for each of its errands, and one for timers, in one process.

Whatever goes wrong in a thread that is not about one event (a database that is locked or away) is waited out.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import structlog

from runtime.errors import NotYet, OneVisitError, TryAgain
from runtime.events.bus import EventBus
from runtime.log.bare import bare
from runtime.service import CONSUME_BATCH, RELAY_BATCH, Errand, Service
from runtime.time.timers import next_due, run_due
from schemas.topics import TOPICS

IDLE_SECONDS = 1.0  # between two looks of a thread that nobody wakes: another process may have written
UNSETTLED_SECONDS = 0.1  # until somebody who waits for rest looks again, though nobody told of it
TIMER_SECONDS = 1.0
TROUBLE_SECONDS = 1.0
TELL_AGAIN_SECONDS = 60.0  # until the same trouble is logged again

log = structlog.get_logger()


class Host:
    """Runs services on the embedded log until stopped."""

    def __init__(
        self, services: Sequence[Service], bus: EventBus, *, timers: Callable[[], bool] = lambda: True
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
        self._rested = threading.Condition()  # told whenever a thread has nothing more to do
        self._at_work = 0  # relays and workers that have something to do
        self._topics = sorted(TOPICS)
        self.ended = threading.Event()
        self.crashed: str | None = None  # why it cannot go on
        self._told: dict[tuple[str, str, str], tuple[float | None, int]] = {}  # trouble: logged at, times since

    def start(self) -> None:
        """Start all threads."""
        for service in self.services:
            service.on_commit = self._outbox[service.name].set
            service.on_ready = self.bus.wake
            self._spawn(f"{service.name}-relay", partial(self._relay, service))
            if service.handlers:
                self._spawn(f"{service.name}-worker", partial(self._work, service))
            for errand in service.errands:
                self._spawn(f"{service.name}-{errand.name}", partial(self._run_errand, service, errand, self._stop))
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
        self.ended.set()

    def pause_relays(self, paused: bool) -> None:
        """Stop or continue sending; for tests that show commands do not depend on it."""
        (self._pause_relays.set if paused else self._pause_relays.clear)()
        for wake in self._outbox.values():
            wake.set()

    def settled(self) -> bool:
        """
        Tell whether nothing is under way in any service.

        Services are looked at one after the other, so what is sent meanwhile could pass from one not yet looked at to
        one looked at before: whatever was appended on the way, the answer is no.
        """
        before = self.bus.generation(self._topics)
        return (
            all(service.backlog().settled for service in self.services) and self.bus.generation(self._topics) == before
        )

    def wait_until_settled(self, seconds: float = 60.0) -> bool:
        """Wait until nothing is under way; False if *seconds* did not suffice."""
        end = time.monotonic() + seconds
        with self._rested:
            while not self._stop.is_set() and time.monotonic() < end:
                if not self._at_work and self.settled():
                    return True
                self._rested.wait(UNSETTLED_SECONDS)
        return False

    def _spawn(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _relay(self, service: Service) -> None:
        wake = self._outbox[service.name]
        wake.set()  # what an earlier process left in the outbox
        while self._may_relay(service):
            wake.wait(IDLE_SECONDS)
            with self._working():
                wake.clear()  # before sending: what is written meanwhile says so again
                while not self._pause_relays.is_set() and self._guarded(service, "relay", service.relay) == RELAY_BATCH:
                    pass

    def _may_relay(self, service: Service) -> bool:
        return not self._stop.is_set()

    def _work(self, service: Service) -> None:
        processor = service.processor
        while not self._stop.is_set():
            seen = self.bus.generation(processor.topics)  # before reading: what is appended meanwhile is not slept over
            with self._working():
                moved = self._guarded(service, "worker", service.consume)
            more = moved >= CONSUME_BATCH or (moved and processor.may_be_ready)
            if not more and not self._stop.is_set():
                self.bus.wait(processor.topics, seen, min(IDLE_SECONDS, processor.seconds_to_look))

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._rested:
            self._at_work += 1
        try:
            yield
        finally:
            with self._rested:
                self._at_work -= 1
                self._rested.notify_all()

    def _run_errand(self, service: Service, errand: Errand, stop: threading.Event) -> None:
        def run() -> int:
            errand.run(service, stop)
            return 0

        while not stop.is_set():  # it runs until then by itself, unless the database goes away under it
            self._guarded(service, errand.name, run)

    def _run_timers(self) -> None:
        while not self._stop.is_set():
            for service in self.services:
                self._guarded(service, "timers", partial(self._run_due, service))
            self._stop.wait(TIMER_SECONDS)

    def _run_due(self, service: Service) -> int:
        if not self._timers_run():
            return 0
        return run_due(service, service.ports.clock.now(), tell=partial(self._tell_timer, service))

    def _tell_timer(self, service: Service, timer: str, error: Exception) -> None:
        self._tell(service, f"timer {timer}", error)

    def _guarded(self, service: Service, part: str, work: Callable[[], int]) -> int:
        try:
            return work()
        except Exception as error:
            self._tell(service, part, error)
            self._stop.wait(TROUBLE_SECONDS)
            return 0

    def _tell(self, service: Service, part: str, error: Exception) -> None:
        """Log a trouble; the same one, tried again and again, once a minute with how often it came in between."""
        code = error.code if isinstance(error, OneVisitError) else type(error).__name__
        which, now = (service.name, part, code), time.monotonic()
        told_at, untold = self._told.get(which, (None, 0))
        if told_at is not None and now - told_at < TELL_AGAIN_SECONDS:
            self._told[which] = told_at, untold + 1
            return
        self._told[which] = now, 0
        say = log.warning if isinstance(error, TryAgain | NotYet) else log.error
        say("host.trouble", service=service.name, part=part, repeated=untold, **bare(error))


def earliest_timer(services: Sequence[Service]) -> tuple[datetime, Service] | None:
    """Find the service whose timer is due first: (moment, service)."""
    found = [
        (due[0], service) for service in services if (due := next_due(service, service.ports.clock.now())) is not None
    ]
    return min(found, key=lambda pair: (pair[0], pair[1].name), default=None)
