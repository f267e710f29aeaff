"""Open places in teams (空缺席位): who could be appointed, who was named and what the head decided; as pages and as JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import Response
from pydantic import Field

from runtime.service import Service
from runtime.store import Actor
from runtime.web import TheCaller, Web, see_other
from services.drawer import appointing_acts
from services.drawer.api import ROOT, Body
from services.drawer.appointing_acts import OpenPlace
from services.drawer.commands import appointing
from services.drawer.domain.changes import may_ask
from services.drawer.queries.appointments import appointments_view
from services.drawer.queries.attempts import DrawView
from services.drawer.queries.draws import draw_view

PAGE = "/draws/{draw_id}/appointments"
API = f"{ROOT}{PAGE}"
Word = Annotated[str, Form(max_length=120)]
Text = Annotated[str, Form(max_length=4_000)]


class Naming(Body):
    """
    Name an officer of the own agency for an open place of its team, with a reason.

    ``place``: in the team as the record has it, from 1. ``beyond``: more visits than the agency lets the officer have, or
    somebody who was sent there last, is meant.
    """

    visit: Annotated[str, Field(max_length=80)]
    place: Annotated[int, Field(ge=1, le=100)]
    officer: Annotated[str, Field(max_length=64)]
    reason: Annotated[str, Field(max_length=4_000)]
    beyond: bool = False


class HeadsDecision(Body):
    """Appoint whom somebody else of the agency named, or refuse; ``words``: the head's reason."""

    approve: bool
    words: Annotated[str, Field(max_length=4_000)]


class HeadsEnd(Body):
    """End an appointment; ``words``: why."""

    words: Annotated[str, Field(max_length=4_000)]


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages, and the same as JSON."""
    router = APIRouter()
    _pages(router, service, web)
    _api(router, service)
    return router


def _draw(service: Service, actor: Actor, draw_id: str) -> DrawView:
    return service.ask(actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())


def _open(service: Service, actor: Actor, draw: DrawView) -> list[OpenPlace]:
    """List the open places to those who may know the visits they are at; whoever looks on sees the entries alone."""
    if not may_ask(actor.roles) or actor.agency not in {one.agency for one in draw.agencies}:
        return []
    return appointing_acts.open_of(service, actor, draw.draw)


def _pages(router: APIRouter, service: Service, web: Web) -> None:
    @router.get(PAGE)
    def appointments(request: Request, draw_id: str, caller: TheCaller) -> Response:
        draw = _draw(service, caller.actor, draw_id)
        return web.render(
            request,
            "drawer/appointments.html",
            draw=draw,
            view=service.ask(caller.actor, appointments_view, draw_id=draw_id),
            places=_open(service, caller.actor, draw),
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


def _api(router: APIRouter, service: Service) -> None:
    @router.get(API)
    def appointments_told(draw_id: str, caller: TheCaller) -> Any:
        """Show the open places of the asker's agency, who could be appointed to them, and all entries the asker sees."""
        view = service.ask(caller.actor, appointments_view, draw_id=draw_id)
        places = [_place(one) for one in _open(service, caller.actor, _draw(service, caller.actor, draw_id))]
        return jsonable_encoder({"appointments": view, "places": places})

    @router.post(API, status_code=201)
    def name_told(draw_id: str, body: Naming, caller: TheCaller) -> Any:
        """Name an officer for an open place; the head of the agency, another person, decides."""
        named: dict[str, Any] = {"officer": body.officer, "reason": body.reason, "beyond": body.beyond}
        return appointing_acts.ask(
            service, caller.actor, draw_id, body.visit, body.place - 1, key=caller.key, **named
        ).value

    @router.post(f"{API}/{{appointment_id}}/decide")
    def decide_told(draw_id: str, appointment_id: str, body: HeadsDecision, caller: TheCaller) -> Any:
        """Appoint, or refuse, as the head of the agency."""
        decision: dict[str, Any] = {"approve": body.approve, "words": body.words}
        return appointing_acts.decide(service, caller.actor, draw_id, appointment_id, key=caller.key, **decision).value

    @router.post(f"{API}/{{appointment_id}}/end")
    def end_told(draw_id: str, appointment_id: str, body: HeadsEnd, caller: TheCaller) -> Any:
        """End an appointment, as the head of the agency; the place is open again."""
        return appointing_acts.end(
            service, caller.actor, draw_id, appointment_id, key=caller.key, words=body.words
        ).value

    @router.post(f"{API}/{{appointment_id}}/withdraw")
    def withdraw_told(draw_id: str, appointment_id: str, caller: TheCaller) -> Any:
        """Take a proposal back before the head has decided."""
        facts = {"draw_id": draw_id, "appointment_id": appointment_id}
        return service.do(caller.actor, appointing.withdraw_appointment, key=caller.key, **facts).value


def _place(one: OpenPlace) -> dict[str, Any]:
    return {
        "visit": one.visit,
        "place": one.place + 1,
        "labels": one.labels,
        "waiting": one.waiting,
        "candidates": [
            {
                "officer": each.officer,
                "visits": each.visits,
                "cap": each.cap,
                "days_away": each.days_away,
                "free": each.free,
                "surmountable": each.surmountable,
                "bars": [{"code": bar.code, **bar.facts} for bar in each.bars],
            }
            for each in one.candidates
        ],
    }
