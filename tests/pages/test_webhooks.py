"""Webhooks and feed over HTTP: pages, API, and who gets in."""

import json
from typing import Any

import pytest

from runtime.service import Service
from schemas.vocabulary import Role, Scope
from schemas.webhooks import read_secret
from services.console import app as console
from services.drawer import app as drawer
from services.notifier import app as notifier_app
from services.notifier.app import notifier
from services.notifier.outgoing import Answer
from services.notifier.sending import Sender
from services.planner import app as planner
from services.results import app as results
from tests.kit import Kit, person
from tests.pages.client import HOSTILE, ConsoleClient, Site, open_site
from tests.unit.notifier import county

ROOT, FEED = "/api/notifier/v1/webhooks", "/api/feed"
URL = "https://xt.example.cn/onevisit"
ADMIN, OTHER, PLANNER = (
    person("GA", Role.AGENCY_ADMIN),
    person("JT", Role.AGENCY_ADMIN),
    person("GA", Role.PLANNER),
)


@pytest.fixture
def service(kit: Kit) -> Service:
    return kit.build(notifier)


@pytest.fixture
def site(kit: Kit, service: Service) -> Site:
    return open_site(kit, service)


@pytest.fixture
def admin(site: Site) -> ConsoleClient:
    return site.person(ADMIN)


def answering(service: Service, *answers: int | str) -> Sender:
    left = list(answers)

    def post(*args: Any, **more: Any) -> Answer:
        answer = left.pop(0) if left else 204
        return Answer(answer, None, 7) if isinstance(answer, int) else Answer(None, answer, 7)

    return Sender(service, post=post)


def add(admin: ConsoleClient, **more: Any) -> Any:
    return admin.api("POST", ROOT, {"name": "业务系统", "url": URL, **more}, status=201)


def test_a_webhook_is_added_on_the_page_and_its_secret_is_shown_once(admin: ConsoleClient) -> None:
    form = admin.get("/webhooks/new").form("/webhooks")
    page = form.submit(name=HOSTILE, url=URL, kinds=["visit.scheduled", "result.approved"])
    secret = next(element.text for element in page.root.all("code") if element.get("id") == "secret")

    assert len(read_secret(secret)) == 32
    listed = admin.get("/webhooks")
    assert HOSTILE in listed.main
    assert "2 种" in listed.main
    shown = admin.get(next(link for link in listed.links if link.startswith("/webhooks/W-")))
    assert "检查日期确定" in shown.main
    assert secret not in listed.response.text + shown.response.text


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://xt.example.cn/", "不是 https"),
        ("https://10.0.0.1/", "指向内网、本机或保留地址"),
        ("https://2130706433/", "主机名写法不规范"),
        ("https://printer.local/", "主机名只在内网有效"),
        ("https://a:b@xt.example.cn/", "带有用户名或密码"),
        ("https://xt.example.cn:25/", "端口不允许"),
        ("https://xt.example.cn/#x", "写法不规范"),
    ],
)
def test_a_refused_address_says_why_and_what_to_do(admin: ConsoleClient, url: str, why: str) -> None:
    page = admin.get("/webhooks/new").form("/webhooks").submit(422, name="业务系统", url=url)

    assert f"接收地址不能使用：{why}" in page.main
    assert "请填写 https 开头、能从公网访问的地址" in page.main


def test_the_log_shows_what_came_of_every_delivery(kit: Kit, service: Service, admin: ConsoleClient) -> None:
    webhook = add(admin)["webhook"]
    assert "还没有推送过" in admin.get(f"/webhooks/{webhook}").main
    page = admin.get(f"/webhooks/{webhook}").form(f"/webhooks/{webhook}/test").submit()
    assert "测试已排队" in page.main
    answering(service, 204).drain(webhook)
    kit.feed(service, county.opened("GA", "ga-1", Role.VIEWER), county.sent())
    answering(service, "tls_failed").drain(webhook)
    answering(service, 503).drain(webhook)

    page = admin.get(f"/webhooks/{webhook}")
    for words in ("测试推送", "已送达", "HTTP 204", "本单位账号开通", "证书或加密握手不通过", "移送发出", "HTTP 503"):
        assert words in page.main, words
    told = admin.api("GET", f"{ROOT}/{webhook}/deliveries")["deliveries"]
    assert [(one["kind"], one["state"]) for one in told] == [
        ("referral.sent", "waiting"),
        ("account.opened", "waiting"),
        ("webhook.tested", "delivered"),
    ]
    assert told[1]["tries"][0] | {"at": ""} == {"at": "", "status": None, "problem": "tls_failed", "milliseconds": 7}


def test_the_log_is_read_page_by_page(kit: Kit, service: Service, admin: ConsoleClient) -> None:
    webhook = add(admin)["webhook"]
    kit.feed(service, *[county.opened("GA", f"ga-{number}", Role.VIEWER) for number in range(60)])

    first = admin.get(f"/webhooks/{webhook}")
    more = next(link for link in first.links if "before=" in link)
    assert len(list(first.root.one("tbody").all("tr"))) == 50
    assert len(list(admin.get(more).root.one("tbody").all("tr"))) == 10
    page = admin.api("GET", f"{ROOT}/{webhook}/deliveries?limit=7")
    assert [one["number"] for one in page["deliveries"]] == list(range(60, 53, -1))
    assert page["before"] == 54


