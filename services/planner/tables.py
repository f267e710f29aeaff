"""
Tables of the planner.

Owned: registers with their history, rule packs, campaigns. Projections: what others said, rebuilt by replay. Rows of a
register are versions: ``valid_from`` is their first day, ``valid_to`` the first day they no longer stand (None: still).
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from runtime.store import ANNOTATIONS, Open, Owned

OWNED = {"kind": "owned"}
PROJECTION = {"kind": "projection"}


class Base(DeclarativeBase):
    """Tables of this service."""

    type_annotation_map = ANNOTATIONS


class Standing:
    """A version of a register's row, and the days on which it stood."""

    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]  # account


# ── rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class RulepackRow(Open, Base):
    """A rule pack in one edition, for ever; ``id`` is ``<county>.<pack>.<edition>``."""

    __tablename__ = "rulepack"
    __table_args__ = {"info": OWNED}

    id: Mapped[str] = mapped_column(primary_key=True)
    county: Mapped[str] = mapped_column(index=True)
    pack: Mapped[str]
    edition: Mapped[date]
    digest: Mapped[str]
    title: Mapped[str]
    document: Mapped[str] = mapped_column(Text)  # canonical JSON
    published_at: Mapped[datetime]
    published_by: Mapped[str]


class CalendarRow(Open, Base):
    """A working calendar as it was published; the newest of a name counts for new campaigns."""

    __tablename__ = "calendar"
    __table_args__ = {"info": OWNED}

    id: Mapped[str] = mapped_column(primary_key=True)  # <county>.<digest>
    county: Mapped[str] = mapped_column(index=True)
    calendar: Mapped[str]
    digest: Mapped[str]
    first_year: Mapped[int]
    last_year: Mapped[int]
    document: Mapped[str] = mapped_column(Text)  # canonical JSON
    published_at: Mapped[datetime]
    published_by: Mapped[str]


# ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────────


class ItemRow(Standing, Open, Base):
    """An inspection item (抽查事项); item lists are published to everybody, so every agency may read them."""

    __tablename__ = "item"
    __table_args__ = (Index("item_of_agency", "county", "agency", "item"), {"info": OWNED})

    county: Mapped[str]
    agency: Mapped[str]
    item: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    kind: Mapped[str]
    legal_basis: Mapped[str] = mapped_column(Text)
    methods: Mapped[list[Any]]
    labels: Mapped[list[Any]]
    categories: Mapped[list[Any]]


class RegisterEditionRow(Open, Base):
    """How often an agency's register has changed, and how many rows stand in it; ``id`` is ``<county>.<agency>.<kind>``."""

    __tablename__ = "register_edition"
    __table_args__ = {"info": OWNED}

    id: Mapped[str] = mapped_column(primary_key=True)
    county: Mapped[str]
    agency: Mapped[str]
    kind: Mapped[str]
    edition: Mapped[int]
    rows: Mapped[int]
    changed_at: Mapped[datetime]


class TargetRow(Standing, Owned, Base):
    """An inspection target (检查对象) with its address and contact."""

    __tablename__ = "target"
    __table_args__ = (Index("target_of_agency", "owner_agency", "target"), {"info": OWNED})

    target: Mapped[str]
    uscc: Mapped[str | None]
    name: Mapped[str]
    category: Mapped[str]
    district: Mapped[str]
    labels: Mapped[list[Any]]
    established_on: Mapped[date | None]
    state: Mapped[str]
    address: Mapped[str]
    legal_representative: Mapped[str]
    contact: Mapped[str]
    phone: Mapped[str]


class InspectorRow(Standing, Owned, Base):
    """An inspector (执法检查人员); the id of an officer is the staff number."""

    __tablename__ = "inspector"
    __table_args__ = (Index("inspector_of_agency", "owner_agency", "officer"), {"info": OWNED})

    officer: Mapped[str]
    name: Mapped[str]
    credential: Mapped[str]
    credential_from: Mapped[date | None]
    credential_until: Mapped[date | None]
    labels: Mapped[list[Any]]
    cap: Mapped[int]
    state: Mapped[str]


class ExpertRow(Standing, Owned, Base):
    """An expert (专家) who may assist a visit; never an officer, never drawn (ADR 15)."""

    __tablename__ = "expert"
    __table_args__ = (Index("expert_of_agency", "owner_agency", "expert"), {"info": OWNED})

    expert: Mapped[str]
    name: Mapped[str]
    field: Mapped[str]
    employer: Mapped[str]
    source: Mapped[str]
    valid_until: Mapped[date]


class RecusalRow(Standing, Owned, Base):
    """A recusal (回避): an officer or an expert and a target, or a category of targets."""

    __tablename__ = "recusal"
    __table_args__ = {"info": OWNED}

    officer: Mapped[str]
    target: Mapped[str | None]
    category: Mapped[str | None]
    reason: Mapped[str]
    until_on: Mapped[date | None]


