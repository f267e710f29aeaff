"""Two small services on the real runtime: planner proposes, notifier counts and answers; for the conformance suite only."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from runtime.entropy import DemoEntropy
from runtime.errors import NotYet, Rejected
from runtime.events.embedded import EmbeddedLog
from runtime.events.handling import Received, arrived, handles
from runtime.files.blobs import BlobStore
from runtime.secrets import Secrets
from runtime.service import Ports, Reply, Service
from runtime.store import ANNOTATIONS, Actor, Owned, derived_id, next_id
from runtime.store.database import Database
from runtime.store.digest import state_digests
from runtime.store.migrate import migrate
from schemas.events.campaigns import CampaignCancelled, CampaignClosed
from schemas.events.draws import DrawVoided
from schemas.events.notices import NoticeDelivered
from schemas.vocabulary import SERVICES, Role
from tests.kit import COUNTY, SetClock

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


def proposer(ports: Ports, home: Path) -> Service:
    """Build the proposing service (it says planner's topics)."""
    return Service(
        name="planner",
        base=ProposerBase,
        ports=ports,
        db=Database(home / "planner.sqlite", ProposerBase),
        migrations=home / "none-planner",
        handlers_marked=[count],
        county=COUNTY,
    )


def listener(ports: Ports, home: Path) -> Service:
    """Build the listening service (it says notifier's topic)."""
    return Service(
        name="notifier",
        base=ListenerBase,
        ports=ports,
        db=Database(home / "notifier.sqlite", ListenerBase),
        migrations=home / "none-notifier",
        handlers_marked=[hear, answer, forget, void],
        county=COUNTY,
    )


def set_up(service: Service) -> Service:
    """Create a toy service's tables (toys have no migrations of their own)."""
    service.migrations.mkdir(exist_ok=True)
    migrate(service.db, service.migrations)
    with service.db.migration_connection() as connection:
        service.base.metadata.create_all(connection)
        connection.commit()
    return service


def run(home: Path, proposals: int) -> None:
    """Propose, withdraw every third, relay and consume until all is settled; safe to be killed and run again."""
    secrets = Secrets(bytes(32), {})
    entropy = DemoEntropy(b"a toy's seed, 16+")
    keys = {name: secrets.sealing_key(name) for name in SERVICES}
    bus = EmbeddedLog(home / "log.sqlite")
    ports = Ports(SetClock(), entropy, BlobStore(home / "blobs", entropy, keys), bus, secrets, demo=True)
    services = [set_up(proposer(ports, home)), set_up(listener(ports, home))]
    for number in range(proposals):
        reply = services[0].do(LEAD, propose, key=f"p{number}", name=f"name {number}")
        if number % 3 == 0:
            services[0].do(LEAD, withdraw, key=f"w{number}", proposal=reply.value["id"])
        if number % 5 == 0:
            for service in services:
                service.relay()
                service.consume(limit=7)
    while sum(service.relay() + service.consume(limit=7) for service in services):
        pass


def digest(home: Path) -> dict[str, dict[str, str]]:
    """Digest both services' business tables."""
    found = {}
    for name, base in (("planner", ProposerBase), ("notifier", ListenerBase)):
        database = Database(home / f"{name}.sqlite", base)
        with database.read(Actor.system(name)) as session:
            found[name] = state_digests(session.connection(), base.metadata.tables.values())
        database.close()
    return found


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
