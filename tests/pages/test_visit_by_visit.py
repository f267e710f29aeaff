"""Disclosure per visit (逐户公开): a visit's leaf for the visited firm, and with "visit" for anybody, from the visit on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from runtime.errors import OneVisitError
from runtime.web.application import application
from runtime.web.settings import WebSettings
from runtime.web.templates import Web
from schemas.vocabulary import Role
from services.console.app import Console, console
from services.drawer import archive, leaf, passes
from services.drawer.domain.record_reader import Told, read_record
from services.drawer.queries.drawn import VisitView, drawn_list
from tests.kit import COUNTY, Kit, person
from tests.pages.browser import chromium, needs_chromium, served, tab
from tests.pages.client import ADDRESS, Site, open_site
from tests.pages.test_ceremony_in_browser import looked_at
from tests.pages.test_drawer_pages import qr_codes
from tests.unit.drawer_service import test_rounds as rounds
from tests.unit.drawer_service.county import DRAW, LEAD, WINDOW_END, County, a_county, entered, plan

PUBLIC = f"/public/draws/{DRAW}/visits"
ROOT = Path(__file__).parents[2]
CHECKER = ROOT / "services/drawer/assets/check_visit.py"


def drawn(kit: Kit, **changes: Any) -> County:
    county = a_county(kit, plan(**changes))
    county.until_drawn()
    return county


def visits(county: County) -> list[VisitView]:
    return [one for one in county.service.ask(LEAD, drawn_list, draw_id=DRAW) if one.removed_in is None]


def slip_address(site: Site, visit: str) -> str:
    """Read off a firm's slip where its own proof is."""
    codes = qr_codes(site.person(LEAD).get(f"/draws/{DRAW}/targets/{visit}"))
    (found,) = (one for one in codes if f"/visits/{visit}" in one)
    return found.removeprefix(ADDRESS)


