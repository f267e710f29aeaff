"""Opening an attempt: the lead publishes the manifest, and every agency is asked for its commitment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotYet
from runtime.service import Reply
from runtime.store import Actor, next_id, share
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from schemas.events.draws import DrawOpened, DrawTimes
from schemas.vocabulary import Role
from services.drawer import tables
from services.drawer.commands.prepared import Prepared
from services.drawer.domain.changes import State
from services.drawer.domain.faults import ShownAttempt, accept_manifest
from services.drawer.domain.manifest import Manifest, as_json, digest
from services.drawer.drafts import SHANGHAI, Party, bodies_of, draw_begins_on, is_before_its_stage
from services.drawer.progress import Moments, Stage
from services.drawer.reading import (
    Said,
    attempt_id,
    attempts_of,
    blob_ref,
    campaign_row,
    import_of,
    is_cancelled,
    party_id,
    plan_of,
    refuse_imported,
    said_id,
)
from services.drawer.refusals import (
    AttemptRunning,
    CampaignIsCancelled,
    DrawAlreadyRun,
    DrawBeforeItsStage,
    FrameNotFrozen,
    ImportWaiting,
    InputsChanged,
    LeadOnly,
)


@dataclass(frozen=True)
class Ground:
    """What an attempt is made of, as stored: plan, frame and rosters of a campaign."""

    plan: CampaignPlan
    plan_digest: str
    frame_file: BlobRef
    rosters: BlobRef


@dataclass(frozen=True)
class Before:
    """What an opening needs to know: the ground, the draw with its last attempt, and who takes part under which key."""

    ground: Ground
    draw: str
    attempt: int
    prev: str | None
    parties: Mapping[str, Party]


@dataclass(frozen=True)
class Drafted:
    """A manifest ready to be published, with the secrets that go with it."""

    before: Before
    manifest: Manifest
    manifest_file: BlobRef
    rosters: BlobRef
    salts: Mapping[str, bytes]
    """By agency, sealed."""


def ground_of(session: Session, actor: Actor, *, campaign_id: str) -> Ground:
    """
    Read what a campaign's draw is made of.

    Raises:
        CampaignNotKnown, CampaignIsCancelled, FrameNotFrozen.
    """
    row = campaign_row(session, campaign_id)
    if is_cancelled(session, campaign_id):
        raise CampaignIsCancelled(campaign=campaign_id)
    frame = session.get(tables.Frame, campaign_id)
    if frame is None:
        raise FrameNotFrozen(campaign=campaign_id)
    return Ground(plan_of(row), row.plan_digest, blob_ref(frame.file), blob_ref(frame.rosters))


def require_lead(actor: Actor, lead: str) -> None:
    """Refuse everybody but the lead's draw officer."""
    if actor.agency != lead or not actor.has(Role.DRAW_OFFICER):
        raise LeadOnly(lead=lead)


def number_draw(session: Session, actor: Actor, *, at: datetime, campaign_id: str) -> Reply:
    """Give a campaign's draw its number, once; asking again tells the same number."""
    ground = ground_of(session, actor, campaign_id=campaign_id)
    require_lead(actor, ground.plan.lead)
    row = session.scalar(select(tables.Draw).where(tables.Draw.campaign == campaign_id))
    if row is None:
        year = at.astimezone(SHANGHAI).year
        row = tables.Draw(
            id=next_id(session, "D", actor.county, year),
            campaign=campaign_id,
            made_at=at,
            county=actor.county,
            owner_agency=actor.agency,
        )
        session.add(row)
        for agency in bodies_of(ground.plan) - {actor.agency}:
            share(session, row, agency)
    return Reply((), {"draw": row.id})


def prepare_trial(
    session: Session, actor: Actor, *, campaign_id: str, now: datetime, early: bool
) -> tuple[Ground, dict[str, str]]:
    """
    Read what is judged before anything is written: the ground of the draw, and what the bodies are called.

    Args:
        early: Whether the asker means it, although the plan's draw stage has not begun.

    Raises:
        ImportWaiting, DrawnElsewhere: a draw made elsewhere stands, or waits for a second person.
        DrawBeforeItsStage: it has not, and nobody says that it is meant so.
        LeadOnly, AttemptRunning, DrawAlreadyRun: no attempt can be opened.
        NotYet: a body's registration has not arrived.
    """
    ground = ground_of(session, actor, campaign_id=campaign_id)
    require_lead(actor, ground.plan.lead)
    if is_before_its_stage(ground.plan, now) and not early:
        raise DrawBeforeItsStage(first_on=draw_begins_on(ground.plan))
    draw = session.scalar(select(tables.Draw).where(tables.Draw.campaign == campaign_id))
    if draw is not None:
        _last(attempts_of(session, [draw.id]).get(draw.id, []), now)
        if (imported := import_of(session, draw.id)) is not None and imported.state == State.ASKED:
            raise ImportWaiting(draw=draw.id)
        refuse_imported(session, draw.id)
    return ground, {body: _name(session, actor.county, body) for body in sorted(bodies_of(ground.plan))}


