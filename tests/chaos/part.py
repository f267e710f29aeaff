"""
One process of an installation under chaos: the real command line, forked from a process that has imported it already.

A worker that starts as usual imports for two seconds, so on two cores most of a thousand kills would be spent importing.
Forked, it opens databases and broker for itself and dies by SIGKILL as any other.

The services are the real ones with one handler more, which writes down every event it is run for, in the same transaction
and without any key that would hide a repeat.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

import onevisit.serving  # noqa: F401  what the commands import when they run: here, once for all that are forked
import runtime.events.faust_host
import runtime.events.kafka_host
import runtime.store.postgres  # noqa: F401
from onevisit import cli, system
from runtime.events.handling import Received, handles
from runtime.service import Service
from schemas.events.notices import NoticeDelivered
from schemas.events.results import VisitScheduled

COUNTED = ("planner", "notifier")  # the services that hear of a visit's day
TABLE = "CREATE TABLE chaos_count (number bigserial PRIMARY KEY, kind text, event text, subject text, said text)"
_COUNT = text("INSERT INTO chaos_count (kind, event, subject, said) VALUES (:kind, :event, :subject, :said)")


@handles(VisitScheduled)
def count_day(event: Received[VisitScheduled], blobs: Mapping[str, bytes], session: Session) -> None:
    """Write down that a visit's day was handled."""
    _count(event, session, "visit", event.data.visit, event.data.visit_on.isoformat())


@handles(NoticeDelivered)
def count_notice(event: Received[NoticeDelivered], blobs: Mapping[str, bytes], session: Session) -> None:
    """Write down that a notice was handled."""
    _count(event, session, "notice", event.data.notice, "")


def _count(event: Received[Any], session: Session, kind: str, subject: str, said: str) -> None:
    session.connection().execute(_COUNT, {"kind": kind, "event": event.id, "subject": subject, "said": said})


def counting(make: Callable[..., Service], further: Sequence[Any]) -> Callable[..., Service]:
    """Make the same service with *further* handlers."""

    def made(*arguments: Any) -> Service:
        service = make(*arguments)
        return replace(service, handlers_marked=[*service.handlers_marked, *further])

    return made


def _end_with_the_storm() -> None:
    storm = multiprocessing.parent_process()
    assert storm is not None
    storm.join()  # which ends only if it was killed itself
    os._exit(1)


def run(words: Sequence[str], output: Path, environment: Mapping[str, str]) -> None:
    """Be ``onevisit WORDS``; what it says goes to *output*. The fork server has the *environment* of the first storm."""
    os.environ |= environment
    threading.Thread(target=_end_with_the_storm, name="storm", daemon=True).start()
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    system.OTHERS = {
        **system.OTHERS,
        "planner": counting(system.OTHERS["planner"], [count_day, count_notice]),
        "notifier": counting(system.OTHERS["notifier"], [count_day]),
    }
    sys.argv = ["onevisit", *words]
    cli.main()
