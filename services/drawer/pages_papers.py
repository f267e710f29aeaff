"""Papers of a draw: the draw sheet (附件2, 附件6) and the slip that a visited firm keeps, to be printed; its archive."""

from typing import IO, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask

from runtime.service import Service
from runtime.store import Actor
from runtime.web import TheCaller, Web
from services.drawer import archiving, leaf, passes, qr, why
from services.drawer.queries.drawn import drawn_sheet, slip
from services.drawer.queries.draws import draw_view
from services.drawer.queries.imports import public_import
from services.drawer.queries.records import public_draw
from services.drawer.refusals import DrawnElsewhere, SlipNotForYou, VisitNotStanding

BLOCK_BYTES = 1 << 18


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the papers."""
    router = APIRouter()

    @router.get("/draws/{draw_id}/sheet")
    def sheet(request: Request, draw_id: str, caller: TheCaller) -> Response:
        found = service.ask(caller.actor, drawn_sheet, draw_id=draw_id)
        draw = service.ask(caller.actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())
        digest, address = qr.code(found.result_digest), qr.code(f"{web.origin(request)}/public/draws/{draw_id}")
        view: dict[str, Any] = {"sheet": found, "draw": draw, "digest": digest, "address": address}
        return web.render(request, "drawer/sheet.html", back=f"/draws/{draw_id}/targets", **view)

    @router.get("/draws/{draw_id}/targets/{visit_id}")
    def firms_slip(request: Request, draw_id: str, visit_id: str, caller: TheCaller) -> Response:
        draw = service.ask(caller.actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())
        found = service.ask(service.system, slip, visit_id=visit_id, asker=caller.actor)
        if found.draw != draw_id:
            raise VisitNotStanding(visit=visit_id)
        origin = web.origin(request)
        return web.render(
            request,
            "drawer/slip.html",
            draw=draw,
            visit=found.visit,
            chosen=found.chosen.value,
            digest=qr.code(found.result_digest),
            address=qr.code(why.address(origin, draw_id, found.visit.target)),
            proof=qr.code(leaf.address(service, origin, draw_id, visit_id)),
            back=f"/draws/{draw_id}/targets" if draw.sees_list else f"/visits/{visit_id}",
        )

    @router.get("/parts/drawer/visit/{visit_id}")
    def visit(request: Request, visit_id: str, caller: TheCaller) -> Response:
        try:
            found = service.ask(service.system, slip, visit_id=visit_id, asker=caller.actor)
        except (SlipNotForYou, VisitNotStanding, DrawnElsewhere):  # nothing to hand out, or not by the asker
            found = None
        return web.render(request, "drawer/visit_part.html", slip=found, passes=own_passes(caller.actor, visit_id))

    def own_passes(actor: Actor, visit_id: str) -> list[passes.Pass]:
        try:
            return passes.passes(service, actor, visit_id)
        except (SlipNotForYou, VisitNotStanding, DrawnElsewhere):
            return []

    @router.get("/draws/{draw_id}/targets/{visit_id}/card")
    def card(request: Request, draw_id: str, visit_id: str, caller: TheCaller) -> Response:
        draw = service.ask(caller.actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())
        found = service.ask(service.system, slip, visit_id=visit_id, asker=caller.actor)
        if found.draw != draw_id:
            raise VisitNotStanding(visit=visit_id)
        view: dict[str, Any] = {"visit_id": visit_id, "passes": passes.passes(service, caller.actor, visit_id)}
        return web.render(request, "drawer/card.html", draw=draw, back=f"/visits/{visit_id}", **view)

    @router.get("/draws/{draw_id}/archive.zip")
    def full(draw_id: str, caller: TheCaller) -> Response:
        return _zip(archiving.archive(service, caller.actor, draw_id, "full"), f"{draw_id}-full.zip")

    @router.get("/public/draws/{draw_id}/archive.zip")
    def public(draw_id: str) -> Response:
        if service.ask(service.system, public_import, draw_id=draw_id) is None:
            service.ask(service.system, public_draw, draw_id=draw_id)  # nothing before it is disclosed
        return _zip(archiving.archive(service, service.system, draw_id, "public"), f"{draw_id}.zip")

    return router


def _zip(file: IO[bytes], name: str) -> Response:
    blocks = iter(lambda: file.read(BLOCK_BYTES), b"")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(
        blocks, media_type="application/zip", headers=headers, background=BackgroundTask(file.close)
    )
