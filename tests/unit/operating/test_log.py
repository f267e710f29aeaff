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
