"""A program hands a draw made elsewhere in by an API key, as the page takes it; a person of the lead confirms it."""

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from httpx import Response

from runtime.files.sheets import read_sheets, write_sheet
from schemas.events.draws import DrawImported, ImportCorrected
from schemas.vocabulary import Role, Scope
from tests.kit import Kit, person, said
from tests.pages.client import ConsoleClient, Site, open_site
from tests.unit.drawer_service.county import CAMPAIGN, DRAW, LEAD, NAMES, OFFICER, PLANNER, County, a_county
from tests.unit.drawer_service.elsewhere import APPROVER, HEADINGS, Row, a_list, confirm, drawn, hand_in

API = "/api/drawer/v1"
AT = f"{API}/campaigns/{CAMPAIGN}/import"
ONE = f"{API}/draws/{DRAW}/import"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = b"%PDF-1.4 annex 2"
TOLD = {
    "place": "platform",
    "platform": "自治区双随机平台",
    "drawn_on": "2018-12-03",
    "witnessed_by": "公证处公证员",
    "reason": "自治区统一抽取",
}


@pytest.fixture
def county(kit: Kit) -> County:
    return a_county(kit)


@pytest.fixture
def site(county: County) -> Site:
    return open_site(county.kit, county.service)


def send(client: ConsoleClient, rows: list[Row], key: str = "k", path: str = AT, **changes: str) -> Response:
    """Send what a program sends: a form with two files."""
    sheet = write_sheet("附件6", HEADINGS, rows)
    files = {"evidence": ("附件2.pdf", PDF, "application/pdf"), "sheet": ("附件6.xlsx", sheet, XLSX)}
    headers = {"Idempotency-Key": key, "X-CSRF-Token": client.csrf}
    answer: Response = client.http.post(path, data=TOLD | changes, files=files, headers=headers)
    return answer


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def test_a_program_hands_in_and_a_person_confirms(site: Site, county: County) -> None:
    program, approver = site.client("JT", Scope.DRAWS_IMPORT), site.person(APPROVER)
    template = program.call("GET", f"{AT}/template")
    assert "[Content_Types].xml" in ZipFile(BytesIO(template.content)).namelist()

    answer = send(program, a_list())
    assert (answer.status_code, answer.json()) == (201, {"draw": DRAW, "import": f"{DRAW}.i1", "state": "asked"})
    assert send(program, a_list()).json() == answer.json()
    assert send(program, a_list(), drawn_on="2018-12-02").json()["code"] == "idempotency.key_reused"

    waiting = program.api("GET", ONE)
    assert (waiting["state"], waiting["verifiable"], waiting["may_decide"]) == ("asked", False, False)
    assert sorted(one["target"] for one in waiting["list"]) == drawn()
    assert program.api("POST", f"{ONE}/decide", {"approve": True}, 403)["code"] == "web.route_not_for_clients"
    assert approver.api("GET", ONE)["may_decide"] is True
    assert approver.call("GET", f"{ONE}/evidence").content == PDF
    assert approver.api("POST", f"{ONE}/decide", {"approve": True}) == {"draw": DRAW, "state": "approved"}

    (told,) = [one for one in said(county.service) if isinstance(one, DrawImported)]
    assert (told.place, told.visits) == ("platform", 11)
    stands = program.api("GET", ONE)
    assert (stands["state"], stands["visits"], stands["list"]) == ("approved", 11, None)
    partner = site.person(OFFICER["GA"])
    (seen,) = partner.api("GET", f"{API}/imports")["imports"]
    assert (seen["draw"], seen["sees_list"], seen["verifiable"]) == (DRAW, False, False)
    told_partner = partner.api("GET", ONE)
    assert not any(target in str(told_partner) for target in drawn())
    assert (told_partner["evidence_name"], told_partner["sheet_name"]) == ("", ""), "names of files may name a firm"
    assert stands["evidence_name"] == "附件2.pdf"
    assert partner.api("GET", f"{ONE}/evidence", status=403)["code"] == "draw.evidence_not_for_you"


