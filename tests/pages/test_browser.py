"""Sign-in and home in a real Chromium, on a desktop and on a phone: the CSP holds, tiles load, nothing scrolls sideways."""

from collections.abc import Iterator
from typing import cast

import pytest
from playwright.sync_api import Browser

from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from services.console.app import Console, console, ensure_county_admin
from tests.kit import COUNTY, Kit
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, sign_in, tab, wider_than_screen
from tests.pages.gallery import gallery

pytestmark = [pytest.mark.browser, needs_chromium]

PASSWORD = "correct-horse-18"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def address(kit: Kit) -> Iterator[str]:
    shell = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    shown = gallery(kit.ports, kit.folder)
    ensure_county_admin(shell, "county.admin", PASSWORD, must_change_password=False)
    services = [shell, shown]
    web = Web(services, WebSettings(demo=True, demo_now=kit.clock.now))
    with served(application(web, services, shell.sessions)) as found:
        yield found
    shown.close()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_sign_in_and_home_work_on_desktop_and_phone(browser: Browser, address: str, viewport: dict[str, int]) -> None:
    with tab(browser, address, viewport) as page:
        sign_in(page, "county.admin", PASSWORD)
        page.wait_for_selector(".ov-tile >> text=移送待办")
        page.wait_for_selector(".ov-part", state="detached")

        assert page.title().startswith("首页")
        assert page.locator(".ov-tile").count() == 3
        for path in ("/", "/gallery", "/accounts", "/accounts/new"):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert wider_than_screen(page) == 0, path


def test_menus_open_close_and_lead_on_a_phone(browser: Browser, address: str) -> None:
    with tab(browser, address, PHONE) as page:
        sign_in(page, "county.admin", PASSWORD)
        page.click(".ov-menu-phone summary")
        page.click("footer")
        assert page.locator(".ov-menu-phone[open]").count() == 0
        page.click(".ov-menu-phone summary")
        page.click(".ov-menu-phone >> text=单位与账号")
        page.wait_for_url("**/accounts")
        page.click(".ov-account summary")
        page.click("text=退出登录")
        page.wait_for_url("**/sign-in")


def test_a_form_pressed_twice_is_sent_once(browser: Browser, address: str) -> None:
    with tab(browser, address) as page:
        sign_in(page, "county.admin", PASSWORD)
        page.goto("/accounts/agencies/new")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        for name, value in (("name", "平罗县交通运输局"), ("short_name", "交通局"), ("agency", "JT")):
            page.fill(f"#{name}", value)
        page.dblclick("button:has-text('登记')")
        page.wait_for_selector("text=单位已登记")

        assert len(sent) == 1
