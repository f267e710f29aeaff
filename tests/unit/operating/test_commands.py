"""What an operator does by hand, on a real home: each command's word and exit code, bad input included."""

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from sqlalchemy import select

from onevisit import cli
from onevisit import home as homes
from onevisit.brokers import ALL
from onevisit.listing import show
from onevisit.system import System
from runtime.store.plumbing import offsets
from services.planner.tables import AgencyRow
from tests.unit.operating.conftest import MARK, ROOT, Command, opened

PATIENCE_SECONDS = 240  # with a busy machine; two on an idle one
SAMPLE = ROOT / "tests" / "golden" / "draw" / "draw-sample" / "sm3"


def agencies(home: Path) -> set[str]:
    """List the agencies planner knows."""
    system = opened(home)
    try:
        planner = system.services["planner"]
        with planner.db.read(planner.system) as session:
            return set(session.scalars(select(AgencyRow.id)))
    finally:
        system.close()


def parked_by_bug(onevisit: Command, home: Path) -> str:
    """Find the id of the event that planner stumbled over."""
    lines = [line.split("\t") for line in onevisit("dead", "ls", "--home", home).out.splitlines()]
    (found,) = [line[0] for line in lines if line[3] == "event.handler_failed"]
    return found


# ── what could not be handled ───────────────────────────────────────────────────────────────────────────────────────


def test_parked_messages_are_listed_one_a_line_with_their_whole_id(onevisit: Command, home: Path) -> None:
    ran = onevisit("dead", "ls", "--home", home)

    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert ran.code == 0
    assert sorted(line[1:] for line in lines) == [
        ["planner", "accounts", "event.handler_failed", "4", "parked"],
        ["planner", "accounts", "event.unreadable", "1", "parked"],
        ["results", "accounts", "event.unreadable", "1", "parked"],
    ]
    assert all(len(line[0]) == 36 for line in lines)


def test_on_a_terminal_nothing_is_cut_off_either() -> None:
    terminal = io.StringIO()
    row = ["0" * 36, "notifier", "campaigns", "event.handler_failed", "4", "parked", "[red]x\ny\x1b[2J"]

    show(Console(file=terminal, force_terminal=True, width=80), ("id", *"bcdefg"), [row])

    assert all(cell in terminal.getvalue() for cell in row[:-1])
    assert "[red]x?y?[2J" in terminal.getvalue(), "markup and control characters of a message do nothing"


def test_a_parked_message_is_shown_with_its_bytes_and_without_the_bugs_words(onevisit: Command, home: Path) -> None:
    ran = onevisit("dead", "show", parked_by_bug(onevisit, home), "--home", home)

    told = json.loads(ran.out)
    assert (ran.code, told["service"], told["state"], told["attempts"]) == (0, "planner", "parked", 4)
    assert told["reason"].startswith("KeyError tests/unit/operating/conftest.py:")
    assert MARK not in ran.out
    assert json.loads(told["body"])["data"]["agency"] == "JT"


def test_a_mended_message_is_handled_once_and_not_a_second_time(onevisit: Command, home: Path) -> None:
    park_id = parked_by_bug(onevisit, home)
    assert agencies(home) == {"GA"}

    assert onevisit("dead", "retry", park_id, "--home", home).code == 0
    again = onevisit("dead", "retry", park_id, "--home", home)
    skipped = onevisit("dead", "skip", park_id, "--reason", "too late", "--home", home)

    assert agencies(home) == {"GA", "JT"}
    assert (again.code, skipped.code) == (1, 1)
    assert "[dead.not_parked]" in again.err
    assert "retried" in again.err
    assert "[dead.not_parked]" in skipped.err


