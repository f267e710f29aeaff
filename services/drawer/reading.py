"""Rows of the ceremony, read in bulk and turned into what ``domain`` and ``progress`` work on."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from services.drawer import tables
from services.drawer.domain.appointing import State as Appointed
from services.drawer.domain.beacons import ROOM_DICE
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.changes import Reasons, State, reasons_of
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.manifest_reader import read_beacon, read_manifest
from services.drawer.domain.sealing import Act, BeaconShown, Commit, Seal, Signatures
from services.drawer.domain.seed import BeaconValue
from services.drawer.progress import Moments, Standing
from services.drawer.refusals import CampaignNotKnown, DrawnElsewhere, DrawUnknown, NoAttempt, RoundUnknown
from services.drawer.round_progress import CLOSED, RoundStanding
from services.drawer.vault import verify_signature

Row = TypeVar("Row")


def attempt_id(draw: str, number: int) -> str:
    """Name one attempt of a draw."""
    return f"{draw}.{number}"


def said_id(attempt: str, agency: str) -> str:
    """Name what one agency said in one attempt."""
    return f"{attempt}/{agency}"


def round_id(draw: str, number: int) -> str:
    """Name one replacement round of a draw."""
    return f"{draw}.r{number}"


def party_id(county: str, agency: str) -> str:
    """Name a body within its county."""
    return f"{county}/{agency}"


@dataclass
class SaidSealed(ABC):
    """What is said alike in an attempt and in a round: signatures, reveals, the seal, the dice and other sources' values."""

    countersignatures: dict[str, tables.Countersignature] = field(default_factory=dict, kw_only=True)
    reveals: dict[str, tables.RevealRow] = field(default_factory=dict, kw_only=True)
    seal: tables.SealRow | None = field(default=None, kw_only=True)
    dice: tables.DiceRow | None = field(default=None, kw_only=True)
    joint: list[tables.JointSignature] = field(default_factory=list, kw_only=True)
    """Under seal and dice where there is no witness, oldest first."""
    values: dict[int, tables.BeaconValueRow] = field(default_factory=dict, kw_only=True)

    @property
    @abstractmethod
    def sources(self) -> tuple[Beacon, ...]:
        """The sources of randomness, in their order."""

    @property
    def awaited(self) -> Beacon | None:
        """The source whose value is the next one; None where all are there."""
        return next(iter(self.sources[len(self.beacons()) :]), None)

    @property
    def dice_wanted(self) -> int | None:
        """How many dice are thrown; None: none."""
        return next((one.round for one in self.sources if one.id == ROOM_DICE), None)

    def sealed(self) -> Seal | None:
        """Give the seal."""
        if self.seal is None:
            return None
        return Seal(bytes.fromhex(self.seal.digest), self.seal.at, _signatures(self.seal))

    @property
    def seal_signers(self) -> dict[str, tables.JointSignature]:
        """Give every agency's signature under a seal without a witness, also while they are too few."""
        return {one.agency: one for one in self.joint if one.digest is not None}

    def seal_so_far(self) -> Seal | None:
        """Give a seal without a witness with the signatures it has; None before the first one."""
        signed = {agency: bytes.fromhex(one.sig) for agency, one in self.seal_signers.items()}
        first = next((one for one in self.joint if one.digest is not None), None)
        if first is None:
            return None
        return Seal(bytes.fromhex(first.digest or ""), first.at or 0, Signatures(agencies=signed))

    @property
    def readings(self) -> dict[str, tables.JointSignature]:
        """Give the dice as every agency signed them last, where there is no witness."""
        return {one.agency: one for one in self.joint if one.digits is not None}

    def read(self, wanted: int) -> dict[str, BeaconShown]:
        """Give the same as beacons, *wanted* dice by the manifest."""
        rows = self.readings.items()
        return {
            agency: dice_shown(one.digits or "", Signatures(agencies={agency: bytes.fromhex(one.sig)}), wanted)
            for agency, one in rows
        }

    def beacons(self) -> tuple[BeaconShown, ...]:
        """Give the values that are there, in the order of their sources."""
        shown: list[BeaconShown] = []
        for position, source in enumerate(self.sources):
            one = self._dice_shown(source) if source.id == ROOM_DICE else self._value_shown(position, source)
            if one is None:
                break
            shown.append(one)
        return tuple(shown)

    def _dice_shown(self, source: Beacon) -> BeaconShown | None:
        return dice_shown(self.dice.digits, _signatures(self.dice), source.round) if self.dice else None

    def _value_shown(self, position: int, source: Beacon) -> BeaconShown | None:
        row = self.values.get(position)
        return BeaconShown(BeaconValue(source.id, source.round, bytes.fromhex(row.value))) if row else None

    def spoken(self) -> str:
        """Tell one set of values from another; of dice alone their digits."""
        return " ".join(one.beacon.value.decode() if one.proof else one.beacon.value.hex() for one in self.beacons())


