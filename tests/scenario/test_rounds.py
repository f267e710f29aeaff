"""
After the draw, in the third day of inspections: a firm has moved away and an officer is ill.

Everybody does their part over HTTP with their own account; the clock is the campaign's. In the end everybody may check it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from onevisit.system import System
from runtime.service import settle
from runtime.time.timers import run_due
from schemas.topics import TOPICS
from tests.pages.client import ADDRESS, ConsoleClient
from tests.scenario.conftest import MIDWAY
from tests.scenario.marks import collect, found_in
from tests.scenario.playing import EVERYTHING, Played, copied

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("walls"), pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
DRAWER, RESULTS, NOTIFIER = "/api/drawer/v1", "/api/results/v1", "/api/notifier/v1"
AGENCIES = ("AJ", "GA", "JT", "SJ", "YG")
PAPER = ("证明.pdf", b"%PDF-1.4 moved away\n", "application/pdf")
WINDOW_END = datetime.fromisoformat("2018-12-21T00:00+08:00")
DICE = "27182818284590452353"


class Desk:
    """The county with everybody at a browser of their own."""

    def __init__(self, system: System) -> None:
        self.system, self.app = system, system.web()
        self._keys = count()
        self._people: dict[str, ConsoleClient] = {}

    def who(self, login: str) -> ConsoleClient:
        """Sign somebody in, once."""
        if login not in self._people:
            password = self.system.home.secrets.password(login)
            opened = self.system.console.sessions.sign_in(login, password, "127.0.0.1")
            self._people[login] = ConsoleClient(self.app, opened.token, opened.csrf)
        return self._people[login]

    def get(self, login: str, path: str) -> Any:
        """Read as *login*."""
        answer = self.who(login).http.get(path)
        assert answer.status_code == 200, f"{login} {path}: {answer.text}"
        return answer.json()

    def post(self, login: str, path: str, body: Any = None, status: int = 200) -> Any:
        """Do something as *login*, and let everybody hear of it."""
        answer = self.who(login).http.post(path, json=body, headers=self._headers(login))
        return self._done(answer, status)

    def upload(self, login: str, path: str, **fields: str) -> Any:
        """Send a form with a document as *login*."""
        files, headers = {"file": PAPER}, self._headers(login)
        return self._done(self.who(login).http.post(path, data=fields, files=files, headers=headers), 201)

    def _headers(self, login: str) -> dict[str, str]:
        csrf = self.who(login).csrf
        return {"Origin": ADDRESS, "X-CSRF-Token": csrf, "Idempotency-Key": f"k{next(self._keys)}"}

    def _done(self, answer: Any, status: int) -> Any:
        assert answer.status_code == status, answer.text
        settle(self.system.services.values())
        return answer.json()

    def at(self, moment: datetime) -> None:
        """Let the campaign's clock go on to *moment*, and the drawer do what is due."""
        self.system.ports.clock.advance_to(moment)
        run_due(self.system.services["drawer"], moment)
        settle(self.system.services.values())

    def codes(self, login: str) -> set[str]:
        """Name the notices somebody has."""
        return {one["code"] for one in self.get(login, f"{NOTIFIER}/notices")["notices"]}


@pytest.fixture
def desk(midway: Played, tmp_path: Path) -> Iterator[Desk]:
    with capture_logs(), copied(midway.home, tmp_path / "home") as system:
        yield Desk(system)


def to_come(desk: Desk) -> list[dict[str, Any]]:
    """List the visits nobody has entered anything of, oldest first."""
    listed: list[dict[str, Any]] = desk.get("jt-plan", f"{RESULTS}/visits")["visits"]
    return [one for one in listed if {each["state"] for each in one["sections"]} <= {"open", "scheduled"}]


def a_round(desk: Desk, draw: str) -> None:
    """Everybody speaks in the round that is open, as themselves."""
    at = MIDWAY + timedelta(minutes=5)
    times = {"seal_by": (at + timedelta(hours=1)).isoformat(), "beacon_time": (at + timedelta(hours=2)).isoformat()}
    opened = desk.post("jt-draw", f"{DRAWER}/draws/{draw}/rounds", times, 201)
    path = f"{DRAWER}/draws/{draw}/rounds/{opened['round']}"
    for body in opened["signers"]:
        desk.post("gz-witness" if body == "GZ" else f"{body.lower()}-draw", f"{path}/sign")
    for agency in AGENCIES:
        desk.post(f"{agency.lower()}-draw", f"{path}/reveal")
    desk.post("gz-witness", f"{path}/seal")
    desk.at(at + timedelta(hours=2))
    desk.post("gz-witness", f"{path}/dice", {"digits": DICE, "again": DICE})


