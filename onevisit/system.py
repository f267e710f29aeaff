"""The system on one data folder: ports, services, event bus, host and web; in one process, or a part of it in each of several."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from sqlalchemy import bindparam, select, update

import onevisit
import runtime.events
import runtime.files
import runtime.time
from onevisit import rehearsal
from onevisit.brokers import ALL, Part, broker_host, buses, reached
from onevisit.hints import command
from onevisit.home import LOG, Home, HomeSettings, LogBehind, NotMigrated, ReplayCutShort, note_contents
from onevisit.trouble import named
from runtime.answers import forgetting
from runtime.events.bus import EventBus
from runtime.events.embedded import EmbeddedLog
from runtime.events.host import Host
from runtime.files.blobs import BlobStore
from runtime.service import Ports, Service
from runtime.store.digest import combined, state_digests
from runtime.store.migrate import migrate, pending
from runtime.store.plumbing import offsets
from runtime.web.application import application
from runtime.web.health import Readiness, health_routes
from runtime.web.settings import LOOPBACK, WebSettings
from runtime.web.templates import Web
from schemas.topics import FACT_TOPICS
from schemas.vocabulary import SERVICES
from services.console.app import Console, console
from services.drawer.app import drawer
from services.notifier.app import notifier
from services.planner.app import planner
from services.planner.queries.registers import has_calendar_for
from services.results.app import results

RUNTIME_MESSAGES = tuple(
    Path(package.__path__[0]) / "messages.toml" for package in (runtime.events, runtime.files, runtime.time, onevisit)
)

OTHERS = {"planner": planner, "drawer": drawer, "results": results, "notifier": notifier}
T = TypeVar("T")

_REWIND = (
    update(offsets)
    .where(offsets.c.consumer == bindparam("of"), offsets.c.topic == bindparam("on"), offsets.c.part == bindparam("at"))
    .values(next=bindparam("now"))
)
_POSITIONS = select(offsets.c.consumer, offsets.c.topic, offsets.c.part, offsets.c.next)

OLDEST_UNSENT_SECONDS = 60
BROKER_SECONDS = 2.0  # a supervisor does not wait longer for an answer
CALENDAR_AHEAD = timedelta(days=30)

log = structlog.get_logger()


@dataclass(frozen=True)
class Rewound:
    """A consumer's position in one partition, put back to the end of a log that was lost; *unheard*: events."""

    consumer: str
    topic: str
    part: int
    was: int
    now: int
    unheard: int


