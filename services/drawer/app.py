"""The drawer's own wiring: settings → ports → commands, handlers, timers, routes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from runtime.service import MenuEntry, Ports, Service
from runtime.settings import NOTHING, ServiceSettings
from runtime.store.places import Place, database_of
from runtime.web import MIB, PUBLIC, SIGNED_IN, Access, roles
from schemas.vocabulary import Role, Scope
from services.drawer import (
    api,
    api_appointments,
    api_faults,
    api_imports,
    api_rounds,
    pages,
    pages_appointments,
    pages_faults,
    pages_imports,
    pages_live,
    pages_papers,
    pages_rehearsal,
    pages_rounds,
    pages_visits,
)
from services.drawer.acts import Intervals
from services.drawer.domain import changes
from services.drawer.handlers import HANDLERS
from services.drawer.tables import Base
from services.drawer.timers import TIMERS, sweeping

HERE = Path(__file__).parent
OFFICER = roles(Role.DRAW_OFFICER)
WITNESS = roles(Role.WITNESS)
BODY = roles(Role.DRAW_OFFICER, Role.WITNESS)
LIST = roles(Role.DRAW_OFFICER, Role.PLANNER)
ASKING = roles(*changes.ASKING)
DECIDING = roles(*changes.DECIDING)
HEAD = roles(Role.AGENCY_HEAD)
IMPORT = OFFICER.for_clients(Scope.DRAWS_IMPORT)


class Settings(ServiceSettings):
    """How long the steps of a draw take where the lead says nothing else, and how long a rehearsal is kept."""

    model_config = SettingsConfigDict(env_prefix="DRAWER_", title="drawer Settings")

    commit_minutes: int = Field(default=1440, ge=1, description="from publishing the manifest to commit_close")
    reveal_minutes: int = Field(default=60, ge=1, description="from commit_close to reveal_close")
    seal_minutes: int = Field(default=30, ge=0, description="from reveal_close to seal_by")
    beacon_minutes: int = Field(
        default=10, ge=10, description="from seal_by to the dice; JIDRAW/1 asks for ten at least"
    )
    keep_rehearsal_days: int = Field(
        default=30, ge=1, le=366, description="how long a rehearsal nobody goes on with is kept"
    )

    @property
    def intervals(self) -> Intervals:
        """Give the intervals as the acts take them."""
        return Intervals(self.commit_minutes, self.reveal_minutes, self.seal_minutes, self.beacon_minutes)


ACCESS: dict[str, Access] = {
    "GET /draws": SIGNED_IN,
    "GET /draws/{draw_id}": SIGNED_IN,
    "GET /draws/{draw_id}/targets": LIST,
    "GET /draws/{draw_id}/targets/{visit_id}": SIGNED_IN,
    "GET /draws/{draw_id}/targets/{visit_id}/card": SIGNED_IN,
    "GET /parts/drawer/visit/{visit_id}": SIGNED_IN,
    "GET /draws/{draw_id}/sheet": LIST,
    "GET /draws/{draw_id}/archive.zip": SIGNED_IN,
    "POST /draws/{draw_id}/commit": OFFICER,
    "POST /draws/{draw_id}/countersign": OFFICER,
    "POST /draws/{draw_id}/reveal": OFFICER,
    "POST /draws/{draw_id}/seal": BODY,
    "POST /draws/{draw_id}/dice": BODY.limited(12 * MIB),
    "GET /draws/{draw_id}/dice/photo": SIGNED_IN,
    "POST /draws/{draw_id}/beacon": BODY,
    "GET /draws/{draw_id}/faults": SIGNED_IN,
    "POST /draws/{draw_id}/faults": BODY.limited(12 * MIB),
    "GET /draws/{draw_id}/faults/{number}/evidence": SIGNED_IN,
    "GET /draws/{draw_id}/live": SIGNED_IN,
    "GET /draws/{draw_id}/witness": WITNESS,
    "GET /parts/drawer/live/{draw_id}": SIGNED_IN,
    "GET /parts/drawer/turn/{draw_id}": SIGNED_IN,
    "GET /draws/{draw_id}/changes": SIGNED_IN,
    "POST /draws/{draw_id}/changes": ASKING.limited(12 * MIB),
    "POST /draws/{draw_id}/changes/{change_id}/decide": DECIDING,
    "POST /draws/{draw_id}/changes/{change_id}/withdraw": ASKING,
    "GET /draws/{draw_id}/changes/{change_id}/evidence": SIGNED_IN,
    "GET /draws/{draw_id}/appointments": SIGNED_IN,
    "POST /draws/{draw_id}/appointments": ASKING,
    "POST /draws/{draw_id}/appointments/{appointment_id}/decide": HEAD,
    "POST /draws/{draw_id}/appointments/{appointment_id}/end": HEAD,
    "POST /draws/{draw_id}/appointments/{appointment_id}/withdraw": ASKING,
    "POST /draws/{draw_id}/rounds": OFFICER,
    "GET /draws/{draw_id}/rounds/{number}": SIGNED_IN,
    "POST /draws/{draw_id}/rounds/{number}/sign": BODY,
    "POST /draws/{draw_id}/rounds/{number}/reveal": OFFICER,
    "POST /draws/{draw_id}/rounds/{number}/seal": BODY,
    "POST /draws/{draw_id}/rounds/{number}/dice": BODY.limited(12 * MIB),
    "GET /draws/{draw_id}/rounds/{number}/dice/photo": SIGNED_IN,
    "POST /draws/{draw_id}/rounds/{number}/beacon": BODY,
    "GET /draw-keys": SIGNED_IN,
    "POST /draw-keys": BODY,
    "POST /draw-keys/server": BODY,
    "GET /campaigns/{campaign_id}/draw": OFFICER,
    "POST /campaigns/{campaign_id}/draw": OFFICER,
    "GET /campaigns/{campaign_id}/rehearsal": OFFICER,
    "POST /campaigns/{campaign_id}/rehearsal": OFFICER,
    "POST /campaigns/{campaign_id}/rehearsal/speak": OFFICER,
    "POST /campaigns/{campaign_id}/rehearsal/wait": OFFICER,
    "POST /campaigns/{campaign_id}/rehearsal/drop": OFFICER,
    "GET /campaigns/{campaign_id}/rehearsal/{file}": OFFICER,
    "GET /campaigns/{campaign_id}/draw/import": OFFICER,
    "POST /campaigns/{campaign_id}/draw/import": OFFICER.limited(24 * MIB),
    "GET /campaigns/{campaign_id}/draw/import/template": OFFICER,
    "GET /draws/{draw_id}/import/correct": OFFICER,
    "POST /draws/{draw_id}/import/correct": OFFICER.limited(24 * MIB),
    "GET /draws/{draw_id}/import/list": SIGNED_IN,
    "POST /draws/{draw_id}/import/decide": DECIDING,
    "POST /draws/{draw_id}/import/withdraw": OFFICER,
    "GET /draws/{draw_id}/import/evidence": SIGNED_IN,
    "GET /parts/drawer/campaign/{campaign_id}": SIGNED_IN,
    "GET /parts/drawer/home/me": SIGNED_IN,
    "GET /public/verify_draw.py": PUBLIC,
    "GET /public/verify.html": PUBLIC,
    "GET /public/draws": PUBLIC,
    "GET /public/draws/{draw_id}/at-once": PUBLIC,
    "GET /public/draws/{draw_id}/at-once.json": PUBLIC,
    "GET /public/draws/{draw_id}": PUBLIC,
    "GET /public/draws/{draw_id}/why": PUBLIC,
    "GET /public/draws/{draw_id}/why.json": PUBLIC,
    "GET /public/draws/{draw_id}/record.json": PUBLIC,
    "GET /public/draws/{draw_id}/import.json": PUBLIC,
    "GET /public/draws/{draw_id}/frame.tsv": PUBLIC,
    "GET /public/draws/{draw_id}/keys.json": PUBLIC,
    "GET /public/draws/{draw_id}/archive.zip": PUBLIC,
    "GET /public/draws/{draw_id}/faults/{number}/evidence": PUBLIC,
    "GET /public/draws/{draw_id}/visits": PUBLIC,
    "GET /public/draws/{draw_id}/visits.json": PUBLIC,
    "GET /public/draws/{draw_id}/visits/{visit_id}": PUBLIC,
    "GET /public/draws/{draw_id}/visits/{visit_id}/proof.json": PUBLIC,
    "GET /api/drawer/v1/draws": SIGNED_IN.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws": OFFICER,
    "GET /api/drawer/v1/draws/{draw_id}": SIGNED_IN.for_clients(Scope.DRAWS_SPEAK),
    "GET /api/drawer/v1/draws/{draw_id}/targets": LIST,
    "GET /api/drawer/v1/draws/{draw_id}/papers": BODY.for_clients(Scope.DRAWS_SPEAK),
    "GET /api/drawer/v1/draws/{draw_id}/frame": OFFICER.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/keys": BODY.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/commit": OFFICER.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/countersign": OFFICER.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/reveal": OFFICER.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/seal": BODY.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/dice": BODY.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/beacon": BODY.for_clients(Scope.DRAWS_SPEAK),
    "GET /api/drawer/v1/draws/{draw_id}/record": SIGNED_IN,
    "POST /api/drawer/v1/draws/{draw_id}/faults": BODY.limited(12 * MIB).for_clients(Scope.DRAWS_SPEAK),
    "GET /api/drawer/v1/draws/{draw_id}/faults/{number}/evidence": SIGNED_IN.for_clients(Scope.DRAWS_SPEAK),
    "GET /api/drawer/v1/draws/{draw_id}/changes": SIGNED_IN,
    "POST /api/drawer/v1/draws/{draw_id}/changes": ASKING.limited(12 * MIB),
    "POST /api/drawer/v1/draws/{draw_id}/changes/{change_id}/decide": DECIDING,
    "POST /api/drawer/v1/draws/{draw_id}/changes/{change_id}/withdraw": ASKING,
    "GET /api/drawer/v1/draws/{draw_id}/changes/{change_id}/evidence": SIGNED_IN,
    "GET /api/drawer/v1/draws/{draw_id}/appointments": SIGNED_IN,
    "POST /api/drawer/v1/draws/{draw_id}/appointments": ASKING,
    "POST /api/drawer/v1/draws/{draw_id}/appointments/{appointment_id}/decide": HEAD,
    "POST /api/drawer/v1/draws/{draw_id}/appointments/{appointment_id}/end": HEAD,
    "POST /api/drawer/v1/draws/{draw_id}/appointments/{appointment_id}/withdraw": ASKING,
    "POST /api/drawer/v1/campaigns/{campaign_id}/import": IMPORT.limited(24 * MIB),
    "GET /api/drawer/v1/campaigns/{campaign_id}/import/template": IMPORT,
    "GET /api/drawer/v1/imports": SIGNED_IN.for_clients(Scope.DRAWS_IMPORT),
    "GET /api/drawer/v1/draws/{draw_id}/import": SIGNED_IN.for_clients(Scope.DRAWS_IMPORT),
    "GET /api/drawer/v1/draws/{draw_id}/import/list": SIGNED_IN.for_clients(Scope.DRAWS_IMPORT),
    "POST /api/drawer/v1/draws/{draw_id}/import/corrections": IMPORT.limited(24 * MIB),
    "POST /api/drawer/v1/draws/{draw_id}/import/decide": DECIDING,
    "POST /api/drawer/v1/draws/{draw_id}/import/withdraw": IMPORT,
    "GET /api/drawer/v1/draws/{draw_id}/import/evidence": SIGNED_IN,
    "POST /api/drawer/v1/draws/{draw_id}/rounds": OFFICER,
    "POST /api/drawer/v1/draws/{draw_id}/rounds/{number}/sign": BODY.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/rounds/{number}/reveal": OFFICER.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/rounds/{number}/seal": BODY.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/rounds/{number}/dice": BODY.for_clients(Scope.DRAWS_SPEAK),
    "POST /api/drawer/v1/draws/{draw_id}/rounds/{number}/beacon": BODY.for_clients(Scope.DRAWS_SPEAK),
    "GET /api/drawer/v1/campaigns/{campaign_id}/feasibility": SIGNED_IN,
}

MENU = (
    MenuEntry(
        "/draws",
        "联合抽取",
        "Draws",
        frozenset({Role.DRAW_OFFICER, Role.PLANNER, Role.WITNESS, Role.AGENCY_HEAD, Role.SUPERVISOR}),
        "dice-5",
    ),
    MenuEntry("/draw-keys", "签名公钥", "Public keys", frozenset({Role.DRAW_OFFICER, Role.WITNESS}), "key"),
)


def drawer(ports: Ports, place: Place, given: Mapping[str, Any] = NOTHING) -> Service:
    """Put the drawer together on *ports*, its database in *place*, as its section of the settings file says."""
    settings = Settings(**given)
    return Service(
        name="drawer",
        base=Base,
        ports=ports,
        db=database_of("drawer", place, Base),
        migrations=HERE / "migrations",
        handlers_marked=HANDLERS,
        timers=(*TIMERS, sweeping(settings.keep_rehearsal_days)),
        messages=HERE / "messages.toml",
        settings=settings,
        access=ACCESS,
        menu=MENU,
        tiles=("/parts/drawer/home/me",),
        routers=(
            api.routes,
            api_appointments.routes,
            api_faults.routes,
            api_imports.routes,
            api_rounds.routes,
            pages.routes,
            pages_appointments.routes,
            pages_faults.routes,
            pages_imports.routes,
            pages_live.routes,
            pages_papers.routes,
            pages_rehearsal.routes,
            pages_rounds.routes,
            pages_visits.routes,
        ),
        templates=HERE / "templates",
    )
