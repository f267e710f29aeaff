"""
Drawer, its own check and the stand-alone verifier on whole random draws: no difference.

The number of draws grows with ``ONEVISIT_PROPERTY`` (1 in `make test`); the seeds are fixed, so a failure comes again.
"""

import json
import random
from collections import Counter
from pathlib import Path

import pytest

import verify_draw
from runtime.errors import OneVisitError
from services.drawer.checking import verify
from tests.property.test_teams import TIMES
from tests.property.whole_draws import Played, a_draw
from tests.unit.verifier.fuzzing import meaning, mutate, newest_result, remembered


def alone(folder: Path, content: bytes, files: tuple[bytes, ...], head: str | None = None) -> verify_draw.Report:
    (folder / "record.json").write_bytes(content)
    paths = []
    for number, file in enumerate(files):
        (folder / f"{number}.tsv").write_bytes(file)
        paths.append(str(folder / f"{number}.tsv"))
    return verify_draw.verify(str(folder / "record.json"), paths, head=head)


def test_whole_draws_are_accepted_by_both_checks_in_both_editions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_draw, "ed25519_verify", remembered)
    chance, seen = random.Random(2018), Counter[str]()
    for number in range(60 * TIMES):
        played = a_draw(chance)
        for content in (played.full, played.public):
            report = alone(tmp_path, content, played.files)
            own = verify(content, played.files)

            assert (report.exit_code, report.difference) == (0, None), number
            assert own.not_checked == ()
            assert own.rounds == played.rounds
        seen.update(visits=bool(played.outcome.visits), open=bool(played.outcome.open), shards=len(played.files) > 1)
        seen.update(rounds=bool(played.rounds), spent=bool(played.spent))
    assert min(seen.values()) > 8


def test_both_checks_refuse_the_same_mutations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw, "ed25519_verify", remembered)
    chance, refusals = random.Random(1204), 0
    for number in range(12 * TIMES):
        played = a_draw(chance)
        for content in (played.full, played.public):
            for _ in range(12):
                changed = json.loads(content)
                mutate(changed, chance)
                text = json.dumps(changed).encode()
                head = newest_result(json.loads(content))

                report = alone(tmp_path, text, played.files, head)

                own = own_exit_code(text, played, head)
                assert report.exit_code == own, (number, report.difference)
                assert own == 1 or meaning(changed) == meaning(json.loads(content))
                refusals += own
    assert refusals > 200 * TIMES


def own_exit_code(content: bytes, played: Played, head: str) -> int:
    try:
        report = verify(content, played.files)
    except OneVisitError:
        return 1
    return 0 if report.result_digest == head else 1
