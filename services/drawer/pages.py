"""The drawer's pages: the ceremony, opening a draw, who was drawn, keys, the parts on other pages, and the public record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import JSONResponse, Response

from runtime.errors import OneVisitError
from runtime.service import Service
from runtime.store import Actor
from runtime.web import TheCaller, Web, see_other
from schemas.vocabulary import Role
from services.drawer import acts, archive, import_acts, qr, shown, why, wording
from services.drawer.acts import AskedTimes, Intervals
from services.drawer.archiving import VERIFIERS
from services.drawer.commands.keys import register_key
from services.drawer.domain.entity_proof import EntityNotInFrame
from services.drawer.domain.refusals import Remark
from services.drawer.domain.sources import Told
from services.drawer.drafts import Feasibility
from services.drawer.queries.at_once import at_once_of, closed_draws
from services.drawer.queries.campaigns import campaign_view, opening_view
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draw_view, draws_of, ready_to_open, tasks_of
from services.drawer.queries.imports import import_of_campaign, import_view, imports_of, public_import, public_imports
from services.drawer.queries.keys import former_keys, public_keys
from services.drawer.queries.records import PublicDraw, public_draw, public_draws
from services.drawer.queries.visited import draws_by_visit
from services.drawer.refusals import DrawUnknown
from services.drawer.working import OwnCommitment, OwnSeal

Hex = Annotated[str, Form(max_length=200)]
Minutes = Annotated[int, Form(ge=1, le=60 * 24 * 60)]


SourcesTold = Mapping[str, Told]
Words = Annotated[str, Form(max_length=100)]
Number = Annotated[str, Form(max_length=16, pattern="^[0-9]*$")]


def sources_told(
    source_1: Words = "",
    issue_1: Number = "",
    anchor_1: Words = "",
    index_1: Number = "",
    source_2: Words = "",
    issue_2: Number = "",
    anchor_2: Words = "",
    index_2: Number = "",
) -> SourcesTold:
    """Read what is told of sources of randomness, by their names; what is left empty is not told."""
    given = ((source_1, issue_1, anchor_1, index_1), (source_2, issue_2, anchor_2, index_2))
    return {
        source: Told(
            int(issue) if issue else None,
            "".join(anchor.split()).lower() or None,
            int(index) if index else None,
        )
        for source, issue, anchor, index in given
        if source
    }


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the pages."""
    router = APIRouter()
    _draws(router, service, web)
    _opening(router, service, web)
    _speaking(router, service)
    _parts(router, service, web)
    _public(router, service, web)
    return router


