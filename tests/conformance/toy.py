"""Two small services on the real runtime: planner proposes, notifier counts and answers; for the conformance suite only."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from runtime.entropy import DemoEntropy
from runtime.errors import NotYet, Rejected
from runtime.events.bus import EventBus
from runtime.events.embedded import EmbeddedLog
from runtime.events.handling import Received, arrived, handles
from runtime.events.kafka_settings import KafkaSettings
from runtime.files.blobs import BlobStore
from runtime.secrets import Secrets
from runtime.service import Ports, Reply, Service
from runtime.store import ANNOTATIONS, Actor, Owned, derived_id, next_id
from runtime.store.digest import state_digests
from runtime.store.migrate import migrate
from schemas.events.campaigns import CampaignCancelled, CampaignClosed
from schemas.events.draws import DrawVoided
from schemas.events.notices import NoticeDelivered
from schemas.vocabulary import SERVICES, Role
from tests.conformance.platforms import MAKERS, Platform, host_class
from tests.kit import COUNTY, SetClock

SETTLE_SECONDS = 150.0
PACE_SECONDS = 0.01  # between two of an unlimited flow
LISTEN_SECONDS = 300.0
LOOK_SECONDS = 0.01
LEAD = Actor("jt-plan", "JT", COUNTY, frozenset({Role.PLANNER}))


class ProposerBase(DeclarativeBase):
    """The proposer's tables."""

    type_annotation_map = ANNOTATIONS


class ListenerBase(DeclarativeBase):
    """The listener's tables."""

    type_annotation_map = ANNOTATIONS


class Proposal(Owned, ProposerBase):
    """Something proposed."""

    __tablename__ = "proposal"
    __table_args__ = {"info": {"kind": "owned"}}
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    answers: Mapped[int] = mapped_column(default=0)


class Heard(Owned, ListenerBase):
    """What the listener knows of a proposal; counts every handling, so that a doubled one shows."""

    __tablename__ = "heard"
    __table_args__ = {"info": {"kind": "projection"}}
    id: Mapped[str] = mapped_column(primary_key=True)
    times: Mapped[int]
    cancelled: Mapped[bool] = mapped_column(default=False)
    voided: Mapped[int] = mapped_column(default=0)


class NameTaken(Rejected):
    """Names are given once."""

    code = "toy.name_taken"


def propose(session: Session, actor: Actor, *, at: datetime, name: str) -> Reply:
    """Propose *name*, once."""
    if session.scalar(select(Proposal).where(Proposal.name == name)):
        raise NameTaken(name=name)
    row = Proposal(id=next_id(session, "C", COUNTY, 2018), name=name, county=COUNTY, owner_agency=actor.agency)
    session.add(row)
    return Reply([CampaignClosed(county=COUNTY, campaign=row.id)], {"id": row.id})


def withdraw(session: Session, actor: Actor, *, at: datetime, proposal: str) -> list[CampaignCancelled]:
    """Withdraw a proposal."""
    return [CampaignCancelled(county=COUNTY, campaign=session.get_one(Proposal, proposal).id)]


@handles(CampaignClosed, replay=True)
def hear(event: Received[CampaignClosed], blobs: Mapping[str, bytes], session: Session) -> None:
    """Note the proposal."""
    row = session.get(Heard, event.data.campaign)
    if row is None:
        row = Heard(id=event.data.campaign, times=0, cancelled=False, voided=0, county=COUNTY, owner_agency="JT")
        session.add(row)
    row.times += 1
    arrived(session, f"heard:{event.data.campaign}")


@handles(CampaignClosed)
def answer(event: Received[CampaignClosed], blobs: Mapping[str, bytes], session: Session) -> Sequence[NoticeDelivered]:
    """Say that somebody was told."""
    notice = derived_id("N", event.id)
    return [NoticeDelivered(county=COUNTY, notice=notice, agency="JT", account=event.data.campaign, rule="toy")]


@handles(CampaignCancelled, replay=True)
def forget(event: Received[CampaignCancelled], blobs: Mapping[str, bytes], session: Session) -> None:
    """Mark the proposal as withdrawn."""
    session.get_one(Heard, event.data.campaign).cancelled = True


@handles(DrawVoided, replay=True)
def void(event: Received[DrawVoided], blobs: Mapping[str, bytes], session: Session) -> None:
    """Mark the proposal as voided; another topic's fact, so it may come before the proposal is heard of."""
    row = session.get(Heard, event.data.campaign)
    if row is None:
        raise NotYet(f"heard:{event.data.campaign}")
    row.voided += 1


@handles(NoticeDelivered, replay=True)
def count(event: Received[NoticeDelivered], blobs: Mapping[str, bytes], session: Session) -> None:
    """Count answers; every third one would be a bug if it were handled twice."""
    session.get_one(Proposal, event.data.account).answers += 1


def proposer(ports: Ports, home: Path, store: str = "sqlite") -> Service:
    """Build the proposing service (it says planner's topics)."""
    return Service(
        name="planner",
        base=ProposerBase,
        ports=ports,
        db=MAKERS[store]("planner", home, ProposerBase),
        migrations=home / "none-planner",
        handlers_marked=[count],
        county=COUNTY,
    )


