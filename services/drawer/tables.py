"""
Tables of the drawer: one row for everything somebody said in a ceremony, written once and never changed.

A draw and its attempts belong to the lead, what an agency or the witness said belongs to that body; both are shared with
all parties of the draw. Where an attempt stands follows from which rows are there (``progress``). Secrets are sealed
under the data folder's key: signing keys and draw secrets stay with their agency, salts and ρ with the lead and the
agency they are about, reveals are readable by nobody before the record is disclosed.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runtime.store import ANNOTATIONS, Open, Owned

OWNED = {"info": {"kind": "owned"}}
PROJECTION = {"info": {"kind": "projection"}}
SEALED = {"digest": False}  # sealed under a fresh nonce: equal runs differ in it


class Base(DeclarativeBase):
    """Drawer's tables."""

    type_annotation_map = ANNOTATIONS


# ── learnt from others ──────────────────────────────────────────────────────────────────────────────────────────────


class Agency(Open, Base):
    """A body the county knows (topic ``accounts``); id is ``<county>/<agency>``."""

    __tablename__ = "agency"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(140), primary_key=True)
    county: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str]
    short_name: Mapped[str]


class Campaign(Owned, Base):
    """A confirmed campaign with its plan; shared with its agencies and witness."""

    __tablename__ = "campaign"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str]
    number: Mapped[str]
    plan: Mapped[dict[str, Any]]  # schemas.documents.CampaignPlan
    plan_digest: Mapped[str] = mapped_column(String(64))
    confirmed_at: Mapped[datetime]


class Frame(Owned, Base):
    """Where a campaign's frozen frame and rosters lie; a row of its own, because it may be heard of before the plan."""

    __tablename__ = "frame"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # the campaign's
    frame: Mapped[str] = mapped_column(String(64))
    entities: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    file: Mapped[dict[str, Any]]  # BlobRef
    rosters: Mapped[dict[str, Any]]  # BlobRef of schemas.documents.Rosters
    frozen_at: Mapped[datetime]


class Cancellation(Open, Base):
    """A campaign that will not be carried out; a row of its own, because it may be heard of before the campaign."""

    __tablename__ = "cancellation"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # the campaign's
    county: Mapped[str] = mapped_column(String(64))
    cancelled_at: Mapped[datetime]


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class PublicKey(Open, Base):
    """The public key of an agency or of the witness body; id is ``<county>/<agency>``."""

    __tablename__ = "public_key"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(140), primary_key=True)
    county: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    alg: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(130))
    custody: Mapped[str] = mapped_column(String(8), server_default="server")  # own | page | server
    made_at: Mapped[datetime]


class FormerKey(Open, Base):
    """A public key that its body has replaced: records made under it name it for ever; id is the key as hex."""

    __tablename__ = "former_key"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(130), primary_key=True)
    county: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    alg: Mapped[str] = mapped_column(String(16))
    custody: Mapped[str] = mapped_column(String(8))
    made_at: Mapped[datetime]
    replaced_at: Mapped[datetime]


class SigningKey(Owned, Base):
    """The private half (custody "server"), sealed; id as of the public key. Not shared."""

    __tablename__ = "signing_key"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(140), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(info=SEALED)


# ── the draw ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Draw(Owned, Base):
    """One public act with one recorded outcome (抽取); its attempts follow one another until one is sealed."""

    __tablename__ = "draw"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime]


class Attempt(Owned, Base):
    """One attempt with its published manifest; id is ``<draw>.<number>``."""

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_of_draw", "draw", "number", unique=True), OWNED)

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    campaign: Mapped[str] = mapped_column(String(64))
    manifest: Mapped[dict[str, Any]]
    manifest_digest: Mapped[str] = mapped_column(String(64))
    manifest_file: Mapped[dict[str, Any]]  # BlobRef, open
    frame_file: Mapped[dict[str, Any]]  # BlobRef
    rosters: Mapped[dict[str, Any]]  # BlobRef
    witness: Mapped[str | None] = mapped_column(String(64))  # agency id of the witness body
    witness_custody: Mapped[str] = mapped_column(String(8), server_default="server")  # agencies': in the manifest
    opened_at: Mapped[datetime]


