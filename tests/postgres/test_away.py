"""PostgreSQL goes away under an installation that runs: nothing is done meanwhile, nothing is parked, nothing is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from onevisit import home as homes
from onevisit.home import ADMIN_LOGIN
from onevisit.system import System, build
from schemas.vocabulary import AgencyKind
from services.console.app import ensure_county_admin
from services.planner.tables import AgencyRow
from tests.pages.client import TestClient
from tests.postgres.test_installation import made
from tests.tier.ways import Postgres
from tests.unit.operating.conftest import Command, onevisit

__all__ = ["onevisit"]

PASSWORD = "a password of the test"
SETTLE_SECONDS = 60.0


def signed_in(browser: TestClient) -> str:
    """Sign the county administrator in and return the CSRF token."""
    answer = browser.post("/api/console/v1/sign-in", json={"login": ADMIN_LOGIN, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["csrf"])


def register(browser: TestClient, csrf: str, agency: str) -> Any:
    facts = {"agency": agency, "kind": AgencyKind.AGENCY, "name": f"某县{agency}局", "short_name": f"{agency}局"}
    headers = {"X-CSRF-Token": csrf, "Idempotency-Key": f"register-{agency}"}
    return browser.post("/api/console/v1/agencies", json=facts, headers=headers)


def known_to_planner(system: System) -> set[str]:
    planner = system.services["planner"]
    with planner.db.read(planner.system) as session:
        return set(session.scalars(select(AgencyRow.id)))


def test_while_postgresql_is_away_requests_get_503_and_when_it_is_back_nothing_was_parked(
    own_postgres: Callable[[], Postgres], tmp_path: Path, onevisit: Command
) -> None:
    server = own_postgres()
    home = made(tmp_path / "home", server.url)
    assert onevisit("provision", "--home", home, "--admin-file", tmp_path / "admin").code == 0
    system = build(homes.open_home(home))
    try:
        system.migrate()
        ensure_county_admin(system.console, ADMIN_LOGIN, PASSWORD, must_change_password=False)
        with TestClient(system.web(), base_url="http://127.0.0.1") as browser:
            csrf = signed_in(browser)
            assert register(browser, csrf, "JT").status_code == 201
            assert system.host.wait_until_settled(SETTLE_SECONDS)

            server.crash()
            command = register(browser, csrf, "GA")
            page = browser.get("/accounts")
            alive = [browser.get(path).status_code for path in ("/healthz", "/readyz")]
            server.start()
            again = register(browser, csrf, "GA")

            assert (command.status_code, command.json()["code"]) == (503, "store.away")
            assert command.headers["Retry-After"] == page.headers["Retry-After"] == "5"
            assert page.status_code == 503
            assert "数据库暂时不能使用" in page.text
            assert alive == [200, 503]
            assert again.status_code == 201, "the same request, sent again as it was told to"
            assert browser.get("/accounts").status_code == 200
            assert system.host.wait_until_settled(SETTLE_SECONDS)
        assert known_to_planner(system) >= {"JT", "GA"}
        assert sum(service.backlog().parked for service in system.services.values()) == 0
    finally:
        system.close()
