"""
The page's verifier and others agree on whatever comes along: with section 12 word by word, and with verify_draw.py.

The number of instances grows with ``ONEVISIT_PROPERTY`` (1 in `make test`); the seeds are fixed, so a failure comes again.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import verify_draw
from tests.property.instances import TeamCase, a_team_case
from tests.property.literal_teams import LiteralTeams
from tests.property.whole_draws import a_draw
from tests.unit.verifier import forge
from tests.unit.verifier.forge import SAMPLES
from tests.unit.verifier.fuzzing import mutate, newest_result, remembered
from tests.verifier_js.node import computed, named, verified
from tests.verifier_js.test_samples import written

TIMES = int(os.environ.get("ONEVISIT_PROPERTY", "1"))


@pytest.fixture(autouse=True)
def _remember_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_draw, "ed25519_verify", remembered)


def asked(case: TeamCase, **more: Any) -> dict[str, Any]:
    """Put an instance of teams to the page's verifier."""
    return {
        "do": "teams", "key": case.key, "slots": case.targets, "roster": case.roster, "recused": sorted(case.recused),
        **more,
    }  # fmt: skip


def hard_to_level(chance: random.Random) -> TeamCase:
    """Make an instance with few officers, many targets and many recusals, so that the greedy step goes wrong."""
    officers, away = chance.randint(3, 8), chance.choice([0.1, 0.3, 0.5, 0.7])

    def some(likely: float) -> tuple[str, ...]:
        return tuple(label for label in "xyz" if chance.random() < likely)

    targets = {f"t{n}": [some(0.4) for _ in range(chance.choice([1, 2, 3]))] for n in range(chance.randint(6, 20))}
    roster = {f"i{n}": (some(0.6), chance.choice([3, 9, 30]), chance.choice([0, 0, 5])) for n in range(officers)}
    recused = frozenset((name, target) for name in roster for target in targets if chance.random() < away)
    return TeamCase(f"{chance.getrandbits(128):032x}", targets, roster, recused)


def test_teams_are_those_of_section_12_word_by_word() -> None:
    chance = random.Random(1204)
    cases = [a_team_case(chance) for _ in range(1200 * TIMES)] + [hard_to_level(chance) for _ in range(250 * TIMES)]
    expected = [LiteralTeams(case.key, case.targets, case.roster, case.recused).assign() for case in cases]

    answers = [answer["answer"] for answer in computed(map(asked, cases))]

    for case, answer, due in zip(cases, answers, expected, strict=True):
        assert answer["assigned"] == due, case
    assert sum(answer["augmentations"] > 0 for answer in answers) > 50
    assert sum(answer["levellings"] > 1 for answer in answers) > 5


def test_without_the_search_or_the_levelling_the_teams_would_be_others() -> None:
    chance = random.Random(1205)
    cases = [hard_to_level(chance) for _ in range(60)]
    expected = [LiteralTeams(case.key, case.targets, case.roster, case.recused).assign() for case in cases]
    for guard in (("    this.level();\n", ""), ("&& this.search([slot], roomy)) ", "&& roomy === null) ")):
        answers = computed(map(asked, cases), without=[guard])
        assert any(answer["answer"]["assigned"] != due for answer, due in zip(answers, expected, strict=True)), guard


def test_rounds_fill_what_section_11_says_and_move_nobody() -> None:
    chance, requests, expected = random.Random(1112), [], []
    for _ in range(600 * TIMES):
        case = a_team_case(chance)
        first = LiteralTeams(case.key, case.targets, case.roster, case.recused).assign()
        standing = {
            target: [name if chance.random() < 0.8 else None for name in team]
            for target, team in first.items()
            if chance.random() < 0.7
        }
        left = [
            (target, index)
            for target, team in standing.items()
            for index, name in enumerate(team)
            if name is None and first[target][index] is not None and chance.random() < 0.8
        ]
        recused = case.recused | {(str(first[target][index]), target) for target, index in left}
        later = TeamCase(case.key[::-1], case.targets, case.roster, recused)
        expected.append(LiteralTeams(later.key, later.targets, later.roster, recused).refill(standing, left))
        places = {target: [index for t, index in left if t == target] for target, _ in left}
        requests.append(asked(later, standing=standing, open=places))

    answers = [answer["answer"]["assigned"] for answer in computed(requests)]

    assert answers == expected


