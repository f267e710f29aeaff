"""JSON API of the planner, /api/planner/v1: rule packs, registers, campaigns."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response

from runtime.errors import OneVisitError
from runtime.service import Service
from runtime.web.caller import Caller, the_caller
from runtime.web.etag import versioned
from runtime.web.problems import plain, problem
from runtime.web.refusals import status_of
from runtime.web.templates import Web
from services.planner import prepared, shown
from services.planner.commands import campaigns, parts
from services.planner.domain.days import business_day
from services.planner.forms import CampaignForm, ConfirmationForm, DeclineForm, FreezeForm, ReasonForm
from services.planner.importing import ImportRefused
from services.planner.queries.campaigns import campaign_view, campaigns_of
from services.planner.queries.frames import campaign_sizes
from services.planner.queries.registers import (
    all_items,
    calendars_of,
    checklists_of,
    pack_view,
    packs_of,
    register_counts,
    register_view,
)
from services.planner.templates_out import template_file

ROOT = "/api/planner/v1"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def the_body(request: Request) -> bytes:
    """Return the request body as it came."""
    return await request.body()


Asker = Annotated[Caller, Depends(the_caller)]
Raw = Annotated[bytes, Depends(the_body)]


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of the API."""
    router = APIRouter()
    clock = service.ports.clock

    # ── rule packs and calendars ────────────────────────────────────────────────────────────────────────────────────

    @router.post(f"{ROOT}/rulepacks", status_code=201)
    def publish_rulepack(caller: Asker, body: Raw) -> Any:
        """Publish an edition of a rule pack, the body being its TOML; campaigns pin it by digest."""
        return prepared.publish_pack_file(service, caller.actor, caller.key, body).value

    @router.post(f"{ROOT}/calendars", status_code=201)
    def publish_calendar(caller: Asker, body: Raw) -> Any:
        """Publish the calendar of working days, the body being its TOML."""
        return prepared.publish_calendar_file(service, caller.actor, caller.key, body).value

    @router.get(f"{ROOT}/rulepacks")
    def rulepacks(caller: Asker) -> Any:
        """List the rule packs of the county, with their editions."""
        found = service.ask(caller.actor, packs_of)
        return {"rulepacks": [plain(asdict(line)) for line in found]}

    @router.get(f"{ROOT}/rulepacks/{{pack}}")
    def rulepack(caller: Asker, pack: str, edition: date | None = None) -> Any:
        """Show a rule pack: ratios, deadlines, vocabularies and routing, each with its source."""
        line, document = service.ask(caller.actor, pack_view, pack=pack, edition=edition)
        return {**plain(asdict(line)), "document": document.model_dump(mode="json")}

    @router.get(f"{ROOT}/calendars")
    def calendars(caller: Asker) -> Any:
        """List the calendars of working days."""
        found = service.ask(caller.actor, calendars_of)
        return {"calendars": [plain(asdict(line)) for line in found]}

    # ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────

    @router.post(f"{ROOT}/imports/{{kind}}")
    def import_file(request: Request, caller: Asker, kind: str, file: Annotated[UploadFile, File()]) -> Response:
        """Import a register from a spreadsheet (XLSX or CSV): all of it, or a complaint per row and cell."""
        data = file.file.read()
        try:
            reply = prepared.import_file(service, caller.actor, caller.key, kind, data, file.filename or "")
        except ImportRefused as refused:
            found = shown.complaints(web.messages, refused.complaints)
            return problem(request, web, refused, status_of(refused), complaints=found)
        value = {**reply.value, "remarks": shown.complaints(web.messages, reply.value["remarks"])}
        return JSONResponse(plain(value))

    @router.get(f"{ROOT}/imports/{{kind}}/template")
    def import_template(caller: Asker, kind: str) -> Response:
        """Give the empty spreadsheet of a register."""
        name, data = template_file(kind)
        return Response(data, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @router.get(f"{ROOT}/registers")
    def registers(caller: Asker) -> Any:
        """List the registers of the asker's agency, with edition and count."""
        found = service.ask(caller.actor, register_counts)
        return {"registers": [plain(asdict(each)) for each in found]}

    @router.get(f"{ROOT}/registers/{{kind}}")
    def register(caller: Asker, kind: str, on: Annotated[date | None, Query()] = None) -> Any:
        """Show a register of the asker's agency, as it stood on a day."""
        day = on or business_day(clock.now())
        view = service.ask(caller.actor, register_view, kind=kind, on=day)
        return plain(asdict(view))

    @router.get(f"{ROOT}/checklists")
    def checklists(caller: Asker) -> Any:
        """List the checklists of the asker's agency, with their editions."""
        return {"checklists": plain(service.ask(caller.actor, checklists_of))}

    @router.get(f"{ROOT}/items")
    def items(caller: Asker) -> Any:
        """List the inspection items of every agency."""
        return {"items": plain(service.ask(caller.actor, all_items))}

    # ── campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────

    @router.get(f"{ROOT}/campaigns")
    def list_campaigns(caller: Asker, year: int | None = None) -> Any:
        """List the campaigns the asker may see, newest first."""
        found = service.ask(caller.actor, campaigns_of, year=year)
        return {"campaigns": [plain(asdict(line)) for line in found]}

    @router.post(f"{ROOT}/campaigns", status_code=201)
    def create(caller: Asker, form: CampaignForm) -> Any:
        """Draft a joint campaign as its lead."""
        return service.do(caller.actor, campaigns.create_campaign, key=caller.key, form=form).value

    @router.get(f"{ROOT}/campaigns/{{campaign_id}}")
    def campaign(request: Request, caller: Asker, campaign_id: str) -> Response:
        """Show a campaign: plan, parts, stages, what is next and whose it is."""
        view = service.ask(caller.actor, campaign_view, campaign_id=campaign_id)
        return versioned(request, shown.campaign(web.messages, view), view.version)

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}")
    def edit(caller: Asker, campaign_id: str, form: CampaignForm) -> Any:
        """Change a draft; If-Match holds the ETag of what the change rests on."""
        reply = service.do(
            caller.actor,
            campaigns.edit_campaign,
            key=caller.key,
            campaign_id=campaign_id,
            form=form,
            if_match=_needed(caller),
        )
        return reply.value

    @router.get(f"{ROOT}/campaigns/{{campaign_id}}/sizes")
    def sizes(caller: Asker, campaign_id: str) -> Any:
        """Work out how many targets the campaign would draw from today's register."""
        view = service.ask(caller.actor, campaign_sizes, campaign_id=campaign_id, at=clock.now())
        return shown.sizes(web.messages, view)

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/propose")
    def propose(caller: Asker, campaign_id: str) -> Any:
        """Send the plan to its partners."""
        return service.do(
            caller.actor,
            campaigns.propose_campaign,
            key=caller.key,
            campaign_id=campaign_id,
            if_match=caller.if_match,
        ).value

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/confirm")
    def confirm(caller: Asker, campaign_id: str, form: ConfirmationForm) -> Any:
        """Confirm the own part, with officers and checklist editions."""
        return service.do(caller.actor, parts.confirm_part, key=caller.key, campaign_id=campaign_id, form=form).value

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/decline")
    def decline(caller: Asker, campaign_id: str, form: DeclineForm) -> Any:
        """Decline the own part, with a reason."""
        return service.do(caller.actor, parts.decline_part, key=caller.key, campaign_id=campaign_id, form=form).value

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/partners/{{agency}}/remove")
    def remove(caller: Asker, campaign_id: str, agency: str) -> Any:
        """Take a partner out of the campaign before it is confirmed."""
        return service.do(
            caller.actor, campaigns.remove_partner, key=caller.key, campaign_id=campaign_id, agency=agency
        ).value

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/approve")
    def approve(caller: Asker, campaign_id: str) -> Any:
        """Approve the plan that all partners confirmed; pins the rule pack and counts every deadline."""
        return prepared.approve(service, caller.actor, caller.key, campaign_id).value

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/freeze")
    def freeze(caller: Asker, campaign_id: str, form: FreezeForm | None = None) -> Any:
        """Freeze frame and rosters: the snapshot the draw is run on."""
        early = form is not None and form.early
        return prepared.freeze(service, caller.actor, caller.key, campaign_id, early=early).value

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/close")
    def close(caller: Asker, campaign_id: str) -> Any:
        """Close a campaign whose sections are all published."""
        return service.do(caller.actor, campaigns.close_campaign, key=caller.key, campaign_id=campaign_id).value

    @router.post(f"{ROOT}/campaigns/{{campaign_id}}/cancel")
    def cancel(caller: Asker, campaign_id: str, form: ReasonForm) -> Any:
        """Cancel a campaign before its draw is completed, with a reason."""
        return service.do(
            caller.actor, campaigns.cancel_campaign, key=caller.key, campaign_id=campaign_id, reason=form.reason
        ).value

    return router


class VersionNeeded(OneVisitError):
    """A draft is changed only on the version it was read in: If-Match is missing."""

    code = "campaign.version_needed"
    status = 428


def _needed(caller: Caller) -> str:
    if caller.if_match is None:
        raise VersionNeeded()
    return caller.if_match
