"""The whole system in one process: ports, five services, event log, host and web, on one data folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from fastapi import FastAPI
from sqlalchemy import select

import onevisit
import runtime.events
import runtime.files
import runtime.time
from onevisit import rehearsal
from onevisit.hints import command
from onevisit.home import LOG, Home, LogBehind, NotMigrated, ReplayCutShort, note_contents
from onevisit.trouble import named
from runtime.events.embedded import EmbeddedLog
from runtime.events.host import Host
from runtime.files.blobs import BlobStore
from runtime.service import Ports, Service
from runtime.store.digest import combined, state_digests
from runtime.store.migrate import migrate, pending
from runtime.store.plumbing import offsets
from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.topics import TOPICS
from schemas.vocabulary import SERVICES
from services.console.app import Console, console
from services.drawer.app import drawer
from services.notifier.app import notifier
from services.planner.app import planner
from services.results.app import results

RUNTIME_MESSAGES = tuple(
    Path(package.__path__[0]) / "messages.toml" for package in (runtime.events, runtime.files, runtime.time, onevisit)
)

_POSITIONS = select(offsets.c.consumer, offsets.c.topic, offsets.c.part, offsets.c.next)

log = structlog.get_logger()


@dataclass
class System:
    """All services of one data folder, wired; nothing runs until ``Host.start``."""

    home: Home
    ports: Ports
    bus: EmbeddedLog
    console: Console
    services: dict[str, Service]
    host: Host

    def migrate(self) -> dict[str, list[str]]:
        """Bring every database to its newest version; return the migrations that ran, by service."""
        backups, done = self.home.path / "backups", dict[str, list[str]]()
        for name, one in self.services.items():
            with named(one.db):
                if ran := migrate(one.db, one.migrations, backups):
                    done[name] = ran
                    log.info("store.migrated", service=name, migrations=ran)
        note_contents(self.home.path)
        return done

    def check_migrated(self) -> None:
        """
        Refuse to work on databases of an earlier version.

        Raises:
            NotMigrated: some migration has not run.
        """
        lacking = {}
        for name, one in self.services.items():
            with named(one.db):
                if steps := pending(one.db, one.migrations):
                    lacking[name] = steps
        if lacking:
            raise NotMigrated(path=str(self.home.path), lacking=lacking, command=command("migrate", self.home.path))

    def beyond_the_log(self) -> dict[str, list[str]]:
        """List the consumers that have read further than the event log reaches: {topic/partition: [consumer]}."""
        heads, found = self.bus.heads(sorted(TOPICS)), dict[str, list[str]]()
        for one in self.services.values():
            with named(one.db), one.db.read_plumbing() as connection:
                for consumer, topic, part, following in connection.execute(_POSITIONS):
                    if following > heads.get((topic, part), 0):
                        found.setdefault(f"{topic}/{part}", []).append(consumer)
        return dict(sorted(found.items()))

    def check_log(self) -> None:
        """
        Refuse to work on an event log that was lost, or is older than the databases.

        Raises:
            LogBehind: some consumer stands beyond the log's end.
        """
        if beyond := self.beyond_the_log():
            consumers = sorted({consumer for some in beyond.values() for consumer in some})
            raise LogBehind(path=str(self.home.path / LOG), consumers=consumers, places=list(beyond))

    def check_replayed(self) -> None:
        """
        Refuse to work on projections that are half built.

        Raises:
            ReplayCutShort: a replay was killed before its end.
        """
        if cut := [name for name, one in self.services.items() if one.replay_cut_short()]:
            again = "; ".join(command(f"replay {name}", self.home.path) for name in cut)
            raise ReplayCutShort(services=cut, command=again)

    def web(self) -> FastAPI:
        """Build the web application; serving it runs workers, relays and timers in the same process."""
        settings = self.home.settings
        demo = settings.demo
        web = Web(
            list(self.services.values()),
            WebSettings(
                county_zh=settings.county_name,
                county_en=settings.county,
                demo=demo,
                demo_now=self.home.clock.now if demo else None,
            ),
            messages=RUNTIME_MESSAGES,
        )

        @asynccontextmanager
        async def running(app: FastAPI) -> AsyncIterator[None]:
            self.host.start()
            yield
            self.host.stop()

        return application(
            web,
            list(self.services.values()),
            self.console.sessions,
            lifespan=running,
            ready=self.ready,
        )

    def ready(self) -> dict[str, bool]:
        """Answer /readyz: every database answers, and the log."""
        answers = {}
        for name, service in self.services.items():
            try:
                service.backlog()
                answers[name] = True
            except Exception:
                answers[name] = False
        return answers

    def state(self) -> dict[str, dict[str, str]]:
        """Digest every business table: {service: {table: hex}}."""
        found = {}
        for name, service in self.services.items():
            with service.db.read(service.system) as session:
                found[name] = state_digests(session.connection(), service.base.metadata.tables.values())
        return found

    def state_digest(self) -> str:
        """Digest the whole business state into one value."""
        return combined(self.state())

    def close(self) -> None:
        """Close databases, log and home."""
        for service in self.services.values():
            service.close()
        self.bus.close()
        self.home.close()


def build(home: Home) -> System:
    """Wire the system on an opened home, which is closed if that fails."""
    try:
        return _wired(home)
    except BaseException:
        home.close()
        raise


def _wired(home: Home) -> System:
    with named(home.path / LOG):
        bus = EmbeddedLog(home.path / LOG)
    keys = {name: home.secrets.sealing_key(name) for name in SERVICES}
    blobs = BlobStore(home.path / "blobs", home.entropy, keys)
    ports = Ports(home.clock, home.entropy, blobs, bus, home.secrets, demo=home.settings.demo)
    place = home.place
    accounts = console(ports, place)
    told = home.settings
    others = (
        planner(ports, place, told.planner),
        drawer(ports, place, told.drawer),
        results(ports, place, told.results),
        notifier(ports, place, told.notifier),
    )
    services: dict[str, Service] = {service.name: service for service in (accounts, *others)}
    for service in services.values():
        service.county = home.settings.county
    host = Host(list(services.values()), bus, timers=lambda: home.clock.mode == "real")
    system = System(home, ports, bus, accounts, services, host)
    if home.settings.demo:
        rehearsal.add_controls(accounts, host, home.clock, list(services.values()))
    return system
