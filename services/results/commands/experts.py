"""Experts (专家) appointed to assist at a visit, and withdrawn again: never drawn, never counted (ADR 15)."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor, share
from schemas.events.results import ExpertAppointed, ExpertWithdrawn
from services.results.commands.found import (
    campaign_of,
    entry_of,
    own_section,
    signatures_of,
    text_digest,
    visit_of,
)
from services.results.domain.checklists import fit_text
from services.results.domain.experts import (
    LONGEST_REASON,
    Expert,
    ExpertNotAppointed,
    check_appointable,
    check_changeable,
    visit_day,
)
from services.results.domain.sections import State
from services.results.rules import day_of
from services.results.tables import Appointment, ExpertKnown, Section


def experts_of(session: Session, section: Section) -> list[ExpertKnown]:
    """List the experts of a section's agency as its register was frozen with the frame."""
    asked = select(ExpertKnown).where(ExpertKnown.campaign == section.campaign, ExpertKnown.agency == section.agency)
    return list(session.scalars(asked.order_by(ExpertKnown.expert)))


def appointments_of(session: Session, sections: list[str]) -> list[Appointment]:
    """List all appointments of these sections in the order they were made, those withdrawn included."""
    asked = select(Appointment).where(Appointment.section.in_(sections))
    return list(session.scalars(asked.order_by(Appointment.appointed_at, Appointment.id)))


def known_as(row: ExpertKnown) -> Expert:
    """Read an expert as the domain knows one."""
    return Expert(row.expert, row.field, row.valid_until, frozenset(row.recused))


def is_signed(session: Session, section: Section) -> bool:
    """Tell whether an officer or the firm has signed what the section says now."""
    stands, entry = text_digest(session, section), entry_of(session, section)
    by_firm = entry is not None and entry.unit.get("digest") == stands
    return by_firm or any(each.digest == stands for each in signatures_of(session, section))


def appoint_expert(session: Session, actor: Actor, *, at: datetime, section_id: str, expert: str) -> Reply:
    """
    Appoint an expert of the actor's agency to assist its officers at a visit.

    Raises:
        NotTheAgencysDesk, SectionNotInState, AppointedAfterSignature: it is not to be changed (any more).
        ExpertUnknown, ExpertAlreadyAppointed, ExpertExpired, ExpertRecused: not this one.
    """
    section = own_section(session, actor, section_id)
    visit = visit_of(session, actor, section.visit, section)
    check_changeable(actor.roles, State(section.state), signed=is_signed(session, section))
    made = appointments_of(session, [section.id])
    standing = [each for each in made if each.withdrawn_at is None]
    row = session.get(ExpertKnown, f"{section.campaign}.{section.agency}.{expert}")
    check_appointable(
        None if row is None else known_as(row),
        expert,
        visit.target,
        visit_day(visit.visit_on, day_of(at)),
        [each.expert for each in standing],
    )
    assert row is not None, "whoever is unknown is refused"
    appointment = Appointment(
        id=f"{section.id}-{len(made) + 1}",
        county=section.county,
        owner_agency=section.agency,
        section=section.id,
        visit=section.visit,
        campaign=section.campaign,
        expert=row.expert,
        name=row.name,
        field=row.field,
        employer=row.employer,
        source=row.source,
        valid_until=row.valid_until,
        appointed_by=actor.id,
        appointed_at=at,
        withdrawn_by=None,
        withdrawn_at=None,
        reason="",
    )
    session.add(appointment)
    session.flush()
    lead = campaign_of(session, section.campaign).lead
    if lead != section.agency:
        share(session, appointment, lead)  # who comes along is progress, like the team
    said = ExpertAppointed(**_about(section), experts=len(standing) + 1, appointed_by=actor.id)
    return Reply([said], {"section": section.id, "visit": section.visit, "appointment": appointment.id})


def withdraw_expert(
    session: Session, actor: Actor, *, at: datetime, section_id: str, appointment: str, reason: str
) -> Reply:
    """
    Withdraw an appointment with a reason; who was appointed, by whom and why it ended stays on record.

    Raises:
        NotTheAgencysDesk, SectionNotInState, AppointedAfterSignature, ExpertNotAppointed, TextMissing.
    """
    section = own_section(session, actor, section_id)
    check_changeable(actor.roles, State(section.state), signed=is_signed(session, section))
    standing = {each.id: each for each in appointments_of(session, [section.id]) if each.withdrawn_at is None}
    if appointment not in standing:
        raise ExpertNotAppointed()
    row = standing[appointment]
    row.reason = fit_text("reason", reason, longest=LONGEST_REASON)
    row.withdrawn_by, row.withdrawn_at = actor.id, at
    said = ExpertWithdrawn(**_about(section), experts=len(standing) - 1, withdrawn_by=actor.id)
    return Reply([said], {"section": section.id, "visit": section.visit, "appointment": row.id})


def _about(section: Section) -> dict[str, Any]:
    about = {"county": section.county, "campaign": section.campaign}
    return about | {"visit": section.visit, "agency": section.agency}
