"""`make run`: found a county on the first start, play the campaign up to now, and say how to come in."""

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from onevisit import home as homes
from onevisit.demo import progress
from onevisit.demo.moved import SHANGHAI, into_today
from onevisit.demo.papers import Papers, demo_settings, read_calendar
from onevisit.demo.story import WITNESS, roles_of, staff_of
from onevisit.files import write_whole
from onevisit.home import ADMIN_LOGIN, HomeSettings
from onevisit.system import System
from schemas.vocabulary import Role
from services.console.app import ensure_county_admin
from services.console.domain.roles import in_order, names_en, names_zh
from services.results.queries.teams import teams_due


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
    write_address(system, address)
    if home.settings.demo_today and home.clock.mode == "simulated" and not _play(system, out):
        stop()
        return
    for table in sign_ins(system, address):
        out.print(table)


def write_address(system: System, address: str) -> None:
    """Write down where the county is reached, for whoever plays in it."""
    write_whole(system.home.path / "address", address)  # several web processes may at once


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


def sign_ins(system: System, address: str) -> list[Table]:
    """Return the tables of who may come in: the teams of the next visits, and the offices of the county."""
    if not system.home.settings.demo:
        return [_offices(system, address, None)]
    papers = Papers()
    return [*_teams(system, papers), _offices(system, address, papers)]


def _offices(system: System, address: str, papers: Papers | None) -> Table:
    table = _table(f"进一次门 OneVisit   {address}", caption="Ctrl+C 停止 / to stop")
    password = system.home.secrets.password

    def row(agency: str, roles: Iterable[str], login: str) -> None:
        table.add_row(agency, _roles(roles), login, password(login))

    row("联席办", (Role.COUNTY_ADMIN,), ADMIN_LOGIN)
    if papers is None:
        return table
    for agency in papers.agencies:
        table.add_section()
        for suffix, (roles, _) in staff_of(agency).items():
            row(papers.short(agency), roles, f"{agency.lower()}-{suffix}")
        for officer in papers.officers:
            if officer.agency == agency and Role.TEAM_LEAD in roles_of(officer):
                row(papers.short(agency), roles_of(officer), officer.number.lower())
    table.add_section()
    row(papers.short(WITNESS), (Role.WITNESS,), "gz-witness")
    return table


def _teams(system: System, papers: Papers) -> Iterator[Table]:
    """Name for each of the next visits everybody whose signature it needs, so that one person alone can finish it."""
    results, password = system.services["results"], system.home.secrets.password
    listed = {one.number: one for one in papers.officers}
    due = results.ask(results.system, teams_due, now=system.ports.clock.now())
    for visit, teams in groupby(due, lambda team: (team.visit, team.visit_on)):
        table = _table(
            "{} · {}".format(*visit), caption="每个部门两人签名后提交 / two of an agency sign, then it is submitted"
        )
        for team in teams:
            for number in team.officers:
                login = number.lower()
                table.add_row(papers.short(team.agency), _roles(roles_of(listed[number])), login, password(login))
        yield table


def _table(title: str, caption: str) -> Table:
    table = Table(title=title, title_style="bold", caption=caption)
    for heading in ("部门 agency", "岗位 role", "账号 login", "密码 password"):
        table.add_column(heading)
    return table


def _roles(roles: Iterable[str]) -> str:
    held = in_order(Role(role) for role in roles)
    return f"{'、'.join(names_zh(held))} {', '.join(names_en(held))}"
