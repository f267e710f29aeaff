"""
Read models for pages, API and the record.

What leaves here before a record is disclosed names no target, seed, ticket key, cutoff or revealed value; the one
exception is ``drawn_list``, for the lead's planner and draw officer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.blobs import BlobRef
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.domain import messages
from services.drawer.domain.encoding import hash_named
from services.drawer.domain.manifest_reader import read_manifest
from services.drawer.domain.manifest_rules import said_aloud
from services.drawer.domain.refusals import Remark
from services.drawer.progress import Act, Moments, Stage
from services.drawer.reading import (
    Said,
    agency_names,
    attempts_of,
    blob_ref,
    campaign_row,
    draw_row,
    newest,
    plan_of,
)
from services.drawer.refusals import (
    DrawUnknown,
    EditionUnknown,
    ListNotForYou,
    NotDisclosedYet,
    NotDrawnYet,
    RecordNotForYou,
)


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


@dataclass(frozen=True)
class WitnessView:
    """The witness body of an attempt."""

    agency: str
    name: str
    key: str


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


@dataclass(frozen=True)
class OutcomeView:
    """What everybody may know of the outcome at once."""

    visits: int
    sections: int
    open_slots: int
    visits_root: str
    result_digest: str
    completed_at: datetime
    disclose_at: datetime


@dataclass(frozen=True)
class FrameView:
    """What the manifest says of the frame."""

    entities: int
    digest: str
    root: str


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
    attempt: int
    stage: Stage
    deadline: datetime | None
    waits: bool  # the deadline is when the step begins
    moments: Moments
    agencies: Sequence[PartyView]
    witness: WitnessView | None
    dice_wanted: int | None
    max_missing: int
    frame: FrameView
    drawn: int  # how many targets the manifest draws
    manifest_digest: str
    commits_digest: str | None
    seal: SealView | None
    dice: DiceView | None
    outcome: OutcomeView | None
    disclosed_at: datetime | None
    voided: EndedView | None
    earlier: Sequence[EndedView]
    remarks: Sequence[Remark]
    can: Sequence[Act]
    sees_list: bool
    now: datetime

    def lacking(self, what: str) -> list[str]:
        """Name the agencies that have not ``committed_at``, ``countersigned_at``, ``revealed_at`` yet."""
        return [one.name for one in self.agencies if getattr(one, what) is None]


@dataclass(frozen=True)
class DrawLine:
    """A line of the list of draws."""

    draw: str
    campaign: str
    title: str
    attempt: int
    stage: Stage
    deadline: datetime | None
    can: Sequence[Act]


@dataclass(frozen=True)
class CampaignView:
    """The drawer's column on a campaign's page: what there is to draw from, and how far the draw is."""

    campaign: str
    title: str
    lead: str
    frozen: bool
    cancelled: bool
    entities: int | None
    frame_digest: str | None
    draw: DrawView | None
    may_open: bool


@dataclass(frozen=True)
class TeamView:
    """One agency at one target: its items, and its officers by staff number, first the one who leads."""

    agency: str
    name: str
    items: Sequence[str]
    officers: Sequence[str | None]


@dataclass(frozen=True)
class VisitView:
    """One drawn target."""

    visit: str
    target: str
    stratum: str
    ticket_rank: int
    teams: Sequence[TeamView]


@dataclass(frozen=True)
class RecordFiles:
    """Where a record and its frame lie."""

    draw: str
    edition: str
    record: BlobRef
    frame: BlobRef


@dataclass(frozen=True)
class PublicDraw:
    """A disclosed draw, for anybody."""

    draw: str
    number: str
    title: str
    lead_name: str
    agencies: Sequence[str]
    witness_name: str | None
    entities: int
    visits: int
    purpose: str
    frame_digest: str
    frame_root: str
    manifest_digest: str
    seal_digest: str
    result_digest: str
    visits_root: str
    sealed_at: datetime
    completed_at: datetime
    disclosed_at: datetime
    remarks: Sequence[Remark]
    record: BlobRef
    frame: BlobRef
    keys: Mapping[str, str]


@dataclass(frozen=True)
class KeyView:
    """A body's public key."""

    agency: str
    name: str
    alg: str
    key: str
    made_at: datetime


# ── one draw, many draws ────────────────────────────────────────────────────────────────────────────────────────────


def draw_view(session: Session, actor: Actor, *, draw_id: str, now: datetime) -> DrawView:
    """Show one draw to somebody who takes part in it."""
    newest(session, draw_id)
    attempts = attempts_of(session, [draw_id])[draw_id]
    campaign = campaign_row(session, attempts[-1].row.campaign)
    return _view(actor, attempts, campaign, agency_names(session, actor.county), now, _cancelled(session))


