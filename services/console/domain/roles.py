"""Which roles (岗位) there are, who may hold them together, and who may give them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runtime.errors import Forbidden, Rejected
from schemas.vocabulary import AgencyKind, Role


class NoRole(Rejected):
    """An account without any role could do nothing."""

    code = "account.no_role"


class RolesIncompatible(Rejected):
    """Two roles must not be held by one account."""

    code = "account.roles_incompatible"


class PlannerAndApprover(RolesIncompatible):
    """Who plans an inspection may not approve its results."""

    code = "account.planner_and_approver"


class WitnessWithOtherRole(RolesIncompatible):
    """A witness (见证人) stands outside the draw and does nothing else in it."""

    code = "account.witness_with_other_role"


class RoleNotForThisBody(Rejected):
    """This kind of body has no such role."""

    code = "account.role_not_for_this_body"


class BodyHasNoAccounts(Rejected):
    """An external body (未接入部门) receives letters and signs in nowhere."""

    code = "account.body_has_no_accounts"


class OfficerMissing(Rejected):
    """An inspector's account must say which officer it is."""

    code = "account.officer_missing"


class RoleNotYoursToGive(Forbidden):
    """Only a county administrator makes county administrators."""

    code = "account.role_not_yours_to_give"


@dataclass(frozen=True)
class Incompatible:
    """Roles that one account must not hold together with any of the others, and where that is said."""

    role: Role
    others: frozenset[Role]
    refusal: type[RolesIncompatible]
    source: str


INCOMPATIBLE = (
    Incompatible(
        Role.PLANNER,
        frozenset({Role.APPROVER}),
        PlannerAndApprover,
        "shared/architecture.md, Who owns what: Planner is not approver",
    ),
    Incompatible(
        Role.WITNESS,
        frozenset(Role) - {Role.WITNESS, Role.VIEWER},
        WitnessWithOtherRole,
        "JIDRAW/1 section 4: the witness belongs to no agency of the draw",
    ),
)

ALLOWED: Mapping[AgencyKind, frozenset[Role]] = {
    AgencyKind.AGENCY: frozenset(Role) - {Role.WITNESS},
    AgencyKind.WITNESS_BODY: frozenset({Role.WITNESS, Role.VIEWER, Role.AGENCY_ADMIN}),
    AgencyKind.EXTERNAL: frozenset(),
}

INSPECTING = frozenset({Role.INSPECTOR, Role.TEAM_LEAD})

NAMES: Mapping[Role, tuple[str, str]] = {
    Role.VIEWER: ("查看", "viewer"),
    Role.PLANNER: ("计划岗", "planner"),
    Role.DRAW_OFFICER: ("抽取岗", "draw officer"),
    Role.INSPECTOR: ("检查人员", "inspector"),
    Role.TEAM_LEAD: ("检查组长", "team lead"),
    Role.APPROVER: ("审核岗", "approver"),
    Role.PUBLISHER: ("公示岗", "publisher"),
    Role.AGENCY_HEAD: ("部门负责人", "agency head"),
    Role.SUPERVISOR: ("监督岗", "supervisor"),
    Role.WITNESS: ("见证人", "witness"),
    Role.AGENCY_ADMIN: ("部门管理员", "agency administrator"),
    Role.COUNTY_ADMIN: ("县级管理员", "county administrator"),
}

KIND_NAMES: Mapping[AgencyKind, tuple[str, str]] = {
    AgencyKind.AGENCY: ("执法部门", "inspecting agency"),
    AgencyKind.WITNESS_BODY: ("见证机构", "witness body"),
    AgencyKind.EXTERNAL: ("未接入部门", "not connected"),
}


def in_order(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Put roles into the order of the vocabulary, each once."""
    held = set(roles)
    return tuple(role for role in Role if role in held)


def check_roles(roles: Iterable[Role], kind: AgencyKind, officer: str | None) -> tuple[Role, ...]:
    """
    Accept the roles of one account of a body of this kind.

    Args:
        roles: What the account is to hold.
        kind: What its body is.
        officer: Staff number; required where a role inspects.

    Returns:
        The roles in the order of the vocabulary, each once.

    Raises:
        BodyHasNoAccounts, NoRole, RoleNotForThisBody, RolesIncompatible, OfficerMissing: see each.
    """
    held = in_order(roles)
    if not ALLOWED[kind]:
        raise BodyHasNoAccounts(kind=kind.value)
    if not held:
        raise NoRole()
    if foreign := [role for role in held if role not in ALLOWED[kind]]:
        raise RoleNotForThisBody(roles=names_zh(foreign), roles_en=names_en(foreign), kind=KIND_NAMES[kind][0])
    _check_compatible(held)
    if INSPECTING.intersection(held) and not officer:
        raise OfficerMissing()
    return held


def _check_compatible(held: tuple[Role, ...]) -> None:
    for rule in INCOMPATIBLE:
        clash = in_order(rule.others.intersection(held))
        if rule.role in held and clash:
            together = (rule.role, *clash)
            raise rule.refusal(roles=names_zh(together), roles_en=names_en(together), source=rule.source)


def check_may_give(roles: Iterable[Role], by_county_admin: bool) -> None:
    """Refuse an agency administrator who makes county administrators."""
    if Role.COUNTY_ADMIN in set(roles) and not by_county_admin:
        raise RoleNotYoursToGive()


def names_zh(roles: Iterable[Role]) -> tuple[str, ...]:
    """Name roles in Chinese."""
    return tuple(NAMES[role][0] for role in roles)


def names_en(roles: Iterable[Role]) -> tuple[str, ...]:
    """Name roles in English."""
    return tuple(NAMES[role][1] for role in roles)
