"""Custody "page" in a real Chromium: keys made, commitments, countersignatures, reveals, seal and dice signed there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from sqlalchemy import select

from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.vocabulary import AgencyKind, Role
from services.console.app import Console, console
from services.console.commands import open_account, register_agency
from services.console.passwords import hash_password
from services.drawer import acts, archive, round_acts
from services.drawer.tables import Commitment, DrawSecret, FaultRow
from tests.kit import COUNTY, Kit, person
from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, served, sign_in, tab, wider_than_screen
from tests.unit.drawer_service import test_rounds as rounds
from tests.unit.drawer_service.county import (
    BEACON_TIME,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    NAMES,
    OFFICER,
    REVEAL_CLOSE,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    plan,
)

pytestmark = [pytest.mark.browser, needs_chromium]

ROOT = Path(__file__).parents[2]
PASSWORD = "correct-horse-18"
BODIES = {"GA": Role.DRAW_OFFICER, "AJ": Role.DRAW_OFFICER, "GZ": Role.WITNESS}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def county(kit: Kit, request: pytest.FixtureRequest) -> County:
    return a_county(kit, plan(**({"witness": "GZ"} | getattr(request, "param", {}))))


@pytest.fixture
def address(county: County) -> Iterator[str]:
    kit = county.kit
    shell = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    boss = person("LXH", Role.COUNTY_ADMIN)
    for body, role in BODIES.items():
        kind = AgencyKind.WITNESS_BODY if body == "GZ" else AgencyKind.AGENCY
        shell.do(boss, register_agency, agency=body, kind=kind, name=NAMES[body], short_name=NAMES[body])
        facts: dict[str, Any] = {
            "login": f"{body.lower()}.draw",
            "display_name": "抽取岗",
            "must_change_password": False,
        }
        hashed = hash_password(PASSWORD, f"{body.lower()}.draw")
        shell.do(boss, open_account, agency=body, roles=[role], password=hashed, **facts)
    web = Web([shell, county.service], WebSettings(demo=True, demo_now=kit.clock.now))
    with served(application(web, [shell, county.service], shell.sessions)) as found:
        yield found


def looked_at(page: Page, name: str) -> None:
    """Hold a page to its width; with ONEVISIT_PICTURES set to a folder, keep a picture for a person to look at."""
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        assert wider_than_screen(page) == 0, name
        if folder := os.environ.get("ONEVISIT_PICTURES"):
            page.screenshot(path=Path(folder) / f"{name}-{size['width']}.png", full_page=True)


def makes_a_key(page: Page, body: str) -> str:
    """Sign in, make a key, fail to type its last group once, register it; return the backup code."""
    sign_in(page, f"{body.lower()}.draw", PASSWORD)
    page.goto("/draw-keys")
    page.click("[data-make-key]")
    code = page.inner_text("output")
    page.fill("#last", "0000")
    page.click("button:has-text('登记公钥')")
    expect(page.locator(".ov-problem")).to_contain_text("最后一组与备份码不一致")
    looked_at(page, f"key-{body}")
    page.fill("#last", code[-4:])
    page.click("button:has-text('登记公钥')")
    expect(page.get_by_role("status")).to_contain_text("公钥已登记")
    return code


def does(page: Page, act: str, done: str) -> None:
    """Open the draw's page, press the button of *act*, and wait for what the page says then."""
    page.goto(f"/draws/{DRAW}")
    page.click(f"form[data-ceremony={act}] button[type=submit]")
    expect(page.get_by_role("status")).to_contain_text(done)


