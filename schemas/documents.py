"""Documents that cross services as blobs named in events. Restricted ones may hold what an event may not."""

import hashlib
from datetime import date
from operator import not_
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.events.campaigns import PinnedPack, StageWindow
from schemas.events.payload import Count, Digest, Id
from schemas.vocabulary import Purpose


class Document(BaseModel):
    """A document with one way of being written, so that equal content has equal bytes."""

    # A document that does not fit is parked and logged with the error; what stands in it is not to stand there too.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def encode(self) -> bytes:
        """Write the document as compact UTF-8 JSON in the order of its fields."""
        return self.model_dump_json().encode()

    def digest(self) -> str:
        """Return the SHA-256 of the written document as hex."""
        return hashlib.sha256(self.encode()).hexdigest()


Disclosure = Literal["open", "window", "visit"]
"""When who was drawn becomes public: with the draw, after the inspection stage, or each target with its visit."""

DrawHash = Literal["sha256", "sm3"]
"""The hash of a draw (杂凑算法, JIDRAW/1 section 1): SHA-256, or the national standard's SM3."""


# ── checklists (readers: results) ───────────────────────────────────────────────────────────────────────────────────


class Condition(BaseModel):
    """Ask only if the answer to *question* is one of *answers*."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: Id
    answers: tuple[str, ...]


class Question(BaseModel):
    """One line of a checklist (检查要点): what is asked, how, on which basis, and what a bad answer means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    text: str
    guidance: str = ""  # 操作方法与要领
    answer: Literal["yes_no", "choice", "number", "text", "date", "photo"]
    choices: tuple[str, ...] = ()
    required: bool = True
    condition: Condition | None = None
    legal_basis: str = ""
    severity: Literal["general", "key"] = "general"
    bad_answers: tuple[str, ...] = ()  # answers that raise a finding …
    finding_kind: Id | None = None  # … of this kind of the rule pack


class ChecklistItem(BaseModel):
    """The questions of one inspection item (抽查事项)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: Id
    name: str
    questions: tuple[Question, ...]


class ChecklistDocument(Document):
    """An agency's own checklist in one edition; the lead cannot change it."""

    checklist: Id
    agency: Id
    edition: Count
    title: str
    items: tuple[ChecklistItem, ...]


# ── the approved plan of a campaign (open inside the system) ────────────────────────────────────────────────────────


class PlanItem(BaseModel):
    """One inspection item in the campaign: whose it is, what it rests on, and to which categories of target it applies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: Id  # also the inspection line of the draw (JIDRAW/1 section 2)
    agency: Id
    name: str
    kind: Literal["general", "key"]
    legal_basis: str
    method: str
    labels: tuple[Id, ...]  # what an officer needs
    categories: tuple[Id, ...]  # applicability rule
    checklist: Id
    checklist_edition: Count


class PublicNames(BaseModel):
    """How the campaign is called in public: plan and task fields of the publicity system (reference/domain.md §4)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan_id: str  # 抽查计划编号
    plan_name: str  # 抽查计划名称
    task_id: str  # 抽查任务编号
    task_name: str  # 抽查任务名称
    type_name: str  # 抽查类型


class PlanClass(BaseModel):
    """A class of the draw with its rule (JIDRAW/1 section 9), categories as its cells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Id
    categories: tuple[Id, ...]
    rate: tuple[Count, Annotated[int, Field(ge=1)]]
    minimum: Count | None = None
    maximum: Count | None = None


class PlanExperts(BaseModel):
    """Experts (专家) an agency's part of each visit asks for: they assist, appointed, not drawn (ADR 15)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: Annotated[str, Field(min_length=1, max_length=64)]  # a code of the pack, or words
    per_visit: Annotated[int, Field(ge=1)]


class PlanAgency(BaseModel):
    """One agency's part in the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agency: Id
    officers_per_target: Annotated[int, Field(ge=1)]
    slot_labels: tuple[tuple[Id, ...], ...]  # labels each slot of a team needs
    # No slots of a team. Left out where none are asked for: earlier releases read such plans.
    experts: Annotated[tuple[PlanExperts, ...], Field(exclude_if=not_)] = ()


class PlanBeacon(BaseModel):
    """A source of randomness beside the dice: its name in the draw's manifest, and what people call it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^(drand-quicknet|(lottery|chain):[0-9A-Za-z._-]{1,64})$")]
    zh: str
    en: str
    digits: Annotated[int | None, Field(ge=1, le=100, exclude_if=lambda digits: digits is None)] = None  # a lottery's

    @property
    def kind(self) -> str:
        """The kind of source: the text before the colon."""
        return self.id.partition(":")[0]


