"""The figures of several processes: measured where their parts are, left out by name where one is not."""

import subprocess

import pytest

from runtime import log
from tests.bench import __main__ as bench
from tests.bench import county, distributed, events, selection, teams, verification
from tests.tier.missing import Missing
from tests.tier.shared import FOLDER, Shared


@pytest.fixture
def without_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    def share(component: str) -> Shared:
        raise Missing(f"{component}: no Java (default-jdk-headless)")

    monkeypatch.setattr(distributed, "share", share)
    monkeypatch.setattr(log, "set_up", lambda folder: None)
    monkeypatch.setenv(FOLDER, "")  # put back afterwards


def test_a_missing_part_is_named_and_nothing_else_is_said(
    without_kafka: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONEVISIT_CI", raising=False)

    distributed.main()

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("left out: ")
    assert said[0].endswith("missing: kafka: no Java (default-jdk-headless)")
    assert "tests/provide.py" in said[1]


def test_in_ci_a_missing_part_is_an_error(without_kafka: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEVISIT_CI", "1")

    with pytest.raises(Missing):
        distributed.main()


def test_make_bench_ends_with_several_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[list[str]] = []
    for one in (county, events, selection, teams, verification):
        monkeypatch.setattr(one, "figures", lambda: iter(()))
    monkeypatch.setattr(subprocess, "run", lambda command, check: begun.append(command[1:]))

    bench.main()

    assert begun == [["-m", "tests.bench.distributed"]]
