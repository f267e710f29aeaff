"""
Every kind of tampering that the Python verifier refuses is refused by the page under the same name.

The forgeries are those of tests/unit/verifier; all of them are verified in one run of node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.verifier import forge
from tests.unit.verifier import test_rounds as rounds
from tests.unit.verifier import test_tampering as draw
from tests.unit.verifier.forge import Case
from tests.verifier_js.node import named, verified

WRONG_TIMES = {
    "published": (1543886401, "commit_close"),
    "commit_close": (1543887000, "reveal_close"),
    "reveal_close": (1543887301, "seal_by"),
    "seal_by": (1543887301, "beacon_time"),
    "beacon_time": (1543887899, "beacon_time"),
    "window_end": (1543887899, "window_end"),
}
COUNTS = ["inspectors", "labels", "capacity", "recused", "most_recused"]


def of_draws() -> Iterator[tuple[str, Case, int, str]]:
    """Give every tampering with a draw: its name, the forged case, the section and the place to be named."""
    for param in draw.EDITS:
        start, edit, section, place = param.values
        case = start()
        edit(case)
        yield f"draw-{param.id}", case, section, place


def of_rounds() -> Iterator[tuple[str, Case, int, str]]:
    """Give every tampering with a round."""
    for param in rounds.EDITS:
        start, edit, place = param.values
        case = start()
        edit(case)
        yield f"round-{param.id}", case, 11, place


def of_numbers() -> Iterator[tuple[str, Case, int, str]]:
    """Give times out of order, and counts of a roster that are not its own."""
    for name, (time, named_place) in WRONG_TIMES.items():
        case = forge.base()
        case.manifest["times"][name] = time
        forge.anew(case)
        yield f"time-{name}", case, 4, f"manifest.times.{named_place}"
    for count in COUNTS:
        case = forge.base()
        announced = case.manifest["rosters"]["GA"]
        announced[count] = {**announced["labels"], "haz": 3} if count == "labels" else announced[count] + 1
        forge.anew(case)
        yield f"count-{count}", case, 3, f"manifest.rosters.GA.{count}"


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any, int, str]]:
    """Verify all forgeries with both verifiers: {name: (page's report, Python's report, section, place)}."""
    folder = tmp_path_factory.mktemp("forged")
    found: dict[str, tuple[Any, int, str]] = {}
    for name, case, section, place in (*of_draws(), *of_rounds(), *of_numbers()):
        (folder / name).mkdir()
        found[name] = (case.verify(folder / name), section, place)
    reports = verified(folder)
    return {name: (reports[name], *rest) for name, rest in found.items()}


def test_there_are_enough_kinds_of_tampering(verdicts: Any) -> None:
    assert len(verdicts) >= 200


def test_tampering_is_refused_and_named(verdicts: Any) -> None:
    for name, (page, _, section, place) in verdicts.items():
        code, where, what = named(page)
        assert (code, where) == (1, section), (name, page["difference"])
        assert place in (what or ""), (name, what)
        assert page["verdict"] == "refused"


def test_both_verifiers_give_the_same_name(verdicts: Any) -> None:
    for name, (page, python, _, _) in verdicts.items():
        said = python.difference
        place = said.path.rpartition("/" + name + "/")[2]  # the Python verifier names a frame file with its folder
        assert named(page) == (python.exit_code, said.section, place), name


def test_every_difference_is_said_in_both_languages(verdicts: Any) -> None:
    for name, (page, *_) in verdicts.items():
        assert page["difference"]["en"].isascii(), name
        assert any("\u4e00" <= sign <= "\u9fff" for sign in page["difference"]["zh"]), name
        assert page["restsOn"] == [], name
