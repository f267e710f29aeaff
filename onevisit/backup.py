"""
Backups: one archive of a data folder, taken while the county runs, and the way back.

The services' databases come first, the event log after them, the documents last. What the log has and a service has not
read is read again after a restore; what an outbox still has is sent again, and dropped by every inbox that knows it. The
other way round a log older than its services would give out offsets a second time (``home.log_behind``).

Secrets are never in it: who has the archive alone opens nothing that is sealed. It names the secrets it belongs to by
their fingerprint, so that nobody finds out too late that the wrong ones were kept.
"""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from onevisit import home as homes
from onevisit.hints import command
from runtime.errors import Conflict, OneVisitError, Unreadable
from runtime.secrets import Secrets

MANIFEST = "manifest.json"  # comes last: it has the digests of what was written before it
LEFT_OUT = frozenset({"secrets.toml", "secrets.lock", "lock", "address"})
SERVERS = "servers"  # what lies on servers, in the archive and in a data folder that was restored
SMALL = ("settings.toml", homes.CONTENTS, "clock.json")
LARGEST_MANIFEST_BYTES = 256 * 1024 * 1024  # a million documents
_NAME = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[\w.-]+(?:/[\w.-]+)*", re.ASCII)


class BackupExists(Conflict):
    """There is a file already where the backup was to be written; it is not written over."""

    code = "backup.file_exists"


class DatabasesElsewhere(OneVisitError):
    """The services' databases lie in PostgreSQL; only somebody who may read all of it can back them up."""

    code = "backup.databases_elsewhere"


class BackupUnreadable(Unreadable):
    """The file is no backup, is cut off, or was changed."""

    code = "backup.unreadable"


class SecretsOfAnother(OneVisitError):
    """The secrets given are not those of the installation that was backed up: nothing sealed would open."""

    code = "backup.other_secrets"


class RestoreTargetNotEmpty(Conflict):
    """The folder to restore into holds something; nothing of it is written over."""

    code = "backup.target_not_empty"


class Kept(BaseModel):
    """One file of a backup."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int


class Manifest(BaseModel):
    """What a backup holds; paths are those in the data folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1]
    county: str
    taken_at: datetime
    secrets: str  # fingerprint
    files: dict[str, Kept]


@dataclass
class _Packing:
    archive: tarfile.TarFile
    files: dict[str, Kept]

    def add(self, name: str, file: io.BufferedReader | io.BytesIO, size: int) -> None:
        """Put *size* bytes of *file* into the archive as *name*, and note their digest."""
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self.archive.addfile(entry, file)
        self.files[name] = Kept(sha256=digest, bytes=size)


def back_up(path: Path, to: Path, servers: Callable[[Path], list[Path]] | None = None) -> Manifest:
    """
    Write a backup of the data folder *path* into the new file *to* (``.tar.gz``), readable by its owner only.

    The county may be running. *to* appears whole or not at all; the copies in between need as much room beside it as the
    largest database.

    Args:
        path: The data folder.
        to: The archive.
        servers: Copies what lies on servers into a folder, and lists it (``backup_servers.copy``).

    Raises:
        HomeNotThere, DataLost, NotMigrated, SettingsBroken, SecretsMissing: the folder is not fit for it.
        DatabasesElsewhere: they are PostgreSQL's, and *servers* is None.
        BackupExists: *to* is there already.
    """
    if not homes.exists(path):
        raise homes.HomeNotThere(path=str(path))
    if missing := homes.lost(path):
        raise homes.DataLost(path=str(path), files=missing)
    if homes.settings_of(path).postgres.url and servers is None:
        raise DatabasesElsewhere(path=str(path))
    if not homes.noted(path):
        raise homes.NotMigrated(path=str(path), lacking=homes.not_made(path), command=command("migrate", path))
    if to.exists():
        raise BackupExists(path=str(to))
    county, fingerprint = homes.settings_of(path).county, Secrets.load(path / "secrets.toml").fingerprint
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{to.name}.", dir=to.parent) as work:
        unfinished = Path(work) / "backup"
        with open(unfinished, "xb", opener=_private) as file:
            with (
                gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
            ):
                packing = _Packing(archive, {})
                taken_at = datetime.now(UTC)
                _pack(path, packing, Path(work), servers)
                manifest = Manifest(
                    format=1, county=county, taken_at=taken_at, secrets=fingerprint, files=packing.files
                )
                text = manifest.model_dump_json(indent=1).encode()
                entry = tarfile.TarInfo(MANIFEST)
                entry.size, entry.mode = len(text), 0o600
                archive.addfile(entry, io.BytesIO(text))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, to)  # unlike a rename, never over another file
        except FileExistsError as error:
            raise BackupExists(path=str(to)) from error
    _sync(to.parent)
    return manifest


