"""Topic ``campaigns``: one joint inspection campaign (部门联合抽查) from proposal to close; said by planner."""

from datetime import date
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.blobs import BlobRef
from schemas.events.payload import Count, Digest, Due, Id, Payload
from schemas.vocabulary import Purpose, Stage


class StageWindow(BaseModel):
    """First and last day of a stage, and the last working day inside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage
    first_on: date
    last_on: date
    last_working_on: date | None


class PinnedPack(BaseModel):
    """The rule pack a campaign is judged by, for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pack: Id
    edition: date
    digest: Digest


class CampaignsPayload(Payload):
    """A fact about a campaign."""

    topic: ClassVar[str] = "campaigns"
    key: ClassVar[str] = "campaign"

    campaign: Id


class CampaignProposed(CampaignsPayload):
    """A lead agency proposes a campaign and asks the partners to confirm."""

    type: ClassVar[str] = "onevisit.campaign.proposed.v1"

    title: str
    number: str  # document number, such as 平交联查〔2018〕1号
    lead: Id
    partners: tuple[Id, ...]
    stages: tuple[StageWindow, ...]
    respond: Due


class PartnerConfirmed(CampaignsPayload):
    """An agency takes part, with this many officers and these checklist editions; the lead confirms its own part likewise."""

    type: ClassVar[str] = "onevisit.partner.confirmed.v1"

    agency: Id
    officers: Count
    checklists: tuple[tuple[Id, Count], ...]  # (checklist, edition), ascending


class PartnerDeclined(CampaignsPayload):
    """An agency does not take part; its reason stays with the planner."""

    type: ClassVar[str] = "onevisit.partner.declined.v1"

    agency: Id


class PartnerRemoved(CampaignsPayload):
    """The lead took an agency that declined, or did not answer, out of a proposed campaign; nothing is asked of it."""

    type: ClassVar[str] = "onevisit.partner.removed.v1"

    agency: Id
    lead: Id


class CampaignConfirmed(CampaignsPayload):
    """The plan is approved: agencies, stages and rules stand. Every service judges the campaign by the pinned pack."""

    type: ClassVar[str] = "onevisit.campaign.confirmed.v1"

    title: str
    number: str
    lead: Id
    agencies: tuple[Id, ...]  # lead included, ascending
    pack: PinnedPack
    calendar: Digest  # digest of the calendar document used
    stages: tuple[StageWindow, ...]
    purpose: Purpose
    publication_rule: Due  # results published by rule (S4: 10 working days after the inspection stage)
    publication_plan: Due  # results published by the plan's own stage
    report: Due  # material to the lead
    plan: BlobRef  # schemas.documents.CampaignPlan; open to planner, drawer, results


class FrameFrozen(CampaignsPayload):
    """The sampling frame (抽样框) is fixed; its digest is known before any secret of the draw is shown."""

    type: ClassVar[str] = "onevisit.frame.frozen.v1"

    frame: Id
    lead: Id
    agencies: tuple[Id, ...]
    entities: Count
    frame_digest: Digest  # SHA-256 of the frame file (JIDRAW/1 section 2)
    document: BlobRef  # the frame file itself; readers: drawer
    rosters: BlobRef  # schemas.documents.Rosters; readers: drawer
    annex: BlobRef  # schemas.documents.FrameAnnex; readers: results


class CampaignClosed(CampaignsPayload):
    """Everything of the campaign is published and answered."""

    type: ClassVar[str] = "onevisit.campaign.closed.v1"


class CampaignCancelled(CampaignsPayload):
    """The campaign will not be carried out; what was done stays on record."""

    type: ClassVar[str] = "onevisit.campaign.cancelled.v1"


class CampaignResumed(CampaignsPayload):
    """
    A cancellation is taken back: it was given before it was known here that the draw is sealed.

    A sealed draw is worked out whoever wishes otherwise (JIDRAW/1 section 6), so the campaign is carried out.
    """

    type: ClassVar[str] = "onevisit.campaign.resumed.v1"

    lead: Id
