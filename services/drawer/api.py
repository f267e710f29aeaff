"""The drawer's JSON API, ``/api/drawer/v1``."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict

from runtime.service import Service
from runtime.web import TheCaller, Web
from services.drawer import acts, archive, shown
from services.drawer.acts import AskedTimes
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draw_view, draws_of

ROOT = "/api/drawer/v1"


class Body(BaseModel):
    """A request's body: nothing in it that is not spoken of."""

    model_config = ConfigDict(extra="forbid")


class Opening(Body):
    """Open the next attempt; times left out follow from the settings; ``early``: before the plan's draw stage."""

    campaign: str
    commit_close: AwareDatetime | None = None
    reveal_close: AwareDatetime | None = None
    seal_by: AwareDatetime | None = None
    beacon_time: AwareDatetime | None = None
    early: bool = False

    def asked(self) -> AskedTimes:
        """Give the times as the act takes them."""
        return AskedTimes(self.commit_close, self.reveal_close, self.seal_by, self.beacon_time)


class Commitment(Body):
    """Commit; ``dice`` are the agency's own, mixed into the server's randomness."""

    dice: str | None = None


class Revealing(Body):
    """Reveal; ``value`` is handed in by an agency that does not want the one kept here (hex)."""

    value: str | None = None


class Dice(Body):
    """The dice as read in the room, typed twice."""

    digits: str
    again: str


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the API."""
    router = APIRouter()
    _reading(router, service)
    _speaking(router, service)
    return router


def _reading(router: APIRouter, service: Service) -> None:
    @router.get(f"{ROOT}/draws")
    def draws(caller: TheCaller) -> dict[str, Any]:
        """List the draws the asker may see."""
        found = service.ask(caller.actor, draws_of, now=service.ports.clock.now())
        return {"draws": [shown.line(one) for one in found]}

    @router.get(f"{ROOT}/draws/{{draw_id}}")
    def draw(draw_id: str, caller: TheCaller) -> dict[str, Any]:
        """Show a draw: its steps, who has done theirs, and until when."""
        return shown.draw(service.ask(caller.actor, draw_view, draw_id=draw_id, now=service.ports.clock.now()))

    @router.get(f"{ROOT}/draws/{{draw_id}}/targets")
    def targets(draw_id: str, caller: TheCaller) -> dict[str, Any]:
        """List the drawn targets, to those who may know them before disclosure."""
        found = service.ask(caller.actor, drawn_list, draw_id=draw_id)
        return {"draw": draw_id, "visits": [shown.visit(one) for one in found]}

    @router.get(f"{ROOT}/draws/{{draw_id}}/record")
    def record(draw_id: str, caller: TheCaller, edition: str = "public") -> Response:
        """Give the draw's record, as far as it is disclosed to the asker."""
        files = archive.record(service, caller.actor, draw_id, edition=edition)
        name = f'attachment; filename="{edition}-record.json"'
        return Response(files.record, media_type="application/json", headers={"Content-Disposition": name})

    @router.get(f"{ROOT}/campaigns/{{campaign_id}}/feasibility")
    def feasibility(campaign_id: str, caller: TheCaller) -> dict[str, Any]:
        """Tell before the draw whether every agency has enough eligible officers, and else which rule binds whom."""
        return shown.feasibility(caller.actor, campaign_id, acts.feasibility(service, caller.actor, campaign_id))


def _speaking(router: APIRouter, service: Service) -> None:
    @router.post(f"{ROOT}/draws", status_code=201)
    def open_draw(body: Opening, caller: TheCaller) -> Any:
        """Open the draw of a frozen campaign: publish its manifest."""
        asked, early = body.asked(), body.early
        return acts.open_draw(service, caller.actor, body.campaign, asked, key=caller.key, early=early).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/commit")
    def commit(draw_id: str, caller: TheCaller, body: Commitment | None = None) -> Any:
        """Commit the own agency's secret."""
        own_dice = body.dice if body else None
        return acts.commit(service, caller.actor, draw_id, key=caller.key, own_dice=own_dice).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/countersign")
    def countersign(draw_id: str, caller: TheCaller) -> Any:
        """Countersign the list of commitments."""
        return acts.countersign(service, caller.actor, draw_id, key=caller.key).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/reveal")
    def reveal(draw_id: str, caller: TheCaller, body: Revealing | None = None) -> Any:
        """Reveal the own agency's secret."""
        return acts.reveal(service, caller.actor, draw_id, key=caller.key, value=body.value if body else None).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/seal")
    def seal(draw_id: str, caller: TheCaller) -> Any:
        """Seal the list of reveals, as the witness."""
        return acts.seal(service, caller.actor, draw_id, key=caller.key).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/dice")
    def dice(draw_id: str, body: Dice, caller: TheCaller) -> Any:
        """Enter the dice thrown before the witness; completes the draw."""
        return acts.throw_dice(
            service, caller.actor, draw_id, key=caller.key, digits=body.digits, again=body.again
        ).value
