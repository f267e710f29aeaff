"""Pages and API of results, as each person meets them."""

from typing import Any

import pytest

from schemas.vocabulary import Role
from services.results.app import ACCESS
from services.results.tables import Visit
from tests.kit import Kit, person
from tests.pages.client import HOSTILE, ConsoleClient, Page, Site, open_site
from tests.unit.results.experts import with_experts
from tests.unit.results.world import (
    CAMPAIGN,
    FIRMS,
    LEAD,
    SECRET_NAME,
    World,
    a_world,
    section_id,
    visit_id,
)

A_JT = section_id("A", "JT")
R = "R-640221-2018-001"
API = "/api/results/v1"
JPEG = b"\xff\xd8\xff\xe0 a photo"
WRONG = {"reached": "yes", "wrong": "yes"}


@pytest.fixture
def world(kit: Kit) -> World:
    """Everything up to the draw."""
    return a_world(kit)


@pytest.fixture
def day(world: World) -> World:
    """The day of all visits."""
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    return world


@pytest.fixture
def site(world: World) -> Site:
    """Serve results inside console's frame."""
    return open_site(world.kit, world.service)


def enter(site: Site, agency: str, *roles: Role, **facts: Any) -> ConsoleClient:
    return site.person(person(agency, *roles, **facts))


def filled(page: Page, action: str, **texts: str) -> dict[str, str]:
    """A form's values as a browser would send them, with others chosen."""
    return {name: values[0] for name, values in page.form(action).values.items()} | texts


# ── visits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_leads_planner_sets_a_day(world: World, site: Site) -> None:
    planner = enter(site, LEAD, Role.PLANNER)
    page = planner.get("/visits")
    assert "平罗虚构A运输有限公司" in page.main

    page = planner.get(f"/visits/{visit_id('A')}")
    done = page.form(f"/visits/{visit_id('A')}/schedule").submit(day="2018-12-20")

    assert "检查日期已确定" in done.main
    assert "最后一个工作日" in done.main
    assert "待检查" in done.main
    refused = done.client.post(
        f"/visits/{visit_id('A')}/schedule",
        filled(done, f"/visits/{visit_id('A')}/schedule", day="2018-12-22"),
        status=422,
    )
    assert "不在检查阶段内" in refused.text


def test_a_day_is_not_set_over_one_that_was_not_seen(world: World, site: Site) -> None:
    one, other = enter(site, LEAD, Role.PLANNER), enter(site, LEAD, Role.TEAM_LEAD)
    at = f"/visits/{visit_id('A')}"
    before = other.get(at)
    one.get(at).form(f"{at}/schedule").submit(day="2018-12-20")

    refused = other.post(f"{at}/schedule", filled(before, f"{at}/schedule", day="2018-12-19"), status=412)

    assert "内容已被他人更新" in refused.text
    page = other.get(at)
    assert "2018年12月20日" in page.main
    assert "2018年12月19日" in page.form(f"{at}/schedule").submit(day="2018-12-19").main


def test_before_disclosure_a_target_shows_to_few(day: World, site: Site) -> None:
    for agency, role in ((LEAD, Role.PUBLISHER), (LEAD, Role.VIEWER), ("GA", Role.SUPERVISOR)):
        client = enter(site, agency, role)
        page = client.get("/visits")
        assert "封存期内不显示" in page.main
        assert "虚构A" not in page.text
        client.get(f"/visits/{visit_id('A')}", status=404)
    assert "目前没有检查任务" in enter(site, "NY", Role.APPROVER).get("/visits").main
    page = site.person(day.officers("A", "GA")[0]).get(f"/visits/{visit_id('A')}")
    assert SECRET_NAME in page.main


