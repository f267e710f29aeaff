"""
Whom an announcement reaches: the accounts as they were at the time of the fact, whatever order the events came in.

The rule, for every fact F and account A:

1. A's *state at* F is the last thing its agency's events say of A with a time not after F's: opened, changed, closed.
   An account opened after F gets no old notice; one opened at or before F gets it, even if the account's event comes
   last; a role gained after F brings nothing of F; a role lost, or an account closed, at or before F means no notice.
2. A gets one notice of F at most: by the first line of the rule table (in file order) that reaches that state.
3. When an event about A arrives late, only facts at or after its time can change, and those are looked at again: a
   missing notice is given, one that should not have been is taken back, unless it was read: nobody can unread it.

So the notices are a function of the set of facts and account events, not of their interleaving.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class AccountState:
    """What is true of one account from *since* on."""

    account: str
    county: str
    agency: str
    since: datetime
    is_open: bool
    roles: frozenset[str] = frozenset()
    officer: str | None = None


@dataclass(frozen=True)
class Announcement:
    """
    One fact (or one step of a duty's ladder) as it concerns one agency: who of it must know, and what.

    Reaches accounts holding one of *roles*, being one of *officers*, or being *account*. *order* is the line of the
    rule table. *facts* hold ids, dates and counts only; visits stand for their targets.
    """

    cause: str  # event id, or duty and step
    order: int
    at: datetime
    county: str
    agency: str
    code: str
    severity: str
    link: str
    campaign: str | None
    roles: tuple[str, ...] = ()
    officers: tuple[str, ...] = ()
    account: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    def reaches(self, state: AccountState) -> bool:
        """Tell whether somebody in this state must know."""
        if not state.is_open or (state.county, state.agency) != (self.county, self.agency):
            return False
        return (
            state.account == self.account
            or not state.roles.isdisjoint(self.roles)
            or (state.officer is not None and state.officer in self.officers)
        )


def state_at(history: Sequence[AccountState], at: datetime) -> AccountState | None:
    """Find the last state of one account's *history* (in the order of its events) that began at or before *at*."""
    return next((state for state in reversed(history) if state.since <= at), None)


def told_by(announcements: Iterable[Announcement], history: Sequence[AccountState]) -> Announcement | None:
    """Choose, among the announcements of one cause, the one by which the account with this *history* is told."""
    reaching = [
        told for told in announcements if (state := state_at(history, told.at)) is not None and told.reaches(state)
    ]
    return min(reaching, key=lambda told: told.order, default=None)


def must_change(wanted: object | None, given: object | None, *, read: bool) -> bool:
    """Tell whether the notice an account was *given* of a cause gives way to the one it is *wanted* to have (None: none)."""
    return wanted != given and not read
