"""
Pages in a real Chromium, on a desktop and on a phone: the CSP holds, tiles load, nothing scrolls sideways, and on a slow
line nothing is lost that somebody types meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from services.console.app import Console, console, ensure_county_admin
from tests.kit import COUNTY, Kit
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, sign_in, tab, wider_than_screen
from tests.pages.client import open_site
from tests.pages.gallery import gallery
from tests.unit.results.world import FIRMS, a_world, section_id

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
def test_sign_in_and_home_work_on_desktop_and_phone(browser: Browser, address: str, viewport: ViewportSize) -> None:
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


# ── a slow line ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class SlowLine:
    """A checklist whose following questions come when the test lets them."""

    page: Page
    held: list[Route] = field(default_factory=list)

    def answer(self, question: str, answer: str) -> None:
        """Answer a question on which others depend; what follows from it is under way from now on."""
        self.held.clear()  # htmx takes back what was under way before
        self.page.get_by_role("group", name=question).get_by_label(answer, exact=True).check()
        self.is_asked()

    def is_asked(self) -> None:
        """Wait until something is under way."""
        for _ in range(1_000):
            if self.held:
                return
            self.page.wait_for_timeout(10)
        raise AssertionError("nothing was asked for")

    def arrive(self) -> None:
        """Let come what is under way, and wait until the page has followed."""
        with self.page.expect_response("**/preview"):
            self.held.pop().continue_()
        self.page.wait_for_selector(".htmx-request, .htmx-settling", state="detached")


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def line(request: pytest.FixtureRequest, browser: Browser, kit: Kit) -> Iterator[SlowLine]:
    world = a_world(kit)
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    site = open_site(kit, world.service)
    token, _ = site.doors.admit(world.officers("A", "JT")[0])
    with served(site.app) as found, tab(browser, found, request.param) as page:
        page.context.add_cookies([{"name": "onevisit", "value": token, "url": found}])
        page.goto(f"/sections/{section_id('A', 'JT')}")
        slow = SlowLine(page)
        page.route("**/preview", lambda route: slow.held.append(route))
        slow.answer("能否联系到企业", "是")
        slow.arrive()
        yield slow


def test_what_is_typed_while_an_answer_is_under_way_stays(line: SlowLine) -> None:
    page = line.page
    line.answer("是否发现问题", "是")
    page.get_by_label("车辆数").fill("3")
    page.get_by_label("许可有效期").fill("2019-06-30")
    page.get_by_label("检查结果").select_option(label="发现问题待后续处理")
    note = page.get_by_label("说明")
    note.press_sequentially("两名驾驶员在岗")
    for _ in range(3):
        note.press("ArrowLeft")
    assert not page.get_by_label("问题照片").is_visible(), "the answer is still under way"

    line.arrive()
    expect(page.get_by_label("问题照片")).to_be_visible()
    page.keyboard.type("均")

    expect(note).to_have_value("两名驾驶均员在岗")
    expect(page.get_by_label("车辆数")).to_have_value("3")
    expect(page.get_by_label("许可有效期")).to_have_value("2019-06-30")
    page.click("button:has-text('保存') >> nth=0")
    expect(page.locator("main")).to_contain_text("已保存")
    expect(note).to_have_value("两名驾驶均员在岗")
    expect(page.get_by_label("检查结果")).to_have_value("PENDING")


def test_the_last_of_two_answers_under_way_counts(line: SlowLine) -> None:
    page = line.page
    line.answer("是否发现问题", "是")
    line.answer("是否发现问题", "否")
    page.get_by_label("说明").fill("看错一行，已改")

    line.arrive()

    expect(page.get_by_role("group", name="是否发现问题").get_by_label("否", exact=True)).to_be_checked()
    expect(page.get_by_label("问题照片")).to_have_count(0)
    expect(page.get_by_label("说明")).to_have_value("看错一行，已改")


def test_a_word_half_written_with_an_input_method_is_not_cut_off(line: SlowLine) -> None:
    page = line.page
    keyboard = page.context.new_cdp_session(page)
    line.answer("是否发现问题", "是")
    page.get_by_label("说明").fill("驾驶员")
    keyboard.send("Input.imeSetComposition", {"text": "zai'gang", "selectionStart": 8, "selectionEnd": 8})

    line.arrive()
    assert not page.get_by_label("问题照片").is_visible(), "nothing is swapped under the word"
    keyboard.send("Input.insertText", {"text": "在岗"})
    line.is_asked()
    line.arrive()

    expect(page.get_by_label("问题照片")).to_be_visible()
    expect(page.get_by_label("说明")).to_have_value("驾驶员在岗")
