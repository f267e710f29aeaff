"""A whole ceremony rehearsed by one person in a real Chromium, on a desktop and on a phone, a failure on the way."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Page, expect

from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.vocabulary import AgencyKind, Role
from services.console.app import Console, console
from services.console.commands import open_account, register_agency
from services.console.passwords import hash_password
from tests.kit import COUNTY, Kit, person, said
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, sign_in, tab, wider_than_screen
from tests.unit.drawer_service.county import AGENCIES, CAMPAIGN, DIGITS, NAMES, County, a_county, plan

pytestmark = [pytest.mark.browser, needs_chromium]

ROOT = Path(__file__).parents[2]
PASSWORD = "correct-horse-18"
MOST_MS = 90_000  # a step signs for five agencies, and the machine may be busy
HERE = f"/campaigns/{CAMPAIGN}/rehearsal"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def county(kit: Kit) -> County:
    return a_county(kit, plan(purpose="live"))


@pytest.fixture
def address(county: County) -> Iterator[str]:
    kit = county.kit
    shell = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    boss = person("LXH", Role.COUNTY_ADMIN)
    for body in ("JT", "GA"):
        shell.do(boss, register_agency, agency=body, kind=AgencyKind.AGENCY, name=NAMES[body], short_name=NAMES[body])
        login = f"{body.lower()}.draw"
        facts: dict[str, Any] = {"login": login, "display_name": "抽取岗", "must_change_password": False}
        hashed = hash_password(PASSWORD, login)
        shell.do(boss, open_account, agency=body, roles=[Role.DRAW_OFFICER], password=hashed, **facts)
    web = Web([shell, county.service], WebSettings(demo=True, demo_now=kit.clock.now))
    with served(application(web, [shell, county.service], shell.sessions)) as found:
        yield found


def looked_at(page: Page, name: str) -> None:
    """Hold a page to its width and its mark; with ONEVISIT_PICTURES set to a folder, keep pictures to look at."""
    expect(page.locator(".dr-watermark")).to_have_text("演练")
    expect(page.locator("main")).to_contain_text("演练，不是正式抽取")
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        assert wider_than_screen(page) == 0, name
        if folder := os.environ.get("ONEVISIT_PICTURES"):
            page.screenshot(path=Path(folder) / f"rehearse-{name}-{size['width']}.png", full_page=True)


def press(page: Page, label: str) -> None:
    """Press a button of the rehearsal and wait for its page."""
    with page.expect_navigation(timeout=MOST_MS):
        page.click(f"button:has-text('{label}')")
    expect(page.get_by_role("status")).to_be_visible(timeout=MOST_MS)


def test_one_person_plays_a_failure_and_then_the_whole_ceremony(
    browser: Browser, address: str, county: County, tmp_path: Path
) -> None:
    with tab(browser, address) as page:
        sign_in(page, "jt.draw", PASSWORD)
        page.goto(f"/campaigns/{CAMPAIGN}/draw")
        page.click("a:has-text('演练')")
        looked_at(page, "begin")
        press(page, "开始演练")
        looked_at(page, "commit")
        press(page, "市场监管局：承诺")
        press(page, "一并办理")
        press(page, "把演练时钟拨到")
        press(page, "一并办理")
        press(page, "公安局：揭示")
        looked_at(page, "reveal")
        press(page, "把演练时钟拨到")
        expect(page.locator("#now")).to_contain_text("这一次就作废")
        press(page, "把演练时钟拨到")
        expect(page.locator("main")).to_contain_text("第 1 次抽取作废（演练）")
        looked_at(page, "void")
        press(page, "开启下一次抽取")
        press(page, "一并办理")
        press(page, "把演练时钟拨到")
        for act in ("会签", "揭示"):
            for body in AGENCIES:
                press(page, f"{NAMES[body]}：{act}")
        press(page, "平罗公证处：封存")
        press(page, "把演练时钟拨到")
        page.fill("#digits", DIGITS)
        page.fill("#again", DIGITS)
        looked_at(page, "dice")
        press(page, "录入现场骰子")
        expect(page.locator("main")).to_contain_text("抽出 11 户（共 110 户）")
        looked_at(page, "drawn")
        press(page, "把演练时钟拨到")
        looked_at(page, "disclosed")
        files = {}
        for name in ("record.json", "frame.tsv"):
            with page.expect_download() as got:
                page.click(f"a[href$='/{name}']")
            assert got.value.suggested_filename == f"REHEARSAL-640221-2018-001-{name}"
            files[name] = tmp_path / name
            got.value.save_as(files[name])
        record = json.loads(files["record.json"].read_bytes())
        assert [one["reason"] for one in record["attempts"]] == ["too many reveals missing"]
        run = subprocess.run([sys.executable, ROOT / "verify_draw.py", *files.values()], capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        assert "演练，不是正式抽取" in run.stdout
        press(page, "丢弃这次演练")
        expect(page.locator("button:has-text('开始演练')")).to_be_visible()

        page.goto("/draws")
        expect(page.locator("main")).not_to_contain_text("REHEARSAL")
        page.goto("/public/draws")
        expect(page.locator("main")).not_to_contain_text("REHEARSAL")
    assert said(county.service) == []


def test_a_partner_sees_nothing_of_it_and_gets_no_room_of_its_own(browser: Browser, address: str) -> None:
    with tab(browser, address) as lead, tab(browser, address, refused=True) as partner:
        sign_in(lead, "jt.draw", PASSWORD)
        lead.goto(HERE)
        press(lead, "开始演练")
        sign_in(partner, "ga.draw", PASSWORD)
        partner.goto(HERE)
        expect(partner.locator("main")).not_to_contain_text("REHEARSAL")
        expect(partner.locator("main")).to_contain_text("由牵头部门的抽取岗演练")
        assert partner.locator("button:has-text('开始演练')").count() == 0
        for page in ("/draws", "/", f"/parts/drawer/campaign/{CAMPAIGN}", "/public/draws", f"{HERE}/record.json"):
            partner.goto(page)
            assert "REHEARSAL" not in partner.content(), page
