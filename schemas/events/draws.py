"""Topic ``draws``: the joint draw (JIDRAW/1) step by step; never a drawn target, a seed or a secret. Said by drawer."""

from datetime import date, datetime
from operator import not_
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.blobs import BlobRef
from schemas.events.payload import Count, Digest, Id, Payload
from schemas.vocabulary import Purpose


class DrawTimes(BaseModel):
    """The times of the manifest (JIDRAW/1 section 4)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    published: datetime
    commit_close: datetime
    reveal_close: datetime
    seal_by: datetime
    beacon_time: datetime
    window_end: datetime


class DrawsPayload(Payload):
    """A fact about a draw."""

    topic: ClassVar[str] = "draws"
    key: ClassVar[str] = "campaign"

    campaign: Id
    draw: Id
    attempt: Count


class DrawOpened(DrawsPayload):
    """The manifest is published; every agency is asked for its commitment."""

    type: ClassVar[str] = "onevisit.draw.opened.v1"

    lead: Id
    agencies: tuple[Id, ...]
    witness: Id | None  # the witness body's agency id
    purpose: Purpose
    manifest_digest: Digest
    manifest: BlobRef  # the manifest, open
    times: DrawTimes


class CommitmentReceived(DrawsPayload):
    """An agency has committed to its secret."""

    type: ClassVar[str] = "onevisit.commitment.received.v1"

    agency: Id
    commitment: Digest
    received: Count  # how many of all agencies so far
    expected: Count


class RevealsSealed(DrawsPayload):
    """The list of reveals is closed; from here on nothing voids the attempt (JIDRAW/1 section 6)."""

    type: ClassVar[str] = "onevisit.reveals.sealed.v1"

    reveals_digest: Digest
    sealed_at: datetime
    missing: tuple[Id, ...]


class SealAwaited(DrawsPayload):
    """A draw or round without a witness waits to be sealed: more than half of its agencies must sign in time."""

    type: ClassVar[str] = "onevisit.seal.awaited.v1"

    round: Count  # 0: the draw itself
    agencies: tuple[Id, ...]  # those that have not signed
    needed: Count  # how many signatures make the seal
    seal_by: datetime


class FaultPublished(DrawsPayload):
    """Something went wrong after the seal (JIDRAW/1 section 6): it is published, every record tells of it, the draw stands."""

    type: ClassVar[str] = "onevisit.fault.published.v1"

    fault: Count  # its number in the draw, from 1
    round: Count  # 0: the draw itself
    kind: Literal["reveal_omitted", "second_seal", "beacon_late", "data_lost"]
    who: Id | None  # the agency or the witness body it is about
    proof: Digest | None  # H of what proves it, as the record names it; of 32 secret bytes, signatures or a document
    reported_by: Id


class DrawCompleted(DrawsPayload):
    """Targets and teams are drawn. Who and where stands in the restricted work blob; visits open from here."""

    type: ClassVar[str] = "onevisit.draw.completed.v1"

    lead: Id
    agencies: tuple[Id, ...]
    purpose: Purpose
    visits: Count
    sections: Count  # agency checklists over all visits
    visits_root: Digest
    result_digest: Digest
    disclose_at: datetime
    work: BlobRef  # schemas.documents.WorkList; readers: results, notifier


class DrawImported(DrawsPayload):
    """
    Targets and teams that were drawn elsewhere stand for the campaign's draw; two people of the lead said so.

    There is no manifest, no seed and no record of such a draw, and so no digest: it cannot be verified here. Who and
    where stands in the restricted work blob; visits open from here, as after a draw.
    """

    type: ClassVar[str] = "onevisit.draw.imported.v1"

    lead: Id
    agencies: tuple[Id, ...]
    witness: Id | None  # the plan's witness body, who may have seen it; not who says that it did
    purpose: Purpose
    place: Literal["paper", "platform"]
    drawn_on: date
    visits: Count
    sections: Count
    disclose_at: datetime
    work: BlobRef  # schemas.documents.WorkList; readers: results, notifier


class ImportCorrected(DrawsPayload):
    """
    An imported list was mistyped and is put right; two people of the lead said so. What it came to as a whole.

    Which visits it changed was said before it, one by one (``target.replaced``, ``inspector.substituted``).
    """

    type: ClassVar[str] = "onevisit.import.corrected.v1"

    lead: Id
    agencies: tuple[Id, ...]
    correction: Count  # the first is 1
    drawn_on: date
    replaced: Count  # visits closed, each with another in its place
    reseated: Count  # teams changed at visits that stay
    visits: Count  # that stand now
    sections: Count


class DrawVoided(DrawsPayload):
    """The attempt ended before its seal; the next attempt may open (JIDRAW/1 sections 5 and 6)."""

    type: ClassVar[str] = "onevisit.draw.voided.v1"

    reason: Id  # commitment_missing, countersignature_missing, reveals_missing, seal_missing …
    absent: tuple[Id, ...]


class DrawDisclosed(DrawsPayload):
    """The window has closed: the public record may be read by anybody."""

    type: ClassVar[str] = "onevisit.draw.disclosed.v1"

    record: BlobRef  # public edition, open
    frame: BlobRef  # the frame file, open


class ChangePayload(DrawsPayload):
    """A fact about a change that an agency asks for after the draw: a target that is gone, an officer who cannot go."""

    change: Id
    agency: Id  # whose request it is
    visit: Id


class ChangeRequested(ChangePayload):
    """Somebody asked, with a reason and evidence, for a change; somebody else of the agency must approve it."""

    type: ClassVar[str] = "onevisit.change.requested.v1"


class ChangeApproved(ChangePayload):
    """A second person of the agency approved the change; it goes into the next round."""

    type: ClassVar[str] = "onevisit.change.approved.v1"


class RecusalGranted(ChangePayload):
    """The head granted a visited firm's request (当事人申请回避): whom it concerns stands in the restricted blob."""

    type: ClassVar[str] = "onevisit.recusal.granted.v1"

    recusal: BlobRef  # schemas.documents.GrantedRecusal; reader: planner