def draws_of(session: Session, actor: Actor, *, now: datetime) -> list[DrawLine]:
    """List the draws the asker takes part in, newest first."""
    attempts = attempts_of(session, [row.id for row in session.scalars(select(tables.Draw)).all()])
    titles = {row.id: row.title for row in session.scalars(select(tables.Campaign)).all()}
    cancelled = _cancelled(session)
    lines = []
    for draw in sorted(attempts, reverse=True):
        said = attempts[draw][-1]
        standing = said.standing
        lines.append(
            DrawLine(
                draw=draw,
                campaign=said.row.campaign,
                title=titles[said.row.campaign],
                attempt=said.row.number,
                stage=standing.stage(now),
                deadline=standing.deadline(now),
                can=_acts(actor, said, cancelled, now),
            )
        )
    return lines


def ready_to_open(session: Session, actor: Actor) -> list[tuple[str, str]]:
    """List the asker's own campaigns, (id, title), whose frame is frozen and whose draw has no attempt yet."""
    if not actor.has(Role.DRAW_OFFICER):
        return []
    campaign = tables.Campaign
    mine = select(campaign).where(campaign.owner_agency == actor.agency).order_by(campaign.id)
    frozen = set(session.scalars(select(tables.Frame.id)).all())
    begun = set(session.scalars(select(tables.Attempt.campaign)).all()) | _cancelled(session)
    return [(row.id, row.title) for row in session.scalars(mine).all() if row.id in frozen - begun]


def _cancelled(session: Session) -> set[str]:
    return set(session.scalars(select(tables.Cancellation.id)).all())


def _acts(actor: Actor, said: Said, cancelled: Collection[str], now: datetime) -> list[Act]:
    gone = said.row.campaign in cancelled
    acts = said.standing.acts_of(actor.agency, actor.roles, now)
    return [act for act in acts if not (gone and act == Act.OPEN)]


@dataclass(frozen=True)
class Tasks:
    """What needs the asker: draws in which to speak, campaigns whose draw is to be opened."""

    acts: Sequence[DrawLine]
    open: Sequence[tuple[str, str]]  # (campaign, title)


def tasks_of(session: Session, actor: Actor, *, now: datetime) -> Tasks:
    """List what needs the asker in draws."""
    acts = [line for line in draws_of(session, actor, now=now) if line.can]
    return Tasks(acts, ready_to_open(session, actor))


def campaign_view(session: Session, actor: Actor, *, campaign_id: str, now: datetime) -> CampaignView:
    """Show a campaign's draw, and what there is before it."""
    row = campaign_row(session, campaign_id)
    draw = session.scalar(select(tables.Draw).where(tables.Draw.campaign == campaign_id))
    attempts = attempts_of(session, [draw.id]).get(draw.id, []) if draw is not None else []
    names, gone = agency_names(session, actor.county), _cancelled(session)
    view = _view(actor, attempts, row, names, now, gone) if attempts else None
    cancelled = campaign_id in gone
    leads = actor.agency == row.owner_agency and actor.has(Role.DRAW_OFFICER)
    frame = session.get(tables.Frame, campaign_id)
    return CampaignView(
        campaign=campaign_id,
        title=row.title,
        lead=row.owner_agency,
        frozen=frame is not None,
        cancelled=cancelled,
        entities=frame.entities if frame else None,
        frame_digest=frame.digest if frame else None,
        draw=view,
        may_open=leads and frame is not None and not cancelled and (view is None or view.voided is not None),
    )


def _view(
    actor: Actor,
    attempts: Sequence[Said],
    campaign: tables.Campaign,
    names: Mapping[str, str],
    now: datetime,
    cancelled: Collection[str] = (),
) -> DrawView:
    said = attempts[-1]
    row, standing, manifest = said.row, said.standing, said.row.manifest
    witness = manifest["witness"]
    outcome = said.outcome
    return DrawView(
        draw=row.draw,
        campaign=row.campaign,
        title=campaign.title,
        number=campaign.number,
        lead=row.owner_agency,
        lead_name=names.get(row.owner_agency, row.owner_agency),
        purpose=manifest["purpose"],
        attempt=row.number,
        stage=standing.stage(now),
        deadline=standing.deadline(now),
        waits=standing.waits_for(now) is not None,
        moments=standing.moments,
        agencies=[_party(said, agency, names) for agency in said.agencies],
        witness=WitnessView(row.witness, witness["name"], witness["key"]) if row.witness else None,
        dice_wanted=standing.dice,
        max_missing=standing.max_missing,
        frame=_frame(manifest),
        drawn=sum(drawn for sizes in manifest["sizes"].values() for _, drawn in sizes.values()),
        manifest_digest=row.manifest_digest,
        commits_digest=_commits_digest(said),
        seal=SealView(said.seal.digest, said.seal.said_at) if said.seal else None,
        dice=DiceView(said.dice.digits, said.dice.said_at) if said.dice else None,
        outcome=_outcome(outcome) if outcome else None,
        disclosed_at=said.disclosure.disclosed_at if said.disclosure else None,
        voided=_ended(said, names),
        earlier=[ended for one in attempts[:-1] if (ended := _ended(one, names)) is not None],
        remarks=said_aloud(read_manifest(manifest)),
        can=_acts(actor, said, cancelled, now),
        sees_list=outcome is not None and _may_see_list(actor, row.owner_agency),
        now=now,
    )


