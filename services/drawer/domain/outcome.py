"""
The outcome: everything a seed decides, worked out from manifest, frame and rosters by one function.

It reads no clock, holds no secret and gives the same on every machine; this is what a stranger computes again.
Source: JIDRAW/1 sections 8 to 13.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.drawer.domain import manifest_rules
from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import DIGEST_BYTES, Hash, tagged_hash
from services.drawer.domain.frame import Census, Kind, Rows, survey
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.roster import Roster, SecretWrongSize
from services.drawer.domain.selection import Drawn, Selected, Walk, plain_walk, quotas, select
from services.drawer.domain.standing import Standing, after_draw
from services.drawer.domain.teams import OpenSlot, Team, Teams, match
from services.drawer.domain.ticket import target_key, team_key
from services.drawer.domain.visits import Entry, Work, entries, visits_root, work_list


class RosterMissing(DrawRefused):
    """An agency with work has given no roster to draw its teams from."""

    code = "draw.roster_missing"
    says = ("agency",)


@dataclass(frozen=True)
class Outcome:
    """What a seed decided. Mappings are by agency, every agency listed, unless they say otherwise."""

    seed: bytes
    selected: Selected
    work: Work
    teams: Mapping[str, Teams]
    visits: Mapping[str, Entry]
    """By entity."""
    visits_root: bytes
    result_digest: bytes
    kinds: Mapping[str, Kind] = field(repr=False)
    """By entity drawn."""
    census: Census = field(repr=False)

    @property
    def assigned(self) -> dict[str, dict[str, Team]]:
        """{agency: {id: inspectors by slot}}."""
        return {agency: dict(teams.assigned) for agency, teams in self.teams.items()}

    @property
    def open(self) -> tuple[tuple[str, OpenSlot], ...]:
        """Every slot nobody could take, with its agency; ascending by agency, id, slot."""
        return tuple((agency, slot) for agency in sorted(self.teams) for slot in self.teams[agency].open)

    def standing(self, beacon_time: int, rosters: Mapping[str, Roster]) -> Standing:
        """Say what stands from here on; *beacon_time* is the manifest's."""
        recused = {agency: frozenset(one.recused) for agency, one in rosters.items()}
        return after_draw(self.seed, beacon_time, self.selected, self.kinds, self.work, self.assigned, recused)

    def as_json(self) -> dict[str, object]:
        """Give what ``draw compute`` writes into result.json."""
        return {
            "selected": self.selected,
            "work": self.work,
            "teams": self.assigned,
            "open": [[agency, slot.target, slot.slot] for agency, slot in self.open],
            "visits_root": self.visits_root.hex(),
            "result_digest": self.result_digest.hex(),
        }


def compute(
    manifest: Manifest,
    frame: Mapping[str, Rows],
    seed: bytes,
    rosters: Mapping[str, Roster],
    walk: Walk = plain_walk,
    census: Census | None = None,
) -> Outcome:
    """
    Work out the outcome of a sealed draw.

    Args:
        frame: The rows of every shard (``frame.rows_of`` for bytes in memory); walked three or four times.
        seed: The 32 bytes of ``Attempt.seed``.
        rosters: By agency; an agency without work may be left out.
        walk: How the frame is walked for its tickets.
        census: The frame's, where it was surveyed and checked against the manifest already.

    Raises:
        FrameRowWrong, FrameDiffers, SizesDiffer and the other refusals of a frame that is not the manifest's.
        RosterMissing: an agency with work is not in *rosters*.
    """
    if len(seed) != DIGEST_BYTES:
        raise SecretWrongSize(what="seed", bytes=DIGEST_BYTES)
    manifest_rules.check(manifest)
    if census is None:
        census = survey(manifest.h, frame)
        manifest_rules.check_frame(manifest, census)
    drawn = draw_targets(manifest, frame, census, seed, walk)
    work = work_list(drawn.selected, drawn.kinds, manifest.selections, manifest.lines, manifest.agencies)
    teams = {agency: draw_teams(manifest, agency, work[agency], drawn.kinds, seed, rosters) for agency in work}
    visits = entries(work, {agency: one.assigned for agency, one in teams.items()})
    root = visits_root(manifest.h, seed, visits)
    digest = result_digest(manifest.h, seed, drawn.selected, {name: one.assigned for name, one in teams.items()}, root)
    return Outcome(seed, drawn.selected, work, teams, visits, root, digest, drawn.kinds, census)


def result_digest(
    h: Hash, seed: bytes, selected: Selected, assigned: Mapping[str, Mapping[str, Team]], root: bytes
) -> bytes:
    """Work out the result digest, published at once (section 13)."""
    teams = {agency: dict(one) for agency, one in assigned.items()}
    return tagged_hash(h, "result", seed, canonical(selected), canonical(teams), root)


def draw_targets(
    manifest: Manifest, frame: Mapping[str, Rows], census: Census, seed: bytes, walk: Walk = plain_walk
) -> Drawn:
    """Draw the targets of every selection (sections 8 to 10)."""
    h, selections = manifest.h, manifest.selections
    quota = quotas(h, seed, selections, census.counts)
    return select(h, target_key(h, seed), frame, census.counts, selections, quota, walk=walk)


def draw_teams(
    manifest: Manifest,
    agency: str,
    work: Mapping[str, tuple[str, ...]],
    kinds: Mapping[str, Kind],
    seed: bytes,
    rosters: Mapping[str, Roster],
) -> Teams:
    """Match one agency's officers with its targets (section 12)."""
    if work and agency not in rosters:
        raise RosterMissing(agency=agency)
    roster = rosters.get(agency, Roster({}))
    targets = {identity: manifest_rules.slots_at(manifest, agency, kinds[identity].stratum) for identity in work}
    return match(manifest.h, team_key(manifest.h, seed, agency), targets, roster.officers, roster.recused)
