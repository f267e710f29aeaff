"""Pages of a draw made elsewhere: handed in with its list, confirmed by a second person, and marked wherever it is shown."""

import json
from io import BytesIO
from zipfile import ZipFile

import pytest

from runtime.files.sheets import read_sheets, write_sheet
from runtime.time.timers import run_due
from schemas.vocabulary import Role
from tests.kit import Kit, person
from tests.pages.client import HOSTILE, ConsoleClient, Page, Site, open_site
from tests.unit.drawer_service.county import (
    CAMPAIGN,
    DRAW,
    LEAD,
    OFFICER,
    PLANNER,
    WINDOW_END,
    County,
    a_county,
    entities,
)
from tests.unit.drawer_service.elsewhere import APPROVER, HEADINGS, Row, a_list, confirm, drawn, hand_in

AT = f"/campaigns/{CAMPAIGN}/draw/import"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MARKED = "本系统无法核验"
TOLD = {
    "place": "paper",
    "platform": "县政务大厅",
    "drawn_on": "2018-12-03",
    "witnessed_by": "公证处公证员",
    "reason": "停电，改为现场抽取",
}


@pytest.fixture
def county(kit: Kit) -> County:
    """A drawer that has heard of everything."""
    return a_county(kit)


@pytest.fixture
def site(county: County) -> Site:
    """The drawer behind console's frame."""
    return open_site(county.kit, county.service)


def send(lead: ConsoleClient, rows: list[Row], status: int = 200, **changes: str) -> Page:
    files = {
        "evidence": ("附件2.pdf", b"%PDF-1.4 annex 2", "application/pdf"),
        "sheet": ("附件6.xlsx", write_sheet("附件6", HEADINGS, rows), XLSX),
    }
    return lead.get(AT).form(AT).submit(status, files=files, **(TOLD | changes))


def test_it_goes_by_hand_from_the_campaign_to_the_public_page(site: Site, county: County) -> None:
    lead, approver = site.person(LEAD), site.person(APPROVER)
    assert AT in lead.part(f"/parts/drawer/campaign/{CAMPAIGN}").links
    assert AT in lead.get("/draws").links

    page = send(lead, a_list())
    assert page.path == f"/draws/{DRAW}"
    assert "等待复核" in page.main
    assert drawn()[0] in page.main
    assert f"/draws/{DRAW}/import/decide" not in [form.action for form in page.forms]
    assert f"/draws/{DRAW}" in approver.part("/parts/drawer/home/me").links

    page = approver.get(f"/draws/{DRAW}").form(f"/draws/{DRAW}/import/decide").submit()
    assert MARKED in page.main
    assert "县政务大厅" in page.main
    assert MARKED in site.person(PLANNER).get(f"/draws/{DRAW}/targets").main
    for reader in (LEAD, OFFICER["GA"], person("GZ", Role.WITNESS)):
        client = site.person(reader)
        assert MARKED in client.get("/draws").main
        assert MARKED in client.part(f"/parts/drawer/campaign/{CAMPAIGN}").text
        shown = client.get(f"/draws/{DRAW}").main
        assert MARKED in shown
        assert not any(target in shown for target in drawn())

    run_due(county.service, WINDOW_END)
    anybody = site.anonymous()
    assert MARKED in anybody.get("/public/draws").main
    page = anybody.get(f"/public/draws/{DRAW}")
    assert MARKED in page.main
    assert not any(told in page.main for told in ("县政务大厅", "公证员", "停电"))
    statement = json.loads(anybody.http.get(f"/public/draws/{DRAW}/import.json").content)
    assert statement["verifiable"] is False
    assert anybody.http.get(f"/public/draws/{DRAW}/frame.tsv").status_code == 200


CORRECT = f"/draws/{DRAW}/import/correct"
WHY = "第三行企业代码抄错" + HOSTILE


def correct(lead: ConsoleClient, rows: list[Row], status: int = 200, **changes: str) -> Page:
    files = {
        "evidence": ("清晰件.pdf", b"%PDF-1.4 a better scan", "application/pdf"),
        "sheet": ("附件6.xlsx", write_sheet("附件6", HEADINGS, rows), XLSX),
    }
    return lead.get(CORRECT).form(CORRECT).submit(status, files=files, why=WHY, **changes)


def put_right(rows: list[Row]) -> tuple[list[Row], str, str]:
    """Exchange one target for another of its kind: (rows, mistyped, right)."""
    gone = rows[0][1]
    right = next(one for one, kind in sorted(entities().items()) if kind == entities()[gone] and one not in drawn())
    return [[*row[:1], right, *row[2:]] if row[1] == gone else row for row in rows], gone, right


