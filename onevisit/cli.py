"""
``onevisit``: everything an operator does by hand.

init · up · serve web/worker/timers · demo · provision · migrate · events tail · dead ls/show/retry/skip · waiting ls
replay · doctor · draw compute/rehearse/case/verify/why/archive · topics plan/apply/access/rewind · backup · restore · refill
"""

# The system itself is imported by the commands that open it: that takes two seconds, and `demo` has its server and its
# player started before (tests/unit/operating/test_starting.py).

import gc
import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onevisit import home as homes
from onevisit.brokers import ALL, Part
from onevisit.demo import stand
from onevisit.draws import draw_app, found
from onevisit.hints import DEFAULT_HOME, HomePath, command
from onevisit.listing import show
from onevisit.refusals import (
    Distributed,
    NoPostgres,
    NoSuchParked,
    NoSuchService,
    NoSuchTopic,
    NotDistributed,
    UsageWrong,
    exit_code_of,
)
from onevisit.saying import out, refuse, remark, say
from onevisit.topics import topics_app
from runtime.errors import TryAgain
from schemas.topics import FACT_TOPICS, TOPICS
from schemas.vocabulary import SERVICES

if TYPE_CHECKING:
    from onevisit.system import System
    from services.drawer.cases import CaseFiles

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
events_app = typer.Typer(no_args_is_help=True, help="The event log.")
dead_app = typer.Typer(no_args_is_help=True, help="What a service could not handle.")
serve_app = typer.Typer(no_args_is_help=True, help="One process of a distributed installation (Kafka and PostgreSQL).")
waiting_app = typer.Typer(no_args_is_help=True, help="What waits for something else.")
app.add_typer(events_app, name="events")
app.add_typer(dead_app, name="dead")
app.add_typer(waiting_app, name="waiting")
app.add_typer(draw_app, name="draw")
app.add_typer(topics_app, name="topics")
app.add_typer(serve_app, name="serve")

FOLLOW_SECONDS = 0.5


@contextmanager
def opened(
    path: Path, *, exclusive: bool, together: bool = False, migrated: bool = True, part: Part = ALL
) -> Iterator["System"]:
    """
    Open a data folder for a command, with its log, and close it afterwards.

    Args:
        path: The folder.
        exclusive: Whether nobody else may be at work in it.
        together: Whether it is taken with others that take it so too.
        migrated: Whether its databases must be there in this release's version; a command that migrates passes False.
        part: What of it.

    Raises:
        HomeNotThere, DataElsewhere, DataLost, NotMigrated, HomeBusy, SettingsBroken: the folder is not fit for it.
    """
    from onevisit.system import build
    from runtime import log

    if not homes.exists(path):
        raise homes.HomeNotThere(path=str(path))
    homes.check_place(path)
    if files := homes.lost(path):
        raise homes.DataLost(path=str(path), files=files)
    if migrated and (files := homes.not_made(path)):
        raise homes.NotMigrated(path=str(path), lacking=files, command=command("migrate", path))
    gc.enable()  # see __main__
    system = build(homes.open_home(path, exclusive=exclusive, together=together), part)
    try:
        settings = system.home.settings
        log.set_up(path / "logs" if settings.logs == "files" else None, settings.log_level, part.name)
        if migrated:
            system.check_migrated()
        yield system
    finally:
        system.close()


MetricsPort = Annotated[
    int | None, typer.Option(min=1, max=65_535, help="Answer Prometheus there, at /metrics; without it, nowhere.")
]


