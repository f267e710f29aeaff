"""The notifier's wiring: settings, access table, and the service made of both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from runtime.service import MenuEntry, Ports, Service
from runtime.settings import NOTHING, ServiceSettings
from runtime.store.database import Database
from runtime.web.access import SIGNED_IN, Access
from services.notifier import api, pages
from services.notifier.handlers import HANDLERS
from services.notifier.tables import Base
from services.notifier.timers import TIMERS

HERE = Path(__file__).parent


class Settings(ServiceSettings):
    """Settings of the notifier."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_", title="notifier Settings")

    sweep_batch: int = Field(default=200, ge=1, le=5000, description="duties per transaction of a sweep")


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
}

MENU = (
    MenuEntry("/duties", "待办与期限", "Duties and deadlines", icon="clock"),
    MenuEntry("/notices", "通知", "Notices", icon="bell"),
)


def notifier(ports: Ports, home: Path, given: Mapping[str, Any] = NOTHING) -> Service:
    """Put the notifier together on *ports*, its database in *home*, as its section of the settings file says."""
    return Service(
        name="notifier",
        base=Base,
        ports=ports,
        db=Database(home / "notifier.sqlite", Base),
        migrations=HERE / "migrations",
        handlers_marked=HANDLERS,
        timers=TIMERS,
        messages=HERE / "messages.toml",
        settings=Settings(**given),
        access=ACCESS,
        menu=MENU,
        tiles=("/parts/notifier/home/me",),
        routers=(api.routes, pages.routes),
        templates=HERE / "templates",
    )