def test_a_message_that_still_fails_stays_parked(onevisit: Command, home: Path) -> None:
    unreadable = next(
        line.split("\t")[0]
        for line in onevisit("dead", "ls", "--home", home).out.splitlines()
        if "results\taccounts\tevent.unreadable" in line
    )

    ran = onevisit("dead", "retry", unreadable, "--home", home)

    assert ran.code == 1
    after = onevisit("dead", "ls", "--home", home).out.splitlines()
    assert [line.split("\t")[-1] for line in after if line.startswith(unreadable)] == ["parked"]


def test_a_skipped_message_lets_the_doctor_be_content(onevisit: Command, home: Path) -> None:
    sick = onevisit("doctor", "--home", home)
    for line in onevisit("dead", "ls", "--home", home).out.splitlines():
        assert onevisit("dead", "skip", line.split("\t")[0], "--reason", "a test", "--home", home).code == 0
    for service in ("planner", "drawer", "results", "notifier"):
        _empty_outbox(home, service)

    assert sick.code == 1
    assert f"-m onevisit dead ls --home {home}" in sick.out
    assert "skipped" in onevisit("dead", "ls", "--home", home).out
    well = onevisit("doctor", "--home", home)
    assert (well.code, "✘" in well.out) == (0, False), well.out


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o440, True), (0o640, False), (0o444, False)])
def test_the_doctor_looks_who_may_read_the_secrets(onevisit: Command, home: Path, mode: int, good: bool) -> None:
    (home / "secrets.toml").chmod(mode)

    (line,) = [line for line in onevisit("doctor", "--home", home).out.splitlines() if "secrets.toml" in line]

    assert line.startswith("✔" if good else "✘")


def _empty_outbox(home: Path, name: str) -> None:
    system = opened(home)
    system.services[name].relay()
    system.close()


@pytest.mark.parametrize("words", [("show",), ("retry",), ("skip", "--reason", "x")])
def test_an_unknown_id_is_refused_with_the_command_that_lists_them(
    words: tuple[str, ...], onevisit: Command, home: Path
) -> None:
    ran = onevisit("dead", words[0], "nosuch", *words[1:], "--home", home)

    assert ran.code == 1
    assert "[dead.no_such]" in ran.err
    assert "-m onevisit dead ls" in ran.err


# ── what waits, what was said, what is built again ──────────────────────────────────────────────────────────────────


def test_waiting_events_are_listed_with_what_they_wait_for(onevisit: Command, home: Path) -> None:
    ran = onevisit("waiting", "ls", "--home", home)

    (line,) = [line.split("\t") for line in ran.out.splitlines()]
    assert ran.code == 0
    assert line[1:3] == ["results", "draws"]
    assert line[4].startswith("draw:")
    assert line[5] == "not_yet"


def test_events_are_shown_one_a_line_even_beside_one_that_is_none(onevisit: Command, home: Path) -> None:
    ran = onevisit("events", "tail", "--home", home)
    told = [json.loads(line) for line in ran.out.splitlines()]

    assert ran.code == 0
    assert [each.get("type", "?") for each in told] == [
        "?",
        "onevisit.agency.registered.v1",
        "onevisit.agency.registered.v1",
        "onevisit.draw.disclosed.v1",
    ]


def test_an_unknown_topic_is_refused_with_the_list(onevisit: Command, home: Path) -> None:
    ran = onevisit("events", "tail", "--topic", "nosuch", "--home", home)

    assert (ran.code, ran.out) == (2, "")
    assert "[events.no_such_topic]" in ran.err
    assert "planner.dead" in ran.err


def test_a_replay_builds_the_projections_again(onevisit: Command, home: Path) -> None:
    ran = onevisit("replay", "planner", "--home", home)

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "planner: 4 events")
    assert agencies(home) == {"GA", "JT"}, "what had been parked is mended now"
    assert parked_by_bug(onevisit, home), "and the worker's own list stays as it is"


