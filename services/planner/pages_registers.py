"""Pages of registers and rule packs: what stands in them, on which day, and how a spreadsheet gets in."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from runtime.errors import OneVisitError
from runtime.service import Service
from runtime.web.caller import Caller, the_caller
from runtime.web.refusals import status_of
from runtime.web.templates import Web, see_other
from schemas.vocabulary import Role
from services.planner import prepared, shown
from services.planner.domain.days import business_day
from services.planner.importing import ImportRefused
from services.planner.page_forms import Posted, the_form
from services.planner.queries.registers import (
    calendars_of,
    pack_view,
    packs_of,
    register_counts,
    register_view,
    words_of,
)
from services.planner.refusals import FileMissing
from services.planner.templates_out import template_file

Asker = Annotated[Caller, Depends(the_caller)]
Filled = Annotated[Posted, Depends(the_form)]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS_SHOWN = 500


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of registers' and rule packs' pages."""
    router = APIRouter()
    clock = service.ports.clock

    def sentences(caller: Caller, error: OneVisitError) -> dict[str, str]:
        sentence = web.messages.about(error)
        return {"says": sentence.says(caller.lang), "advises": sentence.advises(caller.lang)}

    # ── registers ───────────────────────────────────────────────────────────────────────────────────────────────────

    @router.get("/registers")
    def registers(request: Request, caller: Asker) -> Response:
        counts = service.ask(caller.actor, register_counts)
        return web.render(request, "planner/registers.html", counts=counts)

    def register_page(
        request: Request,
        caller: Caller,
        kind: str,
        on: date | None,
        done: dict[str, Any] | None = None,
        error: OneVisitError | None = None,
    ) -> Response:
        today = business_day(clock.now())
        view = service.ask(caller.actor, register_view, kind=kind, on=on or today)
        complaints: list[dict[str, Any]] = []
        if isinstance(error, ImportRefused):
            complaints = shown.complaints(web.messages, error.complaints)
        return web.render(
            request,
            "planner/register.html",
            status=200 if error is None else status_of(error),
            view=view,
            rows=view.rows[:ROWS_SHOWN],
            words_of=service.ask(caller.actor, words_of),
            today=today,
            may_import=caller.actor.has(Role.PLANNER, Role.AGENCY_ADMIN),
            done=done,
            remarks=shown.complaints(web.messages, done["remarks"]) if done else [],
            error=None if error is None else sentences(caller, error),
            complaints=complaints,
            lang=caller.lang,
        )

    @router.get("/registers/{kind}")
    def register(request: Request, caller: Asker, kind: str, on: Annotated[str, Query(max_length=10)] = "") -> Response:
        try:
            day = date.fromisoformat(on) if on else None
        except ValueError:
            day = None
        return register_page(request, caller, kind, day)

    @router.post("/registers/{kind}")
    def import_file(request: Request, caller: Asker, kind: str, posted: Filled) -> Response:
        try:
            name, data = posted.files.get("file", ("", b""))
            if not name:
                raise FileMissing()
            reply = prepared.import_file(service, caller.actor, caller.key, kind, data, name)
        except OneVisitError as error:
            return register_page(request, caller, kind, None, error=error)
        return register_page(request, caller, kind, None, done=reply.value)

    @router.get("/registers/{kind}/template")
    def template(caller: Asker, kind: str) -> Response:
        name, data = template_file(kind)
        return Response(data, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    # ── rule packs ──────────────────────────────────────────────────────────────────────────────────────────────────

    def packs_page(request: Request, caller: Caller, error: OneVisitError | None = None) -> Response:
        return web.render(
            request,
            "planner/rulepacks.html",
            status=200 if error is None else status_of(error),
            packs=service.ask(caller.actor, packs_of),
            calendars=service.ask(caller.actor, calendars_of),
            may_publish=caller.actor.has(Role.COUNTY_ADMIN),
            error=None if error is None else sentences(caller, error),
            problems=error.facts.get("problems", []) if error is not None else [],
        )

    @router.get("/rulepacks")
    def rulepacks(request: Request, caller: Asker) -> Response:
        return packs_page(request, caller)

    @router.post("/rulepacks")
    def publish(request: Request, caller: Asker, posted: Filled) -> Response:
        try:
            name, data = posted.files.get("file", ("", b""))
            if not name:
                raise FileMissing()
            work = prepared.publish_calendar_file if posted.one("what") == "calendar" else prepared.publish_pack_file
            work(service, caller.actor, caller.key, data)
        except OneVisitError as error:
            return packs_page(request, caller, error)
        return see_other("/rulepacks", said="planner.said.published")

    @router.get("/rulepacks/{pack}")
    def rulepack(
        request: Request, caller: Asker, pack: str, edition: Annotated[date | None, Query()] = None
    ) -> Response:
        line, document = service.ask(caller.actor, pack_view, pack=pack, edition=edition)
        return web.render(request, "planner/rulepack.html", line=line, pack=document)

    return router
