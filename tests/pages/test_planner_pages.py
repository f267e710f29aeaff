"""Pages and JSON API of the planner, walked by hand from an empty county to a frozen frame."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from schemas.vocabulary import Role
from services.planner.app import ACCESS, API
from tests.kit import Kit, person
from tests.pages.client import ADDRESS, HOSTILE, ConsoleClient, Page, Site, open_site
from tests.unit.planner import facts
from tests.unit.planner.sheets import credit_code, sheet
from tests.unit.planner.world import (
    AGENCIES,
    COUNTY_ADMIN,
    ITEMS,
    LEAD,
    OFFICERS,
    PARTNERS,
    ROOT,
    STAGES,
    World,
    a_world,
    approver_of,
    example,
    planner_of,
)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORM: dict[str, Any] = {
    "title": "联合抽查",
    "number": "平交联查〔2018〕1号",
    "pack": "NX-2018@2018-11-28",
    "partners": list(PARTNERS),
    "items": list(ITEMS),
    "ratio": "10%",
    "planned": "11",
    "spread": "one_class",
    "purpose": "rehearsal",
    "disclosure": "window",
    "witness": "GZ",
    "dice": "20",
    "max_missing": "1",
    "chain_len": "3",
    "conference_on": "2018-11-28",
    "conference_attendees": "9",
    "conference_record": "第一行\r\n第二行",
} | {f"{name}_{end}": day for name, first, last in STAGES for end, day in (("first", first), ("last", last))}
JSON: dict[str, Any] = {
    "title": "联合抽查",
    "number": "平交联查〔2018〕1号",
    "partners": list(PARTNERS),
    "pack": "NX-2018",
    "items": list(ITEMS),
    "stages": [{"stage": name, "first_on": first, "last_on": last} for name, first, last in STAGES],
    "ratio": [1, 10],
    "planned": 11,
    "witness": "GZ",
    "max_missing": 1,
    "conference": {"held_on": "2018-11-28", "attendees": 9, "record": "纪要"},
}


@dataclass
class County:
    """A county's planner and its site."""

    world: World
    site: Site

    def as_(self, actor: Any) -> ConsoleClient:
        return self.site.person(actor)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planner-pages")
    kit = Kit(folder)
    a_world(kit)
    kit.close()
    return folder


@pytest.fixture
def county(made: Path, tmp_path: Path) -> Iterator[County]:
    folder = tmp_path / "county"
    shutil.copytree(made, folder)
    kit = Kit(folder)
    world = World(kit, already=100)
    yield County(world, open_site(kit, world.service))
    kit.close()


@pytest.fixture
def empty(kit: Kit) -> County:
    world = World(kit).bodies()
    return County(world, open_site(kit, world.service))


# ── by hand ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_goes_by_hand_from_draft_to_frozen_frame(county: County) -> None:
    lead, approver = county.as_(planner_of(LEAD)), county.as_(approver_of(LEAD))
    assert "发起联合抽查" in lead.get("/campaigns").text

    page = lead.get("/campaigns/new").form("/campaigns/new").submit(**FORM)
    assert "草稿已保存" in page.text
    assert "12月7日" in page.text
    assert "15 户" in page.text
    path = page.path
    page = page.form(f"{path}/propose").submit()
    assert "待确认" in page.text

    for agency in AGENCIES:
        browser = county.as_(planner_of(agency))
        assert "联合抽查待办" in browser.part("/parts/planner/home/me").text
        form = browser.get(f"{path}/confirm").form(f"{path}/confirm")
        everybody = [f"{agency}{number:02}" for number in range(1, OFFICERS[agency] + 1)]
        done = form.submit(officers=everybody, contact_name="某某", contact_phone="0000")
        assert "本单位已确认参加" in done.text

    assert "方案已批准" in approver.get(path).form(f"{path}/approve").submit().text
    page = lead.get(path)
    assert "抽取阶段自 2018年12月3日开始；现在冻结早于方案" in page.text
    refused = page.form(f"{path}/freeze").submit(409)
    assert "请自 2018年12月3日起冻结" in refused.text
    page = refused.form(f"{path}/freeze").submit(early="yes")
    assert "110" in page.text
    assert "执法证在检查结束前到期" in page.text
    assert f"/parts/drawer/campaign/{path.split('/')[-1]}" in page.parts
    assert f"/parts/notifier/campaign/{path.split('/')[-1]}" in page.parts


