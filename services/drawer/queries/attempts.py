"""
An attempt at a draw as its parties see it.

What leaves here before a record is disclosed names no target, seed, ticket key, cutoff or revealed value.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from services.drawer import tables
from services.drawer.commands.faults import may_report
from services.drawer.domain import messages
from services.drawer.domain.disclosure import VISIT
from services.drawer.domain.encoding import hash_named
from services.drawer.domain.joint import needed
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import said_aloud
from services.drawer.domain.refusals import Remark
from services.drawer.progress import Act, Moments, Stage
from services.drawer.queries.beacons import SourceView, awaited_of, sources_of
from services.drawer.queries.drawn import may_read_full, may_see_list
from services.drawer.queries.faults import FaultView, fault_views
from services.drawer.reading import Said, blob_ref, newest
from services.drawer.refusals import NoPhoto


@dataclass(frozen=True)
class PartyView:
    """One agency in an attempt: its key, and when it said what."""

    agency: str
    name: str
    key: str
    custody: str
    commitment: str | None
    committed_at: datetime | None
    countersigned_at: datetime | None
    revealed_at: datetime | None
    sealed_at: datetime | None = None
    """When it signed the seal, where there is no witness."""
    dice: str | None = None
    """The dice as it signed them last, where there is no witness."""


@dataclass(frozen=True)
class WitnessView:
    """The witness body of an attempt."""

    agency: str
    name: str
    key: str
    custody: str


@dataclass(frozen=True)
class EndedView:
    """An attempt that came to nothing, and why."""

    attempt: int
    manifest_digest: str
    reason: str
    absent: Sequence[str]
    absent_names: Sequence[str]
    voided_at: datetime


@dataclass(frozen=True)
class SealView:
    """The seal: what it is over, and when."""

    digest: str
    at: datetime


@dataclass(frozen=True)
class DiceView:
    """The dice as they were thrown in the room."""

    digits: str
    at: datetime
    photo_digest: str | None = None
    """SHA-256 of the photograph of them."""


@dataclass(frozen=True)
class OutcomeView:
    """What everybody may know of the outcome at once, as the last round left it."""

    visits: int
    sections: int
    open_slots: int
    visits_root: str
    result_digest: str
    round: int
    """The last closed round, whose digests these are; 0: the draw itself."""
    drawn: int
    """How many the draw itself drew."""
    drawn_digest: str
    """The result digest of the draw itself, as it was written into the minutes that day."""
    completed_at: datetime
    disclose_at: datetime


@dataclass(frozen=True)
class FrameView:
    """What the manifest says of the frame."""

    entities: int
    digest: str
    root: str


@dataclass(frozen=True)
class ParentView:
    """The first stage of a staged draw (分段式), as the manifest names it."""

    campaign: str
    manifest: str
    result: str


@dataclass(frozen=True)
class DrawView:
    """One draw with its newest attempt, as its parties see it."""

    draw: str
    campaign: str
    title: str
    number: str
    lead: str
    lead_name: str
    purpose: str
    hash: str
    attempt: int
    stage: Stage
    deadline: datetime | None
    waits: bool  # the deadline is when the step begins
    moments: Moments
    agencies: Sequence[PartyView]
    witness: WitnessView | None
    majority: int  # how many agencies seal, where there is no witness
    dice_wanted: int | None
    sources: Sequence[SourceView]
    """The sources of randomness in their order, the dice among them."""
    awaited: SourceView | None
    max_missing: int
    frame: FrameView
    parent: ParentView | None
    drawn: int  # how many targets the manifest draws
    manifest_digest: str
    commits_digest: str | None
    seal: SealView | None
    dice: DiceView | None
    outcome: OutcomeView | None
    disclosed_at: datetime | None
    by_visit: bool  # whether each target becomes public with its visit
    voided: EndedView | None
    earlier: Sequence[EndedView]
    faults: Sequence[FaultView]
    """What went wrong after the seal."""
    may_report: bool
    """Whether the asker may report a fault: something is sealed, and the asker speaks for a body of the draw."""
    sealed_rounds: Sequence[int]
    """The rounds whose faults can be reported."""
    remarks: Sequence[Remark]
    can: Sequence[Act]
    sees_list: bool
    reads_full: bool
    now: datetime

    @property
    def _bodies(self) -> list[PartyView | WitnessView]:
        return [*self.agencies, *([self.witness] if self.witness else [])]

    def custody_of(self, body: str) -> str:
        """Say who keeps the key of an agency or the witness body; "server" of anybody else."""
        return next((one.custody for one in self._bodies if one.agency == body), "server")

    def kept_by(self, custody: str) -> list[str]:
        """Name everybody whose key is kept so."""
        return [one.name for one in self._bodies if one.custody == custody]

    @property
    def agencies_keep(self) -> bool:
        """Whether any agency keeps its secret away from this server: nobody but it knows that one before the seal."""
        return any(one.custody != "server" for one in self.agencies)

    def lacking(self, what: str) -> list[str]:
        """Name the agencies that have not ``committed_at``, ``countersigned_at``, ``revealed_at``, ``sealed_at`` yet."""
        return [one.name for one in self.agencies if getattr(one, what) is None]


def view_of(
    actor: Actor,
    attempts: Sequence[Said],
    campaign: tables.Campaign,
    names: Mapping[str, str],
    now: datetime,
    cancelled: Collection[str] = (),
) -> DrawView:
    """Show a draw by its newest attempt, with those that came to nothing."""
    said = attempts[-1]
    row, standing, manifest = said.row, said.standing, said.row.manifest
    outcome, sources = said.outcome, sources_of(said, campaign, standing.moments.beacon_time)
    return DrawView(
        draw=row.draw,
        campaign=row.campaign,
        title=campaign.title,
        number=campaign.number,
        lead=row.owner_agency,
        lead_name=names.get(row.owner_agency, row.owner_agency),
        purpose=manifest["purpose"],
        hash=manifest["hash"],
        attempt=row.number,
        stage=standing.stage(now),
        deadline=standing.deadline(now),
        waits=standing.waits_for(now) is not None,
        moments=standing.moments,
        agencies=[_party(said, agency, names) for agency in said.agencies],
        witness=_witness(said),
        majority=needed(len(said.agencies)),
        dice_wanted=said.dice_wanted,
        sources=sources,
        awaited=awaited_of(sources),
        max_missing=standing.max_missing,
        frame=frame_of(manifest),
        parent=_parent(manifest, campaign),
        drawn=sum(drawn for sizes in manifest["sizes"].values() for _, drawn in sizes.values()),
        manifest_digest=row.manifest_digest,
        commits_digest=commits_digest(said),
        seal=SealView(said.seal.digest, said.seal.said_at) if said.seal else None,
        dice=_dice(said),
        outcome=_outcome(said, outcome) if outcome else None,
        disclosed_at=said.disclosure.disclosed_at if said.disclosure else None,
        by_visit=manifest["disclosure"] == VISIT,
        voided=_ended(said, names),
        earlier=[ended for one in attempts[:-1] if (ended := _ended(one, names)) is not None],
        faults=fault_views(actor, said, names),
        may_report=said.seal is not None and may_report(actor, said),
        sealed_rounds=[one.row.number for one in said.rounds if one.seal is not None],
        remarks=said_aloud(read_manifest(manifest)),
        can=acts_now(actor, said, cancelled, now),
        sees_list=outcome is not None and may_see_list(actor, row.owner_agency),
        reads_full=said.disclosure is not None and may_read_full(actor, row.owner_agency),
        now=now,
    )


def _parent(manifest: Mapping[str, Any], campaign: tables.Campaign) -> ParentView | None:
    told = manifest["parent"]
    return ParentView(campaign.plan["parent"], told["manifest"], told["result"]) if told else None


def _dice(said: Said) -> DiceView | None:
    row = said.dice
    return DiceView(row.digits, row.said_at, row.photo["sha256"] if row.photo else None) if row else None


def dice_photo(session: Session, actor: Actor, *, draw_id: str, number: int | None = None) -> tuple[str, BlobRef]:
    """Find the photograph of the dice of a draw the asker takes part in, or of one of its rounds: name and place."""
    said = newest(session, draw_id)
    row = (said if number is None else said.round(number)).dice
    if row is None or row.photo is None or row.photo_file is None:
        raise NoPhoto(draw=draw_id)
    return row.photo["name"], blob_ref(row.photo_file)


def _witness(said: Said) -> WitnessView | None:
    row, told = said.row, said.row.manifest["witness"]
    return WitnessView(row.witness, told["name"], told["key"], row.witness_custody) if row.witness else None


def _party(said: Said, agency: str, names: Mapping[str, str]) -> PartyView:
    told = said.row.manifest["agencies"][agency]
    commitment = said.commitments.get(agency)
    countersignature, reveal = said.countersignatures.get(agency), said.reveals.get(agency)
    seal, dice = said.seal_signers.get(agency), said.readings.get(agency)
    return PartyView(
        agency=agency,
        name=names.get(agency, agency),
        key=told["key"],
        custody=told["custody"],
        commitment=commitment.c if commitment else None,
        committed_at=commitment.said_at if commitment else None,
        countersigned_at=countersignature.said_at if countersignature else None,
        revealed_at=reveal.said_at if reveal else None,
        sealed_at=seal.said_at if seal else None,
        dice=dice.digits if dice else None,
    )


def frame_of(manifest: Mapping[str, Any]) -> FrameView:
    """Read what a manifest says of the frame."""
    frame = manifest["frame"]
    return FrameView(frame["n"], frame["shards"][0]["digest"], frame["root"])


def commits_digest(said: Said) -> str | None:
    """Give CD once every agency has committed."""
    if len(said.commitments) < len(said.agencies):
        return None
    commits = {agency: bytes.fromhex(one.c) for agency, one in said.commitments.items()}
    h, digest = hash_named(said.row.manifest["hash"]), bytes.fromhex(said.row.manifest_digest)
    return messages.commits_digest(h, digest, commits).hex()


def _outcome(said: Said, drawn: tables.OutcomeRow) -> OutcomeView:
    stands = said.newest or drawn  # a spent round leaves the figures and digests that stood before it
    return OutcomeView(
        stands.visits,
        stands.sections,
        stands.open_slots,
        stands.visits_root,
        stands.result_digest,
        said.last_closed,
        drawn.visits,
        drawn.result_digest,
        drawn.completed_at,
        drawn.disclose_at,
    )


def _ended(said: Said, names: Mapping[str, str]) -> EndedView | None:
    row = said.voided
    if row is None:
        return None
    absent = [names.get(agency, agency) for agency in row.absent]
    return EndedView(said.row.number, said.row.manifest_digest, row.reason, row.absent, absent, row.voided_at)


def cancelled_campaigns(session: Session) -> set[str]:
    """Name the campaigns that will not be carried out."""
    return set(session.scalars(select(tables.Cancellation.id)).all())


def acts_now(actor: Actor, said: Said, cancelled: Collection[str], now: datetime) -> list[Act]:
    """List what the asker can do in an attempt now; a cancelled campaign's draw is not opened again."""
    gone = said.row.campaign in cancelled
    acts = said.standing.acts_of(actor.agency, actor.roles, now)
    return [act for act in acts if not (gone and act == Act.OPEN)]
