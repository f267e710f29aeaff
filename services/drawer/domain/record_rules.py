"""
Judge a record beside its frame: say everything again in its order, compute everything again, compare.

The drawer's own check. ``verify_draw.py`` does the same without sharing a line with this; the two may disagree, and then
one of them is wrong.
Source: JIDRAW/1 section 14.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from services.drawer.domain import ceremony, manifest_rules, replacing, requests, rounds
from services.drawer.domain.beacons import VerifyDrand
from services.drawer.domain.ceremony import Attempt, CommitsIncomplete
from services.drawer.domain.encoding import Hash
from services.drawer.domain.frame import Census, Kind, Rows, survey
from services.drawer.domain.manifest import Manifest, Slots, digest
from services.drawer.domain.outcome import compute, draw_targets, draw_teams, result_digest
from services.drawer.domain.record import EndedAttempt, SpentRound, check_numbers
from services.drawer.domain.record_reader import Assigned, Told, ToldRound
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.roster import Roster, check_opening
from services.drawer.domain.rounds import Round
from services.drawer.domain.sealing import BeaconShown, Commit, Reveal, RevealWrong, SignatureWrong, Verify
from services.drawer.domain.selection import Walk, plain_walk
from services.drawer.domain.standing import Standing, after_draw
from services.drawer.domain.teams import in_team_order
from services.drawer.domain.ticket import keyed, team_key
from services.drawer.domain.visits import Work, entries, visits_root, work_list


class RecordDiffers(DrawRefused):
    """A part of a record is not what it should be: ``where`` names it."""

    code = "draw.record_differs"
    says = ("where",)


FrameOf = Callable[[Manifest], Mapping[str, Rows] | None]
"""The frame of an attempt's manifest, by shard; None where a file of it was not given."""


@dataclass(frozen=True)
class Outside:
    """What a check needs beside the record: the frames, how signatures and drand's values are checked, how frames are walked."""

    frame_of: FrameOf
    verify: Verify
    verify_drand: VerifyDrand | None = None
    walk_of: Callable[[Hash], Walk] = lambda _: plain_walk


@dataclass
class Checked:
    """A record that agrees with itself and its frame, as far as was checked; visits and digest are those that stand."""

    visits: int = 0
    result_digest: str = ""
    not_checked: list[str] = field(default_factory=list)


def check(told: Told, outside: Outside) -> Checked:
    """
    Check everything this edition holds.

    Raises:
        RecordDiffers: the first part that is not what it should be.
        DrawRefused: a rule of the protocol is broken.
    """
    manifest, checked = told.manifest, Checked()
    manifest_rules.check(manifest)
    attempt = Attempt(manifest, outside.verify)
    _same("manifest_digest", told.manifest_digest, attempt.digest.hex())
    frame = outside.frame_of(manifest)
    census = None
    if frame is not None:
        census = survey(manifest.h, frame)
        manifest_rules.check_frame(manifest, census)
    _check_earlier(told, outside, checked)
    _same("teams", set(told.teams), set(manifest.agencies))
    rosters = _opened(attempt, told)
    seed = _check_ceremony(attempt, told, outside, checked)
    _same("seed", told.seed, seed.hex())
    if frame is None or census is None:
        _check_without_frame(manifest, seed, told, rosters, checked)
        return checked
    standing = (
        _check_full(attempt, frame, census, seed, told, rosters, outside.walk_of(manifest.h))
        if told.openings
        else _check_public(manifest, frame, census, seed, told, outside.walk_of(manifest.h))
    )
    checked.visits, checked.result_digest = len(standing.strata), told.result_digest
    _Rounds(attempt, told, outside, frame, census, checked).follow(standing)
    return checked


def _differs(where: str) -> NoReturn:
    raise RecordDiffers(where=where)


def _same(where: str, told: object, expected: object) -> None:
    if told != expected:
        _differs(where)


# ── what was said ───────────────────────────────────────────────────────────────────────────────────────────────────


