"""An agency's own part in a campaign: what it fills in to confirm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.rulepack import RulePack
from schemas.vocabulary import Stage
from services.planner import dues, packs
from services.planner.commands.campaigns import get_campaign
from services.planner.domain import campaigns as rules
from services.planner.domain.rosters import Officer
from services.planner.queries.plans import ItemInCampaign, items_in, rules_of
from services.planner.registers import all_checklists, register_on
from services.planner.tables import CampaignRow, ConfirmationRow, InspectorRow, ItemRow, PartRow


@dataclass(frozen=True)
class OfficerChoice:
    """An officer who may be named, and why the draw would leave them out, if it would."""

    officer: str
    name: str
    labels: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True)
class ChecklistOption:
    """A checklist edition that may be confirmed."""

    value: str  # item@edition
    title: str
    edition: int
    questions: int


@dataclass(frozen=True)
class PartForm:
    """What an agency fills in to confirm: officers with their eligibility, checklists of its items, reasons to decline."""

    agency: str
    state: str
    minimum: int
    items: tuple[ItemInCampaign, ...]
    officers: tuple[OfficerChoice, ...]
    checklists: tuple[ChecklistOption, ...]
    decline_reasons: tuple[tuple[str, str, str], ...]
    values: Mapping[str, Any]


def part_form(session: Session, actor: Actor, *, campaign_id: str, on: date) -> PartForm:
    """Prepare the form of the asker's agency; proposes every eligible officer and the newest checklists."""
    row = get_campaign(session, campaign_id)
    part = session.get(PartRow, f"{campaign_id}.{actor.agency}")
    if part is None:
        raise rules.NotAPartner(campaign=campaign_id, agency=actor.agency)
    pack, _ = rules_of(session, row)
    items = tuple(item for item in items_in(session, row) if item.agency == actor.agency)
    officers = _officer_choices(session, actor, row, pack, items, on)
    checklists = _checklist_options(session, actor, {item.item for item in items})
    said = session.get(ConfirmationRow, f"{campaign_id}.{actor.agency}")
    newest: dict[str, str] = {}
    for option in checklists:
        newest.setdefault(option.value.rpartition("@")[0], option.value)
    again = part.state == rules.AGREED and said is not None
    values = {
        "officers": list(said.officers)
        if again and said is not None
        else [each.officer for each in officers if each.reason is None],
        "checklists": [f"{name}@{edition}" for name, edition in part.checklists] if again else sorted(newest.values()),
        "contact_name": said.contact if said else "",
        "contact_phone": said.phone if said else "",
    }
    return PartForm(
        agency=actor.agency,
        state=part.state,
        minimum=pack.team.pool_minimum,
        items=items,
        officers=officers,
        checklists=checklists,
        decline_reasons=tuple((word.code, word.zh, word.en) for word in pack.decline_reasons),
        values=values,
    )


def _officer_choices(
    session: Session, actor: Actor, row: CampaignRow, pack: RulePack, items: Sequence[ItemInCampaign], on: date
) -> tuple[OfficerChoice, ...]:
    listed = {each.item: each for each in register_on(session, ItemRow, actor.county, actor.agency)}
    needed = packs.labels_needed(
        pack, actor.agency, [(item.item, listed[item.item].labels, item.categories) for item in items]
    )
    inspect = next(window for window in dues.windows_of(row.stages) if window.stage is Stage.INSPECT)
    return tuple(
        OfficerChoice(
            each.officer,
            each.name,
            tuple(each.labels),
            Officer(
                each.officer, frozenset(each.labels), each.credential_from, each.credential_until, each.cap, each.state
            ).reason_against(needed, inspect.first_on, inspect.last_on),
        )
        for each in register_on(session, InspectorRow, actor.county, actor.agency, on)
    )


def _checklist_options(session: Session, actor: Actor, items: set[str]) -> tuple[ChecklistOption, ...]:
    return tuple(
        ChecklistOption(f"{each.checklist}@{each.edition}", each.title, each.edition, each.questions)
        for each in all_checklists(session, actor.county, actor.agency)
        if items & set(each.items)
    )
