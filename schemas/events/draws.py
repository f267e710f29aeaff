"""Topic ``draws``: the joint draw (JIDRAW/1) step by step; never a drawn target, a seed or a secret. Said by drawer."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

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
