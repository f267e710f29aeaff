"""Joining by hand in a real Chromium, on a desktop and on a phone: a key, a webhook, its log; nothing scrolls sideways."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from runtime.service import Service
from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.vocabulary import AgencyKind, Role
from services.console.app import Console, console
from services.console.commands import open_account, register_agency
from services.console.passwords import hash_password
from services.notifier.app import notifier
from services.notifier.outgoing import Answer
from services.notifier.queries_webhooks import webhooks_of
from services.notifier.sending import Sender
from tests.kit import COUNTY, Kit, person
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, sign_in, tab, wider_than_screen
from tests.unit.notifier import county

pytestmark = [pytest.mark.browser, needs_chromium]

PASSWORD = "correct-horse-18"
ADMIN = person("GA", Role.AGENCY_ADMIN)
LONG = "https://xt.example.cn/api/onevisit/webhooks/receiver/of-the-county-public-security-bureau?source=onevisit"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def service(kit: Kit) -> Service:
    return kit.build(notifier)


@pytest.fixture
def address(kit: Kit, service: Service) -> Iterator[str]:
    shell = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    boss = person("LXH", Role.COUNTY_ADMIN)
    shell.do(boss, register_agency, agency="GA", kind=AgencyKind.AGENCY, name="平罗县公安局", short_name="公安局")
    facts: dict[str, Any] = {"login": "ga.admin", "display_name": "管理员", "must_change_password": False}
    hashed = hash_password(PASSWORD, "ga.admin")
    shell.do(boss, open_account, agency="GA", roles=[Role.AGENCY_ADMIN], password=hashed, **facts)
    settings = WebSettings(demo=True, demo_now=kit.clock.now)
    web = Web([shell, service], settings)
    with served(application(web, [shell, service], shell.sessions)) as found:
        yield found


def looked_at(page: Page, name: str) -> None:
    """Hold a page to its width; with ONEVISIT_PICTURES set to a folder, keep a picture for a person to look at."""
    page.wait_for_load_state("networkidle")
    assert wider_than_screen(page) == 0, name
    if folder := os.environ.get("ONEVISIT_PICTURES"):
        size = page.viewport_size or DESKTOP
        page.screenshot(path=Path(folder) / f"{name}-{size['width']}.png", full_page=True)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_key_is_made_and_revoked(browser: Browser, address: str, viewport: ViewportSize) -> None:
    # The refused form shows as a failed request: that one is meant.
    with tab(browser, address, viewport, refused=True) as page:
        sign_in(page, "ga.admin", PASSWORD)
        page.goto("/clients/new")
        page.fill("#name", "公安执法办案系统")
        looked_at(page, "client-new")
        page.click("main button[type=submit]")
        expect(page.get_by_role("alert")).to_contain_text("请至少选择一项权限")
        page.check("input[value='feed:read']")
        page.check("input[value='assignments:read']")
        page.click("main button[type=submit]")
        expect(page.locator("#key")).to_contain_text("onevisit_K-")
        looked_at(page, "client-made")
        page.click("text=已保管好")
        page.wait_for_url("**/clients")
        looked_at(page, "clients")
        page.click("button:has-text('撤销')")
        expect(page.get_by_role("status")).to_contain_text("接口密钥已撤销")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_webhook_is_added_tested_and_looked_into(
    browser: Browser, address: str, viewport: ViewportSize, kit: Kit, service: Service
) -> None:
    # The refused form below shows as a failed request: that one is meant.
    with tab(browser, address, viewport, refused=True) as page:
        sign_in(page, "ga.admin", PASSWORD)
        page.goto("/webhooks/new")
        page.fill("#name", "办案系统")
        page.fill("#url", "https://10.0.0.1/")
        looked_at(page, "webhook-new")
        page.click("main button[type=submit]")
        expect(page.get_by_role("alert")).to_contain_text("指向内网、本机或保留地址")
        page.fill("#url", LONG)
        page.click("main button[type=submit]")
        expect(page.locator("#secret")).to_contain_text("whsec_")
        looked_at(page, "webhook-secret")
        page.click("text=已保管好")
        page.click("button:has-text('发送测试')")
        expect(page.get_by_role("status")).to_contain_text("测试已排队")

        (webhook,) = service.ask(ADMIN, webhooks_of)
        kit.feed(service, county.sent(), county.received(), county.opened("GA", "ga-1", Role.VIEWER))
        answers = iter([Answer(204, None, 31), Answer(None, "tls_failed", 120), Answer(503, None, 88)])
        sender = Sender(service, post=lambda *_, **__: next(answers))
        for _ in range(2):
            sender.drain(webhook.id)
        page.goto(f"/webhooks/{webhook.id}")
        expect(page.locator("main")).to_contain_text("证书或加密握手不通过")
        looked_at(page, "webhook")
        page.goto("/webhooks")
        looked_at(page, "webhooks")
