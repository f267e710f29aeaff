"""One application out of all services' routes, behind the guard."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Route

from runtime.service import Service
from runtime.web.access import ASSET, Access, AccessTable
from runtime.web.guard import Guard
from runtime.web.health import Readiness, Ready, health_routes
from runtime.web.problems import catch_refusals
from runtime.web.signin import NobodySignsIn, SignIn
from runtime.web.templates import Web

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

OWN_ACCESS: Mapping[str, Access] = {
    "GET /healthz": ASSET,
    "GET /readyz": ASSET,
    "GET /assets/{name:path}": ASSET,
}


class RouterNested(Exception):
    """A router was included with a prefix of its own; give its routes their full paths instead."""


class AccessLineDoubled(Exception):
    """Two services speak of the same route."""


def application(
    web: Web,
    services: Sequence[Service],
    sign_in: SignIn | None = None,
    *,
    lifespan: Lifespan | None = None,
    ready: Ready | None = None,
) -> FastAPI:
    """
    Assemble the web process.

    Args:
        web: What pages share; made of the same services.
        services: Whose ``routers`` (``routes(service, web)``) are served and whose ``access`` guards them.
        sign_in: Who holds a session; without it nobody is ever signed in.
        lifespan: Run around serving: starts and stops workers and timers in the embedded form.
        ready: What /readyz tells.

    Raises:
        RouteWithoutAccessLine: a route nobody speaks of in an access table, by its name.
        AccessLineWithoutRoute: the other way round.
    """
    app = FastAPI(
        title="OneVisit",
        lifespan=lifespan or _nothing,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    routes = [*_own_routes(web, ready), *(route for router in routers_of(services, web) for route in flat(router))]
    app.router.routes[:] = routes
    table = AccessTable(_lines(services), app.router.routes)
    catch_refusals(app, web)
    app.add_middleware(Guard, table=table, sign_in=sign_in or NobodySignsIn(), web=web)
    app.state.access = table
    return app


def routers_of(services: Iterable[Service], web: Web) -> list[APIRouter]:
    """Ask every service for its routes."""
    return [routes(service, web) for service in services for routes in service.routers]


def flat(router: APIRouter) -> list[BaseRoute]:
    """
    List a router's routes, those of routers included in it too.

    The application serves one flat list, so that what the access table matches is exactly what will run.
    """
    found: list[BaseRoute] = []
    for context in iter_route_contexts(router.routes):
        route = context.original_route
        if context.path != getattr(route, "path", None):
            raise RouterNested(f"{context.path} comes from {getattr(route, 'path', route)}")
        found.append(route)
    return found


def _lines(services: Iterable[Service]) -> dict[str, Access]:
    lines = dict(OWN_ACCESS)
    for service in services:
        if doubled := sorted(lines.keys() & service.access.keys()):
            raise AccessLineDoubled(f"{service.name}: {'; '.join(doubled)}")
        lines |= service.access
    return lines


def _own_routes(web: Web, ready: Ready | None) -> list[BaseRoute]:
    def asset(request: Request) -> Response:
        return web.assets.answer(request)

    return [*health_routes(ready or Readiness), Route("/assets/{name:path}", asset, methods=["GET"])]


@asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield
