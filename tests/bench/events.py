"""Events a second through outbox → log → inbox with state, against the bare insert rate of SQLite in the same run."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from runtime.events.handling import Handler, Received
from runtime.service import Service
from schemas.events.campaigns import CampaignClosed
from tests.bench.figures import Figure
from tests.conformance import toy
from tests.kit import COUNTY, Kit

EVENTS = 5_000
BATCH = 100


HEARD: Table = toy.ListenerBase.metadata.tables["heard"]
COUNT = insert(HEARD).on_conflict_do_update(index_elements=["id"], set_={"times": HEARD.c.times + 1})
# built once: constructing a statement costs more than running it


def upserting() -> Handler:
    """Return the handler that keeps its state with one statement."""
    return Handler(CampaignClosed, (), True, count_by_upsert, "count_by_upsert")


def count_by_upsert(event: Received[CampaignClosed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Keep state with one statement per event, as a projection at volume does."""
    row = {"id": event.data.campaign, "times": 1, "cancelled": False, "voided": 0}
    session.connection().execute(COUNT, {**row, "county": COUNTY, "owner_agency": "JT"})


def bare_inserts(folder: Path) -> float:
    """Insert rows of an event's size, 100 a transaction, WAL and synchronous=FULL: rows a second."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (id TEXT PRIMARY KEY, body BLOB)")
    started = time.perf_counter()
    for first in range(0, EVENTS, BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO t VALUES (?,?)", [(f"{n:036}", b"x" * 549) for n in range(first, first + BATCH)]
        )
        connection.execute("COMMIT")
    connection.close()
    return EVENTS / (time.perf_counter() - started)


def through_everything(folder: Path, handler: Handler | None, events: int = EVENTS) -> float:
    """Say, relay, log, read, handle with state: events a second for the whole way."""
    folder.mkdir()
    kit = Kit(folder)
    sender, receiver = toy.set_up(toy.proposer(kit.ports, folder)), toy.set_up(toy.listener(kit.ports, folder))
    kit.services += [sender, receiver]
    if handler is not None:
        receiver.processor.handlers[CampaignClosed] = (handler,)
    else:
        receiver.processor.handlers[CampaignClosed] = receiver.processor.handlers[CampaignClosed][:1]
    started = time.perf_counter()
    for first in range(0, events, BATCH):
        _say(sender, first, kit)
    while sender.relay():
        pass
    while receiver.consume(BATCH):
        pass
    seconds = time.perf_counter() - started
    assert receiver.handled == events
    kit.close()
    return events / seconds


def _say(sender: Service, first: int, kit: Kit) -> None:
    payloads = [CampaignClosed(county=COUNTY, campaign=f"C-{n}") for n in range(first, first + BATCH)]
    with sender.db.write(sender.system) as session:
        sender.say(session.connection(), payloads, cause=f"bench-{first}", at=kit.clock.now(), correlation_id="bench")


def figures() -> Iterator[Figure]:
    """Measure both ways of keeping state against bare inserts."""
    with tempfile.TemporaryDirectory() as scratch:
        bare = bare_inserts(Path(scratch))
        whole = through_everything(Path(scratch) / "upsert", upserting())
        orm = through_everything(Path(scratch) / "orm", None)
    baseline = "bare SQLite inserts of the same size, 100 a transaction"
    yield Figure("outbox → log → inbox with state (one upsert)", whole, "events/s", baseline, bare, "≥ 4,000")
    yield Figure("the same with an ORM handler (get, then add)", orm, "events/s", baseline, bare)
