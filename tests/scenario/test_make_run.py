"""`make run` lands a newcomer in a living county, whatever day it is."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from onevisit import home as homes
from onevisit.demo import county, papers
from onevisit.demo.moved import FOURTH_DAY, SHANGHAI, into_today
from onevisit.demo.papers import ROOT, Papers
from onevisit.demo.play import moved_pack
from onevisit.demo.player import Player
from onevisit.home import ADMIN_LOGIN
from runtime.secrets import Secrets
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import parse_rulepack
from schemas.vocabulary import Stage
from services.planner.domain.stages import Window, check_inside, ordered, warnings

DAYS = [
    pytest.param(date(2026, 11, 21), id="a Saturday"),
    pytest.param(date(2026, 10, 4), id="inside a week-long holiday"),
    pytest.param(date(2026, 12, 31), id="31 December"),
    pytest.param(date(2028, 2, 29), id="29 February, no calendar published"),
]
LAST_PUBLISHED = 2026
"""The last year whose calendar is published in rulepacks/calendar/CN.toml."""
START_SECONDS = 300
STOP_SECONDS = 30


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    return papers.read_calendar()


# ── what a start prepares, on any day ───────────────────────────────────────────────────────────────────────────────


def windows(paper: Any, today: date, calendar: WorkingCalendar) -> tuple[Window, ...]:
    """Move a campaign's stages as the story does."""
    move = into_today(calendar, today)
    return ordered(
        [Window(Stage(name), move.day(days["first"]), move.day(days["last"])) for name, days in paper["stages"].items()]
    )


@pytest.mark.parametrize("today", DAYS)
def test_the_home_is_marked_and_its_clock_begins_before_today(today: date, tmp_path: Path) -> None:
    county.found(tmp_path / "home", demo=True, today=datetime.combine(today, time(10), SHANGHAI))

    home = homes.open_home(tmp_path / "home")
    assert home.settings.demo
    assert home.settings.demo_today == today.isoformat()
    assert home.clock.mode == "simulated"
    began = home.clock.now().astimezone(SHANGHAI)
    assert timedelta(days=14) < datetime.combine(today, time(10), SHANGHAI) - began < timedelta(days=45)
    assert (began.hour, began.minute) == (8, 30)
    home.close()


@pytest.mark.parametrize("today", DAYS)
def test_the_moved_campaign_may_be_proposed(today: date, calendar: WorkingCalendar) -> None:
    """Its stages keep their order and lie in the calendar; where holidays are not published, that is said."""
    pack = parse_rulepack(moved_pack(into_today(calendar, today)))
    blocking = {warning.code for warning in pack.warnings if warning.blocks}
    for paper in (Papers().campaign, Papers().second):
        moved = windows(paper, today, calendar)
        due = calendar.due(moved[2].last_on, 10, "working_days").on
        held_on = into_today(calendar, today).day(paper["conference"]["held_on"])

        check_inside(moved, calendar)
        codes = {
            warned.code
            for warned in warnings(
                moved, calendar, rule_due_on=due, rule_term=10, conference_on=held_on, conference_required=True
            )
        }

        assert codes & (blocking | {"stages_overlap", "stage_dates_reversed", "stage_without_working_day"}) == set()
        assert ("calendar_provisional" in codes) == (max(moved[-1].last_on, due).year > LAST_PUBLISHED)


@pytest.mark.parametrize("today", DAYS)
def test_the_pack_carries_the_moved_day_and_another_name(today: date, calendar: WorkingCalendar) -> None:
    move = into_today(calendar, today)
    pack, original = parse_rulepack(moved_pack(move)), parse_rulepack(papers.PACK.read_bytes())

    assert (pack.id, original.id) == ("NX-DEMO", "NX-2018")
    assert pack.edition == move.day(original.edition)
    assert pack.deadlines == original.deadlines


@pytest.mark.parametrize("today", DAYS)
def test_visits_are_due_today_or_on_the_next_working_day(today: date, calendar: WorkingCalendar) -> None:
    move = into_today(calendar, today)

    fourth = move.day(FOURTH_DAY)
    assert fourth == today or not calendar.is_working_day(today)
    assert move.day(date(2018, 12, 14)) == calendar.next_working_day(fourth).on
    assert move.day(date(2018, 12, 20)) > today


# ── a start ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Served:
    """A county that is up."""

    player: Player
    said: str

    def get(self, who: str, path: str) -> Any:
        """Read something as somebody."""
        return self.player.get(who, path)


@contextmanager
def served(home: Path, now: datetime) -> Iterator[Served]:
    """
    Type `make run` at another time; wait until it has said how to come in, and press Ctrl+C at the end.

    What is already installed is taken as it is, and the Python that make calls lives at that time.
    """
    python = home.parent / "bin" / "python"
    python.parent.mkdir(exist_ok=True)
    elsewhen = f'shift 2; exec "{sys.executable}" -m tests.scenario.elsewhen {now.isoformat()} "$@"'
    python.write_text(f"#!/bin/sh\n{elsewhen}\n", encoding="utf-8")  # make calls it with -m onevisit …
    python.chmod(0o755)
    (home / "address").unlink(missing_ok=True)
    installed = [option for name in (".run", ".compiled") for option in ("-o", f"{sys.prefix}/{name}")]
    command = ["make", *installed, "run", f"VENV={sys.prefix}", f"BIN={python.parent}"]
    said = home.parent / "said"
    with open(said, "wb") as out:
        made = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"ONEVISIT_HOME": str(home)},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    player: Player | None = None
    try:
        _wait_until_said(said, made)
        secrets = Secrets.load(home / "secrets.toml")
        player = Player(lambda: (home / "address").read_text(encoding="ascii"), secrets.password, ADMIN_LOGIN)
        yield Served(player, said.read_text(encoding="utf-8"))
    finally:
        if player is not None:
            player.close()
        _press_ctrl_c(made)
    assert "Traceback" not in said.read_text(encoding="utf-8")


