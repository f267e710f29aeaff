"""The archive of a draw: whole, the same every time, checked in an empty folder with nothing of ours, and in two editions."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from runtime.errors import OneVisitError
from runtime.events.bus import Message
from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer import acts, archive
from services.drawer.annexes import annexes
from services.drawer.archiving import archive as archived
from services.drawer.queries.drawn import drawn_list
from services.drawer.uploads import Document
from tests.kit import Kit, messages, person
from tests.unit.drawer_service import elsewhere
from tests.unit.drawer_service.county import (
    BEACON_TIME,
    CAMPAIGN,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    PLANNER,
    SUPERVISOR,
    TIMES,
    WINDOW_END,
    WITNESS,
    County,
    a_county,
    plan,
)
from tests.unit.drawer_service.test_rounds import ASKED_ON, PDF, REASONS, a_round

PHOTO = Document("二十枚骰子.png", b"\x89PNG\r\n\x1a\n twenty dice on a table")
PUBLIC = {
    *("README.md", "digests.txt", "frame.tsv", "keys.json", "verify.html", "verify_draw.py"),
    *("record.json", "records/0-draw.json", "records/1-round.json", "manifests/attempt-1.json"),
    *("annexes.html", "moments.json", "plan.json"),
}


@pytest.fixture
def county(kit: Kit) -> County:
    """A county whose draw had a photograph and a round behind it, and is open to everybody."""
    found = a_county(kit, plan(replacement_reasons=REASONS))
    found.until_sealed()
    found.at(BEACON_TIME)
    acts.throw_dice(found.service, WITNESS, DRAW, key="dice", digits=DIGITS, again=DIGITS, photo=PHOTO)
    found.at(ASKED_ON)
    a_round(found)
    found.at(WINDOW_END)
    kit.bus.append(messages(found.service))
    return found


def made(county: County, edition: str, actor: Actor | None = None) -> bytes:
    with archived(county.service, actor or county.service.system, DRAW, edition) as file:
        return file.read()


def members(zipped: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(zipped)) as opened:
        return {one: opened.read(one) for one in opened.namelist()}


def unpacked(zipped: bytes, folder: Path) -> Path:
    with ZipFile(BytesIO(zipped)) as opened:
        opened.extractall(folder)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})


def verified(folder: Path, *also: str) -> subprocess.CompletedProcess[str]:
    """Run the archive's own verifier, with nothing of ours on the path."""
    return run(folder, sys.executable, "-I", "verify_draw.py", "record.json", "frame.tsv", "--keys", "keys.json", *also)