@dataclass
class SaidRound(SaidSealed):
    """One replacement round with everything said in it, as stored."""

    row: tables.Round
    end: tables.RoundEnd | None = None

    def signed(self, witness: str | None) -> dict[str, bytes]:
        """Give the signatures under the request; the witness body signs as ``witness``."""
        rows = self.countersignatures.items()
        return {"witness" if body == witness else body: bytes.fromhex(row.sig) for body, row in rows}

    @property
    def sources(self) -> tuple[Beacon, ...]:
        """The sources of randomness, in their order."""
        if self.row.beacons is None:
            return () if self.row.dice is None else (Beacon(ROOM_DICE, self.row.dice),)
        return _sources(self.row.beacons)

    @property
    def is_drawn(self) -> bool:
        """Whether its last word has been spoken: sealed, and every source's value there."""
        return self.seal is not None and self.awaited is None


@dataclass
class Said(SaidSealed):
    """One attempt with everything said in it and in its rounds, as stored."""

    row: tables.Attempt
    commitments: dict[str, tables.Commitment] = field(default_factory=dict)
    voided: tables.Voided | None = None
    outcome: tables.OutcomeRow | None = None
    disclosure: tables.Disclosure | None = None
    rounds: list[SaidRound] = field(default_factory=list)
    faults: list[tables.FaultRow] = field(default_factory=list)
    """After its seal and those of its rounds, oldest first."""
    editions: list[tables.Edition] = field(default_factory=list)

    @property
    def sources(self) -> tuple[Beacon, ...]:
        """The sources of randomness, in their order."""
        return _sources(self.row.manifest["beacons"])

    @property
    def agencies(self) -> tuple[str, ...]:
        """All agencies of the attempt, ascending."""
        return tuple(sorted(self.row.manifest["agencies"]))

    @property
    def parties(self) -> tuple[str, ...]:
        """Everybody who takes part: the agencies and the witness body."""
        return (*self.agencies, *([self.row.witness] if self.row.witness else []))

    def signed_by(self, body: str, sig: bytes) -> Signatures:
        """Put a body's signature under a seal or dice: the witness's, or an agency's among others."""
        return Signatures(sig) if body == self.row.witness else Signatures(agencies={body: sig})

    def custody(self, body: str) -> str:
        """Say who keeps the key of an agency or of the witness body: own, page or server."""
        told = self.row.manifest["agencies"].get(body)
        return str(told["custody"]) if told else self.row.witness_custody

    @property
    def standing(self) -> Standing:
        """Say by name who has spoken."""
        manifest = self.row.manifest
        return Standing(
            lead=self.row.owner_agency,
            agencies=self.agencies,
            witness=self.row.witness,
            moments=Moments.of(manifest["times"]),
            max_missing=manifest["max_missing"],
            awaited=self.awaited.id if self.awaited else None,
            committed=self.commitments.keys(),
            countersigned=self.countersignatures.keys(),
            revealed=self.reveals.keys(),
            sealed=self.seal is not None,
            drawn=self.outcome is not None,
            disclosed=self.disclosure is not None,
            voided=self.voided is not None,
            seal_signed=self.seal_signers.keys(),
            dice_read={agency: one.digits or "" for agency, one in self.readings.items()},
            disclose_at=self.outcome.disclose_at if self.outcome else None,
        )

    def attempt(self) -> Attempt:
        """Give the attempt as the domain judges it."""
        return Attempt(read_manifest(self.row.manifest), verify_signature)

    def commits(self) -> dict[str, Commit]:
        """Give all commitments."""
        rows = self.commitments.items()
        return {agency: Commit(bytes.fromhex(row.c), bytes.fromhex(row.sig)) for agency, row in rows}

    def signed(self) -> dict[str, bytes]:
        """Give all countersignatures."""
        return {agency: bytes.fromhex(row.sig) for agency, row in self.countersignatures.items()}

    def round(self, number: int) -> SaidRound:
        """Find a round."""
        found = next((one for one in self.rounds if one.row.number == number), None)
        if found is None:
            raise RoundUnknown(round=number)
        return found

    def round_standing(self, one: SaidRound) -> RoundStanding:
        """Say by name who has spoken in a round."""
        row = one.row
        return RoundStanding(
            agencies=self.agencies,
            witness=self.row.witness,
            signers=tuple(row.signers),
            max_missing=self.row.manifest["max_missing"],
            seal_by=row.seal_by,
            beacon_time=row.beacon_time,
            awaited=one.awaited.id if one.awaited else None,
            signed=one.countersignatures.keys(),
            revealed=one.reveals.keys(),
            sealed=one.seal is not None,
            end=one.end.how if one.end else None,
            seal_signed=one.seal_signers.keys(),
            dice_read={agency: each.digits or "" for agency, each in one.readings.items()},
        )

    @property
    def newest(self) -> tables.OutcomeRow | tables.RoundEnd | None:
        """The outcome as the last round left it: visits, digests, and the records that tell of it."""
        return next((one.end for one in reversed(self.rounds) if one.end is not None), self.outcome)

    @property
    def told(self) -> tables.OutcomeRow | tables.RoundEnd | tables.Edition | None:
        """The newest records: of the outcome or the last round, or written anew since because of faults."""
        ended = sum(one.end is not None for one in self.rounds)
        anew = [one for one in self.editions if one.rounds == ended]
        return max(anew, key=lambda one: one.faults) if anew else self.newest

    @property
    def untold(self) -> bool:
        """Whether there is a fault that no record tells of; while a drawn round waits for its end, that will tell."""
        told, ends = self.told, [one for one in self.rounds if one.end is None and one.is_drawn]
        return told is not None and not ends and len(self.faults) > told.faults

    def act_of(self, number: int) -> Act:
        """Give what the draw itself (0) or one of its rounds was judged by."""
        attempt, commits = self.attempt(), self.commits()
        if number == 0:
            return attempt.act(commits)
        one = self.round(number)
        by, sources = (int(moment.timestamp()) for moment in (one.row.seal_by, one.row.beacon_time)), one.sources
        c, digest = {agency: each.c for agency, each in commits.items()}, bytes.fromhex(one.row.digest)
        return Act(attempt.manifest, attempt.digest, attempt.verify, c, digest, number, sources, *by)

    @property
    def last_closed(self) -> int:
        """The number of the last round that was closed; 0: none was, and the draw itself stands."""
        closed = (one.row.number for one in reversed(self.rounds) if one.end is not None and one.end.how == CLOSED)
        return next(closed, 0)