class AbsenceRow(Standing, Owned, Base):
    """An officer is away (请假外出) from ``first_on`` to ``last_on``, both counted, unless ``cancelled``."""

    __tablename__ = "absence"
    __table_args__ = {"info": OWNED}

    officer: Mapped[str]
    first_on: Mapped[date]
    last_on: Mapped[date]
    reason: Mapped[str]
    cancelled: Mapped[bool]


class ChecklistRow(Owned, Base):
    """A checklist (检查要点表) in one edition; ``id`` is ``<agency>.<checklist>.<edition>``."""

    __tablename__ = "checklist"
    __table_args__ = (Index("checklist_of_agency", "owner_agency", "checklist", "edition"), {"info": OWNED})

    id: Mapped[str] = mapped_column(primary_key=True)
    checklist: Mapped[str]
    edition: Mapped[int]
    title: Mapped[str]
    items: Mapped[list[Any]]
    questions: Mapped[int]
    content: Mapped[str]  # digest of title and questions, to tell whether another import changes anything
    document: Mapped[str] = mapped_column(Text)  # ChecklistDocument as JSON
    published_at: Mapped[datetime]
    published_by: Mapped[str]


# ── campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────────


class CampaignRow(Owned, Base):
    """A joint inspection campaign (部门联合抽查); its owner is the lead, its partners may read it once it is proposed."""

    __tablename__ = "campaign"
    __table_args__ = {"info": OWNED}

    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]  # ETag
    state: Mapped[str]
    title: Mapped[str]
    number: Mapped[str]
    plan_id: Mapped[str]  # in public; empty: the campaign's id
    plan_name: Mapped[str]
    type_name: Mapped[str]
    partners: Mapped[list[Any]]  # as asked, ascending; those taken out are removed here
    items: Mapped[list[Any]]  # [{item, agency, categories}], ascending by item
    stages: Mapped[list[Any]]  # [{stage, first_on, last_on}] in order
    ratio_p: Mapped[int]
    ratio_q: Mapped[int]
    planned: Mapped[int]
    spread: Mapped[str]
    most: Mapped[int | None]  # most targets of the whole draw; None: as the pack says
    class_bounds: Mapped[list[Any] | None]  # [{category, ratio [p, q] | None, least, most}], ascending by category
    districts: Mapped[list[Any]]
    target_labels: Mapped[list[Any]]
    established_before: Mapped[date | None]
    exclude_drawn: Mapped[bool]
    experts: Mapped[list[Any] | None]  # [{agency, field, per_visit}], ascending
    parent: Mapped[str | None]  # 分段式: the campaign whose disclosed draw chose the targets
    purpose: Mapped[str]
    disclosure: Mapped[str]
    witness: Mapped[str | None]
    dice: Mapped[int | None]
    beacons: Mapped[list[Any] | None]  # sources of randomness beside the dice, as a manifest names them
    hash: Mapped[str | None]  # of the draw; None, in rows of before: SHA-256
    chain_len: Mapped[int]
    max_missing: Mapped[int]
    replacement_max: Mapped[int]
    pack: Mapped[str]
    edition: Mapped[date]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    proposed_at: Mapped[datetime | None]
    proposed_by: Mapped[str | None]
    respond: Mapped[dict[str, Any] | None]  # Due
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    pack_digest: Mapped[str | None]
    calendar_digest: Mapped[str | None]
    dues: Mapped[dict[str, Any] | None]  # publication_rule, publication_plan, report
    plan_digest: Mapped[str | None]
    plan: Mapped[str | None] = mapped_column(Text)  # CampaignPlan as JSON
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    cancel_reason: Mapped[str | None] = mapped_column(Text)


class ConferenceRow(Owned, Base):
    """The record of the joint conference (联席会议); names people, so it stays with the lead. ``id`` is the campaign's."""

    __tablename__ = "conference"
    __table_args__ = {"info": OWNED}

    id: Mapped[str] = mapped_column(primary_key=True)
    held_on: Mapped[date]
    attendees: Mapped[int]
    record: Mapped[str] = mapped_column(Text)
    salt: Mapped[str | None]  # keeps the digest in the plan from being guessed


class PartRow(Owned, Base):
    """
    One agency's part in a campaign: asked, confirmed, declined or removed.

    Its owner is the lead; the agency itself may write it, the others read it. ``id`` is ``<campaign>.<agency>``.
    """

    __tablename__ = "part"
    __table_args__ = (Index("part_of_campaign", "campaign"), {"info": OWNED})

    id: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str]
    agency: Mapped[str]
    state: Mapped[str]
    officers: Mapped[int]
    checklists: Mapped[list[Any]]  # [[checklist, edition]], ascending
    cover: Mapped[dict[str, Any]]  # item → [checklist, edition]
    decline_reason: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    eligible: Mapped[int | None]  # officers who may be drawn, known with the freeze


