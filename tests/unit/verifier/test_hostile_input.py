"""Whatever the files hold, the verifier answers with an exit code: it never raises, loops or eats the machine."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import verify_draw
from tests.unit.verifier import forge
from tests.unit.verifier.forge import SAMPLES
from tests.unit.verifier.fuzzing import fuzz, meaning, remembered

RECORD = (SAMPLES / "rehearsal" / "record.json").read_text()
FRAMES = [str(path) for path in sorted((SAMPLES / "rehearsal").glob("*.tsv"))]


def verified(folder: Path, content: bytes) -> verify_draw.Report:
    """Verify a record given as bytes."""
    path = folder / "record.json"
    path.write_bytes(content)
    return verify_draw.verify(str(path), FRAMES)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"v": "\xc3"}', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON"),
        (b'{"v": NaN}', "NaN"),
        (b'{"v": -Infinity}', "Infinity"),
        (b'{"v": 1, "v": 1}', "twice: v"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[" * 20_000_000, "memory"),
        (b"[" + b"{}," * 5_000_000 + b"{}]", "memory"),
    ],
    ids=lambda value: value[:12].hex() if isinstance(value, bytes) else value,
)
def test_a_record_that_cannot_be_read(tmp_path: Path, content: bytes, word: str) -> None:
    report = verified(tmp_path, content)

    assert report.exit_code == 2
    assert report.unreadable is not None
    assert word in report.unreadable.en


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"{}",
        b"true",
        b'{"manifest": []}',
        b'{"edition": ["full"]}',
        b'{"edition": "full"}',
    ],
)
def test_json_of_another_shape_differs(tmp_path: Path, content: bytes) -> None:
    report = verified(tmp_path, content)

    assert report.exit_code == 1
    assert report.difference is not None
    assert report.difference.section == 14


@pytest.mark.parametrize("number", ["-1", "-0", "1.0", "1e3", "9007199254740992", "1" * 5000, "true", '"1"', "null"])
def test_numbers_that_are_no_integers_below_2_to_the_53_have_the_wrong_shape(tmp_path: Path, number: str) -> None:
    report = verified(tmp_path, RECORD.replace('"chain_len": 3', f'"chain_len": {number}').encode())

    assert report.difference is not None
    assert (report.difference.section, report.difference.path) == (14, "manifest.chain_len")


@pytest.mark.parametrize("name", ['"\\ud800"', '"e\\u0301"', '""', "7"])
def test_text_that_cannot_be_hashed_has_the_wrong_shape(tmp_path: Path, name: str) -> None:
    report = verified(tmp_path, RECORD.replace('"name": "witness"', f'"name": {name}').encode())

    assert report.difference is not None
    assert (report.difference.section, report.difference.path) == (14, "manifest.witness.name")


def test_files_that_are_not_there_or_no_files(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(RECORD)
    missing = str(tmp_path / "missing")

    for report in (
        verify_draw.verify(missing, FRAMES),
        verify_draw.verify(str(record), [missing]),
        verify_draw.verify(str(tmp_path), FRAMES),
        verify_draw.verify(str(record), [str(tmp_path)]),
        verify_draw.verify(str(record), FRAMES, keys=missing),
        verify_draw.verify("/dev/zero", FRAMES),
        verify_draw.verify(str(record), ["/dev/zero"]),
        verify_draw.verify("a\x00b", FRAMES),
        verify_draw.verify(str(record), FRAMES, head="yesterday's"),
    ):
        assert report.exit_code == 2
        assert report.unreadable is not None
        assert report.unreadable.en


@pytest.mark.parametrize("keys", ["[]", "{", '{"AJ": 1}', '{"AJ": "00"}', '{"AJ": "", "AJ": ""}', '{"部门": "00"}'])
def test_a_keys_file_of_another_shape_is_unreadable(tmp_path: Path, keys: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(keys)

    report = verify_draw.verify(str(SAMPLES / "rehearsal" / "record.json"), FRAMES, keys=str(path))

    assert report.exit_code == 2


def test_a_record_cannot_draw_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = forge.base()
    case.manifest["witness"]["name"] = "\x1b[2J\x1b]0;ok\x07\u202egood\nEXIT 0"
    forge.anew(case)
    case.verify(tmp_path)

    verify_draw.main([str(tmp_path / "record.json"), *(str(tmp_path / name) for name in case.frames)])

    printed = capsys.readouterr().out
    assert not set("\x1b\x07\u202e") & set(printed)
    assert sum(line.startswith("EXIT") for line in printed.splitlines()) == 1


@pytest.mark.parametrize(
    "row",
    [
        b"X\t" + b"\t" * 100_000 + b"\n",
        b"X\tA\t" + b",".join([b"AJ-01"] * 100_000) + b"\n",
        b"X" * 3_000_000 + b"\n",
        b"X\tA\t" + b"L" * 3_000_000,
        b"\n" * 1_000_000,
        b"\x00\x00\x00\n",
        b"X\t" + b"A/" * 400_000 + b"\tAJ-01\n",
    ],
    ids=["tabs", "lines", "long-id", "endless", "empty-rows", "zeros", "deep-stratum"],
)
def test_a_hostile_frame_that_the_manifest_announces_is_refused_by_row(tmp_path: Path, row: bytes) -> None:
    case = forge.base()
    case.frames["frame-640222.tsv"] = row
    forge.reframe(case)
    forge.commit(case)

    report = case.verify(tmp_path)

    assert report.difference is not None
    assert report.difference.section == 2
    assert len(report.difference.path) + len(report.difference.en) < 600


def test_a_chain_without_end_is_left_unchecked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = forge.base()
    case.manifest["beacons"] = [
        {"id": "chain:notary", "round": 0, "anchor": "0" * 64, "index": 1_000_000},
        {"id": "room-dice", "round": 20},
    ]
    forge.anew_with(case, [b"\x05" * 32, b"8" * 20])
    monkeypatch.setattr(verify_draw, "STEP_LIMIT", 500_000)
    monkeypatch.setattr(verify_draw.Steps.__init__, "__defaults__", (500_000,))

    report = case.verify(tmp_path)

    assert report.exit_code == 3
    assert "more work" in report.unchecked[-1][1]


MEASURED = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(open("/proc/self/status").read(), file=sys.stderr)
"""
"""Runs a program and says the kernel's own mark of it; getrusage's begins with what the process that started it held."""


