"""View models as JSON, and feasibility as each asker may see it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from fastapi.encoders import jsonable_encoder
from fastapi.responses import Response

from runtime.store import Actor
from runtime.web import Messages
from schemas.vocabulary import Role
from services.drawer.domain.elsewhere import Complaint
from services.drawer.domain.refusals import Remark
from services.drawer.drafts import Feasibility
from services.drawer.queries.attempts import DrawView
from services.drawer.queries.drawn import VisitView
from services.drawer.queries.draws import DrawLine
from services.drawer.queries.imports import ImportView

KEPT_BACK = frozenset({"entity"})
"""Facts of a remark that name a target: who is recused from whom is nobody else's business."""


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def line(one: DrawLine) -> dict[str, Any]:
    """Show a line of the list of draws."""
    return _plain(asdict(one))


def draw(one: DrawView) -> dict[str, Any]:
    """Show one draw."""
    told = asdict(one)
    told["times"] = told.pop("moments")
    told["remarks"] = [remark(each) for each in one.remarks]
    return _plain(told)


def visit(one: VisitView) -> dict[str, Any]:
    """Show one drawn target with its teams."""
    return _plain(asdict(one))


def remark(one: Remark) -> dict[str, Any]:
    """Show a remark without the facts that are kept back."""
    return {"code": one.code, **known_facts(one)}


def known_facts(one: Remark) -> dict[str, object]:
    """Give a remark's facts as far as they may be shown."""
    return {name: value for name, value in one.facts.items() if name not in KEPT_BACK}


def readable(actor: Actor, found: Feasibility, remarks: Sequence[Remark]) -> Sequence[Remark]:
    """Pick the remarks somebody may read: the lead's planner and draw officer all, others their own agency's."""
    leads = actor.agency == found.manifest.lead and actor.has(Role.PLANNER, Role.DRAW_OFFICER)
    return [one for one in remarks if leads or one.facts["agency"] == actor.agency]


def feasibility(actor: Actor, campaign_id: str, found: Feasibility) -> dict[str, Any]:
    """Show whether the draw could be made as planned."""
    return {
        "campaign": campaign_id,
        "feasible": not found.shortages,
        "sizes": sizes(found),
        "agencies": [asdict(one) for one in counts(found)],
        "shortages": [remark(one) for one in readable(actor, found, found.shortages)],
        "notes": [remark(one) for one in readable(actor, found, found.notes)],
    }


def sizes(found: Feasibility) -> list[dict[str, Any]]:
    """Show how many of how many are drawn in every class."""
    (classes,) = found.manifest.sizes.values()
    return [{"class": code, "entities": size, "drawn": drawn} for code, (size, drawn) in sorted(classes.items())]


@dataclass(frozen=True)
class AgencyCounts:
    """How an agency stands before the draw: officers, visits they may take on, and whether that is enough everywhere."""

    agency: str
    officers: int
    capacity: int
    feasible: bool


def counts(found: Feasibility) -> list[AgencyCounts]:
    """Count every agency's officers as the manifest will publish them."""
    short = {str(one.facts["agency"]) for one in found.shortages}
    rosters = sorted(found.manifest.rosters.items())
    return [AgencyCounts(agency, one.inspectors, one.capacity, agency not in short) for agency, one in rosters]


def imported(one: ImportView) -> dict[str, Any]:
    """Show a draw made elsewhere; never as one that could be verified here."""
    return {"verifiable": False, **_plain(asdict(one))}


def with_names(one: Complaint, names: Mapping[str, str]) -> dict[str, Any]:
    """Show a complaint about an imported list with agencies by name."""
    facts = dict(one.what.facts)
    if "agency" in facts:
        facts["agency"] = names.get(str(facts["agency"]), facts["agency"])
    if isinstance(several := facts.get("agencies"), list):
        facts["agencies"] = [names.get(agency, agency) for agency in several]
    return {"row": one.row, "column": one.column, "code": one.what.code, "facts": facts}


def complaint(messages: Messages, one: Complaint, names: Mapping[str, str]) -> dict[str, Any]:
    """Show a complaint to a program: by code and facts, and in a sentence of each language."""
    said = messages.of(one.what.code, with_names(one, names)["facts"])
    facts = _plain(dict(one.what.facts))
    return {"row": one.row, "column": one.column, "code": one.what.code, "zh": said.zh, "en": said.en, "facts": facts}


def download(content: bytes, kind: str, name: str) -> Response:
    """Answer with a file to be saved."""
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=kind, headers={"Content-Disposition": disposition})


def _plain(told: object) -> dict[str, Any]:
    plain: dict[str, Any] = jsonable_encoder(told)
    return plain