def _party(said: Said, agency: str, names: Mapping[str, str]) -> PartyView:
    told = said.row.manifest["agencies"][agency]
    commitment = said.commitments.get(agency)
    countersignature, reveal = said.countersignatures.get(agency), said.reveals.get(agency)
    return PartyView(
        agency=agency,
        name=names.get(agency, agency),
        key=told["key"],
        custody=told["custody"],
        commitment=commitment.c if commitment else None,
        committed_at=commitment.said_at if commitment else None,
        countersigned_at=countersignature.said_at if countersignature else None,
        revealed_at=reveal.said_at if reveal else None,
    )


def _frame(manifest: Mapping[str, Any]) -> FrameView:
    frame = manifest["frame"]
    return FrameView(frame["n"], frame["shards"][0]["digest"], frame["root"])


def _commits_digest(said: Said) -> str | None:
    if len(said.commitments) < len(said.agencies):
        return None
    commits = {agency: bytes.fromhex(one.c) for agency, one in said.commitments.items()}
    h, digest = hash_named(said.row.manifest["hash"]), bytes.fromhex(said.row.manifest_digest)
    return messages.commits_digest(h, digest, commits).hex()


def _outcome(row: tables.OutcomeRow) -> OutcomeView:
    return OutcomeView(
        row.visits,
        row.sections,
        row.open_slots,
        row.visits_root,
        row.result_digest,
        row.completed_at,
        row.disclose_at,
    )


def _ended(said: Said, names: Mapping[str, str]) -> EndedView | None:
    row = said.voided
    if row is None:
        return None
    absent = [names.get(agency, agency) for agency in row.absent]
    return EndedView(said.row.number, said.row.manifest_digest, row.reason, row.absent, absent, row.voided_at)


def _may_see_list(actor: Actor, lead: str) -> bool:
    return actor.agency == lead and actor.has(Role.PLANNER, Role.DRAW_OFFICER)


# ── who was drawn ───────────────────────────────────────────────────────────────────────────────────────────────────


def drawn_list(session: Session, actor: Actor, *, draw_id: str) -> list[VisitView]:
    """
    Show who was drawn and who goes there, to the lead's planner and draw officer.

    Raises:
        ListNotForYou, NotDrawnYet.
    """
    row = draw_row(session, draw_id)
    if not _may_see_list(actor, row.owner_agency):
        raise ListNotForYou(lead=row.owner_agency)
    visit = tables.DrawnVisit
    rows = session.scalars(select(visit).where(visit.draw == draw_id).order_by(visit.id)).all()
    if not rows:
        raise NotDrawnYet(draw=draw_id)
    names = agency_names(session, actor.county)
    return [
        VisitView(
            one.id,
            one.target,
            one.stratum,
            one.ticket_rank,
            [TeamView(agency, names.get(agency, agency), items, officers) for agency, items, officers in one.teams],
        )
        for one in rows
    ]


# ── the record ──────────────────────────────────────────────────────────────────────────────────────────────────────


def record_files(session: Session, actor: Actor, *, draw_id: str, edition: str) -> RecordFiles:
    """
    Find a record after the window has closed: the public edition, or the full one for the lead's supervisor.

    The system (command line on the machine itself) gets either as soon as there is one.

    Raises:
        NotDrawnYet, NotDisclosedYet, RecordNotForYou, EditionUnknown.
    """
    if edition not in ("public", "full"):
        raise EditionUnknown(edition=edition)
    said = newest(session, draw_id)
    if said.outcome is None:
        raise NotDrawnYet(draw=draw_id)
    if not actor.is_system:
        _check_record_reader(actor, said, edition)
    told = said.outcome.full_record if edition == "full" else said.outcome.public_record
    return RecordFiles(draw_id, edition, blob_ref(told), blob_ref(said.row.frame_file))