# --- whole records ---------------------------------------------------------------------------------------------------


def checked(folder: Path, content: bytes, files: tuple[bytes, ...], head: str | None = None) -> verify_draw.Report:
    """Write a record and its frames down for run.mjs, and say what the Python verifier finds."""
    folder.mkdir()
    (folder / "record.json").write_bytes(content)
    for number, file in enumerate(files):
        (folder / f"{number}.tsv").write_bytes(file)
    if head is not None:
        (folder / "head.txt").write_text(head)
    return verify_draw.verify(
        str(folder / "record.json"), [str(one) for one in sorted(folder.glob("*.tsv"))], head=head
    )


def test_random_draws_with_rounds_are_accepted_in_both_editions_and_their_mutations_get_one_name(
    tmp_path: Path,
) -> None:
    chance, seen = random.Random(2018), Counter[str]()
    expected: dict[str, verify_draw.Report] = {}
    for number in range(20 * TIMES):
        played = a_draw(chance)
        seen.update(
            rounds=played.rounds, spent=played.spent, open=len(played.outcome.open), shards=len(played.files) - 1
        )
        for edition, content in (("full", played.full), ("public", played.public)):
            name = f"{number:05d}-{edition}"
            expected[name] = checked(tmp_path / name, content, played.files)
            assert expected[name].exit_code == 0, expected[name].difference
            for change in range(2):
                record = json.loads(content)
                head = newest_result(record)
                mutate(record, chance)
                forged = f"{name}-{change}"
                expected[forged] = checked(tmp_path / forged, json.dumps(record).encode(), played.files, head)

    reports = verified(tmp_path)

    for name, python in expected.items():
        said = python.difference
        due = (python.exit_code, said and said.section, said and said.path)
        assert named(reports[name]) == due, (name, reports[name]["difference"], python.difference)
    assert min(seen.values()) > 2


def _folder(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_records_changed_at_random_get_the_same_exit_code_and_name(tmp_path: Path) -> None:
    chance, expected = random.Random(1543886400), {}
    names = sorted({folder.name for folder in SAMPLES.iterdir()})
    for number in range(280 * TIMES):
        case, changes = forge.sample(names[number % len(names)]), chance.choice([1, 1, 1, 2, 5])
        for _ in range(changes):
            mutate(case.record, chance)
        name = f"{number:05d}-{changes}"
        expected[name] = case.verify(_folder(tmp_path, name))

    reports = verified(tmp_path)

    for name, python in expected.items():
        assert reports[name]["exit"] == python.exit_code, (name, reports[name], python.difference)
        if name.endswith("-1") and python.difference is not None:  # with more changes, either may be met first
            assert named(reports[name])[1:] == (python.difference.section, python.difference.path), name
    assert sum(python.exit_code == 1 for python in expected.values()) > 200 * TIMES


def test_a_record_that_python_cannot_read_is_unreadable_here_too(tmp_path: Path) -> None:
    chance, expected = random.Random(7), {}
    raw = (SAMPLES / "rehearsal" / "record.json").read_bytes()
    for number in range(120 * TIMES):
        changed = bytearray(raw)
        for _ in range(chance.choice([1, 1, 3, 20])):
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice([0, 1, 1, 5])] = chance.randbytes(chance.choice([0, 1, 1, 2]))
        name = f"{number:04d}"
        folder = written(forge.sample("rehearsal"), tmp_path / name)
        (folder / "record.json").write_bytes(changed)
        frames = sorted(str(path) for path in folder.glob("*.tsv"))
        expected[name] = verify_draw.verify(str(folder / "record.json"), frames).exit_code

    reports = verified(tmp_path)

    assert {name: report["exit"] for name, report in reports.items()} == expected
    assert min(list(expected.values()).count(code) for code in (1, 2)) > 6
