"""What the drawer does on hearing facts: it learns bodies, plans, frames and visits made, and gives up a cancelled draw."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.events.handling import Received, handles
from runtime.store import share
from schemas.documents import CampaignPlan
from schemas.events.accounts import AgencyRegistered
from schemas.events.campaigns import CampaignCancelled, CampaignConfirmed, CampaignResumed, FrameFrozen
from schemas.events.payload import Payload
from schemas.events.results import ChecklistSubmitted
from services.drawer.commands.ending import void
from services.drawer.domain.encoding import hash_named
from services.drawer.drafts import bodies_of
from services.drawer.reading import attempts_of, party_id, plan_of
from services.drawer.tables import Agency, Campaign, Cancellation, Draw, Entered, Frame

Blobs = Mapping[str, bytes]


@handles(AgencyRegistered, replay=True)
def note_agency(event: Received[AgencyRegistered], blobs: Blobs, session: Session) -> None:
    """Remember what a body is called; the witness stands in the manifest by name."""
    said = event.data
    session.merge(
        Agency(
            id=party_id(said.county, said.agency),
            county=said.county,
            agency=said.agency,
            kind=said.kind.value,
            name=said.name,
            short_name=said.short_name,
        )
    )


@handles(CampaignConfirmed, blobs=("plan",), replay=True)
def note_campaign(event: Received[CampaignConfirmed], blobs: Blobs, session: Session) -> None:
    """Remember a campaign's approved plan, for its agencies and the witness body."""
    said = event.data
    plan = CampaignPlan.model_validate_json(blobs["plan"])
    row = session.get(Campaign, said.campaign) or Campaign(id=said.campaign)
    row.county, row.owner_agency = said.county, said.lead
    row.title, row.number = said.title, said.number
    row.plan, row.plan_digest = plan.model_dump(mode="json"), hash_named(plan.hash)(blobs["plan"]).hex()
    row.confirmed_at = event.time
    session.add(row)
    for body in bodies_of(plan) - {said.lead}:
        share(session, row, body)
    _share_frame(session, row, session.get(Frame, said.campaign))


@handles(FrameFrozen, blobs=("document", "rosters"), replay=True)
def note_frame(event: Received[FrameFrozen], blobs: Blobs, session: Session) -> None:
    """Remember where the frozen frame and the rosters lie; both were fetched and verified, so both can be read."""
    said = event.data
    row = session.get(Frame, said.campaign) or Frame(id=said.campaign)
    row.county, row.owner_agency = said.county, said.lead
    row.frame, row.entities, row.digest = said.frame, said.entities, said.frame_digest
    row.file, row.rosters = said.document.model_dump(mode="json"), said.rosters.model_dump(mode="json")
    row.frozen_at = event.time
    session.add(row)
    _share_frame(session, session.get(Campaign, said.campaign), row)


def _share_frame(session: Session, campaign: Campaign | None, frame: Frame | None) -> None:
    # Both facts have one key, so waiting for the other would block it: whoever comes second shares.
    if campaign is not None and frame is not None:
        for body in bodies_of(plan_of(campaign)) - {frame.owner_agency}:
            share(session, frame, body)


@handles(CampaignCancelled, replay=True)
def note_cancellation(event: Received[CampaignCancelled], blobs: Blobs, session: Session) -> None:
    """Remember that a campaign will not be carried out."""
    said = event.data
    session.merge(Cancellation(id=said.campaign, county=said.county, cancelled_at=event.time))


@handles(CampaignResumed, replay=True)
def forget_cancellation(event: Received[CampaignResumed], blobs: Blobs, session: Session) -> None:
    """Remember that a campaign is carried out after all."""
    row = session.get(Cancellation, event.data.campaign)
    if row is not None:
        session.delete(row)


@handles(CampaignCancelled)
def give_up_draw(event: Received[CampaignCancelled], blobs: Blobs, session: Session) -> list[Payload]:
    """Void the running attempt of a cancelled campaign; a sealed one stands (JIDRAW/1 section 6)."""
    draw = session.scalar(select(Draw).where(Draw.campaign == event.data.campaign))
    attempts = attempts_of(session, [draw.id]).get(draw.id, []) if draw is not None else []
    if not attempts or attempts[-1].voided is not None or attempts[-1].seal is not None:
        return []
    return [void(session, attempts[-1], "campaign_cancelled", (), event.time)]


@handles(ChecklistSubmitted, replay=True)
def note_entry(event: Received[ChecklistSubmitted], blobs: Blobs, session: Session) -> None:
    """Remember that an agency has inspected: neither its team nor the target is replaced any more."""
    said = event.data
    session.merge(Entered(id=f"{said.visit}-{said.agency}", county=said.county, visit=said.visit, agency=said.agency))


HANDLERS = (note_agency, note_campaign, note_frame, note_cancellation, forget_cancellation, give_up_draw, note_entry)
