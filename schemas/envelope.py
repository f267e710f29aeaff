"""The envelope around every fact: CloudEvents 1.0, structured JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.events.payload import Payload

MAX_EVENT_BYTES = 256 * 1024

Printable = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Text without control characters: what keeps ids and keys need not hold a NUL (PostgreSQL refuses it), nor a log a new line."""


class CloudEvent(BaseModel):
    """
    One event on the wire (CloudEvents 1.0 with the partitioning and distributed-tracing extensions).

    ``time`` is business time of the fact, ``source`` is ``onevisit/<service>``, ``partitionkey`` the subject.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: Printable = Field(min_length=1, max_length=128)
    source: str = Field(pattern=r"^onevisit/[a-z]{1,32}$")
    type: str = Field(pattern=r"^onevisit\.[a-z_]+\.[a-z_]+\.v[0-9]+$")
    subject: Printable = Field(max_length=128)
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    partitionkey: Printable = Field(max_length=128)
    correlationid: Printable = Field(max_length=128)
    causationid: Printable | None = Field(default=None, max_length=128)
    traceparent: Printable | None = Field(default=None, max_length=64)
    data: dict[str, Any]

    @property
    def service(self) -> str:
        """Name the service that said it."""
        return self.source.removeprefix("onevisit/")

    def encode(self) -> bytes:
        """Write the event as UTF-8 JSON, the bytes that travel."""
        return self.model_dump_json(exclude_none=True).encode()


def wrap(
    payload: Payload,
    *,
    event_id: str,
    service: str,
    at: datetime,
    correlation_id: str,
    causation_id: str | None,
    traceparent: Printable | None,
) -> CloudEvent:
    """Put *payload* into its envelope, as *service* says it."""
    return CloudEvent(
        id=event_id,
        source=f"onevisit/{service}",
        type=payload.type,
        subject=payload.partition_key,
        time=at,
        partitionkey=payload.partition_key,
        correlationid=correlation_id,
        causationid=causation_id,
        traceparent=traceparent,
        data=payload.model_dump(mode="json"),
    )
