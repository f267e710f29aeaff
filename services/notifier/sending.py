"""
The sender: drains the queues of all webhooks, each in a thread of its own, so that a slow receiver delays nobody else.

At least once: a try is written down after it was made, and one that was cut off by a kill is made again. In order per subject:
what waits holds back what comes after it on the same subject, and nothing else.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from runtime.log.bare import bare
from runtime.service import Errand, Service
from schemas.webhooks import headers
from services.notifier.commands_webhooks import forget_ended, note_try
from services.notifier.domain.webhooks import forgotten_before
from services.notifier.outgoing import Answer, post
from services.notifier.pushing import RULES, real_now
from services.notifier.queries_webhooks import Parcel, next_parcel, webhooks_due

SECRET = "webhook.secret"  # noqa: S105  # purpose of the seal
LOOK_SECONDS = 1.0  # between two looks at the queue
SWEEP_SECONDS = 3600.0  # between two looks at what the log may forget
AT_ONCE = 8  # receivers called at the same time
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
        self._busy: dict[str, threading.Thread] = {}
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; then wait for what is under way, which ends within the time of one try."""
        sweep = 0.0
        while not stop.is_set():
            for webhook in self._service.ask(self._service.system, webhooks_due, now=self._now()):
                self._start(webhook, stop)
            if sweep <= 0:
                self._sweep()
                sweep = SWEEP_SECONDS
            sweep -= LOOK_SECONDS
            stop.wait(LOOK_SECONDS)
        for thread in self._busy.values():
            thread.join(RULES.try_seconds)

    def drain(self, webhook: str, stopped: Callable[[], bool] = lambda: False) -> int:
        """Send a webhook's deliveries one after the other until none is due, or one fails; return how many arrived."""
        arrived = 0
        while not stopped():
            parcel = self._service.ask(self._service.system, next_parcel, webhook=webhook, now=self._now())
            if parcel is None or not self._send(parcel):
                break
            arrived += 1
        return arrived

    def _start(self, webhook: str, stop: threading.Event) -> None:
        self._busy = {name: thread for name, thread in self._busy.items() if thread.is_alive()}
        if webhook in self._busy:
            return
        thread = threading.Thread(target=partial(self._drain_one, webhook, stop), name=f"push-{webhook}", daemon=True)
        self._busy[webhook] = thread
        thread.start()

    def _drain_one(self, webhook: str, stop: threading.Event) -> None:
        try:
            with self._places:
                self.drain(webhook, stop.is_set)
        except Exception as error:  # the database is away, or closing; what was not written down is tried again
            log.warning("webhook.trouble", webhook=webhook, **bare(error))

    def _send(self, parcel: Parcel) -> bool:
        service, at = self._service, self._now()
        sealed = [parcel.secret, *([parcel.secret_before] if parcel.secret_before else [])]
        secrets = [service.ports.secrets.open(service.name, SECRET, one) for one in sealed]
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
