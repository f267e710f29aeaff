"""
From an approved plan to a manifest: what the plan, the frame and the rosters of a campaign mean in terms of JIDRAW/1.

Pure. One draw has one selection, named like its campaign: all lines of the plan, one rule per class, categories as cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from hashlib import sha256

from schemas.documents import CampaignPlan, PlanAgency, PlanClass, RosterOfficer, Rosters
from schemas.vocabulary import Stage
from services.drawer.domain import availability, drafting, feasibility, sources
from services.drawer.domain.availability import Present
from services.drawer.domain.beacons import ROOM_DICE
from services.drawer.domain.encoding import Hash, hash_named
from services.drawer.domain.frame import Census, Rows, rows_of, survey
from services.drawer.domain.manifest import (
    Agency,
    Beacon,
    Manifest,
    Parent,
    Replacement,
    Selection,
    Slots,
    Terms,
    Times,
)
from services.drawer.domain.manifest import Witness as ManifestWitness
from services.drawer.domain.quota import Full, Rate, Rule
from services.drawer.domain.refusals import Remark
from services.drawer.domain.roster import Enrolled, Officer, Roster, enrol, summarise
from services.drawer.domain.sources import Chosen
from services.drawer.vault import ALGORITHM, RosterSalts

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


@dataclass(frozen=True)
class Enrolment:
    """One agency's officers in one attempt: the roster by pid, and who a pid is."""

    roster: Roster
    openings: Mapping[str, Enrolled]
    rho: bytes

    @property
    def staff_numbers(self) -> dict[str, str]:
        """{pid: staff number}."""
        return {pid: one.staff_number for pid, one in self.openings.items()}


@dataclass(frozen=True)
class Party:
    """A body that signs: its name as the record shows it, its public key, and who keeps the private half."""

    agency: str
    name: str
    key: str
    custody: str = "server"
    alg: str = ALGORITHM


def bodies_of(plan: CampaignPlan) -> set[str]:
    """Name everybody who takes part in a campaign's draw: its agencies, and the witness body."""
    return {one.agency for one in plan.agencies} | ({plan.witness} if plan.witness else set())


def window_end(plan: CampaignPlan) -> datetime:
    """Find the end of the inspection stage: its last day, 24:00 in China."""
    last = max(stage.last_on for stage in plan.stages if stage.stage == Stage.INSPECT)
    return midnight_after(last)


def draw_begins_on(plan: CampaignPlan) -> date:
    """Find the first day of the draw stage."""
    return min(stage.first_on for stage in plan.stages if stage.stage == Stage.DRAW)


def is_before_its_stage(plan: CampaignPlan, now: datetime) -> bool:
    """Tell whether the plan's draw stage has not begun at *now*."""
    return now.astimezone(SHANGHAI).date() < draw_begins_on(plan)


def midnight_after(day: date) -> datetime:
    """Return the moment at which *day* ends in China."""
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI).astimezone(UTC)


def sources_of(plan: CampaignPlan) -> tuple[Chosen, ...]:
    """List the sources of randomness that a plan chose, dice first."""
    dice = () if plan.dice is None else (Chosen(ROOM_DICE, dice=plan.dice),)
    return (*dice, *(Chosen(one.id, digits=one.digits) for one in plan.beacons))


def shard_of(plan: CampaignPlan) -> str:
    """Name the one shard of a county's frame: the county."""
    return plan.county


def frame_rows(plan: CampaignPlan, file: bytes) -> dict[str, Rows]:
    """Give the frame as the domain walks it."""
    return {shard_of(plan): rows_of(file)}


def enrolment(h: Hash, officers: tuple[RosterOfficer, ...], salts: RosterSalts) -> Enrolment:
    """Give an agency's officers their pids (JIDRAW/1 section 3), with the draw's hash."""
    named = [Enrolled(one.officer, salts.salts[one.officer], _officer(one)) for one in officers]
    roster, openings = enrol(h, named)
    pid_of = {one.staff_number: pid for pid, one in openings.items()}
    recused = sorted({(pid_of[one.officer], target) for one in officers for target in one.recused})
    return Enrolment(Roster(roster, tuple(recused)), openings, salts.rho)


def _officer(one: RosterOfficer) -> Officer:
    return Officer(tuple(sorted(set(one.labels))), one.cap, one.base_load)


Visitors = Mapping[tuple[str, str], frozenset[str]]
"""Whom an agency sent to a target last: {(agency, target): officers}."""


@dataclass(frozen=True)
class Basis:
    """Everything a manifest is made of except its times, its keys and its number."""

    plan: CampaignPlan
    plan_digest: str
    frame_file: bytes
    rosters: Rosters
    parent: Parent | None = None
    """The first stage of a staged draw."""

    @property
    def h(self) -> Hash:
        """The hash that the plan chose, of everything in its draw."""
        return hash_named(self.plan.hash)

    def officers(self, agency: str) -> tuple[RosterOfficer, ...]:
        """Name an agency's eligible officers; none where the freeze gave none."""
        return self.rosters.agencies.get(agency, ())

    def enrolment(self, agency: str, salts: RosterSalts) -> Enrolment:
        """Enrol an agency's officers."""
        return enrolment(self.h, self.officers(agency), salts)

    @property
    def agencies(self) -> tuple[str, ...]:
        """All agencies of the plan, ascending."""
        return tuple(sorted(one.agency for one in self.plan.agencies))

    def census(self, watch: frozenset[str] = frozenset()) -> Census:
        """Count and digest the frame."""
        return survey(self.h, frame_rows(self.plan, self.frame_file), watch)


