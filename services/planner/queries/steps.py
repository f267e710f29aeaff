"""What happens next in a campaign, and whose turn it is; the pages offer these steps, the commands decide."""

from collections.abc import Sequence
from datetime import date

from runtime.store import Actor
from schemas.vocabulary import Role
from services.planner import dues
from services.planner.domain import campaigns as rules
from services.planner.tables import CampaignRow, PartRow

_ENDED = (rules.CLOSED, rules.CANCELLED)
FORWARD = frozenset({"propose", "confirm", "approve", "freeze", "close"})


def next_step(row: CampaignRow, parts: Sequence[PartRow], *, drawn: bool, sections: tuple[int, int]) -> str:
    """Name what happens next: propose, confirm, approve, freeze, draw, inspect, close, or nothing."""
    match row.state:
        case rules.DRAFT:
            return "propose"
        case rules.PROPOSED:
            waiting = any(part.state not in (rules.AGREED, rules.REMOVED) for part in parts)
            return "confirm" if waiting else "approve"
        case rules.CONFIRMED:
            return "freeze"
        case rules.FROZEN if not drawn:
            return "draw"
        case rules.FROZEN:
            return "close" if sections[0] and sections[1] >= sections[0] else "inspect"
    return "nothing"


def steps_of(row: CampaignRow, parts: Sequence[PartRow], actor: Actor, step: str, *, sealed: bool) -> frozenset[str]:
    """Name the steps the asker may take now; the page offers these, the commands decide."""
    lead, planner = row.owner_agency == actor.agency, actor.has(Role.PLANNER)
    found: set[str] = set()
    if lead and planner and step in ("propose", "freeze", "close"):
        found.add(step)
    if lead and planner and row.state == rules.DRAFT:
        found.add("edit")
    if planner and row.state == rules.PROPOSED:
        own = [part for part in parts if part.agency == actor.agency]
        found |= {"confirm" if part.state == rules.ASKED else "confirm_again" for part in own if _answerable(part)}
        if lead:
            found |= {"remove" for part in parts if part.state in (rules.ASKED, rules.DECLINED)}
    if lead and actor.has(Role.APPROVER) and step == "approve" and row.proposed_by != actor.id:
        found.add("approve")
    if lead and actor.has(Role.PLANNER, Role.AGENCY_HEAD) and not sealed and row.state not in _ENDED:
        found.add("cancel")
    return frozenset(found)


def _answerable(part: PartRow) -> bool:
    return part.state in (rules.ASKED, rules.AGREED)


def due_of_step(row: CampaignRow, step: str) -> date | None:
    """Name the day by which a step is to be taken."""
    windows = {window.stage.value: window.last_on for window in dues.windows_of(row.stages)}
    match step:
        case "confirm" if row.respond is not None:
            return date.fromisoformat(row.respond["due_on"])
        case "propose" | "approve":
            return windows["prepare"]
        case "freeze" | "draw":
            return windows["draw"]
        case "inspect":
            return windows["inspect"]
        case "close":
            return windows["publish"]
    return None
