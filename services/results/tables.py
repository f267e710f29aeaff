"""
Tables of results: who may see what is mostly a matter of whose row it is.

A visit belongs to the lead and is shared with its agencies. A section's row holds its progress and is shared with the
lead; what the officers wrote stands in tables of its own (entry, evidence, signature, finding), which nobody else sees.
Results are shared with the lead when they are approved, a referral with its parties when it is sent.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runtime.store import ANNOTATIONS, Open, Owned

OWNED = {"info": {"kind": "owned"}}
PROJECTION = {"info": {"kind": "projection"}}


class Base(DeclarativeBase):
    """Everything the service keeps."""

    type_annotation_map = ANNOTATIONS


# ── learnt from others ──────────────────────────────────────────────────────────────────────────────────────────────


class Agency(Open, Base):
    """A body the county knows (from topic ``accounts``)."""

    __tablename__ = "agency"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    county: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str]
    short_name: Mapped[str]


class Pack(Open, Base):
    """A rule pack, named by its digest."""

    __tablename__ = "pack"
    __table_args__ = PROJECTION

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    pack: Mapped[str] = mapped_column(String(64))
    edition: Mapped[date]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class CalendarEdition(Open, Base):
    """A calendar of working days, named by its digest."""

    __tablename__ = "calendar"
    __table_args__ = PROJECTION

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    calendar: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class Checklist(Owned, Base):
    """One edition of an agency's checklist; id ``<agency>.<checklist>.<edition>``."""

    __tablename__ = "checklist"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class Campaign(Owned, Base):
    """A confirmed campaign; the lead's, shared with its agencies."""

    __tablename__ = "campaign"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str]
    number: Mapped[str]
    lead: Mapped[str] = mapped_column(String(64))
    agencies: Mapped[list[Any]] = mapped_column(JSON)
    purpose: Mapped[str] = mapped_column(String(16))
    disclosure: Mapped[str] = mapped_column(String(16))
    pack_digest: Mapped[str] = mapped_column(String(64))
    calendar_digest: Mapped[str] = mapped_column(String(64))
    stages: Mapped[dict[str, Any]] = mapped_column(JSON)  # {stage: {first_on, last_on, last_working_on}}
    items: Mapped[list[Any]] = mapped_column(JSON)  # PlanItem
    officers_per_target: Mapped[dict[str, Any]] = mapped_column(JSON)  # {agency: n}
    publication_rule: Mapped[dict[str, Any]] = mapped_column(JSON)  # Due
    publication_plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    public_names: Mapped[dict[str, Any]] = mapped_column(JSON)  # PublicNames
    experts: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # {agency: [{field, per_visit}]}; None: none asked for


class FrameAnnexKept(Owned, Base):
    """Names and addresses of a frame, until its visits are opened; the lead's own frame, shown by no page here."""

    __tablename__ = "frame_annex"
    __table_args__ = PROJECTION

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # campaign
    document: Mapped[dict[str, Any]] = mapped_column(JSON)


class ExpertKnown(Owned, Base):
    """An expert (专家) of an agency as its register was frozen with a frame; id ``<campaign>.<agency>.<expert>``."""

    __tablename__ = "expert"
    __table_args__ = (Index("expert_by_campaign", "campaign"), {"info": {"kind": "projection"}})

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    expert: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    field: Mapped[str]
    employer: Mapped[str]
    source: Mapped[str] = mapped_column(String(64))
    valid_until: Mapped[date]
    recused: Mapped[list[Any]] = mapped_column(JSON)  # targets


class DrawFact(Owned, Base):
    """How far a campaign's draw is known here: visits opened or why not, disclosed or not; shared with its agencies."""

    __tablename__ = "draw_fact"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # campaign
    draw: Mapped[str] = mapped_column(String(64))
    visits: Mapped[int]
    note: Mapped[str] = mapped_column(String(64), default="")  # "rehearsal": no visit was opened
    disclosed_at: Mapped[datetime | None]


