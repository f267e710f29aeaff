"""
One data folder (``ONEVISIT_HOME``) with everything of an installation.

```text
settings.toml   what the installation is (the one settings file)
secrets.toml    secrets, mode 0600, outside backups
clock.json      business time
contents.json   which databases belong to it, noted when they were made
db/             one SQLite file per service
log.sqlite      the embedded event log
blobs/          documents named by their digest
logs/           onevisit.log, JSON lines
backups/        copies made before migrations
```
"""

import fcntl
import json
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.entropy import DemoEntropy, Entropy, SystemEntropy
from runtime.errors import Conflict, OneVisitError
from runtime.secrets import Secrets
from runtime.time.clock import DurableClock
from schemas.vocabulary import SERVICES

ADMIN_LOGIN = "county-admin"
LOG = "log.sqlite"
CONTENTS = "contents.json"


class HomeNotThere(OneVisitError):
    """There is no data folder where one was named."""

    code = "home.not_there"
    exit_code = 2


class HomeBusy(Conflict):
    """Another process is at work in this data folder."""

    code = "home.busy"


class HomeThereAlready(Conflict):
    """There is a data folder already where one was to be made."""

    code = "home.there_already"


class CountyWrong(OneVisitError):
    """A county is named by the six digits of its division code, and by a name."""

    code = "home.county_wrong"
    exit_code = 2


class SettingsBroken(OneVisitError):
    """The settings file cannot be read."""

    code = "home.settings_broken"


class DataLost(OneVisitError):
    """A database that belongs to this data folder is missing or empty; a new one in its place would hide the loss."""

    code = "home.data_lost"


class LogBehind(OneVisitError):
    """
    Services have read further than the event log reaches: it was lost, or is older than their databases.

    What is said next would get offsets that they have passed already, and nobody would hear it.
    """

    code = "home.log_behind"


class ReplayCutShort(OneVisitError):
    """A replay was killed before its end: projections are not whole, and what is shown from them would be wrong."""

    code = "home.replay_cut_short"


class NotMigrated(OneVisitError):
    """The databases are not (all) there yet, or of an earlier version."""

    code = "home.not_migrated"


Section = dict[str, bool | int | float | str]
"""What ``settings.toml`` says under a service's name."""


class HomeSettings(BaseModel):
    """
    ``settings.toml``: what this installation is, and a section per service that has settings.

    Every field has a line in ``docs/reference/settings.md``. What stands in a section is judged by the service it is for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    county: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = "640221"
    county_name: str = "平罗县"
    demo: bool = Field(default=False, description="marked demo: rehearsals open visits, randomness repeats")
    demo_seed: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,64}$")] = ""
    demo_today: str = Field(default="", description="the day the demonstration was moved to; empty: its own time")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8018
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    planner: Section = {}
    drawer: Section = {}
    results: Section = {}
    notifier: Section = {}


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


def found_county(path: Path, county: str, name: str) -> None:
    """
    Make the data folder of a county that is about to begin.

    Args:
        path: The folder.
        county: The six digits of its division code (GB/T 2260).
        name: Its name, 1 to 40 characters.

    Raises:
        HomeThereAlready: nothing was changed.
        CountyWrong: nothing was made.
    """
    if exists(path):
        raise HomeThereAlready(path=str(path))
    if not re.fullmatch("[0-9]{6}", county) or not 0 < len(name.strip()) <= 40 or not name.isprintable():
        raise CountyWrong(county=county, name=name)
    create(path, HomeSettings(county=county, county_name=name.strip()))


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
    settings, secrets = settings_of(path), Secrets.load(path / "secrets.toml")
    lock = open(path / "lock", "ab")  # noqa: SIM115  held as long as the home is open; the kernel frees it on kill -9
    if exclusive:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise HomeBusy(path=str(path)) from error
    return Home(path, settings, secrets, DurableClock(path / "clock.json"), lock)


def settings_of(path: Path) -> HomeSettings:
    """
    Read what an installation is.

    Raises:
        SettingsBroken: the file is missing or wrong.
    """
    file = path / "settings.toml"
    try:
        return HomeSettings.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        why = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise SettingsBroken(path=str(file), why=why) from error
    except (OSError, ValueError) as error:
        raise SettingsBroken(path=str(file), why=str(error)) from error


# ── what belongs to a folder ────────────────────────────────────────────────────────────────────────────────────────


def note_contents(path: Path) -> None:
    """Write down which databases the folder has, now that all are made: from now on none of them may be missing."""
    files = sorted({*noted(path), *data_files()})
    if files == noted(path):
        return
    fresh = path / f"{CONTENTS}.new"
    with open(fresh, "w", encoding="ascii") as file:
        json.dump({"databases": files}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path / CONTENTS)


def noted(path: Path) -> list[str]:
    """
    List the databases that belong to the folder, by their paths in it; none if it was never finished.

    Raises:
        SettingsBroken: the note is damaged.
    """
    try:
        return [str(file) for file in json.loads((path / CONTENTS).read_bytes())["databases"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsBroken(path=str(path / CONTENTS), why=type(error).__name__) from error


def lost(path: Path) -> list[str]:
    """List the databases that belong to the folder and are missing or empty."""
    return _without(path, noted(path))


def not_made(path: Path) -> list[str]:
    """List the databases of this release that are not there, lost or never made."""
    return _without(path, data_files())


def data_files() -> Iterable[str]:
    """List the databases of this release, by their paths in a data folder."""
    return (*(f"db/{name}.sqlite" for name in SERVICES), LOG)


def _without(path: Path, files: Iterable[str]) -> list[str]:
    return [file for file in files if not (path / file).exists() or not (path / file).stat().st_size]
