"""A service that is nothing but pages: every macro once, home tiles, and routes to try the guard on."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase

from runtime.errors import Conflict, NotYet, Rejected, TryAgain
from runtime.service import MenuEntry, Ports, Service
from runtime.store.database import Database
from runtime.web.access import PUBLIC, SIGNED_IN, roles
from runtime.web.caller import TheCaller
from runtime.web.etag import check_version, versioned
from runtime.web.templates import Web
from schemas.vocabulary import Role
from tests.pages.client import HOSTILE

DAY = date(2018, 12, 3)
MOMENT = datetime(2018, 12, 3, 6, 5, tzinfo=UTC)
TILES = ("visits", "referrals", "notices", "nothing")
UPLOAD_LIMIT = 3 * 1024 * 1024


class Base(DeclarativeBase):
    """No tables."""


class TooBold(Rejected):
    """A refusal without a sentence of its own."""

    code = "gallery.too_bold"


class Order(BaseModel):
    """Something to post."""

    amount: int


ACCESS = {
    "GET /gallery": SIGNED_IN,
    "POST /gallery": SIGNED_IN,
    "GET /gallery/planners": roles(Role.PLANNER),
    "POST /gallery/upload": SIGNED_IN.limited(UPLOAD_LIMIT),
    "GET /public/gallery": PUBLIC,
    "GET /parts/gallery/{which}/me": SIGNED_IN,
    "GET /parts/gallery/part/{number}": SIGNED_IN,
    "GET /api/gallery/v1/thing": SIGNED_IN,
    "POST /api/gallery/v1/thing": SIGNED_IN,
    "POST /api/gallery/v1/order": roles(Role.PLANNER),
    "POST /api/gallery/v1/fail/{how}": SIGNED_IN,
    "GET /gallery/fail/{how}": SIGNED_IN,
}

_FAILURES: dict[str, Exception] = {
    "conflict": Conflict(),
    "not_yet": NotYet("campaign:C-1"),
    "try_again": TryAgain(),
    "bold": TooBold(on=DAY, who={"b", "a"}),
    "bug": ZeroDivisionError("1000000007"),
}


def gallery(ports: Ports, home: Path) -> Service:
    """Put the gallery together."""
    return Service(
        name="gallery",
        base=Base,
        ports=ports,
        db=Database(home / "gallery.sqlite", Base),
        migrations=home,
        templates=Path(__file__).parent / "templates",
        access=ACCESS,
        menu=(
            MenuEntry("/gallery", "版式样本", "Gallery", icon="clipboard-check"),
            MenuEntry("/gallery/planners", "计划岗专页", "Planners", frozenset({Role.PLANNER}), icon="calendar3"),
            MenuEntry("/public/gallery", "公示", "Published", icon="globe2"),
        ),
        tiles=tuple(f"/parts/gallery/{name}/me" for name in TILES),
        routers=(routes,),
    )


def routes(service: Service, web: Web) -> APIRouter:
    """Offer the gallery."""
    router = APIRouter()
    _pages(router, web)
    _api(router)
    return router


def _pages(router: APIRouter, web: Web) -> None:
    @router.get("/gallery")
    def every_macro(request: Request, caller: TheCaller) -> Response:
        return web.render(request, "gallery/all.html", hostile=HOSTILE, day=DAY, moment=MOMENT)

    @router.post("/gallery")
    def posted(request: Request, caller: TheCaller) -> Response:
        return web.render(request, "gallery/all.html", hostile=caller.key, day=DAY, moment=MOMENT)

    @router.get("/gallery/planners")
    def planners(request: Request, caller: TheCaller) -> Response:
        return web.render(request, "gallery/all.html", hostile=HOSTILE, day=DAY, moment=MOMENT)

    @router.get("/public/gallery")
    def public(request: Request) -> Response:
        return web.render(request, "gallery/public.html")

    @router.get("/parts/gallery/{which}/me")
    def tile(request: Request, caller: TheCaller, which: str) -> Response:
        return web.render(request, "gallery/tile.html", which=which, hostile=HOSTILE, day=DAY)

    @router.get("/parts/gallery/part/{number}")
    def part(request: Request, caller: TheCaller, number: int) -> Response:
        return web.render(request, "gallery/tile.html", which="referrals", hostile=HOSTILE, day=DAY)

    @router.post("/gallery/upload")
    def upload(caller: TheCaller, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
        return {"bytes": len(file.file.read()), "key": caller.key}

    @router.get("/gallery/fail/{how}")
    def fail(caller: TheCaller, how: str) -> None:
        raise _FAILURES[how]


def _api(router: APIRouter) -> None:
    @router.get("/api/gallery/v1/thing")
    def thing(request: Request, caller: TheCaller) -> Response:
        return versioned(request, {"on": DAY}, 7)

    @router.post("/api/gallery/v1/thing")
    def change_thing(caller: TheCaller) -> dict[str, Any]:
        check_version(caller, 7)
        return {"key": caller.key, "lang": caller.lang}

    @router.post("/api/gallery/v1/order")
    def order(caller: TheCaller, asked: Order) -> dict[str, Any]:
        return {"amount": asked.amount}

    @router.post("/api/gallery/v1/fail/{how}")
    def fail(caller: TheCaller, how: str) -> None:
        raise _FAILURES[how]