# ── experts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agency_appoints_an_expert_on_the_visits_page_and_withdraws_again(kit: Kit) -> None:
    world = with_experts(kit)
    site = open_site(kit, world.service)
    lead_of_team, at = enter(site, "GA", Role.TEAM_LEAD), f"/visits/{visit_id('A')}"
    action = f"/sections/{section_id('A', 'GA')}/experts"

    page = lead_of_team.get(at)
    assert all(said in page.main for said in ("协助，指派而非抽取", "机动车安全技术专家每户 1 人", "还缺 1 人"))
    assert "公安专家甲（机动车安全技术，某某大学）" in page.main
    assert "公安专家丙" not in page.main, "recused from this firm"
    refused = lead_of_team.post(action, filled(page, action, expert="ZJ-E03"), status=422)
    assert "须回避" in refused.text

    done = lead_of_team.get(at).form(action).submit(expert="ZJ-E01")
    assert "专家已指派" in done.main
    assert "专家：公安专家甲（机动车安全技术，某某大学），协助，指派而非抽取" in done.main
    assert "公安专家甲" in enter(site, LEAD, Role.PLANNER).get(at).main
    assert "公安专家甲" not in enter(site, "SJ", Role.TEAM_LEAD).get(at).main
    column = enter(site, LEAD, Role.PLANNER).part(f"/parts/results/experts/{CAMPAIGN}")
    assert "公安专家甲（机动车安全技术，某某大学）" in column.text
    assert [each.get("hx-swap-oob") for each in column.root.all("div") if each.get("id")] == ["true"]
    assert "公安专家甲" not in enter(site, "SJ", Role.PLANNER).part(f"/parts/results/experts/{CAMPAIGN}").text

    gone = done.form(f"{action}/withdraw").submit(reason=HOSTILE)
    assert "指派已撤回" in gone.main
    assert "没有指派专家" not in gone.main, "somebody else may be appointed"
    assert all(said in gone.main for said in ("还缺 1 人", "已撤回的指派", HOSTILE))
    assert "），协助，指派而非抽取" not in gone.main


def test_experts_are_appointed_by_api_by_the_agencys_desk_and_stand_on_no_public_page(kit: Kit) -> None:
    world = with_experts(kit)
    site = open_site(kit, world.service)
    desk, officer = enter(site, "GA", Role.AGENCY_HEAD), enter(site, "GA", Role.INSPECTOR, officer="GA002")
    at = f"{API}/sections/{section_id('A', 'GA')}/experts"

    assert officer.call("POST", at, {"expert": "ZJ-E01"}).status_code == 403
    made = desk.api("POST", at, {"expert": "ZJ-E01"})["appointment"]
    sections = desk.api("GET", f"{API}/visits/{visit_id('A')}")["sections"]
    assert [each["name"] for line in sections for each in line["experts"]] == ["公安专家甲"]
    desk.api("POST", f"{at}/withdraw", {"appointment": made, "reason": "临时有事"})
    assert desk.call("POST", f"{at}/withdraw", {"appointment": made, "reason": "again"}).status_code == 409
    assert "公安专家甲" not in site.anonymous().get("/public/results").text


# ── a section on a phone ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_section_from_first_answer_to_closed_referral(day: World, site: Site) -> None:
    first, second = (site.person(officer) for officer in day.officers("A", "JT"))
    at = f"/sections/{A_JT}"
    page = first.get(at)
    assert "是否发现问题" not in page.main

    preview = first.post(f"{at}/preview", filled(page, f"{at}/draft", **{"a:JT-1:reached": "yes"}))
    assert "是否发现问题" in preview.text
    assert first.get(at).form(f"{at}/draft").values.get("a:JT-1:reached") is None  # a preview keeps nothing

    answers = {"a:JT-1:reached": "yes", "a:JT-1:wrong": "yes", "o:JT-1": "PENDING", "then": "stay"}
    page = first.post(
        f"{at}/draft", filled(page, f"{at}/draft", **answers), files={"e:JT-1:photo": ("证照.jpg", JPEG, "image/jpeg")}
    )
    assert "已保存" in page.main
    form = page.form(f"{at}/draft")
    evidence = next(box.get("value") for box in form.element.all("input") if box.get("name") == "fe:JT-1:wrong")
    explained: dict[str, Any] = {"ft:JT-1:wrong": "从业资格证过期", "fe:JT-1:wrong": evidence, "then": "check"}
    page = form.submit(**explained)
    assert page.path == f"{at}/check"
    assert "从业资格证过期" in page.main

    page.form(f"{at}/sign").submit()
    page = second.get(f"{at}/check").form(f"{at}/sign").submit()
    unit = [form for form in page.forms if form.action == f"{at}/unit"]
    page = unit[1].submit(reason="absent", witness="居委会工作人员在场")
    page = page.form(f"{at}/submit").submit()
    assert "已提交审核" in page.main

    approver = enter(site, "JT", Role.APPROVER)
    assert "平罗虚构A运输有限公司" in approver.part("/parts/results/home/me").text
    page = approver.get(f"{at}/review")
    assert "移送至公安局" in page.main
    page = page.form(f"{at}/approve").submit()
    assert "已自动移送" in page.main

    police = enter(site, "GA", Role.APPROVER)
    assert R in police.get("/referrals").main
    page = police.get(f"/referrals/{R}")
    assert "从业资格证过期" in page.main
    file = next(link for link in page.links if "/evidence/" in link)
    fetched = police.http.get(file)
    assert fetched.content == JPEG
    assert fetched.headers["content-disposition"].startswith("attachment")
    page = page.form(f"/referrals/{R}/receive").submit()
    page = page.form(f"/referrals/{R}/accept").submit()
    page = page.form(f"/referrals/{R}/decide").submit(decision="case_opened", text="已立案调查")
    page = approver.get(f"/referrals/{R}")
    assert "已立案调查" in page.main
    page = page.form(f"/referrals/{R}/close").submit()
    assert "已办结" in page.main