def rotated(basis: Basis, visitors: Visitors) -> Basis:
    """Recuse whomever an agency sent to a target of the frame last from that target (轮换), beside all other recusals."""
    here = {row.partition(b"\t")[0].decode() for row in basis.frame_file.splitlines()}
    of: dict[tuple[str, str], set[str]] = {}
    for (agency, target), officers in visitors.items():
        for officer in officers if target in here else ():
            of.setdefault((agency, officer), set()).add(target)
    agencies = {
        agency: tuple(
            one.model_copy(update={"recused": tuple(sorted({*one.recused, *of.get((agency, one.officer), ())}))})
            for one in officers
        )
        for agency, officers in basis.rosters.agencies.items()
    }
    return replace(basis, rosters=basis.rosters.model_copy(update={"agencies": agencies}))


def manifest_of(
    basis: Basis,
    *,
    draw: str,
    attempt: int,
    prev: str | None,
    times: Times,
    parties: Mapping[str, Party],
    enrolments: Mapping[str, Enrolment],
    census: Census,
    beacons: tuple[Beacon, ...],
) -> Manifest:
    """
    Draft and judge the manifest of one attempt.

    Args:
        parties: Every agency, and the witness body where the plan names one.
        beacons: The sources of randomness, announced for these times.

    Raises:
        Every refusal of ``domain.manifest_rules``.
    """
    plan = basis.plan
    witness = parties[plan.witness] if plan.witness is not None else None
    terms = Terms(
        hash=basis.h.name,
        draw=draw,
        attempt=attempt,
        prev=prev,
        parent=basis.parent,
        purpose=plan.purpose.value,
        plan=basis.plan_digest,
        lead=plan.lead,
        agencies={one: Agency(parties[one].alg, parties[one].key, parties[one].custody) for one in basis.agencies},
        witness=None if witness is None else ManifestWitness(witness.name, witness.alg, witness.key),
        lines={item.item: item.agency for item in plan.items},
        selections=(selection_of(plan),),
        slots={one.agency: {"": places_of(one)} for one in plan.agencies},
        rosters={
            agency: summarise(basis.h, one.rho, one.roster, one.openings) for agency, one in sorted(enrolments.items())
        },
        base_from=basis.rosters.base_from,
        beacons=beacons,
        times=times,
        chain_len=plan.chain_len,
        max_missing=plan.max_missing,
        replacement=Replacement(plan.replacement_max, plan.replacement_reasons),
        disclosure=plan.disclosure,
    )
    return drafting.draft(terms, census)


def selection_of(plan: CampaignPlan) -> Selection:
    """Give the one selection of a campaign's draw: all its lines, one rule per class."""
    lines = tuple(sorted({item.item for item in plan.items}))
    return Selection(plan.campaign, lines, {one.code: _rule(plan, one) for one in plan.classes})


def _rule(plan: CampaignPlan, one: PlanClass) -> Rule:
    return Rate(one.rate, one.minimum, one.maximum) if plan.parent is None else Full()


def places_of(one: PlanAgency) -> Slots:
    """Give the places in an agency's team, each with the labels it needs."""
    wanted = [tuple(sorted(set(labels))) for labels in one.slot_labels]
    missing = one.officers_per_target - len(wanted)
    return tuple(wanted) + ((),) * max(0, missing)


@dataclass(frozen=True)
class Feasibility:
    """Whether the draw could be made as planned: how many of how many, and which rule binds whom."""

    manifest: Manifest
    shortages: tuple[Remark, ...]
    notes: tuple[Remark, ...] = ()  # what is tight, and stops nothing


ANY_TIMES = Times(0, 1, 2, 2, 602, 602)
"""Times that stand in good order, for asking about everything else."""


def feasibility_of(basis: Basis, times: Times = ANY_TIMES) -> Feasibility:
    """
    Try the plan on the frozen frame with invented keys and salts: nothing of this leaves the process.

    Raises:
        Every refusal of ``domain.manifest_rules``.
    """
    enrolments = {agency: basis.enrolment(agency, _trial_salts(basis, agency)) for agency in basis.agencies}
    rosters = {agency: one.roster for agency, one in enrolments.items()}
    census = basis.census(feasibility.recused_entities(rosters.values()))
    bodies = [*basis.agencies, *([basis.plan.witness] if basis.plan.witness else [])]
    chosen = sources_of(basis.plan)
    manifest = manifest_of(
        basis,
        draw="trial",
        attempt=1,
        prev=None,
        times=times,
        parties={one: Party(one, one, sha256(f"trial/{one}".encode()).hexdigest()) for one in bodies},
        enrolments=enrolments,
        census=census,
        beacons=sources.announce(chosen, {one.id: sources.ANYTHING for one in chosen}, times.beacon_time),
    )
    by_day = [
        told
        for agency in basis.agencies
        for told in availability.by_day(
            agency,
            basis.rosters.days,
            {one.officer: Present(frozenset(one.labels), frozenset(one.absent)) for one in basis.officers(agency)},
            [frozenset(labels) for labels in max(manifest.slots[agency].values(), key=len)],
            feasibility.visits_at_most(manifest, census, agency, rosters[agency]),
        )
    ]
    short = tuple(one for one in by_day if one.code.startswith("draw.short."))
    notes = tuple(one for one in by_day if one not in short)
    return Feasibility(manifest, feasibility.report(manifest, census, rosters) + short, notes)


def _trial_salts(basis: Basis, agency: str) -> RosterSalts:
    salts = {one.officer: sha256(f"trial/{agency}/{one.officer}".encode()).digest() for one in basis.officers(agency)}
    return RosterSalts(bytes(32), salts)
