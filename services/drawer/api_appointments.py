"""The JSON API of open places in teams (空缺席位): who could be appointed, who was named and what the head decided."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder
from pydantic import Field

from runtime.service import Service
from runtime.web import TheCaller, Web
from services.drawer import appointing_acts
from services.drawer.api import ROOT, Body
from services.drawer.appointing_acts import OpenPlace
from services.drawer.commands import appointing
from services.drawer.queries.appointments import appointments_view
from services.drawer.queries.draws import draw_view

APPOINTMENTS = f"{ROOT}/draws/{{draw_id}}/appointments"


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
    """Serve the API."""
    router = APIRouter()

    @router.get(APPOINTMENTS)
    def appointments(draw_id: str, caller: TheCaller) -> Any:
        """Show the open places of the asker's agency, who could be appointed to them, and all entries the asker sees."""
        view = service.ask(caller.actor, appointments_view, draw_id=draw_id)
        draw = service.ask(caller.actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())
        places = [_place(one) for one in appointing_acts.open_for(service, caller.actor, draw)]
        return jsonable_encoder({"appointments": view, "places": places})

    @router.post(APPOINTMENTS, status_code=201)
    def name(draw_id: str, body: Naming, caller: TheCaller) -> Any:
        """Name an officer for an open place; the head of the agency, another person, decides."""
        named: dict[str, Any] = {"officer": body.officer, "reason": body.reason, "beyond": body.beyond}
        return appointing_acts.ask(
            service, caller.actor, draw_id, body.visit, body.place - 1, key=caller.key, **named
        ).value

    @router.post(f"{APPOINTMENTS}/{{appointment_id}}/decide")
    def decide(draw_id: str, appointment_id: str, body: HeadsDecision, caller: TheCaller) -> Any:
        """Appoint, or refuse, as the head of the agency."""
        decision: dict[str, Any] = {"approve": body.approve, "words": body.words}
        return appointing_acts.decide(service, caller.actor, draw_id, appointment_id, key=caller.key, **decision).value

    @router.post(f"{APPOINTMENTS}/{{appointment_id}}/end")
    def end(draw_id: str, appointment_id: str, body: HeadsEnd, caller: TheCaller) -> Any:
        """End an appointment, as the head of the agency; the place is open again."""
        return appointing_acts.end(
            service, caller.actor, draw_id, appointment_id, key=caller.key, words=body.words
        ).value

    @router.post(f"{APPOINTMENTS}/{{appointment_id}}/withdraw")
    def withdraw(draw_id: str, appointment_id: str, caller: TheCaller) -> Any:
        """Take a proposal back before the head has decided."""
        facts = {"draw_id": draw_id, "appointment_id": appointment_id}
        return service.do(caller.actor, appointing.withdraw_appointment, key=caller.key, **facts).value

    return router


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