class RosterSecret(Owned, Base):
    """ρ and the salts of one agency's officers in one attempt, sealed; shared with that agency only."""

    __tablename__ = "roster_secret"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(150), primary_key=True)  # <attempt>/<agency>
    attempt: Mapped[str] = mapped_column(String(80), index=True)
    agency: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(info=SEALED)


class DrawSecret(Owned, Base):
    """The secret x an agency committed to, sealed; not shared."""

    __tablename__ = "draw_secret"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(150), primary_key=True)  # <attempt>/<agency>
    attempt: Mapped[str] = mapped_column(String(80))
    with_dice: Mapped[bool]
    sealed: Mapped[bytes] = mapped_column(info=SEALED)


class WrappedSecret(Owned, Base):
    """
    The secret x of an agency with custody "page", as its browser encrypted it under the backup code; not shared.

    Nobody here can open it: it only comes back to a browser in which the backup code is typed.
    """

    __tablename__ = "wrapped_secret"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(150), primary_key=True)  # <attempt>/<agency>
    wrapped: Mapped[str] = mapped_column(String(200))  # hex


class Commitment(Owned, Base):
    """What an agency committed to (种子承诺)."""

    __tablename__ = "commitment"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(150), primary_key=True)  # <attempt>/<agency>
    attempt: Mapped[str] = mapped_column(String(80), index=True)
    agency: Mapped[str] = mapped_column(String(64))
    c: Mapped[str] = mapped_column(String(64))
    sig: Mapped[str] = mapped_column(String(128))
    said_at: Mapped[datetime]


class Countersignature(Owned, Base):
    """An agency's signature under the complete list of commitments; in a round, a body's under its request."""

    __tablename__ = "countersignature"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(150), primary_key=True)  # <attempt or round>/<agency>
    attempt: Mapped[str] = mapped_column(String(80), index=True)  # or round
    agency: Mapped[str] = mapped_column(String(64))
    sig: Mapped[str] = mapped_column(String(128))
    said_at: Mapped[datetime]


class RevealRow(Owned, Base):
    """An agency's revealed secret (揭示), in a round its chain value: it stays sealed until the record is made."""

    __tablename__ = "reveal"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(150), primary_key=True)  # <attempt or round>/<agency>
    attempt: Mapped[str] = mapped_column(String(80), index=True)  # or round
    agency: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(info=SEALED)
    sig: Mapped[str] = mapped_column(String(128))
    said_at: Mapped[datetime]


class SealRow(Owned, Base):
    """
    The seal under the list of reveals, the witness's or of more than half of the agencies (``JointSignature``).

    From here on nothing voids the attempt, and a round stands.
    """

    __tablename__ = "seal"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the attempt's or round's
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[int]  # Unix seconds, as signed
    sig: Mapped[str] = mapped_column(String(128))  # the witness's; empty where agencies sealed
    said_at: Mapped[datetime]
    agencies: Mapped[dict[str, Any] | None]  # {agency: sig}, where agencies sealed


class JointSignature(Owned, Base):
    """
    One agency's signature under a seal or dice that have no witness; the seal or the dice follow when enough are there.

    Of an agency that read the dice anew after another one had read them otherwise, the last counts.
    """

    __tablename__ = "joint_signature"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(170), primary_key=True)  # <attempt or round>/<agency>/seal, …/dice-<number>
    attempt: Mapped[str] = mapped_column(String(80), index=True)  # or round
    agency: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(String(64))  # of the reveals, under a seal
    at: Mapped[int | None]  # Unix seconds, as signed, under a seal
    digits: Mapped[str | None]  # under dice
    sig: Mapped[str] = mapped_column(String(128))
    said_at: Mapped[datetime]
    photo: Mapped[dict[str, Any] | None]  # as of the dice
    photo_file: Mapped[dict[str, Any] | None] = mapped_column(info={"digest": False})