def test_a_mistyped_list_is_downloaded_put_right_compared_and_confirmed(site: Site, county: County) -> None:
    hand_in(county, a_list())
    confirm(county)
    lead, approver, partner = site.person(LEAD), site.person(APPROVER), site.person(OFFICER["GA"])
    page = lead.get(f"/draws/{DRAW}")
    assert CORRECT in page.links
    assert CORRECT not in approver.get(f"/draws/{DRAW}").links
    assert f"/draws/{DRAW}/import/list" in lead.get(CORRECT).links
    answer = lead.http.get(f"/draws/{DRAW}/import/list")
    stands = [list(row.texts) for row in read_sheets(answer.content, "a.xlsx")[0].rows[1:]]
    rows, gone, right = put_right(stands)

    page = correct(lead, rows, drawn_on="2018-12-02", early="yes")
    assert page.path == f"/draws/{DRAW}"
    assert "更正等待复核" in page.main
    assert CORRECT not in page.links
    assert "更正" not in partner.get(f"/draws/{DRAW}").main
    assert f"/draws/{DRAW}" in approver.part("/parts/drawer/home/me").links
    page = approver.get(f"/draws/{DRAW}")
    assert "换下任务 1 项，调整检查组 0 个" in page.main
    assert gone in page.main
    assert right in page.main
    lead.get(CORRECT, 409)
    page = page.form(f"/draws/{DRAW}/import/decide").submit()

    assert "12月2日" in page.main
    assert "已更正" in page.main
    assert "现行" in page.main
    listed = lead.get(f"/draws/{DRAW}/targets").main
    assert "第 1 次更正换下" in listed
    assert "第 1 次更正换上" in listed
    for version, firm in (("i1", gone), ("i2", right)):
        path = f"/draws/{DRAW}/import/list?version={DRAW}.{version}"
        assert path in lead.get(f"/draws/{DRAW}").links
        assert firm in {row.texts[1] for row in read_sheets(lead.http.get(path).content, "a.xlsx")[0].rows}
        assert partner.http.get(path).status_code == 403
    seen = partner.get(f"/draws/{DRAW}").main
    assert "已更正" in seen
    assert "第三行企业代码抄错" not in seen, "what a reason may name is not for partners before the window closes"
    assert gone not in seen
    assert "共 11 户" in listed

    run_due(county.service, WINDOW_END)

    assert "第三行企业代码抄错" in partner.get(f"/draws/{DRAW}").main
    public = site.anonymous().get(f"/public/draws/{DRAW}").main
    assert "更正过 1 次" in public
    assert "第三行企业代码抄错" not in public


def test_a_correction_that_does_not_fit_comes_back_with_its_rows_and_the_reason(site: Site, county: County) -> None:
    hand_in(county, a_list())
    lead = site.person(LEAD)
    lead.get(CORRECT, 404)
    confirm(county)
    rows = a_list()
    rows[2][5] = HOSTILE

    page = correct(lead, rows, 422)

    assert "没有导入" in page.main
    assert page.form(CORRECT).values["why"] == [WHY]
    assert site.person(OFFICER["GA"]).http.get(CORRECT).status_code == 404


def test_a_list_that_does_not_fit_comes_back_with_its_rows(site: Site) -> None:
    rows = a_list()
    rows[2][5] = HOSTILE
    page = send(site.person(LEAD), rows, 422)

    told = page.root.one("table").text
    assert "4" in told
    assert "执法人员2" in told
    assert "不在" in told
    assert "没有导入" in page.main
    assert page.form(AT).values["witnessed_by"] == ["公证处公证员"]


def test_the_template_is_read_again_as_the_list_it_asks_for(site: Site) -> None:
    answer = site.person(LEAD).http.get(f"{AT}/template")

    assert answer.status_code == 200
    assert "[Content_Types].xml" in ZipFile(BytesIO(answer.content)).namelist()
    assert read_sheets(answer.content, "a.xlsx")[0].rows[0].texts == HEADINGS


def test_asked_for_what_it_has_not_an_imported_draw_says_why(site: Site, county: County) -> None:
    hand_in(county, a_list())
    confirm(county)
    lead, anybody = site.person(LEAD), site.anonymous()
    for path in ("changes", "live", "sheet"):
        assert "在别处进行后导入" in lead.get(f"/draws/{DRAW}/{path}", 409).text
    api = lead.http.get(f"/api/drawer/v1/draws/{DRAW}")
    assert (api.status_code, api.json()["code"]) == (409, "draw.drawn_elsewhere")
    anybody.get(f"/public/draws/{DRAW}", 404)

    run_due(county.service, WINDOW_END)

    for path in ("why", "record.json", "keys.json"):
        assert "在别处进行后导入" in anybody.get(f"/public/draws/{DRAW}/{path}", 409).text


def test_its_archive_is_downloaded_when_the_window_has_closed_in_full_by_few(site: Site, county: County) -> None:
    hand_in(county, a_list())
    confirm(county)
    full, public = f"/draws/{DRAW}/archive.zip", f"/public/draws/{DRAW}/archive.zip"
    anybody, lead, partner = site.anonymous(), site.person(LEAD), site.person(OFFICER["GA"])
    assert "draw.not_disclosed_yet" in lead.call("GET", full, Accept="application/json").text
    assert full not in lead.get(f"/draws/{DRAW}").links
    anybody.get(public, 404)

    run_due(county.service, WINDOW_END)

    assert full in lead.get(f"/draws/{DRAW}").links
    assert full not in partner.get(f"/draws/{DRAW}").links
    assert partner.call("GET", full).status_code == 403
    assert public in anybody.get(f"/public/draws/{DRAW}").links
    for client, path, also in ((lead, full, {"imports/D-640221-2018-001.i1.json"}), (anybody, public, set())):
        with ZipFile(BytesIO(client.call("GET", path).content)) as held:
            names = set(held.namelist())
        assert {"import.json", "frame.tsv", "plan.json", "digests.txt"} < names
        assert names & {"imports/D-640221-2018-001.i1.json"} == also


def test_only_those_of_the_lead_who_may_know_the_targets_get_the_scan(site: Site, county: County) -> None:
    hand_in(county, a_list())
    site.person(OFFICER["GA"]).get(f"/draws/{DRAW}/import/evidence", 404)
    confirm(county)

    assert site.person(APPROVER).http.get(f"/draws/{DRAW}/import/evidence").content == b"%PDF-1.4 annex 2"
    assert site.person(OFFICER["GA"]).http.get(f"/draws/{DRAW}/import/evidence").status_code == 403
    assert site.person(person("JT", Role.VIEWER)).http.get(f"/draws/{DRAW}/import/evidence").status_code == 403
