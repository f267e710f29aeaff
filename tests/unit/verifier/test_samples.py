"""The samples of the protocol, and records of every other kind, end with the exit code they must have."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import verify_draw
from tests.unit.verifier import forge
from tests.unit.verifier.forge import SAMPLES, Case

NAMES = sorted(folder.name for folder in SAMPLES.iterdir())


def paths(name: str) -> list[str]:
    """Give a sample's record and its frames."""
    return [str(SAMPLES / name / "record.json"), *sorted(map(str, (SAMPLES / name).glob("*.tsv")))]


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_has_its_exit_code(name: str) -> None:
    record, *frames = paths(name)

    report = verify_draw.verify(record, frames)

    assert report.difference is None
    assert report.exit_code == 0
    assert report.unchecked == []


@pytest.mark.parametrize("name", NAMES)
def test_the_main_draw_of_every_sample_is_accepted(tmp_path: Path, name: str) -> None:
    assert forge.without_rounds(name).verify(tmp_path).exit_code == 0


def test_whoever_reads_only_the_first_line_is_told_the_exit_code_all_the_same() -> None:
    command = [sys.executable, "verify_draw.py", *paths("single")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(verify_draw.__file__).parent
    ) as program:
        assert program.stdout is not None
        program.stdout.close()
        _, complaints = program.communicate(timeout=120)
    assert (program.returncode, complaints) == (0, b"")


@pytest.mark.parametrize("name", ["sm3", "rounds", "rehearsal"])
def test_the_program_says_what_was_checked_and_what_it_rests_on(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "verify_draw.py", *paths(name)],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8"},
        cwd=Path(verify_draw.__file__).parent,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert "NOT CHECKED" not in ran.stdout
    for word in ("witness: witness", "custody", "24 h 0 min", "edition: full", "密钥保管", "见证人", "公告期"):
        assert word in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith(f"EXIT {ran.returncode}: ")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the program's main function."""
    code = verify_draw.main([*arguments])
    return code, capsys.readouterr().out


def test_one_language_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    without_a_shard = paths("rounds")[:-1]
    _, english = printed(capsys, *without_a_shard, "--lang", "en")
    _, chinese = printed(capsys, *without_a_shard, "--lang", "zh")

    assert english.isascii() or set(english) - set(map(chr, range(128))) <= set("§…")
    assert "NOT CHECKED: rounds" in english
    assert "NOT CHECKED" in chinese
    assert "未核验" in chinese
    assert "the result rests on" not in chinese


def test_what_the_public_edition_does_not_hold_is_named(tmp_path: Path) -> None:
    report = forge.without_rounds("public").verify(tmp_path)

    assert report.exit_code == 0
    assert 12 not in report.checked
    assert any("§12" in en for _, en in report.not_held)


def test_the_difference_is_printed_with_its_section_and_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = forge.base()
    case.record["seed"] = "0" * 64
    case.verify(tmp_path)

    code, text = printed(capsys, str(tmp_path / "record.json"), *(str(tmp_path / name) for name in case.frames))

    assert code == 1
    assert "DIFFERS §7 随机源与种子 / Beacon and seed: seed: " in text
    assert "rests on" not in text


def held(**changes: Any) -> Case:
    """Hold the draw of the base record again under a changed manifest."""
    case = forge.base()
    case.manifest.update(changes)
    forge.anew(case)
    return case


@pytest.mark.parametrize(
    ("sources", "values", "unchecked"),
    [
        ([{"id": "drand-quicknet", "round": 1}], [b"\x01" * 48], ["BLS"]),
        ([{"id": "lottery:ssq", "round": 2018142, "digits": 7}], [b"1234567"], ["lottery"]),
        ([{"id": "room-dice", "round": 20}, {"id": "drand-quicknet", "round": 9}], [b"7" * 20, b"\x02" * 48], ["BLS"]),
    ],
)
def test_beacons_that_cannot_be_checked_here_are_named_and_their_bounds_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: list[Any], values: list[bytes], unchecked: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "py_arkworks_bls12381", None)  # as where the library is not installed
    case = forge.base()
    case.manifest["beacons"] = sources
    forge.anew_with(case, values)

    report = case.verify(tmp_path)

    assert (report.exit_code, report.difference) == (3, None)
    assert [word in said[1] for word, said in zip(unchecked, report.unchecked, strict=True)] == [True]


