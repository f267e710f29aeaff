"""JSON API of the notifier: my notices, my agency's duties, how many of each."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from runtime.service import Service
from runtime.time.lights import Light
from runtime.web.caller import Caller, the_caller
from runtime.web.messages import Messages
from runtime.web.templates import Web
from services.notifier import queries
from services.notifier.commands import mark_all_read, mark_read
from services.notifier.queries import DutyView, NoticeView
from services.notifier.sentences import duty_name, sentence

ROOT = "/api/notifier/v1"
Asker = Annotated[Caller, Depends(the_caller)]
Limit = Annotated[int, Query(ge=1, le=200)]


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of the API."""
    router = APIRouter()
    clock = service.ports.clock

    @router.get(f"{ROOT}/notices")
    def notices(
        caller: Asker,
        unread: bool = False,
        severity: Literal["info", "act", "warn"] | None = None,
        after: str | None = None,
        limit: Limit = queries.PAGE,
    ) -> dict[str, Any]:
        """List the asker's notices, newest first."""
        found = service.ask(
            caller.actor, queries.notices_of, unread=unread, severity=severity, after=after, limit=limit
        )
        return {"notices": [_notice(web.messages, notice) for notice in found.notices], "after": found.after}

    @router.post(f"{ROOT}/notices/{{notice_id}}/read")
    def read(caller: Asker, notice_id: str) -> Any:
        """Mark a notice as read."""
        return service.do(caller.actor, mark_read, key=caller.key, notice=notice_id).value

    @router.post(f"{ROOT}/notices/read-all")
    def read_all(caller: Asker) -> Any:
        """Mark all of the asker's notices as read."""
        return service.do(caller.actor, mark_all_read, key=caller.key).value

    @router.get(f"{ROOT}/duties")
    def duties(
        caller: Asker,
        whose: Literal["mine", "agency", "led"] = "agency",
        light: Annotated[list[Light] | None, Query()] = None,
        closed: bool = False,
        campaign: str | None = None,
        after: str | None = None,
        limit: Limit = queries.PAGE,
    ) -> dict[str, Any]:
        """List duties with their lights, the most urgent first."""
        found = service.ask(
            caller.actor,
            queries.duties_of,
            now=clock.now(),
            whose=whose,
            lights=tuple(light or ()),
            closed=closed,
            campaign=campaign,
            after=after,
            limit=limit,
        )
        return {"duties": [_duty(web.messages, duty) for duty in found.duties], "after": found.after}

    @router.get(f"{ROOT}/summary")
    def summary(caller: Asker) -> dict[str, Any]:
        """Count unread notices and open duties by light."""
        found = service.ask(caller.actor, queries.summary, now=clock.now())
        return {"unread": found.unread, "duties": {"agency": found.agency, "mine": found.mine}}

    return router


def _notice(messages: Messages, notice: NoticeView) -> dict[str, Any]:
    return {
        "id": notice.id,
        "code": notice.code,
        "severity": notice.severity,
        "text": sentence(messages, notice, "zh"),
        "text_en": sentence(messages, notice, "en"),
        "link": notice.link,
        "campaign": notice.campaign,
        "created_at": notice.created_at,
        "read_at": notice.read_at,
    }


def _duty(messages: Messages, duty: DutyView) -> dict[str, Any]:
    return {
        "id": duty.id,
        "duty": duty.kind,
        "name": duty_name(messages, duty.kind, "zh"),
        "name_en": duty_name(messages, duty.kind, "en"),
        "subject": duty.subject,
        "campaign": duty.campaign,
        "agency": duty.agency,
        "due": duty.due,
        "light": duty.light,
        "working_days_left": duty.left,
        "provisional": duty.provisional,
        "source": duty.source,
        "link": duty.link,
        "opened_at": duty.opened_at,
        "closed_at": duty.closed_at,
        "outcome": duty.outcome,
        "mine": duty.is_mine,
        "escalated": duty.escalated,
    }