class DiceRow(Owned, Base):
    """
    The dice thrown in the room, signed by the witness or by more than half of the agencies.

    A photograph of them is kept beside, for the parties' eyes.
    """

    __tablename__ = "dice"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the attempt's or round's
    digits: Mapped[str]
    sig: Mapped[str] = mapped_column(String(128))  # the witness's; empty where agencies signed
    said_at: Mapped[datetime]
    agencies: Mapped[dict[str, Any] | None]  # {agency: sig}, where agencies signed
    photo: Mapped[dict[str, Any] | None]  # name, content_type, size, sha256
    photo_file: Mapped[dict[str, Any] | None] = mapped_column(info={"digest": False})  # BlobRef, reader drawer


class BeaconValueRow(Owned, Base):
    """The value of a source of randomness beside the dice, as the witness entered it after the seal."""

    __tablename__ = "beacon_value"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(90), primary_key=True)  # <attempt or round>/<position>
    attempt: Mapped[str] = mapped_column(String(80), index=True)  # or round
    position: Mapped[int]  # of its source in the manifest's or the request's list, from 0
    value: Mapped[str] = mapped_column(String(400))  # hex
    said_at: Mapped[datetime]


class Voided(Owned, Base):
    """An attempt that ended before its seal (抽取作废), why, and who was absent."""

    __tablename__ = "voided"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the attempt's
    draw: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(64))
    absent: Mapped[list[Any]]
    voided_at: Mapped[datetime]


class OutcomeRow(Owned, Base):
    """What a sealed attempt gave, as far as everybody may know it at once, and where its record lies."""

    __tablename__ = "outcome"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the attempt's
    draw: Mapped[str] = mapped_column(String(64), unique=True)
    visits: Mapped[int]
    sections: Mapped[int]
    open_slots: Mapped[int]
    visits_root: Mapped[str] = mapped_column(String(64))
    result_digest: Mapped[str] = mapped_column(String(64))
    full_record: Mapped[dict[str, Any]]  # BlobRef, reader drawer
    public_record: Mapped[dict[str, Any]]  # BlobRef, reader drawer
    work: Mapped[dict[str, Any]]  # BlobRef, readers results and notifier
    completed_at: Mapped[datetime]
    disclose_at: Mapped[datetime]
    faults: Mapped[int] = mapped_column(server_default="0")  # how many its records tell of


class DrawnVisit(Owned, Base):
    """
    One drawn target and its teams by staff number, as they stand: the lead's own, for its planner and draw officer.

    Not shared. A replacement round changes teams, closes visits and adds others; how it was before stands in the record.
    """

    __tablename__ = "drawn_visit"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the visit's
    draw: Mapped[str] = mapped_column(String(64), index=True)
    target: Mapped[str] = mapped_column(String(64))
    stratum: Mapped[str]
    ticket_rank: Mapped[int]
    teams: Mapped[list[Any]]  # [[agency, [item …], [officer or null …]] …]
    drawn_in: Mapped[int] = mapped_column(server_default="0")  # round; 0: the draw itself
    removed_in: Mapped[int | None]  # round


class Disclosure(Owned, Base):
    """The record opened to everybody when the window closed."""

    __tablename__ = "disclosure"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # the draw's
    record: Mapped[dict[str, Any]]  # BlobRef, open
    frame_file: Mapped[dict[str, Any]]  # BlobRef, open
    disclosed_at: Mapped[datetime]
    version: Mapped[str | None] = mapped_column(String(80))  # of a draw made elsewhere: the import that is open


class ImportedDraw(Owned, Base):
    """
    A draw made elsewhere (附件2 on paper, a provincial platform) as the lead hands it in; id is ``<draw>.i<number>``.

    The lead's own until a second person confirms it, then shared with all parties. Names no target. A correction is a row of
    its own; the one it corrects stays, as ``corrected``.
    """

    __tablename__ = "imported_draw"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64), index=True)
    campaign: Mapped[str] = mapped_column(String(64))
    place: Mapped[str] = mapped_column(String(16))  # paper | platform
    platform: Mapped[str]  # what the platform is called, or where the paper was drawn
    drawn_on: Mapped[date]
    witnessed_by: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[dict[str, Any]]  # name, content_type, size, sha256
    file: Mapped[dict[str, Any]] = mapped_column(info={"digest": False})  # BlobRef, reader drawer; a random key
    sheet: Mapped[dict[str, Any]]  # name, size, sha256: the list as it was sent, of which ``work`` was made
    inputs: Mapped[list[Any]]  # digests of the plan, the frame and the rosters it was held against
    work: Mapped[dict[str, Any]] = mapped_column(info={"digest": False})  # BlobRef, readers drawer, results, notifier
    entities: Mapped[int]
    visits: Mapped[int]
    sections: Mapped[int]
    asked_by: Mapped[str] = mapped_column(String(128))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))  # asked | approved | refused | withdrawn | corrected
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_at: Mapped[datetime | None]
    disclose_at: Mapped[datetime | None]
    corrects: Mapped[str | None] = mapped_column(String(80))  # the version that was confirmed before
    correction: Mapped[str | None] = mapped_column(Text)  # why


