"""What an administrator, or a person about the own account, may ask of console."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import Conflict, Forbidden, NotFound, Stale
from runtime.service import Reply
from runtime.store import Actor, next_id
from schemas.events.accounts import AccountChanged, AccountClosed, AccountOpened, AgencyRegistered
from schemas.events.payload import Payload
from schemas.vocabulary import AgencyKind, Role
from services.console.domain.identity import check_agency_id, check_login, check_name, check_officer
from services.console.domain.remit import (
    CountyAdminOnly,
    check_may_administer,
    check_not_own,
    check_one_stays,
)
from services.console.domain.roles import check_may_give, check_roles
from services.console.passwords import PasswordHash
from services.console.tables import Account, Agency, LiveSession


class AgencyTaken(Conflict):
    """An agency with this code is registered already."""

    code = "agency.taken"


class AgencyUnknown(NotFound):
    """No agency of this county has this code."""

    code = "agency.unknown"


class AccountUnknown(NotFound):
    """There is no such account, or none in the asker's county."""

    code = "account.unknown"


class AccountIsClosed(Conflict):
    """A closed account stays as it is."""

    code = "account.closed"


class LoginTaken(Conflict):
    """Somebody signs in under this login already, or did once."""

    code = "account.login_taken"


class OfficerTaken(Conflict):
    """Another open account of the agency is this officer."""

    code = "account.officer_taken"


def register_agency(
    session: Session, actor: Actor, *, at: datetime, agency: str, kind: AgencyKind, name: str, short_name: str
) -> list[Payload]:
    """Make a body known to the county (county administrators only)."""
    if not actor.has(Role.COUNTY_ADMIN):
        raise CountyAdminOnly()
    return [_register(session, actor.county, at, agency, kind, name, short_name)]


def open_account(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    agency: str,
    login: str,
    display_name: str,
    roles: Sequence[Role],
    password: PasswordHash,
    officer: str | None = None,
    must_change_password: bool = True,
) -> Reply:
    """Let somebody sign in from now on; the reply's value is ``{"account": id}``."""
    _check_remit(actor, agency)
    body = _agency(session, actor.county, agency)
    check_may_give(roles, actor.has(Role.COUNTY_ADMIN))
    opened = _open(session, body, at, login, display_name, roles, officer, password, must_change_password)
    return Reply([opened], {"account": opened.account})


def change_account(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    account: str,
    display_name: str | None = None,
    roles: Sequence[Role] | None = None,
    officer: str | None = None,
    password: PasswordHash | None = None,
    version: str | None = None,
) -> list[Payload]:
    """
    Change what an account is; a new password ends its sessions.

    Args:
        session: Of this service.
        actor: An administrator.
        at: Business time.
        account: Whose.
        display_name: New name, or None to keep it.
        roles: New roles with *officer*, or None to keep both.
        officer: New staff number; counts only beside *roles*.
        password: New password, to be changed at the next sign-in.
        version: What the asker saw; None compares nothing.
    """
    row = _changeable(session, actor, account)
    if version is not None and version != str(row.version):
        raise Stale(asked=version, stored=row.version)
    row.version += 1
    if display_name is not None:
        row.display_name = check_name(display_name)
    if password is not None:
        _set_password(session, row, password, must_change=True, keep=None)
    return [] if roles is None else _change_roles(session, actor, row, roles, officer)


def close_account(session: Session, actor: Actor, *, at: datetime, account: str) -> list[Payload]:
    """Let somebody sign in no more, for good; running sessions end."""
    check_not_own(actor.id, account)
    row = _changeable(session, actor, account)
    _check_admin_stays(session, row)
    row.closed_at, row.version = at, row.version + 1
    _end_sessions(session, row.id, keep=None)
    return [AccountClosed(county=row.county, agency=row.agency, account=row.id)]


PASSWORD_CHANGED = {"password": "changed"}


def change_own_password(
    session: Session, actor: Actor, *, at: datetime, password: PasswordHash, session_kept: str
) -> Reply:
    """Take a new password; every other session of the person ends (*session_kept*: digest of this one's token)."""
    row = session.get(Account, actor.id)
    if row is None:
        raise AccountUnknown(account=actor.id)
    _set_password(session, row, password, must_change=False, keep=session_kept)
    return Reply(value=PASSWORD_CHANGED)


def found_county(
    session: Session,
    actor: Actor,
    *,
    at: datetime,
    county: str,
    agency: str,
    name: str,
    short_name: str,
    login: str,
    display_name: str,
    password: PasswordHash,
    must_change_password: bool = True,
) -> Reply:
    """Open the first county administrator of an empty county (the system's own command, at first start)."""
    body = session.get(Agency, agency)
    said: list[Payload] = []
    if body is None:
        said.append(_register(session, county, at, agency, AgencyKind.AGENCY, name, short_name))
        body = session.get_one(Agency, agency)
    opened = _open(session, body, at, login, display_name, (Role.COUNTY_ADMIN,), None, password, must_change_password)
    return Reply([*said, opened], {"account": opened.account})


# ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _register(
    session: Session, county: str, at: datetime, agency: str, kind: AgencyKind, name: str, short_name: str
) -> AgencyRegistered:
    check_agency_id(agency)
    if session.get(Agency, agency) is not None:
        raise AgencyTaken(agency=agency)
    row = Agency(
        id=agency,
        county=county,
        kind=kind.value,
        name=check_name(name),
        short_name=check_name(short_name),
        registered_at=at,
    )
    session.add(row)
    session.flush()
    return AgencyRegistered(county=county, agency=agency, kind=kind, name=row.name, short_name=row.short_name)


def _open(
    session: Session,
    body: Agency,
    at: datetime,
    login: str,
    display_name: str,
    roles: Sequence[Role],
    officer: str | None,
    password: PasswordHash,
    must_change_password: bool,
) -> AccountOpened:
    officer = check_officer(officer)
    held = check_roles(roles, AgencyKind(body.kind), officer)
    login = check_login(login)
    if session.scalars(select(Account).where(Account.login == login)).first() is not None:
        raise LoginTaken(login=login)
    _check_officer_free(session, body.id, officer, but="")
    row = Account(
        id=next_id(session, "U", body.county, at.year),
        county=body.county,
        agency=body.id,
        login=login,
        display_name=check_name(display_name),
        roles=[role.value for role in held],
        officer=officer,
        version=1,
        opened_at=at,
        closed_at=None,
        password_hash=password.encoded,
        must_change_password=must_change_password,
    )
    session.add(row)
    session.flush()
    return AccountOpened(county=row.county, agency=row.agency, account=row.id, roles=held, officer=officer)


def _change_roles(
    session: Session, actor: Actor, row: Account, roles: Sequence[Role], officer: str | None
) -> list[Payload]:
    officer = check_officer(officer)
    held = check_roles(roles, AgencyKind(_agency(session, row.county, row.agency).kind), officer)
    check_may_give(set(held) - {Role(role) for role in row.roles}, actor.has(Role.COUNTY_ADMIN))
    if Role.COUNTY_ADMIN not in held:
        _check_admin_stays(session, row)
    _check_officer_free(session, row.agency, officer, but=row.id)
    if (row.roles, row.officer) == ([role.value for role in held], officer):
        return []
    row.roles, row.officer = [role.value for role in held], officer
    return [AccountChanged(county=row.county, agency=row.agency, account=row.id, roles=held, officer=officer)]


def _check_remit(actor: Actor, agency: str) -> None:
    check_may_administer(
        county_admin=actor.has(Role.COUNTY_ADMIN),
        agency_admin=actor.has(Role.AGENCY_ADMIN),
        own_agency=actor.agency,
        agency=agency,
    )


def _agency(session: Session, county: str, agency: str) -> Agency:
    found = session.get(Agency, agency)
    if found is None or found.county != county:
        raise AgencyUnknown(agency=agency)
    return found


def _changeable(session: Session, actor: Actor, account: str) -> Account:
    row = session.get(Account, account)
    if row is None or row.county != actor.county:
        raise AccountUnknown(account=account)
    _check_remit(actor, row.agency)
    if row.closed_at is not None:
        raise AccountIsClosed(account=account)
    if Role.COUNTY_ADMIN.value in row.roles and not actor.has(Role.COUNTY_ADMIN):
        raise Forbidden(account=account)  # else an agency's administrator could take the county's account over
    return row


def _check_admin_stays(session: Session, row: Account) -> None:
    """Make sure that the county keeps an administrator when *row* stops being one."""
    if Role.COUNTY_ADMIN.value not in row.roles:
        return
    living = session.scalars(select(Account).where(Account.county == row.county, Account.closed_at.is_(None)))
    check_one_stays(sum(Role.COUNTY_ADMIN.value in other.roles for other in living if other.id != row.id))


def _check_officer_free(session: Session, agency: str, officer: str | None, but: str) -> None:
    if officer is None:
        return
    others = select(Account).where(
        Account.agency == agency, Account.officer == officer, Account.closed_at.is_(None), Account.id != but
    )
    if session.scalars(others).first() is not None:
        raise OfficerTaken(officer=officer)


def _set_password(
    session: Session, row: Account, password: PasswordHash, *, must_change: bool, keep: str | None
) -> None:
    row.password_hash, row.must_change_password = password.encoded, must_change
    _end_sessions(session, row.id, keep)


def _end_sessions(session: Session, account: str, keep: str | None) -> None:
    for live in session.scalars(select(LiveSession).where(LiveSession.account == account)):
        if live.token_digest != keep:
            session.delete(live)
