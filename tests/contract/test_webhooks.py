"""Signing and verification of webhooks: the specification's vectors, a foreign library, and everything that must be refused."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from schemas.envelope import CloudEvent
from schemas.webhooks import (
    ID,
    SIGNATURE,
    TIMESTAMP,
    TOLERANCE,
    Refused,
    Repeated,
    headers,
    read_secret,
    sign,
    verify,
    write_secret,
)
from tests.contract.examples import golden_path

RAW, OTHER = bytes(range(32)), bytes(range(1, 33))
SECRET = write_secret(RAW)
BODY = golden_path("onevisit.visit.scheduled.v1").read_bytes()
EVENT = CloudEvent.model_validate_json(BODY)
NOW = datetime(2026, 3, 2, 1, 2, 3, tzinfo=UTC)


def sent(**changed: str) -> dict[str, str]:
    return headers([RAW], EVENT.id, NOW, BODY) | changed


def refusal(received: dict[str, str], body: bytes = BODY, now: datetime = NOW, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        verify([SECRET], received, body, now=now, seen=more.get("seen", ()))
    return refused.value.reason


@pytest.mark.parametrize(
    ("secret", "event_id", "timestamp", "body", "signature"),
    [
        (
            "plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1731705121,
            b'{"event_type":"ping","data":{"success":true}}',
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        (
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
)
def test_published_vectors_of_the_specification(
    secret: str, event_id: str, timestamp: int, body: bytes, signature: str
) -> None:
    at = datetime.fromtimestamp(timestamp, UTC)

    assert sign(base64.b64decode(secret), event_id, at, body) == signature


def test_a_foreign_library_accepts_what_we_sign_and_refuses_what_was_changed() -> None:
    foreign, now = Webhook(SECRET), datetime.now(UTC)
    good = headers([OTHER, RAW], EVENT.id, now, BODY)

    assert foreign.verify(BODY, good) == EVENT.model_dump(mode="json", exclude_none=True)
    with pytest.raises(Exception, match="No matching signature"):
        foreign.verify(BODY.replace(b"2018", b"2019"), good)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_we_accept_what_a_foreign_library_signs() -> None:
    signature = Webhook(SECRET).sign(EVENT.id, NOW, BODY.decode())

    assert verify([SECRET], {**sent(), SIGNATURE: signature}, BODY, now=NOW, seen=()) == EVENT


def test_a_delivery_is_accepted_as_its_event_whatever_the_case_of_its_headers() -> None:
    shouted = {name.upper(): value for name, value in sent().items()}

    assert verify([SECRET], shouted, BODY, now=NOW, seen={"another"}) == EVENT


def test_while_a_secret_is_renewed_either_is_enough() -> None:
    both = headers([RAW, OTHER], EVENT.id, NOW, BODY)

    for secrets in ([SECRET], [write_secret(OTHER)], [write_secret(OTHER), SECRET]):
        assert verify(secrets, both, BODY, now=NOW, seen=()) == EVENT
    assert verify([write_secret(OTHER), SECRET], sent(), BODY, now=NOW, seen=()) == EVENT


def test_a_replayed_delivery_is_told_from_a_new_one() -> None:
    with pytest.raises(Repeated):
        verify([SECRET], sent(), BODY, now=NOW, seen={EVENT.id})


def test_a_replay_under_another_id_or_time_is_wrongly_signed() -> None:
    assert refusal(sent(**{ID: "another"})) == "signature"
    later = NOW + timedelta(hours=1)
    assert refusal(sent(**{TIMESTAMP: str(int(later.timestamp()))}), now=later) == "signature"


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_whatever_byte_is_tampered_with_it_is_refused(place: int, change: int) -> None:
    tampered = BODY[:place] + bytes([BODY[place] ^ change]) + BODY[place + 1 :]

    assert refusal(sent(), tampered) == "signature"


@pytest.mark.parametrize("shift", [TOLERANCE, -TOLERANCE])
def test_it_may_be_five_minutes_late_or_early_and_no_longer(shift: timedelta) -> None:
    assert verify([SECRET], sent(), BODY, now=NOW + shift, seen=()) == EVENT
    assert refusal(sent(), now=NOW + shift * 1.01) == "late"


@pytest.mark.parametrize(
    "signature",
    [
        headers([OTHER], EVENT.id, NOW, BODY)[SIGNATURE],
        sent()[SIGNATURE].replace("v1,", "v2,"),
        sent()[SIGNATURE].removeprefix("v1,"),
        sent()[SIGNATURE][:-4],
        "v1,",
        "v1,é",
        ",",
        " ",
    ],
)
def test_a_wrong_signature_is_refused(signature: str) -> None:
    assert refusal(sent(**{SIGNATURE: signature})) == "signature"


@pytest.mark.parametrize("name", [ID, TIMESTAMP, SIGNATURE])
def test_a_missing_header_is_refused(name: str) -> None:
    assert refusal({key: value for key, value in sent().items() if key != name}) == "headers"


@pytest.mark.parametrize("timestamp", ["", "now", "1.5", "-1", "٣", "9" * 12, "1e9"])
def test_a_timestamp_that_is_none_is_refused(timestamp: str) -> None:
    assert refusal(sent(**{TIMESTAMP: timestamp})) == "headers"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", BODY.replace(EVENT.id.encode(), b"another")])
def test_a_signed_body_that_is_not_the_event_is_refused(body: bytes) -> None:
    assert refusal(headers([RAW], EVENT.id, NOW, body), body) == "body"


@pytest.mark.parametrize("secret", ["", "whsec_", SECRET.removeprefix("whsec_"), "whsec_AAAA", "whsec_*" + "A" * 43])
def test_what_is_no_secret_is_not_taken_for_one(secret: str) -> None:
    with pytest.raises(ValueError):
        read_secret(secret)


def test_a_secret_is_read_as_it_was_written() -> None:
    assert read_secret(SECRET) == RAW