def checked(tmp_path: Path, proof: dict[str, Any], root: str, *shown: str) -> tuple[int, str]:
    """Check a proof as a stranger does: an empty folder, plain Python, nothing of ours."""
    (tmp_path / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    command = [sys.executable, "-I", str(CHECKER), "proof.json", root, *shown]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_visit_by_visit_anybody_sees_a_visit_once_its_first_checklist_is_in(kit: Kit) -> None:
    county = drawn(kit, disclosure="visit")
    site = open_site(kit, county.service)
    anybody, (one, other) = site.anonymous(), visits(county)[:2]
    at = f"{PUBLIC}/{one.visit}"
    assert "已公开 0 户，共 11 户" in anybody.get(PUBLIC).main
    refused = anybody.get(at, 422)
    assert "尚未被检查" in refused.text
    assert one.target not in refused.text

    kit.feed(county.service, entered(one.visit))

    page = anybody.get(PUBLIC)
    assert "已公开 1 户，共 11 户" in page.main
    assert [link for link in page.links if link.startswith(f"{PUBLIC}/")] == [at]
    assert PUBLIC in anybody.get("/public/draws").links
    told = anybody.call("GET", f"{PUBLIC}.json").json()
    assert [(each["visit"], each["target"]) for each in told["visits"]] == [(one.visit, one.target)]
    assert told["visits"][0]["proof"] == f"{at}/proof.json"
    assert one.target in anybody.get(at).main
    assert anybody.call("GET", f"{PUBLIC}/{other.visit}/proof.json").status_code == 422
    assert anybody.call("GET", f"{PUBLIC}/V-640221-2018-001-99").status_code == 404
    assert anybody.get(f"/public/draws/{DRAW}", 409)
    assert PUBLIC in site.person(LEAD).get(f"/draws/{DRAW}").links


def test_until_the_window_closes_a_visits_proof_is_for_the_firm_alone_where_that_was_agreed(kit: Kit) -> None:
    county = drawn(kit)
    site = open_site(kit, county.service)
    anybody, (one, other) = site.anonymous(), visits(county)[:2]
    address = slip_address(site, one.visit)
    assert "尚未被检查" in anybody.get(address, 422).text

    kit.feed(county.service, entered(one.visit))

    assert one.target in anybody.get(address).main
    proof = address.replace("?key=", "/proof.json?key=")
    assert anybody.call("GET", proof).json()["entity"] == one.target
    own, anothers = f"{PUBLIC}/{one.visit}", slip_address(site, other.visit)
    for path in (own, f"{own}?key={'0' * 64}", own + anothers[anothers.index("?") :], f"{PUBLIC}/{other.visit}"):
        refused = anybody.get(path, 422)
        assert "只交给被检查对象本人" in refused.text, path
        assert one.target not in refused.text
        assert other.target not in refused.text
    for path in (PUBLIC, f"{PUBLIC}.json"):
        assert anybody.call("GET", path).status_code == 404
    county.at(WINDOW_END)
    assert other.target in anybody.get(f"{PUBLIC}/{other.visit}").main


def test_a_wrong_key_is_told_nothing_of_what_was_visited_and_costs_no_reading(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = drawn(kit)
    anybody = open_site(kit, county.service).anonymous()
    one, other = visits(county)[:2]
    kit.feed(county.service, entered(one.visit))
    read: list[object] = []

    def noted(value: object) -> Told:
        read.append(value)
        return read_record(value)

    monkeypatch.setattr(leaf, "read_record", noted)
    leaf._blinding_of.cache_clear()

    for key in ("", "x", "0" * 64, "é" * 64, *(f"{number:064x}" for number in range(5))):
        said = {
            visit: anybody.get(f"{PUBLIC}/{visit}/proof.json?key={quote(key)}", 422).main
            for visit in (one.visit, other.visit)
        }
        assert len({told.replace(visit, "V") for visit, told in said.items()}) == 1, key
        assert all("只交给被检查对象本人" in told for told in said.values())
    assert len(read) == 1


def test_a_stranger_checks_a_visits_proof_offline_and_finds_every_change(kit: Kit, tmp_path: Path) -> None:
    county = drawn(kit, disclosure="visit")
    for visit in visits(county):
        kit.feed(county.service, entered(visit.visit))
    record = json.loads(archive.full_record(county.service, DRAW).record)
    root = record["visits_root"]
    files = [dict(leaf.leaf(county.service, DRAW, one.visit).file) for one in visits(county)]

    assert {file["entity"] for file in files} == {one.target for one in visits(county)}
    for file in files:
        code, words = checked(tmp_path, file, root)
        assert (code, "一致") == (0, words[:2]), words
        assert file["entity"] in words
        assert (file["visits_root"], file["result_digest"]) == (root, record["result_digest"])
    proof = files[0]
    agency = next(iter(proof["entry"]))
    path = proof["path"]
    wrong = [
        proof | {"entity": files[1]["entity"]},
        proof | {"blind": files[1]["blind"]},
        proof | {"entry": proof["entry"] | {agency: [proof["entry"][agency][0], [None, None]]}},
        proof | {"path": path | {"index": (path["index"] + 1) % path["size"]}},
        proof | {"path": path | {"neighbours": [*path["neighbours"][:-1], "0" * 64]}},
    ]
    assert [checked(tmp_path, one, root)[0] for one in wrong] == [1] * 5
    unread = [{}, {"path": []}, proof | {"hash": "md5"}, proof | {"path": path | {"neighbours": []}}]
    assert [checked(tmp_path, one, root)[0] for one in unread] == [2] * 4


@pytest.mark.parametrize("named", ["sha256", "sm3"])
def test_a_firm_checks_offline_that_who_came_was_drawn(kit: Kit, tmp_path: Path, named: str) -> None:
    county = drawn(kit, disclosure="visit", hash=named)
    one = visits(county)[0]
    kit.feed(county.service, entered(one.visit))
    proof = dict(leaf.leaf(county.service, DRAW, one.visit).file)
    root, team = proof["visits_root"], one.teams[0]
    first, second = passes.passes(county.service, person(team.agency, Role.TEAM_LEAD), one.visit)

    code, words = checked(tmp_path, proof, root, first.officer, first.salt)

    assert code == 0, words
    assert f"{first.officer} 是 {team.agency} 抽中的人员" in words
    assert first.pid in proof["entry"][team.agency][1]
    for shown in ((first.officer, second.salt), ("JT-99", first.salt)):
        assert checked(tmp_path, proof, root, *shown)[0] == 1
    assert checked(tmp_path, proof, root, first.officer, "no hex")[0] == 2


def test_after_a_round_a_proof_is_under_the_new_root_and_an_earlier_slip_still_opens_it(
    kit: Kit, tmp_path: Path
) -> None:
    county = drawn(kit, replacement_reasons=rounds.REASONS)
    site = open_site(kit, county.service)
    kept, gone = visits(county)[:2]
    address, lost = slip_address(site, kept.visit), slip_address(site, gone.visit)
    county.at(rounds.ASKED_ON)
    rounds.asked_and_approved(county, gone.visit, "closed", gone.teams[0].agency)
    rounds.finish(county, rounds.open_round(county))
    kit.feed(county.service, entered(kept.visit), entered(gone.visit))

    file = site.anonymous().call("GET", address.replace("?key=", "/proof.json?key=")).json()

    newest = json.loads(archive.full_record(county.service, DRAW).record)["replacements"][-1]
    assert (file["round"], file["visits_root"]) == (1, newest["visits_root"])
    assert checked(tmp_path, file, newest["visits_root"])[0] == 0
    assert slip_address(site, kept.visit) != address
    assert site.anonymous().get(slip_address(site, kept.visit))
    assert site.anonymous().get(lost, 404)


def test_the_record_of_such_a_draw_is_accepted_by_all_three_verifiers(kit: Kit, tmp_path: Path) -> None:
    county = drawn(kit, disclosure="visit")

    assert json.loads(rounds.verified(county, tmp_path, "public"))["manifest"]["disclosure"] == "visit"


@pytest.mark.parametrize("visit", ["", "../x", "a" * 65])
def test_a_visit_of_no_possible_name_is_unknown(kit: Kit, visit: str) -> None:
    county = drawn(kit, disclosure="visit")

    with pytest.raises(OneVisitError, match=r"draw\.visit_not_standing"):
        leaf.leaf(county.service, DRAW, visit)


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("named", ["sha256", "sm3"])
def test_a_browser_works_the_proof_out_and_says_when_it_is_wrong(kit: Kit, named: str) -> None:
    county = drawn(kit, disclosure="visit", hash=named)
    one, other = visits(county)[:2]
    kit.feed(county.service, entered(one.visit), entered(other.visit))
    shell = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    web = Web([shell, county.service], WebSettings(demo=True, demo_now=kit.clock.now))
    wrong = dict(leaf.leaf(county.service, DRAW, one.visit).file) | {"entity": other.target}
    with (
        served(application(web, [shell, county.service], shell.sessions)) as address,
        chromium() as browser,
        tab(browser, address) as page,
    ):
        for visit in (one, other):
            page.goto(f"{PUBLIC}/{visit.visit}")
            expect(page.locator("#leaf-check")).to_contain_text("这个浏览器已按证明重算")
            one_pass = passes.passes(county.service, person(visit.teams[0].agency, Role.TEAM_LEAD), visit.visit)[0]
            for typed, says in (
                (f" {one_pass.officer} {one_pass.salt.upper()}", "drawn"),
                (f"{one_pass.officer}x {one_pass.salt}", "other"),
                (one_pass.officer, "unread"),
            ):
                page.fill("#shown", typed)
                page.click("[data-check-pid]")
                expect(page.locator(f"#pid-check [data-says={says}]")).to_be_visible()
                assert page.locator("#pid-check [data-says]:visible").count() == 1
            looked_at(page, f"leaf-{named}-{visit.visit}")
        page.route("**/proof.json", lambda route: route.fulfill(json=wrong))
        page.goto(f"{PUBLIC}/{one.visit}")
        expect(page.locator("#leaf-check")).to_contain_text("请不要采信")
        page.goto(PUBLIC)
        looked_at(page, "public-visits")
        page.goto("/public/draws")
        looked_at(page, "public-draws")
