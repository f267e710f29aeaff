"""
Rectifications (责令改正) and their follow-up checks (整改复查): who checks, and until when it goes on.

``ordered → (not passed → ordered anew)* → passed``; each check that is not passed says why and sets another day, by the
same term of the pack as the first.
"""

from collections.abc import Collection

from runtime.errors import Conflict, Forbidden
from schemas.vocabulary import Role


class RectificationNotYours(Forbidden):
    """Whether something was put right is checked by the team that found it, or by an approver of its agency."""

    code = "rectification.not_yours"


class RectificationPassed(Conflict):
    """It was checked and found to be right; there is nothing left to check."""

    code = "rectification.passed"


def may_check(roles: Collection[Role], officer: str | None, team: Collection[str | None]) -> bool:
    """Tell whether somebody of the finding's agency checks its rectification."""
    return Role.APPROVER in roles or (officer is not None and officer in team)


def check_checker(roles: Collection[Role], officer: str | None, team: Collection[str | None]) -> None:
    """Refuse whoever is neither of the team nor an approver."""
    if not may_check(roles, officer, team):
        raise RectificationNotYours()


def check_still_open(passed: Collection[bool]) -> None:
    """Refuse another check after one that was passed; *passed* are the outcomes of the earlier ones."""
    if any(passed):
        raise RectificationPassed()
