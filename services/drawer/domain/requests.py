"""
What a replacement round asks for (ρ): targets that are gone, officers who cannot go, with reason and evidence.

Source: JIDRAW/1 section 11.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise

from services.drawer.domain import manifest_rules
from services.drawer.domain.canonical import canonical
from services.drawer.domain.manifest import Beacon, Manifest, members
from services.drawer.domain.manifest_reader import read_beacon
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.shape import array, digest, identifier, number
from services.drawer.domain.shape import members as named
from services.drawer.domain.standing import Standing


class RequestWrong(DrawRefused):
    """
    A round asks for what it cannot have: ``where`` names the entry, ``reason`` is one of

    empty (it asks for nothing), not_ascending, unknown_reason, not_selected (a removal of nobody who is drawn),
    not_assigned (a drop-out of nobody who is sent there), target_removed (a drop-out where the target goes), or
    no_beacon (a live round without one).
    """

    code = "draw.round_request_wrong"
    says = ("where", "reason")


class RoundTimesWrong(DrawRefused):
    """A round seals before the beacon before it has spoken, or less than ten minutes before its own."""

    code = "draw.round_times_wrong"
    says = ("earlier", "later", "gap")


class TooManyRemovals(DrawRefused):
    """More targets would be removed in all rounds than the manifest allows."""

    code = "draw.too_many_removals"
    says = ("asked", "allowed")


@dataclass(frozen=True, order=True)
class Removal:
    """A target that is gone (注销、迁出): why, and the digest of the document that shows it."""

    id: str
    reason: str
    evidence: str


@dataclass(frozen=True, order=True)
class DropOut:
    """An officer who cannot go to one target: why, and the digest of the document that shows it."""

    agency: str
    inspector: str
    id: str
    reason: str
    evidence: str


@dataclass(frozen=True)
class RoundTimes:
    """Until when a round is sealed, and when its beacon speaks, in Unix seconds."""

    seal_by: int
    beacon_time: int


@dataclass(frozen=True)
class Request:
    """ρ of one round; removals ascending by id, drop-outs by (agency, inspector, id)."""

    beacons: tuple[Beacon, ...]
    dropouts: tuple[DropOut, ...]
    removed: tuple[Removal, ...]
    times: RoundTimes

    def as_json(self) -> dict[str, object]:
        """Give the request's JSON form, the one that is hashed and recorded."""
        return {
            "beacons": [members(beacon) for beacon in self.beacons],
            "dropouts": [asdict(one) for one in self.dropouts],
            "removed": [asdict(one) for one in self.removed],
            "times": asdict(self.times),
        }

    def as_bytes(self) -> bytes:
        """Give the canonical form."""
        return canonical(self.as_json())

    @property
    def gone(self) -> frozenset[str]:
        """The targets that are removed."""
        return frozenset(one.id for one in self.removed)


def read_request(value: object, where: str = "rho") -> Request:
    """Turn parsed JSON into a request; whether it may be asked is another question: ``check``."""
    told = named(value, where, ("beacons", "dropouts", "removed", "times"))
    times = named(told["times"], f"{where}.times", ("seal_by", "beacon_time"))
    return Request(
        array(read_beacon, most=2)(told["beacons"], f"{where}.beacons"),
        array(_dropout)(told["dropouts"], f"{where}.dropouts"),
        array(_removal)(told["removed"], f"{where}.removed"),
        RoundTimes(**{name: number()(times[name], f"{where}.times.{name}") for name in ("seal_by", "beacon_time")}),
    )


def check(manifest: Manifest, standing: Standing, request: Request) -> None:
    """Refuse a request that may not be made as things stand; whether too much is removed counts at its seal."""
    for where, reason in _faults(manifest, standing, request):
        raise RequestWrong(where=where, reason=reason)
    times, gap = request.times, manifest_rules.BEACON_GAP_SECONDS
    if times.seal_by < standing.beacon_time:
        raise RoundTimesWrong(earlier="beacon_time", later="seal_by", gap=0)
    if times.seal_by + gap > times.beacon_time:
        raise RoundTimesWrong(earlier="seal_by", later="beacon_time", gap=gap)
    manifest_rules.check_beacons(manifest, request.beacons, times.beacon_time)


def check_removals(manifest: Manifest, standing: Standing, request: Request) -> None:
    """Refuse more removals in all closed rounds than the manifest allows."""
    asked = len(standing.removed | request.gone)
    if asked > manifest.replacement.max:
        raise TooManyRemovals(asked=asked, allowed=manifest.replacement.max)


def signers(manifest: Manifest, standing: Standing, request: Request) -> frozenset[str]:
    """Name the agencies without whose signature nothing is replaced: of every drop-out and every removed row."""
    of_rows = {manifest.lines[line] for gone in request.gone for line in standing.kinds[gone].lines}
    return frozenset(of_rows | {one.agency for one in request.dropouts})


def _faults(manifest: Manifest, standing: Standing, request: Request) -> Iterator[tuple[str, str]]:
    if not request.removed and not request.dropouts:
        yield "rho", "empty"
    if not _ascending([one.id for one in request.removed]):
        yield "removed", "not_ascending"
    if not _ascending([(one.agency, one.inspector, one.id) for one in request.dropouts]):
        yield "dropouts", "not_ascending"
    known = frozenset(manifest.replacement.reasons)
    for number_of, one in enumerate(request.removed):
        if one.reason not in known:
            yield f"removed.{number_of}", "unknown_reason"
        if one.id not in standing.strata:
            yield f"removed.{number_of}", "not_selected"
    for number_of, drop in enumerate(request.dropouts):
        if drop.reason not in known:
            yield f"dropouts.{number_of}", "unknown_reason"
        if drop.inspector not in standing.assigned.get(drop.agency, {}).get(drop.id, ()):
            yield f"dropouts.{number_of}", "not_assigned"
        if drop.id in request.gone:
            yield f"dropouts.{number_of}", "target_removed"
    if manifest.purpose == "live" and not request.beacons:
        yield "beacons", "no_beacon"


def _ascending(keys: list[str] | list[tuple[str, str, str]]) -> bool:
    return all(before < key for before, key in pairwise(keys))  # type: ignore[operator]


def _removal(value: object, where: str) -> Removal:
    told = named(value, where, ("id", "reason", "evidence"))
    target, reason = (identifier(told[name], f"{where}.{name}") for name in ("id", "reason"))
    return Removal(target, reason, digest(told["evidence"], f"{where}.evidence"))


def _dropout(value: object, where: str) -> DropOut:
    told = named(value, where, ("agency", "inspector", "id", "reason", "evidence"))
    agency, target, reason = (identifier(told[name], f"{where}.{name}") for name in ("agency", "id", "reason"))
    inspector, evidence = (digest(told[name], f"{where}.{name}") for name in ("inspector", "evidence"))
    return DropOut(agency, inspector, target, reason, evidence)
