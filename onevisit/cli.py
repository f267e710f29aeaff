"""
``onevisit``: everything an operator does by hand.

up · demo · migrate · events tail · dead ls/show/retry/skip · waiting ls · replay · draw verify · doctor
"""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from onevisit import home as homes
from onevisit.demo import county, stand
from onevisit.doctor import examine
from onevisit.serving import free_port, serve
from onevisit.system import RUNTIME_MESSAGES, System, build
from runtime import log
from runtime.errors import OneVisitError
from runtime.store.plumbing import parked, waiting
from runtime.web.messages import OWN, Messages
from schemas.topics import FACT_TOPICS
from services.drawer.checking import verify as verify_draw

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
events_app = typer.Typer(no_args_is_help=True, help="The event log.")
dead_app = typer.Typer(no_args_is_help=True, help="What a service could not handle.")
waiting_app = typer.Typer(no_args_is_help=True, help="What waits for something else.")
draw_app = typer.Typer(no_args_is_help=True, help="The draw.")
app.add_typer(events_app, name="events")
app.add_typer(dead_app, name="dead")
app.add_typer(waiting_app, name="waiting")
app.add_typer(draw_app, name="draw")

out = Console()
err = Console(stderr=True)

HomePath = Annotated[Path, typer.Option("--home", envvar="ONEVISIT_HOME", help="The data folder.")]
DEFAULT_HOME = Path("build/home")


def opened(path: Path, *, exclusive: bool) -> System:
    """Open a data folder for a command, with its log."""
    if not homes.exists(path):
        err.print(f"没有数据目录 / no data folder: {path}")
        raise typer.Exit(2)
    system = build(homes.open_home(path, exclusive=exclusive))
    log.set_up(path / "logs", system.home.settings.log_level)
    return system


@app.command()
def up(
    home: HomePath = DEFAULT_HOME,
    demo: Annotated[
        bool, typer.Option("--demo/--empty", help="A living demonstration county, or an empty one.")
    ] = True,
    port: Annotated[int | None, typer.Option(help="Port on loopback; the next free one if taken.")] = None,
) -> None:
    """Start the county: web, workers and timers in one process. The first start makes the data folder."""
    if not homes.exists(home):
        county.found(home, demo=demo)
    system = opened(home, exclusive=True)
    system.migrate()
    county.admit_county_admin(system)
    settings = system.home.settings
    chosen = free_port(settings.host, settings.port if port is None else port)
    serve(system, chosen, lambda address, stop: county.welcome(system, address, out, stop))
    system.close()


@app.command()
def demo(to: Annotated[Path, typer.Option(help="Where results go.")] = Path("build/demo")) -> None:
    """Play the Pingluo 2018 campaign from beginning to end in a home of its own, and check what came of it."""
    sys.exit(stand.play_whole_campaign(to, out))


@app.command()
def migrate(home: HomePath = DEFAULT_HOME) -> None:
    """Bring every database to its newest version; a copy is kept in backups/."""
    system = opened(home, exclusive=True)
    for service, steps in system.migrate().items():
        out.print(f"{service}: {', '.join(steps)}")
    system.close()