def _check_ceremony(attempt: Attempt, told: Told, outside: Outside, checked: Checked) -> bytes:
    times = attempt.manifest.times
    commits = _say_commits(attempt, told.commits)
    _same("commits_digest", told.commits_digest, attempt.commits_digest(commits).hex())
    signed = _say_countersignatures(attempt, commits, told.countersignatures)
    if attempt.absent(signed):
        _differs("countersignatures")
    reveals: dict[str, Reveal] = {}
    for agency, new in sorted(told.reveals.items()):
        ceremony.accept_reveal(attempt, commits, signed, reveals, agency, new, times.commit_close)
        reveals[agency] = new
    ceremony.accept_seal(attempt, commits, reveals, told.seal)
    shown: tuple[BeaconShown, ...] = ()
    for one in told.beacons:
        proved = ceremony.accept_beacon(
            attempt, commits, told.seal, shown, one, times.beacon_time, outside.verify_drand
        )
        _note_beacon(one, proved, checked)
        shown = (*shown, one)
    return attempt.seed(commits, reveals, shown)


def _note_beacon(one: BeaconShown, proved: bool, checked: Checked) -> None:
    if not proved:
        checked.not_checked.append(f"beacon {one.beacon.id} {one.beacon.round}")


def _say_commits(attempt: Attempt, told: Mapping[str, Commit]) -> dict[str, Commit]:
    commits: dict[str, Commit] = {}
    for agency, new in sorted(told.items()):
        ceremony.accept_commit(attempt, commits, agency, new, attempt.manifest.times.published)
        commits[agency] = new
    return commits


def _say_countersignatures(
    attempt: Attempt, commits: Mapping[str, Commit], told: Mapping[str, bytes]
) -> dict[str, bytes]:
    signed: dict[str, bytes] = {}
    for agency, sig in sorted(told.items()):
        ceremony.accept_countersignature(attempt, commits, signed, agency, sig)
        signed[agency] = sig
    return signed


def _check_earlier(told: Told, outside: Outside, checked: Checked) -> None:
    """Follow the attempts from the first to this one, each naming the manifest before it."""
    manifest, previous = told.manifest, None
    for number, ended in enumerate(told.attempts, start=1):
        one, where = ended.manifest, f"attempts.{number - 1}"
        if (one.draw, one.attempt, one.prev) != (manifest.draw, number, previous):
            _differs(where)
        manifest_rules.check(one)
        frame = outside.frame_of(one)
        if frame is None:
            checked.not_checked.append(f"{where}.frame")
        else:
            manifest_rules.check_frame(one, survey(one.h, frame))
        _check_ended(Attempt(one, outside.verify), ended, where)
        previous = digest(one).hex()
    if (manifest.attempt, manifest.prev) != (len(told.attempts) + 1, previous):
        _differs("attempts")


def _check_ended(earlier: Attempt, ended: EndedAttempt, where: str) -> None:
    parties = {*earlier.agencies, rounds.WITNESS}
    if not parties.issuperset(ended.absent):
        _differs(f"{where}.absent")
    commits = _say_commits(earlier, ended.commits)
    if not ended.countersignatures and not ended.reveals:
        return
    if earlier.absent(commits):
        raise CommitsIncomplete(absent=earlier.absent(commits))
    _say_countersignatures(earlier, commits, ended.countersignatures)
    act = earlier.act(commits)
    for agency, shown in sorted(ended.reveals.items()):
        act.check_speaker(agency, {}, "reveal")
        if not act.opens(agency, shown.value):
            raise RevealWrong(agency=agency)
        if not act.is_revealed(agency, shown):
            raise SignatureWrong(who=agency, what="reveal")


# ── what follows from it ────────────────────────────────────────────────────────────────────────────────────────────


def _check_full(
    attempt: Attempt,
    frame: Mapping[str, Rows],
    census: Census,
    seed: bytes,
    told: Told,
    rosters: Mapping[str, Roster],
    walk: Walk,
) -> Standing:
    outcome = compute(attempt.manifest, frame, seed, rosters, walk, census)
    _same("selected", told.selected, _selection(outcome.selected))
    _same("work", _every(told.work, outcome.work), outcome.work)
    _same("teams", told.teams, outcome.assigned)
    _same("visits_root", told.visits_root, outcome.visits_root.hex())
    _same("result_digest", told.result_digest, outcome.result_digest.hex())
    return outcome.standing(attempt.manifest.times.beacon_time, rosters)