@app.command()
def up(
    home: HomePath = DEFAULT_HOME,
    demo: Annotated[
        bool, typer.Option("--demo/--empty", help="A living demonstration county, or an empty one.")
    ] = True,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port on loopback; the next free one if taken (0: any).")
    ] = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Start the county: web, workers and timers in one process. The first start makes the data folder."""
    from onevisit.demo import county
    from onevisit.serving import OnceUp, free_port, serve

    if not homes.exists(home):
        county.found(home, demo=demo)
    if homes.settings_of(home).kafka:
        raise Distributed(path=str(home), command=command("serve --help"))
    with opened(home, exclusive=True, migrated=False) as system:
        system.migrate()
        system.check_log()
        system.check_replayed()
        county.admit_county_admin(system)
        settings = system.home.settings
        taken = free_port(settings.host, settings.port if port is None else port)
        welcome: OnceUp = lambda address, stop: county.welcome(system, address, out, stop)  # noqa: E731
        with _watched(system, metrics_port):
            serve(system.web(), taken, welcome, proxies=settings.proxies)


Port = Annotated[int, typer.Option(min=0, max=65_535, help="Refused if taken (0: any free one).")]


@serve_app.command("web")
def serve_web(
    only: Annotated[
        list[str] | None,
        typer.Option(help="Serve the pages and API of this service only (and sign-in); may be repeated."),
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Refused if taken (0: any free one).")] = None,
    metrics_port: MetricsPort = None,
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Serve pages and API; any number of these may run."""
    from onevisit.demo import county
    from onevisit.serving import serve_part

    services = {"console", *map(_service, only)} if only else set(SERVICES)
    with _taking_part(home, Part(services, name="web")) as system:
        county.admit_county_admin(system)
        wanted = system.home.settings.port if port is None else port
        with _watched(system, metrics_port):
            serve_part(system, system.web(), wanted, lambda address, stop: county.write_address(system, address))


