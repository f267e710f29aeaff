"""
Disclosure: what leaves at once, what waits for the window to close, and what one visited firm gets with its visit.

At once everything leaves that binds the agencies and shows nobody: manifest, commitments, seal, faults, beacons, visits
root, result digest. Seed, reveals, keys, cutoffs and drawn ids wait, and so do the ids a replacement round is about.
Source: JIDRAW/1 section 13.
"""

from collections.abc import Mapping

from services.drawer.domain.manifest import Manifest
from services.drawer.domain.refusals import DrawRefused

OPEN, WINDOW, VISIT = "open", "window", "visit"
AT_ONCE = (
    *(
        "v",
        "manifest",
        "manifest_digest",
        "commits",
        "commits_digest",
        "countersignatures",
        "faults",
        "seal",
        "beacons",
    ),
    *("visits_root", "result_digest"),
)
"""The parts of a record that leave at once; of a round the last four of them."""


class NotOpenYet(DrawRefused):
    """The window has not closed: nothing that shows the targets leaves before ``opens_at`` (Unix seconds)."""

    code = "draw.not_open_yet"
    says = ("opens_at",)


class NotVisitedYet(DrawRefused):
    """A firm gets the proof of its visit with the visit."""

    code = "draw.not_visited_yet"
    says = ("entity",)


class VisitOfAnother(DrawRefused):
    """Until the window closes a visit's proof is for the visited firm; with "visit" also for anybody once it was made."""

    code = "draw.visit_of_another"
    says = ("entity",)


def opens_at(manifest: Manifest, completed_at: int) -> int:
    """Say when the public record opens, in Unix seconds."""
    return completed_at if manifest.disclosure == OPEN else max(completed_at, manifest.times.window_end)


def check_open(manifest: Manifest, completed_at: int, at: int) -> None:
    """Refuse the record, and every proof that shows K_t or a cutoff, before they open."""
    if at < opens_at(manifest, completed_at):
        raise NotOpenYet(opens_at=opens_at(manifest, completed_at))


def is_for_anybody(manifest: Manifest, completed_at: int, at: int, *, visited: bool) -> bool:
    """Tell whether anybody may have a visit's leaf of the visits root by now."""
    return at >= opens_at(manifest, completed_at) or (visited and manifest.disclosure == VISIT)


def check_leaf(manifest: Manifest, completed_at: int, entity: str, at: int, *, visited: bool, is_target: bool) -> None:
    """
    Refuse one visit's leaf of the visits root to whoever may not have it yet.

    Args:
        entity: What the refusal calls the visit: to a stranger by the visit's id, which tells no target.
    """
    if is_for_anybody(manifest, completed_at, at, visited=visited):
        return
    if not is_target and manifest.disclosure != VISIT:
        raise VisitOfAnother(entity=entity)  # whether it was visited is not theirs to know either
    if not visited:
        raise NotVisitedYet(entity=entity)


def at_once(record: Mapping[str, object]) -> dict[str, object]:
    """Take out of a record what leaves at once; of each closed round its number, seal, beacons and digests."""
    found = {name: record[name] for name in AT_ONCE}
    replacements = record["replacements"]
    assert isinstance(replacements, list)
    found["replacements"] = [{name: one[name] for name in ("round", *AT_ONCE[-4:])} for one in replacements]
    return found
