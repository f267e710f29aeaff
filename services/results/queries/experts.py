"""Experts (专家) of a visit as pages show them: who assists, whom the plan asks for, who could still be appointed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.results.commands.experts import appointments_of, experts_of, is_signed, known_as
from services.results.commands.found import campaign_of, visit_of
from services.results.domain.experts import may_appoint, visit_day, wanted
from services.results.domain.sections import EDITABLE
from services.results.queries.words import Words, campaign_words, names
from services.results.rules import day_of
from services.results.tables import Appointment, Campaign, Section


def standing_experts(session: Session, sections: Sequence[Section]) -> dict[str, list[Appointment]]:
    """Find who is appointed for these sections, as far as the asker's agency may know: section → appointments."""
    found: dict[str, list[Appointment]] = {section.id: [] for section in sections}
    for each in appointments_of(session, list(found)):
        if each.withdrawn_at is None:
            found[each.section].append(each)
    return found


def appointed_view(appointed: Sequence[Appointment], words: Words, visit_on: date | None) -> list[dict[str, Any]]:
    """Show those who assist at a visit, and whether a term is over before its day."""
    return [
        {
            "appointment": each.id,
            "expert": each.expert,
            "name": each.name,
            "field_label": words.expert_field(each.field),
            "employer": each.employer,
            "source_label": words.expert_source(each.source),
            "valid_until": each.valid_until,
            "expired": visit_on is not None and each.valid_until < visit_on,
        }
        for each in appointed
    ]


def visit_experts(session: Session, actor: Actor, *, visit_id: str, now: datetime) -> dict[str, Any] | None:
    """Show an agency what there is to do about experts at its own part of a visit; None where it has no part in it."""
    visit = visit_of(session, actor, visit_id)
    asked_for = select(Section).where(Section.visit == visit.id, Section.agency == actor.agency)
    section = session.scalars(asked_for).first()
    if section is None:
        return None
    campaign = campaign_of(session, visit.campaign)
    words, day = campaign_words(session, campaign), visit_day(visit.visit_on, day_of(now))
    made = appointments_of(session, [section.id])
    standing = [each for each in made if each.withdrawn_at is None]
    asked = [(each["field"], each["per_visit"]) for each in (campaign.experts or {}).get(section.agency, ())]
    known, taken = experts_of(session, section), {each.expert for each in standing}
    may = section.state in EDITABLE and may_appoint(actor.roles) and not is_signed(session, section)
    return {
        "section": section.id,
        "wants": [
            {"field_label": words.expert_field(each.field), "per_visit": each.per_visit, "missing": each.missing}
            for each in wanted(asked, [each.field for each in standing])
        ],
        "standing": appointed_view(standing, words, visit.visit_on),
        "withdrawn": [
            {"name": each.name, "reason": each.reason, "at": each.withdrawn_at}
            for each in made
            if each.withdrawn_at is not None
        ],
        "choices": [
            (each.expert, each.name, words.expert_field(each.field), each.employer)
            for each in known
            if each.expert not in taken and known_as(each).reason_against(visit.target, day) is None
        ],
        "kept_out": sum(known_as(each).reason_against(visit.target, day) is not None for each in known),
        "any": bool(known),
        "may": may,
    }


def campaign_experts(session: Session, actor: Actor, *, campaign_id: str) -> list[dict[str, Any]]:
    """List who assists at the visits of a campaign, by visit and agency, for the column 专家 of 附件6."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        return []
    words, short = campaign_words(session, campaign), names(session)
    asked = select(Appointment).where(Appointment.campaign == campaign_id, Appointment.withdrawn_at.is_(None))
    found: dict[str, list[Mapping[str, Any]]] = {}
    agencies = {row.id: row.agency for row in session.scalars(select(Section).where(Section.campaign == campaign_id))}
    for each in session.scalars(asked.order_by(Appointment.visit, Appointment.section, Appointment.id)):
        agency = agencies.get(each.section, each.owner_agency)
        line = {"agency": short.get(agency, agency), "name": each.name, "field_label": words.expert_field(each.field)}
        found.setdefault(each.visit, []).append(line | {"employer": each.employer})
    return [{"visit": visit, "experts": experts} for visit, experts in found.items()]
