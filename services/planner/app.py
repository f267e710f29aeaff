"""The planner's wiring: settings, access table, menu, and the service made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from runtime.service import MenuEntry, Ports, Service
from runtime.settings import NOTHING, ServiceSettings
from runtime.store.places import Place, database_of
from runtime.web.access import MIB, SIGNED_IN, Access, roles
from schemas.vocabulary import Role, Scope
from services.planner import api, pages
from services.planner.handlers import HANDLERS
from services.planner.tables import Base

HERE = Path(__file__).parent
API = "/api/planner/v1"


class Settings(ServiceSettings):
    """Settings of the planner."""

    model_config = SettingsConfigDict(env_prefix="PLANNER_", title="planner Settings")

    import_limit_mib: int = Field(default=20, ge=1, le=100, description="largest spreadsheet taken, in MiB")


PLANNER = roles(Role.PLANNER)
KEEPER = roles(Role.PLANNER, Role.AGENCY_ADMIN)
COUNTY = roles(Role.COUNTY_ADMIN)
APPROVER = roles(Role.APPROVER)
ENDER = roles(Role.PLANNER, Role.AGENCY_HEAD)


def access(settings: Settings) -> dict[str, Access]:
    """Say who may use which route; whose rows they then see is the wall's business."""
    upload = KEEPER.limited(settings.import_limit_mib * MIB)
    pages_of_campaigns = {
        "GET /campaigns": SIGNED_IN,
        "GET /campaigns/new": PLANNER,
        "POST /campaigns/new": PLANNER,
        "GET /campaigns/{campaign_id}": SIGNED_IN,
        "GET /campaigns/{campaign_id}/edit": PLANNER,
        "POST /campaigns/{campaign_id}/edit": PLANNER,
        "GET /campaigns/{campaign_id}/confirm": PLANNER,
        "POST /campaigns/{campaign_id}/numbers": PLANNER,
        "POST /campaigns/{campaign_id}/propose": PLANNER,
        "POST /campaigns/{campaign_id}/confirm": PLANNER,
        "POST /campaigns/{campaign_id}/decline": PLANNER,
        "POST /campaigns/{campaign_id}/partners/{agency}/remove": PLANNER,
        "POST /campaigns/{campaign_id}/approve": APPROVER,
        "POST /campaigns/{campaign_id}/freeze": PLANNER,
        "POST /campaigns/{campaign_id}/close": PLANNER,
        "POST /campaigns/{campaign_id}/cancel": ENDER,
    }
    pages_of_registers = {
        "GET /registers": SIGNED_IN,
        "GET /registers/{kind}": SIGNED_IN,
        "POST /registers/{kind}": upload,
        "GET /registers/{kind}/template": SIGNED_IN,
        "GET /rulepacks": SIGNED_IN,
        "POST /rulepacks": COUNTY,
        "GET /rulepacks/{pack}": SIGNED_IN,
        "GET /parts/planner/home/me": SIGNED_IN,
    }
    of_api = {
        f"POST {API}/rulepacks": COUNTY,
        f"POST {API}/calendars": COUNTY,
        f"GET {API}/rulepacks": SIGNED_IN,
        f"GET {API}/rulepacks/{{pack}}": SIGNED_IN,
        f"GET {API}/calendars": SIGNED_IN,
        f"POST {API}/imports/{{kind}}": upload,
        f"GET {API}/imports/{{kind}}/template": SIGNED_IN,
        f"GET {API}/registers": SIGNED_IN,
        f"GET {API}/registers/{{kind}}": SIGNED_IN,
        f"GET {API}/checklists": SIGNED_IN,
        f"GET {API}/items": SIGNED_IN,
        f"GET {API}/campaigns": SIGNED_IN.for_clients(Scope.CAMPAIGNS_READ),
        f"POST {API}/campaigns": PLANNER,
        f"GET {API}/campaigns/{{campaign_id}}": SIGNED_IN.for_clients(Scope.CAMPAIGNS_READ),
        f"POST {API}/campaigns/{{campaign_id}}": PLANNER,
        f"GET {API}/campaigns/{{campaign_id}}/sizes": PLANNER,
        f"POST {API}/campaigns/{{campaign_id}}/propose": PLANNER,
        f"POST {API}/campaigns/{{campaign_id}}/confirm": PLANNER,
        f"POST {API}/campaigns/{{campaign_id}}/decline": PLANNER,
        f"POST {API}/campaigns/{{campaign_id}}/partners/{{agency}}/remove": PLANNER,
        f"POST {API}/campaigns/{{campaign_id}}/approve": APPROVER,
        f"POST {API}/campaigns/{{campaign_id}}/freeze": PLANNER,
        f"POST {API}/campaigns/{{campaign_id}}/close": PLANNER,
        f"POST {API}/campaigns/{{campaign_id}}/cancel": ENDER,
    }
    return pages_of_campaigns | pages_of_registers | of_api


ACCESS = access(Settings.model_construct())  # by default; what is served goes by the settings

MENU = (
    MenuEntry("/campaigns", "联合抽查", "Campaigns", icon="clipboard-check"),
    MenuEntry(
        "/registers",
        "名录库与清单",
        "Registers",
        frozenset({Role.PLANNER, Role.AGENCY_ADMIN, Role.APPROVER, Role.AGENCY_HEAD, Role.VIEWER}),
        icon="building",
    ),
    MenuEntry(
        "/rulepacks",
        "规则包",
        "Rule packs",
        frozenset({Role.PLANNER, Role.COUNTY_ADMIN, Role.APPROVER, Role.AGENCY_HEAD}),
        icon="journal-text",
    ),
)


def planner(ports: Ports, place: Place, given: Mapping[str, Any] = NOTHING) -> Service:
    """Put the planner together on *ports*, its database in *place*, as its section of the settings file says."""
    settings = Settings(**given)
    return Service(
        name="planner",
        base=Base,
        ports=ports,
        db=database_of("planner", place, Base),
        migrations=HERE / "migrations",
        handlers_marked=HANDLERS,
        messages=HERE / "messages.toml",
        settings=settings,
        access=access(settings),
        menu=MENU,
        tiles=("/parts/planner/home/me",),
        routers=(api.routes, pages.routes),
        templates=HERE / "templates",
    )