class Rehearsal(Owned, Base):
    """
    A draw rehearsed (演练) by one person alone: nobody else's business, and thrown away at will (ADR 18).

    What is played lies in a database of its own, sealed: none of it is a row of any other table, or ever an event.
    """

    __tablename__ = "rehearsal"
    __table_args__ = (Index("rehearsal_of_person", "campaign", "person", unique=True), OWNED)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # also the name of the draw that is played
    campaign: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(String(128))
    step: Mapped[int]
    release: Mapped[str] = mapped_column(String(64))  # newest migration of the tables it was played with
    is_example: Mapped[bool]  # whether frame and rosters are invented
    begun_at: Mapped[datetime]
    moved_at: Mapped[datetime]
    sealed: Mapped[bytes] = mapped_column(info=SEALED)


# ── after the draw ──────────────────────────────────────────────────────────────────────────────────────────────────


class Entered(Open, Base):
    """An agency's checklist of a visit is in (topic ``results``): what was inspected is not replaced any more."""

    __tablename__ = "entered"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(150), primary_key=True)  # <visit>-<agency>
    county: Mapped[str] = mapped_column(String(64))
    visit: Mapped[str] = mapped_column(String(80), index=True)
    agency: Mapped[str] = mapped_column(String(64))


class Change(Owned, Base):
    """
    替换申请: what an agency asks for after the draw, with reason and evidence, and who of it approved.

    Shared with the lead; the removal of a target also with the other agencies of the visit. Names the visit, no target.
    """

    __tablename__ = "change"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64), index=True)
    visit: Mapped[str] = mapped_column(String(80))
    agency: Mapped[str] = mapped_column(String(64))
    officer: Mapped[str | None] = mapped_column(String(64))  # who drops out; None: the target is gone
    reason: Mapped[str] = mapped_column(String(64))
    evidence: Mapped[dict[str, Any]]  # name, content_type, size, sha256
    file: Mapped[dict[str, Any]] = mapped_column(info={"digest": False})  # BlobRef, reader drawer; a random key
    asked_by: Mapped[str] = mapped_column(String(128))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))  # asked | approved | refused | withdrawn
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_at: Mapped[datetime | None]
    firms_words: Mapped[str | None] = mapped_column(Text)  # the visited firm asks for a recusal, in its words
    decision: Mapped[str | None] = mapped_column(Text)  # why the head granted or refused that


class SlotAppointment(Owned, Base):
    """
    Somebody named for a place that no draw could fill, and what the agency's head decided (指定，非抽取).

    The agency's own, shared with the lead. Nothing of it is taken out again; the record of the draw keeps the place open.
    """

    __tablename__ = "slot_appointment"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64), index=True)
    visit: Mapped[str] = mapped_column(String(80), index=True)
    agency: Mapped[str] = mapped_column(String(64))
    place: Mapped[int]  # in the team as the record has it, from 0
    officer: Mapped[str] = mapped_column(String(64))
    beyond: Mapped[bool]  # past the agency's own measures (most visits, rotation), knowingly
    reason: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(String(128))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))  # asked | approved | refused | withdrawn | ended
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(Text)  # the head's words
    ended_by: Mapped[str | None] = mapped_column(String(128))  # None where a round drew the officer for this team
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None] = mapped_column(Text)


