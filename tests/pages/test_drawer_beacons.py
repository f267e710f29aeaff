"""Pages of draws whose randomness comes from other sources than dice: opening, entering, the room, the public record."""

import json
from datetime import timedelta

import pytest

from tests.kit import Kit
from tests.pages.client import Site, open_site
from tests.unit.drawer.test_beacons import ROUND, SIGNATURE
from tests.unit.drawer_service.county import CAMPAIGN, DIGITS, LEAD, PLANNER, WITNESS, County
from tests.unit.drawer_service.test_beacons import (
    ANCHOR,
    BEACON_TIME,
    CHAIN,
    DRAND,
    DRAW,
    LOTTERY,
    a_county,
    sealed,
)

AT = f"/draws/{DRAW}"
LIVE = f"/parts/drawer/live/{DRAW}"


@pytest.fixture
def county(kit: Kit) -> County:
    return sealed(a_county(kit, DRAND, dice=20, disclosure="open"))


@pytest.fixture
def site(county: County) -> Site:
    return open_site(county.kit, county.service)


def test_the_witness_enters_dice_and_then_drands_signature_from_a_file(site: Site, county: County) -> None:
    witness, lead = site.person(WITNESS), site.person(LEAD)
    county.at(BEACON_TIME)
    page = witness.get(AT)
    page = page.form(f"{AT}/dice").submit(digits=DIGITS, again=DIGITS)
    assert "已录入；还有一个随机源等待录入" in page.text
    assert f"drand quicknet，第 {ROUND} 轮" in page.main
    assert "不会作废" in page.main

    waiting = lead.get(AT).main
    assert "录入随机源的数值" in waiting
    assert "2023-08-23 23:59" in waiting or "8月23日" in waiting, (
        "the moment from which the round exists, in the county's time"
    )
    assert "晚到不影响结果" in waiting
    assert f"第 {ROUND} 轮" in lead.part(LIVE).text

    refused = page.form(f"{AT}/beacon").submit(422, value="00" * 48)
    assert "不能采用：签名不成立" in refused.text
    page = witness.get(f"{AT}/witness")
    told = json.dumps({"round": ROUND, "signature": SIGNATURE.hex()}).encode()
    done = page.form(f"{AT}/beacon").submit(files={"file": ("round.json", told, "application/json")})

    assert "随机源已录入，抽取完成" in done.text
    assert SIGNATURE.hex() in done.main
    assert SIGNATURE.hex() in lead.part(LIVE).text
    assert SIGNATURE.hex() in site.person(PLANNER).get(f"{AT}/sheet").text
    county.at(BEACON_TIME + timedelta(hours=1))
    public = site.anonymous().get(f"/public/draws/{DRAW}").main
    assert f"drand quicknet，第 {ROUND} 轮" in public
    assert SIGNATURE.hex() in public


def test_what_must_be_told_of_sources_is_asked_when_the_draw_is_opened(kit: Kit) -> None:
    county = a_county(kit, LOTTERY, CHAIN)
    lead = open_site(kit, county.service).person(LEAD)
    at = f"/campaigns/{CAMPAIGN}/draw"
    page = lead.get(at)
    assert "福彩3D：期号" in page.main
    assert "县支行：锚值" in page.main

    refused = page.form(at).submit(422, issue_1="2023225", anchor_2="", index_2="5")
    assert "缺少开启抽取时必须写明的内容" in refused.text
    page = lead.get(at).form(at).submit(issue_1="2023225", anchor_2=ANCHOR.upper(), index_2="5")

    assert page.path == AT
    assert "福彩3D，第 2023225 期" in page.main
    assert "都不能证明" in page.main
    assert "县支行的随机链，第 5 环" in page.main


def test_the_api_takes_issue_and_value(kit: Kit) -> None:
    county = sealed(a_county(kit, DRAND))
    county.at(BEACON_TIME)
    witness = open_site(kit, county.service).person(WITNESS)
    api = f"/api/drawer/v1/draws/{DRAW}"

    told = witness.api("GET", api)
    assert (told["stage"], told["awaited"]["round"]) == ("beacon", ROUND)
    wrong = witness.api("POST", f"{api}/beacon", {"beacon": "drand-quicknet", "value": "ff"}, 422)
    assert wrong["code"] == "draw.beacon_value_wrong"
    done = witness.api("POST", f"{api}/beacon", {"beacon": "drand-quicknet", "value": SIGNATURE.hex()})
    assert done["proved"] is True