def _check_without_frame(
    manifest: Manifest, seed: bytes, told: Told, rosters: Mapping[str, Roster], checked: Checked
) -> None:
    """Check what follows from the record alone; who should have been drawn, and the rounds, take the frame."""
    checked.not_checked.append("manifest.frame")
    h = manifest.h
    selected = {name: {cell: list(ids) for cell, ids in strata.items()} for name, strata in told.selected.items()}
    _same("selected", told.selected.keys(), {one.id for one in manifest.selections})
    kinds: dict[str, Kind] = {}
    for name, strata in selected.items():
        ids = [one for drawn in strata.values() for one in drawn]
        _same(f"selected.{name}", len(ids), len(set(ids)))
        kinds.update({one: Kind(stratum, ()) for stratum, drawn in strata.items() for one in drawn})
    work = _every(told.work, {agency: {} for agency in manifest.agencies})
    _same("work", work.keys(), manifest.agencies.keys())
    if any(target not in kinds for targets in work.values() for target in targets):
        _differs("work")
    _check_listed("teams", told.teams, work)
    if told.openings:
        for agency, targets in sorted(work.items()):
            teams = draw_teams(manifest, agency, targets, kinds, seed, rosters)
            _same(f"teams.{agency}", told.teams[agency], teams.assigned)
    else:
        standing = after_draw(seed, manifest.times.beacon_time, selected, kinds, work, told.teams, {})
        for agency, target, team, slots in _teams_of(manifest, standing):
            _check_new_team(f"teams.{agency}.{target}", standing, manifest, agency, target, team, slots)
    visits = entries(work, told.teams)
    root = visits_root(h, seed, visits)
    _same("visits_root", told.visits_root, root.hex())
    _same("result_digest", told.result_digest, result_digest(h, seed, selected, told.teams, root).hex())
    checked.visits, checked.result_digest = len(visits), told.result_digest
    if told.replacements or told.spent:
        checked.not_checked.append("replacements")


def _opened(attempt: Attempt, told: Told) -> dict[str, Roster]:
    for agency, opening in sorted(told.openings.items()):
        if agency in attempt.manifest.rosters:
            check_opening(attempt.h, attempt.manifest.rosters[agency], opening.rho, opening.roster)
        elif opening.roster != Roster({}):
            _differs(f"teams.{agency}.roster")
    return {agency: opening.roster for agency, opening in told.openings.items()}


def _check_public(
    manifest: Manifest, frame: Mapping[str, Rows], census: Census, seed: bytes, told: Told, walk: Walk
) -> Standing:
    h = manifest.h
    drawn = draw_targets(manifest, frame, census, seed, walk)
    _same("selected", told.selected, _selection(drawn.selected))
    work = work_list(drawn.selected, drawn.kinds, manifest.selections, manifest.lines, manifest.agencies)
    _same("work", _every(told.work, work), work)
    standing = after_draw(seed, manifest.times.beacon_time, drawn.selected, drawn.kinds, work, told.teams, {})
    _check_listed("teams", told.teams, work)
    for agency, target, team, slots in _teams_of(manifest, standing):
        _check_new_team(f"teams.{agency}.{target}", standing, manifest, agency, target, team, slots)
    root = visits_root(h, seed, entries(work, told.teams))
    _same("visits_root", told.visits_root, root.hex())
    _same("result_digest", told.result_digest, result_digest(h, seed, drawn.selected, told.teams, root).hex())
    return standing


def _check_listed(where: str, teams: Mapping[str, Assigned], work: Work) -> None:
    """Refuse teams that are not those of the work list, agency by agency and target by target."""
    for agency in sorted(teams.keys() | work.keys()):
        if agency not in teams or agency not in work or teams[agency].keys() != work[agency].keys():
            _differs(f"{where}.{agency}")


def _teams_of(manifest: Manifest, standing: Standing) -> list[tuple[str, str, tuple[str | None, ...], Slots]]:
    return [
        (agency, target, team, manifest_rules.slots_at(manifest, agency, standing.kinds[target].stratum))
        for agency, teams in sorted(standing.assigned.items())
        for target, team in sorted(teams.items())
    ]


def _check_new_team(
    where: str,
    standing: Standing,
    manifest: Manifest,
    agency: str,
    target: str,
    team: tuple[str | None, ...],
    slots: Slots,
) -> None:
    """Check what shows of a team without the roster: its slots, nobody in it twice, the order of step V."""
    _check_form(where, team, slots)
    hash_of = partial(_hashed, manifest, team_key(manifest.h, standing.seed, agency))
    _same(where, team, in_team_order(hash_of, target, team, slots))


def _check_form(where: str, team: tuple[str | None, ...], slots: Slots) -> None:
    named = [name for name in team if name is not None]
    if len(team) != len(slots) or len(set(named)) < len(named):
        _differs(where)


def _hashed(manifest: Manifest, key: bytes, text: str) -> bytes:
    return keyed(manifest.h, key, text)