class Round(Owned, Base):
    """A replacement round as it was asked for (JIDRAW/1 section 11); id is ``<draw>.r<number>``, the lead's."""

    __tablename__ = "round"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64), index=True)
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))  # D_r
    seal_by: Mapped[datetime]
    beacon_time: Mapped[datetime]
    dice: Mapped[int | None]
    beacons: Mapped[list[Any] | None]  # all sources as its request names them; None: of a release that knew dice alone
    signers: Mapped[list[Any]]  # the bodies that must sign: agencies, and the witness body
    removals: Mapped[int]
    dropouts: Mapped[int]
    reasons: Mapped[dict[str, Any]]  # {reason: how many}
    changes: Mapped[list[Any]]  # ids
    held: Mapped[
        list[Any] | None
    ]  # [[visit, agency] …]: no checklist of these while it runs; None: of an earlier release
    sealed: Mapped[bytes] = mapped_column(info=SEALED)  # ρ, which names drawn targets
    opened_at: Mapped[datetime]


class RoundEnd(Owned, Base):
    """How a round ended: closed, or spent for a reason; and the records that tell of it."""

    __tablename__ = "round_end"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)  # the round's
    draw: Mapped[str] = mapped_column(String(64))
    how: Mapped[str] = mapped_column(String(8))  # closed | spent
    reason: Mapped[str | None] = mapped_column(String(64))
    absent: Mapped[list[Any]]
    visits: Mapped[int]  # that stand
    sections: Mapped[int]
    open_slots: Mapped[int]
    visits_root: Mapped[str] = mapped_column(String(64))
    result_digest: Mapped[str] = mapped_column(String(64))
    full_record: Mapped[dict[str, Any]]  # BlobRef, reader drawer
    public_record: Mapped[dict[str, Any]]  # BlobRef, reader drawer; open once the draw is disclosed
    ended_at: Mapped[datetime]
    faults: Mapped[int] = mapped_column(server_default="0")  # how many its records tell of


# ── faults after the seal ───────────────────────────────────────────────────────────────────────────────────────────


class FaultRow(Owned, Base):
    """
    What went wrong after the seal (封存后的异常), as its reporter proved or stated it; id is ``<draw>.f<number>``.

    The reporter's own, shared with all parties. Nothing takes it back, and the draw stands.
    """

    __tablename__ = "fault"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64), index=True)
    attempt: Mapped[str] = mapped_column(String(80), index=True)
    number: Mapped[int]
    round: Mapped[int]  # 0: the draw itself
    kind: Mapped[str] = mapped_column(String(16))  # reveal_omitted | second_seal | beacon_late | data_lost
    what: Mapped[str] = mapped_column(String(120))  # as the record says it
    who: Mapped[str | None] = mapped_column(String(64))  # an agency, or "witness"
    evidence: Mapped[str | None] = mapped_column(String(64))  # H(document), as the record says it
    content_type: Mapped[str | None] = mapped_column(String(64))
    file: Mapped[dict[str, Any] | None] = mapped_column(info={"digest": False})  # BlobRef, reader drawer; a random key
    words: Mapped[str] = mapped_column(Text)  # the reporter's, for the parties
    reported_by: Mapped[str] = mapped_column(String(128))
    reported_at: Mapped[datetime]


class Edition(Owned, Base):
    """The records of a drawn attempt once more, because of faults; id is ``<draw>.e<rounds>.<faults>``, the lead's."""

    __tablename__ = "record_edition"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(90), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64), index=True)
    attempt: Mapped[str] = mapped_column(String(80), index=True)
    rounds: Mapped[int]  # how many rounds had ended
    faults: Mapped[int]  # how many its records tell of
    full_record: Mapped[dict[str, Any]]  # BlobRef, reader drawer
    public_record: Mapped[dict[str, Any]]  # BlobRef, reader drawer; open once the draw is disclosed
    written_at: Mapped[datetime]


class SealCall(Owned, Base):
    """That the agencies of a draw without a witness were called to sign the seal; id is the attempt's or the round's."""

    __tablename__ = "seal_call"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    draw: Mapped[str] = mapped_column(String(64), index=True)
    called_at: Mapped[datetime]