def _sources(told: Sequence[Mapping[str, Any]]) -> tuple[Beacon, ...]:
    return tuple(read_beacon(dict(one), "beacons") for one in told)


def dice_shown(digits: str, signed: Signatures, wanted: int) -> BeaconShown:
    """Make the beacon of dice thrown in the room, *wanted* of them by the manifest."""
    return BeaconShown(BeaconValue(ROOM_DICE, wanted, digits.encode()), signed)


def _signatures(row: tables.SealRow | tables.DiceRow) -> Signatures:
    if row.agencies is None:
        return Signatures(bytes.fromhex(row.sig))
    return Signatures(agencies={agency: bytes.fromhex(sig) for agency, sig in row.agencies.items()})


def blob_ref(told: Mapping[str, Any]) -> BlobRef:
    """Read a stored reference."""
    return BlobRef.model_validate(told)


def attempts_of(session: Session, draws: Iterable[str]) -> dict[str, list[Said]]:
    """Read every attempt of *draws* with everything said, in a fixed number of queries: {draw: [oldest … newest]}."""
    wanted = sorted(set(draws))
    rows = _all(session, select(tables.Attempt).where(tables.Attempt.draw.in_(wanted)).order_by(tables.Attempt.number))
    by_id = {row.id: Said(row) for row in rows}
    _gather(session, by_id)
    disclosed = _all(session, select(tables.Disclosure).where(tables.Disclosure.id.in_(wanted)))
    disclosures = {row.id: row for row in disclosed}
    found: dict[str, list[Said]] = {}
    for said in by_id.values():
        if said.outcome is not None:
            said.disclosure = disclosures.get(said.row.draw)
        found.setdefault(said.row.draw, []).append(said)
    return found


