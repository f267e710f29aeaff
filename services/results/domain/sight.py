"""Who sees which target: on top of the wall between agencies, until the draw is disclosed (JIDRAW/1, disclosure window)."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from schemas.vocabulary import Role

_LEADS_EYES = frozenset({Role.PLANNER, Role.DRAW_OFFICER})
_AGENCIES_EYES = frozenset({Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD})

ANSWERING = frozenset({Role.PLANNER, Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD})
"""Who does a referral's steps for the agency whose part they are."""
ROUTING = frozenset({Role.PLANNER, Role.APPROVER, Role.AGENCY_HEAD})
"""Who, of the lead, says where a referral goes that nobody is competent for."""


def may_see_target(
    *,
    agency: str,
    roles: AbstractSet[Role],
    officer: str | None,
    lead: str,
    agencies: Iterable[str],
    officers: Iterable[str | None],
    disclosed: bool,
) -> bool:
    """
    Tell whether somebody may know whom a visit goes to.

    Before disclosure: the officers drawn for it; the lead's planner and draw officer; team leads, approvers and heads
    of the visit's agencies. Afterwards everybody whose agency the wall lets through.
    """
    if disclosed:
        return True
    if officer is not None and officer in set(officers):
        return True
    if agency == lead and roles & _LEADS_EYES:
        return True
    return agency in set(agencies) and bool(roles & _AGENCIES_EYES)


def may_read_referral(roles: AbstractSet[Role], *, sees_target: bool) -> bool:
    """
    Tell whether somebody of a referral's parties may read whom it is about, what was found and its files.

    The wall lets parties through only; of these, whoever may know the target anyway, or may act on the referral. To
    everybody else it is a number, a kind, a state and its clocks.
    """
    return sees_target or not roles.isdisjoint(ANSWERING)


def mine_only(roles: AbstractSet[Role]) -> bool:
    """Whether somebody sees only visits they are drawn for: an inspector without any other duty."""
    return roles <= {Role.INSPECTOR}
