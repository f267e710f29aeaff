"""How often somebody may fail to sign in, and how long a session lives. All of it in real time, never business time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)


@dataclass(frozen=True)
class Limit:
    """After ``free`` failures within ``window`` each further one waits twice as long, from ``first`` to ``longest``."""

    free: int
    window: timedelta
    first: timedelta
    longest: timedelta


PER_LOGIN = Limit(free=5, window=timedelta(minutes=15), first=timedelta(seconds=30), longest=timedelta(minutes=15))
PER_ADDRESS = Limit(free=50, window=timedelta(minutes=15), first=timedelta(seconds=30), longest=timedelta(minutes=15))


@dataclass(frozen=True)
class Failures:
    """Failed sign-ins of one login or one address."""

    count: int
    last_at: datetime
    blocked_until: datetime | None = None


def after_failure(before: Failures | None, at: datetime, limit: Limit) -> Failures:
    """Count one more failure; older ones than the window are forgotten."""
    if before is None or at - before.last_at > limit.window:
        return Failures(1, at)
    counted = replace(before, count=before.count + 1, last_at=at)
    over = counted.count - limit.free
    if over < 0:
        return counted
    wait = min(limit.first * 2 ** min(over, 20), limit.longest)
    return replace(counted, blocked_until=at + wait)


def blocked_seconds(failures: Failures | None, at: datetime) -> int:
    """Say for how many seconds more attempts are refused unseen; 0: they are looked at."""
    if failures is None or failures.blocked_until is None or at >= failures.blocked_until:
        return 0
    return max(1, int((failures.blocked_until - at).total_seconds()))


def is_alive(opened_at: datetime, seen_at: datetime, at: datetime) -> bool:
    """Tell whether a session may still be used: idle for at most 30 minutes, open for at most 12 hours."""
    return at - seen_at < IDLE and at - opened_at < ABSOLUTE