def unfinished(session: Session) -> list[Said]:
    """Read every attempt that is neither void nor drawn (the system's request)."""
    over = select(tables.Voided.id).union(select(tables.OutcomeRow.id))
    statement = select(tables.Attempt).where(tables.Attempt.id.not_in(over)).order_by(tables.Attempt.id)
    by_id = {row.id: Said(row) for row in _all(session, statement)}
    if by_id:
        _gather(session, by_id)
    return list(by_id.values())


def unfinished_rounds(session: Session) -> list[tuple[Said, SaidRound]]:
    """Read every round that is neither closed nor spent (the system's request)."""
    ended = select(tables.RoundEnd.id)
    draws = _all(session, select(tables.Round.draw).where(tables.Round.id.not_in(ended)))
    found = attempts_of(session, draws)
    return [(found[draw][-1], found[draw][-1].rounds[-1]) for draw in sorted(found)]


def untold_faults(session: Session) -> list[str]:
    """Name the drawn draws with a fault that no record tells of (the system's request)."""
    draws = session.scalars(select(tables.FaultRow.draw).distinct()).all()
    return sorted(draw for draw, found in attempts_of(session, draws).items() if found[-1].untold)


def undisclosed(session: Session) -> list[tables.OutcomeRow]:
    """Read every outcome whose record is still closed (the system's request)."""
    opened = select(tables.Disclosure.id)
    statement = select(tables.OutcomeRow).where(tables.OutcomeRow.draw.not_in(opened))
    return list(_all(session, statement.order_by(tables.OutcomeRow.disclose_at, tables.OutcomeRow.id)))


def undisclosed_imports(session: Session) -> list[tables.ImportedDraw]:
    """Read every confirmed import that is not open to everybody, be it that an earlier version is (the system's request)."""
    imported, opened = tables.ImportedDraw, tables.Disclosure
    closed = or_(
        opened.id.is_(None), and_(imported.corrects.is_not(None), opened.version.is_distinct_from(imported.id))
    )
    statement = select(imported).outerjoin(opened, opened.id == imported.draw)
    return list(_all(session, statement.where(imported.state == State.APPROVED, closed).order_by(imported.id)))


def _gather(session: Session, by_id: dict[str, Said]) -> None:
    ids = list(by_id)
    for one in _all(session, select(tables.Commitment).where(tables.Commitment.attempt.in_(ids))):
        by_id[one.attempt].commitments[one.agency] = one
    for voided in _all(session, select(tables.Voided).where(tables.Voided.id.in_(ids))):
        by_id[voided.id].voided = voided
    for outcome in _all(session, select(tables.OutcomeRow).where(tables.OutcomeRow.id.in_(ids))):
        by_id[outcome.id].outcome = outcome
    fault, edition = tables.FaultRow, tables.Edition
    for wrong in _all(session, select(fault).where(fault.attempt.in_(ids)).order_by(fault.draw, fault.number)):
        by_id[wrong.attempt].faults.append(wrong)
    for anew in _all(session, select(edition).where(edition.attempt.in_(ids)).order_by(edition.id)):
        by_id[anew.attempt].editions.append(anew)
    rounds = _rounds(session, by_id)
    sealed: dict[str, SaidSealed] = {**by_id, **rounds}
    ids = list(sealed)
    countersignature, reveal = tables.Countersignature, tables.RevealRow
    for two in _all(session, select(countersignature).where(countersignature.attempt.in_(ids))):
        sealed[two.attempt].countersignatures[two.agency] = two
    for three in _all(session, select(reveal).where(reveal.attempt.in_(ids))):
        sealed[three.attempt].reveals[three.agency] = three
    for seal in _all(session, select(tables.SealRow).where(tables.SealRow.id.in_(ids))):
        sealed[seal.id].seal = seal
    for dice in _all(session, select(tables.DiceRow).where(tables.DiceRow.id.in_(ids))):
        sealed[dice.id].dice = dice
    signature = tables.JointSignature
    asked = select(signature).where(signature.attempt.in_(ids)).order_by(signature.said_at, signature.id)
    for four in _all(session, asked):
        sealed[four.attempt].joint.append(four)
    values = tables.BeaconValueRow
    for value in _all(session, select(values).where(values.attempt.in_(ids))):
        sealed[value.attempt].values[value.position] = value


def _rounds(session: Session, by_id: Mapping[str, Said]) -> dict[str, SaidRound]:
    """Read the rounds of the attempts that were drawn."""
    drawn = {said.row.draw: said for said in by_id.values() if said.outcome is not None}
    row = tables.Round
    found = _all(session, select(row).where(row.draw.in_(list(drawn))).order_by(row.draw, row.number))
    rounds = {one.id: SaidRound(one) for one in found}
    for end in _all(session, select(tables.RoundEnd).where(tables.RoundEnd.id.in_(list(rounds)))):
        rounds[end.id].end = end
    for one in rounds.values():
        drawn[one.row.draw].rounds.append(one)
    return rounds


