"""Pages of an agency's webhooks (消息推送) and their log of deliveries."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from runtime.service import Service
from runtime.web.caller import TheCaller
from runtime.web.templates import Web, see_other
from services.notifier import commands_webhooks as commands
from services.notifier.api_webhooks import new_webhook, renewed_secret
from services.notifier.feed import FEED
from services.notifier.queries_webhooks import PAGE, deliveries_of, webhook_view, webhooks_of

Text = Annotated[str, Form()]
TEST_NAME = ("测试推送", "test")


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of the pages."""
    router = APIRouter(include_in_schema=False)
    _reading(router, service, web)
    _acting(router, service, web)
    return router


def _reading(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/webhooks")
    def webhooks(request: Request, caller: TheCaller) -> Response:
        return web.render(request, "notifier/webhooks.html", webhooks=service.ask(caller.actor, webhooks_of))

    @router.get("/webhooks/new")
    def new(request: Request, caller: TheCaller) -> Response:
        english = caller.lang == "en"
        kinds = [(told.kind, told.en if english else told.zh, told.kind) for told in FEED.on.values()]
        return web.render(request, "notifier/webhook_new.html", kinds=kinds)

    @router.get("/webhooks/{webhook_id}")
    def webhook(
        request: Request, caller: TheCaller, webhook_id: str, before: Annotated[int | None, Query(ge=1)] = None
    ) -> Response:
        deliveries = service.ask(caller.actor, deliveries_of, webhook=webhook_id, before=before)
        return web.render(
            request,
            "notifier/webhook.html",
            webhook=service.ask(caller.actor, webhook_view, webhook=webhook_id),
            deliveries=deliveries,
            names={told.kind: (told.zh, told.en) for told in FEED.on.values()} | {commands.TEST: TEST_NAME},
            more=f"/webhooks/{webhook_id}?before={deliveries[-1].number}" if len(deliveries) == PAGE else None,
        )


def _acting(router: APIRouter, service: Service, web: Web) -> None:
    @router.post("/webhooks")
    def add(
        request: Request, caller: TheCaller, name: Text, url: Text, kinds: Annotated[list[str] | None, Form()] = None
    ) -> Response:
        added = new_webhook(service, caller, name, url, kinds or [])
        return web.render(request, "notifier/webhook_secret.html", added=added)

    @router.post("/webhooks/{webhook_id}/secret")
    def renew(request: Request, caller: TheCaller, webhook_id: str) -> Response:
        return web.render(request, "notifier/webhook_secret.html", added=renewed_secret(service, caller, webhook_id))

    @router.post("/webhooks/{webhook_id}/test")
    def test(caller: TheCaller, webhook_id: str) -> Response:
        service.do(caller.actor, commands.try_webhook, key=caller.key, webhook=webhook_id)
        return see_other(f"/webhooks/{webhook_id}", said="done.webhook_tested")

    @router.post("/webhooks/{webhook_id}/pause")
    def pause(caller: TheCaller, webhook_id: str) -> Response:
        service.do(caller.actor, commands.pause_webhook, key=caller.key, webhook=webhook_id)
        return see_other(f"/webhooks/{webhook_id}", said="done.webhook_paused")

    @router.post("/webhooks/{webhook_id}/resume")
    def resume(caller: TheCaller, webhook_id: str) -> Response:
        service.do(caller.actor, commands.resume_webhook, key=caller.key, webhook=webhook_id)
        return see_other(f"/webhooks/{webhook_id}", said="done.webhook_resumed")

    @router.post("/webhooks/{webhook_id}/remove")
    def remove(caller: TheCaller, webhook_id: str) -> Response:
        service.do(caller.actor, commands.remove_webhook, key=caller.key, webhook=webhook_id)
        return see_other("/webhooks", said="done.webhook_removed")
