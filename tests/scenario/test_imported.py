"""
A draw made on the region's platform: handed in and confirmed by two people of the lead, inspected like any other.

Played on the campaign's own frame and rosters, over HTTP; planner, results and notifier hear of it as of a draw made here.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

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
TOLD = {
    "place": "platform",
    "platform": "自治区双随机平台",
    "drawn_on": "2018-12-03",
    "witnessed_by": "公证处",
    "reason": "自治区统一抽取",
}
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


def files(rows: list[list[str]]) -> dict[str, Any]:
    return {"evidence": SCAN, "sheet": ("附件6.xlsx", write_sheet("附件6", HEADINGS, rows), XLSX)}


def handed_in(desk: Desk, campaign: str, rows: list[list[str]]) -> str:
    """Hand a list in as the lead; the draw's page."""
    desk.send("jt-draw", f"/campaigns/{campaign}/draw/import", TOLD, files(rows))
    (draw,) = {one for one in desk.who("jt-check").get("/draws").links if one.startswith("/draws/D-")}
    return draw


def test_an_imported_draw_is_inspected_like_any_other_and_marked_everywhere(desk: Desk) -> None:
    (campaign,) = [one["campaign"] for one in desk.get("jt-plan", "/api/planner/v1/campaigns")["campaigns"]]
    rows = a_list(desk, campaign)
    draw = handed_in(desk, campaign, rows)
    assert desk.get("jt-plan", f"{RESULTS}/visits")["visits"] == []
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


def test_a_second_import_over_the_first_moves_the_visits_of_everybody(desk: Desk) -> None:
    (campaign,) = [one["campaign"] for one in desk.get("jt-plan", "/api/planner/v1/campaigns")["campaigns"]]
    rows = a_list(desk, campaign)
    draw = handed_in(desk, campaign, rows)
    desk.send("jt-check", f"{draw}/import/decide", {"approve": "yes"})
    before = {one["visit"] for one in visits_of(desk)}
    corrected, mistyped, right, place = put_right(desk, campaign, rows)
    (left,), (came,) = set(rows[place]) - set(corrected[place]), set(corrected[place]) - set(rows[place])

    desk.send("jt-draw", f"{draw}/import/correct", TOLD | {"why": "附件6抄错一户、一人"}, files(corrected))
    assert {one["visit"] for one in visits_of(desk)} == before
    desk.send("jt-check", f"{draw}/import/decide", {"approve": "yes"})

    seen = {one["target"]["target"]: one for one in visits_of(desk)}
    assert (seen[right]["visit"] in before, seen[right]["instead_of"]) == (False, seen[mistyped]["visit"])
    assert seen[mistyped]["instead"] == seen[right]["visit"]
    assert "外部抽取的导入已更正" in seen[mistyped]["closed_for"]
    assert {section["state"] for section in seen[mistyped]["sections"]} == {"replaced"}
    stays = seen[rows[place][1]]
    assert stays["visit"] in before
    (team,) = [one["team"] for one in stays["sections"] if one["agency"] == rows[place][2]]
    assert {one["officer"] for one in team} == set(corrected[place][3:])
    assert "import.corrected.came" in desk.codes(came.lower())
    assert "import.corrected.left" in desk.codes(left.lower())
    assert "import.corrected" in desk.codes("ga-check")
    (told,) = desk.get("jt-plan", f"/api/planner/v1/campaigns/{campaign}")["draws"]
    assert (told["visits"], told["sections"]) == (len(before), len(rows))


def visits_of(desk: Desk) -> list[dict[str, Any]]:
    """Show every visit to the lead's planner."""
    found = desk.get("jt-plan", f"{RESULTS}/visits")["visits"]
    return [desk.get("jt-plan", f"{RESULTS}/visits/{one['visit']}") for one in found]


def put_right(desk: Desk, campaign: str, rows: list[list[str]]) -> tuple[list[list[str]], str, str, int]:
    """
    Exchange the first target for another of its stratum and lines, and an officer somewhere else for a colleague.

    Returns:
        The rows, the mistyped target, the right one, and the row with another officer.
    """
    drawer = desk.system.services["drawer"]
    ground: Ground = drawer.ask(drawer.system, ground_of, campaign_id=campaign)
    basis = basis_of(drawer.ports.blobs, ground)
    frame = {line.split("\t")[0]: line.split("\t")[1:] for line in basis.frame_file.decode().splitlines()}
    rosters, named, mistyped = basis.rosters, {row[1] for row in rows}, rows[0][1]
    going = {(row[2], officer) for row in rows if row[1] == mistyped for officer in row[3:]}
    recused = {(agency, one.officer): set(one.recused) for agency, all_ in rosters.agencies.items() for one in all_}
    right = next(
        target
        for target, about in frame.items()
        if about == frame[mistyped] and target not in named and not any(target in recused[one] for one in going)
    )
    corrected = [[*row[:1], right, *row[2:]] if row[1] == mistyped else list(row) for row in rows]
    for place, row in enumerate(corrected):
        if row[1] == right:
            continue
        for one in rosters.agencies[row[2]]:
            if one.officer not in row and row[1] not in one.recused:
                row[3] = one.officer
                return corrected, mistyped, right, place
    raise AssertionError("no colleague could have gone anywhere")
