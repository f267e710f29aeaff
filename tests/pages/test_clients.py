"""API clients: made on a page and by API, let in by their key and scope, and by nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import select

from runtime.web.application import application
from runtime.web.templates import Web
from schemas.vocabulary import AgencyKind, Role
from services.console.app import Console, console, ensure_county_admin
from services.console.commands import open_account, register_agency
from services.console.passwords import hash_password
from services.console.tables import ApiClient, SignInAudit
from tests.kit import COUNTY, Kit, person
from tests.pages.client import HOSTILE, ConsoleClient, check_headers

PASSWORD = "correct-horse-18"
API = "/api/console/v1"
OPEN = f"{API}/agencies"  # a route that the scope campaigns:read opens


@pytest.fixture
def service(kit: Kit) -> Console:
    service = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    ensure_county_admin(service, "county.admin", PASSWORD, must_change_password=False)
    county = person("LXH", Role.COUNTY_ADMIN)
    for agency in ("JT", "GA"):
        names = {"name": f"{agency}单位", "short_name": agency}
        service.do(county, register_agency, agency=agency, kind=AgencyKind.AGENCY, **names)
        service.do(
            county,
            open_account,
            agency=agency,
            login=f"{agency.lower()}.admin",
            display_name="管理员",
            roles=[Role.AGENCY_ADMIN],
            password=hash_password(PASSWORD, agency),
            must_change_password=False,
        )
    return service


@pytest.fixture
def app(service: Console) -> FastAPI:
    return application(Web([service]), [service], service.sessions)


def signed_in(app: FastAPI, login: str) -> ConsoleClient:
    client = ConsoleClient(app)
    client.sign_in(login, PASSWORD)
    return client


@pytest.fixture
def jt(app: FastAPI) -> ConsoleClient:
    return signed_in(app, "jt.admin")


def make(admin: ConsoleClient, *scopes: str, expires_on: str = "2018-12-31", **more: Any) -> Any:
    asked = {"name": "交通执法业务系统", "scopes": list(scopes or ("campaigns:read",)), "expires_on": expires_on}
    return admin.api("POST", f"{API}/clients", asked, **more)


def ask(app: FastAPI, key: str, path: str = OPEN, method: str = "GET", **options: Any) -> Response:
    response: Response = ConsoleClient(app).http.request(
        method, path, headers={"Authorization": f"Bearer {key}"}, follow_redirects=False, **options
    )
    check_headers(response)
    return response


def test_a_client_is_made_on_the_page_and_its_key_is_shown_once(jt: ConsoleClient, app: FastAPI) -> None:
    form = jt.get("/clients/new").form("/clients")
    page = form.submit(name=HOSTILE, scopes=["feed:read", "campaigns:read"], expires_on="2018-12-31")
    key = next(element.text for element in page.root.all("code") if element.get("id") == "key")

    assert "密钥只显示这一次" in page.main
    assert ask(app, key).status_code == 200
    listed = jt.get("/clients")
    assert HOSTILE in listed.main
    assert key.split("_", 2)[2] not in listed.response.text


def test_a_repeated_form_makes_one_client_and_shows_no_second_key(jt: ConsoleClient, service: Console) -> None:
    first = make(jt, key="the-same")
    again = make(jt, key="the-same", status=409)

    assert again["code"] == "client.key_shown_once"
    assert again["facts"] == {"client": first["client"]}
    assert first["key"].split("_", 2)[2] not in str(again)
    with service.db.read(service.system) as session:
        assert len(session.scalars(select(ApiClient)).all()) == 1


def test_of_the_key_only_a_hash_is_stored_anywhere(jt: ConsoleClient, kit: Kit) -> None:
    secret = make(jt)["key"].split("_", 2)[2].encode()

    files = [path for path in kit.folder.rglob("*") if path.is_file()]
    assert len(files) > 2
    assert [path.name for path in files if secret in path.read_bytes()] == []


def test_a_scope_opens_the_routes_that_name_it_and_no_other(jt: ConsoleClient, app: FastAPI) -> None:
    key = make(jt, "feed:read")["key"]

    refused = ask(app, key)
    assert (refused.status_code, refused.json()["code"]) == (403, "web.scope_missing")
    assert "“campaigns:read”权限" in refused.json()["title"]
    for path in (f"{API}/me", f"{API}/clients", f"{API}/accounts"):
        answer = ask(app, key, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "web.route_not_for_clients"), path
    assert ask(app, key, "/clients").status_code == 403
    assert ask(app, key, "/accounts/new").status_code == 403


def test_no_route_is_open_to_clients_unless_its_line_says_so(jt: ConsoleClient, app: FastAPI) -> None:
    key = make(
        jt, "feed:read", "campaigns:read", "assignments:read", "visits:schedule", "referrals:answer", "draws:speak"
    )["key"]
    passed = set()
    for line, access in app.state.access.lines.items():
        method, template = line.split(" ", 1)
        if access.public or "{name:path}" in template:
            continue
        path = template.replace("{account_id}", "x").replace("{client_id}", "x")
        if ask(app, key, path, method).status_code != 403:
            passed.add(line)

    assert passed == {f"GET {OPEN}"}


@pytest.mark.parametrize("change", ["", "x", "onevisit_", "cut", "other"])
def test_a_wrong_key_is_refused_and_noted(jt: ConsoleClient, app: FastAPI, service: Console, change: str) -> None:
    made = make(jt)
    key = {"cut": made["key"][:-1], "other": made["key"][:-3] + "AAA"}.get(change, change)
    answer = ask(app, key)

    assert (answer.status_code, answer.json()["code"]) == (401, "client.key_refused")
    assert answer.headers["www-authenticate"] == "Bearer"
    with service.db.read(service.system) as session:
        audit = session.scalars(select(SignInAudit).where(SignInAudit.what == "key_refused")).one()
    assert audit.account == (made["client"] if change == "other" else None)


def test_a_key_of_one_client_under_the_name_of_another_is_refused(jt: ConsoleClient, app: FastAPI) -> None:
    one, other = make(jt), make(jt)
    mixed = f"onevisit_{one['client']}_{other['key'].split('_', 2)[2]}"

    assert ask(app, mixed).status_code == 401


def test_a_revoked_key_is_refused_at_the_next_request(jt: ConsoleClient, app: FastAPI) -> None:
    made = make(jt)
    assert ask(app, made["key"]).status_code == 200
    page = jt.get("/clients").form(f"/clients/{made['client']}/revoke").submit()

    assert "接口密钥已撤销" in page.main
    assert ask(app, made["key"]).status_code == 401
    again = jt.api("POST", f"{API}/clients/{made['client']}/revoke", status=409)
    assert again["code"] == "client.revoked"


def test_a_key_ends_with_its_last_day(jt: ConsoleClient, app: FastAPI, kit: Kit) -> None:
    key = make(jt, expires_on="2018-11-29")["key"]

    kit.clock.at = datetime(2018, 11, 29, 15, 59, tzinfo=UTC)
    assert ask(app, key).status_code == 200
    kit.clock.at += timedelta(minutes=1)
    assert ask(app, key).status_code == 401


def test_an_expiry_beyond_a_year_is_refused_in_words(jt: ConsoleClient) -> None:
    refused = make(jt, expires_on="2020-01-01", status=422)

    assert refused["title"] == "密钥有效期应在今天至 2019年11月29日之间。"


def test_another_agencys_clients_are_neither_seen_nor_revoked(jt: ConsoleClient, app: FastAPI) -> None:
    made = make(jt)
    ga = signed_in(app, "ga.admin")

    assert ga.api("GET", f"{API}/clients") == {"clients": []}
    assert ga.api("POST", f"{API}/clients/{made['client']}/revoke", status=404)["code"] == "client.unknown"
    assert ask(app, made["key"]).status_code == 200


def test_only_an_agencys_administrator_makes_clients(app: FastAPI) -> None:
    county = signed_in(app, "county.admin")

    make(county, status=403)
    assert county.http.get("/clients").status_code == 403


def test_a_session_beside_a_key_counts_for_nothing(jt: ConsoleClient) -> None:
    headers = {"Authorization": "Bearer wrong"}

    assert jt.http.get(f"{API}/me").status_code == 200
    assert jt.http.get(f"{API}/me", headers=headers).status_code == 401
    key = make(jt, "feed:read")["key"]
    assert jt.http.get(f"{API}/me", headers={"Authorization": f"bearer {key}"}).status_code == 403


def test_another_way_to_authorise_is_no_key(jt: ConsoleClient) -> None:
    assert jt.http.get(f"{API}/me", headers={"Authorization": "Basic abc"}).status_code == 200


def test_many_wrong_keys_are_blocked_and_a_good_one_is_not(jt: ConsoleClient, app: FastAPI) -> None:
    good = make(jt)["key"]
    answers = [ask(app, f"wrong{n}").status_code for n in range(52)]

    assert answers[0] == 401
    assert answers[-1] == 429
    blocked = ask(app, "wrong")
    assert blocked.json()["code"] == "client.keys_blocked"
    assert int(blocked.headers["retry-after"]) > 0
    assert ask(app, good).status_code == 200


def test_the_list_tells_when_a_key_was_last_used(jt: ConsoleClient, app: FastAPI) -> None:
    key = make(jt)["key"]
    assert jt.api("GET", f"{API}/clients")["clients"][0]["used_at"] is None
    ask(app, key)

    used = jt.api("GET", f"{API}/clients")["clients"][0]["used_at"]
    assert datetime.now(UTC) - datetime.fromisoformat(used) < timedelta(minutes=1)
