"""Pages of open places in teams (空缺席位): who could be appointed, who was named and what the head decided."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from runtime.service import Service
from runtime.web import TheCaller, Web, see_other
from services.drawer import appointing_acts
from services.drawer.commands import appointing
from services.drawer.domain.changes import may_ask
from services.drawer.queries.appointments import appointments_view
from services.drawer.queries.draws import draw_view

PAGE = "/draws/{draw_id}/appointments"
Word = Annotated[str, Form(max_length=120)]
Text = Annotated[str, Form(max_length=4_000)]


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages."""
    router = APIRouter()

    @router.get(PAGE)
    def appointments(request: Request, draw_id: str, caller: TheCaller) -> Response:
        draw = service.ask(caller.actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())
        return web.render(
            request,
            "drawer/appointments.html",
            draw=draw,
            view=service.ask(caller.actor, appointments_view, draw_id=draw_id),
            places=appointing_acts.open_for(service, caller.actor, draw),
            asks=may_ask(caller.actor.roles),
        )

    @router.post(PAGE)
    def name(
        draw_id: str, caller: TheCaller, subject: Word, officer: Word, reason: Text, beyond: Word = ""
    ) -> Response:
        visit, _, place = subject.partition("/")
        named: dict[str, Any] = {"officer": officer, "reason": reason, "beyond": beyond == "yes"}
        appointing_acts.ask(
            service, caller.actor, draw_id, visit, int(place) if place.isdecimal() else -1, key=caller.key, **named
        )
        return see_other(f"/draws/{draw_id}/appointments", "drawer.done.appointment_asked")

    @router.post(f"{PAGE}/{{appointment_id}}/decide")
    def decide(draw_id: str, appointment_id: str, caller: TheCaller, approve: Word, words: Text) -> Response:
        decision: dict[str, Any] = {"approve": approve == "yes", "words": words}
        appointing_acts.decide(service, caller.actor, draw_id, appointment_id, key=caller.key, **decision)
        said = "appointed" if decision["approve"] else "appointment_refused"
        return see_other(f"/draws/{draw_id}/appointments", f"drawer.done.{said}")

    @router.post(f"{PAGE}/{{appointment_id}}/end")
    def end(draw_id: str, appointment_id: str, caller: TheCaller, words: Text) -> Response:
        appointing_acts.end(service, caller.actor, draw_id, appointment_id, key=caller.key, words=words)
        return see_other(f"/draws/{draw_id}/appointments", "drawer.done.appointment_ended")

    @router.post(f"{PAGE}/{{appointment_id}}/withdraw")
    def withdraw(draw_id: str, appointment_id: str, caller: TheCaller) -> Response:
        facts = {"draw_id": draw_id, "appointment_id": appointment_id}
        service.do(caller.actor, appointing.withdraw_appointment, key=caller.key, **facts)
        return see_other(f"/draws/{draw_id}/appointments", "drawer.done.appointment_withdrawn")

    return router