def test_a_stale_edit_shows_own_input_again(day: World, site: Site) -> None:
    first, second = (site.person(officer) for officer in day.officers("A", "JT"))
    at = f"/sections/{A_JT}/draft"
    before = second.get(f"/sections/{A_JT}")
    first.post(at, filled(first.get(f"/sections/{A_JT}"), at, **{"a:JT-1:reached": "yes"}))

    page = second.post(at, filled(before, at, **{"a:JT-1:reached": "no", "o:JT-1": "UNREACHABLE"}), status=412)

    assert "您刚才填写的内容" in page.main
    values = page.form(at).values
    assert (values["a:JT-1:reached"], values["o:JT-1"], values["version"]) == (["no"], ["UNREACHABLE"], ["1"])
    page = second.post(at, {name: value[0] for name, value in values.items()})
    assert page.form(at).values["a:JT-1:reached"] == ["no"]


@pytest.mark.parametrize(("step", "facts"), [("approve", {}), ("return", {"reason": "请补充说明"})])
def test_what_was_not_read_is_neither_approved_nor_returned(
    day: World, site: Site, step: str, facts: dict[str, str]
) -> None:
    """Returned by a colleague and handed in anew while the page lay open: the button stands for what it showed."""
    at = f"/sections/{A_JT}"
    day.fill("A", "JT")
    late = enter(site, "JT", Role.APPROVER, id="u-late")
    before = late.get(f"{at}/review")
    enter(site, "JT", Role.APPROVER).get(f"{at}/review").form(f"{at}/return").submit(reason="请核实")
    day.fill("A", "JT", answers={"reached": "yes", "wrong": "no", "note": "改过的内容"})

    refused = late.post(f"{at}/{step}", filled(before, f"{at}/{step}", **facts), status=412)

    assert "内容已被他人更新" in refused.text
    page = late.get(f"{at}/review")
    assert "改过的内容" in page.main
    assert late.post(f"{at}/{step}", filled(page, f"{at}/{step}", **facts)).path == at


def test_a_refused_answer_or_file_keeps_the_rest(day: World, site: Site) -> None:
    first = site.person(day.officers("A", "JT")[0])
    at = f"/sections/{A_JT}/draft"
    typed = filled(first.get(f"/sections/{A_JT}"), at, **{"a:JT-1:reached": "yes", "a:JT-1:count": "许多"})

    page = first.post(at, typed, status=422)
    assert "许多" in page.form(at).values["a:JT-1:count"]
    page = first.post(
        at, filled(page, at, **{"a:JT-1:count": "3"}), status=422, files={"e::": ("a.jpg", b"MZ\x90", "image/jpeg")}
    )
    assert "只接受 JPEG" in page.main
    assert page.form(at).values["a:JT-1:count"] == ["3"]