def test_a_replay_that_was_killed_is_told_of_and_run_again(onevisit: Command, home: Path) -> None:
    """Killed before the first batch is kept, and after it: nothing is served from half a projection."""
    onevisit("replay", "planner", "--home", home)
    whole = state(home)
    for point in ("planner.handled:1", "planner.offset_stored:1"):
        killed = subprocess.run(
            [sys.executable, "-m", "onevisit", "replay", "planner", "--home", str(home)],
            env=os.environ | {"ONEVISIT_FAILPOINTS": point},
            cwd=ROOT,
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert killed.returncode == -signal.SIGKILL, "the armed failpoint was never hit"

        assert "✘ planner 重放 replay" in onevisit("doctor", "--home", home).out
        start = onevisit("up", "--home", home)
        assert (start.code, "[home.replay_cut_short]" in start.err) == (1, True)
        assert f"-m onevisit replay planner --home {home}" in start.err

        assert onevisit("replay", "planner", "--home", home).code == 0
        assert state(home) == whole
        assert "✔ planner 重放 replay" in onevisit("doctor", "--home", home).out


def test_no_process_of_a_distributed_county_takes_part_after_a_replay_that_was_cut_short(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = opened(home)

    @contextmanager
    def there(*of: object, **how: object) -> Iterator[System]:
        yield system

    monkeypatch.setattr(cli, "opened", there)
    monkeypatch.setattr(homes, "settings_of", lambda path: SimpleNamespace(kafka={"bootstrap": "nowhere"}))
    try:
        with cli._taking_part(home, ALL):
            """Whole, it works."""
        begun = {"consumer": "drawer@replay", "topic": "campaigns", "part": 0, "next": 0}
        with system.services["drawer"].db.write_plumbing() as connection:
            connection.execute(offsets.insert(), begun)

        with pytest.raises(homes.ReplayCutShort) as refusal, cli._taking_part(home, ALL):
            pytest.fail("it takes part with half a projection")
    finally:
        system.close()
    assert refusal.value.facts["services"] == ["drawer"]


def state(home: Path) -> str:
    system = opened(home)
    try:
        return system.state_digest()
    finally:
        system.close()


def test_a_replay_of_nobody_or_beside_a_running_county_is_refused(onevisit: Command, home: Path) -> None:
    nobody = onevisit("replay", "nosuch", "--home", home)
    system = opened(home)
    busy = onevisit("replay", "planner", "--home", home)
    system.close()

    assert (nobody.code, busy.code) == (2, 1)
    assert "[replay.no_such_service]" in nobody.err
    assert "[home.busy]" in busy.err


# ── the draw ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_true_record_is_confirmed(onevisit: Command) -> None:
    ran = onevisit("draw", "verify", SAMPLE / "record.json", *sorted(SAMPLE.glob("*.tsv")))

    assert ran.code == 0, ran.err
    assert ran.out.startswith("✔ ")


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (lambda record: record.unlink(), 2, "draw.file_unreadable"),
        (lambda record: record.write_bytes(b"{"), 2, "draw.json_unreadable"),
        (lambda record: record.write_bytes(b"\xff"), 2, "draw.json_unreadable"),
        (lambda record: record.write_bytes(b"[]"), 1, "draw.shape_wrong"),
        (lambda record: _change(record, seed="0" * 64), 1, "draw.record_differs"),
        (lambda record: _change(record, teams={}), 1, "draw.record_differs"),
        (lambda record: _change(record, v="onevisit-import/1"), 3, "draw.no_record_of_it"),
        (lambda record: record.write_text('{"v":"onevisit-import/1"}'), 3, "draw.no_record_of_it"),
        (lambda record: _change(record, other={"v": "onevisit-import/1"}), 1, "draw.shape_wrong"),
    ],
    ids=[
        "missing",
        "no JSON",
        "no UTF-8",
        "no object",
        "another seed",
        "no teams",
        "drawn elsewhere",
        "no spaces",
        "further in",
    ],
)
def test_a_record_that_is_not_confirmed_says_why(
    change: object, code: int, says: str, onevisit: Command, tmp_path: Path
) -> None:
    shutil.copytree(SAMPLE, tmp_path / "draw")
    change(tmp_path / "draw" / "record.json")  # type: ignore[operator]

    ran = onevisit("draw", "verify", tmp_path / "draw" / "record.json", *sorted(SAMPLE.glob("*.tsv")))

    assert (ran.code, ran.out) == (code, "")
    assert f"[{says}]" in ran.err
    assert f"（{says}）" not in ran.err, "the sentence is missing"