def test_a_refused_draft_keeps_what_was_typed(county: County) -> None:
    lead = county.as_(planner_of(LEAD))

    page = lead.get("/campaigns/new").form("/campaigns/new").submit(422, **{**FORM, "ratio": "5%", "title": HOSTILE})

    assert "低于规则包的下限" in page.text
    assert page.form("/campaigns/new").values["title"] == [HOSTILE]
    assert page.form("/campaigns/new").values["partners"] == list(PARTNERS)
    assert sorted(page.form("/campaigns/new").values["items"]) == sorted(ITEMS)
    page = lead.get("/campaigns/new").form("/campaigns/new").submit(422, **{**FORM, "planned": "许多"})
    assert "填写的内容有误：计划抽取户数" in page.text


@pytest.mark.parametrize(
    ("policy", "words"), [("window", "检查阶段结束后"), ("visit", "逐户公开"), ("open", "抽取后即公开")]
)
def test_the_lead_chooses_when_who_was_drawn_becomes_public(county: County, policy: str, words: str) -> None:
    lead = county.as_(planner_of(LEAD))

    page = lead.get("/campaigns/new").form("/campaigns/new").submit(**{**FORM, "disclosure": policy})

    assert words in page.main
    edit = f"{page.path}/edit"
    assert lead.get(edit).form(edit).values["disclosure"] == [policy]


def test_the_lead_chooses_the_sources_of_randomness_that_the_pack_offers(county: County) -> None:
    lead = county.as_(planner_of(LEAD))
    new = lead.get("/campaigns/new")
    assert "公开随机信标 drand quicknet" in new.main

    page = new.form("/campaigns/new").submit(**{**FORM, "dice": "", "beacons": ["drand-quicknet"]})

    assert "其他随机源公开随机信标 drand quicknet" in page.main.replace(" 公开", "公开")
    edit = f"{page.path}/edit"
    values = lead.get(edit).form(edit).values
    assert (values["dice"], values["beacons"]) == ([""], ["drand-quicknet"])
    refused = lead.get("/campaigns/new").form("/campaigns/new")
    assert "一次抽取用一个或两个不同的随机源" not in refused.submit(**FORM).text
    pack = lead.get("/rulepacks/NX-2018").main
    assert "抽取的随机源" in pack


def test_the_lead_chooses_the_hash_and_everybody_reads_which(county: County) -> None:
    lead = county.as_(planner_of(LEAD))
    new = lead.get("/campaigns/new")
    assert "国密 SM3" in new.main
    assert new.form("/campaigns/new").values["hash"] == ["sha256"]

    page = new.form("/campaigns/new").submit(**{**FORM, "hash": "sm3"})

    assert "杂凑算法国密SM3" in "".join(page.main.split())
    edit = f"{page.path}/edit"
    assert lead.get(edit).form(edit).values["hash"] == ["sm3"]
    usual = lead.get("/campaigns/new").form("/campaigns/new").submit(**{**FORM, "number": "二"})
    assert "杂凑算法国际标准SHA-256" in "".join(usual.main.split())
    pack = lead.get("/rulepacks/NX-2018").main
    assert "抽取的杂凑算法" in pack
    assert "GB/T 32905-2016" in pack


def test_the_lead_chooses_a_first_stage_and_is_asked_for_no_number(county: County) -> None:
    lead = county.as_(planner_of(LEAD))
    assert "parent" not in lead.get("/campaigns/new").form("/campaigns/new").values, "there is none to choose"
    first = county.world.frozen()
    told = (facts.opened(first), facts.completed(first, 1, 1))
    record = b'{"selected": {"s": {"c1/KY": ["91640221DEM0000144", "91640221DEM0000152"]}}}'
    county.world.kit.feed(county.world.service, *told, facts.disclosed(county.world.kit, first, record))

    def drafted(number: str, status: int = 200, **told: str) -> Page:
        form = lead.get("/campaigns/new").form("/campaigns/new")
        return form.submit(status, **{**FORM, "number": number, **told})

    page = drafted("二", parent=first, ratio="1/2", planned="")

    shown = "".join(page.main.split())
    assert f"分段式第一段{first}" in shown
    assert "计划户数2" in shown
    edit = f"{page.path}/edit"
    assert lead.get(edit).form(edit).values["parent"] == [first]
    assert "填写的内容有误：计划抽取户数" in drafted("三", 422, planned="").text
    assert "分段式第一段不分段" in "".join(drafted("四").main.split())