def test_a_program_corrects_what_it_mistyped_and_a_person_confirms(site: Site, county: County) -> None:
    program, approver, path = site.client("JT", Scope.DRAWS_IMPORT), site.person(APPROVER), f"{ONE}/corrections"
    assert code(send(program, a_list(), "1", path, why="抄错")) == (404, "draw.import_unknown")
    hand_in(county, a_list())
    confirm(county)
    stands = read_sheets(program.call("GET", f"{ONE}/list").content, "a.xlsx")[0].rows
    assert len(stands) == len(a_list()) + 1
    rows = a_list()
    mistyped, rows[0][4] = rows[0][4], "JT-99"
    assert code(send(program, rows, "2", path, why="抄错")) == (422, "draw.import_refused")
    assert code(send(program, a_list(), "3", path)) == (422, "web.input_invalid")
    rows[0][4] = next(
        one for one in (f"{mistyped[:3]}{n:02d}" for n in range(1, 9)) if one not in (mistyped, rows[0][5])
    )
    rows[0][3] = rows[0][5]

    answer = send(program, rows, "4", path, why="第一行工号抄错", place="paper")
    told = {"draw": DRAW, "import": f"{DRAW}.i2", "corrects": f"{DRAW}.i1", "state": "asked"}
    assert (answer.status_code, answer.json()) == (201, told)
    waits = approver.api("GET", ONE)
    assert (waits["state"], waits["waiting"]["correction"], waits["may_decide"]) == ("approved", "第一行工号抄错", True)
    assert approver.api("POST", f"{ONE}/decide", {"approve": True})["state"] == "approved"

    (whole,) = [one for one in said(county.service) if isinstance(one, ImportCorrected)]
    assert (whole.replaced, whole.reseated) == (0, 1)
    now = program.api("GET", ONE)
    assert (now["version"], now["place"], now["waiting"]) == (f"{DRAW}.i2", "paper", None)
    assert [one["state"] for one in now["versions"]] == ["approved", "corrected"]
    assert approver.call("GET", f"{ONE}/evidence?version={DRAW}.i1").content == PDF


def test_what_was_handed_in_is_taken_back_and_handed_in_again(site: Site) -> None:
    program = site.client("JT", Scope.DRAWS_IMPORT)
    send(program, a_list(), "1")
    assert code(send(program, a_list(), "2")) == (409, "draw.import_waiting")

    assert program.api("POST", f"{ONE}/withdraw")["state"] == "withdrawn"
    assert program.api("GET", ONE, status=404)["code"] == "draw.import_unknown"
    assert program.api("GET", f"{API}/imports") == {"imports": []}
    assert send(program, a_list(), "3").json()["import"] == f"{DRAW}.i2"


def test_a_list_that_does_not_fit_is_refused_row_by_row_in_both_languages(site: Site, county: County) -> None:
    rows = a_list()
    gone = rows.pop(1)
    rows[2][3:] = ["", rows[2][4], "JT-99"]
    answer = send(site.client("JT", Scope.DRAWS_IMPORT), rows)

    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "draw.import_refused")
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["facts"] == {"count": 2}
    missing, unknown = problem["complaints"]
    assert (missing["column"], missing["code"]) == ("部门", "draw.import.agency_missing")
    assert gone[2] in missing["zh"], "agencies by name in the sentence, by id in the facts"
    assert [NAMES[one] for one in missing["facts"]["agencies"]] == [gone[2]]
    assert (unknown["row"], unknown["column"]) == (4, "执法人员2")
    assert "JT-99" in unknown["zh"]
    assert "JT-99" in unknown["en"]
    assert said(county.service) == []


@pytest.mark.parametrize(
    "changes", [{"place": "street"}, {"witnessed_by": "  "}, {"drawn_on": "yesterday"}, {"reason": "因" * 201}]
)
def test_facts_of_the_wrong_shape_are_named(site: Site, changes: dict[str, str]) -> None:
    answer = send(site.client("JT", Scope.DRAWS_IMPORT), a_list(), **changes)

    assert code(answer) == (422, "web.input_invalid")
    assert next(iter(changes)) in str(answer.json()["facts"])


def test_no_other_key_and_nobody_else_hands_in(site: Site, county: County) -> None:
    speaker, reader = site.client("JT", Scope.DRAWS_SPEAK), site.client("JT", Scope.CAMPAIGNS_READ)
    assert {code(send(one, a_list())) for one in (speaker, reader)} == {(403, "web.scope_missing")}
    assert code(send(site.client("GA", Scope.DRAWS_IMPORT), a_list())) == (403, "draw.lead_only")
    assert code(send(site.person(PLANNER), a_list())) == (403, "web.role_missing")
    importer = site.client("JT", Scope.DRAWS_IMPORT)
    assert importer.api("POST", f"{API}/draws", {"campaign": CAMPAIGN}, 403)["code"] == "web.route_not_for_clients"
    assert importer.api("POST", f"{API}/draws/{DRAW}/commit", {}, 403)["code"] == "web.scope_missing"

    assert send(site.person(LEAD), a_list()).status_code == 201
    both = site.person(person("JT", Role.DRAW_OFFICER, Role.APPROVER, id=LEAD.id))
    assert both.api("POST", f"{ONE}/decide", {"approve": True}, 403)["code"] == "draw.import_by_same_person"
    assert said(county.service) == []