def _change(record: Path, **parts: object) -> None:
    record.write_text(json.dumps(json.loads(record.read_bytes()) | parts), encoding="utf-8")


def test_without_its_frame_a_record_is_not_checked(onevisit: Command, tmp_path: Path) -> None:
    none = onevisit("draw", "verify", SAMPLE / "record.json")
    missing = onevisit("draw", "verify", SAMPLE / "record.json", tmp_path / "nosuch.tsv")
    no_record = onevisit("draw", "verify", tmp_path / "nosuch.json")

    assert (none.code, missing.code, no_record.code) == (3, 2, 2)
    assert "[draw.frame_not_given]" in none.err
    assert "nosuch.tsv" in missing.err


def test_with_one_frame_missing_the_rest_is_checked_and_what_it_rests_on_is_said(
    onevisit: Command, tmp_path: Path
) -> None:
    frames = sorted(SAMPLE.glob("*.tsv"))
    record = json.loads((SAMPLE / "record.json").read_bytes())
    parties = {**record["manifest"]["agencies"], "witness": record["manifest"]["witness"]}
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({who: one["key"] for who, one in parties.items() if one}))
    head = (record["replacements"] or [record])[-1]["result_digest"]

    alone = onevisit("draw", "verify", SAMPLE / "record.json", *frames[1:] or [tmp_path / "keys.json"])
    whole = onevisit("draw", "verify", SAMPLE / "record.json", *frames, "--keys", keys, "--head", head)
    cut = onevisit("draw", "verify", SAMPLE / "record.json", *frames, "--head", "0" * 64)
    other = onevisit("draw", "verify", SAMPLE / "record.json", *frames, "--head", "short")
    keys.write_text("[]")
    unread = onevisit("draw", "verify", SAMPLE / "record.json", *frames, "--keys", keys)

    assert (alone.code, "NOT CHECKED: manifest.frame" in alone.out) == (3, True), alone.err
    assert (whole.code, cut.code, other.code, unread.code) == (0, 1, 2, 2)
    assert "结果所依 / the result rests on:" in whole.out
    assert "密钥保管" in whole.out
    assert "no --head" not in whole.out
    assert "--head" in cut.err
    assert "[draw.head_unreadable]" in other.err
    assert "[draw.keys_unreadable]" in unread.err


def test_a_pipe_is_not_waited_for_and_too_much_is_not_read(onevisit: Command, tmp_path: Path) -> None:
    pipe, deep = tmp_path / "pipe", tmp_path / "deep.json"
    os.mkfifo(pipe)
    deep.write_bytes(b"[" + b"[]," * 6_000_000 + b"[]]")

    for words in ([pipe], [SAMPLE / "record.json", pipe], [SAMPLE / "record.json", deep, "--keys", pipe]):
        ran = onevisit("draw", "verify", *words)
        assert (ran.code, "不是普通文件" in ran.err) == (2, True), words
    heavy = onevisit("draw", "verify", deep, deep)
    assert (heavy.code, "[draw.file_too_large]" in heavy.err) == (2, True)


# ── what the machine or the operator gets wrong ─────────────────────────────────────────────────────────────────────


def test_a_home_that_is_not_there(onevisit: Command, tmp_path: Path) -> None:
    for words in (("dead", "ls"), ("doctor",), ("migrate",), ("waiting", "ls"), ("events", "tail")):
        ran = onevisit(*words, "--home", tmp_path / "nosuch")
        assert (ran.code, "[home.not_there]" in ran.err) == (2, True), words
    assert list(tmp_path.iterdir()) == []


