"""A campaign's draw as a case in files: what the draw is computed from, and the seed only when everybody may have it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onevisit.cases import compute_case, read_case, write_case
from onevisit.ceremony_alone import rehearse
from runtime.errors import OneVisitError
from services.drawer import archive
from services.drawer.app import drawer
from services.drawer.cases import case_of
from services.drawer.queries.records import public_draw
from tests.kit import Kit
from tests.unit.drawer_service.county import (
    CAMPAIGN,
    DRAW,
    WINDOW_END,
    County,
    confirmed,
    plan,
    registered,
)

FILES = {"manifest.json", "frame-640221.tsv", "rosters.json"}


def test_before_a_draw_is_opened_the_case_can_be_rehearsed_and_says_so(county: County, tmp_path: Path) -> None:
    made = case_of(county.service, CAMPAIGN)

    assert (set(made.files), made.is_opened, made.has_seed) == (FILES, False, False)
    manifest = json.loads(made.files["manifest.json"])
    assert (manifest["purpose"], manifest["draw"], manifest["beacons"]) == ("rehearsal", CAMPAIGN, [])
    write_case(made.files, tmp_path / "case")
    done = rehearse(read_case(tmp_path / "case"))
    assert len(done.outcome.visits) == 11
    assert (tmp_path / "case").stat().st_mode & 0o777 == 0o700
    with pytest.raises(OneVisitError, match=r"draw\.case_there_already"):
        write_case(made.files, tmp_path / "case")
    assert [file.name for file in tmp_path.iterdir() if "case" in file.name] == ["case"], "nothing half written is left"


def test_a_case_of_an_open_draw_is_that_draws_and_holds_no_seed_before_everybody_has_it(county: County) -> None:
    county.until_drawn()
    made = case_of(county.service, CAMPAIGN)
    full = json.loads(archive.full_record(county.service, DRAW).record)

    assert (set(made.files), made.is_opened, made.has_seed) == (FILES, True, False)
    assert json.loads(made.files["manifest.json"]) == full["manifest"]
    told = b"".join(made.files.values())
    secrets = [full["seed"], *(one["value"] for one in full["reveals"].values())]
    assert not [one for one in secrets if one.encode() in told]
    assert not [one for one in full["teams"].values() if one["rho"].encode() in told], "rho opens rosters for others"


def test_once_the_record_is_open_the_seed_is_there_and_gives_the_published_result(
    county: County, tmp_path: Path
) -> None:
    county.until_drawn()
    county.at(WINDOW_END + timedelta(seconds=1))
    made = case_of(county.service, CAMPAIGN)
    assert set(made.files) == FILES | {"seed.txt"}
    write_case(made.files, tmp_path / "case")

    computed = compute_case(tmp_path / "case")

    service = county.service
    public: Any = service.ask(service.system, public_draw, draw_id=DRAW)
    assert computed.outcome.result_digest.hex() == public.result_digest
    assert computed.remarks == ()


def test_a_campaign_without_a_frame_or_unknown_has_no_case(kit: Kit) -> None:
    service = kit.build(drawer)
    kit.feed(service, *registered(), confirmed(kit, plan()))

    with pytest.raises(OneVisitError, match=r"draw\.frame_not_frozen"):
        case_of(service, CAMPAIGN)
    with pytest.raises(OneVisitError, match=r"draw\.campaign_unknown"):
        case_of(service, "C-640221-2018-009")
