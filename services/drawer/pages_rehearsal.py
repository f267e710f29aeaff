"""The page on which one person rehearses a draw alone, with what a real one shows, every step of it marked so."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from runtime.service import Service
from runtime.web import TheCaller, Web, see_other
from services.drawer import rehearsing, shown, wording
from services.drawer.progress import Act
from services.drawer.queries.campaigns import campaign_view
from services.drawer.refusals import RehearsalOfAnotherRelease
from services.drawer.rehearsing import FRAME, KEYS, RECORD

Digits = Annotated[str, Form(max_length=2000)]
Word = Annotated[str, Form(max_length=64)]
FILES = {
    "record.json": (RECORD, "application/json"),
    "frame.tsv": (FRAME, "text/tab-separated-values"),
    "keys.json": (KEYS, "application/json"),
}
File = Literal["record.json", "frame.tsv", "keys.json"]


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages."""
    router = APIRouter()

    @router.get("/campaigns/{campaign_id}/rehearsal")
    def rehearsal(request: Request, campaign_id: str, caller: TheCaller) -> Response:
        now, actor = service.ports.clock.now(), caller.actor
        campaign = service.ask(actor, campaign_view, campaign_id=campaign_id, now=now)
        played, stale = None, False
        try:
            played = rehearsing.seen(service, actor, campaign_id)
        except RehearsalOfAnotherRelease:
            stale = True
        page: dict[str, Any] = {"campaign": campaign, "played": played, "stale": stale}
        if played is not None:
            draw, then = played.draw, played.now
            page |= {
                "draw": draw,
                "round": None,
                "steps": wording.steps(draw),
                "troubles": wording.troubles(draw.stage),
                "countdown": None if draw.deadline is None else wording.countdown(then, draw.deadline),
                "acts": list(dict.fromkeys(act for _, _, act in played.turns)),
            }
        return web.render(request, "drawer/rehearsal.html", **page)

    @router.post("/campaigns/{campaign_id}/rehearsal")
    def begin(campaign_id: str, caller: TheCaller) -> Response:
        rehearsing.begin(service, caller.actor, campaign_id, key=caller.key)
        return _back(campaign_id, "drawer.done.rehearsal_begun")

    @router.post("/campaigns/{campaign_id}/rehearsal/speak")
    def speak(
        campaign_id: str,
        caller: TheCaller,
        act: Annotated[Act, Form()],
        body: Word = "",
        digits: Digits = "",
        again: Digits = "",
    ) -> Response:
        told: dict[str, Any] = {"act": act, "body": body, "digits": digits, "again": again}
        rehearsing.speak(service, caller.actor, campaign_id, key=caller.key, **told)
        return _back(campaign_id, "drawer.done.rehearsal_moved")

    @router.post("/campaigns/{campaign_id}/rehearsal/wait")
    def wait(campaign_id: str, caller: TheCaller) -> Response:
        rehearsing.wait(service, caller.actor, campaign_id, key=caller.key)
        return _back(campaign_id, "drawer.done.rehearsal_moved")

    @router.post("/campaigns/{campaign_id}/rehearsal/drop")
    def drop(campaign_id: str, caller: TheCaller) -> Response:
        rehearsing.drop(service, caller.actor, campaign_id, key=caller.key)
        return _back(campaign_id, "drawer.done.rehearsal_dropped")

    @router.get("/campaigns/{campaign_id}/rehearsal/{file}")
    def file(campaign_id: str, file: File, caller: TheCaller) -> Response:
        what, kind = FILES[file]
        name, content = rehearsing.file(service, caller.actor, campaign_id, what)
        return shown.download(content, kind, f"{name}-{file}")

    return router


def _back(campaign_id: str, said: str) -> Response:
    return see_other(f"/campaigns/{campaign_id}/rehearsal", said)
