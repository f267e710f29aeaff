"""
After the draw, in the third day of inspections: a firm has moved away and an officer is ill.

Everybody does their part over HTTP with their own account; the clock is the campaign's. In the end everybody may check it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.scenario.desk import DRAWER, RESULTS, Desk, a_round
from tests.scenario.playing import Played, copied

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("walls"), pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
WINDOW_END = datetime.fromisoformat("2018-12-21T00:00+08:00")


@pytest.fixture
def desk(midway: Played, tmp_path: Path) -> Iterator[Desk]:
    with capture_logs(), copied(midway.home, tmp_path / "home") as system:
        yield Desk(system)


def test_a_target_and_an_officer_are_replaced_by_people_over_http(desk: Desk, tmp_path: Path) -> None:
    before = {one["visit"] for one in desk.get("jt-plan", f"{RESULTS}/visits")["visits"]}

    done = a_round(desk)

    listed = {one["visit"]: one for one in desk.get("jt-plan", f"{RESULTS}/visits")["visits"]}
    (new,) = listed.keys() - before
    gone = done.gone["visit"]
    closed = desk.get("jt-plan", f"{RESULTS}/visits/{gone}")
    assert (closed["instead"], closed["closed_for"]) == (new, ["已迁出本县", "Moved out of the county"])
    assert {each["state"] for each in closed["sections"]} == {"replaced"}
    fresh = desk.get("jt-plan", f"{RESULTS}/visits/{new}")
    assert (fresh["instead_of"], {each["state"] for each in fresh["sections"]}) == (gone, {"open"})
    day = {"day": "2018-12-17", "instead_of": done.gone["visit_on"]}
    assert desk.post("jt-plan", f"{RESULTS}/visits/{gone}/schedule", day, 409)["code"] == "visit.replaced"
    desk.post("jt-plan", f"{RESULTS}/visits/{new}/schedule", day | {"instead_of": None})

    section = done.section["section"]
    shown = {one["section"]: one for one in desk.get("jt-plan", f"{RESULTS}/visits/{done.other}")["sections"]}
    team = {member["officer"] for member in shown[section]["team"]}
    (came,) = team - {member["officer"] for member in done.section["team"]}
    assert done.ill not in team
    assert "inspector.came" in desk.codes(came.lower())
    assert "inspector.left" in desk.codes(done.ill.lower())
    assert desk.get(came.lower(), f"{RESULTS}/sections/{section}")["drawn"]
    left = desk.who(done.ill.lower()).http.get(f"{RESULTS}/sections/{section}")
    assert left.status_code == 404 or not left.json()["drawn"], "a team lead still sees it, but is no more of the team"
    told = [member["officer"] for each in fresh["sections"] for member in each["team"]]
    assert "target.replaced.team" in desk.codes(told[0].lower())
    assert "target.replaced.lead" in desk.codes("jt-plan")

    desk.at(WINDOW_END)
    record = desk.who("jt-super").http.get(f"{DRAWER}/draws/{done.draw}/record?edition=full")
    frame = desk.who("jt-super").http.get(f"/public/draws/{done.draw}/frame.tsv")
    assert (record.status_code, frame.status_code) == (200, 200)
    files = [tmp_path / "record.json", tmp_path / "frame.tsv"]
    for file, answer in zip(files, (record, frame), strict=True):
        file.write_bytes(answer.content)
    run = subprocess.run(
        [sys.executable, str(ROOT / "verify_draw.py"), *map(str, files)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert [one["round"] for one in json.loads(record.content)["replacements"]] == [1]