def test_a_draft_is_edited_and_a_stale_edit_refused(county: County) -> None:
    lead = county.as_(planner_of(LEAD))
    campaign = county.world.draft(conditions={"districts": ["PL01"], "labels": ["维修"]})
    edit = f"/campaigns/{campaign}/edit"
    old = lead.get(edit).form(edit)
    assert old.values["conference_record"][0].strip() == "会议纪要：明确部门、事项和要求。"
    assert old.values["districts"] == ["PL01"]
    assert "草稿已更新" in lead.get(edit).form(edit).submit(planned="12", districts=[], target_labels="").text

    page = old.submit(412, planned="13")

    assert "已被他人更新" in page.text


def test_a_declining_partner_tells_the_lead_why_and_is_taken_out(county: County) -> None:
    campaign = county.world.proposed()
    path = f"/campaigns/{campaign}"
    partner, lead = county.as_(planner_of("YG")), county.as_(planner_of(LEAD))

    done = partner.get(f"{path}/confirm").form(f"{path}/decline").submit(reason="no_officers", text=HOSTILE)
    assert "本单位已退出" in done.text
    page = lead.get(path)
    assert "已退出" in page.text

    assert "移出" in page.form(f"{path}/partners/YG/remove").submit().text


def test_a_confirmation_without_officers_is_refused_with_what_to_do(county: County) -> None:
    campaign = county.world.proposed()
    path = f"/campaigns/{campaign}/confirm"

    page = county.as_(planner_of("GA")).get(path).form(path).submit(422, officers=[])

    assert "至少 2 名" in page.text


def test_a_step_out_of_turn_shows_the_page_with_the_reason(county: County) -> None:
    campaign = county.world.proposed()
    path = f"/campaigns/{campaign}"
    lead = county.as_(planner_of(LEAD))
    hidden = lead.get(path).form(f"{path}/cancel").values

    page = lead.post(f"{path}/freeze", {name: hidden[name][0] for name in ("_csrf", "_key")}, status=409)

    assert "尚未确认" in page.text
    done = lead.get(path).form(f"{path}/cancel").submit(reason="不办了")
    assert "任务已取消" in done.text


def test_a_drawn_campaign_shows_progress_duties_and_is_closed(county: County) -> None:
    world = county.world
    campaign = world.frozen()
    visit = facts.visit_id(campaign, 1)
    world.kit.feed(world.service, facts.opened(campaign), facts.completed(campaign, visits=1, sections=1))
    world.kit.feed(world.service, facts.published(campaign, 1, "GA"), facts.light("missed", f"{visit}-GA"))
    lead = county.as_(planner_of(LEAD))

    page = lead.get(f"/campaigns/{campaign}")
    assert "已公示 1" in page.text
    assert [duty["state"] for duty in lead.api("GET", f"{API}/campaigns/{campaign}")["duties"]] == ["missed"]
    assert f"/parts/results/campaign/{campaign}" in page.parts

    assert "任务已办结" in page.form(f"/campaigns/{campaign}/close").submit().text


def test_registers_are_imported_by_hand(empty: County) -> None:
    admin, lead = empty.as_(COUNTY_ADMIN), empty.as_(planner_of(LEAD))
    assert "尚未发布任何规则包" in _upload(lead, "/registers/targets", "x.xlsx", sheet("targets", []), 409).text
    for what, file in (("rulepack", "NX-2018/2018-11-28.toml"), ("calendar", "calendar/CN.toml")):
        data = (ROOT / "rulepacks" / file).read_bytes()
        page = _upload(admin, "/rulepacks", "x.toml", data, what=what)
        assert "已发布" in page.text
    assert "NX-2018" in page.text
    pack = admin.get("/rulepacks/NX-2018").text
    assert "暂无记录" not in pack
    assert all(words in pack for words in ("由发现部门自办时", "责令改正并复查", "本部门依法处理"))

    page = _upload(lead, "/registers/targets", "targets.xlsx", example("targets.xlsx"))
    assert "新增 110" in page.text
    page = _upload(lead, "/registers/targets", "x.xlsx", sheet("targets", [["1", "", HOSTILE, "客运", "城关镇"]]), 422)
    assert "没有导入任何内容" in page.text
    assert "A2" in page.text
    assert "没有收到文件" in _upload(lead, "/registers/targets", "", b"", 422).text
    assert "110 条" in lead.get("/registers/targets?on=2018-11-28").text
    assert "0 条" in lead.get("/registers/targets?on=2018-11-27").text
    assert "110 条" in lead.get("/registers/targets?on=nonsense").text
    assert "110" in lead.get("/registers").text


