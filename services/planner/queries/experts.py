"""Experts (专家) a campaign asks for, against the registers: said as numbers, since a register is its agency's own."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.vocabulary import Stage
from services.planner import dues
from services.planner.commands.campaigns import experts_asked, get_campaign
from services.planner.domain.experts import Expert, supply
from services.planner.domain.rosters import Recusal
from services.planner.packs import field_words
from services.planner.queries.frames import selected_of
from services.planner.queries.plans import rules_of
from services.planner.registers import register_on
from services.planner.tables import ExpertRow, RecusalRow


@dataclass(frozen=True)
class ExpertsLine:
    """One field asked of one agency: how many may come, and, for the agency itself, why not more."""

    agency: str
    field: str
    field_words: tuple[str, str]
    per_visit: int
    available: int
    enough: bool
    ending: int | None
    recused: int | None


def experts_line(session: Session, actor: Actor, *, campaign_id: str, asker: str, on: date) -> list[ExpertsLine]:
    """
    Hold the experts a campaign asks for against the registers of its agencies as they stand on a day.

    Runs as the service itself, because the registers are their agencies'; who is recused is told to its agency alone.
    """
    assert actor.is_system, "the registers of several agencies are read by the service itself"
    row = get_campaign(session, campaign_id)
    asked = experts_asked(row)
    if not asked:
        return []
    pack, _ = rules_of(session, row)
    entities = selected_of(session, row, on).entities
    window = next(each for each in dues.windows_of(row.stages) if each.stage is Stage.INSPECT)
    found = []
    for each in asked:
        items = {item["item"] for item in row.items if item["agency"] == each.agency}
        experts = [
            Expert(one.expert, one.field, one.valid_until)
            for one in register_on(session, ExpertRow, row.county, each.agency, on)
        ]
        recusals = [
            Recusal(one.officer, one.target, one.category, one.until_on)
            for one in register_on(session, RecusalRow, row.county, each.agency, on)
        ]
        visited = [entity for entity in entities if items.intersection(entity.lines)]
        held = supply(each, experts, recusals, visited, window.first_on, window.last_on)
        own = each.agency == asker
        found.append(
            ExpertsLine(
                agency=each.agency,
                field=each.field,
                field_words=field_words(pack, each.field),
                per_visit=each.per_visit,
                available=held.fewest,
                enough=held.enough,
                ending=held.ending if own else None,
                recused=held.valid - held.fewest if own else None,
            )
        )
    return found
