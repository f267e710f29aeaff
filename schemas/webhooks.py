"""
Signed webhooks (Standard Webhooks 1.0): how we sign, and the verification a receiver should do. Standard library and pydantic.

    seen: set[str] = load_ids()                                    # kept for at least ten minutes
    try:
        event = verify(secrets, request.headers, request.body, now=datetime.now(UTC), seen=seen)
    except Repeated:
        return 204                                                 # have it already: say so, or it comes again
    except Refused:
        return 401

Every delivery may come more than once, and none is lost: ``webhook-id`` is the event's id, the same at every try.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from schemas.envelope import CloudEvent

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TEST_TYPE = "onevisit.webhook.tested.v1"
"""Type of the event that the test button sends; it stands on no topic and in no registry."""


class Refused(Exception):
    """The request is not one of ours, or not as we sent it; ``reason`` says which check failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason  # headers | late | signature | body


class Repeated(Exception):
    """The request is genuine, and its event was received before."""


def write_secret(raw: bytes) -> str:
    """Write a secret as receivers keep it: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(raw).decode()


def read_secret(secret: str) -> bytes:
    """
    Read a secret.

    Raises:
        ValueError: it is not ``whsec_`` and base64 of 24 to 64 bytes.
    """
    try:
        raw = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("no secret of a webhook") from error
    if not secret.startswith(PREFIX) or not 24 <= len(raw) <= 64:
        raise ValueError("no secret of a webhook")
    return raw


def sign(raw: bytes, event_id: str, at: datetime, body: bytes) -> str:
    """Sign one try of a delivery: ``v1,`` and base64 of HMAC-SHA256 over id, timestamp (whole seconds) and body."""
    return _sign(raw, event_id, str(int(at.timestamp())), body)


def headers(secrets: Iterable[bytes], event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Write the three headers of a try; several secrets (an old one beside its successor) give several signatures."""
    signatures = " ".join(sign(raw, event_id, at, body) for raw in secrets)
    return {ID: event_id, TIMESTAMP: str(int(at.timestamp())), SIGNATURE: signatures}


def verify(
    secrets: Iterable[str], received: Mapping[str, str], body: bytes, *, now: datetime, seen: Collection[str]
) -> CloudEvent:
    """
    Accept a delivery, or refuse it.

    Args:
        secrets: The webhook's secret; while it is being renewed, the old and the new one.
        received: The request's headers, in any case.
        body: Its body, byte for byte as it came.
        now: The receiver's clock.
        seen: Ids of deliveries received before; the caller adds the event's id once it has kept the event.

    Returns:
        The event, of which ``schemas.registry.read_payload`` reads the data.

    Raises:
        Refused: headers missing or malformed, signed more than five minutes ago or ahead, wrongly signed or changed on
            the way, or no CloudEvent under its own id.
        Repeated: it is good, and was received before. Answer 2xx, or it is sent again.
    """
    given = {name.lower(): value for name, value in received.items()}
    event_id, timestamp, signatures = (given.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not event_id or not signatures or not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 11:
        raise Refused("headers")
    expected = [_sign(read_secret(secret), event_id, timestamp, body).encode() for secret in secrets]
    brought = [signature.encode("utf-8", "surrogateescape") for signature in signatures.split(" ")]
    if not any(hmac.compare_digest(one, other) for one in expected for other in brought):
        raise Refused("signature")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > TOLERANCE:
        raise Refused("late")
    try:
        event = CloudEvent.model_validate_json(body)
    except ValidationError as error:
        raise Refused("body") from error
    if event.id != event_id:
        raise Refused("body")
    if event_id in seen:
        raise Repeated(event_id)
    return event


def _sign(raw: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    content = b".".join([event_id.encode("utf-8", "surrogateescape"), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.new(raw, content, hashlib.sha256).digest()).decode()
