"""Publication: an approved section becomes public, as nine fields, graded once against rule and plan."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.service import Reply
from runtime.store import Actor
from schemas.events.results import ResultPublished
from services.results.commands.found import campaign_of, campaign_rules, is_disclosed, section_row, visit_of
from services.results.domain.publication import BeforeDisclosure, PublicResult, check_public, grade, public_name
from services.results.domain.sections import SectionNotInState, State
from services.results.rules import Rules, day_of
from services.results.tables import Agency, Campaign, ItemResult, PublicRow, Section, Visit


def publish_section(session: Session, actor: Actor, *, at: datetime, section_id: str) -> Reply:
    """
    Publish an approved section of the actor's agency.

    Raises:
        BeforeDisclosure: the draw's window has not ended.
        PersonalDataInPublic: something that looks like a person's data would become public.
    """
    section = section_row(session, actor, section_id)
    campaign = campaign_of(session, section.campaign)
    if section.state != State.APPROVED:
        raise SectionNotInState(state=section.state)
    if not is_disclosed(session, campaign.id):
        raise BeforeDisclosure()
    visit, rules = visit_of(session, actor, section.visit, section), campaign_rules(session, campaign)
    public = _public(session, campaign, visit, section, rules)
    name = public_name(visit.about["name"], visit.about["uscc"])
    check_public((name, *public.texts()), rules.scans)
    today = day_of(at)
    last = campaign.stages["publish"]["last_working_on"]
    graded = grade(
        today,
        date.fromisoformat(campaign.publication_rule["due_on"]),
        date.fromisoformat(campaign.publication_plan["due_on"]),
        date.fromisoformat(last) if last else None,
    )
    session.add(
        PublicRow(
            id=section.id,
            campaign=campaign.id,
            agency=section.agency,
            firm=name,
            credit_code=visit.about["uscc"] or "",
            record=public.record(),
            published_on=today,
        )
    )
    section.state, section.published_by, section.published_on = State.PUBLISHED, actor.id, today
    section.late_by_rule, section.late_by_plan = graded.late_by_rule, graded.late_by_plan
    said = ResultPublished(
        county=section.county,
        campaign=campaign.id,
        visit=section.visit,
        agency=section.agency,
        published_on=today,
        items=len(public.lines),
        late_by_rule=graded.late_by_rule,
        late_by_plan=graded.late_by_plan,
    )
    value = {
        "section": section.id,
        "published_on": today.isoformat(),
        "late_by_rule": graded.late_by_rule,
        "late_by_plan": graded.late_by_plan,
        "warnings": ["publication.warn_after_last_working_day"] if graded.after_last_working_day else [],
    }
    return Reply([said], value)


def _public(session: Session, campaign: Campaign, visit: Visit, section: Section, rules: Rules) -> PublicResult:
    assert visit.visit_on is not None  # nothing is submitted before its day
    agency = session.get(Agency, section.agency)
    results = select(ItemResult).where(ItemResult.section == section.id)
    by_item = {result.item: result for result in session.scalars(results)}
    return PublicResult(
        **campaign.public_names,
        agency=agency.name if agency else section.agency,
        finished_on=visit.visit_on,
        lines=tuple((item["name"], rules.outcome_labels[by_item[item["item"]].outcome][0]) for item in section.items),
    )
