"""Whatever the files hold, the page answers with an exit code: it never raises, loops or eats the machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier import forge
from tests.unit.verifier.forge import SAMPLES, Case
from tests.verifier_js.node import computed, named, verified
from tests.verifier_js.test_samples import verdict, written

SAMPLE = SAMPLES / "rehearsal"
RECORD = (SAMPLE / "record.json").read_text()


def with_record(folder: Path, contents: dict[str, bytes]) -> dict[str, Any]:
    """Verify the frame of a sample under other records, given as bytes."""
    for name, content in contents.items():
        shutil.copytree(SAMPLE, folder / name)
        (folder / name / "record.json").chmod(0o644)
        (folder / name / "record.json").write_bytes(content)
    return verified(folder)


UNREADABLE = {
    "empty": (b"", "not JSON"),
    "utf16": (b"\xff\xfe{}", "not UTF-8"),
    "cut": (b'{"v": "\xc3"}', "not UTF-8"),
    "surrogate-bytes": (b'{"v": "\xed\xa0\x80"}', "not UTF-8"),
    "bom": (b"\xef\xbb\xbf{}", "not JSON"),
    "brace": (b"{", "not JSON"),
    "two": (b"{}{}", "not JSON"),
    "comma": (b'{"v": 1,}', "not JSON"),
    "zero": (b'{"v": 01}', "not JSON"),
    "control": (b'{"v": "\x01"}', "not JSON"),
    "escape": (b'{"v": "\\x41"}', "not JSON"),
    "nan": (b'{"v": NaN}', "not JSON"),
    "infinity": (b'{"v": -Infinity}', "not JSON"),
    "twice": (b'{"v": 1, "v": 1}', "twice: v"),
    "twice-escaped": (b'{"v": 1, "\\u0076": 1}', "twice: v"),
    "proto-twice": (b'{"__proto__": 1, "__proto__": 2}', "twice: __proto__"),
    "lists": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "maps": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
}


def test_a_record_that_cannot_be_read(tmp_path: Path) -> None:
    reports = with_record(tmp_path, {name: content for name, (content, _) in UNREADABLE.items()})

    for name, (_, word) in UNREADABLE.items():
        assert (reports[name]["exit"], reports[name]["verdict"]) == (2, "unreadable"), name
        assert word in reports[name]["unreadable"]["en"], name


def test_a_record_that_would_eat_the_machine_is_unreadable_within_its_memory(tmp_path: Path) -> None:
    contents = {
        "brackets": b"[" * 20_000_000,
        "objects": b"[" + b"{}," * 5_000_000 + b"{}]",
        "texts": ('{"v": [' + ",".join(f'"{number}"' for number in range(6_000_000)) + "]}").encode(),
        "large": b'{"v": "' + b"x" * (140 << 20) + b'"}',
    }

    reports = with_record(tmp_path, contents)

    assert {name: report["exit"] for name, report in reports.items()} == {
        "brackets": 2, "objects": 2, "texts": 1, "large": 2,
    }  # fmt: skip
    assert max(report["peakMegabytes"] for report in reports.values()) <= 1024


def test_json_of_another_shape_differs(tmp_path: Path) -> None:
    texts = ["[]", "null", "1", '"x"', "{}", "true", '{"manifest": []}', '{"edition": ["full"]}', '{"edition": "full"}']

    reports = with_record(tmp_path, {str(i): text.encode() for i, text in enumerate(texts)})

    assert {(report["exit"], report["difference"]["section"]) for report in reports.values()} == {(1, 14)}


def test_numbers_that_are_no_integers_below_2_to_the_53_have_the_wrong_shape(tmp_path: Path) -> None:
    numbers = [
        "-1",
        "-0",
        "1.0",
        "1e3",
        "9007199254740992",
        "9007199254740993",
        "1" * 5000,
        "1e999",
        "true",
        '"1"',
        "null",
    ]

    reports = with_record(
        tmp_path,
        {str(i): RECORD.replace('"chain_len": 3', f'"chain_len": {n}').encode() for i, n in enumerate(numbers)},
    )

    assert {named(report) for report in reports.values()} == {(1, 14, "manifest.chain_len")}


def test_text_that_cannot_be_hashed_has_the_wrong_shape(tmp_path: Path) -> None:
    names = ['"\\ud800"', '"\\udc00\\ud800"', '"e\\u0301"', '"\\u212b"', '""', "7"]

    reports = with_record(
        tmp_path, {str(i): RECORD.replace('"name": "witness"', f'"name": {n}').encode() for i, n in enumerate(names)}
    )

    assert {named(report) for report in reports.values()} == {(1, 14, "manifest.witness.name")}


def test_json_is_read_into_maps_that_no_name_can_poison() -> None:
    text = '{"__proto__": {"polluted": 1}, "constructor": [1, -0, 1.5], "x": "\\u00e9\\ud83d\\ude00\\n/"}'

    (read,) = computed([{"do": "json", "of": text.encode().hex()}])

    assert read["answer"] == {
        "__proto__": {"polluted": 1}, "constructor": [1, {"odd": "-0"}, {"odd": "1.5"}], "x": "é😀\n/",
    }  # fmt: skip


@pytest.mark.parametrize("keys", ["[]", "{", '{"AJ": 1}', '{"AJ": "00"}', '{"AJ": "", "AJ": ""}', '{"部门": "00"}'])
def test_a_keys_file_of_another_shape_is_unreadable(tmp_path: Path, keys: str) -> None:
    folder = written(forge.base(), tmp_path / "case")
    (folder / "keys.json").write_text(keys)

    assert verified(tmp_path)["case"]["exit"] == 2


ROWS = {
    "tabs": b"X\t" + b"\t" * 100_000 + b"\n",
    "lines": b"X\tA\t" + b",".join([b"AJ-01"] * 100_000) + b"\n",
    "long-id": b"X" * 3_000_000 + b"\n",
    "endless": b"X\tA\t" + b"L" * 3_000_000,
    "long-row": b"X\tA\t" + b",".join(b"L%07d" % n for n in range(300_000)) + b"\n",
    "empty-rows": b"\n" * 1_000_000,
    "zeros": b"\x00\x00\x00\n",
    "deep-stratum": b"X\t" + b"A/" * 400_000 + b"\tAJ-01\n",
    "row-over-a-slice": b"A\tA\tAJ-01\n" + b"B" * (1 << 21) + b"\n",
}


def announced(row: bytes) -> Case:
    """Announce a hostile frame as it is."""
    case = forge.base()
    case.frames["frame-640222.tsv"] = row
    forge.reframe(case)
    forge.commit(case)
    return case


def test_a_hostile_frame_that_the_manifest_announces_is_refused_by_row(tmp_path: Path) -> None:
    for name, row in ROWS.items():
        written(announced(row), tmp_path / name)

    for name, report in verified(tmp_path).items():
        assert (report["exit"], report["difference"]["section"]) == (1, 2), name
        assert len(report["difference"]["place"]) + len(report["difference"]["en"]) < 600
        assert report["peakMegabytes"] <= 1024


def test_more_kinds_of_rows_than_can_be_held_are_not_checked(tmp_path: Path) -> None:
    rows = b"".join(b"%06d\tA/%06d\tAJ-01\n" % (number, number) for number in range(500_100))

    report = verdict(announced(rows), tmp_path)

    assert (report["exit"], report["difference"]) == (3, None)
    assert "more work" in report["unchecked"][-1]["en"]


def test_work_without_end_is_left_unchecked(tmp_path: Path) -> None:
    case = forge.sample("rounds")
    rho = case.record["replacements"][0]["rho"]
    rho["beacons"] = [
        {"id": "chain:notary", "round": 0, "anchor": "0" * 64, "index": 2**53 - 1},
        {"id": "room-dice", "round": 20},
    ]
    rho.update(dropouts=[])
    forge.round_anew(case)
    entry = case.record["replacements"][0]
    entry["beacons"] = [{"id": "chain:notary", "round": 0, "value": "05" * 32}, entry["beacons"][0] | {"round": 20}]

    report = verdict(case, tmp_path)

    assert report["exit"] == 3
    assert "more work" in report["unchecked"][-1]["en"]


def test_nothing_a_record_says_can_draw_on_the_page_or_the_terminal(tmp_path: Path) -> None:
    case = forge.base()
    case.manifest["witness"]["name"] = "\x1b[2J\x07\u202egood\u200bEXIT 0\u2028<img src=x onerror=alert(1)>"
    forge.anew(case)

    report = verdict(case, tmp_path)

    assert report["exit"] == 0
    assert not set("\x1b\x07\u202e\u200b\u2028") & set(json.dumps(report, ensure_ascii=False))


def test_a_mistake_in_the_program_is_neither_agreement_nor_difference(tmp_path: Path) -> None:
    folder = written(forge.base(), tmp_path / "case")

    (report,) = verified(folder, without=[("    this.checkHead();\n", "    this.mistake();\n")]).values()

    assert (report["exit"], report["difference"]) == (3, None)
    assert "mistake" in report["unchecked"][-1]["en"]


def test_shapes_are_those_of_the_schemas(tmp_path: Path) -> None:
    """Every field of a record, taken away, doubled or given another type, is judged as the Python verifier judges it."""
    record = forge.sample("rounds").record
    values: list[Any] = [None, True, -1, 1.5, "", "é", [], {}, {"__proto__": 1}]
    changes = [(path, value) for path in _paths(record) for value in values]
    chosen = changes[:: max(1, len(changes) // 400)]
    expected = {}
    for number, (path, value) in enumerate(chosen):
        case = forge.sample("rounds")
        _put(case.record, path, value)
        (tmp_path / f"{number:04d}").mkdir()
        expected[f"{number:04d}"] = case.verify(tmp_path / f"{number:04d}")

    reports = verified(tmp_path)

    for name, python in expected.items():
        assert reports[name]["exit"] == python.exit_code, (chosen[int(name)], reports[name], python.difference)
        if python.difference is not None:
            assert named(reports[name])[1:] == (python.difference.section, python.difference.path), chosen[int(name)]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the places of a record, of long tables only the first entries."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key in list(value)[:30]:
            found += _paths(value[key], (*path, key))
    if isinstance(value, list):
        for index in range(min(len(value), 2)):
            found += _paths(value[index], (*path, index))
    return found


def _put(record: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        record = record[step]
    record[path[-1]] = value
