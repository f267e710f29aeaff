"""The wiring of results: settings, access table, menu, and the service made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from runtime.service import MenuEntry, Ports, Service
from runtime.settings import NOTHING, ServiceSettings
from runtime.store.places import Place, database_of
from runtime.web.access import MIB, PUBLIC, SIGNED_IN, Access, roles
from schemas.vocabulary import Role, Scope
from services.results import api, pages
from services.results.domain.experts import APPOINTING
from services.results.domain.sight import ANSWERING, ROUTING
from services.results.handlers import handlers
from services.results.tables import Base
from services.results.timers import TIMERS

HERE = Path(__file__).parent


class Settings(ServiceSettings):
    """Settings of results."""

    model_config = SettingsConfigDict(env_prefix="RESULTS_", title="results Settings")

    evidence_max_bytes: int = Field(default=10 * MIB, ge=1, le=64 * MIB, description="largest evidence file, in bytes")


SCHEDULERS = roles(Role.PLANNER, Role.TEAM_LEAD)
APPOINTERS = roles(*APPOINTING)
OFFICERS = roles(Role.INSPECTOR, Role.TEAM_LEAD)
UPLOADS = OFFICERS.limited(48 * MIB)  # a form with several photos; each file has a limit of its own
APPROVERS = roles(Role.APPROVER)
PUBLISHERS = roles(Role.PUBLISHER)
CHECKERS = roles(Role.INSPECTOR, Role.TEAM_LEAD, Role.APPROVER)  # of rectifications
HANDS = roles(*ANSWERING)
ROUTERS = roles(*ROUTING)

API = "/api/results/v1"

ACCESS: Mapping[str, Access] = {
    # pages
    "GET /visits": SIGNED_IN,
    "GET /visits/{visit_id}": SIGNED_IN,
    "POST /visits/{visit_id}/schedule": SCHEDULERS,
    "GET /sections/{section_id}": SIGNED_IN,
    "POST /sections/{section_id}/draft": UPLOADS,
    "POST /sections/{section_id}/preview": UPLOADS,
    "GET /sections/{section_id}/check": OFFICERS,
    "POST /sections/{section_id}/experts": APPOINTERS,
    "POST /sections/{section_id}/experts/withdraw": APPOINTERS,
    "POST /sections/{section_id}/sign": OFFICERS,
    "POST /sections/{section_id}/unit": OFFICERS,
    "POST /sections/{section_id}/submit": OFFICERS,
    "GET /sections/{section_id}/evidence/{evidence_id}": SIGNED_IN,
    "POST /sections/{section_id}/evidence/{evidence_id}/remove": OFFICERS,
    "GET /sections/{section_id}/review": APPROVERS,
    "POST /sections/{section_id}/approve": APPROVERS,
    "POST /sections/{section_id}/return": APPROVERS,
    "POST /sections/{section_id}/verify": CHECKERS,
    "POST /sections/{section_id}/act": HANDS,
    "POST /sections/{section_id}/publish": PUBLISHERS,
    "GET /publication": SIGNED_IN,
    "GET /referrals": SIGNED_IN,
    "GET /referrals/{referral_id}": SIGNED_IN,
    "GET /referrals/{referral_id}/letter": SIGNED_IN,
    "GET /referrals/{referral_id}/evidence/{evidence_id}": SIGNED_IN,
    "GET /referrals/{referral_id}/scans/{scan_id}": SIGNED_IN,
    "POST /referrals/{referral_id}/receive": HANDS.limited(12 * MIB),
    "POST /referrals/{referral_id}/accept": HANDS,
    "POST /referrals/{referral_id}/return": HANDS,
    "POST /referrals/{referral_id}/decide": HANDS.limited(12 * MIB),
    "POST /referrals/{referral_id}/close": HANDS,
    "POST /referrals/{referral_id}/route": ROUTERS,
    "GET /public/results": PUBLIC,
    "GET /public/results/{campaign_id}": PUBLIC,
    "GET /parts/results/campaign/{campaign_id}": SIGNED_IN,
    "GET /parts/results/experts/{campaign_id}": SIGNED_IN,
    "GET /parts/results/home/me": SIGNED_IN,
    # api
    f"GET {API}/visits": SIGNED_IN.for_clients(Scope.ASSIGNMENTS_READ),
    f"GET {API}/visits/{{visit_id}}": SIGNED_IN.for_clients(Scope.ASSIGNMENTS_READ),
    f"POST {API}/visits/{{visit_id}}/schedule": SCHEDULERS.for_clients(Scope.VISITS_SCHEDULE),
    f"GET {API}/sections/{{section_id}}": SIGNED_IN.for_clients(Scope.ASSIGNMENTS_READ),
    f"POST {API}/sections/{{section_id}}/answers": OFFICERS,
    f"POST {API}/sections/{{section_id}}/evidence": OFFICERS.limited(12 * MIB),
    f"GET {API}/sections/{{section_id}}/evidence/{{evidence_id}}": SIGNED_IN,
    f"POST {API}/sections/{{section_id}}/evidence/{{evidence_id}}/remove": OFFICERS,
    f"POST {API}/sections/{{section_id}}/experts": APPOINTERS,
    f"POST {API}/sections/{{section_id}}/experts/withdraw": APPOINTERS,
    f"POST {API}/sections/{{section_id}}/sign": OFFICERS,
    f"POST {API}/sections/{{section_id}}/unit": OFFICERS,
    f"POST {API}/sections/{{section_id}}/submit": OFFICERS,
    f"POST {API}/sections/{{section_id}}/return": APPROVERS,
    f"POST {API}/sections/{{section_id}}/approve": APPROVERS,
    f"POST {API}/sections/{{section_id}}/verify": CHECKERS,
    f"POST {API}/sections/{{section_id}}/act": HANDS,
    f"POST {API}/sections/{{section_id}}/publish": PUBLISHERS,
    f"GET {API}/publication": SIGNED_IN,
    f"GET {API}/campaigns/{{campaign_id}}/summary": SIGNED_IN,
    f"GET {API}/referrals": SIGNED_IN.for_clients(Scope.REFERRALS_READ),
    f"GET {API}/referrals/{{referral_id}}": SIGNED_IN.for_clients(Scope.REFERRALS_READ),
    f"GET {API}/referrals/{{referral_id}}/letter": SIGNED_IN.for_clients(Scope.REFERRALS_READ),
    f"GET {API}/referrals/{{referral_id}}/evidence/{{evidence_id}}": SIGNED_IN.for_clients(Scope.REFERRALS_READ),
    f"GET {API}/referrals/{{referral_id}}/scans/{{scan_id}}": SIGNED_IN,
    f"POST {API}/referrals/{{referral_id}}/scans": HANDS.limited(12 * MIB).for_clients(Scope.REFERRALS_ANSWER),
    f"POST {API}/referrals/{{referral_id}}/receive": HANDS.for_clients(Scope.REFERRALS_ANSWER),
    f"POST {API}/referrals/{{referral_id}}/accept": HANDS.for_clients(Scope.REFERRALS_ANSWER),
    f"POST {API}/referrals/{{referral_id}}/return": HANDS.for_clients(Scope.REFERRALS_ANSWER),
    f"POST {API}/referrals/{{referral_id}}/decide": HANDS.for_clients(Scope.REFERRALS_ANSWER),
    f"POST {API}/referrals/{{referral_id}}/close": HANDS,
    f"POST {API}/referrals/{{referral_id}}/route": ROUTERS,
    f"GET {API}/public": PUBLIC,
}

_VISITORS = frozenset(
    {Role.PLANNER, Role.DRAW_OFFICER, Role.INSPECTOR, Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD, Role.VIEWER}
)

MENU = (
    MenuEntry("/visits", "入企检查", "Visits", _VISITORS, icon="clipboard-check"),
    MenuEntry(
        "/publication",
        "结果公示",
        "Publication",
        frozenset({Role.PUBLISHER, Role.APPROVER, Role.AGENCY_HEAD}),
        icon="megaphone",
    ),
    MenuEntry("/referrals", "移送抄告", "Referrals", HANDS.roles | {Role.VIEWER}, icon="send"),
)


def results(ports: Ports, place: Place, given: Mapping[str, Any] = NOTHING) -> Service:
    """Put the service together on *ports*, its database in *place*, as its section of the settings file says."""
    return Service(
        name="results",
        base=Base,
        ports=ports,
        db=database_of("results", place, Base),
        migrations=HERE / "migrations",
        handlers_marked=handlers(demo=ports.demo),
        timers=TIMERS,
        messages=HERE / "messages.toml",
        settings=Settings(**given),
        access=ACCESS,
        menu=MENU,
        tiles=("/parts/results/home/me",),
        routers=(api.routes, pages.routes),
        templates=HERE / "templates",
    )
