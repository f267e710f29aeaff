"""分段式: one draw chooses the targets, a second sends officers of several agencies to exactly these."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import OneVisitError
from services.drawer import acts, archive, checking, round_acts
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draw_view
from services.drawer.queries.records import public_draw
from tests.kit import Kit
from tests.unit.drawer_service import test_rounds as rounds
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    CAMPAIGN,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    LEAD,
    OPENED,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    confirmed,
    frame_file,
    frozen,
    plan,
    rosters,
)
from tests.unit.drawer_service.test_rotation import LATER, SECOND, SECOND_DRAW, Twice
from tests.verifier_js import node

ROOT = Path(__file__).parents[3]
ALONE: dict[str, Any] = {
    "agencies": [one for one in plan().agencies if one.agency == "JT"],
    "items": [one for one in plan().items if one.agency == "JT"],
    "max_missing": 0,
    "disclosure": "open",
    "replacement_reasons": rounds.REASONS,
}


def rows_of(lines: str, only: Iterable[str] | None = None) -> bytes:
    """Take the rows out of the county's frame that carry *lines*, and these lines of them."""
    found = []
    for row in frame_file().decode().splitlines():
        target, stratum, carried = row.split("\t")
        kept = [line for line in carried.split(",") if line in lines.split(",")]
        if kept and (only is None or target in only):
            found.append(f"{target}\t{stratum}\t{','.join(kept)}\n")
    return "".join(found).encode()


EVERYBODY = ",".join(f"{agency}-1" for agency in AGENCIES)


def one_agency_alone(kit: Kit, **changes: Any) -> County:
    """Let JT draw alone before the notary, as far as the dice."""
    agreed = plan(**ALONE | changes)
    county = a_county(kit, agreed)
    kit.feed(county.service, frozen(kit, rosters(), rows_of("JT-1")))
    county.open()
    county.commit("JT")
    county.at(COMMIT_CLOSE)
    county.countersign("JT")
    county.reveal("JT")
    county.seal()
    county.at(BEACON_TIME)
    county.dice()
    county.at(BEACON_TIME)  # with disclosure "open" the record opens now
    return county


def targets(county: County, draw: str = DRAW) -> set[str]:
    visits = county.service.ask(LEAD, drawn_list, draw_id=draw)
    return {one.target for one in visits if one.removed_in is None}


def followed(county: County, file: bytes, **changes: Any) -> Twice:
    """Confirm and freeze the second campaign, on the frame *file*."""
    told = {"campaign": SECOND, "parent": CAMPAIGN, "planned_targets": file.count(b"\n")} | changes
    kit = county.kit
    kit.feed(county.service, confirmed(kit, plan(**told)), frozen(kit, rosters(campaign=SECOND), file))
    kit.clock.at = OPENED + LATER
    return Twice(county, County(kit, county.service, SECOND, SECOND_DRAW))


def test_several_agencies_are_drawn_for_exactly_the_targets_of_the_first_stage(kit: Kit, tmp_path: Path) -> None:
    county = one_agency_alone(kit)
    drawn = targets(county)

    followed(county, rows_of(EVERYBODY, drawn)).draw()

    assert len(drawn) == 10
    assert targets(county, SECOND_DRAW) == drawn
    files = archive.full_record(county.service, SECOND_DRAW)
    record = json.loads(files.record)
    first = json.loads(archive.full_record(county.service, DRAW).record)
    assert record["manifest"]["parent"] == {"manifest": first["manifest_digest"], "result": first["result_digest"]}
    assert [one["rules"] for one in record["manifest"]["selections"]] == [{"K1": {"full": True}}]
    visits = county.service.ask(LEAD, drawn_list, draw_id=SECOND_DRAW)
    assert {team.agency for one in visits for team in one.teams} == set(AGENCIES)
    (tmp_path / "record.json").write_bytes(files.record)
    (tmp_path / "frame.tsv").write_bytes(files.frame)
    command = [sys.executable, ROOT / "verify_draw.py", tmp_path / "record.json", tmp_path / "frame.tsv"]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert first["manifest_digest"][:16] in run.stdout, "it says which record it does not hold"
    assert node.named(node.verified(tmp_path)[tmp_path.name]) == (0, None, None)
    assert f"parent {first['manifest_digest']}" in checking.verify(files.record, [files.frame]).not_held


def test_the_draws_page_and_its_public_record_name_the_first_stage(kit: Kit) -> None:
    county = one_agency_alone(kit)
    found = followed(county, rows_of(EVERYBODY, targets(county)))
    found.draw()

    view = county.service.ask(LEAD, draw_view, draw_id=SECOND_DRAW, now=kit.clock.at)

    assert view.parent is not None
    assert view.parent.campaign == CAMPAIGN
    county.at(WINDOW_END)
    system = county.service.system
    assert county.service.ask(system, public_draw, draw_id=SECOND_DRAW).parent == DRAW
    assert county.service.ask(system, public_draw, draw_id=DRAW).parent is None


def test_a_second_stage_waits_until_the_first_is_disclosed(kit: Kit) -> None:
    county = one_agency_alone(kit, disclosure="window")
    found = followed(county, rows_of(EVERYBODY, targets(county)))

    with pytest.raises(OneVisitError, match=r"draw\.first_stage_not_disclosed"):
        found.open()
    with pytest.raises(OneVisitError, match=r"draw\.first_stage_not_disclosed"):
        acts.feasibility(county.service, LEAD, SECOND)


@pytest.mark.parametrize("more", [-1, 1])
def test_a_second_stage_over_another_frame_is_not_opened(kit: Kit, more: int) -> None:
    county = one_agency_alone(kit)
    drawn = targets(county)
    others = sorted({row.split("\t")[0] for row in frame_file().decode().splitlines()} - drawn)
    only = {*drawn, others[0]} if more > 0 else drawn - {min(drawn)}
    found = followed(county, rows_of(EVERYBODY, only))

    with pytest.raises(OneVisitError, match=r"draw\.parent_differs") as refused:
        found.open()

    assert refused.value.facts["part"] == "targets"


def test_a_second_stage_follows_the_first_as_its_last_round_left_it(kit: Kit) -> None:
    county = one_agency_alone(kit)
    before = targets(county)
    county.at(rounds.ASKED_ON)
    gone = rounds.visits(county)[0]
    rounds.asked_and_approved(county, gone.visit, "closed", "JT")
    number = rounds.open_round(county)
    rounds.sign(county, number)
    rounds.reveal(county, number, "JT")
    round_acts.seal(county.service, WITNESS, DRAW, number, key="seal round")
    county.at(rounds.DICE_AT)
    round_acts.throw_dice(county.service, WITNESS, DRAW, number, digits=DIGITS, again=DIGITS, key="dice round")
    now = targets(county)
    assert now != before

    old = followed(county, rows_of(EVERYBODY, before))
    with pytest.raises(OneVisitError, match=r"draw\.parent_differs"):
        old.open()
    followed(county, rows_of(EVERYBODY, now)).open()

    first = json.loads(archive.full_record(county.service, DRAW).record)
    view = county.service.ask(LEAD, draw_view, draw_id=SECOND_DRAW, now=kit.clock.at)
    assert view.parent is not None
    assert view.parent.result == first["replacements"][-1]["result_digest"]


def test_a_plan_without_a_first_stage_is_written_as_earlier_releases_read_it() -> None:
    assert b"parent" not in plan().encode()
    assert b'"parent":"C-' in plan(parent=CAMPAIGN).encode()
