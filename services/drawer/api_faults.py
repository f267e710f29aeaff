"""The JSON API of faults after the seal; what was published stands with the draw itself (``GET …/draws/{draw_id}``)."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from runtime.service import Service
from runtime.web import TheCaller, Web
from services.drawer import fault_acts, shown
from services.drawer.api import ROOT
from services.drawer.domain.faults import Kind
from services.drawer.fault_acts import Report
from services.drawer.uploads import read_document

FAULTS = f"{ROOT}/draws/{{draw_id}}/faults"


def routes(service: Service, web: Web) -> APIRouter:
    """Serve the API."""
    router = APIRouter()

    @router.post(FAULTS, status_code=201)
    def report(
        draw_id: str,
        caller: TheCaller,
        kind: Annotated[Kind, Form()],
        round: Annotated[int, Form(ge=0, le=1_000)] = 0,
        agency: Annotated[str, Form(max_length=64)] = "",
        words: Annotated[str, Form(max_length=2_000)] = "",
        file: Annotated[UploadFile | None, File()] = None,
    ) -> Any:
        """
        Report a fault after the seal, with what proves it; the draw stands, and every record tells of it.

        ``reveal_omitted``: ``file`` is {"value", "sig"} of ``agency`` (the asker's own, if none is named); ``second_seal``:
        {"digest", "at", "witness" or "agencies"}; ``beacon_late``: no file, the clock decides; ``data_lost``: PDF, JPEG or
        PNG. ``round``: of a replacement round, its number.
        """
        document = read_document(file) if file is not None else None
        told = Report(kind, round, agency or None, document, words)
        return fault_acts.report(service, caller.actor, draw_id, told, key=caller.key).value

    @router.get(f"{FAULTS}/{{number}}/evidence")
    def evidence(draw_id: str, number: int, caller: TheCaller) -> Response:
        """Give the evidence of a fault to a party; of an omitted reveal to others than its reporter once disclosed."""
        return shown.download(*fault_acts.evidence(service, caller.actor, draw_id, number))

    return router
