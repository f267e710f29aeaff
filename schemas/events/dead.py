"""Topics ``<service>.dead``: what a service could not handle, and why. Said by every service of itself."""

from typing import ClassVar

from schemas.events.payload import Count, Id, Payload


class EventParked(Payload):
    """A message is parked for a person; its bytes stay with the service that parked it."""

    type: ClassVar[str] = "onevisit.event.parked.v1"
    topic: ClassVar[str] = "dead"  # each service's own: see schemas.topics.dead_topic
    key: ClassVar[str] = "consumer"

    consumer: Id
    from_topic: Id
    partition: Count
    offset: Count
    event_id: str | None
    code: str
    attempts: Count
