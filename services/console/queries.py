"""What console's pages and API show: agencies and accounts within the asker's remit."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import AgencyKind, Role
from services.console.commands import AccountUnknown
from services.console.domain.roles import ALLOWED, KIND_NAMES, NAMES
from services.console.tables import Account, Agency


@dataclass(frozen=True)
class RoleView:
    """A role with its names."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True)
class AccountView:
    """An account as its administrators and its owner see it."""

    id: str
    agency: str
    agency_name: str
    agency_kind: AgencyKind
    login: str
    display_name: str
    roles: tuple[RoleView, ...]
    officer: str | None
    open: bool
    version: int
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class AgencyView:
    """An agency, with those of its accounts the asker may administer."""

    id: str
    name: str
    short_name: str
    kind: str
    kind_zh: str
    kind_en: str
    has_accounts: bool
    accounts: tuple[AccountView, ...] = ()


def agencies_of(session: Session, actor: Actor) -> tuple[AgencyView, ...]:
    """List the agencies of the asker's county, by code."""
    return tuple(_agency(row, ()) for row in _agencies(session, actor))


def accounts_of(session: Session, actor: Actor, *, agency: str | None = None) -> tuple[AccountView, ...]:
    """List the accounts the asker may administer, by agency and login; *agency* narrows."""
    bodies = {row.id: row for row in _agencies(session, actor)}
    return tuple(_account(row, bodies[row.agency]) for row in _accounts(session, actor) if agency in (None, row.agency))


def administered(session: Session, actor: Actor) -> tuple[AgencyView, ...]:
    """List the agencies the asker administers with their accounts."""
    by_agency: dict[str, list[AccountView]] = defaultdict(list)
    for account in accounts_of(session, actor):
        by_agency[account.agency].append(account)
    return tuple(_agency(row, by_agency[row.id]) for row in _agencies(session, actor) if _administers(actor, row.id))


def account_view(session: Session, actor: Actor, *, account: str) -> AccountView:
    """Show one account to its owner or its administrators."""
    row = session.get(Account, account)
    if row is None or row.county != actor.county or not (row.id == actor.id or _administers(actor, row.agency)):
        raise AccountUnknown(account=account)
    return _account(row, session.get_one(Agency, row.agency))


def has_county_admin(session: Session, actor: Actor, *, county: str) -> bool:
    """Tell whether somebody can open accounts in this county (asked by the system at start)."""
    rows = session.scalars(select(Account).where(Account.county == county, Account.closed_at.is_(None)))
    return any(Role.COUNTY_ADMIN.value in row.roles for row in rows)


def role_views(roles: Iterable[str]) -> tuple[RoleView, ...]:
    """Name roles."""
    return tuple(RoleView(role, *NAMES[Role(role)]) for role in roles)


def _agencies(session: Session, actor: Actor) -> list[Agency]:
    return list(session.scalars(select(Agency).where(Agency.county == actor.county).order_by(Agency.id)))


def _accounts(session: Session, actor: Actor) -> Iterable[Account]:
    query = select(Account).where(Account.county == actor.county).order_by(Account.agency, Account.login)
    if not actor.has(Role.COUNTY_ADMIN):
        query = query.where(Account.agency == (actor.agency if actor.has(Role.AGENCY_ADMIN) else ""))
    return session.scalars(query)


def _administers(actor: Actor, agency: str) -> bool:
    return actor.has(Role.COUNTY_ADMIN) or (actor.has(Role.AGENCY_ADMIN) and actor.agency == agency)


def _agency(row: Agency, accounts: Iterable[AccountView]) -> AgencyView:
    kind = AgencyKind(row.kind)
    return AgencyView(
        row.id, row.name, row.short_name, row.kind, *KIND_NAMES[kind], bool(ALLOWED[kind]), tuple(accounts)
    )


def _account(row: Account, agency: Agency) -> AccountView:
    return AccountView(
        id=row.id,
        agency=row.agency,
        agency_name=agency.name,
        agency_kind=AgencyKind(agency.kind),
        login=row.login,
        display_name=row.display_name,
        roles=role_views(row.roles),
        officer=row.officer,
        open=row.closed_at is None,
        version=row.version,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )
