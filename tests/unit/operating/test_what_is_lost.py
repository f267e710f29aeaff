"""A data folder that lost a database, or whose event log is older than its databases, is not served as if it were whole."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from onevisit import home as homes
from onevisit.databases import PostgresSettings
from onevisit.home import DataElsewhere, DataLost, HomeSettings, LogBehind
from tests.unit.operating.conftest import Command, opened

READING = (("dead", "ls"), ("waiting", "ls"), ("events", "tail"), ("replay", "planner"))


def migrated(home: Path) -> Path:
    """Make what belongs to a home."""
    system = opened(home)
    system.migrate()
    system.close()
    return home


def test_what_belongs_to_a_home_is_noted_when_all_of_it_is_made(empty_home: Path) -> None:
    assert homes.noted(empty_home) == []

    migrated(empty_home)

    assert homes.noted(empty_home) == sorted(homes.databases(empty_home))
    assert homes.lost(empty_home) == []


@pytest.mark.parametrize("file", ["db/drawer.sqlite", "log.sqlite"])
@pytest.mark.parametrize("emptied", [False, True], ids=["deleted", "emptied"])
def test_a_lost_database_stops_every_command_and_no_new_one_is_made(
    file: str, emptied: bool, onevisit: Command, home: Path
) -> None:
    for part in (home / file).parent.glob(f"{Path(file).name}*"):
        part.unlink()
    if emptied:
        (home / file).touch()

    for words in (("up",), ("migrate",), *READING):
        ran = onevisit(*words, "--home", home)
        assert (ran.code, f"[{DataLost.code}]" in ran.err, file in ran.err) == (1, True, True), words
        assert "从备份恢复" in ran.err

    doctor = onevisit("doctor", "--home", home)
    assert doctor.code == 1
    assert f"✘ 文件 file {file}" in doctor.out
    assert (home / file).exists() == emptied, "nothing is made in its place"
    assert not emptied or (home / file).stat().st_size == 0


IN_POSTGRES = HomeSettings(postgres=PostgresSettings(url="postgresql://{service}@127.0.0.1:9/onevisit"))


def test_files_are_not_left_for_a_postgresql_that_the_settings_name_later(
    onevisit: Command, home: Path, tmp_path: Path
) -> None:
    homes.create(home, IN_POSTGRES)
    (tmp_path / "admin").write_text("postgresql://postgres@127.0.0.1:9/postgres")

    for words in (("up",), ("migrate",), ("provision", "--admin-file", tmp_path / "admin"), *READING):
        ran = onevisit(*words, "--home", home)
        assert (ran.code, f"[{DataElsewhere.code}]" in ran.err) == (1, True), (words, ran.err)
        assert "db/console.sqlite" in ran.err
        assert "postgresql:console" in ran.err

    doctor = onevisit("doctor", "--home", home)
    assert doctor.code == 1
    assert "✘ 数据库 database db/drawer.sqlite" in doctor.out
    assert not (home / "postgres").exists(), "no password was made"


def test_postgresql_is_not_left_for_files_when_the_setting_is_gone(onevisit: Command, tmp_path: Path) -> None:
    home = tmp_path / "home"
    homes.create(home, IN_POSTGRES)
    (home / "log.sqlite").write_bytes(b"a log")
    homes.note_contents(home)
    homes.check_place(home)
    homes.create(home, HomeSettings())

    for words in (("up",), ("migrate",), *READING):
        ran = onevisit(*words, "--home", home)
        assert (ran.code, f"[{DataElsewhere.code}]" in ran.err) == (1, True), (words, ran.err)
        assert "postgresql:console" in ran.err

    assert "✘ 数据库 database postgresql:drawer" in onevisit("doctor", "--home", home).out
    assert not (home / "db").exists(), "no empty databases are made"


def test_a_database_of_a_later_release_is_made_beside_those_that_are_there(home: Path) -> None:
    noted = [file for file in homes.noted(home) if file != "db/notifier.sqlite"]
    (home / homes.CONTENTS).write_text(json.dumps({"databases": noted}), encoding="ascii")
    for part in (home / "db").glob("notifier.sqlite*"):
        part.unlink()

    assert homes.lost(home) == []
    migrated(home)
    assert homes.noted(home) == sorted(homes.databases(home))


def test_an_older_log_stops_the_start(onevisit: Command, home: Path, empty_home: Path) -> None:
    """The log of another day has fewer events than the databases have read: what came next would not be heard."""
    for part in home.glob("log.sqlite*"):
        part.unlink()
    shutil.copy(migrated(empty_home) / "log.sqlite", home / "log.sqlite")

    for words in (("up",), ("replay", "planner")):
        ran = onevisit(*words, "--home", home)
        assert (ran.code, f"[{LogBehind.code}]" in ran.err) == (1, True), ran.err
        assert "planner" in ran.err
    doctor = onevisit("doctor", "--home", home)
    assert doctor.code == 1
    assert "✘ 事件日志 log" in doctor.out


def test_a_log_that_is_ahead_is_as_it_should_be(home: Path) -> None:
    system = opened(home)
    try:
        assert system.beyond_the_log() == {}
        system.check_log()
    finally:
        system.close()


def test_a_home_not_yet_migrated_is_told_what_to_do(onevisit: Command, empty_home: Path) -> None:
    for words in READING:
        ran = onevisit(*words, "--home", empty_home)
        assert (ran.code, "[home.not_migrated]" in ran.err) == (1, True), words
        assert f"-m onevisit migrate --home {empty_home}" in ran.err
    doctor = onevisit("doctor", "--home", empty_home)

    assert doctor.code == 1
    assert f"-m onevisit migrate --home {empty_home}" in doctor.out
    assert not list(empty_home.rglob("*.sqlite")), "looking makes nothing"
    assert onevisit("migrate", "--home", empty_home).code == 0
    assert onevisit("doctor", "--home", empty_home).code == 0


def test_databases_of_an_earlier_version_are_told_apart(onevisit: Command, home: Path) -> None:
    connection = sqlite3.connect(home / "db" / "results.sqlite")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001_first_tables'")
    connection.close()

    ran = onevisit("dead", "ls", "--home", home)

    assert ran.code == 1
    assert "[home.not_migrated]" in ran.err
    assert "0002_" in ran.err
    assert "✘ results 迁移 migrations" in onevisit("doctor", "--home", home).out


@pytest.mark.parametrize("file", ["db/results.sqlite", "log.sqlite"])
def test_a_damaged_database_is_named_by_every_command(file: str, onevisit: Command, home: Path) -> None:
    for part in (home / file).parent.glob(f"{Path(file).name}-*"):
        part.unlink()
    (home / file).write_bytes(b"no database at all, " * 500)

    for words in (("up",), ("migrate",), *READING):
        ran = onevisit(*words, "--home", home)
        assert (ran.code, "[machine.database_unusable]" in ran.err) == (1, True), (words, ran.err)
        assert str(home / file) in ran.err
    doctor = onevisit("doctor", "--home", home)
    assert doctor.code == 1
    assert f"✘ 文件 file {file}" in doctor.out


def test_a_database_damaged_in_the_middle_is_found_by_the_doctor(onevisit: Command, home: Path) -> None:
    file = home / "db" / "planner.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with open(file, "r+b") as opened_file:
        opened_file.seek(4096 * 2)
        opened_file.write(b"\xff" * 4096 * 8)

    doctor = onevisit("doctor", "--home", home)

    assert doctor.code == 1
    assert "✘ 文件 file db/planner.sqlite" in doctor.out


def test_a_log_that_is_gone_for_good_is_gone_on_from_by_name_and_what_is_unheard_is_counted(
    onevisit: Command, home: Path, empty_home: Path
) -> None:
    for part in home.glob("log.sqlite*"):
        part.unlink()
    shutil.copy(migrated(empty_home) / "log.sqlite", home / "log.sqlite")
    connection = sqlite3.connect(home / "db" / "results.sqlite")
    (was, part) = connection.execute("SELECT next, part FROM offsets WHERE topic = 'accounts' AND next > 0").fetchone()
    connection.execute("UPDATE offsets SET next = next - 1 WHERE topic = 'accounts' AND part = ?", [part])
    connection.commit()
    connection.close()

    ran = onevisit("topics", "rewind", "--home", home)

    assert ran.code == 0, ran.err
    assert f"results accounts/{part}: {was - 1} → 0, 未听到 / unheard: 1" in ran.out.splitlines()
    assert f"planner accounts/{part}: {was} → 0, 未听到 / unheard: 0" in ran.out.splitlines()
    assert onevisit("topics", "rewind", "--home", home).out == ""
    assert onevisit("replay", "planner", "--home", home).code == 0, "nothing stands beyond the log any more"
