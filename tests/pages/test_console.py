"""Console in a browser: sign in and out, language, accounts, own password; and its API."""

from typing import Any, cast

import pytest
from fastapi import FastAPI

from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.vocabulary import Role
from services.console.app import ACCESS, Console, console, ensure_county_admin
from tests.kit import COUNTY, Kit
from tests.pages.client import ADDRESS, HOSTILE, ConsoleClient

PASSWORD = "correct-horse-18"
EVERYTHING_AT_ONCE = (Role.PLANNER, Role.DRAW_OFFICER, Role.AGENCY_ADMIN)
API = "/api/console/v1"


@pytest.fixture
def service(kit: Kit) -> Console:
    service = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    ensure_county_admin(service, "county.admin", PASSWORD, must_change_password=False)
    return service


@pytest.fixture
def app(service: Console, kit: Kit) -> FastAPI:
    settings = WebSettings(demo=True, demo_now=kit.clock.now, county_zh="平罗县", county_en="Pingluo")
    return application(Web([service], settings), [service], service.sessions)


@pytest.fixture
def nobody(app: FastAPI) -> ConsoleClient:
    return ConsoleClient(app)


@pytest.fixture
def admin(app: FastAPI) -> ConsoleClient:
    client = ConsoleClient(app)
    client.sign_in("county.admin", PASSWORD)
    return client


@pytest.fixture
def jt(admin: ConsoleClient) -> ConsoleClient:
    agency = {"agency": "JT", "kind": "agency", "name": "平罗县交通运输局", "short_name": "交通局"}
    admin.api("POST", f"{API}/agencies", agency)
    return admin


def account(**changed: Any) -> dict[str, Any]:
    asked = {"agency": "JT", "login": "jt.plan", "display_name": "王某", "roles": ["planner"], "password": PASSWORD}
    return {**asked, **changed}


def test_signing_in_leads_to_the_page_asked_for(nobody: ConsoleClient) -> None:
    page = nobody.get("/accounts?x=1")
    assert page.path == "/sign-in"
    page = page.form("/sign-in").submit(login="county.admin", password=PASSWORD)

    assert page.path == "/accounts"
    assert "演练数据" in page.text
    assert "2018-11-28 09:00" in page.text


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_signing_in_never_leads_to_another_site(nobody: ConsoleClient, target: str) -> None:
    form = nobody.get("/sign-in", params={"next": target}).form("/sign-in")
    assert form.values["next"] == ["/"]

    assert form.submit(login="county.admin", password=PASSWORD, next=target).path == "/"


