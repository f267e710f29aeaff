"""
A refused form stays as it was filled in, with what is wrong at its head; without script it is a page with a way back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, expect

from runtime.web.application import application
from runtime.web.templates import Web
from services.console.app import Console, console, ensure_county_admin
from tests.kit import COUNTY, Kit
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, sign_in, tab, wider_than_screen
from tests.pages.client import ConsoleClient
from tests.unit.planner.world import World

pytestmark = [pytest.mark.browser, needs_chromium]

PASSWORD = "correct-horse-18"
NEW = {"login": "jt.plan", "display_name": "王某", "password": "a-first-pass-7"}
ALERT = "form .ov-problem [role=alert]"


@dataclass
class Town:
    """A county with a planner, served; its administrators."""

    app: FastAPI
    address: str

    def client(self) -> ConsoleClient:
        """Return somebody who is signed in as the county's administrator, elsewhere."""
        client = ConsoleClient(self.app)
        client.sign_in("county.admin", PASSWORD)
        return client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def town(kit: Kit) -> Iterator[Town]:
    shell = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    ensure_county_admin(shell, "county.admin", PASSWORD, must_change_password=False)
    services = [shell, World(kit).bodies().service]
    app = application(Web(services), services, shell.sessions)
    made = Town(app, "")
    agency = {"agency": "JT", "kind": "agency", "name": "平罗县交通运输局", "short_name": "交通局"}
    made.client().api("POST", "/api/console/v1/agencies", agency)
    with served(app) as address:
        made.address = address
        yield made


@pytest.fixture
def page(browser: Browser, town: Town) -> Iterator[Page]:
    with tab(browser, town.address, refused=True) as found:
        sign_in(found, "county.admin", PASSWORD)
        yield found


def fill(page: Page, *roles: str) -> None:
    """Fill in the form of a new account."""
    page.goto("/accounts/new")
    page.select_option("#agency", "JT")
    for name, value in NEW.items():
        page.fill(f"#{name}", value)
    for role in roles:
        page.check(f"input[name=roles][value={role}]")


def filled(page: Page) -> dict[str, str]:
    """Read what stands in it."""
    return {name: page.input_value(f"#{name}") for name in NEW}


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_refused_form_keeps_everything_and_says_at_its_head_what_is_wrong(
    browser: Browser, town: Town, viewport: ViewportSize
) -> None:
    with tab(browser, town.address, viewport, refused=True) as page:
        sign_in(page, "county.admin", PASSWORD)
        fill(page, "planner", "approver")
        page.click("button:has-text('开通')")

        expect(page.locator(ALERT)).to_contain_text("计划岗和审核岗不能由同一账号兼任。")
        expect(page.locator(ALERT)).to_contain_text("请分别开通两个账号")
        expect(page.locator(ALERT)).to_be_focused()
        assert page.locator("form.ov-form > :first-child").get_attribute("class") == "ov-problem"
        assert page.url.endswith("/accounts/new")
        assert filled(page) == NEW
        assert page.input_value("#agency") == "JT"
        assert wider_than_screen(page) == 0

        page.uncheck("input[name=roles][value=approver]")
        page.click("button:has-text('开通')")
        page.wait_for_url("**/accounts/U-*said=done.account_opened")
        expect(page.locator("main")).to_contain_text("账号已开通")


def test_what_was_wrong_before_is_gone_when_the_form_is_sent_again(page: Page) -> None:
    fill(page, "planner", "approver")
    page.click("button:has-text('开通')")
    page.wait_for_selector(ALERT)
    page.uncheck("input[name=roles][value=approver]")
    page.fill("#login", "?")
    page.click("button:has-text('开通')")
    expect(page.locator(ALERT)).to_contain_text("登录账号应为")

    expect(page.locator(".ov-problem")).to_have_count(1)
    expect(page.locator(ALERT)).not_to_contain_text("兼任")


def test_a_field_that_could_not_be_read_is_marked(page: Page) -> None:
    fill(page, "planner")
    page.locator("#display_name").evaluate("field => { field.removeAttribute('required'); field.disabled = true; }")
    page.click("button:has-text('开通')")

    expect(page.locator(ALERT)).to_contain_text("填写的内容有误")
    expect(page.locator("#display_name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#login")).not_to_have_attribute("aria-invalid", "true")


