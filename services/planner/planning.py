"""The plan as a document: what the approver approves, and what the draw's manifest names by digest."""

import hashlib
import json
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from schemas.documents import (
    CampaignPlan,
    Disclosure,
    DrawHash,
    PlanAgency,
    PlanBeacon,
    PlanClass,
    PlanExperts,
    PlanItem,
    PublicNames,
)
from schemas.events.campaigns import PinnedPack
from schemas.rulepack import RulePack, codes
from schemas.vocabulary import Purpose, Role
from services.planner import dues, packs
from services.planner.commands.campaigns import (
    check_approval,
    experts_asked,
    get_own,
    known_words,
    names_of,
    parts_of,
    plan_inputs,
)
from services.planner.domain import campaigns as rules
from services.planner.domain import ratios
from services.planner.domain.experts import Asked
from services.planner.freezing import caps_of
from services.planner.tables import CampaignRow, ConferenceRow, ItemRow, PartRow


def prepare_plan(session: Session, actor: Actor, *, campaign_id: str, salt: str) -> tuple[CampaignPlan, str]:
    """Write the plan of a campaign that everybody confirmed; returns it with the name of what it was written from."""
    row = get_own(session, actor, campaign_id, Role.APPROVER)
    parts = {part.agency: part for part in parts_of(session, row.id)}
    check_approval(row, list(parts.values()), actor, names_of(session, row.county))
    pack_row = packs.find_pack(session, row.county, row.pack, row.edition)
    pack = packs.read_pack(pack_row.document)
    agencies = tuple(sorted({row.owner_agency, *row.partners}))
    terms = rules.DrawTerms(
        Purpose(row.purpose),
        row.disclosure,
        row.witness,
        row.dice,
        row.chain_len,
        row.max_missing,
        tuple(row.beacons or ()),
        row.hash or rules.SHA256,
    )
    rules.check_terms(terms, agencies, known_words(session, row.county, pack))
    calendar = packs.read_calendar(packs.find_calendar(session, row.county, pack.calendar).document)
    items, asked = plan_items(session, row, pack, parts), experts_asked(row)
    plan = CampaignPlan(
        campaign=row.id,
        county=row.county,
        number=row.number,
        title=row.title,
        lead=row.owner_agency,
        agencies=tuple(_agency(pack, agency, items, asked) for agency in agencies),
        pack=PinnedPack(pack=row.pack, edition=row.edition, digest=pack_row.digest),
        stages=dues.spoken(dues.windows_of(row.stages), calendar),
        items=items,
        classes=plan_classes(row),
        planned_targets=row.planned,
        purpose=Purpose(row.purpose),
        disclosure=cast("Disclosure", row.disclosure),  # one of them: the form takes no other
        chain_len=row.chain_len,
        max_missing=row.max_missing,
        witness=row.witness,
        dice=row.dice,
        replacement_max=row.replacement_max,
        replacement_reasons=tuple(sorted(codes(pack.replacement_reasons))),
        publication=public_names(row),
        conference_digest=conference_digest(session.get(ConferenceRow, row.id), salt),
        rotation=pack.team.rotation is not None,
        parent=row.parent,
        officer_reasons=tuple(sorted(one.code for one in pack.replacement_reasons if one.about == "officer")),
        beacons=plan_beacons(pack, terms.beacons),
        hash=cast("DrawHash", terms.hash),  # one of them: the pack offers no other
    )
    return plan, plan_inputs(session, row)


def plan_beacons(pack: RulePack, chosen: Collection[str]) -> tuple[PlanBeacon, ...]:
    """Write the sources of randomness beside the dice as the pack has them, in its order."""
    return tuple(
        PlanBeacon(id=one.id, zh=one.zh, en=one.en, digits=one.digits)
        for one in pack.sources_of_randomness
        if one.id in chosen
    )


def public_names(row: CampaignRow) -> PublicNames:
    """Say how the campaign is called in public, filling in what its planner left empty."""
    year = dues.windows_of(row.stages)[0].first_on.year
    return PublicNames(
        plan_id=row.plan_id or row.id,
        plan_name=row.plan_name or f"{year}年度跨部门联合双随机抽查计划",
        task_id=row.number,
        task_name=row.title,
        type_name=row.type_name or "跨部门联合随机抽查",
    )


def conference_digest(kept: ConferenceRow | None, salt: str) -> str:
    """Digest the joint-conference record with a secret salt, so that nobody can guess a short one from its digest."""
    told = None if kept is None else [kept.held_on.isoformat(), kept.attendees, kept.record]
    return hashlib.sha256(json.dumps([salt, told], ensure_ascii=False).encode()).hexdigest()


def plan_classes(row: CampaignRow) -> tuple[PlanClass, ...]:
    """Lay out the classes of the draw with their rules."""
    ratio = Fraction(row.ratio_p, row.ratio_q)
    categories = sorted({category for item in row.items for category in item["categories"]})
    return tuple(
        PlanClass(
            code=each.code,
            categories=each.categories,
            rate=(each.ratio.numerator, each.ratio.denominator),
            minimum=each.minimum,
            maximum=each.maximum,
        )
        for each in ratios.classes(row.spread, categories, ratio, row.planned, caps_of(row))
    )


def plan_items(session: Session, row: CampaignRow, pack: RulePack, parts: dict[str, PartRow]) -> tuple[PlanItem, ...]:
    """Write the campaign's items as their lists have them, each with the checklist its agency confirmed."""
    chosen = {each["item"]: each for each in row.items}
    listed = session.scalars(
        select(ItemRow).where(ItemRow.county == row.county, ItemRow.valid_to.is_(None), ItemRow.item.in_(list(chosen)))
    )
    found: list[PlanItem] = []
    for item in sorted(listed, key=lambda each: each.item):
        categories = tuple(chosen[item.item]["categories"])
        checklist, edition = parts[item.agency].cover[item.item]
        found.append(
            PlanItem(
                item=item.item,
                agency=item.agency,
                name=item.name,
                kind="key" if item.kind == "key" else "general",
                legal_basis=item.legal_basis,
                method=",".join(item.methods),
                labels=packs.labels_needed(pack, item.agency, [(item.item, item.labels, categories)]),
                categories=categories,
                checklist=checklist,
                checklist_edition=edition,
            )
        )
    return tuple(found)


def _agency(pack: RulePack, agency: str, items: tuple[PlanItem, ...], asked: Sequence[Asked]) -> PlanAgency:
    needed = tuple(sorted({label for item in items if item.agency == agency for label in item.labels}))
    return PlanAgency(
        agency=agency,
        officers_per_target=pack.team.officers,
        slot_labels=(needed,) * pack.team.officers,
        experts=tuple(
            PlanExperts(field=each.field, per_visit=each.per_visit) for each in asked if each.agency == agency
        ),
    )
