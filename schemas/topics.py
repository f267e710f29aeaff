"""Every topic there is: who says it, how it is keyed, how many partitions. Declared here and nowhere else."""

from dataclasses import dataclass

from schemas.vocabulary import SERVICES

FOR_EVER = -1


@dataclass(frozen=True)
class Topic:
    """A stream of facts with one owner; kept for ever, never compacted."""

    name: str
    owner: str  # the only service whose events the topic accepts
    partitions: int = 8
    retention_ms: int = FOR_EVER


FACT_TOPICS = (
    Topic("accounts", "console"),
    Topic("registers", "planner"),
    Topic("campaigns", "planner"),
    Topic("draws", "drawer"),
    Topic("results", "results"),
    Topic("referrals", "results"),
    Topic("notices", "notifier"),
)


def dead_topic(service: str) -> str:
    """Name the topic on which *service* says what it could not handle."""
    return f"{service}.dead"


DEAD_TOPICS = tuple(Topic(dead_topic(service), service, partitions=1) for service in SERVICES)

TOPICS = {topic.name: topic for topic in (*FACT_TOPICS, *DEAD_TOPICS)}