def test_options_out_of_bounds_are_a_usage_error_in_both_languages(onevisit: Command) -> None:
    for words in (("up", "--port", "70000"), ("nosuch",), ("dead", "skip", "x"), ("events", "tail", "--last", "0")):
        ran = onevisit(*words)
        assert ran.code == 2, words
        assert "命令用法有误" in ran.err
        assert "[usage.wrong]" in ran.err


def test_a_home_below_a_file_is_refused_in_a_sentence(onevisit: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ran = onevisit("up", "--empty", "--home", tmp_path / "file" / "home")

    assert ran.code == 1
    assert "路径中有一段不是文件夹" in ran.err
    assert "[machine.file_unusable]" in ran.err


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("settings.toml", 'log_level = "LOUD"\n', "home.settings_broken"),
        ("settings.toml", "= broken", "home.settings_broken"),
        ("settings.toml", "port = 70000", "home.settings_broken"),
        ("secrets.toml", 'master = "no hex"', "secrets.unreadable"),
        ("contents.json", "{", "home.settings_broken"),
    ],
)
def test_a_broken_file_of_the_home_is_named(file: str, text: str, code: str, onevisit: Command, home: Path) -> None:
    (home / file).write_text(text, encoding="utf-8")

    for words in (("up",), ("doctor",), ("dead", "ls")):
        ran = onevisit(*words, "--home", home)
        assert (ran.code, f"[{code}]" in ran.err, str(home / file) in ran.err) == (1, True, True), ran.err


def test_without_a_free_port_the_county_says_which_were_tried(
    onevisit: Command, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onevisit import serving

    monkeypatch.setattr(serving, "PORTS_TRIED", 1)
    taken = serving.free_port("127.0.0.1", 0)
    port = taken.getsockname()[1]
    ran = onevisit("up", "--port", port, "--home", home)
    taken.close()

    assert ran.code == 1
    assert f"{port}" in ran.err
    assert "[serving.no_free_port]" in ran.err


def test_a_process_that_a_proxy_looks_for_takes_its_own_port_or_none() -> None:
    from onevisit import serving

    taken = serving.own_port("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(serving.PortTaken) as refusal:
        serving.own_port("127.0.0.1", port)
    taken.close()

    assert refusal.value.facts == {"host": "127.0.0.1", "port": port}
    serving.own_port("127.0.0.1", port).close()


def test_an_address_that_is_not_this_machines_is_not_called_taken(onevisit: Command, home: Path) -> None:
    settings = homes.settings_of(home).model_copy(update={"host": "192.0.2.1"})
    homes.create(home, settings)

    ran = onevisit("up", "--home", home)

    assert ran.code == 1
    assert "[machine.file_unusable]" in ran.err
    assert "192.0.2.1" in ran.err


def test_the_last_port_has_no_next_one() -> None:
    from onevisit import serving

    first = serving.free_port("127.0.0.1", 65_535)
    with pytest.raises(serving.NoFreePort) as refused:
        serving.free_port("127.0.0.1", 65_535)
    first.close()

    assert refused.value.facts["last"] == 65_535


def test_an_answer_is_not_held_back_for_the_clients_acknowledgement() -> None:
    from onevisit import serving

    async def accepted() -> int:
        delays = asyncio.get_running_loop().create_future()

        def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            delays.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        taken = serving.free_port("127.0.0.1", 0)
        async with await asyncio.start_server(note, sock=taken):
            _, writer = await asyncio.open_connection(*taken.getsockname())
            found: int = await asyncio.wait_for(delays, 10)
            writer.close()
        return found

    assert asyncio.run(accepted()) == 1


def test_a_bug_keeps_its_traceback(onevisit: Command, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from onevisit import doctor

    def broken(path: Path) -> object:
        raise KeyError("a bug")

    monkeypatch.setattr(doctor, "examine", broken)

    with pytest.raises(KeyError):
        onevisit("doctor", "--home", home)
