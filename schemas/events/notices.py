"""Topic ``notices``: who was told what, and which duties approach or slip. Said by notifier."""

from datetime import date
from typing import ClassVar, Literal

from schemas.events.payload import Id, Payload


class NoticesPayload(Payload):
    """A fact about a notice or a duty's clock; *notice* is the notice's or the duty's id."""

    topic: ClassVar[str] = "notices"
    key: ClassVar[str] = "notice"

    notice: Id
    agency: Id


class NoticeDelivered(NoticesPayload):
    """A notice stands in somebody's inbox."""

    type: ClassVar[str] = "onevisit.notice.delivered.v1"

    account: Id
    rule: Id
    channel: Literal["inbox"] = "inbox"


class DutyPayload(NoticesPayload):
    """A duty (what, of which subject, due when)."""

    duty: Id  # kind of duty, such as publish_section
    subject: Id
    due_on: date


class DeadlineApproaching(DutyPayload):
    """The light of a duty turned yellow."""

    type: ClassVar[str] = "onevisit.deadline.approaching.v1"


class DeadlineMissed(DutyPayload):
    """A duty is overdue."""

    type: ClassVar[str] = "onevisit.deadline.missed.v1"


class DeadlineEscalated(DutyPayload):
    """An overdue duty was brought before the agency head or the lead."""

    type: ClassVar[str] = "onevisit.deadline.escalated.v1"

    to: Literal["agency_head", "lead"]