def _upload(browser: ConsoleClient, path: str, name: str, data: bytes, status: int = 200, **fields: str) -> Page:
    hidden = browser.get(path).form(path).values
    sent = {"_csrf": hidden["_csrf"][0], "_key": hidden["_key"][0], **fields}
    return browser.post(path, sent, status, files={"file": (name, data, XLSX)})


def test_an_unreadable_pack_shows_its_problems(empty: County) -> None:
    page = _upload(empty.as_(COUNTY_ADMIN), "/rulepacks", "x.toml", b'id = "X"', 422, what="rulepack")

    assert "需要改正" in page.text


@pytest.mark.parametrize("kind", ["targets", "inspectors", "experts", "recusals", "absences", "items", "checklists"])
def test_every_register_has_its_page_and_template(county: County, kind: str) -> None:
    browser = county.as_(planner_of("GA"))

    assert browser.get(f"/registers/{kind}").text
    assert browser.http.get(f"/registers/{kind}/template").content.startswith(b"PK")
    assert browser.http.get(f"{API}/imports/{kind}/template").content.startswith(b"PK")


def test_experts_are_imported_with_a_preview_of_what_is_wrong_and_shown_to_their_agency_alone(county: County) -> None:
    planner, other = county.as_(planner_of("GA")), county.as_(planner_of("SJ"))
    expert = ["ZJ-E01", "专家甲", "机动车安全技术", "某某大学", "高校", "2019-12-31"]
    officer = ["GA01", "专家乙", "消防安全", "某协会", "街坊", "2018-11-01"]

    page = _upload(planner, "/registers/experts", "x.xlsx", sheet("experts", [expert, officer]), 422)
    assert "没有导入任何内容" in page.text
    assert all(said in page.text for said in ("A3", "本单位执法人员的工号", "E3", "专家来源“街坊”"))
    assert "专家甲" not in planner.get("/registers/experts").text

    page = _upload(planner, "/registers/experts", "x.xlsx", sheet("experts", [expert]))
    assert "新增 1" in page.text
    assert all(said in page.text for said in ("专家甲", "机动车安全技术", "某某大学", "高校", "2019年12月31日"))
    assert "vehicle_safety" not in page.text
    assert "专家甲" not in other.get("/registers/experts").text
    assert other.api("GET", f"{API}/registers/experts")["rows"] == []


def test_a_plan_asks_for_experts_and_its_page_says_whether_the_registers_have_them(county: County) -> None:
    lead, partner = county.as_(planner_of(LEAD)), county.as_(planner_of("GA"))
    rows: dict[str, Any] = {"expert_agency_1": "GA", "expert_field_1": "机动车安全技术", "expert_count_1": "2"}

    wrong = {**FORM, **rows, "expert_count_1": "0"}
    again = lead.get("/campaigns/new").form("/campaigns/new").submit(422, **wrong)
    assert "每户须为 1 至 9 人" in again.text
    assert again.form("/campaigns/new").values["expert_field_1"] == ["机动车安全技术"], "nothing that was typed is lost"

    page = lead.get("/campaigns/new").form("/campaigns/new").submit(**FORM, **rows)
    assert all(said in page.text for said in ("协助，指派而非抽取", "机动车安全技术", "不足", "请GA局计划岗"))
    campaign = page.path.removeprefix("/campaigns/")
    edit = lead.get(f"/campaigns/{campaign}/edit").form(f"/campaigns/{campaign}/edit").values
    assert (edit["expert_agency_1"], edit["expert_field_1"], edit["expert_count_1"]) == (
        ["GA"],
        ["机动车安全技术"],
        ["2"],
    )

    two = [[f"ZJ-E{n}", f"专家{n}", "机动车安全技术", "某某大学", "高校", "2019-12-31"] for n in (1, 2)]
    _upload(partner, "/registers/experts", "x.xlsx", sheet("experts", two))
    shown = lead.get(f"/campaigns/{campaign}").text
    assert "足够" in shown
    assert "专家1" not in shown, "how many, not who"