def test_hostile_text_is_escaped_everywhere(day: World, site: Site) -> None:
    with day.service.db.write(day.service.system) as session:
        visit = session.get_one(Visit, visit_id("A"))
        visit.about = visit.about | {"name": HOSTILE, "address": HOSTILE, "contact": HOSTILE}
    day.fill("A", "JT", "PENDING", WRONG | {"note": HOSTILE}, [{"item": "JT-1", "question": "wrong", "text": HOSTILE}])
    approver = enter(site, "JT", Role.APPROVER)
    for path in (f"/sections/{A_JT}", f"/sections/{A_JT}/review", f"/visits/{visit_id('A')}", "/visits"):
        assert HOSTILE in approver.get(path).text
    approver.get(f"/sections/{A_JT}/review").form(f"/sections/{A_JT}/approve").submit()
    police = enter(site, "GA", Role.APPROVER)
    for path in (f"/referrals/{R}", f"/referrals/{R}/letter"):
        assert HOSTILE in police.get(path).text
    day.hear(day.disclosed())
    publisher = enter(site, "JT", Role.PUBLISHER)
    publisher.get("/publication").form(f"/sections/{A_JT}/publish").submit()
    assert HOSTILE in site.anonymous().get("/public/results").text


def test_nobody_else_reads_a_sections_content(day: World, site: Site) -> None:
    day.fill("A", "GA", answers={"reached": "yes", "wrong": "no", "note": "只给公安看"})
    section = section_id("A", "GA")

    assert "只给公安看" in enter(site, "GA", Role.APPROVER).get(f"/sections/{section}").main
    lead = enter(site, LEAD, Role.PLANNER, Role.APPROVER)
    lead.get(f"/sections/{section}", status=403)
    lead.get(f"/sections/{section}/review", status=403)
    enter(site, "AJ", Role.APPROVER).get(f"/sections/{section}", status=404)
    assert "只给公安看" not in lead.get(f"/visits/{visit_id('A')}").text
    assert "待审核" in lead.get(f"/visits/{visit_id('A')}").main


# ── letter, publication, parts ──────────────────────────────────────────────────────────────────────────────────────


def test_a_finding_for_nobody_becomes_a_letter(day: World, site: Site) -> None:
    day.fill("C", "AJ", "PENDING", WRONG)
    day.approve("C", "AJ")
    lead = enter(site, LEAD, Role.PLANNER)
    assert "待定管辖" in lead.get("/referrals").main
    form = lead.get(f"/referrals/{R}").form(f"/referrals/{R}/route")
    assert form.values["receiver"] == ["XF"]  # the rule's suggestion

    form.submit()

    letter = enter(site, "AJ", Role.APPROVER).get(f"/referrals/{R}/letter")
    for words in (
        "移送函",
        R,
        "平罗县消防救援大队：",
        "平罗县安监局",
        "消防通道、安全出口堵塞",
        "附件",
        "2018年12月12日",
    ):
        assert words in letter.text
    page = lead.get(f"/referrals/{R}").form(f"/referrals/{R}/receive")
    done = page.submit(files={"scan:receive": ("回执.pdf", b"%PDF-1.4 x", "application/pdf")})
    assert "回执.pdf" in done.main
    scan = next(link for link in done.links if "/scans/" in link)
    assert lead.http.get(scan).content == b"%PDF-1.4 x"
    done = done.form(f"/referrals/{R}/decide").submit(decision="settled", text="已清除")
    assert "已作出决定" in done.main
    enter(site, "GA", Role.APPROVER).get(f"/referrals/{R}", status=404)


def test_a_referral_is_returned_on_its_page(day: World, site: Site) -> None:
    day.fill("A", "YG", "PENDING", WRONG)
    day.approve("A", "YG")
    police = enter(site, "GA", Role.APPROVER)

    page = police.get(f"/referrals/{R}").form(f"/referrals/{R}/return").submit(reason="not_our_remit", note="另有管辖")

    assert "已退回牵头单位" in page.main
    lead = enter(site, LEAD, Role.PLANNER)
    assert "另有管辖" in lead.get(f"/referrals/{R}").main
    assert "待定管辖" in lead.part("/parts/results/home/me").text