@dataclass
class System:
    """The services of one data folder, wired (or those that this process runs); nothing runs until ``Host.start``."""

    home: Home
    services: dict[str, Service]
    host: Host
    part: Part

    @property
    def ports(self) -> Ports:
        """Return what its services may use of the outside; on Kafka each has a bus of its own, and these are the first's."""
        return next(iter(self.services.values())).ports

    @property
    def bus(self) -> EventBus:
        """Return a bus to read from."""
        return self.ports.bus

    @property
    def console(self) -> Console:
        """Return the service that signs people in."""
        found = self.services["console"]
        assert isinstance(found, Console)
        return found

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
        found: dict[str, list[str]] = {}
        for one in self.services.values():
            positions = self._positions(one)  # before the heads: other workers read on meanwhile
            heads = one.ports.bus.heads(one.processor.topics) if one.processor.topics else {}
            for (consumer, topic, part), following in positions.items():
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
            where = (
                self.home.settings.kafka.get("bootstrap", "Kafka") if self.home.settings.kafka else self.home.path / LOG
            )
            raise LogBehind(path=str(where), consumers=consumers, places=list(beyond))

    def rewind(self) -> list["Rewound"]:
        """
        Put every position beyond the log's end back to the end, so that what is said from now on is heard.

        An event is unheard that some other consumer of the partition has read and this one has not: it went with the log.
        """
        before = {name: self._positions(one) for name, one in self.services.items()}
        furthest: dict[tuple[str, int], int] = {}
        for positions in before.values():
            for (_, topic, part), following in positions.items():
                furthest[topic, part] = max(following, furthest.get((topic, part), 0))
        done = []
        for name, one in self.services.items():
            heads = one.ports.bus.heads(one.processor.topics) if one.processor.topics else {}
            with named(one.db), one.db.write_plumbing() as connection:
                for (consumer, topic, part), was in sorted(before[name].items()):
                    head = heads.get((topic, part), 0)
                    if furthest[topic, part] <= head:
                        continue
                    now = min(was, head)
                    connection.execute(_REWIND, {"of": consumer, "on": topic, "at": part, "now": now})
                    done.append(Rewound(consumer, topic, part, was, now, furthest[topic, part] - max(was, head)))
        return done

    def _positions(self, service: Service) -> dict[tuple[str, str, int], int]:
        with named(service.db), service.db.read_plumbing() as connection:
            return {
                (consumer, topic, part): following
                for consumer, topic, part, following in connection.execute(_POSITIONS)
            }

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
        """Build the web application; on the embedded log serving it runs workers, relays and timers in the same process."""
        settings = self.home.settings
        web = Web(
            list(self.services.values()),
            web_settings(settings, self.home.clock.now if settings.demo else None),
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
            lifespan=None if settings.kafka else running,
            ready=self.ready,
        )

    def health(self) -> FastAPI:
        """Build the application of a process without pages, which tells its supervisor how it is, and Prometheus."""
        from runtime.web.metrics import metrics_route

        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.router.routes[:] = [*health_routes(self.ready), metrics_route(list(self.services.values()))]
        return app

    def ready(self) -> Readiness:
        """
        Answer /readyz.

        Needed are the databases, and where events are handled, the bus and its topics. Watched are the broker of a web
        process, which does without it for a while, what lies unsent, what the bus refuses for good, and the working calendar of
        the days to come.
        """
        unsent = {name: _if_there(service.unsent_seconds) for name, service in self.services.items()}
        needed = {name: seconds is not None for name, seconds in unsent.items()}
        bus = self._bus_readiness()
        watched = {"outbox": all((seconds or 0.0) < OLDEST_UNSENT_SECONDS for seconds in unsent.values())}
        watched["refused"] = not any(_if_there(service.refused) for service in self.services.values())
        if "planner" in self.services:
            watched["calendar"] = bool(_if_there(self._has_calendar))
        if self.part.consumes or not self.home.settings.kafka:
            return Readiness(needed | bus, watched)
        return Readiness(needed, watched | bus)

    def _bus_readiness(self) -> dict[str, bool]:
        topics = [topic.name for topic in (FACT_TOPICS if self.home.settings.kafka else ())]
        lacking = _if_there(lambda: self.bus.lacking(topics, BROKER_SECONDS))
        return {"bus": lacking is not None, "topics": lacking == []}

    def _has_calendar(self) -> bool:
        service, today = self.services["planner"], self.home.clock.now().date()
        days = (today, today + CALENDAR_AHEAD)
        return service.ask(service.system, has_calendar_for, county=service.county, days=days)

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
        """Close databases, bus and home."""
        for service in self.services.values():
            service.close()
        several = {id(service.ports.bus): service.ports.bus for service in self.services.values()}
        with ThreadPoolExecutor(len(several)) as closing:  # each waits for a broker that may be away
            list(closing.map(lambda bus: bus.close(), several.values()))
        self.home.close()


def web_settings(settings: HomeSettings, demo_now: Callable[[], datetime] | None = None) -> WebSettings:
    """Tell the web how this installation is reached and named; with a public address, by TLS and under that name."""
    name = urlsplit(settings.public).hostname
    return WebSettings(
        https=name is not None,
        hosts=(*LOOPBACK, name) if name else LOOPBACK,
        origin=settings.public or None,
        county_zh=settings.county_name,
        county_en=settings.county,
        demo=settings.demo,
        demo_now=demo_now,
    )


def _if_there(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except Exception:  # whatever it is, it is not there
        return None


def build(home: Home, part: Part = ALL) -> System:
    """Wire the system, or of a distributed one *part*, on an opened home, which is closed if that fails."""
    try:
        return _wired(home, part)
    except BaseException:
        home.close()
        raise


def _wired(home: Home, part: Part) -> System:
    told, wanted = home.settings, [name for name in SERVICES if name in part.services]
    bus_of = _buses(home, wanted)
    keys = {name: home.secrets.sealing_key(name) for name in SERVICES}
    blobs = BlobStore(home.path / "blobs", home.entropy, keys)
    place = home.place(wanted)
    services: dict[str, Service] = {}
    for name in wanted:
        ports = Ports(home.clock, home.entropy, blobs, bus_of[name], home.secrets, demo=told.demo)
        services[name] = console(ports, place) if name == "console" else OTHERS[name](ports, place, getattr(told, name))
        services[name].county = told.county
        services[name].errands = (*services[name].errands, forgetting(told.idempotency_days))
    host = _host(home, list(services.values()), part)
    system = System(home, services, host, part)
    if told.demo and len(services) == len(SERVICES):
        rehearsal.add_controls(system.console, host, home.clock, list(services.values()))
    return system


def _buses(home: Home, services: list[str]) -> dict[str, EventBus]:
    if home.settings.kafka:
        return buses(reached(home.path, home.settings.kafka), services)
    with named(home.path / LOG):
        return dict.fromkeys(services, EmbeddedLog(home.path / LOG))


def _host(home: Home, services: list[Service], part: Part) -> Host:
    def real() -> bool:
        return home.clock.mode == "real"

    if home.settings.kafka:
        return broker_host(reached(home.path, home.settings.kafka), services, part, real)
    return Host(services, services[0].ports.bus, timers=real)
