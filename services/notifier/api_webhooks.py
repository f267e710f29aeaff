"""JSON API for partner systems: the feed ``/api/feed``, and webhooks under ``/api/notifier/v1/webhooks``."""

import secrets
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from runtime.errors import Conflict
from runtime.service import Service
from runtime.web.caller import Caller, TheCaller
from runtime.web.templates import Web
from schemas.webhooks import write_secret
from services.notifier import commands_webhooks as commands
from services.notifier.queries_webhooks import PAGE, deliveries_of, feed_page, webhook_view, webhooks_of
from services.notifier.sending import SECRET, loopback_allowed

FEED = "/api/feed"
ROOT = "/api/notifier/v1/webhooks"
BATCH = "application/cloudevents-batch+json"
SECRET_BYTES = 32

Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str, Query(max_length=200)]


class SecretShownOnce(Conflict):
    """This very request was done before, and the secret went out with the answer that was lost."""

    code = "webhook.secret_shown_once"


class NewWebhook(BaseModel):
    """A webhook to add."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)]
    url: Annotated[str, Field(max_length=4000)]
    kinds: Annotated[list[str], Field(max_length=200)] = []


class Added(NamedTuple):
    """A webhook with the secret that is shown this once."""

    webhook: str
    secret: str


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of the API."""
    router = APIRouter()
    _feed_route(router, service)
    _webhook_routes(router, service)
    return router


def _feed_route(router: APIRouter, service: Service) -> None:
    @router.get(FEED)
    def feed(caller: TheCaller, after: Cursor = "", limit: Limit = 100) -> Response:
        """Give the agency's own events after a cursor, as they were said, oldest first."""
        page = service.ask(caller.actor, feed_page, after=after, limit=limit)
        following = f"{FEED}?{urlencode({'after': page.cursor, 'limit': limit})}"
        headers = {
            "Feed-Cursor": page.cursor,
            "Feed-More": "true" if page.more else "false",
            "Link": f'<{following}>; rel="next"',
        }
        return Response("[" + ",".join(page.events) + "]", headers=headers, media_type=BATCH)


def _webhook_routes(router: APIRouter, service: Service) -> None:
    @router.get(ROOT)
    def webhooks(caller: TheCaller) -> Any:
        """List the agency's webhooks and how each fares."""
        return {"webhooks": service.ask(caller.actor, webhooks_of)}

    @router.post(ROOT)
    def add(caller: TheCaller, asked: NewWebhook) -> Response:
        """Add a webhook; the secret for checking its signatures is in this answer and shown never again."""
        return JSONResponse(new_webhook(service, caller, asked.name, asked.url, asked.kinds)._asdict(), status_code=201)

    @router.get(f"{ROOT}/{{webhook_id}}")
    def webhook(caller: TheCaller, webhook_id: str) -> Any:
        """Show one webhook."""
        return service.ask(caller.actor, webhook_view, webhook=webhook_id)

    @router.get(f"{ROOT}/{{webhook_id}}/deliveries")
    def deliveries(
        caller: TheCaller, webhook_id: str, before: Annotated[int | None, Query(ge=1)] = None, limit: Limit = PAGE
    ) -> Any:
        """List what was sent to a webhook, newest first, and what became of it."""
        found = service.ask(caller.actor, deliveries_of, webhook=webhook_id, before=before, limit=limit)
        more = found[-1].number if len(found) == limit else None
        return {"deliveries": jsonable_encoder(found), "before": more}

    @router.post(f"{ROOT}/{{webhook_id}}/secret")
    def renew(caller: TheCaller, webhook_id: str) -> Any:
        """Renew the secret of a webhook; the new one is in this answer and shown never again."""
        return renewed_secret(service, caller, webhook_id)._asdict()

    @router.post(f"{ROOT}/{{webhook_id}}/test")
    def test(caller: TheCaller, webhook_id: str) -> Any:
        """Send a test message to a webhook."""
        return service.do(caller.actor, commands.try_webhook, key=caller.key, webhook=webhook_id).value

    @router.post(f"{ROOT}/{{webhook_id}}/pause")
    def pause(caller: TheCaller, webhook_id: str) -> Any:
        """Hold back what a webhook would be sent; nothing is lost meanwhile."""
        return service.do(caller.actor, commands.pause_webhook, key=caller.key, webhook=webhook_id).value

    @router.post(f"{ROOT}/{{webhook_id}}/resume")
    def resume(caller: TheCaller, webhook_id: str) -> Any:
        """Go on sending to a webhook that was paused or disabled, with what was held back first."""
        return service.do(caller.actor, commands.resume_webhook, key=caller.key, webhook=webhook_id).value

    @router.post(f"{ROOT}/{{webhook_id}}/remove")
    def remove(caller: TheCaller, webhook_id: str) -> Any:
        """Remove a webhook with its queue and log."""
        return service.do(caller.actor, commands.remove_webhook, key=caller.key, webhook=webhook_id).value


def new_webhook(service: Service, caller: Caller, name: str, url: str, kinds: list[str]) -> Added:
    """
    Add a webhook with a secret of its own.

    Raises:
        SecretShownOnce: a repeated request.
    """
    if (earlier := service.recall(caller.actor, caller.key)) is not None:
        raise SecretShownOnce(webhook=str(earlier.value.get("webhook", "")))
    raw = secrets.token_bytes(SECRET_BYTES)  # never from the port: in a demo home that repeats
    reply = service.do(
        caller.actor,
        commands.add_webhook,
        key=caller.key,
        name=name,
        url=url.strip(),
        kinds=kinds,
        secret=_sealed(service, raw),
        loopback=loopback_allowed(service),
    )
    return Added(reply.value["webhook"], write_secret(raw))


def renewed_secret(service: Service, caller: Caller, webhook: str) -> Added:
    """
    Give a webhook another secret.

    Raises:
        SecretShownOnce: a repeated request.
    """
    if service.recall(caller.actor, caller.key) is not None:
        raise SecretShownOnce(webhook=webhook)
    raw = secrets.token_bytes(SECRET_BYTES)
    service.do(caller.actor, commands.renew_secret, key=caller.key, webhook=webhook, secret=_sealed(service, raw))
    return Added(webhook, write_secret(raw))


def _sealed(service: Service, raw: bytes) -> bytes:
    return service.ports.secrets.seal(service.name, SECRET, raw)
