"""Inbox, duties, parts and API of the notifier, through the console client."""

from dataclasses import dataclass
from typing import Any

import pytest

from runtime.service import Service
from runtime.time.timers import run_due
from schemas.vocabulary import AgencyKind, Role
from services.notifier.app import ACCESS, notifier
from tests.kit import Kit, person
from tests.pages.client import HOSTILE, ConsoleClient, Site, open_site
from tests.unit.notifier import county
from tests.unit.notifier.county import CAMPAIGN, VISITS, at

ROOT = "/api/notifier/v1"
PLANNER = person("GA", Role.PLANNER)
OFFICER = person("GA", Role.INSPECTOR, id="ga-officer1", officer="GA001")


@dataclass
class County:
    """A notifier in the middle of a campaign, and its site."""

    kit: Kit
    service: Service
    site: Site

    def as_(self, actor: Any) -> ConsoleClient:
        return self.site.person(actor)


@pytest.fixture
def living(kit: Kit) -> County:
    """2018-12-13: GA's officers did not enter their checklist of the day before."""
    service = kit.build(notifier)
    kit.feed(service, *county.everybody(), at=at("2018-11-01"))
    kit.feed(service, county.calendar_published(kit), county.pack_published(kit), at=at("2018-11-02"))
    kit.feed(service, county.proposed(), county.confirmed(kit), at=at("2018-11-28"))
    kit.feed(service, county.draw_opened(kit, at("2018-12-04")), county.committed("GA", 1), at=at("2018-12-04"))
    kit.feed(
        service, county.sealed(at("2018-12-04", "10:10")), county.draw_completed(kit), at=at("2018-12-04", "11:00")
    )
    kit.feed(service, county.scheduled(VISITS[0], "2018-12-12", *county.AGENCIES), at=at("2018-12-10"))
    kit.clock.at = at("2018-12-13")
    return County(kit, service, open_site(kit, service))


def test_the_inbox_says_each_notice_in_words(living: County) -> None:
    page = living.as_(PLANNER).get("/notices")

    assert "JT局发起平交联查〔2018〕1号《道路运输行业联合抽查》，请在 2018年11月30日前确认是否参加" in page.main
    assert "未读 3 条" in page.main
    assert "需要办理" in page.main
    assert "{" not in page.main


def test_the_inbox_speaks_english_too(living: County) -> None:
    somebody = living.as_(PLANNER)
    somebody.get("/notices").form("/lang").submit()

    assert (
        "JT局 proposes 平交联查〔2018〕1号 “道路运输行业联合抽查”: confirm by 30 Nov 2018"
        in somebody.get("/notices").main
    )


def test_opening_a_notice_marks_it_read_and_leads_to_its_subject(living: County) -> None:
    somebody = living.as_(OFFICER)
    page = somebody.get("/notices")
    go = next(form for form in page.forms if form.action.endswith("/read") and "go" in form.values)

    reached = go.submit(404)  # the page of another service, which is not served here

    assert reached.path == f"/sections/{VISITS[0]}-GA"
    assert "2018-12-13 09:00 已读" in somebody.get("/notices").main


def test_marking_read_keeps_the_reader_in_the_inbox(living: County) -> None:
    somebody = living.as_(OFFICER)
    page = somebody.get("/notices")
    mark = next(form for form in page.forms if form.action.endswith("/read") and "go" not in form.values)

    assert mark.submit().path == "/notices"
    assert "未读 1 条" in somebody.get("/notices").main


def test_all_are_read_at_once(living: County) -> None:
    page = living.as_(PLANNER).get("/notices").form("/notices/read-all").submit()

    assert "全部通知已标为已读" in page.main
    assert "未读 0 条" in page.main
    assert "/notices/read-all" not in {form.action for form in page.forms}