def test_a_sealed_referral_shows_how_it_stands(day: World, site: Site) -> None:
    day.fill("A", "JT", "PENDING", WRONG | {"note": "只给办理的人看"})
    day.approve("A", "JT")

    for agency in ("GA", "JT"):
        client = enter(site, agency, Role.SUPERVISOR)
        assert R in client.get("/referrals").main
        page = client.get(f"/referrals/{R}")
        for words in (R, "已发出", "驾驶员从业资格与驾驶证不符", "2018年12月14日", "只由办理移送的人员查看"):
            assert words in page.main, words
        for words in ("虚构A", "只给办理的人看", "JT检查员", "移送函"):
            assert words not in page.text, words
        assert [form.action for form in page.forms if "referrals" in form.action] == []
        client.get(f"/referrals/{R}/letter", status=404)
        assert client.http.get(f"{API}/referrals/{R}/letter").status_code == 404
    assert "虚构A" in enter(site, "GA", Role.APPROVER).get(f"/referrals/{R}").main
    day.hear(day.disclosed())
    assert "虚构A" in enter(site, "GA", Role.SUPERVISOR).get(f"/referrals/{R}").main


def test_an_own_action_is_decided_on_the_sections_page(day: World, site: Site) -> None:
    day.fill("E", "SJ", "UNREACHABLE", {"reached": "no"})
    day.approve("E", "SJ")
    section = section_id("E", "SJ")
    at = f"/sections/{section}"
    approver = enter(site, "SJ", Role.APPROVER)
    part = approver.part("/parts/results/home/me")
    assert ("待自行处理" in part.text, f"{at}#act" in part.links) == (True, True)
    officer = enter(site, "SJ", Role.INSPECTOR, officer=day.officers("E", "SJ")[0].officer or "")
    assert "待处理" in officer.get(at).main
    assert [form.action for form in officer.get(at).forms if form.action.endswith("/act")] == []

    page = approver.get(at)
    assert "办理期限 2018年12月26日；核实后决定是否列入经营异常名录" in page.main
    form = page.form(f"{at}/act")
    assert form.values["finding"] == [f"{section}-F1"]
    form.submit(decision="listed_abnormal", text="", status=422)
    page = approver.get(at).form(f"{at}/act").submit(decision="listed_abnormal", text="经核实列入")

    for words in ("处理决定已登记", "列入经营异常名录", "经核实列入"):
        assert words in page.main, words
    assert [form.action for form in page.forms if form.action.endswith("/act")] == []
    assert "待自行处理" not in approver.part("/parts/results/home/me").text


def test_a_rectification_is_checked_on_its_page(day: World, site: Site) -> None:
    day.fill("B", "SJ", "CORRECTED", WRONG)
    day.approve("B", "SJ")
    section = section_id("B", "SJ")
    at = f"/sections/{section}"
    day.day("2018-12-26")
    approver = enter(site, "SJ", Role.APPROVER)
    assert f"{at}#verify" in approver.part("/parts/results/home/me").links
    assert [form.action for form in enter(site, "SJ", Role.TEAM_LEAD).get(at).forms if "verify" in form.action] == []

    form = approver.get(at).form(f"{at}/verify")
    assert form.values["finding"] == [f"{section}-F1"]
    form.submit(passed="false", status=422)
    page = approver.get(at).form(f"{at}/verify").submit(passed="false", note="证照未变更")
    for words in ("重新计算改正期限", "不合格", "证照未变更", "2019年1月10日"):
        assert words in page.main, words
    page = page.form(f"{at}/verify").submit(passed="true")
    assert "整改已完成" in page.main
    assert [form.action for form in page.forms if "verify" in form.action] == []
    assert "待复查整改" not in approver.part("/parts/results/home/me").text
    again = approver.api("POST", f"{API}/sections/{section}/verify", {"finding": f"{section}-F1", "passed": True}, 409)
    assert again["code"] == "rectification.passed"
    shown = approver.api("GET", f"{API}/sections/{section}")["followed"][0]
    assert (shown["put_right"], [each["passed"] for each in shown["checks"]]) == (True, [False, True])
    enter(site, "SJ", Role.PUBLISHER).api("POST", f"{API}/sections/{section}/verify", {}, 403)
    enter(site, LEAD, Role.APPROVER).api(
        "POST", f"{API}/sections/{section}/verify", {"finding": f"{section}-F1", "passed": True}, 403
    )


