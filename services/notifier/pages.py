"""Pages of the notifier: inbox, duties with their lights, and the parts other pages show of them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from runtime.service import Service
from runtime.time.lights import Light
from runtime.web.caller import Caller, the_caller
from runtime.web.messages import Lang
from runtime.web.templates import Web, see_other
from services.notifier import queries
from services.notifier.commands import mark_all_read, mark_read
from services.notifier.queries import DutyView, NoticeView
from services.notifier.sentences import duty_name, sentence

Asker = Annotated[Caller, Depends(the_caller)]
LATEST = 5
OF_CAMPAIGN = 8
SOON = (Light.RED, Light.YELLOW)


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of the pages."""
    router = APIRouter()
    clock = service.ports.clock

    def told(notices: Iterable[NoticeView], lang: Lang) -> list[dict[str, Any]]:
        return [{"notice": notice, "text": sentence(web.messages, notice, lang)} for notice in notices]

    def named(duties: Iterable[DutyView], lang: Lang) -> list[dict[str, Any]]:
        return [{"duty": duty, "name": duty_name(web.messages, duty.kind, lang)} for duty in duties]

    @router.get("/notices")
    def inbox(
        request: Request,
        caller: Asker,
        show: Literal["all", "unread"] = "all",
        severity: Literal["", "info", "act", "warn"] = "",
        after: str | None = None,
    ) -> Response:
        found = service.ask(
            caller.actor, queries.notices_of, unread=show == "unread", severity=severity or None, after=after
        )
        chosen = {"show": show, "severity": severity}
        return web.render(
            request,
            "notifier/notices.html",
            rows=told(found.notices, caller.lang),
            unread=service.ask(caller.actor, queries.unread_count),
            chosen=chosen,
            more=_further("/notices", chosen, found.after),
        )

    @router.post("/notices/{notice_id}/read")
    def read(caller: Asker, notice_id: str, go: Annotated[str, Form()] = "") -> Response:
        done = service.do(caller.actor, mark_read, key=caller.key, notice=notice_id)
        return see_other(done.value["link"] if go else "/notices")

    @router.post("/notices/read-all")
    def read_all(caller: Asker) -> Response:
        service.do(caller.actor, mark_all_read, key=caller.key)
        return see_other("/notices", said="notice.all_read")

    @router.get("/duties")
    def duties(
        request: Request,
        caller: Asker,
        whose: Literal["mine", "agency", "led"] = "agency",
        light: Literal["", "green", "yellow", "red"] = "",
        state: Literal["open", "closed"] = "open",
        campaign: Annotated[str, Query(max_length=64)] = "",
        after: str | None = None,
    ) -> Response:
        now = clock.now()
        found = service.ask(
            caller.actor,
            queries.duties_of,
            now=now,
            whose=whose,
            lights=[light] if light else [],
            closed=state == "closed",
            campaign=campaign or None,
            after=after,
        )
        chosen = {"whose": whose, "light": light, "state": state, "campaign": campaign}
        return web.render(
            request,
            "notifier/duties.html",
            rows=named(found.duties, caller.lang),
            counts=service.ask(caller.actor, queries.summary, now=now).agency,
            chosen=chosen,
            more=_further("/duties", chosen, found.after),
        )

    @router.get("/parts/notifier/home/me")
    def home(request: Request, caller: Asker) -> Response:
        now = clock.now()
        counts = service.ask(caller.actor, queries.summary, now=now)
        soon = service.ask(caller.actor, queries.duties_of, now=now, whose="mine", lights=SOON, limit=LATEST)
        latest = service.ask(caller.actor, queries.notices_of, unread=True, limit=LATEST)
        return web.render(
            request,
            "notifier/home.html",
            unread=counts.unread,
            soon=counts.mine["red"] + counts.mine["yellow"],
            duties=named(soon.duties, caller.lang),
            notices=told(latest.notices, caller.lang),
        )

    @router.get("/parts/notifier/campaign/{campaign_id}")
    def campaign(request: Request, caller: Asker, campaign_id: str) -> Response:
        now = clock.now()
        found = service.ask(
            caller.actor, queries.duties_of_campaign, now=now, campaign=campaign_id, lights=SOON, limit=OF_CAMPAIGN
        )
        return web.render(
            request,
            "notifier/campaign.html",
            campaign=campaign_id,
            rows=named(found.duties, caller.lang),
            counts=service.ask(caller.actor, queries.campaign_counts, now=now, campaign=campaign_id),
        )

    @router.get("/parts/notifier/bell/me")
    def bell(request: Request, caller: Asker) -> Response:
        return web.render(request, "notifier/bell.html", unread=service.ask(caller.actor, queries.unread_count))

    return router


def _further(path: str, chosen: Mapping[str, str], after: str | None) -> str | None:
    if after is None:
        return None
    return f"{path}?{urlencode({**{name: value for name, value in chosen.items() if value}, 'after': after})}"
