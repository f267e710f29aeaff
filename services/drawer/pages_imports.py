"""Pages of a draw made elsewhere: handing it in with its list and evidence, and the second person's word."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response

from runtime.files.sheets import SheetLimits
from runtime.service import Service
from runtime.web import TheCaller, Web, see_other
from runtime.web.refusals import status_of
from services.drawer import import_acts, shown
from services.drawer.commands import importing, opening
from services.drawer.commands.importing import Told
from services.drawer.domain.elsewhere import Complaint
from services.drawer.queries.campaigns import opening_view
from services.drawer.refusals import ImportRefused
from services.drawer.uploads import read_document

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COMPLAINTS_SHOWN = 200
NOTHING_TOLD = {"place": None, "platform": "", "drawn_on": None, "witnessed_by": "", "reason": ""}
Said = Annotated[str, Form(min_length=1, max_length=200)]


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
            complaints=[_shown(one, about.names) for one in complaints[:COMPLAINTS_SHOWN]],
            more=len(complaints) - COMPLAINTS_SHOWN,
        )

    @router.get(at)
    def form(request: Request, campaign_id: str, caller: TheCaller) -> Response:
        return page(request, caller, campaign_id)

    @router.get(f"{at}/template")
    def template(campaign_id: str, caller: TheCaller) -> Response:
        plan = service.ask(caller.actor, opening.ground_of, campaign_id=campaign_id).plan
        return shown.download(import_acts.template(plan), XLSX, f"附件6-{campaign_id}.xlsx")

    @router.post(at)
    def hand_in(
        request: Request,
        campaign_id: str,
        caller: TheCaller,
        place: Annotated[Literal["paper", "platform"], Form()],
        platform: Said,
        drawn_on: Annotated[date, Form()],
        witnessed_by: Said,
        reason: Said,
        evidence: Annotated[UploadFile, File()],
        sheet: Annotated[UploadFile, File()],
        early: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        told = Told(place, platform.strip(), drawn_on, witnessed_by.strip(), reason.strip())
        content = sheet.file.read(SheetLimits().file_bytes + 1)
        try:
            reply = import_acts.hand_in(
                service,
                caller.actor,
                campaign_id,
                told,
                key=caller.key,
                sheet=(sheet.filename or "", content),
                evidence=read_document(evidence),
                early=early == "yes",
            )
        except ImportRefused as error:
            return page(request, caller, campaign_id, told, error)
        return see_other(f"/draws/{reply.value['draw']}", "drawer.done.import_handed_in")

    @router.post("/draws/{draw_id}/import/decide")
    def decide(draw_id: str, caller: TheCaller, approve: Annotated[str, Form(max_length=10)]) -> Response:
        import_acts.decide(service, caller.actor, draw_id, key=caller.key, approve=approve == "yes")
        return see_other(f"/draws/{draw_id}" if approve == "yes" else "/draws", "drawer.done.import_decided")

    @router.post("/draws/{draw_id}/import/withdraw")
    def withdraw(draw_id: str, caller: TheCaller) -> Response:
        service.do(caller.actor, importing.withdraw_import, key=caller.key, draw_id=draw_id)
        return see_other("/draws", "drawer.done.import_withdrawn")

    @router.get("/draws/{draw_id}/import/evidence")
    def evidence_of(draw_id: str, caller: TheCaller) -> Response:
        return shown.download(*import_acts.evidence(service, caller.actor, draw_id))

    return router


def _shown(one: Complaint, names: Mapping[str, str]) -> dict[str, Any]:
    """Show a complaint with agencies by name."""
    facts = dict(one.what.facts)
    if "agency" in facts:
        facts["agency"] = names.get(str(facts["agency"]), facts["agency"])
    if isinstance(several := facts.get("agencies"), list):
        facts["agencies"] = [names.get(agency, agency) for agency in several]
    return {"row": one.row, "column": one.column, "code": one.what.code, "facts": facts}