def test_the_publisher_publishes_and_the_public_reads(day: World, site: Site) -> None:
    day.fill("F", "YG")
    day.approve("F", "YG")
    section = section_id("F", "YG")
    publisher = enter(site, "YG", Role.PUBLISHER)
    page = publisher.get("/publication")
    assert "封存期内不显示" in page.main
    publisher.api("POST", f"{API}/sections/{section}/publish", {}, status=409)
    assert "尚无" not in site.anonymous().get("/public/results").main
    day.hear(day.disclosed())
    day.day("2018-12-30")

    page = publisher.get("/publication").form(f"/sections/{section}/publish").submit()

    assert "最后一个工作日已过" in page.main
    public = site.anonymous().get("/public/results").form("/public/results").submit(q="虚构F")
    assert "平罗虚构F运输有限公司" in public.main
    assert "未发现问题" in public.main
    assert SECRET_NAME not in public.text
    assert "YG检查员" not in public.text
    assert "YG检查事项" in site.anonymous().get(f"/public/results/{CAMPAIGN}").main
    assert site.anonymous().get("/public/results/C-0-0-0").path == "/public/results"


def test_the_campaigns_part_counts(day: World, site: Site) -> None:
    day.fill("A", "JT", "PENDING", WRONG)
    day.approve("A", "JT")

    lead = enter(site, LEAD, Role.PLANNER).part(f"/parts/results/campaign/{CAMPAIGN}").text
    partner = enter(site, "GA", Role.PLANNER).part(f"/parts/results/campaign/{CAMPAIGN}").text

    assert "6 / 6" in lead
    assert "0 / 22" in lead
    assert R in lead
    assert "0 / 1" in partner
    assert "道路运输管理所" not in partner
    assert "确认后" in enter(site, "NY", Role.PLANNER).part("/parts/results/campaign/C-640221-2018-009").text


def test_pages_speak_english_too(day: World, site: Site) -> None:
    day.fill("A", "JT", "PENDING", WRONG)
    day.approve("A", "JT")
    police = enter(site, "GA", Role.APPROVER)
    police.http.cookies.set("lang", "en")

    assert "Findings handed to whoever has the remit" in police.get("/referrals").main
    page = police.get(f"/referrals/{R}")
    assert "Confirm receipt" in page.main
    assert "qualification and driving licence do not match" in page.main


# ── api ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_section_through_the_api(day: World, site: Site) -> None:
    first, second = (site.person(officer) for officer in day.officers("A", "JT"))
    at = f"{API}/sections/{A_JT}"
    read = first.call("GET", at)
    assert read.headers["etag"] == '"0"'
    body = {"answers": {"JT-1": WRONG}, "outcomes": {"JT-1": "PENDING"}, "findings": []}

    saved = first.call("POST", f"{at}/answers", body, If_Match='"0"')
    assert (saved.status_code, saved.headers["etag"]) == (200, '"1"')
    stale = first.api("POST", f"{at}/answers", body | {"outcomes": {}}, 412, If_Match='"0"')
    assert stale["code"] == "stale"
    sent = first.http.post(
        f"{at}/evidence",
        data={"item": "JT-1", "question": "photo"},
        files={"file": ("a.jpg", JPEG, "image/jpeg")},
        headers={"X-CSRF-Token": first.csrf, "Idempotency-Key": "file-1"},
    )
    evidence = sent.json()["evidence"]
    note = {"item": "JT-1", "question": "wrong", "text": "证件不符", "evidence": [evidence]}
    first.api("POST", f"{at}/answers", {"findings": [note]})
    digest = first.api("GET", at)["digest"]
    shown = {"digest": digest}
    said = {"how": "refused", "reason": "disagrees", "witness": "有录像"}
    first.api("POST", f"{at}/sign", shown)
    unshown: list[tuple[str, dict[str, Any]]] = [
        ("sign", {}),
        ("sign", {"digest": None}),
        ("sign", {"digest": ""}),
        ("unit", said),
    ]
    for step, body in unshown:
        assert second.api("POST", f"{at}/{step}", body, 422)["code"] == "web.input_invalid", (step, body)
    assert second.api("POST", f"{at}/sign", {"digest": "sha256:" + "0" * 64}, 422)["code"] == "web.input_invalid"
    assert second.api("POST", f"{at}/sign", {"digest": "0" * 64}, 412)["code"] == "stale"
    assert second.api("POST", f"{at}/unit", {**said, "digest": "0" * 64}, 412)["code"] == "stale"
    second.api("POST", f"{at}/sign", shown)
    first.api("POST", f"{at}/unit", said | shown)
    first.api("POST", f"{at}/submit", {})
    approver = enter(site, "JT", Role.APPROVER)
    unread: list[tuple[str, dict[str, Any]]] = [("approve", {}), ("return", {"reason": "再看"})]
    for step, body in unread:
        assert approver.api("POST", f"{at}/{step}", body, 422)["code"] == "web.input_invalid"
        assert approver.api("POST", f"{at}/{step}", {**body, "digest": "0" * 64}, 412)["code"] == "stale"
    value = approver.api("POST", f"{at}/approve", shown, key="approve-once")
    assert value["referrals"] == [R]
    assert (
        approver.api("POST", f"{at}/approve", shown, key="approve-once") == value
    )  # asked again, nothing is done twice
    police = enter(site, "GA", Role.APPROVER)
    assert [line["referral"] for line in police.api("GET", f"{API}/referrals")["inbox"]] == [R]
    assert police.api("GET", f"{API}/referrals/{R}")["packages"][0]["evidence"][0]["id"] == evidence
    assert police.http.get(f"{API}/referrals/{R}/evidence/{evidence}").content == JPEG
    assert police.api("POST", f"{API}/referrals/{R}/accept", {})["state"] == "accepted"
    decision = {"decision": "case_opened", "text": "已立案"}
    assert police.api("POST", f"{API}/referrals/{R}/decide", decision)["state"] == "decided"
    assert approver.api("POST", f"{API}/referrals/{R}/close", {})["state"] == "closed"
    summary = enter(site, LEAD, Role.PLANNER).api("GET", f"{API}/campaigns/{CAMPAIGN}/summary")
    assert summary["referrals"] == {"closed": 1}