def test_pausing_resuming_renewing_and_removing_on_the_page(admin: ConsoleClient) -> None:
    webhook = add(admin)["webhook"]
    base = f"/webhooks/{webhook}"

    assert "已暂停" in admin.get(base).form(f"{base}/pause").submit().main
    assert "推送已恢复" in admin.get(base).form(f"{base}/resume").submit().main
    assert "whsec_" in admin.get(base).form(f"{base}/secret").submit().main
    assert "旧密钥同时签名至" in admin.get(base).main
    assert "推送地址已删除" in admin.get(base).form(f"{base}/remove").submit().main
    assert admin.get(base, 404)


def test_a_disabled_one_says_so_and_offers_to_resume(kit: Kit, service: Service, admin: ConsoleClient) -> None:
    webhook = add(admin)["webhook"]
    kit.feed(service, county.opened("GA", "ga-1", Role.VIEWER))
    answering(service, 410).drain(webhook)

    page = admin.get(f"/webhooks/{webhook}")
    assert "推送已自动停用" in page.main
    assert "对方撤销接收" in admin.get("/webhooks").main
    page.form(f"/webhooks/{webhook}/resume").submit()
    assert admin.api("GET", f"{ROOT}/{webhook}")["state"] == "active"


def test_a_repeated_request_adds_one_and_shows_no_second_secret(admin: ConsoleClient) -> None:
    asked = {"name": "业务系统", "url": URL}
    first = admin.api("POST", ROOT, asked, status=201, key="the-same")
    again = admin.api("POST", ROOT, asked, status=409, key="the-same")
    renewed = admin.api("POST", f"{ROOT}/{first['webhook']}/secret", key="once")

    assert (again["code"], again["facts"]) == ("webhook.secret_shown_once", {"webhook": first["webhook"]})
    assert len(admin.api("GET", ROOT)["webhooks"]) == 1
    assert renewed["secret"] != first["secret"]
    code = admin.api("POST", f"{ROOT}/{first['webhook']}/secret", key="once", status=409)["code"]
    assert code == "webhook.secret_shown_once"


def test_the_same_things_are_done_by_api(admin: ConsoleClient) -> None:
    webhook = add(admin, kinds=["visit.scheduled"])["webhook"]

    assert admin.api("GET", f"{ROOT}/{webhook}")["kinds"] == ["visit.scheduled"]
    assert admin.api("POST", f"{ROOT}/{webhook}/test")["webhook"] == webhook
    assert admin.api("POST", f"{ROOT}/{webhook}/pause")["state"] == "paused"
    assert admin.api("POST", f"{ROOT}/{webhook}/pause", status=409)["code"] == "webhook.not_active"
    assert admin.api("POST", f"{ROOT}/{webhook}/resume")["state"] == "active"
    assert admin.api("POST", f"{ROOT}/{webhook}/remove") == {"webhook": webhook}
    assert admin.api("GET", f"{ROOT}/{webhook}", status=404)["code"] == "webhook.unknown"
    unknown = admin.api("POST", ROOT, {"name": "x", "url": URL, "kinds": ["no.such"]}, status=422)
    assert unknown["code"] == "webhook.kind_unknown"


def test_only_administrators_of_the_agency_see_its_webhooks(site: Site, admin: ConsoleClient) -> None:
    webhook = add(admin)["webhook"]

    for somebody in (site.person(PLANNER), site.anonymous()):
        assert somebody.http.get(ROOT).status_code in (401, 403)
        assert somebody.http.get(FEED).status_code in (401, 403)
    assert site.person(OTHER).api("GET", ROOT) == {"webhooks": []}
    site.person(OTHER).get(f"/webhooks/{webhook}", 404)


def test_the_feed_is_a_batch_of_cloudevents_with_the_way_on(kit: Kit, service: Service, admin: ConsoleClient) -> None:
    kit.feed(service, *[county.opened("GA", f"ga-{number}", Role.VIEWER) for number in range(5)])
    first = admin.http.get(FEED, params={"limit": 3})

    assert first.headers["content-type"] == "application/cloudevents-batch+json"
    assert [event["data"]["account"] for event in first.json()] == ["ga-0", "ga-1", "ga-2"]
    assert first.headers["feed-more"] == "true"
    following = first.headers["link"].removeprefix("<").removesuffix('>; rel="next"')
    second = admin.http.get(following)
    assert [event["data"]["account"] for event in json.loads(second.text)] == ["ga-3", "ga-4"]
    assert second.headers["feed-more"] == "false"
    end = admin.http.get(FEED, params={"after": second.headers["feed-cursor"]})
    assert (end.json(), end.headers["feed-cursor"]) == ([], second.headers["feed-cursor"])


@pytest.mark.parametrize("limit", [0, 501, "x"])
def test_a_page_of_the_feed_has_bounds(admin: ConsoleClient, limit: int | str) -> None:
    assert admin.http.get(FEED, params={"limit": limit}).status_code == 422


def test_a_cursor_of_another_agency_is_refused_in_words(kit: Kit, service: Service, site: Site) -> None:
    kit.feed(service, county.opened("GA", "ga-1", Role.VIEWER))
    cursor = site.person(ADMIN).http.get(FEED).headers["feed-cursor"]
    refused = site.person(OTHER).api("GET", f"{FEED}?after={cursor}", status=422)

    assert refused["code"] == "feed.cursor_unknown"
    assert "从头读取" in refused["detail"]


def test_every_scope_opens_some_route() -> None:
    tables = (console.ACCESS, drawer.ACCESS, notifier_app.ACCESS, planner.ACCESS, results.ACCESS)

    opened = {line.scope for table in tables for line in table.values() if line.scope}
    assert opened == set(Scope)
