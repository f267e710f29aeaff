"""Experts in a real Chromium: appointed on the visit's page, on a desktop and a phone, and in the column of 附件6."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from schemas.vocabulary import Role
from tests.kit import Kit, person
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, tab, wider_than_screen
from tests.pages.client import open_site
from tests.unit.drawer_service.county import DRAW, LEAD, a_county
from tests.unit.results.experts import appoint, with_experts
from tests.unit.results.world import visit_id

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_annex_6_shows_who_assists_at_which_visit(browser: Browser, kit: Kit, viewport: ViewportSize) -> None:
    county = a_county(kit)
    county.until_drawn()
    world = with_experts(kit)
    appoint(world, "ZJ-E01")
    site = open_site(kit, county.service, world.service)
    token = site.person(LEAD).http.cookies.get("onevisit")
    assert token is not None

    with served(site.app) as address, tab(browser, address, viewport) as page:
        page.context.add_cookies([{"name": "onevisit", "value": token, "url": address}])
        page.goto(f"/draws/{DRAW}/sheet")
        page.wait_for_load_state("networkidle")

        expect(page.locator(f"#experts-{visit_id('A')}")).to_contain_text("公安专家甲（机动车安全技术，某某大学）")
        expect(page.locator(f"#experts-{visit_id('B')}")).to_have_text("—")
        assert wider_than_screen(page) == 0


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_team_lead_appoints_and_withdraws_with_a_thumb(browser: Browser, kit: Kit, viewport: ViewportSize) -> None:
    world = with_experts(kit)
    site = open_site(kit, a_county(kit).service, world.service)
    token = site.person(person("GA", Role.TEAM_LEAD)).http.cookies.get("onevisit")
    assert token is not None

    with served(site.app) as address, tab(browser, address, viewport) as page:
        page.context.add_cookies([{"name": "onevisit", "value": token, "url": address}])
        page.goto(f"/visits/{visit_id('A')}")
        page.select_option("#expert", "ZJ-E01")
        page.get_by_role("button", name="指派", exact=True).click()
        panel = page.locator("#experts")
        expect(panel).to_contain_text("公安专家甲")
        expect(page.locator("main")).to_contain_text("专家已指派")
        assert wider_than_screen(page) == 0

        panel.locator("summary", has_text="撤回").first.click()
        panel.get_by_label("撤回原因").fill("临时出差")
        panel.get_by_role("button", name="撤回指派").click()
        expect(page.locator("main")).to_contain_text("指派已撤回")
        assert wider_than_screen(page) == 0