def test_pages_speak_english_too(county: County) -> None:
    campaign = county.world.frozen()
    browser = county.as_(planner_of(LEAD))
    browser.http.cookies.set("lang", "en")

    for path in ("/campaigns", "/campaigns/new", f"/campaigns/{campaign}", "/registers/items", "/rulepacks/NX-2018"):
        assert browser.get(path).text
    assert "Frame frozen" in browser.get(f"/campaigns/{campaign}").text


def test_an_empty_county_says_what_to_do_first(empty: County) -> None:
    lead = empty.as_(planner_of(LEAD))

    assert "尚未发布规则包" in lead.get("/campaigns/new").text
    assert "还没有联合抽查任务" in lead.get("/campaigns").text
    assert lead.part("/parts/planner/home/me").text == ""  # a tile with nothing in it does not stand on the home page


def test_a_stranger_finds_no_campaign(county: County) -> None:
    campaign = county.world.proposed()
    stranger = county.as_(person("XF", *Role))

    assert county.as_(planner_of("GA")).get(f"/campaigns/{campaign}")
    stranger.get(f"/campaigns/{campaign}", status=404)
    assert campaign not in stranger.get("/campaigns").text


# ── by API ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _import(browser: ConsoleClient, kind: str, name: str, data: bytes, key: str = "") -> Any:
    headers = {"X-CSRF-Token": browser.csrf, "Idempotency-Key": key or f"import-{kind}-{name}", "Origin": ADDRESS}
    return browser.http.post(f"{API}/imports/{kind}", files={"file": (name, data, XLSX)}, headers=headers)


def test_the_whole_way_by_api(empty: County) -> None:
    admin, lead = empty.as_(COUNTY_ADMIN), empty.as_(planner_of(LEAD))
    for path, file in (("rulepacks", "NX-2018/2018-11-28.toml"), ("calendars", "calendar/CN.toml")):
        answer = admin.http.post(
            f"{API}/{path}",
            content=(ROOT / "rulepacks" / file).read_bytes(),
            headers={"X-CSRF-Token": admin.csrf, "Idempotency-Key": path, "Content-Type": "application/toml"},
        )
        assert answer.status_code == 201, answer.text
    assert lead.api("GET", f"{API}/rulepacks")["rulepacks"][0]["pack"] == "NX-2018"
    assert lead.api("GET", f"{API}/rulepacks/NX-2018")["document"]["county"] == "640221"
    assert lead.api("GET", f"{API}/calendars")["calendars"][0]["calendar"] == "CN"

    assert _import(lead, "targets", "targets.xlsx", example("targets.xlsx")).json()["counts"]["new"] == 110
    for agency in AGENCIES:
        browser = empty.as_(planner_of(agency))
        for kind in ("items", "inspectors", "checklists"):
            name = f"{kind}-{agency}" + (".csv" if (kind, agency) == ("inspectors", "AJ") else ".xlsx")
            assert _import(browser, kind, name, example(name)).status_code == 200
    counts = {each["kind"]: each["rows"] for each in lead.api("GET", f"{API}/registers")["registers"]}
    none = {"experts": 0, "recusals": 0, "absences": 0}
    assert counts == {"targets": 110, "inspectors": 6, "items": 2, "checklists": 2} | none
    assert len(lead.api("GET", f"{API}/registers/targets?on=2018-11-28")["rows"]) == 110
    assert len(lead.api("GET", f"{API}/items")["items"]) == 7
    assert [each["checklist"] for each in lead.api("GET", f"{API}/checklists")["checklists"]] == ["JT-01", "JT-02"]

    campaign = lead.api("POST", f"{API}/campaigns", JSON, 201)["campaign"]
    at = f"{API}/campaigns/{campaign}"
    found = lead.call("GET", at)
    assert found.headers["etag"] == '"1"'
    assert lead.call("GET", at, if_none_match='"1"').status_code == 304
    assert lead.call("POST", at, JSON).status_code == 428
    assert lead.api("POST", at, JSON | {"planned": 12}, if_match='"1"')["version"] == 2
    refused = lead.api("POST", at, JSON, 412, if_match='"1"')
    assert refused["code"] == "stale"
    assert lead.api("POST", at, JSON, if_match='"2"')["version"] == 3

    sizes = lead.api("GET", f"{at}/sizes")
    assert {option["spread"]: option["targets"] for option in sizes["options"]} == {
        "one_class": 11,
        "class_per_category": 15,
    }
    assert sizes["options"][0]["percent"] == "10.000%"
    assert lead.api("POST", f"{at}/propose")["respond"]["due_on"] == "2018-11-30"
    for agency in AGENCIES:
        body = {
            "officers": [f"{agency}{number:02}" for number in range(1, 4)],
            "checklists": [{"checklist": item, "edition": 1} for item in ITEMS if item.startswith(agency)],
        }
        assert empty.as_(planner_of(agency)).api("POST", f"{at}/confirm", body)["officers"] == 3
    assert empty.as_(approver_of(LEAD)).api("POST", f"{at}/approve")["plan_digest"]
    frozen = lead.api("POST", f"{at}/freeze", {"early": True}, key="freeze")
    assert lead.api("POST", f"{at}/freeze", {"early": True}, key="freeze") == frozen
    assert frozen["entities"] == 110
    view = lead.api("GET", at)
    assert view["state"] == "frozen"
    assert view["ratio"] == "1/10"
    assert [warning["code"] for warning in view["warnings"]][-1] == "rule_term_does_not_fit"
    assert lead.api("POST", f"{at}/close", status=409)["code"] == "campaign.not_drawn_yet"
    assert [line["state"] for line in lead.api("GET", f"{API}/campaigns?year=2018")["campaigns"]] == ["frozen"]
    assert lead.api("POST", f"{at}/cancel", {"reason": "演练结束"})["campaign"] == campaign


