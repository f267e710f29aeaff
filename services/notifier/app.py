"""The notifier's wiring: settings, access table, and the service made of both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from runtime.service import Gauge, MenuEntry, Ports, Service
from runtime.settings import NOTHING, ServiceSettings
from runtime.store.places import Place, database_of
from runtime.web.access import SIGNED_IN, Access, roles
from schemas.vocabulary import Role, Scope
from services.notifier import api, api_webhooks, pages, pages_webhooks
from services.notifier.handlers import HANDLERS
from services.notifier.queries import overdue_count
from services.notifier.sending import ERRANDS
from services.notifier.tables import Base
from services.notifier.timers import TIMERS

HERE = Path(__file__).parent
ADMINS = roles(Role.AGENCY_ADMIN)


class Settings(ServiceSettings):
    """Settings of the notifier."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_", title="notifier Settings")

    sweep_batch: int = Field(default=200, ge=1, le=5000, description="duties per transaction of a sweep")
    webhook_loopback: bool = Field(
        default=False, description="demo homes only: webhooks may go to this machine itself, by http too"
    )


# Whoever is signed in has an inbox and sees the duties of their own agency; what a person sees is decided by the wall
# and by the account, not by the role.
ACCESS: dict[str, Access] = {
    "GET /notices": SIGNED_IN,
    "POST /notices/{notice_id}/read": SIGNED_IN,
    "POST /notices/read-all": SIGNED_IN,
    "GET /duties": SIGNED_IN,
    "GET /parts/notifier/home/me": SIGNED_IN,
    "GET /parts/notifier/campaign/{campaign_id}": SIGNED_IN,
    "GET /parts/notifier/bell/me": SIGNED_IN,
    "GET /api/notifier/v1/notices": SIGNED_IN,
    "POST /api/notifier/v1/notices/{notice_id}/read": SIGNED_IN,
    "POST /api/notifier/v1/notices/read-all": SIGNED_IN,
    "GET /api/notifier/v1/duties": SIGNED_IN,
    "GET /api/notifier/v1/summary": SIGNED_IN,
    "GET /webhooks": ADMINS,
    "POST /webhooks": ADMINS,
    "GET /webhooks/new": ADMINS,
    "GET /webhooks/{webhook_id}": ADMINS,
    "POST /webhooks/{webhook_id}/secret": ADMINS,
    "POST /webhooks/{webhook_id}/test": ADMINS,
    "POST /webhooks/{webhook_id}/pause": ADMINS,
    "POST /webhooks/{webhook_id}/resume": ADMINS,
    "POST /webhooks/{webhook_id}/remove": ADMINS,
    "GET /api/notifier/v1/webhooks": ADMINS,
    "POST /api/notifier/v1/webhooks": ADMINS,
    "GET /api/notifier/v1/webhooks/{webhook_id}": ADMINS,
    "GET /api/notifier/v1/webhooks/{webhook_id}/deliveries": ADMINS,
    "POST /api/notifier/v1/webhooks/{webhook_id}/secret": ADMINS,
    "POST /api/notifier/v1/webhooks/{webhook_id}/test": ADMINS,
    "POST /api/notifier/v1/webhooks/{webhook_id}/pause": ADMINS,
    "POST /api/notifier/v1/webhooks/{webhook_id}/resume": ADMINS,
    "POST /api/notifier/v1/webhooks/{webhook_id}/remove": ADMINS,
    "GET /api/feed": ADMINS.for_clients(Scope.FEED_READ),
}

MENU = (
    MenuEntry("/duties", "待办与期限", "Duties and deadlines", icon="clock"),
    MenuEntry("/notices", "通知", "Notices", icon="bell"),
    MenuEntry("/webhooks", "消息推送", "Webhooks", frozenset({Role.AGENCY_ADMIN}), icon="send"),
)


GAUGES = (Gauge("duties_overdue", "open duties that are overdue", overdue_count),)


def notifier(ports: Ports, place: Place, given: Mapping[str, Any] = NOTHING) -> Service:
    """Put the notifier together on *ports*, its database in *place*, as its section of the settings file says."""
    return Service(
        name="notifier",
        base=Base,
        ports=ports,
        db=database_of("notifier", place, Base),
        migrations=HERE / "migrations",
        handlers_marked=HANDLERS,
        timers=TIMERS,
        errands=ERRANDS,
        gauges=GAUGES,
        messages=HERE / "messages.toml",
        settings=Settings(**given),
        access=ACCESS,
        menu=MENU,
        tiles=("/parts/notifier/home/me",),
        routers=(api.routes, api_webhooks.routes, pages.routes, pages_webhooks.routes),
        templates=HERE / "templates",
    )