def test_two_agencies_and_the_witness_keep_their_keys_and_one_goes_on_in_another_browser(
    browser: Browser, address: str, county: County, tmp_path: Path
) -> None:
    with tab(browser, address) as ga, tab(browser, address, PHONE) as aj, tab(browser, address) as witness:
        makes_a_key(ga, "GA")
        code = makes_a_key(aj, "AJ")
        makes_a_key(witness, "GZ")
        county.open()
        ga.goto(f"/draws/{DRAW}")
        ga.click("summary:has-text('混入自己掷的骰子')")
        ga.fill("#dice", "2718281828")
        looked_at(ga, "commit")
        ga.click("form[data-ceremony=commit] button[type=submit]")
        expect(ga.get_by_role("status")).to_contain_text("本单位的承诺已提交")
        does(aj, "commit", "本单位的承诺已提交")
        county.commit("JT", "SJ", "YG")
        county.at(COMMIT_CLOSE)
        aj.goto(f"/draws/{DRAW}")
        does(ga, "countersign", "会签")
        expect(aj.locator("#turn")).to_contain_text("有新进展", timeout=20_000)
        looked_at(aj, "turn")
        # From here on AJ's first browser is gone; another one has the backup code only.
        with tab(browser, address) as second:
            sign_in(second, "aj.draw", PASSWORD)
            second.goto(f"/draws/{DRAW}")
            second.click("form[data-ceremony=countersign] button[type=submit]")
            expect(second.locator(".ov-problem")).to_contain_text("没有本次抽取所用的密钥")
            looked_at(second, "no-key")
            second.goto("/draw-keys")
            second.click("summary:has-text('用备份码恢复')")
            second.fill("#code", code[:-1] + ("0" if code[-1] != "0" else "1"))
            second.click("button:has-text('在这个浏览器恢复')")
            expect(second.locator(".ov-problem")).to_contain_text("备份码不对")
            second.fill("#code", code.lower())
            second.click("button:has-text('在这个浏览器恢复')")
            expect(second.locator(".ov-problem")).to_contain_text("已恢复")
            does(second, "countersign", "会签")
            county.countersign("JT", "SJ", "YG")
            does(second, "reveal", "本单位已揭示")
        does(ga, "reveal", "本单位已揭示")
        county.reveal("JT", "SJ", "YG")
        does(witness, "seal", "已封存")
        county.at(BEACON_TIME)
        witness.goto(f"/draws/{DRAW}")
        witness.fill("#digits", DIGITS)
        witness.fill("#again", DIGITS)
        looked_at(witness, "dice")
        witness.click("form[data-ceremony=dice] button[type=submit]")
        expect(witness.get_by_role("status")).to_contain_text("抽取完成")
        looked_at(witness, "drawn")

    with county.service.db.read(county.service.system) as session:
        assert {row.owner_agency for row in session.scalars(select(DrawSecret))} == {"JT", "SJ", "YG"}
        assert len(session.scalars(select(Commitment)).all()) == 5
    files = archive.full_record(county.service, DRAW)
    custody = {agency: one["custody"] for agency, one in json.loads(files.record)["manifest"]["agencies"].items()}
    assert custody == {"AJ": "page", "GA": "page", "JT": "server", "SJ": "server", "YG": "server"}
    record, frame = tmp_path / "record.json", tmp_path / "frame.tsv"
    record.write_bytes(files.record)
    frame.write_bytes(files.frame)
    run = subprocess.run([sys.executable, ROOT / "verify_draw.py", record, frame], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_browser_signs_nothing_that_is_not_what_it_checked(browser: Browser, address: str, county: County) -> None:
    with tab(browser, address, refused=True) as page:
        makes_a_key(page, "GA")
        county.open()
        page.route(
            "**/frame", lambda route: route.fulfill(body=route.fetch().text().replace("bus", "boat", 1).encode())
        )
        page.goto(f"/draws/{DRAW}")
        page.click("form[data-ceremony=commit] button[type=submit]")
        expect(page.locator(".ov-problem")).to_contain_text("抽样框文件与清单不符")
        page.unroute("**/frame")

        def another_time(route: Any) -> None:
            papers = route.fetch().json()
            papers["manifest"]["times"]["beacon_time"] += 1
            route.fulfill(json=papers)

        page.route("**/papers", another_time)
        page.goto(f"/draws/{DRAW}")
        page.click("form[data-ceremony=commit] button[type=submit]")
        expect(page.locator(".ov-problem")).to_contain_text("清单与它的摘要不符")
        page.unroute("**/papers")
        page.goto(f"/draws/{DRAW}")
        county.at(COMMIT_CLOSE + timedelta(seconds=1))  # too late: void, while the page stood open
        page.click("form[data-ceremony=commit] button[type=submit]")
        expect(page.locator(".ov-problem")).to_contain_text("抽样框文件只在本单位承诺之前提供")
    with county.service.db.read(county.service.system) as session:
        assert session.scalars(select(Commitment)).all() == []


@pytest.mark.parametrize("county", [{"hash": "sha256"}, {"hash": "sm3"}], indirect=True, ids=["sha256", "sm3"])
def test_a_round_is_signed_and_revealed_in_the_browsers_that_keep_the_keys(
    browser: Browser, address: str, county: County, tmp_path: Path
) -> None:
    path = f"/draws/{DRAW}/rounds/1"

    def speaks(page: Page, act: str, done: str) -> None:
        page.goto(path)
        page.click(f"form[data-ceremony=round-{act}] button[type=submit]")
        expect(page.get_by_role("status")).to_contain_text(done)

    with tab(browser, address) as ga, tab(browser, address) as witness:
        makes_a_key(ga, "GA")
        makes_a_key(witness, "GZ")
        county.open()
        does(ga, "commit", "本单位的承诺已提交")
        county.commit("AJ", "JT", "SJ", "YG")
        looked_at_live(ga, "live-committed")
        county.at(COMMIT_CLOSE)
        does(ga, "countersign", "会签")
        county.countersign("AJ", "JT", "SJ", "YG")
        witness.goto(f"/draws/{DRAW}/live")
        expect(witness.locator("#live")).to_contain_text("等待各单位揭示")
        does(ga, "reveal", "本单位已揭示")
        county.reveal("AJ", "JT", "SJ", "YG")
        expect(witness.locator("#live")).to_contain_text("等待封存", timeout=30_000)  # it asks again by itself
        witness.goto(f"/draws/{DRAW}/witness")
        looked_at(witness, "witness-seal")
        witness.click("form[data-ceremony=seal] button[type=submit]")
        expect(witness.get_by_role("status")).to_contain_text("已封存")
        county.at(BEACON_TIME)
        witness.goto(f"/draws/{DRAW}/witness")
        witness.fill("#digits", DIGITS)
        witness.fill("#again", DIGITS)
        photo: FilePayload = {"name": "dice.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n dice"}
        witness.set_input_files("#photo", photo)
        looked_at(witness, "witness-dice")
        witness.click("form[data-ceremony=dice] button[type=submit]")
        expect(witness.get_by_role("status")).to_contain_text("抽取完成", timeout=30_000)
        looked_at_live(ga, "live-drawn")

        county.at(rounds.ASKED_ON)
        gone = next(one for one in rounds.visits(county) if "GA" in {team.agency for team in one.teams})
        rounds.asked_and_approved(county, gone.visit, "moved_out", "GA")
        rounds.open_round(county)
        ga.goto(f"/draws/{DRAW}/changes")
        looked_at(ga, "changes")
        speaks(ga, "sign", "已签名")
        speaks(witness, "sign", "已签名")
        for team in gone.teams:
            if team.agency != "GA":
                round_acts.sign(county.service, OFFICER[team.agency], DRAW, 1, key=f"sign-{team.agency}")
        ga.goto(path)
        looked_at(ga, "round")
        speaks(ga, "reveal", "本单位已揭示")
        rounds.reveal(county, 1, "AJ", "JT", "SJ", "YG")
        looked_at_live(ga, "live-round")
        speaks(witness, "seal", "已封存")
        county.at(rounds.DICE_AT)
        witness.goto(path)
        witness.fill("#digits", DIGITS[::-1])
        witness.fill("#again", DIGITS[::-1])
        witness.click("form[data-ceremony=round-dice] button[type=submit]")
        expect(witness.get_by_role("status")).to_contain_text("替换结果已计算", timeout=30_000)

    rounds.verified(county, tmp_path, "full")


def test_a_rounds_reveal_that_was_left_out_is_proved_in_the_browser_and_only_under_a_seal(
    browser: Browser, address: str, county: County
) -> None:
    with tab(browser, address) as ga:
        makes_a_key(ga, "GA")
        county.open()
        does(ga, "commit", "本单位的承诺已提交")
        county.commit("AJ", "JT", "SJ", "YG")
        county.at(COMMIT_CLOSE)
        does(ga, "countersign", "会签")
        county.countersign("AJ", "JT", "SJ", "YG")
        does(ga, "reveal", "本单位已揭示")
        county.reveal("AJ", "JT", "SJ", "YG")
        county.seal()
        county.at(BEACON_TIME)
        county.dice()
        county.at(rounds.ASKED_ON)
        gone = next(one for one in rounds.visits(county) if "GA" not in {team.agency for team in one.teams})
        rounds.asked_and_approved(county, gone.visit, "moved_out", gone.teams[0].agency)
        rounds.open_round(county)
        rounds.sign(county, 1)
        rounds.reveal(county, 1, "AJ", "JT", "SJ", "YG")
        county.at(rounds.SEAL_BY - timedelta(minutes=1))
        round_acts.seal(county.service, WITNESS, DRAW, 1, key="seal-1")

        def unsigned(route: Any) -> None:
            papers = route.fetch().json()
            papers["sealed_rounds"]["1"]["seal"]["witness"] = papers["seal"]["witness"]  # of another act
            route.fulfill(json=papers)

        ga.route("**/papers", unsigned)
        ga.goto(f"/draws/{DRAW}/faults?kind=reveal_omitted")
        ga.select_option("#round", "1")
        ga.fill("#words", "封存之前已当场交给见证人，未被列入。")
        ga.click("form[data-ceremony=fault] button[type=submit]")
        expect(ga.locator(".ov-problem")).to_contain_text("封存没有有效的签名")
        ga.unroute("**/papers")
        looked_at(ga, "fault-of-a-round")
        ga.click("form[data-ceremony=fault] button[type=submit]")
        expect(ga.get_by_role("status").first).to_contain_text("抽取仍然有效")
        expect(ga.get_by_role("main")).to_contain_text("第 1 轮替换")
    with county.service.db.read(county.service.system) as session:
        assert [(one.kind, one.who) for one in session.scalars(select(FaultRow)).all()] == [("reveal_omitted", "GA")]


def looked_at_live(page: Page, name: str) -> None:
    """Look at the page for the projector."""
    page.goto(f"/draws/{DRAW}/live")
    looked_at(page, name)


@pytest.mark.parametrize("county", [{"witness": None}], indirect=True)
def test_without_a_witness_a_browser_signs_seal_and_dice_beside_the_other_agencies(
    browser: Browser, address: str, county: County
) -> None:
    with tab(browser, address) as ga:
        makes_a_key(ga, "GA")
        county.open()
        does(ga, "commit", "本单位的承诺已提交")
        county.commit("AJ", "JT", "SJ", "YG")
        county.at(COMMIT_CLOSE)
        does(ga, "countersign", "会签")
        county.countersign("AJ", "JT", "SJ", "YG")
        does(ga, "reveal", "揭示")
        county.reveal("AJ", "JT", "SJ", "YG")
        acts.seal(county.service, OFFICER["SJ"], DRAW, key="seal-SJ")
        ga.goto(f"/draws/{DRAW}")
        expect(ga.locator("#now")).to_contain_text("已签名：市场监管局")
        looked_at(ga, "majority-seal")

        does(ga, "seal", "过半单位签名后即封存")
        looked_at(ga, "majority-signed")
        acts.seal(county.service, OFFICER["AJ"], DRAW, key="seal-AJ")

        county.at(BEACON_TIME)
        for agency, digits in (("AJ", DIGITS[::-1]), ("JT", DIGITS)):
            acts.throw_dice(county.service, OFFICER[agency], DRAW, key=agency, digits=digits, again=digits)
        ga.goto(f"/draws/{DRAW}")
        expect(ga.locator("#now")).to_contain_text("各单位录入的点数不一致")
        looked_at(ga, "majority-dice")
        ga.fill("#digits", DIGITS)
        ga.fill("#again", DIGITS)
        ga.click("form[data-ceremony=dice] button[type=submit]")
        expect(ga.get_by_role("status")).to_contain_text("过半单位录入同样的点数后即抽取")
        ga.goto(f"/draws/{DRAW}/live")
        looked_at(ga, "majority-live")
        acts.throw_dice(county.service, OFFICER["SJ"], DRAW, key="SJ", digits=DIGITS, again=DIGITS)
        ga.goto(f"/draws/{DRAW}")
        expect(ga.get_by_role("main")).to_contain_text("结果摘要")
        looked_at(ga, "majority-drawn")
    county.at(WINDOW_END)
    record = json.loads(archive.full_record(county.service, DRAW).record)
    assert list(record["seal"]["agencies"]) == ["AJ", "GA", "SJ"]


def test_a_reveal_that_was_left_out_is_proved_in_the_browser_that_keeps_the_key_and_everybody_reads_of_it(
    browser: Browser, address: str, county: County
) -> None:
    faults = f"/draws/{DRAW}/faults"
    with tab(browser, address) as ga, tab(browser, address, refused=True) as aj:
        makes_a_key(ga, "GA")
        sign_in(aj, "aj.draw", PASSWORD)
        county.open()
        does(ga, "commit", "本单位的承诺已提交")
        county.commit("AJ", "JT", "SJ", "YG")
        county.at(COMMIT_CLOSE)
        does(ga, "countersign", "会签")
        county.countersign("AJ", "JT", "SJ", "YG")
        county.reveal("AJ", "JT", "SJ", "YG")
        county.at(REVEAL_CLOSE)
        county.seal()
        aj.goto(f"/draws/{DRAW}")
        expect(aj.locator("#faults")).to_contain_text("目前没有")
        aj.click("#faults a:has-text('报告异常')")
        aj.click("a:has-text('有揭示被遗漏')")
        looked_at(aj, "fault-form")
        wrong: FilePayload = {"name": "reveal.json", "mimeType": "application/json", "buffer": b'{"value": "00"}'}
        aj.set_input_files("#file", wrong)
        aj.click("button:has-text('核对并公布')")
        expect(aj.locator(".ov-problem")).to_be_visible()

        ga.goto(f"{faults}?kind=reveal_omitted")
        ga.fill("#words", "揭示截止前已当场把签名的揭示交给见证人，未被列入。")
        looked_at(ga, "fault-in-browser")
        ga.click("form[data-ceremony=fault] button[type=submit]")
        expect(ga.get_by_role("status").first).to_contain_text("抽取仍然有效")
        looked_at(ga, "faults-published")

        aj.goto(f"{faults}?kind=data_lost")
        aj.set_input_files("#file", {"name": "说明.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 lost"})
        aj.fill("#words", "经办人电脑损坏，备份码也没有抄下。")
        aj.click("button:has-text('核对并公布')")
        expect(aj.get_by_role("main")).to_contain_text("异常 2")
        county.at(BEACON_TIME)
        county.dice()
        aj.goto(f"/draws/{DRAW}")
        expect(aj.locator("#faults")).to_contain_text("有效的揭示没有列入封存（公安局）")
        looked_at(aj, "draw-with-faults")
        aj.goto(f"/public/draws/{DRAW}/at-once")
        expect(aj.get_by_role("main")).to_contain_text("有效的揭示没有列入封存")
        looked_at(aj, "at-once-with-faults")
        county.at(WINDOW_END)
        aj.goto(f"/public/draws/{DRAW}")
        expect(aj.get_by_role("main")).to_contain_text("抽取仍然有效")
        expect(aj.get_by_role("main")).not_to_contain_text("备份码也没有抄下")
        looked_at(aj, "public-with-faults")
    record = json.loads(archive.full_record(county.service, DRAW).record)
    assert [(one["what"], one["who"]) for one in record["faults"]] == [
        ("valid reveal not in the seal", "GA"),
        ("lost data", "AJ"),
    ]
