"""
Staged draws (分段式): targets first, in one draw; the officers later, in a draw over a frame of those targets.

The second draw names the first by its manifest and result; every rule of it is full, so that it draws nobody anew.
Source: JIDRAW/1 section 4.
"""

from collections.abc import Mapping

from services.drawer.domain.frame import Kind, Rows, serialise
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.refusals import DrawRefused


class ParentDiffers(DrawRefused):
    """A staged draw is not over the draw it names: ``part`` is none, manifest, result or targets."""

    code = "draw.parent_differs"
    says = ("part",)


def frame_of_targets(shard: str, targets: Mapping[str, Kind]) -> bytes:
    """Write the second draw's frame: the targets that stand, as the first draw knows them."""
    return serialise(shard, targets)


def check_parent(
    manifest: Manifest, frame: Mapping[str, Rows], parent: bytes, result: bytes, targets: Mapping[str, object]
) -> None:
    """
    Refuse a staged draw whose frame is not exactly the targets of its parent.

    Args:
        frame: The rows of the staged draw's shards, already surveyed.
        parent: M of the first draw.
        result: The newest result digest of the first draw, its rounds included.
        targets: Who is visited by the first draw as it stands then.
    """
    if manifest.parent is None:
        raise ParentDiffers(part="none")
    if manifest.parent.manifest != parent.hex():
        raise ParentDiffers(part="manifest")
    if manifest.parent.result != result.hex():
        raise ParentDiffers(part="result")
    ids = {row.partition(b"\t")[0].decode("ascii") for rows in frame.values() for row in rows()}
    if ids != set(targets):
        raise ParentDiffers(part="targets")
