"""Backups: whole or not at all, written over nothing, refused with the wrong secrets; the drill is in tests/scenario."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from onevisit.backup import (
    MANIFEST,
    BackupExists,
    BackupUnreadable,
    DatabasesElsewhere,
    RestoreTargetNotEmpty,
    SecretsOfAnother,
    back_up,
    restore,
)
from onevisit.home import CountyWrong, DataLost, HomeNotThere, HomeThereAlready, NotMigrated, settings_of
from runtime.secrets import Secrets, SecretsMissing
from tests.unit.operating.conftest import Command, opened

Entry = tuple[str, bytes]


@pytest.fixture
def archive(home: Path, tmp_path: Path) -> Path:
    (home / "blobs" / "ab").mkdir(parents=True)
    (home / "blobs" / "ab" / "cd").write_bytes(b"a document")
    (home / "blobs" / "ab" / ".ef.1.new").write_bytes(b"half a docu")
    back_up(home, tmp_path / "kept" / "county.tar.gz")
    return tmp_path / "kept" / "county.tar.gz"


def entries(archive: Path) -> list[Entry]:
    with tarfile.open(archive) as packed:
        return [(entry.name, file.read()) for entry in packed if (file := packed.extractfile(entry))]


def written(to: Path, parts: list[Entry]) -> Path:
    with tarfile.open(to, "w:gz") as packed:
        for name, data in parts:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return to


def test_what_is_restored_is_what_was_there(archive: Path, home: Path, tmp_path: Path) -> None:
    told = restore(archive, tmp_path / "again", home / "secrets.toml")

    with_log = [name for name, _ in entries(archive)]
    assert with_log.index("log.sqlite") > max(place for place, name in enumerate(with_log) if name.startswith("db/"))
    assert sorted(with_log) == sorted([*told.files, MANIFEST])
    assert (tmp_path / "again" / "blobs" / "ab" / "cd").read_bytes() == b"a document"
    assert not list((tmp_path / "again").rglob("*.new"))
    was, now = opened(home), opened(tmp_path / "again")
    try:
        assert now.state() == was.state()
        assert [one.backlog() for one in now.services.values()] == [one.backlog() for one in was.services.values()]
    finally:
        was.close()
        now.close()


def test_it_is_its_owners_alone_and_has_no_secrets(archive: Path, home: Path, tmp_path: Path) -> None:
    master = (home / "secrets.toml").read_text("utf-8").split('"')[1]
    assert archive.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    for name, data in entries(archive):
        assert master.encode() not in data, name
        assert bytes.fromhex(master) not in data, name

    restore(archive, tmp_path / "again", home / "secrets.toml")
    files = [path for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_it_is_written_over_nothing(archive: Path, home: Path, tmp_path: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(BackupExists):
        back_up(home, archive)
    assert archive.read_bytes() == before

    with pytest.raises(RestoreTargetNotEmpty):
        restore(archive, home, home / "secrets.toml")
    (tmp_path / "empty").mkdir()
    restore(archive, tmp_path / "empty", home / "secrets.toml")


def test_a_folder_that_is_not_whole_is_not_backed_up(home: Path, empty_home: Path, tmp_path: Path) -> None:
    with pytest.raises(HomeNotThere):
        back_up(tmp_path / "nowhere", tmp_path / "a.tar.gz")
    with pytest.raises(NotMigrated):
        back_up(empty_home, tmp_path / "a.tar.gz")
    settings = empty_home / "settings.toml"
    settings.write_text(
        settings.read_text("utf-8").replace('url = ""', 'url = "postgresql://{service}@127.0.0.1:5432/onevisit"'),
        "utf-8",
    )
    with pytest.raises(DatabasesElsewhere):
        back_up(empty_home, tmp_path / "a.tar.gz")
    (home / "db" / "drawer.sqlite").unlink()
    with pytest.raises(DataLost):
        back_up(home, tmp_path / "a.tar.gz")
    assert not (tmp_path / "a.tar.gz").exists()


def test_the_secrets_must_be_those_of_the_installation(archive: Path, tmp_path: Path) -> None:
    Secrets.first(tmp_path / "other.toml")
    with pytest.raises(SecretsOfAnother):
        restore(archive, tmp_path / "again", tmp_path / "other.toml")
    with pytest.raises(SecretsMissing):
        restore(archive, tmp_path / "again", tmp_path / "none.toml")
    assert not (tmp_path / "again").exists()


def changed(parts: list[Entry]) -> list[Entry]:
    return [(name, data[:-1] + b"!" if name == "log.sqlite" else data) for name, data in parts]


def without_a_file(parts: list[Entry]) -> list[Entry]:
    return [(name, data) for name, data in parts if name != "db/results.sqlite"]


def without_manifest(parts: list[Entry]) -> list[Entry]:
    return parts[:-1]


def climbing(parts: list[Entry]) -> list[Entry]:
    return [("../outside", b"x"), *parts]


def rooted(parts: list[Entry]) -> list[Entry]:
    return [("/tmp/outside", b"x"), *parts]


def with_secrets(parts: list[Entry]) -> list[Entry]:
    return [("secrets.toml", b"x"), *parts]


def twice(parts: list[Entry]) -> list[Entry]:
    return [parts[0], *parts]


def followed(parts: list[Entry]) -> list[Entry]:
    return [*parts, ("blobs/late", b"x")]


def of_another_form(parts: list[Entry]) -> list[Entry]:
    return [*parts[:-1], (MANIFEST, json.dumps({"format": 1}).encode())]


@pytest.mark.parametrize(
    "change",
    [changed, without_a_file, without_manifest, climbing, rooted, with_secrets, twice, followed, of_another_form],
)
def test_what_is_not_the_whole_backup_restores_nothing(
    change: Callable[[list[Entry]], list[Entry]], archive: Path, home: Path, tmp_path: Path
) -> None:
    place = tmp_path / "narrow"
    place.mkdir()
    forged = written(place / "forged.tar.gz", change(entries(archive)))

    with pytest.raises(BackupUnreadable):
        restore(forged, place / "deep" / "again", home / "secrets.toml")

    assert sorted(path.name for path in place.rglob("*")) == ["deep", "forged.tar.gz"]


@pytest.mark.parametrize("length", [0, 1, 100, 0.5, 0.99])
def test_a_backup_that_was_cut_off_restores_nothing(length: float, archive: Path, home: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(length * len(data)) if 0 < length < 1 else int(length)])
    with pytest.raises(BackupUnreadable):
        restore(archive, tmp_path / "again", home / "secrets.toml")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("words", [("64022", "平罗县"), ("64022x", "平罗县"), ("640221", " "), ("640221", "平\n罗")])
def test_a_county_without_code_or_name_is_not_founded(
    words: tuple[str, str], tmp_path: Path, onevisit: Command
) -> None:
    ran = onevisit("init", *words, "--home", tmp_path / "new")
    assert (ran.code, f"[{CountyWrong.code}]" in ran.err) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_county_is_founded_once(tmp_path: Path, onevisit: Command) -> None:
    assert onevisit("init", "640221", "平罗县", "--home", tmp_path / "new").code == 0
    assert (settings_of(tmp_path / "new").county, settings_of(tmp_path / "new").county_name) == ("640221", "平罗县")
    ran = onevisit("init", "640222", "别县", "--home", tmp_path / "new")
    assert (ran.code, f"[{HomeThereAlready.code}]" in ran.err) == (1, True)
    assert settings_of(tmp_path / "new").county == "640221"


def test_the_commands_say_what_they_did_and_what_to_do_next(home: Path, tmp_path: Path, onevisit: Command) -> None:
    kept = tmp_path / "county.tar.gz"
    ran = onevisit("backup", kept, "--home", home)
    assert (ran.code, "secrets.toml" in ran.err) == (0, True)
    ran = onevisit("backup", kept, "--home", home)
    assert (ran.code, f"[{BackupExists.code}]" in ran.err) == (1, True)

    shutil.move(home, tmp_path / "before")
    ran = onevisit("restore", kept, "--secrets", tmp_path / "before" / "secrets.toml", "--home", home)
    assert (ran.code, "doctor" in ran.out) == (0, True)
    assert onevisit("doctor", "--home", home).out.count("✘") == onevisit(
        "doctor", "--home", tmp_path / "before"
    ).out.count("✘")