def _pack(path: Path, packing: _Packing, work: Path, servers: Callable[[Path], list[Path]] | None) -> None:
    for name in SMALL:
        if (path / name).exists():
            data = (path / name).read_bytes()
            packing.add(name, io.BytesIO(data), len(data))
    for made in servers(work / SERVERS) if servers else ():
        with open(made, "rb") as file:
            packing.add(f"{SERVERS}/{made.name}", file, made.stat().st_size)
        made.unlink()
    copy = work / "copy.sqlite"
    for name in sorted(homes.files_of(path), key=lambda name: name == homes.LOG):  # the log last, see above
        _copy_database(path / name, copy)
        with open(copy, "rb") as file:
            packing.add(name, file, copy.stat().st_size)
    for document in sorted(_documents(path / "blobs")):
        with open(document, "rb") as file:
            packing.add(document.relative_to(path).as_posix(), file, os.fstat(file.fileno()).st_size)


def _copy_database(source: Path, target: Path) -> None:
    """Copy one database as it stands at one moment, whoever writes to it meanwhile."""
    target.unlink(missing_ok=True)
    reading = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=60)
    writing = sqlite3.connect(target)
    try:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode=DELETE")
    finally:
        writing.close()
        reading.close()


def _documents(folder: Path) -> Iterator[Path]:
    """List the documents; what is still being written has no name yet."""
    return (file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(".new"))


def restore(archive: Path, path: Path, secrets: Path) -> Manifest:
    """
    Make the data folder *path* again out of the backup *archive* and the installation's *secrets*.

    It is built beside *path* and gets its name when every file was found to be what the backup says.

    Raises:
        RestoreTargetNotEmpty: *path* holds something.
        BackupUnreadable: the archive is none, is cut off or was changed; *path* is as before.
        SecretsOfAnother: *secrets* are not those the archive was made under.
        SecretsMissing, SecretsUnreadable: there are no secrets at *secrets*.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RestoreTargetNotEmpty(path=str(path))
    fingerprint = Secrets.load(secrets).fingerprint
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as work:
        made = Path(work) / "home"
        made.mkdir(mode=0o700)
        manifest = _unpack(archive, made)
        if manifest.secrets != fingerprint:
            raise SecretsOfAnother(path=str(secrets))
        with open(made / "secrets.toml", "xb", opener=_private) as file:
            file.write(secrets.read_bytes())
        for place in (*made.rglob("*"), made):  # on disk before it gets its name
            _sync(place)
        made.replace(path)
    _sync(path.parent)
    return manifest


def _unpack(archive: Path, to: Path) -> Manifest:
    found: dict[str, Kept] = {}
    told: Manifest | None = None
    try:
        with tarfile.open(archive, mode="r:gz") as packed:
            for entry in packed:
                if told is not None:
                    raise BackupUnreadable(path=str(archive), why="something follows the manifest")
                if entry.name == MANIFEST:
                    told = _manifest(packed, entry)
                elif (
                    entry.isreg()
                    and _NAME.fullmatch(entry.name)
                    and entry.name not in found
                    and entry.name not in LEFT_OUT
                ):
                    found[entry.name] = _write(packed, entry, to / entry.name)
                else:
                    raise BackupUnreadable(path=str(archive), why=f"not an entry of a backup: {entry.name!r}")
    except (OSError, EOFError, tarfile.TarError, ValidationError, ValueError) as error:
        raise BackupUnreadable(path=str(archive), why=type(error).__name__) from error
    if told is None:
        raise BackupUnreadable(path=str(archive), why="it has no manifest: cut off")
    if wrong := sorted(name for name in {*found, *told.files} if found.get(name) != told.files.get(name)):
        raise BackupUnreadable(path=str(archive), why=f"not as the manifest says: {', '.join(wrong[:5])}")
    return told


def _manifest(packed: tarfile.TarFile, entry: tarfile.TarInfo) -> Manifest:
    file = packed.extractfile(entry)
    if file is None or entry.size > LARGEST_MANIFEST_BYTES:
        raise ValueError("no manifest")
    return Manifest.model_validate(json.loads(file.read()))


def _write(packed: tarfile.TarFile, entry: tarfile.TarInfo, to: Path) -> Kept:
    file = packed.extractfile(entry)
    assert file is not None  # a regular file
    to.parent.mkdir(parents=True, exist_ok=True)
    with open(to, "x+b", opener=_private) as out:
        shutil.copyfileobj(file, out)
        out.seek(0)
        return Kept(sha256=hashlib.file_digest(out, "sha256").hexdigest(), bytes=entry.size)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
