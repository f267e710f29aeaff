"""The guard: nothing passes without a line, a session, a role, a token, and a body of decent size."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import structlog
from fastapi import APIRouter

from runtime.web.access import SIGNED_IN, AccessLineWithoutRoute, RouteWithoutAccessLine
from runtime.web.application import RouterNested, application, flat
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.vocabulary import Role
from services.console.app import console
from services.drawer.app import drawer
from services.notifier.app import notifier
from services.planner.app import planner as planner_service
from services.results.app import results
from tests.kit import COUNTY, Kit, person
from tests.pages.client import ADDRESS, ConsoleClient, Site, open_site
from tests.pages.gallery import UPLOAD_LIMIT, gallery

THING = "/api/gallery/v1/thing"


@pytest.fixture
def site(kit: Kit) -> Iterator[Site]:
    service = gallery(kit.ports, kit.folder)
    yield open_site(kit, service)
    service.close()


@pytest.fixture
def viewer(site: Site) -> ConsoleClient:
    return site.person(person("JT", Role.VIEWER))


@pytest.fixture
def planner(site: Site) -> ConsoleClient:
    return site.person(person("JT", Role.PLANNER))


# ── the access table ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_route_without_a_line_stops_the_build_by_its_name(kit: Kit) -> None:
    shell = kit.build(lambda ports, home: console(ports, home, COUNTY))
    service = gallery(kit.ports, kit.folder)
    service.access = {line: access for line, access in service.access.items() if line != "POST /gallery"}

    with pytest.raises(RouteWithoutAccessLine, match="POST /gallery"):
        application(Web([shell, service]), [shell, service])
    service.close()


def test_a_line_without_a_route_stops_the_build_too(kit: Kit) -> None:
    shell = kit.build(lambda ports, home: console(ports, home, COUNTY))
    shell.access = {**shell.access, "GET /galery": SIGNED_IN}

    with pytest.raises(AccessLineWithoutRoute, match="GET /galery"):
        application(Web([shell]), [shell])


def test_a_route_added_after_the_build_is_not_served(site: Site, viewer: ConsoleClient) -> None:
    site.app.get("/smuggled")(lambda: {"secret": "S-1000000009"})

    answer = viewer.call("GET", "/smuggled")

    assert answer.status_code == 404
    assert "S-1000000009" not in answer.text


def test_a_router_included_under_a_prefix_is_refused() -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.get("/x")(lambda: None)
    outer.include_router(inner, prefix="/hidden")

    with pytest.raises(RouterNested):
        flat(outer)


def test_a_router_included_as_it_is_is_served() -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.get("/x")(lambda: None)
    outer.include_router(inner)

    assert [getattr(route, "path", "") for route in flat(outer)] == ["/x"]


# ── who ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_is_sent_to_sign_in_and_brought_back(site: Site) -> None:
    answer = site.anonymous().http.get("/gallery?year=2018&x=%2F%2Fevil", follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/gallery%3Fyear%3D2018%26x%3D%252F%252Fevil"


def test_nobody_gets_a_problem_from_the_api(site: Site) -> None:
    answer = site.anonymous().call("GET", THING)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "web.not_signed_in"


def test_a_part_of_a_page_whose_session_ended_sends_the_whole_page_to_sign_in(site: Site) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"{ADDRESS}/gallery?a=1"}
    answer = site.anonymous().http.get("/parts/gallery/visits/me", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=/gallery%3Fa%3D1"


def test_the_wrong_role_is_refused_on_pages_and_api(viewer: ConsoleClient, planner: ConsoleClient) -> None:
    assert "岗位" in viewer.get("/gallery/planners", 403).main
    assert viewer.api("POST", "/api/gallery/v1/order", {"amount": 1}, 403)["code"] == "web.role_missing"
    assert planner.api("POST", "/api/gallery/v1/order", {"amount": 1}) == {"amount": 1}


def test_a_role_is_checked_before_the_body_is_read(viewer: ConsoleClient) -> None:
    assert viewer.call("POST", "/api/gallery/v1/order", "x" * 2_000_000).status_code == 403


def test_public_pages_need_nobody_and_show_no_menu(site: Site) -> None:
    page = site.anonymous().get("/public/gallery")

    assert "/gallery" not in page.links


def test_an_unknown_path_and_a_wrong_method_have_their_answers(viewer: ConsoleClient) -> None:
    assert viewer.get("/nowhere", 404).main.startswith("没有这个页面")
    assert viewer.call("DELETE", THING).status_code == 405
    assert viewer.call("GET", "/api/nowhere").json()["code"] == "web.no_such_page"


def test_a_host_that_is_not_ours_is_not_served(site: Site) -> None:
    assert ConsoleClient(site.app, address="http://evil.example").http.get("/sign-in").status_code == 421


# ── CSRF ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_without_or_with_a_foreign_token_is_refused(site: Site, viewer: ConsoleClient) -> None:
    other = site.person(person("YJ", Role.VIEWER))

    for data in ({"_key": "k"}, {"_key": "k", "_csrf": other.csrf}, {"_key": "k", "_csrf": viewer.csrf[:-1]}):
        page = viewer.post("/gallery", data, 403)
        assert "表单已失效" in page.main


def test_a_token_works_from_a_form_a_multipart_form_and_a_header(viewer: ConsoleClient) -> None:
    viewer.post("/gallery", {"_key": "k1", "_csrf": viewer.csrf})
    viewer.post("/gallery", {"_key": "k1", "_csrf": viewer.csrf}, files={"evidence": ("a.txt", b"x", "text/plain")})

    assert viewer.api("POST", THING, {}, key="k2") == {"key": "k2", "lang": "zh"}


def test_json_without_a_token_is_refused_for_somebody_signed_in(viewer: ConsoleClient) -> None:
    assert viewer.api("POST", THING, {}, 403, X_CSRF_Token="")["code"] == "web.form_expired"


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
def test_a_body_of_no_known_kind_does_not_pass_the_check(site: Site, kind: str) -> None:
    answer = site.anonymous().http.post("/sign-in", content=b"login=a&password=b", headers={"Content-Type": kind})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_sites_page_can_change_nothing(viewer: ConsoleClient, headers: dict[str, str]) -> None:
    answer = viewer.http.post("/gallery", data={"_csrf": viewer.csrf, "_key": "k"}, headers=headers)

    assert answer.status_code == 403
    assert "web.foreign_origin" in answer.text


def test_a_form_from_before_sign_in_is_bound_to_its_browser(site: Site) -> None:
    mine, other = site.anonymous(), site.anonymous()
    token = other.get("/sign-in").form("/sign-in").values["_csrf"][0]
    mine.get("/sign-in")

    assert "表单已失效" in mine.post("/sign-in", {"login": "a", "password": "b", "_csrf": token}, 403).main


# ── idempotency keys, bodies ────────────────────────────────────────────────────────────────────────────────────────


def test_a_post_without_a_key_is_refused(viewer: ConsoleClient) -> None:
    assert viewer.api("POST", THING, {}, 400, key="")["code"] == "idempotency.key_missing"
    assert viewer.api("POST", THING, {}, 400, key="a b")["code"] == "idempotency.key_malformed"
    assert "防重复提交" in viewer.post("/gallery", {"_csrf": viewer.csrf}, 400).main


def test_an_oversized_body_is_refused_and_an_upload_has_its_own_limit(viewer: ConsoleClient) -> None:
    data, big = {"_csrf": viewer.csrf, "_key": "k"}, b"x" * 2_000_000

    viewer.post("/gallery", data, 413, files={"evidence": ("a.bin", big, "text/plain")})
    sent = viewer.http.post("/gallery/upload", data=data, files={"file": ("a.bin", big, "text/plain")})
    over = viewer.http.post("/gallery/upload", data=data, files={"file": ("a.bin", b"x" * UPLOAD_LIMIT, "text/plain")})

    assert sent.json() == {"bytes": len(big), "key": "k"}
    assert over.status_code == 413


def test_a_body_that_grows_beyond_its_announced_size_is_cut_off(viewer: ConsoleClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 65536

    headers = {"Content-Type": "application/json", "X-CSRF-Token": viewer.csrf, "Idempotency-Key": "k"}
    assert viewer.http.post(THING, content=endless(), headers=headers).status_code == 413


@pytest.mark.parametrize("length", ["-1", "x", "99999999999"])
def test_a_lying_content_length_is_refused(viewer: ConsoleClient, length: str) -> None:
    headers = {"Content-Length": length, "X-CSRF-Token": viewer.csrf, "Content-Type": "application/json"}

    assert viewer.http.post(THING, content=b"{}", headers=headers).status_code == 413


JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"
UTF_7 = "multipart/form-data; boundary=b; charset=utf-7"
NO_TEXT: Mapping[str, tuple[str, bytes]] = {
    "half a pair": (JSON_TYPE, b'{"title": "\\ud800", "password": "\\ud800", "reason": "x\\udfff"}'),
    "two halves the wrong way round": (JSON_TYPE, b'{"text": "\\udc00\\ud800"}'),
    "half a pair as bytes": (JSON_TYPE, b'{"title": "\xed\xa0\x80"}'),
    "NUL": (JSON_TYPE, b'{"title": "a\\u0000b"}'),
    "deep inside": (JSON_TYPE, b'{"conditions": {"labels": ["good", {"x": ["\\uDABC"]}]}}'),
    "in a name": (JSON_TYPE, b'{"answers": {"\\ud800": 1}}'),
    "a text alone": ("application/problem+json; charset=utf-8", b'"\\ud800"'),
    "UTF-16": (JSON_TYPE, '{"title": "a"}'.encode("utf-16")),
    "NUL in a form": (FORM_TYPE, b"title=a%00b&login=%00"),
    "NUL in a name": (FORM_TYPE, b"%00=a"),
    "half a pair in a form": (UTF_7, b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n+2AA-\r\n--b--\r\n'),
    "a token of it": (UTF_7, b'--b\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n+2AA-\r\n--b--\r\n'),
}


def test_what_is_no_text_reaches_no_route_of_the_whole_application(kit: Kit) -> None:
    services = [kit.build(make) for make in (planner_service, drawer, results, notifier)]
    site = open_site(kit, *services)
    everybody = site.person(person("JT", *Role))
    headers = {"X-CSRF-Token": everybody.csrf, "Idempotency-Key": "k"}
    lines = [line for line in site.app.state.access.lines if line.startswith("POST ")]
    others = []
    for line in lines:
        path = re.sub(r"\{\w+\}", "X-640221-2018-001", line.removeprefix("POST "))
        for what, (kind, body) in NO_TEXT.items():
            answer = everybody.http.post(path, content=body, headers={**headers, "Content-Type": kind})
            if answer.status_code != 400 or "web.body_not_understood" not in answer.text:
                others.append((line, what, answer.status_code))

    assert others == []
    assert len(lines) > 60
    assert "删去无法显示的字符" in answer.text


@pytest.mark.parametrize("text", ["\U0001f600", "\\ud83d\\ude00", "\\\\ud800", "\\t", "\\u00e9"])
def test_characters_that_only_look_like_it_pass(planner: ConsoleClient, text: str) -> None:
    """A surrogate pair is one good character, and a backslash before a u is no escape if it is escaped itself."""
    headers = {"X-CSRF-Token": planner.csrf, "Idempotency-Key": "k", "Content-Type": JSON_TYPE}
    body = f'{{"amount": 1, "note": "{text}"}}'.encode()

    assert planner.http.post("/api/gallery/v1/order", content=body, headers=headers).json() == {"amount": 1}


def test_a_form_with_a_token_that_is_no_text_is_refused(viewer: ConsoleClient) -> None:
    kind, body = NO_TEXT["a token of it"]
    answer = viewer.http.post("/gallery", content=body, headers={"Content-Type": kind})

    assert answer.status_code == 403


def test_a_torn_multipart_form_is_refused_in_words(viewer: ConsoleClient) -> None:
    headers = {"Content-Type": "multipart/form-data", "X-CSRF-Token": viewer.csrf}
    answer = viewer.http.post("/gallery", content=b"no boundary at all", headers=headers)

    assert answer.status_code == 400
    assert "无法读取" in answer.text


# ── forms refused in place ──────────────────────────────────────────────────────────────────────────────────────────

IN_PLACE = {"X-Form": "in-place", "HX-Request": "true", "HX-Current-URL": f"{ADDRESS}/gallery?a=1"}


def test_a_form_posted_by_the_pages_script_is_told_where_to_go(viewer: ConsoleClient) -> None:
    data = {"_csrf": viewer.csrf, "lang": "en", "back": "/gallery"}
    plain = viewer.http.post("/lang", data=data, follow_redirects=False)
    told = viewer.http.post("/lang", data=data, headers=IN_PLACE, follow_redirects=False)

    assert (plain.status_code, plain.headers["location"]) == (303, "/gallery")
    assert (told.status_code, told.headers["hx-redirect"], told.content) == (204, "/gallery", b"")
    assert "location" not in told.headers
    assert told.headers["set-cookie"] == plain.headers["set-cookie"]


def test_what_such_a_form_is_refused_comes_as_a_fragment(viewer: ConsoleClient) -> None:
    answer = viewer.http.post("/gallery", data={"_csrf": viewer.csrf}, headers=IN_PLACE)

    assert answer.status_code == 400
    assert 'data-refused="idempotency.key_missing"' in answer.text
    assert 'role="alert"' in answer.text
    assert "<main" not in answer.text


def test_fields_that_were_wrong_are_named_for_the_script(viewer: ConsoleClient) -> None:
    answer = viewer.http.post("/gallery/upload", data={"_csrf": viewer.csrf, "_key": "k"}, headers=IN_PLACE)

    assert answer.status_code == 422
    assert 'data-refused="web.input_invalid" data-fields="file"' in answer.text


def test_such_a_form_of_an_ended_session_is_told_where_to_sign_in(site: Site) -> None:
    answer = site.anonymous().http.post("/gallery", headers=IN_PLACE)

    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in?next=/gallery%3Fa%3D1")


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_refusals_leave_as_problems_with_both_languages_and_facts(viewer: ConsoleClient) -> None:
    problem = viewer.api("POST", "/api/gallery/v1/fail/bold", {}, 422)

    assert problem["type"] == "urn:onevisit:problem:gallery.too_bold"
    assert problem["facts"] == {"on": "2018-12-03", "who": ["a", "b"]}
    assert problem["title"]
    assert problem["title_en"]
    assert problem["detail"]


@pytest.mark.parametrize(
    ("how", "status", "seconds"), [("conflict", 409, None), ("not_yet", 409, "5"), ("try_again", 503, "2")]
)
def test_what_may_work_later_says_when(viewer: ConsoleClient, how: str, status: int, seconds: str | None) -> None:
    answer = viewer.call("POST", f"/api/gallery/v1/fail/{how}", {})

    assert (answer.status_code, answer.headers.get("retry-after")) == (status, seconds)


def test_a_bug_is_logged_once_and_shows_only_its_number(viewer: ConsoleClient) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = viewer.call("POST", "/api/gallery/v1/fail/bug", {})
        page = viewer.get("/gallery/fail/bug", 500)

    incidents: list[Any] = [entry for entry in logs if entry["event"] == "web.incident"]
    assert len(incidents) == 2
    assert answer.json()["facts"] == {"incident": incidents[0]["incident"]}
    assert "1000000007" not in answer.text + page.text


def test_wrong_fields_are_named_and_their_content_is_not_repeated(planner: ConsoleClient) -> None:
    answer = planner.call("POST", "/api/gallery/v1/order", {"amount": "MARK-17"})

    assert answer.status_code == 422
    assert answer.json()["facts"] == {"fields": ["amount"]}
    assert "MARK-17" not in answer.text


def test_versions_are_compared(viewer: ConsoleClient) -> None:
    first = viewer.call("GET", THING)
    assert first.headers["etag"] == '"7"'
    assert viewer.call("GET", THING, If_None_Match='"7"').status_code == 304
    assert viewer.api("POST", THING, {}, If_Match='"7"')
    assert viewer.api("POST", THING, {}, 412, If_Match='"6"')["code"] == "stale"


def test_signed_in_pages_are_not_stored_and_assets_are_stored_for_long(viewer: ConsoleClient) -> None:
    page = viewer.get("/gallery")
    style = next(
        element.get("href")
        for element in page.root.all("link")
        if element.get("href").endswith(".css") or ".css?" in element.get("href")
    )
    asset = viewer.http.get(style)

    assert page.response.headers["cache-control"] == "no-store"
    assert "immutable" in asset.headers["cache-control"]
    assert viewer.http.get("/assets/../guard.py").status_code == 404
    assert viewer.http.get("/assets/vendor/nothing.css").status_code == 404


def test_the_trace_of_the_asker_is_taken_over_and_every_answer_has_a_request_id(viewer: ConsoleClient) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answer = viewer.call("GET", "/api/nowhere", traceparent=trace)

    assert logs[0]["traceparent"] == trace
    assert logs[0]["request_id"] == answer.headers["x-request-id"]
    assert not structlog.contextvars.get_contextvars()


def test_health_needs_nobody(site: Site, kit: Kit) -> None:
    assert site.anonymous().call("GET", "/healthz").json() == {"status": "ok"}
    assert site.anonymous().call("GET", "/readyz").json()["status"] == "ok"


def test_behind_https_cookies_are_host_bound_and_secure(kit: Kit) -> None:
    settings = replace(WebSettings(https=True), hosts=("onevisit.example",))
    site = open_site(kit, settings=settings)
    answer = ConsoleClient(site.app, address="https://onevisit.example").http.get("/sign-in")

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-onevisit-form=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert answer.headers["strict-transport-security"]
