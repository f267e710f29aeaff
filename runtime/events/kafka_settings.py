"""How a process reaches Kafka, and how Kafka's messages become records; needs no Kafka package."""

import ssl
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from runtime.events.bus import Record
from runtime.settings import ServiceSettings

RETRY_BACKOFF_MS = 500  # aiokafka's own 100 ms is a tight loop of connects while a broker is away
METADATA_MAX_AGE_MS = 10_000
"""
How long a client goes on with an old picture of the cluster, and so how long partitions can lie idle when a group shared them
out just as a broker that came back had not named all of them. aiokafka's own value is five minutes; a storm of ``make chaos``
ended with a stall of 257 s.
"""
LONGEST_KEY = 128  # characters; as wide as the columns that keep it
CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")  # CloudEvents Kafka binding, 3.3


class KafkaSettings(ServiceSettings):
    """How this installation reaches Kafka (distributed form only); the password stands in a file."""

    model_config = SettingsConfigDict(env_prefix="ONEVISIT_KAFKA_", title="kafka Settings")

    bootstrap: str = Field(default="127.0.0.1:9092", description="host:port, several with commas")
    prefix: str = Field(
        default="", pattern=r"^[a-z0-9._-]{0,40}$", description="before topics and groups, to share a cluster"
    )
    replication: int = Field(default=1, ge=1, le=9, description="copies of each topic, when topics are made")
    consumer: Literal["faust", "aiokafka"] = Field(default="faust", description="what hosts the workers' consumers")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str = Field(default="", description="may hold `{service}`: each speaks under its own name")
    password_file: Path | None = Field(
        default=None, description="may hold `{service}`; in the data folder or elsewhere"
    )
    ca_file: Path | None = Field(default=None, description="none: the system's authorities")

    def of(self, service: str) -> "KafkaSettings":
        """Return how *service* reaches Kafka: under its own name, with its own password."""
        file = self.password_file and Path(str(self.password_file).replace("{service}", service))
        return self.model_copy(update={"username": self.username.replace("{service}", service), "password_file": file})

    def topic(self, name: str) -> str:
        """Name a topic as it is called on the broker."""
        return self.prefix + name

    def group(self, service: str) -> str:
        """Name the consumer group of a service."""
        return self.prefix + service

    def password(self) -> str:
        """Read the password."""
        return self.password_file.read_text(encoding="utf-8").strip() if self.password_file else ""

    def tls(self) -> ssl.SSLContext | None:
        """Make the context for an encrypted connection, if that is wanted."""
        if self.security not in ("SSL", "SASL_SSL"):
            return None
        return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)

    def client(self) -> dict[str, Any]:
        """Return the arguments that every aiokafka client takes."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security,
            "ssl_context": self.tls(),
            "retry_backoff_ms": RETRY_BACKOFF_MS,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        }
        if self.security.startswith("SASL"):
            arguments |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password(),
            }
        return arguments

    def record(self, topic: str, part: int, off: int, key: bytes | None, value: bytes | None) -> Record:
        """
        Turn a message into a record; whatever a foreign producer wrote, the result can be stored.

        A key that is no UTF-8, has NULs or is too long is mended, and then differs from the event's partitionkey: parked.
        """
        text = (key or b"").decode("utf-8", "replace").replace("\0", "\ufffd")[:LONGEST_KEY]
        return Record(topic.removeprefix(self.prefix), part, off, text, value or b"")
