"""
One data folder (``ONEVISIT_HOME``) with everything of an installation.

```text
settings.toml   what the installation is (the one settings file)
secrets.toml    secrets, mode 0600, outside backups
clock.json      business time
db/             one SQLite file per service
log.sqlite      the embedded event log
blobs/          documents named by their digest
logs/           onevisit.log, JSON lines
backups/        copies made before migrations
```
"""

import fcntl
import os
import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated

import tomli_w
from pydantic import BaseModel, ConfigDict, Field

from runtime.entropy import DemoEntropy, Entropy, SystemEntropy
from runtime.errors import Conflict, OneVisitError
from runtime.secrets import Secrets
from runtime.time.clock import DurableClock

ADMIN_LOGIN = "county-admin"


class HomeBusy(Conflict):
    """Another process is at work in this data folder."""

    code = "home.busy"


class SettingsBroken(OneVisitError):
    """The settings file cannot be read."""

    code = "home.settings_broken"


class HomeSettings(BaseModel):
    """``settings.toml``: what this installation is. Every field has a line in ``docs/reference/settings.md``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    county: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = "640221"
    county_name: str = "平罗县"
    demo: bool = False  # marked demo: rehearsals open visits, entropy repeats
    demo_seed: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,64}$")] = ""
    demo_today: str = ""  # the day into whose middle the demonstration was moved; empty: its own time
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8018
    log_level: str = "INFO"


@dataclass
class Home:
    """An opened data folder."""

    path: Path
    settings: HomeSettings
    secrets: Secrets
    clock: DurableClock
    lock: IO[bytes]

    @property
    def entropy(self) -> Entropy:
        """Return the home's randomness: repeatable in a demo home, and only there."""
        if self.settings.demo:
            return DemoEntropy(bytes.fromhex(self.settings.demo_seed))
        return SystemEntropy()

    def close(self) -> None:
        """Let go of the folder."""
        self.lock.close()


def exists(path: Path) -> bool:
    """Tell whether *path* is a data folder already."""
    return (path / "settings.toml").exists()


def create(path: Path, settings: HomeSettings, *, simulated_from: datetime | None = None) -> None:
    """
    Make a new data folder; settings are written last, so that a folder without them was never finished.

    Args:
        path: The folder; may exist if it holds no settings yet.
        settings: What the installation is.
        simulated_from: Where a demonstration's clock begins; None: real time.
    """
    path.mkdir(parents=True, exist_ok=True)
    if not (path / "secrets.toml").exists():
        Secrets.first(path / "secrets.toml")
    if simulated_from is not None and not (path / "clock.json").exists():
        DurableClock(path / "clock.json").start_simulated(simulated_from)
    fresh = path / "settings.new"
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(tomli_w.dumps(settings.model_dump()))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path / "settings.toml")


def open_home(path: Path, *, exclusive: bool = True) -> Home:
    """
    Open a data folder.

    Args:
        path: The folder.
        exclusive: Take the folder for this process (serving, replay); reading tools pass False.

    Raises:
        HomeBusy: another process has it.
        SettingsBroken, SecretsMissing: what is missing or wrong.
    """
    try:
        settings = HomeSettings.model_validate(tomllib.loads((path / "settings.toml").read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise SettingsBroken(path=str(path / "settings.toml"), why=str(error)) from error
    lock = open(path / "lock", "ab")  # noqa: SIM115  held as long as the home is open; the kernel frees it on kill -9
    if exclusive:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise HomeBusy(path=str(path)) from error
    return Home(path, settings, Secrets.load(path / "secrets.toml"), DurableClock(path / "clock.json"), lock)
