"""The county with everybody at a browser of their own, and a replacement round played by them over HTTP."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from onevisit.system import System
from runtime.service import settle
from runtime.time.clock import DurableClock
from runtime.time.timers import run_due
from tests.pages.client import ADDRESS, ConsoleClient

DRAWER, RESULTS, NOTIFIER = "/api/drawer/v1", "/api/results/v1", "/api/notifier/v1"
AGENCIES = ("AJ", "GA", "JT", "SJ", "YG")
PAPER = ("证明.pdf", b"%PDF-1.4 moved away\n", "application/pdf")
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

    def send(self, login: str, path: str, data: dict[str, str], files: Any = None) -> None:
        """Send the form of a page as *login*, and let everybody hear of it."""
        answer = self.who(login).http.post(path, data=data, files=files, headers=self._headers(login))
        assert answer.status_code == 200, answer.text  # of the page it leads to
        settle(self.system.services.values())

    def _headers(self, login: str) -> dict[str, str]:
        csrf = self.who(login).csrf
        return {"Origin": ADDRESS, "X-CSRF-Token": csrf, "Idempotency-Key": f"k{next(self._keys)}"}

    def _done(self, answer: Any, status: int) -> Any:
        assert answer.status_code == status, answer.text
        settle(self.system.services.values())
        return answer.json()

    def at(self, moment: datetime) -> None:
        """Let the campaign's clock go on to *moment*, and the drawer do what is due."""
        clock = self.system.ports.clock
        assert isinstance(clock, DurableClock)
        clock.advance_to(moment)
        run_due(self.system.services["drawer"], moment)
        settle(self.system.services.values())

    def codes(self, login: str) -> set[str]:
        """Name the notices somebody has."""
        return {one["code"] for one in self.get(login, f"{NOTIFIER}/notices")["notices"]}


def to_come(desk: Desk) -> list[dict[str, Any]]:
    """List the visits nobody has entered anything of, oldest first."""
    listed: list[dict[str, Any]] = desk.get("jt-plan", f"{RESULTS}/visits")["visits"]
    return [one for one in listed if {each["state"] for each in one["sections"]} <= {"open", "scheduled"}]


@dataclass(frozen=True)
class Round:
    """What a round was asked for: whose target is gone, and who is ill where."""

    draw: str
    gone: dict[str, Any]
    other: str
    section: dict[str, Any]
    ill: str


def a_round(desk: Desk) -> Round:
    """A firm has moved away and an officer is ill: heads ask, approvers approve, everybody speaks, dice are thrown."""
    (draw,) = [one["draw"] for one in desk.get("jt-draw", f"{DRAWER}/draws")["draws"]]
    gone, other = to_come(desk)[:2]
    section = desk.get("jt-plan", f"{RESULTS}/visits/{other['visit']}")["sections"][0]
    ill = section["team"][0]["officer"]
    changes = f"{DRAWER}/draws/{draw}/changes"
    asked = [
        (gone["sections"][0]["agency"].lower(), {"visit": gone["visit"], "reason": "moved_out"}),
        (section["agency"].lower(), {"visit": other["visit"], "reason": "officer_ill", "officer": ill}),
    ]
    for agency, fields in asked:
        change = desk.upload(f"{agency}-head", changes, **fields)["change"]
        desk.post(f"{agency}-head", f"{changes}/{change}/decide", {"approve": True}, 403)
        assert "change.requested" in desk.codes(f"{agency}-check")
        desk.post(f"{agency}-check", f"{changes}/{change}/decide", {"approve": True})
    assert "change.approved" in desk.codes("jt-draw")
    at = desk.system.ports.clock.now()
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
    return Round(draw, gone, other["visit"], section, ill)
