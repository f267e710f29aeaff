"""Everybody at the door of a played county: a person of every role of the lead, a partner and an agency that has no part in it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI
from sqlalchemy import select, update

from onevisit.home import ADMIN_LOGIN
from onevisit.system import System
from runtime.service import settle
from runtime.store.actor import Actor
from runtime.web.access import Access
from schemas.vocabulary import AgencyKind, Role
from services.console.commands import open_account, register_agency
from services.console.passwords import hash_password
from services.console.tables import Account, LiveSession
from services.notifier.commands_webhooks import add_webhook
from services.notifier.tables import Notice
from services.results.tables import Evidence, Referral, Scan, Section, Visit
from tests.pages.client import ConsoleClient
from tests.scenario.marks import Marks

LEAD, PARTNER, UNRELATED, WITNESS, OFFICE = "JT", "GA", "JY", "GZ", "LXH"
HELD_ALREADY = {  # accounts of the story: login suffix → roles
    "plan": {Role.PLANNER},
    "draw": {Role.DRAW_OFFICER},
    "check": {Role.APPROVER, Role.PUBLISHER},
    "head": {Role.AGENCY_HEAD},
    "super": {Role.SUPERVISOR},
}
INSPECTING = (Role.INSPECTOR, Role.TEAM_LEAD)
PASSWORD = "correct horse of the test"  # the same for all that are opened here


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, or nobody (no actor)."""

    name: str
    actor: Actor | None
    client: ConsoleClient = field(repr=False, compare=False)

    @property
    def agency(self) -> str:
        """Whose person this is; empty for nobody."""
        return self.actor.agency if self.actor else ""

    @property
    def roles(self) -> frozenset[Role]:
        """Return the roles held."""
        return self.actor.roles if self.actor else frozenset()

    def may_pass(self, access: Access) -> bool:
        """Tell what the access table says of this person."""
        return access.public or (self.actor is not None and access.admits(self.roles))

    def on(self, team: frozenset[str]) -> bool:
        """Tell whether this person is one of a visit's officers."""
        return self.actor is not None and self.actor.officer in team

    def may_know(self, marks: Marks, teams: Mapping[str, frozenset[str]], visit: str) -> bool:
        """Tell whether this person may know a visit's target before disclosure (issue 3, disclosure "window")."""
        if self.actor is None:
            return False
        if self.agency == LEAD and self.roles & {Role.PLANNER, Role.DRAW_OFFICER}:
            return True
        if self.on(teams[visit]):
            return True
        eyes = {Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD}
        return self.agency in marks.agencies[visit] and bool(self.roles & eyes)