def _wait_until_said(said: Path, made: subprocess.Popen[bytes]) -> None:
    end = monotonic() + START_SECONDS
    while "to stop" not in said.read_text(encoding="utf-8"):
        assert made.poll() is None, said.read_text(encoding="utf-8")[-3000:]
        assert monotonic() < end, said.read_text(encoding="utf-8")[-3000:]
        sleep(0.1)


def _press_ctrl_c(made: subprocess.Popen[bytes]) -> None:
    """Interrupt everything that make started, as a terminal does; whatever is left after a while is ended by force."""
    if made.poll() is None:
        os.killpg(made.pid, signal.SIGINT)
    try:
        made.wait(STOP_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(made.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("run")
@pytest.mark.parametrize("today", DAYS)
def test_a_newcomer_lands_in_a_living_county(today: date, calendar: WorkingCalendar, tmp_path: Path) -> None:
    home, now = tmp_path / "home", datetime.combine(today, time(10), SHANGHAI)
    with served(home, now) as here:
        for shown in ("127.0.0.1", "jt-plan", "ga-check", "gz-witness", "county-admin"):
            assert shown in here.said
        officers = re.findall(r"│ ([a-z]{2}[0-9]{2}) +│", here.said)
        assert {officer[:2] for officer in officers} == {"jt", "ga", "aj", "sj", "yg"}
        visits = here.get(officers[0], "/api/results/v1/visits?mine=true")["visits"]
        assert "scheduled" in {each["own_state"] for each in visits}, "the first one named has a checklist to fill in"
        clock = here.get(ADMIN_LOGIN, "/api/demo/v1/clock")
        assert clock["mode"] == "real"
        told = datetime.fromisoformat(clock["now"])
        assert timedelta(0) <= told - now < timedelta(minutes=15), "it has caught up with now"

        before = looked_at(here)
        first, second = sorted(before["campaigns"])
        assert before["campaigns"] == {first: "drawn", second: "proposed"}, "a second campaign waits for its partners"
        page = here.get("jt-plan", f"/api/planner/v1/campaigns/{first}")
        stages = {each["stage"]: each for each in page["stages"]}
        fourth = calendar.add_working_days(date.fromisoformat(stages["inspect"]["first_on"]), 3).on
        assert fourth == calendar.on_or_before(today).on, "the last working day not after today is the fourth"
        due = {each["visit"] for each in before["visits"] if each["visit_on"] == fourth.isoformat()}
        assert due, "visits are due"
        teams = [
            {member["officer"].lower() for section in shown["sections"] for member in section["team"]}
            for shown in (here.get("jt-plan", f"/api/results/v1/visits/{visit}") for visit in due)
        ]
        assert set().union(*teams) <= set(officers), "all whose signatures they need are named"
        assert {before["sections"][one] for one in before["sections"] if one.rpartition("-")[0] in due} == {"scheduled"}
        assert "submitted" in before["sections"].values(), "a result waits for approval"
        assert {"sent", "received"} & set(before["referrals"].values()), "a referral waits for its receiver"
        assert before["yellow"] > 0, "a deadline turns yellow"
        shown = page_of(here, first)
        assert ("暂定" in shown) == (last_day_in(page).year > LAST_PUBLISHED), "a year not yet published is provisional"
        assert "NX-DEMO" in shown
        assert faults(home) == []

    with served(home, now + timedelta(minutes=30)) as here:
        assert "演练" not in here.said, "nothing is played a second time"
        assert looked_at(here) == before, "everything is still there"
        assert here.get(ADMIN_LOGIN, "/api/demo/v1/clock")["mode"] == "real"
        assert faults(home) == []


def looked_at(here: Served) -> dict[str, Any]:
    """Look at what a newcomer would."""
    visits = here.get("jt-plan", "/api/results/v1/visits")["visits"]
    referrals = here.get("jt-plan", "/api/results/v1/referrals")
    duties = [here.get(f"{agency}-plan", "/api/notifier/v1/summary") for agency in ("jt", "ga", "aj", "sj", "yg")]
    campaigns = here.get("jt-plan", "/api/planner/v1/campaigns")["campaigns"]
    return {
        "campaigns": {each["campaign"]: each["state"] for each in campaigns},
        "visits": [{"visit": each["visit"], "visit_on": each["visit_on"]} for each in visits],
        "sections": {each["section"]: each["state"] for visit in visits for each in visit["sections"]},
        "referrals": {each["referral"]: each["state"] for rows in referrals.values() for each in rows},
        "yellow": sum(int(each["duties"]["agency"]["yellow"]) for each in duties),
    }


def page_of(here: Served, campaign: str) -> str:
    """Read the campaign's page as the lead's planner."""
    answer = here.player._send("GET", "jt-plan", f"/campaigns/{campaign}", {"Accept": "text/html"})
    assert answer.status_code == 200
    return answer.text


def last_day_in(campaign: Any) -> date:
    """Return the last day that a campaign's stages and terms name."""
    ends = [each["last_on"] for each in campaign["stages"]] + [each["due_on"] for each in campaign["dues"].values()]
    return date.fromisoformat(max(ends))


def faults(home: Path) -> list[str]:
    """Return what was logged as an error."""
    lines = (home / "logs" / "onevisit.log").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if json.loads(line)["level"] in ("error", "critical")]
