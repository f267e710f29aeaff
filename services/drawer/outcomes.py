"""
From what was said to what came of it: a draw carried through its rounds, its records, and who visits whom.

The slow half, outside any transaction, like ``working``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from runtime.service import Ports
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan, WorkList, WorkTeam, WorkVisit
from services.drawer.commands.completing import Completion, Inputs, inputs_digest
from services.drawer.commands.ending import IN_RECORD
from services.drawer.commands.opening import Ground
from services.drawer.domain import record, replacing, rounds, visits
from services.drawer.domain.appointing import with_appointed
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.frame import Rows
from services.drawer.domain.outcome import Outcome, compute
from services.drawer.domain.record import ClosedRound, EndedAttempt, Fault, Opening, Proceedings, SpentRound
from services.drawer.domain.replacing import Replaced
from services.drawer.domain.requests import Request
from services.drawer.domain.roster import Roster
from services.drawer.domain.rounds import Round
from services.drawer.domain.standing import Standing
from services.drawer.domain.visits import Entry
from services.drawer.drafts import Enrolment, frame_rows
from services.drawer.drafts import window_end as window_end_of
from services.drawer.kernel import walk_of
from services.drawer.reading import Said, SaidRound
from services.drawer.round_progress import SPENT
from services.drawer.vault import SERVICE, Vault
from services.drawer.working import JSON, basis_of, open_reveals

WORK_READERS = ("results", "notifier")


@dataclass(frozen=True)
class Carried:
    """A draw carried from its seal through its rounds: what it came to, and what stands now."""

    plan: CampaignPlan
    said: Said
    attempt: Attempt
    rows: Mapping[str, Rows]
    enrolments: Mapping[str, Enrolment]
    outcome: Outcome
    proceedings: Proceedings
    standing: Standing

    @property
    def rosters(self) -> dict[str, Roster]:
        """Every agency's roster."""
        return {agency: one.roster for agency, one in self.enrolments.items()}

    @cached_property
    def pids(self) -> dict[str, dict[str, str]]:
        """{agency: {staff number: pid}}."""
        return {
            agency: {staff: pid for pid, staff in one.staff_numbers.items()} for agency, one in self.enrolments.items()
        }

    @property
    def last(self) -> Replaced | None:
        """What the last closed round did."""
        return self.proceedings.rounds[-1].replaced if self.proceedings.rounds else None

    def round(self, one: SaidRound, vault: Vault) -> Round:
        """Give a round that is under way as the domain judges it."""
        return self.ask(one.row.number, vault.open_request(one.row.sealed))

    def ask(self, number: int, request: Request) -> Round:
        """Open a round on what stands now, if its request may be made."""
        return rounds.open_round(self.attempt, self.said.commits(), self.standing, number, request, number - 1)

    def records(self) -> tuple[bytes, bytes]:
        """Write the record in both editions: full, public."""
        openings = {agency: Opening(one.rho, one.roster) for agency, one in self.enrolments.items()}
        full = record.full_record(self.attempt, self.proceedings, self.outcome, openings)
        return record.to_bytes(full), record.to_bytes(
            record.public_record(self.attempt, self.proceedings, self.outcome)
        )

    def keep_records(self, ports: Ports) -> tuple[BlobRef, BlobRef]:
        """Keep both editions for the drawer's eyes: full, public."""
        full, public = self.records()
        draw = self.said.row.draw
        return (
            ports.blobs.put(full, JSON, (SERVICE,), subject=draw),
            ports.blobs.put(public, JSON, (SERVICE,), subject=draw),
        )

    def visit(self, name: str, entity: str, entry: Entry, stratum: str, ticket_rank: int) -> WorkVisit:
        """Say who goes to one target."""
        teams = tuple(self.team(agency, *entry[agency]) for agency in entry)
        return WorkVisit(visit=name, target=entity, stratum=stratum, ticket_rank=ticket_rank, teams=teams)

    def team(self, agency: str, lines: tuple[str, ...], team: tuple[str | None, ...]) -> WorkTeam:
        """Name an agency's officers at one target by staff number, the filled slots first, so that the first one leads."""
        staff = self.enrolments[agency].staff_numbers
        filled = [staff[pid] for pid in team if pid is not None]
        return WorkTeam(agency=agency, items=lines, officers=(*filled, *[None] * (len(team) - len(filled))))


