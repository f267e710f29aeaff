"""JSON API of an agency's API clients: ``/api/console/v1/clients``."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from runtime.service import Service
from runtime.web.caller import TheCaller
from runtime.web.templates import Web
from schemas.vocabulary import Scope
from services.console.clients import new_client
from services.console.commands_clients import revoke_client
from services.console.queries_clients import ClientView, clients_of

V1 = "/api/console/v1"


class NewClient(BaseModel):
    """A client to make."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: list[Scope]
    expires_on: date


def routes(console: Service, web: Web) -> APIRouter:
    """Offer the API's routes."""
    router = APIRouter()

    @router.get(f"{V1}/clients")
    def clients(caller: TheCaller) -> dict[str, Any]:
        """List the API clients of the asker's agency, ended ones included."""
        found = console.ask(caller.actor, clients_of, now=console.ports.clock.now())
        return {"clients": [client_json(one) for one in found]}

    @router.post(f"{V1}/clients")
    def make(caller: TheCaller, asked: NewClient) -> Response:
        """Make an API client; its key is in this answer and shown never again."""
        made = new_client(console, caller, asked.name, asked.scopes, asked.expires_on)
        return JSONResponse({"client": made.client, "key": made.key}, status_code=201)

    @router.post(f"{V1}/clients/{{client_id}}/revoke")
    def revoke(caller: TheCaller, client_id: str) -> Any:
        """Revoke an API client: its next request is refused."""
        return console.do(caller.actor, revoke_client, key=caller.key, client=client_id).value

    return router


def client_json(view: ClientView) -> dict[str, Any]:
    """Write a client for programs."""
    return {
        "client": view.id,
        "name": view.name,
        "scopes": [scope.code for scope in view.scopes],
        "live": view.live,
        **jsonable_encoder({name: getattr(view, name) for name in ("expires_on", "made_at", "made_by", "used_at")}),
        "revoked_at": jsonable_encoder(view.revoked_at),
    }
