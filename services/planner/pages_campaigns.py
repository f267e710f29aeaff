"""Pages of campaigns: list, draft, one campaign with its next step, a partner's confirmation, my tasks."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from runtime.errors import OneVisitError
from runtime.service import Service
from runtime.web.caller import Caller, the_caller
from runtime.web.refusals import status_of
from runtime.web.templates import Web, see_other
from schemas.vocabulary import Role, Stage
from services.planner import page_forms, prepared, shown
from services.planner.commands import campaigns, frames, parts
from services.planner.domain.days import business_day
from services.planner.domain.stages import ORDER
from services.planner.page_forms import Posted, the_form
from services.planner.queries.bodies import agencies_of, inspecting_agencies, witness_bodies
from services.planner.queries.campaigns import CampaignView, campaign_view, campaigns_of, tasks_of
from services.planner.queries.experts import experts_line
from services.planner.queries.frames import campaign_sizes
from services.planner.queries.parts import part_form
from services.planner.queries.plans import first_stages
from services.planner.queries.registers import all_items, pack_view, packs_of

Asker = Annotated[Caller, Depends(the_caller)]
Filled = Annotated[Posted, Depends(the_form)]


def routes(service: Service, web: Web) -> APIRouter:
    """Make the routes of campaigns' pages."""
    router = APIRouter()
    clock = service.ports.clock

    def refused(caller: Caller, error: OneVisitError) -> dict[str, str]:
        sentence = web.messages.about(error)
        return {"says": sentence.says(caller.lang), "advises": sentence.advises(caller.lang)}

    def names(caller: Caller) -> dict[str, str]:
        found = service.ask(caller.actor, agencies_of)
        return {agency: view.short_name for agency, view in found.items()}

    # ── list and draft ──────────────────────────────────────────────────────────────────────────────────────────────

    @router.get("/campaigns")
    def list_campaigns(request: Request, caller: Asker) -> Response:
        lines = service.ask(caller.actor, campaigns_of)
        may_draft = caller.actor.has(Role.PLANNER)
        return web.render(request, "planner/campaigns.html", lines=lines, names=names(caller), may_draft=may_draft)

    def draft_page(
        request: Request,
        caller: Caller,
        values: Mapping[str, Any],
        *,
        action: str,
        view: CampaignView | None = None,
        error: OneVisitError | None = None,
    ) -> Response:
        packs = service.ask(caller.actor, packs_of)
        chosen = str(values.get("pack") or (f"{packs[0].pack}@{packs[0].edition}" if packs else ""))
        pack = None
        if chosen and packs:
            name, _, edition = chosen.partition("@")
            line = next((each for each in packs if (each.pack, str(each.edition)) == (name, edition)), packs[0])
            _, pack = service.ask(caller.actor, pack_view, pack=line.pack, edition=line.edition)
        return web.render(
            request,
            "planner/campaign_form.html",
            status=200 if error is None else status_of(error),
            action=action,
            view=view,
            values=_filled(values),
            error=None if error is None else refused(caller, error),
            packs=packs,
            pack=pack,
            chosen_pack=chosen,
            items=service.ask(caller.actor, all_items),
            own=caller.actor.agency,
            agencies=service.ask(caller.actor, inspecting_agencies),
            witnesses=service.ask(caller.actor, witness_bodies),
            first_stages=service.ask(caller.actor, first_stages),
            names=names(caller),
            stages=[stage.value for stage in ORDER],
        )

    @router.get("/campaigns/new")
    def new_campaign(request: Request, caller: Asker) -> Response:
        return draft_page(request, caller, {}, action="/campaigns/new")

    @router.post("/campaigns/new")
    def create(request: Request, caller: Asker, posted: Filled) -> Response:
        try:
            form = page_forms.campaign_form(posted)
            reply = service.do(caller.actor, campaigns.create_campaign, key=caller.key, form=form)
        except OneVisitError as error:
            return draft_page(request, caller, posted.values(), action="/campaigns/new", error=error)
        return see_other(f"/campaigns/{reply.value['campaign']}", said="planner.said.created")

    @router.get("/campaigns/{campaign_id}/edit")
    def edit_page(request: Request, caller: Asker, campaign_id: str) -> Response:
        view = service.ask(caller.actor, campaign_view, campaign_id=campaign_id)
        return draft_page(request, caller, _values_of(view), action=f"/campaigns/{campaign_id}/edit", view=view)

    @router.post("/campaigns/{campaign_id}/edit")
    def edit(request: Request, caller: Asker, campaign_id: str, posted: Filled) -> Response:
        try:
            service.do(
                caller.actor,
                campaigns.edit_campaign,
                key=caller.key,
                campaign_id=campaign_id,
                form=page_forms.campaign_form(posted),
                if_match=posted.one("version"),
            )
        except OneVisitError as error:
            view = service.ask(caller.actor, campaign_view, campaign_id=campaign_id)
            action = f"/campaigns/{campaign_id}/edit"
            return draft_page(request, caller, posted.values(), action=action, view=view, error=error)
        return see_other(f"/campaigns/{campaign_id}", said="planner.said.edited")

    # ── one campaign ────────────────────────────────────────────────────────────────────────────────────────────────

    def campaign_page(
        request: Request, caller: Caller, campaign_id: str, error: OneVisitError | None = None
    ) -> Response:
        view = service.ask(caller.actor, campaign_view, campaign_id=campaign_id)
        sizes = None
        if view.lead == caller.actor.agency and view.stored_state in ("draft", "proposed", "confirmed"):
            found = service.ask(caller.actor, campaign_sizes, campaign_id=campaign_id, at=clock.now())
            sizes = shown.sizes(web.messages, found)
        today, experts = business_day(clock.now()), []
        if view.experts:
            own = caller.actor.agency
            experts = service.ask(service.system, experts_line, campaign_id=campaign_id, asker=own, on=today)
        return web.render(
            request,
            "planner/campaign.html",
            status=200 if error is None else status_of(error),
            view=view,
            own=caller.actor.agency,
            names=names(caller),
            warnings=[shown.warning(web.messages, warned)[caller.lang] for warned in view.warnings],
            sizes=sizes,
            experts=experts,
            percent=shown.percent(view.ratio),
            stage_names={stage: said[0 if caller.lang == "zh" else 1] for stage, said in shown.STAGES.items()},
            today=today,
            draw_from=next(days.first_on for days in view.stages if days.stage is Stage.DRAW),
            error=None if error is None else refused(caller, error),
        )

    @router.get("/campaigns/{campaign_id}")
    def campaign(request: Request, caller: Asker, campaign_id: str) -> Response:
        return campaign_page(request, caller, campaign_id)

    def step(request: Request, caller: Caller, campaign_id: str, said: str, take: Callable[[], object]) -> Response:
        try:
            take()
        except OneVisitError as error:
            return campaign_page(request, caller, campaign_id, error)
        return see_other(f"/campaigns/{campaign_id}", said=f"planner.said.{said}")

    @router.post("/campaigns/{campaign_id}/numbers")
    def take_numbers(request: Request, caller: Asker, campaign_id: str, posted: Filled) -> Response:
        return step(
            request,
            caller,
            campaign_id,
            "edited",
            lambda: service.do(
                caller.actor,
                frames.take_nearest_numbers,
                key=caller.key,
                campaign_id=campaign_id,
                shown=posted.many("targets"),
                if_match=posted.one("version"),
            ),
        )

    @router.post("/campaigns/{campaign_id}/propose")
    def propose(request: Request, caller: Asker, campaign_id: str, posted: Filled) -> Response:
        return step(
            request,
            caller,
            campaign_id,
            "proposed",
            lambda: service.do(
                caller.actor,
                campaigns.propose_campaign,
                key=caller.key,
                campaign_id=campaign_id,
                if_match=posted.one("version") or None,
            ),
        )

    @router.post("/campaigns/{campaign_id}/partners/{agency}/remove")
    def remove(request: Request, caller: Asker, campaign_id: str, agency: str) -> Response:
        return step(
            request,
            caller,
            campaign_id,
            "removed",
            lambda: service.do(
                caller.actor, campaigns.remove_partner, key=caller.key, campaign_id=campaign_id, agency=agency
            ),
        )

    @router.post("/campaigns/{campaign_id}/approve")
    def approve(request: Request, caller: Asker, campaign_id: str) -> Response:
        return step(
            request,
            caller,
            campaign_id,
            "approved",
            lambda: prepared.approve(service, caller.actor, caller.key, campaign_id),
        )

    @router.post("/campaigns/{campaign_id}/freeze")
    def freeze(request: Request, caller: Asker, campaign_id: str, posted: Filled) -> Response:
        return step(
            request,
            caller,
            campaign_id,
            "frozen",
            lambda: prepared.freeze(service, caller.actor, caller.key, campaign_id, early=posted.one("early") == "yes"),
        )

    @router.post("/campaigns/{campaign_id}/close")
    def close(request: Request, caller: Asker, campaign_id: str) -> Response:
        return step(
            request,
            caller,
            campaign_id,
            "closed",
            lambda: service.do(caller.actor, campaigns.close_campaign, key=caller.key, campaign_id=campaign_id),
        )

    @router.post("/campaigns/{campaign_id}/cancel")
    def cancel(request: Request, caller: Asker, campaign_id: str, posted: Filled) -> Response:
        return step(
            request,
            caller,
            campaign_id,
            "cancelled",
            lambda: service.do(
                caller.actor,
                campaigns.cancel_campaign,
                key=caller.key,
                campaign_id=campaign_id,
                reason=posted.one("reason"),
            ),
        )

    # ── an agency's own part ────────────────────────────────────────────────────────────────────────────────────────

    def part_page(
        request: Request,
        caller: Caller,
        campaign_id: str,
        values: Mapping[str, Any] | None = None,
        error: OneVisitError | None = None,
    ) -> Response:
        view = service.ask(caller.actor, campaign_view, campaign_id=campaign_id)
        form = service.ask(caller.actor, part_form, campaign_id=campaign_id, on=business_day(clock.now()))
        return web.render(
            request,
            "planner/confirm.html",
            status=200 if error is None else status_of(error),
            view=view,
            form=form,
            values=values or form.values,
            names=names(caller),
            lead=view.lead == caller.actor.agency,
            error=None if error is None else refused(caller, error),
        )

    @router.get("/campaigns/{campaign_id}/confirm")
    def confirm_page(request: Request, caller: Asker, campaign_id: str) -> Response:
        return part_page(request, caller, campaign_id)

    @router.post("/campaigns/{campaign_id}/confirm")
    def confirm(request: Request, caller: Asker, campaign_id: str, posted: Filled) -> Response:
        try:
            form = page_forms.confirmation_form(posted)
            service.do(caller.actor, parts.confirm_part, key=caller.key, campaign_id=campaign_id, form=form)
        except OneVisitError as error:
            return part_page(request, caller, campaign_id, _again(posted), error)
        return see_other(f"/campaigns/{campaign_id}", said="planner.said.confirmed")

    @router.post("/campaigns/{campaign_id}/decline")
    def decline(request: Request, caller: Asker, campaign_id: str, posted: Filled) -> Response:
        try:
            form = page_forms.decline_form(posted)
            service.do(caller.actor, parts.decline_part, key=caller.key, campaign_id=campaign_id, form=form)
        except OneVisitError as error:
            return part_page(request, caller, campaign_id, None, error)
        return see_other(f"/campaigns/{campaign_id}", said="planner.said.declined")

    # ── my tasks ────────────────────────────────────────────────────────────────────────────────────────────────────

    @router.get("/parts/planner/home/me")
    def tile(request: Request, caller: Asker) -> Response:
        tasks = service.ask(caller.actor, tasks_of)
        return web.render(request, "planner/tile.html", tasks=tasks, today=business_day(clock.now()))

    return router


