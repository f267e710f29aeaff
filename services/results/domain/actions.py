"""
Own actions (自行处理): what an agency must do itself about its finding, where nobody can order the firm to do it.

``ordered → decided``, or ``ordered → joined`` as soon as another agency reports the same matter: then it is the referral
that is decided, once.
"""

from collections.abc import Collection
from datetime import datetime

from runtime.errors import Conflict, Forbidden
from schemas.vocabulary import Role
from services.results.domain.sight import ANSWERING


class ActionNotYours(Forbidden):
    """Who records what was done is who answers referrals for the agency."""

    code = "action.not_yours"


class ActionJoinedReferral(Conflict):
    """The same matter is being dealt with in a referral; it is decided there."""

    code = "action.joined"


class ActionAlreadyDecided(Conflict):
    """It was decided before; there is nothing left to do."""

    code = "action.decided"


def may_decide(roles: Collection[Role]) -> bool:
    """Tell whether somebody of the finding's agency records what it did: whoever would answer a referral of the matter."""
    return not ANSWERING.isdisjoint(roles)


def check_decider(roles: Collection[Role]) -> None:
    """Refuse whoever does not speak for the agency."""
    if not may_decide(roles):
        raise ActionNotYours()


def is_open(referral: str | None, decided_at: datetime | None) -> bool:
    """Tell whether the agency still has to act by itself."""
    return referral is None and decided_at is None


def check_open(referral: str | None, decided_at: datetime | None) -> None:
    """Refuse a decision on what is decided, or is decided elsewhere."""
    if decided_at is not None:
        raise ActionAlreadyDecided()
    if referral is not None:
        raise ActionJoinedReferral(referral=referral)