def _selection(selected: Mapping[str, Mapping[str, list[str]]]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {name: {stratum: tuple(ids) for stratum, ids in strata.items()} for name, strata in selected.items()}


def _every(told: Work, expected: Work) -> Work:
    """Fill in the agencies that a work list may leave out, those without work."""
    return {**{agency: {} for agency in expected}, **told}


# ── rounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Rounds:
    """The rounds of a record, closed and spent, followed in the order of their numbers."""

    attempt: Attempt
    told: Told
    outside: Outside
    frame: Mapping[str, Rows]
    census: Census
    checked: Checked

    def follow(self, standing: Standing) -> None:
        """Check every round against what stood before it."""
        told = self.told
        check_numbers([one.number for one in told.replacements], [one.number for one in told.spent])
        listed: list[ToldRound | SpentRound] = [*told.replacements, *told.spent]
        for before, entry in enumerate(sorted(listed, key=lambda one: one.number)):
            one = rounds.open_round(self.attempt, told.commits, standing, entry.number, entry.request, before)
            given: dict[str, bytes] = {}
            for who, sig in sorted(entry.signatures.items()):
                rounds.accept_signature(one, given, who, sig)
                given[who] = sig
            if not isinstance(entry, SpentRound):
                standing = self._close(one, entry)
                self.checked.visits, self.checked.result_digest = len(standing.strata), entry.result_digest

    def _close(self, one: Round, entry: ToldRound) -> Standing:
        where = f"replacements.{one.number}"
        requests.check_removals(self.attempt.manifest, one.standing, one.request)
        seed = self._say(one, entry)
        _same(f"{where}.seed", entry.seed, seed.hex())
        manifest, standing, walk = self.attempt.manifest, one.standing, self.outside.walk_of(self.attempt.h)
        if self.told.openings:
            rosters = {agency: opening.roster for agency, opening in self.told.openings.items()}
            done = replacing.replace(manifest, self.frame, self.census, standing, one.request, seed, rosters, walk)
        else:
            done = self._public(where, one, entry, seed)
        _same(f"{where}.selected", entry.selected, _selection(done.selected))
        _same(f"{where}.work", _every(entry.work, done.after.work), done.after.work)
        _same(f"{where}.teams", entry.teams, done.after.assigned)
        _same(f"{where}.visits_root", entry.visits_root, done.visits_root.hex())
        _same(f"{where}.result_digest", entry.result_digest, done.result_digest.hex())
        return done.after

    def _say(self, one: Round, entry: ToldRound) -> bytes:
        reveals: dict[str, Reveal] = {}
        for agency, new in sorted(entry.reveals.items()):
            rounds.accept_reveal(one, entry.signatures, reveals, agency, new, one.request.times.seal_by - 1)
            reveals[agency] = new
        rounds.accept_seal(one, entry.signatures, reveals, entry.seal)
        shown: tuple[BeaconShown, ...] = ()
        for beacon in entry.beacons:
            at, drand = one.request.times.beacon_time, self.outside.verify_drand
            _note_beacon(beacon, rounds.accept_beacon(one, entry.seal, shown, beacon, at, drand), self.checked)
            shown = (*shown, beacon)
        return one.seed(reveals, shown)

    def _public(self, where: str, one: Round, entry: ToldRound, seed: bytes) -> replacing.Replaced:
        """Check what the public edition shows of a round's teams: who stood stays, who left stays away."""
        manifest, standing, walk = self.attempt.manifest, one.standing, self.outside.walk_of(self.attempt.h)
        selected, after = replacing.draw_targets(manifest, self.frame, self.census, standing, one.request, seed, walk)
        _check_listed(f"{where}.teams", entry.teams, after.work)
        left = replacing.vacated(standing, one.request)
        done = replacing.with_teams(after, entry.teams)
        for agency, target, team, slots in _teams_of(manifest, done):
            place = f"{where}.teams.{agency}.{target}"
            stood = replacing.kept(standing, after.work, agency, left[agency]).get(target)
            if stood is None:
                _check_new_team(place, done, manifest, agency, target, team, slots)
                continue
            _check_form(place, team, slots)
            for index, (name, was) in enumerate(zip(team, stood, strict=True)):
                came_free = (target, index) in left[agency]
                if (not came_free and name != was) or (name, target) in after.recused.get(agency, ()):
                    _differs(place)
        return replacing.published(manifest, selected, done)