def test_complaints_come_with_cell_code_and_sentence(county: County) -> None:
    lead = county.as_(planner_of(LEAD))
    rows = [["1", "", "甲", "客运", "城关镇"], [credit_code(1), "", "乙", "客运", "城关镇"]]

    answer = _import(lead, "targets", "x.xlsx", sheet("targets", rows))

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "import.refused"
    (complaint,) = body["complaints"]
    assert (complaint["sheet"], complaint["row"], complaint["cell"]) == ("检查对象名录库", 2, "A2")
    assert complaint["zh"] == "统一社会信用代码 1 不正确（长度、字符或校验位有误）。"


def test_an_import_repeated_under_its_key_answers_again(county: County) -> None:
    lead = county.as_(planner_of(LEAD))
    data = sheet("targets", [[credit_code(1), "", "乙", "客运", "城关镇"]])

    first, second = (_import(lead, "targets", "x.xlsx", data, key="same").json() for _ in range(2))

    assert first["counts"] == second["counts"] == {"new": 1, "changed": 0, "unchanged": 0}


def test_a_partner_declines_and_is_removed_by_api(county: County) -> None:
    campaign = county.world.proposed()
    at = f"{API}/campaigns/{campaign}"

    county.as_(planner_of("YG")).api("POST", f"{at}/decline", {"reason": "no_officers"})

    assert county.as_(planner_of(LEAD)).api("POST", f"{at}/partners/YG/remove")["campaign"] == campaign


def test_every_route_of_the_planner_has_its_line_and_roles_hold(county: County) -> None:
    viewer = county.as_(person("GA", Role.VIEWER))

    for line, access in ACCESS.items():
        method, path = line.split(" ")
        if method == "POST":
            assert access.roles
            filled = path.format(campaign_id="C-1", agency="GA", kind="targets", pack="X")
            assert viewer.call("POST", filled, {}).status_code == 403


def test_a_lead_sees_bounds_that_clash_and_takes_the_nearest_numbers_over(county: County) -> None:
    lead = county.as_(planner_of(LEAD))
    asked = {
        "spread": "class_per_category",
        "planned": "15",
        "most": "12",
        "class_ratio_PH": "1/5",
        "class_most_KY": "2",
    }
    page = lead.get("/campaigns/new").form("/campaigns/new").submit(**FORM | asked)
    assert "各类别合计要抽 19 户，全部至多 12 户。" in page.text
    assert "按比例 1/10 须抽 3 户，又限定至多 2 户。" in page.text
    assert "改动最小的可行户数，共 12 户" in page.text

    taken = page.form(f"{page.path}/numbers").submit()

    assert "草稿已更新" in taken.text
    assert "要求互相冲突" not in taken.text
    assert "按方案限定的户数：共抽 12 户" in taken.text
    edited = lead.get(f"{taken.path}/edit")
    assert 'name="planned" type="number" inputmode="numeric" value="12"' in edited.response.text
    assert 'name="class_ratio_PH" type="text" value="1/5"' in edited.response.text
