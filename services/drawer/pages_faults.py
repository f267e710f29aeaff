"""The page of faults after the seal: what was published, and the form of each kind; their evidence."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import Response

from runtime.service import Service
from runtime.web import TheCaller, Web, see_other
from services.drawer import fault_acts, shown
from services.drawer.domain.faults import Kind
from services.drawer.fault_acts import Report, signed_reveal
from services.drawer.pages import Hex
from services.drawer.queries.draws import draw_view
from services.drawer.uploads import read_document

Agency = Annotated[str, Form(max_length=64)]
Words = Annotated[str, Form(max_length=2_000)]


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages."""
    router = APIRouter()

    @router.get("/draws/{draw_id}/faults")
    def faults(
        request: Request, draw_id: str, caller: TheCaller, kind: Annotated[Kind | None, Query()] = None
    ) -> Response:
        view = service.ask(caller.actor, draw_view, draw_id=draw_id, now=service.ports.clock.now())
        page: dict[str, Any] = {
            "draw": view,
            "kinds": [one.value for one in Kind],
            "kind": kind.value if kind else None,
        }
        return web.render(request, "drawer/faults.html", **page, me=caller.actor.agency)

    @router.post("/draws/{draw_id}/faults")
    def report(
        draw_id: str,
        caller: TheCaller,
        kind: Annotated[Kind, Form()],
        round: Annotated[int, Form(ge=0, le=1_000)] = 0,
        agency: Agency = "",
        value: Hex = "",
        sig: Hex = "",
        words: Words = "",
        file: Annotated[UploadFile | None, File()] = None,
    ) -> Response:
        document = read_document(file) if file and file.filename else signed_reveal(value, sig) if value else None
        told = Report(kind, round, agency or None, document, words)
        fault_acts.report(service, caller.actor, draw_id, told, key=caller.key)
        return see_other(f"/draws/{draw_id}/faults", "drawer.done.fault_published")

    @router.get("/draws/{draw_id}/faults/{number}/evidence")
    def evidence(draw_id: str, number: int, caller: TheCaller) -> Response:
        return shown.download(*fault_acts.evidence(service, caller.actor, draw_id, number))

    @router.get("/public/draws/{draw_id}/faults/{number}/evidence")
    def public_evidence(draw_id: str, number: int) -> Response:
        return shown.download(*fault_acts.public_evidence(service, draw_id, number))

    return router
