"""Rows of the ceremony, read in bulk and turned into what ``domain`` and ``progress`` work on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from services.drawer import tables
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.sealing import BeaconShown, Commit, Seal, Signatures
from services.drawer.domain.seed import BeaconValue
from services.drawer.drafts import ROOM_DICE
from services.drawer.progress import Moments, Standing
from services.drawer.refusals import CampaignNotKnown, DrawUnknown, NoAttempt
from services.drawer.vault import verify_signature

Row = TypeVar("Row")


def attempt_id(draw: str, number: int) -> str:
    """Name one attempt of a draw."""
    return f"{draw}.{number}"


def said_id(attempt: str, agency: str) -> str:
    """Name what one agency said in one attempt."""
    return f"{attempt}/{agency}"


def party_id(county: str, agency: str) -> str:
    """Name a body within its county."""
    return f"{county}/{agency}"


@dataclass
class Said:
    """One attempt with everything said in it, as stored."""

    row: tables.Attempt
    commitments: dict[str, tables.Commitment] = field(default_factory=dict)
    countersignatures: dict[str, tables.Countersignature] = field(default_factory=dict)
    reveals: dict[str, tables.RevealRow] = field(default_factory=dict)
    seal: tables.SealRow | None = None
    dice: tables.DiceRow | None = None
    voided: tables.Voided | None = None
    outcome: tables.OutcomeRow | None = None
    disclosure: tables.Disclosure | None = None

    @property
    def agencies(self) -> tuple[str, ...]:
        """All agencies of the attempt, ascending."""
        return tuple(sorted(self.row.manifest["agencies"]))

    @property
    def parties(self) -> tuple[str, ...]:
        """Everybody who takes part: the agencies and the witness body."""
        return (*self.agencies, *([self.row.witness] if self.row.witness else []))

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
            dice=manifest["beacons"][0]["round"] if manifest["beacons"] else None,
            committed=self.commitments.keys(),
            countersigned=self.countersignatures.keys(),
            revealed=self.reveals.keys(),
            sealed=self.seal is not None,
            thrown=self.dice is not None,
            drawn=self.outcome is not None,
            disclosed=self.disclosure is not None,
            voided=self.voided is not None,
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

    def sealed(self) -> Seal | None:
        """Give the seal."""
        if self.seal is None:
            return None
        return Seal(bytes.fromhex(self.seal.digest), self.seal.at, Signatures(bytes.fromhex(self.seal.sig)))

    def beacons(self) -> tuple[BeaconShown, ...]:
        """Give the dice as the beacon they are."""
        if self.dice is None:
            return ()
        return (dice_shown(self.dice.digits, bytes.fromhex(self.dice.sig), len(self.dice.digits)),)


def dice_shown(digits: str, sig: bytes, wanted: int) -> BeaconShown:
    """Make the beacon of dice thrown in the room, *wanted* of them by the manifest."""
    return BeaconShown(BeaconValue(ROOM_DICE, wanted, digits.encode()), Signatures(sig))


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


def undisclosed(session: Session) -> list[tables.OutcomeRow]:
    """Read every outcome whose record is still closed (the system's request)."""
    opened = select(tables.Disclosure.id)
    statement = select(tables.OutcomeRow).where(tables.OutcomeRow.draw.not_in(opened))
    return list(_all(session, statement.order_by(tables.OutcomeRow.disclose_at, tables.OutcomeRow.id)))


def _gather(session: Session, by_id: dict[str, Said]) -> None:
    ids = list(by_id)
    commitment, countersignature, reveal = tables.Commitment, tables.Countersignature, tables.RevealRow
    for one in _all(session, select(commitment).where(commitment.attempt.in_(ids))):
        by_id[one.attempt].commitments[one.agency] = one
    for two in _all(session, select(countersignature).where(countersignature.attempt.in_(ids))):
        by_id[two.attempt].countersignatures[two.agency] = two
    for three in _all(session, select(reveal).where(reveal.attempt.in_(ids))):
        by_id[three.attempt].reveals[three.agency] = three
    for seal in _all(session, select(tables.SealRow).where(tables.SealRow.id.in_(ids))):
        by_id[seal.id].seal = seal
    for dice in _all(session, select(tables.DiceRow).where(tables.DiceRow.id.in_(ids))):
        by_id[dice.id].dice = dice
    for voided in _all(session, select(tables.Voided).where(tables.Voided.id.in_(ids))):
        by_id[voided.id].voided = voided
    for outcome in _all(session, select(tables.OutcomeRow).where(tables.OutcomeRow.id.in_(ids))):
        by_id[outcome.id].outcome = outcome


def _all(session: Session, statement: Any) -> Sequence[Any]:
    return session.scalars(statement).all()


def draw_row(session: Session, draw_id: str) -> tables.Draw:
    """Find a draw the asker takes part in."""
    row = session.get(tables.Draw, draw_id)
    if row is None:
        raise DrawUnknown(draw=draw_id)
    return row


def newest(session: Session, draw_id: str) -> Said:
    """Read the newest attempt of a draw the asker takes part in."""
    draw_row(session, draw_id)
    attempts = attempts_of(session, [draw_id]).get(draw_id)
    if not attempts:
        raise NoAttempt(draw=draw_id)
    return attempts[-1]


def campaign_row(session: Session, campaign_id: str) -> tables.Campaign:
    """Find a confirmed campaign the asker takes part in."""
    row = session.get(tables.Campaign, campaign_id)
    if row is None:
        raise CampaignNotKnown(campaign=campaign_id)
    return row


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