EMPTY_DRAFT: Mapping[str, Any] = {
    "title": "",
    "number": "",
    "plan_id": "",
    "plan_name": "",
    "type_name": "",
    "ratio": "1/10",
    "planned": "",
    "spread": "one_class",
    "most": "",
    "parent": "",
    "purpose": "rehearsal",
    "disclosure": "window",
    "witness": "",
    "dice": 20,
    "hash": "",
    "chain_len": 3,
    "max_missing": 0,
    "target_labels": "",
    "established_before": "",
    "exclude_drawn": "",
    "conference_on": "",
    "conference_attendees": "",
    "conference_record": "",
}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Complete what a draft's form shows: defaults where nothing was typed, lists where several may be chosen."""
    filled = {**EMPTY_DRAFT, **values}
    for name in ("partners", "items", "districts", "beacons"):
        chosen = values.get(name, ())
        filled[f"chosen_{name}"] = [chosen] if isinstance(chosen, str) else list(chosen)
    rows = [name for name in values if name.startswith("expert_field_")]
    filled["expert_rows"] = range(1, max(4, len(rows) + 2))
    filled["has_experts"] = any(values[name] for name in rows)
    filled["has_class_bounds"] = any(value for name, value in values.items() if name.startswith("class_"))
    return filled


def _again(posted: Posted) -> dict[str, Any]:
    return {
        "officers": posted.many("officers"),
        "checklists": posted.many("checklists"),
        "contact_name": posted.one("contact_name"),
        "contact_phone": posted.one("contact_phone"),
    }


