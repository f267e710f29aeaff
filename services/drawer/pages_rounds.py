"""Pages of changes after a draw: requests with their documents, and each replacement round."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import Response

from runtime.service import Service
from runtime.store import Actor
from runtime.web import TheCaller, Web, see_other
from services.drawer import acts, round_acts, shown, wording
from services.drawer.commands import changing
from services.drawer.pages import Hex, Minutes, SourcesTold, sources_told
from services.drawer.pages_live import SentValue, sent_value
from services.drawer.queries.draws import draw_view
from services.drawer.queries.rounds import changes_view, round_view
from services.drawer.round_acts import AskedRoundTimes
from services.drawer.uploads import read_document
from services.drawer.working import OwnSeal

Word = Annotated[str, Form(max_length=120)]


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages."""
    router = APIRouter()
    _changes(router, service, web)
    _rounds(router, service, web)
    return router


def _changes(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/draws/{draw_id}/changes")
    def changes(request: Request, draw_id: str, caller: TheCaller) -> Response:
        now = service.ports.clock.now()
        view = service.ask(caller.actor, changes_view, draw_id=draw_id, now=now)
        visits = service.ask(service.system, changing.visits_of, draw_id=draw_id, asker=caller.actor)
        return web.render(
            request,
            "drawer/changes.html",
            draw=service.ask(caller.actor, draw_view, draw_id=draw_id, now=now),
            view=view,
            visits=[one for one in visits if not one.over],
            me=caller.actor.agency,
            intervals=service.settings.intervals,
        )

    @router.post("/draws/{draw_id}/changes")
    def ask(
        draw_id: str,
        caller: TheCaller,
        subject: Word,
        reason: Word,
        file: Annotated[UploadFile, File()],
        firms_words: Annotated[str | None, Form(max_length=4_000)] = None,
    ) -> Response:
        visit, _, officer = subject.partition("/")
        round_acts.ask_change(
            service,
            caller.actor,
            draw_id,
            visit,
            key=caller.key,
            officer=officer or None,
            reason=reason,
            document=read_document(file),
            firms_words=firms_words,
        )
        return see_other(f"/draws/{draw_id}/changes", "drawer.done.change_asked")

    @router.post("/draws/{draw_id}/changes/{change_id}/decide")
    def decide(
        draw_id: str,
        change_id: str,
        caller: TheCaller,
        approve: Word,
        words: Annotated[str, Form(max_length=4_000)] = "",
    ) -> Response:
        decision: dict[str, Any] = {"approve": approve == "yes", "words": words}
        round_acts.decide_change(service, caller.actor, draw_id, change_id, key=caller.key, **decision)
        return see_other(f"/draws/{draw_id}/changes", "drawer.done.change_decided")

    @router.post("/draws/{draw_id}/changes/{change_id}/withdraw")
    def withdraw(draw_id: str, change_id: str, caller: TheCaller) -> Response:
        facts = {"draw_id": draw_id, "change_id": change_id}
        service.do(caller.actor, changing.withdraw_change, key=caller.key, **facts)
        return see_other(f"/draws/{draw_id}/changes", "drawer.done.change_withdrawn")

    @router.get("/draws/{draw_id}/changes/{change_id}/evidence")
    def evidence(draw_id: str, change_id: str, caller: TheCaller) -> Response:
        return shown.download(*round_acts.evidence(service, caller.actor, draw_id, change_id))


def _rounds(router: APIRouter, service: Service, web: Web) -> None:
    def entered(actor: Actor, draw_id: str, number: int) -> Response:
        view = service.ask(actor, round_view, draw_id=draw_id, number=number, now=service.ports.clock.now())
        said = "value_entered" if view.awaited else "round_drawn"
        return see_other(f"/draws/{draw_id}/rounds/{number}", f"drawer.done.{said}")

    @router.post("/draws/{draw_id}/rounds")
    def open_round(
        draw_id: str,
        caller: TheCaller,
        seal_minutes: Minutes,
        beacon_minutes: Minutes,
        told: Annotated[SourcesTold, Depends(sources_told)],
    ) -> Response:
        asked = AskedRoundTimes(seal_minutes=seal_minutes, beacon_minutes=beacon_minutes)
        reply = round_acts.open_round(service, caller.actor, draw_id, asked, key=caller.key, sources=told)
        return see_other(f"/draws/{draw_id}/rounds/{reply.value['round']}", "drawer.done.round_opened")

    @router.get("/draws/{draw_id}/rounds/{number}")
    def one_round(request: Request, draw_id: str, number: int, caller: TheCaller) -> Response:
        now = service.ports.clock.now()
        view = service.ask(caller.actor, draw_view, draw_id=draw_id, now=now)
        running = service.ask(caller.actor, round_view, draw_id=draw_id, number=number, now=now)
        return web.render(
            request,
            "drawer/round.html",
            draw=view,
            round=running,
            moves=wording.moves(view, running),
            me=caller.actor.agency,
            troubles=wording.ROUND_TROUBLES,
            until=lambda moment: wording.time_left(now, moment),
        )

    @router.post("/draws/{draw_id}/rounds/{number}/sign")
    def sign(draw_id: str, number: int, caller: TheCaller, sig: Hex = "") -> Response:
        round_acts.sign(service, caller.actor, draw_id, number, key=caller.key, sig=sig or None)
        return see_other(f"/draws/{draw_id}/rounds/{number}", "drawer.done.round_signed")

    @router.post("/draws/{draw_id}/rounds/{number}/reveal")
    def reveal(draw_id: str, number: int, caller: TheCaller, value: Hex = "", sig: Hex = "") -> Response:
        own = {"value": value or None, "sig": sig or None}
        round_acts.reveal(service, caller.actor, draw_id, number, key=caller.key, **own)
        return see_other(f"/draws/{draw_id}/rounds/{number}", "drawer.done.revealed")

    @router.post("/draws/{draw_id}/rounds/{number}/seal")
    def seal(
        draw_id: str,
        number: int,
        caller: TheCaller,
        digest: Hex = "",
        at: Annotated[int, Form(ge=0, le=2**53 - 1)] = 0,
        sig: Hex = "",
    ) -> Response:
        own = OwnSeal(digest, at, sig) if sig else None
        reply = round_acts.seal(service, caller.actor, draw_id, number, key=caller.key, own=own)
        done = "seal_signed" if "waits_for" in reply.value else "sealed"
        return see_other(f"/draws/{draw_id}/rounds/{number}", f"drawer.done.{done}")

    @router.post("/draws/{draw_id}/rounds/{number}/dice")
    def dice(
        draw_id: str,
        number: int,
        caller: TheCaller,
        digits: Annotated[str, Form(max_length=2000)],
        again: Annotated[str, Form(max_length=2000)],
        sig: Hex = "",
        photo: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        reply = round_acts.throw_dice(
            service,
            caller.actor,
            draw_id,
            number,
            key=caller.key,
            digits=digits,
            again=again,
            sig=sig or None,
            photo=read_document(photo) if photo and photo.filename else None,
        )
        if "waits_for" in reply.value:
            return see_other(f"/draws/{draw_id}/rounds/{number}", "drawer.done.dice_signed")
        return entered(caller.actor, draw_id, number)

    @router.post("/draws/{draw_id}/rounds/{number}/beacon")
    def beacon(
        draw_id: str, number: int, caller: TheCaller, sent: Annotated[SentValue, Depends(sent_value)]
    ) -> Response:
        round_acts.enter_value(service, caller.actor, draw_id, number, key=caller.key, **sent)
        return entered(caller.actor, draw_id, number)

    @router.get("/draws/{draw_id}/rounds/{number}/dice/photo")
    def round_photo(draw_id: str, number: int, caller: TheCaller) -> Response:
        return shown.download(*acts.photo(service, caller.actor, draw_id, number))