def carry(ports: Ports, inputs: Inputs, spent_for: str | None = None) -> Carried:
    """
    Work out the outcome of a sealed attempt, and of each of its rounds whose last word has been spoken.

    Args:
        spent_for: Why the round under way is spent, where it is being ended.
    """
    vault, said = Vault(ports), inputs.said
    attempt, manifest = said.attempt(), said.attempt().manifest
    basis = basis_of(ports.blobs, Ground(inputs.plan, manifest.plan, inputs.frame_file, inputs.rosters))
    secrets = {agency: vault.open_salts(sealed) for agency, sealed in inputs.roster_secrets.items()}
    enrolments = {agency: basis.enrolment(agency, secrets[agency]) for agency in said.agencies}
    rosters = {agency: one.roster for agency, one in enrolments.items()}
    rows = frame_rows(inputs.plan, basis.frame_file)
    reveals = open_reveals(vault, said)
    walk = walk_of(manifest.h)
    outcome = compute(manifest, rows, attempt.seed(said.commits(), reveals, said.beacons()), rosters, walk)
    standing = outcome.standing(manifest.times.beacon_time, rosters)
    closed: list[ClosedRound] = []
    spent: list[SpentRound] = []
    for one in said.rounds:
        request, number = vault.open_request(one.row.sealed), one.row.number
        signatures = one.signed(said.row.witness)
        reason = spent_for if one.end is None else one.end.reason if one.end.how == SPENT else None
        if reason is not None:
            spent.append(SpentRound(number, request, signatures, IN_RECORD[reason]))
            continue
        seal = one.sealed()
        if not one.is_drawn or seal is None:
            break
        round_ = rounds.open_round(attempt, said.commits(), standing, number, request, number - 1)
        shown, dice = open_reveals(vault, one), one.beacons()
        seed = round_.seed(shown, dice)
        done = replacing.replace(manifest, rows, outcome.census, standing, request, seed, rosters, walk)
        closed.append(ClosedRound(number, request, signatures, shown, seal, dice, done))
        standing = done.after
    seal = said.sealed()
    assert seal is not None
    proceedings = Proceedings(
        said.commits(),
        said.signed(),
        reveals,
        seal,
        said.beacons(),
        earlier=tuple(_ended(vault, one) for one in inputs.earlier),
        faults=tuple(Fault(one.what, one.who, one.evidence) for one in said.faults),
        rounds=tuple(closed),
        spent=tuple(spent),
    )
    return Carried(inputs.plan, said, attempt, rows, enrolments, outcome, proceedings, standing)


def work_out(ports: Ports, inputs: Inputs) -> Completion:
    """Work out the outcome of a sealed attempt and keep its documents: both editions of the record, and the work list."""
    carried = carry(ports, inputs)
    full, public = carried.keep_records(ports)
    work_list = make_work_list(carried)
    return Completion(
        inputs=inputs_digest(inputs.said),
        outcome=carried.outcome,
        work_list=work_list,
        full_record=full,
        public_record=public,
        work=ports.blobs.put(work_list.encode(), JSON, WORK_READERS, subject=inputs.said.row.draw),
        window_end=window_end_of(inputs.plan),
    )


def _ended(vault: Vault, said: Said) -> EndedAttempt:
    assert said.voided is not None
    witness = said.row.witness
    return EndedAttempt(
        said.attempt().manifest,
        IN_RECORD[said.voided.reason],
        tuple("witness" if one == witness else one for one in said.voided.absent),
        said.commits(),
        said.signed(),
        open_reveals(vault, said),
    )


def make_work_list(carried: Carried) -> WorkList:
    """
    Say who visits whom, for results and notifier.

    A visit's number is its place among the visits' leaves, which follow from the seed's blinding: it tells nothing of
    the target. Within a team filled slots come first, so that the first officer leads (JIDRAW/1 section 12).
    """
    outcome, draw = carried.outcome, carried.said.row.draw
    places = _places(outcome)
    width = max(2, len(str(len(outcome.visits))))
    listed = [
        carried.visit(f"{visit_stem(draw)}{number:0{width}d}", entity, outcome.visits[entity], *places[entity])
        for number, entity in enumerate(by_leaf(carried.attempt, outcome.seed, outcome.visits), start=1)
    ]
    return WorkList(campaign=carried.plan.campaign, draw=draw, visits=tuple(listed))


def visit_stem(draw: str) -> str:
    """Give what the ids of a draw's visits begin with."""
    return f"V-{draw.removeprefix('D-')}-"


def by_leaf(attempt: Attempt, seed: bytes, entries: Mapping[str, Entry]) -> list[str]:
    """List entities in the order of their leaves, which tells nothing of them."""
    h = attempt.h
    return sorted(
        entries, key=lambda entity: visits.leaf_data(h, visits.blind(h, seed, entity), entity, entries[entity])
    )


def going(drawn: WorkTeam, appointed: Sequence[str]) -> WorkTeam:
    """Say who goes: the drawn, and on the places left open the *appointed*."""
    team = with_appointed(drawn.officers, appointed)
    return WorkTeam(agency=drawn.agency, items=drawn.items, officers=team.officers, appointed=team.appointed)


def _places(outcome: Outcome) -> dict[str, tuple[str, int]]:
    """Find each target's stratum and the rank of its ticket there, from 1."""
    return {
        entity: (stratum, rank)
        for strata in outcome.selected.values()
        for stratum, ids in strata.items()
        for rank, entity in enumerate(ids, start=1)
    }


def open_to_everybody(ports: Ports, file: BlobRef) -> BlobRef:
    """Keep a record or a frame once more as a document that anybody may read."""
    return ports.blobs.put(ports.blobs.get(file, SERVICE), file.content_type)