def _values_of(view: CampaignView) -> dict[str, Any]:
    conference = view.conference or {}
    values: dict[str, Any] = {
        "title": view.title,
        "number": view.number,
        "plan_id": view.plan_id,
        "plan_name": view.plan_name,
        "type_name": view.type_name,
        "partners": list(view.partners),
        "pack": f"{view.pack}@{view.edition}",
        "items": [item.item for item in view.items],
        "ratio": str(view.ratio),
        "planned": view.planned,
        "spread": view.spread,
        "most": view.most,
        "parent": view.parent or "",
        "purpose": view.purpose,
        "disclosure": view.disclosure,
        "witness": view.witness or "",
        "dice": "" if view.dice is None else view.dice,
        "beacons": list(view.beacons),
        "hash": view.hash,
        "chain_len": view.chain_len,
        "max_missing": view.max_missing,
        "districts": list(view.districts),
        "target_labels": "、".join(view.target_labels),
        "established_before": view.established_before,
        "exclude_drawn": "yes" if view.exclude_drawn else "",
        "conference_on": conference.get("held_on"),
        "conference_attendees": conference.get("attendees"),
        "conference_record": conference.get("record", ""),
    }
    for each in view.class_bounds:
        category, ratio = each["category"], each["ratio"]
        values[f"class_ratio_{category}"] = "" if ratio is None else f"{ratio[0]}/{ratio[1]}"
        values[f"class_least_{category}"], values[f"class_most_{category}"] = each["least"], each["most"]
    for row, one in enumerate(view.experts, start=1):
        values[f"expert_agency_{row}"], values[f"expert_count_{row}"] = one["agency"], one["per_visit"]
        values[f"expert_field_{row}"] = one["words"][0]
    for days in view.stages:
        values[f"{days.stage}_first"], values[f"{days.stage}_last"] = days.first_on, days.last_on
    return values
