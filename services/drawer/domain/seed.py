"""The seed (随机种子): the one value that decides the draw, made of every reveal and every beacon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.drawer.domain.encoding import Hash, tagged_hash


@dataclass(frozen=True)
class BeaconValue:
    """What one source gave after the seal: raw bytes, for room dice their ASCII digits."""

    id: str
    round: int
    value: bytes


def in_order(values: Mapping[str, bytes | None]) -> list[bytes | str | None]:
    """List agencies with their values, agencies ascending; this is how CD, RD and seed take them in."""
    return [part for agency in sorted(values) for part in (agency, values[agency])]


def seed(
    h: Hash, manifest: bytes, commits: bytes, values: Mapping[str, bytes | None], beacons: Sequence[BeaconValue]
) -> bytes:
    """
    Work out the seed of a sealed attempt.

    Args:
        manifest: The manifest digest M.
        commits: The commits digest CD.
        values: The revealed secret of every agency; None where it never came.
        beacons: One source or two, in the manifest's order; none in a rehearsal without a beacon.

    Source:
        JIDRAW/1 section 7.
    """
    return tagged_hash(h, "seed", manifest, commits, *in_order(values), *_drawn(beacons))


def reseed(
    h: Hash, before: bytes, removal: bytes, values: Mapping[str, bytes | None], beacons: Sequence[BeaconValue]
) -> bytes:
    """
    Work out seed_r of a sealed replacement round.

    Args:
        before: The seed of the last closed round, or of the draw.
        removal: D_r.
        values: The chain value z_r of every agency; None where it never came.
        beacons: The round's own, in its request's order.

    Source:
        JIDRAW/1 section 11.
    """
    return tagged_hash(h, "reseed", before, removal, *in_order(values), *_drawn(beacons))


def _drawn(beacons: Sequence[BeaconValue]) -> list[bytes | str | int]:
    drawn: list[bytes | str | int] = [part for beacon in beacons for part in (beacon.id, beacon.round, beacon.value)]
    return drawn or [b"", b"", b""]
