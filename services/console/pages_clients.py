"""Pages of an agency's API clients (接口密钥)."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from runtime.service import Service
from runtime.web.caller import TheCaller
from runtime.web.templates import Web, see_other
from schemas.vocabulary import Scope
from services.console.clients import new_client
from services.console.commands_clients import revoke_client
from services.console.domain.scopes import LONGEST, NAMES, day_of
from services.console.queries_clients import clients_of

USUAL = timedelta(days=180)


def routes(console: Service, web: Web) -> APIRouter:
    """Offer the pages."""
    router = APIRouter(include_in_schema=False)
    clock = console.ports.clock

    @router.get("/clients")
    def clients(request: Request, caller: TheCaller) -> Response:
        found = console.ask(caller.actor, clients_of, now=clock.now())
        return web.render(request, "console/clients.html", clients=found)

    @router.get("/clients/new")
    def new(request: Request, caller: TheCaller) -> Response:
        today = day_of(clock.now())
        return web.render(
            request,
            "console/client_new.html",
            scopes=[(scope.value, NAMES[scope][caller.lang == "en"], scope.value) for scope in Scope],
            usual=today + USUAL,
            first=today,
            latest=today + LONGEST,
        )

    @router.post("/clients")
    def make(
        request: Request,
        caller: TheCaller,
        name: Annotated[str, Form()],
        expires_on: Annotated[date, Form()],
        scopes: Annotated[list[Scope] | None, Form()] = None,
    ) -> Response:
        made = new_client(console, caller, name, scopes or [], expires_on)
        return web.render(request, "console/client_made.html", made=made, name=name)

    @router.post("/clients/{client_id}/revoke")
    def revoke(caller: TheCaller, client_id: str) -> Response:
        console.do(caller.actor, revoke_client, key=caller.key, client=client_id)
        return see_other("/clients", said="done.client_revoked")

    return router
