"""Whatever the files hold, the verifier answers with an exit code: it never raises, loops or eats the machine."""

from __future__ import annotations

import json
import random
import re
import resource
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import verify_draw
from tests.unit.verifier import forge
from tests.unit.verifier.forge import SAMPLES
from tests.unit.verifier.fuzzing import fuzz, meaning, mutate, remembered, scribble

pytestmark = pytest.mark.timeout(900)

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


# --- fuzzing: ten thousand in all --------------------------------------------------------------------------------------

RUNS = {
    "records": 4_900,
    "rounds": 1_500,
    "bytes": 1_000,
    "announced frames": 400,
    "frames": 600,
    "keys": 1_000,
    "proofs": 600,
}
"""How often each is tried with every run of the tests; ``python -m tests.bench.fuzz`` tries ten thousand other records."""
MOST_SECONDS, MOST_BYTES = 60.0, 1 << 30
CHECKER = Path(__file__).parents[3] / "services" / "drawer" / "assets" / "check_visit.py"
PROOF = {
    "hash": "sha256",
    "blind": "11" * 32,
    "entity": "91640221MA0000001X",
    "entry": {"AJ": [["AJ-1"], ["ab" * 32, None]]},
    "path": {"index": 1, "size": 3, "neighbours": ["22" * 32, "33" * 32]},
}


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold what is fuzzed to its memory: this process grows by less than a gibibyte, whatever it reads."""
    monkeypatch.setattr(verify_draw, "ed25519_verify", remembered)  # most of a mutated record is as it was
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_BYTES


def answered(report: verify_draw.Report, started: float) -> int:
    """Say how it ended, in time."""
    assert time.process_time() - started < MOST_SECONDS
    assert report.exit_code in (0, 1, 2, 3)
    return report.exit_code


def test_ten_thousand_hostile_files_are_tried_with_every_run() -> None:
    assert sum(RUNS.values()) == 10_000


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("part", ["records", "rounds"])
def test_random_mutations_are_never_accepted_and_never_raise(tmp_path: Path, part: str) -> None:
    found = fuzz(RUNS[part], 1543886400, tmp_path, rounds_only=part == "rounds")

    assert found.accepted_wrongly == []
    assert sum(found.codes) == RUNS[part]
    assert found.codes[1] > RUNS[part] * 6 // 10
    assert found.slowest_seconds < MOST_SECONDS


@pytest.mark.usefixtures("bounded")
def test_random_mutations_of_the_bytes_never_raise(tmp_path: Path) -> None:
    chance, raw = random.Random(7), RECORD.encode()
    record = json.loads(RECORD)
    for _ in range(RUNS["bytes"]):
        changed, started = scribble(raw, chance), time.process_time()

        if answered(verified(tmp_path, changed), started) == 0:
            assert meaning(json.loads(changed)) == meaning(record)


@pytest.mark.usefixtures("bounded")
def test_random_mutations_of_announced_frames_never_raise(tmp_path: Path) -> None:
    chance = random.Random(8)
    for _ in range(RUNS["announced frames"]):
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
        started = time.process_time()

        report = case.verify(tmp_path)

        assert answered(report, started) == 1
        assert report.difference is not None
        assert report.difference.section in {2, 4, 5, 6}


@pytest.mark.usefixtures("bounded")
def test_random_mutations_of_frames_are_never_taken_for_the_announced_ones(tmp_path: Path) -> None:
    chance, given = random.Random(9), [Path(one).read_bytes() for one in FRAMES]
    record, paths = tmp_path / "record.json", [tmp_path / Path(one).name for one in FRAMES]
    record.write_text(RECORD)
    for number in range(RUNS["frames"]):
        contents = list(given)
        at = number % len(contents)
        contents[at] = scribble(contents[at], chance) if number % 10 else chance.randbytes(chance.randrange(5000))
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        started = time.process_time()

        code = answered(verify_draw.verify(str(record), [str(path) for path in paths]), started)

        assert code != 0 or contents == given


@pytest.mark.usefixtures("bounded")
def test_random_mutations_of_a_keys_file_never_raise_nor_pass_for_the_keys(tmp_path: Path) -> None:
    chance, path = random.Random(10), tmp_path / "keys.json"
    manifest = json.loads(RECORD)["manifest"]
    keys = {agency: own["key"] for agency, own in manifest["agencies"].items()} | {
        "witness": manifest["witness"]["key"]
    }
    record = str(SAMPLES / "rehearsal" / "record.json")
    path.write_text(json.dumps(keys))
    assert verify_draw.verify(record, FRAMES, keys=str(path)).exit_code == 0, "a control"
    for number in range(RUNS["keys"]):
        told = dict(keys)
        if number % 2:
            mutate(told, chance)
        changed = json.dumps(told).encode() if number % 2 else scribble(json.dumps(keys).encode(), chance)
        path.write_bytes(changed)
        started = time.process_time()

        if answered(verify_draw.verify(record, FRAMES, keys=str(path)), started) == 0:
            read = json.loads(changed)
            assert {name: read[name] for name in keys} == keys, "a key more may stand there, none may be another"


def holds(told: Any, given: Any) -> bool:
    """Tell whether everything *given* stands in what is *told*, whatever stands beside it."""
    if isinstance(given, dict):
        return isinstance(told, dict) and all(name in told and holds(told[name], given[name]) for name in given)
    return bool(told == given)


@pytest.mark.usefixtures("bounded")
def test_random_mutations_of_a_visits_proof_never_raise_nor_lead_to_its_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checker, chance, path = runpy.run_path(str(CHECKER)), random.Random(11), tmp_path / "proof.json"
    root = checker["root_of"](PROOF)
    path.write_text(json.dumps(PROOF))
    assert checker["main"](str(path), root) == 0, "a control"
    for number in range(RUNS["proofs"]):
        told = deepcopy(PROOF)
        mutate(told, chance)
        changed = json.dumps(told).encode() if number % 2 else scribble(json.dumps(PROOF).encode(), chance)
        path.write_bytes(changed)
        started = time.process_time()

        code = checker["main"](str(path), root)

        assert code in (0, 1, 2)
        assert time.process_time() - started < MOST_SECONDS
        if code == 0:
            assert holds(json.loads(changed), PROOF), "a name more may stand there, nothing may be another"
    for content in (b"[" * 100_000, b'{"path":' * 100_000, b"\xff", b"null", b"9" * 5_000):
        path.write_bytes(content)
        assert checker["main"](str(path), root) == 2
    capsys.readouterr()


def test_the_program_itself_answers_mutated_records_within_its_own_memory(tmp_path: Path) -> None:
    """A sample as people run it: in a process of its own, under its own limit."""
    chance, record = random.Random(12), tmp_path / "record.json"
    for _ in range(8):
        told = json.loads(RECORD)
        mutate(told, chance)
        record.write_text(json.dumps(told))

        command = [sys.executable, "-c", MEASURED, verify_draw.__file__, str(record), *FRAMES]
        ran = subprocess.run(command, capture_output=True, check=False, timeout=120)

        assert ran.returncode in (0, 1, 2, 3)
        assert ran.stdout.splitlines()[-1].startswith(b"EXIT")
        assert b"Traceback" not in ran.stderr
        peak = re.search(rb"VmHWM:\s+(\d+) kB", ran.stderr)
        assert peak, ran.stderr
        assert int(peak[1]) <= 1024 * 1024
