"""Webhooks (消息推送): what may be subscribed to, when a delivery is tried again, and when a webhook is disabled."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from runtime.errors import Conflict, Rejected


class State(StrEnum):
    """How a webhook stands; only an active one is sent to."""

    ACTIVE = "active"  # 推送中
    PAUSED = "paused"  # 已暂停, by the agency
    FAILING = "failing"  # 已停用, its receiver failed too long
    GONE = "gone"  # 已停用, its receiver says it is gone


class Sent(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class KindUnknown(Rejected):
    """No such fact stands on any feed."""

    code = "webhook.kind_unknown"


class TooManyWebhooks(Conflict):
    """The agency has as many webhooks as it may have."""

    code = "webhook.too_many"


@dataclass(frozen=True)
class Rules:
    """``webhooks.toml``, read."""

    retries: tuple[timedelta, ...]
    gone_status: int
    try_seconds: int
    keep: timedelta
    keep_failed: timedelta
    most: int
    both_secrets: timedelta


def read_rules(written: Mapping[str, Any]) -> Rules:
    """Read the rules."""
    return Rules(
        retries=tuple(timedelta(seconds=seconds) for seconds in written["retry_seconds"]),
        gone_status=written["gone_status"],
        try_seconds=written["try_seconds"],
        keep=timedelta(days=written["keep_days"]),
        keep_failed=timedelta(days=written["keep_failed_days"]),
        most=written["most"],
        both_secrets=timedelta(hours=written["both_secrets_hours"]),
    )


@dataclass(frozen=True)
class Next:
    """What follows from a try: how the delivery stands, when it is tried again, and the webhook's new state if it has one."""

    sent: Sent
    next_at: datetime | None = None
    webhook: State | None = None


def after_try(rules: Rules, tries: int, status: int | None, at: datetime, *, is_test: bool) -> Next:
    """
    Decide what follows from a try.

    Args:
        rules: The ladder.
        tries: How many there have been, this one included.
        status: HTTP status of the answer; None where there was none. A redirect is no delivery: it is not followed.
        at: Real time of the try.
        is_test: A test is tried once, and disables nothing.
    """
    if status is not None and 200 <= status < 300:
        return Next(Sent.DELIVERED)
    if is_test:
        return Next(Sent.FAILED)
    if status == rules.gone_status:
        return Next(Sent.FAILED, webhook=State.GONE)
    if tries >= len(rules.retries):
        return Next(Sent.FAILED, webhook=State.FAILING)
    return Next(Sent.WAITING, at + rules.retries[tries])


def forgotten_before(rules: Rules, at: datetime) -> dict[Sent, datetime]:
    """Tell for each way a delivery ends which of them the log may forget at a moment: those that ended earlier."""
    return {Sent.DELIVERED: at - rules.keep, Sent.FAILED: at - rules.keep_failed}


def wants(kinds: Collection[str], kind: str) -> bool:
    """Tell whether a webhook asked for this kind of fact; no choice is all of them."""
    return not kinds or kind in kinds


def check_kinds(kinds: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the chosen kinds in the order in which they are known, each once."""
    chosen = set(kinds)
    if unknown := sorted(chosen.difference(known)):
        raise KindUnknown(kinds=unknown)
    return [kind for kind in known if kind in chosen]


def check_room(there: int, rules: Rules) -> None:
    """Refuse one webhook too many."""
    if there >= rules.most:
        raise TooManyWebhooks(most=rules.most)
