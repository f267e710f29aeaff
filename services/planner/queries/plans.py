"""What a campaign is planned by: the pack and calendar it is judged by, its items and their categories."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from runtime.store import Actor
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import RulePack
from services.planner import packs
from services.planner.tables import CampaignRow, DrawnTargetRow, ItemRow


@dataclass(frozen=True)
class ItemInCampaign:
    """An item of the campaign and the categories it applies to."""

    item: str
    agency: str
    name: str
    kind: str
    legal_basis: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class FirstStage:
    """A disclosed draw on which a staged campaign (分段式) may build; untitled where the asker had no part in it."""

    campaign: str
    title: str
    purpose: str
    targets: int


def first_stages(session: Session, actor: Actor) -> list[FirstStage]:
    """List the county's disclosed draws, newest first."""
    drawn = DrawnTargetRow
    counted = (
        select(drawn.campaign, drawn.purpose, func.count())
        .where(drawn.county == actor.county)
        .group_by(drawn.campaign, drawn.purpose)
        .order_by(drawn.campaign.desc())
    )
    found = session.execute(counted).all()
    known = session.scalars(select(CampaignRow).where(CampaignRow.id.in_([campaign for campaign, *_ in found])))
    titles = {row.id: row.title for row in known}
    return [FirstStage(campaign, titles.get(campaign, ""), purpose, count) for campaign, purpose, count in found]


def rules_of(session: Session, row: CampaignRow) -> tuple[RulePack, WorkingCalendar]:
    """Return the pack and the calendar a campaign is judged by."""
    pack = packs.read_pack(packs.find_pack(session, row.county, row.pack, row.edition).document)
    return pack, packs.read_calendar(packs.find_calendar(session, row.county, pack.calendar).document)


def items_in(session: Session, row: CampaignRow) -> tuple[ItemInCampaign, ...]:
    """List a campaign's items, ascending."""
    chosen = {each["item"]: tuple(each["categories"]) for each in row.items}
    rows = session.scalars(
        select(ItemRow)
        .where(ItemRow.county == row.county, ItemRow.valid_to.is_(None), ItemRow.item.in_(list(chosen)))
        .order_by(ItemRow.item)
    )
    return tuple(
        ItemInCampaign(each.item, each.agency, each.name, each.kind, each.legal_basis, chosen[each.item])
        for each in rows
    )


def categories_in(row: CampaignRow, pack: RulePack) -> tuple[tuple[str, str, str], ...]:
    """Name the categories that some item of a campaign applies to: (code, zh, en)."""
    used = {category for item in row.items for category in item["categories"]}
    return tuple((word.code, word.zh, word.en) for word in pack.categories if word.code in used)
