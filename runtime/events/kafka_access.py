"""
What each service may do on the broker: write its own topics, read everybody's facts, consume in its own group.

``onevisit topics access`` prints it for ``kafka-acls``, and with ``--apply`` tells the broker itself.
"""

from dataclasses import dataclass
from typing import Literal

from runtime.events.kafka_settings import KafkaSettings
from schemas.topics import FACT_TOPICS, TOPICS


@dataclass(frozen=True, order=True)
class Grant:
    """One line of the broker's access list."""

    user: str
    operation: Literal["Read", "Write"]
    kind: Literal["topic", "group"]
    name: str  # as it is called on the broker

    def command(self, bootstrap: str) -> str:
        """Write the command that makes it."""
        return (
            f"kafka-acls --bootstrap-server {bootstrap} --add --allow-principal User:{self.user}"
            f" --operation {self.operation} --{self.kind} {self.name}"
        )


def grants(settings: KafkaSettings, service: str) -> list[Grant]:
    """
    List what *service* may do; Kafka adds the right to describe whatever may be read or written.

    Reading is open to all services: an event carries nothing that one of them may not know (docs/architecture.md), and
    what is secret stands in blobs sealed for their readers.
    """
    user = settings.of(service).username
    own = [topic.name for topic in TOPICS.values() if topic.owner == service]
    return sorted(
        [
            *(Grant(user, "Write", "topic", settings.topic(name)) for name in own),
            *(Grant(user, "Read", "topic", settings.topic(topic.name)) for topic in FACT_TOPICS),
            Grant(user, "Read", "group", settings.group(service)),
        ]
    )
