"""
A draw made on the region's platform: handed in and confirmed by two people of the lead, inspected like any other.

Played on the campaign's own frame and rosters, over HTTP; planner, results and notifier hear of it as of a draw made here.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runtime.files.sheets import write_sheet
from schemas.documents import Rosters
from services.drawer.commands.opening import Ground, ground_of
from services.drawer.domain.manifest_rules import sizes
from services.drawer.drafts import selection_of
from services.drawer.working import basis_of
from tests.scenario.desk import RESULTS, Desk
from tests.scenario.playing import copied, play

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("imported"), pytest.mark.timeout(900)]

FROZEN = datetime.fromisoformat("2018-12-03T09:10+08:00")
WINDOW_END = datetime.fromisoformat("2018-12-21T00:00+08:00")
SCAN = ("附件2.pdf", b"%PDF-1.4 annex 2", "application/pdf")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADINGS = ("企业名称", "统一社会信用代码", "部门", "执法人员1", "执法人员2")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    played = play(tmp_path / "played" / "home", until=FROZEN)
    with capture_logs(), copied(played.home, tmp_path / "home") as system:
        yield Desk(system)


def a_list(desk: Desk, campaign: str) -> list[list[str]]:
    """Draw as the plan says, by taking the first of each class, and send whoever is not recused."""
    drawer = desk.system.services["drawer"]
    ground: Ground = drawer.ask(drawer.system, ground_of, campaign_id=campaign)
    basis = basis_of(drawer.ports.blobs, ground)
    (planned,) = sizes((selection_of(ground.plan),), basis.census().counts).values()
    left = {code: drawn for code, (_, drawn) in planned.items()}
    lines = {item.item: item.agency for item in ground.plan.items}
    rows: list[list[str]] = []
    visits: Counter[str] = Counter()
    for row in basis.frame_file.decode().splitlines():
        target, stratum, carried = row.split("\t")
        if left[stratum.partition("/")[0]]:
            left[stratum.partition("/")[0]] -= 1
            agencies = sorted({lines[line] for line in carried.split(",") if line in lines})
            rows += [["某公司", target, agency, *free(basis.rosters, agency, target, visits)] for agency in agencies]
    return rows


def free(rosters: Rosters, agency: str, target: str, visits: Counter[str]) -> list[str]:
    """Name two officers of an agency who may go to a target and have been sent least."""
    may = [one.officer for one in rosters.agencies[agency] if target not in one.recused]
    chosen = sorted(may, key=lambda officer: visits[officer])[:2]
    visits.update(chosen)
    return chosen


def test_an_imported_draw_is_inspected_like_any_other_and_marked_everywhere(desk: Desk) -> None:
    (campaign,) = [one["campaign"] for one in desk.get("jt-plan", "/api/planner/v1/campaigns")["campaigns"]]
    rows = a_list(desk, campaign)
    told = {
        "place": "platform",
        "platform": "自治区双随机平台",
        "drawn_on": "2018-12-03",
        "witnessed_by": "公证处",
        "reason": "自治区统一抽取",
    }
    files = {"evidence": SCAN, "sheet": ("附件6.xlsx", write_sheet("附件6", HEADINGS, rows), XLSX)}

    desk.send("jt-draw", f"/campaigns/{campaign}/draw/import", told, files)
    assert desk.get("jt-plan", f"{RESULTS}/visits")["visits"] == []
    (draw,) = {one for one in desk.who("jt-check").get("/draws").links if one.startswith("/draws/D-")}
    desk.send("jt-check", f"{draw}/import/decide", {"approve": "yes"})

    visits = desk.get("jt-plan", f"{RESULTS}/visits")["visits"]
    assert len(visits) == len({row[1] for row in rows})
    officers = {one.lower() for row in rows for one in row[3:]}
    assert all("draw.team" in desk.codes(one) for one in officers)
    assert "draw.imported" in desk.codes("ga-check")
    progress = desk.get("jt-plan", f"/api/planner/v1/campaigns/{campaign}")["draws"]
    assert [(one["state"], one["visits"], one["sections"]) for one in progress] == [
        ("completed", len(visits), len(rows))
    ]
    day = {"day": "2018-12-12", "instead_of": None}
    desk.post("jt-plan", f"{RESULTS}/visits/{visits[0]['visit']}/schedule", day)
    assert "本系统无法核验" in desk.who("ga-draw").get(draw).main

    desk.at(WINDOW_END)

    page = desk.who("jt-plan").get(f"/public{draw}")
    assert "本系统无法核验" in page.main
    statement = json.loads(desk.who("jt-plan").http.get(f"/public{draw}/import.json").content)
    assert {id_ for strata in statement["selected"].values() for ids in strata.values() for id_ in ids} == {
        row[1] for row in rows
    }
    assert desk.who("jt-plan").http.get(f"/public{draw}/record.json").status_code == 409
    assert "draw.disclosed" in desk.codes("jt-plan")
