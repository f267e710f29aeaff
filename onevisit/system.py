"""The whole system in one process: ports, five services, event log, host and web, on one data folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI

import onevisit
import runtime.files
import runtime.time
from onevisit import rehearsal
from onevisit.home import Home
from runtime.events.embedded import EmbeddedLog
from runtime.events.host import Host
from runtime.files.blobs import BlobStore
from runtime.service import Ports, Service
from runtime.store.digest import combined, state_digests
from runtime.store.migrate import migrate
from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.vocabulary import SERVICES
from services.console.app import Console, console
from services.drawer.app import drawer
from services.notifier.app import notifier
from services.planner.app import planner
from services.results.app import results

RUNTIME_MESSAGES = tuple(
    Path(package.__path__[0]) / "messages.toml" for package in (runtime.files, runtime.time, onevisit)
)


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
        backups = self.home.path / "backups"
        return {name: ran for name, one in self.services.items() if (ran := migrate(one.db, one.migrations, backups))}

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
    """Wire the system on an opened home."""
    bus = EmbeddedLog(home.path / "log.sqlite")
    keys = {name: home.secrets.sealing_key(name) for name in SERVICES}
    blobs = BlobStore(home.path / "blobs", home.entropy, keys)
    ports = Ports(home.clock, home.entropy, blobs, bus, home.secrets, demo=home.settings.demo)
    databases = home.path / "db"
    accounts = console(ports, databases)
    others = [make(ports, databases) for make in (planner, drawer, results, notifier)]
    services: dict[str, Service] = {service.name: service for service in (accounts, *others)}
    for service in services.values():
        service.county = home.settings.county
    host = Host(list(services.values()), bus, timers=lambda: home.clock.mode == "real")
    system = System(home, ports, bus, accounts, services, host)
    if home.settings.demo:
        rehearsal.add_controls(accounts, host, home.clock, list(services.values()))
    return system
