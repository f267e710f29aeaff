"""Open places on the pages: named by one, appointed by the head, and *appointed, not drawn* wherever the name stands."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer.leaf import address as leaf_address
from tests.kit import Kit, person
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, tab, wider_than_screen
from tests.pages.client import Site, open_site
from tests.scenario.test_open_place import DRAWN, Both
from tests.unit.drawer_service.county import DRAW, LEAD, PLANNER, entered
from tests.unit.drawer_service.test_appointments import SPARE, WHY, WORDS
from tests.unit.drawer_service.test_rounds import (
    ASKED_ON,
    HEAD,
    TEAM_LEAD,
    asked_and_approved,
    finish,
    open_round,
    standing,
)

MARK = "指定，非抽取"
PAGE = f"/draws/{DRAW}/appointments"
API = f"/api/drawer/v1{PAGE}"


@pytest.fixture
def both(kit: Kit) -> Both:
    """The county after a round in which nobody could come instead of SJ-01."""
    both = Both(kit)
    both.county.until_drawn()
    both.county.at(ASKED_ON)
    visit = standing(both.county)[0].visit
    asked_and_approved(both.county, visit, "officer_ill", "SJ", "SJ-01")
    finish(both.county, open_round(both.county))
    both.hear()
    return both


@pytest.fixture
def site(both: Both) -> Site:
    return open_site(both.kit, both.county.service, both.service)


def the_visit(both: Both) -> str:
    return standing(both.county)[0].visit


def test_pages_say_what_to_do_until_the_head_has_appointed_and_then_who_was_not_drawn(site: Site, both: Both) -> None:
    visit, head, lead = the_visit(both), site.person(HEAD["SJ"]), site.person(LEAD)
    slip = f"/draws/{DRAW}/targets/{visit}"
    assert "由单位负责人指定" in lead.get(f"/draws/{DRAW}").main
    assert "检查组有席位空缺" in head.get(f"/visits/{visit}").main
    assert "检查组有席位空缺" in site.person(DRAWN).get(f"/sections/{visit}-SJ").main
    assert MARK not in lead.get(slip).main
    assert "“空缺”：抽取后席位无人可派" in lead.get(f"/draws/{DRAW}/sheet").main
    assert "不具备这个席位需要的资格" in head.get(PAGE).main

    place = head.call("GET", API).json()["places"][0]
    named = {"visit": visit, "place": place["place"], "officer": SPARE, "reason": WHY, "beyond": True}
    entry = site.person(TEAM_LEAD["SJ"]).call("POST", API, named).json()["appointment"]
    assert "决定空缺席位的指定" in head.part("/parts/drawer/home/me").text
    head.call("POST", f"{API}/{entry}/decide", {"approve": True, "words": WORDS})
    both.hear()

    assert f"{SPARE}（{MARK}）" in lead.get(f"/draws/{DRAW}/sheet").main
    assert f"{SPARE}（{MARK}）" in lead.get(f"/draws/{DRAW}/targets").main
    assert f"检查组有 1 名人员：{MARK}" in lead.get(slip).main
    card = head.get(f"{slip}/card").main
    assert (MARK in card, card.count("随机数") > 0) == (True, True)
    mine = site.person(person("SJ", Role.INSPECTOR, id="u-spare", officer=SPARE))
    assert "没有可核对的随机数" in mine.get(f"{slip}/card").main
    for path in (f"/visits/{visit}", f"/sections/{visit}-SJ"):
        assert MARK in mine.get(path).main
        assert "检查组有席位空缺" not in mine.get(path).main
    assert MARK in head.get(PAGE).main
    view = site.person(PLANNER).call("GET", API).json()["appointments"]
    assert (view["open_slots"], [one["state"] for one in view["entries"]]) == (1, ["approved"])
    at = leaf_address(both.county.service, "", DRAW, visit)
    both.kit.feed(both.county.service, entered(visit, "SJ"))
    leaf = site.anonymous().get(at).main
    assert f"1 名人员：{MARK}" in leaf
    assert SPARE not in leaf


SLOW_MS = 30_000  # a draw is worked out between two clicks


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def as_person(page: Page, site: Site, actor: Actor, address: str) -> None:
    token = site.person(actor).http.cookies.get("onevisit")
    assert token is not None
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "onevisit", "value": token, "url": address}])


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_one_names_and_the_head_appoints_with_a_thumb(
    browser: Browser, site: Site, both: Both, viewport: ViewportSize
) -> None:
    with served(site.app) as address, tab(browser, address, viewport, refused=True) as page:
        as_person(page, site, TEAM_LEAD["SJ"], address)
        page.goto(PAGE)
        page.get_by_label("提名人员（工号）").select_option(SPARE)
        page.get_by_label("提名的理由").fill(WHY)
        page.get_by_role("button", name="提名，报负责人指定").click()
        expect(page.locator("main")).to_contain_text("本单位为其设的上限", timeout=SLOW_MS)  # not past the cap unawares
        page.goto(PAGE)
        page.get_by_label("提名人员（工号）").select_option(SPARE)
        page.get_by_label("提名的理由").fill(WHY)
        page.get_by_label("已知超出本单位户次上限或轮换要求，仍提名，理由如上").check()
        picture(page, viewport, "named")
        page.get_by_role("button", name="提名，报负责人指定").click()
        expect(page.locator("main")).to_contain_text("已有提名，等待负责人决定", timeout=SLOW_MS)
        assert wider_than_screen(page) == 0

        as_person(page, site, HEAD["SJ"], address)
        page.goto(PAGE)
        page.get_by_label("决定的理由").fill(WORDS)
        page.get_by_label("决定", exact=True).select_option("yes")
        picture(page, viewport, "decide")
        page.get_by_role("button", name="作出决定").click()
        expect(page.locator("main")).to_contain_text(MARK, timeout=SLOW_MS)
        expect(page.locator("main")).to_contain_text("已指定", timeout=SLOW_MS)
        assert wider_than_screen(page) == 0
        picture(page, viewport, "appointed")
        both.hear()
        visit = the_visit(both)
        for name, path in (("visit", f"/visits/{visit}"), ("card", f"/draws/{DRAW}/targets/{visit}/card")):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            expect(page.locator("main")).to_contain_text(MARK, timeout=SLOW_MS)
            assert wider_than_screen(page) == 0, path
            picture(page, viewport, name)


def picture(page: Page, viewport: ViewportSize, name: str) -> None:
    """Keep a picture of the page where ``ONEVISIT_PICTURES`` says."""
    folder = os.environ.get("ONEVISIT_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/slot-{name}-{viewport['width']}.png", full_page=True)
