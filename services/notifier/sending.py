"""
The sender: drains the queues of all webhooks, each in a thread of its own, so that a slow receiver delays nobody else; nor do
many slow ones, who have places of their own, nor one agency's (``domain/places.py``).

At least once: a try is written down after it was made, and one that was cut off by a kill is made again. In order per subject:
what waits holds back what comes after it on the same subject, and nothing else.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from runtime.log.bare import bare
from runtime.service import Errand, Service
from schemas.webhooks import headers
from services.notifier.commands_webhooks import forget_ended, note_try
from services.notifier.domain.places import Line, who_is_next
from services.notifier.domain.webhooks import forgotten_before
from services.notifier.outgoing import Answer, post
from services.notifier.pushing import PLACES, RULES, real_now
from services.notifier.queries_webhooks import Parcel, next_parcel, webhooks_due

SECRET = "webhook.secret"  # noqa: S105  # purpose of the seal
LOOK_SECONDS = 1.0  # between two looks at the queue
SWEEP_SECONDS = 3600.0  # between two looks at what the log may forget
JSON = "application/cloudevents+json; charset=utf-8"

log = structlog.get_logger()
Post = Callable[..., Answer]


class Sender:
    """Sends what is due."""

    def __init__(self, service: Service, *, post: Post = post, now: Callable[[], datetime] = real_now) -> None:
        """
        Args:
            service: The notifier.
            post: How a request is made (`outgoing.post`).
            now: Real time.
        """
        self._service = service
        self._post = post
        self._now = now
        self._guard = threading.Lock()  # of what follows, which the receivers' threads write too
        self._called: dict[str, Line] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._seconds: dict[str, float] = {}  # webhook: how long its receiver took last, as far as this process knows
        self._turned: dict[str, int] = {}  # webhook: its last turn; who had none comes first, then whose is longest ago
        self._turns = 0
        self._others_wait = False
        self._look = threading.Event()  # a place is free

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; then wait for what is under way, which ends within the time of one try."""
        sweep_at = time.monotonic()
        while not stop.is_set():
            self._look.clear()
            self._call_next(self._service.ask(self._service.system, webhooks_due, now=self._now()), stop)
            if time.monotonic() >= sweep_at:
                self._sweep()
                sweep_at = time.monotonic() + SWEEP_SECONDS
            if self._others_wait:
                self._look.wait(LOOK_SECONDS)
            else:
                stop.wait(LOOK_SECONDS)
        for thread in self._threads.values():
            thread.join(RULES.try_seconds)

    def _call_next(self, due: Sequence[Line], stop: threading.Event) -> None:
        with self._guard:
            waiting = [
                replace(line, seconds=self._seconds.get(line.webhook, 0.0))
                for line in sorted(due, key=lambda line: self._turned.get(line.webhook, 0))
                if line.webhook not in self._called
            ]
            chosen = who_is_next(PLACES, waiting, self._called.values())
            for line in chosen:
                self._called[line.webhook] = line
                self._turns += 1
                self._turned[line.webhook] = self._turns
            self._others_wait = len(chosen) < len(waiting)
        for line in chosen:
            turn = partial(self._one_turn, line.webhook, stop)
            thread = threading.Thread(target=turn, name=f"push-{line.webhook}", daemon=True)
            self._threads[line.webhook] = thread
            thread.start()

    def drain(self, webhook: str, stopped: Callable[[], bool] = lambda: False) -> int:
        """Send a webhook's deliveries one after the other until none is due, or one fails; return how many arrived."""
        arrived = 0
        while not stopped():
            parcel = self._service.ask(self._service.system, next_parcel, webhook=webhook, now=self._now())
            if parcel is None or not self._send(parcel):
                break
            arrived += 1
        return arrived

    def _one_turn(self, webhook: str, stop: threading.Event) -> None:
        end = time.monotonic() + PLACES.turn_seconds
        trouble: Exception | None = None
        try:
            self.drain(webhook, lambda: stop.is_set() or (self._others_wait and time.monotonic() >= end))
        except Exception as error:  # the database is away, or closing; what was not written down is tried again
            trouble = error
            log.warning("webhook.trouble", webhook=webhook, **bare(error))
        with self._guard:
            del self._called[webhook]
        if trouble is None:  # else it would be looked at again at once, and fail again at once
            self._look.set()

    def _send(self, parcel: Parcel) -> bool:
        service, at = self._service, self._now()
        sealed = [parcel.secret, *([parcel.secret_before] if parcel.secret_before else [])]
        secrets = [service.ports.secrets.open(service.name, SECRET, one) for one in sealed]
        began = time.monotonic()
        answer = self._post(
            parcel.url,
            {
                "Content-Type": JSON,
                "User-Agent": "OneVisit-Webhooks/1",
                **headers(secrets, parcel.event, at, parcel.body),
            },
            parcel.body,
            seconds=RULES.try_seconds,
            loopback=loopback_allowed(service),
        )
        with self._guard:
            self._seconds[parcel.webhook] = time.monotonic() - began
        service.do(
            service.system,
            note_try,
            delivery=parcel.delivery,
            tried_at=at,
            status=answer.status,
            problem=answer.problem,
            milliseconds=answer.milliseconds,
        )
        good = answer.status is not None and 200 <= answer.status < 300
        if not good:
            log.info("webhook.not_taken", delivery=parcel.delivery, status=answer.status, problem=answer.problem)
        return good

    def _sweep(self) -> None:
        service = self._service
        for state, before in forgotten_before(RULES, self._now()).items():
            while service.do(service.system, forget_ended, state=state, before=before).value["gone"]:
                pass


def loopback_allowed(service: Service) -> bool:
    """Tell whether webhooks may go to this machine itself: a demo home whose operator said so."""
    return service.ports.demo and bool(service.settings.webhook_loopback)


ERRANDS = (Errand("push", lambda service, stop: Sender(service).run(stop)),)