@events_app.command("tail")
def events_tail(
    home: HomePath = DEFAULT_HOME,
    topic: Annotated[str | None, typer.Option(help="Only this topic.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
) -> None:
    """Show the newest events, oldest first, one JSON line each."""
    system = opened(home, exclusive=False)
    topics = [topic] if topic else [one.name for one in FACT_TOPICS]
    records = system.bus.read(topics, {}, 10_000_000)
    for record in records[-last:]:
        out.print_json(record.body.decode(), indent=None)
    reached = {(record.topic, record.part): record.off + 1 for record in records}
    while follow:
        for record in system.bus.read(topics, reached, 100):
            out.print_json(record.body.decode(), indent=None)
            reached[record.topic, record.part] = record.off + 1
        time.sleep(0.5)
    system.close()


def _rows(system: System, table: Any) -> list[tuple[str, Any]]:
    found = []
    for name, service in system.services.items():
        with service.db.read(service.system) as session:
            found += [(name, row) for row in session.connection().execute(select(table))]
    return found


@dead_app.command("ls")
def dead_ls(home: HomePath = DEFAULT_HOME) -> None:
    """List parked events."""
    system = opened(home, exclusive=False)
    table = Table("id", "service", "topic", "code", "attempts", "state")
    for service, row in _rows(system, parked):
        table.add_row(row.id, service, row.topic, row.code, str(row.attempts), row.state)
    out.print(table)
    system.close()


def _parked(system: System, park_id: str) -> tuple[str, Any]:
    for service, row in _rows(system, parked):
        if row.id == park_id:
            return service, row
    err.print(f"没有这样的事件 / no such parked event: {park_id}")
    raise typer.Exit(1)


@dead_app.command("show")
def dead_show(park_id: str, home: HomePath = DEFAULT_HOME) -> None:
    """Show a parked event with its reason and its bytes."""
    system = opened(home, exclusive=False)
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
    system.close()


@dead_app.command("retry")
def dead_retry(park_id: str, home: HomePath = DEFAULT_HOME) -> None:
    """Run a parked event through its service once more."""
    system = opened(home, exclusive=False)
    service, _ = _parked(system, park_id)
    handled = system.services[service].processor.retry(park_id)
    out.print("已处理 / handled" if handled else "仍未能处理 / still not handled")
    system.close()
    raise typer.Exit(0 if handled else 1)


@dead_app.command("skip")
def dead_skip(
    park_id: str, reason: Annotated[str, typer.Option("--reason", help="Why.")], home: HomePath = DEFAULT_HOME
) -> None:
    """Leave a parked event unhandled for good, and let the later ones of its key go on."""
    system = opened(home, exclusive=False)
    service, _ = _parked(system, park_id)
    system.services[service].processor.skip(park_id, reason)
    system.close()


@waiting_app.command("ls")
def waiting_ls(home: HomePath = DEFAULT_HOME) -> None:
    """List events that wait, and for what; stuck after 24 hours."""
    system = opened(home, exclusive=False)
    table = Table("service", "topic", "key", "awaits", "code", "hours")
    for service, row in _rows(system, waiting):
        hours = (time.time() - row.since) / 3600
        table.add_row(service, row.topic, row.key, row.awaits or "", row.code or "", f"{hours:.1f}")
    out.print(table)
    system.close()


@app.command()
def replay(service: str, home: HomePath = DEFAULT_HOME) -> None:
    """Drop a service's projections and build them again from the event log (the county must be stopped)."""
    system = opened(home, exclusive=True)
    if service not in system.services:
        err.print(f"没有这个服务 / no such service: {service}")
        raise typer.Exit(2)
    out.print(f"{service}: {system.services[service].replay()} events")
    system.close()


@draw_app.command("verify")
def draw_verify(record: Path, frames: list[Path]) -> None:
    """Compute a draw again from its record and frame, with the drawer's own code (verify_draw.py is the independent one)."""
    report = verify_draw(record.read_bytes(), [frame.read_bytes() for frame in frames])
    out.print(f"✔ {report.draw} ({report.edition}): {report.targets}/{report.entities}  {report.result_digest}")
    for part in report.not_checked:
        out.print(f"未核验 / NOT CHECKED: {part}")
    raise typer.Exit(3 if report.not_checked else 0)


@app.command()
def doctor(home: HomePath = DEFAULT_HOME) -> None:
    """Examine the installation and say what is wrong and what to do."""
    system = opened(home, exclusive=False)
    good = True
    for check in examine(system):
        good = good and check.good
        out.print(f"{'✔' if check.good else '✘'} {check.name}: {check.says}")
    system.close()
    raise typer.Exit(0 if good else 1)


def main() -> None:
    """Run the command line; a refusal is said in Chinese and English, with its code."""
    try:
        app()
    except OneVisitError as error:
        sentence = Messages(OWN, *RUNTIME_MESSAGES).about(error)
        err.print(f"{sentence.zh}{sentence.next_zh}\n{sentence.en} {sentence.next_en}\n[{error.code}]", markup=False)
        sys.exit(1)
