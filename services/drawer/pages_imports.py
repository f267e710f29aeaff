"""Pages of a draw made elsewhere: handing it in with its list and evidence, and the second person's word."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import Response

from runtime.service import Service
from runtime.web import TheCaller, Web, see_other
from runtime.web.refusals import status_of
from services.drawer import import_acts, shown
from services.drawer.commands import importing, opening
from services.drawer.commands.importing import Told
from services.drawer.queries.campaigns import opening_view
from services.drawer.queries.imports import import_view
from services.drawer.refusals import ImportRefused, ImportUnknown, ImportWaiting
from services.drawer.uploads import Place, Said, read_document, read_list

COMPLAINTS_SHOWN = 200
Version = Annotated[str | None, Query(max_length=80)]
NOTHING_TOLD = {"place": None, "platform": "", "drawn_on": None, "witnessed_by": "", "reason": ""}


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages."""
    router = APIRouter()
    at = "/campaigns/{campaign_id}/draw/import"

    def page(
        request: Request,
        caller: TheCaller,
        campaign_id: str,
        told: Told | None = None,
        error: ImportRefused | None = None,
    ) -> Response:
        now = service.ports.clock.now()
        about = service.ask(caller.actor, opening_view, campaign_id=campaign_id, now=now)
        service.ask(caller.actor, opening.prepare_trial, campaign_id=campaign_id, now=now, early=True)
        complaints = error.complaints if error else ()
        return web.render(
            request,
            "drawer/import.html",
            status=status_of(error) if error else 200,
            about=about,
            told=told or NOTHING_TOLD,
            complaints=[shown.with_names(one, about.names) for one in complaints[:COMPLAINTS_SHOWN]],
            more=len(complaints) - COMPLAINTS_SHOWN,
        )

    @router.get(at)
    def form(request: Request, campaign_id: str, caller: TheCaller) -> Response:
        return page(request, caller, campaign_id)

    @router.get(f"{at}/template")
    def template(campaign_id: str, caller: TheCaller) -> Response:
        plan = service.ask(caller.actor, opening.ground_of, campaign_id=campaign_id).plan
        return shown.download(import_acts.template(plan), shown.XLSX, f"附件6-{campaign_id}.xlsx")

    @router.post(at)
    def hand_in(
        request: Request,
        campaign_id: str,
        caller: TheCaller,
        place: Annotated[Place, Form()],
        platform: Said,
        drawn_on: Annotated[date, Form()],
        witnessed_by: Said,
        reason: Said,
        evidence: Annotated[UploadFile, File()],
        sheet: Annotated[UploadFile, File()],
        early: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        told = Told(place, platform, drawn_on, witnessed_by, reason)
        try:
            reply = import_acts.hand_in(
                service,
                caller.actor,
                campaign_id,
                told,
                key=caller.key,
                sheet=read_list(sheet),
                evidence=read_document(evidence),
                early=early == "yes",
            )
        except ImportRefused as error:
            return page(request, caller, campaign_id, told, error)
        return see_other(f"/draws/{reply.value['draw']}", "drawer.done.import_handed_in")

    _corrections(router, service, web)

    @router.post("/draws/{draw_id}/import/decide")
    def decide(draw_id: str, caller: TheCaller, approve: Annotated[str, Form(max_length=10)]) -> Response:
        import_acts.decide(service, caller.actor, draw_id, key=caller.key, approve=approve == "yes")
        return see_other(f"/draws/{draw_id}" if approve == "yes" else "/draws", "drawer.done.import_decided")

    @router.post("/draws/{draw_id}/import/withdraw")
    def withdraw(draw_id: str, caller: TheCaller) -> Response:
        service.do(caller.actor, importing.withdraw_import, key=caller.key, draw_id=draw_id)
        return see_other("/draws", "drawer.done.import_withdrawn")

    @router.get("/draws/{draw_id}/import/evidence")
    def evidence_of(draw_id: str, caller: TheCaller, version: Version = None) -> Response:
        return shown.download(*import_acts.evidence(service, caller.actor, draw_id, version))

    @router.get("/draws/{draw_id}/import/list")
    def list_of(draw_id: str, caller: TheCaller, version: Version = None) -> Response:
        content = import_acts.listed(service, caller.actor, draw_id, version)
        return shown.download(content, shown.XLSX, f"附件6-{version or draw_id}.xlsx")

    return router


def _corrections(router: APIRouter, service: Service, web: Web) -> None:
    at = "/draws/{draw_id}/import/correct"

    def page(
        request: Request,
        caller: TheCaller,
        draw_id: str,
        told: Told | None = None,
        why: str = "",
        error: ImportRefused | None = None,
    ) -> Response:
        stands = service.ask(caller.actor, import_view, draw_id=draw_id)
        if stands is None or not (stands.may_correct or stands.waiting):
            raise ImportUnknown(draw=draw_id)
        if stands.waiting is not None:
            raise ImportWaiting(draw=draw_id)
        now = service.ports.clock.now()
        about = service.ask(caller.actor, opening_view, campaign_id=stands.campaign, now=now)
        complaints = error.complaints if error else ()
        return web.render(
            request,
            "drawer/import_correct.html",
            status=status_of(error) if error else 200,
            about=about,
            draw=stands,
            told=told or stands,
            why=why,
            complaints=[shown.with_names(one, about.names) for one in complaints[:COMPLAINTS_SHOWN]],
            more=len(complaints) - COMPLAINTS_SHOWN,
        )

    @router.get(at)
    def correcting(request: Request, draw_id: str, caller: TheCaller) -> Response:
        return page(request, caller, draw_id)

    @router.post(at)
    def correct(
        request: Request,
        draw_id: str,
        caller: TheCaller,
        why: Said,
        place: Annotated[Place, Form()],
        platform: Said,
        drawn_on: Annotated[date, Form()],
        witnessed_by: Said,
        reason: Said,
        evidence: Annotated[UploadFile, File()],
        sheet: Annotated[UploadFile, File()],
        early: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        told = Told(place, platform, drawn_on, witnessed_by, reason)
        document, given = read_document(evidence), read_list(sheet)
        handed: dict[str, Any] = {"sheet": given, "evidence": document, "early": early == "yes"}
        try:
            import_acts.correct(service, caller.actor, draw_id, why, told, key=caller.key, **handed)
        except ImportRefused as error:
            return page(request, caller, draw_id, told, why, error)
        return see_other(f"/draws/{draw_id}", "drawer.done.import_handed_in")
