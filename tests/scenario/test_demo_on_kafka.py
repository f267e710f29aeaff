"""The same campaign on Kafka and PostgreSQL, by processes of their own, ends in the same state as in one process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from onevisit.demo import stand
from runtime.store.digest import combined
from tests.scenario.playing import PLAY_SECONDS, Played, opened

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_demo_on_kafka_ends_with_the_state_digest_of_the_demo(
    kafka_address: str, postgres_url: str, undisturbed: Played, tmp_path: Path
) -> None:
    (tmp_path / "admin").write_text(postgres_url)
    servers = ["--kafka", kafka_address, "--admin-file", str(tmp_path / "admin")]

    played = subprocess.run(
        [sys.executable, "-m", "onevisit", "demo", "--to", str(tmp_path / "demo"), *servers],
        capture_output=True,
        text=True,
        check=False,
        timeout=PLAY_SECONDS,
    )

    logs = tmp_path / "demo" / "home" / "logs"
    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    system = opened(tmp_path / "demo" / "home")
    try:
        assert system.state() == undisturbed.state
    finally:
        system.close()
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert summary["state_digest"] == combined(undisturbed.state)
    assert summary == undisturbed.summary
    parts = {"-".join(words[1:]) + ("-0" if words[1] == "worker" else "") for words in stand.PARTS}
    assert {file.stem for file in logs.glob("*.log")} >= parts
    assert len(parts) == 6, "web, timers and four workers"
