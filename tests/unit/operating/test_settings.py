"""One settings file: the installation's settings at its head, a section per service; the environment wins over the file."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from onevisit import home as homes
from onevisit.home import HomeSettings
from runtime.settings import ServiceSettings
from runtime.web.access import MIB
from schemas.vocabulary import SERVICES
from tests.pages.client import TestClient
from tests.unit.operating.conftest import Command, opened

WITH_SETTINGS = [name for name in SERVICES if hasattr(importlib.import_module(f"services.{name}.app"), "Settings")]
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Make a data folder whose settings file goes on like this."""
    monkeypatch.delenv("DRAWER_COMMIT_MINUTES", raising=False)
    home = tmp_path / "home"
    homes.create(home, HomeSettings())

    def written(more: str) -> Path:
        (home / "settings.toml").write_text(f"port = 8019\n{more}", encoding="utf-8")
        return home

    return written


def test_a_section_of_the_file_sets_its_service_and_no_other(write: Write) -> None:
    system = opened(write("[drawer]\ncommit_minutes = 5\n\n[notifier]\nsweep_batch = 7\n"))
    try:
        services = system.services
        assert (services["drawer"].settings.commit_minutes, services["drawer"].settings.reveal_minutes) == (5, 60)
        assert services["notifier"].settings.sweep_batch == 7
        assert system.home.settings.port == 8019
    finally:
        system.close()


def test_the_environment_wins_over_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWER_COMMIT_MINUTES", "6")

    system = opened(write("[drawer]\ncommit_minutes = 5\nseal_minutes = 4\n"))
    try:
        settings = system.services["drawer"].settings
        assert (settings.commit_minutes, settings.seal_minutes) == (6, 4)
    finally:
        system.close()


def test_the_limit_of_an_import_is_the_limit_of_its_routes(write: Write) -> None:
    system = opened(write("[planner]\nimport_limit_mib = 3\n"))
    try:
        lines = system.services["planner"].access
        assert lines["POST /api/planner/v1/imports/{kind}"].limit == 3 * MIB
    finally:
        system.close()


@pytest.mark.parametrize(
    ("more", "code", "named"),
    [
        ("[drawer]\ncommit_minutes = 0\n", "settings.invalid", "drawer.commit_minutes"),
        ("[drawer]\ncommit_minute = 5\n", "settings.invalid", "drawer.commit_minute"),
        ("[notifier]\ncommit_minutes = 5\n", "settings.invalid", "notifier.commit_minutes"),
        ('[results]\nevidence_max_bytes = "many"\n', "settings.invalid", "results.evidence_max_bytes"),
        ("[console]\nx = 5\n", "home.settings_broken", "console"),
        ("[drawr]\ncommit_minutes = 5\n", "home.settings_broken", "drawr"),
        ("drawer = 5\n", "home.settings_broken", "drawer"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(
    more: str, code: str, named: str, write: Write, onevisit: Command
) -> None:
    ran = onevisit("migrate", "--home", write(more))

    assert ran.code == 1
    assert f"[{code}]" in ran.err
    assert named in ran.err


def test_a_wrong_setting_in_the_environment_is_named_too(
    write: Write, onevisit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWER_COMMIT_MINUTES", "soon")

    ran = onevisit("migrate", "--home", write("[drawer]\ncommit_minutes = 5\n"))

    assert (ran.code, "[settings.invalid]" in ran.err, "drawer.commit_minutes" in ran.err) == (1, True, True)


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_a_service_with_settings_has_a_section_and_is_named_when_one_is_wrong(name: str) -> None:
    settings = importlib.import_module(f"services.{name}.app").Settings

    assert issubclass(settings, ServiceSettings)
    assert name in HomeSettings.model_fields
    assert settings.model_config["title"] == f"{name} Settings"
    assert settings.model_config["env_prefix"] == f"{name.upper()}_"
    assert len(WITH_SETTINGS) >= 4


def test_a_new_home_has_a_section_for_every_service_with_settings(tmp_path: Path) -> None:
    homes.create(tmp_path, HomeSettings(port=8020))

    text = (tmp_path / "settings.toml").read_text(encoding="utf-8")
    assert all(f"[{name}]" in text for name in WITH_SETTINGS)
    assert homes.settings_of(tmp_path) == HomeSettings(port=8020)


def test_behind_a_proxy_the_public_name_is_served_under_https_cookies_and_no_other_name_is(write: Write) -> None:
    system = opened(write('public = "https://onevisit.example"\n'))
    try:
        system.migrate()
        with TestClient(system.web(), base_url="http://onevisit.example") as client:
            page = client.get("/sign-in")
            assert page.status_code == 200
            assert "__Host-onevisit-form=" in page.headers["set-cookie"]
            assert "Secure" in page.headers["set-cookie"]
            assert client.get("/readyz", headers={"host": "elsewhere.example"}).status_code == 421
            posted = {
                origin: client.post(
                    "/api/console/v1/sign-in", json={"login": "a", "password": "b"}, headers={"origin": origin}
                )
                for origin in ("https://onevisit.example", "http://onevisit.example")
            }
            assert posted["http://onevisit.example"].json()["code"] == "web.foreign_origin"
            assert posted["https://onevisit.example"].json()["code"] != "web.foreign_origin"
    finally:
        system.close()


def test_a_public_address_is_https(write: Write) -> None:
    with pytest.raises(homes.SettingsBroken):
        homes.settings_of(write('public = "http://onevisit.example"\n'))
