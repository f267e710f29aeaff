"""The data folder's secrets."""

from pathlib import Path

import pytest

from runtime.secrets import SealBroken, Secrets, SecretsMissing


def test_two_processes_that_ask_for_a_password_get_the_same(tmp_path: Path) -> None:
    county = Secrets.first(tmp_path / "secrets.toml")
    player = Secrets.load(tmp_path / "secrets.toml")

    made = player.password("jt-plan")

    assert county.password("jt-plan") == made
    assert Secrets.load(tmp_path / "secrets.toml").password("jt-plan") == made


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    Secrets.first(tmp_path / "secrets.toml").password("x")

    assert (tmp_path / "secrets.toml").stat().st_mode & 0o777 == 0o600


def test_missing_secrets_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(SecretsMissing):
        Secrets.load(tmp_path / "secrets.toml")


def test_a_seal_opens_for_its_service_and_purpose_only(tmp_path: Path) -> None:
    secrets = Secrets.first(tmp_path / "secrets.toml")
    sealed = secrets.seal("drawer", "key", b"plain")

    assert Secrets.load(tmp_path / "secrets.toml").open("drawer", "key", sealed) == b"plain"
    for service, purpose, changed in (
        ("planner", "key", sealed),
        ("drawer", "secret", sealed),
        ("drawer", "key", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ("drawer", "key", b""),
    ):
        with pytest.raises(SealBroken):
            secrets.open(service, purpose, changed)