def test_a_target_and_an_officer_are_replaced_by_people_over_http(desk: Desk, tmp_path: Path) -> None:
    (draw,) = [one["draw"] for one in desk.get("jt-draw", f"{DRAWER}/draws")["draws"]]
    gone, other = to_come(desk)[:2]
    asking = gone["sections"][0]["agency"].lower()
    sections = desk.get("jt-plan", f"{RESULTS}/visits/{other['visit']}")["sections"]
    section = sections[0]
    of, ill = section["agency"].lower(), section["team"][0]["officer"]
    before = {one["visit"] for one in desk.get("jt-plan", f"{RESULTS}/visits")["visits"]}
    changes = f"{DRAWER}/draws/{draw}/changes"

    removal = desk.upload(f"{asking}-head", changes, visit=gone["visit"], reason="moved_out")
    dropout = desk.upload(f"{of}-head", changes, visit=other["visit"], reason="officer_ill", officer=ill)
    assert "change.requested" in desk.codes(f"{asking}-check")
    for agency, change in ((asking, removal), (of, dropout)):
        desk.post(f"{agency}-head", f"{changes}/{change['change']}/decide", {"approve": True}, 403)
        desk.post(f"{agency}-check", f"{changes}/{change['change']}/decide", {"approve": True})
    assert "change.approved" in desk.codes("jt-draw")
    a_round(desk, draw)

    listed = {one["visit"]: one for one in desk.get("jt-plan", f"{RESULTS}/visits")["visits"]}
    (new,) = listed.keys() - before
    closed = desk.get("jt-plan", f"{RESULTS}/visits/{gone['visit']}")
    assert (closed["instead"], closed["closed_for"]) == (new, ["已迁出本县", "Moved out of the county"])
    assert {each["state"] for each in closed["sections"]} == {"replaced"}
    fresh = desk.get("jt-plan", f"{RESULTS}/visits/{new}")
    assert (fresh["instead_of"], {each["state"] for each in fresh["sections"]}) == (gone["visit"], {"open"})
    refused = desk.post(
        "jt-plan",
        f"{RESULTS}/visits/{gone['visit']}/schedule",
        {"day": "2018-12-17", "instead_of": gone["visit_on"]},
        409,
    )
    assert refused["code"] == "visit.replaced"
    desk.post("jt-plan", f"{RESULTS}/visits/{new}/schedule", {"day": "2018-12-17", "instead_of": None})

    sections = {one["section"]: one for one in desk.get("jt-plan", f"{RESULTS}/visits/{other['visit']}")["sections"]}
    team = {member["officer"] for member in sections[section["section"]]["team"]}
    (came,) = team - {member["officer"] for member in section["team"]}
    assert ill not in team
    assert "inspector.came" in desk.codes(came.lower())
    assert "inspector.left" in desk.codes(ill.lower())
    assert desk.get(came.lower(), f"{RESULTS}/sections/{section['section']}")["drawn"]
    told = [member["officer"] for each in fresh["sections"] for member in each["team"]]
    assert "target.replaced.team" in desk.codes(told[0].lower())
    assert "target.replaced.lead" in desk.codes("jt-plan")

    marks = collect(desk.system)
    said = [record.body.decode() for record in desk.system.bus.read(sorted(TOPICS), {}, EVERYTHING)]
    firms = {mark: what for visit in marks.drawn.values() for mark, what in visit.items()}
    assert found_in("\n".join(json.dumps(json.loads(one), ensure_ascii=False) for one in said), firms) == {}
    for login in ("jt-super", "jt-head", "aj-draw", "yg-draw", "gz-witness"):
        for page in (f"/draws/{draw}", f"/draws/{draw}/rounds/1"):
            shown = desk.who(login).get(page).text
            assert found_in(shown, firms) == {}, f"{login} {page}"

    desk.at(WINDOW_END)
    files = {
        "record.json": desk.who("jt-super").http.get(f"{DRAWER}/draws/{draw}/record?edition=full"),
        "frame.tsv": desk.who("jt-super").http.get(f"/public/draws/{draw}/frame.tsv"),
    }
    for name, answer in files.items():
        assert answer.status_code == 200
        (tmp_path / name).write_bytes(answer.content)
    command = [sys.executable, str(ROOT / "verify_draw.py"), *(str(tmp_path / name) for name in files)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads((tmp_path / "record.json").read_text())["replacements"][0]["round"] == 1
