"""The JSON API of a draw made elsewhere: a platform's or bureau's program hands it in, a person of the lead confirms it."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response

from runtime.service import Service
from runtime.web import TheCaller, Web
from runtime.web.problems import problem
from runtime.web.refusals import status_of
from services.drawer import import_acts, shown
from services.drawer.api import ROOT, Body
from services.drawer.commands import importing, opening
from services.drawer.commands.importing import Told
from services.drawer.queries.campaigns import opening_view
from services.drawer.queries.imports import import_view, imports_of
from services.drawer.refusals import ImportRefused, ImportUnknown
from services.drawer.uploads import Place, Said, read_document, read_list

CAMPAIGN = f"{ROOT}/campaigns/{{campaign_id}}/import"
IMPORT = f"{ROOT}/draws/{{draw_id}}/import"
Version = Annotated[str | None, Query(max_length=80)]


class ImportDecision(Body):
    """Confirm what somebody else of the lead, or its program, handed in, or refuse it."""

    approve: bool


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the API."""
    router = APIRouter()
    _handing_in(router, service, web)
    _afterwards(router, service)
    return router


def _handing_in(router: APIRouter, service: Service, web: Web) -> None:
    @router.get(f"{CAMPAIGN}/template")
    def import_template(campaign_id: str, caller: TheCaller) -> Response:
        """Give the empty list (附件6) of a campaign, with a sheet that explains its columns."""
        plan = service.ask(caller.actor, opening.ground_of, campaign_id=campaign_id).plan
        return shown.download(import_acts.template(plan), shown.XLSX, f"附件6-{campaign_id}.xlsx")

    @router.post(CAMPAIGN, status_code=201)
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
        early: Annotated[bool, Form()] = False,
    ) -> Response:
        """
        Hand in a draw made elsewhere, as the lead; visits open once another person of it confirms.

        ``evidence``: the scanned 附件2 or the platform's export (PDF, JPEG, PNG); ``sheet``: the list (附件6, XLSX or CSV).
        A list that does not fit is refused whole; ``complaints`` of the problem name row, column and mistake. ``early``:
        drawn before the plan's draw stage, and all agencies agreed.
        """
        told = Told(place, platform, drawn_on, witnessed_by, reason)
        files: dict[str, Any] = {"sheet": read_list(sheet), "evidence": read_document(evidence), "early": early}
        try:
            reply = import_acts.hand_in(service, caller.actor, campaign_id, told, key=caller.key, **files)
        except ImportRefused as error:
            return _refused(request, service, web, caller, campaign_id, error)
        return JSONResponse(reply.value, status_code=201)

    @router.post(f"{IMPORT}/corrections", status_code=201)
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
        early: Annotated[bool, Form()] = False,
    ) -> Response:
        """
        Correct an import that stands: hand in the whole of it as it should have been, and why; another person confirms.

        ``why``: what was mistyped; ``evidence``: what shows it. Visits that stand in both lists stay; no visit is changed of
        which a checklist is in. The rest is as for the first.
        """
        told = Told(place, platform, drawn_on, witnessed_by, reason)
        files: dict[str, Any] = {"sheet": read_list(sheet), "evidence": read_document(evidence), "early": early}
        try:
            reply = import_acts.correct(service, caller.actor, draw_id, why, told, key=caller.key, **files)
        except ImportRefused as error:
            stands = service.ask(caller.actor, import_view, draw_id=draw_id)
            assert stands is not None  # its list was read
            return _refused(request, service, web, caller, stands.campaign, error)
        return JSONResponse(reply.value, status_code=201)


def _refused(
    request: Request, service: Service, web: Web, caller: TheCaller, campaign_id: str, error: ImportRefused
) -> Response:
    now = service.ports.clock.now()
    names = service.ask(caller.actor, opening_view, campaign_id=campaign_id, now=now).names
    written = [shown.complaint(web.messages, one, names) for one in error.complaints]
    return problem(request, web, error, status_of(error), complaints=written)


def _afterwards(router: APIRouter, service: Service) -> None:
    @router.get(f"{ROOT}/imports")
    def imports(caller: TheCaller) -> dict[str, Any]:
        """List the draws made elsewhere that the asker's agency takes part in, newest first."""
        return {"imports": [shown.imported(one) for one in service.ask(caller.actor, imports_of)]}

    @router.get(IMPORT)
    def imported(draw_id: str, caller: TheCaller) -> dict[str, Any]:
        """Show a draw made elsewhere; ``list``, while it waits for confirmation, to those of the lead who may know it."""
        view = service.ask(caller.actor, import_view, draw_id=draw_id)
        if view is None:
            raise ImportUnknown(draw=draw_id)
        waiting = import_acts.to_confirm(service, caller.actor, draw_id).waiting
        visits = [one.model_dump(mode="json") for one in waiting.visits] if waiting else None
        return {**shown.imported(view), "list": visits}

    @router.post(f"{IMPORT}/decide")
    def decide(draw_id: str, body: ImportDecision, caller: TheCaller) -> Any:
        """Confirm or refuse an import, as an approver or the head of the lead who did not hand it in."""
        return import_acts.decide(service, caller.actor, draw_id, key=caller.key, approve=body.approve).value

    @router.post(f"{IMPORT}/withdraw")
    def withdraw(draw_id: str, caller: TheCaller) -> Any:
        """Take back what was handed in, until it is confirmed."""
        return service.do(caller.actor, importing.withdraw_import, key=caller.key, draw_id=draw_id).value

    @router.get(f"{IMPORT}/evidence")
    def evidence(draw_id: str, caller: TheCaller, version: Version = None) -> Response:
        """Give the scanned 附件2 or the export, of any version, to those of the lead who may know the targets."""
        return shown.download(*import_acts.evidence(service, caller.actor, draw_id, version))

    @router.get(f"{IMPORT}/list")
    def list_of(draw_id: str, caller: TheCaller, version: Version = None) -> Response:
        """Give the list (附件6) of the import that stands, or of any version, to those of the lead who may know it."""
        content = import_acts.listed(service, caller.actor, draw_id, version)
        return shown.download(content, shown.XLSX, f"附件6-{version or draw_id}.xlsx")
