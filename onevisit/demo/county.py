"""`make run`: found a county on the first start, play the campaign up to now, and say how to come in."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from onevisit import home as homes
from onevisit.demo import progress
from onevisit.demo.moved import SHANGHAI, into_today
from onevisit.demo.papers import Officer, Papers, demo_settings, read_calendar
from onevisit.demo.story import STAFF
from onevisit.home import ADMIN_LOGIN, HomeSettings
from onevisit.system import System
from runtime.store.actor import Actor
from schemas.vocabulary import Role
from services.console.app import ensure_county_admin
from services.results.queries.summary import home_me


def found(path: Path, *, demo: bool, today: datetime | None = None) -> None:
    """Make the data folder: an empty county on real time, or a demo county whose campaign is moved into today."""
    if not demo:
        homes.create(path, HomeSettings())
        return
    day = (today or datetime.now(SHANGHAI)).date()
    start = datetime.fromisoformat(str(Papers().demo["clock"]["start"]))
    first = into_today(read_calendar(), day).moment(start.date(), start.time())
    homes.create(path, demo_settings(day.isoformat()), simulated_from=first)


def admit_county_admin(system: System) -> None:
    """Open the county administrator's account, with the first password of secrets.toml."""
    password = system.home.secrets.password(ADMIN_LOGIN)
    demo = system.home.settings.demo
    ensure_county_admin(system.services["console"], ADMIN_LOGIN, password, must_change_password=not demo)


def welcome(system: System, address: str, out: Console, stop: Callable[[], None]) -> None:
    """Write down the address, play what is still to be played, and print how to come in."""
    home = system.home
    (home.path / "address").write_text(address, encoding="ascii")
    if home.settings.demo_today and home.clock.mode == "simulated" and not _play(system, out):
        stop()
        return
    out.print(_sign_ins(system, address))


def _play(system: System, out: Console) -> bool:
    home = system.home
    command = [
        sys.executable,
        "-m",
        "onevisit.demo.play",
        "--home",
        str(home.path),
        "--today",
        home.settings.demo_today,
    ]
    out.print(
        "[bold]首次启动：正在演练平罗县 2018 年联合抽查，直到今天[/bold] / first start: playing the Pingluo campaign up to today"
    )
    return progress.follow(command, out) == 0


def _sign_ins(system: System, address: str) -> Table:
    table = Table(title=f"进一次门 OneVisit   {address}", title_style="bold", caption="Ctrl+C 停止 / to stop")
    for heading in ("部门 agency", "岗位 role", "账号 login", "密码 password"):
        table.add_column(heading)
    password = system.home.secrets.password
    table.add_row("联席办", "县级管理员 county administrator", ADMIN_LOGIN, password(ADMIN_LOGIN))
    if not system.home.settings.demo:
        return table
    papers = Papers()
    short = {body.code: body.short for body in papers.bodies}
    for suffix, (roles, title) in STAFF.items():
        login = f"jt-{suffix}"
        table.add_row(short["JT"], f"{title} {', '.join(roles)}", login, password(login))
    for agency in papers.agencies[1:]:
        for suffix in ("plan", "draw", "check"):
            login = f"{agency.lower()}-{suffix}"
            table.add_row(short[agency], f"{STAFF[suffix][1]} {', '.join(STAFF[suffix][0])}", login, password(login))
    for one in _inspectors(system, papers):
        login = one.number.lower()
        table.add_row(short[one.agency], "执法检查人员 inspector", login, password(login))
    table.add_row(short["GZ"], "见证人 witness", "gz-witness", password("gz-witness"))
    return table


def _inspectors(system: System, papers: Papers) -> list[Officer]:
    """Choose an inspector of every agency: the one whose next checklist is due first, as the draw would have it."""
    results, county, now = system.services["results"], system.home.settings.county, system.ports.clock.now()

    def next_due(one: Officer) -> str:
        actor = Actor(one.number.lower(), one.agency, county, frozenset({Role.INSPECTOR}), one.number)
        visits = results.ask(actor, home_me, now=now)["visits"]
        return min((str(each["visit_on"]) for each in visits), default="none")

    return [min((one for one in papers.officers if one.agency == agency), key=next_due) for agency in papers.agencies]
