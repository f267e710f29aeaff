"""A mistyped import is put right in a browser: the list that stands downloaded, mended and sent, compared and confirmed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from runtime.files.sheets import read_sheets, write_sheet
from runtime.store import Actor
from tests.kit import Kit
from tests.pages.browser import DESKTOP, PHONE, chromium, served, tab, wider_than_screen
from tests.pages.client import Site, open_site
from tests.unit.drawer_service.county import DRAW, LEAD, OFFICER, County, a_county, entities
from tests.unit.drawer_service.elsewhere import APPROVER, HEADINGS, a_list, confirm, drawn, hand_in

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(300)]

HERE = f"/draws/{DRAW}"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def county(kit: Kit) -> County:
    county = a_county(kit)
    hand_in(county, a_list())
    confirm(county)
    return county


@pytest.fixture
def site(county: County) -> Site:
    return open_site(county.kit, county.service)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def looked_at(page: Page, name: str) -> None:
    """Hold a page to its width; with ONEVISIT_PICTURES set to a folder, keep pictures to look at."""
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        assert wider_than_screen(page) == 0, name
        if folder := os.environ.get("ONEVISIT_PICTURES"):
            page.screenshot(path=Path(folder) / f"imports-{name}-{size['width']}.png", full_page=True)


def test_the_list_that_stands_is_downloaded_mended_sent_compared_and_confirmed(site: Site, browser: Browser) -> None:
    gone = drawn()[0]
    right = next(one for one, kind in sorted(entities().items()) if kind == entities()[gone] and one not in drawn())
    with served(site.app) as address:
        with tab(browser, address, refused=True) as page:
            enter(page, site, address, LEAD)
            page.goto(HERE)
            page.click("a:has-text('录入有误，更正导入')")
            looked_at(page, "form")
            with page.expect_download() as download:
                page.click("a:has-text('下载现行名单')")
            rows = [list(row.texts) for row in read_sheets(download.value.path().read_bytes(), "a.xlsx")[0].rows[1:]]
            send(page, [*rows[:2], ["", *rows[2][1:4], "JT-99", *rows[2][5:]], *rows[3:]])
            expect(page.locator("#complaints")).to_contain_text("JT-99")
            looked_at(page, "refused")
            send(page, [[row[0], right, *row[2:]] if row[1] == gone else row for row in rows])
            expect(page.locator("#now")).to_contain_text("更正等待复核")
        with tab(browser, address) as page:
            enter(page, site, address, APPROVER)
            page.goto(HERE)
            expect(page.locator("#now")).to_contain_text("换下任务 1 项")
            expect(page.locator("#now")).to_contain_text(right)
            looked_at(page, "waits")
            with page.expect_navigation():
                page.click("button:has-text('核对无误，确认更正')")
            expect(page.locator("#versions")).to_contain_text("已更正")
            looked_at(page, "confirmed")
        for name, reader, path in (("targets", LEAD, f"{HERE}/targets"), ("partner", OFFICER["GA"], HERE)):
            with tab(browser, address) as page:
                enter(page, site, address, reader)
                page.goto(path)
                expect(page.locator("main")).to_contain_text("本系统无法核验")
                looked_at(page, name)


def send(page: Page, rows: list[list[str]]) -> None:
    """Fill the form in and send it."""
    page.fill("[name=why]", "第一行企业代码抄错，附件2上是另一家")
    scan: FilePayload = {"name": "附件2清晰件.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 a better scan"}
    page.set_input_files("[name=evidence]", scan)
    sheet: FilePayload = {"name": "附件6.xlsx", "mimeType": XLSX, "buffer": write_sheet("附件6", HEADINGS, rows)}
    page.set_input_files("[name=sheet]", sheet)
    page.click("button:has-text('提交复核')")


def enter(page: Page, site: Site, address: str, actor: Actor) -> None:
    """Let somebody be signed in."""
    token, _ = site.doors.admit(actor)
    page.context.add_cookies([{"name": "onevisit", "value": token, "url": address}])