def test_the_program_keeps_to_its_memory(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text('{"v": [' + ", ".join(f'"{number}"' for number in range(6_000_000)) + "]}")

    command = [sys.executable, "-c", MEASURED, verify_draw.__file__, str(record)]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=120)

    assert ran.returncode in (1, 2)
    assert ran.stdout.splitlines()[-1].startswith(b"EXIT")
    peak = re.search(rb"VmHWM:\s+(\d+) kB", ran.stderr)
    assert peak, ran.stderr
    assert 128 * 1024 < int(peak[1]) <= 1024 * 1024  # the record alone takes more than the lower bound


def test_a_mistake_in_the_program_is_neither_agreement_nor_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify_draw, "limit_memory", lambda: None)
    monkeypatch.setattr(verify_draw, "main", lambda: int("mistake"))

    assert verify_draw.run() == 3
    assert "NOT CHECKED" in capsys.readouterr().out


# --- fuzzing ---------------------------------------------------------------------------------------------------------


def test_random_mutations_are_never_accepted_and_never_raise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw, "ed25519_verify", remembered)

    found = fuzz(1600, 1543886400, tmp_path)  # ten thousand: python -m tests.bench.fuzz

    assert found.accepted_wrongly == []
    assert found.codes[1] > 1000
    assert found.slowest_seconds < 60


def test_random_mutations_of_the_bytes_never_raise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw, "ed25519_verify", remembered)
    chance, raw = random.Random(7), RECORD.encode()
    record = json.loads(RECORD)
    for _ in range(600):
        changed = bytearray(raw)
        for _ in range(chance.choice([1, 1, 3, 20])):
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice([0, 1, 1, 5])] = chance.randbytes(chance.choice([0, 1, 1, 2]))

        report = verified(tmp_path, bytes(changed))

        if report.exit_code == 0:
            assert meaning(json.loads(changed)) == meaning(record)


def test_random_mutations_of_announced_frames_never_raise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw, "ed25519_verify", remembered)
    chance = random.Random(8)
    for _ in range(200):
        case = forge.base()
        content = bytearray(case.frames["frame-640222.tsv"])
        for _ in range(chance.choice([1, 2, 5])):
            at = chance.randrange(len(content))
            content[at : at + chance.choice([0, 1])] = chance.choice([b"\t", b"\n", b",", b"/", b"A", b"\xff", b"\r"])
        if content == case.frames["frame-640222.tsv"]:
            continue
        case.frames["frame-640222.tsv"] = bytes(content)
        forge.reframe(case)
        forge.commit(case)

        report = case.verify(tmp_path)

        assert report.exit_code == 1
        assert report.difference is not None
        assert report.difference.section in {2, 4, 5, 6}
