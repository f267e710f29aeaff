"""The log: JSON lines with fixed names; of an exception its type and places, never its words."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import OneVisitError
from runtime.log.bare import bare, reason
from tests.unit.operating.conftest import MARK, ROOT

LOGGING = """
import logging, sys
from pathlib import Path
import structlog
from runtime import log
log.set_up(Path(sys.argv[1]))
ours, theirs = structlog.get_logger(), logging.getLogger("uvicorn.error")
theirs.info("Uvicorn running on %s", "here")
logging.getLogger("alembic.runtime.migration").info("Will assume non-transactional DDL.")
logging.getLogger("3rd-Party.x").warning("A sentence.\\nAnd what it holds: MARK")
try:
    {}["MARK"]
except KeyError as error:
    ours.error("ours.passed", exc_info=error)
    ours.exception("ours.current", incident="i1")
    theirs.error("Exception in ASGI application\\n", exc_info=True)
ours.info("ours.done", count=3)
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a process logged, in a process of its own: the log belongs to the process."""
    folder = tmp_path_factory.mktemp("logs")
    program = LOGGING.replace("MARK", MARK)
    subprocess.run([sys.executable, "-c", program, str(folder)], cwd=ROOT, check=True, timeout=60)
    text = (folder / "onevisit.log").read_text(encoding="utf-8")
    assert MARK not in text
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_has_a_fixed_name_and_a_librarys_sentence_stands_apart(lines: list[dict[str, Any]]) -> None:
    assert [(line["event"], line.get("message")) for line in lines] == [
        ("uvicorn", "Uvicorn running on here"),
        ("library", "A sentence."),
        ("ours.passed", None),
        ("ours.current", None),
        ("uvicorn", "Exception in ASGI application"),
        ("ours.done", None),
    ]


WRITING = """
import logging, sys
from pathlib import Path
from runtime import log
log.LARGEST_BYTES = 2_000
log.KEPT_FILES = 50
log.set_up(Path(sys.argv[1]), name="web")
log.set_up(Path(sys.argv[1]), name="web")
print("ready", flush=True)
input()
for number in range(100):
    logging.getLogger("of").info("%s %s", sys.argv[2], number)
print("done", flush=True)
input()
"""


def test_of_processes_under_one_name_each_writes_a_file_of_its_own_and_no_line_is_lost(tmp_path: Path) -> None:
    """A second web process, or one that stands by: rotating took away what another went on writing to."""

    def said(process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        return process.stdout.readline().strip()

    def tell(process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    running = []
    try:
        for name in "ab":
            command = [sys.executable, "-c", WRITING, str(tmp_path), name]
            one = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            running.append(one)
            assert said(one) == "ready"
        for one in running:
            tell(one)
        assert [said(one) for one in running] == ["done", "done"]
        for name, files in (("a", "web.log*"), ("b", "web.2.log*")):
            lines = "".join(file.read_text("utf-8") for file in tmp_path.glob(files)).splitlines()
            text = [json.loads(line)["message"] for line in lines]
            assert sorted(text) == sorted(f"{name} {number}" for number in range(100))
        assert len(list(tmp_path.glob("web.log*"))) > 2, "it was rotated"
    finally:
        for one in running:
            one.kill()
            one.communicate()

    command = [sys.executable, "-c", WRITING, str(tmp_path), "c"]
    subprocess.run(command, cwd=ROOT, input="\n\n", text=True, check=True, timeout=60, stdout=subprocess.DEVNULL)
    lines = (tmp_path / "web.log").read_text("utf-8").splitlines()
    assert json.loads(lines[-1])["message"] == "c 99", "what was killed keeps no file"


def test_of_an_exception_type_and_places_are_told(lines: list[dict[str, Any]]) -> None:
    for line in lines[2:5]:
        assert line["bug"] == "KeyError"
        assert line["frames"] == ["<string>:12:<module>"]
        assert "exception" not in line
    assert lines[3]["incident"] == "i1"


class Stopped(OneVisitError):
    """A refusal with all kinds of facts."""

    code = "test.stopped"


@pytest.mark.parametrize(
    "fact", [MARK, "张某", "13900000000", "T-000001", "JT01", "sha256:" + "0" * 64, True, 0.5, {"a": 1}, [1, MARK], []]
)
def test_a_fact_that_is_no_id_of_ours_and_no_count_is_left_out(fact: object) -> None:
    assert reason(Stopped(fact=fact)) == "test.stopped"
    assert bare(Stopped(fact=fact))["facts"] == {}


@pytest.mark.parametrize(
    "fact", ["C-640221-2018-001", "V-640221-2018-001-01", "V-640221-2018-001-01-JT", 17, [1, 2], ("D-640221-2018-001",)]
)
def test_ids_and_counts_are_kept(fact: object) -> None:
    assert bare(Stopped(fact=fact))["facts"] == {"fact": fact}
    assert reason(Stopped(fact=fact)) == f"test.stopped fact={fact}"


def test_causes_are_told_without_their_words_and_without_the_machines_folders() -> None:
    try:
        try:
            json.loads(MARK + "{")
        except ValueError as cause:
            raise RuntimeError(MARK) from cause
    except RuntimeError as error:
        told, why = bare(error), reason(error)

    assert (told["bug"], told["causes"][0]["bug"]) == ("RuntimeError", "json.decoder.JSONDecodeError")
    assert told["frames"][-1].startswith("tests/unit/operating/test_log.py:")
    assert told["causes"][0]["frames"][-1].startswith("json/decoder.py:")
    assert why.startswith("RuntimeError tests/unit/operating/test_log.py:")
    assert MARK not in repr(told) + why
    assert str(Path.home()) not in repr(told)


def test_a_chain_of_causes_that_bites_its_tail_ends() -> None:
    first, second = KeyError(1), ValueError(2)
    first.__cause__, second.__cause__ = second, first

    assert len(bare(first)["causes"]) == 1