def leaves(told: Any) -> Iterator[str]:
    """Walk every key and value of a JSON document."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield key
            yield from leaves(value)
    elif isinstance(told, list):
        for value in told:
            yield from leaves(value)
    else:
        yield json.dumps(told)


# ── in ten years ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("edition", ["full", "public"])
def test_it_is_checked_in_an_empty_folder_with_nothing_of_ours(county: County, edition: str, tmp_path: Path) -> None:
    zipped = made(county, edition)
    folder = unpacked(zipped, tmp_path)
    head = json.loads(archive.full_record(county.service, DRAW).record)["replacements"][-1]["result_digest"]

    sums = run(folder, "sha256sum", "--strict", "-c", "digests.txt")
    done = verified(folder, "--head", head)

    assert sums.returncode == 0, sums.stdout + sums.stderr
    listed = {line.split("  ")[1] for line in (folder / "digests.txt").read_text("utf-8").splitlines()}
    assert listed == members(zipped).keys() - {"digests.txt"}
    assert done.returncode == 0, done.stdout + done.stderr
    readme = (folder / "README.md").read_text("utf-8")
    assert f"--head {head}" in readme
    (line,) = (line.strip() for line in readme.splitlines() if line.strip().startswith('python3 -c "'))
    told = run(folder, sys.executable, "-I", "-c", line.removeprefix('python3 -c "').removesuffix('"'))
    assert told.stdout.count("OK ") == len(listed)
    assert "FAILED" not in told.stdout


@pytest.mark.parametrize(
    ("name", "before", "after", "where"),
    [
        ("frame.tsv", b"\tAJ-1", b"\tAJ-2", "frame.tsv"),
        ("record.json", b'"removed":[{"', b'"removed":[{"a":"","', "replacements[0].rho.removed[0]"),
    ],
)
def test_a_changed_byte_is_named(
    county: County, tmp_path: Path, name: str, before: bytes, after: bytes, where: str
) -> None:
    folder = unpacked(made(county, "full"), tmp_path)
    file = folder / name
    file.write_bytes(file.read_bytes().replace(before, after, 1))

    sums, done = run(folder, "sha256sum", "-c", "digests.txt"), verified(folder)

    assert sums.returncode == 1
    assert [line for line in sums.stdout.splitlines() if "OK" not in line] == [f"{name}: FAILED"]
    assert done.returncode == 1
    assert where in next(line for line in done.stdout.splitlines() if line.startswith("DIFFERS"))


def test_the_same_draw_gives_the_same_bytes(county: County) -> None:
    for edition in ("full", "public"):
        first = made(county, edition)
        twice = [replace(one, event_id=f"{edition}-{one.event_id}") for one in messages(county.service)]
        county.kit.bus.append(twice)  # a log may hold an event twice
        assert made(county, edition) == first


# ── what is in it, and for whom ─────────────────────────────────────────────────────────────────────────────────────


def test_the_public_edition_holds_nothing_that_the_public_record_does_not(county: County) -> None:
    held = members(made(county, "public"))
    record = set(leaves(json.loads(held["record.json"])))

    assert held.keys() == PUBLIC
    assert held["record.json"] == archive.record(county.service, SUPERVISOR, DRAW, edition="public").record
    assert held["frame.tsv"] == archive.full_record(county.service, DRAW).frame
    for name in (*(name for name in PUBLIC if name.startswith(("records/", "manifests/"))), "keys.json"):
        assert set(leaves(json.loads(held[name]))) <= record, name


def test_plan_annexes_and_moments_stand_in_both_editions_and_fit_the_record(county: County) -> None:
    full, public = members(made(county, "full")), members(made(county, "public"))
    record = json.loads(public["record.json"])
    (round_,) = record["replacements"]

    for name in ("plan.json", "annexes.html", "moments.json"):
        assert full[name] == public[name], name  # the annexes tell nothing that only the full record holds
    assert sha256(public["plan.json"]).hexdigest() == record["manifest"]["plan"]
    page = public["annexes.html"].decode()
    (gone,) = round_["rho"]["removed"]
    standing = {target for targets in round_["work"].values() for target in targets}
    rows = page.split("附件6 抽取对象")[1].split("</table>")[0].split("<tr>")[2:]
    assert len(rows) == len(standing)
    for target in standing:
        (row,) = (row for row in rows if f">{target}</td>" in row)
        teams = [teams[target] for teams in round_["teams"].values() if target in teams]
        assert row.count("<div>") == len(teams)
        assert all(pid[:16] in row for team in teams for pid in team if pid), target
    assert f"第 1 轮剔除 {gone['id']}：moved_out" in page
    assert not [row for row in rows if gone["id"] in row]
    (new,) = [one for of in round_["selected"].values() for ids in of.values() for one in ids]
    assert [row.count(new) for row in rows if "round 1" in row] == [1]
    assert round_["result_digest"] in page
    assert f"room-dice 20：{DIGITS}" in page
    assert "<svg" in page
    assert "src=" not in page
    assert json.loads(public["moments.json"]).keys() == {"attempt-1", "round-1"}


def test_the_annexes_tell_of_what_came_to_nothing_and_escape_what_people_wrote(county: County) -> None:
    record = json.loads(archive.full_record(county.service, DRAW).record)
    (round_,) = record["replacements"]
    record["spent"] = [{"round": 2, "rho": {}, "signatures": {}, "reason": "no seal <b>"}]
    record["attempts"] = [{"manifest": record["manifest"], "reason": "commitment missing", "absent": ["SJ"]}]
    round_["teams"]["SJ"][next(iter(round_["teams"]["SJ"]))][0] = None

    page = annexes(json.dumps(record).encode(), DRAW, "<i>1号", {"JT": "<b>交通局"}).decode()

    assert "第 1 次作废：commitment missing" in page
    assert "第 2 轮未成：no seal &lt;b&gt;" in page
    assert "SJ：空缺、" in page
    assert "&lt;i&gt;1号" in page
    assert "<b>" not in page


def test_a_draw_without_a_round_or_dice_has_annexes_too(kit: Kit) -> None:
    county = a_county(kit, plan(witness=None, dice=None, max_missing=1))
    county.open()
    county.commit()
    county.countersign()
    county.reveal()
    for agency in ("AJ", "GA", "JT"):
        acts.seal(county.service, OFFICER[agency], DRAW, key=f"seal-{agency}")
    county.at(BEACON_TIME)

    page = members(made(county, "full"))["annexes.html"].decode()

    assert page.count("抽取 / the draw") == 11
    assert "无（仅限演练）" in page
    assert "<td>无 / none</td>" in page
    assert "<p>无。 / None.</p>" in page


# ── of a draw made elsewhere ────────────────────────────────────────────────────────────────────────────────────────


def imported(kit: Kit) -> County:
    """A county that began a draw here, and has one made elsewhere, handed in twice and confirmed once."""
    county = a_county(kit)
    elsewhere.hand_in(county, elsewhere.a_list(), key="first")
    elsewhere.confirm(county, approve=False, key="no")
    elsewhere.hand_in(county, elsewhere.a_list(), key="second")
    elsewhere.confirm(county)
    kit.bus.append(messages(county.service))
    return county


def test_what_was_drawn_elsewhere_is_kept_whole_and_nothing_claims_to_verify_it(kit: Kit, tmp_path: Path) -> None:
    county = imported(kit)
    county.at(WINDOW_END)
    full, public = made(county, "full"), made(county, "public")

    for zipped in (full, public):
        folder = unpacked(zipped, tmp_path / sha256(zipped).hexdigest())
        sums = run(folder, "sha256sum", "--strict", "-c", "digests.txt")
        assert sums.returncode == 0, sums.stdout + sums.stderr
    held, open_ = members(full), members(public)
    assert open_.keys() == {
        *("README.md", "digests.txt", "frame.tsv", "import.json", "plan.json", "moments.json"),
    }
    statement = json.loads(open_["import.json"])
    assert statement["verifiable"] is False
    assert sha256(open_["frame.tsv"]).hexdigest() == statement["frame"]["digest"]
    assert "不能核验抽取是否随机" in open_["README.md"].decode()
    read = {name: json.loads(content) for name, content in held.items() if re.fullmatch(r"imports/.*\.json", name)}
    hands = [one for name, one in read.items() if not name.endswith("-list.json")]
    assert [one["state"] for one in hands] == ["refused", "approved"]
    (standing,) = (one for name, one in read.items() if name.endswith("-list.json"))  # of what was confirmed
    assert len(standing["visits"]) == hands[1]["visits"]
    for one in hands:
        assert sha256(held[one["evidence"]]).hexdigest() == one["evidence_sha256"]
        assert held[one["evidence"]] == elsewhere.SCAN.content
    assert b'"onevisit.draw.imported.v1"' in held["log/events.jsonl"]
    assert not {"record.json", "verify_draw.py", "annexes.html"} & held.keys()
    assert made(county, "full") == full


def test_the_archive_of_a_draw_made_elsewhere_opens_with_its_window_and_in_full_for_few(kit: Kit) -> None:
    county = imported(kit)
    for actor in (SUPERVISOR, county.service.system):
        with pytest.raises(OneVisitError, match=r"draw\.not_disclosed_yet"):
            made(county, "public", actor)
    county.at(WINDOW_END)

    assert made(county, "full", SUPERVISOR)
    assert made(county, "public", OFFICER["GA"])
    for other in (PLANNER, OFFICER["GA"], WITNESS):
        with pytest.raises(OneVisitError, match=r"draw\.record_not_for_you"):
            made(county, "full", other)
    with pytest.raises(OneVisitError, match=r"draw\.edition_unknown"):
        made(county, "secret", SUPERVISOR)


def test_the_full_edition_adds_log_photographs_and_requests(county: County) -> None:
    held = members(made(county, "full"))
    added = held.keys() - PUBLIC

    assert {"log/events.jsonl", "dice/attempt-1.png"} < added
    assert held["dice/attempt-1.png"] == PHOTO.content
    requests = [
        json.loads(content) for name, content in held.items() if name.startswith("changes/X-") and "json" in name
    ]
    assert [(one["reason"], one["state"], one["about_officer"]) for one in requests] == [
        ("moved_out", "approved", False),
        ("officer_ill", "approved", True),
    ]
    for one in requests:
        assert held[one["evidence"]] == PDF.content
        assert sha256(held[one["evidence"]]).hexdigest() == one["evidence_sha256"]
    events = [json.loads(line) for line in held["log/events.jsonl"].splitlines()]
    assert [one["type"] for one in events][:1] == ["onevisit.draw.opened.v1"]
    assert {"onevisit.draw.completed.v1", "onevisit.round.closed.v1", "onevisit.draw.disclosed.v1"} <= {
        one["type"] for one in events
    }
    assert {one["data"]["draw"] for one in events} == {DRAW}
    moments = json.loads(held["moments.json"])
    assert moments["attempt-1"]["committed"].keys() == OFFICER.keys()
    assert moments["round-1"]["sealed"]


def test_what_another_wrote_into_the_log_is_left_out(county: County) -> None:
    whole = made(county, "full")
    forged = messages(county.service)[0]
    county.kit.bus.append(
        [
            Message("draws", CAMPAIGN, "noise", b"\xff no event"),
            Message("draws", CAMPAIGN, "forged", forged.body.replace(b"onevisit/drawer", b"onevisit/planner")),
        ]
    )

    assert made(county, "full") == whole


def test_nobody_is_named_in_the_full_edition_whom_the_record_does_not_name(county: County) -> None:
    held = members(made(county, "full"))
    visits = county.service.ask(LEAD, drawn_list, draw_id=DRAW)
    staff = {who for visit in visits for team in visit.teams for who in team.officers if who}

    for name, content in held.items():
        words = content.decode(errors="replace")
        assert not [one for one in staff if f'"{one}"' in words], name
        assert "team_lead" not in words, name
        assert "二十枚骰子" not in words, name
    assert len(staff) > 10


def test_a_void_attempt_is_kept_too(kit: Kit) -> None:
    county = a_county(kit)
    county.open()
    county.commit("AJ", "GA")
    county.at(COMMIT_CLOSE + timedelta(seconds=1))
    later = {name: moment + timedelta(days=1, hours=1) for name, moment in TIMES.__dict__.items()}
    county.open(**later)
    county.commit()
    county.at(later["commit_close"])
    county.countersign()
    county.reveal()
    county.seal()
    county.at(later["beacon_time"])
    county.dice()

    held = members(made(county, "full"))

    assert {"manifests/attempt-1.json", "manifests/attempt-2.json"} <= held.keys()
    assert json.loads(held["manifests/attempt-2.json"])["attempt"] == 2
    assert list(json.loads(held["moments.json"])["attempt-1"]["committed"]) == ["AJ", "GA"]


@pytest.mark.parametrize("edition", ["full", "public"])
def test_nothing_before_the_record_opens(kit: Kit, edition: str) -> None:
    county = a_county(kit)
    county.until_drawn()

    with pytest.raises(OneVisitError, match=r"draw\.not_disclosed_yet"):
        made(county, edition, SUPERVISOR)


def test_the_full_edition_is_for_the_readers_of_the_full_record(county: County) -> None:
    for reader in (SUPERVISOR, LEAD):
        assert made(county, "full", reader) == made(county, "full")
    for other in (PLANNER, OFFICER["GA"], WITNESS, person("GA", Role.SUPERVISOR)):
        with pytest.raises(OneVisitError, match=r"draw\.record_not_for_you"):
            made(county, "full", other)
    with pytest.raises(OneVisitError, match=r"draw\.edition_unknown"):
        made(county, "secret", SUPERVISOR)
