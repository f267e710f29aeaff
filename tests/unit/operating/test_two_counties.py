"""One installation, several counties: a data folder each, open at the same time, that share nothing but the program."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from onevisit import home as homes
from onevisit.home import HomeSettings
from onevisit.system import System, build
from runtime.files.blobs import BlobMissing
from runtime.service import settle
from schemas.vocabulary import AgencyKind, Role
from services.console.commands import open_account, register_agency
from services.console.passwords import hash_password
from services.console.queries import agencies_of
from services.console.sessions import SignInRefused
from services.planner.queries import bodies
from tests.kit import person

NAMES = {"640221": "平罗县", "640222": "隔壁县"}
PASSWORD = "correct horse of the test"


@pytest.fixture
def counties(tmp_path: Path) -> Iterator[dict[str, System]]:
    with ExitStack() as opened:
        found = {}
        for county, name in NAMES.items():
            homes.create(tmp_path / county, HomeSettings(county=county, county_name=name))
            found[county] = opened.enter_context(closing(build(homes.open_home(tmp_path / county))))
            found[county].migrate()
        yield found


def set_up(system: System, county: str) -> str:
    """Register the same body and open the same sign-in that every county has; return the account."""
    admin = person("LXH", Role.COUNTY_ADMIN, county=county)
    facts: dict[str, Any] = {"kind": AgencyKind.AGENCY, "name": f"{NAMES[county]}交通运输局", "short_name": "交通局"}
    system.console.do(admin, register_agency, agency="JT", **facts)
    signing_in: dict[str, Any] = {
        "login": "jt-plan",
        "display_name": "计划岗",
        "password": hash_password(PASSWORD, "jt-plan"),
    }
    reply = system.console.do(admin, open_account, agency="JT", roles=[Role.PLANNER], **signing_in)
    settle(system.services.values())
    return str(reply.value["account"])


def test_two_counties_on_one_install_use_the_same_codes_and_never_meet(counties: dict[str, System]) -> None:
    first, second = counties.values()
    accounts = [set_up(first, "640221")]
    before = first.state_digest()

    accounts.append(set_up(second, "640222"))

    assert first.state_digest() == before, "what one does changes nothing of the other"
    assert len(set(accounts)) == 2
    for county, system in counties.items():
        planner = person("JT", Role.PLANNER, county=county)
        assert [body.name for body in system.console.ask(planner, agencies_of)] == [f"{NAMES[county]}交通运输局"]
        known = system.services["planner"].ask(planner, bodies.agencies_of)
        assert {code: body.name for code, body in known.items()} == {"JT": f"{NAMES[county]}交通运输局"}
        assert system.services["planner"].backlog().settled


def test_a_sign_in_of_one_county_is_nobody_in_the_other(counties: dict[str, System]) -> None:
    first, second = counties.values()
    set_up(first, "640221")
    opened = first.console.sessions.sign_in("jt-plan", PASSWORD, "127.0.0.1")

    assert first.console.sessions.actor_of(opened.token) is not None
    assert second.console.sessions.actor_of(opened.token) is None
    with pytest.raises(SignInRefused):
        second.console.sessions.sign_in("jt-plan", PASSWORD, "127.0.0.1")


def test_what_one_county_sealed_the_other_cannot_open(counties: dict[str, System]) -> None:
    first, second = counties.values()
    reference = first.ports.blobs.put(b"a roster", "application/json", ["drawer"])

    assert first.ports.blobs.get(reference, "drawer") == b"a roster"
    assert first.home.secrets.sealing_key("drawer") != second.home.secrets.sealing_key("drawer")
    with pytest.raises(BlobMissing):
        second.ports.blobs.get(reference, "drawer")