class Town:
    """The county's web application, and people to send into it; no worker, relay or timer runs."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.app: FastAPI = system.web()
        self.lines: Mapping[str, Access] = self.app.state.access.lines
        self._open_accounts()
        settle(system.services.values())
        self.people = list(self._everybody())
        self._stay_awake()
        self.teams = self._teams()
        self.webhook = self._webhook()

    def _open_accounts(self) -> None:
        console = self.system.console
        with console.db.read(console.system) as session:
            row = session.scalars(select(Account).where(Account.login == ADMIN_LOGIN)).one()
            admin = Actor(row.id, row.agency, row.county, frozenset({Role.COUNTY_ADMIN}))
        facts = {"kind": AgencyKind.AGENCY, "name": "平罗县教育局", "short_name": "教育局"}
        console.do(admin, register_agency, agency=UNRELATED, **facts)
        hashed = hash_password(PASSWORD, "somebody")
        for agency in (LEAD, PARTNER, UNRELATED):
            for number, role in enumerate(self._roles_to_open(agency)):
                console.do(
                    admin,
                    open_account,
                    agency=agency,
                    login=f"{agency}-{role}".lower().replace("_", "-"),
                    display_name=f"{agency}{role}",
                    roles=[role],
                    officer=f"{agency}9{number}" if role in INSPECTING else None,
                    password=hashed,
                    must_change_password=False,
                )

    def _roles_to_open(self, agency: str) -> list[Role]:
        held = frozenset() if agency == UNRELATED else frozenset({*_held(), Role.INSPECTOR})
        return [role for role in Role if role not in held and role not in (Role.WITNESS, Role.COUNTY_ADMIN)]

    def _everybody(self) -> Iterator[Person]:
        password = self.system.home.secrets.password
        for agency in (LEAD, PARTNER):
            for suffix in (*HELD_ALREADY, "01"):
                login = f"{agency}-{suffix}".lower() if suffix in HELD_ALREADY else f"{agency}{suffix}".lower()
                yield self._sign_in(login, password(login))
        for agency in (LEAD, PARTNER, UNRELATED):
            for role in self._roles_to_open(agency):
                yield self._sign_in(f"{agency}-{role}".lower().replace("_", "-"), PASSWORD)
        yield self._sign_in("gz-witness", password("gz-witness"))
        yield self._sign_in(ADMIN_LOGIN, password(ADMIN_LOGIN))
        yield Person("anonymous", None, ConsoleClient(self.app))

    def _sign_in(self, login: str, password: str) -> Person:
        opened = self.system.console.sessions.sign_in(login, password, "127.0.0.1")
        signed_in = self.system.console.sessions.actor_of(opened.token)
        assert signed_in is not None
        return Person(login, signed_in.actor, ConsoleClient(self.app, opened.token, opened.csrf))

    def _stay_awake(self) -> None:
        """Let nobody's session end of idleness: what else a worker runs before a town's next test takes half an hour."""
        console = self.system.console
        with console.db.write(console.system) as session:
            session.execute(update(LiveSession).values(seen_at=datetime.now(UTC) + timedelta(days=1)))

    def _teams(self) -> dict[str, frozenset[str]]:
        results = self.system.services["results"]
        found: dict[str, set[str]] = {}
        with results.db.read(results.system) as session:
            for section in session.scalars(select(Section)):
                own = found.setdefault(section.visit, set())
                own.update(member["officer"] for member in section.team if member["officer"])
        return {visit: frozenset(officers) for visit, officers in found.items()}

    def _webhook(self) -> str:
        """Let the partner have its events pushed somewhere; nothing sends them here."""
        admin = Actor("town", PARTNER, self.system.home.settings.county, frozenset({Role.AGENCY_ADMIN}))
        reply = self.system.services["notifier"].do(
            admin, add_webhook, name="town", url="https://xt.example.cn/", kinds=[], secret=b"", loopback=False
        )
        return str(reply.value["webhook"])

    def person(self, name: str) -> Person:
        """Return somebody by login."""
        return next(person for person in self.people if person.name == name)

    # ── real ids ────────────────────────────────────────────────────────────────────────────────────────────────────

    def fills(self) -> dict[str, list[dict[str, str]]]:
        """
        Give values for the path parameters of routes: {comma-joined names: [{name: value}]}.

        Every value is a real one, of the lead, of the partner and of others, as far as there are any.
        """
        results, console, notifier = (self.system.services[name] for name in ("results", "console", "notifier"))
        with results.db.read(results.system) as session:
            sections = list(session.scalars(select(Section).order_by(Section.id)))
            visits = list(session.scalars(select(Visit).order_by(Visit.id)))
            evidence = list(session.scalars(select(Evidence).order_by(Evidence.id)))
            referrals = list(session.scalars(select(Referral).where(Referral.current).order_by(Referral.id)))
            scans = list(session.scalars(select(Scan).order_by(Scan.id)))
            campaign, draw = visits[0].campaign, visits[0].draw
        with console.db.read(console.system) as session:
            accounts = list(session.scalars(select(Account).order_by(Account.login)))
        with notifier.db.read(notifier.system) as session:
            notice = session.scalars(select(Notice).order_by(Notice.id)).first()
        parties = [each for each in sections if each.agency in (LEAD, PARTNER, "SJ")]
        chosen = _first_of_each(parties, lambda each: (each.agency, each.state in ("open", "scheduled")))
        shown = _first_of_each(evidence, lambda each: each.section.rsplit("-", 1)[1])
        filed = [
            {"referral_id": each.referral, "evidence_id": one.id}
            for each in referrals
            for one in evidence
            if one.section.startswith(each.visit) and one.section.endswith(each.sender)
        ]
        return {
            "": [{}],
            "campaign_id": [{"campaign_id": campaign}],
            "campaign_id,agency": [{"campaign_id": campaign, "agency": PARTNER}],
            "campaign_id,file": [{"campaign_id": campaign, "file": "record"}],
            "draw_id": [{"draw_id": draw}],
            "draw_id,number": [{"draw_id": draw, "number": "1"}],
            "draw_id,visit_id": [{"draw_id": draw, "visit_id": each.id} for each in visits[:2]],
            "draw_id,change_id": [{"draw_id": draw, "change_id": "none"}],
            "draw_id,appointment_id": [{"draw_id": draw, "appointment_id": "none"}],
            "visit_id": [
                {"visit_id": each.id} for each in _first_of_each(visits, lambda each: PARTNER in each.agencies)
            ],
            "section_id": [{"section_id": each.id} for each in chosen],
            "section_id,evidence_id": [{"section_id": each.section, "evidence_id": each.id} for each in shown],
            "referral_id": [{"referral_id": each.referral} for each in referrals],
            "referral_id,evidence_id": filed,
            "referral_id,scan_id": [{"referral_id": each.referral, "scan_id": each.id} for each in scans]
            or [{"referral_id": referrals[0].referral, "scan_id": "none"}],
            "account_id": [
                {"account_id": each.id}
                for each in _first_of_each(accounts, lambda each: each.agency)
                if each.agency in (LEAD, PARTNER)
            ],
            "notice_id": [{"notice_id": notice.id if notice else "none"}],
            "kind": [
                {"kind": kind}
                for kind in ("targets", "items", "inspectors", "experts", "checklists", "recusals", "absences")
            ],
            "client_id": [{"client_id": "none"}],
            "webhook_id": [{"webhook_id": self.webhook}],
            "pack": [{"pack": "NX-2018"}],
            "name": [{"name": "no-such.css"}],
        }


def _held() -> frozenset[Role]:
    return frozenset(role for roles in HELD_ALREADY.values() for role in roles)


def _first_of_each(rows: Iterable[Any], key: Any) -> list[Any]:
    found: dict[Any, Any] = {}
    for row in rows:
        found.setdefault(key(row), row)
    return list(found.values())


_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


def paths(line: str, fills: Mapping[str, list[dict[str, str]]]) -> list[str]:
    """Fill a route's template with every set of values there is for it."""
    template = line.split(" ", 1)[1]
    names = ",".join(_PARAMETER.findall(template))
    found = []
    for values in fills[names]:
        path = template
        for name, value in values.items():
            path = re.sub(rf"\{{{name}(:\w+)?\}}", value, path)
        found.append(path)
    return found
