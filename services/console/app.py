"""Console's wiring: settings and ports in, a service with sessions out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.service import MenuEntry, Ports, Service
from runtime.store.places import Place, database_of
from runtime.web.access import PUBLIC, SIGNED_IN, Access, roles
from schemas.vocabulary import Role, Scope
from services.console import api, api_clients, pages, pages_clients
from services.console.commands import found_county
from services.console.passwords import hash_password
from services.console.queries import has_county_admin
from services.console.sessions import Sessions
from services.console.tables import Base

HERE = Path(__file__).parent
ADMINS = roles(Role.COUNTY_ADMIN, Role.AGENCY_ADMIN)
COUNTY_ADMINS = roles(Role.COUNTY_ADMIN)
AGENCY_ADMINS = roles(Role.AGENCY_ADMIN)

ACCESS: Mapping[str, Access] = {
    "GET /sign-in": PUBLIC,
    "POST /sign-in": PUBLIC,
    "POST /sign-out": SIGNED_IN.before_new_password(),
    "POST /lang": PUBLIC,
    "GET /": SIGNED_IN,
    "GET /password": SIGNED_IN.before_new_password(),
    "POST /password": SIGNED_IN.before_new_password(),
    "GET /accounts": ADMINS,
    "POST /accounts": ADMINS,
    "GET /accounts/new": ADMINS,
    "GET /accounts/agencies/new": COUNTY_ADMINS,
    "POST /accounts/agencies": COUNTY_ADMINS,
    "GET /accounts/{account_id}": ADMINS,
    "POST /accounts/{account_id}/change": ADMINS,
    "POST /accounts/{account_id}/password": ADMINS,
    "POST /accounts/{account_id}/close": ADMINS,
    "GET /clients": AGENCY_ADMINS,
    "GET /clients/new": AGENCY_ADMINS,
    "POST /clients": AGENCY_ADMINS,
    "POST /clients/{client_id}/revoke": AGENCY_ADMINS,
    "POST /api/console/v1/sign-in": PUBLIC,
    "POST /api/console/v1/sign-out": SIGNED_IN.before_new_password(),
    "POST /api/console/v1/password": SIGNED_IN.before_new_password(),
    "GET /api/console/v1/me": SIGNED_IN,
    "GET /api/console/v1/agencies": SIGNED_IN.for_clients(Scope.CAMPAIGNS_READ),
    "POST /api/console/v1/agencies": COUNTY_ADMINS,
    "GET /api/console/v1/accounts": ADMINS,
    "POST /api/console/v1/accounts": ADMINS,
    "GET /api/console/v1/accounts/{account_id}": SIGNED_IN,
    "POST /api/console/v1/accounts/{account_id}/change": ADMINS,
    "POST /api/console/v1/accounts/{account_id}/close": ADMINS,
    "GET /api/console/v1/clients": AGENCY_ADMINS,
    "POST /api/console/v1/clients": AGENCY_ADMINS,
    "POST /api/console/v1/clients/{client_id}/revoke": AGENCY_ADMINS,
}

MENU = (
    MenuEntry("/accounts", "单位与账号", "Accounts", frozenset({Role.COUNTY_ADMIN, Role.AGENCY_ADMIN}), icon="people"),
    MenuEntry("/clients", "接口密钥", "API clients", frozenset({Role.AGENCY_ADMIN}), icon="key"),
)


@dataclass
class Console(Service):
    """The console service, with the sessions the web asks for."""

    sessions: Sessions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open the sessions beside the service."""
        super().__post_init__()
        self.sessions = Sessions(self)


def console(ports: Ports, place: Place, county: str = "000000") -> Console:
    """Put the console service together; its database lies in *place*."""
    return Console(
        name="console",
        base=Base,
        ports=ports,
        db=database_of("console", place, Base),
        migrations=HERE / "migrations",
        messages=HERE / "messages.toml",
        templates=HERE / "templates",
        access=ACCESS,
        menu=MENU,
        routers=(api.routes, api_clients.routes, pages.routes, pages_clients.routes),
        county=county,
    )


def ensure_county_admin(
    service: Service,
    login: str,
    password: str,
    *,
    agency: str = "LXH",
    name: str = "县“双随机、一公开”部门联席会议办公室",
    short_name: str = "联席办",
    display_name: str = "县级管理员",
    must_change_password: bool = True,
) -> str | None:
    """
    Open the first county administrator of the service's county, unless somebody can already open accounts.

    Args:
        service: Console.
        login: The administrator's login.
        password: First password; from ``secrets.toml`` of the home, never from code.
        agency: Code of the body the administrator belongs to; registered if unknown.
        name: Its name.
        short_name: Its short name.
        display_name: Shown in the page's corner.
        must_change_password: Ask for a new password at the first sign-in.

    Returns:
        The new account's id, or None where nothing was to do.
    """
    if service.ask(service.system, has_county_admin, county=service.county):
        return None
    reply = service.do(
        service.system,
        found_county,
        key=f"found-county:{service.county}",
        county=service.county,
        agency=agency,
        name=name,
        short_name=short_name,
        login=login,
        display_name=display_name,
        password=hash_password(password, login),
        must_change_password=must_change_password,
    )
    return str(reply.value["account"])