class RoundPayload(DrawsPayload):
    """A fact about a replacement round (JIDRAW/1 section 11)."""

    round: Count


class HeldChecklist(BaseModel):
    """An agency's checklist of a visit that is not handed in while a round may still change who goes there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    visit: Id
    agency: Id


class RoundOpened(RoundPayload):
    """A round is asked for: those it concerns sign, then every agency reveals."""

    type: ClassVar[str] = "onevisit.round.opened.v1"

    agencies: tuple[Id, ...]
    signers: tuple[Id, ...]  # the agencies without whose signature nothing changes
    witness: Id | None
    removals: Count
    dropouts: Count
    seal_by: datetime
    beacon_time: datetime
    held: Annotated[tuple[HeldChecklist, ...], Field(exclude_if=not_)] = ()  # of earlier releases none


class RoundSpent(RoundPayload):
    """The round was not sealed in time: it changes nothing, and its number is used."""

    type: ClassVar[str] = "onevisit.round.spent.v1"

    reason: Id  # signature_missing, reveals_missing, seal_missing
    absent: tuple[Id, ...]


class RoundClosed(RoundPayload):
    """The round is drawn; what it came to as a whole. Which visits it changed is said beside it, one by one."""

    type: ClassVar[str] = "onevisit.round.closed.v1"

    visits: Count  # that stand now
    sections: Count
    open_slots: Count
    visits_root: Digest
    result_digest: Digest


Corrected = Annotated[bool, Field(exclude_if=not_)]
"""No round drew it: an imported list was put right (ADR 21), and ``round`` is the number of the correction."""


class TargetReplaced(RoundPayload):
    """A target is gone: its visit is closed, and another target was drawn, if one was left."""

    type: ClassVar[str] = "onevisit.target.replaced.v1"

    lead: Id
    visit: Id  # the closed one
    reason: Id
    instead: Id | None  # the new visit
    agencies: tuple[Id, ...]  # of both visits
    work: BlobRef  # schemas.documents.WorkList of the new visit alone, or of none; readers: results, notifier
    corrected: Corrected = False


class InspectorSubstituted(RoundPayload):
    """An officer of a visit dropped out; who goes instead stands in the restricted blob."""

    type: ClassVar[str] = "onevisit.inspector.substituted.v1"

    visit: Id
    agency: Id
    team: BlobRef  # schemas.documents.TeamChange; readers: results, notifier
    corrected: Corrected = False


class AppointmentPayload(DrawsPayload):
    """A fact about an open place in a team, which no draw could fill (JIDRAW/1 section 15)."""

    appointment: Id
    agency: Id
    visit: Id


class AppointmentAsked(AppointmentPayload):
    """Somebody of the agency named an officer for the place; the head, another person, decides."""

    type: ClassVar[str] = "onevisit.appointment.asked.v1"


class InspectorAppointed(AppointmentPayload):
    """The head appointed an officer to the place: appointed, not drawn. Who it is stands in the restricted blob."""

    type: ClassVar[str] = "onevisit.inspector.appointed.v1"

    team: BlobRef  # schemas.documents.TeamChange; readers: results, notifier


class AppointmentEnded(AppointmentPayload):
    """The head ended an appointment: the place is open again. Who goes now stands in the restricted blob."""

    type: ClassVar[str] = "onevisit.appointment.ended.v1"

    team: BlobRef  # schemas.documents.TeamChange; readers: results, notifier
