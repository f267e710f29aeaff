"""``onevisit draw``: cases computed in folders, refused with code, row and reason, and nothing half written."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import verify_draw
from services.drawer.domain import entity_proof
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.merkle import Path as TreePath
from tests.unit.drawer.draws import SAMPLES, as_plain, sample
from tests.unit.operating.conftest import Command

ROOT = Path(verify_draw.__file__).parent
FULL = ("rehearsal", "rounds", "second-attempt", "single", "sm3", "spent-round", "unwitnessed")


def a_case(folder: Path, name: str = "rounds") -> Path:
    """Write a sample's main draw as a case."""
    record = sample(name)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(record["manifest"]))
    (folder / "seed.txt").write_text(record["seed"] + "\n")
    rosters = {name: {"roster": one["roster"], "recused": one["recused"]} for name, one in record["teams"].items()}
    (folder / "rosters.json").write_text(json.dumps(rosters))
    for file in (SAMPLES / name).glob("*.tsv"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_any_number_of_cases_is_computed_and_written_beside_its_files(tmp_path: Path, onevisit: Command) -> None:
    cases = [a_case(tmp_path / name, name) for name in FULL]

    done = onevisit("draw", "compute", *cases)

    assert done.code == 0, done.err
    for name, case in zip(FULL, cases, strict=True):
        record, result = sample(name), json.loads((case / "result.json").read_text())
        assert set(result) == {"selected", "work", "teams", "open", "visits_root", "result_digest"}
        assert result["teams"] == {agency: one["assigned"] for agency, one in record["teams"].items()}
        for part in ("selected", "work", "visits_root", "result_digest"):
            assert result[part] == record[part]
        assert record["result_digest"] in done.out


def test_an_open_slot_is_listed_with_agency_id_and_index(tmp_path: Path, onevisit: Command) -> None:
    case = a_case(tmp_path / "case")
    rosters = json.loads((case / "rosters.json").read_text())
    for entry in rosters["GA"]["roster"].values():
        entry[1] = 0
    (case / "rosters.json").write_text(json.dumps(rosters))

    assert onevisit("draw", "compute", case).code == 0

    result = json.loads((case / "result.json").read_text())
    assert result["open"] == [
        ["GA", target, index]
        for target in sorted(result["work"]["GA"])
        for index in range(len(result["teams"]["GA"][target]))
    ]
    assert result["open"]


def spoil(name: str, old: bytes, new: bytes) -> Callable[[Path], Any]:
    def change(case: Path) -> None:
        content = (case / name).read_bytes()
        assert old in content
        (case / name).write_bytes(content.replace(old, new, 1))

    return change


def unlink(name: str) -> Callable[[Path], Any]:
    return lambda case: (case / name).unlink()


def third_row(change: Callable[[bytes], bytes]) -> Callable[[Path], Any]:
    def spoilt(case: Path) -> None:
        rows = (case / "frame-640221.tsv").read_bytes().splitlines(keepends=True)
        rows[2] = change(rows[2])
        (case / "frame-640221.tsv").write_bytes(b"".join(rows))

    return spoilt


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (unlink("manifest.json"), "draw.case_file_missing", "缺少文件 manifest.json"),
        (unlink("seed.txt"), "draw.case_file_missing", "缺少文件 seed.txt"),
        (unlink("rosters.json"), "draw.case_file_missing", "缺少文件 rosters.json"),
        (unlink("frame-640222.tsv"), "draw.case_file_missing", "缺少文件 frame-640222.tsv"),
        (spoil("manifest.json", b"{", b"["), "draw.json_unreadable", "不是 JSON"),
        (spoil("manifest.json", b'"live"', b'"alive"'), "draw.shape_wrong", "purpose"),
        (spoil("manifest.json", b'"attempt": 1', b'"attempt": 1.5'), "draw.json_unreadable", "0 至 2^53-1 的整数"),
        (spoil("manifest.json", b'"draw":', b'"draw": "x", "draw":'), "draw.json_unreadable", "键名重复"),
        (spoil("manifest.json", b'"lead": "JT"', b'"lead": "ZZ"'), "draw.lead_is_no_agency", "ZZ"),
        (spoil("seed.txt", b"\n", b"0\n"), "draw.hex_wrong", "种子应为 32 字节的小写十六进制"),
        (lambda case: (case / "seed.txt").write_bytes(b"\xff\xfe"), "draw.hex_wrong", "种子"),
        (spoil("rosters.json", b'"roster"', b'"rooster"'), "draw.shape_wrong", "rosters."),
        (spoil("rosters.json", b'{"', b'{"ZZ": {"roster": {}, "recused": []}, "'), "draw.agency_unknown", "ZZ"),
        (lambda case: (case / "rosters.json").write_text("{}"), "draw.roster_missing", "缺少 AJ 的名册"),
        (third_row(lambda row: b"\xef" + row), "draw.frame_row_wrong", "640221 第 3 行有误（编号不合规定"),
        (third_row(lambda row: row.replace(b"\t", b" ", 1)), "draw.frame_row_wrong", "第 3 行有误（应为三列"),
        (third_row(lambda row: row[:-1] + b",\n"), "draw.frame_row_wrong", "第 3 行有误（检查事项为空、重复"),
        (third_row(lambda row: b"0" + row[1:]), "draw.frame_row_wrong", "第 3 行有误（没有按升序排列"),
        (third_row(lambda row: row.replace(b"/", b"//", 1)), "draw.frame_row_wrong", "第 3 行有误（层的名称不合规定"),
        (third_row(lambda row: b""), "draw.frame_differs", "抽样框文件 640221 与清单不一致（户数）"),
        (third_row(lambda row: row.replace(b"JT-01", b"SJ-01")), "draw.frame_", "640221"),
        (
            lambda case: (case / "frame-x.tsv").write_bytes(b""),
            "draw.frame_differs",
            "抽样框文件 x 与清单不一致（分片）",
        ),
    ],
)
def test_bad_input_is_refused_with_code_and_reason_and_nothing_is_written(
    tmp_path: Path, change: Callable[[Path], Any], code: str, says: str, onevisit: Command
) -> None:
    case = a_case(tmp_path / "case")
    change(case)
    before = files(case)

    done = onevisit("draw", "compute", case)

    assert done.code == 1
    assert f"[{code}" in done.err
    assert says in done.err
    assert re.search("[\u4e00-\u9fff].*。", done.err)
    assert files(case) == before


