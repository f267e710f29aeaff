"""Who the start names: somebody of every role, and all whose signatures the next visits need."""

import io
import re
from collections.abc import Iterator

import pytest
from rich.console import Console

from onevisit.demo.county import sign_ins
from onevisit.system import System
from runtime.store import Actor
from schemas.vocabulary import Role
from services.results.domain.sections import EDITABLE
from services.results.tables import Section, Visit
from tests.scenario.playing import Played, copied

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("town")]

ADDRESS = "http://127.0.0.1:8018"


@pytest.fixture(scope="module")
def county(midway: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with copied(midway.home, tmp_path_factory.mktemp("sign-ins") / "home") as system:
        yield system


@pytest.fixture(scope="module")
def printed(county: System) -> dict[str, str]:
    """Read what stands on an 80 columns wide screen: login → password."""
    screen = io.StringIO()
    for table in sign_ins(county, ADDRESS):
        Console(width=80, file=screen).print(table)
    return dict(re.findall(r"│ ([a-z0-9-]+) +│ (\S+) +│$", screen.getvalue(), re.MULTILINE))


def signed_in(county: System, login: str, password: str) -> Actor:
    sessions = county.console.sessions
    found = sessions.actor_of(sessions.sign_in(login, password, "127.0.0.1").token)
    assert found is not None
    return found.actor


def test_somebody_of_every_role_is_named_and_can_sign_in(county: System, printed: dict[str, str]) -> None:
    people = [signed_in(county, login, password) for login, password in printed.items()]

    assert {role for person in people for role in person.roles} == set(Role)
    heads = {person.agency for person in people if Role.AGENCY_HEAD in person.roles}
    assert heads == {"JT", "GA", "AJ", "SJ", "YG"}


def test_everybody_whose_signature_the_next_visits_need_is_named(county: System, printed: dict[str, str]) -> None:
    results = county.services["results"]
    with results.db.read(results.system) as session:
        open_ones = [
            (session.get_one(Visit, section.visit).visit_on, section)
            for section in session.query(Section).all()
            if section.state in EDITABLE
        ]
        next_on = min(visit_on for visit_on, _ in open_ones if visit_on is not None)
        teams = [section.team for visit_on, section in open_ones if visit_on == next_on]

    assert len(teams) >= 4
    assert all(len(team) == 2 for team in teams)
    assert {member["officer"].lower() for team in teams for member in team} <= set(printed)