def test_filters_stand_in_the_address(living: County) -> None:
    somebody = living.as_(PLANNER)
    page = somebody.get("/notices").form("/notices").submit(show="unread", severity="act")

    assert "show=unread" in str(page.response.url)
    assert "确认是否参加" in page.main
    assert "抽取完成" not in page.main
    assert "没有通知" in somebody.get("/notices?severity=warn").main


def test_somebody_elses_notice_is_not_there(living: County) -> None:
    page = living.as_(PLANNER).get("/notices")
    action = next(form.action for form in page.forms if form.action.endswith("/read"))

    refused = living.as_(OFFICER)
    refused.get("/notices").form("/lang").submit()
    token = refused.get("/notices").form("/notices/read-all").values

    assert "no such notice" in refused.post(action, {"_csrf": token["_csrf"][0], "_key": "k1"}, 404).text


def test_duties_show_lights_with_words_overdue_first(living: County) -> None:
    page = living.as_(OFFICER).get("/duties")

    assert "逾期 1，临近期限 0，正常 3" in page.main
    rows = [row.text for row in page.root.all("tr")][1:]
    assert "已逾期" in rows[0]
    assert "到场检查并录入检查表" in rows[0]
    assert "我的" in rows[0]
    assert "GA局" in rows[0]
    assert all("正常" in row for row in rows[1:])


def test_duties_are_filtered_by_the_address(living: County) -> None:
    somebody = living.as_(OFFICER)

    assert "没有符合条件的待办" in somebody.get("/duties?light=yellow").main
    assert len(list(somebody.get("/duties?whose=mine").root.all("tr"))) == 2
    assert "已终止" in somebody.get("/duties?state=closed").main
    assert "没有符合条件的待办" in somebody.get("/duties?campaign=C-0").main
    assert "SJ局" in living.as_(person("JT", Role.PLANNER)).get("/duties?whose=led").main
    assert "公示" not in living.as_(person("ZZ", Role.PLANNER)).get("/duties").main


def test_what_the_clock_says_names_the_duty(living: County) -> None:
    run_due(living.service, living.kit.clock.at)

    said = living.as_(OFFICER).get("/notices?severity=warn").main
    assert f"已逾期：{VISITS[0]}-GA“到场检查并录入检查表”期限为 2018年12月12日，尚未完成。" in said
    assert "督办：本单位" in living.as_(person("GA", Role.AGENCY_HEAD)).get("/notices").main


def test_a_long_inbox_goes_on(living: County) -> None:
    for n in range(31):
        told = county.found(VISITS[0], "GA").model_copy(update={"finding": f"FI-{n}"})
        living.kit.feed(living.service, told, at=at("2018-12-12", f"10:{n:02}"))
    head = living.as_(person("GA", Role.AGENCY_HEAD))
    page = head.get("/notices?show=unread")

    further = head.get(next(link for link in page.links if "after=" in link))

    assert "FI-30" in page.main
    assert "FI-0" in further.main
    assert "show=unread" in str(further.response.url)


def test_a_long_list_goes_on(living: County) -> None:
    lead = living.as_(person("JT", Role.PLANNER))
    living.kit.feed(
        living.service,
        *(county.scheduled(f"V-640221-2018-001-0{n}", f"2018-12-{10 + n}", "SJ", "GA") for n in (1, 2)),
        at=at("2018-12-11"),
    )
    listed = lead.api("GET", f"{ROOT}/duties?whose=led&limit=5")

    further = lead.get(f"/duties?whose=led&after={listed['after'].replace('+', '%2B')}")

    assert "SJ局" in further.main


def test_the_home_tile_shows_what_is_near_and_what_is_new(living: County) -> None:
    tile = living.as_(OFFICER).part("/parts/notifier/home/me")

    assert "到场检查并录入检查表" in tile.text
    assert "已逾期" in tile.text
    assert "未读通知" in tile.text
    assert living.as_(person("ZZ", Role.PLANNER)).part("/parts/notifier/home/me").text == ""


