"""``onevisit draw case`` and ``draw rehearse`` on a campaign of a data folder."""

import json
from pathlib import Path

import pytest

import verify_draw
from onevisit import home as homes
from onevisit.home import HomeSettings
from tests.kit import Kit
from tests.unit.drawer_service.county import CAMPAIGN, confirmed, frozen, plan, registered, rosters
from tests.unit.operating.conftest import Command, opened


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """A data folder whose drawer has heard of a campaign with a frozen frame."""
    home = tmp_path / "home"
    homes.create(home, HomeSettings())
    system = opened(home)
    try:
        system.migrate()
        kit = Kit(tmp_path / "kit")
        kit.blobs = system.ports.blobs
        kit.feed(system.services["drawer"], *registered(), confirmed(kit, plan()), frozen(kit, rosters()))
        kit.close()
    finally:
        system.close()
    return home


def test_a_campaigns_case_is_written_and_rehearsed(county: Path, tmp_path: Path, onevisit: Command) -> None:
    done = onevisit("draw", "case", CAMPAIGN, "--to", tmp_path / "case", "--home", county)

    assert done.code == 0, done.err
    assert "抽取尚未开启" in done.out
    assert {file.name for file in (tmp_path / "case").iterdir()} == {
        "manifest.json",
        "frame-640221.tsv",
        "rosters.json",
    }
    again = onevisit("draw", "case", CAMPAIGN, "--to", tmp_path / "case", "--home", county)
    assert (again.code, "[draw.case_there_already]" in again.err) == (2, True)
    done = onevisit("draw", "rehearse", tmp_path / "case", CAMPAIGN, "--to", tmp_path / "out", "--home", county)
    assert done.code == 0, done.err
    assert done.out.count("演练，不是正式抽取") == 2
    for record in (tmp_path / "out" / "case-rehearsal.json", tmp_path / "out" / CAMPAIGN / "rehearsal.json"):
        assert json.loads(record.read_text())["manifest"]["purpose"] == "rehearsal"
        assert verify_draw.verify(str(record), [str(tmp_path / "case" / "frame-640221.tsv")]).exit_code == 0


def test_what_is_no_campaign_is_refused_and_leaves_nothing(county: Path, tmp_path: Path, onevisit: Command) -> None:
    done = onevisit("draw", "rehearse", "C-640221-2018-009", "--to", tmp_path / "out", "--home", county)

    assert "[draw.campaign_unknown]" in done.err
    assert done.code != 0
    assert not (tmp_path / "out").exists()