# ── visits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Visit(Owned, Base):
    """行政检查（一次入企）: all agencies at one target on one day. The lead's, shared with the agencies of the visit."""

    __tablename__ = "visit"
    __table_args__ = (Index("visit_by_campaign", "campaign"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(64))
    draw: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(64))
    about: Mapped[dict[str, Any]] = mapped_column(JSON)  # AnnexTarget
    category: Mapped[str] = mapped_column(String(64))
    district: Mapped[str] = mapped_column(String(64))
    ticket_rank: Mapped[int]
    agencies: Mapped[list[Any]] = mapped_column(JSON)
    visit_on: Mapped[date | None]
    scheduled_by: Mapped[str | None] = mapped_column(String(128))
    scheduled_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]  # the draw replaced its target
    closed_for: Mapped[str] = mapped_column(String(64), default="", server_default="")  # reason
    instead: Mapped[str] = mapped_column(String(64), default="", server_default="")  # the visit drawn instead
    instead_of: Mapped[str] = mapped_column(String(64), default="", server_default="")  # the visit this one replaces


class Section(Owned, Base):
    """One agency's part of a visit: its team and its progress. Shared, to be read, with the lead."""

    __tablename__ = "section"
    __table_args__ = (Index("section_by_visit", "visit"), Index("section_by_campaign", "campaign"), OWNED)

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    visit: Mapped[str] = mapped_column(String(64))
    campaign: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    items: Mapped[list[Any]] = mapped_column(JSON)  # [{item, name, legal_basis, method, kind, checklist, edition}]
    team: Mapped[list[Any]] = mapped_column(JSON)  # [{officer, name, credential, absent?, appointed?}], lead first;
    # officer may be null: an open place; ``appointed`` of who was not drawn
    entered_by: Mapped[str | None] = mapped_column(String(128))
    submitted_at: Mapped[datetime | None]
    approved_by: Mapped[str | None] = mapped_column(String(128))
    approved_at: Mapped[datetime | None]
    published_by: Mapped[str | None] = mapped_column(String(128))
    published_on: Mapped[date | None]
    late_by_rule: Mapped[bool | None]
    late_by_plan: Mapped[bool | None]
    held_in: Mapped[int | None]  # the replacement round that may still change it


class Appointment(Owned, Base):
    """
    An expert appointed to assist at an agency's part of a visit: never drawn, never counted (ADR 15).

    Shared, to be read, with the lead, as the team is. One that is withdrawn stays, with its reason.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        Index("appointment_by_section", "section"),
        Index("appointment_by_campaign", "campaign"),
        {"info": {"kind": "owned"}},
    )

    id: Mapped[str] = mapped_column(String(160), primary_key=True)  # section-number
    section: Mapped[str] = mapped_column(String(128))
    visit: Mapped[str] = mapped_column(String(64))
    campaign: Mapped[str] = mapped_column(String(64))
    expert: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    field: Mapped[str]
    employer: Mapped[str]
    source: Mapped[str] = mapped_column(String(64))
    valid_until: Mapped[date]
    appointed_by: Mapped[str] = mapped_column(String(128))
    appointed_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None] = mapped_column(String(128))
    withdrawn_at: Mapped[datetime | None]
    reason: Mapped[str]


class Entry(Owned, Base):
    """What the officers wrote in a section, and whether the unit signed; the agency's alone."""

    __tablename__ = "entry"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(128), primary_key=True)  # section
    version: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)  # {item: {question: answer}}
    outcomes: Mapped[dict[str, Any]] = mapped_column(JSON)  # {item: code}
    findings: Mapped[list[Any]] = mapped_column(JSON)  # [{item, question, kind, text, evidence}]
    unit: Mapped[dict[str, Any]] = mapped_column(JSON)  # {how, name | reason, witness, digest, at} or empty
    changed_by: Mapped[str] = mapped_column(String(128))
    changed_at: Mapped[datetime]
    return_reason: Mapped[str] = mapped_column(default="")
    returned_by: Mapped[str] = mapped_column(String(128), default="")


