"""
One data folder (``ONEVISIT_HOME``) with everything of an installation.

```text
settings.toml   what the installation is (the one settings file)
secrets.toml    secrets, mode 0600, outside backups
clock.json      business time
contents.json   which databases belong to it, noted when they were made
db/             one SQLite file per service, where they are not in PostgreSQL
log.sqlite      the embedded event log, where events do not go by Kafka
blobs/          documents named by their digest
logs/           onevisit.log, JSON lines; of several processes a file each
backups/        copies made before migrations
```
"""

import fcntl
import json
import os
import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onevisit.databases import PostgresSettings, place_of
from runtime.entropy import DemoEntropy, Entropy, SystemEntropy
from runtime.errors import Conflict, OneVisitError
from runtime.secrets import Secrets
from runtime.time.clock import DurableClock
from schemas.vocabulary import SERVICES

if TYPE_CHECKING:
    from runtime.store.places import Place

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


class DataElsewhere(OneVisitError):
    """
    The settings name another place than the one where the folder's data is.

    Empty databases would be made there, beside the true ones.
    """

    code = "home.data_elsewhere"


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
    public: Annotated[str, Field(pattern=r"^(https://[a-z0-9.-]+(:[0-9]+)?)?$")] = Field(
        default="",
        description="`https://name`, as others reach it through a TLS proxy; cookies are then for https only",
    )
    proxies: str = Field(
        default="127.0.0.1",
        description="whose word counts for the address of a client (X-Forwarded-For): addresses or networks, with commas",
    )
    logs: Literal["files", "stderr"] = Field(
        default="files", description="`stderr`: in containers, whose engine keeps them"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    idempotency_days: Annotated[int, Field(ge=30, le=3660)] = Field(
        default=400, description="how long the same Idempotency-Key gets its first answer again; later it asks anew"
    )
    planner: Section = {}
    drawer: Section = {}
    results: Section = {}
    notifier: Section = {}
    postgres: PostgresSettings = PostgresSettings()
    kafka: Section = {}

    @model_validator(mode="after")
    def _kafka_with_postgres(self) -> "HomeSettings":
        if self.kafka and not self.postgres.url:
            raise ValueError("[kafka] needs [postgres]: several processes share no SQLite file")
        return self


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

    def place(self, services: Collection[str]) -> "Place":
        """Tell where *services* keep their data."""
        return place_of(self.path, self.settings.postgres, services)

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


def open_home(path: Path, *, exclusive: bool = True, together: bool = False) -> Home:
    """
    Open a data folder.

    Args:
        path: The folder.
        exclusive: Take the folder for this process (serving, replay); reading tools pass False.
        together: Take it with others that take it so too (the processes of a distributed installation).

    Raises:
        HomeBusy: another process has it.
        SettingsBroken, SecretsMissing: what is missing or wrong.
    """
    settings, secrets = settings_of(path), Secrets.load(path / "secrets.toml")
    lock = open(path / "lock", "ab")  # noqa: SIM115  held as long as the home is open; the kernel frees it on kill -9
    if exclusive or together:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if together else fcntl.LOCK_EX) | fcntl.LOCK_NB)
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

_IN_POSTGRES, _ON_KAFKA = "postgresql:", "kafka:"  # before the service, or the log, in the note


def note_contents(path: Path) -> None:
    """Write down which databases the folder has, now that all are made: from now on none of them may be missing."""
    found = sorted({*noted(path), *databases(path)})
    if found == noted(path):
        return
    fresh = path / f"{CONTENTS}.new"
    with open(fresh, "w", encoding="ascii") as file:
        json.dump({"databases": found}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path / CONTENTS)


def noted(path: Path) -> list[str]:
    """
    List the databases that belong to the folder (as ``databases`` names them); none if it was never finished.

    Raises:
        SettingsBroken: the note is damaged.
    """
    try:
        return [str(file) for file in json.loads((path / CONTENTS).read_bytes())["databases"]]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsBroken(path=str(path / CONTENTS), why=type(error).__name__) from error


def databases(path: Path) -> list[str]:
    """List the databases of this release in the data folder *path*: files by their paths in it, others by their server."""
    settings = settings_of(path)
    log = f"{_ON_KAFKA}log" if settings.kafka else LOG
    return [*(f"{_IN_POSTGRES}{name}" if settings.postgres.url else f"db/{name}.sqlite" for name in SERVICES), log]


def elsewhere(path: Path) -> dict[str, str]:
    """Compare the note with the settings: {database that belongs to the folder: where the settings look for it now}."""
    now = {_whose(name): name for name in databases(path)}
    return {was: now[_whose(was)] for was in noted(path) if now.get(_whose(was), was) != was}


def check_place(path: Path) -> None:
    """
    Refuse settings that look for the folder's data in another place than it is.

    Raises:
        DataElsewhere: the databases are files and the settings say PostgreSQL, or the other way round.
    """
    if moved := elsewhere(path):
        raise DataElsewhere(path=str(path / "settings.toml"), was=list(moved), now=list(moved.values()))


def lost(path: Path) -> list[str]:
    """List the files that belong to the folder and are missing or empty."""
    return _without(path, noted(path))


def not_made(path: Path) -> list[str]:
    """List the files of this release that are not there, lost or never made."""
    return _without(path, databases(path))


def files_of(path: Path) -> list[str]:
    """List the database files that belong to the folder, or should, by their paths in it."""
    return sorted(filter(_is_file, {*noted(path), *databases(path)}))


def _is_file(database: str) -> bool:
    return not database.startswith((_IN_POSTGRES, _ON_KAFKA))


def _whose(database: str) -> str:
    return Path(database.rpartition(":")[2]).stem


def _without(path: Path, names: Iterable[str]) -> list[str]:
    return [file for file in filter(_is_file, names) if not (path / file).exists() or not (path / file).stat().st_size]