def test_the_session_cookie_is_out_of_reach_of_scripts(nobody: ConsoleClient) -> None:
    data = {"login": "county.admin", "password": PASSWORD}
    token = nobody.get("/sign-in").form("/sign-in").values["_csrf"][0]
    answer = nobody.http.post("/sign-in", data={**data, "_csrf": token}, follow_redirects=False)

    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("onevisit="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_a_wrong_password_keeps_the_login_and_says_what_to_do(nobody: ConsoleClient) -> None:
    page = nobody.sign_in("county.admin", "wrong-password", 401)

    assert "账号或密码不正确" in page.main
    assert "联系本单位管理员" in page.main
    assert page.form("/sign-in").values["login"] == ["county.admin"]
    assert nobody.get("/").path == "/sign-in"


def test_a_hostile_login_is_shown_as_text(nobody: ConsoleClient) -> None:
    assert nobody.sign_in(HOSTILE, "wrong-password", 401).form("/sign-in").values["login"] == [HOSTILE]


def test_signing_out_ends_the_session(admin: ConsoleClient) -> None:
    token = admin.http.cookies["onevisit"]
    assert admin.get("/").form("/sign-out").submit().path == "/sign-in"

    admin.http.cookies.set("onevisit", token)
    assert admin.get("/").path == "/sign-in"


def test_the_language_is_switched_from_any_page_and_before_sign_in(nobody: ConsoleClient) -> None:
    page = nobody.get("/sign-in").form("/lang").submit()

    assert page.path == "/sign-in"
    assert "Staff sign-in" in page.main
    assert "Home" in nobody.sign_in("county.admin", PASSWORD).text


def test_a_first_password_is_changed_first(jt: ConsoleClient, app: FastAPI) -> None:
    jt.api("POST", f"{API}/accounts", account())
    planner = ConsoleClient(app)

    page = planner.sign_in("jt.plan", PASSWORD)
    assert page.path == "/password"
    assert "您还在使用初始密码" in planner.get("/").main
    refused = page.form("/password").submit(422, old="wrong", new="another-pass-19", again="another-pass-19")
    assert "当前密码不正确" in refused.main
    refused = refused.form("/password").submit(422, old=PASSWORD, new="another-pass-19", again="another-pass-20")
    assert "不一致" in refused.main
    refused = refused.form("/password").submit(422, old=PASSWORD, new="short", again="short")
    assert "密码应为 10 至 128 位" in refused.main
    done = refused.form("/password").submit(old=PASSWORD, new="another-pass-19", again="another-pass-19")
    assert "密码已修改" in done.main
    assert "您还在使用初始密码" not in done.main
    assert planner.get("/").path == "/"


def first_password(jt: ConsoleClient, app: FastAPI) -> ConsoleClient:
    """Return somebody signed in with a password that must be changed."""
    jt.api("POST", f"{API}/accounts", account(roles=[*(role.value for role in EVERYTHING_AT_ONCE)]))
    client = ConsoleClient(app)
    client.sign_in("jt.plan", PASSWORD)
    return client


def test_with_a_first_password_nothing_else_is_open(jt: ConsoleClient, app: FastAPI) -> None:
    person = first_password(jt, app)
    wrong = []
    for line, access in app.state.access.lines.items():
        method, path = line.replace("{account_id}", "U-640221-2018-002").split(" ")
        if access.public or "sign-out" in line or (line.endswith("/password") and "{" not in line):
            continue
        answer = person.http.request(method, path, headers={"X-CSRF-Token": person.csrf}, follow_redirects=False)
        if path.startswith("/api/"):
            problem = answer.json()
            right = answer.status_code == 403 and problem["code"] == "web.password_must_change"
            right = right and "请先修改密码" in problem["detail"]
        else:
            right = answer.status_code == 303 and answer.headers["location"] == "/password"
        wrong += [] if right else [line]

    assert wrong == []
    page = person.get("/password")
    assert page.parts == [], "a part of this page would be refused, too"
    assert "/accounts" not in page.links
    assert page.form("/lang").submit().path == "/password"
    assert page.form("/sign-out").submit().path == "/sign-in"


def test_a_part_leads_to_the_new_password_but_not_from_the_page_itself(jt: ConsoleClient, app: FastAPI) -> None:
    person = first_password(jt, app)

    def part(on: str) -> Any:
        headers = {"HX-Request": "true", "HX-Current-URL": f"{ADDRESS}{on}"}
        return person.http.get("/accounts", headers=headers, follow_redirects=False)

    assert part("/campaigns").headers["hx-redirect"] == "/password"
    assert part("/password").status_code == 403
    assert "hx-redirect" not in part("/password").headers


def test_a_first_password_is_changed_through_the_api_too(jt: ConsoleClient, app: FastAPI) -> None:
    person = first_password(jt, app)
    wanted = {"old": PASSWORD, "new": "another-pass-19"}

    assert person.api("POST", f"{API}/password", {**wanted, "new": "short"}, 422)["code"] == "password.too_weak"
    assert person.api("POST", f"{API}/password", {**wanted, "old": "x"}, 422)["code"] == "password.wrong"
    assert person.api("POST", f"{API}/password", wanted) == {"password": "changed"}
    assert person.api("GET", f"{API}/me")["login"] == "jt.plan"


def test_a_changed_password_is_answered_again_under_its_key(jt: ConsoleClient, app: FastAPI) -> None:
    person = first_password(jt, app)
    form = person.get("/password").form("/password")
    wanted: dict[str, Any] = {"old": PASSWORD, "new": "another-pass-19", "again": "another-pass-19"}
    form.submit(**wanted)

    assert "密码已修改" in form.submit(**wanted).main  # the answer was lost; the old password no longer fits
    other = form.submit(409, old="another-pass-19", new="a-third-pass-20", again="a-third-pass-20")
    assert "不同的内容" in other.main
    person.http.cookies.clear()
    assert "/password" not in person.sign_in("jt.plan", "another-pass-19").path


def test_a_key_of_another_request_does_not_pass_for_a_changed_password(admin: ConsoleClient) -> None:
    agency = {"agency": "JT", "kind": "agency", "name": "平罗县交通运输局", "short_name": "交通局"}
    admin.api("POST", f"{API}/agencies", agency, key="once")

    for new in (PASSWORD, "another-pass-19"):
        answer = admin.api("POST", f"{API}/password", {"old": PASSWORD, "new": new}, 409, key="once")
        assert answer["code"] == "idempotency.key_reused"


def test_wrong_present_passwords_are_counted(admin: ConsoleClient) -> None:
    form = admin.get("/password").form("/password")
    wanted: dict[str, Any] = {"new": "another-pass-19", "again": "another-pass-19"}
    for _ in range(5):
        form.submit(422, old="wrong-password", **wanted)

    assert "已暂时停止修改密码" in form.submit(429, old=PASSWORD, **wanted).main
    answer = admin.call("POST", f"{API}/password", {"old": PASSWORD, "new": "another-pass-19"})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 30


def test_an_administrator_registers_an_agency_and_opens_changes_and_closes_an_account(
    admin: ConsoleClient, app: FastAPI
) -> None:
    form = admin.get("/accounts").client.get("/accounts/agencies/new").form("/accounts/agencies")
    assert "单位已登记" in form.submit(agency="JT", name="交通局" + HOSTILE, short_name="交通").main

    form = admin.get("/accounts/new").form("/accounts")
    page = form.submit(agency="JT", login="jt.plan", display_name=HOSTILE, roles=["planner"], password=PASSWORD)
    assert "账号已开通" in page.main
    change = f"{page.path}/change"
    opened_before = admin.get(page.path)
    assert "已保存" in page.form(change).submit(roles=["planner", "draw_officer"]).main
    stale = opened_before.form(change).submit(412, roles=["viewer"])
    assert "已被他人更新" in stale.main

    planner = ConsoleClient(app)
    planner.sign_in("jt.plan", PASSWORD)
    reset = admin.get(page.path).form(f"{page.path}/password").submit(password="brand-new-pass-7")
    assert "密码已重置" in reset.main
    assert planner.get("/").path == "/sign-in"
    assert "账号已停用" in reset.form(f"{page.path}/close").submit().main
    assert "已停用" in admin.get(page.path).main


def test_a_refused_form_says_why_what_next_and_leads_back(jt: ConsoleClient) -> None:
    form = jt.get("/accounts/new").form("/accounts")
    page = form.submit(
        422, agency="JT", login="jt.a", display_name="x", roles=["planner", "approver"], password=PASSWORD
    )

    assert "计划岗和审核岗不能由同一账号兼任。" in page.main
    assert "请分别开通两个账号" in page.main
    assert "/accounts/new" in page.links


def test_an_agency_administrator_sees_the_own_agency_only(jt: ConsoleClient, app: FastAPI) -> None:
    jt.api("POST", f"{API}/accounts", account(login="jt.admin", roles=["agency_admin"], must_change_password=False))
    own = ConsoleClient(app)
    own.sign_in("jt.admin", PASSWORD)

    page = own.get("/accounts")
    assert "county.admin" not in page.text
    assert "/accounts/agencies/new" not in page.links
    assert "county_admin" not in [e.get("value") for e in own.get("/accounts/new").root.all("input")]
    own.get("/accounts/agencies/new", 403)
    own.get("/accounts/U-640221-2018-001", 404)


def test_the_menu_shows_what_a_role_may_use(jt: ConsoleClient, app: FastAPI) -> None:
    jt.api("POST", f"{API}/accounts", account(must_change_password=False))
    planner = ConsoleClient(app)
    home = planner.sign_in("jt.plan", PASSWORD)

    assert "/accounts" not in home.links
    assert "目前没有需要您办理的事项" in home.main
    planner.get("/accounts", 403)


# ── API ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_api_signs_in_with_json_and_hands_out_the_csrf_token(nobody: ConsoleClient) -> None:
    answer = nobody.call("POST", f"{API}/sign-in", {"login": "county.admin", "password": PASSWORD})
    nobody.csrf = answer.json()["csrf"]

    assert answer.status_code == 200
    assert answer.json() | {"csrf": ""} == {
        "account": "U-640221-2018-001",
        "agency": "LXH",
        "roles": ["county_admin"],
        "csrf": "",
        "must_change_password": False,
    }
    me = nobody.api("GET", f"{API}/me")
    assert (me["account"], me["county"], me["csrf"]) == ("U-640221-2018-001", COUNTY, nobody.csrf)
    assert nobody.api("POST", f"{API}/sign-out", {}) == {"signed_out": True}
    assert nobody.call("GET", f"{API}/me").status_code == 401


def test_api_sign_in_refuses_forms_foreign_origins_and_wrong_passwords(nobody: ConsoleClient) -> None:
    good = {"login": "county.admin", "password": PASSWORD}

    assert nobody.http.post(f"{API}/sign-in", data=good).status_code == 403
    assert nobody.call("POST", f"{API}/sign-in", good, Origin="http://evil.example").status_code == 403
    assert nobody.api("POST", f"{API}/sign-in", good | {"password": "x"}, 401)["code"] == "sign_in.refused"
    assert nobody.api("POST", f"{API}/sign-in", {"login": "x"}, 422)["facts"] == {"fields": ["password"]}


def test_too_many_failures_answer_429_and_say_when(nobody: ConsoleClient) -> None:
    wrong = {"login": "nobody.here", "password": "x"}
    for _ in range(5):
        nobody.api("POST", f"{API}/sign-in", wrong, 401)
    answer = nobody.call("POST", f"{API}/sign-in", wrong)

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 30


def test_the_api_opens_lists_changes_and_closes_accounts(jt: ConsoleClient) -> None:
    made = jt.api("POST", f"{API}/accounts", account(), key="once")
    assert jt.api("POST", f"{API}/accounts", account(), key="once") == made
    assert jt.api("POST", f"{API}/accounts", account(login="jt.x"), 409, key="once")["code"] == "idempotency.key_reused"

    path = f"{API}/accounts/{made['account']}"
    first = jt.call("GET", path)
    assert first.headers["etag"] == '"1"'
    jt.api("POST", f"{path}/change", {"roles": ["viewer"]}, If_Match='"1"')
    assert jt.api("POST", f"{path}/change", {"roles": ["viewer"]}, 412, If_Match='"1"')["code"] == "stale"
    assert jt.api("POST", f"{path}/change", {"password": "short"}, 422)["code"] == "password.too_weak"
    jt.api("POST", f"{path}/close", {})
    assert [one["open"] for one in jt.api("GET", f"{API}/accounts?agency=JT")["accounts"]] == [False]
    assert [one["agency"] for one in jt.api("GET", f"{API}/agencies")["agencies"]] == ["JT", "LXH"]


@pytest.mark.parametrize(
    "line", sorted(line for line in ACCESS if line.startswith("POST /api") and "sign-in" not in line)
)
def test_every_post_of_the_api_wants_token_and_key(jt: ConsoleClient, line: str) -> None:
    path = line.removeprefix("POST ").replace("{account_id}", "U-640221-2018-001")

    assert jt.call("POST", path, {}, X_CSRF_Token="x").status_code == 403


def test_console_answers_a_wrong_origin_port(admin: ConsoleClient) -> None:
    answer = admin.call("POST", f"{API}/accounts", account(), Origin="http://127.0.0.1:9")

    assert answer.json()["code"] == "web.foreign_origin"