class Writer(Owned, Base):
    """Somebody who had a hand in what a section says, however little of it still stands; the agency's alone."""

    __tablename__ = "section_writer"
    __table_args__ = (Index("writer_by_section", "section"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    section: Mapped[str] = mapped_column(String(128))
    account: Mapped[str] = mapped_column(String(128))
    first_at: Mapped[datetime]


class Evidence(Owned, Base):
    """A file that shows what was found; the agency's alone, named by the digest of its content."""

    __tablename__ = "evidence"
    __table_args__ = (Index("evidence_by_section", "section"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    section: Mapped[str] = mapped_column(String(128))
    item: Mapped[str] = mapped_column(String(64), default="")
    question: Mapped[str] = mapped_column(String(64), default="")
    name: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    blob: Mapped[dict[str, Any]] = mapped_column(
        JSON, info={"digest": False}
    )  # name of a ciphertext under a random key
    added_by: Mapped[str] = mapped_column(String(128))
    added_at: Mapped[datetime]


class Signature(Owned, Base):
    """An inspector signed the section's text of this digest; a later text is not signed."""

    __tablename__ = "signature"
    __table_args__ = (Index("signature_by_section", "section"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(200), primary_key=True)  # section-officer
    section: Mapped[str] = mapped_column(String(128))
    officer: Mapped[str] = mapped_column(String(64))
    account: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class ItemResult(Owned, Base):
    """The outcome of one item, written when the section is approved; then shared with the lead."""

    __tablename__ = "item_result"
    __table_args__ = (Index("item_result_by_campaign", "campaign"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(200), primary_key=True)  # section-item
    section: Mapped[str] = mapped_column(String(128))
    campaign: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    item: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    outcome: Mapped[str] = mapped_column(String(64))


class FindingRow(Owned, Base):
    """发现的问题: one problem of an approved section and what became of it; the agency's alone."""

    __tablename__ = "finding"
    __table_args__ = (Index("finding_by_section", "section"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    section: Mapped[str] = mapped_column(String(128))
    visit: Mapped[str] = mapped_column(String(64))
    item: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    text: Mapped[str]
    evidence: Mapped[list[Any]] = mapped_column(JSON)
    follow_up: Mapped[str] = mapped_column(String(16))
    receiver: Mapped[str | None] = mapped_column(String(64))
    rule: Mapped[str]
    due: Mapped[dict[str, Any]] = mapped_column(JSON)
    referral: Mapped[str | None] = mapped_column(String(64))


class FollowUpCheck(Owned, Base):
    """整改复查: somebody looked whether a rectification happened; the last one of a finding counts. The agency's alone."""

    __tablename__ = "follow_up_check"
    __table_args__ = (
        Index("check_by_finding", "finding"),
        Index("check_by_section", "section"),
        {"info": {"kind": "owned"}},
    )

    id: Mapped[str] = mapped_column(String(160), primary_key=True)  # finding-number
    section: Mapped[str] = mapped_column(String(128))
    finding: Mapped[str] = mapped_column(String(128))
    number: Mapped[int]
    passed: Mapped[bool]
    note: Mapped[str]
    due: Mapped[dict[str, Any]] = mapped_column(JSON)  # the new Due of what was not passed, else empty
    checked_by: Mapped[str] = mapped_column(String(128))
    checked_at: Mapped[datetime]


class OwnAction(Owned, Base):
    """
    自行处理: what an agency must do itself about a kind of finding it made; id is its first finding's.

    Shared among the agencies of the visit, so that one that reports the same matter joins it to its referral: one firm,
    one action. Holds ids and days, and is shown to nobody else; what was decided is an `OwnDecision`.
    """

    __tablename__ = "own_action"
    __table_args__ = (
        Index("own_action_by_section", "section"),
        Index("own_action_by_thread", "thread"),
        {"info": {"kind": "owned"}},
    )

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    section: Mapped[str] = mapped_column(String(128))
    visit: Mapped[str] = mapped_column(String(64))
    campaign: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    thread: Mapped[str] = mapped_column(String(64))  # of a referral of the same matter to this agency
    findings: Mapped[list[Any]] = mapped_column(JSON)  # finding ids
    due: Mapped[dict[str, Any]] = mapped_column(JSON)  # empty where the referral's days count
    referral: Mapped[str | None] = mapped_column(String(64))  # others report the same: the agency acts there, once
    decided_at: Mapped[datetime | None]


class OwnDecision(Owned, Base):
    """What an agency decided on its own action; id is the action's. The agency's alone."""

    __tablename__ = "own_decision"
    __table_args__ = (Index("own_decision_by_section", "section"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    section: Mapped[str] = mapped_column(String(128))
    decision: Mapped[str] = mapped_column(String(64))
    text: Mapped[str]
    decided_by: Mapped[str] = mapped_column(String(128))
    decided_at: Mapped[datetime]


class PublicRow(Open, Base):
    """检查结果公示: what everybody may read of one agency at one firm."""

    __tablename__ = "public_result"
    __table_args__ = (Index("public_by_campaign", "campaign"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(128), primary_key=True)  # section
    campaign: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    firm: Mapped[str]
    credit_code: Mapped[str] = mapped_column(String(32))
    record: Mapped[dict[str, Any]] = mapped_column(JSON)  # the nine fields
    published_on: Mapped[date]


# ── referrals ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Referral(Owned, Base):
    """
    移送 / 抄告: one leg of it, from one desk to the next, and where that stands.

    The first leg is the first sender's, each further one (routed by the lead) the lead's; shared for writing with
    sender, receiver and lead. A receiver that returned it keeps its leg and sees no later one.
    """

    __tablename__ = "referral"
    __table_args__ = (
        Index("referral_by_campaign", "campaign"),
        UniqueConstraint("referral", "leg"),
        {"info": {"kind": "owned"}},
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # referral, or referral.leg
    referral: Mapped[str] = mapped_column(String(64))
    leg: Mapped[int]
    current: Mapped[bool]  # False once the lead has sent it on
    visit: Mapped[str] = mapped_column(String(64))
    campaign: Mapped[str] = mapped_column(String(64))
    thread: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    sender: Mapped[str] = mapped_column(String(64))
    lead: Mapped[str] = mapped_column(String(64))
    receiver: Mapped[str | None] = mapped_column(String(64))
    external: Mapped[bool]
    mode: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    rule: Mapped[str]
    action: Mapped[str]
    suggest: Mapped[str | None] = mapped_column(String(64))
    deadline: Mapped[str] = mapped_column(String(64))  # the pack's term for the decision
    dues: Mapped[dict[str, Any]] = mapped_column(JSON)  # {receipt, answer, decide, route: Due}
    history: Mapped[list[Any]] = mapped_column(JSON)  # [{act, agency, at}]
    returned_by: Mapped[list[Any]] = mapped_column(JSON)  # [{agency, reason, note}]
    decision: Mapped[str] = mapped_column(String(64), default="")
    decision_text: Mapped[str] = mapped_column(default="")
    campaign_title: Mapped[str]
    campaign_number: Mapped[str]
    pack_digest: Mapped[str] = mapped_column(String(64))
    calendar_digest: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime]


class Source(Owned, Base):
    """
    One reporting agency of a referral, with what it is told of the state; id ``<referral>-<agency>``.

    A later source may not be able to read the leg it joined, so whoever moves the referral tells it in its own row.
    """

    __tablename__ = "referral_source"
    __table_args__ = (Index("source_by_referral", "referral"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    referral: Mapped[str] = mapped_column(String(64))
    campaign: Mapped[str] = mapped_column(String(64))
    agency: Mapped[str] = mapped_column(String(64))
    findings: Mapped[list[Any]] = mapped_column(JSON)  # finding ids
    told: Mapped[dict[str, Any]] = mapped_column(JSON)  # state, receiver, dues, decision …
    heard_at: Mapped[datetime | None]
    added_at: Mapped[datetime]


class Package(Owned, Base):
    """
    What a source hands over: finding, record sheet, named evidence. Shared with the receiver only.

    Never changed. Who hands a referral on (a receiver that returns it, the lead that routes it) hands on a copy.
    """

    __tablename__ = "referral_package"
    __table_args__ = (Index("package_by_referral", "referral"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    referral: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(64))
    hop: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    blobs: Mapped[dict[str, Any]] = mapped_column(JSON, info={"digest": False})  # {evidence: BlobRef}


class Thread(Owned, Base):
    """
    One matter (campaign, target, kind, receiver): the unique key that keeps it to one open referral.

    Shared among the agencies of the visit, so that each can join; holds ids, the state and its days, and is shown nowhere.
    """

    __tablename__ = "referral_thread"
    __table_args__ = OWNED

    id: Mapped[str] = mapped_column(String(64), primary_key=True)  # digest of the four
    referral: Mapped[str] = mapped_column(String(64))
    sender: Mapped[str] = mapped_column(String(64))
    lead: Mapped[str] = mapped_column(String(64))
    receiver: Mapped[str | None] = mapped_column(String(64))
    external: Mapped[bool]
    mode: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    sources: Mapped[list[Any]] = mapped_column(JSON)
    dues: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")  # the leg's, to tell who joins
    moved_to: Mapped[str | None] = mapped_column(String(64))  # the thread of a later leg


class Scan(Owned, Base):
    """A scanned receipt or answer of a body without an account; shared between the referral's sender and the lead."""

    __tablename__ = "referral_scan"
    __table_args__ = (Index("scan_by_referral", "referral"), {"info": {"kind": "owned"}})

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    referral: Mapped[str] = mapped_column(String(64))
    act: Mapped[str] = mapped_column(String(16))
    name: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    blob: Mapped[dict[str, Any]] = mapped_column(JSON, info={"digest": False})
    added_by: Mapped[str] = mapped_column(String(128))
    added_at: Mapped[datetime]
