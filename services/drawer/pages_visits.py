"""Disclosure per visit (逐户公开), for anybody: the visits disclosed so far, and each one's leaf of the visits root."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from runtime.service import Service
from runtime.web import Web
from services.drawer.leaf import leaf
from services.drawer.queries.visited import DrawnVisits, StandingVisit, drawn_visits
from services.drawer.refusals import DrawUnknown

Key = Annotated[str, Query(max_length=64)]


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages, and the same as JSON."""
    router = APIRouter()

    def asked(draw_id: str) -> tuple[DrawnVisits, list[StandingVisit]]:
        draw = service.ask(service.system, drawn_visits, draw_id=draw_id)
        if not draw.by_visit:
            raise DrawUnknown(draw=draw_id)  # of other draws nothing leaves before their record is open
        return draw, draw.for_anybody(int(service.ports.clock.now().timestamp()))

    @router.get("/public/draws/{draw_id}/visits")
    def visits(request: Request, draw_id: str) -> Response:
        draw, shown = asked(draw_id)
        return web.render(request, "drawer/public_visits.html", draw=draw, shown=shown)

    @router.get("/public/draws/{draw_id}/visits.json")
    def visits_file(draw_id: str) -> Response:
        draw, shown = asked(draw_id)
        named = ("draw", "manifest_digest", "visits_root", "result_digest")
        told: dict[str, Any] = {name: getattr(draw, name) for name in named}
        told["visits"] = [
            {"visit": one.visit, "target": one.target, "agencies": one.agencies, "proof": _proof(draw_id, one.visit)}
            for one in shown
        ]
        return JSONResponse(told)

    @router.get("/public/draws/{draw_id}/visits/{visit_id}")
    def visit(request: Request, draw_id: str, visit_id: str, key: Key = "") -> Response:
        found = leaf(service, draw_id, visit_id, key)
        return web.render(request, "drawer/leaf.html", leaf=found, proof=_proof(draw_id, visit_id, key))

    @router.get("/public/draws/{draw_id}/visits/{visit_id}/proof.json")
    def proof(draw_id: str, visit_id: str, key: Key = "") -> Response:
        return JSONResponse(dict(leaf(service, draw_id, visit_id, key).file))

    return router


def _proof(draw_id: str, visit_id: str, key: str = "") -> str:
    return f"/public/draws/{draw_id}/visits/{visit_id}/proof.json" + (f"?{urlencode({'key': key})}" if key else "")
