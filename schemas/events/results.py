"""Topic ``results``: visits and what becomes of them; codes of answers and targets' names stay at home. Said by results."""

from datetime import date
from typing import ClassVar

from schemas.events.payload import Count, Due, Id, Payload


class ResultsPayload(Payload):
    """A fact about a visit."""

    topic: ClassVar[str] = "results"
    key: ClassVar[str] = "visit"

    campaign: Id
    visit: Id


class VisitScheduled(ResultsPayload):
    """All agencies of the visit arrive together on this day."""

    type: ClassVar[str] = "onevisit.visit.scheduled.v1"

    agencies: tuple[Id, ...]
    visit_on: date
    publication_rule: Due
    publication_plan: Due


class VisitClosed(ResultsPayload):
    """The visit will not be made: its target is gone, and the draw replaced it; what was written stays."""

    type: ClassVar[str] = "onevisit.visit.closed.v1"

    agencies: tuple[Id, ...]
    reason: Id
    instead: Id | None  # the visit that was drawn instead


class SectionPayload(ResultsPayload):
    """A fact about one agency's part (section) of a visit."""

    agency: Id


class ExpertAppointed(SectionPayload):
    """An agency appointed an expert to assist its officers at a visit: appointed, not drawn, and counted as no officer."""

    type: ClassVar[str] = "onevisit.expert.appointed.v1"

    experts: Count  # that stand appointed for the section now
    appointed_by: Id  # account


class ExpertWithdrawn(SectionPayload):
    """An agency withdrew an expert from a visit before anybody signed; the reason stays at home."""

    type: ClassVar[str] = "onevisit.expert.withdrawn.v1"

    experts: Count  # that stand appointed for the section now
    withdrawn_by: Id  # account


class ChecklistSubmitted(SectionPayload):
    """An agency's section is entered and waits for approval by somebody else."""

    type: ClassVar[str] = "onevisit.checklist.submitted.v1"

    items: Count
    entered_by: Id  # account
    approval: Due


class ResultReturned(SectionPayload):
    """The approver sent the section back to whoever entered it."""

    type: ClassVar[str] = "onevisit.result.returned.v2"

    entered_by: Id
    again: Due | None = None  # by when it is submitted again: the first day of publication; None: said as v1


class ResultApproved(SectionPayload):
    """A second person approved the section; it may be published once the window of the draw has closed."""

    type: ClassVar[str] = "onevisit.result.approved.v1"

    publication_rule: Due
    publication_plan: Due


class ResultPublished(SectionPayload):
    """The section's results are public, graded once against rule and plan."""

    type: ClassVar[str] = "onevisit.result.published.v1"

    published_on: date
    items: Count
    late_by_rule: bool
    late_by_plan: bool


class FindingRaised(SectionPayload):
    """An approved section holds a problem of this kind; inside the finder's remit it becomes a follow-up, outside a referral."""

    type: ClassVar[str] = "onevisit.finding.raised.v1"

    finding: Id
    kind: Id
    inside_remit: bool


class RectificationOrdered(SectionPayload):
    """The firm was ordered to put something right by a day (责令改正)."""

    type: ClassVar[str] = "onevisit.rectification.ordered.v1"

    finding: Id
    rectify: Due


class ActionOrdered(SectionPayload):
    """The agency must itself act on what it found, by a day (自行处理); *finding* is the first of those it is about."""

    type: ClassVar[str] = "onevisit.action.ordered.v1"

    finding: Id
    kind: Id
    act: Due


class ActionJoined(SectionPayload):
    """Others reported the same matter to the agency: it acts once, in their referral, and by its days."""

    type: ClassVar[str] = "onevisit.action.joined.v1"

    finding: Id
    referral: Id


class ActionDecided(SectionPayload):
    """The agency has done what it had to do itself; what exactly stays at home."""

    type: ClassVar[str] = "onevisit.action.decided.v1"

    finding: Id
    decision: Id


class RectificationVerified(SectionPayload):
    """The agency checked whether the firm has put it right (整改复查); if it has not, another day was set."""

    type: ClassVar[str] = "onevisit.rectification.verified.v1"

    finding: Id
    passed: bool
    rectify: Due | None = None  # the new day, where the check was not passed
