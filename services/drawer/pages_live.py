"""The page for the room and its projector, the witness's own page, and the photograph of the dice."""

from datetime import datetime
from typing import Annotated, Any, TypedDict

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from fastapi.responses import Response

from runtime.service import Service
from runtime.store import Actor
from runtime.web import TheCaller, Web, see_other
from services.drawer import acts, shown, wording
from services.drawer.pages import Hex
from services.drawer.queries.draws import draw_view
from services.drawer.queries.rounds import changes_view, round_view
from services.drawer.uploads import read_document

Short = Annotated[str, Query(max_length=16)]
Digits = Annotated[str, Form(max_length=2000)]
MOST_BYTES = 2000


class SentValue(TypedDict):
    """A value of a source of randomness as it was sent."""

    beacon: str
    typed: str


def sent_value(
    beacon: Annotated[str, Form(max_length=80)],
    value: Digits = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> SentValue:
    """Read the value of a source, typed or pasted, or from a file that was saved elsewhere and brought here."""
    written = file.file.read(MOST_BYTES).decode("utf-8", "replace") if file and file.filename else ""
    return {"beacon": beacon, "typed": value.strip() or written}


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages."""
    router = APIRouter()

    def seen(actor: Actor, draw_id: str) -> dict[str, Any]:
        now = service.ports.clock.now()
        draw = service.ask(actor, draw_view, draw_id=draw_id, now=now)
        rounds = service.ask(actor, changes_view, draw_id=draw_id, now=now).rounds if draw.outcome else ()
        running = next((one for one in rounds if one.ended_at is None), None)
        return {
            "draw": draw,
            "round": running,
            "moves": wording.moves(draw, running),
            "me": actor.agency,
            "steps": wording.steps(draw),
            "troubles": wording.troubles(draw.stage, in_round=running is not None),
            "until": lambda moment: wording.time_left(now, moment),
            "countdown": _countdown(now, running.deadline if running else draw.deadline),
        }

    def entered(actor: Actor, draw_id: str) -> Response:
        view = service.ask(actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())
        return see_other(f"/draws/{draw_id}", f"drawer.done.{'value_entered' if view.awaited else 'drawn'}")

    @router.get("/draws/{draw_id}/live")
    def live(request: Request, draw_id: str, caller: TheCaller) -> Response:
        return web.render(request, "drawer/live.html", **seen(caller.actor, draw_id))

    @router.get("/parts/drawer/live/{draw_id}")
    def board(request: Request, draw_id: str, caller: TheCaller) -> Response:
        return web.render(request, "drawer/live_part.html", **seen(caller.actor, draw_id))

    @router.get("/parts/drawer/turn/{draw_id}")
    def turn(
        request: Request, draw_id: str, caller: TheCaller, seen: Short = "", number: Annotated[int, Query(ge=0)] = 0
    ) -> Response:
        """Say that others have come further since a page was read; nothing where they have not. *number*: of a round."""
        now = service.ports.clock.now()
        draw = service.ask(caller.actor, draw_view, draw_id=draw_id, now=now)
        asked: dict[str, Any] = {"draw_id": draw_id, "number": number, "now": now}
        running = service.ask(caller.actor, round_view, **asked) if number else None
        if wording.moves(draw, running) == seen:
            return Response(status_code=204)
        return web.render(request, "drawer/turn_part.html", draw=draw, round=running)

    @router.get("/draws/{draw_id}/witness")
    def witness(request: Request, draw_id: str, caller: TheCaller) -> Response:
        return web.render(request, "drawer/witness.html", **seen(caller.actor, draw_id))

    @router.post("/draws/{draw_id}/dice")
    def dice(
        draw_id: str,
        caller: TheCaller,
        digits: Digits,
        again: Digits,
        sig: Hex = "",
        photo: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        reply = acts.throw_dice(
            service,
            caller.actor,
            draw_id,
            key=caller.key,
            digits=digits,
            again=again,
            sig=sig or None,
            photo=read_document(photo) if photo and photo.filename else None,
        )
        if "waits_for" in reply.value:
            return see_other(f"/draws/{draw_id}", "drawer.done.dice_signed")
        return entered(caller.actor, draw_id)

    @router.post("/draws/{draw_id}/beacon")
    def beacon(draw_id: str, caller: TheCaller, sent: Annotated[SentValue, Depends(sent_value)]) -> Response:
        acts.enter_value(service, caller.actor, draw_id, key=caller.key, **sent)
        return entered(caller.actor, draw_id)

    @router.get("/draws/{draw_id}/dice/photo")
    def dice_photo(draw_id: str, caller: TheCaller) -> Response:
        return shown.download(*acts.photo(service, caller.actor, draw_id))

    return router


def _countdown(now: datetime, moment: datetime | None) -> str | None:
    return None if moment is None else wording.countdown(now, moment)
