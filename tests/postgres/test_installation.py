"""A whole installation with its five services in PostgreSQL, handled by the command line as one on files is."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from onevisit import home as homes
from onevisit.databases import READER, PostgresSettings, reading_address
from onevisit.home import HomeSettings
from onevisit.system import System, build
from runtime.service import settle
from schemas.vocabulary import SERVICES
from services.console.app import ensure_county_admin
from tests.unit.operating.conftest import Command, onevisit

__all__ = ["onevisit"]

SEED = "00112233445566778899aabbccddeeff"
BEGINS = datetime(2018, 11, 28, 1, 0, tzinfo=UTC)


@pytest.fixture
def address(postgres_url: str) -> Iterator[str]:
    """Make a database of the test's own, and roles that nobody else has; the administrator's address."""
    name = f"i{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        for service in (*SERVICES, READER):
            admin.execute(f'DROP ROLE IF EXISTS "{service}_{name}"')


def made(home: Path, address: str | None) -> Path:
    """Make a demonstration home, in PostgreSQL if an address is given."""
    postgres = PostgresSettings()
    if address is not None:
        url = make_url(address)
        postgres = PostgresSettings(url=f"postgresql://{{service}}_{url.database}@{url.host}:{url.port}/{url.database}")
        (home.parent / "admin").write_text(address)
    settings = HomeSettings(demo=True, demo_seed=SEED, postgres=postgres)
    homes.create(home, settings, simulated_from=BEGINS)
    return home


@pytest.fixture
def provisioned(address: str, tmp_path: Path, onevisit: Command) -> Path:
    home = made(tmp_path / "home", address)
    assert onevisit("provision", "--home", home, "--admin-file", tmp_path / "admin").code == 0
    return home


def lived(home: Path) -> str:
    """Found the county there, let everybody hear of it, and digest what everybody knows."""
    system: System = build(homes.open_home(home))
    try:
        system.migrate()
        assert ensure_county_admin(system.console, "county-admin", "a password of the test") is not None
        settle(system.services.values())
        assert all(service.backlog().settled for service in system.services.values())
        return system.state_digest()
    finally:
        system.close()


def test_the_same_county_has_the_same_state_digest_in_postgresql_and_in_files(
    provisioned: Path, tmp_path: Path
) -> None:
    in_files = made(tmp_path / "files", None)

    assert lived(provisioned) == lived(in_files)

    assert not (provisioned / "db").exists()
    assert sorted(file.stem for file in (in_files / "db").glob("*.sqlite")) == sorted(SERVICES)


def test_migrate_brings_every_schema_up_and_doctor_finds_it_good(provisioned: Path, onevisit: Command) -> None:
    before = onevisit("doctor", "--home", provisioned)
    first = onevisit("migrate", "--home", provisioned)
    again = onevisit("migrate", "--home", provisioned)
    after = onevisit("doctor", "--home", provisioned)

    assert before.code == 1
    assert first.code == 0
    assert all(f"{service}: " in first.out for service in SERVICES)
    assert "up to date" in again.out
    assert after.code == 0, after.out


def test_passwords_are_random_kept_to_their_owner_and_never_replaced(
    provisioned: Path, tmp_path: Path, onevisit: Command
) -> None:
    files = sorted((provisioned / "postgres").iterdir())
    words = {file.read_text() for file in files}

    assert onevisit("provision", "--home", provisioned, "--admin-file", tmp_path / "admin").code == 0

    assert len(words) == len(files) == len(SERVICES) + 1  # and the reader's
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert {file.read_text() for file in files} == words


def test_the_reader_sees_every_agencys_rows_and_changes_nothing(provisioned: Path, address: str) -> None:
    lived(provisioned)
    found = reading_address(provisioned, homes.settings_of(provisioned).postgres)
    assert found is not None
    with psycopg.connect(address) as admin, psycopg.connect(found, autocommit=True) as reader:
        for service in SERVICES:
            names = (
                "SELECT relname, relrowsecurity FROM pg_class WHERE relkind = 'r' AND relnamespace = %s::regnamespace"
            )
            tables = admin.execute(names, [service]).fetchall()
            assert tables
            for table, walled in tables:
                count = f'SELECT count(*) FROM {service}."{table}"'.encode()
                assert reader.execute(count).fetchone() == admin.execute(count).fetchone(), (service, table, walled)
                for change in ("DELETE FROM", "TRUNCATE", "DROP TABLE"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        reader.execute(f'{change} {service}."{table}"'.encode())
        assert admin.execute(b"SELECT count(*) FROM console.account").fetchone() != (0,)
        for wish in (
            "CREATE TABLE public.mine (id int)",
            "CREATE ROLE another",
            f"ALTER ROLE {role_of(found)} SUPERUSER",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(wish.encode())


def role_of(address: str) -> str:
    return f'"{make_url(address).username}"'


def test_where_all_services_share_a_role_nobody_is_made_to_read(tmp_path: Path) -> None:
    """The reader would be that role, and row-level security would no longer hold for the services."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / f"{READER}.password").write_text("x")
    for settings in (
        PostgresSettings(url="postgresql://onevisit@127.0.0.1/onevisit"),
        PostgresSettings(url="postgresql://{service}@127.0.0.1/onevisit", password_file="postgres/backup.password"),
        PostgresSettings(),
    ):
        assert reading_address(tmp_path, settings) is None
    own = PostgresSettings(url="postgresql://{service}_x@127.0.0.1/onevisit?sslmode=require")
    assert reading_address(tmp_path, own) == "postgresql://backup_x:x@127.0.0.1/onevisit?sslmode=require"


def test_a_missing_password_stops_the_start_and_a_wrong_one_is_told(provisioned: Path, onevisit: Command) -> None:
    file = provisioned / "postgres" / "drawer.password"
    file.write_text("a wrong one")
    wrong = onevisit("migrate", "--home", provisioned)
    file.unlink()
    missing = onevisit("migrate", "--home", provisioned)

    assert (wrong.code, missing.code) == (1, 1)
    assert "machine.server_unusable" in wrong.err
    assert "password authentication failed" in wrong.err
    assert "postgres.password_missing" in missing.err
    assert "a wrong one" not in wrong.err


def test_a_server_that_is_away_is_told_with_its_address(
    tmp_path: Path, onevisit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = made(tmp_path / "home", "postgresql://postgres@127.0.0.1:9/none")
    (home / "postgres").mkdir()
    for service in SERVICES:
        (home / "postgres" / f"{service}.password").write_text("x")

    ran = onevisit("migrate", "--home", home)

    assert ran.code == 1
    assert "machine.server_unusable" in ran.err
    assert "127.0.0.1:9/none/" in ran.err


@pytest.mark.parametrize(
    "url", ["postgresql://a:secret@db/onevisit", "postgresql://db/onevisit", "sqlite:///x", "mysql://a@db/onevisit"]
)
def test_an_address_with_a_password_or_of_something_else_is_refused(url: str, tmp_path: Path) -> None:
    home = made(tmp_path / "home", None)
    (home / "settings.toml").write_text(f'[postgres]\nurl = "{url}"\n')

    with pytest.raises(homes.SettingsBroken):
        homes.settings_of(home)
