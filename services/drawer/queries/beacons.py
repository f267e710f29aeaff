"""The sources of randomness of a draw or a round as people see them: what they are called, when they speak, what they said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.drawer import tables
from services.drawer.domain import beacons
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.seed import BeaconValue
from services.drawer.reading import SaidSealed


@dataclass(frozen=True)
class SourceView:
    """One source of randomness (随机源), with its value once it is there: digits, or hex."""

    id: str
    kind: str
    zh: str
    en: str
    round: int
    digits: int | None
    anchor: str | None
    index: int | None
    exists_at: datetime
    """Before this moment the value is not to exist."""
    value: str | None
    said_at: datetime | None


def sources_of(said: SaidSealed, campaign: tables.Campaign, beacon_time: datetime) -> Sequence[SourceView]:
    """List the sources of an attempt or a round in their order."""
    words: Mapping[str, Mapping[str, Any]] = {one["id"]: one for one in campaign.plan.get("beacons", ())}
    shown = [one.beacon for one in said.beacons()]
    found = []
    for position, source in enumerate(said.sources):
        row = said.dice if source.id == beacons.ROOM_DICE else said.values.get(position)
        there = position < len(shown)
        found.append(
            SourceView(
                source.id,
                beacons.kind_of(source.id),
                words.get(source.id, {}).get("zh", source.id),
                words.get(source.id, {}).get("en", source.id),
                source.round,
                source.digits,
                source.anchor,
                source.index,
                _exists_at(source, beacon_time),
                _written(shown[position]) if there else None,
                row.said_at if row is not None and there else None,
            )
        )
    return found


def awaited_of(sources: Sequence[SourceView]) -> SourceView | None:
    """Find the source whose value is the next one."""
    return next((one for one in sources if one.value is None), None)


def _exists_at(source: Beacon, beacon_time: datetime) -> datetime:
    if source.id != beacons.DRAND:
        return beacon_time
    return datetime.fromtimestamp(beacons.drand_time(source.round), UTC)


def _written(one: BeaconValue) -> str:
    is_digits = beacons.kind_of(one.id) in (beacons.ROOM_DICE, beacons.LOTTERY)
    return one.value.decode() if is_digits else one.value.hex()
