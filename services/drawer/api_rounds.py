"""The JSON API of changes after a draw and of replacement rounds."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.encoders import jsonable_encoder
from fastapi.responses import Response
from pydantic import AwareDatetime, Field

from runtime.service import Service
from runtime.web import TheCaller, Web
from services.drawer import round_acts, shown
from services.drawer.api import ROOT, Body, Dice, Revealing, Sealing, Source, Value
from services.drawer.commands import changing
from services.drawer.queries.rounds import changes_view
from services.drawer.round_acts import AskedRoundTimes
from services.drawer.uploads import read_document

CHANGES = f"{ROOT}/draws/{{draw_id}}/changes"
ROUNDS = f"{ROOT}/draws/{{draw_id}}/rounds"
Word = Annotated[str, Form(max_length=80)]


class Decision(Body):
    """Approve a request of the own agency, or refuse it; ``words``: why, where a firm asked for a recusal."""

    approve: bool
    words: Annotated[str, Field(max_length=4_000)] = ""


class RoundOpening(Body):
    """Open a round; times left out follow from the settings; ``sources``: the issue of each lottery, by its name."""

    seal_by: AwareDatetime | None = None
    beacon_time: AwareDatetime | None = None
    sources: dict[str, Source] = Field(default={}, max_length=2)


class Signing(Body):
    """Sign a round's request; ``sig`` by a body that keeps its key."""

    sig: str | None = None


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the API."""
    router = APIRouter()
    _changes(router, service)
    _rounds(router, service)
    return router


def _changes(router: APIRouter, service: Service) -> None:
    @router.get(CHANGES)
    def changes(draw_id: str, caller: TheCaller) -> Any:
        """Show the requests for changes that the asker's agency may see, and all rounds."""
        now = service.ports.clock.now()
        view = service.ask(caller.actor, changes_view, draw_id=draw_id, now=now)
        visits = service.ask(service.system, changing.visits_of, draw_id=draw_id, asker=caller.actor)
        return jsonable_encoder({"changes": view, "visits": visits})

    @router.post(CHANGES, status_code=201)
    def ask(
        draw_id: str,
        caller: TheCaller,
        visit: Word,
        reason: Word,
        file: Annotated[UploadFile, File()],
        officer: Word = "",
        firms_words: Annotated[str | None, Form(max_length=4_000)] = None,
    ) -> Any:
        """
        Ask, with a document, for the replacement of a target that is gone or of an own officer (``officer``).

        ``firms_words``: the visited firm asks that the officer be recused, in its words; the agency's head decides.
        """
        return round_acts.ask_change(
            service,
            caller.actor,
            draw_id,
            visit,
            key=caller.key,
            officer=officer or None,
            reason=reason,
            document=read_document(file),
            firms_words=firms_words,
        ).value

    @router.post(f"{CHANGES}/{{change_id}}/decide")
    def decide(draw_id: str, change_id: str, caller: TheCaller, body: Decision) -> Any:
        """Approve or refuse a request of the own agency, as somebody else than who asked."""
        decision: dict[str, Any] = {"approve": body.approve, "words": body.words}
        return round_acts.decide_change(service, caller.actor, draw_id, change_id, key=caller.key, **decision).value

    @router.post(f"{CHANGES}/{{change_id}}/withdraw")
    def withdraw(draw_id: str, change_id: str, caller: TheCaller) -> Any:
        """Take a request of the own agency back."""
        facts = {"draw_id": draw_id, "change_id": change_id}
        return service.do(caller.actor, changing.withdraw_change, key=caller.key, **facts).value

    @router.get(f"{CHANGES}/{{change_id}}/evidence")
    def evidence(draw_id: str, change_id: str, caller: TheCaller) -> Response:
        """Give the document behind a request, to those who may know the visit's target."""
        return shown.download(*round_acts.evidence(service, caller.actor, draw_id, change_id))


def _rounds(router: APIRouter, service: Service) -> None:
    @router.post(ROUNDS, status_code=201)
    def open_round(draw_id: str, caller: TheCaller, body: RoundOpening | None = None) -> Any:
        """Open a round for everything that is approved, as the lead."""
        given = body or RoundOpening()
        asked = AskedRoundTimes(given.seal_by, given.beacon_time)
        told = {name: one.told() for name, one in given.sources.items()}
        return round_acts.open_round(service, caller.actor, draw_id, asked, key=caller.key, sources=told).value

    @router.post(f"{ROUNDS}/{{number}}/sign")
    def sign(draw_id: str, number: int, caller: TheCaller, body: Signing | None = None) -> Any:
        """Sign a round's request."""
        sig = body.sig if body else None
        return round_acts.sign(service, caller.actor, draw_id, number, key=caller.key, sig=sig).value

    @router.post(f"{ROUNDS}/{{number}}/reveal")
    def reveal(draw_id: str, number: int, caller: TheCaller, body: Revealing | None = None) -> Any:
        """Reveal the own agency's chain value of the round."""
        given = body or Revealing()
        return round_acts.reveal(
            service, caller.actor, draw_id, number, key=caller.key, value=given.value, sig=given.sig
        ).value

    @router.post(f"{ROUNDS}/{{number}}/seal")
    def seal(draw_id: str, number: int, caller: TheCaller, body: Sealing | None = None) -> Any:
        """Seal a round's reveals, as the witness, or with the other agencies where there is none."""
        own = body.own() if body else None
        return round_acts.seal(service, caller.actor, draw_id, number, key=caller.key, own=own).value

    @router.post(f"{ROUNDS}/{{number}}/dice")
    def dice(draw_id: str, number: int, body: Dice, caller: TheCaller) -> Any:
        """Enter a round's dice; it is worked out at once."""
        return round_acts.throw_dice(
            service, caller.actor, draw_id, number, key=caller.key, digits=body.digits, again=body.again, sig=body.sig
        ).value

    @router.post(f"{ROUNDS}/{{number}}/beacon")
    def value(draw_id: str, number: int, body: Value, caller: TheCaller) -> Any:
        """Enter the value of another source of randomness than dice; after the last one the round is worked out."""
        sent = {"beacon": body.beacon, "typed": body.value}
        return round_acts.enter_value(service, caller.actor, draw_id, number, key=caller.key, **sent).value