class CampaignPlan(Document):
    """The approved campaign document: its digest stands in the draw's manifest as ``plan``."""

    campaign: Id
    county: Id
    number: str
    title: str
    lead: Id
    agencies: tuple[PlanAgency, ...]
    pack: PinnedPack
    stages: tuple[StageWindow, ...]
    items: tuple[PlanItem, ...]
    classes: tuple[PlanClass, ...]
    planned_targets: Count
    purpose: Purpose
    disclosure: Disclosure
    chain_len: Count
    max_missing: Count
    witness: Id | None  # agency id of the witness body
    dice: Annotated[int, Field(ge=20, le=1000)] | None  # ten-sided dice thrown in the room; None: no dice
    replacement_max: Count
    replacement_reasons: tuple[Id, ...]
    publication: PublicNames
    conference_digest: Digest  # of the joint-conference record, which stays with the planner
    # Whoever inspected a target last time is not drawn for it. Left out where it is not so: earlier releases read such plans.
    rotation: Annotated[bool, Field(exclude_if=not_)] = False
    # 分段式: the campaign whose disclosed draw chose the targets; all of them are visited. Left out where there is none.
    parent: Annotated[Id | None, Field(exclude_if=lambda parent: parent is None)] = None
    # Those of the reasons that are about officers. Left out by plans of before, in which officer_ begins them.
    officer_reasons: Annotated[tuple[Id, ...], Field(exclude_if=not_)] = ()
    # Sources of randomness that speak after the seal, behind the dice. Left out where there are none: earlier releases
    # read such plans.
    beacons: Annotated[tuple[PlanBeacon, ...], Field(max_length=2, exclude_if=not_)] = ()
    # The draw's hash. Left out where it is SHA-256, as in every plan of before.
    hash: Annotated[DrawHash, Field(exclude_if=lambda named: named == "sha256")] = "sha256"


# ── frozen with the frame ───────────────────────────────────────────────────────────────────────────────────────────


class RosterOfficer(BaseModel):
    """An officer as the draw needs to know: staff number, labels, most visits, visits before, recusals (targets)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    officer: Id
    labels: tuple[Id, ...]
    cap: Count
    base_load: Count
    recused: tuple[Id, ...]  # target ids
    absent: Annotated[tuple[date, ...], Field(exclude_if=not_)] = ()  # days of the stage on which they are away


class Rosters(Document):
    """Per agency the eligible officers on the day of the freeze, and who was left out and why (reader: drawer)."""

    campaign: Id
    agencies: dict[Id, tuple[RosterOfficer, ...]]
    excluded: dict[Id, tuple[tuple[Id, Id], ...]]  # agency → (officer, reason code)
    base_from: tuple[Digest, ...] = ()
    # The days on which a visit may be; written where somebody is away on one of them: earlier releases read the rest.
    days: Annotated[tuple[date, ...], Field(exclude_if=not_)] = ()


class AnnexTarget(BaseModel):
    """What inspectors must know of a target that the draw never reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Id
    uscc: str | None
    name: str
    category: Id
    district: Id
    address: str
    legal_representative: str
    contact: str
    phone: str


class AnnexExpert(BaseModel):
    """An expert (专家) an agency may appoint to assist at a visit, and the targets they are recused from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expert: Id
    agency: Id
    name: str
    field: str
    employer: str
    source: Id
    valid_until: date
    recused: tuple[Id, ...]


class FrameAnnex(Document):
    """Names and addresses of the frame's entities (reader: results), of the officers who may be sent, and the experts."""

    campaign: Id
    frame_digest: Digest
    targets: tuple[AnnexTarget, ...]
    officers: tuple[tuple[Id, Id, str, str], ...]  # (officer, agency, name, credential number)
    absences: Annotated[dict[Id, tuple[date, ...]], Field(exclude_if=not_)] = {}  # officer → days they are away
    # No officers, and in no count of the draw (ADR 15).
    experts: Annotated[tuple[AnnexExpert, ...], Field(exclude_if=not_)] = ()


# ── after the draw (readers: results, notifier) ─────────────────────────────────────────────────────────────────────


class WorkTeam(BaseModel):
    """One agency at one target: its lines and its officers, lead first; ``None`` is an open slot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agency: Id
    items: tuple[Id, ...]
    officers: tuple[Id | None, ...]
    appointed: Annotated[
        tuple[Id, ...], Field(exclude_if=not_)
    ] = ()  # those of the officers who were not drawn (ADR 17)


class WorkVisit(BaseModel):
    """One visit to one target by all its agencies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    visit: Id
    target: Id
    stratum: str
    ticket_rank: Count  # 1 is the first ticket of its stratum
    teams: tuple[WorkTeam, ...]


class WorkList(Document):
    """Who visits whom: made by drawer with ``draw.completed``."""

    campaign: Id
    draw: Id
    visits: tuple[WorkVisit, ...]


class TeamChange(Document):
    """One agency's team at one visit after a replacement round or an appointment: as it stands, who left, who came."""

    campaign: Id
    draw: Id
    visit: Id
    team: WorkTeam
    left: tuple[Id, ...]
    came: tuple[Id, ...]


class GrantedRecusal(Document):
    """A recusal that a visited firm asked for and the agency's head granted: it goes into the agency's register."""

    agency: Id
    officer: Id
    target: Id
