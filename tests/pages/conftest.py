"""Hashes cheap enough for tests that are not about hashes; the real ones are tested in tests/unit/console/test_sessions.py."""

import pytest
from argon2 import PasswordHasher

from services.console import passwords


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobody.cache_clear()
