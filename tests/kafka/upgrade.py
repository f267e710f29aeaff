"""
A toy in two releases, each a worker process: N counts returned results, N+1 also keeps the day they are wanted again.

The day came with the second version of the event, and has a column of its own since N+1's migration.
"""

import signal
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from runtime.events.handling import Received, handles
from runtime.events.kafka import KafkaBus
from runtime.events.kafka_settings import KafkaSettings
from runtime.service import Service
from runtime.store import ANNOTATIONS, Owned
from runtime.store.database import Database
from runtime.store.migrate import pending
from schemas.events.results import ResultReturned
from tests.conformance import toy
from tests.conformance.platforms import MAKERS, host_class
from tests.kit import COUNTY

SESSION_SECONDS = 3.0
LISTEN_SECONDS = 600.0


class BaseN(DeclarativeBase):
    """The tables of release N."""

    type_annotation_map = ANNOTATIONS


class BaseN1(DeclarativeBase):
    """The tables of release N+1."""

    type_annotation_map = ANNOTATIONS


class ReturnedN(Owned, BaseN):
    """How often a visit's section was returned."""

    __tablename__ = "returned"
    __table_args__ = {"info": {"kind": "projection"}}
    id: Mapped[str] = mapped_column(primary_key=True)
    times: Mapped[int]


class ReturnedN1(Owned, BaseN1):
    """The same, and by when it is wanted again."""

    __tablename__ = "returned"
    __table_args__ = {"info": {"kind": "projection"}}
    id: Mapped[str] = mapped_column(primary_key=True)
    times: Mapped[int]
    again_on: Mapped[date | None]


@handles(ResultReturned)
def count(event: Received[ResultReturned], blobs: Mapping[str, bytes], session: Session) -> None:
    """Count, as release N does."""
    row = session.get(ReturnedN, event.data.visit)
    if row is None:
        row = ReturnedN(id=event.data.visit, times=0, county=COUNTY, owner_agency="JT")
        session.add(row)
    row.times += 1


@handles(ResultReturned)
def count_and_keep(event: Received[ResultReturned], blobs: Mapping[str, bytes], session: Session) -> None:
    """Count, and keep the day if one was said."""
    row = session.get(ReturnedN1, event.data.visit)
    if row is None:
        row = ReturnedN1(id=event.data.visit, times=0, county=COUNTY, owner_agency="JT")
        session.add(row)
    row.times += 1
    if event.data.again is not None:
        row.again_on = event.data.again.due_on


RELEASES = {"N": (BaseN, count), "N+1": (BaseN1, count_and_keep)}

FIRST = """import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001_first", None


def upgrade():
    op.create_table(
        "returned",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("county", sa.String(128), nullable=False),
        sa.Column("owner_agency", sa.String(128), nullable=False),
    )
"""
SECOND = """import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002_again_on", "0001_first"


def upgrade():
    op.add_column("returned", sa.Column("again_on", sa.Date(), nullable=True))
"""


def migrations(home: Path, release: str) -> Path:
    """Write a release's migrations and return their folder."""
    folder = home / f"migrations-{release}"
    folder.mkdir(exist_ok=True)
    (folder / "0001_first.py").write_text(FIRST, encoding="ascii")
    if release == "N+1":
        (folder / "0002_again_on.py").write_text(SECOND, encoding="ascii")
    return folder


def database(home: Path, release: str) -> Database:
    """Open the toy's database as a release does."""
    return MAKERS["postgres"]("notifier", home, RELEASES[release][0])


def main(home: Path, release: str, ordinal: int, host: str) -> int:
    """Be a worker of a release until SIGTERM; refuse a database that it would have to migrate."""
    base, handler = RELEASES[release]
    bus = KafkaBus(KafkaSettings())
    service = Service(
        name="notifier",
        base=base,
        ports=toy.ports(home, bus),
        db=database(home, release),
        migrations=migrations(home, release),
        handlers_marked=[handler],
        county=COUNTY,
    )
    assert pending(service.db, service.migrations) == []
    options = {"scratch": home / f"faust-{release}"} if host == "faust" else {}
    running = host_class(host)([service], ordinal=ordinal, session_seconds=SESSION_SECONDS, **options)
    signal.signal(signal.SIGTERM, lambda number, frame: running.ended.set())
    running.start()
    print("started", flush=True)
    running.ended.wait(LISTEN_SECONDS)
    print(f"handled {service.handled}", flush=True)
    crashed = running.crashed
    running.stop()
    bus.close()
    return 70 if crashed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
