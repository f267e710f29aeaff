"""The page for the room and its projector, the witness's own page, the photograph of the dice, and changes by hand."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest

from runtime.errors import OneVisitError
from schemas.vocabulary import Role
from services.drawer import acts, archive
from services.drawer.progress import Stage
from services.drawer.wording import TROUBLES, countdown, troubles
from tests.kit import Kit, person
from tests.pages.client import ConsoleClient, Site, open_site
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    OPENED,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    entities,
    plan,
)

PNG = b"\x89PNG\r\n\x1a\n twenty dice on a table"
LIVE = f"/parts/drawer/live/{DRAW}"
CHANGES = f"/draws/{DRAW}/changes"


@pytest.fixture
def county(kit: Kit) -> County:
    return a_county(kit, plan(replacement_reasons=("moved_out", "officer_ill")))


@pytest.fixture
def site(county: County) -> Site:
    return open_site(county.kit, county.service)


def test_the_room_sees_who_has_done_what_how_long_there_is_and_then_the_result(site: Site, county: County) -> None:
    county.open()
    viewer = site.person(LEAD)
    page = viewer.get(f"/draws/{DRAW}/live")
    assert LIVE in page.parts, "the board asks again by itself"
    assert "24:00:00" in page.main
    assert "承诺期结束时有单位没有承诺" in page.main
    county.commit("AJ", "GA")
    board = viewer.part(LIVE)
    assert (board.text.count("已承诺"), board.text.count("待承诺")) == (2, 3)
    county.kit.clock.at = OPENED + timedelta(hours=1, minutes=2, seconds=3)
    assert "22:57:57" in viewer.part(LIVE).text
    county.commit("JT", "SJ", "YG")
    county.countersign()
    county.reveal()
    county.seal()
    assert "已封存" in viewer.part(LIVE).text
    county.at(BEACON_TIME)
    waiting = viewer.part(LIVE).text
    assert "最早办理时间" in waiting
    assert "本步骤截止" not in waiting
    county.dice()

    board = viewer.part(LIVE)

    assert "抽出 11 户（共 110 户）" in board.text
    assert DIGITS in board.text
    assert not [one for one in entities() if one in board.text]
    assert "结果摘要" in board.text


@pytest.mark.parametrize("page", ["", "/witness"])
def test_a_page_on_which_one_waits_for_others_says_by_itself_that_they_have_come_further(
    site: Site, county: County, page: str
) -> None:
    county.open()
    waiting = site.person(WITNESS)
    assert not looking_again(waiting, page), "for a day nothing moves, and a session nobody uses ends"
    county.kit.clock.at = OPENED + timedelta(hours=23)
    (part,) = looking_again(waiting, page)
    assert waiting.http.get(part).status_code == 204, "nothing has moved"

    county.commit("AJ")

    told = waiting.part(part)
    assert "有新进展" in told.text
    assert "承诺" in told.text
    (newer,) = looking_again(waiting, page)
    assert newer != part
    assert waiting.http.get(newer).status_code == 204
    assert waiting.http.get(f"/parts/drawer/turn/{DRAW}?seen={'x' * 17}").status_code == 422


def looking_again(who: ConsoleClient, page: str) -> list[str]:
    """Name the part by which a page of the draw looks again, if it does."""
    return [one for one in who.get(f"/draws/{DRAW}{page}").parts if one.startswith("/parts/drawer/turn/")]


def test_a_void_attempt_says_so_on_the_projector_and_what_comes_next(site: Site, county: County) -> None:
    county.open()
    county.commit("AJ")
    county.at(OPENED + timedelta(hours=25))

    board = site.person(WITNESS).get(f"/draws/{DRAW}/live")

    assert "第 1 次抽取作废" in board.main
    assert "公安局" in board.main
    assert "谁也没有被抽出" in board.main


def test_every_step_says_what_can_go_wrong_and_what_is_done_then() -> None:
    silent = {stage for stage in Stage if not troubles(stage)} - {Stage.NOT_OPENED}

    assert silent == set()
    assert all(one.then.zh and one.then.en for one in TROUBLES)
    assert countdown(OPENED, OPENED - timedelta(hours=1)) == "0:00:00"
    assert countdown(OPENED, OPENED + timedelta(days=1, milliseconds=1)) == "24:00:01"


def test_the_witness_seals_and_enters_the_dice_with_a_photograph_on_a_page_of_its_own(
    site: Site, county: County
) -> None:
    county.until_revealed()
    witness, own = site.person(WITNESS), f"/draws/{DRAW}/witness"
    page = witness.get(own)
    assert "请先当众宣读" in page.main
    assert "安监局、公安局、交通运输局、市场监管局、运管所" in page.main
    page.form(f"/draws/{DRAW}/seal").submit()
    county.at(BEACON_TIME)
    assert "最早办理时间" in witness.get(own).main
    form = witness.get(own).form(f"/draws/{DRAW}/dice")
    wrong = {"photo": ("dice.exe", b"MZ\x90", "image/png")}
    assert "只接受" in form.submit(422, files=wrong, digits=DIGITS, again=DIGITS).main
    form = witness.get(own).form(f"/draws/{DRAW}/dice")
    page = form.submit(files={"photo": ("dice.png", PNG, "image/png")}, digits=DIGITS, again=DIGITS)
    assert "照片摘要" in page.main

    assert site.person(OFFICER["AJ"]).http.get(f"/draws/{DRAW}/dice/photo").content == PNG
    assert site.person(person("XX", Role.DRAW_OFFICER)).http.get(f"/draws/{DRAW}/dice/photo").status_code == 404
    assert site.person(LEAD).http.get(own).status_code == 403


def test_dice_without_a_photograph_have_none(county: County) -> None:
    county.until_drawn()

    with pytest.raises(OneVisitError, match=r"draw\.no_photo"):
        acts.photo(county.service, LEAD, DRAW)


def test_a_firms_request_is_entered_by_the_team_lead_and_decided_by_the_head_in_words(
    site: Site, county: County
) -> None:
    county.until_drawn()
    county.at(BEACON_TIME + timedelta(hours=20))
    leads, head = (site.person(person("SJ", role)) for role in (Role.TEAM_LEAD, Role.AGENCY_HEAD))
    form = [one for one in leads.get(CHANGES).forms if one.action == CHANGES][2]
    subject = next(one.get("value") for one in form.element.all("option") if "/SJ-" in one.get("value"))
    paper = {"file": ("request.pdf", b"%PDF-1.4 asks", "application/pdf")}
    words = "该人员与我单位有债务纠纷。"
    page = form.submit(files=paper, subject=subject, reason="officer_ill", firms_words=words)
    assert "当事人申请回避" in page.main
    assert "待本单位审批" in page.main
    assert not [one for one in page.forms if one.action.endswith(("/decide", "/withdraw"))]

    page = head.get(CHANGES)
    decide = next(one for one in page.forms if one.action.endswith("/decide"))
    page = decide.submit(approve="yes", words="属实，应当回避。")

    assert "已批准，待开启替换" in page.main
    assert "负责人决定：属实，应当回避。" in page.main


def test_a_change_goes_by_hand_from_the_request_to_the_round(site: Site, county: County) -> None:
    county.until_drawn()
    county.at(BEACON_TIME + timedelta(hours=20))
    head, approver = (site.person(person("SJ", role)) for role in (Role.AGENCY_HEAD, Role.APPROVER))
    page = head.get(CHANGES)
    form = [one for one in page.forms if one.action == CHANGES][1]
    options = [option.get("value") for option in form.element.all("option")]
    subject = next(one for one in options if "/SJ-" in one)
    paper = {"file": ("slip.pdf", b"%PDF-1.4 ill", "application/pdf")}
    page = form.submit(files=paper, subject=subject, reason="officer_ill")
    assert "人员因病不能到场" in page.main
    page = approver.get(CHANGES)
    decide = next(one for one in page.forms if one.action.endswith("/decide"))
    assert "已批准，待开启替换" in decide.submit().main
    lead = site.person(LEAD)
    assert any(CHANGES in link for link in lead.part("/parts/drawer/home/me").links)
    page = lead.get(CHANGES).form(f"/draws/{DRAW}/rounds").submit(seal_minutes="60", beacon_minutes="10")
    path = f"/draws/{DRAW}/rounds/1"
    assert page.path == path
    browsers: dict[str, ConsoleClient] = {body: site.person(one) for body, one in OFFICER.items()} | {
        "GZ": site.person(WITNESS)
    }
    (part,) = looking_again(browsers["AJ"], "/rounds/1")
    assert browsers["AJ"].http.get(part).status_code == 204
    for body in ("JT", "SJ", "GZ"):
        browsers[body].get(path).form(f"{path}/sign").submit()
    assert "第 1 轮替换" in browsers["AJ"].part(part).text
    for body in AGENCIES:
        browsers[body].get(path).form(f"{path}/reveal").submit()
    browsers["GZ"].get(path).form(f"{path}/seal").submit()
    assert "等待现场掷骰" in site.person(OFFICER["AJ"]).get(f"/draws/{DRAW}/live").main
    county.at(BEACON_TIME + timedelta(hours=21, minutes=10))
    photo = {"photo": ("dice.png", PNG, "image/png")}
    page = browsers["GZ"].get(path).form(f"{path}/dice").submit(files=photo, digits=DIGITS, again=DIGITS)

    assert "本轮已完成" in page.main
    assert not looking_again(browsers["GZ"], "/rounds/1")
    assert "照片摘要" in page.main
    assert browsers["AJ"].http.get(f"{path}/dice/photo").content == PNG
    assert browsers["AJ"].http.get(f"/draws/{DRAW}/dice/photo").status_code == 404, "the first draw's dice had none"
    assert site.person(person("XX", Role.DRAW_OFFICER)).http.get(f"{path}/dice/photo").status_code == 404
    assert "已替换" in head.get(CHANGES).main
    county.at(WINDOW_END)
    assert "抽出对象" in site.anonymous().get(f"/public/draws/{DRAW}").main


# ── why me ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_the_window_anybody_is_told_why_a_firm_was_drawn_or_not_with_the_proof(
    site: Site, county: County
) -> None:
    county.until_drawn()
    path, anybody = f"/public/draws/{DRAW}/why", site.anonymous()
    assert anybody.http.get(path).status_code == 409, "not before the window ends"
    county.at(WINDOW_END)
    record = json.loads(archive.full_record(county.service, DRAW).record)
    drawn = {one for strata in record["selected"].values() for ids in strata.values() for one in ids}
    passed = next(one for one in sorted(entities()) if one not in drawn)
    assert path in anybody.get(f"/public/draws/{DRAW}").links

    assert "交通运输局" in anybody.get(f"{path}?entity={min(drawn)}").main
    for entity, says in ((min(drawn), "抽签号不大于本层界值"), (passed, "未抽中")):
        assert says in anybody.get(f"{path}?entity={entity}").main
        proof = anybody.http.get(f"{path}.json?entity={entity}").json()
        (chance,) = proof["chances"]
        assert sha256(f"{chance['key']}|{entity}".encode()).hexdigest() == chance["ticket"]
        assert chance.get("cutoff", "") >= chance["ticket"] or entity not in drawn
        assert proof["manifest_digest"] == record["manifest_digest"]
    assert "不可能被抽中" in anybody.get(f"{path}?entity=91640221NOBODY0000").main
    assert anybody.http.get(f"{path}.json?entity=a%20b").status_code == 422