def _all(session: Session, statement: Any) -> Sequence[Any]:
    return session.scalars(statement).all()


def draw_row(session: Session, draw_id: str) -> tables.Draw:
    """Find a draw the asker takes part in."""
    row = session.get(tables.Draw, draw_id)
    if row is None:
        raise DrawUnknown(draw=draw_id)
    return row


def import_of(session: Session, draw_id: str) -> tables.ImportedDraw | None:
    """Find what was handed in last as this draw made elsewhere, as far as the asker sees it."""
    imported = tables.ImportedDraw
    return session.scalars(
        select(imported).where(imported.draw == draw_id).order_by(imported.asked_at.desc(), imported.id.desc())
    ).first()


def standing_import(session: Session, draw_id: str) -> tables.ImportedDraw | None:
    """Find the import that stands for a draw: confirmed, and not corrected since."""
    imported = tables.ImportedDraw
    return session.scalar(select(imported).where(imported.draw == draw_id, imported.state == State.APPROVED))


def corrected_imports(session: Session, standing: tables.ImportedDraw) -> list[tables.ImportedDraw]:
    """Read the versions that were confirmed before the one that stands, in their order."""
    found: list[tables.ImportedDraw] = []
    before = standing.corrects
    while before is not None:
        found.append(session.get_one(tables.ImportedDraw, before))
        before = found[-1].corrects
    return found[::-1]


def refuse_imported(session: Session, draw_id: str) -> None:
    """Refuse a draw that was made elsewhere: there is no ceremony, no record and no round of it here."""
    if standing_import(session, draw_id) is not None:
        raise DrawnElsewhere(draw=draw_id)


def newest(session: Session, draw_id: str) -> Said:
    """Read the newest attempt of a draw the asker takes part in."""
    draw_row(session, draw_id)
    refuse_imported(session, draw_id)
    attempts = attempts_of(session, [draw_id]).get(draw_id)
    if not attempts:
        raise NoAttempt(draw=draw_id)
    return attempts[-1]


def appointments_of(
    session: Session, visits: Iterable[str] | None
) -> dict[tuple[str, str], list[tables.SlotAppointment]]:
    """
    Read who stands appointed to open places, by place: {(visit, agency): rows}, as far as the asker sees them.

    Args:
        visits: Of these; None: of all there are.
    """
    row = tables.SlotAppointment
    asked = select(row).where(row.state == Appointed.APPROVED)
    if visits is not None:
        asked = asked.where(row.visit.in_(sorted(set(visits))))
    found: dict[tuple[str, str], list[tables.SlotAppointment]] = {}
    for one in _all(session, asked.order_by(row.place, row.id)):
        found.setdefault((one.visit, one.agency), []).append(one)
    return found


def appointed_of(session: Session, visits: Iterable[str] | None) -> dict[tuple[str, str], tuple[str, ...]]:
    """Name them: {(visit, agency): officers}."""
    return {of: tuple(one.officer for one in rows) for of, rows in appointments_of(session, visits).items()}


def campaign_row(session: Session, campaign_id: str) -> tables.Campaign:
    """Find a confirmed campaign the asker takes part in."""
    row = session.get(tables.Campaign, campaign_id)
    if row is None:
        raise CampaignNotKnown(campaign=campaign_id)
    return row


def change_reasons(session: Session, said: Said) -> Reasons:
    """List the reasons for which a change may be asked, as the draw's plan has them."""
    plan = plan_of(session.get_one(tables.Campaign, said.row.campaign))
    return reasons_of(plan.replacement_reasons, plan.officer_reasons)


def plan_of(row: tables.Campaign) -> CampaignPlan:
    """Read a campaign's plan."""
    return CampaignPlan.model_validate(row.plan)


def is_cancelled(session: Session, campaign_id: str) -> bool:
    """Tell whether the campaign will not be carried out."""
    return session.get(tables.Cancellation, campaign_id) is not None


def agency_names(session: Session, county: str) -> dict[str, str]:
    """Name every body of a county as it is called in short: {agency: short name}."""
    rows = session.scalars(select(tables.Agency).where(tables.Agency.county == county)).all()
    return {row.agency: row.short_name for row in rows}