def test_one_bad_case_does_not_stop_the_others(tmp_path: Path, onevisit: Command) -> None:
    bad, good = a_case(tmp_path / "bad"), a_case(tmp_path / "good")
    (bad / "seed.txt").write_text("no seed")

    done = onevisit("draw", "compute", bad, good)

    assert done.code == 1
    assert "result.json" not in files(bad)
    assert "result.json" in files(good)


def test_a_result_is_replaced_whole_or_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onevisit: Command
) -> None:
    case = a_case(tmp_path / "case")
    (case / "result.json").write_text("an earlier result")
    before = files(case)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("onevisit.files.os.fsync", full)
        assert onevisit("draw", "compute", case).code == 1

    assert (case / "result.json").read_text() == "an earlier result"
    assert files(case) == before
    assert onevisit("draw", "compute", case).code == 0
    assert json.loads((case / "result.json").read_text())["result_digest"] == sample("rounds")["result_digest"]


def test_a_roster_of_another_size_than_the_manifests_is_remarked_on(tmp_path: Path, onevisit: Command) -> None:
    case = a_case(tmp_path / "case")
    rosters = json.loads((case / "rosters.json").read_text())
    rosters["GA"]["recused"] = []
    (case / "rosters.json").write_text(json.dumps(rosters))

    done = onevisit("draw", "compute", case)

    assert done.code == 0
    assert "GA 名册人数与回避数为" in done.err


# ── rehearse ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FULL)
def test_a_draw_is_rehearsed_alone_and_every_verifier_accepts_it(tmp_path: Path, name: str, onevisit: Command) -> None:
    case = a_case(tmp_path / name, name)
    (case / "seed.txt").unlink()

    done = onevisit("draw", "rehearse", case)

    assert done.code == 0, done.err
    assert "演练，不是正式抽取" in done.out
    record, frames = case / "rehearsal.json", sorted(case.glob("*.tsv"))
    told = json.loads(record.read_text())
    assert (told["manifest"]["purpose"], told["edition"]) == ("rehearsal", "full")
    assert {one["custody"] for one in told["manifest"]["agencies"].values()} == {"server"}
    assert told["result_digest"] in done.out
    assert onevisit("draw", "verify", record, *frames).code == 0
    assert verify_draw.verify(str(record), [str(one) for one in frames]).exit_code == 0


def test_two_rehearsals_share_nothing_secret(tmp_path: Path, onevisit: Command) -> None:
    case = a_case(tmp_path / "case")

    for folder in ("one", "two"):
        assert onevisit("draw", "rehearse", case, "--to", tmp_path / folder).code == 0

    one, two = (json.loads((tmp_path / folder / "case-rehearsal.json").read_text()) for folder in ("one", "two"))
    assert one["seed"] != two["seed"]
    for agency in one["commits"]:
        assert one["reveals"][agency]["value"] != two["reveals"][agency]["value"]
        assert one["teams"][agency]["rho"] != two["teams"][agency]["rho"]
        assert one["manifest"]["agencies"][agency]["key"] != two["manifest"]["agencies"][agency]["key"]
    assert sample("rounds")["seed"] not in (one["seed"], two["seed"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (unlink("manifest.json"), "draw.case_file_missing"),
        (unlink("frame-640222.tsv"), "draw.case_file_missing"),
        (lambda case: (case / "rosters.json").write_text("{}"), "draw.roster_missing"),
        (third_row(lambda row: b""), "draw.frame_differs"),
        (spoil("manifest.json", b'"lead": "JT"', b'"lead": "ZZ"'), "draw.lead_is_no_agency"),
    ],
)
def test_what_could_not_be_drawn_is_not_rehearsed(
    tmp_path: Path, change: Callable[[Path], Any], code: str, onevisit: Command
) -> None:
    case = a_case(tmp_path / "case")
    change(case)
    before = files(case)

    done = onevisit("draw", "rehearse", case)

    assert done.code in (1, 2)
    assert f"[{code}]" in done.err
    assert files(case) == before