def test_when_the_server_is_not_reached_nothing_is_lost_and_the_same_request_is_sent_again(page: Page) -> None:
    keys: list[str] = []
    page.on("request", lambda each: keys.append(each.post_data or "") if each.method == "POST" else None)
    fill(page, "planner")
    page.route("**/accounts", lambda route: route.abort())
    page.click("button:has-text('开通')")
    expect(page.locator(ALERT)).to_contain_text("与服务器的连接中断")
    assert filled(page) == NEW

    page.unroute("**/accounts")
    page.click("button:has-text('开通')")
    page.wait_for_url("**/accounts/U-*")

    assert len(keys) == 2
    assert keys[0] == keys[1], "with the same Idempotency-Key"


def test_when_the_session_has_ended_one_signs_in_again_beside_the_form_and_sends_it(page: Page, town: Town) -> None:
    fill(page, "planner")
    page.context.clear_cookies(name="onevisit")
    page.click("button:has-text('开通')")
    expect(page.locator(ALERT)).to_contain_text("登录已失效，内容尚未提交")

    with page.context.expect_page() as opening:
        page.locator(ALERT).get_by_role("link", name="重新登录").click()
    other = opening.value
    other.fill("#login", "county.admin")
    other.fill("#password", PASSWORD)
    other.click("button:has-text('登录')")
    other.wait_for_url("**/accounts/new")
    assert filled(page) == NEW

    page.click("button:has-text('开通')")
    page.wait_for_url("**/accounts/U-*said=done.account_opened")


def test_under_somebody_elses_session_nothing_is_sent(page: Page, town: Town) -> None:
    account: dict[str, Any] = {"agency": "JT", "login": "other.admin", "display_name": "李某"}
    account |= {"roles": ["county_admin"], "password": PASSWORD, "must_change_password": False}
    town.client().api("POST", "/api/console/v1/accounts", account, key="other")
    fill(page, "planner")
    other = ConsoleClient(town.app)
    other.sign_in("other.admin", PASSWORD)
    page.context.clear_cookies(name="onevisit")
    page.context.add_cookies([{"name": "onevisit", "value": other.http.cookies["onevisit"], "url": town.address}])

    page.click("button:has-text('开通')")

    expect(page.locator(ALERT)).to_contain_text("表单已失效，没有保存任何内容")
    assert filled(page) == NEW
    assert "jt.plan" not in town.client().get("/accounts").text


def test_a_form_that_is_one_button_says_it_above_the_button(page: Page, town: Town) -> None:
    page.goto("/accounts/U-640221-2018-001")
    page.evaluate(
        """() => {
          const form = document.querySelector(".ov-button-form, form[action$='/password']").cloneNode(true);
          form.className = "ov-button-form";
          form.setAttribute("action", "/accounts/U-640221-2018-001/close");
          form.id = "end";
          form.querySelectorAll(".ov-field").forEach((field) => field.remove());
          document.querySelector("main").appendChild(form);
        }"""
    )
    page.click("#end button")

    expect(page.locator("#end .ov-problem [role=alert]")).to_contain_text("不能停用自己的账号")
    expect(page.locator("#end button")).not_to_have_attribute("aria-disabled", "true")


def test_a_page_that_shows_its_form_again_takes_the_place_of_this_one(page: Page) -> None:
    """The rule pack's problems come as a list with lines, beside the form."""
    page.goto("/rulepacks")
    broken: FilePayload = {"name": "x.toml", "mimeType": "application/toml", "buffer": b'edition = "gestern"\n'}
    page.set_input_files("input[type=file]", broken)
    page.click("button:has-text('发布')")

    expect(page.locator("main [role=alert]").first).to_be_focused()
    expect(page.locator("main")).to_contain_text("edition")
    expect(page.locator("main")).to_have_count(1)
    assert page.locator("form[aria-busy], form[data-sent]").count() == 0
    page.click("button:has-text('发布')")
    expect(page.locator("main [role=alert]").first).to_be_visible()


def test_without_script_a_refusal_is_a_page_with_a_way_back(browser: Browser, town: Town) -> None:
    context = browser.new_context(base_url=town.address, locale="zh-CN", java_script_enabled=False)
    try:
        page = context.new_page()
        sign_in(page, "county.admin", PASSWORD)
        fill(page, "planner", "approver")
        page.click("button:has-text('开通')")

        expect(page.locator("h1")).to_have_text("未能完成")
        expect(page.locator("main")).to_contain_text("计划岗和审核岗不能由同一账号兼任。")
        page.click("a:has-text('返回上一页')")
        assert page.url.endswith("/accounts/new")
    finally:
        context.close()
