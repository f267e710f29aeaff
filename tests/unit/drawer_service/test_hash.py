"""A campaign chooses its hash: with SM3 every value of its draw is SM3's, and a plan that names none is as it was."""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.documents import CampaignPlan
from services.drawer import archiving, rehearsing
from services.drawer.annexes import annexes
from services.drawer.cases import case_of
from services.drawer.domain.encoding import SHA256, SM3, Hash
from services.drawer.domain.roster import pid
from services.drawer.drafts import enrolment
from services.drawer.queries.rounds import changes_view
from services.drawer.rehearsing import FRAME, RECORD
from services.drawer.vault import RosterSalts
from tests.kit import Kit
from tests.unit.drawer_service import test_rounds as rounds
from tests.unit.drawer_service.county import (
    CAMPAIGN,
    DRAW,
    LEAD,
    SUPERVISOR,
    WINDOW_END,
    County,
    a_county,
    frame_file,
    plan,
)
from tests.unit.drawer_service.county import rosters as county_rosters
from tests.unit.drawer_service.test_rehearsals import Player
from tests.verifier_js.node import node

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "services" / "drawer" / "assets"
ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"  # GB/T 32905-2016 A.1
ABCD_16 = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"  # A.2


@pytest.fixture
def county(kit: Kit) -> County:
    return a_county(kit, plan(hash="sm3", replacement_reasons=rounds.REASONS))


def test_a_plan_that_names_no_hash_has_the_digest_it_had() -> None:
    # Worked out by the release before the field.
    before = "33d33f11b0a96d1dbf03faed2b3475531830726733067b3c9d14231bf0485d2a"

    assert plan().digest() == plan(hash="sha256").digest() == before
    assert plan(hash="sm3").digest() != before
    assert CampaignPlan.model_validate_json(plan().encode()).hash == "sha256"


def test_with_sm3_a_draw_and_its_round_are_sm3s_to_the_last_value_and_all_verifiers_accept_them(
    county: County, tmp_path: Path
) -> None:
    tried = case_of(county.service, CAMPAIGN).files["manifest.json"]
    county.until_drawn()
    county.at(rounds.ASKED_ON)
    rounds.a_round(county)

    record = json.loads(rounds.verified(county, tmp_path, "full"))

    manifest = record["manifest"]
    assert manifest["hash"] == json.loads(tried)["hash"] == "sm3"
    assert manifest["plan"] == SM3(plan(hash="sm3", replacement_reasons=rounds.REASONS).encode()).hex()
    assert manifest["frame"]["shards"][0]["digest"] == SM3(frame_file()).hex()
    (removed,) = record["replacements"][0]["rho"]["removed"]
    assert removed["evidence"] == SM3(rounds.PDF.content).hex()
    seen = county.service.ask(LEAD, changes_view, draw_id=DRAW, now=county.kit.clock.at)
    assert {one.evidence_digest for one in seen.changes} == {SM3(rounds.PDF.content).hex()}
    county.at(WINDOW_END)
    assert rounds.verified(county, tmp_path, "public")


def test_a_record_that_names_the_other_hash_is_refused(county: County, tmp_path: Path) -> None:
    county.until_drawn()
    record = json.loads(rounds.verified(county, tmp_path, "full"))
    record["manifest"]["hash"] = "sha256"
    (tmp_path / "record.json").write_text(json.dumps(record))
    command = [sys.executable, ROOT / "verify_draw.py", tmp_path / "record.json", tmp_path / "frame.tsv"]

    assert subprocess.run([*map(str, command)], capture_output=True, timeout=300).returncode == 1


def test_what_is_written_for_people_names_the_hash(county: County, tmp_path: Path) -> None:
    county.until_drawn()
    county.at(rounds.ASKED_ON)
    rounds.a_round(county)
    record = rounds.verified(county, tmp_path, "full").encode()

    county.at(WINDOW_END)
    page = annexes(record, DRAW, "任务", {}).decode()
    with archiving.archive(county.service, SUPERVISOR, DRAW, "full") as file, zipfile.ZipFile(file) as held:
        told = held.read("README.md").decode()
        requests = [name for name in held.namelist() if name.startswith("changes/X-") and name.endswith(".json")]
        told_of = [json.loads(held.read(name)) for name in requests]

    assert "JIDRAW/1, SM3" in page
    assert f"依据 SM3 {SM3(rounds.PDF.content).hex()}" in page
    assert "SHA-256" not in page
    assert "批准的方案；其 SM3 摘要即清单中的 plan" in told
    named = (hashlib.sha256(rounds.PDF.content).hexdigest(), SM3(rounds.PDF.content).hex())
    assert [(one["evidence_sha256"], one["evidence_sm3"]) for one in told_of] == [named, named]


def test_a_rehearsal_of_an_sm3_campaign_is_an_sm3_draw(county: County, tmp_path: Path) -> None:
    Player(county).until_disclosed()
    for what in (RECORD, FRAME):
        (tmp_path / what).write_bytes(rehearsing.file(county.service, LEAD, CAMPAIGN, what)[1])
    command = [sys.executable, ROOT / "verify_draw.py", tmp_path / RECORD, tmp_path / FRAME]

    assert json.loads((tmp_path / RECORD).read_bytes())["manifest"]["hash"] == "sm3"
    assert subprocess.run([*map(str, command)], capture_output=True, timeout=300).returncode == 0


@pytest.mark.parametrize("h", [SHA256, SM3], ids=lambda h: h.name)
def test_officers_are_enrolled_under_the_draws_hash(h: Hash) -> None:
    officers = county_rosters().agencies["GA"]
    salts = RosterSalts(bytes(32), {one.officer: SHA256(one.officer.encode()) for one in officers})

    found = enrolment(h, officers, salts)

    assert found.staff_numbers == {pid(h, salts.salts[one.officer], one.officer): one.officer for one in officers}


# ── what a browser and a stranger work out ──────────────────────────────────────────────────────────────────────────


def by_the_pages_own_code(texts: list[bytes]) -> list[str]:
    script = (
        "const { sm3 } = await import('data:text/javascript,' + encodeURIComponent(process.argv[1]));"
        "const given = JSON.parse(process.argv[2]);"
        "console.log(JSON.stringify(given.map((one) => Buffer.from(sm3(new Uint8Array(Buffer.from(one, 'hex')))).toString('hex'))));"
    )
    own, given = (ASSETS / "sm3.js").read_text(), json.dumps([text.hex() for text in texts])
    run = subprocess.run(
        [node(), "--input-type=module", "-e", script, own, given], capture_output=True, check=True, timeout=120
    )
    return list(json.loads(run.stdout))


def by_check_visit(texts: list[bytes]) -> list[str]:
    held: dict[str, Any] = {"__name__": "check_visit"}
    exec((ASSETS / "check_visit.py").read_text(encoding="utf-8"), held)
    return [held["hashed"]("sm3", text).hex() for text in texts]


@pytest.mark.parametrize("worked_out", [by_the_pages_own_code, by_check_visit])
def test_the_sm3_of_pages_and_of_the_visits_checker_is_the_standards(
    worked_out: Callable[[list[bytes]], list[str]],
) -> None:
    texts = [b"abc", b"abcd" * 16, *(bytes(one % 251 for one in range(length)) for length in range(200))]

    found = worked_out(texts)

    assert found[:2] == [ABC, ABCD_16]
    assert found == [SM3(text).hex() for text in texts]