QUICKNET = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"


def with_drand(value: str) -> Case:
    """Hold the draw with round 1000 of quicknet."""
    case = forge.base()
    case.manifest["beacons"] = [{"id": "drand-quicknet", "round": 1000}]
    forge.anew_with(case, [bytes.fromhex(value)])
    return case


def test_drand_is_checked_where_its_library_is_installed(tmp_path: Path) -> None:
    assert with_drand(QUICKNET).verify(tmp_path).exit_code == 0


@pytest.mark.parametrize("value", [QUICKNET[:-1] + "8", "c0" + "00" * 47, "00" * 48, "ff" * 48, "94" + QUICKNET[2:]])
def test_another_value_than_drands_is_refused(tmp_path: Path, value: str) -> None:
    report = with_drand(value).verify(tmp_path)

    assert report.difference is not None
    assert (report.difference.section, report.difference.path) == (7, "beacons[0].value")


def test_a_chain_beside_the_dice_is_checked(tmp_path: Path) -> None:
    case = forge.base()
    anchor = case.hasher.chain(b"\x05" * 32, 1000).hex()
    case.manifest["beacons"] = [
        {"id": "chain:notary", "round": 0, "anchor": anchor, "index": 1000},
        {"id": "room-dice", "round": 20},
    ]
    forge.anew_with(case, [b"\x05" * 32, b"8" * 20])

    assert case.verify(tmp_path).exit_code == 0


def test_sm2_signatures_are_not_checked_and_named(tmp_path: Path) -> None:
    case = forge.base()
    case.manifest["agencies"]["GA"].update(alg="sm2", key="04" + "ab" * 64)
    forge.anew(case)

    report = case.verify(tmp_path)

    assert report.exit_code == 3
    assert report.unchecked == [("GA 的 SM2 签名", "SM2 signatures of GA")]


def test_an_ed25519_party_with_a_key_of_another_length_is_refused(tmp_path: Path) -> None:
    case = forge.base()
    case.manifest["agencies"]["GA"].update(key="04" + "ab" * 64)
    forge.anew(case)

    report = case.verify(tmp_path)

    assert report.difference is not None
    assert report.difference.path == "manifest.agencies.GA.key"


def test_one_reveal_may_be_missing(tmp_path: Path) -> None:
    case = forge.base()
    forge.commit(case)
    forge.reveal(case, without=["GA"])
    forge.seal(case)
    forge.throw(case)
    forge.draw(case)

    report = case.verify(tmp_path)

    assert report.exit_code == 0
    assert ("未揭示：GA", "no reveal came from: GA") in report.rests_on


def test_a_frame_that_is_not_given_leaves_the_rest_checked(tmp_path: Path) -> None:
    case = forge.base()
    del case.frames["frame-640222.tsv"]

    report = case.verify(tmp_path)

    assert report.exit_code == 3
    assert [en for _, en in report.unchecked] == ["manifest: frame of shard 640222 not given"]
    assert {3, 5, 6, 7, 12, 13} <= set(report.checked)
    assert not {2, 8, 9, 10} & set(report.checked)


def test_without_any_frame_teams_and_digests_are_still_compared(tmp_path: Path) -> None:
    case = forge.base()
    case.frames.clear()
    target = min(case.record["teams"]["AJ"]["assigned"])
    case.record["teams"]["AJ"]["assigned"][target].reverse()
    forge.redigest(case)

    report = case.verify(tmp_path)

    assert report.difference is not None
    assert report.difference.section == 12


def test_the_order_of_keys_and_of_frame_files_means_nothing(tmp_path: Path) -> None:
    case = forge.base()
    case.record = dict(sorted(case.record.items(), reverse=True))
    case.record["manifest"] = dict(sorted(case.manifest.items()))
    case.frames = dict(sorted(case.frames.items(), reverse=True))

    assert case.verify(tmp_path).exit_code == 0


