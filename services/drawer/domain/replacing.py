"""
What a sealed round does: draws a target for every one that is gone, and fills the slots that came free.

Nobody who stands is moved, and nobody who was drawn in a selection before is drawn in it again.
Source: JIDRAW/1 section 11.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.drawer.domain import manifest_rules
from services.drawer.domain.frame import Census, Rows
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.outcome import RosterMissing, result_digest
from services.drawer.domain.requests import Request
from services.drawer.domain.roster import Roster
from services.drawer.domain.selection import Drawn, Selected, Walk, plain_walk, select
from services.drawer.domain.standing import Standing
from services.drawer.domain.teams import Place, Team, refill
from services.drawer.domain.ticket import target_key, team_key
from services.drawer.domain.visits import Entry, Work, entries, visits_root, work_list


@dataclass(frozen=True)
class Replaced:
    """What a closed round publishes, and what stands after it."""

    selected: Selected
    """Who was drawn in this round: the selections with a removal, and in them every stratum with one."""
    visits: Mapping[str, Entry]
    visits_root: bytes
    result_digest: bytes
    after: Standing


def replace(
    manifest: Manifest,
    frame: Mapping[str, Rows],
    census: Census,
    standing: Standing,
    request: Request,
    seed: bytes,
    rosters: Mapping[str, Roster],
    walk: Walk = plain_walk,
) -> Replaced:
    """
    Work out what a sealed round does.

    Args:
        frame: The rows of every shard; walked once, or twice.
        census: The frame's.
        standing: What stood before the round.
        seed: seed_r.
        rosters: By agency; an agency without work may be left out.
        walk: How the frame is walked for its tickets.
    """
    drawn, after = draw_targets(manifest, frame, census, standing, request, seed, walk)
    left = vacated(standing, request)
    assigned = {
        agency: _teams(manifest, agency, after, standing, left[agency], rosters) for agency in sorted(after.work)
    }
    return published(manifest, drawn, with_teams(after, assigned))


def draw_targets(
    manifest: Manifest,
    frame: Mapping[str, Rows],
    census: Census,
    standing: Standing,
    request: Request,
    seed: bytes,
    walk: Walk = plain_walk,
) -> tuple[Selected, Standing]:
    """Draw for the removed; say who was drawn, and what stands but for the teams."""
    removed = standing.removed | request.gone
    quota = _removals(standing, request)
    involved = tuple(one for one in manifest.selections if one.id in quota)
    barred = {name: standing.ever[name] | removed for name in quota}
    key = target_key(manifest.h, seed)
    drawn = select(manifest.h, key, frame, census.counts, involved, quota, barred=barred, walk=walk)
    selected = {
        name: {
            stratum: [*(one for one in ids if one not in removed), *drawn.selected.get(name, {}).get(stratum, ())]
            for stratum, ids in strata.items()
        }
        for name, strata in standing.selected.items()
    }
    kinds = {**standing.kinds, **drawn.kinds}
    work = work_list(selected, kinds, manifest.selections, manifest.lines, manifest.agencies)
    recused = dict(standing.recused)
    for one in request.dropouts:
        recused[one.agency] = recused.get(one.agency, frozenset()) | {(one.inspector, one.id)}
    ever = {name: standing.ever[name] | _ids(drawn, name) for name in standing.ever}
    after = Standing(seed, request.times.beacon_time, selected, ever, kinds, work, {}, recused, removed)
    return drawn.selected, after


def instead_of(before: Selected, request: Request, drawn: Selected) -> dict[str, tuple[str, ...]]:
    """
    Pair everybody removed with whom each selection that loses them drew instead, in ticket order: {removed: drawn}.

    Whoever two selections drew goes to the first of them who is gone; where fewer were left, the last go without.

    Args:
        before: Who was drawn before the round.
        drawn: Who was drawn in it.
    """
    found: dict[str, dict[str, None]] = {one.id: {} for one in request.removed}
    for name, strata in sorted(drawn.items()):
        for stratum, ids in sorted(strata.items()):
            lost = set(before[name].get(stratum, ())) & request.gone
            for gone, new in zip(sorted(lost), ids, strict=False):
                found[gone][new] = None
    return {gone: tuple(new) for gone, new in found.items()}


def vacated(standing: Standing, request: Request) -> dict[str, dict[Place, str]]:
    """Name the places that drop-outs leave: {agency: {(target, index): who left}}, every agency listed."""
    left: dict[str, dict[Place, str]] = {agency: {} for agency in standing.work}
    for one in request.dropouts:
        team = standing.assigned[one.agency][one.id]
        left[one.agency][one.id, team.index(one.inspector)] = one.inspector
    return left


def kept(standing: Standing, after: Work, agency: str, left: Mapping[Place, str]) -> dict[str, tuple[str | None, ...]]:
    """Give the teams of one agency that stand, with None where somebody left or nobody ever was."""
    return {
        target: tuple(None if (target, index) in left else name for index, name in enumerate(team))
        for target, team in standing.assigned[agency].items()
        if target in after[agency]
    }


def with_teams(after: Standing, assigned: Mapping[str, Mapping[str, Team]]) -> Standing:
    """Add the teams to what stands after a round."""
    fields = (after.seed, after.beacon_time, after.selected, after.ever, after.kinds, after.work)
    return Standing(*fields, assigned, after.recused, after.removed)


def published(manifest: Manifest, selected: Selected, after: Standing) -> Replaced:
    """Work out the visits root and the result digest of a round."""
    visits = entries(after.work, after.assigned)
    root = visits_root(manifest.h, after.seed, visits)
    digest = result_digest(manifest.h, after.seed, selected, after.assigned, root)
    return Replaced(selected, visits, root, digest, after)


def _removals(standing: Standing, request: Request) -> dict[str, dict[str, int]]:
    """Count the removed in each stratum of each selection that loses one."""
    found: dict[str, dict[str, int]] = {}
    for name, strata in standing.selected.items():
        for stratum, ids in strata.items():
            lost = len(request.gone.intersection(ids))
            if lost:
                found.setdefault(name, {})[stratum] = lost
    return found


def _ids(drawn: Drawn, selection: str) -> frozenset[str]:
    return frozenset(one for ids in drawn.selected.get(selection, {}).values() for one in ids)


def _teams(
    manifest: Manifest,
    agency: str,
    after: Standing,
    standing: Standing,
    left: Mapping[Place, str],
    rosters: Mapping[str, Roster],
) -> Mapping[str, Team]:
    if after.work[agency] and agency not in rosters:
        raise RosterMissing(agency=agency)
    targets = {
        target: manifest_rules.slots_at(manifest, agency, after.kinds[target].stratum) for target in after.work[agency]
    }
    officers = rosters.get(agency, Roster({})).officers
    stand = kept(standing, after.work, agency, left)
    key = team_key(manifest.h, after.seed, agency)
    return refill(manifest.h, key, targets, officers, after.recused.get(agency, ()), stand, left).assigned
