"""What API clients (接口密钥) of an agency may be given, and the rules of a key: its form, its life, its end."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from runtime.errors import Conflict, Rejected
from schemas.vocabulary import Role, Scope

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
LONGEST = timedelta(days=366)
MOST = 20  # live clients of one agency
_KEY = re.compile(r"onevisit_(K-[0-9A-Za-z]{1,32}-[0-9]{4}-[0-9]{3,9})_([A-Za-z0-9_-]{43})")


class NoScope(Rejected):
    """A client without any scope could do nothing."""

    code = "client.no_scope"


class ExpiryOutside(Rejected):
    """A key ends in the future, and within a year."""

    code = "client.expiry_outside"


class TooManyClients(Conflict):
    """The agency has as many live clients as it may have."""

    code = "client.too_many"


ROLES: Mapping[Scope, frozenset[Role]] = {
    Scope.FEED_READ: frozenset({Role.VIEWER}),
    Scope.CAMPAIGNS_READ: frozenset({Role.VIEWER}),
    Scope.ASSIGNMENTS_READ: frozenset({Role.AGENCY_HEAD}),  # sees the targets of its own visits, no firm's people
    Scope.VISITS_SCHEDULE: frozenset({Role.TEAM_LEAD}),
    Scope.REFERRALS_READ: frozenset({Role.AGENCY_HEAD}),
    Scope.REFERRALS_ANSWER: frozenset({Role.AGENCY_HEAD}),
    Scope.DRAWS_SPEAK: frozenset({Role.DRAW_OFFICER, Role.WITNESS}),  # which of them counts, the manifest says
    Scope.DRAWS_IMPORT: frozenset({Role.DRAW_OFFICER}),  # hands in; a person of the lead confirms
}
"""
Scope → the roles a client acts in where commands and queries ask for one.

They admit it nowhere: a route is opened by its scope alone (``runtime.web.access``). No scope enters, signs or approves
results: that is done by the officers who were drawn, and by a second person.
"""

NAMES: Mapping[Scope, tuple[str, str]] = {
    Scope.FEED_READ: ("读取事件流", "read the agency's events"),
    Scope.CAMPAIGNS_READ: ("读取联合抽查任务", "read campaigns"),
    Scope.ASSIGNMENTS_READ: ("读取检查任务（含对象）", "read assignments with targets"),
    Scope.VISITS_SCHEDULE: ("安排检查日期（牵头）", "set visiting days (lead)"),
    Scope.REFERRALS_READ: ("读取移送与抄告", "read referrals"),
    Scope.REFERRALS_ANSWER: ("办理移送", "answer referrals"),
    Scope.DRAWS_SPEAK: ("以本单位名义参与抽取", "speak for the agency in a draw"),
    Scope.DRAWS_IMPORT: ("提交在别处进行的抽取（须由人复核）", "hand in a draw made elsewhere; a person confirms it"),
}


@dataclass(frozen=True)
class Key:
    """A key taken apart: whose it is, and what only its holder knows (43 characters for 256 random bits)."""

    client: str
    secret: str


def key_text(client: str, secret: str) -> str:
    """Put a key together; the fixed beginning lets scanners for leaked secrets find it."""
    return f"onevisit_{client}_{secret}"


def read_key(text: str) -> Key | None:
    """Take a key apart; None: it never was one."""
    found = _KEY.fullmatch(text)
    return Key(found[1], found[2]) if found else None


def check_scopes(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """Return *scopes* in the order of the vocabulary, each once; there must be one."""
    held = set(scopes)
    if not held:
        raise NoScope()
    return tuple(scope for scope in Scope if scope in held)


def roles_of(scopes: Iterable[Scope]) -> frozenset[Role]:
    """Return the roles in which a client with *scopes* acts."""
    return frozenset[Role]().union(*(ROLES[scope] for scope in scopes))


def day_of(at: datetime) -> date:
    """Return the day it is in Shanghai."""
    return at.astimezone(SHANGHAI).date()


def check_expiry(expires_on: date, at: datetime) -> date:
    """Return the last day of a new key: today at the earliest, 366 days from now at the latest."""
    latest = day_of(at) + LONGEST
    if not day_of(at) <= expires_on <= latest:
        raise ExpiryOutside(latest=latest)
    return expires_on


def check_room(live: int) -> None:
    """Refuse another client where there are 20 already."""
    if live >= MOST:
        raise TooManyClients(most=MOST)


def is_live(expires_on: date, revoked: bool, at: datetime) -> bool:
    """Tell whether a key is good at *at*: not revoked, and through its last day."""
    return not revoked and day_of(at) <= expires_on