def test_the_campaign_part_shows_what_the_viewer_may_see(living: County) -> None:
    path = f"/parts/notifier/campaign/{CAMPAIGN}"

    assert "SJ局" in living.as_(person("JT", Role.PLANNER)).part(path).text
    partner = living.as_(PLANNER).part(path).text
    assert "GA局" in partner
    assert "SJ局" not in partner
    assert "目前没有未办结的期限" in living.as_(person("ZZ", Role.PLANNER)).part(path).text


def test_the_bell_counts(living: County) -> None:
    bell = living.as_(PLANNER).part("/parts/notifier/bell/me").root.one("a")

    assert (bell.text, bell.get("href")) == ("3", "/notices?show=unread")
    assert bell.get("aria-label") == "通知：3 条未读"
    assert living.as_(person("ZZ", Role.PLANNER)).part("/parts/notifier/bell/me").text == ""


def test_the_api_lists_reads_and_counts(living: County) -> None:
    somebody = living.as_(PLANNER)
    listed = somebody.api("GET", f"{ROOT}/notices?unread=true&limit=2")
    assert len(listed["notices"]) == 2
    rest = somebody.call("GET", f"{ROOT}/notices?unread=true&after={listed['after'].replace('+', '%2B')}").json()
    assert len(rest["notices"]) == 1
    every = {notice["code"]: notice for notice in (*listed["notices"], *rest["notices"])}
    proposed = every["campaign.proposed"]  # all three stand at one moment, so their order is that of their ids
    assert len(every) == 3
    assert proposed["text_en"].startswith("JT局 proposes")

    first = somebody.api("POST", f"{ROOT}/notices/{proposed['id']}/read", key="once")
    again = somebody.api("POST", f"{ROOT}/notices/{proposed['id']}/read", key="once")
    assert first == again
    assert somebody.api("GET", f"{ROOT}/summary")["unread"] == 2
    assert somebody.api("POST", f"{ROOT}/notices/read-all") == {"read": 2}

    summary = somebody.api("GET", f"{ROOT}/summary")
    assert summary["unread"] == 0
    assert summary["duties"]["agency"] == {"green": 3, "yellow": 0, "red": 1}
    (red,) = somebody.api("GET", f"{ROOT}/duties?light=red")["duties"]
    assert (red["duty"], red["name"], red["light"]) == ("enter_section", "到场检查并录入检查表", "red")
    assert len(somebody.api("GET", f"{ROOT}/duties?light=red&light=green")["duties"]) == 4


def test_the_api_refuses_in_both_languages(living: County) -> None:
    somebody = living.as_(PLANNER)

    unknown = somebody.api("POST", f"{ROOT}/notices/N-1/read", status=404)
    assert unknown["code"] == "notice.unknown"
    cursor = somebody.api("GET", f"{ROOT}/duties?after=x", status=422)
    assert (cursor["code"], cursor["title_en"]) == (
        "notice.cursor_unknown",
        "This is not a place from which the list can go on (x).",
    )
    assert somebody.call("POST", f"{ROOT}/notices/N-1/read", key="").status_code == 400
    assert somebody.api("GET", f"{ROOT}/duties?light=blue", status=422)


def test_names_of_offices_and_campaigns_are_escaped(living: County) -> None:
    hostile = county.agency("JT", AgencyKind.AGENCY).model_copy(update={"short_name": HOSTILE})
    living.kit.feed(living.service, hostile, at=at("2018-12-12"))

    assert "恶意" in living.as_(PLANNER).get("/notices").main
    assert "恶意" in living.as_(person("JT", Role.PLANNER)).get("/duties").main


def test_nobody_unknown_is_let_in(living: County) -> None:
    for line in ACCESS:
        verb, path = line.split(" ")
        if path.startswith("/api/"):
            address = path.format(notice_id="N-1", webhook_id="W-1")
            assert living.site.anonymous().call(verb, address).status_code in (401, 403)
