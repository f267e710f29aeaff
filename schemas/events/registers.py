"""Topic ``registers``: what inspections are judged by and drawn from (一单两库, checklists, rule packs, calendars); said by planner."""

from datetime import date
from typing import ClassVar, Literal

from schemas.blobs import BlobRef
from schemas.events.payload import Count, Digest, Id, Payload


class RegisterPublished(Payload):
    """An edition of one agency's register or item list stands (检查对象名录库, 执法检查人员名录库, 抽查事项清单)."""

    type: ClassVar[str] = "onevisit.register.published.v1"
    topic: ClassVar[str] = "registers"
    key: ClassVar[str] = "agency"

    agency: Id
    kind: Literal["targets", "inspectors", "items"]
    edition: Count
    rows: Count


class ChecklistPublished(Payload):
    """An agency's checklist (检查要点表) stands in this edition; its questions are in the blob."""

    type: ClassVar[str] = "onevisit.checklist.published.v1"
    topic: ClassVar[str] = "registers"
    key: ClassVar[str] = "agency"

    agency: Id
    checklist: Id
    edition: Count
    questions: Count
    document: BlobRef  # schemas.documents.ChecklistDocument


class RulepackPublished(Payload):
    """A rule pack (ratios, deadlines, vocabularies, routing, each with its source) may be pinned by campaigns."""

    type: ClassVar[str] = "onevisit.rulepack.published.v1"
    topic: ClassVar[str] = "registers"
    key: ClassVar[str] = "county"

    pack: Id
    edition: date
    digest: Digest
    document: BlobRef  # schemas.rulepack.RulePack


class CalendarPublished(Payload):
    """The State Council's working days are known for these years."""

    type: ClassVar[str] = "onevisit.calendar.published.v1"
    topic: ClassVar[str] = "registers"
    key: ClassVar[str] = "county"

    calendar: Id
    first_year: Count
    last_year: Count
    document: BlobRef  # schemas.rulepack.Calendar
