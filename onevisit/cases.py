"""
Draws in folders: ``manifest.json``, ``frame-<shard>.tsv`` and ``rosters.json``; with a ``seed.txt`` the result is computed.

Nothing is written but what was asked for, in one step: never a part of it, and nothing where the case is refused.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from onevisit.files import read_rows, write_whole
from onevisit.refusals import CaseFileMissing, CaseThereAlready
from runtime.errors import OneVisitError
from services.drawer.domain import manifest_rules
from services.drawer.domain.canonical import parse
from services.drawer.domain.encoding import from_hex
from services.drawer.domain.frame import Rows
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import FrameDiffers
from services.drawer.domain.outcome import Outcome, compute
from services.drawer.domain.roster import Roster, read_roster
from services.drawer.domain.shape import identifier, mapping
from services.drawer.kernel import walk_of


@dataclass(frozen=True)
class Case:
    """A draw as it was agreed: its manifest, the rows of its shards, and the rosters in clear."""

    manifest: Manifest
    frame: Mapping[str, Rows]
    rosters: Mapping[str, Roster]


@dataclass(frozen=True)
class Computed:
    """A case that was computed and written, and what should be looked at before it is believed."""

    outcome: Outcome
    remarks: tuple[str, ...]


def read_case(folder: Path) -> Case:
    """Read what a draw is made from; frames are only opened when they are walked."""
    manifest = read_manifest(_json(folder / "manifest.json"))
    rosters = _rosters(manifest, _json(folder / "rosters.json"))
    return Case(manifest, _frame(manifest, folder), rosters)


def write_case(files: Mapping[str, bytes], folder: Path) -> None:
    """
    Write the files of a case into a new folder that is its maker's alone.

    Raises:
        CaseThereAlready: there is something of this name.
    """
    if folder.exists():
        raise CaseThereAlready(path=str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))  # its maker's alone
    try:
        for name, content in files.items():
            (beside / name).write_bytes(content)
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def compute_case(folder: Path) -> Computed:
    """Compute one case from its seed, and write its result.json."""
    case = read_case(folder)
    seed = from_hex(_bytes(folder / "seed.txt").decode("ascii", "replace").strip(), "seed")
    outcome = compute(case.manifest, case.frame, seed, case.rosters, walk_of(case.manifest.h))
    write_whole(folder / "result.json", json.dumps(outcome.as_json(), indent=1, sort_keys=True) + "\n")
    return Computed(outcome, tuple(_remarks(case.manifest, case.rosters)))


def _rosters(manifest: Manifest, value: object) -> dict[str, Roster]:
    rosters = mapping(identifier, read_roster)(value, "rosters")
    for agency in sorted(rosters.keys() - manifest.agencies.keys()):
        raise manifest_rules.AgencyUnknown(agency=agency, where="rosters.json")
    return rosters


def _remarks(manifest: Manifest, rosters: Mapping[str, Roster]) -> Iterator[str]:
    """Warn of a roster of another size than the manifest's; its digest cannot be compared without the agency's secret."""
    for agency, roster in sorted(rosters.items()):
        stated, there = manifest.rosters.get(agency), (len(roster.officers), len(roster.recused))
        if stated is not None and (stated.inspectors, stated.recused) != there:
            yield (
                f"{agency} 名册人数与回避数为 {there[0]}/{there[1]}，清单所载为 {stated.inspectors}/{stated.recused} / "
                f"its roster has {there[0]} inspectors and {there[1]} recusals, "
                f"the manifest says {stated.inspectors} and {stated.recused}"
            )


def _frame(manifest: Manifest, folder: Path) -> dict[str, Rows]:
    files = {shard.shard: folder / f"frame-{shard.shard}.tsv" for shard in manifest.frame.shards}
    for shard, file in files.items():
        if not file.is_file():
            raise CaseFileMissing(file=f"frame-{shard}.tsv")
    for spare in sorted(set(folder.glob("frame-*.tsv")) - set(files.values())):
        raise FrameDiffers(shard=spare.name.removeprefix("frame-").removesuffix(".tsv"), what="shards")
    return {shard: read_rows(file) for shard, file in files.items()}


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CaseFileMissing(file=file.name) from error


def _json(file: Path) -> object:
    try:
        return parse(_bytes(file))
    except OneVisitError as error:
        error.facts["where"] = f"{file.name} {error.facts.get('where', '')}".strip()
        raise