def _check_record_reader(actor: Actor, said: Said, edition: str) -> None:
    assert said.outcome is not None
    if said.disclosure is None:
        raise NotDisclosedYet(draw=said.row.draw, until=said.outcome.disclose_at)
    lead = said.row.owner_agency
    if edition == "full" and not (actor.agency == lead and actor.has(Role.SUPERVISOR, Role.DRAW_OFFICER)):
        raise RecordNotForYou(lead=lead)


def public_draw(session: Session, actor: Actor, *, draw_id: str) -> PublicDraw:
    """Show a disclosed draw to anybody (asked as the system: anonymous people have no agency)."""
    found = [one for one in public_draws(session, actor, only=[draw_id]) if one.draw == draw_id]
    if not found:
        raise DrawUnknown(draw=draw_id)
    return found[0]


def public_draws(session: Session, actor: Actor, *, only: Collection[str] | None = None) -> list[PublicDraw]:
    """List the disclosed draws, newest first (asked as the system)."""
    opened = select(tables.Disclosure)
    if only is not None:
        opened = opened.where(tables.Disclosure.id.in_(only))
    attempts = attempts_of(session, [row.id for row in session.scalars(opened).all()])
    ids = [said[-1].row.campaign for said in attempts.values()]
    campaigns = {row.id: row for row in session.scalars(select(tables.Campaign).where(tables.Campaign.id.in_(ids)))}
    names = {(row.county, row.agency): row.name for row in session.scalars(select(tables.Agency)).all()}
    draws = [_public(said[-1], campaigns[said[-1].row.campaign], names) for said in attempts.values()]
    return sorted(draws, key=lambda one: (one.disclosed_at, one.draw), reverse=True)


def _public(said: Said, campaign: tables.Campaign, names: Mapping[tuple[str, str], str]) -> PublicDraw:
    row, manifest, outcome, opened = said.row, said.row.manifest, said.outcome, said.disclosure
    assert outcome is not None
    assert opened is not None
    assert said.seal is not None
    keys = {agency: told["key"] for agency, told in manifest["agencies"].items()}
    witness = manifest["witness"]
    return PublicDraw(
        draw=row.draw,
        number=campaign.number,
        title=campaign.title,
        lead_name=names.get((row.county, row.owner_agency), row.owner_agency),
        agencies=[names.get((row.county, agency), agency) for agency in said.agencies],
        witness_name=witness["name"] if witness else None,
        entities=manifest["frame"]["n"],
        visits=outcome.visits,
        purpose=manifest["purpose"],
        frame_digest=_frame(manifest).digest,
        frame_root=_frame(manifest).root,
        manifest_digest=row.manifest_digest,
        seal_digest=said.seal.digest,
        result_digest=outcome.result_digest,
        visits_root=outcome.visits_root,
        sealed_at=said.seal.said_at,
        completed_at=outcome.completed_at,
        disclosed_at=opened.disclosed_at,
        remarks=said_aloud(read_manifest(manifest)),
        record=blob_ref(opened.record),
        frame=blob_ref(opened.frame_file),
        keys=keys | ({"witness": witness["key"]} if witness else {}),
    )


# ── keys, names ─────────────────────────────────────────────────────────────────────────────────────────────────────


def public_keys(session: Session, actor: Actor) -> list[KeyView]:
    """List the public keys of the asker's county."""
    names = agency_names(session, actor.county)
    key = tables.PublicKey
    rows = session.scalars(select(key).where(key.county == actor.county).order_by(key.agency)).all()
    return [KeyView(row.agency, names.get(row.agency, row.agency), row.alg, row.key, row.made_at) for row in rows]


@dataclass(frozen=True)
class OpeningView:
    """What the form for opening a draw is about."""

    campaign: str
    title: str
    lead: str
    agencies: Sequence[str]
    names: Mapping[str, str]
    entities: int | None
    dice: int | None
    witness_name: str | None
    purpose: str
    last_inspection_on: Any


def opening_view(session: Session, actor: Actor, *, campaign_id: str) -> OpeningView:
    """Show what a campaign's draw is about, before it is opened."""
    row, frame = campaign_row(session, campaign_id), session.get(tables.Frame, campaign_id)
    plan, names = plan_of(row), agency_names(session, actor.county)
    inspect = [stage.last_on for stage in plan.stages if stage.stage == "inspect"]
    return OpeningView(
        campaign_id,
        row.title,
        row.owner_agency,
        sorted(one.agency for one in plan.agencies),
        names,
        frame.entities if frame else None,
        plan.dice,
        names.get(plan.witness, plan.witness) if plan.witness else None,
        plan.purpose.value,
        max(inspect),
    )