def test_the_api_lists_and_refuses_in_its_own_words(day: World, site: Site) -> None:
    planner = enter(site, LEAD, Role.PLANNER)

    assert len(planner.api("GET", f"{API}/visits?campaign={CAMPAIGN}")["visits"]) == 6
    shown = planner.api("GET", f"{API}/visits/{visit_id('A')}")
    assert [section["agency"] for section in shown["sections"]] == ["AJ", "GA", "JT", "SJ", "YG"]
    assert "items" in planner.api("GET", f"{API}/sections/{section_id('A', 'GA')}")  # progress only
    assert "answers" not in str(planner.api("GET", f"{API}/sections/{section_id('A', 'GA')}"))
    refusal = planner.api(
        "POST", f"{API}/visits/{visit_id('A')}/schedule", {"day": "2018-12-15", "instead_of": "2018-12-12"}, 422
    )
    assert refusal["code"] == "visit.not_a_working_day"
    assert refusal["title"]
    assert refusal["title_en"]
    for body in ({"day": "soon", "instead_of": None}, {"day": "2018-12-20"}):
        refusal = planner.api("POST", f"{API}/visits/{visit_id('A')}/schedule", body, 422)
        assert refusal["code"] == "web.input_invalid", body
    unseen = {"day": "2018-12-20", "instead_of": "2018-12-18"}
    assert planner.api("POST", f"{API}/visits/{visit_id('A')}/schedule", unseen, 412)["code"] == "stale"
    planner.api("POST", f"{API}/sections/{A_JT}/approve", {}, 403)
    site.anonymous().api("GET", f"{API}/visits", status=401)
    assert site.anonymous().api("GET", f"{API}/public")["results"] == []
    assert planner.api("GET", f"{API}/publication") == {"due": [], "published": []}


def test_too_large_a_file_is_refused(day: World, site: Site) -> None:
    first = site.person(day.officers("A", "JT")[0])
    large = b"\xff\xd8\xff" + bytes(10 * 1024 * 1024)

    answer = first.http.post(
        f"{API}/sections/{A_JT}/evidence",
        files={"file": ("a.jpg", large, "image/jpeg")},
        headers={"X-CSRF-Token": first.csrf, "Idempotency-Key": "large"},
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "evidence.too_large")


def test_every_route_has_somebody_it_refuses_or_is_public(world: World, site: Site) -> None:
    stranger = site.anonymous()
    for line, access in ACCESS.items():
        method, path = line.split(" ", 1)
        if method == "GET" and not access.public:
            answer = stranger.http.get(path.replace("{", "").replace("}", ""), follow_redirects=False)
            assert answer.status_code in (303, 401), line