def _draws(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/draws")
    def draws(request: Request, caller: TheCaller) -> Response:
        now = service.ports.clock.now()
        found = service.ask(caller.actor, draws_of, now=now)
        ready = service.ask(caller.actor, ready_to_open)
        imported = service.ask(caller.actor, imports_of)
        return web.render(request, "drawer/draws.html", draws=found, imported=imported, ready=ready, until=_until(now))

    @router.get("/draws/{draw_id}")
    def draw(request: Request, draw_id: str, caller: TheCaller) -> Response:
        now = service.ports.clock.now()
        if (imported := service.ask(caller.actor, import_view, draw_id=draw_id)) is not None:
            page = import_acts.to_confirm(service, caller.actor, draw_id)
            return web.render(request, "drawer/imported.html", draw=imported, waiting=page.waiting, moves=page.moves)
        view = service.ask(caller.actor, draw_view, draw_id=draw_id, now=now)
        return web.render(
            request,
            "drawer/draw.html",
            draw=view,
            moves=wording.moves(view),
            steps=wording.steps(view),
            troubles=wording.troubles(view.stage),
            until=_until(now),
            me=caller.actor.agency,
        )

    @router.get("/draws/{draw_id}/targets")
    def targets(request: Request, draw_id: str, caller: TheCaller) -> Response:
        visits = service.ask(caller.actor, drawn_list, draw_id=draw_id)
        imported = service.ask(caller.actor, import_view, draw_id=draw_id)
        now = service.ports.clock.now()
        draw = None if imported else service.ask(caller.actor, draw_view, draw_id=draw_id, now=now)
        page: dict[str, Any] = {"draw_id": draw_id, "visits": visits, "imported": imported, "draw": draw}
        return web.render(request, "drawer/targets.html", **page)

    @router.get("/draw-keys")
    def keys(request: Request, caller: TheCaller) -> Response:
        mine = caller.actor.has(Role.DRAW_OFFICER, Role.WITNESS)
        about = caller.actor
        return web.render(
            request,
            "drawer/keys.html",
            keys=service.ask(about, public_keys),
            former=service.ask(about, former_keys),
            mine=mine,
            me=about.agency,
            county=about.county,
        )

    @router.post("/draw-keys")
    def register(caller: TheCaller, key: Hex, sig: Hex) -> Response:
        service.do(caller.actor, register_key, key=caller.key, told={"custody": "page", "key": key, "sig": sig})
        return see_other("/draw-keys", "drawer.done.key_registered")

    @router.post("/draw-keys/server")
    def leave(caller: TheCaller, agreed: Annotated[Literal["yes"], Form()]) -> Response:
        del agreed  # asked for, because it hands the body's vote to whoever runs the server
        acts.leave_key(service, caller.actor, key=caller.key)
        return see_other("/draw-keys", "drawer.done.key_left")


def _opening(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/campaigns/{campaign_id}/draw")
    def opening(request: Request, campaign_id: str, caller: TheCaller) -> Response:
        now = service.ports.clock.now()
        view = service.ask(caller.actor, campaign_view, campaign_id=campaign_id, now=now)
        about = service.ask(caller.actor, opening_view, campaign_id=campaign_id, now=now)
        found, refusal = examined(service, caller.actor, campaign_id)
        return web.render(
            request,
            "drawer/open.html",
            campaign=view,
            about=about,
            feasible=feasible(caller.actor, found, about.names),
            refusal=refusal,
            intervals=service.settings.intervals,
            now=now,
        )

    @router.post("/campaigns/{campaign_id}/draw")
    def open_draw(
        campaign_id: str,
        caller: TheCaller,
        commit_minutes: Minutes,
        reveal_minutes: Minutes,
        seal_minutes: Minutes,
        beacon_minutes: Minutes,
        told: Annotated[SourcesTold, Depends(sources_told)],
        early: Annotated[str, Form(max_length=10)] = "",
    ) -> Response:
        lengths = Intervals(commit_minutes, reveal_minutes, seal_minutes, beacon_minutes)
        reply = acts.open_draw(
            service,
            caller.actor,
            campaign_id,
            AskedTimes(),
            key=caller.key,
            lengths=lengths,
            early=early == "yes",
            sources=told,
        )
        return see_other(f"/draws/{reply.value['draw']}", "drawer.done.opened")


def _speaking(router: APIRouter, service: Service) -> None:
    @router.post("/draws/{draw_id}/commit")
    def commit(
        draw_id: str,
        caller: TheCaller,
        dice: Annotated[str, Form(max_length=1000)] = "",
        c: Hex = "",
        sig: Hex = "",
        wrapped: Hex = "",
    ) -> Response:
        own = OwnCommitment(c, sig, wrapped or None) if c else None
        own_dice = None if own else "".join(dice.split()) or None
        acts.commit(service, caller.actor, draw_id, key=caller.key, own_dice=own_dice, own=own)
        return see_other(f"/draws/{draw_id}", "drawer.done.committed")

    @router.post("/draws/{draw_id}/countersign")
    def countersign(draw_id: str, caller: TheCaller, sig: Hex = "") -> Response:
        acts.countersign(service, caller.actor, draw_id, key=caller.key, sig=sig or None)
        return see_other(f"/draws/{draw_id}", "drawer.done.countersigned")

    @router.post("/draws/{draw_id}/reveal")
    def reveal(draw_id: str, caller: TheCaller, value: Hex = "", sig: Hex = "") -> Response:
        acts.reveal(service, caller.actor, draw_id, key=caller.key, value=value or None, sig=sig or None)
        return see_other(f"/draws/{draw_id}", "drawer.done.revealed")

    @router.post("/draws/{draw_id}/seal")
    def seal(
        draw_id: str,
        caller: TheCaller,
        digest: Hex = "",
        at: Annotated[int, Form(ge=0, le=2**53 - 1)] = 0,
        sig: Hex = "",
    ) -> Response:
        own = OwnSeal(digest, at, sig) if sig else None
        reply = acts.seal(service, caller.actor, draw_id, key=caller.key, own=own)
        done = "seal_signed" if "waits_for" in reply.value else "sealed"
        return see_other(f"/draws/{draw_id}", f"drawer.done.{done}")


def _parts(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/parts/drawer/campaign/{campaign_id}")
    def campaign(request: Request, campaign_id: str, caller: TheCaller) -> Response:
        now, actor = service.ports.clock.now(), caller.actor
        view = service.ask(actor, campaign_view, campaign_id=campaign_id, now=now)
        about = service.ask(actor, opening_view, campaign_id=campaign_id, now=now)
        found, refusal = None, None
        imported = service.ask(actor, import_of_campaign, campaign_id=campaign_id)
        if view.draw is None and imported is None and view.frozen and not view.cancelled:
            found, refusal = examined(service, actor, campaign_id)
        return web.render(
            request,
            "drawer/campaign_part.html",
            campaign=view,
            imported=imported,
            feasible=feasible(actor, found, about.names),
            refusal=refusal,
            until=_until(now),
        )

    @router.get("/parts/drawer/home/me")
    def home(request: Request, caller: TheCaller) -> Response:
        now = service.ports.clock.now()
        tasks = service.ask(caller.actor, tasks_of, now=now)
        to_confirm = [one for one in service.ask(caller.actor, imports_of) if one.may_decide]
        return web.render(request, "drawer/home_part.html", tasks=tasks, to_confirm=to_confirm, until=_until(now))


def _public(router: APIRouter, service: Service, web: Web) -> None:
    def asked(draw_id: str) -> PublicDraw:
        return service.ask(service.system, public_draw, draw_id=draw_id)

    @router.get("/public/verify_draw.py")
    def verifier() -> Response:
        return _file(VERIFIERS["verify_draw.py"].read_bytes(), "text/x-python", "verify_draw.py")

    @router.get("/public/verify.html")
    def verifier_page() -> Response:  # to be saved: it works from a folder of its own, without a network
        return _file(VERIFIERS["verify.html"].read_bytes(), "text/html", "verify.html")

    @router.get("/public/draws/{draw_id}/at-once")
    def at_once_page(request: Request, draw_id: str) -> Response:
        told = service.ask(service.system, at_once_of, draw_id=draw_id)
        return web.render(request, "drawer/at_once.html", draw=told)

    @router.get("/public/draws/{draw_id}/at-once.json")
    def at_once_file(draw_id: str) -> Response:
        return JSONResponse(dict(service.ask(service.system, at_once_of, draw_id=draw_id).told))

    @router.get("/public/draws")
    def draws(request: Request) -> Response:
        found, by_visit = service.ask(service.system, public_draws), service.ask(service.system, draws_by_visit)
        imported = service.ask(service.system, public_imports)
        closed = service.ask(service.system, closed_draws)
        now = int(service.ports.clock.now().timestamp())
        page = "drawer/public_draws.html"
        return web.render(request, page, draws=found, by_visit=by_visit, imported=imported, now=now, closed=closed)

    @router.get("/public/draws/{draw_id}")
    def draw(request: Request, draw_id: str) -> Response:
        if (imported := service.ask(service.system, public_import, draw_id=draw_id)) is not None:
            return web.render(request, "drawer/public_imported.html", draw=imported)
        found = asked(draw_id)
        here = f"{web.origin(request)}/public/draws/{draw_id}"
        digest, address = qr.code(found.result_digest), qr.code(here)
        return web.render(request, "drawer/public_draw.html", draw=found, digest=digest, address=address)

    @router.get("/public/draws/{draw_id}/why")
    def why_page(request: Request, draw_id: str, entity: Annotated[str, Query(max_length=64)] = "") -> Response:
        draw, found, refusal, address = asked(draw_id), None, None, None
        if entity:
            try:
                found = why.why(service, draw, entity.strip())
                address = qr.code(why.address(web.origin(request), draw_id, found.entity))
            except EntityNotInFrame as error:
                refusal = error
        view: dict[str, Any] = {"draw": draw, "entity": entity, "why": found, "refusal": refusal, "address": address}
        return web.render(request, "drawer/why.html", **view)

    @router.get("/public/draws/{draw_id}/why.json")
    def why_file(draw_id: str, entity: Annotated[str, Query(max_length=64)]) -> Response:
        return JSONResponse(why.why(service, asked(draw_id), entity).proof)

    @router.get("/public/draws/{draw_id}/record.json")
    def record(draw_id: str) -> Response:
        return _file(archive.read(service, asked(draw_id).record), "application/json", "record.json")

    @router.get("/public/draws/{draw_id}/import.json")
    def statement(draw_id: str) -> Response:
        imported = service.ask(service.system, public_import, draw_id=draw_id)
        if imported is None:
            raise DrawUnknown(draw=draw_id)
        return _file(archive.read(service, imported.statement), "application/json", "import.json")

    @router.get("/public/draws/{draw_id}/frame.tsv")
    def frame(draw_id: str) -> Response:
        found = service.ask(service.system, public_import, draw_id=draw_id) or asked(draw_id)
        return _file(archive.read(service, found.frame), "text/tab-separated-values", "frame.tsv")

    @router.get("/public/draws/{draw_id}/keys.json")
    def keys(draw_id: str) -> Response:
        return JSONResponse(dict(asked(draw_id).keys))


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def examined(service: Service, actor: Actor, campaign_id: str) -> tuple[Feasibility | None, OneVisitError | None]:
    """Say whether a draw could be made, or why that cannot even be asked."""
    try:
        return acts.feasibility(service, actor, campaign_id), None
    except OneVisitError as refusal:
        return None, refusal


def feasible(actor: Actor, found: Feasibility | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    """Show feasibility on a page: agencies by name."""
    if found is None:
        return None
    return {
        "feasible": not found.shortages,
        "sizes": shown.sizes(found),
        "counts": shown.counts(found),
        "names": names,
        "shortages": [(one.code, _named(one, names)) for one in shown.readable(actor, found, found.shortages)],
        "notes": [(one.code, _named(one, names)) for one in shown.readable(actor, found, found.notes)],
    }


def _named(one: Remark, names: Mapping[str, str]) -> dict[str, object]:
    facts = shown.known_facts(one)
    return facts | {"agency": names.get(str(facts["agency"]), facts["agency"])}


def _until(now: datetime) -> Any:
    return lambda moment: wording.time_left(now, moment)