class ConfirmationRow(Owned, Base):
    """
    What an agency says to the lead only: its officers, its contact person (信息联络员), why it declines.

    Its owner is the agency; the lead may read it. ``id`` is ``<campaign>.<agency>``.
    """

    __tablename__ = "confirmation"
    __table_args__ = (Index("confirmation_of_campaign", "campaign"), {"info": OWNED})

    id: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str]
    officers: Mapped[list[Any]]
    contact: Mapped[str]
    phone: Mapped[str]
    decline_text: Mapped[str] = mapped_column(Text)


class FrameRow(Owned, Base):
    """The frozen sampling frame (抽样框) with who was left out and why; seen by the lead only."""

    __tablename__ = "frame"
    __table_args__ = {"info": OWNED}

    id: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(unique=True)
    entities: Mapped[int]
    frame_digest: Mapped[str]
    sizes: Mapped[dict[str, Any]]  # category → entities
    excluded: Mapped[list[Any]]  # [[target, reason]]
    officers_excluded: Mapped[list[Any]]  # [[agency, officer, reason]]
    document: Mapped[dict[str, Any]] = mapped_column(info={"digest": False})  # BlobRef: sealed, its name is random
    rosters: Mapped[dict[str, Any]] = mapped_column(info={"digest": False})
    annex: Mapped[dict[str, Any]] = mapped_column(info={"digest": False})
    frozen_on: Mapped[date]
    frozen_at: Mapped[datetime]
    frozen_by: Mapped[str]


# ── projections ─────────────────────────────────────────────────────────────────────────────────────────────────────


class AgencyRow(Open, Base):
    """A body of the county, as console says."""

    __tablename__ = "agency"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)
    county: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    short_name: Mapped[str]


class AccountRow(Owned, Base):
    """An account's roles, as console says: tells whether anybody can approve."""

    __tablename__ = "account"
    __table_args__ = {"info": PROJECTION}

    id: Mapped[str] = mapped_column(primary_key=True)
    roles: Mapped[list[Any]]
    closed: Mapped[bool]


class DrawRow(Owned, Base):
    """How far an attempt at the draw is; ``id`` is ``<draw>.<attempt>``."""

    __tablename__ = "draw_progress"
    __table_args__ = (Index("draw_of_campaign", "campaign"), {"info": PROJECTION})

    id: Mapped[str] = mapped_column(primary_key=True)
    draw: Mapped[str] = mapped_column(index=True)
    campaign: Mapped[str]
    attempt: Mapped[int]
    state: Mapped[str]  # opened | sealed | completed | disclosed | voided
    committed: Mapped[list[Any]]  # agencies, ascending
    expected: Mapped[int]
    visits: Mapped[int]
    sections: Mapped[int]
    opened_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]


class DrawnTargetRow(Open, Base):
    """A target that a disclosed draw had drawn; public by then. ``id`` is ``<campaign>.<target>``."""

    __tablename__ = "drawn_target"
    __table_args__ = (Index("drawn_in_year", "county", "year"), {"info": PROJECTION})

    id: Mapped[str] = mapped_column(primary_key=True)
    county: Mapped[str]
    campaign: Mapped[str]
    target: Mapped[str]
    purpose: Mapped[str]
    year: Mapped[int]


class SectionRow(Owned, Base):
    """How far one agency's part of one visit is: states and dates, no answers. Owned by the agency, read by the lead."""

    __tablename__ = "section_progress"
    __table_args__ = (Index("section_of_campaign", "campaign"), {"info": PROJECTION})

    id: Mapped[str] = mapped_column(primary_key=True)  # <visit>-<agency>
    campaign: Mapped[str]
    visit: Mapped[str]
    state: Mapped[str]  # scheduled | entered | returned | approved | published
    visit_on: Mapped[date | None]
    published_on: Mapped[date | None]
    late_by_rule: Mapped[bool]
    late_by_plan: Mapped[bool]
    findings: Mapped[int]


class DutyRow(Owned, Base):
    """A duty whose light turned yellow or red, as notifier says; owned by whoever has the duty, read by the lead."""

    __tablename__ = "duty_light"
    __table_args__ = (Index("duty_of_campaign", "campaign"), {"info": PROJECTION})

    id: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str | None]
    duty: Mapped[str]
    subject: Mapped[str]
    due_on: Mapped[date]
    state: Mapped[str]  # approaching | missed | escalated
    escalated_to: Mapped[str | None]