def test_what_weakens_the_result_is_said_aloud(tmp_path: Path) -> None:
    case = forge.without_rounds("unwitnessed")
    for party in case.manifest["agencies"].values():
        party["custody"] = "server"
    case.manifest["times"]["published"] = case.manifest["times"]["commit_close"] - 3600
    case.manifest["selections"][0]["rules"]["D"] = {"full": True}
    case.record["faults"] = [{"what": "late beacon"}]
    forge.resize(case)
    forge.anew(case)

    report = case.verify(tmp_path)

    assert report.exit_code == 0
    said = "\n".join(en for _, en in report.rests_on)
    for words in (
        'custody "server": AJ, GA, JT, SJ',
        "fewer than two agencies keep their own key",
        "no witness",
        "shorter than 24 hours",
        "named, not drawn: joint D (12/12)",
        "faults on the record: 1",
        "keys: those in the record itself",
    ):
        assert words in said


LATIN_BY_NAME = re.compile(r"--keys|--head|room-dice|witness|joint|\b[A-Z]{2}\b")
"""What a sample calls by such a name, or the program itself."""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_a_result_rests_on_is_said_in_english_to_chinese_readers(name: str) -> None:
    record, *frames = paths(name)

    for zh, _ in verify_draw.verify(record, frames).rests_on:
        assert not re.search("[A-Za-z]{2}", LATIN_BY_NAME.sub("", zh)), zh


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("second-attempt", "第 1 次抽取作废：揭示期结束时仍有单位未会签（SJ）"),
        ("spent-round", "第 1 轮替换未成：没有在期限内封存"),
        ("rounds", "随机源：现场骰子（room-dice 20）"),
        ("rounds", "公告期：24 小时 0 分"),
        ("rehearsal", "随机源：无"),
    ],
)
def test_what_came_to_nothing_and_what_was_agreed_is_said_in_chinese(name: str, said: str) -> None:
    record, *frames = paths(name)

    assert said in [zh for zh, _ in verify_draw.verify(record, frames).rests_on]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("late beacon", "异常 1：随机源迟到"),
        ("lost data, round 2", "异常 1：数据丢失（第 2 轮替换）"),
        ("late beacon, round table", "异常 1：late beacon, round table"),
        ("a quarrel, round 2", "异常 1：a quarrel, round 2"),
    ],
)
def test_only_what_the_protocol_calls_a_fault_is_translated(tmp_path: Path, what: str, said: str) -> None:
    case = forge.base()
    case.record["faults"] = [{"what": what}]

    report = case.verify(tmp_path)

    assert said in [zh for zh, _ in report.rests_on]
    assert f"fault 1: {what}" in [en for _, en in report.rests_on]


def test_records_that_are_referred_to_are_named(tmp_path: Path) -> None:
    case = forge.base()
    case.manifest["parent"] = {"manifest": "a" * 64, "result": "b" * 64}
    case.manifest["base_from"] = ["c" * 64]
    for selection in case.manifest["selections"]:
        selection["rules"] = {name: {"full": True} for name in selection["rules"]}
    forge.resize(case)
    forge.anew(case)

    report = case.verify(tmp_path)

    assert report.exit_code == 0
    assert [en[:16] for _, en in report.not_held] == ["the record " + "aaaaa", "the record " + "ccccc"]


def test_an_open_slot_is_appointed_not_drawn(tmp_path: Path) -> None:
    case = forge.base()
    for entry in case.record["teams"]["GA"]["roster"].values():
        entry[1] = 1
    forge.enroll(case)
    forge.anew(case)

    report = case.verify(tmp_path)

    assert report.exit_code == 0
    assert any("appointed, not drawn" in en for _, en in report.rests_on)


def test_identifiers_are_opaque(tmp_path: Path) -> None:
    case = forge.base()
    rows = b"".join(
        sorted(b"%s\tB/640221/KY\tAJ-01,SJ-01\n" % name for name in (b"__proto__", b"-", b".", b"constructor"))
    )
    case.frames["frame-640222.tsv"] = rows
    case.manifest["selections"][0]["rules"]["B"] = {"full": True}
    forge.reframe(case)
    forge.resize(case)
    forge.anew(case)

    assert case.verify(tmp_path).exit_code == 0
    assert "__proto__" in case.record["work"]["AJ"]