def prepare_opening(
    session: Session, actor: Actor, *, campaign_id: str, draw_id: str, now: datetime, early: bool
) -> Before:
    """Read what the next attempt is made of, once the draw has its number and every body its key."""
    ground, names = prepare_trial(session, actor, campaign_id=campaign_id, now=now, early=early)
    last = _last(attempts_of(session, [draw_id]).get(draw_id, []), now)
    parties = {body: _party(session, actor.county, body, name) for body, name in names.items()}
    if last is None:
        return Before(ground, draw_id, 1, None, parties)
    return Before(ground, draw_id, last.row.number + 1, last.row.manifest_digest, parties)


def _last(attempts: Sequence[Said], now: datetime) -> Said | None:
    if not attempts:
        return None
    last = attempts[-1]
    if last.seal is not None:
        raise DrawAlreadyRun(draw=last.row.draw)
    if last.voided is None:
        # Over by the clock but not voided yet: the timer that says so is on its way.
        if last.standing.stage(now) == Stage.VOID:
            raise NotYet(f"voided:{last.row.id}")
        raise AttemptRunning(draw=last.row.draw, attempt=last.row.number)
    return last


def _name(session: Session, county: str, body: str) -> str:
    known = session.get(tables.Agency, party_id(county, body))
    if known is None:
        raise NotYet(f"agency:{body}")
    return known.name


def _party(session: Session, county: str, body: str, name: str) -> Party:
    key = session.get(tables.PublicKey, party_id(county, body))
    if key is None:
        raise InputsChanged(body=body)
    return Party(body, name, key.key, key.custody, key.alg)


def open_draw(
    session: Session,
    actor: Actor,
    work: Prepared[Drafted],
    *,
    at: datetime,
    campaign_id: str,
    asked: Sequence[datetime | int | str | None] = (),
    early: bool = False,
) -> Reply:
    """
    Publish the manifest of an attempt: from here on agencies commit.

    *asked*: the times or lengths it was drafted from, and what was told of its sources; they tell one request from
    another and are in the manifest.
    """
    del asked
    drafted = work.get()
    before, plan, manifest = drafted.before, drafted.before.ground.plan, drafted.manifest
    if prepare_opening(session, actor, campaign_id=campaign_id, draw_id=before.draw, now=at, early=early) != before:
        raise InputsChanged(draw=before.draw)
    accept_manifest(_shown(session, before.draw), manifest)
    owner = {"county": actor.county, "owner_agency": actor.agency}
    row = tables.Attempt(
        id=attempt_id(before.draw, before.attempt),
        draw=before.draw,
        number=before.attempt,
        campaign=plan.campaign,
        manifest=as_json(manifest),
        manifest_digest=digest(manifest).hex(),
        manifest_file=drafted.manifest_file.model_dump(mode="json"),
        frame_file=before.ground.frame_file.model_dump(mode="json"),
        rosters=drafted.rosters.model_dump(mode="json"),
        witness=plan.witness,
        witness_custody=before.parties[plan.witness].custody if plan.witness else "server",
        opened_at=at,
        **owner,
    )
    session.add(row)
    for body in before.parties.keys() - {actor.agency}:
        share(session, row, body)
    for agency, sealed in drafted.salts.items():
        secret = tables.RosterSecret(id=said_id(row.id, agency), attempt=row.id, agency=agency, sealed=sealed, **owner)
        session.add(secret)
        if agency != actor.agency:
            share(session, secret, agency)
    said = _opened(row, plan, drafted.manifest_file)
    return Reply([said], {"draw": row.draw, "attempt": row.number, "manifest_digest": row.manifest_digest})


def _shown(session: Session, draw_id: str) -> dict[int, ShownAttempt]:
    """Tell which manifests the witness was shown before: every live attempt's, and whether it ended without a seal."""
    attempts = attempts_of(session, [draw_id]).get(draw_id, [])
    live = [one for one in attempts if one.row.manifest["purpose"] == "live"]
    return {
        one.row.number: ShownAttempt(bytes.fromhex(one.row.manifest_digest), ended=one.voided is not None)
        for one in live
    }


def _opened(row: tables.Attempt, plan: CampaignPlan, manifest_file: BlobRef) -> DrawOpened:
    moments = Moments.of(row.manifest["times"])
    return DrawOpened(
        county=row.county,
        campaign=row.campaign,
        draw=row.draw,
        attempt=row.number,
        lead=plan.lead,
        agencies=tuple(sorted(one.agency for one in plan.agencies)),
        witness=plan.witness,
        purpose=plan.purpose,
        manifest_digest=row.manifest_digest,
        manifest=manifest_file,
        times=DrawTimes(
            published=moments.published,
            commit_close=moments.commit_close,
            reveal_close=moments.reveal_close,
            seal_by=moments.seal_by,
            beacon_time=moments.beacon_time,
            window_end=moments.window_end,
        ),
    )