def listener(ports: Ports, home: Path, store: str = "sqlite") -> Service:
    """Build the listening service (it says notifier's topic)."""
    return Service(
        name="notifier",
        base=ListenerBase,
        ports=ports,
        db=MAKERS[store]("notifier", home, ListenerBase),
        migrations=home / "none-notifier",
        handlers_marked=[hear, answer, forget, void],
        county=COUNTY,
    )


def set_up(service: Service) -> Service:
    """Create a toy service's tables (toys have no migrations of their own)."""
    service.migrations.mkdir(exist_ok=True)
    migrate(service.db, service.migrations)
    with service.db.migration_connection() as connection:
        service.db.begin_migration(connection)  # two workers may start at once
        service.base.metadata.create_all(connection)
        connection.commit()
    return service


def ports(home: Path, bus: EventBus) -> Ports:
    """Everything of the outside the toys use, in *home*."""
    secrets = Secrets(bytes(32), {})
    entropy = DemoEntropy(b"a toy's seed, 16+")
    keys = {name: secrets.sealing_key(name) for name in SERVICES}
    return Ports(SetClock(), entropy, BlobStore(home / "blobs", entropy, keys), bus, secrets, demo=True)


def speak(service: Service, number: int) -> None:
    """Propose, and withdraw every third; the same number again does nothing."""
    reply = service.do(LEAD, propose, key=f"p{number}", name=f"name {number}")
    if number % 3 == 0:
        service.do(LEAD, withdraw, key=f"w{number}", proposal=reply.value["id"])


def run(home: Path, proposals: int, store: str) -> None:
    """Propose, withdraw every third, relay and consume until all is settled; safe to be killed and run again."""
    made = ports(home, EmbeddedLog(home / "log.sqlite"))
    services = [set_up(proposer(made, home, store)), set_up(listener(made, home, store))]
    for number in range(proposals):
        speak(services[0], number)
        if number % 5 == 0:
            for service in services:
                service.relay()
                service.consume(limit=7)
    while sum(service.relay() + service.consume(limit=7) for service in services):
        pass


def speak_until_enough(service: Service, home: Path) -> None:
    """Propose one after the other until the file ``enough`` stands in *home*: whoever watches decides what falls into it."""
    number = 0
    while not (home / "enough").exists():
        speak(service, number)
        number += 1
        time.sleep(PACE_SECONDS)


def run_hosted(home: Path, proposals: int, platform: Platform, role: str, ordinal: int, session: float) -> int:
    """
    The same on Kafka, as the environment's KafkaSettings say; safe to be killed and run again.

    Args:
        home: The data folder.
        proposals: How many are made by now; negative: one after the other until the file ``enough`` stands in *home*.
        platform: Host and store.
        role: ``all``; ``planner`` speaks and counts; ``notifier`` only listens, until SIGTERM.
        ordinal: Which worker of its service this is.
        session: Seconds after which a silent worker loses its partitions.

    Returns:
        0 when all is settled or a listener was told to end, 70 when the host crashed, 1 when it did not settle.
    """
    from runtime.events.kafka import KafkaBus

    bus = KafkaBus(KafkaSettings())
    made = ports(home, bus)
    makers = {"all": (proposer, listener), "planner": (proposer,), "notifier": (listener,)}[role]
    services = [set_up(make(made, home, platform.store)) for make in makers]
    options = {"scratch": home / "faust" / str(os.getpid())} if platform.host == "faust" else {}
    host = host_class(platform.host)(services, ordinal=ordinal, session_seconds=session, **options)
    signal.signal(signal.SIGTERM, lambda number, frame: host.ended.set())
    host.start()
    settled = True
    if role == "notifier":
        joining = time.monotonic()
        while not services[0].processor.held and not host.ended.wait(LOOK_SECONDS):
            pass
        print(f"partitions after {time.monotonic() - joining:.2f} s", flush=True)
        host.ended.wait(LISTEN_SECONDS)
    else:
        if proposals < 0:
            speak_until_enough(services[0], home)
        for number in range(proposals):
            speak(services[0], number)
        settled = host.wait_until_settled(SETTLE_SECONDS)
    duplicates = sum(service.duplicates for service in services)
    crashed = host.crashed
    host.stop()
    bus.close()
    print(f"duplicates {duplicates}")
    if crashed:
        print(crashed, file=sys.stderr)
        return 70
    return 0 if settled else 1


def digest(home: Path, store: str = "sqlite") -> dict[str, dict[str, str]]:
    """Digest both services' business tables."""
    found = {}
    for name, base in (("planner", ProposerBase), ("notifier", ListenerBase)):
        database = MAKERS[store](name, home, base)
        with database.read(Actor.system(name)) as session:
            found[name] = state_digests(session.connection(), base.metadata.tables.values())
        database.close()
    return found


def main() -> int:
    """Run on a host; return the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("home", type=Path)
    options.add_argument("proposals", type=int)
    options.add_argument("--host", default="embedded")
    options.add_argument("--store", default="sqlite")
    options.add_argument("--role", default="all")
    options.add_argument("--ordinal", type=int, default=0)
    options.add_argument("--session", type=float, default=10.0)
    given = options.parse_args()
    if given.host == "embedded":
        run(given.home, given.proposals, given.store)
        return 0
    platform = Platform(given.host, given.store)
    return run_hosted(given.home, given.proposals, platform, given.role, given.ordinal, given.session)


if __name__ == "__main__":
    sys.exit(main())
