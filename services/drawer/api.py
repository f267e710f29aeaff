"""The drawer's JSON API, ``/api/drawer/v1``."""

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from runtime.service import Service
from runtime.web import TheCaller, Web
from services.drawer import acts, archive, shown
from services.drawer.acts import AskedTimes
from services.drawer.commands import keys
from services.drawer.domain.sources import Told
from services.drawer.queries.drawn import drawn_list
from services.drawer.queries.draws import draw_view, draws_of
from services.drawer.working import OwnCommitment, OwnSeal

ROOT = "/api/drawer/v1"


class Body(BaseModel):
    """A request's body: nothing in it that is not spoken of."""

    model_config = ConfigDict(extra="forbid")


class Source(Body):
    """What is told of a source of randomness: a lottery's ``issue``; a holder's chain: ``anchor`` (64 hex) and ``index``."""

    issue: int | None = Field(default=None, ge=0, le=2**53 - 1)
    anchor: str | None = Field(default=None, max_length=64)
    index: int | None = Field(default=None, ge=1, le=2**53 - 1)

    def told(self) -> Told:
        """Give it as the act takes it."""
        return Told(self.issue, self.anchor, self.index)


class Opening(Body):
    """
    Open the next attempt; times left out follow from the settings; ``early``: before the plan's draw stage.

    ``sources``: what is told of the sources of randomness that need it, by their names in the plan (``lottery:3d``).
    """

    campaign: str
    commit_close: AwareDatetime | None = None
    reveal_close: AwareDatetime | None = None
    seal_by: AwareDatetime | None = None
    beacon_time: AwareDatetime | None = None
    early: bool = False
    sources: dict[str, Source] = Field(default={}, max_length=2)

    def told(self) -> dict[str, Told]:
        """Give what is told of the sources."""
        return {name: one.told() for name, one in self.sources.items()}

    def asked(self) -> AskedTimes:
        """Give the times as the act takes them."""
        return AskedTimes(self.commit_close, self.reveal_close, self.seal_by, self.beacon_time)


class Key(Body):
    """
    Register a key of one's own, and its signature over TH("key-msg", county, agency, key), 128 hex.

    A key is 64 hex of Ed25519, or of SM2 130 hex (04 ‖ x ‖ y) where the installation can check it.
    """

    custody: Literal["own", "page"]
    alg: Literal["ed25519", "sm2"] = "ed25519"
    key: str
    sig: str


class Commitment(Body):
    """
    Commit.

    With custody "server" at most ``dice``: the agency's own, mixed into the server's randomness. An agency that keeps its
    key sends ``c`` and ``sig``, and may leave its secret here as its browser has encrypted it (``wrapped``, 120 hex).
    """

    dice: str | None = None
    c: str | None = None
    sig: str | None = None
    wrapped: str | None = None

    def own(self) -> OwnCommitment | None:
        """Give the commitment made elsewhere."""
        return None if self.c is None else OwnCommitment(self.c, self.sig or "", self.wrapped)


class Countersigning(Body):
    """Countersign; ``sig`` by an agency that keeps its key."""

    sig: str | None = None


class Revealing(Body):
    """Reveal; ``value`` (hex) is handed in by an agency that keeps its secret itself, ``sig`` where it keeps its key."""

    value: str | None = None
    sig: str | None = None


class Sealing(Body):
    """Seal; a body that keeps its key says over which digest and for which moment (Unix seconds) it signed."""

    digest: str | None = None
    at: int | None = Field(default=None, ge=0, le=2**53 - 1)
    sig: str | None = None

    def own(self) -> OwnSeal | None:
        """Give the seal made elsewhere."""
        return None if self.sig is None else OwnSeal(self.digest or "", self.at or 0, self.sig)


class Dice(Body):
    """The dice as read in the room, typed twice; ``sig`` by a body that keeps its key."""

    digits: str
    again: str
    sig: str | None = None


class Value(Body):
    """
    The value of the source of randomness that is awaited: ``beacon`` as the manifest names it.

    A lottery's digits; of drand the signature (96 hex) or the round's JSON; of a holder's chain 64 hex.
    """

    beacon: str = Field(max_length=80)
    value: str = Field(max_length=2000)


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

    @router.get(f"{ROOT}/draws/{{draw_id}}/papers")
    def papers(draw_id: str, caller: TheCaller) -> dict[str, Any]:
        """Give what a body that keeps its key checks and signs: manifest, commitments, what to seal; to commit, its roster."""
        return acts.papers(service, caller.actor, draw_id)

    @router.get(f"{ROOT}/draws/{{draw_id}}/frame")
    def frame(draw_id: str, caller: TheCaller) -> Response:
        """Give an agency that is about to commit, and keeps its key, the frame whose digest stands in the manifest."""
        return Response(acts.frame(service, caller.actor, draw_id), media_type="text/tab-separated-values")

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
    @router.post(f"{ROOT}/keys", status_code=201)
    def register_key(body: Key, caller: TheCaller) -> Any:
        """Register a key that the own body keeps itself; it counts from the next opening of a draw on."""
        told = body.model_dump()
        return service.do(caller.actor, keys.register_key, key=caller.key, told=told).value

    @router.post(f"{ROOT}/draws", status_code=201)
    def open_draw(body: Opening, caller: TheCaller) -> Any:
        """Open the draw of a frozen campaign: publish its manifest."""
        return acts.open_draw(
            service,
            caller.actor,
            body.campaign,
            body.asked(),
            key=caller.key,
            early=body.early,
            sources=body.told(),
        ).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/commit")
    def commit(draw_id: str, caller: TheCaller, body: Commitment | None = None) -> Any:
        """Commit the own agency's secret."""
        given = body or Commitment()
        return acts.commit(service, caller.actor, draw_id, key=caller.key, own_dice=given.dice, own=given.own()).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/countersign")
    def countersign(draw_id: str, caller: TheCaller, body: Countersigning | None = None) -> Any:
        """Countersign the list of commitments."""
        return acts.countersign(service, caller.actor, draw_id, key=caller.key, sig=body.sig if body else None).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/reveal")
    def reveal(draw_id: str, caller: TheCaller, body: Revealing | None = None) -> Any:
        """Reveal the own agency's secret."""
        given = body or Revealing()
        return acts.reveal(service, caller.actor, draw_id, key=caller.key, value=given.value, sig=given.sig).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/seal")
    def seal(draw_id: str, caller: TheCaller, body: Sealing | None = None) -> Any:
        """Seal the list of reveals, as the witness; without one, sign for the own agency what more than half sign together."""
        return acts.seal(service, caller.actor, draw_id, key=caller.key, own=body.own() if body else None).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/dice")
    def dice(draw_id: str, body: Dice, caller: TheCaller) -> Any:
        """Enter the dice thrown in the room, as the witness; without one, as each agency read them. Completes the draw."""
        return acts.throw_dice(
            service, caller.actor, draw_id, key=caller.key, digits=body.digits, again=body.again, sig=body.sig
        ).value

    @router.post(f"{ROOT}/draws/{{draw_id}}/beacon")
    def value(draw_id: str, body: Value, caller: TheCaller) -> Any:
        """Enter the value of another source of randomness than dice, as the witness; the last one completes the draw."""
        return acts.enter_value(
            service, caller.actor, draw_id, key=caller.key, beacon=body.beacon, typed=body.value
        ).value