@serve_app.command("worker")
def serve_worker(
    service: str,
    ordinal: Annotated[int, typer.Option(min=0, help="Which worker of the service: each live one has another.")] = 0,
    port: Port = 0,
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Handle the events a service hears; /healthz, /readyz and /metrics on PORT."""
    from onevisit.serving import serve_part

    name = f"worker-{_service(service)}-{ordinal}"
    with _taking_part(home, Part((service,), consumes=True, ordinal=ordinal, name=name)) as system:
        with suppress(TryAgain):  # a broker that is away is waited for
            system.check_log()
        serve_part(system, system.health(), port)


@serve_app.command("timers")
def serve_timers(port: Port = 0, home: HomePath = DEFAULT_HOME) -> None:
    """Do what is due, and push webhooks: one process at a time does, others stand by; /healthz, /readyz, /metrics on PORT."""
    from onevisit.serving import serve_part

    with _taking_part(home, Part(keeps_time=True, name="timers")) as system:
        serve_part(system, system.health(), port)


def _watched(system: "System", port: int | None) -> AbstractContextManager[None]:
    if port is None:
        return nullcontext()
    from runtime.web.metrics import watched_on

    return watched_on(system.home.settings.host, port, list(system.services.values()))


def _service(name: str) -> str:
    if name not in SERVICES:
        raise NoSuchService(service=name, services=list(SERVICES))
    return name


@contextmanager
def _taking_part(path: Path, part: Part) -> Iterator["System"]:
    """Open a distributed installation for one of its processes."""
    if homes.exists(path) and not homes.settings_of(path).kafka:
        raise NotDistributed(path=str(path / "settings.toml"))
    with opened(path, exclusive=False, together=True, part=part) as system:
        system.check_replayed()
        yield system


@app.command()
def init(
    county: Annotated[str, typer.Argument(help="Its six digits (行政区划代码), such as 640221.")],
    name: Annotated[str, typer.Argument(help="Its name, such as 平罗县.")],
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Make the data folder of an empty county; `up` then starts it."""
    homes.found_county(home, county, name)
    say(f"{home}: {name} {county}")


@app.command()
def demo(
    to: Annotated[Path, typer.Option(help="Where results go.")] = Path("build/demo"),
    kafka: Annotated[str, typer.Option(help="host:port of a Kafka: play by processes of their own, on it.")] = "",
    admin: Annotated[
        Path | None,
        typer.Option(
            "--admin-file",
            help="With --kafka: file with postgresql://role:password@host:port/database of somebody who may.",
        ),
    ] = None,
) -> None:
    """Play the Pingluo 2018 campaign from beginning to end in a home of its own, and check what came of it."""
    if bool(kafka) != bool(admin):
        raise UsageWrong()
    servers = stand.Servers(kafka, admin.read_text(encoding="utf-8").strip()) if admin else None
    sys.exit(stand.play_whole_campaign(to, out, servers))


@app.command()
def migrate(home: HomePath = DEFAULT_HOME) -> None:
    """Bring every database to its newest version; a copy is kept in backups/."""
    # A distributed one is migrated under the release before it, which works on: it takes turns by the database's own lock.
    distributed = homes.exists(home) and bool(homes.settings_of(home).kafka)
    with opened(home, exclusive=not distributed, together=distributed, migrated=False) as system:
        done = system.migrate()
    for service, steps in done.items():
        say(f"{service}: {', '.join(steps)}")
    if not done:
        say("已是最新版本 / up to date")


@app.command()
def provision(
    admin: Annotated[
        Path,
        typer.Option(
            "--admin-file", help="File with postgresql://role:password@host:port/database of somebody who may."
        ),
    ],
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Make every service's role and schema in the PostgreSQL of settings.toml; harmless if repeated. Then migrate."""
    from onevisit.databases import provision_all

    if not homes.exists(home):
        raise homes.HomeNotThere(path=str(home))
    settings = homes.settings_of(home).postgres
    if not settings.url:
        raise NoPostgres(path=str(home / "settings.toml"))
    homes.check_place(home)
    say(", ".join(provision_all(home, settings, admin.read_text(encoding="utf-8").strip())))


@events_app.command("tail")
def events_tail(
    home: HomePath = DEFAULT_HOME,
    topic: Annotated[str | None, typer.Option(help="Only this topic.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
    trace: Annotated[
        str | None, typer.Option(help="Only what came of one request: the trace_id of a log line, or a traceparent.")
    ] = None,
) -> None:
    """Show the newest events, oldest first, one JSON line each; with --trace all events of it, whenever they were said."""
    from onevisit import tail

    if topic is not None and topic not in TOPICS:
        raise NoSuchTopic(topic=topic, topics=list(TOPICS))
    with opened(home, exclusive=False) as system:
        topics = [topic] if topic else [one.name for one in FACT_TOPICS]
        reached: tail.Reached = {}
        found = tail.onwards(system.bus, topics, reached) if trace else tail.newest(system.bus, topics, last, reached)
        while True:
            for record in found:
                if trace is None or tail.belongs(record.body, trace):
                    _print_event(record.body)
            if not follow or out.quiet:  # or nobody reads any more
                return
            time.sleep(FOLLOW_SECONDS)
            found = tail.onwards(system.bus, topics, reached)


def _print_event(body: bytes) -> None:
    try:
        out.print_json(body.decode(), indent=None)
    except ValueError:  # whatever it is that stands in the log, the ones after it are shown
        out.print_json(json.dumps({"unreadable": body.decode(errors="replace")}), indent=None)


def _rows(system: "System", table: str) -> list[tuple[str, Any]]:
    from sqlalchemy import select

    from onevisit.trouble import named
    from runtime.store.plumbing import metadata

    found = []
    for name, service in system.services.items():
        with named(service.db), service.db.read(service.system) as session:
            found += [(name, row) for row in session.connection().execute(select(metadata.tables[table]))]
    return found


@dead_app.command("ls")
def dead_ls(home: HomePath = DEFAULT_HOME) -> None:
    """List parked events."""
    with opened(home, exclusive=False) as system:
        show(
            out,
            ("id", "service", "topic", "code", "attempts", "state"),
            [
                (row.id, service, row.topic, row.code, str(row.attempts), row.state)
                for service, row in _rows(system, "parked")
            ],
        )


def _parked(system: "System", park_id: str) -> tuple[str, Any]:
    for service, row in _rows(system, "parked"):
        if row.id == park_id:
            return service, row
    raise NoSuchParked(id=park_id, command=command("dead ls", system.home.path))


@dead_app.command("show")
def dead_show(park_id: str, home: HomePath = DEFAULT_HOME) -> None:
    """Show a parked event with its reason and its bytes."""
    with opened(home, exclusive=False) as system:
        service, row = _parked(system, park_id)
    out.print_json(
        json.dumps(
            {
                "service": service,
                "place": f"{row.topic}/{row.part}/{row.off}",
                "code": row.code,
                "reason": row.reason,
                "attempts": row.attempts,
                "state": row.state,
                "body": row.body.decode(errors="replace"),
            }
        )
    )


@dead_app.command("retry")
def dead_retry(park_id: str, home: HomePath = DEFAULT_HOME) -> None:
    """Run a parked event through its service once more; one that was handled is not handled again."""
    with opened(home, exclusive=False) as system:
        service, _ = _parked(system, park_id)
        handled = system.services[service].processor.retry(park_id)
    say("已处理（或在等待） / handled (or waiting)" if handled else "仍未能处理 / still not handled")
    raise typer.Exit(0 if handled else 1)


@dead_app.command("skip")
def dead_skip(
    park_id: str, reason: Annotated[str, typer.Option("--reason", help="Why.")], home: HomePath = DEFAULT_HOME
) -> None:
    """Leave a parked event unhandled for good, and let the later ones of its key go on."""
    with opened(home, exclusive=False) as system:
        service, _ = _parked(system, park_id)
        system.services[service].processor.skip(park_id, reason)
    say("已跳过 / skipped")


@waiting_app.command("ls")
def waiting_ls(home: HomePath = DEFAULT_HOME) -> None:
    """List events that wait, and for what; stuck after 24 hours."""
    with opened(home, exclusive=False) as system:
        show(
            out,
            ("event", "service", "topic", "key", "awaits", "code", "hours"),
            [
                (
                    row.event_id,
                    service,
                    row.topic,
                    row.key,
                    row.awaits or "",
                    row.code or "",
                    f"{_hours(row.since):.1f}",
                )
                for service, row in _rows(system, "waiting")
            ],
        )


def _hours(since: float) -> float:
    return (time.time() - since) / 3600


@app.command()
def replay(service: str, home: HomePath = DEFAULT_HOME) -> None:
    """Drop a service's projections and build them again from the event log (the county must be stopped)."""
    if service not in SERVICES:
        raise NoSuchService(service=service, services=list(SERVICES))
    with opened(home, exclusive=True) as system:
        system.check_log()  # what is gone from the log would be gone from the projections
        say(f"{service}: {system.services[service].replay()} events")


@app.command()
def doctor(home: HomePath = DEFAULT_HOME) -> None:
    """Examine the installation and say what is wrong and what to do."""
    from onevisit.doctor import examine

    good = True
    for check in examine(home):
        good = good and check.good
        say(f"{'✔' if check.good else '✘'} {check.name}: {check.says}{f' → {check.advice}' if not check.good else ''}")
    raise typer.Exit(0 if good else 1)


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="The new file, such as backup.tar.gz.")],
    admin: Annotated[
        Path | None,
        typer.Option(
            "--admin-file",
            envvar="ONEVISIT_ADMIN_FILE",
            help="With PostgreSQL: file with the address of somebody who may read all of it; else who `provision` made for it.",
        ),
    ] = None,
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Write everything but the secrets into one file; the county may be running."""
    from onevisit.backup import back_up

    reader = _reader(home, admin)
    if reader is not None:
        from onevisit import backup_servers

        with opened(home, exclusive=False) as system:
            made = back_up(home, to, lambda folder: backup_servers.copy(system, reader, folder))
    else:
        made = back_up(home, to)
    mebibytes = sum(each.bytes for each in made.files.values()) / 1024**2
    say(f"{to}: {len(made.files)} 个文件 / files, {mebibytes:.1f} MiB")
    remark(
        f"密钥文件 {home / 'secrets.toml'} 不在备份中，请另行妥善保管 / secrets.toml is not in it: keep it apart from the backups"
    )


def _reader(home: Path, admin: Path | None) -> str | None:
    """Return the address under which databases are read for a backup; None where they are files, or nobody may."""
    from onevisit.databases import reading_address

    postgres = homes.settings_of(home).postgres if homes.exists(home) else None
    if postgres is None or not postgres.url:
        return None
    return admin.read_text(encoding="utf-8").strip() if admin else reading_address(home, postgres)


@app.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="What `backup` wrote.")],
    secrets: Annotated[Path, typer.Option(help="The installation's secrets.toml, which was kept apart.")],
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Make the data folder again out of a backup; it must not be there yet."""
    from onevisit.backup import restore as bring_back

    made = bring_back(archive, home, secrets)
    say(f"{home}: {len(made.files)} 个文件 / files, {made.taken_at:%Y-%m-%d %H:%M} UTC")
    if homes.settings_of(home).postgres.url:
        say(f"接着 / then: {command('provision', home)}; topics apply; {command('refill', home)}")
    say(f"请先检查再启动 / examine it before you start: {command('doctor', home)}")


@app.command()
def refill(
    admin: Annotated[Path, typer.Option("--admin-file", help="File with the address of somebody who may.")],
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Put what was restored onto servers: the databases into empty schemas, the facts into empty topics."""
    from onevisit import backup_servers

    with opened(home, exclusive=True, migrated=False) as system:
        facts = backup_servers.refill(system, admin.read_text(encoding="utf-8").strip())
    say(f"{facts} 个事件 / facts")


@draw_app.command("archive")
def draw_archive(
    draw: Annotated[str, typer.Argument(metavar="ID", help="The draw, such as D-640221-2026-001.")],
    to: Annotated[Path, typer.Option(help="The new zip file.")],
    edition: Annotated[str, typer.Option(help="full, or public.")] = "full",
    home: HomePath = DEFAULT_HOME,
) -> None:
    """Write everything kept of a drawn draw into one zip that can be checked with nothing but Python; see its README.md."""
    from onevisit.files import write_whole
    from services.drawer.archiving import archive

    with opened(home, exclusive=False) as system:
        drawer = system.services["drawer"]
        with archive(drawer, drawer.system, draw, edition) as made:
            write_whole(to, made)
    say(f"✔ {to}: {to.stat().st_size} bytes")


Wanted = Annotated[
    list[str], typer.Argument(metavar="CAMPAIGN|CASE...", show_default=False, help="A campaign, or a case's folder.")
]


@draw_app.command("rehearse")
def draw_rehearse(
    wanted: Wanted,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder for what is made: a CAMPAIGN's case, CASE-rehearsal.json. Beside the CASE if not said."
        ),
    ] = None,
    home: HomePath = DEFAULT_HOME,
) -> None:
    """
    Play whole draws alone, with fresh keys and secrets of every body; a CAMPAIGN's case is written first.

    A record is marked "rehearsal" and can be given to every verifier; each rehearsal draws others.
    """
    from onevisit.cases import read_case
    from onevisit.ceremony_alone import rehearse
    from onevisit.files import write_whole

    for one in wanted:
        case = Path(one)
        is_campaign = not case.is_dir() and "/" not in one
        if is_campaign:
            case = (to or Path()) / one
            _write_case(home, one, case)
        record = case / "rehearsal.json"
        if to is not None and not is_campaign:
            to.mkdir(parents=True, exist_ok=True)
            record = to / f"{case.resolve().name}-rehearsal.json"
        done = rehearse(read_case(case))
        write_whole(record, done.record.decode())
        for agency, slot in done.outcome.open:
            remark(f"! {agency}: {slot.target} 空缺 / open ({', '.join(slot.labels) or '—'})")
        say(f"✔ 演练，不是正式抽取 / a rehearsal, no live draw: {found(done.outcome)}")
        say(f"  {record}")


@draw_app.command("case")
def draw_case(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Such as C-640221-2026-001.")],
    to: Annotated[Path, typer.Option(help="The new folder.")],
    home: HomePath = DEFAULT_HOME,
) -> None:
    """
    Write what a campaign's draw is computed from: manifest.json, frame-<shard>.tsv, rosters.json; see `draw compute`.

    seed.txt is among it once the record is open to everybody, and never before. Rosters are not for everybody: the
    folder is its maker's alone.
    """
    made = _write_case(home, campaign, to)
    if not made.is_opened:
        say("! 抽取尚未开启：清单仅供试算 / no draw has been opened: the manifest is one to try with")
    elif not made.has_seed:
        say("! 记录尚未公开，没有种子 / the record is not open: no seed")
    say(f"✔ {to}")


def _write_case(home: Path, campaign: str, to: Path) -> "CaseFiles":
    from onevisit.cases import write_case
    from services.drawer.cases import case_of

    with opened(home, exclusive=False) as system:
        made = case_of(system.services["drawer"], campaign)
    write_case(made.files, to)
    for name in sorted(made.files):
        say(f"  {to / name}")
    return made


def main() -> None:
    """
    Run the command line; whatever it refuses, and whatever the machine refuses it, is said with a code and a next step.

    A bug keeps its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese is no reason to fail
    try:
        app()
    except SystemExit as end:
        if end.code == UsageWrong.exit_code:  # typer has said what
            refuse(UsageWrong())
        raise
    except Exception as error:
        from onevisit.trouble import as_refusal

        refusal = as_refusal(error)
        if refusal is None:
            raise
        refuse(refusal)
        sys.exit(exit_code_of(refusal))
