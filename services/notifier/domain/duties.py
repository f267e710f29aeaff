"""
The life of a duty: opened by a fact with a due date, closed by later ones, in whatever order topics deliver them.

A duty can be closed in three ways that do not know of each other, since they travel on different topics. Each has a
slot of its own, written once; what counts is the earliest, so that order between topics does not show:

* ``fact``: a later fact of the same subject and key (their order is promised),
* ``campaign``: its campaign was cancelled,
* ``parts``: everything it sums up is done, or there is nothing (report to the lead: every section of the agency is
  published, or the draw gave it none).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FACT, CAMPAIGN, PARTS = "fact", "campaign", "parts"
SLOTS = (FACT, PARTS, CAMPAIGN)


class Outcome(StrEnum):
    """How a duty ended."""

    FULFILLED = "fulfilled"  # 已完成
    ENDED = "ended"  # 已终止: nothing to do any more
    SUPERSEDED = "superseded"  # 已改期: the same duty with another due date took its place


@dataclass(frozen=True)
class Close:
    """One way in which a duty was closed, and when."""

    at: datetime
    outcome: Outcome


def closed_by(slots: Mapping[str, Close]) -> Close | None:
    """Return what counts of a duty's *slots*: the earliest, fact before parts before campaign; None while it is open."""
    filled = [(slots[slot].at, place, slots[slot]) for place, slot in enumerate(SLOTS) if slot in slots]
    return min(filled, key=lambda entry: entry[:2])[2] if filled else None


def cancelled(opened_at: datetime, campaign_cancelled_at: datetime) -> Close:
    """Close a duty with its campaign, not before it arose."""
    return Close(max(opened_at, campaign_cancelled_at), Outcome.ENDED)


def summed_up(opened_at: datetime, expected: int, done_at: Mapping[str, datetime]) -> Close | None:
    """
    Close a duty that sums up others, once all of them are done.

    Args:
        expected: How many subjects there are; 0 while that is not known.
        done_at: When each subject was first done.
    """
    if not expected or len(done_at) < expected:
        return None
    return Close(max(opened_at, *done_at.values()), Outcome.FULFILLED)


def nothing_to_sum_up(opened_at: datetime, known_at: datetime | None) -> Close | None:
    """
    Close a duty that sums up others, when it has turned out that there are none (an agency whose items no target has).

    Args:
        known_at: Since when it is known which there are; None while it is not.
    """
    return None if known_at is None else Close(max(opened_at, known_at), Outcome.ENDED)


def doers_text(roles: Iterable[str], officers: Iterable[str]) -> str:
    """Write who does a duty as one text in which `doer_marks` can be looked for."""
    return "," + "".join(f"{mark}," for mark in doer_marks(roles, officers))


def doer_marks(roles: Iterable[str], officers: Iterable[str]) -> tuple[str, ...]:
    """Return the marks of somebody with these roles, or of these officers; no mark is part of another."""
    return (*(f"role:{role}" for role in sorted(roles)), *(f"officer:{officer}" for officer in sorted(officers)))