# ── verify and why ──────────────────────────────────────────────────────────────────────────────────────────────────


def of_sample(name: str) -> list[Path]:
    return [SAMPLES / name / "record.json", *sorted((SAMPLES / name).glob("*.tsv"))]


def test_a_record_is_verified_with_its_rounds(onevisit: Command) -> None:
    done = onevisit("draw", "verify", *of_sample("rounds"))

    assert done.code == 0, done.err
    assert sample("rounds")["replacements"][1]["result_digest"] in done.out


def test_what_the_public_edition_does_not_hold_is_said(onevisit: Command) -> None:
    done = onevisit("draw", "verify", *of_sample("public"))

    assert done.code == 0
    assert "本版未载 / not held by this edition: teams" in done.out


def test_a_tampered_record_is_refused_in_words(tmp_path: Path, onevisit: Command) -> None:
    record = {**sample("rounds"), "seed": "0" * 64}
    (tmp_path / "record.json").write_text(json.dumps(record))

    done = onevisit("draw", "verify", tmp_path / "record.json", *of_sample("rounds")[1:])

    assert done.code == 1
    assert "记录与重算结果不一致：seed" in done.err
    assert "[draw.record_differs]" in done.err


def fates(name: str = "rounds") -> dict[str, str]:
    record = sample(name)
    drawn = [one for ids in record["selected"]["joint"].values() for one in ids]
    gone = record["replacements"][0]["rho"]["removed"][0]["id"]
    new = next(one for ids in record["replacements"][0]["selected"]["joint"].values() for one in ids)
    rows = [row.split("\t")[0] for file in (SAMPLES / name).glob("*.tsv") for row in file.read_text().splitlines()]
    never = next(one for one in rows if one not in drawn and one not in json.dumps(record["replacements"]))
    return {"drawn": next(one for one in drawn if one != gone), "gone": gone, "new": new, "never": never}


@pytest.mark.parametrize(
    ("fate", "says"),
    [
        ("drawn", "抽中，抽签号"),
        ("gone", "抽中后移出"),
        ("new", "第 1 轮替换 / round 1）：抽中"),
        ("never", "未抽中，抽签号"),
    ],
)
def test_anybody_can_be_told_why(tmp_path: Path, fate: str, says: str, onevisit: Command) -> None:
    entity = fates()[fate]

    done = onevisit("draw", "why", entity, *of_sample("rounds"), "--to", tmp_path / "proof.json")

    assert done.code == 0, done.err
    assert says in done.out
    rounds = [line for line in done.out.splitlines() if "轮替换" in line]
    if fate in ("drawn", "gone"):
        assert rounds
        assert all("未参加本轮抽取" in line for line in rounds), "no ticket of a drawing it took no part in"
    assert ("检查 / inspects" in done.out) == (fate in ("drawn", "new"))
    told = json.loads((tmp_path / "proof.json").read_text())
    paths = [
        TreePath(one["index"], one["size"], tuple(map(bytes.fromhex, one["neighbours"])))
        for one in (told["chunk_path"], told["shard_path"])
    ]
    chances = tuple(entity_proof.Chance(**{"cutoff": None, **one}) for one in told["chances"])
    proof = entity_proof.EntityProof(
        told["entity"], told["shard"], told["row"], told["chunk"].encode(), paths[0], paths[1], chances
    )
    assert entity_proof.check(read_manifest(sample("rounds")["manifest"]), proof).lines
    assert as_plain(proof.as_json()) == told


@pytest.mark.parametrize(
    ("entity", "frames", "code"),
    [
        ("nobody", of_sample("rounds")[1:], "draw.entity_not_in_frame"),
        ("x", of_sample("sm3")[1:], "draw.frame_differs"),
    ],
)
def test_why_is_refused_where_it_cannot_be_shown(entity: str, frames: list[Path], code: str, onevisit: Command) -> None:
    done = onevisit("draw", "why", entity, SAMPLES / "rounds" / "record.json", *frames)

    assert done.code == 1
    assert f"[{code}]" in done.err


def test_no_archive_is_left_of_a_draw_that_is_not_there(onevisit: Command, home: Path, tmp_path: Path) -> None:
    to = tmp_path / "archive.zip"

    done = onevisit("draw", "archive", "D-000000-2018-001", "--to", to, "--home", home)

    assert done.code == 1
    assert "draw.unknown" in done.err
    assert list(tmp_path.glob("*archive*")) == []


def test_whoever_reads_only_the_first_line_is_told_the_exit_code_all_the_same() -> None:
    """A pipe that is shut is no difference between record and frame."""
    single = SAMPLES / "single"
    files = [single / "record.json", *single.glob("*.tsv")]
    words = [str(ROOT / "bin" / "onevisit"), "draw", "verify", *map(str, files)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.close()
        _, complaints = program.communicate(timeout=120)
    assert (program.returncode, complaints) == (0, b"")
